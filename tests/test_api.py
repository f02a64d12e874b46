"""The API at its edge: own area only, masks of the role, named fields, strict questions, few queries, plain errors."""

import datetime as dt
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent
from accounts.roles import Role
from dashboard import figuring
from households.models import Household
from jobs.models import Job
from poverty import scope
from tests.households.factories import finding, household, id_number, member, member_year, year
from validation.forms import FindingFilterForm

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"
V1, V2, V3, ELSEWHERE = "459901100201", "459901100202", "459901101201", "459902100201"
ABSENT = "00000000-0000-7000-8000-000000000000"
REGISTER = ("households", "members", "findings")


@pytest.fixture(autouse=True)
def _tree(regions):
    cache.clear()


@pytest.fixture
def come(make_user):
    """Return come(role, region_code=None, households=()): a client logged in as such a person."""

    def log_in(role, region=None, households=(), **fields):
        client = Client(raise_request_exception=False)
        client.user = make_user(role, region, households, **fields)
        client.force_login(client.user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


def results(client, what: str, **query) -> list[dict]:
    answer = client.get(f"{API}/{what}/", query)
    assert answer.status_code == 200, answer.content.decode()
    return answer.json()["results"]


def numbers(client, what="households", **query) -> set[str]:
    return {row["household_no"] for row in results(client, what, **query)}


# --- the own area -----------------------------------------------------------------------------------------------------


def test_a_village_cadre_sees_the_own_village_only(come):
    own, other = household(V1), household(V2)
    finding(own), finding(other)
    cadre = come(Role.VILLAGE_CADRE, V1)
    assert numbers(cadre) == numbers(cadre, "members") == {own.household_no}
    assert [row["number"] for row in results(cadre, "findings")] == [own.household_no]
    assert [row["code"] for row in results(cadre, "regions")] == [V1]
    assert numbers(cadre, region=V2) == set()


def test_a_helper_sees_the_paired_household_and_not_its_neighbour(come):
    own, neighbour = household(V1), household(V1)
    helper = come(Role.HELPER, households=[own])
    assert numbers(helper) == numbers(helper, "members") == {own.household_no}
    assert helper.get(f"{API}/households/{own.uid}/").status_code == 200
    assert helper.get(f"{API}/households/{neighbour.uid}/").status_code == 404


def test_another_area_answers_as_what_does_not_exist(come):
    other = household(ELSEWHERE)
    with scope.system("test"):
        person = other.members.get()
    found = finding(other)
    office = come(Role.COUNTY_OFFICE, "459901")
    for what, key in (("households", other.uid), ("members", person.uid), ("findings", found.uid)):
        answer = office.get(f"{API}/{what}/{key}/")
        absent = office.get(f"{API}/{what}/{ABSENT}/")
        assert (answer.status_code, answer.content) == (absent.status_code, absent.content)
        assert answer.status_code == 404
        assert answer.json() == {"error": "该地址没有内容，或者不在您的辖区内。", "places": []}
    assert office.get(f"{API}/regions/{ELSEWHERE}/").json() == office.get(f"{API}/regions/459999999999/").json()


def test_a_person_without_an_area_gets_nothing(come):
    household(V1)
    nobody = come(Role.VILLAGE_CADRE)
    assert results(nobody, "households") == results(nobody, "members") == results(nobody, "findings") == []


def test_what_was_withdrawn_is_not_there(come):
    gone = household(V1)
    with scope.system("test"):
        person = gone.members.get()
        Household.objects.filter(pk=gone.pk).update(withdrawn_at=dt.datetime.now(dt.UTC))
    office = come(Role.COUNTY_OFFICE, "459901")
    assert numbers(office) == numbers(office, "members", household=str(gone.uid)) == set()
    assert office.get(f"{API}/households/{gone.uid}/").status_code == 404
    assert office.get(f"{API}/members/{person.uid}/").status_code == 404


def test_jobs_are_ones_own(come):
    office, other = come(Role.COUNTY_OFFICE, "459901"), come(Role.COUNTY_OFFICE, "459901")
    mine = Job.objects.create(task="exchange.read", subject=1, created_by=office.user, title="读取")
    theirs = Job.objects.create(task="exchange.read", subject=2, created_by=other.user, title="读取")
    assert [row["uid"] for row in results(office, "jobs")] == [str(mine.uid)]
    assert results(office, "jobs", state="done") == []
    assert office.get(f"{API}/jobs/{mine.uid}/").json()["state"] == "queued"
    assert office.get(f"{API}/jobs/{theirs.uid}/").status_code == 404


# --- who may ask ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.DEPARTMENT, Role.LEADER, Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN])
def test_who_sees_no_rows_on_pages_is_refused_and_the_refusal_noted(come, role):
    person = come(role, "459901")
    for what in REGISTER:
        answer = person.get(f"{API}/{what}/")
        assert answer.status_code == 403
        assert answer.json()["error"] == "您的账号没有这项权限。本次操作已记录。"
    assert AuditEvent.objects.filter(action="refused", target__startswith="api:").count() == len(REGISTER)


def test_strangers_are_told_to_log_in_in_words_a_program_can_show(regions):
    for address in ("households/", "schema/", f"households/{ABSENT}/"):
        answer = Client().get(f"{API}/{address}", headers={"Accept": "text/html"})
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/json"
        assert "令牌" in answer.json()["error"]


def test_an_address_that_is_none_and_a_value_that_no_field_holds_are_answered_in_the_same_shape(come):
    office = come(Role.COUNTY_OFFICE, "459901")
    for address, status in (("nothing/", 404), ("households/not-a-key/", 404), ("households/?q=%00", 400)):
        answer = office.get(f"{API}/{address}", headers={"Accept": "text/html"})
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "places"}


