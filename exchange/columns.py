"""Reading by whole columns: clean cells in one stroke, every different dirty text once through `exchange.cells`."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from exchange import cells, dates, numbers
from exchange.cells import ANSWER, ASK, DATE, NOTE, NUMBER, STOP, TEXT, Cell, Found, Labels
from poverty.declarations import Column, Kind

KEEP = 8  # tag of a cell whose answer was "keep it as found"
HAN = r"\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}"
NUMBER_TYPE = {Kind.AMOUNT: pl.Decimal(14, 2), Kind.DECIMAL: pl.Decimal(12, 3)}
TYPES = {
    Kind.DATE: pl.Date,
    Kind.MONTH: pl.Date,
    Kind.YEAR: pl.Int64,
    Kind.INTEGER: pl.Int64,
    Kind.YES_NO: pl.Boolean,
    Kind.CODES: pl.List(pl.String),
    **NUMBER_TYPE,
}
CLEAN_TEXT = {
    Kind.OPAQUE: r"^(?:[0-9]{1,32}|[A-Za-z][0-9A-Za-z]{0,31})$",
    Kind.CARD: r"^[0-9]{1,32}$",
    Kind.ID_NUMBER: r"^(?:[0-9X]{1,19}|[0-9X]{21})$",
    Kind.PHONE: r"^(?:1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8})$",
    Kind.NAME: rf"^[{HAN}]{{1,20}}(?:·[{HAN}]{{1,20}}){{0,3}}$",
    Kind.TEXT: r"^(?:[\p{L}\p{N}][\p{L}\p{M}\p{N}\p{P}\p{S}]*)(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$",
}
NUMBER_KINDS = (Kind.OPAQUE, Kind.CARD, Kind.ID_NUMBER, Kind.PHONE)
FAULT_SCHEMA = {
    "at": pl.Int64,
    "code": pl.String,
    "action": pl.String,
    "value": pl.String,
    "params": pl.String,
    "asks": pl.String,
    "label": pl.String,
    "suggestion": pl.String,
}


@dataclass
class Rules:
    """What reading a file needs beside the cells: the day, the epoch of serial dates, labels by field."""

    today: dt.date
    date1904: bool = False
    labels: dict[str, Labels] = field(default_factory=dict)


@dataclass
class Read:
    """A read column: values (and of a date the precision), and its faults with `at` = place of the row."""

    values: pl.Series
    faults: pl.DataFrame
    precision: pl.Series | None = None


def dtype(column: Column):
    return TYPES.get(column.kind, pl.String)


def nothing(column: Column, height: int) -> Read:
    """Return a column the sheet does not have."""
    precision = pl.Series([None] * height, dtype=pl.String) if column.kind == Kind.DATE else None
    return Read(
        pl.Series([None], dtype=dtype(column)).new_from_index(0, height), pl.DataFrame(schema=FAULT_SCHEMA), precision
    )


def read(column: Column, text: pl.Series, tag: pl.Series | None, rules: Rules, factor: int = 1) -> Read:
    """Read one column. `text` is null where blank; `tag` (UInt8, or None: all text) says how the cell came."""
    tag = tag if tag is not None else pl.Series([TEXT], dtype=pl.UInt8).new_from_index(0, len(text))
    frame = pl.DataFrame({"text": text, "tag": tag})
    repaired, known = _repaired(column.kind, frame)
    clean, values = _fast(column.kind, repaired, factor)
    known = known.filter(clean.gather(known["at"]))
    dirty = frame.with_row_index("at").filter(pl.col("text").is_not_null() & ~clean)
    precision = None
    if column.kind == Kind.DATE:
        precision = pl.select(pl.when(values.is_not_null()).then(pl.lit("d"))).to_series()
    if dirty.is_empty():
        return Read(values, known, precision)
    one = _scalar(column, rules, factor)
    different = dirty.select("text", "tag").unique(maintain_order=True).with_row_index("which")
    read_cells = [one(*pair) for pair in zip(different["text"].to_list(), different["tag"].to_list(), strict=True)]
    joined = dirty.join(different, on=["text", "tag"], how="left", maintain_order="left")
    which = joined["which"]
    slow = pl.Series([cell.value for cell in read_cells], dtype=dtype(column)).gather(which)
    values = _put(values, joined["at"], slow)
    if precision is not None:
        slow = pl.Series([cell.precision or None for cell in read_cells], dtype=pl.String).gather(which)
        precision = _put(precision, joined["at"], slow)
    return Read(values, pl.concat([known, _faults(read_cells, joined)]), precision)


def _repaired(kind: Kind, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Undo what whole columns of official numbers come with: ="…" (D3), and numbers as number cells (D2).

    Return the frame with the plain numbers, tagged as text, and the faults to log where they then prove clean.
    """
    none = pl.DataFrame(schema=FAULT_SCHEMA)
    if kind not in NUMBER_KINDS:
        return frame, none
    text, plain = pl.col("text"), pl.col("tag") == TEXT
    inner = pl.when(plain).then(
        pl.coalesce(text.str.extract(r'^="([0-9X]{1,32})"$'), text.str.extract("^'([0-9X]{1,32})$"))
    )
    typed = pl.when((pl.col("tag") == NUMBER) & text.str.contains("^[0-9]{1,15}$")).then(text)
    found = frame.with_row_index("at").with_columns(inner=inner, typed=typed)
    hit = found.filter(pl.col("inner").is_not_null() | pl.col("typed").is_not_null())
    if hit.is_empty():
        return frame, none
    same = pl.coalesce("inner", "typed")
    code = pl.when(pl.col("inner").is_not_null()).then(pl.lit("D3")).otherwise(pl.lit("D2"))
    blank = {name: pl.lit("") for name in ("asks", "label", "suggestion")}
    known = hit.select(
        pl.col("at").cast(pl.Int64), code=code, action=pl.lit("auto"), value="text", params=pl.lit("{}"), **blank
    )
    new = found.select(
        text=pl.coalesce(same, "text"),
        tag=pl.when(same.is_not_null()).then(pl.lit(TEXT, dtype=pl.UInt8)).otherwise("tag"),
    )
    return new, known


