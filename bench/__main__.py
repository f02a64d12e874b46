"""Measure, print the table, and write .run/bench.json. Started by script/bench, which sets up what this needs."""

import argparse
import shutil
import signal
import sys
import time

from bench import checks, place, register, steps, tree
from bench.pages import Page, log_in, measure
from bench.report import Row, table, write

SETS = ("import", "pages", "regions", "memory", *checks.SETS)
FULL, QUICK = 75_337, 2_000
SLICE, QUICK_SLICE = 5_000, 500
COUNTY = register.CITY + "01"
# What most households of the sample are, so that there are several pages of them.
KEPT = f"/households/?region={COUNTY}&status=03&type=1&cause=07"
LIVE = f"/households/?region={COUNTY}&status=03&type=1&year=2020"


class Bench:
    """One run: `rows` fills up; `facts` are what the rows alone do not tell."""

    def __init__(self, given, folder):
        self.given, self.folder = given, folder
        self.rows: list[Row] = []
        self.facts: dict = {"households": given.households, "quick": given.quick}
        self.peaks: dict[str, int] = {}
        self.files = folder / f"sample-{given.households}"
        self.begun = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.begun:6.0f} s  {text}", file=sys.stderr, flush=True)

    def wants(self, *names: str) -> bool:
        return any(name in self.given.only for name in names)

    def run(self) -> None:
        self.say("making a database")
        place.make_database()
        if self.wants("regions"):
            self.regions()
        if self.wants("import", "pages", "memory"):
            self.people()
        if self.wants(*checks.SETS):
            if self.given.only != [one for one in self.given.only if one in checks.SETS]:
                self.say("making a database for the rules")
                place.make_database()
            checks.Checks(self).run()

    def people(self) -> None:
        self.say(f"writing a sample of {self.given.households:,} households")
        self.made = register.make_files(self.files, self.given.households)
        register.load_places(self.files, self.made)
        register.copy_places()
        first = self.imports()
        if self.wants("pages", "memory"):
            self.fill()
            self.pages(1)
        if self.wants("import", "pages"):
            self.say("making the register ten times as large")
            self.facts["members_of_others"] = register.become_others()
            again = self.import_sheet("persons", "into the large register")
            if self.wants("import"):
                self.add("import into a register 10× as large, against into an empty one", again["seconds"],
                         first["seconds"], "s", 1.5, detail=again)  # fmt: skip
            if self.wants("pages"):
                self.fill()
                self.pages(10)
        if self.wants("memory", "import", "pages"):
            self.memory()

    def add(self, work, measured, baseline, unit, target, **more) -> None:
        self.rows.append(row := Row(work, measured, baseline, unit, target, **more))
        self.say(
            "  → " + " · ".join(cell for cell in row.cells() if cell)
        )  # what is measured stands, whatever breaks later

    # --- the tree ------------------------------------------------------------------------------------------------

    def regions(self) -> None:
        villages = tree.VILLAGES // (20 if self.given.quick else 1)
        folder = self.folder / "tree"
        tree.make(folder, villages)
        self.say(f"loading {villages:,} villages")
        found = steps.run("load_regions", folder=str(folder))
        self.facts["villages"] = villages
        work = "load_regions of the country's tree, against a bare COPY of the files"
        self.add(work, found["seconds"], found["bare"], "s", 10, detail=found)

    # --- imports -------------------------------------------------------------------------------------------------

    def import_sheet(self, kind: str, words: str = "") -> dict:
        self.say(f"importing {kind} {words}".rstrip())
        sheet = next(sheet for sheet in self.made["sheets"] if sheet["kind"] == kind)
        found = steps.run("import_sheet", **{**sheet, "file": str(self.files / sheet["file"])})
        if found["state"] != "merged" or found["rejected"] or found["asked"]:
            raise RuntimeError(f"the clean sample was not imported whole: {found}")
        self.note_peaks(found["peaks"], "worker")
        self.say(f"  {found['seconds']:.1f} s {found['phases']}")
        return found

    def note_peaks(self, peaks: dict[str, int], own: str) -> None:
        for sort, kilobytes in peaks.items():
            name = own if sort == "own" else sort
            self.peaks[name] = max(self.peaks.get(name, 0), kilobytes)

    def imports(self) -> dict:
        """Import the roster into the empty register, with what it is compared with around it; return the first import."""
        persons = str(self.files / "persons.xlsx")
        compared = self.wants("import")
        rivals, least = {}, None
        if compared:
            rivals = self.rivals(persons)
            self.say("reading and copying the same rows bare")
            least = steps.run("floor", file=persons)
        first = self.import_sheet("persons", "into an empty register")
        if not compared:
            return first
        work = "import persons, file to committed, against reading it and a bare COPY"
        self.add(work, first["seconds"], least["seconds"], "s", 5, detail={**first, "floor": least})
        per_row = 1000 * first["seconds"] / first["rows"]
        for name, target in (("default", 30), ("use_bulk", 5)):
            found = rivals[name]
            theirs = 1000 * found["seconds"] / found["rows"]
            work = f"the same, per row, against django-import-export ({name})"
            self.add(work, per_row, theirs, "ms", target, faster=True, detail=found)
        again = self.import_sheet("persons", "once more, unchanged")
        if again["unchanged"] != again["rows"]:
            raise RuntimeError(f"the same file changed something: {again}")
        work = "the same unchanged file again, against the first import"
        self.add(work, again["seconds"], first["seconds"], "s", 0.7, detail=again)
        return first

    def rivals(self, persons: str) -> dict[str, dict]:
        from bench import rival

        part = self.folder / "slice.xlsx"
        rows = rival.write_slice(persons, part, QUICK_SLICE if self.given.quick else SLICE)
        sheet = next(sheet for sheet in self.made["sheets"] if sheet["kind"] == "persons")
        given = {"file": str(part), **{name: sheet[name] for name in ("region", "year", "as_of")}}
        found = {}
        for name, bulk in (("use_bulk", True), ("default", False)):
            self.say(f"django-import-export, {name}, {rows:,} rows")
            found[name] = steps.run("rival", bulk=bulk, **given)
        register.settle()
        return found

    # --- pages ---------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Add what a register has beside its roster: household sheets, positions, figures."""
        self.import_sheet("households")
        register.place_households(self.files, self.made)
        register.count_figures(register.CITY)
        register.settle()

    def pages(self, size: int) -> None:
        users = self.users()
        county, city = log_in(users["county_office"]), log_in(users["city_office"])
        whole = KEPT.replace(COUNTY, register.CITY), LIVE.replace(COUNTY, register.CITY)
        pages = {
            "home page with map, county user": Page("home", "/", county),
            "list, filters that kept sums know, county user": Page("list kept", KEPT, county, 50),
            "list, other filters, county user": Page("list live", LIVE, county, 50),
        }
        if size == 1:
            pages |= {
                "list, filters that kept sums know, city user": Page("list kept, city", whole[0], city, 50),
                "list, other filters, city user": Page("list live, city", whole[1], city, 50),
            }
        self.say(f"asking {len(pages)} pages over 20 connections")
        rounds, seconds, warm = (2, 3, 1) if self.given.quick else (3, 10, 3)
        self.note_peaks(measure(list(pages.values()), rounds=rounds, seconds=seconds, warm=warm), "web")
        if self.wants("pages"):
            for name, page in pages.items():
                self.page_rows(name, page, size)

    def page_rows(self, name: str, page: Page, size: int) -> None:
        target = 10 if page.name == "home" else 12
        work = f"p95 of {name}, at {size}×, against E"
        self.add(work, page.p95, page.empty_p95, "ms", target, detail=page.detail())
        before = self.facts.setdefault("p95_over_e", {})
        ratio = page.p95 / page.empty_p95
        if size == 1:
            before[page.name] = ratio
        elif page.name != "home":
            # Both are multiples of E in their own minutes, so that a busier machine does not pass for a slower page.
            self.add(f"p95 of {name}, 10× against 1×", ratio, before[page.name], "× E", 1.5)

    def users(self) -> dict:
        from accounts.models import User

        found = {user.role: user for user in User.objects.exclude(username="system")}
        for role, region in (("county_office", COUNTY), ("city_office", register.CITY)):
            if role not in found:
                found[role] = register.make_user(role, region)
        return found

    def memory(self) -> None:
        limits = {"reader": ("reader child", 1536), "worker": ("worker process", 600), "web": ("web process", 600)}
        for sort, (name, limit) in limits.items():
            if sort in self.peaks:
                self.add(f"peak memory of the {name}", self.peaks[sort] / 1024, None, "MB", limit, plain=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument(
        "--households", type=int, help=f"size of the register; {FULL} unless told, {QUICK} with --quick"
    )
    parser.add_argument("--only", default=",".join(SETS), help=f"some of {', '.join(SETS)}; with commas")
    parser.add_argument("--quick", action="store_true", help="see that it runs; the ratios of small sizes mean little")
    parser.add_argument("--keep", action="store_true", help="leave the database for a look around")
    given = parser.parse_args()
    given.only = given.only.split(",")
    if unknown := set(given.only) - set(SETS):
        parser.error(f"--only knows {', '.join(SETS)}, not {', '.join(unknown)}")
    given.households = given.households or (QUICK if given.quick else FULL)
    # As with Ctrl-C: what was started is stopped, and the database goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = place.prepare()

    import django

    django.setup()
    bench = Bench(given, folder)
    try:
        bench.run()
    finally:
        if not given.keep:
            place.drop_database()
            shutil.rmtree(folder / "media", ignore_errors=True)
        if bench.rows:
            # What was measured before something failed is told all the same.
            write(place.RUN / "bench.json", bench.rows, {**bench.facts, "only": given.only})
            print(table(bench.rows))
    return 0 if all(row.met for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
