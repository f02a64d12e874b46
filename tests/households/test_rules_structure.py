"""Rules about heads, relations, splits and doubles: what each finds, and what it must leave alone."""

import datetime as dt

import pytest
from django.contrib.gis.geos import Point
from django.db import IntegrityError, connection, transaction

from households.models import Household, Member, MemberYear
from households.rules.common import rules
from poverty import scope
from tests.households.rule_world import (
    HERE,
    NEXT,
    OTHER_TOWN,
    Cases,
    adult,
    change,
    family,
    look,
    number,
    old,
    person,
    pupil,
    wife,
    world_of,
)

cases = Cases()


def kin(relation: str, sex: str, born="2011-03-01"):
    return lambda: family(pupil(born, relation=relation, sex=sex)).last


def house(*others, **values):
    return lambda: family(*others, **values).house


cases.hits(
    "HH-04", nobody=house(head=False), all_left=house(head={"departed_on": dt.date(2020, 5, 1), "departed_as": "01"})
)
cases.misses("HH-04", one=house())
cases.hits(
    "HH-07",
    son=kin("03", "2"),
    daughter=kin("04", "1"),
    daughter_in_law=kin("05", "1", "1990-01-01"),
    father=kin("11", "2", "1945-01-01"),
    grandmother=kin("18", "1", "1940-01-01"),
    sex_of_the_number=lambda: family({**pupil(relation="03"), "sex": None, "cert_no": number("2011-03-01", "2")}).last,
)
cases.misses(
    "HH-07", son=kin("03", "1"), granddaughter=kin("08", "2"), other=kin("99", "2"), spouse=lambda: family(wife()).last
)
cases.hits("HH-08", two_men=house({**wife(), "sex": "1", "relation": "02"}), two_women=house(wife(), head={"sex": "2"}))
cases.misses(
    "HH-08", couple=house(wife()), single=house(), sex_unknown=house({**wife(), "sex": "0", "cert_no": None}),
    son_of_the_same_sex=house(pupil()),
)  # fmt: skip
cases.hits("HH-09", two_wives=house(wife(), wife("1980-01-01")))
cases.misses("HH-09", one_wife=house(wife()))


def relative(relation, born, head_born="1975-03-01", sex="1", **more):
    return lambda: family(adult(born, relation=relation, sex=sex), head={"born": head_born}, **more).last


cases.hits(
    "HH-10",
    son_14_years_younger=relative("03", "1990-02-28"),
    daughter_older=relative("04", "1970-01-01", sex="2"),
    father_14_years_older=relative("11", "1960-03-02"),
    mother_younger=relative("12", "1980-01-01", sex="2"),
)
cases.misses(
    "HH-10",
    son_15_years_younger=relative("03", "1990-03-01"),
    father_15_years_older=relative("11", "1960-03-01"),
    mother_in_law=relative("14", "1965-01-01", sex="2"),
    son_in_law=relative("06", "1976-01-01"),
    brother=relative("99", "1974-01-01"),
    of_two_heads=lambda: family(adult(relation="01"), adult("1980-01-01", relation="03")).last,
)
cases.hits("HH-11", child_with_an_adult=house(old(relation="17"), head=pupil("2006-01-01", relation="01")))
cases.misses(
    "HH-11", alone=house(head=pupil("2006-01-01", relation="01")),
    of_sixteen=house(old(relation="17"), head=adult("2004-12-31", relation="01")),
)  # fmt: skip

OLD_PAIR = {"head": old(relation="01")}


def split(on: str, born="1975-01-01", as_="09", **pair):
    def build():
        made = family(old("1948-01-01", relation="02", sex="2"), **(pair or OLD_PAIR))
        person(made.house, born=born, relation="03", departed_on=dt.date.fromisoformat(on), departed_as=as_)
        return made.house

    return build


def minors():
    made = family(pupil("2012-01-01", relation="99"), head=pupil("2006-01-01", relation="01"))
    gone = {"relation": "11", "departed_on": dt.date(2020, 3, 1), "departed_as": "09"}
    person(made.house, born="1980-01-01", **gone)
    return made.house


