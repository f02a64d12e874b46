"""The legend's classes: every value in one of them, few when there are few values, lighter for less."""

import pytest

from dashboard import classes

VALUES = [1, 2, 2, 3, 4, 4, 4, 10, 11, 50, 51, 52]


@pytest.mark.parametrize("method", classes.METHODS)
@pytest.mark.parametrize("number", range(classes.FEWEST, classes.MOST + 1))
def test_every_value_is_in_one_class(method, number):
    found = classes.steps(VALUES, method, number)
    assert sum(step.number for step in found) == len(VALUES)
    assert len(found) <= number
    assert found[0].low == 1 and found[-1].high == 52
    assert [step.low for step in found[1:]] == [step.high for step in found[:-1]]
    assert all(classes.colour(found, value) in {step.colour for step in found} for value in VALUES)


def test_quantiles_hold_equally_many():
    assert [step.number for step in classes.steps(list(range(100)), "quantile", 4)] == [25, 25, 25, 25]


def test_equal_steps_are_equally_wide():
    assert [step.high - step.low for step in classes.steps([0, 1, 2, 3, 10], "equal", 5)] == [2.0] * 5


def test_natural_breaks_lie_in_the_gaps():
    found = classes.steps([1, 2, 3, 20, 21, 22, 90, 91], "natural", 3)
    assert [step.low for step in found] == [1, 20, 90]
    assert [step.number for step in found] == [3, 3, 2]


@pytest.mark.parametrize("method", classes.METHODS)
def test_few_different_values_make_few_classes(method):
    assert classes.steps([], method) == []
    assert len(classes.steps([7, 7, 7], method)) == 1
    found = classes.steps([0, 0, 0, 0, 5], method, 5)
    assert len(found) <= 2 and sum(step.number for step in found) == 5


def test_changes_are_coloured_around_zero():
    found = classes.diverging([-4, 0, 2])
    assert (found[0].low, found[-1].high) == (-4, 4)
    assert classes.colour(found, 0) == classes.DIVERGING[3]
    assert classes.colour(found, -4) == classes.DIVERGING[0]
    (still,) = classes.diverging([0, 0])
    assert (still.colour, still.number) == (classes.DIVERGING[3], 2)
    assert classes.diverging([]) == []


def lightness(colour):
    """Return L* of CIE Lab of "#rrggbb"."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


@pytest.mark.parametrize("palette", classes.PALETTES)
def test_palettes_are_told_apart_by_lightness_alone(palette):
    found = [lightness(colour) for colour in classes.PALETTES[palette]]
    assert all(before - after > 5 for before, after in zip(found, found[1:], strict=False))
