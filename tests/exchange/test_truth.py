"""The sample county through the real import: every planted fault is named, in its place and with its code, and nothing else."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from households.models import Household, Member
from households.sample.write import make
from poverty import scope
from tests.conftest import empty_tables

pytestmark = pytest.mark.slow
REGISTER = (
    "households_household", "households_householdyear", "households_member", "households_memberyear",
    "households_householdevent", "households_householdyearevent", "households_memberevent", "households_memberyearevent",
)  # fmt: skip
COUNTS = ("rows", "new", "changed", "unchanged", "rejected", "asked", "skipped")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("county")
    make(folder, households=300, seed=7)
    return folder


@pytest.fixture(scope="module")
def truth(sample):
    return {file["kind"]: file for file in json.loads((sample / "truth.json").read_text())["files"]}


def run(command: str, *arguments: str) -> dict:
    """Run a command and return the JSON object of its last line."""
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=io.StringIO())
    lines = out.getvalue().strip().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def bring_in(folder: Path, file: dict, faults: Path) -> tuple[dict, list[dict]]:
    """Import one file of the sample as its index says; return the summary and all faults."""
    said = run(
        "import_sheet", file["kind"], str(folder / file["file"]), "--year", str(file["year"]), "--as-of", file["as_of"],
        "--region", file["region"], "--json", "--faults", str(faults),
    )  # fmt: skip
    return said, json.loads(faults.read_text())


@pytest.fixture(scope="module")
def imported(sample, truth, tmp_path_factory, django_db_setup, django_db_blocker):
    """Load the regions, then persons, then households; everything is committed. {kind: (summary, faults)}."""
    kept, settings.MEDIA_ROOT = settings.MEDIA_ROOT, tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock():
        empty_tables()
        made = json.loads((sample / "index.json").read_text())
        run("load_regions", *[str(sample / name) for name in made["regions"]], "--json")
        found = {}
        for kind in ("persons", "households"):
            found[kind] = bring_in(sample, truth[kind], sample / f"{kind}-faults.json")
        yield found
        connection.close()
        empty_tables()
    settings.MEDIA_ROOT = kept


def places(faults) -> Counter:
    return Counter((f["sheet"], f["row"], f["column"], f["code"], f["action"]) for f in faults)


def compare(found: Counter, planted: Counter) -> str:
    """Say what differs, for a person to read."""
    lines = [f"not found: {place}" for place in sorted((planted - found).elements())]
    lines += [f"not planted: {place}" for place in sorted((found - planted).elements())]
    return "\n".join(lines)


def test_every_planted_fault_of_the_roster_is_named_and_nothing_else(imported, truth):
    assert compare(places(imported["persons"][1]), places(truth["persons"]["faults"])) == ""


def test_every_planted_fault_of_the_household_sheet_is_named_and_nothing_else(imported, truth):
    file = truth["households"]
    # What the roster left wrong is found again at the household's row in the sheet that comes after it.
    assert compare(places(imported["households"][1]), places(file["faults"] + file["again"])) == ""


@pytest.mark.parametrize("kind", ["persons", "households"])
def test_the_counts_are_those_of_the_truth_and_add_up(imported, truth, kind):
    said, file = imported[kind][0], truth[kind]
    assert said["state"] == "merged"
    assert said["rows"] == said["new"] + said["changed"] + said["unchanged"] + said["rejected"] + said["asked"]
    wanted = {name: file[name] for name in ("rows", "asked", "rejected", "skipped")}
    assert {name: said[name] for name in wanted} == wanted
    assert said["new"] + said["changed"] + said["unchanged"] == file["new"]
    if kind == "persons":
        assert said["new"] == file["new"]


def test_no_fault_shows_a_long_number_in_full_unless_asked(imported, truth):
    planted = {str(f["value"]) for kind in truth for f in truth[kind]["faults"]}
    long_ones = {value for value in planted if len(value) >= 11 and value.isascii() and value[:11].isdigit()}
    assert long_ones
    text = json.dumps(list(imported.values()), ensure_ascii=False)
    assert [value for value in sorted(long_ones) if value in text] == []


def test_the_register_holds_what_the_truth_declares(imported, sample):
    totals = json.loads((sample / "truth.json").read_text())["totals"]
    with scope.system("count"):
        persons = Member.objects.filter(withdrawn_at__isnull=True).count()
        households = Household.objects.in_register().count()
    assert households == totals["households"]
    assert persons == totals["persons"] - totals["held_persons"]


def register() -> dict[str, tuple]:
    """Return {table: (rows, checksum of all their values)}."""
    found = {}
    with scope.system("checksum"), connection.cursor() as cursor:
        for table in REGISTER:
            cursor.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")
            found[table] = cursor.fetchone()
    return found


def test_the_same_files_again_change_no_row(imported, sample, truth, tmp_path):
    before = register()
    for kind in ("persons", "households"):
        said, faults = bring_in(sample, truth[kind], tmp_path / f"{kind}.json")
        first = imported[kind][0]
        assert (said["new"], said["changed"]) == (0, 0)
        assert said["unchanged"] == first["new"] + first["changed"] + first["unchanged"]
        assert {name: said[name] for name in COUNTS if name not in ("new", "changed", "unchanged")} == {
            name: first[name] for name in COUNTS if name not in ("new", "changed", "unchanged")
        }
    assert register() == before
