"""Rules about codes that contradict each other: what each finds, and what it must leave alone."""

import datetime as dt

import pytest

from households.models import MemberYear
from households.rules.common import rules
from poverty import scope
from regions.models import Region, VillageProfile
from tests.households.rule_world import (
    HERE,
    NEXT,
    OTHER_COUNTY,
    OTHER_TOWN,
    Cases,
    adult,
    family,
    look,
    old,
    pupil,
    wife,
    world_of,
)
from validation import engine
from validation.models import Finding

cases = Cases()
BARE = "459901101299"  # a village with a profile and without households


def one(born="1975-03-01", **values):
    """A second member of a family, a son, with these values."""
    return lambda: family(adult(born, relation="03", **values)).last


def child(born="2011-03-01", **values):
    return lambda: family(pupil(born, **values)).last


def house(*others, **values):
    return lambda: family(*others, **values).house


def year(**values):
    return lambda: family(year=values).house


OUT = {"student_status": "01"}
cases.hits(
    "CD-01",
    out_of_school=child(**OUT),
    of_six=child("2014-08-31", **OUT),
    of_fifteen=child("2004-09-01", **OUT),
    nothing_said=child(student_status=None),
    primary_only=child("2005-01-01", education="02", **OUT),
)
cases.misses(
    "CD-01",
    at_school=child(),
    five_on_31_august=child("2014-09-01", **OUT),
    sixteen_on_31_august=child("2004-08-31", **OUT),
    a_reason=child(dropout_reason="02", **OUT),
    grade_nine_behind=child("2005-01-01", education="03", **OUT),
)
cases.hits("CD-02", at_home=child("2016-03-01", **OUT), of_three=child("2017-08-31", **OUT))
cases.misses(
    "CD-02",
    in_preschool=child("2016-03-01", student_status="02"),
    two_on_31_august=child("2017-09-01", **OUT),
    of_six=child("2014-03-01", **OUT),
    a_reason=child("2016-03-01", dropout_reason="01", **OUT),
)
cases.hits("CD-03", area=child("2005-01-01", work_area="04"), months=child("2005-01-01", work_months=2))
cases.misses("CD-03", of_sixteen=child("2004-12-31", work_area="04"), no_months=child("2005-01-01", work_months=0))
cases.hits("CD-04", common=child("2005-01-01", labour="01"), weak=child(labour="05"))
cases.misses("CD-04", none=child(), of_sixteen=child("2004-12-31", labour="01"), not_said=child(labour=None))
cases.hits("CD-05", common=one("1960-12-31", labour="01"), lost=one("1950-01-01", labour="03"))
cases.misses("CD-05", weak=one("1960-12-31", labour="05"), none=one("1950-01-01", labour="04"), of_59=one("1961-01-01"))
cases.hits("CD-06", weak=one(labour="05"), lost=one("1961-01-01", labour="03"), of_16=one("2004-12-31", labour="04"))
cases.misses(
    "CD-06",
    ill=one(labour="05", health=["02"]),
    at_school=one("2003-01-01", labour="04", student_status="09", education=None),
    of_60=one("1960-12-31", labour="04"),
    common=one(),
    health_unknown=one(labour="04", health=None),
)
cases.hits("CD-07", area=one(labour="04", work_area="01"), months=one(labour="03", work_months=3))
cases.misses(
    "CD-07", weak=one(labour="05", work_area="01"), at_home=one(labour="04"), none=one(labour="04", work_months=0)
)
cases.hits("CD-08", junior_at_six=child("2014-01-01", education="03"), primary_at_four=child("2016-01-01"))
cases.misses(
    "CD-08",
    primary_at_five=child("2015-12-31"),
    preschool_at_four=child("2016-01-01", student_status="02"),
    junior_at_seven=child("2013-12-31", education="03"),
    at_home=child("2016-01-01", **OUT),
)
cases.hits("CD-09", of_seven=child("2013-12-31", education="06"), grown_up=one(education="06"))
cases.misses("CD-09", of_six=child("2014-01-01", education="06"), primary=one(education="02"))