def moved_into_another_household():
    text = number("1975-01-01")
    made = family(**OLD_PAIR)
    gone = {"relation": "03", "departed_on": dt.date(2020, 3, 1), "departed_as": "09"}
    person(made.house, born="1975-01-01", cert_no=text, **gone)
    family(head={"born": "1975-01-01", "cert_no": text}, village=NEXT)
    return made.house


def beside(address: str, village=HERE, **other):
    def build():
        made = family(**OLD_PAIR, address=f"{address} 8 号")
        family(village=village, address=f"{address}8号", **{"lifecycle": "ORDINARY", "status": "14", **other})
        return made.house

    return build


cases.hits(
    "HH-12",
    old_people_and_a_split=split("2019-01-01"),
    minors_and_a_split=minors,
    neighbour_outside=beside("龙溪村上屯"),
    cancelled_neighbour=beside("龙溪村下屯", lifecycle="CANCELLED", status="13"),
)
cases.misses(
    "HH-12",
    split_long_ago=split("2018-12-30"),
    split_of_an_old_person=split("2020-01-01", born="1950-01-01"),
    death=split("2020-01-01", as_="01"),
    into_another_registered_household=moved_into_another_household,
    neighbour_in_the_register=beside("龙溪村中屯", lifecycle="POOR", status="04"),
    same_address_in_another_village=beside("龙溪村东屯", village=NEXT),
    somebody_of_working_age=split("2020-01-01", head={}),
)


def rounds(*years, others=(2018, 2019, 2020), event=None, **more):
    def build():
        made = family(rounds=others, **more)
        found = person(made.house, **{**wife(), "years": years})
        if event:
            change(found, *event)
        return found

    return build


def typed_in():
    """A year in which one person was corrected by hand is no round."""
    made = family(wife(), rounds=(2018, 2019))
    with scope.system("test"):
        MemberYear.objects.create(
            member=made.head, household=made.house, village_id=made.house.village_id, year=2020, stamp="2020-11-01/3"
        )
    return made.last


cases.hits(
    "HH-13", appeared=rounds(2019, 2020), vanished=rounds(2018, 2019), away_for_a_round=rounds(2018, 2020),
    left_and_still_here=rounds(2019, 2020, event=("02", "2019-01-01")),
)  # fmt: skip
cases.misses(
    "HH-13",
    always_there=rounds(2018, 2019, 2020),
    married_in=rounds(2019, 2020, event=("05", "2019-02-01")),
    one_round=rounds(2020, others=(2020,)),
    nobody_has_years=rounds(others=()),
    typed_in=typed_in,
)


def newborn(born: str, kind: str, on: str):
    def build():
        found = family(pupil(born, relation="03")).last
        change(found, kind, on)
        return found

    return build


cases.hits(
    "HH-14",
    entered_late=newborn("2018-01-01", "06", "2019-01-02"),
    before_birth=newborn("2018-01-01", "06", "2017-12-31"),
    married_in_before_birth=newborn("2000-01-01", "05", "1999-12-31"),
)
cases.misses(
    "HH-14",
    within_a_year=newborn("2018-01-01", "06", "2019-01-01"),
    moved_in_later=newborn("2008-01-01", "07", "2019-01-01"),
    death_is_no_arrival=newborn("2018-01-01", "01", "2017-01-01"),
)
cases.hits(
    "HH-15",
    wife_of_19=lambda: family(wife("2001-01-01"), head={"born": "1995-01-01"}).last,
    husband_of_21=lambda: (
        family(adult("1999-01-01", relation="02", sex="1"), head={"born": "1995-01-01", "sex": "2"}).last
    ),
)
cases.misses(
    "HH-15",
    wife_of_20=lambda: family(wife("2000-12-31"), head={"born": "1995-01-01"}).last,
    husband_of_22=lambda: (
        family(adult("1998-12-31", relation="02", sex="1"), head={"born": "1995-01-01", "sex": "2"}).last
    ),
    daughter_in_law=relative("05", "2003-01-01", sex="2"),
)
METRE = 1 / 111_320


