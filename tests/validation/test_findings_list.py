"""The worklists: filters, scope, counts, and the workbook of exactly the list."""

import datetime as dt
import io

import openpyxl
import pytest
from django.urls import reverse

from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
URL = reverse("validation:list")


@pytest.fixture
def findings(regions):
    """Two households of one village, one of the next village, one of another county."""
    mine, other, next_village, far = (
        make.household(village) for village in ("459901100201", "459901100201", "459901100202", "459902100201")
    )
    return {
        "size": make.finding(mine, "HH-03", seen="4", expected="1", due_on=dt.date(2026, 1, 16)),
        "head": make.finding(other, "HH-01", severity="E", seen="0", due_on=dt.date(2099, 1, 1)),
        "sex": make.finding(
            mine, "ID-09", severity="W", subject_kind="member", subject=make.head_of(mine).pk, seen="男", expected="女"
        ),
        "next": make.finding(next_village, "HH-03"),
        "far": make.finding(far, "HH-03"),
    }


def listed(client, **query):
    return {row.finding.pk for row in client.get(URL, query).context["found"].rows}


def keys(findings, *names):
    return {findings[name].pk for name in names}


def test_each_sees_the_own_area(county, town, cadre, findings):
    assert listed(county) == listed(town) == keys(findings, "size", "head", "sex", "next")
    assert listed(cadre) == keys(findings, "size", "head", "sex")


def test_a_helper_sees_the_own_households_only(findings, make_user, login):
    from households.models import Household
    from poverty import scope

    with scope.system("test"):
        household = Household.objects.get(pk=findings["head"].household_id)
    helper = login(make_user("helper", households=[household]))
    assert listed(helper) == keys(findings, "head")


def test_filters_narrow_the_list_and_stand_as_chips(county, findings):
    assert listed(county, group="HH") == keys(findings, "size", "head", "next")
    assert listed(county, severity="W") == keys(findings, "sex")
    assert listed(county, rule="HH-01") == keys(findings, "head")
    assert listed(county, region="459901100202") == keys(findings, "next")
    assert listed(county, overdue="1") == keys(findings, "size")
    assert listed(county, owner="me") == set()
    assert listed(county, state="closed") == set()
    page = county.get(URL, {"region": "459901100202", "severity": "E"})
    assert [chip["text"] for chip in page.context["chips"]] == ["竹坪村", "E · 错误"]


def test_the_rows_name_the_household_and_the_person(county, findings):
    rows = {row.finding.pk: row for row in county.get(URL).context["found"].rows}
    assert rows[findings["size"].pk].line.title == rows[findings["sex"].pk].line.title == "岑山水"
    assert rows[findings["sex"].pk].place == "云岭镇 龙溪村"


def test_counts_stand_above_the_list(county, findings):
    found = county.get(URL).context["found"]
    assert (found.total, found.severities, found.overdue) == (4, {"E": 3, "W": 1, "I": 0}, 1)


def test_it_costs_three_queries_beside_the_frame(county, findings, django_assert_max_num_queries):
    county.get(URL)
    with django_assert_max_num_queries(10):  # session, user, ranges, savepoints, scope
        county.get(URL)


def test_the_workbook_is_exactly_the_list(county, findings):
    answer = county.get(reverse("validation:export"), {"group": "HH"})
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    rows = list(sheet.iter_rows(min_row=4, values_only=True))
    assert {(row[0], row[4]) for row in rows} == {("HH-03", "龙溪村"), ("HH-01", "龙溪村"), ("HH-03", "竹坪村")}


def test_a_cadre_exports_nothing(cadre, findings):
    assert cadre.get(reverse("validation:export")).status_code == 403


def test_a_filter_that_cannot_be_read_finds_nothing(county, findings):
    assert listed(county, region="<x>") == set()
    assert county.get(URL, {"owner": "x y"}).status_code == 200
