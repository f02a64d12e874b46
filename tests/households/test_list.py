"""The list of households: who sees which, filtered, counted and in how many queries."""

import pytest
from django.contrib.gis.geos import Point
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from households.models import Household, HouseholdYear
from poverty import scope
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/households/"


def numbers(response) -> list[str]:
    return [row.household_no for row in response.context["page"].object_list]


def test_it_hides_other_villages(cadre):
    own = make.household("459901100201")
    make.household("459901100202")
    assert numbers(cadre.get(URL)) == [own.household_no]
    assert numbers(cadre.get(URL, {"region": "459901100202"})) == []
    assert cadre.get(URL, {"region": "459901100202"}).context["households"] == 0


def test_a_helper_sees_the_paired_households_and_no_others(regions, make_user, login):
    own = make.household()
    make.household()
    client = login(make_user(Role.HELPER, households=[own]))
    response = client.get(URL)
    assert numbers(response) == [own.household_no]
    assert (response.context["households"], response.context["persons"]) == (1, 1)


@pytest.mark.parametrize(
    "role", [Role.LEADER, Role.DEPARTMENT, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN]
)
def test_it_refuses_roles_without_households(regions, make_user, login, role):
    client = login(make_user(role, "459901"))
    assert client.get(URL).status_code == 403
    assert client.post(reverse("households:id_search"), {"id_number": make.id_number()}).status_code == 403


def test_a_resident_sees_the_own_household_only(regions, make_user, login):
    own, other = make.household(), make.household()
    client = login(make_user(Role.RESIDENT, households=[own], household_id=own.pk))
    assert numbers(client.get(URL)) == [own.household_no]
    assert client.get(own.get_absolute_url()).status_code == 200
    assert client.get(other.get_absolute_url()).status_code == 404


@pytest.fixture
def mixed(regions):
    """Make households that differ in everything the filters know; return them by what is special."""
    found = {
        "plain": make.household(head="岑山水", exit_year=2018, status="03"),
        "other village": make.household("459901100202", head="莫水生"),
        "returned": make.household(head="韦家", status="02", main_cause="08", household_type="2"),
        "nothing stated": make.household(head=None, status=None, main_cause=None, household_type=None, exit_year=None),
        "placed": make.household(head="农建华", position=Point(107.5, 23.5, srid=4326)),
        "withdrawn": make.household(head="撤回", withdrawn_at="2026-01-01T00:00Z"),
    }
    make.member(found["returned"], name="韦小妹", relation="04", sex="2")
    make.year(found["plain"], 2019, net_pc_yuan="4000")
    make.finding(found["returned"])
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "03"}, {"plain"}),
        ({"status": "none"}, {"nothing stated"}),
        ({"type": "2"}, {"returned"}),
        ({"type": "none"}, {"nothing stated"}),
        ({"cause": "08"}, {"returned"}),
        ({"cause": "none"}, {"nothing stated"}),
        ({"exit_year": "2018"}, {"plain"}),
        ({"exit_year": "none"}, {"other village", "returned", "nothing stated", "placed"}),
        ({"year": "2019"}, {"plain"}),
        ({"unplaced": "1"}, {"plain", "other village", "returned", "nothing stated"}),
        ({"findings": "1"}, {"returned"}),
        ({"q": "小妹"}, {"returned"}),
        ({"q": "莫水"}, {"other village"}),
        ({"region": "459901100202"}, {"other village"}),
        ({"region": "459901100", "status": "02"}, {"returned"}),
        ({"region": "459902"}, set()),
    ],
)
def test_each_filter_finds_its_households_and_counts_them(county, mixed, query, expected):
    response = county.get(URL, query)
    assert set(numbers(response)) == {mixed[name].household_no for name in expected}
    assert response.context["households"] == len(expected)
    persons = {"plain": 1, "other village": 1, "returned": 2, "nothing stated": 0, "placed": 1}
    assert response.context["persons"] == sum(persons[name] for name in expected)


def test_a_household_number_is_found_by_a_part_of_it(county, mixed):
    number = mixed["plain"].household_no
    assert numbers(county.get(URL, {"q": number[3:]})) == [number]


def test_withdrawn_households_are_on_no_list(county, mixed):
    assert mixed["withdrawn"].household_no not in numbers(county.get(URL))
    assert county.get(mixed["withdrawn"].get_absolute_url()).status_code == 404


def test_what_has_just_been_saved_is_counted_at_once(county):
    assert county.get(URL).context["households"] == 0
    made = make.household()
    assert county.get(URL).context["households"] == 1
    with scope.system("test"):
        type(made).objects.filter(pk=made.pk).update(status="03")
    assert county.get(URL, {"status": "03"}).context["households"] == 1
    assert county.get(URL, {"status": "04"}).context["households"] == 0


@pytest.mark.parametrize(
    "query", [{"region": "12345"}, {"region": "x"}, {"exit_year": "soon"}, {"sort": "salary"}, {"q": "x" * 101}]
)
def test_a_filter_that_cannot_be_read_finds_nothing(county, mixed, query):
    response = county.get(URL, query)
    assert response.status_code == 200
    assert numbers(response) == []


