"""Helpers of the import tests: rosters written on the fly, and the steps of an import."""

import datetime as dt
import io
from pathlib import Path

from openpyxl import Workbook

from accounts.models import User
from exchange import batches, results
from exchange.models import ImportBatch
from households.models import Household, HouseholdYear, Member, MemberYear
from poverty import declarations, scope
from poverty.idnumber import check_character

PERSON = {
    "县(市、区、旗)": "云岭县",
    "乡(镇)": "云岭镇",
    "行政村": "龙溪村",
    "性别": "男",
    "与户主关系": "户主",
    "健康状况": "健康",
    "脱贫属性": "未脱贫",
    "贫困户属性": "一般贫困户",
    "主要致贫原因": "因病",
}


def id_number(serial: int, birth: str = "19700101", area: str = "459901", male: bool = True) -> str:
    """Return an identity number of the never-assigned sample area, with a valid check digit."""
    body = f"{area}{birth}{serial * 2 % 998 + (1 if male else 2):03d}"
    return body + check_character(body)


def person(household_no: str, person_no: str, name: str, cert_no: str = "", **cells) -> dict:
    found = {**PERSON, "户编号": household_no, "人编号": person_no, "姓名": name}
    if cert_no:
        found["证件号码"] = cert_no
        found["出生日期"] = f"{cert_no[6:10]}-{cert_no[10:12]}-{cert_no[12:14]}" if len(cert_no) == 18 else ""
        found["性别"] = "男" if len(cert_no) == 18 and int(cert_no[16]) % 2 else "女"
    return {**found, **cells}


def workbook(rows: list[dict], headers: list[str] | None = None) -> bytes:
    """Return an xlsx with one sheet: a title, the header on row 2, then `rows`; the first row stands on row 3."""
    headers = headers or list(dict.fromkeys(key for row in rows for key in row))
    book = Workbook()
    sheet = book.active
    sheet.title = "名册"
    sheet.append(["云岭县名册"])
    sheet.append(headers)
    for row in rows:
        sheet.append([row.get(key) for key in headers])
    for line in sheet.iter_rows(min_row=3):
        for cell in line:
            if isinstance(cell.value, str):
                cell.number_format = "@"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def start(
    data: bytes,
    *,
    kind="persons",
    name="roster.xlsx",
    region="459901",
    by=None,
    mode="good",
    year=2020,
    as_of=None,
    meta=None,
):
    return batches.create(
        kind=kind, name=name, data=data, region=region, year=year, as_of=as_of or dt.date(year, 12, 31),
        by=by or User.objects.system(), mode=mode, meta=meta,
    )  # fmt: skip


def run(data: bytes, *, dry=False, **options) -> dict:
    """Import `data` as the command does and return the summary, with every fault and the values found."""
    batch = start(data, **options)
    if batches.stage(batch):
        batches.preview(batch) if dry else batches.merge(batch)
    return summary(batch)


def summary(batch) -> dict:
    with batches.scope_of(batch):
        batch = ImportBatch.objects.in_scope().get(pk=batch.pk)
        return results.summary(batch, show_values=True, limit=None)


def places(found: dict, *codes: str) -> list[tuple]:
    return sorted(
        (f["row"], f["column"], f["code"], f["action"]) for f in found["faults"] if not codes or f["code"] in codes
    )


def counts() -> dict[str, int]:
    """Return how many rows the register has, withdrawn ones left out."""
    with scope.system("count"):
        return {
            model.__name__: model.objects.filter(withdrawn_at__isnull=True).count()
            for model in (Household, HouseholdYear, Member, MemberYear)
        }


def sheet(kind: str) -> declarations.Sheet:
    return declarations.sheets[kind]


def read(path: Path) -> bytes:
    return path.read_bytes()
