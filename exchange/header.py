"""Which row holds the headers, and which declared column each of them means."""

import re
import unicodedata
from dataclasses import dataclass, field

from exchange.cells import INVISIBLE
from poverty.declarations import Column, Kind, Sheet

LEAST_FIELDS = 3
FACTORS = {"元": 1, "万元": 10_000, "千元": 1000, "百元": 100, "亿元": 10**8, "万": 10_000}
BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|【([^【】]*)】|〔([^〔〕]*)〕|<([^<>]*)>|《([^《》]*)》")
UNIT_WORD = re.compile(r"(?:单位|人民币)?[::]?((?:亿|万|千|百)?元|万)(?:/年|/月|/人|/人/年|每年)?")


def key(text: str) -> str:
    """Return a header as it is compared: half-width, without blanks, marks of obligation and closing points."""
    text = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    return re.sub(r"\s", "", text).strip("*●★※:;,、。._'\"").removeprefix("其中:").replace("帐", "账")


def shown(text: str) -> str:
    """Return a header as it is shown: as written, but on one line."""
    return re.sub(r"\s+", " ", INVISIBLE.sub("", text)).strip()


def factor_of(text: str) -> int:
    """Return the unit of money named in a header's brackets or a note, in yuan; 0 where there is none."""
    for groups in BRACKETS.findall(text):
        for inner in groups:
            if match := UNIT_WORD.fullmatch(inner):
                return FACTORS[match[1]]
    return 0


@dataclass
class Heading:
    """A header cell: the column it means, the text as written, and the unit it names (0: none)."""

    column: Column
    text: str
    factor: int = 0


@dataclass
class Header:
    """rows: 1-based first and last row of the header. headings and unknown are by place in the grid (`c0`, …)."""

    rows: tuple[int, int]
    headings: dict[int, Heading] = field(default_factory=dict)
    unknown: dict[int, str] = field(default_factory=dict)
    doubles: list[str] = field(default_factory=list)

    @property
    def fields(self) -> dict[str, int]:
        return {heading.column.field: place for place, heading in self.headings.items()}

    def text(self, field_name: str) -> str:
        place = self.fields.get(field_name)
        return self.headings[place].text if place is not None else ""


class Aliases:
    """The headers of a sheet declaration, by their keys."""

    def __init__(self, sheet: Sheet):
        self.columns: dict[str, Column] = {}
        for column in sheet.columns:
            for alias in column.aliases:
                self.columns.setdefault(key(alias), column)
        for column in sheet.columns:
            for alias in column.aliases:
                self.columns.setdefault(BRACKETS.sub("", key(alias)), column)
        self.columns.pop("", None)

    def find(self, text: str | None) -> tuple[Column, int] | None:
        """Return (column, unit factor) of a header text; remarks and units in brackets may follow the alias."""
        if not text or len(text) > 80:
            return None
        whole = key(text)
        if whole in self.columns:
            return self.columns[whole], factor_of(whole)
        bare = BRACKETS.sub("", whole)
        if bare != whole and bare in self.columns:
            return self.columns[bare], factor_of(whole)
        return None

    def __contains__(self, text: str | None) -> bool:
        return self.find(text) is not None


def detect(rows: list[tuple[int, list[str | None]]], aliases: Aliases, spans=()) -> Header | None:
    """Return the best header among `rows`, [(row number, cells)], or None where nothing looks like one.

    One row, or two joined "upper/lower", is taken: whichever names more columns; a single row wins a tie. `spans` are
    merged ranges ((row, first place), (row, last place)), rows 1-based, which carry an upper header to the right.
    """
    best, best_score = None, (0, False)
    for at, (number, cells) in enumerate(rows):
        candidates = [_header((number, number), [(cell,) for cell in cells], aliases)]
        if at + 1 < len(rows) and rows[at + 1][0] == number + 1:
            upper = _spread(number, cells, rows[at + 1][1], spans)
            candidates.append(_header((number, number + 1), list(zip(upper, rows[at + 1][1], strict=True)), aliases))
        for found in candidates:
            score = (len(found.headings), found.rows[0] == found.rows[1])
            if score > best_score:
                best, best_score = found, score
    return best if best_score[0] >= LEAST_FIELDS else None


def _spread(number: int, upper: list, lower: list, spans) -> list:
    """Carry the texts of the upper row over the cells they are merged across, or that stand above a lower text."""
    out = list(upper)
    merged = False
    for (row, first), (_, last) in spans:
        if row == number and last > first:
            merged = True
            for place in range(first, min(last, len(out) - 1) + 1):
                out[place] = upper[first] if first < len(upper) else None
    if not merged:
        current = None
        for place, text in enumerate(out):
            current = text or (current if lower[place] else None)
            out[place] = text or current
    return out


def _header(rows: tuple[int, int], cells: list[tuple], aliases: Aliases) -> Header:
    found = Header(rows)
    taken: dict[str, int] = {}
    for place, parts in enumerate(cells):
        texts = [shown(part) for part in parts if part and part.strip()]
        if not texts:
            continue
        text = "/".join(texts)
        match = aliases.find(text) or (aliases.find(texts[-1]) if len(texts) > 1 else None)
        if not match and len(texts) > 1 and (factor_of(f"({key(texts[1])})") or BRACKETS.fullmatch(key(texts[1]))):
            match = aliases.find(texts[0] + f"({key(texts[1]).strip('()')})")
        if match and match[0].field not in taken:
            factor = match[1] or factor_of(f"({key(texts[-1])})") or factor_of(key(text))
            taken[match[0].field] = place
            found.headings[place] = Heading(match[0], text, factor if match[0].kind == Kind.AMOUNT else 0)
        else:
            if match:
                found.doubles.append(text)
            found.unknown[place] = text
    return found


def missing(header: Header, sheet: Sheet) -> tuple[list[str], list[str]]:
    """Return the headers that stop the import and those that are only noted, each as templates write them.

    A row needs a household key (a household number or an ID column of the head), a name and a village.
    """
    have = set(header.fields)
    stop = []
    keys = [sheet.household_key, *(c.field for c in sheet.columns if c.kind == Kind.ID_NUMBER and c.household_wide)]
    keys += [c.field for c in sheet.columns if c.kind == Kind.ID_NUMBER and c.required and not sheet.person_key]
    if not have & set(keys):
        stop.append("/".join(dict.fromkeys(sheet.column(name).header for name in keys)))
    stop += [sheet.column(name).header for name in sheet.needed if name not in have]
    names = [c for c in sheet.columns if c.kind == Kind.NAME and c.required]
    villages = [c for c in sheet.columns if c.level == "village" and c.required]
    for needed in (names, villages):
        if needed and not have & {c.field for c in needed}:
            stop.append(needed[0].header)
    rest = [c.header for c in sheet.columns if c.required and c.field not in have and c.header not in stop]
    return stop, rest
