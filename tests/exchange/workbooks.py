"""Small workbooks for the reader's tests, built in code: no real person, no real file."""

import datetime as dt
import io
import json
import zipfile

import polars as pl
import xlsxwriter

from exchange import child
from households.sheets import PERSONS
from poverty.idnumber import check_character

TODAY = dt.date(2026, 11, 23)
HEADERS = [
    "序号",
    "县(市、区、旗)",
    "乡(镇)",
    "行政村",
    "户编号",
    "人编号",
    "姓名",
    "证件号码",
    "与户主关系",
    "健康状况",
]
FIELDS = [
    *("seq", "region_county", "region_town", "region_village", "household_no", "person_no"),
    *("name", "cert_no", "relation", "health"),
]


def id_number(birth: str = "19680315", order: str = "101") -> str:
    """Return a sound number of the invented county 459901."""
    body = f"459901{birth}{order}"
    return body + check_character(body)


def person(seq: int = 1, **changes) -> list:
    """Return a clean row under HEADERS; `changes` are given by field."""
    values = {
        "seq": seq,
        "region_county": "示例县",
        "region_town": "云岭镇",
        "region_village": "石桥村",
        "household_no": f"45990110120{(seq + 3) // 4:06}",
        "person_no": f"45990110120{seq:08}",
        "name": "岑山水",
        "cert_no": id_number(order=f"{seq % 1000:03}"),
        "relation": "户主" if seq % 4 == 1 else "之子",
        "health": "健康",
    }
    values.update(changes)
    return [values[field] for field in FIELDS]


def xlsx(*sheets, prepare=None) -> bytes:
    """Write a workbook; each sheet is (name, rows) and each cell a Python value.

    A cell ("formula", text, result) writes a formula, a date a cell with a date format. `prepare(book, sheets)`
    may hide, merge and so on before the file is closed.
    """
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    made = []
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        made.append(sheet)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, tuple) and value[0] == "formula":
                    sheet.write_formula(at, column, value[1], None, value[2])
                elif isinstance(value, dt.date):
                    sheet.write_datetime(at, column, dt.datetime.combine(value, dt.time()), day)
                elif isinstance(value, str):
                    sheet.write_string(at, column, value)
                else:
                    sheet.write(at, column, value)
    if prepare:
        prepare(book, made)
    book.close()
    return stream.getvalue()


def roster(*rows, headers=None, title="示例县贫困人口信息表") -> bytes:
    """Write a roster with a title row, the headers and `rows`."""
    return xlsx(("贫困人口", [[title], headers or HEADERS, *rows]))


def rezip(data: bytes, changes: dict[str, bytes | None] | None = None, **added: bytes) -> bytes:
    """Return the archive with parts replaced, removed (None) or added."""
    changes = dict(changes or {}, **added)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            body = changes.pop(name, old.read(name))
            if body is not None:
                new.writestr(name, body)
        for name, body in changes.items():
            new.writestr(name, body)
    return stream.getvalue()


def part(data: bytes, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


class _Collected:
    """Stands in for the child's pipe."""

    def __init__(self):
        self.meta, self.faults, self.frames = None, None, []

    def progress(self, phase, done, total): ...

    def json(self, sort, body):
        self.meta = json.loads(json.dumps(body))

    def frame(self, sort, frame):
        if sort == child.FAULTS:
            self.faults = frame
        else:
            self.frames.append(frame)


class Here:
    """A file read in this process, for tests that look at values only: frame, faults, meta."""

    def __init__(self, data, *, sheet=PERSONS, filename="名册.xlsx", answers=(), synonyms=None):
        request = {"sheet": sheet, "filename": filename, "answers": list(answers), "synonyms": synonyms or {}}
        collected = _Collected()
        child.read(data, {**request, "today": TODAY}, collected)
        self.frame, self.faults, self.meta = pl.concat(collected.frames), collected.faults, collected.meta

    def value(self, field: str, row: int = 0):
        return self.frame[field][row]

    def hints(self) -> list[str]:
        return self.frame["_verdict_hint"].to_list()

    def named(self, *names: str) -> list[tuple]:
        """Return the faults as tuples of these columns."""
        return self.faults.select(names or ("row", "column", "code", "action")).rows()

    def only(self) -> dict:
        assert self.faults.height == 1, self.faults.to_dicts()
        return self.faults.to_dicts()[0]


def one_column(header: str, values: list, **more) -> Here:
    """Read a roster whose last column is `header`, one person per value."""
    rows = [[*person(at + 1), value] for at, value in enumerate(values)]
    return Here(roster(*rows, headers=[*HEADERS, header]), **more)
