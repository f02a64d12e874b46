"""The dirty cells of DOMAIN §3.8, each with its code, its action, and what is stored."""

import datetime as dt
import json
from decimal import Decimal

import pytest

from exchange import numbers
from exchange.cells import ANSWER, NUMBER, TEXT, neutralise
from households.sheets import HOUSEHOLDS
from tests.exchange.workbooks import HEADERS, Here, id_number, one_column, person, roster, xlsx

ID = id_number(order="001")


def codes(found):
    return found.named("code", "action")


@pytest.mark.parametrize("cell", ["4.59901E+17", 459901196803150019, '="4.59901E+17"'])
def test_d1_lost_digits_are_asked_about(cell):
    found = Here(roster(person(1, cert_no=cell)))
    fault = found.faults.filter(found.faults["action"] == "ask").to_dicts()[0]
    assert (fault["code"], fault["row"], fault["column"]) == ("D1", 3, "证件号码")
    assert fault["question"] == "cell:1:3:cert_no"
    assert found.value("cert_no") is None
    assert found.hints() == ["ask"]


def test_d1_holds_for_cards_and_household_numbers_too():
    assert one_column("银行卡号", [6222020000000000000]).only()["code"] == "D1"
    assert Here(roster(person(1, household_no=45990110120000001))).only()["code"] == "D1"


def test_d2_number_cells_become_text_without_a_point():
    found = Here(roster(person(1, household_no=459901101200001)))
    assert found.value("household_no") == "459901101200001"
    assert codes(found) == [("D2", "auto")]
    assert Here(roster(person(1, household_no="1001.0"))).value("household_no") == "1001"


@pytest.mark.parametrize(
    "cell", [f'="{ID}"', f"'{ID}", f"\ufeff{ID}", f"{ID}\u200b", f"\u00a0{ID}", f"{ID[:6]}\n{ID[6:]}", f"{ID}\t"]
)
def test_d3_wrapping_goes(cell):
    found = Here(roster(person(1, cert_no=cell)))
    assert found.value("cert_no") == ID
    assert codes(found) == [("D3", "auto")]


def test_d4_full_width_and_letters():
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in ID)
    assert Here(roster(person(1, cert_no=wide))).value("cert_no") == ID
    lower = Here(roster(person(1, cert_no="11010519491231002x")))
    assert (lower.value("cert_no"), codes(lower)) == ("11010519491231002X", [("D4", "auto")])
    sound = Here(roster(person(1, cert_no=ID.replace("0", "O").replace("1", "l"))))
    assert (sound.value("cert_no"), codes(sound)) == (ID, [("D4", "auto")])
    wrong = ID[:-1] + str((int(ID[-1]) + 1) % 10 if ID[-1] != "X" else 0)
    unsound = Here(roster(person(1, cert_no="O".join(wrong.split("0", 1)))))
    assert unsound.only()["action"] == "ask"
    assert unsound.only()["suggestion"] == wrong


def test_d5_names():
    found = Here(roster(person(1, name="岑 山"), person(2, name="岑山(已故)"), person(3, name="岑山2")))
    assert found.frame["name"].to_list() == ["岑山", "岑山", "岑山2"]
    assert codes(found) == [("D5", "auto"), ("D5", "note")]
    assert json.loads(found.faults["params"][1])["remark"] == "已故"


@pytest.mark.parametrize(
    ("cell", "day", "precision"),
    [
        (dt.date(2017, 3, 5), "2017-03-05", "d"),
        (42799, "2017-03-05", "d"),
        ("2017.3.5", "2017-03-05", "d"),
        ("2017年3月", "2017-03-01", "m"),
        ("20170305", "2017-03-05", "d"),
        (20170305, "2017-03-05", "d"),
        ("87.3.5", "1987-03-05", "d"),
        ("Mar-87", "1987-03-01", "m"),
        ("25/3/1987", "1987-03-25", "d"),
    ],
)
def test_d6_one_reading(cell, day, precision):
    found = one_column("出生日期", [cell])
    assert (str(found.value("birth_date")), found.value("birth_date_precision")) == (day, precision)
    assert {action for _, action in codes(found)} <= {"auto"}


@pytest.mark.parametrize("cell", ["15.3.5", "Mar-17", "3/5/2017", "abc", "2017-02-30", "2017"])
def test_d6_several_or_no_readings(cell):
    fault = one_column("出生日期", [cell]).only()
    assert (fault["code"], fault["action"], fault["question"]) == ("D6", "ask", "cell:1:3:birth_date")


