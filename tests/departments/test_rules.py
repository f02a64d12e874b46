"""The rules XD-01 to XD-18: each finds what it says, leaves out what it excludes, and says what the list says."""

import datetime as dt

import pytest

from households.models import Household
from poverty import scope
from tests.departments.lists import load
from tests.exchange.importing import id_number
from tests.households.factories import household, member, member_year, year
from validation import engine
from validation.models import Finding

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]
V1, V2, V3 = "459901100201", "459901100202", "459901101201"
PLACE = {"县(市、区)": "云岭县", "乡(镇)": "云岭镇", "行政村": "龙溪村"}


def person(number: int, name: str, village=V1, of=None, born="19700101", cert=None, **values):
    """Make a member with identity `number` in a household of their own (or `of`); return it."""
    of = of or household(village, head=None)
    values = {"relation": "01", "birth_on": None, **values}
    return member(of, name=name, cert_no=id_number(number, born) if cert is None else cert, **values)


def row(number: int, name: str, born="19700101", **cells) -> dict:
    return {**PLACE, "姓名": name, "身份证号码": id_number(number, born), **cells}


def clues(rule: str, *, on=dt.date(2021, 1, 15)) -> dict:
    """Run the rule and return {subject: finding} of what is open."""
    engine.run_all([rule], on=on)
    with scope.system("test"):
        return {found.subject: found for found in Finding.objects.filter(rule=rule, closed_at__isnull=True)}


def test_a_car_is_found_and_a_motorcycle_a_tricycle_a_scrapped_and_a_sold_one_are_not():
    owner = person(1, "岑山水")
    others = [person(n, f"岑某{n}") for n in range(2, 7)]
    load(
        "vehicles",
        [
            row(1, "岑山水", 车辆类型="小型轿车", 机动车状态="正常", 初次登记日期="2019-05-06"),
            row(2, "岑某", 车辆类型="普通二轮摩托车", 机动车状态="正常"),
            row(3, "岑某", 车辆类型="三轮汽车", 机动车状态="正常"),
            row(4, "岑某", 车辆类型="小型轿车", 机动车状态="报废"),
            row(5, "岑某", 车辆类型="小型轿车", 机动车状态="正常", 过户日期="2020-06-01"),
            row(6, "岑某", 车辆类型="小型轿车", 机动车状态="正常", 初次登记日期="2021-01-05"),
        ],
        headers=[*PLACE, "姓名", "身份证号码", "车辆类型", "机动车状态", "初次登记日期", "过户日期"],
    )
    found = clues("XD-01")
    assert list(found) == [owner.pk], others
    assert found[owner.pk].seen == "小型轿车，登记于2019-05-06，正常"
    assert (found[owner.pk].severity, found[owner.pk].source) == ("W", "vehicles")


def test_a_stall_is_a_hint_a_firm_a_warning_and_a_member_of_a_cooperative_nothing():
    stall, firm, worker, head = (person(n, f"岑某{n}") for n in range(1, 5))
    load(
        "enterprises",
        [
            row(1, "岑某", 企业名称="某某小卖部", 企业类型="个体工商户", 人员身份="经营者", 登记状态="存续"),
            row(2, "岑某", 企业名称="某某公司", 企业类型="有限责任公司", 人员身份="股东", 登记状态="存续"),
            row(3, "岑某", 企业名称="某某合作社", 企业类型="农民专业合作社", 人员身份="成员", 登记状态="存续"),
            row(4, "岑某", 企业名称="某某合作社", 企业类型="农民专业合作社", 人员身份="法定代表人", 登记状态="存续"),
            row(3, "岑某", 企业名称="旧公司", 企业类型="有限责任公司", 人员身份="法定代表人", 登记状态="吊销"),
        ],
    )
    assert {key: one.severity for key, one in clues("XD-02").items()} == {stall.pk: "I", firm.pk: "W", head.pk: "W"}
    assert worker.pk


def test_a_bought_home_is_found_and_a_relocation_home_a_farmhouse_and_a_garage_are_not():
    owner = person(1, "岑山水")
    for n in range(2, 5):
        person(n, f"岑某{n}")
    load(
        "estate",
        [
            row(1, "岑山水", 用途="住宅", 房屋性质="市场化商品房", 坐落区域="城镇", 是否易地扶贫搬迁房="否"),
            row(2, "岑某", 用途="住宅", 房屋性质="安置房", 坐落区域="城镇", 是否易地扶贫搬迁房="是"),
            row(3, "岑某", 用途="住宅", 房屋性质="宅基地及房屋", 坐落区域="农村", 是否易地扶贫搬迁房="否"),
            row(4, "岑某", 用途="车库", 房屋性质="市场化商品房", 坐落区域="城镇", 是否易地扶贫搬迁房="否"),
        ],
    )
    assert list(clues("XD-03")) == [owner.pk]


