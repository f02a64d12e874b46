"""The risk model: it finds what was put in, shows how far it can be trusted, and is not trained on too little."""

import json
import math
import random

import polars as pl
import pytest

from dashboard.analysis import risk

FEATURES = ["margin", "ill", "noise"]


def history(rows=4000, seed=3) -> pl.DataFrame:
    """Make households whose log-odds of returning are −2 − 1.2·margin + 0.8·ill, with noise that says nothing."""
    chance = random.Random(seed)
    made = []
    for _row in range(rows):
        margin, ill, noise = chance.gauss(0, 1), float(chance.random() < 0.3), chance.gauss(5, 3)
        odds = -2 - 1.2 * margin + 0.8 * ill
        made.append((margin, ill, noise, chance.random() < 1 / (1 + math.exp(-odds))))
    return pl.DataFrame(made, schema=[*FEATURES, "outcome"], orient="row")


@pytest.fixture(scope="module")
def fitted():
    return risk.fit(history(), FEATURES)


def test_it_finds_the_effects_that_were_put_in(fitted):
    per_unit = [value / scale for value, scale in zip(fitted.coefficients, fitted.scales, strict=True)]
    assert per_unit[0] == pytest.approx(-1.2, abs=0.15)
    assert per_unit[1] == pytest.approx(0.8, abs=0.25)
    assert abs(fitted.coefficients[2]) < 0.12
    assert fitted.odds_ratio(0) == pytest.approx(math.exp(fitted.coefficients[0]))


def test_it_tells_how_well_it_ranks_and_how_true_its_chances_are(fitted):
    assert 0.7 < fitted.auc < 0.9
    assert fitted.brier < fitted.base_rate * (1 - fitted.base_rate)
    assert sum(one.rows for one in fitted.calibration) == 4000 and len(fitted.calibration) == 10
    assert all(abs(one.predicted - one.observed) < 0.08 for one in fitted.calibration)
    predicted = [one.predicted for one in fitted.calibration]
    assert predicted == sorted(predicted)


def test_noise_alone_is_told_to_be_no_better_than_chance():
    rows = history().with_columns(pl.col("outcome").shuffle(seed=1))
    assert risk.fit(rows, FEATURES).auc == pytest.approx(0.5, abs=0.05)


def test_the_same_history_gives_the_same_model(fitted):
    assert risk.fit(history(), FEATURES) == fitted


def test_it_is_stored_and_read_back_whole(fitted):
    assert risk.Fitted.of_json(json.loads(json.dumps(fitted.as_json()))) == fitted


def test_a_score_is_the_sum_of_its_parts(fitted):
    rows = history(50, seed=9)
    found = rows.select(chance=risk.probability(fitted), **risk.parts_of(fitted))
    for row in found.iter_rows(named=True):
        odds = fitted.intercept + sum(row[name] for name in FEATURES)
        assert row["chance"] == pytest.approx(1 / (1 + math.exp(-odds)))


def test_what_is_unknown_adds_nothing(fitted):
    rows = pl.DataFrame({"margin": [None], "ill": [None], "noise": [None]}, schema=dict.fromkeys(FEATURES, pl.Float64))
    row = rows.select(chance=risk.probability(fitted), **risk.parts_of(fitted)).row(0, named=True)
    assert [row[name] for name in FEATURES] == [0, 0, 0]
    assert row["chance"] == pytest.approx(1 / (1 + math.exp(-fitted.intercept)))


def test_too_short_a_history_is_refused():
    rows = history(100)
    assert not risk.enough(rows, FEATURES) and risk.needed(FEATURES) == 30
    with pytest.raises(ValueError):
        risk.fit(rows, FEATURES)
    assert not risk.enough(rows.head(0), FEATURES)
    # Nearly everybody returned: as little to learn from.
    assert not risk.enough(history().with_columns(outcome=pl.int_range(pl.len()) > 10), FEATURES)


def test_points_add_up_to_at_most_a_hundred_and_the_unknown_gives_none():
    rows = pl.DataFrame({"a": [True, None, True], "b": [True, True, False]})
    items = {"a": pl.col("a"), "b": pl.col("b")}
    assert rows.select(risk.points(items, {"a": 70, "b": 40}))["a"].to_list() == [100, 40, 70]
