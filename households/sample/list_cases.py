"""The cases that departments' lists must find, each in a household of its own.

`WRONGLY_IN` are those who should not have been registered as poor at all: a car, a company, a house in town, a public
salary, large machines.
"""

import random

from households.sample.departments import who
from households.sample.economy import Household, Wish, add_up
from households.sample.families import SPOUSE
from households.sample.faults import ANYONE, Case, anybody, beside, pupil, someone

CASES: list[Case] = []
POOR = Wish(exited=False)
ADULT = someone(lambda one: 23 <= one.age < 60 and not one.in_school, head=True)


def case(rule: str, need, tell, *, subject: str = "p", wish: Wish | None = None, **more) -> Case:
    """Plant: `tell(home, one, turn)` gives rows to add, [(list, fields)], the person's own identity put in."""

    def after(home: Household, place: int, rng, turn: int) -> None:
        one = home.people[place]
        for kind, row in tell(home, one, turn) or ():
            given = who(one) | {k: v for k, v in row.items() if k != "weak"}
            if row.get("weak"):  # without a number: name, birth date and village decide
                given |= {"cert_no": None} | _place(home)
            home.lists.setdefault("add", []).append((kind, given))
        if more.get("later"):
            more["later"](home, one, turn)

    return Case(rule, subject, need=need, wish=wish or Wish(), after=after, follows=more.get("follows"))


def _place(home: Household) -> dict:
    return dict(zip(("region_county", "region_town", "region_village"), home.village.path[2:], strict=True))


def add(*given, **more) -> None:
    CASES.append(case(*given, **more))


def skip(kind: str):
    def later(home: Household, one, _turn) -> None:
        home.lists.setdefault("skip", set()).add((kind, one.cert_no))

    return later


def change(kind: str, *options: dict):
    def later(home: Household, one, turn: int) -> None:
        home.lists.setdefault("change", {})[(kind, one.cert_no)] = options[turn % len(options)]

    return later


def nothing(*_given):
    return ()


WRONGLY_IN = (
    case("XD-01", ADULT, lambda _h, _o, turn: [("vehicles", {
        "vehicle_type": ("小型轿车", "小型普通客车", "轻型栏板货车")[turn % 3], "status": "正常",
        "register_on": f"{2013 + turn % 7}-03-14", "value_yuan": 38_000 + turn % 9 * 11_000, "weak": turn % 5 == 4})]),
    case("XD-02", ADULT, lambda _h, _o, turn: [("enterprises", {
        "firm": ("岭南运输有限公司", "云岭贸易有限公司", "金榕木业有限公司")[turn % 3], "firm_type": "有限责任公司",
        "role": ("法定代表人", "股东")[turn % 2], "status": "存续", "register_on": "2015-08-20"})]),
    case("XD-03", ADULT, lambda _h, _o, turn: [("estate", {
        "use": ("住宅", "商业")[turn % 2], "estate_type": ("商品房", "商铺")[turn % 2], "place": "城镇", "relocation": "否",
        "area_m2": 70 + turn % 50, "status": "现势", "register_on": "2016-02-26", "weak": turn % 7 == 6})]),
    case("XD-04", ADULT, lambda _h, _o, turn: [("payroll", {
        "pay_kind": ("在职", "退休", "在职", "村干部")[turn % 4], "unit": ("县第二小学", "镇卫生院")[turn % 2],
        "amount_yuan": 3100 + turn % 20 * 90, "from_on": "2003-09-01"})]),
    case("XD-13", ADULT, lambda _h, _o, turn: [("machinery", {
        "machine_type": ("联合收割机", "大型拖拉机", "挖掘装载机")[turn % 3], "value_yuan": 42_000 + turn % 12 * 9000,
        "status": "正常", "bought_on": "2018-05-30"})]),
)  # fmt: skip

add("XD-05", someone(lambda one: one.age >= 66), lambda _h, _o, turn: [
    ("deaths", {"died_on": "2019-11-08", "evidence": "死亡医学证明", "weak": turn % 2 == 1})])  # fmt: skip
add("XD-06", ADULT, nothing, later=change("hukou", {"state": "迁出", "moved_on": "2019-03-05", "moved_to": "外省"},
                                          {"state": "注销", "moved_on": "2018-10-30"}))  # fmt: skip
add("XD-06", beside(ADULT, anybody), nothing, later=skip("hukou"))
add("XD-07", ADULT, lambda _h, _o, turn: [("pension", (
    {"pension_kind": "城镇职工", "state": "正常缴费", "unit": "县水泥厂", "paid_to": "2020-11-01"},
    {"pension_kind": "机关事业单位", "state": "正常缴费", "unit": "县职业学校", "paid_to": "2020-11-01"})[turn % 2])])  # fmt: skip
add("XD-08", beside(ADULT, anybody), nothing, later=skip("medical"))
add("XD-08", ADULT, nothing, later=change("medical", {"place": "外省某市", "elsewhere": "是"}))
add("XD-08", ADULT, lambda home, _o, _t: [("medical", {
    "med_kind": "城镇职工", "year": 2020, "place": home.village.path[2], "elsewhere": "否", "state": "正常参保"})])  # fmt: skip
add(
    "XD-09",
    ADULT,
    lambda _h, _o, _t: [("dibao", {"allow_kind": "农村低保", "amount_yuan": 260, "since_on": "2019-04-01"})],
)
add(
    "XD-09",
    beside(someone(lambda one: 23 <= one.age < 60, head=True), anybody),
    nothing,
    wish=Wish(type="2"),
    later=skip("dibao"),
)
add("XD-10", someone(lambda one: 23 <= one.age < 60 and one.health == ("01",)),
    lambda _h, one, _t: [("disability", {"cert_no": one.cert_no + "43", "status": "有效", "issued_on": "2017-05-10"})])  # fmt: skip


