"""Take the pictures: screenshots.py ADDRESS ROSTER FOLDER. Called by script/screenshots."""

import json
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 330_000  # bytes a picture
DESK, PHONE = {"width": 1440, "height": 920}, {"width": 390, "height": 844}
WALL = {"width": 1920, "height": 1080}


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
        others(camera)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