def at(status, born):
    return child(born, student_status=status)


cases.hits(
    "CD-10",
    primary_too_young=at("03", "2014-09-01"),
    primary_too_old=at("03", "2005-08-31"),
    junior_too_young=at("04", "2008-09-01"),
    junior_too_old=at("06", "2002-08-31"),
    senior_too_young=at("07", "2005-09-01"),
    vocational_too_old=at("12", "1999-08-31"),
    college_too_young=at("18", "2002-09-01"),
    higher_vocational_too_young=at("13", "2002-09-01"),
    master_too_young=at("19", "2000-09-01"),
)
cases.misses(
    "CD-10",
    primary_of_6=at("03", "2014-08-31"),
    primary_of_14=at("03", "2005-09-01"),
    junior_of_12=at("04", "2008-08-31"),
    junior_of_17=at("06", "2002-09-01"),
    senior_of_15=at("07", "2005-08-31"),
    vocational_of_20=at("12", "1999-09-01"),
    college_of_18=at("18", "2002-08-31"),
    college_of_40=at("16", "1980-01-01"),
    master_of_20=at("19", "2000-08-31"),
    not_at_school=at("01", "1980-01-01"),
)


def grades(*statuses, years=(2018, 2019, 2020)):
    by_year = {year: {"student_status": status} for year, status in zip(years, statuses, strict=True)}
    return child("2006-01-01", years=years, by_year=by_year)