def test_an_error_of_the_server_is_answered_in_the_same_shape(come, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("households.listing.make", broken)
    answer = come(Role.COUNTY_OFFICE, "459901").get(f"{API}/households/")
    assert answer.status_code == 500
    assert set(answer.json()) == {"error", "places"}


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_row_has_the_fields_that_are_named_and_no_others(come):
    made = household(V1, head="岑山水", phone="13812340011")
    year(made, 2020, net_pc_yuan="5123.50")
    finding(made)
    (row,) = results(come(Role.COUNTY_OFFICE, "459901"), "households")
    assert row == {
        "uid": str(made.uid),
        "household_no": made.household_no,
        "village": {"code": V1, "name": "龙溪村"},
        "town": {"code": "459901100", "name": "云岭镇"},
        "head_name": "岑山水",
        "size": 1,
        "page": f"/households/{made.uid}/",
        "hamlet_name": None,
        "household_type": {"code": "1", "label": row["household_type"]["label"]},
        "status": {"code": "04", "label": row["status"]["label"]},
        "main_cause": {"code": "01", "label": row["main_cause"]["label"]},
        "exit_year": None,
        "net_pc_yuan": "5123.50",
        "income_year": 2020,
        "open_findings": 1,
        "masked": [],
    }


def test_numbers_are_masked_for_every_role_and_named_as_masked(come):
    number = id_number(sequence="007")
    made = household(V1, head=None, phone="13812340011", card="6222021234567890000")
    person = member(made, name="岑小山", relation="01", cert_no=number)
    masked = f"{number[:6]}********{number[-4:]}"
    whole = [number, "6222021234567890000"]
    for role, region in ((Role.COUNTY_OFFICE, "459901"), (Role.VILLAGE_CADRE, V1), (Role.AUDITOR, "459901")):
        client = come(role, region)
        (row,) = results(client, "members")
        assert row["cert_no"] == masked
        assert "cert_no" in row["masked"]
        answers = [f"households/{made.uid}/", f"members/{person.uid}/", "households/", "members/"]
        text = "".join(client.get(f"{API}/{address}").content.decode() for address in answers)
        assert not [value for value in whole if value in text]


def test_each_role_sees_of_a_household_what_its_page_shows(come):
    made = household(V1, head="岑山水", phone="13812340011", card="6222021234567890000")
    seen = {}
    for role, region in ((Role.COUNTY_OFFICE, "459901"), (Role.VILLAGE_CADRE, V1), (Role.AUDITOR, "459901")):
        file = come(role, region).get(f"{API}/households/{made.uid}/").json()
        seen[role] = {name: file[name] for name in ("phone", "card")}
        assert {"card"} <= set(file["masked"])
    assert seen == {
        Role.COUNTY_OFFICE: {"phone": "13812340011", "card": "622202*****0000"},
        Role.VILLAGE_CADRE: {"phone": "13812340011", "card": None},
        Role.AUDITOR: {"phone": "138****0011", "card": "622202*****0000"},
    }


def test_health_and_a_minors_name_are_kept_from_the_auditor(come):
    made = household(V1)
    child = member(made, name="岑小花", birth_on=dt.date(2020, 5, 1))
    member_year(child, 2020, health=["02"], education="02")
    office = come(Role.COUNTY_OFFICE, "459901").get(f"{API}/members/{child.uid}/").json()
    auditor = come(Role.AUDITOR, "459901").get(f"{API}/members/{child.uid}/").json()
    assert (office["name"], office["masked"]) == ("岑小花", [])
    assert office["years"][0]["health"][0]["code"] == "02"
    assert (auditor["name"], auditor["masked"]) == ("岑**", ["name"])
    assert auditor["years"][0]["health"] is None
    assert set(auditor["years"][0]["masked"]) == {"health", "education"}


def test_a_household_comes_with_its_members_years_and_findings(come):
    made = household(V1)
    member(made, name="远行人", departed_on=dt.date(2020, 5, 1), departed_as="13")
    year(made, 2019, net_pc_yuan="4000")
    year(made, 2020, net_pc_yuan="5000", arable_mu="2.5")
    finding(made, seen="3", expected="2")
    file = come(Role.COUNTY_OFFICE, "459901").get(f"{API}/households/{made.uid}/").json()
    assert [person["name"] for person in file["members"]] == ["岑山水", "远行人"]
    assert file["size"] == 1
    assert [(row["year"], row["net_pc_yuan"]) for row in file["years"]] == [(2020, "5000.00"), (2019, "4000.00")]
    assert file["years"][0]["arable_mu"] == "2.500"
    assert [(row["rule"], row["seen"], row["expected"]) for row in file["findings"]] == [("HH-03", "3", "2")]
    assert file["lifecycle"]["code"] == "POOR"


def test_a_resident_is_told_of_no_clue(come):
    made = household(V1)
    finding(made, "XD-01", source="vehicles")
    resident = come(Role.RESIDENT, households=[made], household_id=made.pk)
    assert resident.get(f"{API}/households/{made.uid}/").json()["findings"] == []
    assert results(resident, "households")[0]["open_findings"] is None
    assert resident.get(f"{API}/findings/").status_code == 403


def test_a_finding_comes_with_what_was_done(come):
    made = household(V1)
    found = finding(made, seen="3", expected="2")
    office = come(Role.COUNTY_OFFICE, "459901")
    office.post(f"/findings/{found.uid}/note/", {"text": "已电话核实"})
    answer = office.get(f"{API}/findings/{found.uid}/").json()
    assert (answer["rule"], answer["seen"], answer["about"]) == ("HH-03", "3", "岑山水")
    assert [(step["kind"], step["text"]) for step in answer["steps"]] == [("note", "已电话核实")]
    (row,) = results(office, "findings")
    assert {name: answer[name] for name in row} == row


def test_regions_come_with_their_level_and_profile(come):
    office = come(Role.COUNTY_OFFICE, "459901")
    assert {row["level"] for row in results(office, "regions")} == {"county", "town", "village"}
    assert [row["name"] for row in results(office, "regions", level="town")] == ["云岭镇", "石桥镇"]
    assert [row["name"] for row in results(office, "regions", under="459901101", q="村")] == ["石桥村"]
    one = office.get(f"{API}/regions/{V1}/").json()
    assert (one["parent"], one["path"], one["profile"]) == ("459901100", "云岭县 / 云岭镇", None)


# --- figures ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def counted():
    """Three households in two villages, and one elsewhere, with their figures worked out."""
    made = [household(V1), household(V1, status="12"), household(V3), household(ELSEWHERE)]
    year(made[0], 2020, net_pc_yuan="5000")
    figuring.refresh()
    return made


def test_a_figure_comes_with_its_age_its_rows_and_what_lies_below(come, counted):
    office = come(Role.COUNTY_OFFICE, "459901")
    (row,) = [row for row in results(office, "figures", page_size=200) if row["key"] == "K03"]
    assert (row["region"], row["now"]["value"]) == ("459901", "3")
    assert row["now"]["made_at"]
    listed = results(office, "households", **dict(parse_qsl(urlsplit(row["now"]["rows"]).query)))
    assert len(listed) == 3
    one = office.get(f"{API}/figures/K03/").json()
    assert one["now"] == row["now"]
    assert {(below["region"], below["name"], below["value"]) for below in one["children"]} == {
        ("459901100", "云岭镇", "2"),
        ("459901101", "石桥镇", "1"),
    }
    assert one["series"][-1]["value"] == "3"
    assert office.get(f"{API}/figures/K03/?region={V1}").json()["now"]["value"] == "2"


def test_figures_are_those_of_the_own_area(come, counted):
    cadre, helper = come(Role.VILLAGE_CADRE, V1), come(Role.HELPER, households=[counted[0]])
    leader = come(Role.LEADER, "459901")
    values = [person.get(f"{API}/figures/K03/").json()["now"]["value"] for person in (cadre, helper, leader)]
    assert values == ["2", "1", "3"]
    assert "/households/" not in leader.get(f"{API}/figures/K03/").content.decode()
    for region in (V3, ELSEWHERE, "459999"):
        for address in ("figures/", "figures/K03/"):
            assert cadre.get(f"{API}/{address}?region={region}").status_code == 404
    assert cadre.get(f"{API}/figures/K999/").status_code == 404
    assert come(Role.DEPARTMENT, "459901").get(f"{API}/figures/").status_code == 403


def test_a_month_without_figures_has_none(come, counted):
    office = come(Role.COUNTY_OFFICE, "459901")
    assert office.get(f"{API}/figures/K03/?month=2012-01").json()["now"] is None
    assert office.get(f"{API}/figures/?month=2012-13").status_code == 400


def test_all_figures_of_a_region_cost_the_same_as_one(come, counted):
    office = come(Role.COUNTY_OFFICE, "459901")
    office.get(f"{API}/figures/")
    cost = []
    for size in (1, 200):
        with CaptureQueriesContext(connection) as queries:
            assert office.get(f"{API}/figures/?page_size={size}").status_code == 200
        cost.append(len(queries))
    assert cost[0] == cost[1] <= 12


# --- what may be asked ------------------------------------------------------------------------------------------------


def test_the_filters_are_those_of_the_page(come):
    poor, out = household(V1, status="01"), household(V3, status="04", exit_year=2019)
    finding(poor, severity="W"), finding(out)
    office = come(Role.COUNTY_OFFICE, "459901")
    for query in ({"status": "01"}, {"region": "459901101"}, {"exit_year": "2019"}, {"exit_year": "none"}, {"q": "岑"}):
        page = office.get("/households/", query).context["rows"]
        assert numbers(office, **query) == {row["number"] for row in page}, query
    for query in ({"severity": "W"}, {"state": "closed"}, {"region": V3}, {"owner": "nobody"}):
        page = office.get("/findings/", query).context["page"].object_list
        assert [row["uid"] for row in results(office, "findings", **query)] == [str(r.finding.uid) for r in page], query
    assert numbers(office, findings="true", status="01") == {poor.household_no}
    assert numbers(office, findings="false") == {poor.household_no, out.household_no}


def test_members_can_be_asked_by_household_and_by_departure(come):
    made, other = household(V1), household(V1)
    member(made, name="远行人", departed_on=dt.date(2020, 5, 1), departed_as="13")
    office = come(Role.COUNTY_OFFICE, "459901")
    names = [row["name"] for row in results(office, "members", household=str(made.uid))]
    assert names == ["岑山水"]
    assert [row["name"] for row in results(office, "members", departed="true")] == ["远行人"]
    assert numbers(office, "members") == {made.household_no, other.household_no}


@pytest.mark.parametrize(
    ("query", "name", "message"),
    [
        ("stauts=04", "stauts", "这里没有这个参数"),
        ("status=04&status=05", "status", "同一参数只能写一次"),
        ("status=", "status", "请不要写"),
        ("findings=yes", "findings", "true"),
        ("region=4599x", "region", "无法识别"),
        ("year=20-20", "year", "无法识别"),
        ("page=0", "page", "1"),
        ("page=abc", "page", "整数"),
        ("page_size=201", "page_size", "200"),
        ("sort=nothing", "sort", ""),
        (f"q={id_number()}", "q", "身份证号"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused_with_its_place(come, query, name, message):
    household(V1)
    answer = come(Role.COUNTY_OFFICE, "459901").get(f"{API}/households/?{query}")
    assert answer.status_code == 400
    assert "未做任何操作" in answer.json()["error"]
    (place,) = answer.json()["places"]
    assert (place["where"], place["name"]) == ("query", name)
    assert message in place["message"]


def test_no_single_thing_and_no_description_takes_a_key(come):
    made = household(V1)
    office = come(Role.COUNTY_OFFICE, "459901")
    for address in (f"households/{made.uid}/", "schema/", f"regions/{V1}/"):
        assert office.get(f"{API}/{address}?full=1").status_code == 400


def test_every_key_of_the_forms_is_described(come):
    schema = come(Role.COUNTY_OFFICE, "459901").get(f"{API}/schema/").json()
    keys = {each["name"] for each in schema["paths"]["/api/v1/findings/"]["get"]["parameters"]}
    assert keys == set(FindingFilterForm().fields) | {"page_size"}


def test_pages_are_capped_and_lead_on_to_the_end(come):
    made = {household(V1).household_no for _time in range(5)}
    office = come(Role.COUNTY_OFFICE, "459901")
    url, found, asked = f"{API}/households/?page_size=2&sort=number", [], 0
    while url:
        answer = office.get(url).json()
        found += [row["household_no"] for row in answer["results"]]
        assert (answer["count"], answer["pages"]) == (5, 3)
        url, asked = answer["next"], asked + 1
    assert (found, asked) == (sorted(made), 3)
    beyond = office.get(f"{API}/households/?page_size=2&page=9").json()
    assert (beyond["results"], beyond["next"]) == ([], None)
    for what in (*REGISTER, "regions", "jobs"):
        assert office.get(f"{API}/{what}/?page_size=200").status_code == 200
        assert office.get(f"{API}/{what}/?page_size=201").status_code == 400


# --- what it costs and leaves behind ----------------------------------------------------------------------------------


def test_a_list_asks_as_many_queries_for_many_rows_as_for_few(come):
    office = come(Role.COUNTY_OFFICE, "459901")

    def fill(number):
        for _time in range(number):
            made = household(V1)
            year(made, 2020, net_pc_yuan="5000")
            finding(made)

    def asked() -> dict[str, int]:
        found = {}
        for address in ("households/", "members/", "findings/", "regions/", "households/?findings=1", "members/?q=岑"):
            office.get(f"{API}/{address}")
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert office.get(f"{API}/{address}").status_code == 200
            found[address] = len(queries)
        return found

    fill(2)
    few = asked()
    fill(20)
    assert asked() == few
    assert max(few.values()) <= 16, few


def test_a_file_asks_as_many_queries_for_a_large_household_as_for_a_small_one(come):
    small, large = household(V1), household(V1)
    for number in range(8):
        member_year(member(large), 2020)
        year(large, 2013 + number)
        finding(large, f"HH-{number + 4:02d}")
    office = come(Role.COUNTY_OFFICE, "459901")
    cost = []
    for made in (small, large):
        office.get(f"{API}/households/{made.uid}/")
        with CaptureQueriesContext(connection) as queries:
            assert office.get(f"{API}/households/{made.uid}/").status_code == 200
        cost.append(len(queries))
    assert cost[0] == cost[1] <= 16


def test_the_trail_says_who_read_how_many_rows_and_never_what_was_searched(come):
    household(V1)
    office = come(Role.COUNTY_OFFICE, "459901")
    assert office.get(f"{API}/households/?q=岑山水&page_size=10").status_code == 200
    event = AuditEvent.objects.get(action="api.read")
    assert (event.actor, event.target) == (office.user.username, "households_list")
    assert event.detail == {"rows": 1, "page": 1, "filters": ["q"]}
