"""Corrections: a cadre proposes on the phone and the town confirms; two editors at once; a log-in that ends half-way."""

import re

from tests.browser.conftest import PASSWORD

PHONE = 390


def test_a_cadre_finds_a_household_on_the_phone_and_the_town_confirms_the_proposal(open_as, county):
    household = county.households[0]  # of the sample cadre's village
    cadre = open_as("cun", PHONE, 844)
    cadre.goto("/")
    cadre.fill("#top-search", household.head)
    cadre.press("#top-search", "Enter")
    cadre.click(f"td.hh-name a:text-is('{household.head}')")
    assert cadre.url == household.url
    cadre.click(".hh-actions a >> nth=0")
    labour = cadre.locator("select[name$='-labour']")
    before = labour.input_value()
    labour.select_option(index=1 if labour.locator("option").nth(1).get_attribute("value") != before else 2)
    wanted = labour.evaluate("field => field.selectedOptions[0].text")
    cadre.fill("#reason", "入户时看到残疾证")
    cadre.click(".save-bar .btn-primary")
    cadre.wait_for_url(re.compile(re.escape(household.url) + r"|/proposals/"))
    assert cadre.locator(".note-success").count() == 1
    cadre.goto(household.url)
    assert wanted not in cadre.locator("#members").inner_text() or before == ""  # the register keeps the old value

    town = open_as("zhen")
    town.goto("/")
    assert town.locator("a.wait[href*='/households/proposals/'] strong").inner_text() == "1"
    town.click("a.wait[href*='/households/proposals/']")
    town.click(f"td.hh-name a:text-is('{household.head}')")
    assert wanted in town.locator(".diff-new").all_inner_texts()
    assert "入户时看到残疾证" in town.locator("main").inner_text()
    town.click("button[name=choice][value=confirm]")
    town.wait_for_load_state()
    town.goto(household.url)
    assert wanted in town.locator("#members").inner_text()
    newest = town.locator(".hh-history > li").first.inner_text()
    assert wanted in newest and "村干部" in newest and "镇扶贫站" in newest

    cadre.goto("/households/proposals/")
    assert cadre.locator(".hh-state-confirmed").count() == 1


def test_the_second_of_two_editors_is_shown_the_difference_and_chooses(open_as, county):
    household = next(one for one in county.households[1:] if one.village.startswith(county.town))
    first, second = open_as("xian"), open_as("zhen")
    for page in (first, second):
        page.goto(household.url + "edit/?section=contact")
    first.fill("[name=h-address]", "村口第一家")
    first.click(".save-bar .btn-primary")
    first.wait_for_url(household.url + "**")
    second.fill("[name=h-address]", "村尾最后一家")
    second.click(".save-bar .btn-primary")
    line = second.locator(".hh-compare tbody tr")
    line.wait_for()
    assert "村口第一家" in line.inner_text() and "村尾最后一家" in line.inner_text()
    second.check("input[name^='pick:'][value=mine]")
    second.click(".save-bar .btn-primary")
    second.wait_for_url(household.url + "**")
    assert "村尾最后一家" in second.locator(".hh-head").inner_text()


def test_a_log_in_that_ends_keeps_the_half_filled_form(open_as, county):
    household = county.households[-1]
    page = open_as("xian", PHONE, 844)
    page.clock.install()
    page.route("**/session/", lambda route: route.fulfill(json={"left": 60}))
    page.goto(household.url + "edit/?section=contact")
    page.fill("[name=h-address]", "水井旁边的木楼")
    page.clock.fast_forward("29:00")
    page.wait_for_selector("dialog[data-kind=warning]")
    page.unroute("**/session/")
    page.context.clear_cookies(name="sessionid")
    page.click("dialog[data-kind=warning] .btn-primary")  # "I am still here", too late
    page.fill("#session-password", "not-my-password")
    page.press("#session-password", "Enter")
    page.wait_for_selector("dialog .field-error:visible")
    page.fill("#session-password", PASSWORD)
    page.press("#session-password", "Enter")
    page.wait_for_selector("dialog", state="detached")
    assert page.input_value("[name=h-address]") == "水井旁边的木楼"
    page.click(".save-bar .btn-primary")
    page.wait_for_url(household.url + "**")
    assert "水井旁边的木楼" in page.locator(".hh-head").inner_text()