cases.hits(
    "CD-11",
    three_times=grades("04", "04", "04"),
    four_times=grades("05", "05", "05", "05", years=(2017, 2018, 2019, 2020)),
    stayed_after_a_step=grades("04", "05", "05", "05", years=(2017, 2018, 2019, 2020)),
)
cases.misses(
    "CD-11",
    goes_on=grades("04", "05", "06"),
    twice=grades("04", "04", years=(2019, 2020)),
    primary=grades("03", "03", "03"),
    college=grades("16", "16", "16"),
    out_of_school=grades("01", "01", "01"),
    moved_up_now=grades("04", "04", "04", "05", years=(2017, 2018, 2019, 2020)),
)
cases.hits(
    "CD-12",
    both_empty=one(education=None, student_status=None),
    both_blank=one(education="", student_status=""),
    student_with_education=one("2000-01-01", education="04", student_status="18"),
)
cases.misses(
    "CD-12",
    not_at_school=one(),
    education_only=one(student_status=None),
    pupil=child(),
    preschool_child=child("2016-01-01", education="06", student_status="02"),
)
cases.hits(
    "CD-13", primary=one("2000-01-01", education="02"), illiterate=one("1998-08-31", education="01", student_status="")
)
cases.misses(
    "CD-13",
    junior=one("2000-01-01"),
    at_school=one("2003-01-01", education="02", student_status="10"),
    fifteen_on_31_august=one("2004-09-01", education="02"),
    of_23=one("1997-08-31", education="02"),
)
cases.hits("CD-14", thirteen=one(work_area="01", work_months=13), half=one(work_area="01", work_months="2.5"))
cases.misses("CD-14", twelve=one(work_area="01", work_months=12), none=one(work_months=0), not_said=one())
cases.hits(
    "CD-15", area_only=one(work_area="01"), months_only=one(work_months=3), no_months=one(work_area="01", work_months=0)
)
cases.misses("CD-15", both=one(work_area="01", work_months=3), neither=one(), no_months_no_area=one(work_months=0))
DISABLED = {"health": ["04"], "labour": "05"}
cases.hits(
    "CD-16",
    no_certificate=one(**DISABLED),
    no_level=one(dis_type="4", **DISABLED),
    not_disabled=one(dis_type="4", dis_level="2"),
    health_unknown=one(dis_type="4", dis_level="2", health=None),
)
cases.misses(
    "CD-16",
    complete=one(dis_type="4", dis_level="2", **DISABLED),
    ill_and_disabled=one(dis_type="4", dis_level="2", health=["03", "04"], labour="05"),
    healthy=one(),
)
cases.hits("CD-18", empty=house(main_cause=None), blank=house(main_cause=""))
cases.misses("CD-18", given=house(), ordinary=house(main_cause=None, lifecycle="ORDINARY", status="14"))
cases.hits("CD-19", three=house(other_causes=["01", "02", "03"]), main_again=house(other_causes=["07"]))
cases.misses("CD-19", two=house(other_causes=["09", "10"]), none=house(other_causes=[]), not_said=house())
ILL_ADULT = adult("1970-01-01", relation="99", health=["02"], labour="05")
cases.hits(
    "CD-20",
    ill=house(main_cause="01"),
    disabled=house(ILL_ADULT, main_cause="02"),
    schooling=house(main_cause="03"),
    labour=house(old(relation="12", sex="2"), main_cause="08"),
)
cases.misses(
    "CD-20",
    ill=house(ILL_ADULT, main_cause="01"),
    one_unknown=house(adult(relation="99", health=None), main_cause="01"),
    disabled=house(adult(relation="99", dis_type="4", dis_level="2", **DISABLED), main_cause="02"),
    schooling=house(pupil(), main_cause="03"),
    little_labour=house(old(relation="12", sex="2"), pupil(), main_cause="08"),
    weak_labour=house(main_cause="08", head={"labour": "05", "health": ["02"]}),
    another=house(),
)
cases.hits(
    "CD-21",
    without_allowance=house(household_type="2"),
    allowance=house(adult(relation="99", dibao="rural"), household_type="1"),
)
cases.misses(
    "CD-21",
    with_allowance=house(adult(relation="99", dibao="yes"), household_type="2"),
    nothing_known=house(household_type="2", head={"dibao": None}),
    general=house(),
)
cases.hits(
    "CD-22",
    member_on_allowance=house(head={"dibao": "city", "labour": "04"}, household_type="3"),
    both_paid=year(t_dibao_yuan=1200, t_tekun_yuan=4800),
)
cases.misses(
    "CD-22", one_paid=year(t_dibao_yuan=1200, t_tekun_yuan=0), special=house(head={"labour": "04"}, household_type="3")
)
cases.hits("CD-23", dangerous_but_a=year(house_dangerous=True, house_grade="A"), safe_but_d=year(house_grade="D"))
cases.misses(
    "CD-23", dangerous_c=year(house_dangerous=True, house_grade="C"), no_grade=year(house_dangerous=True, house_grade=None),
    grade_only=year(house_dangerous=None, house_grade="D"), safe=year(),
)  # fmt: skip
GONE = {"status": "12", "exit_year": 2018}


def exited(*others, **values):
    return lambda: family(*others, year=values, **GONE).house


