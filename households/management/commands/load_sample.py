"""Load a sample county made by make_sample: regions, people, then the rosters through the real import."""

import csv
import json
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.sample import make_sample_users
from dashboard import counts
from households.models import Household
from poverty import scope

PLACE = """
UPDATE households_household t SET position = ST_SetSRID(ST_MakePoint(x.lon, x.lat), 4326), position_at = now(),
       version = version + 1
  FROM unnest(%s::text[], %s::float8[], %s::float8[]) x(no, lon, lat)
 WHERE t.household_no = x.no AND t.position IS NULL
"""


class Command(BaseCommand):
    help = "Load a folder written by make_sample. Safe to repeat: what is there already stays."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **options):
        index = folder / "index.json"
        if not index.is_file():
            raise CommandError(f"{folder} holds no index.json; make it with `manage.py make_sample --out {folder}`.")
        made = json.loads(index.read_text())
        call_command("load_regions", *[str(folder / name) for name in made["regions"]])
        call_command("load_boundaries", str(folder / made["boundaries"]))
        call_command("load_profiles", str(folder / made["profiles"]))
        for sheet in made["sheets"]:
            self.stdout.write(f"{sheet['file']} …")
            call_command(
                "import_sheet", sheet["kind"], str(folder / sheet["file"]), "--year", str(sheet["year"]),
                "--as-of", sheet["as_of"], "--region", sheet["region"], "--json",
            )  # fmt: skip
        with open(folder / made["positions"], newline="") as file:
            rows = list(csv.DictReader(file))
        with scope.system(_("Set the position"), by=User.objects.system()), connection.cursor() as cursor:
            cursor.execute(
                PLACE,
                [[row["household_no"] for row in rows], [row["lon"] for row in rows], [row["lat"] for row in rows]],
            )
        county = made["sheets"][0]["region"][:6]
        with scope.system("choose the sample helper's households"):
            helped = list(
                Household.objects.in_register().filter(village__code__startswith=county).order_by("village", "id")[:5]
            )
        make_sample_users(county, [(household.pk, household.village_id) for household in helped])
        counts.refresh(made["sheets"][0]["region"][:4])
