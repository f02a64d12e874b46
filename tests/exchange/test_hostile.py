"""Files that mean harm, or are no tables: every one is refused with a sentence, and the worker lives."""

import io
import os
import re
import struct
import subprocess
import sys
import time
import zipfile

import pytest

from exchange import limits
from exchange.container import inspect
from exchange.limits import Refused
from exchange.messages import REFUSALS, refusal_text
from exchange.reading import ROOT, read
from households.sheets import PERSONS
from tests.exchange.workbooks import HEADERS, TODAY, Here, part, person, rezip, roster, xlsx

GOOD = roster(person(1))
SHEET = "xl/worksheets/sheet1.xml"
BOOK = part(GOOD, "xl/workbook.xml")
TYPES = part(GOOD, "[Content_Types].xml")


def refused(data: bytes, filename: str = "a.xlsx") -> Refused:
    with pytest.raises(Refused) as caught:
        inspect(data, filename, max_sheets=50)
    text = refusal_text(caught.value.code, caught.value.params)
    assert text.endswith((".", "。")) and "%(" not in text
    return caught.value


def bomb(size: int) -> bytes:
    """A sheet of blanks: 1000 times smaller packed."""
    head, tail = part(GOOD)[:-12], b"</worksheet>"
    return rezip(GOOD, {SHEET: head + b" " * size + tail})


def with_cell(place: str) -> bytes:
    row = re.search(r"\d+", place)[0]
    cell = f'<row r="{row}"><c r="{place}"><v>1</v></c></row></sheetData>'.encode()
    return rezip(GOOD, {SHEET: part(GOOD).replace(b"</sheetData>", cell)})


def ole(*names: str, stream: bytes = b"") -> bytes:
    """A compound file with a directory of `names`; the first stream holds `stream` (at least 4096 bytes)."""
    stream = stream.ljust(4096, b"\x00")
    sectors = -(-len(stream) // 512)
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HHHHH", header, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<IIIIIIII", header, 44, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header[76:512] = b"\xff" * 436
    struct.pack_into("<I", header, 76, 0)
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - len(fat))
    directory = b""
    for at, name in enumerate(["Root Entry", *names][:4]):
        entry = bytearray(128)
        raw = name.encode("utf-16-le")
        entry[: len(raw)] = raw
        struct.pack_into("<HB", entry, 64, len(raw) + 2, 5 if at == 0 else 2)
        struct.pack_into("<II", entry, 116, 2 if at == 1 else 0xFFFFFFFE, len(stream) if at == 1 else 0)
        directory += bytes(entry)
    return (
        bytes(header)
        + struct.pack("<128I", *fat)
        + directory.ljust(512, b"\x00")
        + stream.ljust(sectors * 512, b"\x00")
    )


def biff(*records: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in records)


BOF = (0x0809, b"\x00\x06\x05\x00" + bytes(12))


def nested() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\x00" * 5_000_000)
    return rezip(GOOD, {"xl/embeddings/inner.zip": inner.getvalue()})


def many_parts() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for at in range(2_100):
            archive.writestr(f"xl/p{at}.xml", b"")
    return stream.getvalue()


def lying_size() -> bytes:
    """The directory says ten bytes, the packed stream holds thirty million."""
    data = bytearray(bomb(30_000_000))
    at = data.rfind(b"PK\x01\x02", 0, data.find(b"xl/worksheets/sheet1.xml", data.find(b"PK\x01\x02")))
    struct.pack_into("<I", data, at + 24, 10)
    return bytes(data)


def declares(size: int) -> bytes:
    """The directory says `size` bytes for the sheet."""
    data = bytearray(GOOD)
    at = data.rfind(b"PK\x01\x02", 0, data.find(b"xl/worksheets/sheet1.xml", data.find(b"PK\x01\x02")))
    struct.pack_into("<I", data, at + 24, size)
    return bytes(data)


def encrypted_zip() -> bytes:
    data = bytearray(GOOD)
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def relation(kind: str, name: str = "xl/worksheets/_rels/sheet1.xml.rels") -> bytes:
    text = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" '
        'Target="file:///x" TargetMode="External"/></Relationships>'
    )
    return rezip(GOOD, {name: text.encode()})


ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'
LAUGHS = b"<!DOCTYPE x [" + b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10)) + b"]>"

