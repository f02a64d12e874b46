"""Every main page: fits 1440, 390 and 320 pixels, is clean for axe, and says nothing in the console."""

from pathlib import Path

import pytest

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
WIDTHS = (1440, 390, 320)
PAGES = {
    "xian": [
        "/",
        "/map/",
        "/households/",
        "/households/?status=04&region={town}",
        "/households/add/",
        "/households/proposals/",
        "/exchange/",
        "/exchange/upload/",
        "/exchange/export/",
        "/exchange/export/requests/",
        "/exchange/labels/",
        "{batch}",
        "{batch}faults/",
        "{batch}changes/",
        "{batch}rows/?verdict=new",
        "{batch}missing/",
        "{batch}reconciliation/",
        "{batch}questions/",
        "{batch}undo/",
        "{household}",
        "{household}edit/",
        "{household}history/",
        "{household}position/",
        "{household}members/change/",
        "/regions/",
        "/regions/{town}/",
        "/regions/{village}/",
        "/regions/settings/",
        "/jobs/",
        "/me/",
        "/password/",
    ],
    "zhen": ["/", "/households/", "{household}", "/households/proposals/", "/exchange/", "/regions/{town}/"],
    "cun": ["/", "/map/", "/households/", "{household}", "{household}edit/?section=contact", "/households/proposals/"],
    "bangfu": ["/", "/households/", "{household}"],
    "lingdao": ["/", "/map/"],
    "jiwei": ["/", "/households/", "{household}", "/audit/"],
    "bumen": ["/", "/me/"],
    "guanli": ["/", "/users/", "/users/add/", "/users/sheet/"],
    "anquan": ["/", "/locks/"],
    "shenji": ["/", "/audit/"],
    "jumin": ["/", "/households/", "{household}"],
}
WIDER = "() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - document.documentElement.clientWidth"
SERIOUS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(" | ")}`)"""


def faults_of(page) -> list[str]:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.evaluate(AXE.read_text())
    found = page.evaluate(SERIOUS)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        if (wider := page.evaluate(WIDER)) > 1:
            found.append(f"{wider} pixels wider than {width}")
    return found


@pytest.mark.parametrize("username", PAGES)
def test_main_pages_fit_every_screen_and_axe_finds_nothing_serious(open_as, county, batch, username):
    page = open_as(username)
    found = {}
    for pattern in PAGES[username]:
        address = pattern.format(
            batch=batch, household=county.households[0].url, town=county.town, village=county.village
        )
        assert page.goto(address).status == 200, address
        if faults := faults_of(page):
            found[pattern] = faults
    assert not found


@pytest.mark.parametrize("address", ["/login/", "/no-such-page/"])
def test_pages_before_the_log_in_fit_and_are_clean(chromium, register, address):
    context = chromium.new_context(base_url=register.address, locale="zh-CN")
    page = context.new_page()
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert faults_of(page) == []
    context.close()


def test_the_phone_opens_the_map_behind_a_button(open_as):
    page = open_as("lingdao", 390, 844)
    page.goto("/")
    assert not page.locator("#map").is_visible()
    page.click(".map-button")
    page.wait_for_selector("#map path.leaflet-interactive")
    assert page.evaluate(WIDER) <= 1


def test_a_household_prints_as_a_form_with_office_date_and_signatures(open_as, county):
    page = open_as("xian")
    page.goto(county.households[0].url)
    page.click(".page-head-actions a[href$='/print/']")
    page.wait_for_url("**/print/")
    page.emulate_media(media="print")
    assert not page.locator(".sheet-tools").is_visible()
    assert page.locator(".sheet-office").inner_text().strip()
    assert page.locator(".sheet-sign dt").count() == 4
    assert county.households[0].number in page.locator(".sheet").inner_text()
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert 1 <= paper.count(b"/Type /Page\n") <= 2
    page.goto(county.households[0].url)
    page.emulate_media(media="print")  # the file itself prints without its frame
    assert not page.locator("#sidebar").is_visible() and not page.locator(".app-bottom").is_visible()
