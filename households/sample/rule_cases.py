"""The cases that data rules must find, each in a household of its own: identity, structure, codes, income, ledger.

A case breaks its own rule; what follows of necessity from it is told beside it. Cases that need departments' lists
stand in `list_cases`, those that need earlier years in `round_cases`.
"""

import random

from households import codes
from households.sample import families, list_cases, people, round_cases
from households.sample.economy import DIBAO, TEKUN, Household, Wish, add_up
from households.sample.families import DAUGHTER, FATHER, FEMALE, HEAD, MALE, MOTHER, SON, SPOUSE, Person
from households.sample.faults import ANYONE, AUTO, MEMBER, Block, Case, beside, pupil, rebody, someone

CASES: list[Case] = []
POOR = Wish(exited=False)
IDLE = Wish(idle=True)


def case(rule: str, subject: str = "h", **more) -> None:
    CASES.append(Case(rule, subject, **more))


# --- whom ----------------------------------------------------------------------------------------------------------


def grown(one: Person) -> bool:
    return 23 <= one.age < 60 and not one.in_school


def healthy(one: Person) -> bool:
    return one.health == ("01",)


def can_work(one: Person) -> bool:
    return one.able and not one.in_school and 18 <= one.age < 60


def household(*tests) -> object:
    """Return a `need` for families that pass all tests; the place is the head's."""
    return lambda members, _rng: 0 if all(test(members) for test in tests) else None


def somebody(*tests):
    return lambda members: any(all(test(one) for test in tests) for one in members)


def nobody(*tests):
    return lambda members: not any(all(test(one) for test in tests) for one in members)


def old(one: Person) -> bool:
    return one.age >= 60


def child(one: Person) -> bool:
    return 8 <= one.age <= 13


def couple(members) -> bool:
    return members[0].sex == MALE and len(members) > 1 and members[1].relation == SPOUSE


# --- what --------------------------------------------------------------------------------------------------------------


def of_both(name: str, value: object):
    """Return `cells` that write a household-wide cell of both sheets."""

    def cells(persons: Block, households: Block, *_rest) -> None:
        for block in (persons, households):
            if name in block.places:
                for row in range(len(block.rows)):
                    block.put(row, name, value)

    return cells


def of_house(**values):
    """Return `cells` that write cells of the household sheet."""

    def cells(_persons, households: Block, *_rest) -> None:
        for name, value in values.items():
            households.put(0, name, value)

    return cells


def of_person(**values):
    """Return `cells` that write cells of the person's row."""

    def cells(persons: Block, _households, place: int, *_rest) -> None:
        for name, value in values.items():
            persons.put(place, name, value)

    return cells


def in_turn(*options):
    """Return a hook that takes the given ones in turn; the turn is the last argument."""
    return lambda *given: options[given[-1] % len(options)](*given)


def attributes(**values):
    """Return a `shape` that sets attributes of the person."""

    def shape(home: Household, place: int, *_rest) -> None:
        for name, value in values.items():
            setattr(home.people[place], name, value)

    return shape


def keeping(change):
    """Return an `after` that changes the year's amounts; what is lost by it the household gets as support instead."""

    def after(home: Household, *_rest) -> None:
        before = home.income["net"]
        change(home.income, home)
        add_up(home)
        lost = before - home.income["net"]
        if lost > 0:
            home.income["t_other"] += lost
            add_up(home)

    return after


def amounts(**values):
    """Return an `after` that sets amounts of the year, in yuan."""
    return keeping(lambda income, _home: income.update({name: value * 100 for name, value in values.items()}))


def again(home: Household, place: int, ids, relation: str, sex: str, age: int, **fixed) -> Person:
    """Put somebody else, of that age, into the place of a member; the name stays."""
    rng = random.Random(f"again/{home.index}/{place}")
    before = home.people[place]
    one = families.person(rng, relation, sex, age)
    people.describe(rng, one)
    one.name, one.ethnicity = before.name, before.ethnicity
    for name, value in fixed.items():
        setattr(one, name, value)
    one.cert_no = ids.take(one.born, one.sex)
    home.people[place] = one
    return one


# --- identity ------------------------------------------------------------------------------------------------------------

