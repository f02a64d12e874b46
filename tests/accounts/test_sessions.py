"""How long a log-in lasts, what a late form loses (nothing), and when a new password is asked for."""

import re
import time
from html import unescape

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.middleware import BEGAN, SEEN
from accounts.models import AuditEvent, User
from accounts.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "Tulip-Window-48"


@pytest.fixture
def clerk(make_user, regions):
    user = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def inside(client, clerk):
    client.post("/login/", {"username": "clerk", "password": PASSWORD})
    return client


def shift(client, **seconds):
    session = client.session
    for name, by in seconds.items():
        session[name] = int(time.time()) - by
    session.save()


def test_half_an_hour_without_a_click_ends_it(inside):
    shift(inside, **{SEEN: 29 * 60})
    assert inside.get("/me/").status_code == 200
    shift(inside, **{SEEN: 31 * 60})
    response = inside.get("/me/")
    assert (response.status_code, response["Location"]) == (302, "/login/?next=/me/")


def test_twelve_hours_end_it_however_busy(inside):
    shift(inside, **{SEEN: 5, BEGAN: 12 * 3600 + 5})
    assert inside.get("/me/").status_code == 302


def test_activity_prolongs_and_a_poll_does_not(inside):
    shift(inside, **{SEEN: 20 * 60})
    before = inside.session[SEEN]
    assert inside.get("/session/").json()["left"] <= 10 * 60
    inside.get("/me/", headers={"X-Background": "1"})
    assert inside.session[SEEN] == before
    assert inside.post("/session/keep/").json()["left"] > 29 * 60
    assert inside.session[SEEN] > before


def test_the_session_row_is_written_at_most_once_a_minute(inside, django_assert_num_queries):
    inside.get("/me/")
    with django_assert_num_queries(6):  # session, user; begin, scope in, scope out, commit
        inside.get("/session/")


def test_pages_of_people_who_are_logged_in_are_not_stored(inside):
    assert inside.get("/me/")["Cache-Control"] == "no-store"


def test_a_switched_off_account_is_out_with_the_next_click(inside, clerk):
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert inside.get("/me/").status_code == 302


def test_ending_the_other_log_ins_leaves_this_one(inside, clerk):
    other = Client()
    other.post("/login/", {"username": "clerk", "password": PASSWORD})
    assert inside.post("/me/end-sessions/", {"password": "not-this-one"}).status_code == 422
    assert other.get("/me/").status_code == 200
    assert inside.post("/me/end-sessions/", {"password": PASSWORD}).status_code == 302
    assert other.get("/me/").status_code == 302
    assert inside.get("/me/").status_code == 200
    assert AuditEvent.objects.filter(action="sessions.ended").count() == 1


def hidden(html, name):
    return [unescape(value) for value in re.findall(rf'name="{name}" value="([^"]*)"', html)]


def test_a_late_form_comes_back_after_the_log_in_and_is_never_stored(inside, clerk):
    shift(inside, **{SEEN: 31 * 60})
    response = inside.post("/me/", {"phone": '0771"<secret>', "language": ""})
    html = response.content.decode()
    assert response.status_code == 401
    assert response["Cache-Control"] == "no-store"
    assert hidden(html, "kept_name") == ["phone", "language"]
    assert hidden(html, "kept_value") == ['0771"<secret>', ""]
    posted = {name: hidden(html, name) for name in ("kept_name", "kept_value", "kept_whose")}

    wrong = inside.post("/login/", {"username": "clerk", "password": "wrong-wrong-1", **posted})
    assert hidden(wrong.content.decode(), "kept_value") == ['0771"<secret>', ""]

    html = inside.post("/login/", {"username": "clerk", "password": PASSWORD, **posted}).content.decode()
    assert 'action="/me/"' in html
    assert hidden(html, "phone") == ['0771"<secret>']
    assert not any("secret" in str(row.get_decoded()) for row in Session.objects.all())
    assert inside.post("/me/", {"phone": hidden(html, "phone")[0], "language": ""}).status_code == 302
    assert User.objects.get(pk=clerk.pk).phone == '0771"<secret>'


def test_a_late_form_is_not_given_to_somebody_else(inside, make_user):
    other = make_user(Role.COUNTY_OFFICE, "459902", username="other")
    other.set_password(PASSWORD)
    other.save()
    shift(inside, **{SEEN: 31 * 60})
    html = inside.post("/me/", {"phone": "0771-secret"}).content.decode()
    posted = {name: hidden(html, name) for name in ("kept_name", "kept_value", "kept_whose")}
    response = inside.post("/login/", {"username": "other", "password": PASSWORD, **posted})
    assert response.status_code == 302
    assert b"secret" not in response.content


def test_scripts_get_401_and_htmx_a_redirect_it_knows(inside):
    shift(inside, **{SEEN: 31 * 60})
    assert inside.get("/session/").status_code == 401
    assert inside.post("/me/", {}, headers={"HX-Request": "true", "X-Session-Dialog": "1"}).status_code == 401
    assert inside.get("/me/", headers={"HX-Request": "true"}).status_code == 302


def test_a_first_password_is_changed_before_anything_else(inside, clerk):
    User.objects.filter(pk=clerk.pk).update(must_change_password=True)
    assert inside.get("/me/")["Location"] == "/password/"
    assert inside.get("/me/", headers={"HX-Request": "true"})["HX-Redirect"] == "/password/"
    assert inside.get("/password/").status_code == 200
    new = {"old": PASSWORD, "new": "Orange-Kettle-93", "again": "Orange-Kettle-93"}
    for bad in ({"old": "x"}, {"again": "x"}, {"new": "short"}, {"new": PASSWORD, "again": PASSWORD}):
        assert inside.post("/password/", {**new, **bad}).status_code == 422
    assert inside.post("/password/", new).status_code == 302
    assert inside.get("/me/").status_code == 200
    assert User.objects.get(pk=clerk.pk).password_changed_at is not None
    assert AuditEvent.objects.filter(action="password.changed").count() == 1


def test_an_old_password_is_due_only_when_the_rules_say_so(inside, clerk, settings):
    User.objects.filter(pk=clerk.pk).update(password_changed_at=timezone.now() - timezone.timedelta(days=91))
    assert inside.get("/me/").status_code == 200
    settings.PASSWORD_MAX_AGE_DAYS = 90
    assert inside.get("/me/")["Location"] == "/password/"


def test_the_language_is_chinese_until_one_chooses_and_stays_with_the_user(client, clerk):
    assert 'lang="zh-hans"' in client.get("/login/", headers={"Accept-Language": "en"}).content.decode()
    client.post("/language/", {"language": "en", "next": "/login/"})
    assert 'lang="en"' in client.get("/login/").content.decode()
    client.post("/login/", {"username": "clerk", "password": PASSWORD})
    client.post("/language/", {"language": "zh-hans"})
    assert User.objects.get(pk=clerk.pk).language == "zh-hans"
    assert client.post("/language/", {"language": "xx", "next": "https://evil.example"})["Location"] == "/"


def test_what_has_run_out_is_cleared_away_and_twice_is_once(inside):
    from accounts.tasks import tidy

    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timezone.timedelta(days=1))
    assert tidy() == {"sessions": 1, "attempts": 0, "log_ins": 0}
    assert tidy() == {"sessions": 0, "attempts": 0, "log_ins": 0}
    assert inside.get("/me/").status_code == 200
