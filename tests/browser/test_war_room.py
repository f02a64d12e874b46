"""The war-room screen in a browser: composed by mouse and by keyboard, turning by itself, whole through a network cut."""

import re

import pytest

WIDER = "() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - document.documentElement.clientWidth"
KIND = ".composer-kind[data-figure='{}'][data-kind='{}']"


def at(page, selector: str, x: int, y: int):
    """Return (x, y) in pixels of the middle of a cell of the slide."""
    box = page.locator(selector).bounding_box()
    return {"x": box["width"] * (x + 0.5) / 4, "y": box["height"] * (y + 0.5) / 3}


def empty_slide(page):
    page.click("[data-add]")
    page.wait_for_selector(".composer-none")


def places(page) -> list[str]:
    return page.locator(".composer-tile").evaluate_all("(all) => all.map((one) => one.dataset.place)")


@pytest.fixture
def saved(open_as):
    """Return save(page, title): the composed screen saved; its address."""

    def save(page, title: str) -> str:
        page.fill("#composer input[name=title]", title)
        page.click(".composer-save .btn-primary")
        page.wait_for_url("**/map/screens/")
        return page.locator(".screens li", has_text=title).locator(".card-title a").get_attribute("href")

    return save


def test_a_screen_is_composed_by_dragging_and_opens_as_composed(open_as, saved):
    page = open_as("xian")
    page.goto("/map/")
    page.click("a[href='/map/screens/']")
    page.click("a[href='/map/screens/add/']")
    empty_slide(page)
    page.locator(KIND.format("K03", "number")).drag_to(
        page.locator("#composer-grid"), target_position=at(page, "#composer-grid", 1, 1)
    )
    assert places(page) == ["1 1 1 1"]
    page.locator(KIND.format("K01", "map")).drag_to(
        page.locator("#composer-grid"), target_position=at(page, "#composer-grid", 2, 0)
    )
    assert "2 0 2 3" in places(page)
    tile = page.locator(".composer-tile[data-figure='K03']")
    tile.drag_to(
        page.locator("#composer-grid"),
        source_position={"x": 20, "y": 12},
        target_position=at(page, "#composer-grid", 0, 0),
    )
    assert sorted(places(page)) == ["0 0 1 1", "2 0 2 3"]
    page.fill("#slide-title", "拖放的一页")
    address = saved(page, "拖放大屏")
    page.goto(address)
    page.wait_for_selector(".slide.on .tile")
    page.keyboard.press("End")
    assert page.locator("#wall-slide").inner_text() == "拖放的一页"
    assert page.locator(".slide.on .tile").count() == 2
    assert page.locator(".slide.on .tile-map path[data-code]").count() > 3
    assert re.fullmatch(r"[\d,]+\s*户", page.locator(".slide.on .tile-big").inner_text().replace("\n", " "))
    foot = page.locator(".slide.on .tile-foot").first.inner_text()
    assert re.search(r"20\d\d年\d+月", foot) and "元" in foot and "来源" in foot


def test_a_screen_is_composed_with_the_keyboard_alone(open_as, saved):
    page = open_as("xian")
    page.goto("/map/screens/add/")
    page.focus("[data-add]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".composer-none")
    for kind in (KIND.format("K03", "number"), KIND.format("K04", "line")):
        page.locator(f"details:has({kind})").first.evaluate("(one) => { one.open = true; }")
        page.focus(kind)
        page.keyboard.press("Enter")
    assert places(page) == ["0 0 1 1", "1 0 2 1"] or places(page) == ["0 0 1 1", "1 0 2 2"]
    page.focus(".composer-tile[data-figure='K03']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    assert "0 1 2 1" in places(page)
    page.focus(".composer-tile[data-figure='K03'] [data-tool=down]")
    page.keyboard.press("Enter")
    assert "0 2 2 1" in places(page)
    assert page.evaluate("document.activeElement.dataset.tool") == "down"
    page.focus(".composer-tile[data-figure='K04']")
    page.keyboard.press("Delete")
    assert places(page) == ["0 2 2 1"]
    assert page.locator("#composer-said").inner_text()
    address = saved(page, "键盘大屏")
    page.goto(address.rstrip("/") + "/edit/")
    page.locator("[data-tab]").last.click()
    assert places(page) == ["0 2 2 1"]


def test_the_screen_turns_by_itself_and_stops_at_a_key(open_as, saved):
    page = open_as("xian")
    page.goto("/map/screens/add/")
    page.fill("#composer input[name=seconds]", "5")
    page.goto(saved(page, "轮播大屏"))
    page.wait_for_selector(".slide.on")
    first = page.evaluate("document.body.dataset.slide")
    page.wait_for_function("(first) => document.body.dataset.slide !== first", arg=first, timeout=9000)
    page.keyboard.press(" ")
    assert page.locator("#wall-pause").get_attribute("aria-pressed") == "true"
    now = page.evaluate("document.body.dataset.slide")
    page.wait_for_timeout(6000)
    assert page.evaluate("document.body.dataset.slide") == now
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.body.dataset.slide") != now
    page.wait_for_selector(".slide.on canvas", state="attached")


def test_a_network_cut_keeps_the_last_figures_with_their_time_and_it_comes_back(open_as, chromium, register, log_ins):
    context = chromium.new_context(
        storage_state=log_ins("xian"), base_url=register.address, viewport={"width": 1920, "height": 1080}
    )
    page = context.new_page()
    page.goto("/map/screens/usual/")
    page.wait_for_selector(".slide.on .tile-big")
    number = page.locator(".slide.on .tile-big").first.inner_text()
    context.set_offline(True)
    page.wait_for_selector("#wall-note:not([hidden])")
    assert re.search(r"无法连接服务器。数字截至 \d\d-\d\d \d\d:\d\d", page.locator("#wall-note").inner_text())
    assert page.locator(".slide.on .tile-big").first.inner_text() == number
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".slide.on canvas", state="attached")
    context.set_offline(False)
    page.wait_for_selector("#wall-note", state="hidden")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    context.close()


def test_a_wall_without_a_log_in_shows_its_screen_until_the_link_is_revoked(open_as, saved, chromium, register):
    page = open_as("xian")
    page.goto("/map/screens/add/")
    address = saved(page, "大厅大屏")
    page.goto(address.rstrip("/") + "/links/")
    page.fill("[name=name]", "办事大厅")
    page.locator("form:has([name=days]) .btn-primary").click()
    link = page.locator("#new-link").input_value()
    context = chromium.new_context(viewport={"width": 3840, "height": 2160}, locale="zh-CN")
    wall = context.new_page()
    wall.goto(link)
    wall.wait_for_selector(".slide.on .tile-map path[data-code]")
    assert wall.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") == pytest.approx(
        32, abs=0.2
    )
    assert wall.locator(".wall-title").inner_text() == "大厅大屏"
    assert wall.locator("a[href]").count() == 0 and not context.cookies()
    page.goto(address.rstrip("/") + "/links/")
    page.click("button[aria-label*='办事大厅']")
    page.wait_for_selector("text=链接已失效")
    wall.evaluate("dispatchEvent(new Event('online'))")
    wall.wait_for_selector("#wall-note:has-text('已失效')")
    assert wall.locator(".tile").count() == 0
    context.close()


@pytest.mark.parametrize("address", ["/map/screens/", "/map/screens/add/", "/map/screens/usual/"])
def test_on_a_phone_it_is_read_from_top_to_bottom(open_as, address):
    page = open_as("xian", width=390, height=844)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(WIDER) <= 0
