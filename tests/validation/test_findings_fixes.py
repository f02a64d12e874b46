"""Corrections that rules propose: one by one, many together after a second person's approval, and their undo."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.roles import Role
from households.models import HouseholdYear, Member
from households.present import opened
from poverty import idnumber, scope
from poverty.declarations import rules
from tests.households import factories as make
from validation import engine
from validation.models import Finding, FixBatch

pytestmark = pytest.mark.django_db(transaction=True)
OLD = "459901800101001"  # nobody's number, in the old form of 15 digits


@pytest.fixture
def colleague(regions, make_user, login):
    """Another clerk of the county office."""
    client = login(user := make_user(Role.COUNTY_OFFICE, "459901"))
    client.user = user
    return client


@pytest.fixture
def sizes(regions):
    """Three households that declare four and have one."""
    households = [make.household() for _ in range(3)]
    for household in households:
        make.year(household, 2020, size=4)
    return found("HH-03", households)


def found(rule, households) -> list[Finding]:
    keys = ",".join(str(one.pk) for one in households)
    engine.run([rule], households=f"SELECT unnest(ARRAY[{keys}])")
    with scope.system("test"):
        return list(Finding.objects.filter(rule=rule, household_id__in=[h.pk for h in households]).order_by("id"))


def size_of(finding) -> int:
    with scope.system("test"):
        return HouseholdYear.objects.get(household_id=finding.household_id).size


def ask(client, rule="HH-03") -> FixBatch:
    client.post(reverse("validation:fix_ask") + f"?rule={rule}", {"text": "已核对花名册"})
    with scope.system("test"):
        return FixBatch.objects.get()


def decide(client, batch, choice="approve", text=""):
    url = reverse("validation:fix_decide", args=[batch.uid])
    return client.post(url, {"choice": choice, "text": text}, follow=True)


def undo(client, batch):
    return client.post(reverse("validation:fix_undo", args=[batch.uid]), {"text": "批错了"}, follow=True)


def test_every_proposed_correction_is_a_function_that_answers(regions):
    from django.utils.module_loading import import_string

    named = {rule.id for rule in rules.values() if rule.fix}
    assert named >= {"ID-03", "ID-09", "ID-10", "HH-03", "CD-23"}
    assert all(callable(import_string(rules[name].fix)) for name in named)


def test_a_single_fix_is_shown_and_taken_over(county, sizes):
    page = county.get(sizes[0].get_absolute_url())
    assert page.context["fix"].words[0][1:] == ("4", "1")
    county.post(reverse("validation:apply_fix", args=[sizes[0].uid]), {"reason": "已核对"})
    assert size_of(sizes[0]) == 1 and make.fresh(sizes[0]).closed_as == "gone"


def test_a_cadres_fix_is_a_proposal(cadre, sizes):
    cadre.post(reverse("validation:apply_fix", args=[sizes[0].uid]), {"reason": "已核对"})
    assert size_of(sizes[0]) == 4 and len(make.proposals()) == 1


def test_the_new_form_of_an_old_number_is_taken_over_and_never_shown_whole(county, regions):
    household = make.household(head=None)
    person = make.member(household, relation="01", cert_no=OLD)
    finding = found("ID-03", [household])[0]
    new = idnumber.upgrade(OLD)
    page = county.get(finding.get_absolute_url()).content.decode()
    assert new not in page and OLD not in page
    county.post(reverse("validation:apply_fix", args=[finding.uid]), {"reason": "见身份证"})
    assert opened(make.fresh(person), "cert_no") == new
    assert make.fresh(finding).closed_as == "gone"


def test_many_are_written_after_another_persons_approval(county, colleague, sizes):
    batch = ask(county)
    assert len(batch.findings) == 3
    decide(county, batch)
    assert [size_of(one) for one in sizes] == [4, 4, 4]  # nobody approves what one has asked for
    decide(colleague, batch)
    assert [size_of(one) for one in sizes] == [1, 1, 1]
    assert {make.fresh(one).closed_as for one in sizes} == {"gone"}
    batch = make.fresh(batch)
    assert (batch.state, batch.applied, batch.left, len(batch.done)) == ("applied", 3, [], 3)
    assert decide(colleague, batch).status_code == 200 and make.fresh(batch).applied == 3


def test_the_database_refuses_an_approval_by_the_asker(county, sizes):
    batch = ask(county)
    with pytest.raises(IntegrityError), scope.system("test"), transaction.atomic():
        FixBatch.objects.filter(pk=batch.pk).update(decided_by=county.user, state="applied")


def test_what_has_changed_meanwhile_is_left(county, colleague, sizes):
    batch = ask(county)
    with scope.system("test"):
        HouseholdYear.objects.filter(household_id=sizes[0].household_id).update(size=1)
    engine.recheck(sizes[0].household_id, rule_ids=["HH-03"])
    decide(colleague, batch)
    batch = make.fresh(batch)
    assert (batch.applied, batch.left) == (2, [str(sizes[0].uid)])


def test_a_refusal_says_why_and_writes_nothing(county, colleague, sizes):
    batch = ask(county)
    assert decide(colleague, batch, "refuse").status_code == 422
    decide(colleague, batch, "refuse", "请先入户")
    assert make.fresh(batch).state == "refused" and size_of(sizes[0]) == 4


def test_undo_puts_back_what_nobody_changed_since(county, colleague, sizes):
    batch = ask(county)
    decide(colleague, batch)
    with scope.system("test"):
        HouseholdYear.objects.filter(household_id=sizes[1].household_id).update(size=2)
    undo(county, batch)
    assert [size_of(one) for one in sizes] == [4, 2, 4]
    batch = make.fresh(batch)
    assert (batch.state, batch.left) == ("undone", [str(sizes[1].uid)])
    assert make.fresh(sizes[0]).closed_at is None  # the fault is there again, and so is its finding


def test_an_old_number_comes_back_by_undo_and_is_kept_nowhere(county, colleague, regions):
    household = make.household(head=None)
    person = make.member(household, relation="01", cert_no=OLD)
    found("ID-03", [household])
    batch = ask(county, "ID-03")
    decide(colleague, batch)
    new = idnumber.upgrade(OLD)
    assert opened(make.fresh(person), "cert_no") == new
    kept = str(make.fresh(batch).done)
    assert OLD not in kept and new not in kept
    undo(colleague, batch)
    with scope.system("test"):
        assert opened(Member.objects.get(pk=person.pk), "cert_no") == OLD


def test_without_a_rule_that_proposes_there_is_nothing_to_ask_for(county, sizes):
    assert county.get(reverse("validation:fix_ask")).status_code == 302
    assert county.get(reverse("validation:fix_ask") + "?rule=ID-05").status_code == 302


def test_a_cadre_asks_for_none(cadre, sizes):
    assert cadre.post(reverse("validation:fix_ask") + "?rule=HH-03", {"text": "已核对"}).status_code == 403
