"""The import, end to end: what comes in, what is compared, what is merged, and what undo gives back."""

import datetime as dt
import threading

import pytest
from django.db import connection

from accounts.roles import Role
from exchange import batches, undo
from exchange.models import ImportBatch
from households.models import Household, HouseholdYear, Member, MemberYear
from poverty import crypto, scope
from tests.exchange.importing import counts, id_number, person, places, run, start, summary, workbook

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]

FAMILY = [
    person(
        "H1",
        "P1",
        "韦明",
        id_number(1),
        人数=2,
        联系电话="13800000001",
        银行卡号="6222020000000000000",
        开户银行="农信社",
    ),
    person("H1", "P2", "韦花", id_number(2, male=False), 人数=2, 与户主关系="配偶"),
    person("H2", "P3", "覃山", id_number(3), 人数=1, 行政村="竹坪村"),
]


def member(person_no: str) -> Member:
    with scope.system("look"):
        return Member.objects.get(person_no=person_no)


def test_a_clean_roster_is_stored_whole():
    found = run(workbook(FAMILY))
    assert found["faults"] == []
    assert {k: found[k] for k in ("rows", "new", "changed", "unchanged", "rejected", "asked", "skipped", "missing")} == {
        "rows": 3, "new": 3, "changed": 0, "unchanged": 0, "rejected": 0, "asked": 0, "skipped": 0, "missing": 0,
    }  # fmt: skip
    assert found["state"] == "merged"
    assert counts() == {"Household": 2, "HouseholdYear": 2, "Member": 3, "MemberYear": 3}
    with scope.system("look"):
        first = Household.objects.get(household_no="H1")
    assert (first.village_id, first.status, first.lifecycle, first.main_cause) == ("459901100201", "04", "POOR", "01")
    assert crypto.unseal("households_household.phone", first.uid, first.phone_sealed) == "13800000001"
    assert first.phone_valid
    assert crypto.unseal("households_member.cert_no", member("P1").uid, member("P1").cert_no_sealed) == id_number(1)
    assert (member("P1").id_kind, member("P1").id_fault, member("P1").id_area) == ("18", "", "459901")


def test_the_same_file_again_changes_nothing():
    run(workbook(FAMILY))
    with connection.cursor() as cursor, scope.system("count"):
        cursor.execute("SELECT count(*) FROM households_memberevent")
        before = cursor.fetchone()
    found = run(workbook(FAMILY))
    assert (found["unchanged"], found["new"], found["changed"]) == (3, 0, 0)
    with connection.cursor() as cursor, scope.system("count"):
        cursor.execute("SELECT count(*) FROM households_memberevent")
        assert cursor.fetchone() == before


def test_a_trial_run_stores_nothing_and_names_the_findings():
    rows = [*FAMILY, person("H2", "P4", "覃水", id_number(4)[:17], 人数=1, 行政村="竹坪村", 与户主关系="之子")]
    found = run(workbook(rows), dry=True)
    assert found["state"] == "previewed"
    assert counts() == {"Household": 0, "HouseholdYear": 0, "Member": 0, "MemberYear": 0}
    assert (6, "证件号码", "ID-02", "note") in places(found)
    assert (5, "户编号", "HH-03", "note") in places(found)


def test_a_changed_cell_is_named_and_others_stay():
    run(workbook(FAMILY))
    changed = [dict(row) for row in FAMILY]
    changed[1]["健康状况"] = "长期慢性病"
    changed[0]["联系电话"] = "13900000009"
    found = run(workbook(changed))
    assert (found["changed"], found["unchanged"]) == (2, 1)
    with scope.system("look"):
        assert MemberYear.objects.get(member__person_no="P2", year=2020).health == ["02"]
        first = Household.objects.get(household_no="H1")
    assert crypto.unseal("households_household.phone", first.uid, first.phone_sealed) == "13900000009"


def test_a_blank_cell_keeps_what_is_stored():
    run(workbook(FAMILY))
    blank = [{**row, "主要致贫原因": None} for row in FAMILY]
    assert run(workbook(blank))["unchanged"] == 3
    with scope.system("look"):
        assert Household.objects.get(household_no="H1").main_cause == "01"