def test_staff_and_retired_staff_are_errors_and_village_cadres_warnings():
    people = [person(n, f"岑某{n}") for n in range(1, 5)]
    kinds = ["在职", "退休", "村干部", "公益性岗位"]
    load("payroll", [row(n, "岑某", 人员类别=kind) for n, kind in enumerate(kinds, 1)])
    found = {key: one.severity for key, one in clues("XD-04").items()}
    assert found == {people[0].pk: "E", people[1].pk: "E", people[2].pk: "W"}


def test_the_dead_who_still_count_are_found_and_those_who_left_are_not():
    dead = person(1, "岑山水")
    person(2, "岑某", departed_on=dt.date(2020, 1, 1), departed_as="01")
    load("deaths", [row(1, "岑山水", 死亡日期="2020-03-01"), row(2, "岑某", 死亡日期="2020-01-01")])
    found = clues("XD-05")
    assert list(found) == [dead.pk]
    assert found[dead.pk].seen == "死亡日期2020-03-01" and found[dead.pk].severity == "E"


def test_the_household_registration_is_compared_both_ways():
    home = household(V1, head=None)
    head, moved = person(1, "岑山水", of=home), person(2, "岑某", of=home, relation="03")
    unknown, elsewhere = person(3, "岑无籍"), person(4, "岑外村")
    far = person(5, "韦远", V3)  # their village is in no row
    load(
        "hukou",
        [
            row(1, "岑山水", 户号="88", 与户主关系="户主", 户籍状态="正常"),
            row(2, "岑某", 户号="88", 与户主关系="长子", 户籍状态="迁出", 迁往地="外省"),
            row(9, "韦妻", 户号="88", 与户主关系="妻", 户籍状态="正常"),
            {**row(4, "岑外村", 户号="90", 与户主关系="户主", 户籍状态="正常"), "行政村": "竹坪村"},
        ],
    )
    found = {key: one.seen for key, one in clues("XD-06").items()}
    assert found == {
        head.pk: "同一户口簿另有1人不在册：韦*（配偶）",
        moved.pk: "户籍迁出，迁往外省",
        unknown.pk: "户籍信息中没有此人",
        elsewhere.pk: "户籍在竹坪村",
    }
    assert far.pk not in found


def test_employees_contributions_and_pensions_above_the_farmers_level_are_found():
    people = [person(n, f"岑某{n}") for n in range(1, 6)]
    load(
        "pension",
        [
            row(1, "岑某", 险种类型="城镇职工", 参保状态="参保缴费", 最近缴费年月="2020-11"),
            row(2, "岑某", 险种类型="城镇职工", 参保状态="暂停参保"),
            row(3, "岑某", 险种类型="城乡居民", 参保状态="正常", 月养老金="130"),
            row(4, "岑某", 险种类型="城乡居民", 参保状态="正常", 月养老金="1800"),
            row(5, "岑某", 险种类型="职工退休待遇", 参保状态="正常", 月养老金="2600"),
        ],
        headers=[*PLACE, "姓名", "身份证号码", "险种类型", "参保状态", "最近缴费年月", "月养老金"],
    )
    assert sorted(clues("XD-07")) == sorted(people[n].pk for n in (0, 3, 4))


def test_insured_elsewhere_twice_or_not_at_all_is_found():
    fine, away, twice, none, quit = (person(n, f"岑某{n}") for n in range(1, 6))
    good = {"险种类型": "城乡居民", "参保年度": "2020", "参保状态": "正常参保"}
    load(
        "medical",
        [
            row(1, "岑某", 参保地="云岭县", **good),
            row(1, "岑某", 参保地="云岭县", **{**good, "参保年度": "2019"}),
            row(2, "岑某", 参保地="外省某市", **good),
            row(3, "岑某", 参保地="云岭县", **good),
            row(3, "岑某", 参保地="云岭县", **{**good, "险种类型": "城镇职工"}),
            row(5, "岑某", 参保地="云岭县", **{**good, "参保状态": "停保"}),
        ],
    )
    found = {key: one.seen for key, one in clues("XD-08").items()}
    assert fine.pk not in found and found[away.pk].startswith("异地参保") and found[twice.pk].startswith("重复参保")
    assert found[none.pk] == found[quit.pk] == "参保名单中没有此人"


