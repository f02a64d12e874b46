"""The county that the data rules are measured on: faults, ledgers and departments' lists included, and made ten times.

Its sample is the one that people try the software with, faults and all, so that what is found can be held against what
was planted. What would take the generator too long is multiplied in SQL.
"""

import contextlib
import csv
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

from bench import place, register

LEDGER = "households_ledgerline"
MATCHED = ("vehicles", "enterprises", "estate", "payroll", "deaths", "pension", "machinery", "prison")
LIST_ROWS, REFERENCE = 100_000, 75_337
KNOWN = 0.1  # share of a list's rows that speak of somebody in the register
# What a row of each list says: most of it is nothing to ask about, every twentieth is.
SAID = {
    "vehicles": "'vehicle_type', CASE WHEN g.n % 20 = 0 THEN '小型轿车' ELSE '普通二轮摩托车' END, 'status', '正常'",
    "enterprises": "'firm_type', '农民专业合作社', 'role', CASE WHEN g.n % 20 = 0 THEN '理事长' ELSE '社员' END, 'status', '存续'",
    "estate": "'use', '住宅', 'relocation', g.n % 20 <> 0, 'place', '城镇', 'area_m2', '98.5'",
    "payroll": "'pay_kind', 'staff', 'until_on', CASE WHEN g.n % 20 <> 0 THEN '2015-01-01' END, 'amount_yuan', '4200'",
    "deaths": "'died_on', CASE WHEN g.n % 20 = 0 THEN '2020-03-01' ELSE '2031-01-01' END, 'evidence', '户籍注销'",
    "pension": "'pension_kind', CASE WHEN g.n % 20 = 0 THEN 'employee' ELSE 'resident' END, 'state', '参保缴费'",
    "machinery": "'machine_type', '微耕机', 'value_yuan', '2600', 'status', CASE WHEN g.n % 20 = 0 THEN '在用' ELSE '报废' END",
    "prison": "'detention', '服刑', 'until_on', CASE WHEN g.n % 20 <> 0 THEN '2018-01-01' END, 'from_on', '2015-09-01'",
}


def make_files(folder: Path, households: int) -> dict:
    """Write the sample's files, unless they are there already; return their index.

    Lists are one file each. Rosters and ledgers that are larger than an upload may be come county by county, as they do
    to a city office.
    """
    from exchange.limits import UPLOAD_BYTES

    made = _make(folder, households, "--single")
    made["workbook"] = _workbook(folder, next(one for one in made["ledgers"] if one["file"].endswith(".csv")))
    given = [*made["sheets"], *made["ledgers"]]
    if all((folder / sheet["file"]).stat().st_size <= UPLOAD_BYTES for sheet in given):
        return made
    parts = _make(folder / "counties", households)
    sheets, ledgers = (
        [{**sheet, "file": f"counties/{sheet['file']}"} for sheet in parts[name]] for name in ("sheets", "ledgers")
    )
    return {**made, "sheets": sorted(sheets, key=lambda sheet: sheet["kind"] != "persons"), "ledgers": ledgers}


def _workbook(folder: Path, ledger: dict) -> dict:
    """Write the ledger as the workbook that an office sends: one sheet holds a million lines."""
    from poverty.xlsx import Workbook

    path = folder / "ledger.xlsx"
    if not path.is_file() or path.stat().st_mtime < (folder / ledger["file"]).stat().st_mtime:
        part = path.with_suffix(".part")
        with (folder / ledger["file"]).open(encoding="utf-8-sig", newline="") as lines, Workbook(part) as book:
            rows = csv.reader(lines)
            header = next(rows)
            amount = header.index("金额(元)")
            with book.sheet("台账", freeze=1) as sheet:
                sheet.header(header)
                for row in rows:
                    cells = [text or None for text in row]
                    with contextlib.suppress(TypeError, ValueError):
                        cells[amount] = float(cells[amount])
                    sheet.row(cells)
        part.rename(path)
    return {**ledger, "file": path.name}


def _make(folder: Path, households: int, *how: str) -> dict:
    index = folder / "index.json"
    # Files that an older generator has made would be held against rules of today.
    made_by = max(path.stat().st_mtime for path in (place.ROOT / "households" / "sample").glob("*.py"))
    if not index.is_file() or index.stat().st_mtime < made_by:
        command = [sys.executable, "-m", "households.sample", "--households", str(households), *how]
        subprocess.run([*command, "--out", str(folder)], cwd=place.ROOT, check=True, stdout=subprocess.DEVNULL)
    return json.loads(index.read_text())


def finish(folder: Path, made: dict) -> None:
    """Add what does not come in files: positions, users, and the changes of members that an operator recorded."""
    from accounts.sample import make_sample_users
    from households.management.commands.load_sample import Command
    from households.models import Household
    from poverty import scope

    register.place_households(folder, made)
    county = register.CITY + "01"
    with scope.system("bench"):
        home = Household.objects.in_register().in_scope().order_by("id").first()
    make_sample_users(county, [(home.pk, home.village_id)])
    Command()._change(folder / made["changes"])
    register.settle()


def counts() -> dict:
    """Return how much there is in the register."""
    tables = {
        "households": "households_household", "persons": "households_member", "ledger_lines": LEDGER,
        "list_rows": "validation_sourcerow", "findings": "validation_finding WHERE closed_at IS NULL",
    }  # fmt: skip
    with place.owner() as owner:
        return {name: owner.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for name, table in tables.items()}


