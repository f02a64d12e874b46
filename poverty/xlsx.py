"""Write xlsx files row by row: constant memory, text kept as text, the same bytes for the same rows.

Cells are written where they stand (inline strings), so that nothing is collected until the end, and zip entries carry
a fixed date. Reading is done elsewhere; comments and drop-down lists need a library that keeps the sheet in memory.

    with Workbook(path) as book:
        with book.sheet("户", widths=[8, 20], freeze=1) as sheet:
            sheet.header(["序号", "户编号"])
            sheet.row([1, "4599000000001"])
"""

import datetime as dt
import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from xml.sax.saxutils import escape, quoteattr

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 1_048_576, 16_384, 32_767
FLUSH_BYTES = 1 << 18
EPOCH = dt.date(1899, 12, 30)  # day 0 of the 1900 date system, as it counts from March 1900 on


class Style(IntEnum):
    """Cell formats, in the order of `cellXfs` in STYLES."""

    PLAIN = 0
    TEXT = 1  # number format "@": digits typed into it later stay text
    HEADER = 2
    TITLE = 3
    DATE = 4
    MARKED = 5  # a cell that needs attention
    MONEY = 6
    MARKED_NUMBER = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than its value.

    `formula` is written without the leading "="; `value` is then the cached result, and None leaves the cell without
    one. `error` writes `value` (such as "#REF!") as an error.
    """

    value: object = None
    style: Style | None = None
    formula: str = ""
    error: bool = False


# XML 1.0 cannot carry these; Excel's own spelling for them is _xHHHH_, and a text that looks like one is escaped too.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_NEEDS_CARE = re.compile("[&<>\x00-\x1f\ud800-\udfff\ufffe\uffff]|_x|^\\s|\\s$")

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

STYLES = (
    f'{_DECLARATION}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="3"><font><sz val="11"/><name val="宋体"/></font><font><b/><sz val="11"/><name val="宋体"/></font>'
    '<font><b/><sz val="16"/><name val="宋体"/></font></fonts>'
    '<fills count="4"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFE8EEF7"/></patternFill></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFFFE699"/></patternFill></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="8">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1"'
    ' applyAlignment="1"><alignment horizontal="center" vertical="center" wrapText="1"/></xf>'
    '<xf numFmtId="49" fontId="2" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"'
    ' applyAlignment="1"><alignment horizontal="center" vertical="center"/></xf>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="3" borderId="0" xfId="0" applyNumberFormat="1" applyFill="1"/>'
    '<xf numFmtId="2" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="3" borderId="0" xfId="0" applyFill="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def column_letters(index: int) -> str:
    """Return the letters of the column with 0-based `index`: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def text_xml(text: str) -> str:
    """Return the `<t>` element of `text`; ValueError above Excel's 32,767 characters."""
    if not _NEEDS_CARE.search(text):
        if len(text) > MAX_TEXT:
            raise ValueError(f"a cell holds at most {MAX_TEXT} characters, not {len(text)}")
        return f"<t>{text}</t>"
    if len(text) > MAX_TEXT:
        raise ValueError(f"a cell holds at most {MAX_TEXT} characters, not {len(text)}")
    safe = _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    return f'<t xml:space="preserve">{escape(safe)}</t>'