def test_an_older_file_fills_gaps_and_changes_nothing_else():
    run(workbook(FAMILY), as_of=dt.date(2020, 12, 31))
    older = [{**row, "主要致贫原因": "因学", "民族": "壮族"} for row in FAMILY]
    run(workbook(older), as_of=dt.date(2020, 6, 30))
    with scope.system("look"):
        assert Household.objects.get(household_no="H1").main_cause == "01"
        assert Member.objects.get(person_no="P1").ethnicity == "08"


def test_of_three_files_the_newest_that_carries_a_value_wins():
    first = [{**row, "主要致贫原因": "因病"} for row in FAMILY]
    run(workbook(first), as_of=dt.date(2020, 1, 31))
    run(workbook(first, [*first[0]]), as_of=dt.date(2020, 3, 31))  # says the same, later
    run(workbook([{**row, "主要致贫原因": "因学"} for row in FAMILY]), as_of=dt.date(2020, 2, 28))
    with scope.system("look"):
        assert Household.objects.get(household_no="H1").main_cause == "01"


def test_rows_without_village_key_or_name_are_rejected_and_the_rest_goes_on():
    rows = [
        *FAMILY,
        person("H3", "P5", "黄一", id_number(5), 行政村=None),
        person("", "P6", "黄二", "", 与户主关系="之子"),
        person("H3", "P7", "", id_number(7)),
        person(
            "H3", "P8", "黄四", id_number(8), **{"县(市、区、旗)": "清江县", "乡(镇)": "清江镇", "行政村": "柳湾村"}
        ),
    ]
    found = run(workbook(rows))
    assert (found["rows"], found["new"], found["rejected"]) == (7, 3, 4)
    assert {(row, action) for row, _c, _code, action in places(found) if row >= 6} == {
        (n, "stop") for n in (6, 7, 8, 9)
    }


def test_an_unknown_village_is_asked_and_goes_on_when_answered():
    rows = [*FAMILY, person("H4", "P9", "陆远", id_number(9), 人数=1, 行政村="无名村")]
    batch = start(workbook(rows))
    batches.stage(batch)
    batches.merge(batch)
    found = summary(batch)
    assert (found["new"], found["asked"]) == (3, 1)
    question = next(f["question"] for f in found["faults"] if f["code"] == "D17")
    from accounts.models import User

    with batches.scope_of(batch):
        batch = ImportBatch.objects.in_scope().get(pk=batch.pk)
    batches.answer(batch, [{"question": question, "value": "459901100202"}], by=User.objects.system())
    found = summary(batch)
    assert (found["rows"], found["new"], found["asked"]) == (4, 4, 0)
    with scope.system("look"):
        assert Household.objects.get(household_no="H4").village_id == "459901100202"


def test_an_answer_about_a_label_is_remembered_for_the_next_file():
    rows = [dict(FAMILY[0], 文化程度="私塾三年")]
    batch = start(workbook(rows))
    batches.stage(batch)
    batches.merge(batch)
    found = summary(batch)
    assert found["asked"] == 1
    question = next(f["question"] for f in found["faults"] if f["code"] == "D13")
    from accounts.models import User

    with batches.scope_of(batch):
        batch = ImportBatch.objects.in_scope().get(pk=batch.pk)
    batches.answer(batch, [{"question": question, "value": "02"}], by=User.objects.system())
    assert summary(batch)["asked"] == 0
    second = [dict(FAMILY[2], 文化程度="私塾三年")]
    assert run(workbook(second))["asked"] == 0
    with scope.system("look"):
        assert MemberYear.objects.get(member__person_no="P3").education == "02"


def test_all_or_nothing_holds_everything_back():
    rows = [*FAMILY, person("H3", "P5", "黄一", id_number(5), 行政村="无名村")]
    found = run(workbook(rows), mode="all")
    assert (found["state"], found["asked"]) == ("held", 1)
    assert counts()["Member"] == 0


