"""Multidimensional poverty: who is deprived in several things at once, by the method of Alkire and Foster.

Source: S. Alkire, J. Foster, "Counting and multidimensional poverty measurement", Journal of Public Economics 95
(2011), 476–487. Two cut-offs: one within each dimension says who is deprived in it, the cut-off k across them says
who is poor, namely whose weighted deprivations reach k. What the not-poor lack does not count (it is censored).

The frame has a row per household, a column of truth values per dimension (true: deprived) and `weight` (persons).
A row with an unknown in a dimension that has weight cannot be judged: `known` keeps the others, and the page says
how many were left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

WEIGHT = "weight"
NEAR = 1e-9  # weights such as 1/3 do not add up to k to the last bit


@dataclass(frozen=True)
class Result:
    """What is measured of a group: sums, so that groups add up to the whole, and the indices made of them."""

    households: int
    weight: float
    poor_households: int
    poor: float
    score_sum: float  # Σ w·c over the poor, c the weighted share of dimensions one is deprived in
    deprived: Mapping[str, float]  # {dimension: weight of all deprived in it}
    censored: Mapping[str, float]  # {dimension: weight of the poor deprived in it}
    censored_households: Mapping[str, int]
    deprived_households: Mapping[str, int]
    weights: Mapping[str, float]  # of the dimensions, adding up to 1

    @property
    def headcount(self) -> float | None:
        """Return H, the share of the multidimensionally poor."""
        return self.poor / self.weight if self.weight else None

    @property
    def intensity(self) -> float | None:
        """Return A, the mean weighted share of dimensions in which the poor are deprived; None where nobody is poor."""
        return self.score_sum / self.poor if self.poor else None

    @property
    def adjusted(self) -> float | None:
        """Return M0 = H·A, the adjusted headcount ratio."""
        return self.score_sum / self.weight if self.weight else None

    def raw_headcount(self, dimension: str) -> float | None:
        return self.deprived[dimension] / self.weight if self.weight else None

    def censored_headcount(self, dimension: str) -> float | None:
        return self.censored[dimension] / self.weight if self.weight else None

    def contribution(self, dimension: str) -> float | None:
        """Return the dimension's share of M0: w_j·(censored headcount of j) / M0. The shares add up to 1."""
        return self.weights[dimension] * self.censored[dimension] / self.score_sum if self.score_sum else None


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights above zero, scaled to add up to 1; ValueError when there is none."""
    kept = {name: float(value) for name, value in weights.items() if value > 0}
    whole = sum(kept.values())
    if not whole:
        raise ValueError("at least one dimension needs a weight above zero")
    return {name: value / whole for name, value in kept.items()}


def known(frame: pl.DataFrame, weights: Mapping[str, float]) -> pl.DataFrame:
    """Return the rows that can be judged: every dimension with weight is known."""
    return frame.drop_nulls(list(normalised(weights)))


def scored(frame: pl.DataFrame, weights: Mapping[str, float], k: float) -> pl.DataFrame:
    """Return the frame with `score`, the weighted share of deprivations, and `poor`, whether it reaches `k`."""
    shares = normalised(weights)
    if not 0 < k <= 1:
        raise ValueError("the cut-off k lies above 0 and at most at 1")
    score = pl.sum_horizontal([pl.col(name).cast(pl.Float64) * share for name, share in shares.items()])
    return frame.with_columns(score=score).with_columns(poor=pl.col("score") >= k - NEAR)


def _aggregates(dimensions) -> dict[str, pl.Expr]:
    weight, poor = pl.col(WEIGHT).cast(pl.Float64), pl.col("poor")
    found = {
        "households": pl.len(),
        "weight": weight.sum(),
        "poor_households": poor.sum(),
        "poor": (weight * poor).sum(),
        "score_sum": (weight * poor * pl.col("score")).sum(),
    }
    for name in dimensions:
        found[f"deprived:{name}"] = (weight * pl.col(name)).sum()
        found[f"censored:{name}"] = (weight * (pl.col(name) & poor)).sum()
        found[f"deprived_households:{name}"] = pl.col(name).sum()
        found[f"censored_households:{name}"] = (pl.col(name) & poor).sum()
    return found


def _result(row: dict, weights: Mapping[str, float]) -> Result:
    def of(kind: str) -> dict:
        return {name: row[f"{kind}:{name}"] or 0 for name in weights}

    return Result(
        households=row["households"],
        weight=row["weight"] or 0.0,
        poor_households=row["poor_households"] or 0,
        poor=row["poor"] or 0.0,
        score_sum=row["score_sum"] or 0.0,
        deprived=of("deprived"),
        censored=of("censored"),
        censored_households=of("censored_households"),
        deprived_households=of("deprived_households"),
        weights=weights,
    )


def measure(frame: pl.DataFrame, weights: Mapping[str, float], k: float) -> Result:
    """Measure the whole frame; rows with unknowns have to be taken out before (`known`)."""
    shares = normalised(weights)
    return _result(scored(frame, weights, k).select(**_aggregates(shares)).row(0, named=True), shares)


def measure_by(frame: pl.DataFrame, weights: Mapping[str, float], k: float, by: str) -> dict[object, Result]:
    """Measure each value of the column `by`: M0 of the whole is the mean of the groups' weighted by population."""
    shares = normalised(weights)
    rows = scored(frame, weights, k).group_by(by).agg(**_aggregates(shares)).sort(by, nulls_last=True)
    return {row[by]: _result(row, shares) for row in rows.iter_rows(named=True)}