def _other_level(home: Household, one, _turn) -> None:
    other = str(int(one.dis_level) % 4 + 1)
    home.lists.setdefault("change", {})[("disability", one.cert_no + one.dis_type + one.dis_level)] = {
        "cert_no": one.cert_no + one.dis_type + other
    }


add("XD-10", someone(lambda one: one.dis_type), nothing, later=_other_level)
add("XD-11", beside(someone(lambda one: 8 <= one.age <= 14), pupil), nothing, later=skip("school"))
add("XD-12", ADULT, lambda _h, _o, _t: [
    ("bills", {"year": 2020, "total_yuan": 24_000, "self_paid_yuan": 6300, "settled_on": "2020-03-03"}),
    ("bills", {"year": 2020, "total_yuan": 21_000, "self_paid_yuan": 5400.5, "settled_on": "2020-10-30"})],
    later=lambda home, *_rest: home.lists.setdefault("skip", set()).add("bills"))  # fmt: skip


def _dangerous(home: Household, _one, _turn) -> None:
    home.grade, home.dangerous = "C", True
    home.lists.setdefault("skip", set()).add("rebuild")


def _of_exited(home: Household, _place) -> list:
    return [("CD-24", home.household_no)] if home.exited else []


def _head(_people, _rng) -> int:
    return 0


def _young_head(people, _rng) -> int | None:
    workers = any(18 <= one.age < 60 and one.able and not one.in_school for one in people)
    return 0 if workers and all(one.age < 60 for one in people) else None


add("XD-14", _young_head, lambda *_given: [("rebuild", {
    "progress": "已竣工", "grade_before": "D级", "year": 2019, "finished_on": "2019-12-12"})],
    subject="h", wish=POOR, later=_dangerous, follows=_of_exited)  # fmt: skip
add("XD-14", _head, lambda *_given: [("rebuild", {"progress": "在建", "grade_before": "C级", "year": 2020})], subject="h",
    later=lambda home, *_rest: home.lists.setdefault("skip", set()).add("rebuild"))  # fmt: skip


def _rich_husband(home: Household, one, turn: int) -> None:
    home.lists.setdefault("skip", set()).add("marriage")

    def rows(outsiders):
        rng = random.Random(f"spouse/{home.index}")
        other = outsiders.person(rng, 30, 50)
        yield "marriage", who(one) | {
            "other_name": other["name"], "other_cert_no": other["cert_no"], "state": "结婚登记", "registered_on": "2012-05-20",
        }  # fmt: skip
        if turn % 2:
            yield "estate", other | {"use": "住宅", "estate_type": "商品房", "place": "城镇", "relocation": "否",
                                     "area_m2": 101, "status": "现势", "register_on": "2014-06-18"}  # fmt: skip
        else:
            yield "vehicles", other | {"vehicle_type": "小型轿车", "status": "正常", "register_on": "2016-06-18",
                                       "value_yuan": 83_000}  # fmt: skip

    home.lists["outsiders"] = rows


add("XD-15", lambda people, _rng: 0 if all(one.relation != SPOUSE for one in people) and people[0].age < 60 else None,
    nothing, later=_rich_husband)  # fmt: skip
add("XD-16", ADULT, lambda _h, _o, turn: [("prison", {
    "detention": ("有期徒刑", "强制隔离戒毒")[turn % 2], "from_on": "2020-02-11", "until_on": "2022-02-10"})])  # fmt: skip


def _all_away(home: Household, _one, turn: int) -> None:
    home.lists.setdefault("skip", set()).add("labour")
    for one in home.people:
        row = {"work_area": "省外", "months_away": 10, "power_months": 12, "power_kwh": 95}
        if turn % 2:
            row = {"work_area": "省外", "months_away": 0, "power_months": 1, "power_kwh": 2.5}
        home.lists.setdefault("add", []).append(("labour", who(one) | row))


add("XD-17", lambda people, _rng: 0 if all(one.age >= 16 for one in people) and len(people) > 1 else None, nothing,
    subject="h", wish=Wish(idle=True), later=_all_away)  # fmt: skip


def _other_month(home: Household, _one, _turn) -> None:
    """What was paid in one month stands in the ledger under another."""
    home.lists["paid"] = lambda paid: [(paid[0][0], _next(paid[0][1]), paid[0][2]), *paid[1:]]


def _next(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year}-{number + 1:02}" if number not in (9, 12) else f"{year}-{number - 1:02}"


def _half(home: Household, _one, _turn) -> None:
    home.income["t_other"] += 1500_00
    add_up(home)
    home.lists["paid"] = lambda paid: [(item, month, fen // 2) for item, month, fen in paid]


add("XD-18", _young_head, nothing, subject="h", wish=Wish(works=True), later=_other_month)
add("IN-17", _young_head, nothing, subject="h", later=_half)
add("IN-18", ANYONE, lambda *_given: [("onecard", {"item": "水库移民补贴", "amount_yuan": 600, "paid_on": "2020-06-20"})],
    subject="h", follows=lambda home, _place: [("XD-18", home.household_no)])  # fmt: skip
# The police know the person by another name.
add(
    "ID-13",
    ADULT,
    nothing,
    later=lambda home, one, _turn: change("hukou", {"name": one.name[0] + "某山"})(home, one, 0),
)
