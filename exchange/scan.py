"""One streaming pass over a sheet's XML before any library opens it.

It finds the true extent of the cells (calamine allocates the whole rectangle, and `<dimension>` may lie), hidden rows
and columns, and formulas without a stored value. Byte searches over whole rows keep a clean sheet of 490 MB within
three seconds; a prefixed or otherwise unusual sheet is only measured more slowly, never trusted more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from exchange.limits import ROW_XML_BYTES, Refused

# Attribute lists are bounded, so that a hostile file cannot make a search quadratic.
LAST_ROW = re.compile(rb'<(?:\w{1,9}:)?row\b[^<>]{0,400}?\br="(\d{1,7})"')
# Cells beyond column AZ or row 999,999: rare enough to look at one by one.
FAR = re.compile(rb'r="(?:[A-Z]{3}|[B-Z][A-Z]|[A-Z]{1,2}[0-9]{7})')
CELL = re.compile(rb'<(?:\w{1,9}:)?c\b[^<>]{0,200}?\br="([A-Z]{1,3})(\d{1,7})"')
ROW = re.compile(rb"<(?:\w{1,9}:)?row\b([^<>]{0,2000})>")
COLUMN = re.compile(rb"<(?:\w{1,9}:)?col\b([^<>]{0,2000})>")
ATTRIBUTE = re.compile(rb"""\b([a-zA-Z]+)\s*=\s*["']([^"']*)["']""")
# A cell whose formula is not followed by a value with something in it; group 2 is an empty value, where there is one.
UNCOMPUTED = re.compile(
    rb"<(?:\w{1,9}:)?c\b([^<>]{0,200})>\s{0,9}<(?:\w{1,9}:)?f\b(?:[^<>]{0,400}/>|[^<>]{0,400}>[^<]{0,9000}</(?:\w{1,9}:)?f>)"
    rb"\s{0,9}(<(?:\w{1,9}:)?v\s{0,9}/>|<(?:\w{1,9}:)?v>\s{0,9}</(?:\w{1,9}:)?v>)?\s{0,9}</(?:\w{1,9}:)?c>"
)
# A cell that holds an error (#REF! …): the reading library gives it as blank, and blank would keep an old value.
ERROR = re.compile(
    rb"""<(?:\w{1,9}:)?c\b([^<>]{0,200}?\bt=["']e["'][^<>]{0,200})>(?:\s{0,9}<(?:\w{1,9}:)?f\b(?:[^<>]{0,400}/>|"""
    rb"[^<>]{0,400}>[^<]{0,9000}</(?:\w{1,9}:)?f>))?\s{0,9}<(?:\w{1,9}:)?v>([^<]{0,40})</"
)
TRUE = (b"1", b"true", b"on")


@dataclass
class SheetScan:
    """Facts of one sheet. Rows and columns are 0-based; `rows` and `columns` are counts from the first cell's origin."""

    rows: int = 0
    columns: int = 0
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    uncomputed: list[tuple[int, int]] = field(default_factory=list)
    errors: list[tuple[int, int, str]] = field(default_factory=list)


def column_number(letters: bytes) -> int:
    """Return the 0-based number of a column named A, B, … XFD."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def scan(chunks: Iterable[bytes]) -> SheetScan:
    """Scan a sheet that arrives in chunks of bytes; Refused for a document type declaration or an endless row."""
    found = SheetScan()
    carry, in_data = b"", False
    for chunk in chunks:
        block = carry + chunk if carry else chunk
        if not in_data:
            if b"<!DOCTYPE" in block or b"<!ENTITY" in block:
                raise Refused("dtd", "dtd")
            in_data = b"sheetData" in block
        cut = block.rfind(b"</row>")
        cut = cut + 6 if cut >= 0 else max(block.rfind(b":row>"), -1) + 5 if b":row>" in block else 0
        carry, block = (block[cut:], block[:cut]) if cut else (block, b"")
        if len(carry) > ROW_XML_BYTES:
            raise Refused("broken", "broken")
        if block:
            _block(found, block)
    if carry:
        _block(found, carry)
    return found


def _block(found: SheetScan, block: bytes) -> None:
    last = block.rfind(b"<row ")
    match = LAST_ROW.match(block, last) if last >= 0 else None
    if match:
        found.rows = max(found.rows, int(match[1]))
    else:
        found.rows += block.count(b"<row") + block.count(b":row>") // 2
    if found.columns < 52:
        # Any cell of a row shows the width of the ordinary case; the far ones are searched for below.
        found.columns = max(found.columns, _width(block))
    if FAR.search(block):
        for letters, row in CELL.findall(block):
            found.columns = max(found.columns, column_number(letters) + 1)
            found.rows = max(found.rows, int(row))
    if b"hidden=" in block:
        _hidden(found, block)
    if b't="e"' in block or b"t='e'" in block:
        for match in ERROR.finditer(block):
            place = CELL.match(b"<c" + match[1] + b">")
            if place:
                text = match[2].decode("utf-8", "replace")
                found.errors.append((int(place[2]) - 1, column_number(place[1]), text))
    if b"<f" in block or b":f" in block:
        for match in UNCOMPUTED.finditer(block):
            place = CELL.match(b"<c" + match[1] + b">")
            # An empty text is a value too: Excel stores ="" so.
            if place and not (match[2] and b't="str"' in match[1]):
                found.uncomputed.append((int(place[2]) - 1, column_number(place[1])))


def _width(block: bytes) -> int:
    """Return the width seen in the first and last rows of a block, at most 52 columns."""
    ends = block[:20_000] + block[-20_000:]
    return max((column_number(letters) + 1 for letters, _row in CELL.findall(ends)), default=0)


def _hidden(found: SheetScan, block: bytes) -> None:
    for match in ROW.finditer(block):
        if b"hidden" in match[1]:
            facts = dict(ATTRIBUTE.findall(match[1]))
            if facts.get(b"hidden") in TRUE and facts.get(b"r", b"").isdigit():
                found.hidden_rows.append(int(facts[b"r"]) - 1)
    for match in COLUMN.finditer(block):
        facts = dict(ATTRIBUTE.findall(match[1]))
        if facts.get(b"hidden") in TRUE and facts.get(b"min", b"").isdigit() and facts.get(b"max", b"").isdigit():
            first, last = int(facts[b"min"]) - 1, int(facts[b"max"]) - 1
            found.hidden_columns.append((first, min(last, 16_383)))