case("ID-01", "p", need=someone(grown), cells=of_person(cert_no=None, cert_type=None))


def _unknown_area(home, place, _ids, turn):
    one = home.people[place]
    one.cert_no = rebody(one.cert_no, 0, ("459988", "990101")[turn % 2])


case("ID-07", "p", need=MEMBER, shape=_unknown_area)


def _wrong_certificate(persons, _households, place, home, turn):
    one = home.people[place]
    persons.put(place, "cert_no", one.cert_no + ("8" + one.dis_level, one.dis_type + "6")[turn % 2])
    persons.put(place, "cert_type", "残疾人证")
    persons.fault(place, "cert_no", "D19", AUTO)


case("ID-08", "p", need=someone(lambda one: one.dis_type), cells=_wrong_certificate)


def _strange_name(persons, _households, place, home, turn):
    name = home.people[place].name
    persons.put(place, "name", (name + "2", name[0] + "Ana", name[0])[turn % 3])


def _other_name_too(home, place):
    return [("ID-13", home.people[place].person_no)]  # the police know the name


case("ID-14", "p", need=someone(grown, lambda one: "·" not in one.name and len(one.name) > 1), cells=_strange_name,
     follows=_other_name_too)  # fmt: skip


def _very_old(home, place, ids, turn):
    one = home.people[place]
    one.born = one.born.replace(year=1908 - turn % 4, day=min(one.born.day, 28))
    one.cert_no = ids.take(one.born, one.sex)


case("ID-15", "p", need=someone(lambda one: one.relation in (FATHER, MOTHER) and one.age >= 74), shape=_very_old)


def _wrong_phone(persons, households, _place, home, turn):
    """Each has its own: the same one in many households would be another fault."""
    own = home.index % 100_000
    number = (f"108770{own:05d}", f"15{own % 1000:03d}", f"1992{own:05d}")[turn % 3]
    of_both("phone", number)(persons, households)


case("ID-16", cells=_wrong_phone)


def _same_phone(home, first_home):
    home.phone = first_home.phone


case("ID-17", size=4, join=_same_phone, also="h")


def _bad_card(_persons, households, _place, home, turn):
    number = home.card_no
    households.put(0, "card_no", (number[:-1] + str((int(number[-1]) + 1) % 10), number[:14])[turn % 2])


case("ID-18", cells=_bad_card)


def _same_card(home, first_home):
    home.card_no = first_home.card_no


case("ID-19", size=2, join=_same_card, also="h")
case("ID-20", cells=of_house(bank_name=None))

# --- structure -----------------------------------------------------------------------------------------------------------


def _empty(home, _place, _rng, _turn):
    home.people = home.people[:1]
    for name in home.income:
        home.income[name] = 0
    home.income |= {"business": 9000_00 * home.size, "biz_cost": 1500_00 * home.size}
    add_up(home)


case("HH-04", need=household(nobody(old), somebody(can_work)), wish=IDLE, after=_empty)
case("HH-07", "p", need=someone(lambda one: one.relation in (SON, DAUGHTER)),
     cells=lambda persons, _h, place, home, _t: persons.put(
         place, "relation", codes.RELATION.labels[DAUGHTER if home.people[place].relation == SON else SON]))  # fmt: skip


def _same_sex(home, place, ids, _turn):
    one, head = home.people[place], home.people[0]
    one.sex = head.sex
    one.cert_no = ids.take(one.born, one.sex)


case("HH-08", need=someone(lambda one: one.relation == SPOUSE and one.age >= 22), shape=_same_sex)


def _second_wife(persons, _households, place, _home, _turn):
    persons.put(place, "relation", codes.RELATION.labels[SPOUSE])


def _wife_and_grown_daughter(members, rng):
    found = [n for n, one in enumerate(members) if one.relation == DAUGHTER and one.age >= 21]
    return found[0] if found and couple(members) else None


case("HH-09", need=_wife_and_grown_daughter, cells=_second_wife)


def _too_near(home, place, ids, turn):
    one, head = home.people[place], home.people[0]
    if one.relation in (FATHER, MOTHER):
        again(home, place, ids, one.relation, one.sex, head.age + 12 - turn % 3)
    else:
        again(home, place, ids, one.relation, one.sex, head.age - 12 + turn % 3)


