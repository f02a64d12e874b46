"""Colour and comment the cells of a workbook, in a throw-away process: a workbook of 20,000 rows takes 500 MB.

`python -m exchange.painting` is the child, `painted()` the parent side. Sheets being written lie in memory, where the
library would put them on the disk in plain.
"""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
from collections import defaultdict

from exchange import child

TIMEOUT_S = 300
FILE_BYTES = 1 << 30
COMMENTS = 20_000  # cells beyond this many are coloured only
NO_VALUE = "#N/A"


def painted(data: bytes, request: dict) -> bytes | None:
    """Return the workbook with its marks, or None when it cannot be written.

    request: declared (the Sheet), sheets [(name, header rows)], marks [(sheet, row, field, header, action, text,
    formula without a value)] the worst first, colours by action, lines and name of the first sheet.
    """
    from exchange.reading import memory_file, start

    packed = pickle.dumps(request)
    with memory_file(struct.pack("<Q", len(packed)), packed, data) as source:
        process = start(source, "exchange.painting")
    try:
        answer, _nothing = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return answer if process.returncode == 0 and answer[:2] == b"PK" else None


def main() -> None:
    child.bare_package()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    child.limit_self(*json.loads(os.environ.pop("READER_LIMITS")), file_bytes=FILE_BYTES)
    size = struct.unpack("<Q", sys.stdin.buffer.read(8))[0]
    request = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301 from our own parent, never from the file
    answer.write(paint(sys.stdin.buffer.read(), request))
    answer.flush()


def paint(data: bytes, request: dict) -> bytes:
    import openpyxl
    from openpyxl.styles import PatternFill
    from openpyxl.writer import excel

    excel.WorksheetWriter = _in_memory(excel.WorksheetWriter)
    # Values instead of formulas: saved without Excel, formulas have no values, and the next import would refuse them.
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=True, keep_vba=False, keep_links=False)
    fills = {action: PatternFill("solid", fgColor=colour) for action, colour in request["colours"].items()}
    places = {
        name: _positions(book[name], rows, request["declared"])
        for name, rows in request["sheets"]
        if name in book.sheetnames
    }
    texts: dict = defaultdict(list)
    first: dict = {}
    uncomputed = set()
    for sheet, row, field, header, action, text, without_value in request["marks"]:
        if sheet not in places:
            continue
        place = (sheet, row, places[sheet].get(header) or places[sheet].get(field) or 1)
        first.setdefault(place, action)
        texts[place].append(text)
        if without_value:
            uncomputed.add(place)
    for number, (place, found) in enumerate(texts.items()):
        sheet, row, column = place
        cell = book[sheet].cell(row, column)
        if isinstance(cell, openpyxl.cell.cell.MergedCell):
            cell = _corner(book[sheet], cell)
        if place in uncomputed:
            cell.value = NO_VALUE
            cell.data_type = "s"
        cell.fill = fills[first[place]]
        if number < COMMENTS:
            cell.comment = _comment("\n".join(dict.fromkeys(found)), cell.comment)
    _first_sheet(book.create_sheet(_free_name(book, request["name"]), 0), request["lines"], fills)
    book.active = 0
    for sheet in book.worksheets[1:]:
        sheet.sheet_view.tabSelected = False
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _in_memory(writer):
    """Return the library's writer of sheets, writing into a file in memory."""

    class InMemory(writer):
        def __init__(self, sheet, out=None):
            self.descriptor = os.memfd_create("sheet")
            super().__init__(sheet, f"/proc/self/fd/{self.descriptor}")

        def cleanup(self):
            os.close(self.descriptor)

    return InMemory


def _positions(sheet, header_rows: list[int], declared) -> dict[str, int]:
    """Return {field: column number}, and the same by the header as written."""
    from exchange.header import Aliases, detect

    last = header_rows[1]
    rows = [
        (number, [None if cell is None else str(cell) for cell in cells])
        for number, cells in enumerate(
            sheet.iter_rows(min_row=header_rows[0], max_row=last, values_only=True), header_rows[0]
        )
    ]
    spans = [
        ((span.min_row, span.min_col - 1), (span.max_row, span.max_col - 1))
        for span in sheet.merged_cells.ranges
        if span.min_row <= last
    ]
    header = detect(rows, Aliases(declared), spans)
    if header is None:
        # A sheet of another shape: its cells are found by what stands in the last of its header rows.
        return {text: place + 1 for place, text in reversed(list(enumerate(rows[-1][1] if rows else ()))) if text}
    found = {text: place + 1 for place, text in header.unknown.items()}
    found |= {heading.text: place + 1 for place, heading in header.headings.items()}
    return found | {heading.column.field: place + 1 for place, heading in header.headings.items()}


def _corner(sheet, cell):
    """Return the cell that shows a merged block."""
    for span in sheet.merged_cells.ranges:
        if cell.coordinate in span:
            return sheet.cell(span.min_row, span.min_col)
    return cell


def _comment(text: str, before):
    from openpyxl.comments import Comment

    if before is not None and before.text:
        text = f"{text}\n{before.text}"
    comment = Comment(text[:1500], "导入检查")
    comment.width, comment.height = 320, min(60 + 18 * (len(text) // 20 + text.count("\n")), 300)
    return comment


def _free_name(book, name: str) -> str:
    found, number = name, 1
    while found in book.sheetnames:
        number += 1
        found = f"{name}{number}"
    return found


def _first_sheet(sheet, lines: list[tuple], fills: dict) -> None:
    from openpyxl.styles import Alignment, Font

    for number, line in enumerate(lines, 1):
        for place, value in enumerate(line, 1):
            cell = sheet.cell(number, place)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a file name that begins with "=" is a text
            cell.alignment = Alignment(wrap_text=place == 4, vertical="center")
    sheet["A1"].font = Font(bold=True, size=16)
    legend = next(number for number, line in enumerate(lines, 1) if line[:1] == ("颜色",))
    for place in range(1, 5):
        sheet.cell(legend, place).font = Font(bold=True)
    for offset, fill in enumerate(fills.values(), 1):
        sheet.cell(legend + offset, 1).fill = fill
    for letter, width in zip("ABCD", (12, 12, 10, 90), strict=True):
        sheet.column_dimensions[letter].width = width


if __name__ == "__main__":
    main()