def test_the_allowance_list_is_compared_both_ways():
    people = [person(n, f"岑某{n}") for n in range(1, 6)]
    for one, marks in zip(
        people, ({"dibao": "rural"}, {"dibao": "no"}, {"dibao": "yes"}, {"tekun": True}, {}), strict=True
    ):
        member_year(one, **marks)
    load(
        "dibao",
        [
            row(1, "岑某", 救助类别="农村低保"),
            row(2, "岑某", 救助类别="农村低保", 月保障金额="320"),
            {**row(9, "韦小", 救助类别="农村低保"), "申请人身份证号": id_number(5)},
        ],
        headers=[*PLACE, "姓名", "身份证号码", "申请人身份证号", "救助类别", "月保障金额"],
    )
    found = clues("XD-09")
    assert sorted(found) == sorted(people[n].pk for n in (1, 2, 3, 4))
    assert found[people[1].pk].seen == "名单中有：农村低保，每月320元"
    assert found[people[1].pk].expected == "在册标注：低保否，特困未填"
    assert found[people[4].pk].seen == "名单中与其同户的1人不在册：韦*"


def test_the_disability_list_is_compared_both_ways_without_telling_what_the_disability_is():
    same, other, unmarked, unlisted = (person(n, f"岑某{n}") for n in range(1, 5))
    member_year(same, health=["04"], dis_type="4", dis_level="2")
    member_year(other, health=["04"], dis_type="4", dis_level="3")
    member_year(unmarked, health=["01"])
    member_year(unlisted, health=["04"], dis_type="1", dis_level="1")
    load("disability", [{**row(n, "岑某"), "残疾类别": "肢体", "残疾等级": "二级"} for n in (1, 2, 3)])
    found = {key: one.seen for key, one in clues("XD-10").items()}
    assert found == {
        other.pk: "残疾人证与登记不一致：等级",
        unmarked.pk: "持有残疾人证，登记未标注残疾",
        unlisted.pk: "登记为残疾，持证名单中没有此人",
    }


def test_children_on_no_roll_count_their_years_on_31_august():
    lost = person(1, "岑小", born="20140831")  # 6 on 31 August 2020
    young = person(2, "岑幼", born="20140901")
    pupil, marked = person(3, "岑学", born="20100101"), person(4, "岑标", born="20100101")
    left = person(5, "岑退", born="20100101")
    member_year(pupil, student_status="03")
    member_year(marked, student_status="01")
    load(
        "school",
        [
            row(3, "岑学", "20100101", 学段="小学", 学籍状态="在读"),
            row(4, "岑标", "20100101", 学段="小学", 年级="四年级", 学籍状态="在读"),
            row(5, "岑退", "20100101", 学段="小学", 学籍状态="退学"),
        ],
        headers=[*PLACE, "姓名", "身份证号码", "学段", "年级", "学籍状态"],
    )
    found = {key: one.seen for key, one in clues("XD-11").items()}
    assert set(found) == {lost.pk, marked.pk, left.pk} and young.pk not in found
    assert found[lost.pk] == "6周岁，不在任何学籍名单" and found[marked.pk] == "在籍：小学，四年级，在读"


def test_a_year_of_high_costs_warns_where_nobody_monitors():
    ill, monitored = person(1, "岑山水"), person(2, "岑监测")
    year(Household(pk=monitored.household_id, village_id=V1), mon_type="MARGINAL", risk_removed=False)
    bills = [{"年度": "2020", "个人自付金额": "6000"}, {"年度": "2020", "个人自付金额": "5000.5"}]
    load(
        "bills",
        [row(n, "岑某", **bill) for n in (1, 2) for bill in bills] + [row(1, "岑", 年度="2019", 个人自付金额="9000")],
    )
    found = clues("XD-12")
    assert list(found) == [ill.pk]
    assert found[ill.pk].seen == "2020年个人自付11000.5元"


def test_a_machine_counts_from_its_value_on():
    owner = person(1, "岑山水")
    person(2, "岑某")
    load(
        "machinery",
        [
            row(1, "岑山水", 机具类型="联合收割机", 购置价格="30000"),
            row(2, "岑某", 机具类型="微耕机", 购置价格="29999"),
        ],
    )
    assert list(clues("XD-13")) == [owner.pk]


