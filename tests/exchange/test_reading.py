"""Reading a file in the throw-away child: rows, places, progress, answers, and what a reading tells about the file."""

import datetime as dt
import json
from decimal import Decimal

import pytest

from exchange.reading import Refused, read
from households.sheets import HOUSEHOLDS, PERSONS
from poverty.idnumber import facts
from tests.exchange.workbooks import HEADERS, TODAY, Here, id_number, one_column, person, roster, xlsx


def child(data, filename="名册.xlsx", sheet=PERSONS, **more):
    return read(data, filename, sheet, today=TODAY, **more)


def test_it_reads_a_clean_roster_without_a_single_fault():
    found = child(roster(person(1), person(2), person(3)))
    assert found.faults.is_empty()
    assert found.meta["rows"] == 3
    assert found.frame["_row"].to_list() == [3, 4, 5]
    assert found.frame["relation"].to_list() == ["01", "03", "03"]
    assert found.frame["health"].to_list() == [["01"]] * 3
    assert set(found.frame["_verdict_hint"]) == {""}
    assert found.frame["ethnicity"].null_count() == 3


def test_it_gives_the_rows_in_batches_and_tells_progress():
    seen = []
    found = child(roster(*[person(n) for n in range(1, 60)]), on_progress=seen.append)
    assert sum(frame.height for frame in found.batches()) == 59
    assert seen and {"phase", "done", "total"} == set(seen[0])


def test_progress_that_raises_ends_the_child():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child(roster(person(1)), on_progress=stop)


def test_it_derives_what_rules_need_of_an_identity_number():
    found = child(roster(person(1), person(2, cert_no="11010519491231002X44"), person(3, cert_no="123"))).frame
    for row in found.to_dicts():
        expected = facts(row["cert_no"], today=TODAY)
        names = ("kind", "fault", "area", "birth_on", "sex", "identity")
        assert [row[f"cert_no_{name}"] for name in names] == [getattr(expected, name) for name in names]


def test_types_of_the_household_sheet():
    headers = [
        "县区",
        "乡镇",
        "村",
        "户编号",
        "户主姓名",
        "户主证件号码",
        "年度",
        "家庭人口数",
        "工资性收入(元)",
        "耕地面积(亩)",
    ]
    headers += ["是否有卫生厕所", "人均纯收入"]
    row = ["示例县", "云岭镇", "石桥村", "1001", "岑山水", id_number(), 2020, 2, 7200.5, 2.125, "是", "5200.25"]
    found = child(xlsx(("户", [headers, row])), sheet=HOUSEHOLDS)
    got = found.frame.to_dicts()[0]
    assert found.faults.is_empty()
    assert (got["year"], got["size"], got["toilet"]) == (2020, 2, True)
    assert (got["wage"], got["arable"], got["net_pc"]) == (Decimal("7200.50"), Decimal("2.125"), Decimal("5200.25"))


def test_unknown_columns_are_kept_with_their_headers():
    found = one_column("驻村\n联系人", ['韦"明\\"', None])
    assert json.loads(found.value("_extra")) == {"驻村 联系人": '韦"明\\"'}
    assert found.value("_extra", 1) is None
    assert found.meta["sheets"][0]["unknown"] == ["驻村 联系人"]


def test_a_two_tier_header_is_joined_and_its_merged_top_spread():
    top = [None, "行政区划", None, None, *HEADERS[4:], "家庭情况", None]
    low = ["序号", "县区", "乡镇", "行政村", *[None] * 6, "人均纯收入", "备用"]

    def merge(book, sheets):
        sheets[0].merge_range(1, 1, 1, 3, "行政区划")
        sheets[0].merge_range(1, 10, 1, 11, "家庭情况")

    found = Here(xlsx(("甲", [["名册"], top, low, [*person(1), 5200, "x"]]), prepare=merge))
    assert found.meta["sheets"][0]["header_rows"] == [2, 3]
    assert found.meta["sheets"][0]["columns"]["net_pc"] == "家庭情况/人均纯收入"
    assert found.value("net_pc") == Decimal("5200.00")
    assert json.loads(found.value("_extra")) == {"家庭情况/备用": "x"}


def test_headers_are_found_with_stars_blanks_and_full_width_brackets():
    headers = [
        "序号",
        "县（市、区、旗）*",
        "●乡（镇）",
        "行政村",
        "户 编 号",
        "人编号",
        "姓\n名",
        "身份证号码",
        "与户主关系",
        "健康状况",
    ]
    assert Here(roster(person(1), headers=headers)).value("cert_no") == id_number(order="001")


def test_without_a_header_it_says_what_is_missing_and_what_was_found():
    with pytest.raises(Refused) as refused:
        child(xlsx(("甲", [["品名", "数量"], ["苹果", 3]])))
    assert refused.value.code == "header"
    assert "姓名" in refused.value.params["missing"]
    assert refused.value.params["found"] == ["品名", "数量"]


