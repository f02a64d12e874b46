"""What an uploaded file is, told by its content alone, and everything that is refused before it is opened.

`inspect(data, filename)` returns a Container, or raises Refused. Nothing is unpacked to disk, every unpacked byte is
counted, and XML is only searched, never handed to a parser that knows entities.
"""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from xml.parsers import expat

from exchange import limits, ole
from exchange.limits import Refused
from exchange.scan import SheetScan, scan

CHUNK = 1 << 22
HTML = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|meta|table|div|style|script)\b", re.I | re.S
)
TEXT_ENDINGS = (".csv", ".txt", ".tsv")


@dataclass
class SheetPart:
    """A work sheet of a workbook: its name, whether it is hidden, and what the scan of its XML or records found."""

    name: str
    hidden: bool = False
    scan: SheetScan = field(default_factory=SheetScan)


@dataclass
class Container:
    """kind: "xlsx", "xls" or "text". notes: message keys of things to tell (text posing as a workbook)."""

    kind: str
    sheets: list[SheetPart] = field(default_factory=list)
    date1904: bool = False
    notes: list[str] = field(default_factory=list)


def inspect(data: bytes, filename: str, *, max_sheets: int) -> Container:
    """Decide what `data` is and refuse what must not be read; `filename` only serves the notes."""
    if len(data) > limits.UPLOAD_BYTES:
        raise Refused("limit", "upload", {"most_mb": limits.UPLOAD_BYTES >> 20})
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Refused("empty", "empty")
    if data.startswith(b"PK"):
        return _zip(data, max_sheets)
    if data.startswith(ole.MAGIC):
        return _binary(data, max_sheets)
    _refuse_known(data)
    posing = filename.lower().endswith((".xls", ".xlsx", ".xlsm", ".et"))
    return Container("text", [SheetPart(filename)], notes=["text_as_workbook"] if posing else [])


def _refuse_known(data: bytes) -> None:
    """Refuse content that is certainly no table: pages, pictures, documents, binary noise."""
    head = data[:4096]
    plain = head.removeprefix(b"\xef\xbb\xbf")
    if plain[:2] in (b"\xff\xfe", b"\xfe\xff"):
        plain = plain.replace(b"\x00", b"")[2:]
    if HTML.match(plain) or plain.lstrip().lower().startswith((b"mime-version:", b"from: ")):
        raise Refused("html", "html")
    if plain.lstrip().startswith(b"<?xml") or plain.lstrip().startswith(b"<Workbook"):
        if b"<!DOCTYPE" in data[: 1 << 16] or b"<!ENTITY" in data[: 1 << 16]:
            raise Refused("html" if b"html" in head.lower() else "dtd", "html" if b"html" in head.lower() else "dtd")
        raise Refused("html", "xml")
    for magic, name in (
        (b"%PDF", "PDF"),
        (b"\x89PNG", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
        (b"Rar!", "RAR"),
        (b"7z\xbc\xaf", "7z"),
        (b"\x1f\x8b", "gzip"),
        (b"BM", "BMP"),
        (b"\x7fELF", "ELF"),
        (b"MZ", "EXE"),
        (b"{\\rtf", "RTF"),
        (b"SQLite format 3", "SQLite"),
    ):
        if head.startswith(magic) and not (magic in (b"BM", b"MZ") and head.isascii() and b"," in head):
            raise Refused("content", "content", {"found": name})


def _binary(data: bytes, max_sheets: int) -> Container:
    try:
        found = ole.check(data)
    except (struct.error, IndexError, MemoryError) as error:
        raise Refused("broken", "broken") from error
    if len(found) > max_sheets:
        raise Refused("limit", "sheets", {"most": max_sheets, "found": len(found)})
    parts = []
    for sheet in found:
        facts = SheetScan(sheet.rows, sheet.columns, sheet.hidden_rows, sheet.hidden_columns)
        parts.append(SheetPart("", scan=facts))
    return Container("xls", parts)


# --- xlsx --------------------------------------------------------------------------------------------------------


def _zip(data: bytes, max_sheets: int) -> Container:
    try:
        # A sheet may bring its own part, its relations and its comments.
        _check_directory(data, max(limits.ZIP_ENTRIES, 4 * max_sheets))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _package(archive, data, max_sheets)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, OSError, ValueError) as error:
        raise Refused("broken", "broken") from error


