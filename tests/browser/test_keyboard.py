"""Without a mouse: search, order of the tab key, the way up from the map; and identity numbers stay out of addresses."""


def focused(page, script="node => node.id || node.className"):
    return page.evaluate(f"({script})(document.activeElement)")


def test_a_slash_goes_to_the_search_and_enter_searches(open_as, county):
    household = county.households[-1]
    page = open_as("xian")
    page.goto("/")
    page.keyboard.press("/")
    assert focused(page) == "top-search"
    page.keyboard.type(household.number)
    page.keyboard.press("Enter")
    page.wait_for_url("**/households/?q=*")
    assert page.locator(f"td.hh-number:text-is('{household.number}')").count() == 1


def test_the_tab_key_goes_from_the_content_link_over_navigation_and_search(open_as):
    page = open_as("xian")
    page.goto("/households/")
    page.keyboard.press("Tab")
    assert focused(page) == "skip-link"
    places = []
    for _press in range(30):
        page.keyboard.press("Tab")
        places.append(focused(page, "node => node.closest('aside, header, main')?.tagName"))
    order = list(dict.fromkeys(places))
    assert order == ["ASIDE", "HEADER", "MAIN"]
    page.keyboard.press("Shift+Tab")
    page.goto("/households/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page) == "main"


def test_rows_of_the_list_open_with_arrows_and_enter(open_as):
    page = open_as("xian")
    page.goto("/households/")
    page.locator("tr[data-href]").first.focus()
    page.keyboard.press("ArrowDown")
    wanted = page.locator("tr[data-href]").nth(1).get_attribute("data-href")
    page.keyboard.press("Enter")
    page.wait_for_url("**" + wanted)


def test_escape_goes_up_one_level_of_the_map(open_as, county):
    page = open_as("xian")
    page.goto("/")
    page.click(f"[data-drill='{county.town}']")
    page.wait_for_url(f"**area={county.town}**")
    page.click("[data-drill] >> nth=0")
    page.wait_for_selector(".board-village")
    page.locator("main").focus()
    page.keyboard.press("Escape")
    page.wait_for_url(f"**area={county.town}**")
    page.wait_for_selector(f".board-title:has-text('{county.names[county.town]}')")
    page.keyboard.press("Escape")
    page.wait_for_selector(f".board-title:has-text('{county.names[county.code]}')")
    page.go_back()
    page.wait_for_selector(f".board-title:has-text('{county.names[county.town]}')")


def test_an_identity_number_is_found_and_stands_in_no_address(open_as, county):
    number = county.id_number
    page = open_as("xian")
    asked = []
    page.on("request", lambda request: asked.append(request.url + request.headers.get("referer", "")))
    page.goto("/households/")
    page.keyboard.press("/")
    page.keyboard.type(f"{number[:6]} {number[6:14]} {number[14:]}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/households/search/")
    assert county.id_owner in page.locator("main tbody").inner_text()
    history = page.context.new_cdp_session(page).send("Page.getNavigationHistory")["entries"]
    assert not [text for text in asked + [entry["url"] + entry["title"] for entry in history] if number[6:] in text]
    for _language in (
        "en",
        "zh-hans",
    ):  # the answer has no address of its own, so another language starts from the list
        page.click("header .app-language")
        page.wait_for_url("**/households/")
    assert page.input_value("#top-search") == ""
