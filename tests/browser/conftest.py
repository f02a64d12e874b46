"""One running register with a small sample county for this folder, and pages of its users in Chromium.

The tests share the county, so each works on households of its own.
"""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connections

from tests.browser.serving import Register
from tests.conftest import empty_tables

PASSWORD = "Bamboo-Bridge-72"
HOUSEHOLDS = 60
# What a browser says about answers that a test asks for: a wrong password, a log-in that has ended, an edit overtaken.
EXPECTED = ("status of 400", "status of 401", "status of 409", "status of 422")
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="package")
def register(django_db_setup, tmp_path_factory):
    """A sample county, loaded through the import and served."""
    folder = tmp_path_factory.mktemp("r")
    running = Register(folder, connections["default"].settings_dict)
    try:
        static = running.manage("collectstatic", "--noinput", "--verbosity", "0", wait=False)
        running.manage("make_sample", "--households", str(HOUSEHOLDS), "--seed", "3", "--out", str(folder / "sample"))
        running.manage("load_sample", str(folder / "sample"))
        running.ended(static)
        running.serve()
        yield running
    finally:
        running.stop()
        empty_tables()


@pytest.fixture(scope="package")
def county(register, django_db_blocker):
    """What the tests have to know of the county: its names, and the households in the order of the list."""
    from households.models import Household, Member
    from poverty import crypto, scope
    from regions.models import Region

    with django_db_blocker.unblock():
        names = dict(Region.objects.under("459901").values_list("code", "name"))
        with scope.system("look"):
            heads = dict(Member.objects.filter(relation="01").values_list("household_id", "name"))
            found = [
                SimpleNamespace(
                    url=f"{register.address}/households/{one.uid}/",
                    number=one.household_no,
                    village=one.village_id,
                    head=heads.get(one.pk, ""),
                )
                for one in Household.objects.in_register().order_by("village_id", "id")
            ]
            known = Member.objects.filter(id_fault="", cert_no_sealed__isnull=False).order_by("id").first()
            number = crypto.unseal(crypto.place(Member, "cert_no"), known.uid, known.cert_no_sealed)
        connections.close_all()
    village = found[0].village
    return SimpleNamespace(
        names=names,
        households=found,
        village=village,
        town=village[:9],
        code="459901",
        id_number=number,
        id_owner=known.name,
    )


@pytest.fixture(scope="package")
def chromium():
    from playwright.sync_api import sync_playwright

    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps a loop running in this thread
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def log_ins(register, chromium):
    """Return state(username): the cookies of a log-in, made once through the log-in page."""
    kept = {}

    def state(username: str) -> dict:
        if username not in kept:
            context = chromium.new_context(locale="zh-CN")
            page = context.new_page()
            page.goto(register.address + "/login/")
            page.fill("#id_username", username)
            page.fill("#id_password", PASSWORD)
            page.press("#id_password", "Enter")
            page.wait_for_url(register.address + "/")
            kept[username] = context.storage_state()
            context.close()
        return kept[username]

    return state


@pytest.fixture
def open_as(register, chromium, log_ins):
    """Return open_as(username, width): a page of that user. At the end nothing may have gone wrong in its console."""
    opened, faults = [], []

    def hear(message):
        if message.type == "error" and not any(text in message.text for text in EXPECTED):
            faults.append(message.text)

    def make(username: str, width: int = 1440, height: int = 900):
        context = chromium.new_context(
            storage_state=log_ins(username),
            base_url=register.address,
            viewport={"width": width, "height": height},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            accept_downloads=True,
            has_touch=width < 600,
        )
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda answer: answer.status >= 500 and faults.append(f"{answer.status} {answer.url}"))
        opened.append(context)
        return page

    yield make
    for context in opened:
        context.close()
    assert not faults, json.dumps(faults[:5], ensure_ascii=False) + register.log()


@pytest.fixture
def batch(open_as):
    """The address of the sample's import of persons."""
    page = open_as("xian")
    page.goto("/exchange/")
    return page.locator("a[href^='/exchange/0']").last.get_attribute("href")