def test_d7_household_cells_are_filled_inside_merges_only():
    rows = [
        person(1),
        person(2, household_no=None, region_village=None, relation="配偶"),
        person(5, region_village=None),
    ]

    def merge(book, sheets):
        for column in (3, 4):
            sheets[0].merge_range(1, column, 2, column, rows[0][column])

    found = Here(xlsx(("甲", [HEADERS, *rows]), prepare=merge))
    assert found.frame["household_no"][1] == found.frame["household_no"][0]
    assert found.frame["region_village"].to_list() == ["石桥村", "石桥村", None]
    assert found.named("row", "column", "code", "action") == [(2, "户编号", "D7", "auto")]


def test_d7_a_continuing_number_carries_the_household_on():
    rows = [person(1), person(2, household_no=None, relation="配偶"), person(9, household_no=None, relation="之子")]
    found = Here(roster(*rows))
    assert found.frame["household_no"].null_count() == 1
    assert found.named("row", "code") == [(3, "D7")]
    again = Here(roster(person(1), person(2, household_no=None, relation="户主")))
    assert again.frame["household_no"][1] is None


def test_d8_totals_and_footnotes_are_skipped_and_a_unit_note_counts():
    headers = [*HEADERS, "人均纯收入"]
    rows = [
        [*person(1), "0.52"],
        ["云岭镇小计", *[None] * 9, "0.52"],
        ["合计", *[None] * 9, "0.52"],
        ["填表人：岑山水", None, None, "审核人：韦小河"],
        ["注：本表一式两份"],
    ]
    found = Here(xlsx(("甲", [["名册"], ["单位：万元"], headers, *rows])))
    assert found.value("net_pc") == Decimal("5200.00")
    assert found.frame.height == 1
    assert found.meta["skipped"] == 4
    assert [(total["row"], total["numbers"]) for total in found.meta["totals"]] == [
        (5, {"人均纯收入": "0.52"}),
        (6, {"人均纯收入": "0.52"}),
    ]
    assert set(codes(found)) == {("D8", "auto")}
    assert found.meta["unit_notes"][0]["factor"] == 10_000


def test_d9_repeated_headers_and_second_tables():
    other = ["姓名", "人编号", "户编号", "行政村", "乡镇", "证件号码", "与户主关系"]
    second = ["韦小河", "77", "88", "石桥村", "云岭镇", id_number(order="007"), "户主"]
    found = Here(roster(person(1), HEADERS, person(2), ["附表"], other, second))
    assert found.frame["_row"].to_list() == [3, 5, 8]
    assert found.value("household_no", 2) == "88"
    assert [fault for fault in codes(found) if fault[0] == "D9"] == [("D9", "auto")] * 2


@pytest.mark.parametrize(
    ("header", "label", "field", "code"),
    [
        ("致贫原因", "因残致贫", "main_cause", "02"),
        ("致贫原因", "缺劳力", "main_cause", "08"),
        ("文化程度", "初中毕业", "education", "03"),
        ("民族", "壮", "ethnicity", "08"),
        ("务工区域", "省外务工", "work_area", "04"),
        ("户类型", "五保户", "household_type", "3"),
        ("户类型", "低保户", "household_type", "2"),
        ("脱贫属性", "脱贫户", "status", "12"),
        ("是否危房", "✓", "house_dangerous", True),
    ],
)
def test_d13_variants_are_known(header, label, field, code):
    found = one_column(header, [label])
    assert found.value(field) == code
    assert codes(found) == [("D13", "auto")]


@pytest.mark.parametrize("label", ["女儿", "女", "之女"])
def test_d13_relations(label):
    assert Here(roster(person(1, relation=label))).value("relation") == "04"


def test_d13_labels_and_codes_are_taken_as_they_stand():
    found = one_column("民族", ["壮族", "08", 8])
    assert found.frame["ethnicity"].to_list() == ["08"] * 3
    assert found.faults.is_empty()


def test_d13_combinations_are_split_and_new_labels_asked_about_once():
    found = Here(
        roster(
            person(1, health="大病、残疾"),
            person(2, health="慢病及残疾"),
            person(3, health="体弱"),
            person(4, health="体弱"),
        )
    )
    assert found.frame["health"].to_list()[:2] == [["03", "04"], ["02", "04"]]
    asked = found.faults.filter(found.faults["action"] == "ask")
    assert asked["question"].to_list() == ["label:health:体弱"] * 2
    assert found.hints() == ["", "", "ask", "ask"]


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("0.35万", "3500.00"),
        ("１，２００", "1200.00"),
        ("1,200", "1200.00"),
        ("3500元", "3500.00"),
        ("12.345", "12.35"),
        ("-", None),
        ("/", None),
        ("无", None),
    ],
)
def test_d14_amounts(cell, amount):
    found = one_column("人均纯收入", [cell])
    assert found.value("net_pc") == (Decimal(amount) if amount else None)
    assert codes(found) == [("D14", "auto")]


