"""Which rows of a sheet are data: totals, footnotes and repeated headers go, merged cells are filled down (D7–D9)."""

import re
import unicodedata
from dataclasses import dataclass, field

import polars as pl

from exchange import limits
from exchange.cells import label_key
from exchange.grid import Grid
from exchange.header import Aliases, Header, detect, factor_of
from exchange.limits import Refused
from poverty.declarations import Kind, Sheet

TOTAL = re.compile(r".{0,12}(?:合计|小计|总计|共计|累计|本页计|总数)(?:数|栏|金额)?")
FOOT = re.compile(
    r"(?:填表|填报|制表|制单|审核|复核|审批|经办|负责|分管|主管|联系|统计|报送|录入|核实|村支书|村主任|第一书记)(?:人|单位|日期|时间|领导|员)?"
    r"(?:\(?签[字章名]\)?|签字|盖章|\(盖章\)|\(章\))?[::].{0,80}|(?:说明|备注|注|附注|填表说明)[::、1].{0,2000}|单位[::(].{0,40}"
    r"|第?\d+页.{0,10}|(?:填表|填报|制表|审核)(?:人|单位|日期).{0,60}|以下空白|此页无正文"
)
EXAMPLES = {"示例", "样例", "例"}  # in the place of the running number, as our blank templates have it
UNIT_NOTE = re.compile(r"(?:金额)?(?:货币)?单位[::]?\s*(?:人民币)?((?:亿|万|千|百)?元)")


@dataclass
class Table:
    """One table of a sheet: its header and its data rows; `_row` is 1-based."""

    header: Header
    frame: pl.DataFrame


@dataclass
class SheetRows:
    """What a sheet consists of. skipped: (row, place, code, action, text, params); totals: D8 rows with their numbers."""

    tables: list[Table] = field(default_factory=list)
    skipped: list[tuple] = field(default_factory=list)
    totals: list[dict] = field(default_factory=list)
    best: list[str] = field(default_factory=list)
    factor: int = 1
    unit_note: dict | None = None


def split(grid: Grid, sheet: Sheet, aliases: Aliases) -> SheetRows:
    """Find the header, cut the sheet into tables and take out the rows that are no data; no table: no header found."""
    frame, found = grid.frame, SheetRows()
    places = [name for name in frame.columns if name.startswith("c")]
    if not places or frame.is_empty():
        return found
    top = _rows(frame.head(limits.HEADER_ROWS + 1), places)
    spans = [((a + 1, b - grid.offset), (c + 1, d - grid.offset)) for (a, b), (c, d) in grid.merges[:5000]]
    header = detect(top, aliases, [span for span in spans if span[0][0] <= limits.HEADER_ROWS + 1])
    if header is None:
        found.best = max(([c for c in cells if c] for _, cells in top), key=len, default=[])[:40]
        return found
    for row, cells in top:
        if row < header.rows[0]:
            _unit_note(found, row, cells)
    body = frame.filter(pl.col("_row") > header.rows[1])
    _cut(found, body, places, header, aliases, sheet, spans)
    return found


def _rows(frame: pl.DataFrame, places: list[str]) -> list[tuple[int, list[str | None]]]:
    return [(row[0], list(row[1:])) for row in frame.select("_row", *places).iter_rows()]


def _unit_note(found: SheetRows, row: int, cells: list[str | None]) -> bool:
    for place, text in enumerate(cells):
        match = UNIT_NOTE.search(unicodedata.normalize("NFKC", text)) if text and len(text) < 200 else None
        factor = factor_of(f"({match[1]})") if match else 0
        if factor:
            found.factor = factor
            found.unit_note = {"row": row, "text": text, "factor": factor}
            if factor != 1:
                found.skipped.append((row, place, "D8", "auto", text, {"kind": "unit", "factor": factor}))
            return True
    return False


def _leading(header: Header, sheet: Sheet) -> list[int]:
    """Return the places that tell a total or a header from data: first column, number, regions, keys, names."""
    wanted = {Kind.IGNORE, Kind.REGION, Kind.NAME, Kind.OPAQUE}
    places = [at for at, heading in header.headings.items() if heading.column.kind in wanted]
    return sorted({0, *places})


