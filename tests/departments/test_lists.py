"""Lists of departments come in as dated snapshots, row by row accounted for."""

import datetime as dt

import pytest

from exchange import undo
from exchange.models import ImportBatch
from households.departments import sheets
from households.departments.importing import PLACE
from poverty import crypto, declarations, scope
from tests.departments.lists import load, rows_of, snapshots
from tests.exchange.importing import id_number, places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]
ONE, TWO = id_number(1), id_number(2)
WHO = {"县(市、区)": "云岭县", "乡(镇)": "云岭镇", "行政村": "龙溪村", "姓名": "岑山水", "身份证号码": ONE}


def vehicle(**cells) -> dict:
    return {**WHO, "车辆类型": "小型轿车", "机动车状态": "正常", "初次登记日期": "2019-05-06", **cells}


def test_a_list_is_stored_with_sealed_numbers_and_only_what_the_rules_need():
    found = load("vehicles", [vehicle(号牌号码="桂A12345", 车辆价值="4.5万")])
    assert (found["rows"], found["new"], found["state"]) == (1, 1, "merged")
    (row,) = rows_of("vehicles")
    assert row.data == {"vehicle_type": "小型轿车", "status": "正常", "register_on": "2019-05-06", "value_yuan": 45000}
    assert crypto.unseal(PLACE, row.uid, row.id_sealed) == ONE
    assert (row.village, row.name, row.birth_on) == ("459901100201", "岑山水", dt.date(1970, 1, 1))
    (kept,) = snapshots()
    assert (kept.sender, kept.rows, kept.as_of, kept.current) == ("公安局", 1, dt.date(2020, 12, 31), True)
    assert kept.legal_basis and kept.sha256


def test_the_next_list_is_compared_with_the_former_one_and_takes_its_place():
    load("vehicles", [vehicle(), vehicle(姓名="岑小山", 身份证号码=TWO), vehicle(姓名="岑远", 身份证号码=id_number(3))])
    found = load(
        "vehicles",
        [
            vehicle(),
            vehicle(姓名="岑小山", 身份证号码=TWO, 机动车状态="报废"),
            vehicle(姓名="韦来", 身份证号码=id_number(4)),
        ],
        as_of=dt.date(2021, 3, 31),
    )
    assert [found[key] for key in ("rows", "new", "changed", "unchanged", "rejected", "asked")] == [3, 1, 1, 1, 0, 0]
    assert found["missing"] == 1
    old, new = snapshots()
    assert (old.current, new.current, new.replaced_id) == (False, True, old.pk)
    assert old.replaced_at is not None


def test_an_older_list_that_comes_later_does_not_push_the_newer_one_aside():
    load("vehicles", [vehicle()], as_of=dt.date(2021, 3, 31))
    load("vehicles", [vehicle(机动车状态="报废")], as_of=dt.date(2020, 3, 31))
    newer, older = snapshots()
    assert (newer.current, older.current) == (True, False)


def test_the_same_kind_from_another_sender_stands_beside():
    load("deaths", [{**WHO, "死亡日期": "2020-03-01"}])
    load("deaths", [{**WHO, "死亡日期": "2020-03-02"}], meta={"sender": "卫生健康局"})
    assert [(one.sender, one.current) for one in snapshots()] == [("公安局", True), ("卫生健康局", True)]


def test_dirty_numbers_are_read_as_in_the_register_and_what_nobody_can_read_is_asked():
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in ONE)
    found = load(
        "vehicles",
        [
            vehicle(身份证号码=wide),
            vehicle(姓名="岑小山", 身份证号码=TWO.replace("0", "O", 1)),
            vehicle(姓名="韦来", 身份证号码="4.59901E+17"),
            vehicle(姓名=None, 身份证号码=None),
        ],
    )
    assert [found[key] for key in ("rows", "new", "rejected", "asked")] == [4, 2, 1, 1]
    assert sorted(bytes(row.id_index) for row in rows_of("vehicles")) == sorted(
        crypto.blind("id", number) for number in (ONE, TWO)
    )
    assert places(found, "D1")[0][0] == 5


