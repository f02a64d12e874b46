"""Rules about numbers, names, telephones and cards: what each finds, and what it must leave alone."""

import datetime as dt
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from accounts.models import User
from accounts.roles import Role
from households.models import Member
from households.rules.common import rules
from poverty import crypto, scope
from tests.conftest import _owner
from tests.households import factories as make
from tests.households.rule_world import (
    HERE,
    NEXT,
    ON,
    OTHER_COUNTY,
    OTHER_TOWN,
    Cases,
    family,
    look,
    number,
    old,
    pupil,
    wife,
    world_of,
)
from validation import engine
from validation.models import Finding, Snapshot, SourceRow

cases = Cases()
CARD = "6222020000000000000"  # of DOMAIN: passes the Luhn check
MOBILE = "139{:08d}".format


def one(**head):
    return lambda: family(head=head).head


def several(*villages, **values):
    """Make a family in each village with the same values; return the first."""
    return lambda: [family(village=village, **values) for village in villages][0].house


def certificate(tail: str, *, good=True):
    def build():
        text = number("1960-01-01")
        text = text if good else text[:17] + ("0" if text[17] != "0" else "1")
        return family(head={**old("1960-01-01", relation="01"), "cert_no": text + tail}).head

    return build


cases.hits("ID-01", no_number=one(cert_no=None))
cases.misses("ID-01", a_number=one(), a_wrong_number=one(cert_no="123"))
cases.hits(
    "ID-07",
    never_assigned=one(cert_no=number("1975-03-01", area="459988")),
    unknown_province=one(cert_no=number("1975-03-01", area="990101")),
)
cases.misses(
    "ID-07",
    county_of_the_tree=one(cert_no=number("1975-03-01", area="459902")),
    province_without_counties_in_the_tree=one(cert_no=number("1975-03-01", area="110105")),
    no_digits=one(cert_no="45990119750301X01X"),
)
cases.hits(
    "ID-08",
    type_eight=certificate("84"),
    level_five=certificate("45"),
    letters=certificate("4X"),
    identity_fails=certificate("44", good=False),
)
cases.misses("ID-08", sound=certificate("44"), reissued=certificate("99B1"), plain_number=one())


def same_number(first: str, second: str, village=NEXT):
    def build():
        text = number("1975-03-01")
        found = family(head={"cert_no": text, "name": first}).head
        family(head={"cert_no": text, "name": second}, village=village)
        return found

    return build


def listed_as(name: str, *, current=True):
    def build():
        text = number("1975-03-01")
        found = family(head={"cert_no": text, "name": "岑有名"}).head
        with scope.system("test"):
            user = User.objects.get(username="system")
            day = dt.date(2020, 1, 1)
            snapshot = Snapshot.objects.create(
                kind=f"k{found.pk}", region_id="459901", as_of=day, sender="公安", legal_basis="函", sha256="0",
                current=current, keep_until=day, uploaded_by=user,
            )  # fmt: skip
            SourceRow.objects.create(
                snapshot=snapshot, region_id="459901", uploaded_by=user, sheet="1", row=2,
                id_index=crypto.blind("id", text), name=name, digest="",
            )  # fmt: skip
        return found

    return build


cases.hits("ID-13", two_names=same_number("岑大", "岑小"), on_a_department_list=listed_as("岑无名"))
cases.misses(
    "ID-13",
    another_dot=same_number("阿力·买提", "阿力•买提"),
    same_name=same_number("岑大", "岑大"),
    same_on_a_list=listed_as("岑有名"),
    former_list=listed_as("岑无名", current=False),
)
cases.hits(
    "ID-14",
    digit=one(name="岑大2"),
    latin=one(name="岑da"),
    question_mark=one(name="岑?山"),
    wide_question_mark=one(name="岑？山"),
    box=one(name="岑□"),
    one_character=one(name="岑"),
    sixteen_characters=one(name="阿" * 16),
)
cases.misses("ID-14", dot=one(name="阿卜杜拉·买买提"), fifteen=one(name="阿" * 15), two=one(name="岑山"))
cases.hits("ID-15", of_111=lambda: family(head=old("1909-12-31", relation="01")).head)
cases.misses("ID-15", of_110=lambda: family(head=old("1910-01-01", relation="01")).head)


def house(**values):
    return lambda: family(**values).house


cases.hits("ID-16", short=house(phone="12345"), wrong_begin=house(phone="12912345678"))
cases.misses("ID-16", mobile=house(phone="13912340001"), land_line=house(phone="0771-2345678"), none=house())
cases.hits(
    "ID-17",
    four_households=several(HERE, HERE, NEXT, OTHER_TOWN, phone=MOBILE(4)),
    two_counties=several(HERE, HERE, NEXT, OTHER_COUNTY, phone=MOBILE(5)),
    a_cadres=house(phone="13700000001"),
)
cases.misses(
    "ID-17",
    three_households=several(HERE, HERE, NEXT, phone=MOBILE(3)),
    a_residents=house(phone="13700000002"),
    of_someone_who_left_service=house(phone="13700000003"),
)
cases.hits(
    "ID-18", luhn=house(card=CARD[:-1] + "1", bank_name="农信社"), short=house(card="62220212345", bank_name="信用社")
)
cases.misses("ID-18", sound=house(card=CARD, bank_name="农业银行"), none=house())


def cards(*villages, **values):
    return several(*villages, card="6228480402564890018", bank_name="农业银行", **values)