def _cut(found, body, places, header, aliases, sheet, spans) -> None:
    """Walk over the few suspicious rows; everything between them is data."""
    width = len(places)
    start, drop = 0, set()
    suspicious = _suspicious(body, header, aliases, sheet, width)
    numbers = body["_row"]
    skip_until = -1
    for at in suspicious:
        if at <= skip_until:
            continue
        row, cells = int(numbers[at]), list(body.select(places).row(at))
        again = _again(body, at, places, aliases, spans, header)
        if again is not None:
            skip_until = at + (again.rows[1] - again.rows[0])
            for line in range(at, skip_until + 1):
                drop.add(line)
            first = next((place for place, text in enumerate(cells) if text), 0)
            same = again.fields == header.fields
            note = {"kind": "repeated" if same else "table"}
            found.skipped.append((row, first, "D9", "auto", cells[first], note))
            if not same:
                _close(found, header, body, start, at, drop)
                header, start = again, skip_until + 1
            continue
        kind, place = _what(cells, header, sheet)
        if kind == "unit":
            _unit_note(found, row, cells)
        if kind == "total":
            sums = {h.text: cells[p] for p, h in header.headings.items() if p < width and _numeric(cells[p])}
            found.totals.append({"row": row, "label": cells[place], "numbers": sums})
        if kind:
            drop.add(at)
            if kind != "unit" or found.skipped[-1:] and found.skipped[-1][0] != row or not found.skipped:
                found.skipped.append((row, place, "D8", "auto", cells[place], {"kind": kind}))
    _close(found, header, body, start, body.height, drop)


def _close(found: SheetRows, header: Header, body: pl.DataFrame, start: int, end: int, drop: set[int]) -> None:
    piece = body.slice(start, end - start)
    inside = [at - start for at in drop if start <= at < end]
    if inside:
        keep = ~pl.Series(range(piece.height)).is_in(inside)
        piece = piece.filter(keep)
    found.tables.append(Table(header, piece))


def _numeric(text: str | None) -> bool:
    return bool(text) and re.fullmatch(r"-?[\d,]+(?:\.\d+)?", text) is not None


def _suspicious(body: pl.DataFrame, header: Header, aliases: Aliases, sheet: Sheet, width: int) -> list[int]:
    """Return the places of rows that are worth a look: words of totals and notes, header words, hardly any content."""
    if body.is_empty():
        return []
    conditions = []
    for place in _leading(header, sheet):
        if place < width:
            text = pl.col(f"c{place}")
            conditions.append(text.str.contains("合|计|人|填|审|注|说明|单|页|白|章|数|书|备"))
    shorts = [place for place in _leading(header, sheet) if place < width]
    names = {at for at, heading in header.headings.items() if heading.column.kind in (Kind.NAME, Kind.IGNORE)}
    keys = list(aliases.columns)
    for place in shorts:
        if place in names or place == 0 or header.headings.get(place) and header.headings[place].column.required:
            conditions.append(pl.col(f"c{place}").str.replace_all(r"[\s*●★]", "").is_in(keys))
    for place, heading in header.headings.items():
        if heading.column.kind == Kind.IGNORE and place < width:
            conditions.append(pl.col(f"c{place}").str.contains(r"^[^0-9]+$"))
    content = pl.sum_horizontal([pl.col(f"c{p}").is_not_null().cast(pl.Int32) for p in range(width)])
    conditions.append(content <= 2)
    hit = body.select(pl.any_horizontal([c.fill_null(False) for c in conditions]).alias("hit")).to_series()
    found = hit.arg_true()
    if len(found) > 2000:
        # Ordinary words of the place names: look closer before walking over them one by one.
        strict = [
            pl.col(f"c{place}").str.contains(r"合\s*计|小\s*计|总\s*计|共\s*计|[::]|^[^0-9]*单位|空白|页")
            for place in shorts
        ]
        strict.append(content <= 2)
        strict += conditions[len(shorts) : -1]
        hit = body.select(pl.any_horizontal([c.fill_null(False) for c in strict]).alias("hit")).to_series()
        found = hit.arg_true()
    return found.to_list()


