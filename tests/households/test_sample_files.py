"""The sample's files say what truth.json says of them, and nothing else is wrong in them. No database needed."""

import datetime as dt
import functools
import itertools
import json
import tracemalloc
from collections import Counter, defaultdict
from decimal import Decimal

import openpyxl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange import cells, dates, numbers
from households.sample import geography, plan, rows
from households.sample.families import AS_OF
from households.sample.write import make
from households.sheets import HOUSEHOLDS, PERSONS
from poverty import idnumber
from poverty.declarations import Kind

SHEETS = {"persons": PERSONS, "households": HOUSEHOLDS}
CELL_CODES = {"D1", "D2", "D3", "D4", "D5", "D6", "D13", "D14", "D18", "D19", "D21", "D24"}
TODAY = dt.date(2021, 1, 15)
LABELS = {
    column.field: cells.Labels.of(column.codes)
    for column in PERSONS.columns + HOUSEHOLDS.columns
    if column.codes or column.kind == Kind.YES_NO
}
READERS = {
    Kind.REGION: cells.region,
    Kind.OPAQUE: cells.opaque,
    Kind.NAME: cells.name,
    Kind.TEXT: cells.text,
    Kind.ID_NUMBER: cells.id_number,
    Kind.PHONE: cells.phone,
    Kind.CARD: cells.card,
    Kind.DATE: lambda found, tag: dates.date(found, tag, TODAY),
    Kind.YEAR: numbers.year,
    Kind.INTEGER: numbers.integer,
    Kind.DECIMAL: numbers.decimal,
    Kind.AMOUNT: numbers.amount,
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The folder of a sample of 400 households with faults."""
    folder = tmp_path_factory.mktemp("sample")
    make(folder, households=400, seed=7)
    return folder


@pytest.fixture(scope="module")
def truth(sample):
    return json.loads((sample / "truth.json").read_text())


@pytest.fixture(scope="module")
def books(sample, truth):
    """{kind: worksheet}, formulas as text."""
    return {file["kind"]: openpyxl.load_workbook(sample / file["file"]).active for file in truth["files"]}


@functools.cache
def small_map():
    return geography.build(150, 3)


def fields(sheet, file) -> list:
    headers = [cell.value for cell in sheet[file["header_row"]]]
    by_header = {column.header: column for column in SHEETS[file["kind"]].columns}
    return [by_header[header] for header in headers]


def data_rows(sheet, file):
    """Yield (row number, values) of the rows that are neither title, repeated header nor total."""
    passed = {fault["row"] for fault in file["faults"] if fault["code"] in ("D8", "D9")}
    for number, values in enumerate(sheet.iter_rows(min_row=1, values_only=True), 1):
        if number > file["header_row"] and number not in passed:
            yield number, values


def read(column, value) -> cells.Cell:
    """Read a cell by the rules of the import."""
    if value is None:
        return cells.Cell(None, ())
    found, tag = (cells.number_text(value), cells.NUMBER) if isinstance(value, (int, float)) else (value, cells.TEXT)
    if cells.is_error(found):
        return cells.Cell(None, (cells.Found("D14", "stop"),))
    if column.kind == Kind.CODES:
        return cells.several_codes(found, tag, LABELS[column.field])
    if column.kind == Kind.CODE:
        return cells.code(found, tag, LABELS[column.field])
    if column.kind == Kind.YES_NO:
        return cells.yes_no(found, tag, LABELS[column.field])
    return READERS[column.kind](found, tag)


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        make(tmp_path / folder, households=230, seed=11)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "persons.xlsx" in names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    make(tmp_path / "three", households=230, seed=12)
    assert (tmp_path / "one" / "persons.xlsx").read_bytes() != (tmp_path / "three" / "persons.xlsx").read_bytes()


def test_every_planted_fault_stands_where_the_truth_says(truth, books):
    for file in truth["files"]:
        sheet = books[file["kind"]]
        headers = {cell.value: cell.column for cell in sheet[file["header_row"]]}
        assert sheet.title == file["sheet"]
        for fault in file["faults"] + file["again"]:
            assert fault["sheet"] == sheet.title
            assert fault["action"] in ("auto", "note", "ask", "stop")
            found = sheet.cell(fault["row"], headers[fault["column"]]).value
            assert found == fault["value"] or str(found) == str(fault["value"]), fault


def test_every_kind_is_planted_at_least_twice(truth):
    planted = Counter(
        (file["kind"], fault["code"], fault["action"])
        for file in truth["files"]
        for fault in file["faults"]
        if "follows" not in fault
    )
    mixed = [fault for file in truth["files"] for fault in file["faults"] if fault["code"] == "D15"]
    assert len(mixed[0]["rows"]) >= 2
    for kind in plan.KINDS:
        if kind.code != "D15":
            assert planted[kind.sheet, kind.code, kind.action] >= 2, kind.name
    rules = {f"ID-{n:02}" for n in (2, 3, 4, 5, 6, 9, 10, 11, 12)} | {"HH-01", "HH-02", "HH-03"}
    assert rules <= {code for _kind, code, _action in planted}


def test_no_other_cell_is_dirty(truth, books):
    """Read cell by cell as the import does: what it names is what was planted."""
    for file in truth["files"]:
        sheet = books[file["kind"]]
        columns = fields(sheet, file)
        found = set()
        for number, values in data_rows(sheet, file):
            for column, value in zip(columns, values, strict=True):
                if value is None or column.kind == Kind.IGNORE or str(value).startswith("=1") or "=SUM" in str(value):
                    continue
                faults = read(column, value).faults
                found |= {(number, column.header, fault.code, fault.action) for fault in faults}
        planted = {
            (fault["row"], fault["column"], fault["code"], fault["action"])
            for fault in file["faults"]
            if fault["code"] in CELL_CODES
        }
        assert found == planted


def test_the_households_of_the_roster_break_no_other_rule(truth, books):
    """Rules over what a merge of the good rows gives, computed from the file alone."""
    file = next(file for file in truth["files"] if file["kind"] == "persons")
    sheet = books["persons"]
    names = [column.field for column in fields(sheet, file)]
    columns = {column.field: column for column in fields(sheet, file)}
    lost = {fault["row"] for fault in file["faults"] if fault["action"] in ("ask", "stop") or fault["code"] == "D20"}
    filled = {}
    for merged in sheet.merged_cells.ranges:
        for row in range(merged.min_row + 1, merged.max_row + 1):
            filled[row, merged.min_col] = sheet.cell(merged.min_row, merged.min_col).value
    homes, by_identity, hits, first_rows = defaultdict(list), defaultdict(list), set(), {}
    for number, values in data_rows(sheet, file):
        raw = {
            name: filled.get((number, place), value)
            for place, (name, value) in enumerate(zip(names, values, strict=True), 1)
        }
        home = read(columns["household_no"], raw["household_no"]).value
        first_rows.setdefault(home, number)
        if number in lost:
            continue
        row = {name: read(columns[name], raw[name]).value for name in ("relation", "sex", "household_size")}
        born = read(columns["birth_date"], raw["birth_date"])
        facts = idnumber.facts(read(columns["cert_no"], raw["cert_no"]).value, today=TODAY)
        homes[home].append(row)

        def hit(rule, header, at=number):
            hits.add((at, header, rule))

        for rule, wrong in (
            ("ID-02", facts.fault == "length"),
            ("ID-03", facts.kind == "15"),
            ("ID-04", facts.fault == "characters"),
            ("ID-05", "check" in facts.fault),
            ("ID-06", "birth" in facts.fault),
        ):
            if wrong:
                hit(rule, "证件号码")
        if facts.sex and facts.sex != row["sex"]:
            hit("ID-09", "性别")
        same = facts.birth_on == born.value
        if born.precision == "m":
            same = facts.birth_on.replace(day=1) == born.value
        if facts.birth_on and not same:
            hit("ID-10", "出生日期")
        if facts.kind != "?" and facts.fault != "characters":
            by_identity[facts.identity].append((number, home))
    for places in by_identity.values():
        for number, home in places:
            others = [other for at, other in places if at != number]
            if home in others:
                hits.add((number, "证件号码", "ID-11"))
            if any(other != home for other in others):
                hits.add((number, "证件号码", "ID-12"))
    for home, members in homes.items():
        heads = sum(member["relation"] == "01" for member in members)
        if heads != 1:
            hits.add((first_rows[home], "户编号", "HH-02" if heads else "HH-01"))
        if any(member["household_size"] not in (None, len(members)) for member in members):
            hits.add((first_rows[home], "户编号", "HH-03"))
    planted = {(f["row"], f["column"], f["code"]) for f in file["faults"] if "-" in f["code"]}
    assert hits == planted


def test_rows_and_totals_add_up(truth, books, sample):
    for file in truth["files"]:
        count = sum(1 for _row in data_rows(books[file["kind"]], file))
        doubles = sum(fault["code"] == "D20" for fault in file["faults"])
        heads = sum(fault["code"] in ("D8", "D9") for fault in file["faults"])
        assert count - doubles == file["rows"] == file["new"] + file["asked"] + file["rejected"]
        assert file["skipped"] == doubles + heads
    totals = truth["totals"]
    assert totals["households"] == truth["households"] == 400
    for level in (4, 6, 9, 12):
        parts = [found for code, found in totals["regions"].items() if len(code) == level]
        for key in ("households", "persons", "held_persons"):
            assert sum(part[key] for part in parts) == totals[key]
    index = json.loads((sample / "index.json").read_text())
    assert [entry["kind"] for entry in index["sheets"]] == ["persons", "households"]
    assert all((sample / name).is_file() for name in [*index["regions"], index["boundaries"], index["positions"]])


def test_a_clean_sample_has_no_fault(tmp_path):
    make(tmp_path, households=60, clean=True)
    files = json.loads((tmp_path / "truth.json").read_text())["files"]
    assert [(file["faults"], file["again"], file["skipped"]) for file in files] == [([], [], 0)] * 2


def test_a_narrow_roster_has_thirty_columns(tmp_path):
    make(tmp_path, households=20, clean=True, narrow=True)
    sheet = openpyxl.load_workbook(tmp_path / "persons.xlsx").active
    assert sheet.max_column == 30
    with pytest.raises(ValueError):
        make(tmp_path, households=20, narrow=True)


# --- families ------------------------------------------------------------------------------------------------------


def check_person(one, home):
    age, school = one.age, one.student_status
    assert idnumber.facts(one.cert_no, today=AS_OF).fault == ""
    assert 0 <= age <= 110
    if 6 <= age <= 15:
        assert one.in_school
    if age < 16:
        assert one.labour == "04" and not one.work_months
    if age >= 60:
        assert one.labour in ("04", "05")
    if 16 <= age < 60 and one.health == ("01",) and not one.in_school:
        assert one.labour in ("01", "02")
    if one.labour in ("03", "04"):
        assert not one.work_months
    assert bool(one.work_area) == bool(one.work_months) and 0 <= one.work_months <= 12
    assert bool(one.education) != one.in_school
    assert (one.education == "06") == (age < 3)
    limits = {"02": (3, 6), "03": (6, 14), "16": (18, 30)} | dict.fromkeys(("04", "05", "06"), (12, 17))
    if one.in_school:
        low, high = limits.get(school, (15, 20))
        assert low <= age <= high
    if 16 <= age <= 22 and not one.in_school:
        assert one.education >= "03"
    assert ("04" in one.health) == bool(one.dis_type) == bool(one.dis_level)
    assert one.political != "01" or age >= 18
    assert max(one.born, home.first_recog) <= one.person_recog <= AS_OF
    if one.post:
        assert 16 <= age < 70 and one.post_months


def check_family(home):
    people = home.people
    head, relations = people[0], Counter(one.relation for one in people)
    assert relations["01"] == 1 and relations["02"] <= 1 and head.age >= 16
    assert len({one.name for one in people}) == len({one.cert_no for one in people}) == len(people)
    for one in people:
        check_person(one, home)
        if one.relation in ("03", "07", "11"):
            assert one.sex == "1"
        if one.relation in ("04", "05", "08", "12"):
            assert one.sex == "2"
        if one.relation == "02":
            assert one.sex != head.sex and one.age >= (22 if one.sex == "1" else 20)
        if one.relation in ("03", "04"):
            assert head.age - one.age >= 15
        if one.relation in ("11", "12"):
            assert one.age - head.age >= 15


def check_household(home):
    """The rules of later stages: causes, types, housing, income."""
    people, income, size = home.people, home.income, home.size
    assert size == len(people)
    assert (home.type == "2") == any(one.dibao for one in people)
    assert (home.type == "3") == any(one.tekun for one in people)
    if home.type == "3":
        assert not any(one.able for one in people)
    able = sum(one.able for one in people)
    for cause in (home.main_cause, *home.other_causes):
        if cause == "01":
            assert any(set(one.health) & {"02", "03"} for one in people)
        if cause == "02":
            assert any("04" in one.health for one in people)
        if cause == "03":
            assert any(one.in_school for one in people)
        if cause == "08":
            assert able * 2 < len(people)
    assert len({home.main_cause, *home.other_causes}) == 1 + len(home.other_causes) <= 3
    assert home.dangerous == (home.grade in "CD")
    if home.exited:
        assert home.exit_year >= home.first_recog.year and not home.dangerous and home.water_safe
    parts = {key: value for key, value in income.items() if key.startswith("t_")}
    assert income["transfer"] == sum(parts.values())
    assert income["property"] == income["p_asset"] + income["p_other"]
    assert income["gross"] == income["wage"] + income["business"] + income["property"] + income["transfer"]
    assert income["net"] == income["gross"] - income["biz_cost"]
    assert abs(Decimal(income["net_pc"]) - Decimal(income["net"]) / size) <= Decimal("0.5")
    assert 0 < income["net_pc"] < 50_000_00 and min(income.values()) >= 0
    assert (income["business"] > 0) == (income["biz_cost"] > 0) and income["biz_cost"] <= income["business"]
    months = sum(one.work_months for one in people)
    assert income["wage"] == sum(one.work_months * one.work_wage for one in people) * 100
    assert (months > 0) == (income["wage"] > 0) and income["wage"] >= months * 100_00
    assert (income["t_dibao"] > 0) == (home.type == "2") and (income["t_tekun"] > 0) == (home.type == "3")
    assert (income["t_pension"] > 0) == any(one.age >= 60 for one in people)
    assert income["t_family"] == 0 or home.only_child or home.two_daughters
    assert income["t_eco"] == 0 or home.land["grain_to_green"]
    if home.exited:
        assert income["net"] - income["t_pension"] - income["t_dibao"] >= 4000_00 * size * 105 // 100
        assert income["net_pc"] >= 6000_00
    else:
        assert income["net_pc"] < 4000_00
    if home.mon_type:
        assert home.exited and home.risk_found.year >= home.exit_year
        assert not home.risk_removed or (home.risk_removed_on - home.risk_found).days >= 183
    assert home.land["grain_to_green"] <= home.land["forest"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_families_are_plausible_for_any_seed(seed):
    found = [home for home, *_rest in plan.households(small_map(), 150, seed, clean=True)]
    for home in found:
        check_family(home)
        check_household(home)
    for unique in ("household_no", "phone", "card_no"):
        assert len({getattr(home, unique) for home in found}) == len(found)
    identities = [one.cert_no for home in found for one in home.people]
    assert len(set(identities)) == len(identities) and all(number.startswith("459901") for number in identities)
    assert len({one.person_no for home in found for one in home.people}) == len(identities)
    assert 3.2 < len(identities) / len(found) < 5


def test_households_without_a_fault_stay_plausible_beside_those_with():
    kinds = Counter()
    for home, kind, _turn, place in plan.households(small_map(), 150, 5, clean=False):
        if kind:
            kinds[kind.name] += 1
        elif place >= 0:
            check_family(home)
            check_household(home)
    assert len(kinds) > 30


def test_card_numbers_pass_luhn():
    for index in (0, 1, 999, 75_336):
        digits = [int(digit) for digit in plan.card(index, 17)]
        doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
        assert len(digits) == 19 and sum(doubled) % 10 == 0


# --- the map -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 8, 51])
def test_regions_tile_the_region_above(seed):
    found = geography.build(300, seed)
    for children, parents in (
        (found.villages, found.towns),
        (found.towns, found.counties),
        (found.counties, [found.city]),
    ):
        for parent in parents:
            inside = [child.boundary for child in children if child.code.startswith(parent.code)]
            area = sum(shape.area for shape in inside)
            assert parent.boundary.is_valid and parent.boundary.geom_type == "Polygon"
            assert area == pytest.approx(parent.boundary.area, rel=1e-9)
            assert shapely.unary_union(inside).symmetric_difference(parent.boundary).area < area * 1e-9
    codes = [village.code for village in found.villages]
    assert len(found.towns) == 12 and len(codes) == len(set(codes)) == 150 and found.towns[0].name == "云岭镇"
    assert codes == sorted(codes)
    for town in found.towns:
        names = [
            village.name.removesuffix("社区").removesuffix("村")
            for village in found.villages
            if village.code[:9] == town.code
        ]
        assert len(set(names)) == len(names) >= 5


def test_the_registered_share_varies_over_the_map():
    shares = [v.households / v.total_households for v in geography.build(3000, 1).villages]
    assert min(shares) >= 0.02 and max(shares) <= 0.46 and max(shares) > 5 * min(shares)


def test_positions_lie_in_their_village_and_some_are_missing(sample, truth):
    features = json.loads((sample / "boundaries.geojson").read_text())["features"]
    assert (sample / "boundaries.geojson").stat().st_size < 400_000
    villages = {f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in features}
    assert Counter(f["properties"]["level"] for f in features) == {"village": 150, "town": 12, "county": 1, "city": 1}
    where = {}
    for home, *_rest in plan.households(geography.build(400, 7), 400, 7, clean=False):
        where[home.household_no] = home.village.code
    lines = (sample / "positions.csv").read_text().splitlines()[1:]
    assert 0.88 * 400 < len(lines) < 0.99 * 400
    for line in lines:
        number, lon, lat = line.split(",")
        assert villages[where[number]].contains(shapely.Point(float(lon), float(lat)))


# --- size ----------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_sample(tmp_path):
    peaks = []
    for count in (300, 3000):
        tracemalloc.start()
        make(tmp_path / str(count), households=count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000


def test_the_layout_holds_every_required_column():
    for sheet, columns in ((PERSONS, rows.PERSONS), (HOUSEHOLDS, rows.HOUSEHOLDS)):
        assert {column.field for column in sheet.columns if column.required} <= {column.field for column in columns}
        places = [sheet.columns.index(column) for column in columns]
        assert all(a < b for a, b in itertools.pairwise(places))