def _near(members, rng):
    head = members[0].age
    found = [
        n
        for n, one in enumerate(members)
        if (one.relation in (FATHER, MOTHER) and head >= 50) or (one.relation in (SON, DAUGHTER) and 38 <= head < 68)
    ]
    return rng.choice(found) if found else None


case("HH-10", "p", need=_near, shape=_too_near)


def _only_parents(members, _rng):
    if {one.relation for one in members} != {HEAD, SPOUSE, SON} or len(members) != 3:
        return None
    return 2 if 10 <= members[2].age <= 14 else None


def _child_head(home, place, _ids, _turn):
    son = home.people.pop(place)
    for one in home.people:
        one.relation = FATHER if one.sex == MALE else MOTHER
    son.relation = HEAD
    home.people.insert(0, son)


case("HH-11", need=_only_parents, shape=_child_head)


def _young_wife(home, place, ids, turn):
    one = home.people[place]
    age = 19 - turn % 2 if one.sex == FEMALE else 21
    again(home, place, ids, SPOUSE, one.sex, age, student_status="01", education="03")


case("HH-15", "p", need=someone(lambda one: one.relation == SPOUSE), shape=_young_wife)


def _same_house(home, first_home):
    home.phone, home.position_of, home.hamlet = first_home.phone, first_home.index, first_home.hamlet


def _stay(home, _place, _rng, _turn):
    home.position_of = home.index


case("HH-16", size=2, after=_stay, join=_same_house, also="h")


def _still_able(home, place, _rng, _turn):
    home.people[place].labour = "05"


def _all_old(members, _rng):
    found = [n for n, one in enumerate(members) if one.age <= 64]
    return found[0] if found and all(old(one) for one in members) else None


case("HH-17", need=_all_old, wish=Wish(type=TEKUN), after=_still_able)

# --- codes ---------------------------------------------------------------------------------------------------------------


def _dropped_out(home, place):
    found = [("XD-11", home.people[place].person_no)]
    return found + ([("CD-24", home.household_no)] if home.exited else [])


case("CD-01", "p", need=beside(someone(lambda one: 10 <= one.age <= 13), pupil), wish=POOR, follows=_dropped_out,
     shape=attributes(student_status="01", education="02"))  # fmt: skip
case("CD-02", "p", need=someone(lambda one: one.age == 4), shape=attributes(student_status="01", education="06"))
case("CD-03", "p", need=someone(lambda one: one.age in (13, 14)),
     shape=attributes(work_area="01", work_months=2, work_wage=1200),
     follows=lambda home, place: [("CD-07", home.people[place].person_no)])  # fmt: skip
case("CD-04", "p", need=someone(lambda one: 5 <= one.age <= 14), shape=attributes(labour="01"))
case("CD-05", "p", need=someone(lambda one: 60 <= one.age <= 80),
     shape=in_turn(attributes(labour="03"), attributes(labour="01")), wish=IDLE)  # fmt: skip
case(
    "CD-06",
    "p",
    need=someone(grown, healthy),
    shape=in_turn(attributes(labour="04"), attributes(labour="05")),
    wish=IDLE,
)
case("CD-07", "p", need=someone(grown, lambda one: one.health in (("02",), ("03",))),
     shape=attributes(labour="03", work_area="01", work_months=5, work_wage=1500))  # fmt: skip
case("CD-08", "p", need=someone(lambda one: one.age <= 2), shape=attributes(education="03"))
case("CD-09", "p", need=someone(grown, lambda one: one.age < 60), shape=attributes(education="06"))
case("CD-10", "p", need=someone(lambda one: 7 <= one.age <= 9), shape=attributes(student_status="04"))
case("CD-12", "p", need=someone(grown), cells=of_person(education=None, student_status=None))
case(
    "CD-13", "p", need=someone(lambda one: 17 <= one.age <= 21 and not one.in_school), shape=attributes(education="02")
)
case("CD-14", "p", need=someone(can_work), shape=attributes(work_area="04", work_months=10, work_wage=2600),
     cells=in_turn(of_person(work_months=13), of_person(work_months=10.5)))  # fmt: skip
