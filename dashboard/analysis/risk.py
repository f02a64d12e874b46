"""A transparent risk score: a small logistic model with its coefficients shown, or points of plain rules.

The model is a straight line through standardised features, so that each household's score falls apart into what each
feature adds to it. Nothing here decides anything: scores order a list that people look at.

A model is trained only where the history holds enough outcomes: at least EVENTS_PER_FEATURE of each kind for every
feature (P. Peduzzi et al., "A simulation study of the number of events per variable in logistic regression analysis",
Journal of Clinical Epidemiology 49 (1996), 1373–1379). With fewer, coefficients say more about chance than about
risk, and the points of rules are used instead.

scikit-learn is imported only where a model is fitted, in a worker: pages evaluate the stored numbers with polars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import polars as pl

EVENTS_PER_FEATURE = 10
FOLDS = 5
CALIBRATION_PARTS = 10
OUTCOME = "outcome"


@dataclass(frozen=True)
class Bin:
    """Households of similar predicted risk: how many there are, the mean prediction, and what came of them."""

    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Fitted:
    """A logistic model as it is stored and shown.

    `coefficients` belong to standardised features: what one standard deviation more adds to the log-odds. `means` also
    stand in for unknown values. `auc`, `brier` and `calibration` are of predictions for rows that the model had not
    seen (`FOLDS`-fold cross-validation), so they are not flattered by the fit.
    """

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    rows: int
    events: int
    auc: float
    brier: float
    calibration: tuple[Bin, ...] = field(default_factory=tuple)

    def as_json(self) -> dict:
        return asdict(self)

    @classmethod
    def of_json(cls, values: Mapping) -> "Fitted":
        lists = ("features", "means", "scales", "coefficients")
        return cls(
            **{
                name: tuple(value) if name in lists else value
                for name, value in values.items()
                if name != "calibration"
            },
            calibration=tuple(Bin(**one) for one in values["calibration"]),
        )

    @property
    def base_rate(self) -> float:
        return self.events / self.rows

    def odds_ratio(self, at: int) -> float:
        """Return by what one standard deviation more of the feature multiplies the odds."""
        from math import exp

        return exp(self.coefficients[at])


def needed(features: Sequence[str]) -> int:
    """Return how many outcomes of either kind a model of these features needs."""
    return EVENTS_PER_FEATURE * len(features)


def enough(frame: pl.DataFrame, features: Sequence[str]) -> bool:
    """Tell whether the history is long enough to train on."""
    events = int(frame[OUTCOME].sum() or 0) if frame.height else 0
    return min(events, frame.height - events) >= needed(features)


def fit(frame: pl.DataFrame, features: Sequence[str]) -> Fitted:
    """Fit a logistic model of `outcome` on the features; ValueError where the history is too short.

    L2-penalised maximum likelihood (scikit-learn's LogisticRegression, C = 1) on standardised features: with few
    events the penalty keeps coefficients from running away. The same rows give the same model.
    """
    if not enough(frame, features):
        raise ValueError(f"a model of {len(features)} features needs {needed(features)} outcomes of either kind")
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import brier_score_loss, roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    columns = frame.select([pl.col(name).cast(pl.Float64) for name in features])
    means = [float(columns[name].mean() or 0.0) for name in features]
    values = columns.with_columns(
        [pl.col(name).fill_null(mean) for name, mean in zip(features, means, strict=True)]
    ).to_numpy()
    scales = values.std(axis=0)
    scales = np.where(scales > 0, scales, 1.0)
    standardised = (values - np.array(means)) / scales
    outcome = frame[OUTCOME].cast(pl.Int8).to_numpy()
    model = LogisticRegression(C=1.0, max_iter=1000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with threadpool_limits(1):  # so few columns gain nothing from threads, which on a busy machine wait for each other
        unseen = cross_val_predict(model, standardised, outcome, cv=folds, method="predict_proba")[:, 1]
        model.fit(standardised, outcome)
    return Fitted(
        features=tuple(features),
        means=tuple(means),
        scales=tuple(float(value) for value in scales),
        coefficients=tuple(float(value) for value in model.coef_[0]),
        intercept=float(model.intercept_[0]),
        rows=frame.height,
        events=int(outcome.sum()),
        auc=float(roc_auc_score(outcome, unseen)),
        brier=float(brier_score_loss(outcome, unseen)),
        calibration=calibration(pl.DataFrame({"predicted": unseen, OUTCOME: outcome})),
    )


def calibration(predictions: pl.DataFrame, parts: int = CALIBRATION_PARTS) -> tuple[Bin, ...]:
    """Return predicted against observed risk in `parts` equally large groups, from the lowest to the highest risk.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017 (reliability diagrams), here with equal
    numbers instead of equal widths, because few households have a high risk.
    """
    if not predictions.height:
        return ()
    place = pl.int_range(pl.len()) * parts // pl.len()
    found = (
        predictions.sort("predicted")
        .with_columns(part=place)
        .group_by("part")
        .agg(rows=pl.len(), predicted=pl.col("predicted").mean(), observed=pl.col(OUTCOME).cast(pl.Float64).mean())
        .sort("part")
    )
    return tuple(
        Bin(rows=row["rows"], predicted=round(row["predicted"], 6), observed=round(row["observed"], 6))
        for row in found.iter_rows(named=True)
    )


# --- scores ---------------------------------------------------------------------------------------------------------------


def parts_of(model: Fitted) -> dict[str, pl.Expr]:
    """Return {feature: what it adds to a row's log-odds, against the mean of all}; an unknown value adds nothing."""
    return {
        name: ((pl.col(name).cast(pl.Float64).fill_null(mean) - mean) / scale * coefficient)
        for name, mean, scale, coefficient in zip(
            model.features, model.means, model.scales, model.coefficients, strict=True
        )
    }


def probability(model: Fitted) -> pl.Expr:
    """Return the predicted probability of the outcome, 0 to 1."""
    odds = pl.sum_horizontal(list(parts_of(model).values())) + model.intercept
    return 1 / (1 + (-odds).exp())


def points(items: Mapping[str, pl.Expr], worth: Mapping[str, float]) -> pl.Expr:
    """Return the rule score: the points of all items that apply, at most 100; what is unknown does not apply."""
    return pl.sum_horizontal(
        [item.fill_null(value=False).cast(pl.Float64) * float(worth[name]) for name, item in items.items()]
    ).clip(upper_bound=100.0)
