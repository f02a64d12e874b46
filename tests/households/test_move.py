"""Another village and official numbers: what belongs to a household follows, and nothing is said of other areas."""

import datetime as dt

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from households import actions
from households.models import Household, Member
from poverty import scope
from tests.exchange.importing import id_number, person, run, workbook
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
HERE, NEXT, OTHER_TOWN, OTHER_COUNTY = "459901100201", "459901100202", "459901101201", "459902100201"


@pytest.fixture
def household(regions):
    made = make.household(HERE)
    make.year(made)
    return made


def url(household, name="move"):
    return reverse(f"households:{name}", args=[household.uid])


def send(client, household, village, reason="易地搬迁"):
    return client.post(url(household), {"village": village, "reason": reason})


def villages(household) -> set:
    """Return the villages of everything that belongs to the household."""
    found = set()
    with scope.system("look"), connection.cursor() as cursor:
        cursor.execute("SELECT village FROM households_household WHERE id = %s", [household.pk])
        found |= {code for (code,) in cursor.fetchall()}
        for table in ("member", "householdyear", "memberyear", "memberchange", "proposal"):
            cursor.execute(f"SELECT village FROM households_{table} WHERE household_id = %s", [household.pk])
            found |= {code for (code,) in cursor.fetchall()}
    return found


def test_the_county_moves_a_household_and_all_of_it_follows(county, household):
    assert county.get(url(household)).status_code == 200
    assert send(county, household, NEXT).status_code == 302
    assert villages(household) == {NEXT}
    assert make.fresh(household).version == household.version + 1
    entry = county.get(reverse("households:history", args=[household.uid])).context["page"].object_list[0]
    assert entry.origin.reason == "易地搬迁"
    assert [(change.old, change.new) for change in entry.changes] == [("龙溪村 " + HERE, "竹坪村 " + NEXT)]
    assert county.get(f"/households/?region={NEXT}").context["households"] == 1
    assert county.get(f"/households/?region={HERE}").context["households"] == 0


def test_who_is_paired_with_it_goes_on_seeing_it(county, household, make_user, login):
    helper = make_user(Role.HELPER, households=[household])
    assert send(county, household, OTHER_TOWN).status_code == 302
    assert login(helper).get(household.get_absolute_url()).status_code == 200
    part = helper.scope.get()
    assert (part.lo, part.hi, part.household_id) == (OTHER_TOWN, "459901101202", household.pk)
    event = AuditEvent.objects.get(action="user.area", target=f"user:{helper.pk}")
    assert (event.reason, event.detail) == ("易地搬迁", {"from": HERE, "to": OTHER_TOWN})


def test_pairings_follow_a_move_by_import_and_its_undo(regions, make_user):
    row = person("H1", "P1", "韦明", id_number(1), 人数=1)
    run(workbook([row]))
    with scope.system("look"):
        household = Household.objects.get(household_no="H1")
    helper = make_user(Role.HELPER, households=[household])
    moved = run(workbook([{**row, "行政村": "竹坪村"}]), year=2021)
    assert moved["changed"] == 1
    assert (helper.scope.get().lo, helper.scope.get().hi) == (NEXT, "459901100203")


def test_an_older_file_does_not_move_it_back_and_a_newer_one_may(regions, make_user):
    row = person("H1", "P1", "韦明", id_number(1), 人数=1)
    run(workbook([row]), as_of=dt.date(2020, 6, 30))
    with scope.system("look"):
        household = Household.objects.get(household_no="H1")
    actions.move(household=household, village=NEXT, by=make_user(Role.COUNTY_OFFICE, "459901"), reason="搬迁")
    run(workbook([{**row, "务工月收入": "100"}]), as_of=dt.date(2020, 12, 31))
    assert villages(household) == {NEXT}
    with connection.cursor() as cursor, scope.system("a year goes by"):
        cursor.execute('UPDATE households_household SET field_stamps = \'{"village": "2020-12-31/3"}\'')
    run(workbook([{**row, "务工月收入": "200"}]), as_of=dt.date(2021, 6, 30), year=2021)
    assert villages(household) == {HERE}


def test_a_town_moves_inside_the_town_only(town, household):
    assert send(town, household, OTHER_TOWN).status_code == 422
    assert send(town, household, HERE).status_code == 422
    assert villages(household) == {HERE}
    assert send(town, household, NEXT).status_code == 302
    assert villages(household) == {NEXT}


def test_a_move_needs_a_reason_an_own_village_and_the_right(county, cadre, auditor, household):
    assert send(county, household, NEXT, reason="").status_code == 422
    assert send(county, household, OTHER_COUNTY).status_code == 422
    assert send(cadre, household, NEXT).status_code == send(auditor, household, NEXT).status_code == 403
    assert send(county, make.household(OTHER_COUNTY), NEXT).status_code == 404
    assert villages(household) == {HERE}


# --- official numbers ----------------------------------------------------------------------------------------------------


def correct(client, household, reason="对照国家系统", **numbers):
    found = {
        name: field.initial for name, field in client.get(url(household, "numbers")).context["form"].fields.items()
    }
    return client.post(url(household, "numbers"), {**found, **numbers, "reason": reason})


def test_the_county_corrects_numbers_and_later_files_find_the_household_by_them(county, household):
    with scope.system("look"):
        head = Member.objects.get(household=household)
    assert (
        correct(county, household, household_no="4500000001", **{f"person_{head.uid}": "45000000011"}).status_code
        == 302
    )
    with scope.system("look"):
        head.refresh_from_db()
    assert (make.fresh(household).household_no, head.person_no) == ("4500000001", "45000000011")
    entry = county.get(reverse("households:history", args=[household.uid])).context["page"].object_list[0]
    assert {change.new for change in entry.changes} == {"4500000001", "45000000011"}
    found = run(workbook([person("4500000001", "45000000011", "岑山水", 人数=1)]), dry=True)
    assert (found["new"], found["missing"]) == (0, 0)


def test_a_number_in_use_is_refused_in_the_same_words_wherever_it_is(county, household):
    near, far = make.household(NEXT), make.household(OTHER_COUNTY)
    pages = [correct(county, household, household_no=other.household_no) for other in (near, far)]
    assert [page.status_code for page in pages] == [422, 422]
    assert pages[0].context["form"].errors == pages[1].context["form"].errors
    assert make.fresh(household).household_no == household.household_no


def test_numbers_that_cannot_be_are_refused(county, town, household):
    make.member(household)
    with scope.system("look"):
        first, second = Member.objects.filter(household=household).order_by("pk")
    for wrong in (
        {"household_no": "L459901100201"},
        {"household_no": "有字"},
        {"reason": ""},
        {f"person_{first.uid}": second.person_no},
    ):
        assert correct(county, household, **wrong).status_code == 422, wrong
    assert town.get(url(household, "numbers")).status_code == 403
