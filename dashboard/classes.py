"""Classes of a map's legend: equal steps, equal numbers, natural breaks; and palettes that are read without hue."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

MOST, FEWEST, USUAL = 7, 3, 5

# Seven tones from light to dark of each (after ColorBrewer and cividis): lightness alone tells them apart, so that
# they are read by the colour-blind and from a black-and-white print.
PALETTES: dict[str, tuple[str, ...]] = {
    "blue": ("#e4eef8", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#084594"),
    "orange": ("#feedde", "#fdd0a2", "#fdae6b", "#fd8d3c", "#e6550d", "#b63c02", "#7f2704"),
    "purple": ("#f2f0f7", "#dadaeb", "#bcbddc", "#9e9ac8", "#807dba", "#6a51a3", "#4a1486"),
    "cividis": ("#fdea45", "#d8c55c", "#b3a369", "#8b8677", "#666970", "#3d4e6b", "#123570"),
}
PALETTE_TITLES = {"blue": _("blue"), "orange": _("orange"), "purple": _("purple"), "cividis": _("yellow to blue")}
# For changes: purple for less, orange for more, light in the middle; told apart by every kind of colour vision.
DIVERGING = ("#542788", "#998ec3", "#d8daeb", "#f2f2f2", "#fee0b6", "#f1a340", "#b35806")


@dataclass(frozen=True)
class Step:
    """A class of the legend, from `low` to `high`; the last one holds its upper limit too."""

    low: float
    high: float
    colour: str
    number: int = 0


def equal(values: Sequence[float], number: int) -> list[float]:
    """Return where classes begin that are equally wide."""
    low, high = min(values), max(values)
    return [low + (high - low) * place / number for place in range(number)]


def quantile(values: Sequence[float], number: int) -> list[float]:
    """Return where classes begin that hold equally many values, as far as equal values allow it."""
    ordered = sorted(values)
    return [ordered[round(place * len(ordered) / number)] for place in range(number)]


def natural(values: Sequence[float], number: int) -> list[float]:
    """Return where the classes begin whose values differ least from their means (Fisher 1958, Jenks 1977).

    Exact, by dynamic programming over the sorted values: a few hundred regions at most.
    """
    ordered = sorted(values)
    count = len(ordered)
    sums, squares = [0.0], [0.0]
    for value in ordered:
        sums.append(sums[-1] + value)
        squares.append(squares[-1] + value * value)

    def spread(first: int, last: int) -> float:
        """Return the squared deviation of ordered[first:last] from its mean."""
        total = sums[last] - sums[first]
        return squares[last] - squares[first] - total * total / (last - first)

    best = [spread(0, last) if last else 0.0 for last in range(count + 1)]
    cuts: list[list[int]] = []
    for made in range(2, number + 1):
        nearest, cut = [float("inf")] * (count + 1), [0] * (count + 1)
        for last in range(made, count + 1):
            for first in range(made - 1, last):
                found = best[first] + spread(first, last)
                if found < nearest[last] - 1e-12:
                    nearest[last], cut[last] = found, first
        best = nearest
        cuts.append(cut)
    starts, last = [], count
    for cut in reversed(cuts):
        last = cut[last]
        starts.append(ordered[last])
    return [ordered[0], *reversed(starts)]


METHODS: dict[str, Callable] = {"quantile": quantile, "equal": equal, "natural": natural}
METHOD_TITLES = {
    "quantile": _("as many regions in each"),
    "equal": _("equal steps"),
    "natural": _("natural breaks"),
}


def tones(palette: Sequence[str], number: int) -> list[str]:
    """Return `number` colours spread over a palette, both ends included."""
    if number == 1:
        return [palette[len(palette) // 2]]
    return [palette[round(place * (len(palette) - 1) / (number - 1))] for place in range(number)]


def steps(values: Sequence[float], method: str = "quantile", number: int = USUAL, palette: str = "blue") -> list[Step]:
    """Return the legend's classes of `values`, lightest first; fewer where there are fewer different values."""
    values = [float(value) for value in values]
    different = sorted(set(values))
    if not different:
        return []
    starts = sorted(set(METHODS[method](values, min(number, len(different)))))
    return _steps(starts, different[-1], values, tones(PALETTES[palette], len(starts)))


def diverging(values: Sequence[float]) -> list[Step]:
    """Return seven classes around zero, as wide to both sides as the largest change needs; without a change a
    single one: nothing has moved is another thing than nothing is known."""
    values = [float(value) for value in values]
    widest = max(map(abs, values), default=0.0)
    if not widest:
        return [Step(-1.0, 1.0, DIVERGING[len(DIVERGING) // 2], len(values))] if values else []
    return _steps([widest * share for share in (-1, -0.6, -0.25, -0.02, 0.02, 0.25, 0.6)], widest, values, DIVERGING)


def _steps(starts: Sequence[float], last: float, values: Sequence[float], colours: Sequence[str]) -> list[Step]:
    """Return a class from each start to the next one, which it does not hold; the last one holds `last`."""
    numbers = [0] * len(starts)
    for value in values:
        numbers[_place(starts, value)] += 1
    return [Step(*found) for found in zip(starts, [*starts[1:], last], colours, numbers, strict=True)]


def _place(starts: Sequence[float], value: float) -> int:
    return max(0, bisect_right(starts, value) - 1)


def colour(found: Sequence[Step], value) -> str:
    """Return the colour of a value's class; "" for no value."""
    if value is None or not found:
        return ""
    return found[_place([step.low for step in found], float(value))].colour
