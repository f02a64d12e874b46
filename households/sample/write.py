"""The files of the sample: regions, map, positions, the two sheets per county, and the truth about them."""

import csv
import json
import tempfile
from collections import Counter
from pathlib import Path

from shapely.geometry import mapping
from shapely.geometry.polygon import orient

from households import sheets
from households.sample import departments, geography, ledger, names, plan, rows
from households.sample.economy import Household
from households.sample.faults import ASK, AUTO, NOTE, STOP, Block, Case, Fault, Kind
from households.sample.geography import Map
from poverty.xlsx import Cell, Sheet, Style, Workbook

YEAR, AS_OF = rows.AS_OF.year, rows.AS_OF.isoformat()
HEADER_ROW = 3  # two title rows above, as in the national system's exports
WITHOUT_POSITION = 0.06


def make(out: Path, *, households: int, seed: int = 1, clean: bool = False, single: bool = False, narrow: bool = False):
    """Write the sample into the folder `out` and return its totals; the package names the files.

    clean: no faults at all. single: one file of each kind even for a city. narrow: a roster of 30 columns, clean only.
    """
    if households < 1:
        raise ValueError("a sample has at least one household")
    if narrow and not clean:
        raise ValueError("the narrow roster has no room for all faults: ask for a clean one")
    out.mkdir(parents=True, exist_ok=True)
    map_ = geography.build(households, seed)
    _write_regions(out, map_)
    _write_boundaries(out, map_)
    told = Told()
    _write_profiles(out, map_, told, seed=0 if clean else seed)
    writer = _Writer(out, map_, told, households, clean=clean, single=single, narrow=narrow)
    with (out / "positions.csv").open("w", encoding="utf-8", newline="") as file:
        positions = csv.writer(file, lineterminator="\n")
        positions.writerow(("household_no", "lon", "lat"))
        for home, kind, turn, place in plan.households(map_, households, seed, clean=clean):
            writer.add(home, kind, turn, place)
            known = home.index if home.position_of is None else home.position_of
            rng = plan.random.Random(f"{seed}/position/{known}")
            if rng.random() >= WITHOUT_POSITION or home.position_of is not None:
                positions.writerow((home.household_no, *geography.position(rng, home.village, home.hamlet)))
    totals = writer.close()
    head = {"seed": seed, "households": households, "clean": clean, "as_of": AS_OF}
    _write_truth(out / "truth.json", head, writer.finished, told, totals)
    index = {
        "households": households,
        "seed": seed,
        "clean": clean,
        "as_of": AS_OF,
        "regions": ["provinces.csv", "cities.csv", "areas.csv", "streets.csv", "villages.csv"],
        "boundaries": "boundaries.geojson",
        "profiles": "villages_profile.csv",
        "positions": "positions.csv",
        "truth": "truth.json",
        "sheets": [
            {"kind": file.kind, "file": file.name, "year": YEAR, "as_of": AS_OF, "region": file.region}
            for file in writer.finished
        ],
        # What comes after these, in this order: sheets of earlier years, changes of members, ledgers, departments' lists.
        "earlier": writer.earlier.files(),
        "changes": "changes.csv",
        "ledgers": [
            {"kind": "ledger", "file": name, "year": YEAR, "as_of": AS_OF, "region": file.region, "rows": number}
            for file in writer.ledgers
            for name, number in zip(file.names, file.rows, strict=True)
            if number
        ],
        "ledger_lines": writer.lines.written,
        "lists": [
            {
                "kind": kind,
                "file": name,
                "as_of": AS_OF,
                "region": file.region,
                "sender": departments.SENDERS[kind],
                "legal_basis": "示例：数据共享协议",
            }
            for file in writer.lists
            for kind, name in file.names
        ],
    }
    _dump(out / "index.json", index)
    return totals


