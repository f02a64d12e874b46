"""Old binary containers (.xls and encrypted files): just enough of them to refuse what must not be opened.

The compound file of [MS-CFB] is a small file system; the `Workbook` stream in it is a list of records after [MS-XLS].
Nothing here trusts an offset or a length: every chain is bounded by the size of the file.
"""

import struct
from dataclasses import dataclass, field

from exchange.limits import CELLS, Refused

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
END = 0xFFFFFFFA  # sector numbers from here on mean "none"


class CompoundFile:
    """The streams of a compound file, by name; Refused when the structure is broken."""

    def __init__(self, data: bytes):
        if len(data) < 512:
            raise Refused("broken", "broken")
        self.data = data
        self.sector = 1 << min(struct.unpack_from("<H", data, 30)[0], 12)
        self.mini = 1 << min(struct.unpack_from("<H", data, 32)[0], 12)
        if self.sector < 128:
            raise Refused("broken", "broken")
        self.most = len(data) // self.sector + 2
        first_dir, self.cutoff, first_minifat = (struct.unpack_from("<I", data, at)[0] for at in (48, 56, 60))
        self.fat = self._fat()
        entries = self._chain(first_dir)
        self.entries = [self._entry(entries, at) for at in range(0, len(entries) - 127, 128)]
        if not self.entries:
            raise Refused("broken", "broken")
        self.minifat = _integers(self._chain(first_minifat))
        self.ministream = self._chain(self.entries[0][2])
        self.names = {name.lower() for name, kind, *_ in self.entries if kind in (1, 2, 5)}

    def _fat(self) -> list[int]:
        sectors = list(struct.unpack_from("<109I", self.data, 76))
        following, guard = struct.unpack_from("<I", self.data, 68)[0], 0
        while following < END and guard < self.most:
            block = _integers(self._read(following))
            sectors += block[:-1]
            following = block[-1] if block else END
            guard += 1
        fat: list[int] = []
        for sector in sectors:
            if sector < END and len(fat) <= self.most + self.sector:
                fat += _integers(self._read(sector))
        return fat

    def _read(self, sector: int) -> bytes:
        at = (sector + 1) * self.sector
        return self.data[at : at + self.sector]

    def _chain(self, sector: int) -> bytes:
        parts, seen = [], 0
        while sector < END and seen < self.most:
            parts.append(self._read(sector))
            sector = self.fat[sector] if sector < len(self.fat) else END
            seen += 1
        return b"".join(parts)

    @staticmethod
    def _entry(raw: bytes, at: int) -> tuple[str, int, int, int]:
        length = min(struct.unpack_from("<H", raw, at + 64)[0], 64)
        name = raw[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
        start, size = struct.unpack_from("<I", raw, at + 116)[0], struct.unpack_from("<I", raw, at + 120)[0]
        return name, raw[at + 66], start, size

    def stream(self, *names: str) -> bytes | None:
        """Return the first stream that has one of `names`, or None."""
        wanted = [name.lower() for name in names]
        for name, kind, start, size in self.entries:
            if kind != 2 or name.lower() not in wanted:
                continue
            if size >= self.cutoff:
                return self._chain(start)[:size]
            parts, sector, seen = [], start, 0
            while sector < END and seen <= len(self.minifat):
                parts.append(self.ministream[sector * self.mini : (sector + 1) * self.mini])
                sector = self.minifat[sector] if sector < len(self.minifat) else END
                seen += 1
            return b"".join(parts)[:size]
        return None


def _integers(raw: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))


@dataclass
class BinarySheet:
    """What the records of one sheet say: hidden rows and columns (0-based), and the extent of its cells."""

    rows: int = 0
    columns: int = 0
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)


CELL_RECORDS = {0x0006, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x00BD, 0x00BE, 0x00D6}
SUBSTREAM, END_OF_SUBSTREAM, BOUND_SHEET, FILE_PASS, SUP_BOOK, ROW, COLUMN_INFO = (
    *(0x0809, 0x000A, 0x0085, 0x002F, 0x01AE),
    *(0x0208, 0x007D),
)


def check(data: bytes) -> list[BinarySheet]:
    """Refuse what must not be opened; return one BinarySheet per work sheet, in workbook order."""
    book = CompoundFile(data)
    if "encryptedpackage" in book.names or "encryptioninfo" in book.names:
        raise Refused("encrypted", "encrypted")
    if book.names & {"_vba_project_cur", "vba", "_vba_project", "macros"}:
        raise Refused("macro", "macro")
    stream = book.stream("Workbook", "Book")
    if stream is None:
        raise Refused("content", "content", {"found": "OLE"})
    return _records(stream)


def _records(stream: bytes) -> list[BinarySheet]:
    starts: dict[int, int] = {}
    sheets: list[BinarySheet] = []
    current, at, depth = None, 0, 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        body = at + 4
        if body + length > len(stream):
            break
        if kind == FILE_PASS:
            raise Refused("encrypted", "encrypted")
        if kind == SUP_BOOK and length >= 4 and stream[body + 2 : body + 4] not in (b"\x01\x04", b"\x01\x3a"):
            raise Refused("external", "external")
        if kind == BOUND_SHEET and length >= 6:
            offset, _visible, sort = struct.unpack_from("<IBB", stream, body)
            if sort in (1, 6):
                raise Refused("macro", "macro")
            if sort == 0:
                starts[offset] = len(sheets)
                sheets.append(BinarySheet())
        elif kind == SUBSTREAM:
            depth += 1
            if at in starts:
                current, depth = sheets[starts[at]], 1
        elif kind == END_OF_SUBSTREAM:
            depth -= 1
            if depth <= 0:
                current = None
        elif current is not None:
            _sheet_record(current, kind, stream, body, length)
        at = body + length
    if sum(sheet.rows * sheet.columns for sheet in sheets) > CELLS:
        raise Refused("limit", "cells", {"most": CELLS})
    return sheets


def _sheet_record(sheet: BinarySheet, kind: int, stream: bytes, body: int, length: int) -> None:
    if kind in CELL_RECORDS and length >= 6:
        row, column = struct.unpack_from("<HH", stream, body)
        if kind in (0x00BD, 0x00BE):  # several cells: the last column stands at the end
            column = struct.unpack_from("<H", stream, body + length - 2)[0]
        sheet.rows, sheet.columns = max(sheet.rows, row + 1), max(sheet.columns, column + 1)
    elif kind == ROW and length >= 16 and stream[body + 12] & 0x20:
        sheet.hidden_rows.append(struct.unpack_from("<H", stream, body)[0])
    elif kind == COLUMN_INFO and length >= 10 and stream[body + 8] & 0x01:
        first, last = struct.unpack_from("<HH", stream, body)
        sheet.hidden_columns.append((first, min(last, 255)))