FAMILIES = {
    "zip bomb by ratio": (lambda: bomb(20_000_000), "limit", "ratio"),
    "declared size over the limit": (lambda: declares(limits.UNPACKED_BYTES + 1), "limit", "unpacked"),
    "a size that lies": (lying_size, "broken", "broken"),
    "a cell in the last corner": (lambda: with_cell("XFD1048576"), "limit", "cells"),
    "a cell far to the right": (lambda: with_cell("XFD5000"), "limit", "cells"),
    "a cell far down": (lambda: with_cell("BZ1048576"), "limit", "cells"),
    "an external entity in a sheet": (lambda: rezip(GOOD, {SHEET: ENTITY + part(GOOD)}), "dtd", "dtd"),
    "an entity in the workbook part": (lambda: rezip(GOOD, {"xl/workbook.xml": ENTITY + BOOK}), "dtd", "dtd"),
    "a billion laughs in shared strings": (
        lambda: rezip(GOOD, {"xl/sharedStrings.xml": LAUGHS + b"<sst>&e9;</sst>"}),
        "dtd",
        "dtd",
    ),
    "an entity hidden in UTF-16": (
        lambda: rezip(GOOD, {"xl/styles.xml": (ENTITY + b"<x/>").decode().encode("utf-16")}),
        "content",
        "xml_encoding",
    ),
    "a macro project": (lambda: rezip(GOOD, {"xl/vbaProject.bin": b"x"}), "macro", "macro"),
    "a macro sheet": (lambda: rezip(GOOD, {"xl/macrosheets/sheet1.xml": b"<x/>"}), "macro", "macro"),
    "a macro content type": (
        lambda: rezip(GOOD, {"[Content_Types].xml": TYPES.replace(b"sheet.main", b"sheet.macroEnabled.main")}),
        "macro",
        "macro",
    ),
    "an external link part": (
        lambda: rezip(GOOD, {"xl/externalLinks/externalLink1.xml": b"<x/>"}),
        "external",
        "external",
    ),
    "an external link relation": (lambda: relation("externalLinkPath"), "external", "external"),
    "a data connection": (lambda: rezip(GOOD, {"xl/connections.xml": b"<x/>"}), "external", "external"),
    "an encrypted part": (encrypted_zip, "encrypted", "encrypted"),
    "an encrypted workbook": (lambda: ole("EncryptedPackage", "EncryptionInfo"), "encrypted", "encrypted"),
    "an old workbook with a password": (
        lambda: ole("Workbook", stream=biff(BOF, (0x2F, bytes(6)))),
        "encrypted",
        "encrypted",
    ),
    "an old workbook with VBA": (lambda: ole("Workbook", "_VBA_PROJECT_CUR"), "macro", "macro"),
    "an old macro sheet": (
        lambda: ole("Workbook", stream=biff(BOF, (0x85, struct.pack("<IBB", 99, 0, 1) + b"\x01\x00a"))),
        "macro",
        "macro",
    ),
    "an old external link": (
        lambda: ole("Workbook", stream=biff(BOF, (0x1AE, b"\x01\x00\x05\x00\x00file"))),
        "external",
        "external",
    ),
    "an old document of another program": (lambda: ole("WordDocument"), "content", "content"),
    "an old container cut short": (lambda: ole("Workbook")[:300], "broken", "broken"),
    "names that climb": (lambda: rezip(GOOD, {"../../etc/passwd": b"x"}), "path", "path"),
    "absolute names": (lambda: rezip(GOOD, {"/etc/passwd": b"x"}), "path", "path"),
    "names with backslashes": (lambda: rezip(GOOD, {"xl\\..\\x": b"x"}), "path", "path"),
    "too many parts": (many_parts, "limit", "entries"),
    "too many sheets": (lambda: xlsx(*[(f"s{n}", [["a"]]) for n in range(51)]), "limit", "sheets"),
    "an archive that is no workbook": (lambda: rezip(GOOD, {"xl/workbook.xml": None}), "content", "content"),
    "an archive cut short": (lambda: GOOD[: len(GOOD) // 2], "broken", "broken"),
    "broken compression": (lambda: GOOD[:200] + b"\xff" * 60 + GOOD[260:], "broken", "broken"),
    "HTML named xls": (lambda: "<html><table><tr><td>姓名</td></tr></table></html>".encode("gbk"), "html", "html"),
    "a bare HTML table": (lambda: b"\xef\xbb\xbf  <table border=1><tr><td>x", "html", "html"),
    "an XML table": (lambda: b'<?xml version="1.0"?><Workbook xmlns="urn:x"/>', "html", "xml"),
    "XML with entities": (lambda: b'<?xml version="1.0"?>' + ENTITY + b"<Workbook/>", "dtd", "dtd"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + os.urandom(300), "content", "content"),
    "a PDF": (lambda: b"%PDF-1.7\n" + os.urandom(300), "content", "content"),
    "nothing": (lambda: b"", "empty", "empty"),
    "blanks and zeros": (lambda: b"\x00\r\n \t" * 50, "empty", "empty"),
    "more than may be uploaded": (lambda: b"a" * (limits.UPLOAD_BYTES + 1), "limit", "upload"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_refused_before_it_is_opened(family):
    make, code, key = FAMILIES[family]
    found = refused(make())
    assert (found.code, found.key) == (code, key)


def test_every_refusal_has_a_sentence_that_says_what_to_do():
    assert {key for _, _, key in FAMILIES.values()} <= set(REFUSALS)


def through_child(data: bytes, filename="a.xlsx", **more):
    started = time.monotonic()
    try:
        return read(data, filename, PERSONS, today=TODAY, **more)
    finally:
        assert time.monotonic() - started < 60


@pytest.mark.parametrize("family", ["a cell in the last corner", "nothing", "a picture"])
def test_the_child_says_so_too(family):
    make, code, key = FAMILIES[family]
    with pytest.raises(Refused) as caught:
        through_child(make())
    assert (caught.value.code, caught.value.key) == (code, key)


def test_a_child_that_dies_is_a_refusal(monkeypatch):
    monkeypatch.setattr(limits, "CHILD_ADDRESS_SPACE", 60 * 1024 * 1024)
    with pytest.raises(Refused) as caught:
        through_child(GOOD)
    assert caught.value.code == "limit"


def test_a_child_that_takes_too_long_is_a_refusal():
    with pytest.raises(Refused) as caught:
        through_child(GOOD, timeout_s=0.001)
    assert caught.value.key == "timeout"


def test_random_noise_is_refused():
    with pytest.raises(Refused) as caught:
        Here(bytes(range(1, 256)) * 40, filename="a.csv")
    assert caught.value.code in ("content", "header")


def test_a_nested_archive_is_never_unpacked():
    assert Here(nested()).frame.height == 1


def test_hyperlinks_are_harmless():
    assert inspect(relation("hyperlink"), "a.xlsx", max_sheets=50).kind == "xlsx"


def test_a_dimension_that_lies_is_not_believed():
    lie = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', part(GOOD))
    assert Here(rezip(GOOD, {SHEET: lie})).frame.height == 1


@pytest.mark.parametrize("index", [b"999999", b"-1", b"x", b""])
def test_a_shared_string_that_is_not_there(index):
    sheet = part(GOOD).replace(b't="s"><v>5</v>', b't="s"><v>' + index + b"</v>")
    try:
        assert Here(rezip(GOOD, {SHEET: sheet})).frame.height <= 1
    except Refused as found:
        assert found.code in ("broken", "header")


@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
def test_characters_that_no_database_takes(sign):
    data = "\n".join(",".join(map(str, row)) for row in (HEADERS, person(1, name=f"岑{sign}山")))
    try:
        assert Here(data.encode("utf-8", "surrogatepass"), filename="a.csv").value("name") == "岑山"
    except Refused as found:
        assert found.code in ("content", "header")


def test_references_to_forbidden_characters():
    sheet = part(GOOD, "xl/sharedStrings.xml").replace("岑山水".encode(), b"&#xD800;&#0;")
    try:
        found = Here(rezip(GOOD, {"xl/sharedStrings.xml": sheet}))
        assert not re.search("[\x00\ud800-\udfff]", found.value("name") or "")
    except Refused as error:
        assert error.code == "broken"


@pytest.mark.parametrize(
    "text", [b"<c " * 400_000, b'<c r="A1"><f>' * 120_000, b"<row hidden=" * 150_000, b"=" * 1_000_000]
)
def test_searches_stay_linear(text):
    sheet = part(GOOD).replace(b"</sheetData>", text + b"</sheetData>")
    started = time.monotonic()
    try:
        inspect(rezip(GOOD, {SHEET: sheet, "xl/media/noise.bin": os.urandom(200_000)}), "a.xlsx", max_sheets=50)
    except Refused:
        pass
    assert time.monotonic() - started < 5


def test_a_field_without_end_in_a_text_file():
    with pytest.raises(Refused) as caught:
        Here(("姓名,证件号码,户编号,行政村\n" + '"' + "a" * 200_000).encode(), filename="a.csv")
    assert caught.value.key == "broken_text"


def test_text_with_too_many_columns():
    with pytest.raises(Refused) as caught:
        Here((",".join("a" * 20_000) + "\n").encode(), filename="a.csv")
    assert caught.value.key == "cells"


def test_merges_that_cover_everything():
    merges = b"".join(b'<mergeCell ref="%c3:%c1048576"/>' % (sign, sign) for sign in b"BCDE")
    sheet = part(GOOD).replace(b"</sheetData>", b'</sheetData><mergeCells count="4">' + merges + b"</mergeCells>")
    assert Here(rezip(GOOD, {SHEET: sheet})).frame.height == 1


def test_nothing_of_django_is_imported_in_the_child():
    code = (
        "import sys, exchange.child as child; child.bare_package(); "
        "import exchange.assemble, households.sheets, poverty.idnumber; "
        "print([name for name in ('django', 'celery', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