def test_the_later_of_two_rows_with_one_person_number_wins():
    rows = [FAMILY[0], dict(FAMILY[2], 姓名="覃老"), FAMILY[2]]
    found = run(workbook(rows))
    assert (found["rows"], found["new"], found["skipped"]) == (2, 2, 1)
    assert member("P3").name == "覃山"
    assert places(found, "D20") == [(4, "人编号", "D20", "auto")]


def test_one_identity_in_two_households_is_stored_and_found():
    rows = [FAMILY[0], dict(FAMILY[2], 证件号码=id_number(1))]
    found = run(workbook([{**row, "人数": 1} for row in rows]))
    assert [place for place in places(found) if place[2] == "ID-12"] == [
        (3, "证件号码", "ID-12", "note"),
        (4, "证件号码", "ID-12", "note"),
    ]


def test_a_roster_without_numbers_goes_by_the_head_and_gets_local_numbers():
    rows = [
        person("", "", "韦明", id_number(1), 人数=2),
        person("", "", "韦花", id_number(2, male=False), 人数=2, 与户主关系="配偶"),
        person("", "", "覃山", id_number(3), 人数=1),
    ]
    assert run(workbook(rows))["new"] == 3
    with scope.system("look"):
        assert sorted(Household.objects.values_list("household_no", flat=True)) == [
            "L45990110020100001",
            "L45990110020100002",
        ]
        assert Member.objects.filter(household__household_no="L45990110020100001").count() == 2
    assert run(workbook(rows))["unchanged"] == 3


def test_persons_that_the_file_lacks_are_listed_and_stay():
    run(workbook(FAMILY))
    found = run(workbook(FAMILY[:1]))
    assert found["missing"] == 1  # the wife; the other village is not in the file
    assert counts()["Member"] == 3


def test_a_town_may_not_reach_into_another_town(make_user):
    town = make_user(Role.TOWN_OFFICE, "459901100")
    rows = [*FAMILY, person("H9", "P90", "蒙远", id_number(90), **{"乡(镇)": "石桥镇", "行政村": "石桥村"})]
    found = run(workbook(rows), by=town, region="459901100")
    assert (found["new"], found["rejected"]) == (3, 1)


def test_numbers_taken_elsewhere_are_refused_in_neutral_words(make_user):
    run(workbook([person("H9", "P90", "蒙远", id_number(90), 人数=1, **{"乡(镇)": "石桥镇", "行政村": "石桥村"})]))
    town = make_user(Role.TOWN_OFFICE, "459901100")
    found = run(workbook([*FAMILY, person("H9", "P91", "韦三", id_number(91), 人数=1)]), by=town, region="459901100")
    assert (found["new"], found["rejected"]) == (3, 1)
    message = next(f["message"] for f in found["faults"] if f["action"] == "stop")
    assert "石桥" not in message and "蒙远" not in message


def test_a_town_learns_nothing_of_an_identity_in_another_town_but_the_county_does(make_user):
    run(workbook([person("H9", "P90", "蒙远", id_number(1), 人数=1, **{"乡(镇)": "石桥镇", "行政村": "石桥村"})]))
    town = make_user(Role.TOWN_OFFICE, "459901100")
    found = run(workbook([dict(FAMILY[0], 人数=1)]), by=town, region="459901100")
    assert "ID-12" not in {f["code"] for f in found["faults"]}
    from validation.models import Finding

    county = make_user(Role.COUNTY_OFFICE, "459901")
    with scope.acting(county):
        assert Finding.objects.visible_to(county).filter(rule="ID-12", closed_at=None).count() == 2
    with scope.acting(town):
        assert not Finding.objects.visible_to(town).filter(rule="ID-12").exists()


def test_the_household_sheet_adds_incomes_and_wins_on_the_same_date():
    run(workbook([{**row, "人均纯收入": "3000"} for row in FAMILY]))
    sheet = [
        {"县(市、区、旗)": "云岭县", "乡(镇)": "云岭镇", "行政村": "龙溪村", "户编号": "H1", "户主姓名": "韦明", "年度": "2020",
         "户主证件号码": id_number(1), "家庭人口数": "2", "工资性收入": "0.8万", "人均纯收入": "4000.5"},
    ]  # fmt: skip
    found = run(workbook(sheet), kind="households")
    assert found["changed"] == 1
    with scope.system("look"):
        year = HouseholdYear.objects.get(household__household_no="H1", year=2020)
    assert (str(year.wage_yuan), str(year.net_pc_yuan)) == ("8000.00", "4000.50")
    run(workbook([{**row, "人均纯收入": "3000"} for row in FAMILY]))
    with scope.system("look"):
        assert str(HouseholdYear.objects.get(household__household_no="H1", year=2020).net_pc_yuan) == "4000.50"


