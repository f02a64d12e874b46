"""Proposals: made by cadres, confirmed or refused by town or county, overtaken when the register moved on."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from households import proposing
from households.models import MemberChange
from households.present import opened
from poverty import scope
from tests.households import factories as make
from tests.households.forms import send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def household(regions):
    return make.household()


def edit_url(household, section):
    return reverse("households:edit", args=[household.uid]) + f"?section={section}"


@pytest.fixture
def proposal(cadre, household):
    send(cadre, edit_url(household, "register"), **{"h-main_cause": "08", "h-exit_year": "2019", "reason": "入户看到"})
    return make.proposals()[0]


def decide(client, proposal, choice, answer=""):
    url = reverse("households:proposal_decide", args=[proposal.uid])
    return client.post(url, {"choice": choice, "answer": answer})


def test_the_town_sees_old_and_new_and_confirms(town, cadre, household, proposal):
    page = town.get(reverse("households:proposal", args=[proposal.uid]))
    lines = {line.old: line.new for line in page.context["lines"]}
    assert lines == {"因病": "缺劳动力", "—": "2019"}
    decide(town, proposal, "confirm", "同意")
    row = make.fresh(household)
    assert (row.main_cause, row.exit_year) == ("08", 2019)
    assert make.proposals()[0].state == "confirmed"
    event = make.last_event(household)
    assert event.pgh_context["username"] == town.user.username
    assert event.pgh_context["proposed_by"] == cadre.user.pk
    assert event.pgh_context["reason"] == "入户看到"
    assert AuditEvent.objects.filter(action="proposal.confirmed").count() == 1


def test_the_proposer_reads_the_answer(town, cadre, proposal):
    decide(town, proposal, "refuse", "请附户口簿")
    row = cadre.get(reverse("households:proposals")).context["rows"][0]
    assert row["proposal"].decision == "请附户口簿"
    assert "请附户口簿" in cadre.get(reverse("households:proposal", args=[proposal.uid])).content.decode()


def test_a_refusal_needs_a_reason(town, proposal):
    decide(town, proposal, "refuse", "  ")
    assert make.proposals()[0].state == "waiting"


def test_nobody_decides_on_an_own_proposal(town, household):
    send(town, edit_url(household, "register"), **{"h-main_cause": "08", "reason": "自己"})
    proposal = make.proposals()[0]
    decide(town, proposal, "confirm")
    assert make.proposals()[0].state == "waiting"
    assert make.fresh(household).main_cause == "01"
    with pytest.raises(IntegrityError), scope.system("test"), transaction.atomic():
        type(proposal).objects.filter(pk=proposal.pk).update(decided_by=town.user, state="confirmed")


def test_an_overtaken_proposal_writes_nothing(town, county, household, proposal):
    send(county, edit_url(household, "register"), **{"h-main_cause": "03", "reason": "县里"})
    assert town.get(reverse("households:proposal", args=[proposal.uid])).context["moved"]
    decide(town, proposal, "confirm")
    row = make.fresh(household)
    assert (row.main_cause, row.exit_year) == ("03", None)
    assert make.proposals()[0].state == "stale"


def test_a_change_elsewhere_in_the_household_does_not_overtake(town, county, household, proposal):
    send(county, edit_url(household, "contact"), **{"h-address": "新屋"})
    decide(town, proposal, "confirm")
    assert make.proposals()[0].state == "confirmed"


def test_a_decided_proposal_is_not_decided_again(town, county, household, proposal):
    decide(town, proposal, "confirm")
    decide(county, proposal, "refuse", "不同意")
    assert make.proposals()[0].state == "confirmed"


def test_bulk_confirmation_tells_what_could_not_be(town, cadre, regions):
    made = [make.household() for _ in range(3)]
    for household in made:
        send(cadre, edit_url(household, "register"), **{"h-main_cause": "08", "reason": "入户"})
    send(town, edit_url(make.household(), "register"), **{"h-main_cause": "08", "reason": "自己"})
    with scope.system("test"):
        type(made[0]).objects.filter(pk=made[0].pk).update(main_cause="03")
    uids = [str(p.uid) for p in make.proposals()]
    town.post(reverse("households:proposals_confirm"), {"uids": [*uids, "nonsense"]})
    assert sorted(p.state for p in make.proposals()) == ["confirmed", "confirmed", "stale", "waiting"]


def test_a_proposed_number_is_sealed_and_masked(town, cadre, household):
    head = make.head_of(household)
    old, new = opened(head, "cert_no"), make.id_number(sequence="711")
    url = edit_url(household, "member") + f"&member={head.uid}"
    send(cadre, url, **{f"m-{head.uid}-cert_no": new, "reason": "照身份证"})
    proposal = make.proposals()[0]
    assert new.encode() not in bytes(proposal.changes_sealed)
    for client in (town, cadre):
        text = client.get(reverse("households:proposal", args=[proposal.uid])).content.decode()
        assert new not in text
        assert old not in text
        assert f"{new[:6]}********{new[-4:]}" in text
    decide(town, proposal, "confirm")
    assert opened(make.fresh(head), "cert_no") == new


def test_a_proposed_death_is_carried_out_on_confirmation(town, cadre, household):
    child = make.member(household, name="岑小")
    url = reverse("households:member_change", args=[household.uid])
    values = {"which": "leaving", "l-member": str(child.uid), "l-kind": "01", "l-happened_on": "2026-01-05"}
    cadre.post(url, {**values, "l-reason": "病故"})
    assert make.fresh(child).departed_on is None
    decide(town, make.proposals()[0], "confirm")
    assert str(make.fresh(child).departed_on) == "2026-01-05"
    with scope.system("test"):
        assert MemberChange.objects.get().kind == "01"


def test_a_proposed_newborn_is_added_on_confirmation(town, cadre, household):
    url = reverse("households:member_change", args=[household.uid])
    values = {"which": "joining", "j-kind": "06", "j-happened_on": "2026-01-05", "j-name": "岑宝", "j-relation": "07"}
    cadre.post(url, {**values, "j-reason": "出生"})
    page = town.get(reverse("households:proposal", args=[make.proposals()[0].uid]))
    assert "岑宝" in page.content.decode()
    decide(town, make.proposals()[0], "confirm")
    with scope.system("test"):
        assert MemberChange.objects.get().member.name == "岑宝"


def test_proposals_of_other_areas_and_other_proposers_are_absent(make_user, login, cadre, proposal):
    elsewhere = login(make_user(Role.TOWN_OFFICE, "459901101"))
    assert elsewhere.get(reverse("households:proposal", args=[proposal.uid])).status_code == 404
    assert decide(elsewhere, proposal, "confirm").status_code == 404
    colleague = login(make_user(Role.VILLAGE_CADRE, "459901100201"))
    assert colleague.get(reverse("households:proposal", args=[proposal.uid])).status_code == 404
    assert colleague.get(reverse("households:proposals")).context["rows"] == []


@pytest.mark.parametrize("role", [Role.VILLAGE_CADRE, Role.HELPER, Role.AUDITOR, Role.CITY_OFFICE, Role.LEADER])
def test_only_town_and_county_decide(make_user, login, household, proposal, role):
    area = {Role.VILLAGE_CADRE: "459901100201", Role.CITY_OFFICE: "4599"}.get(role, "459901")
    client = login(
        make_user(role, None if role == Role.HELPER else area, households=[household] if role == Role.HELPER else ())
    )
    assert decide(client, proposal, "confirm").status_code == 403
    assert client.post(reverse("households:proposals_confirm"), {"uids": [str(proposal.uid)]}).status_code == 403
    assert make.proposals()[0].state == "waiting"


def test_the_sealed_changes_open_only_in_their_own_row(household, proposal, cadre):
    other = proposing.Proposal(uid=household.uid, changes_sealed=proposal.changes_sealed)
    with pytest.raises(proposing.crypto.Unreadable):
        proposing.payload_of(other)


def test_waiting_ones_stand_first(town, cadre, household, proposal):
    decide(town, proposal, "refuse", "不对")
    send(cadre, edit_url(household, "register"), **{"h-main_cause": "03", "reason": "再来"})
    states = [row["proposal"].state for row in town.get(reverse("households:proposals")).context["rows"]]
    assert states == ["waiting", "refused"]
