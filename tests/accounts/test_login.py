"""Logging in and out."""

import time

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "Tulip-Window-48"
LOGIN = "/login/"


@pytest.fixture
def clerk(make_user, regions):
    user = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(client, username="clerk", password=PASSWORD, **more):
    return client.post(LOGIN, {"username": username, "password": password, **more})


def actions(**where):
    return list(AuditEvent.objects.filter(**where).order_by("id").values_list("action", flat=True))


def test_it_logs_in_and_goes_where_one_wanted(client, clerk):
    response = log_in(client, next="/me/")
    assert (response.status_code, response["Location"]) == (302, "/me/")
    assert client.get("/me/").status_code == 200
    assert actions(target=f"user:{clerk.pk}") == ["login"]


def test_it_never_leads_to_another_site(client, clerk):
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
        assert "evil" not in log_in(Client(), next=target)["Location"]


def test_logging_in_changes_the_session_key(client, clerk):
    client.get(LOGIN)
    client.force_login(clerk)
    before = client.session.session_key
    log_in(client)
    assert client.session.session_key != before


def test_unknown_wrong_and_switched_off_read_the_same(client, clerk, make_user):
    make_user(Role.COUNTY_OFFICE, "459901", username="gone", is_active=False)
    User.objects.filter(username="gone").update(password=clerk.password)
    bodies = set()
    for username, password in (("clerk", "wrong-wrong-1"), ("nobody", PASSWORD), ("gone", PASSWORD)):
        response = log_in(Client(), username, password)
        assert response.status_code == 200
        bodies.add(response.context["form"].non_field_errors()[0])
    assert len(bodies) == 1
    assert actions() == ["login.failed"] * 3
    assert set(AuditEvent.objects.values_list("actor", flat=True)) == {""}


def test_unknown_and_known_users_take_the_same_time(clerk):
    def seconds(username):
        times = []
        for number in range(6):
            started = time.process_time()  # other work on the machine is not ours
            Client(REMOTE_ADDR=f"10.0.{number}.9").post(LOGIN, {"username": username, "password": "wrong-wrong-1"})
            times.append(time.process_time() - started)
        return min(times)

    seconds("warm")
    known, unknown = seconds("clerk"), seconds("nobody")
    assert abs(known - unknown) < 0.4 * max(known, unknown)  # a password that is not hashed would be 0.9


def test_five_failures_lock_this_pair_and_nobody_else(clerk):
    for _ in range(4):
        assert log_in(Client(), password="wrong-wrong-1").status_code == 200
    response = log_in(Client(), password="wrong-wrong-1")
    assert response.status_code == 429
    assert response["Retry-After"] == "1800"
    assert log_in(Client()).status_code == 429  # the right password helps no more
    assert log_in(Client(REMOTE_ADDR="10.1.1.1")).status_code == 302  # the person at another computer
    assert actions(action="login.locked") == ["login.locked"]
    assert actions(action="login.failed") == ["login.failed"] * 4


def test_a_failed_log_in_writes_no_field_down(clerk):
    from axes.models import AccessAttempt

    log_in(Client(), password="wrong-wrong-1", kept_name="id_number", kept_value="459901199001011234")
    attempt = AccessAttempt.objects.get()
    assert "459901199001011234" not in f"{attempt.post_data}{attempt.get_data}"
    assert "wrong-wrong-1" not in attempt.post_data


def test_logging_out_is_a_post_and_is_noted(client, clerk):
    log_in(client)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302
    assert client.get("/me/").status_code == 302
    assert actions(target=f"user:{clerk.pk}") == ["login", "logout"]


def test_the_dialog_logs_in_by_json_but_only_the_same_person(client, clerk, make_user):
    def ask(**data):
        return client.post(LOGIN, data, content_type="application/json")

    assert ask(username="clerk", password="no-no-no-no").json()["ok"] is False
    assert ask(username="clerk", password=PASSWORD, **{"for": clerk.pk + 1}).json()["ok"] is False
    answer = ask(username="clerk", password=PASSWORD, **{"for": clerk.pk}).json()
    assert answer["ok"] and answer["token"]
    assert client.get("/me/").status_code == 200
    assert ask(username=["x"], password={"a": 1}).status_code == 400
    assert client.post(LOGIN, "[1]", content_type="application/json").status_code == 400


def test_what_no_column_holds_is_refused_not_an_error(client, clerk):
    assert log_in(client, username="a\x00b").status_code == 400
    assert log_in(client, username="x" * 300).status_code == 200


def test_a_csrf_failure_is_explained(clerk):
    client = Client(enforce_csrf_checks=True)
    response = client.post(LOGIN, {"username": "clerk", "password": PASSWORD}, HTTP_ACCEPT_LANGUAGE="en")
    assert response.status_code == 403
    assert actions() == ["refused"]


def test_the_stored_password_is_modest_argon2(clerk):
    assert clerk.password.startswith("argon2m$argon2id$v=19$m=32768,t=2,p=1$")
    assert settings.PASSWORD_HASHERS[0] == "accounts.hashers.ModestArgon2Hasher"
