"""The workbench: every rule with its numbers and its record, a try on the register, rules composed without code."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.roles import Role
from poverty import config, scope
from poverty.declarations import rules
from regions.models import Region
from tests.households import factories as make
from validation import composed, engine
from validation.models import ComposedRule, Finding, FindingEvent, RuleOwner

pytestmark = pytest.mark.django_db
COUNTY, VILLAGE, NEXT = "459901", "459901100201", "459902100201"


@pytest.fixture
def clerk(make_user, regions):
    return make_user(Role.COUNTY_OFFICE, COUNTY)


@pytest.fixture
def page(client, clerk):
    client.force_login(clerk)
    return client


def large(village=VILLAGE, size=9, **values):
    made = make.household(village, **values)
    make.year(made, size=size)
    return made


def conditions(value="7"):
    return {"all": [{"field": "size", "op": "gte", "value": value}]}


def posted(do, **more):
    return {
        "do": do, "title": "人口多", "suggestion": "核对", "severity": "W", "region": COUNTY, "subject": "household",
        "g0-word": "all", "g0-0-field": "size", "g0-0-op": "gte", "g0-0-value": "7", **more,
    }  # fmt: skip


def test_all_rules_are_listed_with_what_they_found_and_how_right_they_were(page, clerk):
    household = make.household(VILLAGE)
    finding = make.finding(household, rule="HH-03")
    make.finding(make.household(NEXT), rule="HH-03")
    with scope.system("test"):
        for verdict in ("error", "false_alarm", "error", "special"):
            FindingEvent.objects.create(
                finding=finding, rule="HH-03", reach=VILLAGE, household_id=household.pk, kind="verdict", verdict=verdict
            )
    answer = page.get(reverse("validation:rules"))
    shown = {line.id: line for group in answer.context["groups"] for line in group["lines"]}
    assert set(shown) == set(rules)
    line = shown["HH-03"]
    assert (line.open, line.closed, line.precision, line.on) == (1, 0, 0.5, True)


def test_filters_narrow_the_list(page):
    answer = page.get(reverse("validation:rules"), {"q": "hh-0", "severity": "E"})
    shown = [line for group in answer.context["groups"] for line in group["lines"]]
    assert shown and all(line.id.startswith("HH-0") and line.severity == "E" for line in shown)


def test_the_number_of_queries_does_not_grow_with_the_rules(page, django_assert_max_num_queries):
    page.get(reverse("validation:rules"))
    with django_assert_max_num_queries(25):
        page.get(reverse("validation:rules"))


def test_a_rule_has_an_owner_in_an_area(page, clerk):
    page.post(reverse("validation:rule_owner", args=["HH-03"]), {"owner": clerk.pk})
    with scope.system("test"):
        owner = RuleOwner.objects.get()
    assert (owner.rule, owner.region_id, owner.owner) == ("HH-03", COUNTY, clerk)
    assert clerk.full_name in page.get(reverse("validation:rule", args=["HH-03"])).text
    page.post(reverse("validation:rule_owner", args=["HH-03"]), {"owner": ""})
    with scope.system("test"):
        assert not RuleOwner.objects.exists()


def test_a_try_shows_what_would_be_found_here_and_writes_nothing(page):
    large(size=9), large(NEXT, size=9)
    answer = page.get(reverse("validation:rule_preview", args=["HH-03"]))
    found = answer.context["found"]
    assert (found["found"], found["added"], found["removed"]) == (1, 1, 0)
    with scope.system("test"):
        assert not Finding.objects.exists()


def test_a_number_of_our_own_is_tried_but_a_nearer_one_stays(regions, make_user):
    city = make_user(Role.CITY_OFFICE, "4599")
    rule = next(rule for rule in rules.values() if rule.thresholds)
    name = rule.thresholds[0].name
    config.set_value(f"rule.{rule.id}.{name}", Decimal(7), COUNTY, dt.date(2020, 1, 1), city, "own")
    parts = engine.areas(rule, "4599", dt.date(2026, 1, 1), ("4599", {name: Decimal(3)}))
    assert {part.code: part.numbers[name] for part in parts} == {"4599": 3, COUNTY: 7}


def test_a_composed_rule_is_tried_then_saved_then_run(page, clerk, django_capture_on_commit_callbacks):
    large(size=9), large(size=3)
    url = reverse("validation:compose")
    tried = page.post(url, posted("preview"))
    assert tried.context["found"]["found"] == 1
    assert page.post(url, posted("save")).status_code == 200  # not tried: nothing is saved
    with scope.system("test"):
        assert not ComposedRule.objects.exists()
    saved = page.post(url, posted("save", tried=tried.context["tried"]))
    assert saved.url == reverse("validation:rule", args=["ZD-001"])
    with scope.system("test"):
        engine.run_all(["ZD-001"], area=COUNTY)
        found = Finding.objects.get(rule="ZD-001")
    assert found.severity == "W" and "9" in found.seen
    assert page.get(saved.url).status_code == 200


def test_what_was_changed_after_the_try_is_tried_again(page):
    url = reverse("validation:compose")
    tried = page.post(url, posted("preview")).context["tried"]
    assert page.post(url, posted("save", tried=tried, **{"g0-0-value": "2"})).status_code == 200
    with scope.system("test"):
        assert not ComposedRule.objects.exists()


def test_rows_and_groups_are_added_and_taken_away_without_a_script(page):
    url = reverse("validation:compose")
    answer = page.post(url, posted("add:0"))
    assert [len(group["rows"]) for group in answer.context["groups"]] == [2]
    answer = page.post(url, posted("group"))
    assert [len(group["rows"]) for group in answer.context["groups"]] == [1, 1]
    answer = page.post(url, posted("drop:0:0"))
    assert [len(group["rows"]) for group in answer.context["groups"]] == [0]


def test_a_new_version_switches_the_old_one_off_and_closes_its_findings(page, clerk):
    large(size=9)
    with scope.acting(clerk):
        first = composed.create(
            region=Region.objects.get(pk=COUNTY), title="人口多", suggestion="", severity="W", subject="household",
            conditions=conditions(), by=clerk,
        )  # fmt: skip
    engine.run_all([first.code], area=COUNTY)
    url = reverse("validation:compose_edit", args=[first.code])
    tried = page.post(url, posted("preview")).context["tried"]
    page.post(url, posted("save", tried=tried))
    with scope.system("test"):
        assert list(ComposedRule.objects.values_list("code", "active")) == [("ZD-001", False), ("ZD-002", True)]
        closed = Finding.objects.get(rule="ZD-001")
    assert (closed.state, closed.closed_as) == ("closed", "off")
    engine.run_all(["ZD-001"], area=COUNTY)
    with scope.system("test"):
        assert Finding.objects.get(rule="ZD-001").closed_at


@pytest.mark.parametrize("name", ["id_index", "phone_index", "card_index", "health", "position", "dis_type"])
def test_what_is_sealed_or_masked_cannot_be_looked_at(name):
    for subject in ("member", "household"):
        assert name not in composed.fields_of(subject)
        with pytest.raises(ValidationError):
            composed.compile_conditions(subject, {"all": [{"field": name, "op": "filled"}]})


def test_a_rule_of_another_county_is_not_there(page, make_user):
    other = make_user(Role.COUNTY_OFFICE, "459902")
    with scope.acting(other):
        composed.create(
            region=Region.objects.get(pk="459902"), title="人口多", suggestion="", severity="W", subject="household",
            conditions=conditions(), by=other,
        )  # fmt: skip
    for name in ("rule", "compose_edit", "rule_preview"):
        assert page.get(reverse(f"validation:{name}", args=["ZD-001"])).status_code == 404
    assert page.post(reverse("validation:compose_off", args=["ZD-001"])).status_code == 404
