"""The end of a log-in under a half-filled form, in a real browser."""

import shutil
import threading

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection

from accounts.middleware import SEEN
from accounts.models import User
from accounts.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "Tulip-Window-48"


def aside(work):
    """Run database work in a thread of its own: the browser's loop holds this one."""
    result = []

    def run():
        result.append(work())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


def leave_for(seconds):
    def work():
        for row in Session.objects.all():
            session = SessionStore(row.session_key)
            if SEEN in session:
                session[SEEN] -= seconds
                session.save()

    aside(work)


@pytest.fixture
def address(live_server, make_user, regions):
    admin = make_user(Role.SYSTEM_ADMIN, "459901", username="admin")
    admin.set_password(PASSWORD)
    admin.save()
    return live_server.url


@pytest.fixture
def browser(address):  # after the rows are made: the browser's loop bars the ORM from this thread
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def log_in(page, address):
    page.goto(f"{address}/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.btn-primary")
    page.wait_for_load_state()


def test_the_page_asks_for_the_password_and_the_form_stays(browser, address):
    page = browser.new_page()
    page.clock.install()
    log_in(page, address)
    page.goto(f"{address}/users/add/")
    page.fill("[name=username]", "zhang")
    page.fill("[name=full_name]", "张伟")
    page.select_option("[name=role]", "village_cadre")
    with page.expect_response("**/users/regions/*"):  # what is offered while typing counts as activity, too
        page.fill("[name=region]", "459901100201")
        page.clock.run_for(1000)

    leave_for(28 * 60 + 30)
    page.clock.fast_forward(28 * 60_000 + 30_000)
    page.click("dialog[data-kind=warning] button")
    page.wait_for_selector("dialog", state="detached")

    leave_for(31 * 60)
    page.clock.fast_forward(31 * 60_000)
    page.fill("dialog[data-kind=password] input[type=password]", "wrong-wrong-1")
    page.click("dialog button")
    page.wait_for_selector("dialog .field-error:not([hidden])")
    page.fill("dialog input[type=password]", PASSWORD)
    page.click("dialog button")
    page.wait_for_selector("dialog", state="detached")

    assert page.input_value("[name=full_name]") == "张伟"
    page.click("#user-form button.btn-primary")
    page.wait_for_selector("code")
    assert aside(lambda: User.objects.filter(username="zhang").exists())


def test_without_scripts_the_late_form_comes_back(browser, address):
    page = browser.new_context(java_script_enabled=False).new_page()
    log_in(page, address)
    page.goto(f"{address}/me/")
    page.fill("[name=phone]", "0771-5551234")
    leave_for(31 * 60)
    page.click("form[action='/me/'] button")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.btn-primary")
    page.click("main button.btn-primary")
    assert page.input_value("[name=phone]") == "0771-5551234"
