"""FGT, Sen, Gini and Lorenz against published examples, and what holds for any incomes."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analysis import measures


def table(incomes, line=100.0, weights=None, groups=None) -> pl.DataFrame:
    columns = {"income": incomes, "line": [float(line)] * len(incomes), "weight": weights or [1.0] * len(incomes)}
    schema = {"income": pl.Float64, "line": pl.Float64, "weight": pl.Float64}
    if groups is not None:
        columns["group"], schema["group"] = groups, pl.String
    return pl.DataFrame(columns, schema=schema)


# --- published examples ---------------------------------------------------------------------------------------------------


def test_headcount_gap_and_squared_gap_are_those_of_the_world_banks_handbook():
    """J. Haughton, S. Khandker, Handbook on Poverty and Inequality (World Bank, 2009), ch. 4, pp. 68–72, line 125."""
    for country in ((100, 100, 150, 150), (124, 124, 150, 150)):
        assert measures.measure(table(country, 125)).headcount == 0.5
    found = measures.measure(table((100, 110, 150, 160), 125))
    assert found.gap == pytest.approx(0.08)
    assert found.severity == pytest.approx(0.0136)
    assert found.shortfall == pytest.approx(25 + 15)


def test_gini_is_that_of_the_world_banks_unified_approach():
    """J. Foster, S. Seth, M. Lokshin, Z. Sajaia, A Unified Approach to Measuring Poverty and Inequality (World Bank,
    2013), ch. 2, example 2.7: x = ($2k, $4k, $8k, $10k) has I_Gini = 0.292.
    """
    assert round(measures.measure(table((2, 4, 8, 10))).gini, 3) == 0.292


def test_subgroups_add_up_as_in_the_world_banks_unified_approach():
    """The same, ch. 2, example 2.9: x = ($80, $100, $800, $1,000, $50,000, $70,000), line $1,100, in two groups of three."""
    first, second = (80, 100, 50_000), (800, 1_000, 70_000)
    whole = measures.measure(table((*first, *second), 1100))
    one, two = (measures.measure(table(part, 1100)) for part in (first, second))
    for name in ("headcount", "gap", "severity"):
        assert getattr(whole, name) == pytest.approx(0.5 * getattr(one, name) + 0.5 * getattr(two, name))


def test_the_sen_index_is_the_rank_weighted_sum_of_the_gaps_for_many_poor():
    """A. Sen, Econometrica 44 (1976), eq. 14: P = 2 / ((q + 1)·n·z) · Σ (z − y_i)·(q + 1 − i), the poorest ranked 1."""
    incomes, line = sorted([800.0, 1000.0, 300.0, 50_000.0, 70_000.0] * 400), 1100.0
    poor = [income for income in incomes if income < line]
    number = len(poor)
    ranked = sum((line - income) * (number + 1 - rank) for rank, income in enumerate(poor, 1))
    wanted = 2 * ranked / ((number + 1) * len(incomes) * line)
    assert measures.measure(table(incomes, line)).sen == pytest.approx(wanted, rel=1e-3)


def test_the_sen_index_is_that_of_the_handbooks_formula():
    """Haughton and Khandker (2009), ch. 4: P_S = P_0·(1 − (1 − G_p)·μ_p / z), μ_p the mean income of the poor."""
    found = measures.measure(table((100, 110, 150, 160), 125))
    gini_poor = measures.measure(table((100, 110), 125)).gini
    assert found.sen == pytest.approx(0.5 * (1 - (1 - gini_poor) * 105 / 125))


# --- conventions ------------------------------------------------------------------------------------------------------------


def test_who_has_exactly_the_line_is_not_below_it():
    assert measures.measure(table((100, 99.99), 100)).poor == 1


def test_an_income_below_zero_counts_as_zero_and_is_told():
    found = measures.measure(table((-50, 200), 100))
    assert (found.gap, found.negative) == (0.5, 1)


def test_persons_weigh_and_households_are_counted():
    found = measures.measure(table((50, 200), 100, weights=[3, 1]))
    assert (found.headcount, found.poor_households, found.households) == (0.75, 1, 2)


def test_each_household_is_held_against_its_own_line():
    rows = table((90, 90)).with_columns(line=pl.Series([80.0, 100.0]))
    assert measures.measure(rows).poor == 1


def test_nobody_has_no_measures_and_nobody_poor_has_none_of_depth():
    nobody = measures.measure(table(()))
    assert (nobody.households, nobody.headcount, nobody.gini, nobody.sen, nobody.mean) == (0, None, None, None, None)
    well = measures.measure(table((200, 300)))
    assert (well.headcount, well.depth, well.sen) == (0, None, 0)
    assert measures.measure(table((0, 0))).gini is None
    assert measures.lorenz(table(())) == [] == measures.lorenz(table((0, 0)))


def test_the_lorenz_curve_runs_through_what_the_poorest_own():
    assert measures.lorenz(table((2, 4, 8, 10)), 4) == [
        (0, 0), (0.25, pytest.approx(2 / 24)), (0.5, pytest.approx(6 / 24)), (0.75, pytest.approx(14 / 24)), (1, 1),
    ]  # fmt: skip


# --- whatever the incomes are -----------------------------------------------------------------------------------------------

AMOUNT = st.floats(0, 1e6, allow_nan=False).map(lambda value: round(value, 2))
ROWS = st.lists(st.tuples(AMOUNT, st.integers(1, 12), st.sampled_from("abc")), min_size=1, max_size=60)
LINE = st.floats(1, 1e5).map(lambda value: round(value, 2))


def of(rows, line) -> pl.DataFrame:
    incomes, weights, groups = zip(*rows, strict=True)
    return table(list(incomes), line, [float(one) for one in weights], list(groups))


@given(ROWS, LINE)
def test_groups_add_up_to_the_whole(rows, line):
    whole, parts = measures.measure(of(rows, line)), measures.measure_by(of(rows, line), "group")
    for name in ("households", "poor_households", "weight", "poor"):
        assert sum(getattr(part, name) for part in parts.values()) == getattr(whole, name)
    for name, total in (("gap", whole.gap), ("severity", whole.severity), ("headcount", whole.headcount)):
        mixed = math.fsum(part.weight / whole.weight * getattr(part, name) for part in parts.values())
        assert mixed == pytest.approx(total, abs=1e-9)


@given(ROWS, LINE)
def test_deeper_measures_are_never_larger_and_sen_lies_between_gap_and_headcount(rows, line):
    found = measures.measure(of(rows, line))
    assert 0 <= found.severity <= found.gap + 1e-12 <= found.headcount + 2e-12 <= 1 + 2e-12
    assert found.gap - 1e-9 <= found.sen <= found.headcount + 1e-9


@given(st.lists(AMOUNT, min_size=1, max_size=60))
def test_gini_lies_between_nothing_and_one_owner_of_all(incomes):
    found = measures.measure(table(incomes)).gini
    assert found is None if not sum(incomes) else 0 <= found <= 1 - 1 / len(incomes) + 1e-9


@given(ROWS, LINE, st.sampled_from((0.01, 0.5, 3.0, 10_000.0)))
def test_another_currency_changes_nothing(rows, line, factor):
    here = measures.measure(of(rows, line))
    scaled = of(rows, line).with_columns(pl.col("income", "line") * factor)
    there = measures.measure(scaled)
    # An income of exactly the line may come to lie a last bit below it: such a gap is nothing, too.
    assert there.gap == pytest.approx(here.gap, abs=1e-9) and there.severity == pytest.approx(here.severity, abs=1e-9)
    assert there.gini == pytest.approx(here.gini, abs=1e-9) if here.gini is not None else there.gini is None


@given(ROWS, LINE)
def test_everybody_twice_changes_nothing(rows, line):
    here, twice = measures.measure(of(rows, line)), measures.measure(of([*rows, *rows], line))
    for name in ("headcount", "gap", "severity", "sen", "gini", "mean"):
        assert getattr(twice, name) == (None if getattr(here, name) is None else pytest.approx(getattr(here, name)))


@given(st.lists(AMOUNT, min_size=2, max_size=40))
def test_the_lorenz_curve_lies_below_the_diagonal_and_bends_upwards(incomes):
    points = measures.lorenz(table(incomes), 10)
    if sum(incomes):
        assert all(up <= along + 1e-9 for along, up in points)
        steps = [b[1] - a[1] for a, b in zip(points, points[1:], strict=False)]
        assert all(later >= earlier - 1e-9 for earlier, later in zip(steps, steps[1:], strict=False))


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40))
def test_shares_as_shown_add_up_to_a_hundred(parts):
    shares = measures.rounded_shares(parts)
    assert round(sum(shares), 6) == (100 if sum(parts) else 0)
    whole = math.fsum(parts)
    assert all(abs(share - 100 * part / whole) < 0.1 + 1e-6 for share, part in zip(shares, parts, strict=True) if whole)
