"""The data-quality score against numbers worked out by hand, and what is kept of each month."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.roles import Role
from poverty import scope
from tests.households import factories as make
from validation import score
from validation.models import QualityMonth

pytestmark = pytest.mark.django_db
HERE, TOWN, NEXT = "459901100201", "459901100", "459901101201"


@pytest.fixture
def register(regions):
    """Ten records in one village (2 households of 4 persons each), two in another."""
    first, second = make.household(HERE), make.household(HERE)
    people = [member for of in (first, second) for member in (make.member(of), make.member(of), make.member(of))]
    other = make.household(NEXT)
    return {"first": first, "second": second, "people": people, "other": other}


def hit(of, member=None, rule="HH-03", severity="E", **more):
    kind = {"subject_kind": "member", "subject": member.pk} if member else {}
    return make.finding(of, rule=rule, severity=severity, **kind, **more)


def quality(code="4599"):
    with scope.system("test"):
        return score.of(code)


def test_each_record_counts_once_with_its_heaviest_finding(register):
    hit(register["first"], rule="HH-01", severity="E")
    hit(register["first"], rule="HH-03", severity="W")
    hit(register["first"], register["people"][0], rule="ID-10", severity="W")
    hit(register["first"], register["people"][1], rule="ID-09", severity="I")
    found = quality("459901100")
    assert found.records == 10
    assert found.hit == {"E": 1, "W": 1, "I": 1, "all": 3}
    assert found.score == Decimal("85.00")  # 100 × (1 − (1 + 0.4 + 0.1) ÷ 10)


def test_a_sub_score_looks_at_the_rules_of_its_facet_alone(register, monkeypatch):
    monkeypatch.setattr(score, "_facets", lambda: (["HH-01", "HH-03"], ["validity", "timeliness"]))
    hit(register["first"], rule="HH-01", severity="E")
    hit(register["first"], rule="HH-03", severity="W")
    found = quality(TOWN)
    assert (found.score, found.subs["validity"], found.subs["timeliness"], found.subs["uniqueness"]) == (
        90,
        90,
        96,
        100,
    )


def test_settled_findings_and_those_of_villages_and_departed_people_do_not_count(register):
    now = timezone.now()
    hit(register["first"], rule="HH-01", closed_at=now, closed_as="muted", muted_basis="x")
    make.finding(register["first"], rule="CD-34", subject_kind="village", subject=int(HERE))
    gone = register["people"][2]
    with scope.system("test"):
        type(gone).objects.filter(pk=gone.pk).update(departed_on=dt.date(2020, 1, 1))
    found = quality(TOWN)
    assert (found.records, found.score) == (9, 100)


def test_it_never_falls_below_nought_and_nothing_has_no_score(register):
    for of in (register["first"], register["second"]):
        hit(of)
    monkey = score.Quality(records=1, hits={"": {"E": 3}})
    assert monkey.score == 0
    assert quality("46").score is None


def test_children_add_up_to_their_parent(register):
    hit(register["first"])
    hit(register["other"], rule="HH-01", severity="W")
    with scope.system("test"):
        villages = score.by_place("459901", 12)
    assert {code: (one.records, one.hit["all"]) for code, one in villages.items()} == {HERE: (10, 1), NEXT: (2, 1)}
    whole = score.total(villages.values())
    assert (whole.records, whole.hit, whole.score) == (12, quality().hit, quality().score)


def test_a_reader_counts_the_own_area_only(register, make_user):
    hit(register["other"])
    officer = make_user(Role.TOWN_OFFICE, TOWN)
    with scope.acting(officer):
        assert (score.of("459901").records, score.of("459901").score) == (10, 100)


def test_a_month_keeps_its_last_night_at_every_level(register):
    assert score.keep(on=dt.date(2026, 10, 30)) == 7
    hit(register["first"])
    score.keep(on=dt.date(2026, 10, 31))
    score.keep(on=dt.date(2026, 11, 1))
    with scope.system("test"):
        rows = QualityMonth.objects.filter(region_id="459901").order_by("month")
        assert [(str(row.month), row.records) for row in rows] == [("2026-10-01", 12), ("2026-11-01", 12)]
        assert rows[0].score == Decimal("91.67") and rows[0].hits["E"] == 1
        assert QualityMonth.objects.filter(month=dt.date(2026, 10, 1)).count() == 7
