"""What findings tell to whom: nothing of a place beyond the reader's, by no list, count, report, re-check or message."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from households import proposing
from households.models import Proposal
from poverty import scope
from regions.models import Region
from tests.households import factories as make
from validation import actions, composed, engine
from validation.models import Finding, FindingEvent, FindingState, FixBatch
from validation.report import figures

pytestmark = pytest.mark.django_db(transaction=True)
V, NEXT, OTHER_TOWN = "459901100201", "459901100202", "459901101201"


def update(finding, **values):
    with scope.system("test"):
        Finding.objects.filter(pk=finding.pk).update(**values)


def test_a_report_of_a_region_holds_what_speaks_of_that_region_only(regions):
    household = make.household(V)
    make.finding(household, "ID-12", reach="459901")  # one number here and in another town
    make.finding(household, "HH-03")
    with scope.system("test"):
        Finding.objects.update(first_seen_at=timezone.now())
        month = timezone.localdate().replace(day=1)
        found = {
            code: figures.gather(Region.objects.get(pk=code), month, named=True).open
            for code in ("459901100", "459901")
        }
    assert found == {"459901100": 1, "459901": 2}


def test_a_finding_that_grows_beyond_its_reader_is_told_like_one_that_is_gone(cadre, regions, monkeypatch):
    pages = []
    for grows in (True, False):
        finding = make.finding(make.household(V), "HH-03")
        values = {"reach": "459901"} if grows else {"closed_at": timezone.now(), "closed_as": "gone", "state": "closed"}
        monkeypatch.setattr(
            engine, "recheck", lambda *_, finding=finding, values=values, **__: update(finding, **values)
        )
        answer = cadre.post(reverse("validation:recheck", args=[finding.uid]), follow=True)
        assert answer.status_code == 200
        pages.append([str(message) for message in answer.context["messages"]])
        assert (cadre.get(finding.get_absolute_url()).status_code == 404) is grows
    assert pages[0] == pages[1]


def test_a_helper_of_two_towns_learns_nothing_of_the_rest_of_either(regions, make_user, login):
    """Between two pairings lie other villages; a finding that reaches a whole town is not the helper's."""
    first, second = make.household(V), make.household(OTHER_TOWN)
    own = make.finding(second, "HH-03")
    wide = make.finding(second, "ID-12", reach="459901101")
    helper = make_user(Role.HELPER, households=[first, second])
    client = login(helper)
    assert client.get(own.get_absolute_url()).status_code == 200
    assert client.get(wide.get_absolute_url()).status_code == 404
    with scope.acting(helper):
        assert list(Finding.objects.in_scope()) == [own]
    assert actions.can_see(helper, own) and not actions.can_see(helper, wide)


def test_the_database_itself_keeps_a_towns_finding_from_the_helper(regions, make_user):
    first, second = make.household(V), make.household(OTHER_TOWN)
    make.finding(second, "ID-12", reach="459901101")
    helper = make_user(Role.HELPER, households=[first, second])
    with scope.acting(helper), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM validation_finding")
        assert cursor.fetchone() == (0,)


def test_who_has_no_area_is_offered_nobody(make_user, regions):
    make_user(Role.VILLAGE_CADRE, V)
    assert actions.handlers(make_user(Role.SYSTEM_ADMIN)) == []


def test_corrections_together_are_asked_for_in_the_own_area_whatever_the_address_says(town, regions):
    household = make.household(V)
    make.year(household, 2020, size=4)
    engine.run(["HH-03"], households=f"SELECT {household.pk}")
    for region in ("459901", "459902100", ""):
        address = f"{reverse('validation:fix_ask')}?rule=HH-03&region={region}"
        town.post(address, {"text": "户口簿"})
    with scope.system("test"):
        assert set(FixBatch.objects.values_list("region_id", flat=True)) == {"459901100"}


@pytest.mark.parametrize("value", ["3.5", "99999999999", "-2147483649"])
def test_a_composed_rule_compares_whole_numbers_with_whole_numbers(value, regions):
    with pytest.raises(ValidationError):
        composed.compile_conditions("household", {"all": [{"field": "size", "op": "gt", "value": value}]})


def test_of_two_new_versions_of_one_rule_the_second_is_told(make_user, regions):
    clerk = make_user(Role.COUNTY_OFFICE, "459901")
    given = {
        "region": Region.objects.get(pk="459901"), "title": "人口过多", "suggestion": "", "severity": "W",
        "subject": "household", "conditions": {"all": [{"field": "size", "op": "gt", "value": "9"}]}, "by": clerk,
    }  # fmt: skip
    with scope.acting(clerk):
        first = composed.create(**given)
        assert composed.create(**given, replaces=first) is not None
        assert composed.create(**given, replaces=first) is None
        assert composed.switch_off(first, by=clerk) is None


# --- a cadre's proposal -----------------------------------------------------------------------------------------------


@pytest.fixture
def proposed(cadre, regions):
    """A household that declares four and has one; its cadre proposes the right size on the finding's page."""
    household = make.household(V)
    make.year(household, 2020, size=4)
    engine.run(["HH-03"], households=f"SELECT {household.pk}")
    with scope.system("test"):
        finding = Finding.objects.get(household_id=household.pk, rule="HH-03")
    answer = cadre.post(reverse("validation:apply_fix", args=[finding.uid]), {"reason": "户口簿"})
    assert answer.status_code == 302
    with scope.system("test"):
        return finding, Proposal.objects.get(household=household)


def kinds(finding):
    with scope.system("test"):
        return list(FindingEvent.objects.filter(finding=finding).order_by("id").values_list("kind", flat=True))


def test_a_proposed_correction_waits_as_corrected_also_through_the_night(proposed, cadre):
    finding, _proposal = proposed
    assert make.fresh(finding).state == FindingState.CORRECTED
    engine.run_all(["HH-03"], area="459901")
    assert make.fresh(finding).state == FindingState.CORRECTED
    assert cadre.get(reverse("validation:list"), {"state": "corrected"}).context["found"].total == 1


def test_a_confirmed_proposal_closes_the_finding(proposed, town):
    finding, proposal = proposed
    answer = town.post(reverse("households:proposal_decide", args=[proposal.uid]), {"choice": "confirm"})
    assert answer.status_code == 302
    found = make.fresh(finding)
    assert (found.state, found.closed_as) == (FindingState.CLOSED, "gone")
    assert kinds(finding)[-1] == "corrected"


def test_a_refused_proposal_opens_the_finding_for_another_correction(proposed, make_user):
    finding, proposal = proposed
    office = make_user(Role.TOWN_OFFICE, "459901100")
    with scope.acting(office):
        proposing.refuse(proposal=proposal, by=office, answer="户口簿上是四人")
    assert make.fresh(finding).state == FindingState.DISPATCHED
    assert kinds(finding)[-1] == "refused"
    with scope.system("test"):
        assert FindingEvent.objects.filter(finding=finding).last().text == "户口簿上是四人"