def _dump(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


# --- places --------------------------------------------------------------------------------------------------------


def _write_regions(out: Path, map_: Map) -> None:
    """Write one file per level in the public layout: code, name, and the codes of the parents, nearest first."""

    def table(name, parents, regions):
        with (out / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("code", "name", *parents))
            for region in regions:
                lengths = {"provinceCode": 2, "cityCode": 4, "areaCode": 6, "streetCode": 9}
                writer.writerow((region.code, region.name, *(region.code[: lengths[parent]] for parent in parents)))

    table("provinces.csv", (), [geography.Region(names.PROVINCE_CODE, names.PROVINCE, "province")])
    table("cities.csv", ("provinceCode",), [map_.city])
    table("areas.csv", ("cityCode", "provinceCode"), map_.counties)
    table("streets.csv", ("areaCode", "cityCode", "provinceCode"), map_.towns)
    table("villages.csv", ("streetCode", "areaCode", "cityCode", "provinceCode"), map_.villages)


def _write_boundaries(out: Path, map_: Map) -> None:
    with (out / "boundaries.geojson").open("w", encoding="utf-8") as file:
        file.write('{"type":"FeatureCollection","features":[\n')
        for number, region in enumerate([map_.city, *map_.counties, *map_.towns, *map_.villages]):
            feature = {
                "type": "Feature",
                "properties": {"code": region.code, "name": region.name, "level": region.level},
                "geometry": mapping(orient(region.boundary)),
            }
            file.write((",\n" if number else "") + json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
        file.write("\n]}\n")


def _write_profiles(out: Path, map_: Map, told: "Told", *, seed: int) -> None:
    """Write the villages' profiles; with a seed, those of two villages a county lack something or contradict it."""
    wrong = {}
    for county in map_.counties if seed else ():
        inside = [village.code for village in map_.villages if village.code.startswith(county.code)]
        first, second = plan.random.Random(f"{seed}/profiles/{county.code}").sample(inside, 2)
        wrong |= {first: "households", second: "broadband"}
    with (out / "villages_profile.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            (
                *(
                    "code",
                    "year",
                    "total_households",
                    "total_population",
                    "rural_population",
                    "poor_village",
                    "broadband",
                ),
                *("paved_road", "bus", "clinics", "culture_room", "hamlets", "collective_income_yuan"),
            )
        )
        for village in map_.villages:
            rng = plan.random.Random(f"profile/{village.code}/{village.total_households}")
            remote = village.share > 0.3
            total, broadband = village.total_households, int(rng.random() > (0.12 if remote else 0.02))
            if missing := wrong.get(village.code):
                total, broadband = ("", broadband) if missing == "households" else (total, "")
                told.finding("CD-34", village.code)
            writer.writerow(
                (
                    *(village.code, YEAR, total, village.total_population),
                    *(round(village.total_population * rng.uniform(0.93, 0.99)), int(village.poor)),
                    *(broadband, 1, int(rng.random() > 0.25)),
                    *(1 if rng.random() > 0.05 else 2, int(rng.random() > 0.1), len(village.hamlets)),
                    rng.randint(20, 160) * 1000,
                )
            )


# --- sheets --------------------------------------------------------------------------------------------------------


class SheetFile:
    """One xlsx file being written, with the truth about it spooled to a temporary file."""

    def __init__(self, folder: Path, name: str, kind: str, columns, places, region, *, clean: bool):
        self.name, self.kind, self.region, self.clean = name, kind, region.code, clean
        self.columns, self.clean = columns, clean
        self.title = (sheets.PERSONS if kind == "persons" else sheets.HOUSEHOLDS).title
        self.rows = self.skipped = self.asked = self.rejected = 0
        self._headers = {column.field: column.header for column in sheets.PERSONS.columns + sheets.HOUSEHOLDS.columns}
        self._headers |= {column.field: column.header for column in columns}
        self._places = places  # of the columns to write, None for all
        self._since, self._outliers, self._carried = [0, 0], [], None
        self._book = Workbook(folder / name)
        self._sheet: Sheet = self._book.sheet(self.title, widths=[_width(c) for c in columns], freeze=HEADER_ROW)
        self._sheet.row([f"{region.name}{self.title}表"], style=Style.TITLE)
        self._sheet.row([f"行政区划：{region.name}    数据日期：{AS_OF}"])
        for row in (1, 2):
            self._sheet.merge(row, 0, row, len(columns) - 1)
        self._sheet.header([column.header for column in columns])
        self.spool = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.repeated = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._width = columns.index(next(c for c in columns if c.field in ("household_size", "size")))

    def write(self, home: Household, block: Block) -> int:
        """Write the rows of a household with what the plan put around them; return its first row's number."""
        if block.repeat_header:
            self.skipped += 1
            number = self._sheet.header([column.header for column in self.columns])
            self._tell(number, "seq", "D9", AUTO, self._headers["seq"], home.household_no)
        carried, self._carried = self._carried, None
        if block.hold_back:
            self._carried = block.rows[-1]
        first = self._sheet.number + 1
        for place, row in enumerate(block.rows[: -1 if block.hold_back else None]):
            self._row(row, hidden=place in block.hidden, merged=block.merged and place > 0)
        if block.merged:
            for place, column in enumerate(self.columns):
                if column.household_wide or column.field == "household_no":
                    self._sheet.merge(first, place, self._sheet.number, place)
        if carried:
            self._row(carried)
        self.rows -= len(block.skipped)
        self.skipped += len(block.skipped)
        for fault in block.faults:
            self._fault(home, block, fault, first)
        self._since = [self._since[0] + home.size, self._since[1] + 1]
        if block.subtotal:
            self._total("小计", home.household_no)
        return first

    def _row(self, row: list, *, hidden: bool = False, merged: bool = False) -> None:
        self.rows += 1
        row[0] = self.rows + self.skipped
        if merged:
            row = [
                None if column.household_wide or column.field == "household_no" else value
                for column, value in zip(self.columns, row, strict=True)
            ]
        self._sheet.row([row[place] for place in self._places] if self._places else row, hidden=hidden)

    def _fault(self, home: Household, block: Block, fault: Fault, first: int) -> None:
        if fault.action in (ASK, STOP):
            self.asked += fault.action == ASK
            self.rejected += fault.action == STOP
        if fault.code == "D15":  # the column is asked about as a whole, its outlier rows wait
            self._outliers.append(first + fault.row)
            return
        row = block.rows[fault.row]
        value = row[block.places[fault.field]]
        if isinstance(value, Cell):
            value = f"={value.formula}" if value.formula else value.value
        household_wide = fault.field == "household_no" and fault.code not in ("D2", "D3", "D22")
        number_of_person = rows.P["person_no"]
        person = self.kind == "persons" and not household_wide
        subject = row[number_of_person] if person else home.household_no
        self._tell(first + fault.row, fault.field, fault.code, fault.action, value, subject, fault.follows)

    def _tell(self, row, field, code, action, value, subject, follows="", **more) -> None:
        fact = {"sheet": self.title, "row": row, "column": self._headers[field], "code": code, "action": action}
        fact |= {"value": value, "subject": subject, **more}
        if follows:
            fact["follows"] = follows
        self._spool(self.spool, fact)

    def again(self, home: Household, row: int, fault: Fault, subject: str) -> None:
        """Note a finding of the roster that concerns this sheet's row of the household too."""
        fact = {"sheet": self.title, "row": row, "column": self._headers["household_no"], "code": fault.code}
        fact |= {"action": NOTE, "value": home.household_no, "subject": subject}
        self._spool(self.repeated, fact | ({"follows": fault.follows} if fault.follows else {}))

    @staticmethod
    def _spool(spool, fact: dict) -> None:
        spool.write((",\n   " if spool.tell() else "\n   ") + json.dumps(fact, ensure_ascii=False))

    def _total(self, word: str, subject: str) -> None:
        """Write a row with the number of persons (and of households) since the last one, or of the whole file."""
        row = [None] * len(self.columns)
        row[0] = word
        row[self._width] = self._since[0]
        self.skipped += 1
        self._tell(self._sheet.row(row), "seq", "D8", AUTO, word, subject)
        self._since = [0, 0]

    def close(self, persons: int) -> None:
        """Finish the file; `persons` is the sum of its declared household sizes."""
        if self._carried:
            self._row(self._carried)
        if self._outliers:
            self._tell(HEADER_ROW, "net_pc", "D15", ASK, self._headers["net_pc"], "", rows=self._outliers)
        if not self.clean:
            self._since = [persons, 0]
            self._total("合计", "")
            self.skipped += 1
            self._tell(self._sheet.row(["填表人：        审核人："]), "seq", "D8", AUTO, "填表人：        审核人：", "")
        self._sheet.close()
        self._book.close()


def _width(column) -> float:
    return {"id_number": 21, "opaque": 20, "card": 21, "region": 16, "date": 12, "ignore": 7}.get(column.kind.value, 13)


class Told:
    """What data rules have to find, and who stands in the register wrongly: spooled, it grows with the sample."""

    def __init__(self):
        self.rules = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.wrong = tempfile.TemporaryFile("w+", encoding="utf-8")

    def finding(self, rule: str, subject: str, follows: str = "") -> None:
        fact = {"rule": rule, "subject": subject} | ({"follows": follows} if follows else {})
        SheetFile._spool(self.rules, fact)

    def wrongly_in(self, person: str, rule: str) -> None:
        SheetFile._spool(self.wrong, {"person": person, "rule": rule})


class Earlier:
    """The sheets of earlier years, of the few households that need them: CSV without titles."""

    YEARS = (2018, 2019)
    LOWER = {"04": "03", "05": "04", "06": "05", "07": "06", "08": "07", "09": "08", "10": "06", "11": "10", "12": "11"}
    LOWER |= {"13": "12", "14": "13", "15": "14"}

    def __init__(self, out: Path, region: str):
        self._out, self._region, self._writers, self._open = out, region, {}, []

    def _writer(self, kind: str, year: int):
        if (kind, year) not in self._writers:
            name = f"{kind}-{year}.csv"
            file = (self._out / name).open("w", encoding="utf-8-sig", newline="")
            self._open.append((kind, year, name, file))
            writer = self._writers[kind, year] = csv.writer(file, lineterminator="\r\n")
            writer.writerow([column.header for column in (rows.PERSONS if kind == "persons" else rows.HOUSEHOLDS)])
        return self._writers[kind, year]

    def write(self, home: Household) -> None:
        for year, how in home.rounds.items():
            scale = how.get("scale", 97)
            blocks = Block(rows.person_rows(home), rows.P), Block([rows.household_row(home, scale)], rows.H)
            per_head = blocks[1].get(0, "net_pc")
            for place, one in enumerate(home.people):
                if how.get("missing") and place == how["place"]:
                    continue
                row = blocks[0].rows[place]
                row[0] = place + 1
                row[rows.P["net_pc"]] = per_head
                row[rows.P["household_size"]] = home.size - bool(how.get("missing"))
                if not (how.get("grade") and place == how["place"]):
                    status = one.student_status
                    for _year in range(YEAR - year):
                        status = self.LOWER.get(status, status)
                    row[rows.P["student_status"]] = rows.codes.STUDENT_STATUS.labels[status]
                self._writer("persons", year).writerow(row)
            if "scale" in how:
                blocks[1].put(0, "year", year)
                self._writer("households", year).writerow(blocks[1].rows[0])

    def files(self) -> list[dict]:
        found = []
        for kind, year, name, file in sorted(self._open, key=lambda one: (one[0] != "persons", one[1])):
            file.close()
            found.append({"kind": kind, "file": name, "year": year, "as_of": f"{year}-12-31", "region": self._region})
        return found


class _Writer:
    """Keeps the files of the county at hand open, and the counts of the whole."""

    def __init__(self, out: Path, map_: Map, told: Told, households: int, *, clean: bool, single: bool, narrow: bool):
        self._out, self._map, self._clean, self._narrow, self._told = out, map_, clean, narrow, told
        self._by_county = len(map_.counties) > 1 and not single
        self._region, self._files, self.finished = None, (), []
        self._sizes = [0, 0]
        self._counts: dict[str, list[int]] = {}
        self._status, self._type, self._cause = Counter(), Counter(), Counter()
        self._outsiders = departments.Outsiders()
        self.lines, self.ledgers, self.lists = ledger.Count(households), [], []
        self.earlier = Earlier(out, (map_.city if len(map_.counties) > 1 else map_.counties[0]).code)
        self._changes_file = (out / "changes.csv").open("w", encoding="utf-8", newline="")
        self._changes = csv.writer(self._changes_file, lineterminator="\n")
        self._changes.writerow(("household_no", "person_no", "kind", "on", "reason", "size", "net_pc_yuan"))

    def add(self, home: Household, kind: Kind | Case | None, turn: int, place: int) -> None:
        region = next(c for c in self._map.counties if c.code == home.village.code[:6])
        if not self._by_county and len(self._map.counties) > 1:
            region = self._map.city
        if region is not self._region:
            self._finish()
            self._start(region)
        self._beside(home)
        persons, households = (
            Block(rows.person_rows(home), rows.P),
            Block([rows.household_row(home)], rows.H),
        )
        if isinstance(kind, Case):
            self._case(home, kind, turn, place, persons, households)
        elif kind and place >= 0:
            block, row = (persons, place) if kind.sheet == "persons" else (households, 0)
            name = kind.spoil(block, row, turn, home) if kind.spoil else kind.column
            if name:
                block.fault(
                    0 if name == "household_no" and kind.code not in ("D2", "D3", "D22") else row,
                    name,
                    kind.code,
                    kind.action,
                )
        elif kind and kind.code == "ID-12":  # the guest of the household before, who was added last
            persons.fault(len(home.people) - 1, "cert_no", "ID-12", NOTE)
        held = persons.held()
        if held:
            persons.fault(0, "household_no", "HH-03", NOTE, follows=held[0].code)
        empty = isinstance(kind, Case) and kind.rule == "HH-04"
        if empty:
            persons.rows.clear()
            households.fault(0, "household_no", "HH-03", NOTE, follows="HH-04")
        else:
            self._files[0].write(home, persons)
        first = self._files[1].write(home, households)
        for fault in persons.faults:
            if "-" in fault.code:  # a rule, not a fault of a cell
                of_household = fault.code.startswith("HH-")
                subject = home.household_no if of_household else persons.get(fault.row, "person_no")
                self._told.finding(fault.code, subject, fault.follows)
                if not households.held():
                    self._files[1].again(home, first, fault, subject)
        for fault in households.held():
            self._told.finding("CD-26", home.household_no, fault.code)
        self._sizes[0] += 0 if empty else home.size
        self._sizes[1] += home.size
        members = 0 if empty else len(home.people)
        counts = self._counts.setdefault(home.village.code, [0, 0, 0])
        counts[0] += 1
        counts[1] += members
        counts[2] += len(held)
        if not empty:
            self._status[home.status] += 1
            self._type[home.type] += 1
        self._cause[home.main_cause] += 1

    def _case(self, home: Household, case: Case, turn: int, place: int, persons: Block, households: Block) -> None:
        """Plant a rule's case into the rows, and tell what has to be found."""
        if place >= 0 and case.cells:
            case.cells(persons, households, place, home, turn)
        subject = case.subject if place >= 0 else case.also
        if case.rule and subject:
            person = home.people[max(place, 0)].person_no
            self._told.finding(case.rule, home.household_no if subject == "h" else person)
            if case in plan.WRONGLY_IN:
                self._told.wrongly_in(person, case.rule)
        if place >= 0 and case.follows:
            for rule, whom in case.follows(home, place):
                self._told.finding(rule, whom, case.rule)
        if case.rule == "HH-04":
            self._told.finding("HH-03", home.household_no, "HH-04")

    def _beside(self, home: Household) -> None:
        """Write what other sources say of the household: ledger, departments' lists, earlier years, changes."""
        lines = ledger.of_household(home)
        self.lines.fill(home, lines)
        self.ledgers[-1].write(home, lines)
        for kind, row in departments.of_household(home, self._outsiders, ledger.payments(lines)):
            self.lists[-1].write(kind, row)
        self.earlier.write(home)
        for place, *change in home.changes:
            self._changes.writerow((home.household_no, home.people[place].person_no, *change))

    def _start(self, region) -> None:
        self._region, self._sizes = region, [0, 0]
        suffix = f"-{region.code}" if self._by_county else ""
        columns = rows.PERSONS_NARROW if self._narrow else rows.PERSONS
        narrow = rows.NARROW if self._narrow else None
        self._files = (
            SheetFile(self._out, f"persons{suffix}.xlsx", "persons", columns, narrow, region, clean=self._clean),
            SheetFile(
                self._out, f"households{suffix}.xlsx", "households", rows.HOUSEHOLDS, None, region, clean=self._clean
            ),
        )

        self.ledgers.append(ledger.LedgerFile(self._out, region.code, suffix))
        self.lists.append(departments.ListFiles(self._out, region.code, suffix))

    def _finish(self) -> None:
        for file, size in zip(self._files, self._sizes, strict=False):
            file.close(size)
            self.finished.append(file)
        if self._files:
            self.ledgers[-1].close()
            self.lists[-1].close()

    def close(self) -> dict:
        """Finish the last files and return the totals, per region of every level too."""
        self._finish()
        self._changes_file.close()
        self.lines.check()
        regions: dict[str, list[int]] = {}
        for village, counts in self._counts.items():
            for length in (2, 4, 6, 9, 12):
                found = regions.setdefault(village[:length], [0, 0, 0])
                for place, count in enumerate(counts):
                    found[place] += count
        province = regions[names.PROVINCE_CODE]
        return {
            "households": province[0],
            "persons": province[1],
            "held_persons": province[2],
            "by_status": dict(sorted(self._status.items())),
            "by_type": dict(sorted(self._type.items())),
            "by_main_cause": dict(sorted(self._cause.items())),
            "regions": {
                code: {"households": found[0], "persons": found[1], "held_persons": found[2]}
                for code, found in sorted(regions.items())
            },
        }


def _write_truth(path: Path, head: dict, files: list[SheetFile], told: Told, totals: dict) -> None:
    """Write truth.json, copying the faults from the spools: their number grows with the sample."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head | {"persons": totals["persons"]})[:-1] + ',\n"files":[')
        for number, sheet in enumerate(files):
            facts = {"file": sheet.name, "kind": sheet.kind, "year": YEAR, "as_of": AS_OF, "region": sheet.region}
            facts |= {"sheet": sheet.title, "header_row": HEADER_ROW, "rows": sheet.rows, "skipped": sheet.skipped}
            facts |= {
                "new": sheet.rows - sheet.asked - sheet.rejected,
                "asked": sheet.asked,
                "rejected": sheet.rejected,
            }
            file.write(("," if number else "") + "\n " + json.dumps(facts, ensure_ascii=False)[:-1])
            for name, spool in (("faults", sheet.spool), ("again", sheet.repeated)):
                file.write(f',\n  "{name}":[')
                _pour(spool, file)
            file.write("}")
        for name, spool in (("rules", told.rules), ("wrong_identity", told.wrong)):
            file.write(("]" if name == "rules" else "") + f',\n"{name}":[')
            _pour(spool, file)
        file.write(',\n"totals":' + json.dumps(totals, ensure_ascii=False, indent=1) + "}\n")


def _pour(spool, file) -> None:
    """Copy a spool to the end of a list, and close both."""
    spool.seek(0)
    while text := spool.read(1 << 16):
        file.write(text)
    spool.close()
    file.write("]")
