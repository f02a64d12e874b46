"""Ledger files come in: long and wide form, twice, changed, into closed months, undone, out and in again."""

import datetime as dt

import pytest

from exchange import undo
from exchange.models import ImportBatch
from households.ledger import actions
from households.ledger.models import LedgerLine
from poverty import scope
from regions.models import Region
from tests.households import factories
from tests.households.ledger.sheets import lines, long, run, wide

pytestmark = pytest.mark.django_db
MARCH = dt.date(2020, 3, 1)


@pytest.fixture
def household(regions):
    return factories.household(household_no="45990110020100001")


def close(month=MARCH, town="459901100", by="system"):
    from accounts.models import User

    with scope.system("test"):
        return actions.close_month(town=Region.objects.get(pk=town), month=month, by=User.objects.get(username=by))


def test_the_long_form_comes_in_line_by_line(household):
    data = long(
        ("45990110020100001", "岑山水", "2020-03", "务工(区外)", 2600, 1, None, None, "广东", "罗春山", "2020-04-02"),
        ("45990110020100001", "岑山水", "2020年4月", "低保金(A类)", "350.5", None, None, None, None, None, None),
        ("45990110020100001", None, "202005", "404", 0, None, None, None, None, None, None),
        ("45990110020100001", None, "2020-06", "粮食收入", None, None, None, None, None, None, None),
    )
    batch, found = run(data)
    assert (found["state"], found["rows"], found["new"], found["skipped"]) == ("merged", 3, 3, 1)
    assert lines() == [
        ("45990110020100001", "2020-03", "10104", 1, 2600.0),
        ("45990110020100001", "2020-04", "40201", 1, 350.5),
        ("45990110020100001", "2020-05", "404", 1, 0.0),
    ]
    with scope.system("test"):
        line = LedgerLine.objects.get(category="10104")
    assert (line.heads, line.note, line.recorded_by, line.recorded_on) == (1, "广东", "罗春山", dt.date(2020, 4, 2))
    assert (line.source_batch_id, line.source_sheet, line.source_row) == (batch.pk, "台账", 3)
    assert line.village_id == household.village_id


def test_the_same_file_twice_changes_nothing(household):
    data = long(
        ("45990110020100001", None, "2020-03", "务工(区外)", 2600),
        ("45990110020100001", None, "2020-03", "务工(区外)", 2600),
    )
    assert run(data)[1]["new"] == 2
    found = run(data)[1]
    assert (found["new"], found["changed"], found["unchanged"]) == (0, 0, 2)
    assert [line[3] for line in lines()] == [1, 2]


def test_a_changed_line_is_withdrawn_and_a_new_version_stands_beside_it(household):
    run(long(("45990110020100001", None, "2020-03", "务工(区外)", 2600, 2, None, None, "广东")))
    found = run(long(("45990110020100001", None, "2020-03", "务工(区外)", 2700)), as_of=dt.date(2021, 1, 31))[1]
    assert (found["changed"], found["new"]) == (1, 0)
    with scope.system("test"):
        old, new = LedgerLine.objects.order_by("version")
    assert (old.amount_yuan, old.superseded) == (2600, 1) and old.withdrawn_at
    assert (new.amount_yuan, new.version, new.superseded) == (2700, 2, 0)
    assert (new.heads, new.note) == (2, "广东"), "blank cells keep what is stored"


def test_an_older_file_changes_nothing(household):
    run(long(("45990110020100001", None, "2020-03", "务工(区外)", 2600)))
    found = run(long(("45990110020100001", None, "2020-03", "务工(区外)", 1)), as_of=dt.date(2020, 6, 30))[1]
    assert (found["changed"], found["unchanged"]) == (0, 1)
    assert lines()[0][4] == 2600


