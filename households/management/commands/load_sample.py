"""Load a sample county made by make_sample: regions, people, then the sheets and lists through the real import."""

import csv
import datetime as dt
import io
import json
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.sample import make_sample_users
from dashboard import counts
from households import actions
from households.keys import parse
from households.models import Household
from households.present import plain_of
from poverty import declarations, scope

PLACE = """
UPDATE households_household t SET position = ST_SetSRID(ST_MakePoint(x.lon, x.lat), 4326), position_at = now(),
       version = version + 1
  FROM unnest(%s::text[], %s::float8[], %s::float8[]) x(no, lon, lat)
 WHERE t.household_no = x.no AND t.position IS NULL
"""


YEARS_BACK = 4
MONTHLY_UP_TO = 5000  # households, up to which each month of the last year is worked out


class Command(BaseCommand):
    help = "Load a folder written by make_sample. Safe to repeat: what is there already stays."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path)
        parser.add_argument("--register-only", action="store_true", help="no ledgers, no departments' lists, no rules")

    def handle(self, *, folder: Path, **options):
        index = folder / "index.json"
        if not index.is_file():
            raise CommandError(f"{folder} holds no index.json; make it with `manage.py make_sample --out {folder}`.")
        made = json.loads(index.read_text())
        call_command("load_regions", *[str(folder / name) for name in made["regions"]], stdout=io.StringIO())
        call_command("load_boundaries", str(folder / made["boundaries"]), stdout=io.StringIO())
        call_command("load_profiles", str(folder / made["profiles"]), stdout=io.StringIO())
        for sheet in made["sheets"]:
            self._import(folder, sheet)
        self._place(folder / made["positions"])
        county = made["sheets"][0]["region"][:6]
        with scope.system("choose the sample helper's households"):
            helped = list(
                Household.objects.in_register().filter(village__code__startswith=county).order_by("village", "id")[:5]
            )
        make_sample_users(county, [(household.pk, household.village_id) for household in helped])
        if not options["register_only"]:
            for sheet in (*made["earlier"], *made["ledgers"]):
                self._import(folder, sheet)
            self._change(folder / made["changes"])
            for sheet in made["lists"]:
                given = ("--sender", sheet["sender"], "--legal-basis", sheet["legal_basis"])
                self._import(folder, sheet, *given, by="bumen" if sheet["region"] == county else "system")
            as_of = made["as_of"]
            self.stdout.write(f"match …, validate --as-of {as_of} …")
            call_command("match", as_of=as_of, stdout=io.StringIO(), stderr=io.StringIO())
            others = ",".join(code for code, rule in declarations.rules.items() if not rule.source)
            call_command("validate", rules=others, as_of=as_of, stdout=io.StringIO(), stderr=io.StringIO())
        counts.refresh(made["sheets"][0]["region"][:4])
        if not options["register_only"]:
            self._figures(dt.date.fromisoformat(made["as_of"]), made["households"])

    def _figures(self, as_of: dt.date, households: int) -> None:
        """Work out the running month, and the months before the sample's day as the register tells of them."""
        months = [dt.date(year, 12, 1) for year in range(as_of.year - YEARS_BACK, as_of.year)]
        first = 1 if households <= MONTHLY_UP_TO else as_of.month
        months += [dt.date(as_of.year, month, 1) for month in range(first, as_of.month + 1)]
        for month in months:
            call_command("figures", month=f"{month:%Y-%m}", stdout=io.StringIO())
        call_command("figures", all=True, stdout=self.stdout)

    def _import(self, folder: Path, sheet: dict, *more: str, by: str = "system") -> None:
        """Import one file as a person would, and say in one line what became of it."""
        said = io.StringIO()
        year = ("--year", str(sheet["year"])) if sheet.get("year") else ()
        call_command(
            "import_sheet", sheet["kind"], str(folder / sheet["file"]), *year, "--as-of", sheet["as_of"],
            "--region", sheet["region"], "--by", by, "--json", *more, stdout=said,
        )  # fmt: skip
        found = json.loads(said.getvalue().strip().splitlines()[-1])
        counted = ", ".join(
            f"{name} {found[name]:,}" for name in ("rows", "new", "asked", "rejected") if found.get(name)
        )
        self.stdout.write(f"{sheet['file']}: {found['state']} {counted}")

    def _place(self, path: Path) -> None:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        columns = [[row[name] for row in rows] for name in ("household_no", "lon", "lat")]
        with scope.system(_("Set the position"), by=User.objects.system()), connection.cursor() as cursor:
            cursor.execute(PLACE, columns)

    def _change(self, path: Path) -> None:
        """Record the changes of members, each as a person does; those recorded already stay."""
        by = User.objects.get(username="shi")
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                with scope.system(_("Record a change of members"), by=by):
                    home = Household.objects.in_scope().filter(household_no=row["household_no"]).first()
                    member = home and home.members.in_scope().filter(person_no=row["person_no"]).first()
                    if member is None or member.changes.in_scope().exists():
                        continue
                    event = {"kind": row["kind"], "on": row["on"], "reason": row["reason"], "member": str(member.uid)}
                    year = home.years.in_scope().filter(year=2020).first()
                    changes = {}
                    for name, given in (
                        ("size", row["size"] and int(row["size"])),
                        ("net_pc_yuan", row["net_pc_yuan"]),
                    ):
                        if given:
                            key = f"year.2020.{name}"
                            changes[key] = [plain_of(year, parse(key).field), given]
                    actions.save(household=home, by=by, changes=changes, event=event, reason=row["reason"])
