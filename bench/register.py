"""The register that is measured: the sample's regions and files, users with sessions, and ten times as many others."""

import csv
import json
import subprocess
import sys
from pathlib import Path

from bench import place

CITY = "4599"
COPIES = tuple(f"45{number}" for number in range(80, 90))
STEP = 100_000_000  # keys of a copy lie this far from those of the one before
TABLES = ("household", "householdyear", "member", "memberyear")
REGISTER = tuple(f"households_{table}{more}" for table in TABLES for more in ("", "event"))


def make_files(folder: Path, households: int) -> dict:
    """Write the sample's files, unless they are there already; return their index."""
    index = folder / "index.json"
    if not index.is_file():
        given = ["--households", str(households), "--out", str(folder), "--single", "--narrow", "--clean"]
        command = [sys.executable, "-m", "households.sample", *given]
        subprocess.run(command, cwd=place.ROOT, check=True, stdout=subprocess.DEVNULL)
    return json.loads(index.read_text())


def load_places(folder: Path, made: dict) -> None:
    """Load the sample's regions with their boundaries and profiles."""
    from django.core.management import call_command

    call_command("load_regions", *[str(folder / name) for name in made["regions"]], json=True, stdout=_Nowhere())
    call_command("load_boundaries", str(folder / made["boundaries"]), stdout=_Nowhere())
    call_command("load_profiles", str(folder / made["profiles"]), stdout=_Nowhere())
    settle()


def copy_places() -> None:
    """Lay the copies' regions beside the sample's."""
    with place.owner() as owner:
        for table, key in (("regions_region", "code"), ("regions_villageprofile", "village")):
            for number, copy in enumerate(COPIES, 1):
                _copy_rows(owner, table, table, number, copy, f"WHERE {key} LIKE '{CITY}%'")
        owner.execute("VACUUM ANALYZE")


class _Nowhere:
    def write(self, text=""):
        pass

    def flush(self):
        pass


def place_households(folder: Path, made: dict) -> None:
    """Give the households their positions."""
    from django.db import connection

    from accounts.models import User
    from households.management.commands.load_sample import PLACE
    from poverty import scope

    with open(folder / made["positions"], newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [[row[name] for row in rows] for name in ("household_no", "lon", "lat")]
    with scope.system("bench", by=User.objects.system()), connection.cursor() as cursor:
        cursor.execute(PLACE, columns)


def count_figures(city: str) -> None:
    """Bring the kept sums up to date, as the first visitor would."""
    from dashboard import counts
    from poverty import scope

    with scope.system("bench"):
        counts.refresh(city)


def settle() -> None:
    """Do what autovacuum does some minutes after a load."""
    with place.owner() as owner:
        owner.execute("VACUUM ANALYZE")


def make_user(role: str, region: str):
    """Return an active user of the role and area."""
    from accounts.models import User
    from poverty.scope import code_range

    user = User(username=f"{role}-{region}", full_name=region, role=role, region_id=region, must_change_password=False)
    user.set_unusable_password()
    user.save()
    lo, hi = code_range(region)
    user.scope.create(lo=lo, hi=hi)
    return user


def become_others() -> int:
    """Replace the register by ten copies of it in other cities, history included; return the members it has then.

    A copy has its own keys, numbers and blind indexes, or every person would be found in ten cities.
    """
    with place.owner() as owner:
        foreign = owner.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = ANY (%s::regclass[])",
            [list(REGISTER)],
        ).fetchall()
        for table in REGISTER:
            owner.execute(f"CREATE UNLOGGED TABLE bench_{table} AS SELECT * FROM {table}")
        owner.execute(f"TRUNCATE {', '.join(REGISTER)}, validation_finding CASCADE")
        owner.execute("TRUNCATE dashboard_villagecount, dashboard_regionsum, dashboard_dirtyvillage")
        for table, name, _definition in foreign:
            owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for table in REGISTER:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for number, copy in enumerate(COPIES, 1):
                _copy_rows(owner, f"bench_{table}", table, number, copy)
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            owner.execute(f"DROP TABLE bench_{table}")
        for table, name, definition in foreign:
            owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for table in REGISTER:
            if not table.endswith("event"):
                sequence = f"pg_get_serial_sequence('{table}', 'id')"
                owner.execute(f"SELECT setval({sequence}, (SELECT max(id) FROM {table}))")
        owner.execute("INSERT INTO dashboard_dirtyvillage (village) SELECT DISTINCT village FROM households_household")
        members = owner.execute("SELECT count(*) FROM households_member").fetchone()[0]
    settle()
    for copy in COPIES:
        count_figures(copy)
    settle()
    return members


def _copy_rows(owner, source: str, target: str, number: int, copy: str, where: str = "") -> None:
    """Insert the rows of `source` into `target` as copy `number`, which lies in the city `copy`."""
    columns = owner.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        " AND column_name <> 'pgh_id' AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [target],
    ).fetchall()
    taken = [name for (name,) in columns]
    shifted = {"id", "pgh_obj_id", "household_id", "member_id"}
    codes = {"code", "village", "successor_id"}
    numbers = {"household_no", "person_no", "head_person_no"}
    expressions = []
    for name in taken:
        if name in shifted:
            expressions.append(f'"{name}" + {number * STEP}')
        elif name in codes:
            expressions.append(f"'{copy}' || substr(\"{name}\", {len(CITY) + 1})")
        elif name in numbers:
            expressions.append(f"'{chr(ord('A') + number)}' || \"{name}\"")
        elif name.endswith("_index"):
            expressions.append(f"sha256(\"{name}\" || '{number}'::bytea)")
        elif name == "uid":
            expressions.append(f"(to_hex({number + 2}) || substr(uid::text, 2))::uuid")
        else:
            expressions.append(f'"{name}"')
    names = ", ".join(f'"{name}"' for name in taken)
    owner.execute(f"INSERT INTO {target} ({names}) SELECT {', '.join(expressions)} FROM {source} {where}")