def test_undo_puts_back_what_was_and_withdraws_what_the_import_made():
    run(workbook(FAMILY))
    changed = [{**row, "主要致贫原因": "因学"} for row in FAMILY]
    changed.append(person("H5", "P50", "罗新", id_number(50), 人数=1))
    batch = start(workbook(changed))
    batches.stage(batch)
    batches.merge(batch)
    from accounts.models import User

    report = undo.undo(batch, by=User.objects.system())
    assert report["withdrawn"] > 0
    with scope.system("look"):
        assert Household.objects.get(household_no="H1").main_cause == "01"
        assert Household.objects.get(household_no="H5").withdrawn_at is not None
    assert counts() == {"Household": 2, "HouseholdYear": 2, "Member": 3, "MemberYear": 3}
    found = run(workbook(changed))
    assert found["new"] == 0 and counts()["Member"] == 4


def test_undo_keeps_what_somebody_has_edited_since(make_user):
    run(workbook(FAMILY))
    batch = start(workbook([{**row, "主要致贫原因": "因学"} for row in FAMILY]))
    batches.stage(batch)
    batches.merge(batch)
    county = make_user(Role.COUNTY_OFFICE, "459901")
    with scope.acting(county, reason="seen on the visit"):
        Household.objects.visible_to(county).filter(household_no="H1").update(main_cause="07")
    from accounts.models import User

    report = undo.undo(batch, by=User.objects.system())
    with scope.system("look"):
        kept = Household.objects.get(household_no="H1")
        assert kept.main_cause == "07"
        assert Household.objects.get(household_no="H2").main_cause == "01"
    assert [(entry["row"], entry["columns"]) for entry in report["kept"]] == [(str(kept.uid), ["main_cause"])]


def test_the_same_file_sent_twice_at_once_imports_once():
    data = workbook(FAMILY)
    outcomes = []

    def send():
        try:
            outcomes.append(start(data))
        except batches.Repeated as repeated:
            outcomes.append(repeated.batch.pk)
        finally:
            connection.close()
            from poverty import second

            second.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batch = next(found for found in outcomes if not isinstance(found, int))
    assert [found for found in outcomes if isinstance(found, int)] == [batch.pk]


def test_no_plain_identity_number_is_staged_or_kept_in_files(settings):
    rows = [*FAMILY, person("H3", "P5", "黄一", id_number(5) + "77", 人数=1)]
    batch = start(workbook(rows))
    batches.stage(batch)
    batches.merge(batch)
    number = id_number(1)
    with connection.cursor() as cursor, scope.system("look"):
        for table in (
            f'staging."b{batch.pk}_p"',
            f'staging."b{batch.pk}_h"',
            "households_member",
            "exchange_importfault",
        ):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{number[:12]}%"])
            assert cursor.fetchone() == (0,), table
    for path in settings.MEDIA_ROOT.rglob("*"):
        if path.is_file():
            assert number.encode() not in path.read_bytes()


def test_a_value_emptied_by_hand_is_not_filled_by_an_older_file(make_user):
    run(workbook(FAMILY))
    with scope.system("empty by hand"):
        household = Household.objects.get(household_no="H1")
        household.main_cause, household.field_stamps = None, {"main_cause": "2021-05-01/3"}
        household.save()
    run(workbook([{**row, "主要致贫原因": "因学", "是否双女户": "是"} for row in FAMILY]))
    with scope.system("look"):
        kept = Household.objects.get(household_no="H1")
    assert (kept.main_cause, kept.two_daughters) == (None, True)
    run(workbook([{**row, "主要致贫原因": "因学"} for row in FAMILY]), year=2021)
    with scope.system("look"):
        assert Household.objects.get(household_no="H1").main_cause == "03"
