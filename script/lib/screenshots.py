"""Take the pictures: screenshots.py ADDRESS ROSTER FOLDER. Called by script/screenshots."""

import json
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
LIMIT, SMALL = 330_000, 125_000  # bytes a picture
DESK, PHONE = {"width": 1440, "height": 920}, {"width": 390, "height": 844}
WALL = {"width": 1920, "height": 1080}


# Every kind of map and chart: (picture, address of the map, its element). docs/charts.md shows them.
MAP = "#map-card .map-frame"
CHARTS = (
    ("map-rate", "?k=K01", MAP),
    ("map-count", "?k=K03&layer=count", MAP),
    ("map-change", "?k=K04&layer=change&m={last}", MAP),
    ("map-heat", "?k=K03&layer=heat", MAP),
    ("map-points", "?k=K03&layer=points&area={village}", MAP),
    ("map-flow-work", "?k=K35&layer=flow", MAP),
    ("map-compared", "?k=K04&cm={last}", MAP),
    ("line", "?k=K02", "#chart-K02-line"),
    ("column", "?k=K05", "#chart-K05-column"),
    ("bar", "?k=K09", "#chart-K09-bar"),
    ("stack", "?k=K03", "#chart-K03-stack"),
    ("hist", "?k=K28", "#chart-K28-hist"),
    ("scatter", "?k=K32", "#chart-K32-scatter"),
    ("radar", "?k=K23", "#chart-K23-radar"),
    ("profile", "?k=K66", "#chart-K66-radar"),
    ("funnel", "?k=K24", "#chart-K24-funnel"),
    ("pyramid", "?k=K12", "#chart-K12-pyramid"),
    ("heat-grid", "?k=K14", "#chart-K14-heat"),
    ("pareto", "?k=K25", "#chart-K25-pareto"),
    ("gauge", "?k=K04", "#chart-K04-gauge"),
)