case("CD-15", "p", need=someone(can_work), shape=attributes(work_area="04", work_months=6, work_wage=2600),
     cells=of_person(work_area=None))  # fmt: skip
case("CD-16", "p", need=someone(lambda one: one.dis_type), cells=of_person(dis_type=None, dis_level=None))


def _no_cause(persons, households, *rest):
    of_both("main_cause", None)(persons, households)
    of_both("other_causes", None)(persons, households)


case("CD-18", cells=_no_cause)
case("CD-19", cells=in_turn(of_both("other_causes", "缺资金、缺土地、因灾"), of_both("other_causes", "缺资金、缺技术")))


def _cause(code: str):
    def after(home, _place, _rng, _turn):
        home.main_cause = code

    return after


case("CD-20", need=household(nobody(lambda one: not healthy(one))), after=_cause("01"))
case("CD-20", need=household(nobody(lambda one: one.in_school)), after=_cause("03"))
case("CD-20", need=household(nobody(lambda one: "04" in one.health)), after=_cause("02"))
case(
    "CD-20",
    need=household(lambda members: all(can_work(one) and one.labour in ("01", "02") for one in members)),
    after=_cause("08"),
)


def _type_only(home, _place, _rng, _turn):
    home.type = DIBAO


def _member_only(home, place, _rng, _turn):
    home.people[place].dibao = True
    home.income["t_dibao"] = 3000_00
    add_up(home)


case("CD-21", after=_type_only)
case("CD-21", after=_member_only, need=ANYONE)


def _both_kinds(home, _place, _rng, _turn):
    home.people[0].dibao = True
    home.income["t_dibao"] = 2880_00
    add_up(home)


case(
    "CD-22", need=household(lambda members: all(old(one) for one in members)), wish=Wish(type=TEKUN), after=_both_kinds
)


def _unsafe_house(home, place):
    return [("CD-24", home.household_no)] if home.exited else []


case("CD-23", wish=POOR, need=household(somebody(can_work), nobody(old)), follows=_unsafe_house,
     after=lambda home, *_rest: (setattr(home, "grade", "B"), setattr(home, "dangerous", True)))  # fmt: skip
case("CD-24", cells=of_house(water_safe="否", water_hard="是"))
case("CD-24", after=lambda home, *_rest: (setattr(home, "grade", "C"), setattr(home, "dangerous", True)))
case("CD-25", cells=of_house(water_safe="是", water_hard="是"))
case(
    "CD-26", cells=in_turn(of_house(house_m2=0), lambda _p, h, _n, home, _t: h.put(0, "house_m2", 210 * home.size + 5))
)


def _much_land(_persons, households, _place, home, turn):
    name, mu = (("arable", 51 * home.size + 2), ("forest", 71 * home.size + 205), ("water", 101))[turn % 3]
    households.put(0, name, mu)


case("CD-27", cells=_much_land)
case("CD-28", cells=lambda _p, h, _n, home, _t: h.put(0, "grain_to_green", home.land["forest"] + 3))
case("CD-29", cells=in_turn(of_house(road_km=8.5), of_house(road_km=350)))
case("CD-30", "p", need=someone(grown), cells=of_person(med_resident="是", med_employee="是"))
case("CD-31", "p", need=MEMBER, cells=in_turn(of_person(critical_illness="否"), of_person(critical_illness=None)))


def _exit_year(persons, _households, _place, home, turn):
    for row in range(len(persons.rows)):
        persons.put(row, "exit_year", (home.first_recog.year - 1, None)[turn % 2])


case("CD-32", cells=_exit_year)
case("CD-33", "p", need=someone(lambda one: 15 <= one.age <= 17), shape=attributes(political="01"))

# --- income --------------------------------------------------------------------------------------------------------------

YOUNG = household(nobody(old), somebody(can_work))
WITH_OLD = household(somebody(lambda one: one.age >= 60))


def earn(home: Household, per_head: int) -> None:
    """Let the household live of farming alone, with that net income a head (fen)."""
    income = home.income
    income["p_other"] = income["wage"] = 0
    given = sum(value for key, value in income.items() if key.startswith(("t_", "p_")))
    left = per_head * home.size - given
    income["business"] = left * 10 // 6
    income["biz_cost"] = income["business"] - left
    add_up(home)