cases.hits(
    "CD-24",
    dangerous=exited(house_dangerous=True, house_grade="C"),
    grade_where_nothing_is_said=exited(house_dangerous=None, house_grade="D"),
    water=exited(water_safe=False),
    dropout=exited(pupil(student_status="01", dropout_reason="03")),
    uninsured=exited(adult(relation="99", med_resident=False)),
)
cases.misses(
    "CD-24",
    all_well=exited(pupil()),
    not_exited=year(water_safe=False),
    taught_at_home=exited(pupil(student_status="01", dropout_reason="08")),
    insured_by_the_employer=exited(adult(relation="99", med_resident=False, med_employee=True)),
    grade_nine_behind=exited(adult("2005-01-01", relation="03", labour="04")),
)
cases.hits("CD-25", both=year(water_hard=True))
cases.misses("CD-25", hard=year(water_safe=False, water_hard=True), safe=year(), not_said=year(water_hard=None))
cases.hits("CD-26", nothing=year(house_m2=0), empty=year(house_m2=None), too_large=year(house_m2="200.5"))
cases.misses(
    "CD-26", two_hundred=year(house_m2=200), of_two=house(wife(), year={"house_m2": 400}), no_year=house(year=False)
)
cases.hits(
    "CD-27",
    arable=year(arable_mu="50.1"),
    forest=year(forest_mu="70.1"),
    arable_of_the_house=house(wife(), pupil(), year={"arable_mu": "100.1"}),
    forest_of_the_house=house(wife(), pupil(), year={"forest_mu": "200.1"}),
    pond=house(wife(), year={"water_mu": 101}),
    pasture=house(wife(), year={"pasture_mu": 101}),
    orchard=house(wife(), year={"orchard_mu": 201}),
)
cases.misses(
    "CD-27",
    fifty=year(arable_mu=50),
    seventy=year(forest_mu=70),
    of_two=house(wife(), year={"arable_mu": 100, "forest_mu": 140}),
    orchard=year(orchard_mu=200),
    nothing=year(arable_mu=None, forest_mu=None),
)
cases.hits("CD-28", more=year(grain_to_green_mu=11), no_land=year(forest_mu=None, pasture_mu=None))
cases.misses(
    "CD-28",
    equal=year(grain_to_green_mu=10),
    pasture=year(grain_to_green_mu=11, pasture_mu=1),
    none=year(grain_to_green_mu=None),
)
cases.hits("CD-29", far=year(road_km="5.1"), very_far=year(road_km="50.1"))
cases.misses("CD-29", five=year(road_km=5), not_said=year(road_km=None))
cases.hits(
    "CD-30",
    both=one(med_employee=True),
    neither=one(med_resident=False),
    empty=one(med_resident=None, med_employee=None),
)
cases.misses(
    "CD-30", residents=one(), employees=one(med_resident=False, med_employee=True), one_said=one(med_employee=None)
)
cases.hits("CD-31", no=one(critical_illness=False), empty=one(critical_illness=None))
cases.misses("CD-31", covered=one())
cases.hits(
    "CD-32", empty=house(status="12"), before=house(status="12", exit_year=2013), newly=house(status="05"),
    returned_before=house(status="02", exit_year=2013),
)  # fmt: skip
cases.misses(
    "CD-32", later=house(status="12", exit_year=2018), same_year=house(status="12", exit_year=2014), poor=house(),
    unknown_entry=house(status="12", exit_year=2013, first_recog_on=None),
)  # fmt: skip
cases.hits("CD-33", member=child("2003-01-01", political="01"), on_probation=child("2003-01-01", political="02"))
cases.misses("CD-33", of_18=one("2002-12-31", political="01"), league=child("2003-01-01", political="03"))
cases.hits("CD-34", no_profile=lambda: OTHER_COUNTY, none_at_all=lambda: BARE, fewer_than_registered=lambda: OTHER_TOWN)
cases.misses("CD-34", sound=lambda: HERE)


def prepare():
    Region.objects.create(code=BARE, name="空村", short_name="空", level="village")
    whole = {"broadband": True, "poor_village": False, "total_population": 9000, "year": 2020}
    VillageProfile.objects.create(village_id=HERE, total_households=900, **whole)
    VillageProfile.objects.create(village_id=NEXT, total_households=900, **{**whole, "broadband": None})
    VillageProfile.objects.create(village_id=BARE, total_households=0, **whole)
    VillageProfile.objects.create(village_id=OTHER_TOWN, total_households=2, **whole)
    for _nth in range(3):
        family(village=OTHER_TOWN)
    family(village=OTHER_COUNTY)


def sound():
    return [
        family(wife(), pupil(), old(relation="12", sex="2"), pupil("2017-01-01", student_status="02")),
        family(wife(), status="12", exit_year=2018),
        family(head=old(relation="01", dibao="yes"), household_type="2", main_cause="08"),
    ]