def number_text(value: int | float | Decimal) -> str:
    """Return a number as the file spells it; ValueError for what is not a finite number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that a sheet can hold")
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


class Sheet:
    """One sheet being written; `number` is the 1-based number of the row written last."""

    def __init__(self, stream, *, widths: Sequence[float], freeze: int, freeze_columns: int):
        self.number = 0
        self._stream = stream
        self._merged: list[str] = []
        self._buffer = [self._head(widths, freeze, freeze_columns)]
        self._size = 0
        self._letters: list[str] = []

    @staticmethod
    def _head(widths, rows: int, columns: int) -> str:
        pane = ""
        if rows or columns:
            split = (f' xSplit="{columns}"' if columns else "") + (f' ySplit="{rows}"' if rows else "")
            corner = "bottomRight" if rows and columns else "bottomLeft" if rows else "topRight"
            top_left = f"{column_letters(columns)}{rows + 1}"
            pane = f'<pane{split} topLeftCell="{top_left}" activePane="{corner}" state="frozen"/>'
        cols = "".join(
            f'<col min="{index}" max="{index}" width="{width}" customWidth="1"/>'
            for index, width in enumerate(widths, 1)
        )
        return (
            f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">{pane}</sheetView>'
            f"</sheetViews>{f'<cols>{cols}</cols>' if cols else ''}<sheetData>"
        )

    def header(self, labels: Iterable[str]) -> int:
        """Write a bold row; return its number."""
        return self.row(labels, style=Style.HEADER)

    def row(self, values: Iterable[object], *, style: Style | None = None, hidden: bool = False) -> int:
        """Write a row and return its 1-based number.

        A text becomes a text cell, a number a numeric cell, a date a date cell, None and "" no cell at all. `style`
        is for every cell of the row; a `Cell` brings its own.
        """
        self.number += 1
        number = str(self.number)
        if self.number > MAX_ROWS:
            raise ValueError(f"a sheet holds at most {MAX_ROWS} rows")
        values = values if isinstance(values, (list, tuple)) else list(values)
        letters = self._letters
        while len(letters) < len(values):
            if len(letters) == MAX_COLUMNS:
                raise ValueError(f"a sheet holds at most {MAX_COLUMNS} columns")
            letters.append(f'<c r="{column_letters(len(letters))}')
        text_tag = f'{number}" s="{int(Style.TEXT if style is None else style)}" t="inlineStr"><is>'
        number_tag = f'{number}"><v>' if style is None else f'{number}" s="{int(style)}"><v>'
        parts = [f'<row r="{number}" hidden="1">' if hidden else f'<row r="{number}">']
        add = parts.append
        needs_care = _NEEDS_CARE.search
        for letter, value in zip(letters, values, strict=False):  # letters may be longer, never shorter
            kind = type(value)
            if kind is str:
                if value:
                    if needs_care(value) or len(value) > MAX_TEXT:
                        add(f"{letter}{text_tag}{text_xml(value)}</is></c>")
                    else:
                        add(f"{letter}{text_tag}<t>{value}</t></is></c>")
            elif value is None:
                continue
            elif kind is int:
                add(f"{letter}{number_tag}{value}</v></c>")
            elif kind is float:
                add(f"{letter}{number_tag}{number_text(value)}</v></c>")
            else:
                add(letter + number + self._other(value, style))
        add("</row>")
        text = "".join(parts)
        self._buffer.append(text)
        self._size += len(text)
        if self._size > FLUSH_BYTES:
            self._flush()
        return self.number

    def _other(self, value, style: Style | None) -> str:
        """Return the rest of a cell after its place: dates, decimals, truth values and `Cell`s."""
        if isinstance(value, Cell):
            style = value.style if value.style is not None else style
            mark = f' s="{int(style)}"' if style is not None else ""
            if value.formula:
                cached = "" if value.value is None else f"<v>{escape(str(value.value))}</v>"
                kind = ' t="str"' if isinstance(value.value, str) else ""
                return f'"{mark}{kind}><f>{escape(value.formula)}</f>{cached}</c>'
            if value.error:
                return f'"{mark} t="e"><v>{escape(str(value.value))}</v></c>'
            if value.value is None or value.value == "":
                return f'"{mark}/>'
            return self._other(value.value, style)
        mark = f' s="{int(style)}"' if style is not None else ""
        if isinstance(value, str):
            style = Style.TEXT if style is None else style
            return f'" s="{int(style)}" t="inlineStr"><is>{text_xml(value)}</is></c>' if value else f'"{mark}/>'
        if isinstance(value, bool):
            return f'"{mark} t="b"><v>{int(value)}</v></c>'
        if isinstance(value, (int, float, Decimal)):
            return f'"{mark}><v>{number_text(value)}</v></c>'
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            days = (value - EPOCH).days
            if days < 61:  # before March 1900 the 1900 system counts a day that never was
                return f'" s="1" t="inlineStr"><is><t>{value.isoformat()}</t></is></c>'
            return f'" s="{int(Style.DATE if style is None else style)}"><v>{days}</v></c>'
        raise TypeError(f"a cell cannot hold {type(value).__name__}; give text, a number or a date")

    def merge(self, first_row: int, first_column: int, last_row: int, last_column: int) -> None:
        """Merge a block of cells; rows 1-based, columns 0-based."""
        first = f"{column_letters(first_column)}{first_row}"
        self._merged.append(f'<mergeCell ref="{first}:{column_letters(last_column)}{last_row}"/>')

    def _flush(self) -> None:
        # Lone surrogates were escaped before, so encoding cannot fail.
        self._stream.write("".join(self._buffer).encode())
        self._buffer, self._size = [], 0

    def close(self) -> None:
        merged = ""
        if self._merged:
            merged = f'<mergeCells count="{len(self._merged)}">{"".join(self._merged)}</mergeCells>'
        self._buffer.append(f"</sheetData>{merged}</worksheet>")
        self._flush()
        self._stream.close()

    def __enter__(self) -> "Sheet":
        return self

    def __exit__(self, *_exception) -> None:
        self.close()


class Workbook:
    """An xlsx file being written; its sheets are written one after the other.

    `target` is a path or a writable binary file. `compression` is the zlib level: 6 makes the smallest file that is
    worth waiting for, 1 is about twice as fast.
    """

    def __init__(self, target, *, compression: int = 6):
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=compression)
        self._names: list[str] = []
        self._open: Sheet | None = None
        self._part("_rels/.rels", self._relationships([("officeDocument", "xl/workbook.xml")]))

    @staticmethod
    def _entry(name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        entry.create_system = 3  # the same bytes on every system
        return entry

    def _part(self, name: str, text: str) -> None:
        self._zip.writestr(self._entry(name), text.encode())

    @staticmethod
    def _relationships(targets) -> str:
        rows = "".join(
            f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
            for number, (kind, target) in enumerate(targets, 1)
        )
        return f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'

    def sheet(self, name: str, *, widths: Sequence[float] = (), freeze: int = 0, freeze_columns: int = 0) -> Sheet:
        """Start the next sheet and return it; the one before is finished by this.

        `widths` are in characters, column by column; `freeze` rows and `freeze_columns` columns stay in view.
        """
        if not 1 <= len(name) <= 31 or re.search(r"[\[\]:*?/\\]", name) or name.lower() in map(str.lower, self._names):
            raise ValueError(f"{name!r} cannot be the name of a sheet")
        self._finish()
        self._names.append(name)
        entry = self._entry(f"xl/worksheets/sheet{len(self._names)}.xml")
        entry._compresslevel = self._zip.compresslevel  # ZipFile.open() leaves the level of a given entry alone
        stream = self._zip.open(entry, "w")
        self._open = Sheet(stream, widths=widths, freeze=freeze, freeze_columns=freeze_columns)
        return self._open

    def _finish(self) -> None:
        if self._open and not self._open._stream.closed:
            self._open.close()
        self._open = None

    def close(self) -> None:
        if not self._names:
            self.sheet("Sheet1")
        self._finish()
        count = len(self._names)
        sheets = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
            for number, name in enumerate(self._names, 1)
        )
        self._part(
            "xl/workbook.xml",
            f'{_DECLARATION}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        )
        targets = [("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, count + 1)]
        self._part("xl/_rels/workbook.xml.rels", self._relationships([*targets, ("styles", "styles.xml")]))
        self._part("xl/styles.xml", STYLES)
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
            for number in range(1, count + 1)
        )
        self._part(
            "[Content_Types].xml",
            f'{_DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE}.styles+xml"/>{overrides}</Types>',
        )
        self._zip.close()

    def __enter__(self) -> "Workbook":
        return self

    def __exit__(self, kind, _exception, _traceback) -> None:
        if kind is None:
            self.close()
            return
        # A half-written workbook must not look like a whole one: without its parts nothing opens it.
        self._finish()
        self._zip.close()
