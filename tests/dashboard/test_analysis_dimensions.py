"""Multidimensional poverty against published examples, and what holds for any deprivations."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analysis import multidimensional

NAMES = ("a", "b", "c", "d")
EQUAL = dict.fromkeys(NAMES, 1)


def table(rows, weights=None, groups=None) -> pl.DataFrame:
    columns = {name: [bool(row[at]) if row[at] is not None else None for row in rows] for at, name in enumerate(NAMES)}
    columns["weight"] = [float(one) for one in weights or [1] * len(rows)]
    schema = dict.fromkeys(NAMES, pl.Boolean) | {"weight": pl.Float64}
    if groups:
        columns["group"], schema["group"] = groups, pl.String
    return pl.DataFrame(columns, schema=schema)


def test_the_measure_is_that_of_alkire_and_fosters_example():
    """S. Alkire, J. Foster, Journal of Public Economics 95 (2011), section 4: four persons, four dimensions,
    achievements (13.1, 14, 4, 1), (15.2, 7, 5, 0), (12.5, 10, 1, 0), (20, 11, 3, 1), cut-offs (13, 12, 3, 1), k = 2:
    H = 1/2, A = 3/4, M0 = 3/8.
    """
    people = ((13.1, 14, 4, 1), (15.2, 7, 5, 0), (12.5, 10, 1, 0), (20, 11, 3, 1))
    rows = [[have < need for have, need in zip(one, (13, 12, 3, 1), strict=True)] for one in people]
    found = multidimensional.measure(table(rows), EQUAL, 2 / 4)
    assert (found.headcount, found.intensity, found.adjusted) == (0.5, 0.75, 0.375)
    # The fourth person lacks schooling and is not poor: censored.
    assert [found.raw_headcount(name) for name in NAMES] == [0.25, 0.75, 0.25, 0.5]
    assert [found.censored_headcount(name) for name in NAMES] == [0.25, 0.5, 0.25, 0.5]
    assert [found.contribution(name) for name in NAMES] == [
        pytest.approx(part) for part in (1 / 6, 1 / 3, 1 / 6, 1 / 3)
    ]


def test_societies_of_the_same_measure_differ_in_incidence_and_intensity():
    """S. Alkire, J. Foster et al., Multidimensional Poverty Measurement and Analysis (Oxford, 2015), ch. 5, box 5.5:
    deprivation scores (0, 0.5, 1, 0.25) and (0, 0.5, 0.5, 0.5), equal weights, k = 0.5.
    """
    first = multidimensional.measure(table([(0, 0, 0, 0), (1, 0, 0, 1), (1, 1, 1, 1), (0, 1, 0, 0)]), EQUAL, 0.5)
    second = multidimensional.measure(table([(0, 0, 0, 0), (1, 0, 0, 1), (1, 1, 0, 0), (0, 1, 1, 0)]), EQUAL, 0.5)
    assert (first.headcount, first.intensity, first.adjusted) == (0.5, 0.75, 0.375)
    assert (second.headcount, second.intensity, second.adjusted) == (0.75, 0.5, 0.375)


def test_weights_and_persons_weigh():
    rows = table([(1, 0, 0, 0), (0, 1, 1, 0)], weights=[3, 1])
    found = multidimensional.measure(rows, {"a": 2, "b": 1, "c": 1, "d": 0}, 0.5)
    assert (found.headcount, found.poor_households) == (1, 2)
    assert found.weights == {"a": 0.5, "b": 0.25, "c": 0.25}
    heavy = multidimensional.measure(rows, {"a": 8, "b": 1, "c": 1, "d": 0}, 0.5)
    assert heavy.headcount == 0.75


def test_a_dimension_without_weight_neither_counts_nor_leaves_anybody_out():
    rows = table([(1, 1, 1, None), (0, 0, None, 0)])
    weights = {"a": 1, "b": 1, "c": 1, "d": 0}
    assert multidimensional.known(rows, weights).height == 1
    assert multidimensional.known(rows, EQUAL).height == 0
    with pytest.raises(ValueError):
        multidimensional.normalised({"a": 0})


def test_a_third_of_three_equal_weights_is_a_third():
    rows = table([(1, 0, 0, 0)])
    assert multidimensional.measure(rows, dict.fromkeys("abc", 1), 1 / 3).headcount == 1


def test_a_cut_off_outside_its_range_is_refused():
    for k in (0, -1, 1.01):
        with pytest.raises(ValueError):
            multidimensional.scored(table([(1, 0, 0, 0)]), EQUAL, k)


ROWS = st.lists(
    st.tuples(st.tuples(*[st.booleans()] * 4), st.integers(1, 9), st.sampled_from("xyz")), min_size=1, max_size=40
)
WEIGHTS = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 100))).filter(lambda found: any(found.values()))
CUT_OFF = st.integers(1, 100).map(lambda percent: percent / 100)


def of(rows):
    return table([one[0] for one in rows], [one[1] for one in rows], [one[2] for one in rows])


@given(ROWS, WEIGHTS, CUT_OFF)
def test_dimensions_and_groups_add_up_to_the_whole(rows, weights, k):
    whole = multidimensional.measure(of(rows), weights, k)
    parts = multidimensional.measure_by(of(rows), weights, k, "group")
    mixed = math.fsum(part.weight / whole.weight * part.adjusted for part in parts.values())
    assert mixed == pytest.approx(whole.adjusted, abs=1e-12)
    assert sum(part.poor_households for part in parts.values()) == whole.poor_households
    if whole.poor:
        assert math.fsum(whole.contribution(name) for name in whole.weights) == pytest.approx(1)
        assert whole.headcount * whole.intensity == pytest.approx(whole.adjusted)
        assert k - 1e-6 <= whole.intensity <= 1 + 1e-9
    else:
        assert (whole.adjusted, whole.intensity) == (0, None)


@given(ROWS, WEIGHTS, CUT_OFF, CUT_OFF)
def test_a_higher_cut_off_never_finds_more(rows, weights, one, other):
    low, high = sorted((one, other))
    loose, strict = (multidimensional.measure(of(rows), weights, k) for k in (low, high))
    assert strict.poor <= loose.poor and strict.adjusted <= loose.adjusted + 1e-12


@given(ROWS, WEIGHTS, CUT_OFF)
def test_weights_are_parts_of_whatever_they_add_up_to(rows, weights, k):
    here = multidimensional.measure(of(rows), weights, k)
    there = multidimensional.measure(of(rows), {name: 7 * value for name, value in weights.items()}, k)
    assert there.adjusted == pytest.approx(here.adjusted)