def _check_directory(data: bytes, most: int) -> None:
    """Read the end record by hand: the library builds an object per entry before anyone can count them."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0:
        raise Refused("broken", "broken")
    entries, size = struct.unpack_from("<HI", data, end + 10)
    if entries > most or size > limits.ZIP_DIRECTORY_BYTES:
        raise Refused("limit", "entries", {"most": most})


def _package(archive: zipfile.ZipFile, data: bytes, max_sheets: int) -> Container:
    names = _check_entries(archive.infolist(), len(data), max(limits.ZIP_ENTRIES, 4 * max_sheets))
    if not any(name.lower() == "xl/workbook.xml" for name in names):
        found = "ODS" if "mimetype" in names else "XLSB" if "xl/workbook.bin" in names else "ZIP"
        raise Refused("content", "content", {"found": "DOCX" if "word/document.xml" in names else found})
    _check_parts(archive, names)
    sheets, paths, date1904 = _workbook(archive, names)
    if len(sheets) > max_sheets:
        raise Refused("limit", "sheets", {"most": max_sheets, "found": len(sheets)})
    unpacked = cells = 0
    for name in names:
        chunks = _Counted(archive, name, unpacked, len(data))
        if name in paths or name.lower().startswith("xl/worksheets/") and name.lower().endswith(".xml"):
            found = scan(chunks)
            cells += found.rows * found.columns
            if name in paths:
                sheets[paths[name]].scan = found
        else:
            for block in chunks:
                if name.endswith((".xml", ".rels", ".vml")) and (b"<!DOCTYPE" in block or b"<!ENTITY" in block):
                    raise Refused("dtd", "dtd")
        unpacked = chunks.unpacked
    if cells > limits.CELLS:
        raise Refused("limit", "cells", {"most": limits.CELLS})
    return Container("xlsx", sheets, date1904)


def _check_entries(entries: list[zipfile.ZipInfo], size: int, most: int) -> list[str]:
    if len(entries) > most:
        raise Refused("limit", "entries", {"most": most})
    seen = set()
    for entry in entries:
        name = entry.orig_filename
        parts = re.split(r"[/\\]", name)
        if name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\x00" in name or "\\" in name:
            raise Refused("path", "path")
        if name.lower() in seen:
            raise Refused("path", "double_entry")
        seen.add(name.lower())
        if entry.flag_bits & 0x1 or entry.flag_bits & 0x40:
            raise Refused("encrypted", "encrypted")
    declared = sum(entry.file_size for entry in entries)
    if declared > limits.UNPACKED_BYTES:
        raise Refused("limit", "unpacked", {"most_mb": limits.UNPACKED_BYTES >> 20})
    if declared > limits.RATIO_FLOOR_BYTES and declared > limits.RATIO * size:
        raise Refused("limit", "ratio", {"most": limits.RATIO})
    return [entry.filename for entry in entries if not entry.is_dir()]


class _Counted:
    """The bytes of one entry in chunks, adding to what was unpacked before; Refused above the limits."""

    def __init__(self, archive, name, unpacked, size):
        self.archive, self.name, self.unpacked, self.size = archive, name, unpacked, size

    def __iter__(self):
        first = True
        with self.archive.open(self.name) as part:
            while block := part.read(CHUNK):
                self.unpacked += len(block)
                if self.unpacked > limits.UNPACKED_BYTES:
                    raise Refused("limit", "unpacked", {"most_mb": limits.UNPACKED_BYTES >> 20})
                if self.unpacked > max(limits.RATIO_FLOOR_BYTES, limits.RATIO * self.size):
                    raise Refused("limit", "ratio", {"most": limits.RATIO})
                # UTF-16 would hide a document type from a search for bytes; no office program writes it.
                if first and self.name.endswith((".xml", ".rels")) and b"\x00" in block[:64]:
                    raise Refused("content", "xml_encoding")
                first = False
                yield block


def _check_parts(archive: zipfile.ZipFile, names: list[str]) -> None:
    lower = [name.lower() for name in names]
    for name in lower:
        if "vbaproject" in name or name.startswith(("xl/macrosheets/", "xl/dialogsheets/", "xl/activex/")):
            raise Refused("macro", "macro")
        if name.startswith(("xl/externallinks/", "xl/querytables/")) or name == "xl/connections.xml":
            raise Refused("external", "external")
    for name, short in zip(names, lower, strict=True):
        if short == "[content_types].xml":
            text = _small(archive, name).lower()
            if b"macroenabled" in text or b"vbaproject" in text or b"macrosheet" in text:
                raise Refused("macro", "macro")
        elif short.endswith(".rels"):
            for attributes in _elements(_small(archive, name), "Relationship"):
                outside = attributes.get("TargetMode", "").lower() == "external"
                if outside and not attributes.get("Type", "").lower().endswith("/hyperlink"):
                    raise Refused("external", "external")


def _workbook(archive: zipfile.ZipFile, names: list[str]) -> tuple[list[SheetPart], dict[str, int], bool]:
    """Return the work sheets in workbook order, {part name: index among them}, and whether dates count from 1904."""
    book = next(name for name in names if name.lower() == "xl/workbook.xml")
    relations = next((name for name in names if name.lower() == "xl/_rels/workbook.xml.rels"), None)
    targets, other = {}, set()
    if relations:
        for attributes in _elements(_small(archive, relations), "Relationship"):
            target = attributes.get("Target", "")
            path = posixpath.normpath(target[1:] if target.startswith("/") else "xl/" + target)
            targets[attributes.get("Id")] = path
            if not attributes.get("Type", "").endswith("/worksheet"):
                other.add(path)
    sheets, paths = [], {}
    text = _small(archive, book)
    for attributes in _elements(text, "sheet"):
        path = targets.get(next((value for key, value in attributes.items() if key.endswith(":id")), None))
        if path in other:
            continue  # a chart sheet
        if path in names:
            paths[path] = len(sheets)
        sheets.append(SheetPart(attributes.get("name", ""), attributes.get("state", "visible") != "visible"))
    date1904 = any(a.get("date1904") in ("1", "true") for a in _elements(text, "workbookPr"))
    return sheets, paths, date1904


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        text = part.read(limits.SMALL_PART_BYTES + 1)
    if len(text) > limits.SMALL_PART_BYTES:
        raise Refused("limit", "unpacked", {"most_mb": limits.SMALL_PART_BYTES >> 20})
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise Refused("dtd", "dtd")
    if b"\x00" in text[:64]:
        raise Refused("content", "xml_encoding")
    return text


def _elements(text: bytes, wanted: str) -> list[dict[str, str]]:
    """Return the attributes of every element named `wanted`, whatever its prefix."""
    found: list[dict[str, str]] = []

    def start(name, attributes):
        if name.rpartition(":")[2] == wanted:
            found.append(attributes)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise Refused("broken", "broken") from error
    return found
