"""Personal tokens: shown once, hashed at rest, for the API only, ended by time, by hand and with the account."""

import datetime as dt
import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import actions, tokens
from accounts.models import ApiToken, AuditEvent, User
from accounts.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "Bamboo-Bridge-72"
JOBS = "/api/v1/jobs/"


@pytest.fixture
def clerk(make_user, regions):
    cache.clear()
    user = make_user(Role.COUNTY_OFFICE, "459901")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def page(clerk):
    client = Client()
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    return client


def ask(text: str, url: str = JOBS, **more):
    """Ask as a program does: with a token, and with no cookie."""
    return Client().get(url, headers={"Authorization": f"Bearer {text}"}, **more)


def make(user, days=7) -> tuple[ApiToken, str]:
    return tokens.make(user=user, name="对账程序", days=days)


def trail(*actions: str) -> list[str]:
    return list(AuditEvent.objects.filter(action__in=actions).order_by("id").values_list("action", flat=True))


def test_a_token_is_made_with_the_password_and_shown_once(page, clerk):
    fields = {"token-name": "对账程序", "token-days": "30", "token-password": PASSWORD}
    answer = page.post("/me/tokens/", fields)
    (text,) = re.findall(r"fpt_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", answer.content.decode())
    assert ask(text).status_code == 200
    token = ApiToken.objects.get()
    assert text not in page.get("/me/").content.decode()
    assert text.rsplit("_", 1)[1].encode() not in bytes(token.digest)
    assert len(bytes(token.digest)) == 32
    assert (token.expires_at - token.created_at).days in (29, 30)
    assert trail("token.made", "token.used") == ["token.made", "token.used"]
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "wrong", [{"token-password": "not mine"}, {"token-days": "3650"}, {"token-name": ""}, {"token-name": "  "}]
)
def test_a_token_is_not_made_without_password_name_and_end(page, wrong):
    fields = {"token-name": "对账程序", "token-days": "30", "token-password": PASSWORD}
    assert page.post("/me/tokens/", {**fields, **wrong}).status_code == 422
    assert not ApiToken.objects.exists()


def test_nobody_has_more_than_five_tokens_or_two_of_one_name(page, clerk):
    fields = {"token-name": "对账程序", "token-days": "30", "token-password": PASSWORD}
    make(clerk)
    assert page.post("/me/tokens/", fields).status_code == 422
    for number in range(4):
        assert page.post("/me/tokens/", {**fields, "token-name": f"程序{number}"}).status_code == 200
    assert page.post("/me/tokens/", {**fields, "token-name": "第六个"}).status_code == 422


def test_a_token_begins_no_session_and_opens_no_page(clerk):
    _token, text = make(clerk)
    answer = ask(text)
    assert (answer.status_code, dict(answer.cookies)) == (200, {})
    assert answer["Cache-Control"] == "no-store"
    page = ask(text, "/me/")
    assert (page.status_code, page["Location"]) == (302, "/login/?next=/me/")


def test_a_token_writes_nothing(clerk):
    _token, text = make(clerk)
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(Client(), method)(JOBS, headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 405
        assert answer.json()["error"] == "接口只供读取，请用 GET 请求。修改请在页面上进行。"


def test_a_revoked_token_is_refused_from_the_next_request_on(page, clerk):
    token, text = make(clerk)
    assert page.post(f"/me/tokens/{token.pk}/revoke/").status_code == 302
    for _time in range(3):
        answer = ask(text)
        assert answer.status_code == 401
        assert "已撤销" in answer.json()["error"]
    assert trail("token.revoked", "token.refused") == ["token.revoked", "token.refused"]  # noted once, not every time


def test_a_token_ends_by_itself(clerk):
    token, text = make(clerk)
    ApiToken.objects.filter(pk=token.pk).update(
        created_at=timezone.now() - dt.timedelta(days=8), expires_at=timezone.now() - dt.timedelta(seconds=1)
    )
    answer = ask(text)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert "已过期" in answer.json()["error"]


def test_nobody_revokes_another_persons_token(page, make_user):
    token, text = make(make_user(Role.AUDITOR, "459901"))
    assert page.post(f"/me/tokens/{token.pk}/revoke/").status_code == 404
    assert ask(text).status_code == 200


def test_tokens_end_with_the_account_a_new_password_and_all_other_log_ins(clerk, page, make_user):
    by = make_user(Role.SYSTEM_ADMIN, "459901")
    _token, text = make(clerk)
    actions.switch_off(user=clerk, reason="离职", by=by)
    assert ask(text).status_code == 401
    actions.switch_on(user=clerk, reason="返岗", by=by)
    assert ask(text).status_code == 401
    _token, text = make(clerk)
    assert page.post("/me/end-sessions/", {"password": PASSWORD}).status_code == 302
    assert ask(text).status_code == 401
    _token, text = make(clerk)
    actions.reset_password(user=clerk, by=by)
    assert ask(text).status_code == 401


def test_a_due_password_holds_the_token_up(clerk):
    _token, text = make(clerk)
    User.objects.filter(pk=clerk.pk).update(must_change_password=True)
    answer = ask(text)
    assert answer.status_code == 403
    assert "密码需要更换" in answer.json()["error"]


def test_a_moved_area_and_a_lost_role_count_at_once(clerk):
    _token, text = make(clerk)
    assert ask(text, "/api/v1/regions/?under=459902").json()["count"] == 0
    clerk.scope.all().delete()
    clerk.scope.create(lo="459902", hi="459903")
    assert ask(text, "/api/v1/regions/?under=459902").json()["count"] > 0
    User.objects.filter(pk=clerk.pk).update(role=Role.DEPARTMENT)
    assert ask(text, "/api/v1/regions/").status_code == 403


def test_guessing_is_counted_and_locked_and_right_tokens_go_on(clerk):
    _token, text = make(clerk)
    other = "A" * 43
    answers = [ask(f"{text[:17]}{other}") for _time in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2
    assert "Retry-After" in answers[-1]
    assert trail("token.failed", "token.locked") == ["token.failed"] * 4 + ["token.locked"]
    assert ask(text).status_code == 200
    # A key that nobody has is answered with the same words.
    assert ask(f"fpt_{'0' * 12}_{other}").json() == answers[0].json()


@pytest.mark.parametrize("text", ["", "fpt_", "x" * 5_000, "fpt_000000000000_" + "é" * 43, "Basic abc"])
def test_odd_tokens_are_answered_in_words(clerk, text):
    answer = ask(text)
    assert answer.status_code in (401, 429)
    assert answer.json()["error"]


def test_what_axes_keeps_of_a_wrong_token_tells_nothing_of_the_question(clerk):
    from axes.models import AccessAttempt

    _token, text = make(clerk)
    ask(f"{text[:17]}{'A' * 43}", "/api/v1/households/?q=岑山水")
    attempt = AccessAttempt.objects.get()
    kept = f"{attempt.get_data}{attempt.post_data}"
    assert kept.strip() == ""
    assert attempt.username == clerk.username


def test_use_is_noted_once_in_a_while_and_not_with_every_request(clerk, django_assert_max_num_queries):
    token, text = make(clerk)
    for _time in range(3):
        assert ask(text).status_code == 200
    assert trail("token.used") == ["token.used"]
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_address == "127.0.0.1"


def test_a_token_that_asks_too_fast_is_slowed_down(clerk, settings):
    settings.API_RATE = "3/min"
    _token, text = make(clerk)
    answers = [ask(text) for _time in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert answers[-1].json()["error"]
