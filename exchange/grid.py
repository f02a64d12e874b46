"""The cells of one sheet as polars columns of text, with a tag per cell that was not text.

A Grid's frame has `_row` (1-based row of the sheet), `c0`, `c1`, … (text; blank is null) and `t0`, … (UInt8 tags of
`exchange.cells`, only for columns that hold something else than text). Rows without any content are left out.
"""

import csv
import datetime as dt
import gc
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

from exchange import limits
from exchange.cells import BOOL, DATE, NUMBER, TEXT, TIME, number_text
from exchange.limits import Refused

CHUNK = 4_000


@dataclass
class Grid:
    """frame: see above. offset: the sheet column of `c0`. merges: ((row, column), (row, column)), all 0-based."""

    frame: pl.DataFrame
    offset: int = 0
    merges: list = field(default_factory=list)
    width: int = 0


def _number(value) -> tuple[str, int]:
    return number_text(value), NUMBER


CONVERT: dict[type, Callable] = {
    str: lambda value: (value, TEXT),
    int: _number,
    float: _number,
    bool: lambda value: ("TRUE" if value else "FALSE", BOOL),
    dt.date: lambda value: (value.isoformat(), DATE),
    dt.datetime: lambda value: (value.isoformat(" "), DATE),
    dt.time: lambda value: (value.isoformat(), TIME),
    dt.timedelta: lambda value: (str(value), TIME),
}


class _Columns:
    """Collects rows and turns them into columns chunk by chunk, so that few Python objects live at a time."""

    def __init__(self):
        self.texts: list[list[pl.Series]] = []
        self.tags: list[list[pl.Series | None]] = []
        self.lengths: list[int] = []

    def add(self, rows: list[list]) -> None:
        for place, column in enumerate(zip(*rows, strict=True)):
            text, tag = self._split(column, place)
            self.texts[place].append(text)
            self.tags[place].append(tag)
        self.lengths.append(len(rows))

    def _split(self, column: tuple, place: int) -> tuple[pl.Series, pl.Series | None]:
        while len(self.texts) <= place:
            self.texts.append([pl.Series([None] * n, dtype=pl.String) for n in self.lengths])
            self.tags.append([None] * len(self.lengths))
        known_mixed = self.tags[place] and self.tags[place][-1] is not None
        if not known_mixed:
            try:
                return pl.Series(column, dtype=pl.String, strict=True), None
            except (TypeError, pl.exceptions.PolarsError):
                pass
        pairs = [CONVERT[type(value)](value) for value in column]
        texts, tags = zip(*pairs, strict=True)
        return pl.Series(texts, dtype=pl.String), pl.Series(tags, dtype=pl.UInt8)

    def frame(self) -> pl.DataFrame:
        columns = {}
        for place in range(len(self.texts)):
            text = pl.concat(self.texts[place], rechunk=True).str.strip_chars(" ")
            self.texts[place] = []
            columns[f"c{place}"] = text.set(text == "", None)
            if any(tag is not None for tag in self.tags[place]):
                plain = [pl.Series([TEXT], dtype=pl.UInt8).new_from_index(0, n) for n in self.lengths]
                tags = [tag if tag is not None else plain[at] for at, tag in enumerate(self.tags[place])]
                columns[f"t{place}"] = pl.concat(tags, rechunk=True)
        frame = pl.DataFrame(columns).with_row_index("_row", offset=1).with_columns(pl.col("_row").cast(pl.Int64))
        present = [pl.col(name).is_not_null() for name in columns if name.startswith("c")]
        if not present:
            return frame
        anything = frame.select(pl.any_horizontal(present)).to_series()
        return frame if anything.all() else frame.filter(anything)


def from_rows(rows: Iterator[list], *, width: int | None, on_rows: Callable[[int], None]) -> pl.DataFrame:
    """Return the frame of an iterator of rows; short rows are filled up to `width` (None: the longest so far)."""
    columns = _Columns()
    gc.disable()  # a million young lists would be looked at again and again
    try:
        while chunk := list(islice(rows, CHUNK)):
            if width is None:
                most = max(max(map(len, chunk)), len(columns.texts), 1)
                chunk = [row + [""] * (most - len(row)) if len(row) < most else row for row in chunk]
            columns.add(chunk)
            on_rows(len(chunk))
    finally:
        gc.enable()
    return columns.frame()


def from_calamine(sheet, on_rows: Callable[[int], None]) -> Grid:
    """Read one sheet of a workbook. calamine starts at row 1 but at the first column that holds anything."""
    merges = sheet.merged_cell_ranges or []
    if sheet.start is None:
        return Grid(pl.DataFrame({"_row": pl.Series([], dtype=pl.Int64)}), 0, merges)
    if sheet.total_height * sheet.width > limits.CELLS:
        raise Refused("limit", "cells", {"most": limits.CELLS})
    frame = from_rows(sheet.iter_rows(), width=sheet.width, on_rows=on_rows)
    return Grid(frame, sheet.start[1], merges, sheet.width)


def from_text(data: bytes, on_rows: Callable[[int], None]) -> tuple[Grid, dict]:
    """Read delimited text: GB18030, UTF-8 or UTF-16; comma, semicolon or tab. Return the grid and what was found."""
    text, encoding = decode(data)
    separator = _separator(text)
    csv.field_size_limit(limits.CSV_FIELD_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)

    def rows():
        cells = 0
        for row in reader:
            cells += len(row)
            if cells > limits.CELLS or len(row) > 16_384:
                raise Refused("limit", "cells", {"most": limits.CELLS})
            yield row

    try:
        frame = from_rows(rows(), width=None, on_rows=on_rows)
    except csv.Error as error:
        raise Refused("broken", "broken_text") from error
    width = sum(name.startswith("c") for name in frame.columns)
    if width * frame.height > limits.CELLS:
        raise Refused("limit", "cells", {"most": limits.CELLS})
    return Grid(frame, 0, [], width), {"encoding": encoding, "separator": separator}


def decode(data: bytes) -> tuple[str, str]:
    """Return (text, encoding); Refused where no encoding fits."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif data.startswith(b"\xef\xbb\xbf"):
        candidates = ["utf-8-sig"]
    elif len(data) > 3 and data[1::2][:200].count(0) > len(data[:400]) // 8:
        candidates = ["utf-16-le"]
    elif len(data) > 3 and data[::2][:200].count(0) > len(data[:400]) // 8:
        candidates = ["utf-16-be"]
    else:
        candidates = ["utf-8", "gb18030"]
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        odd = sum(text[:4096].count(chr(code)) for code in (*range(9), *range(14, 32)))
        if odd * 50 > len(text[:4096]):
            break
        return text.removeprefix("\ufeff"), encoding
    raise Refused("content", "not_a_table")


def _separator(text: str) -> str:
    """Return the separator that stands most evenly in the first lines."""
    lines = [line for line in text[:20_000].splitlines()[:30] if line.strip()]
    best = max(",\t;|", key=lambda sign: (sum(min(line.count(sign), 60) for line in lines), sign == ","))
    return best if any(best in line for line in lines) else ","
