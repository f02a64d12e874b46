"""From the cells of a workbook to typed rows, faults and facts about the file: what the child process computes.

One `Assembly` per file; `sheet()` takes the grids one by one, so that only one sheet's raw cells are held at a time.
"""

import datetime as dt
import importlib
import json
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from exchange import columns, limits, numbers, rows
from exchange.cells import ANSWER, Labels, strip
from exchange.columns import KEEP, Rules
from exchange.container import SheetPart
from exchange.grid import Grid
from exchange.header import Aliases, Header, missing
from exchange.idfacts import id_facts
from poverty.declarations import Column, Kind, Sheet

FAULTS = {
    "sheet": pl.String,
    "sheet_no": pl.Int64,
    "row": pl.Int64,
    "column": pl.String,
    "field": pl.String,
    "code": pl.String,
    "action": pl.String,
    "value": pl.String,
    "params": pl.String,
    "question": pl.String,
    "suggestion": pl.String,
}
LABEL_KINDS = (Kind.CODE, Kind.CODES, Kind.YES_NO)


@dataclass
class Answers:
    """What people have answered before: whole columns, single cells by sheet number, and labels by field."""

    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    cells: dict[int, list[tuple[int, str, str]]] = field(default_factory=dict)
    columns: dict[tuple[int, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, answers: list[dict], synonyms: dict[str, dict[str, str]]) -> "Answers":
        found = cls({name: dict(known) for name, known in synonyms.items()})
        for answer in answers:
            sort, _, rest = answer["question"].partition(":")
            value = str(answer.get("value") or "")
            if sort == "label":
                name, _, label = rest.partition(":")
                found.labels.setdefault(name, {})[label] = value
            elif sort == "cell" and rest.count(":") == 2:
                sheet_no, row, name = rest.split(":")
                found.cells.setdefault(int(sheet_no), []).append((int(row), name, value))
            elif sort == "column" and rest.count(":") == 1:
                sheet_no, name = rest.split(":")
                found.columns[int(sheet_no), name] = value
        return found


class Assembly:
    """Collects frames (typed rows), faults and meta over the sheets of a file."""

    def __init__(self, sheet: Sheet, answers: Answers, today: dt.date, date1904: bool, year: int | None = None):
        self.declared, self.answers = sheet, answers
        self.aliases = Aliases(sheet)
        labels = {
            column.field: Labels.of(column.codes, answers.labels.get(column.field))
            for column in sheet.columns
            if column.kind in LABEL_KINDS
        }
        self.rules = Rules(today, date1904, labels)
        self.reshaper = _reshaper(sheet, year)
        self.frames: list[pl.DataFrame] = []
        self.faults: list[pl.DataFrame] = []
        self.counts: Counter = Counter()
        self.best: list[str] = []
        self.missing: list[str] = []
        self.meta: dict = {
            "sheets": [],
            "without_header": [],
            "totals": [],
            "skipped": 0,
            "hidden_rows": 0,
            "unit_notes": [],
            "notes": [],
        }

    def sheet(self, grid: Grid, part: SheetPart, sheet_no: int) -> None:
        """Read one sheet; a sheet without a recognisable header is only listed."""
        if self.reshaper and self.reshaper.take(grid, part, sheet_no, self.meta):
            grid.frame = pl.DataFrame()
            return
        found = rows.split(grid, self.declared, self.aliases)
        grid.frame = pl.DataFrame()
        if not found.tables:
            self.meta["without_header"].append({"name": part.name, "no": sheet_no, "found": found.best})
            self.best = max(self.best, found.best, key=len)
            return
        stop, lacking = missing(found.tables[0].header, self.declared)
        if stop:
            self.meta["without_header"].append({"name": part.name, "no": sheet_no, "missing": stop})
            self.missing = self.missing or stop
            self.best = self.best or [heading.text for heading in found.tables[0].header.headings.values()]
            return
        count = sum(self._table(table, grid, part, sheet_no, found) for table in found.tables)
        self._skipped(found, part, sheet_no)
        header = found.tables[0].header
        self.meta["sheets"].append(
            {
                "name": part.name,
                "no": sheet_no,
                "hidden": part.hidden,
                "header_rows": list(header.rows),
                "tables": len(found.tables),
                "columns": {heading.column.field: heading.text for heading in header.headings.values()},
                "unknown": list(header.unknown.values()),
                "doubled": header.doubles,
                "missing": lacking,
                "rows": count,
            }
        )
        if found.unit_note:
            self.meta["unit_notes"].append({"sheet": part.name, **found.unit_note})

    @property
    def empty(self) -> bool:
        """Whether no sheet was one of the declared layout."""
        return not self.frames and not (self.reshaper and self.reshaper.taken)

    def result(self) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
        """Return (rows, faults, meta); call once."""
        if self.reshaper:
            self._reshaped()
        frame = pl.concat(self.frames, how="vertical", rechunk=False) if self.frames else pl.DataFrame()
        self.frames = []
        faults = pl.concat(self.faults) if self.faults else pl.DataFrame(schema=FAULTS)
        faults = faults.sort("sheet_no", "row", maintain_order=True)
        self.meta["rows"] = frame.height
        self.meta["fault_counts"] = [
            {"field": name, "code": code, "action": action, "count": count}
            for (name, code, action), count in sorted(self.counts.items())
        ]
        return frame, faults, self.meta

    # --- one table -------------------------------------------------------------------------------------------------

    def _table(self, table: rows.Table, grid: Grid, part: SheetPart, sheet_no: int, found: rows.SheetRows) -> int:
        frame, filled = rows.fill_down(table, grid, self.declared)
        header = table.header
        frame = self._answered(frame, header, sheet_no)
        number = frame["_row"]
        place = _Place(part.name, sheet_no, header, number)
        hidden = number.is_in([row + 1 for row in part.scan.hidden_rows])
        out: dict[str, pl.Series] = {}
        faults = [self._filled(filled, place), self._hidden(hidden, part, grid, place)]
        stopped = self._uncomputed(part, grid, place)
        faults.append(stopped)
        for column in self.declared.columns:
            at = header.fields.get(column.field)
            if column.kind == Kind.IGNORE:
                continue
            if at is None:
                read = columns.nothing(column, frame.height)
            else:
                heading = header.headings[at]
                factor = heading.factor or (found.factor if column.kind == Kind.AMOUNT else 1)
                text, tag = frame[f"c{at}"], frame[f"t{at}"] if f"t{at}" in frame.columns else None
                read = columns.read(column, text, tag, self.rules, factor)
                faults.append(place.named(read.faults, column))
                if column.kind == Kind.AMOUNT:
                    read.values, mixed = self._units(read.values, text, factor, column, place)
                    faults.append(mixed)
                frame = frame.drop(f"c{at}", *([f"t{at}"] if tag is not None else []))
            self._add(out, column, read)
        seq = next((p for p, h in header.headings.items() if h.column.kind == Kind.IGNORE), None)
        table.frame = pl.DataFrame()
        kept = pl.concat([fault for fault in faults if not fault.is_empty()] or [pl.DataFrame(schema=FAULTS)])
        base = pl.DataFrame({"_row": number}).with_columns(
            pl.lit(part.name).alias("_sheet"),
            pl.lit(sheet_no, dtype=pl.Int64).alias("_sheet_no"),
            hidden.alias("_hidden"),
            _hint(kept, number).alias("_verdict_hint"),
            (frame[f"c{seq}"] if seq is not None else pl.lit(None, dtype=pl.String)).alias("_seq"),
            _extra(frame, header).alias("_extra"),
        )
        self.frames.append(base.with_columns(out.values()))
        self._keep(kept)
        self.meta["hidden_rows"] += int(hidden.sum())
        return frame.height

    def _answered(self, frame: pl.DataFrame, header: Header, sheet_no: int) -> pl.DataFrame:
        """Put the answers to single cells in the place of what was found."""
        for row, name, value in self.answers.cells.get(sheet_no, ()):
            at = header.fields.get(name)
            if at is None:
                continue
            tag = frame[f"t{at}"] if f"t{at}" in frame.columns else pl.lit(1, dtype=pl.UInt8)
            here = pl.col("_row") == row
            text = pl.col(f"c{at}") if value == "=" else pl.lit(value.strip() or None, dtype=pl.String)
            new = pl.lit(KEEP if value == "=" else ANSWER, dtype=pl.UInt8)
            frame = frame.with_columns(
                pl.when(here).then(text).otherwise(pl.col(f"c{at}")).alias(f"c{at}"),
                pl.when(here).then(new).otherwise(tag).alias(f"t{at}"),
            )
        return frame

    def _add(self, out: dict[str, pl.Series], column: Column, read: columns.Read) -> None:
        out[column.field] = read.values.alias(column.field)
        if read.precision is not None:
            out[f"{column.field}_precision"] = read.precision.alias(f"{column.field}_precision")
        if column.kind == Kind.ID_NUMBER:
            facts = id_facts(read.values, today=self.rules.today)
            for name in facts.columns:
                out[f"{column.field}_{name}"] = facts[name].alias(f"{column.field}_{name}")

    def _units(self, values: pl.Series, text: pl.Series, factor: int, column: Column, place: "_Place"):
        """Find cells in another unit than their column (D15), or apply what was answered about them."""
        floats = values.cast(pl.Float64)
        middle = floats.filter(floats != 0).abs().median()
        rare = (floats.abs() <= middle / 1000) | (floats.abs() >= middle * 1000) if middle else None
        none = pl.DataFrame(schema=FAULTS)
        if rare is None or not (rare & (floats != 0)).any():
            return values, none
        # A unit written in the cell itself leaves nothing to ask.
        plain = text.str.contains(r"^-?[0-9.,]+(?:e[+-]?[0-9]+)?$").fill_null(False)
        places = [at for at in numbers.mixed_units(floats.to_list(), factor) if plain[at]]
        if not places:
            return values, none
        answer = self.answers.columns.get((place.sheet_no, column.field))
        if answer in ("yuan", "wan"):
            other = (1 if answer == "yuan" else 10_000) / factor
            fixed = pl.Series(range(len(values))).is_in(places)
            changed = pl.select(pl.when(fixed).then((floats * other * 100).round() / 100).otherwise(floats)).to_series()
            return changed.cast(pl.Decimal(14, 2)), none
        found_rows = [int(place.rows[at]) for at in places]
        params = {"rows": found_rows, "examples": [text[at] for at in places[:3]], "count": len(places)}
        params["typical"] = f"{middle:.2f}"
        question = f"column:{place.sheet_no}:{column.field}"
        suggestion = "wan" if floats[places[0]] and abs(floats[places[0]]) < middle else "yuan"
        fault = place.fault(
            place.header.rows[1], column.field, "D15", "ask", text[places[0]], params, question, suggestion
        )
        return values, fault

    # --- sheets of another shape ---------------------------------------------------------------------------------------

    def _reshaped(self) -> None:
        """Read the rows that a sheet's own reshaper has made of its sheets, all of them at once."""
        frame, notes = self.reshaper.rows()
        if frame.is_empty():
            return
        for sheet_no, cells in self.answers.cells.items():
            for key, name, value in cells:
                frame = _answer(frame, sheet_no, key, name, value)
        out: dict[str, pl.Series] = {}
        faults = []
        for column in self.declared.columns:
            if column.kind == Kind.IGNORE:
                continue
            if f"c_{column.field}" not in frame.columns:
                self._add(out, column, columns.nothing(column, frame.height))
                continue
            tag = frame[f"t_{column.field}"] if f"t_{column.field}" in frame.columns else None
            read = columns.read(column, frame[f"c_{column.field}"], tag, self.rules)
            faults.append(_placed(read.faults, frame, column))
            self._add(out, column, read)
        kept = pl.concat([fault for fault in (*faults, notes) if not fault.is_empty()] or [notes])
        stop, ask = (_rows_of(kept, action) for action in ("stop", "ask"))
        place = pl.struct("_sheet_no", "_key")
        hint = pl.when(place.is_in(stop)).then(pl.lit("stop")).when(place.is_in(ask)).then(pl.lit("ask"))
        base = frame.select(
            "_row", "_sheet", "_sheet_no", pl.lit(False).alias("_hidden"),
            hint.otherwise(pl.lit("")).alias("_verdict_hint"),
            pl.lit(None, dtype=pl.String).alias("_seq"), pl.lit(None, dtype=pl.String).alias("_extra"),
        )  # fmt: skip
        self.frames.append(base.with_columns(out.values()))
        self._keep(kept.select(list(FAULTS)))

    # --- faults that are not of a single cell's content ----------------------------------------------------------------

    def _filled(self, filled: list[tuple[int, int, str]], place: "_Place") -> pl.DataFrame:
        """One D7 entry per household, at its first row: at the household key where that was filled down."""
        key = place.header.fields.get(self.declared.household_key)
        by_row: dict[int, tuple[int, str]] = {}
        for row, at, text in filled:
            if row not in by_row or at == key:
                by_row[row] = (at, text)
        entries = []
        for row, (at, text) in sorted(by_row.items()):
            if by_row.get(row - 1) != (at, text):
                entries.append(place.entry(row - 1, place.header.headings[at].column.field, "D7", "auto", text, {}))
        return _frame(entries)

    def _hidden(self, hidden: pl.Series, part: SheetPart, grid: Grid, place: "_Place") -> pl.DataFrame:
        key = self.declared.household_key
        entries = [
            place.entry(int(row), key, "D22", "note", None, {"kind": "row"})
            for row in place.rows.filter(hidden).to_list()
        ]
        for first, last in part.scan.hidden_columns:
            for at in range(max(first - grid.offset, 0), min(last - grid.offset, grid.width) + 1):
                if heading := place.header.headings.get(at):
                    params = {"kind": "column"}
                    entries.append(place.entry(place.header.rows[1], heading.column.field, "D22", "note", None, params))
        if part.hidden:
            entries.append(place.entry(place.header.rows[1], key, "D22", "note", None, {"kind": "sheet"}))
        return _frame(entries)

    def _uncomputed(self, part: SheetPart, grid: Grid, place: "_Place") -> pl.DataFrame:
        known = set(place.rows.to_list()) if part.scan.uncomputed or part.scan.errors else set()
        entries = []
        for row, column, text in part.scan.errors:
            heading = place.header.headings.get(column - grid.offset)
            if heading and row + 1 in known:
                entries.append(place.entry(row + 1, heading.column.field, "D14", "stop", text, {}))
        for row, column in part.scan.uncomputed:
            heading = place.header.headings.get(column - grid.offset)
            if heading and row + 1 in known:
                params = {"kind": "formula"}
                entries.append(place.entry(row + 1, heading.column.field, "D22", "stop", None, params))
        return _frame(entries)

    def _skipped(self, found: rows.SheetRows, part: SheetPart, sheet_no: int) -> None:
        header = found.tables[0].header
        entries = []
        for row, at, code, action, text, params in found.skipped:
            heading = header.headings.get(at)
            column = heading.text if heading else header.unknown.get(at, "")
            name = heading.column.field if heading else ""
            value = strip(text)[0][:200] if text else None
            entries.append((part.name, sheet_no, row, column, name, code, action, value, json.dumps(params), "", ""))
            if params.get("kind") != "unit":
                self.meta["skipped"] += 1
        self._keep(_frame(entries))
        self.meta["totals"] += [{"sheet": part.name, "sheet_no": sheet_no, **total} for total in found.totals]

    def _keep(self, faults: pl.DataFrame) -> None:
        """Keep the faults, at most so many repairs and notes per column and code; every one is counted."""
        if faults.is_empty():
            return
        for name, code, action, count in faults.group_by("field", "code", "action").len().iter_rows():
            self.counts[name, code, action] += count
        rank = pl.int_range(pl.len()).over("field", "code", "action")
        self.faults.append(faults.filter(pl.col("action").is_in(["ask", "stop"]) | (rank < limits.FAULTS_PER_COLUMN)))


def _reshaper(sheet: Sheet, year: int | None):
    """Return what reads the sheets of another shape, if the declaration names it."""
    if not sheet.reshape:
        return None
    module, _dot, name = sheet.reshape.rpartition(".")
    return getattr(importlib.import_module(module), name)(sheet, year)


def _answer(frame: pl.DataFrame, sheet_no: int, key: int, name: str, value: str) -> pl.DataFrame:
    """Put the answer to a single cell of a reshaped row in the place of what was found."""
    if f"c_{name}" not in frame.columns:
        return frame
    here = (pl.col("_sheet_no") == sheet_no) & (pl.col("_key") == key)
    text = pl.col(f"c_{name}") if value == "=" else pl.lit(value.strip() or None, dtype=pl.String)
    tag = f"t_{name}" if f"t_{name}" in frame.columns else None
    before = pl.col(tag) if tag else pl.lit(1, dtype=pl.UInt8)
    new = pl.lit(KEEP if value == "=" else ANSWER, dtype=pl.UInt8)
    return frame.with_columns(
        pl.when(here).then(text).otherwise(pl.col(f"c_{name}")).alias(f"c_{name}"),
        pl.when(here).then(new).otherwise(before).alias(f"t_{name}"),
    )


def _placed(faults: pl.DataFrame, frame: pl.DataFrame, column: Column) -> pl.DataFrame:
    """Return the faults of a reshaped column with the places of the cells they came from."""
    if faults.is_empty():
        return pl.DataFrame(schema={**FAULTS, "key": pl.Int64})
    header = f"h_{column.field}" if f"h_{column.field}" in frame.columns else "_header"
    at = frame.select("_sheet", "_sheet_no", "_row", "_key", header)[faults["at"]]
    at = at.rename({"_sheet": "sheet", "_sheet_no": "sheet_no", "_row": "row", "_key": "key", header: "column"})
    question = (
        pl.when(pl.col("asks") == "cell")
        .then(pl.format("cell:{}:{}:{}", "sheet_no", "key", pl.lit(column.field)))
        .when(pl.col("asks") == "label")
        .then(pl.format("label:{}:{}", pl.lit(column.field), "label"))
        .otherwise(pl.lit(""))
    )
    named = faults.drop("at").hstack(at).with_columns(field=pl.lit(column.field), question=question)
    return named.select(*FAULTS, "key")


def _rows_of(faults: pl.DataFrame, action: str) -> pl.Series:
    """Return the places of the rows that have a fault of this kind."""
    mine = faults.filter(pl.col("action") == action)
    return mine.select(pl.struct(pl.col("sheet_no").alias("_sheet_no"), pl.col("key").alias("_key")).alias("x"))[
        "x"
    ].implode()


@dataclass
class _Place:
    """Names the place of faults of one table."""

    sheet: str
    sheet_no: int
    header: Header
    rows: pl.Series

    def entry(self, row, name, code, action, value, params, question="", suggestion="") -> tuple:
        text = self.header.text(name)
        params = json.dumps(params, ensure_ascii=False)
        return (self.sheet, self.sheet_no, row, text, name, code, action, value, params, question, suggestion)

    def fault(self, *args) -> pl.DataFrame:
        return _frame([self.entry(*args)])

    def named(self, faults: pl.DataFrame, column: Column) -> pl.DataFrame:
        """Return the faults of a read column with their places and questions."""
        if faults.is_empty():
            return pl.DataFrame(schema=FAULTS)
        question = (
            pl.when(pl.col("asks") == "cell")
            .then(pl.format("cell:{}:{}:{}", pl.lit(self.sheet_no), pl.col("row"), pl.lit(column.field)))
            .when(pl.col("asks") == "label")
            .then(pl.format("label:{}:{}", pl.lit(column.field), pl.col("label")))
            .otherwise(pl.lit(""))
        )
        named = faults.with_columns(row=self.rows.gather(faults["at"])).with_columns(
            sheet=pl.lit(self.sheet),
            sheet_no=pl.lit(self.sheet_no, dtype=pl.Int64),
            column=pl.lit(self.header.text(column.field)),
            field=pl.lit(column.field),
            question=question,
        )
        return named.select(list(FAULTS))


def _frame(entries: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(entries, schema=FAULTS, orient="row")


def _hint(faults: pl.DataFrame, number: pl.Series) -> pl.Series:
    """Return "stop", "ask" or "" per row: the worst of its faults; rows named by a column's question count too."""
    worst: dict[str, set[int]] = {}
    for action in ("stop", "ask"):
        mine = faults.filter(pl.col("action") == action)
        worst[action] = set(mine.filter(pl.col("code") != "D15")["row"].to_list())
        for params in mine.filter(pl.col("code") == "D15")["params"]:
            worst[action] |= set(json.loads(params)["rows"])
    hint = (
        pl.when(number.is_in(list(worst["stop"])))
        .then(pl.lit("stop"))
        .when(number.is_in(list(worst["ask"])))
        .then(pl.lit("ask"))
        .otherwise(pl.lit(""))
    )
    return pl.DataFrame({"n": number}).select(hint.alias("hint")).to_series()


def _extra(frame: pl.DataFrame, header: Header) -> pl.Series:
    """Return the unknown columns of each row as JSON text {header: text}, or null where they are all blank."""
    pieces, used = [], set()
    for at, text in header.unknown.items():
        name = text
        while name in used:
            name += "'"
        used.add(name)
        if f"c{at}" in frame.columns and frame[f"c{at}"].null_count() < frame.height:
            value = pl.col(f"c{at}").str.replace_all(r"[\x00-\x1f]", " ")
            value = value.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
            pieces.append(pl.lit(json.dumps(name, ensure_ascii=False) + ': "') + value + '"')
    if not pieces:
        return pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    joined = pl.concat_str(pieces, separator=", ", ignore_nulls=True)
    return frame.select(pl.when(joined != "").then(pl.lit("{") + joined + "}").alias("extra")).to_series()