def _again(body, at, places, aliases: Aliases, spans, header: Header) -> Header | None:
    """Return the header that starts at this row, if it is one: most of its cells are header words."""
    rows = _rows(body.slice(at, 2), places)
    cells = [cell for cell in rows[0][1] if cell]
    hits = sum(cell in aliases for cell in cells)
    if hits < 3 or hits * 2 < len(cells) and header.rows[0] == header.rows[1]:
        return None
    return detect(rows[:1] if header.rows[0] == header.rows[1] and hits * 2 >= len(cells) else rows, aliases, spans)


def _what(cells: list[str | None], header: Header, sheet: Sheet) -> tuple[str, int]:
    """Return what a row is ("total", "foot", "unit", "example", or "" for data) and the place that shows it."""
    filled = [place for place, text in enumerate(cells) if text]
    if not filled:
        return "", 0
    for place, heading in header.headings.items():
        if heading.column.kind == Kind.IGNORE and place < len(cells) and label_key(cells[place] or "") in EXAMPLES:
            return "example", place
    firm = [p for p, h in header.headings.items() if h.column.kind == Kind.ID_NUMBER and p < len(cells) and cells[p]]
    firm = [place for place in firm if re.search(r"\d{6}", cells[place])]
    first = filled[0]
    if not firm:
        for place in _leading(header, sheet):
            if place < len(cells) and cells[place] and TOTAL.fullmatch(label_key(cells[place]).rstrip(":")):
                return "total", place
        words = label_key(cells[first])
        if UNIT_NOTE.match(words) and len(filled) <= 2:
            return "unit", first
        if FOOT.fullmatch(words):
            return "foot", first
        # A lone text that is no key and no name: a heading, a remark, a signature.
        mapped = [place for place in filled if place in header.headings]
        telling = [p for p in mapped if header.headings[p].column.kind in (Kind.NAME, Kind.OPAQUE, Kind.ID_NUMBER)]
        if (
            not telling
            and len(filled) <= 2
            and (len(filled) == 1 or any(FOOT.match(label_key(cells[p])) for p in filled))
        ):
            return "foot", first
        if len(filled) == 1 and (len(words) > 20 or FOOT.match(words)):
            return "foot", first
    return "", 0


# --- merged cells and continuing households -------------------------------------------------------------------------


def fill_down(table: Table, grid: Grid, sheet: Sheet) -> tuple[pl.DataFrame, list[tuple[int, int, str]]]:
    """Fill household columns down inside merges, and household keys where a row continues the one above (D7).

    Return the frame and the filled cells as (row, place, value).
    """
    frame, header = table.frame, table.header
    wide = {
        place
        for place, heading in header.headings.items()
        if heading.column.household_wide or heading.column.kind in (Kind.REGION, Kind.IGNORE)
        or heading.column.field in (sheet.household_key, "year")
    }  # fmt: skip
    filled: list[tuple[int, int, str]] = []
    first_row = int(frame["_row"][0]) if frame.height else 0
    for place in sorted(wide):
        ranges = [
            (top + 1, bottom + 1)
            for (top, left), (bottom, right) in grid.merges
            if bottom > top and left - grid.offset <= place <= right - grid.offset and bottom >= first_row - 1
            and (left - grid.offset == place)
        ]  # fmt: skip
        if ranges:
            frame, more = _fill_merges(frame, place, ranges)
            filled += more if header.headings[place].column.kind != Kind.IGNORE else []
    frame, more = _fill_continuing(frame, header, sheet)
    return frame, filled + more