def _around(yuan: int):
    return lambda home, _place, rng, _turn: earn(home, yuan * 100 + rng.randrange(0, 100_00))


case("IN-01", cells=lambda _p, h, *_rest: h.put(0, "p_other", (h.get(0, "p_other") or 0) + 500))
case("IN-01", cells=lambda _p, h, *_rest: h.put(0, "t_other", (h.get(0, "t_other") or 0) + 90))
case("IN-02", cells=lambda _p, h, *_rest: h.put(0, "gross", h.get(0, "gross") + 1000))


def _wrong_per_head(persons, households, _place, home, turn):
    wrong = (home.income["net_pc"] + (35_00, -120_00)[turn % 2]) / 100
    of_both("net_pc", wrong)(persons, households)


case("IN-03", cells=_wrong_per_head)
case("IN-04", need=YOUNG, after=in_turn(
    keeping(lambda income, _home: income.update(p_asset=0, p_other=-80_00)),
    keeping(lambda income, home: income.update(business=120_000_00 * home.size)),
))  # fmt: skip
case("IN-05", need=YOUNG, wish=Wish(idle=True, monitored=True, years=(2017, 2018)), after=_around(3300))
case("IN-06", need=YOUNG, wish=IDLE, after=_around(4500))
case("IN-09", need=YOUNG, wish=IDLE, after=amounts(wage=18_000))
case("IN-10", need=household(somebody(can_work), lambda members: len(members) >= 4), wish=Wish(works=True),
     after=in_turn(
         keeping(lambda income, home: income.update(wage=sum(one.work_months for one in home.people) * 60_00)),
         keeping(lambda income, _home: income.update(wage=305_000_00)),
     ))  # fmt: skip
case("IN-11", need=YOUNG, after=amounts(biz_cost=0))
case("IN-12", need=YOUNG, after=amounts(t_dibao=2400))
case("IN-12", need=YOUNG, wish=Wish(type=DIBAO), after=amounts(t_dibao=0))
case("IN-13", need=YOUNG, after=amounts(t_tekun=9600))
case("IN-13", need=household(lambda members: all(old(one) for one in members)), wish=Wish(type=TEKUN),
     after=amounts(t_tekun=0))  # fmt: skip
case("IN-14", need=WITH_OLD, after=amounts(t_pension=80))
case("IN-14", need=YOUNG, wish=Wish(type=DIBAO), after=amounts(t_dibao=180))
case("IN-15", need=WITH_OLD, after=amounts(t_pension=0))
case("IN-15", need=YOUNG, after=amounts(t_pension=1500))


def _no_green(income, home):
    home.land["grain_to_green"] = home.land["forest"] = 0.0
    income["t_eco"] = 330_00


def _no_mark(income, home):
    home.only_child = home.two_daughters = False
    income["t_family"] = 960_00


case("IN-16", after=in_turn(keeping(_no_green), keeping(_no_mark)))


def _mostly_given(home, *_rest):
    """Proposed for exit this year, though it lives of what it is given."""
    income = home.income
    home.status, home.exit_year = "11", None
    income["business"], income["biz_cost"], income["p_other"] = 2000_00, 700_00, 0
    income["t_other"] = 6500_00 * home.size + income["wage"]
    add_up(home)


case("IN-19", need=YOUNG, after=_mostly_given, wish=IDLE)
case("IN-23", need=YOUNG, wish=Wish(idle=True, monitored=True, years=(2017, 2018)), after=_around(4030))


def _ledger(what: str):
    return lambda home, *_rest: setattr(home, "ledger", what)


case("IN-08", need=household(somebody(can_work)), wish=Wish(works=True), after=_ledger("jump"))
case("IN-20", after=_ledger("future"))
case("IN-21", after=_ledger("twice"))
case("IN-22", size=5, need=YOUNG, also_need=YOUNG, wish=IDLE, after=_ledger("copied"), also="h",
     join=lambda home, _first: setattr(home, "ledger", "copied"))  # fmt: skip

CASES = (*CASES, *list_cases.CASES, *round_cases.CASES)
GAPS = (Case("IN-20", wish=IDLE, need=YOUNG, after=_ledger("gap")),)
WRONGLY_IN = list_cases.WRONGLY_IN
