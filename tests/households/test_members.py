"""Changes of members: somebody joins or leaves with date and reason, and nobody is deleted."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from households.models import Member, MemberChange
from poverty import scope
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def household(regions):
    made = make.household()
    make.year(made, size=2)
    make.member(made, name="岑妻", relation="02", sex="2")
    return made


def url(household):
    return reverse("households:member_change", args=[household.uid])


def leave(client, household, person, **more):
    values = {"which": "leaving", "l-member": str(person.uid), "l-kind": "01", "l-happened_on": "2026-01-05"}
    return client.post(url(household), {**values, "l-reason": "病故", "l-document": "死亡证明 12 号", **more})


def join(client, household, **more):
    values = {"which": "joining", "j-kind": "05", "j-happened_on": "2026-01-05", "j-name": "韦媳", "j-relation": "05"}
    return client.post(url(household), {**values, "j-reason": "结婚", **more})


def changes():
    with scope.system("test"):
        return list(MemberChange.objects.select_related("member").order_by("pk"))


def test_a_death_is_recorded_and_the_person_stays_on_file(county, household):
    head = make.head_of(household)
    response = leave(county, household, head)
    assert response.status_code == 302
    row = make.fresh(head)
    assert (row.departed_on, row.departed_as) == (dt.date(2026, 1, 5), "01")
    change = changes()[0]
    assert (change.member, change.kind, change.document, change.recorded_by_id) == (
        head,
        "01",
        "死亡证明 12 号",
        county.user.pk,
    )
    page = county.get(household.get_absolute_url())
    assert [person.member for person in page.context["departed"]] == [head]
    assert make.fresh(household).version == household.version + 1


def test_a_new_head_takes_over_at_once(county, household):
    head = make.head_of(household)
    with scope.system("test"):
        wife = Member.objects.get(household=household, name="岑妻")
    leave(county, household, head, **{"l-new_head": str(wife.uid)})
    assert make.fresh(wife).relation == "01"
    rules = {found.finding.rule for found in county.get(household.get_absolute_url()).context["findings"]}
    assert "HH-01" not in rules


def test_a_household_left_without_head_is_told(county, household):
    leave(county, household, make.head_of(household))
    rules = {found.finding.rule for found in county.get(household.get_absolute_url()).context["findings"]}
    assert "HH-01" in rules


def test_somebody_who_marries_in_is_added_with_the_change(county, household):
    join(county, household, **{"j-cert_no": make.id_number(born="20000101", sequence="602")})
    change = changes()[0]
    assert (change.kind, change.member.name, change.member.sex) == ("05", "韦媳", "2")
    assert change.member.village_id == household.village_id
    rules = {found.finding.rule for found in county.get(household.get_absolute_url()).context["findings"]}
    assert "HH-03" in rules  # the declared size is now that of the sheet, not of the household


@pytest.mark.parametrize(
    "more",
    [
        {"l-happened_on": (timezone.localdate() + dt.timedelta(days=1)).isoformat()},
        {"l-happened_on": "2026-02-30"},
        {"l-reason": ""},
        {"l-kind": "05"},
        {"l-member": "01a20000-0000-7000-8000-000000000000"},
    ],
)
def test_an_impossible_change_is_told_at_its_field(county, household, more):
    response = leave(county, household, make.head_of(household), **more)
    assert response.status_code == 422
    assert changes() == []


def test_another_households_member_cannot_leave_this_one(county, household):
    stranger = make.head_of(make.household())
    assert leave(county, household, stranger).status_code == 422
    assert make.fresh(stranger).departed_on is None


def test_a_departure_recorded_wrongly_is_taken_back_and_stays_in_the_history(county, household):
    head = make.head_of(household)
    leave(county, household, head)
    back = reverse("households:member_return", args=[household.uid, head.uid])
    assert county.post(back, {"reason": ""}).status_code == 422
    assert county.post(back, {"reason": "同名误登"}).status_code == 302
    assert make.fresh(head).departed_on is None
    assert len(changes()) == 1
    history = county.get(reverse("households:history", args=[household.uid])).context["page"].object_list
    assert history[0].origin.reason == "同名误登"


def test_the_application_cannot_delete_a_member(county, household):
    from django.db import ProgrammingError, connection, transaction

    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM households_member")
