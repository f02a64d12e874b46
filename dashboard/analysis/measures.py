"""Poverty and inequality of incomes: FGT, Sen, Gini, Lorenz, and what each group contributes.

All of them work on a polars frame with a row per household: `income` (per head and year), `line` (the poverty line
that holds for the household, in the same unit) and `weight` (its persons, or 1 where households are counted). Each
is one aggregation over columns, for the whole frame or by a column, never a loop over rows.

Conventions, the same on every page:

- Poor is who has *less than* the line (y < z), as the data rules and the exit test have it. The sources say "no
  greater than"; it matters to the headcount only, and only of incomes that are exactly the line.
- Incomes below zero (a data rule finds them) count as zero, so that no gap is larger than the line. How many there are
  is in `negative`.
- Rows without income or line belong to no measure: leave them out before, and say how many they were.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

INCOME, LINE, WEIGHT = "income", "line", "weight"


@dataclass(frozen=True)
class Measures:
    """What is measured of a group. Counts are weighted (persons) unless they say households.

    `gap_sum` is Σ w·((z−y)/z) over the poor and `gap2_sum` Σ w·((z−y)/z)²: sums, so that groups add up to the whole
    without rounding. `shortfall` is Σ w·(z−y): what would lift everybody to the line, per year.
    """

    households: int
    weight: float
    poor_households: int
    poor: float
    gap_sum: float
    gap2_sum: float
    shortfall: float
    income_sum: float
    gini: float | None
    gini_poor: float | None
    negative: int = 0

    @property
    def headcount(self) -> float | None:
        """Return FGT α = 0, the share of the poor (H).

        Source: J. Foster, J. Greer, E. Thorbecke, "A class of decomposable poverty measures", Econometrica 52 (1984),
        761–766: P_α = 1/n · Σ_{i poor} ((z − y_i)/z)^α.
        """
        return _ratio(self.poor, self.weight)

    @property
    def gap(self) -> float | None:
        """Return FGT α = 1, the poverty gap index: the mean shortfall of all as a share of the line. Source as above."""
        return _ratio(self.gap_sum, self.weight)

    @property
    def severity(self) -> float | None:
        """Return FGT α = 2, the squared poverty gap, which counts the poorest most. Source as above."""
        return _ratio(self.gap2_sum, self.weight)

    @property
    def depth(self) -> float | None:
        """Return the income-gap ratio I: the mean shortfall of the poor alone as a share of the line."""
        return _ratio(self.gap_sum, self.poor) if self.poor else None

    @property
    def sen(self) -> float | None:
        """Return the Sen index H·(I + (1 − I)·G_p), G_p the Gini coefficient among the poor.

        The form for large numbers of poor, which does not change when everybody is counted twice. Nobody poor: 0.
        Source: A. Sen, "Poverty: an ordinal approach to measurement", Econometrica 44 (1976), 219–231. It does not
        decompose: the Sen indices of groups do not add up to that of the whole.
        """
        if not self.weight:
            return None
        if not self.poor:
            return 0.0
        depth = self.depth
        return self.headcount * (depth + (1 - depth) * (self.gini_poor or 0.0))

    @property
    def mean(self) -> float | None:
        return _ratio(self.income_sum, self.weight)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _gini(income: pl.Expr, weight: pl.Expr) -> pl.Expr:
    """Return the weighted Gini coefficient of `income`; NaN where all of it is zero.

    Twice the area between the diagonal and the Lorenz curve, by trapezia over persons in the order of income:
    G = 1 − Σ w_i·(S_i + S_{i−1}) / (W·S_n), S the cumulated income. Equal to the mean absolute difference of all pairs
    divided by twice the mean. Between 0 and 1 − 1/n.
    Source: C. Gini, Variabilità e mutabilità (1912); in this form J. Haughton, S. Khandker, Handbook on Poverty and
    Inequality (World Bank, 2009), ch. 6, eq. 6.2.
    """
    owned = (weight * income).sort_by(income)
    heads = weight.sort_by(income)
    below = owned.cum_sum()
    return 1 - (heads * (2 * below - owned)).sum() / (heads.sum() * owned.sum())


def _aggregates() -> dict[str, pl.Expr]:
    income, line, weight = pl.col("_income"), pl.col(LINE), pl.col(WEIGHT)
    poor, gap = pl.col("_poor"), pl.col("_gap")
    return {
        "households": pl.len(),
        "weight": weight.sum(),
        "poor_households": poor.sum(),
        "poor": (weight * poor).sum(),
        "gap_sum": (weight * gap).sum(),
        "gap2_sum": (weight * gap * gap).sum(),
        "shortfall": (weight * gap * line).sum(),
        "income_sum": (weight * income).sum(),
        "gini": _gini(income, weight),
        # Among the poor in shares of the line: the same as of their incomes, where the line is one.
        "gini_poor": _gini((income / line).filter(poor), weight.filter(poor)),
        "negative": (pl.col(INCOME) < 0).sum(),
    }


def _prepared(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(WEIGHT).cast(pl.Float64),
        pl.col(LINE).cast(pl.Float64),
        _income=pl.col(INCOME).cast(pl.Float64).clip(lower_bound=0.0),
    ).with_columns(
        _poor=pl.col("_income") < pl.col(LINE),
        _gap=((pl.col(LINE) - pl.col("_income")) / pl.col(LINE)).clip(lower_bound=0.0),
    )


def _measures(row: dict) -> Measures:
    values = {name: row[name] for name in Measures.__dataclass_fields__}
    for name in ("gini", "gini_poor"):
        value = values[name]
        values[name] = None if value is None or math.isnan(value) else min(max(value, 0.0), 1.0)
    return Measures(**{name: 0 if value is None and "gini" not in name else value for name, value in values.items()})


def measure(frame: pl.DataFrame) -> Measures:
    """Measure the whole frame."""
    return _measures(_prepared(frame).select(**_aggregates()).row(0, named=True))


def measure_by(frame: pl.DataFrame, by: str) -> dict[object, Measures]:
    """Measure each value of the column `by`, in one aggregation.

    FGT decomposes: the whole is the mean of the groups weighted by their population (Foster, Greer, Thorbecke 1984,
    eq. 5), here because the sums of the groups are those of the whole. Gini and Sen do not.
    """
    rows = _prepared(frame).group_by(by, maintain_order=False).agg(**_aggregates()).sort(by, nulls_last=True)
    return {row[by]: _measures(row) for row in rows.iter_rows(named=True)}


def lorenz(frame: pl.DataFrame, parts: int = 20) -> list[tuple[float, float]]:
    """Return the Lorenz curve as (share of persons, their share of all income), the poorest first, at `parts` steps.

    Between two households the curve is straight: a household's members have the same income per head.
    Source: M. O. Lorenz, "Methods of measuring the concentration of wealth", Publications of the American Statistical
    Association 9 (1905), 209–219.
    """
    ordered = (
        _prepared(frame)
        .sort("_income")
        .select(heads=pl.col(WEIGHT).cum_sum(), owned=(pl.col(WEIGHT) * pl.col("_income")).cum_sum())
    )
    if not ordered.height or not ordered["owned"][-1]:
        return []
    heads = (ordered["heads"] / ordered["heads"][-1]).to_list()
    owned = (ordered["owned"] / ordered["owned"][-1]).to_list()
    points, at = [(0.0, 0.0)], 0
    for step in range(1, parts):
        share = step / parts
        while heads[at] < share - 1e-12:
            at += 1
        before_heads, before_owned = (heads[at - 1], owned[at - 1]) if at else (0.0, 0.0)
        along = (share - before_heads) / (heads[at] - before_heads) if heads[at] > before_heads else 1.0
        points.append((share, before_owned + along * (owned[at] - before_owned)))
    return [*points, (1.0, 1.0)]


def rounded_shares(parts: Sequence[float] | Iterable[float], places: int = 1) -> list[float]:
    """Return the parts as percentages that add up to 100 exactly as shown: the largest remainders are rounded up.

    No part, or a whole of zero: zeros.
    """
    parts = [max(float(part), 0.0) for part in parts]
    whole = math.fsum(parts)
    if not whole:
        return [0.0] * len(parts)
    unit = 10**places
    exact = [100 * unit * part / whole for part in parts]
    floors = [math.floor(value + 1e-9) for value in exact]
    missing = 100 * unit - sum(floors)
    order = sorted(range(len(parts)), key=lambda at: (floors[at] - exact[at], at))
    for at in order[:missing]:
        floors[at] += 1
    return [floor / unit for floor in floors]