def forget_ledger() -> None:
    """Take the ledger away, so that another form of the same file is the first again."""
    with place.owner() as owner:
        owner.execute(f"TRUNCATE {LEDGER}")
    register.settle()


def forget_lists() -> None:
    """Take the departments' lists away, and all findings: what is left is register and ledger."""
    with place.owner() as owner:
        owner.execute("TRUNCATE validation_sourcerow, validation_snapshot, validation_finding CASCADE")
    register.settle()


def make_lists(households: int) -> int:
    """Put eight lists of made-up rows in the place of the sample's; return the rows of each.

    Nine of ten rows speak of nobody here; one in a hundred has no number, so that name and birth date count.
    """
    rows = max(LIST_ROWS * households // REFERENCE, 1000)
    today = dt.date.today()
    with place.owner() as owner:
        owner.execute("TRUNCATE validation_sourcerow, validation_snapshot, validation_finding CASCADE")
        system = owner.execute("SELECT id FROM accounts_user WHERE username = 'system'").fetchone()[0]
        owner.execute(
            "CREATE UNLOGGED TABLE bench_person AS SELECT row_number() OVER (ORDER BY md5(id::text)) AS n, id_index, name,"
            " birth_on, village FROM households_member WHERE departed_on IS NULL AND id_index IS NOT NULL"
        )
        owner.execute("CREATE UNIQUE INDEX ON bench_person (n)")
        people = owner.execute("SELECT count(*) FROM bench_person").fetchone()[0]
        for place_, kind in enumerate(MATCHED):
            (snapshot,) = owner.execute(
                """INSERT INTO validation_snapshot (uid, kind, region, as_of, sender, legal_basis, sha256, rows, current,
                          keep_until, uploaded_by_id, uploaded_at, counts)
                   VALUES (gen_random_uuid(), %s, %s, '2020-12-31', 'bench', '', '', %s, true, %s, %s, now(), '{}')
                   RETURNING id""",
                [kind, register.CITY, rows, today + dt.timedelta(days=365), system],
            ).fetchone()
            owner.execute(
                f"""INSERT INTO validation_sourcerow (uid, snapshot_id, region, uploaded_by_id, sheet, row, id_index,
                           id_fault, name, birth_on, village, data, digest)
                    SELECT gen_random_uuid(), {snapshot}, '{register.CITY}', {system}, '', g.n,
                           CASE WHEN g.n % 100 <> 0 THEN coalesce(p.id_index, sha256('{kind}'::bytea || g.n::text::bytea)) END,
                           CASE WHEN g.n % 100 = 0 THEN 'none' ELSE '' END, coalesce(p.name, '外' || g.n),
                           coalesce(p.birth_on, DATE '1950-01-01' + g.n % 20000), p.village,
                           jsonb_strip_nulls(jsonb_build_object({SAID[kind]})), md5('{kind}' || g.n)
                      FROM generate_series(1, {rows}) g(n)
                      LEFT JOIN bench_person p ON g.n % {round(1 / KNOWN)} = 0
                           AND p.n = 1 + (g.n + {place_} * 7919) % {people}"""
            )
        owner.execute("DROP TABLE bench_person")
    register.settle()
    return rows


def become_others() -> None:
    """Replace register and ledger by ten copies of them in other cities."""
    register.copy_places()
    with place.owner() as owner:
        owner.execute(f"CREATE UNLOGGED TABLE bench_ledger AS SELECT * FROM {LEDGER} WHERE superseded = 0")
        owner.execute(f"TRUNCATE {LEDGER}")
    register.become_others()
    with place.owner() as owner, owner.transaction():
        # Not the months' guard: nothing is closed.
        owner.execute(f"ALTER TABLE {LEDGER} DISABLE TRIGGER USER")
        for number, copy in enumerate(register.COPIES, 1):
            _copy_lines(owner, f"'{copy}' || substr(village, 5)", number * register.STEP)
        owner.execute(f"ALTER TABLE {LEDGER} ENABLE TRIGGER USER")
    register.settle()


def more_lines() -> int:
    """Add the year before of two cities: with ten cities' lines that is more than ten million; return how many there are."""
    with place.owner() as owner:
        with owner.transaction():
            owner.execute(f"ALTER TABLE {LEDGER} DISABLE TRIGGER USER")
            for number, copy in enumerate(register.COPIES[:2], 1):
                _copy_lines(owner, f"'{copy}' || substr(village, 5)", number * register.STEP, back=1)
            owner.execute(f"ALTER TABLE {LEDGER} ENABLE TRIGGER USER")
        owner.execute("DROP TABLE bench_ledger")
        lines = owner.execute(f"SELECT count(*) FROM {LEDGER}").fetchone()[0]
    register.settle()
    return lines


def _copy_lines(owner, village: str, step: int, back: int = 0) -> None:
    names = [
        name
        for (name,) in owner.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
            " AND column_name <> 'id' ORDER BY ordinal_position",
            [LEDGER],
        )
    ]
    own = {
        "household_id": f"household_id + {step}",
        "village": village,
        "month": f"(month - interval '{back} years')::date",
    }
    values = ", ".join(own.get(name, name) for name in names)
    owner.execute(f"INSERT INTO {LEDGER} ({', '.join(names)}) SELECT {values} FROM bench_ledger")
