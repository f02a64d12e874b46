"""The rows about data rules, matching, the ledger and the battle map, all measured on one county:
`--only rules,match,ledger,map`."""

from bench import county, register, steps, truth
from bench.map import Map

SETS = ("rules", "match", "ledger", "map")
SLICE, QUICK_SLICE = 300, 60


class Checks:
    """`bench` gets the rows; what is not wanted is loaded all the same, because the rules read it."""

    def __init__(self, bench):
        self.bench, self.say, self.wants = bench, bench.say, bench.wants
        self.households = bench.given.households
        self.files = bench.folder / f"county-{self.households}"

    def run(self) -> None:
        self.say(f"writing a county of {self.households:,} households with faults, ledgers and lists")
        self.made = county.make_files(self.files, self.households)
        self.on = self.made["as_of"]
        register.load_places(self.files, self.made)
        self.load(*self.made["sheets"], *self.made["earlier"])
        register.settle()
        self.empty_ledger = self.ledger()
        if self.wants("rules", "map"):
            self.load(*self.made["lists"])
            county.finish(self.files, self.made)
            self.bench.facts["county"] = county.counts()
        if self.wants("rules"):
            self.rules()
        if self.wants("map"):
            if not self.wants("rules"):
                self.full_run("all rules: figures count their findings")
            self.map = Map(self)
            self.map.once()
        if self.wants("match"):
            self.match()
        if self.wants("rules", "ledger", "map"):
            self.ten_times()

    def load(self, *sheets: dict) -> dict:
        """Import files of the sample: faults are part of them, so rows may be refused or asked about.

        Return {"rows", "seconds", "phases", "files"} of all together.
        """
        given = [
            {
                **{name: sheet.get(name) for name in ("kind", "region", "year", "as_of")},
                "file": str(self.files / sheet["file"]),
                "meta": {name: sheet[name] for name in ("sender", "legal_basis") if sheet.get(name)},
            }
            for sheet in sheets
        ]
        found = steps.run("import_sheets", sheets=given)["found"] if given else []
        whole = {"rows": 0, "seconds": 0.0, "phases": {}, "files": len(found)}
        for sheet, one in zip(sheets, found, strict=True):
            self.say(f"  {sheet['file']}: {one['state']} {one['rows']:,} in {one['seconds']:.1f} s {one['phases']}")
            if one["state"] not in ("merged", "partly"):
                raise RuntimeError(f"{sheet['file']} was not imported: {one}")
            whole["rows"] += one["rows"]
            whole["seconds"] += one["seconds"]
            for phase, seconds in one["phases"].items():
                whole["phases"][phase] = round(whole["phases"].get(phase, 0) + seconds, 2)
        return whole

    def full_run(self, words: str, **given) -> dict:
        self.say(f"running {words}")
        found = steps.run("full_run", on=self.on, **given)
        slow = ", ".join(f"{rule} {ms:,.0f} ms" for rule, ms in list(found["ms"].items())[:3])
        self.say(f"  {found['seconds']:.1f} s, of it {found['in_rules']:.1f} s in {found['rules']} rules ({slow})")
        self.say(f"  passes {found['passes']}")
        return found

    # --- the ledger ----------------------------------------------------------------------------------------------

    def ledger(self) -> dict:
        long = [one for one in self.made["ledgers"] if one["file"].endswith(".csv")]
        if self.wants("ledger"):
            self.say("reading and copying the ledger's rows bare")
            least = steps.run("ledger_floor", files=[str(self.files / one["file"]) for one in long])
        self.say("importing the ledger")
        first = self.load(*long)
        self.long_ledgers = long
        if self.wants("ledger"):
            work = f"import a ledger of {first['rows']:,} lines in {first['files']} CSV files, against reading them and a bare COPY"
            self.bench.add(work, first["seconds"], least["seconds"], "s", None, detail={**first, "floor": least})
            book = self.made["workbook"]
            county.forget_ledger()
            self.say("the same as one workbook: reading and copying it bare, then importing it")
            least = steps.run("floor", file=str(self.files / book["file"]))
            first = self.load(book)
            self.long_ledgers = [book]
            work = f"import a ledger of {first['rows']:,} lines in a workbook, against reading it and a bare COPY"
            self.bench.add(work, first["seconds"], least["seconds"], "s", 4, detail={**first, "floor": least})
        self.load(*[one for one in self.made["ledgers"] if one not in long])
        return first

    # --- rules ---------------------------------------------------------------------------------------------------

    def rules(self) -> None:
        add = self.bench.add
        first = self.full_run("all rules for the first time")
        self.truth()
        again = self.full_run("all rules once more")
        slice_ = QUICK_SLICE if self.bench.given.quick else min(SLICE, self.households)
        self.say(f"the same in Python over {slice_} households")
        loop = steps.run("rule_loop", on=self.on, households=slice_)
        self.say(f"  {loop}")
        # What a loop over all rules would take: it fetches a household once, whatever the number of its rules.
        fetch, conditions = loop["parts"]["fetch"], loop["parts"]["conditions"] + loop["parts"]["findings"]
        whole = fetch + conditions * first["rules"] / loop["rules"]
        houses = self.bench.facts["county"]["households"]
        ours = 1e6 * first["seconds"] / houses / first["rules"]
        theirs = 1e6 * whole / loop["households"] / first["rules"]
        plain = 1e6 * loop["seconds"] / loop["households"] / loop["rules"]
        detail = {"full_run": first, "again": again, "loop": loop, "per_rule_of_its_own_rules_us": round(plain, 1)}
        work = f"all {first['rules']} rules, per household and rule, against a Python loop over households"
        add(work, ours, theirs, "µs", 20, faster=True, detail=detail)
        self.say("scanning the tables that the rules read")
        scans = steps.run("scans", on=self.on)
        work = "all rules, against one scan per rule of the tables it reads"
        add(work, first["seconds"], scans["seconds"], "s", 1, detail={**scans, "again": round(again["seconds"], 2)})
        self.say("trying every rule")
        self.preview()
        self.say("putting one household right")
        one = steps.run("recheck")
        self.say(f"  {one}")
        if not one["closed"] or one["others_moved"]:
            raise RuntimeError(f"the re-check of one household did not close its finding, or moved others: {one}")
        add("re-check of one corrected household, against a full run", one["seconds"], again["seconds"], "s", 0.1,
            detail=one)  # fmt: skip

    def truth(self) -> None:
        """Hold what was found against what was planted. A rule without a planted case counts where it found something."""
        scores = truth.score(self.files)
        wrong = [one for one in scores if one.missed or one.surplus]
        hit, planted, found = (sum(getattr(one, name) for one in scores) for name in ("hit", "planted", "found"))
        for one in scores:
            differs = f"; missed {list(one.missed[:3])}, surplus {list(one.surplus[:3])}" if one in wrong else ""
            self.say(
                f"  {one.rule}: planted {one.planted:,}, found {one.found:,}, recall {one.recall:.3f},"
                f" precision {one.precision:.3f}{differs}"
            )
        detail = {
            "planted": planted, "found": found, "hit": hit, "with_a_planted_case": sum(one.planted > 0 for one in scores),
            "wrong": {
                one.rule: {"planted": one.planted, "found": one.found, "hit": one.hit, "missed": one.missed[:5],
                           "surplus": one.surplus[:5]}
                for one in wrong
            },
        }  # fmt: skip
        self.bench.add("rules that found what was planted", len(scores) - len(wrong), len(scores), "rules", 1, faster=False,
                       detail=detail, exact=True)  # fmt: skip
        persons, named = truth.wrong_identity(self.files)
        self.bench.add(
            "persons wrongly registered as poor, found by the rule meant", named, persons, "persons", 1, exact=True
        )

    def preview(self) -> None:
        """Try every rule with its own numbers, as the workbench does; what most of them take is what people wait for."""
        found = steps.run("previews", on=self.on)
        slow = ", ".join(f"{rule} {ms:,.0f} ms" for rule, ms in list(found["ms"].items())[:5])
        self.say(
            f"  previews: median {1000 * found['median']:,.0f} ms, nine of ten {1000 * found['p90']:,.0f} ms ({slow})"
        )
        self.bench.add("preview of a rule on the live register, median of all rules", found["median"], None, "s", 1,
                       plain=True, detail=found)  # fmt: skip

    # --- matching ------------------------------------------------------------------------------------------------

    def match(self) -> None:
        rows = county.make_lists(self.households)
        kinds = list(county.MATCHED)
        found = self.full_run(f"the matching of {len(kinds)} lists of {rows:,} rows", kinds=kinds)
        bare = steps.run("joins", kinds=kinds)
        self.say(f"  bare joins {bare}")
        work = f"match the register with {len(kinds)} lists of {rows:,} rows, against bare joins"
        self.bench.add(work, found["seconds"], bare["seconds"], "s", 5, detail={**found, "joins": bare})

    # --- ten times -----------------------------------------------------------------------------------------------

    def ten_times(self) -> None:
        county.forget_lists()
        if self.wants("rules"):
            once = self.full_run("all rules on register and ledger alone")
        self.say("making register and ledger ten times as large")
        county.become_others()
        self.bench.facts["county_10"] = county.counts()
        if self.wants("rules"):
            tenfold = self.full_run("all rules on ten times the data")
            detail = {"tenfold": tenfold, "once": once, "growth": _growth(tenfold["ms"], once["ms"])}
            self.bench.add("all rules, 10× register and ledger against 1×", tenfold["seconds"], once["seconds"], "s", 14,
                           detail=detail)  # fmt: skip
        if self.wants("map"):
            self.map.tenfold()
        if self.wants("ledger"):
            lines = county.more_lines()
            self.load(*[sheet for sheet in self.made["sheets"] if sheet["kind"] == "persons"])
            register.settle()
            self.say(f"importing the ledger into one of {lines:,} lines")
            again = self.load(*self.long_ledgers)
            self.bench.add(f"import of the ledger into one of {lines:,} lines, against into an empty one", again["seconds"],
                           self.empty_ledger["seconds"], "s", 1.5, detail=again)  # fmt: skip


def _growth(large: dict, small: dict) -> dict:
    """Return the rules that grew most, in times, of those that take any time."""
    found = {rule: round(ms / small[rule], 1) for rule, ms in large.items() if ms > 200 and small.get(rule)}
    return dict(sorted(found.items(), key=lambda one: -one[1])[:8])