class Camera:
    def __init__(self, browser, address: str, folder: Path):
        self.browser, self.address, self.folder = browser, address, folder
        said = subprocess.run(
            [sys.executable, "manage.py", "sample_logins", "--json"],
            cwd=ROOT,
            capture_output=True,
            check=False,
            text=True,
        )
        found = json.loads(said.stdout.splitlines()[-1])["logins"] if said.returncode == 0 else []
        self.password = os.environ.get("SAMPLE_PASSWORD") or (found[0]["password"] if found else "")

    def page(self, username: str, screen: dict) -> Page:
        context = self.browser.new_context(
            base_url=self.address, viewport=screen, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto("/login/")
        page.fill("#id_username", username)
        page.fill("#id_password", self.password)
        page.press("#id_password", "Enter")
        page.wait_for_url(self.address + "/")
        return page

    def take(self, page: Page, name: str):
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement?.blur(); document.querySelector('.app-jobs')?.remove()")
        target = self.folder / f"{name}.png"
        page.screenshot(path=target)
        if target.stat().st_size > LIMIT:
            sys.exit(f"{target.name} has {target.stat().st_size} bytes, more than {LIMIT}")
        print(f"{target.relative_to(ROOT)}  {target.stat().st_size // 1000} kB")

    def part(self, page: Page, name: str, selector: str):
        """Take a picture of one element, small enough to stand among many."""
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        target = self.folder / "charts" / f"{name}.png"
        target.parent.mkdir(exist_ok=True)
        page.locator(selector).first.screenshot(path=target)
        if target.stat().st_size > SMALL:
            sys.exit(f"{target.name} has {target.stat().st_size} bytes, more than {SMALL}")
        print(f"{target.relative_to(ROOT)}  {target.stat().st_size // 1000} kB")


def county_office(camera: Camera, roster: Path):
    page = camera.page("xian", DESK)
    page.wait_for_selector("#map path.leaflet-interactive")
    camera.take(page, "home-county")
    page.click("[data-drill] >> nth=0")
    village = page.locator("[data-drill]").first.inner_text()  # the map follows the table when its boundaries have come
    page.wait_for_selector(f".map-label:has-text('{village}')")
    camera.take(page, "home-town")
    page.goto("/households/?status=04")
    camera.take(page, "households")
    page.click("td.hh-name a >> nth=0")
    page.wait_for_selector(".hh-head")
    camera.take(page, "household")

    page.goto("/exchange/upload/")
    page.check("input[name=kind][value=persons]")
    page.set_input_files("input[type=file]", roster)
    page.fill("[name=year]", "2020")
    page.fill("[name=as_of]", "2020-12-31")
    page.click("#upload .btn-primary")
    page.wait_for_selector(".ex-numbers", timeout=180_000)
    batch = page.url
    camera.take(page, "import-preview")
    page.goto(batch + "questions/")
    camera.take(page, "import-questions")
    page.goto(batch + "reconciliation/")
    camera.take(page, "import-reconciliation")
    page.goto(batch)
    page.click("button[formaction$='/discard/']")  # nothing of it is kept
    page.wait_for_selector(".ex-state-discarded")


def checks_and_map(camera: Camera):
    page = camera.page("xian", DESK)
    for name, address in (
        ("findings", "/findings/?severity=E"),
        ("rules", "/findings/rules/"),
        ("quality", "/findings/quality/"),
        ("departments", "/departments/"),
        ("analysis", "/map/analysis/"),
    ):
        page.goto(address)
        camera.take(page, name)
    page.goto("/findings/?source=any")
    page.click(".fi-title a >> nth=0")
    camera.take(page, "finding")
    page = camera.page("lingdao", DESK)
    page.goto("/map/")
    page.wait_for_selector("#battle-map path.leaflet-interactive")
    camera.take(page, "battle-map")
    page = camera.page("lingdao", WALL)
    page.goto("/map/screens/usual/")
    page.wait_for_selector(".slide.on .tile-map path[data-code]")
    page.wait_for_selector(".slide.on canvas")
    camera.take(page, "war-room")
    page = camera.page("xian", DESK)
    page.goto("/map/screens/add/")
    page.wait_for_selector(".composer-tile")
    camera.take(page, "war-room-composer")
    page = camera.page("lingdao", PHONE)
    page.goto("/map/")
    camera.take(page, "phone-map")


def charts(camera: Camera):
    """Picture every kind of map and chart of the battle map, and the curves of the analysis."""
    page = camera.page("xian", DESK)
    page.goto("/map/")
    page.wait_for_selector("#battle-map path.leaflet-interactive")
    last = page.locator("#battle-month option").all()[-2].get_attribute("value")  # the second of all months
    page.click("[data-drill] >> nth=0")
    page.wait_for_selector(".crumbs li:nth-child(2)")
    village = page.locator("[data-drill]").first.get_attribute("data-drill")
    for name, address, selector in CHARTS:
        page.goto(f"/map/{address.format(village=village, last=last)}")
        if selector == MAP:
            page.wait_for_selector("#battle-map[data-shown]")
        else:
            page.locator(selector).scroll_into_view_if_needed()
            page.wait_for_selector(f"{selector}[data-drawn]")
        page.wait_for_timeout(900)  # what moves has come to rest
        camera.part(page, name, selector)
    for name, address in (("lorenz", "/map/analysis/"), ("calibration", "/map/analysis/risk/")):
        page.goto(address)
        if page.locator(".an-chart").count():  # a short history has no model, and so no calibration
            page.locator(".an-chart").first.scroll_into_view_if_needed()
            camera.part(page, name, ".card:has(> .an-chart)")


def others(camera: Camera):
    page = camera.page("cun", PHONE)
    camera.take(page, "phone-home")
    page.goto("/households/")
    page.click("td.hh-name a >> nth=0")
    page.wait_for_selector(".hh-head")
    camera.take(page, "phone-household")
    page.goto("/households/ledger/")
    page.click("a.btn[href*='/ledger/'] >> nth=0")
    camera.take(page, "phone-ledger")
    page = camera.page("jiwei", DESK)
    page.goto("/audit/")
    camera.take(page, "audit-trail")
    page = camera.page("guanli", DESK)
    page.goto("/users/")
    camera.take(page, "users")


def main(address: str, roster: str, folder: str):
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or None,
            args=[
                "--disable-lcd-text",
                "--font-render-hinting=none",
            ],  # grey letters: the same on every machine, and smaller
        )
        camera = Camera(browser, address.rstrip("/"), target)
        county_office(camera, Path(roster))
        checks_and_map(camera)
        charts(camera)
        others(camera)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