def test_the_wide_form_gives_a_line_for_every_filled_month(household):
    data = wide(
        {
            "no": "45990110020100001",
            "year": 2020,
            "lines": {
                "工资性收入": {},
                "务工(区外)": {1: (1, 2600), 2: (1, 2600), 3: (2, 5200)},
                "低保金(A类)": {1: 350, 2: 0},
                "种植支出": {3: 120.5},
            },
            "total": {"务工(区外)": 10400, "低保金(A类)": 999},
        }
    )
    found = run(data)[1]
    assert (found["state"], found["new"], found["rows"]) == ("merged", 6, 6)
    assert [line[1:3] + line[4:] for line in lines()] == [
        ("2020-01", "10104", 2600.0),
        ("2020-01", "40201", 350.0),
        ("2020-02", "10104", 2600.0),
        ("2020-02", "40201", 0.0),
        ("2020-03", "10104", 5200.0),
        ("2020-03", "501", 120.5),
    ]
    with scope.system("test"):
        march = LedgerLine.objects.get(category="10104", month=MARCH)
    assert (march.heads, march.recorded_by, march.recorded_on, march.source_row) == (
        2,
        "罗春山",
        dt.date(2020, 12, 31),
        6,
    )
    sums = [fault for fault in found["faults"] if fault["code"] == "L4"]
    assert [(fault["row"], fault["column"], fault["action"]) for fault in sums] == [(7, "合计", "note")]


def test_a_class_line_of_the_wide_form_is_checked_and_not_stored_beside_its_parts(household):
    data = wide(
        {
            "no": "45990110020100001",
            "year": 2020,
            "lines": {"工资性收入": {1: 3000, 2: 100}, "务工(区外)": {1: 2600}, "其他工资性收入": {1: 400}},
        }
    )
    found = run(data)[1]
    assert [line[1:3] for line in lines()] == [("2020-01", "10104"), ("2020-01", "109"), ("2020-02", "1")]
    assert [fault for fault in found["faults"] if fault["code"] == "L4"] == []


def test_faults_of_the_wide_form_stand_at_the_cell_that_shows_them(household):
    data = wide(
        {
            "no": "45990110020100001",
            "year": 2020,
            "lines": {"务工(区外)": {1: (1, "两千六"), 2: (1, "#REF!")}, "捕鱼所得": {5: 30}},
        }
    )
    found = run(data, dry=True)[1]
    assert (found["asked"], found["rejected"]) == (2, 1)
    at = {(fault["row"], fault["column"], fault["action"]) for fault in found["faults"]}
    assert {(5, "1月/金额(元)", "ask"), (5, "2月/金额(元)", "stop"), (6, "收支类别", "ask")} <= at


def test_a_closed_month_takes_nothing_in_and_says_so(household):
    close()
    found = run(
        long(
            ("45990110020100001", None, "2020-03", "务工(区外)", 2600),
            ("45990110020100001", None, "2020-04", "务工(区外)", 2600),
        )
    )[1]
    assert (found["new"], found["rejected"]) == (1, 1)
    (fault,) = [fault for fault in found["faults"] if fault["code"] == "L1"]
    assert (fault["row"], fault["column"]) == (3, "年月")
    assert "2020-03" in fault["message"]
    assert [line[1] for line in lines()] == ["2020-04"]


def test_the_database_itself_refuses_lines_of_a_closed_month(household):
    from django.db import IntegrityError, transaction

    close()
    with scope.system("test"), pytest.raises(IntegrityError, match="is closed for 2020-03"), transaction.atomic():
        LedgerLine.objects.create(
            household=household, village_id=household.village_id, month=MARCH, category="10104", amount_yuan=1
        )


def test_an_unknown_household_is_refused_without_saying_where_it_is(household, regions):
    factories.household("459902100201", household_no="45990210020100009")
    found = run(long(("45990210020100009", None, "2020-03", "务工", 1), ("7777", None, "2020-03", "务工", 1)))[1]
    assert found["rejected"] == 2
    assert {fault["message"].partition("：")[2] for fault in found["faults"] if fault["code"] == "L2"} != set()
    assert lines() == []


def test_a_head_is_found_by_the_identity_number_where_there_is_no_household_number(household):
    number = factories.id_number(sequence="777")
    of = factories.household(head=None, household_no="45990110020100002")
    factories.member(of, relation="01", cert_no=number)
    data = long(
        {"户主证件号码": number, "年月": "2020-03", "收支类别": "务工", "金额(元)": 10},
        headers=("户主证件号码", "年月", "收支类别", "金额(元)"),
    )
    assert run(data)[1]["new"] == 1
    assert lines()[0][0] == "45990110020100002"