def test_an_unknown_label_waits_for_an_answer_and_then_goes_on():
    from accounts.models import User
    from exchange import batches

    found = load(
        "payroll", [{**WHO, "人员类别": "在编人员"}, {**WHO, "姓名": "岑小山", "身份证号码": TWO, "人员类别": "某某岗"}]
    )
    assert (found["new"], found["asked"]) == (1, 1)
    with scope.system("test"):
        batch = ImportBatch.objects.select_related("created_by", "file").get()
    batches.answer(batch, [{"question": "label:pay_kind:某某岗", "value": "other"}], by=User.objects.system())
    assert [row.data["pay_kind"] for row in rows_of("payroll")] == ["staff", "other"]
    assert len(snapshots()) == 1
    with scope.system("test"):
        batch = ImportBatch.objects.get()
    assert (batch.rows, batch.new, batch.asked) == (2, 2, 0)


def test_a_place_that_nobody_knows_stays_unknown_and_refuses_nothing():
    found = load("vehicles", [vehicle(行政村="不知村"), vehicle(姓名="岑小山", 身份证号码=TWO, 行政村=None)])
    assert found["new"] == 2
    assert [row.village for row in rows_of("vehicles")] == [None, None]
    assert places(found, "D17") == [(3, "行政村", "D17", "note")]


def test_relations_of_the_police_are_translated_into_the_registers_own():
    load(
        "hukou",
        [
            {**WHO, "户号": "88", "与户主关系": "02"},
            {**WHO, "姓名": "岑小山", "身份证号码": TWO, "户号": "88", "与户主关系": "长子"},
        ],
    )
    assert [row.data["relation"] for row in rows_of("hukou")] == ["01", "03"]


def test_a_certificate_number_tells_kind_and_level_of_the_disability():
    load("disability", [{**WHO, "身份证号码": ONE + "44"}])
    (row,) = rows_of("disability")
    assert (row.data["dis_type"], row.data["dis_level"]) == ("4", "4")
    assert bytes(row.id_index) == crypto.blind("id", ONE)


def test_a_marriage_keeps_both_persons():
    load(
        "marriage",
        [{"男方姓名": "岑山水", "男方身份证号码": ONE, "女方姓名": "韦来", "女方身份证号码": TWO, "登记类型": "结婚"}],
    )
    (row,) = rows_of("marriage")
    assert (row.name, row.other_name, bytes(row.other_index)) == ("岑山水", "韦来", crypto.blind("id", TWO))


def test_a_list_that_is_taken_back_gives_its_place_to_the_former_one():
    load("vehicles", [vehicle()])
    load("vehicles", [vehicle(机动车状态="报废")], as_of=dt.date(2021, 1, 31))
    with scope.system("test"):
        batch = ImportBatch.objects.select_related("created_by").latest("pk")
        report = undo.undo(batch, by=batch.created_by, reason="错发")
    assert report["withdrawn"] == 1
    assert [row.data["status"] for row in rows_of("vehicles")] == ["正常"]


def test_a_preview_stores_nothing():
    found = load("vehicles", [vehicle()], dry=True)
    assert (found["state"], found["new"]) == ("previewed", 1)
    assert snapshots() == []


@pytest.mark.parametrize("kind", sheets.KINDS)
def test_every_kind_reads_its_own_blank_template(kind):
    """What templates head and choose from is read again without a question."""
    sheet = declarations.sheets[kind]
    row = {column.header: column.example or None for column in sheet.columns if column.field != "seq"}
    found = load(kind, [row])
    assert (found["rows"], found["new"]) == (1, 1), found["faults"]
    (stored,) = rows_of(kind)
    filled = {column.field for column in sheets.data_columns(sheet) if column.example}
    assert set(stored.data) == filled