def test_d14_errors_stop_and_words_ask():
    found = one_column("人均纯收入", ["#REF!", "#N/A", "约三千", 5200, "-500"])
    assert codes(found) == [("D14", "stop"), ("D14", "stop"), ("D14", "ask")]
    assert found.hints() == ["stop", "stop", "ask", "", ""]
    assert found.value("net_pc", 4) == Decimal("-500.00")


def test_d15_mixed_units_are_asked_about_per_column():
    values = [5200, 4800, 0.51, 6100, 5500, 7000, 4900, 5300, 0.62, 5000, 5600, 6000]
    found = one_column("人均纯收入", values)
    fault = found.only()
    assert (fault["code"], fault["action"], fault["row"], fault["question"]) == ("D15", "ask", 2, "column:1:net_pc")
    assert json.loads(fault["params"])["rows"] == [5, 11]
    assert [at for at, hint in enumerate(found.hints()) if hint] == [2, 8]
    wan = one_column("人均纯收入", values, answers=[{"question": "column:1:net_pc", "value": "wan"}])
    assert (wan.value("net_pc", 2), wan.faults.height) == (Decimal("5100.00"), 0)
    yuan = one_column("人均纯收入", values, answers=[{"question": "column:1:net_pc", "value": "yuan"}])
    assert yuan.value("net_pc", 2) == Decimal("0.51")


def test_d16_percentages():
    assert [cell.value for cell in numbers.percents([("80％", TEXT), ("80", TEXT), ("12.5%", TEXT)])] == [
        80,
        80,
        Decimal("12.5"),
    ]
    assert [cell.value for cell in numbers.percents([("0.8", NUMBER), ("0.25", NUMBER)])] == [80, 25]
    mixed = numbers.percents([("0.8", NUMBER), ("80", NUMBER)])
    assert (mixed[0].faults[0].action, mixed[1].value) == ("ask", 80)
    assert numbers.percents([("0.8", ANSWER), ("80", NUMBER)])[0].faults[0].action == "auto"


def test_d18_telephones():
    cells = ["139 0000 0000", "13900000000/13900000001", 7715551234, "13900000000"]
    found = one_column("联系电话", cells)
    assert found.frame["phone"].to_list() == ["13900000000", "13900000000", "07715551234", "13900000000"]
    assert codes(found) == [("D18", "auto")] * 3


def test_d19_disability_numbers_stand_in_the_id_column():
    found = Here(roster(person(1, cert_no="11010519491231002X44")))
    assert (found.value("cert_no_identity"), found.value("cert_no_kind")) == ("11010519491231002X", "20")
    assert codes(found) == [("D19", "auto")]


@pytest.mark.parametrize("name", ["岑?", "岑□", "岑\ue123", "韦yù", "岑\ufffd"])
def test_d21_damaged_names_are_asked_about(name):
    found = Here(roster(person(1, name=name)))
    assert (found.only()["code"], found.only()["question"]) == ("D21", "cell:1:3:name")


def test_d22_hidden_rows_columns_and_formulas():
    rows = [
        person(1),
        person(2),
        person(3, name=("formula", '="岑"', "岑山")),
        person(4, name=("formula", '="岑"', "")),
    ]

    def hide(book, sheets):
        sheets[0].set_row(2, None, None, {"hidden": True})
        sheets[0].set_column(9, 9, None, None, {"hidden": True})

    found = Here(xlsx(("甲", [HEADERS, *rows]), prepare=hide))
    assert found.frame["_hidden"].to_list() == [False, True, False, False]
    assert found.value("name", 2) == "岑山"
    assert found.named() == [
        (1, "健康状况", "D22", "note"),
        (3, "户编号", "D22", "note"),
        (5, "姓名", "D22", "stop"),
    ]


def test_d24_formulas_in_text_are_stored_and_neutralised_on_the_way_out():
    found = one_column("家庭住址", ["=1+1"])
    assert (found.value("address"), codes(found)) == ("=1+1", [("D24", "note")])
    assert neutralise("=1+1") == "'=1+1"
    assert neutralise("\ufeff @x") == "'\ufeff @x"
    assert neutralise("岑山水") == "岑山水"


def test_a_unit_in_the_header_converts_the_column():
    headers = [
        "县区",
        "乡镇",
        "村",
        "户编号",
        "户主姓名",
        "户主证件号码",
        "年度",
        "人数",
        "工资性收入（万元）",
        "人均纯收入",
    ]
    row = ["示例县", "云岭镇", "石桥村", "1", "岑山水", ID, "2020年", "2人", 0.72, "5200元"]
    found = Here(xlsx(("户", [headers, row])), sheet=HOUSEHOLDS)
    assert found.value("wage") == Decimal("7200.00")
    assert (found.value("year"), found.value("size")) == (2020, 2)


def test_months_in_words():
    assert one_column("务工月数", ["半年", "6个月", 6]).frame["work_months"].to_list() == [Decimal(6)] * 3