def same_spouse(relation: str, village=OTHER_TOWN):
    def build():
        text = number("1977-05-01", "2")
        found = family(wife(cert_no=text)).house
        if relation == "01":
            family(head={**wife(cert_no=text), "relation": "01"}, village=village)
        else:
            family({**wife(cert_no=text), "relation": relation}, village=village)
        return found

    return build


def near(metres: float, phone: str, other_phone: str = "", east=True, at=(107.5, 23.5)):
    def build():
        step = metres * METRE
        found = family(phone=phone, position=Point(*at, srid=4326)).house
        there = (at[0] + step / 0.9171, at[1]) if east else (at[0], at[1] + step)
        family(phone=other_phone or phone, position=Point(*there, srid=4326), village=NEXT)
        return found

    return build


cases.hits(
    "HH-16",
    same_wife=same_spouse("02"),
    wife_is_head_elsewhere=same_spouse("01"),
    four_metres_east=near(4, "13922220001"),
    four_metres_north=near(4, "13922220002", east=False, at=(107.6, 23.61)),
    same_place=near(0, "13922220003", at=(107.7, 23.7)),
)
cases.misses(
    "HH-16",
    daughter_elsewhere=same_spouse("04"),
    six_metres=near(6, "13922220004", at=(107.8, 23.8)),
    other_phone=near(1, "13922220005", "13922220006", at=(107.9, 23.9)),
    no_position=house(phone="13922220003"),
)
TEKUN = {"household_type": "3"}
cases.hits(
    "HH-17",
    able_member=house(head=adult(relation="01"), **TEKUN),
    weak_member_of_65=house(head=old("1955-01-01", relation="01", labour="05"), **TEKUN),
)
cases.misses(
    "HH-17",
    unable=house(head=old("1960-01-01", relation="01"), **TEKUN),
    of_66=house(head=old("1954-01-01", relation="01", labour="05"), **TEKUN),
    of_15=house(head=pupil("2005-01-01", relation="01", labour="01"), **TEKUN),
    another_type=house(head=adult(relation="01")),
)

world = world_of(cases)


@pytest.mark.parametrize(("at", "rule", "hit"), cases.params())
def test_a_rule_finds_what_it_should_and_leaves_the_rest(world, at, rule, hit):
    assert (look(world, at, rule) is not None) is hit


def test_every_rule_of_the_group_is_declared_and_has_a_case(world):
    ours = {one for one in rules if rules[one].group == "HH"}
    assert ours == {f"HH-{number:02}" for number in range(1, 18)}
    impossible = {one for one in ours if rules[one].impossible}
    assert impossible == {"HH-05", "HH-06"}
    at_import = {"HH-01", "HH-02", "HH-03"}
    assert ours - impossible - at_import == {rule for rule, hit, _words, _build in cases.found if hit}


def test_households_taken_for_one_are_told_to_those_only_who_see_both(world):
    reach = {
        words: look(world, at, "HH-16").reach
        for at, (rule, hit, words, _build) in enumerate(cases.found)
        if rule == "HH-16" and hit
    }
    assert reach["same_wife"] == "459901"
    assert reach["four_metres_east"] == "459901100"


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_no_person_without_a_household_and_no_household_outside_a_village(regions):
    with scope.system("test"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Member.objects.create(household_id=987654321, village_id=HERE, person_no="1", name="岑山")
            connection.check_constraints()
        with pytest.raises(IntegrityError), transaction.atomic():
            Member.objects.create(household_id=None, village_id=HERE, person_no="1", name="岑山")
        for place in ("459901100", "459901", "459901100999"):
            with pytest.raises(IntegrityError), transaction.atomic():
                Household.objects.create(village_id=place, household_no=f"x{place}")
                connection.check_constraints()