def test_a_page_beyond_the_last_shows_the_last(county, mixed):
    assert county.get(URL, {"page": "99"}).context["page"].number == 1


@pytest.mark.parametrize(
    "sort", ["number", "-number", "village", "-village", "head", "-head", "exit_year", "net", "-net"]
)
def test_every_sort_shows_every_household_once(county, mixed, sort):
    found = numbers(county.get(URL, {"sort": sort}))
    assert sorted(found) == sorted(row.household_no for name, row in mixed.items() if name != "withdrawn")


def test_incomes_are_sorted_with_the_unknown_last(county, mixed):
    make.year(mixed["returned"], 2020, net_pc_yuan="9000")
    up, down = numbers(county.get(URL, {"sort": "net"})), numbers(county.get(URL, {"sort": "-net"}))
    plain, returned = mixed["plain"].household_no, mixed["returned"].household_no
    assert up[:2] == [plain, returned]
    assert down[:2] == [returned, plain]


FRAME = (
    "django_session",
    "accounts_user",
    "accounts_scoperange",
    "set_config",
    "scope_enter",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT",
)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": "04", "region": "459901100"},
        {"q": "岑", "findings": "1"},
        {"sort": "-net", "page": "2"},
        {"unplaced": "1"},
    ],
)
def test_the_list_costs_three_queries_beside_session_user_and_scope(county, query):
    for number in range(60):
        make.household("459901100201" if number % 2 else "459901100202")
    county.get(URL, query)  # the area's name is in the session now, the sums are fresh, the totals remembered
    with CaptureQueriesContext(connection) as captured:
        county.get(URL, query)
    own = [found["sql"] for found in captured if not any(word in found["sql"].split("WHERE")[0] for word in FRAME)]
    assert len(own) <= 3, own


def test_remembered_totals_follow_every_change(county, cadre):
    def totals(client, **query):
        context = client.get(URL, query).context
        return context["households"], context["persons"], len(context["page"].object_list)

    first, second = make.household("459901100201"), make.household("459901100202")
    for made in (first, second):
        make.year(made, 2020)
    for _again in range(2):
        assert totals(county, year=2020) == (2, 2, 2)
        assert totals(cadre, year=2020) == (1, 1, 1)  # what one user counted is not told another
        assert totals(county, year=2020, region="459901100202") == (1, 1, 1)
        assert totals(county, unplaced=1) == (2, 2, 2)
    with scope.system("test"):
        make.member(second)
    assert totals(county, year=2020) == (2, 3, 2)
    with scope.system("test"):
        HouseholdYear.objects.filter(household=first).update(withdrawn_at=timezone.now())
    assert totals(county, year=2020) == (1, 2, 1)
    assert totals(cadre, year=2020) == (0, 0, 0)
    with scope.system("test"):
        make.year(first, 2021)
        Household.objects.filter(pk=second.pk).update(position=Point(108.1, 23.1, srid=4326))
    assert totals(county, year=2021) == (1, 1, 1)
    assert totals(county, unplaced=1) == (1, 1, 1)


def test_an_identity_number_is_not_searched_for_through_an_address(county):
    made = make.household()
    number = make.id_number(sequence="777")
    make.member(made, cert_no=number)
    response = county.get(URL, {"q": number, "status": "04"})
    assert response.status_code == 302
    assert number not in response.headers["Location"]
    assert "status=04" in response.headers["Location"]


def test_the_title_names_the_place_and_the_count(county):
    make.household("459901100201")
    page = county.get(URL, {"region": "459901100"}).content.decode()
    assert "云岭镇" in page.split("</title>")[0]
    assert "<title>" in page


def test_htmx_gets_the_results_alone(county):
    make.household()
    response = county.get(URL, headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b"hh-table" in response.content


def test_minors_heads_are_masked_for_the_auditor(auditor):
    made = make.household(head=None)
    make.member(made, name="岑小丫", relation="01", birth_on="2015-05-05")
    assert "岑小丫" not in auditor.get(URL).content.decode()
    assert "岑**" in auditor.get(URL).content.decode()


def test_the_export_is_asked_with_the_lists_own_filters(county):
    from households.forms import HouseholdFilterForm

    form = HouseholdFilterForm({"status": "04", "unplaced": "1", "page": "3", "sort": "net", "q": ""})
    assert form.query == "status=04&unplaced=1"


@pytest.mark.parametrize("query", [{}, {"q": "岑"}, {"status": "04", "region": "459901"}])
def test_a_user_without_an_area_sees_nothing(regions, make_user, login, query):
    make.household()
    response = login(make_user(Role.VILLAGE_CADRE)).get(URL, query)
    assert response.status_code == 200
    assert numbers(response) == []


def test_a_filtered_list_has_pages(county):
    made = [make.household(head=f"岑{number:02d}") for number in range(55)]
    pages = [numbers(county.get(URL, {"q": "岑", "page": page})) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [50, 5, 5]
    assert sorted(pages[0] + pages[1]) == sorted(row.household_no for row in made)