world = world_of(cases, prepare, sound)


@pytest.mark.parametrize(("at", "rule", "hit"), cases.params())
def test_a_rule_finds_what_it_should_and_leaves_the_rest(world, at, rule, hit):
    assert (look(world, at, rule) is not None) is hit


def test_every_rule_of_the_group_is_declared_and_has_a_case(world):
    ours = {one for one in rules if rules[one].group == "CD"}
    assert ours == {f"CD-{number:02}" for number in range(1, 35)}
    assert {one for one in ours if not rules[one].on} == {"CD-17"}
    assert ours - {"CD-17"} == {rule for rule, hit, _words, _build in cases.found if hit}


def test_a_sound_family_is_found_by_no_rule(world):
    for made in world.sound:
        keys = {("household", made.house.pk), *(("member", member.pk) for member in made.members)}
        assert [key for key in world.findings if key[1:] in keys] == []


def named(world, rule, words):
    at = next(at for at, case in enumerate(cases.found) if case[0] == rule and case[2] == words and case[1])
    return look(world, at, rule)


@pytest.mark.parametrize(
    ("rule", "words", "severity"),
    [
        ("CD-29", "far", "W"),
        ("CD-29", "very_far", "E"),
        ("CD-30", "both", "W"),
        ("CD-30", "neither", "E"),
        ("CD-30", "empty", "E"),
        ("CD-34", "no_profile", "I"),
        ("CD-02", "at_home", "I"),
    ],
)
def test_how_grave_a_finding_is(world, rule, words, severity):
    assert named(world, rule, words).severity == severity


@pytest.mark.parametrize(
    ("rule", "words", "seen", "expected"),
    [
        ("CD-05", "common", "普通劳动力；60", "弱劳动力或半劳动力 / 无劳动力"),
        ("CD-10", "junior_too_old", "九年级；18", "12-17"),
        ("CD-11", "three_times", "七年级；2018-2020", ""),
        ("CD-14", "half", "2.5", "0-12"),
        ("CD-19", "three", "缺技术；因病、因残、因学", "≤ 2"),
        ("CD-23", "safe_but_d", "否；D级", ""),
        ("CD-24", "water", "饮水不安全；", ""),
        ("CD-29", "very_far", "50.1", "≤ 5"),
        ("CD-32", "before", "2013", "≥ 2014"),
        ("CD-34", "fewer_than_registered", "建档立卡户 3 > 2；", ""),
    ],
)
def test_a_finding_says_what_was_seen_in_words(world, rule, words, seen, expected):
    finding = named(world, rule, words)
    assert (finding.seen, finding.expected) == (seen, expected)


def test_a_village_whose_facts_lack_one_is_found_with_what_is_lacking(world):
    finding = world.findings["CD-34", "village", int(NEXT)]
    assert (finding.seen, finding.household_id, finding.village_id) == ("通宽带 —；", None, NEXT)


def test_health_and_reasons_are_not_shown(world):
    shown = {one.seen for one in world.findings.values() if one.rule in ("CD-01", "CD-06", "CD-16", "CD-20")}
    assert not any(word in text for text in shown for word in ("大病", "长期慢性病", "肢体"))


def test_a_settled_case_rests_on_what_is_stored_and_not_on_the_age(world, django_db_blocker):
    was = named(world, "CD-05", "common")
    with django_db_blocker.unblock(), scope.system("test"):
        MemberYear.objects.filter(member_id=was.subject).update(stamp="2021-12-31/1")
        engine.run(["CD-05"], households=f"SELECT {was.household_id}::bigint", on=dt.date(2021, 12, 31))
        now = Finding.objects.get(pk=was.pk)
    assert (was.seen, now.seen) == ("普通劳动力；60", "普通劳动力；61")
    assert now.basis == was.basis