def _put(values: pl.Series, at: pl.Series, new: pl.Series) -> pl.Series:
    """Return `values` with `new` at the places `at`."""
    if len(new) == len(values):
        return new
    places = pl.DataFrame({"at": at, "new": new})
    frame = pl.DataFrame({"old": values}).with_row_index("at")
    hit = frame.join(places, on="at", how="left", maintain_order="left")
    inside = hit["at"].is_in(at.implode())
    return hit.select(pl.when(inside).then("new").otherwise("old")).to_series()


def _faults(read_cells: list[Cell], joined: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for which, cell in enumerate(read_cells):
        for fault in cell.faults:
            params = json.dumps(dict(fault.params), ensure_ascii=False)
            rows.append((which, fault.code, fault.action, params, fault.asks, fault.label, fault.suggestion))
    if not rows:
        return pl.DataFrame(schema=FAULT_SCHEMA)
    names = ["which", "code", "action", "params", "asks", "label", "suggestion"]
    known = pl.DataFrame(rows, schema={n: pl.UInt32 if n == "which" else pl.String for n in names}, orient="row")
    found = joined.join(known, on="which", how="inner", maintain_order="left")
    named = {name: name for name in ("params", "asks", "label", "suggestion")}
    return found.select(pl.col("at").cast(pl.Int64), "code", "action", value="text", **named)


# --- the slow way, once per different text -------------------------------------------------------------------------


def _scalar(column: Column, rules: Rules, factor: int) -> Callable[[str, int], Cell]:
    one = {
        Kind.OPAQUE: cells.opaque,
        Kind.CARD: cells.card,
        Kind.ID_NUMBER: cells.id_number,
        Kind.PHONE: cells.phone,
        Kind.NAME: cells.name,
        Kind.TEXT: cells.text,
        Kind.REGION: cells.region,
        Kind.INTEGER: numbers.integer,
        Kind.DECIMAL: numbers.decimal,
        Kind.AMOUNT: partial(numbers.amount, factor=factor),
        Kind.YEAR: partial(numbers.year, this_year=rules.today.year),
        Kind.DATE: partial(dates.date, today=rules.today, date1904=rules.date1904),
        Kind.MONTH: partial(dates.month, today=rules.today, date1904=rules.date1904),
    }.get(column.kind, cells.text)
    if column.kind in (Kind.CODE, Kind.CODES, Kind.YES_NO):
        labels = rules.labels.get(column.field) or Labels.of(column.codes)
        reader = {Kind.CODE: cells.code, Kind.CODES: cells.several_codes, Kind.YES_NO: cells.yes_no}[column.kind]
        one = partial(reader, labels=labels)

    def guarded(text: str, tag: int) -> Cell:
        if cells.is_error(text):
            return Cell(None, (Found("D14", STOP, {"error": text.strip()}),))
        cell = one(text, ANSWER if tag == KEEP else tag)
        if tag in (ANSWER, KEEP):
            kept = [fault for fault in cell.faults if fault.action in (ASK, STOP)]
            if tag == KEEP and kept:
                return Cell(None, (Found(kept[0].code, NOTE, {"kept": True}),))
            return Cell(cell.value, tuple(kept), cell.precision)
        return cell

    return guarded


# --- the fast way ---------------------------------------------------------------------------------------------------


def _fast(kind: Kind, frame: pl.DataFrame, factor: int) -> tuple[pl.Series, pl.Series]:
    """Return (which cells are clean, values of the clean ones); anything in doubt is not clean."""
    text, plain = pl.col("text"), pl.col("tag") == TEXT
    if kind in CLEAN_TEXT:
        clean = plain & text.str.contains(CLEAN_TEXT[kind])
        if kind == Kind.TEXT:
            clean &= text.str.len_chars() <= 500
        value = text
    elif kind == Kind.DATE:
        day = pl.when(plain & text.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(text)
        day = pl.when(pl.col("tag") == DATE).then(text.str.slice(0, 10)).otherwise(day)
        value = day.str.to_date("%Y-%m-%d", strict=False)
        clean = value.is_not_null()
    elif kind == Kind.MONTH:
        first = pl.when(plain & text.str.contains(r"^[0-9]{4}-[0-9]{2}$")).then(text + "-01")
        first = pl.when(pl.col("tag") == DATE).then(text.str.slice(0, 7) + "-01").otherwise(first)
        value = first.str.to_date("%Y-%m-%d", strict=False)
        clean = value.is_not_null()
    elif kind == Kind.YEAR:
        clean = pl.col("tag").is_in([TEXT, NUMBER]) & text.str.contains("^(?:19|20)[0-9]{2}$")
        value = pl.when(clean).then(text).cast(pl.Int64, strict=False)
    elif kind == Kind.INTEGER:
        clean = pl.col("tag").is_in([TEXT, NUMBER]) & text.str.contains("^-?[0-9]{1,9}$")
        value = pl.when(clean).then(text).cast(pl.Int64, strict=False)
    elif kind in NUMBER_TYPE:
        return _fast_number(kind, frame, factor)
    else:
        # Few different texts stand in such columns: all of them go the slow way.
        value, clean = pl.lit(None, dtype=TYPES.get(kind, pl.String)), text.is_null() & False
    found = frame.select(clean.fill_null(False).alias("clean"), pl.when(clean).then(value).alias("value"))
    return found["clean"], found["value"].cast(TYPES.get(kind, pl.String))


def _fast_number(kind: Kind, frame: pl.DataFrame, factor: int) -> tuple[pl.Series, pl.Series]:
    """Numbers with at most two (amounts) or three decimals; computed as whole hundredths, so that nothing is lost."""
    text = pl.col("text")
    places, whole = (2, 12) if kind == Kind.AMOUNT else (3, 9)
    step = 10**places
    typed = (pl.col("tag") == TEXT) & text.str.contains(rf"^-?[0-9]{{1,{whole}}}(?:\.[0-9]{{1,{places}}})?$")
    number = pl.when(typed | (pl.col("tag") == NUMBER)).then(text).cast(pl.Float64, strict=False)
    scaled = number * (step * (factor if kind == Kind.AMOUNT else 1))
    near = (scaled - scaled.round()).abs() < 1e-6 * step * factor
    clean = scaled.is_finite() & near & (scaled.abs() < step * 10**whole)
    if kind == Kind.AMOUNT and factor != 1:
        clean &= pl.col("tag") == NUMBER
    found = frame.select(
        clean.fill_null(False).alias("clean"), pl.when(clean).then(scaled.round()).cast(pl.Int64).alias("value")
    )
    # Decimals are stored as whole hundredths: dividing by the step only moves the point.
    exact = found["value"].cast(pl.Decimal(18, places)) / pl.Series([step]).cast(pl.Decimal(18, places))
    return found["clean"], exact.cast(NUMBER_TYPE[kind])