cases.hits("ID-19", two_households=cards(HERE, OTHER_TOWN))
cases.misses("ID-19", one_household=house(card="6228480402637874214", bank_name="农业银行"))
cases.hits(
    "ID-20", no_bank=house(card="6228480010000000019"), blank_bank=house(card="6228480010000000027", bank_name="")
)
cases.misses("ID-20", bank=house(card="6228480010000000035", bank_name="农业银行"), no_card=house(bank_name=""))


def prepare():
    for at, (role, active) in enumerate(((Role.VILLAGE_CADRE, True), (Role.RESIDENT, True), (Role.HELPER, False)), 1):
        user = User(username=f"u{at}", role=role, phone=f"137 0000 000{at}", is_active=active, region_id="459901100201")
        user.set_unusable_password()
        user.save()


def sound():
    return [family(wife(), pupil(), old(relation="12", sex="2"), phone="13611112222", card="6217000010012340009",
                   bank_name="信用社")]  # fmt: skip


world = world_of(cases, prepare, sound)


@pytest.mark.parametrize(("at", "rule", "hit"), cases.params())
def test_a_rule_finds_what_it_should_and_leaves_the_rest(world, at, rule, hit):
    assert (look(world, at, rule) is not None) is hit


def test_every_rule_of_the_group_runs_and_has_a_case(world):
    ours = {one for one in rules if rules[one].group == "ID"}
    assert ours == {f"ID-{number:02}" for number in range(1, 21)}
    at_import = {one for one in ours if rules[one].on_import}
    assert ours - at_import == {rule for rule, hit, _words, _build in cases.found if hit}
    assert {one for one in rules if rules[one].group in ("ID", "HH", "CD")} == set(world.outcomes)


def test_a_sound_family_is_found_by_no_rule(world):
    for made in world.sound:
        keys = {made.house.pk, *(member.pk for member in made.members)}
        assert [key for key in world.findings if key[2] in keys and key[1] != "village"] == []


def named(world, rule, words):
    at = next(at for at, case in enumerate(cases.found) if case[0] == rule and case[2] == words and case[1])
    return look(world, at, rule)


def test_an_unknown_province_is_an_error_and_an_unknown_county_a_warning(world):
    assert named(world, "ID-07", "unknown_province").severity == "E"
    assert named(world, "ID-07", "never_assigned").severity == "W"


def test_nobody_below_the_region_that_holds_all_learns_of_the_others(world):
    assert named(world, "ID-17", "four_households").reach == "459901"
    assert named(world, "ID-17", "two_counties").reach == "4599"
    assert named(world, "ID-17", "a_cadres").reach == HERE
    assert named(world, "ID-19", "two_households").reach == "459901"
    assert named(world, "ID-13", "two_names").reach == "459901100"
    assert named(world, "ID-13", "on_a_department_list").reach == HERE


def test_no_sealed_value_and_no_name_stands_in_a_finding(world):
    for one in world.findings.values():
        if one.rule[:2] == "ID":
            assert not any(
                text in one.seen + one.expected for text in ("岑大", "139000", "137000", "62220", "4599011975")
            )


@pytest.mark.parametrize("rule", sorted(one for one in rules if rules[one].group in ("ID", "HH", "CD")))
def test_a_preview_finds_what_a_run_finds(world, django_db_blocker, rule):
    if rules[rule].find is None:
        pytest.skip("excluded by the structure of the register")
    with django_db_blocker.unblock():
        found = engine.preview(rules[rule], on=ON)
    assert (found["found"], found["added"], found["removed"]) == (world.outcomes[rule].found, 0, 0)


def test_a_run_over_a_village_still_compares_with_the_rest(world, django_db_blocker):
    wanted = {"ID-12", "ID-13", "ID-17", "ID-19"}
    with django_db_blocker.unblock():
        engine.run_all(sorted(wanted), area=OTHER_TOWN, on=ON)
        with scope.system("test"):
            left = {one.rule for one in Finding.objects.open().filter(village_id=OTHER_TOWN, rule__in=wanted)}
            elsewhere = Finding.objects.open().filter(village_id=HERE, rule="ID-19").count()
    assert {"ID-17", "ID-19"} <= left
    assert elsewhere == 1


def test_adding_a_number_closes_the_finding_that_it_was_missing(world, django_db_blocker):
    at = next(at for at, case in enumerate(cases.found) if case[0] == "ID-01")
    with django_db_blocker.unblock(), scope.system("test"):
        member = world.subjects[at]
        from households.actions import put
        from households.sections import Field

        put(member, Field("member", "cert_no"), number("1975-03-01"))
        member.save()
        engine.run(["ID-01"], households=f"SELECT {member.household_id}::bigint", on=ON)
        finding = Finding.objects.get(rule="ID-01", subject=member.pk)
    assert finding.closed_as == "gone"


@pytest.mark.django_db(transaction=True)
def test_certificates_that_were_there_before_are_read_anew(regions):
    text = number("1960-01-01")
    wrong = family(head={**old("1960-01-01", relation="01"), "cert_no": text + "84"}).head
    right = family(wife(), head={**old("1960-01-01", relation="01"), "cert_no": number("1960-01-01") + "44"}).head
    with scope.system("test"):
        Member.objects.filter(pk__in=(wrong.pk, right.pk)).update(id_fault="")
    migration = import_module("households.migrations.0013_certificates_read_anew")
    with _owner(connection.settings_dict["NAME"]) as owner, owner.transaction():
        migration.read_anew(None, SimpleNamespace(connection=owner))
    assert (make.fresh(wrong).id_fault, make.fresh(right).id_fault) == ("certificate", "")