def _fill_merges(frame: pl.DataFrame, place: int, ranges: list[tuple[int, int]]):
    last = int(frame["_row"][-1])
    ranges = [(top, min(bottom, last)) for top, bottom in ranges]
    if sum(bottom - top for top, bottom in ranges) > limits.CELLS // 4:
        raise Refused("limit", "cells", {"most": limits.CELLS})
    name = f"c{place}"
    spans = pl.DataFrame(ranges, schema={"top": pl.Int64, "bottom": pl.Int64}, orient="row")
    spans = spans.with_columns(_row=pl.int_ranges(pl.col("top") + 1, pl.col("bottom") + 1)).explode("_row")
    carried = ["_row", name] + ([f"t{place}"] if f"t{place}" in frame.columns else [])
    sources = frame.select(carried).rename({"_row": "top"})
    spans = spans.join(sources, on="top", how="inner").select("_row", *carried[1:])
    spans = (
        spans.filter(pl.col(name).is_not_null())
        .unique("_row", keep="first")
        .rename({n: n + "_new" for n in carried[1:]})
    )
    joined = frame.join(spans, on="_row", how="left", maintain_order="left")
    empty = joined[name].is_null() & joined[name + "_new"].is_not_null()
    filled = [(row, place, text) for row, text in joined.filter(empty).select("_row", name + "_new").iter_rows()]
    columns = [
        pl.when(empty).then(pl.col(column + "_new")).otherwise(pl.col(column)).alias(column) for column in carried[1:]
    ]
    return joined.with_columns(columns).drop([column + "_new" for column in carried[1:]]), filled


def _fill_continuing(frame: pl.DataFrame, header: Header, sheet: Sheet):
    """Give a row without household key the keys of the row above where it visibly continues that household.

    It does so when it names a person, is not the head, and either its running number goes on by one, or the sheet's
    column for the head (or the running number of the household) is blank on it too.
    """
    fields = header.fields
    key_place, relation = fields.get(sheet.household_key), fields.get("relation")
    person = next(
        (fields[c.field] for c in sheet.columns if c.kind == Kind.NAME and c.required and c.field in fields), None
    )
    if not sheet.person_key or key_place is None or person is None or relation is None:
        return frame, []
    blank = frame[f"c{key_place}"].is_null() & frame[f"c{person}"].is_not_null()
    if not blank.any():
        return frame, []
    heads = [
        p
        for p, h in header.headings.items()
        if h.column.household_wide and h.column.kind in (Kind.NAME, Kind.ID_NUMBER)
    ]
    regions = [p for p, h in header.headings.items() if h.column.kind == Kind.REGION]
    carried = [key_place, *heads, *regions]
    numbers = next((p for p, h in header.headings.items() if h.column.kind == Kind.IGNORE), None)
    head_words = {"户主", "本人", "01", "1", "户主本人", "本人或户主", "家长", ""}
    columns = {
        f"c{p}": frame[f"c{p}"].to_list() for p in {*carried, relation, *([numbers] if numbers is not None else [])}
    }
    filled: list[tuple[int, int, str]] = []
    rows = frame["_row"].to_list()
    for at in blank.arg_true().to_list():
        if at == 0 or columns[f"c{key_place}"][at - 1] is None or rows[at] != rows[at - 1] + 1:
            continue
        if label_key(columns[f"c{relation}"][at] or "") in head_words:
            continue
        blank_head = bool(heads) and all(columns[f"c{p}"][at] is None for p in heads)
        shows = blank_head
        if numbers is not None:
            here, above = columns[f"c{numbers}"][at], columns[f"c{numbers}"][at - 1]
            going_on = (
                here and above and here.isdigit() and above.isdigit() and int(here) in (int(above), int(above) + 1)
            )
            shows = shows or bool(going_on) or here is None
        if not shows:
            continue
        for place in carried:
            if columns[f"c{place}"][at] is None and columns[f"c{place}"][at - 1] is not None:
                columns[f"c{place}"][at] = columns[f"c{place}"][at - 1]
                if place == key_place:
                    filled.append((rows[at], place, columns[f"c{place}"][at]))
    changed = [pl.Series(f"c{p}", columns[f"c{p}"], dtype=pl.String) for p in carried]
    return frame.with_columns(changed), filled