def test_without_a_village_column_it_is_refused():
    headers = [header if header != "行政村" else "地点" for header in HEADERS]
    with pytest.raises(Refused) as refused:
        child(roster(person(1), headers=headers))
    assert refused.value.params["missing"] == ["行政村"]


def test_sheets_without_a_header_are_listed_and_hidden_sheets_read():
    def hide(book, sheets):
        sheets[1].hide()

    found = Here(xlsx(("说明", [["填写说明"]]), ("一", [HEADERS, person(1)]), prepare=hide))
    assert [sheet["name"] for sheet in found.meta["without_header"]] == ["说明"]
    assert found.meta["sheets"][0]["hidden"]
    assert found.only()["code"] == "D22"


def test_rows_are_counted_from_the_sheet_even_when_it_begins_lower_down_and_further_right():
    shifted = [[None, None, *row] for row in ([], [], HEADERS, person(1), [], person(2))]
    found = Here(xlsx(("甲", shifted)))
    assert found.frame["_row"].to_list() == [4, 6]
    assert found.frame["_seq"].to_list() == ["1", "2"]


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_files(encoding, separator):
    lines = [HEADERS, [f'="{value}"' if str(value).isdigit() else str(value) for value in person(1)]]
    data = "\r\n".join(separator.join(line) for line in lines).encode(encoding)
    found = Here(data, filename="名册.csv")
    assert found.value("cert_no") == id_number(order="001")
    assert found.value("_row") == 2
    assert set(found.named("code", "action")) == {("D3", "auto")}


def test_text_named_like_a_workbook_is_read_and_noted():
    data = "\n".join(",".join(map(str, row)) for row in (HEADERS, person(1))).encode("gb18030")
    assert child(data, "名册.xls").meta["notes"] == ["text_as_workbook"]


def test_old_workbooks():
    import io

    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("甲")
    for at, row in enumerate([HEADERS, person(1), person(2)]):
        for column, value in enumerate(row):
            sheet.write(at, column, value)
    sheet.row(2).hidden = True
    stream = io.BytesIO()
    book.save(stream)
    found = child(stream.getvalue(), "名册.xls")
    assert found.frame["_hidden"].to_list() == [False, True]
    assert found.frame["cert_no"][0] == id_number(order="001")


def test_an_answered_label_is_used_and_remembered_synonyms_too():
    asked = one_column("致贫原因", ["因懒"]).only()
    assert (asked["action"], asked["question"]) == ("ask", "label:main_cause:因懒")
    assert (
        one_column("致贫原因", ["因懒"], answers=[{"question": asked["question"], "value": "11"}]).value("main_cause")
        == "11"
    )
    assert (
        one_column("致贫原因", ["因懒"], answers=[{"question": asked["question"], "value": ""}]).value("main_cause")
        is None
    )
    found = one_column("致贫原因", ["因懒"], synonyms={"main_cause": {"因懒": "11"}})
    assert (found.value("main_cause"), found.only()["action"]) == ("11", "auto")


def test_an_answered_cell_goes_through_the_same_reading():
    question = "cell:1:3:birth_date"
    assert one_column("出生日期", ["abc"]).only()["question"] == question
    found = one_column("出生日期", ["abc"], answers=[{"question": question, "value": "1968.3.15"}])
    assert (found.value("birth_date"), found.hints()) == (dt.date(1968, 3, 15), [""])
    assert one_column("出生日期", ["abc"], answers=[{"question": question, "value": "x"}]).hints() == ["ask"]
    assert one_column("出生日期", ["abc"], answers=[{"question": question, "value": ""}]).faults.is_empty()
    kept = one_column("出生日期", ["abc"], answers=[{"question": question, "value": "="}])
    assert (kept.value("birth_date"), kept.only()["action"]) == (None, "note")


def test_a_kept_number_is_stored_as_found():
    data = roster(person(1, cert_no="4.59901E+17"))
    assert Here(data).only()["code"] == "D1"
    found = Here(data, answers=[{"question": "cell:1:3:cert_no", "value": "="}])
    assert found.value("cert_no") == "4.59901E+17"


def test_several_sheets_make_one_frame_and_an_empty_table_none():
    short = [HEADERS[index] for index in (9, 8, 7, 6, 5, 4, 3, 2, 1)]
    row = [person(7)[index] for index in (9, 8, 7, 6, 5, 4, 3, 2, 1)]
    found = Here(xlsx(("一", [HEADERS, person(1)]), ("二", [short, row]), ("三", [["名册"], HEADERS])))
    assert found.frame.select("_sheet", "_sheet_no", "_row").rows() == [("一", 1, 2), ("二", 2, 2)]
    assert [sheet["rows"] for sheet in found.meta["sheets"]] == [1, 1, 0]
    assert Here(xlsx(("三", [["名册"], HEADERS]))).frame.height == 0
