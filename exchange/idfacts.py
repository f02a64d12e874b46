"""`poverty.idnumber.facts` by columns: the same answers without a Python call per row (a property test compares)."""

import datetime as dt

import polars as pl

from poverty.idnumber import CHECK_CHARACTERS, WEIGHTS


def _check(body: pl.Expr) -> pl.Expr:
    """Return the check character of 17 digits (a text column); null for anything else."""
    number = body.cast(pl.Int64, strict=False)
    total = sum((number // 10 ** (16 - at) % 10) * weight for at, weight in enumerate(WEIGHTS))
    signs = dict(enumerate(CHECK_CHARACTERS))
    return (total % 11).replace_strict(signs, default=None, return_dtype=pl.String)


def id_facts(number: pl.Series, *, today: dt.date) -> pl.DataFrame:
    """Return the columns kind, fault, area, birth_on, sex, identity for normalised numbers; null counts as none."""
    text = pl.col("n")
    length = text.str.len_chars()
    kind = (
        pl.when(text == "").then(pl.lit("")).when(length.is_in([15, 18, 20, 22])).then(length.cast(pl.String))
    ).otherwise(pl.lit("?"))
    frame = pl.DataFrame({"n": number.fill_null("")}).with_columns(kind=kind)
    old = (pl.col("kind") == "15") & text.str.contains("^[0-9]{15}$")
    body15 = text.str.slice(0, 6) + "19" + text.str.slice(6)
    frame = frame.with_columns(
        first=pl.when(old)
        .then(body15 + _check(pl.when(old).then(body15)))
        .when(pl.col("kind").is_in(["18", "20", "22"]))
        .then(text.str.slice(0, 18))
        .otherwise(text)
    )
    sound = old | (pl.col("kind").is_in(["18", "20", "22"]) & pl.col("first").str.contains("^[0-9]{17}[0-9X]$"))
    frame = frame.with_columns(sound=sound)
    body = pl.when(pl.col("sound")).then(pl.col("first").str.slice(0, 17))
    digits = body.str.slice(6, 8)
    year, month = digits.str.slice(0, 4).cast(pl.Int32), digits.str.slice(4, 2).cast(pl.Int8)
    day = digits.str.slice(6, 2).cast(pl.Int8)
    possible = (year >= 1900) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    frame = frame.with_columns(
        birth_on=pl.when(possible).then(digits).str.to_date("%Y%m%d", strict=False),
        wrong=(pl.col("kind") != "15") & (_check(body) != pl.col("first").str.slice(17, 1)),
        male=body.str.slice(16, 1).cast(pl.Int8) % 2 == 1,
    )
    birth = pl.when(pl.col("birth_on").is_between(dt.date(1900, 1, 1), today)).then(pl.col("birth_on"))
    frame = frame.with_columns(birth_on=birth)
    none = pl.col("birth_on").is_null()
    fault = (
        pl.when(pl.col("kind") == "")
        .then(pl.lit(""))
        .when(pl.col("kind") == "?")
        .then(pl.lit("length"))
        .when(~pl.col("sound"))
        .then(pl.lit("characters"))
        .when(pl.col("wrong") & none)
        .then(pl.lit("check birth"))
        .when(pl.col("wrong"))
        .then(pl.lit("check"))
        .when(none)
        .then(pl.lit("birth"))
        .when((pl.col("kind") == "20") & ~text.str.slice(18).str.contains("^[1-7][1-4]$"))
        .then(pl.lit("certificate"))
        .otherwise(pl.lit(""))
    )
    return frame.select(
        "kind",
        fault.alias("fault"),
        pl.when(pl.col("sound")).then(pl.col("first").str.slice(0, 6)).otherwise(pl.lit("")).alias("area"),
        "birth_on",
        pl.when(pl.col("male"))
        .then(pl.lit("1"))
        .when(pl.col("sound"))
        .then(pl.lit("2"))
        .otherwise(pl.lit(""))
        .alias("sex"),
        pl.col("first").alias("identity"),
    )