def test_an_undone_import_puts_back_what_it_replaced(household):
    first, _found = run(long(("45990110020100001", None, "2020-03", "务工", 10)))
    second, _found = run(
        long(("45990110020100001", None, "2020-03", "务工", 20), ("45990110020100001", None, "2020-04", "务工", 5))
    )
    from accounts.models import User

    report = undo.undo(second, by=User.objects.get(username="system"))
    assert (report["restored"], report["withdrawn"]) == (1, 1)
    assert [line[1:] for line in lines()] == [("2020-03", "101", 1, 10.0)]
    report = undo.undo(first, by=User.objects.get(username="system"))
    assert (report["restored"], report["withdrawn"]) == (0, 1)
    assert lines() == []
    assert run(long(("45990110020100001", None, "2020-03", "务工", 30)))[1]["new"] == 1
    with scope.system("test"):
        assert LedgerLine.objects.count() == 5, "nothing was deleted"


def test_what_was_changed_after_an_import_stays_when_it_is_undone(household, make_user):
    cadre = make_user("village_cadre", "459901100201")
    batch, _found = run(long(("45990110020100001", None, "2020-03", "务工", 10)))
    with scope.acting(cadre):
        actions.save_month(household=household, month=MARCH, typed=[actions.Typed("101", 1, 12, version=1)], by=cadre)
    from accounts.models import User

    report = undo.undo(batch, by=User.objects.get(username="system"))
    assert len(report["kept"]) == 1
    assert [line[4] for line in lines()] == [12.0]


def test_a_household_that_moves_takes_its_lines_along_also_those_of_closed_months(household):
    run(long(("45990110020100001", None, "2020-03", "务工", 10)))
    close()
    with scope.system("test"):
        type(household).objects.filter(pk=household.pk).update(village="459901101201")
        assert LedgerLine.objects.get().village_id == "459901101201"


def test_the_blank_forms_are_read_back_without_a_line_and_without_a_complaint(household):
    import io

    from openpyxl import load_workbook

    from exchange import templates_out
    from households.ledger.blank import wide_workbook

    book = load_workbook(io.BytesIO(wide_workbook()))
    sheet = book.active
    sheet["B2"], sheet["P2"] = "45990110020100001", 2020
    labels = {sheet.cell(row, 1).value: row for row in range(5, sheet.max_row + 1)}
    sheet.cell(labels["务工(区外)"], 4).value, sheet.cell(labels["务工(区外)"], 5).value = 1, 2600
    stream = io.BytesIO()
    book.save(stream)
    found = run(stream.getvalue())[1]
    assert (found["new"], found["faults"]) == (1, [])
    assert lines()[0][1:3] == ("2020-02", "10104")
    found = run(templates_out.blank_workbook("ledger"), dry=True)[1]
    assert found["rows"] <= 1


def test_what_goes_out_in_the_long_form_comes_back_unchanged(household):
    from accounts.models import User
    from exchange.exporting import Export, acting

    run(
        long(
            ("45990110020100001", "岑山水", "2020-03", "务工(区外)", 2600.5, 1, 3, 2, "广东", "罗春山", "2020-04-02"),
            ("45990110020100001", "岑山水", "2020-03", "务工(区外)", 100, None, None, None, None, None, None),
            ("45990110020100001", "岑山水", "2020-11", "低保金(C类)", 0, None, None, None, None, None, None),
        )
    )
    user = User.objects.get(username="system")
    for form in ("xlsx", "csv"):
        with acting(user, "test"):
            export = Export("ledger", user)
            assert export.count == 3
            data = b"".join(export.chunks(form))
        from exchange import batches

        batch = batches.create(
            kind="ledger",
            name=f"导出.{form}",
            data=data,
            region="459901",
            year=None,
            as_of=dt.date(2021, 1, 1),
            by=user,
        )
        batches.stage(batch)
        batches.merge(batch)
        with scope.system("test"):
            batch = ImportBatch.objects.get(pk=batch.pk)
        assert (batch.new, batch.changed, batch.unchanged, batch.rejected, batch.asked) == (0, 0, 3, 0, 0)
