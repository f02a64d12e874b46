"""Load the official facts of villages from CSV."""

from pathlib import Path

from django.db import connection, transaction

from regions import names, tables
from regions.models import Level, Region

WANTED = {
    "code": ("code", "village", "行政村编码", "代码"),
    "total_households": ("total_households", "总户数"),
    "total_population": ("total_population", "总人口"),
    "rural_population": ("rural_population", "乡村户籍人口"),
    "poor_village": ("poor_village", "贫困村"),
    "broadband": ("broadband", "通宽带"),
    "year": ("year", "年度"),
}
NUMBERS = ("total_households", "total_population", "rural_population", "year")
FLAGS = ("poor_village", "broadband")
YES, NO = {"1", "true", "yes", "y", "t", "是"}, {"0", "false", "no", "n", "f", "否"}
LARGEST = 10_000_000


def load(path: Path) -> tables.Report:
    """Store the profiles; a blank cell keeps what is known. Bad rows go to the report."""
    report = tables.Report({"rows": 0, "new": 0, "changed": 0, "unchanged": 0})
    rows: dict[str, tuple] = {}
    places: dict[str, int] = {}
    for line, row, positions in tables.read(path, WANTED, ("code",)):
        cells = {name: row[at].strip() if at < len(row) else "" for name, at in positions.items()}
        if not any(cells.values()):
            continue
        report.add(rows=1)
        code = names.cut(cells["code"])
        try:
            values = tuple(_value(name, cells.get(name, "")) for name in (*NUMBERS, *FLAGS))
        except ValueError as error:
            report.reject(path.name, line, code, str(error))
            continue
        if code in rows:
            report.reject(path.name, line, code, "the code stands in this file twice; the first row was taken")
            continue
        rows[code], places[code] = values, line
    villages = set(Region.objects.filter(level=Level.VILLAGE, pk__in=list(rows)).values_list("pk", flat=True))
    for code in [code for code in rows if code not in villages]:
        report.reject(path.name, places[code], code, "the tree has no village with this code")
        del rows[code]
    new, changed = _store(rows)
    report.add(new=new, changed=changed, unchanged=len(rows) - new - changed)
    return report


def _value(name: str, text: str):
    if not text:
        return None
    if name in FLAGS:
        if text.lower() in YES | NO:
            return text.lower() in YES
        raise ValueError(f"{name} is neither yes nor no: {text[:20]}")
    number = int(text) if text.isascii() and text.isdigit() else -1
    if name == "year" and not 1949 <= number <= 2100:
        raise ValueError(f"{name} is no year: {text[:20]}")
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{name} is no whole number from 0 to {LARGEST:,}: {text[:20]}")
    return number


def _store(rows: dict[str, tuple]) -> tuple[int, int]:
    """Write what differs; return how many are new and how many changed."""
    columns = (*NUMBERS, *FLAGS)
    types = ["integer"] * len(NUMBERS) + ["boolean"] * len(FLAGS)
    with transaction.atomic(), connection.cursor() as cursor:
        declared = ", ".join(f"{name} {kind}" for name, kind in zip(columns, types, strict=True))
        cursor.execute(f'CREATE TEMP TABLE incoming_profiles (village varchar(15) COLLATE "C", {declared})')
        with cursor.copy(f"COPY incoming_profiles (village, {', '.join(columns)}) FROM STDIN") as copy:
            for code, values in rows.items():
                copy.write_row((code, *values))
        merged = ", ".join(f"{name} = coalesce(i.{name}, p.{name})" for name in columns)
        differs = " OR ".join(f"i.{name} IS NOT NULL AND i.{name} IS DISTINCT FROM p.{name}" for name in columns)
        cursor.execute(
            f"UPDATE regions_villageprofile p SET {merged} FROM incoming_profiles i"
            f" WHERE p.village = i.village AND ({differs})"
        )
        changed = cursor.rowcount
        cursor.execute(
            f"INSERT INTO regions_villageprofile (village, {', '.join(columns)})"
            f" SELECT village, {', '.join(columns)} FROM incoming_profiles ON CONFLICT (village) DO NOTHING"
        )
        new = cursor.rowcount
        cursor.execute("DROP TABLE incoming_profiles")
        return new, changed