def test_the_list_of_rebuilt_houses_is_compared_both_ways():
    still, fine, due = (person(n, f"岑某{n}") for n in range(1, 4))
    for one, dangerous in ((still, True), (fine, False), (due, False)):
        year(Household(pk=one.household_id, village_id=V1), house_dangerous=dangerous)
    states = ["已竣工", "已竣工", "在建"]
    load("rebuild", [row(n, "岑某", 改造进度=state, 竣工日期=None) for n, state in enumerate(states, 1)])
    found = clues("XD-14")
    assert sorted(found) == sorted([still.household_id, due.household_id])
    assert found[still.household_id].subject_kind == "household"


def test_property_of_a_spouse_outside_the_register_is_found_until_the_divorce():
    wife, divorced, both = person(1, "岑女"), person(2, "岑离"), person(3, "岑双")
    person(23, "韦三", V2)  # a spouse who is in the register has clues of their own

    def wed(number, state="结婚", on="2016-10-01"):
        cells = {
            "男方姓名": "韦某",
            "男方身份证号码": id_number(20 + number),
            "女方姓名": "岑某",
            "女方身份证号码": id_number(number),
        }
        return {**cells, "登记类型": state, "登记日期": on}

    load("marriage", [wed(1), wed(2), wed(2, "离婚", "2019-01-01"), wed(3)])
    load("vehicles", [row(20 + n, "韦某", 车辆类型="小型轿车", 机动车状态="正常") for n in (1, 2, 3)])
    found = clues("XD-15")
    assert list(found) == [wife.pk], (divorced, both)
    assert found[wife.pk].seen == "配偶不在册，其名下有车辆：小型轿车，正常"


def test_the_detained_are_found_while_they_are():
    here = person(1, "岑山水")
    person(2, "岑放")
    person(3, "岑矫")
    load(
        "prison",
        [
            row(1, "岑山水", 人员类别="服刑", 收押日期="2019-09-01", 释放日期="2023-09-01"),
            row(2, "岑放", 人员类别="服刑", 收押日期="2015-09-01", 释放日期="2018-09-01"),
            row(3, "岑矫", 人员类别="社区矫正", 收押日期="2019-09-01", 释放日期="2023-09-01"),
        ],
    )
    assert list(clues("XD-16")) == [here.pk]


def test_power_use_and_absence_contradict_each_other_for_whole_households():
    alone, family = person(1, "岑独"), person(2, "岑家")
    person(3, "岑母", of=Household(pk=family.household_id, village_id=V1), relation="12")
    empty = person(4, "岑空")
    load(
        "labour",
        [
            row(1, "岑独", 外出务工月数="10", 正常用电月数="12"),
            row(2, "岑家", 外出务工月数="10", 正常用电月数="12"),  # somebody of the household is at home
            row(4, "岑空", 外出务工月数="0", 正常用电月数="3"),
        ],
    )
    found = {key: one.seen for key, one in clues("XD-17").items()}
    assert found == {
        alone.household_id: "全家在外10个月，正常用电12个月",
        empty.household_id: "全家在外0个月，正常用电3个月",
    }


def test_payments_without_a_line_in_the_ledger_are_named():
    from households.ledger.models import LedgerLine

    paid = person(1, "岑山水")
    person(2, "岑无账")
    with scope.system("test"):
        LedgerLine.objects.create(
            household_id=paid.household_id, village_id=V1, month=dt.date(2020, 5, 1), category="407", amount_yuan=260
        )
    load(
        "onecard",
        [
            row(1, "岑山水", 补贴项目="农业补贴", 发放金额="260", 发放日期="2020-05-15"),
            row(1, "岑山水", 补贴项目="农村低保金", 发放金额="320", 发放日期="2020-06-15"),
            row(2, "岑无账", 补贴项目="农业补贴", 发放金额="260", 发放日期="2020-05-15"),  # no ledger of that year
        ],
    )
    found = clues("XD-18")
    assert list(found) == [paid.household_id]
    assert (found[paid.household_id].seen, found[paid.household_id].severity) == ("2020-06 低保金320元", "I")


# --- weak matches -----------------------------------------------------------------------------------------------------


def car(name, cert=None, born=None, **cells) -> dict:
    cells = {"车辆类型": "小型轿车", "机动车状态": "正常", **cells}
    return {**PLACE, "姓名": name, "身份证号码": cert, "出生日期": born, **cells}


