"""Every number on the pages of findings, rules, runs and quality opens a list of exactly its rows."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from households.models import Household
from poverty import scope
from regions.models import Region
from tests.households import factories as make
from tests.numbers import open_rows, rows_of
from validation import score
from validation.models import FindingEvent, RuleRun

pytestmark = pytest.mark.django_db(transaction=True)


def judged(finding, verdict, by):
    with scope.system("test"):
        return FindingEvent.objects.create(
            finding=finding, rule=finding.rule, source=finding.source, reach=finding.reach, kind="verdict",
            verdict=verdict, household_id=finding.household_id, by=by,
        )  # fmt: skip


@pytest.fixture
def found(regions, county):
    """Three households of two villages; one with findings of all severities, about itself and about its head."""
    first, second, third = (make.household(f"45990110020{n}") for n in (1, 1, 2))
    rows = {
        "size": make.finding(first, "HH-03", seen="4", expected="1"),
        "head": make.finding(first, "HH-01", severity="W"),
        "sex": make.finding(first, "ID-09", severity="W", subject_kind="member", subject=make.head_of(first).pk),
        "hint": make.finding(first, "CD-01", severity="I", subject_kind="member", subject=make.head_of(first).pk),
        "warn": make.finding(second, "HH-01", severity="W"),
        "info": make.finding(third, "HH-01", severity="I"),
        "old": make.finding(
            third, "HH-03", closed_at=dt.datetime(2026, 2, 1, tzinfo=dt.UTC), closed_as="gone", state="closed"
        ),
    }
    for name, verdict in (("size", "error"), ("size", "false_alarm"), ("warn", "special"), ("old", "error")):
        judged(rows[name], verdict, county.user)
    return rows


@pytest.mark.parametrize("code", ["459901", "459901100", "459901100201"])
def test_the_quality_page_counts_records_and_opens_one_line_for_each(county, found, code):
    links = dict(open_rows(county, reverse("validation:quality") + f"?region={code}", at_least=3))
    number = {severity: rows_of(county, f"/findings/?region={code}&heaviest={severity}") for severity in "EWI"}
    whole = {"E": 1, "W": 2, "I": 1} if len(code) < 12 else {"E": 1, "W": 2, "I": 0}
    assert number == whole and links


def test_what_the_night_counted_opens_what_was_open_then(found, make_user, login):
    """A city reads last night's values: findings opened or closed since do not change the list behind them."""
    with scope.system("test"):
        assert Region.objects.filter(pk="4599").exists()
    score.keep("45")
    leader = login(make_user("city_office", "4599"))
    address = reverse("validation:quality") + "?region=4599"
    before = open_rows(leader, address, at_least=3)
    with scope.system("test"):
        third = Household.objects.get(pk=found["info"].household_id)
        type(found["warn"]).objects.filter(pk=found["warn"].pk).update(closed_at=timezone.now(), closed_as="gone")
    new = make.finding(third, "HH-02")
    with scope.system("test"):
        type(new).objects.filter(pk=new.pk).update(first_seen_at=timezone.now())
    assert open_rows(leader, address, at_least=3) == before


def test_the_workbench_opens_hits_and_the_verdicts_behind_each_precision(county, found):
    links = open_rows(county, reverse("validation:rules"), at_least=8)
    assert any("state=all" in target and number == 3 for target, number in links if "HH-01" in target)
    assert any("/verdicts/" in target and number == 3 for target, number in links)
    open_rows(county, reverse("validation:rule", args=["HH-03"]), at_least=4)


def test_the_true_verdicts_of_a_rule_are_as_many_as_its_precision_says(county, found):
    assert rows_of(county, reverse("validation:verdicts") + "?rule=HH-03&upheld=1") == 2
    assert rows_of(county, reverse("validation:verdicts") + "?rule=HH-03&verdict=false_alarm") == 1
    assert rows_of(county, reverse("validation:verdicts") + "?rule=HH-01") == 1


def test_verdicts_of_other_areas_are_not_listed(found, make_user, login):
    for role, code, number in (("village_cadre", "459901100202", 1), ("county_office", "459902", 0)):
        client = login(make_user(role, code))
        assert rows_of(client, reverse("validation:verdicts")) == number


def test_runs_open_what_they_opened_and_closed(county, found):
    with scope.system("test"):
        run = RuleRun.objects.create(area="459901", on=dt.date(2026, 1, 1), trigger="page", state="done", started_at=timezone.now())  # fmt: skip
        type(found["warn"]).objects.filter(rule="HH-01").update(opened_run=run.pk)
        type(found["old"]).objects.filter(pk=found["old"].pk).update(closed_run=run.pk)
    links = open_rows(county, reverse("validation:runs"), at_least=2)
    assert sorted(number for _target, number in links) == [1, 3]
    open_rows(county, reverse("validation:run", args=[run.uid]), at_least=2)


def test_a_muddled_filter_finds_nothing_and_says_so(county, found):
    for query in ("at=soon", "heaviest=X", "at=2026-01-01"):
        answer = county.get(reverse("validation:list") + f"?{query}")
        assert answer.status_code == 200 and answer.context["found"].total == 0


def test_the_home_page_of_an_office_tells_what_is_overdue_and_what_nobody_handles(county, cadre, found):
    page = county.get("/")
    waiting = {card.url.partition("?")[2]: card.count for card in page.context["waiting"] if "/findings/" in card.url}
    assert waiting["owner=nobody"] == 6 == rows_of(county, "/findings/?owner=nobody")
    assert "owner=nobody" not in {card.url.partition("?")[2] for card in cadre.get("/").context["waiting"]}


def test_who_sees_no_findings_gets_the_numbers_without_the_way_to_them(found, make_user, login):
    page = login(make_user("leader", "459901")).get(reverse("validation:quality")).content.decode()
    assert "/findings/?" not in page and "条存在未结疑点" in page
