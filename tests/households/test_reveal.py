"""Showing a masked value in full: with a reason, for who may, audited, and fifty times a day."""

import pytest
from django.urls import reverse

from accounts import reveals
from accounts.models import AuditEvent
from accounts.roles import Role
from households import views_more
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "比对公安数据"


@pytest.fixture
def household(regions):
    made = make.household(phone="15412345678", card="6222020000000000000")
    make.member_year(make.head_of(made), health=["04"])
    return made


def reveal(client, household, **values):
    return client.post(reverse("households:reveal", args=[household.uid]), {"reason": REASON, **values})


def of_head(household):
    return {"name": "cert_no", "field": "id_number", "member": str(make.head_of(household).uid)}


def number_of(household):
    from households.present import opened

    return opened(make.head_of(household), "cert_no")


def test_it_shows_the_value_once_and_is_not_kept(county, household):
    response = reveal(county, household, **of_head(household))
    assert response.status_code == 200
    assert number_of(household) in response.content.decode()
    assert response.headers["Cache-Control"] == "no-store"


def test_it_is_audited_without_the_value(county, household):
    reveal(county, household, **of_head(household))
    event = AuditEvent.objects.get(action="reveal")
    assert event.actor == county.user.username
    assert event.reason == REASON
    assert event.target == f"member:{make.head_of(household).uid}"
    assert number_of(household) not in f"{event.detail}{event.target}{event.reason}"


def test_it_needs_a_reason(county, household):
    response = reveal(county, household, **of_head(household), reason="  ")
    assert response.status_code == 422
    assert number_of(household) not in response.content.decode()
    assert not AuditEvent.objects.filter(action="reveal").exists()


def test_the_audit_outlives_a_failing_request(county, household, monkeypatch):
    def fail(*args):
        raise RuntimeError("the page broke")

    monkeypatch.setattr(views_more, "wording", fail)
    with pytest.raises(RuntimeError):
        reveal(county, household, **of_head(household))
    assert AuditEvent.objects.filter(action="reveal").count() == 1


def test_it_is_limited_per_day(county, household, monkeypatch):
    monkeypatch.setattr(reveals, "limit", lambda user: 2)
    answers = [reveal(county, household, name="card", field="card").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert AuditEvent.objects.filter(action="reveal").count() == 2
    assert AuditEvent.objects.filter(action="reveal.limit").count() == 1


def test_the_limit_is_one_persons(county, household, make_user, login, monkeypatch):
    monkeypatch.setattr(reveals, "limit", lambda user: 1)
    reveal(county, household, name="card", field="card")
    other = login(make_user(Role.COUNTY_OFFICE, "459901"))
    assert reveal(other, household, name="card", field="card").status_code == 200


@pytest.mark.parametrize(("name", "field"), [("phone", "phone"), ("card", "card"), ("health", "health")])
def test_the_auditor_reveals_what_the_table_allows(auditor, household, name, field):
    values = {"member": str(make.head_of(household).uid), "year": "2020"} if name == "health" else {}
    text = {"phone": "15412345678", "card": "6222020000000000000", "health": "残疾"}[name]
    assert text in reveal(auditor, household, name=name, field=field, **values).content.decode()


def test_the_town_reveals_numbers_but_no_cards(town, household):
    assert reveal(town, household, **of_head(household)).status_code == 200
    refused = reveal(town, household, name="card", field="card")
    assert refused.status_code == 403
    assert "6222020000000000000" not in refused.content.decode()


def test_cadres_reveal_nothing(cadre, household):
    assert reveal(cadre, household, **of_head(household)).status_code == 403


def test_other_areas_and_other_households_members_are_absent(county, household):
    elsewhere = make.household("459902100201")
    assert reveal(county, elsewhere, **of_head(elsewhere)).status_code == 404
    neighbour = make.household()
    assert reveal(county, neighbour, **of_head(household)).status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        {"name": "password", "field": "card"},
        {"name": "card", "field": "phone"},
        {"name": "", "field": ""},
    ],
)
def test_what_is_no_masked_value_is_a_bad_request(county, household, values):
    assert reveal(county, household, **values).status_code == 400


@pytest.mark.parametrize(
    "values", [{"member": "x"}, {"member": ""}, {"member": "01a20000-0000-7000-8000-000000000000"}]
)
def test_a_member_that_is_none_is_absent(county, household, values):
    assert reveal(county, household, name="cert_no", field="id_number", **values).status_code == 404