def test_a_weak_match_says_so_with_its_score():
    same = person(1, "韦·阿依")
    unknown, town = person(2, "岑二"), person(3, "岑三")
    far = person(4, "岑四")
    load(
        "vehicles",
        [
            car("韦•阿依", born="1970-01-01"),
            car("岑二", born="1970-01-01", 行政村=None),
            car("岑三", born="1970-01-01", 行政村="竹坪村"),
            car("岑四", born="1970-01-01", **{"乡(镇)": "石桥镇", "行政村": "石桥村"}),
        ],
    )
    found = {key: one.seen for key, one in clues("XD-01").items()}
    assert found == {
        same.pk: "小型轿车，正常（按姓名、出生日期弱匹配，90分）",
        unknown.pk: "小型轿车，正常（按姓名、出生日期弱匹配，75分）",
        town.pk: "小型轿车，正常（按姓名、出生日期弱匹配，60分）",
    }
    assert far.pk not in found


def test_namesakes_with_two_sound_numbers_are_two_persons():
    person(1, "岑山水")
    load("vehicles", [car("岑山水", id_number(7))])  # the same name and birth date, another number
    assert clues("XD-01") == {}


def test_a_sound_number_that_is_nobodys_finds_a_member_without_a_sound_number():
    bare = person(1, "岑山水", cert="", birth_on=dt.date(1970, 1, 1))
    load("vehicles", [car("岑山水", id_number(7))])
    assert list(clues("XD-01")) == [bare.pk]


def test_a_month_only_birth_date_agrees_with_its_month():
    bare = person(1, "岑山水", cert="", birth_on=dt.date(1970, 1, 1), birth_precision="m")
    load("vehicles", [car("岑山水", born="1970-01-20")])
    assert list(clues("XD-01")) == [bare.pk]


def test_several_equal_namesakes_lower_the_score():
    twins = [person(n, "岑同", cert="", birth_on=dt.date(1970, 1, 1)) for n in (1, 2)]
    load("vehicles", [car("岑同", born="1970-01-01")])
    found = clues("XD-01")
    assert sorted(found) == sorted(one.pk for one in twins)
    assert all("70分" in one.seen for one in found.values())


def test_an_old_number_of_15_digits_is_the_same_person():
    new = id_number(1)
    owner = person(1, "岑山水")
    load("vehicles", [car("岑山水", new[:6] + new[8:17])])
    found = clues("XD-01")
    assert list(found) == [owner.pk] and "弱匹配" not in found[owner.pk].seen


def test_a_countys_list_is_matched_with_the_register_of_that_county_only():
    person(1, "柳湾人", "459902100201")
    load("vehicles", [car("柳湾人", id_number(1))])
    assert clues("XD-01") == {}


# --- settled clues ---------------------------------------------------------------------------------------------------


def settle(finding: Finding):
    with scope.system("test"):
        Finding.objects.filter(pk=finding.pk).update(
            state="closed", closed_at=dt.datetime.now(dt.UTC), closed_as="muted", verdict="not_upheld",
            muted_basis=finding.basis,
        )  # fmt: skip


def test_an_unchanged_new_list_opens_no_settled_clue_again_and_a_changed_one_does():
    owner = person(1, "岑山水")
    load("vehicles", [car("岑山水", id_number(1))])
    settle(clues("XD-01")[owner.pk])
    load("vehicles", [car("岑山水", id_number(1)), car("韦来", id_number(9))], as_of=dt.date(2021, 1, 10))
    assert clues("XD-01") == {}
    load("vehicles", [car("岑山水", id_number(1), 车辆类型="重型货车")], as_of=dt.date(2021, 1, 12))
    assert list(clues("XD-01")) == [owner.pk]


def test_a_clue_closes_when_the_next_list_no_longer_says_so():
    person(1, "岑山水")
    load("vehicles", [car("岑山水", id_number(1))])
    assert len(clues("XD-01")) == 1
    load("vehicles", [car("韦来", id_number(9))], as_of=dt.date(2021, 1, 10))
    assert clues("XD-01") == {}


def test_no_clue_tells_a_number():
    person(1, "岑山水")
    load("vehicles", [car("岑山水", id_number(1))])
    (found,) = clues("XD-01").values()
    assert not any(character.isdigit() for character in found.seen + found.expected)
