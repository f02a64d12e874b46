"""The ledger's pages: who is due, a month typed on the phone, a year worked out, closing and opening a month."""

import datetime as dt
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import User
from households.ledger import figures
from households.ledger.models import LedgerLine, LedgerMonth
from poverty import scope
from tests.households import factories
from tests.households.ledger.sheets import lines, long, run
from tests.numbers import open_rows

pytestmark = pytest.mark.django_db
NO = "45990110020100001"
LIST = reverse("households:ledger")


@pytest.fixture
def household(regions):
    return factories.household(household_no=NO)


@pytest.fixture
def cadre(household, make_user):
    return make_user("village_cadre", "459901100201")


def entry(household, month="2020-05"):
    return reverse("households:ledger_month", args=[household.uid]) + f"?month={month}"


def test_a_month_is_typed_beside_last_month_and_a_year_ago(client, cadre, household):
    run(long((NO, None, "2020-04", "务工(区外)", 2600, 1), (NO, None, "2019-05", "低保金", 350)))
    client.force_login(cadre)
    page = client.get(entry(household))
    cells = page.context["grid"].cells
    assert (cells["10104", 1].before, cells["10104", 1].amount) == (Decimal("2600.00"), "")
    assert cells["402", 1].year_ago == Decimal("350.00")
    assert 'data-amount="2600"' in page.content.decode()
    answer = client.post(entry(household), {"a-10104-1": "2700.5", "h-10104-1": "1", "a-402-1": "0", "a-601-1": ""})
    assert answer.status_code == 302
    assert [line[1:] for line in lines(month=dt.date(2020, 5, 1))] == [
        ("2020-05", "10104", 1, 2700.5),
        ("2020-05", "402", 1, 0.0),
    ]
    with scope.system("test"):
        line = LedgerLine.objects.get(month=dt.date(2020, 5, 1), category="10104")
    assert (line.operator_id, line.heads, line.source_batch_id) == (cadre.pk, 1, None)


def test_an_emptied_line_is_withdrawn_and_an_unchanged_one_left_alone(client, cadre, household):
    client.force_login(cadre)
    client.post(entry(household), {"a-101-1": "100", "a-601-1": "5"})
    client.post(entry(household), {"a-101-1": "", "v-101-1": "1", "a-601-1": "5", "v-601-1": "1"})
    assert [line[2] for line in lines()] == ["601"]
    with scope.system("test"):
        assert LedgerLine.objects.count() == 2
        assert LedgerLine.objects.get(category="101").withdrawn_by_id == cadre.pk


def test_a_further_line_of_any_category_can_be_added(client, cadre, household):
    client.force_login(cadre)
    client.post(entry(household), {"more": "705", "more_amount": "80"})
    client.post(entry(household), {"a-705-1": "80", "v-705-1": "1", "more": "705", "more_amount": "90"})
    assert [line[2:] for line in lines()] == [("705", 1, 80.0), ("705", 2, 90.0)]


def test_what_cannot_be_read_is_said_at_its_line_and_nothing_is_saved(client, cadre, household):
    client.force_login(cadre)
    answer = client.post(entry(household), {"a-101-1": "一百", "a-601-1": "5", "h-101-1": "x"})
    assert answer.status_code == 422
    assert answer.context["grid"].cells["101", 1].amount == "一百"
    assert len(answer.context["grid"].cells["101", 1].errors) == 2
    assert lines() == []


def test_the_second_of_two_people_sees_what_the_first_has_saved(client, cadre, household, make_user):
    client.force_login(cadre)
    client.post(entry(household), {"a-101-1": "100", "v-101-1": "0"})
    client.force_login(make_user("town_office", "459901100"))
    answer = client.post(entry(household), {"a-101-1": "120", "v-101-1": "0"})
    assert answer.status_code == 422
    assert "100" in answer.context["grid"].cells["101", 1].errors[0]
    assert [line[4] for line in lines()] == [100.0]
    assert client.post(entry(household), {"a-101-1": "120", "v-101-1": "1"}).status_code == 302
    assert [line[4] for line in lines()] == [120.0]


def test_saving_leads_to_the_next_household_that_is_due(client, cadre, household):
    other = factories.household(household_no="45990110020100002")
    client.force_login(cadre)
    answer = client.post(entry(household), {"a-101-1": "100", "next": "1"})
    assert str(other.uid) in answer["Location"]
    answer = client.post(entry(other), {"a-101-1": "100", "next": "1"})
    assert answer["Location"].startswith(LIST)


def test_the_list_says_who_is_due_and_who_is_done(client, cadre, household, django_assert_max_num_queries):
    for number in range(2, 8):
        factories.household(household_no=f"4599011002010000{number}")
    factories.household("459901100202")
    run(long((NO, None, "2020-05", "务工", 100), (NO, None, "2020-05", "种植支出", 30)))
    client.force_login(cadre)
    with django_assert_max_num_queries(25):
        page = client.get(f"{LIST}?month=2020-05")
    assert (page.context["number"], page.context["done"], page.context["due"]) == (7, 1, 6)
    assert len(client.get(f"{LIST}?month=2020-05&state=done").context["rows"]) == 1
    assert page.context["rows"][-1][2] == (2, Decimal("100.00"), Decimal("30.00"))


def test_a_helper_fills_in_the_own_households_only(client, household, make_user):
    other = factories.household(household_no="45990110020100002")
    client.force_login(make_user("helper", None, households=[household]))
    assert client.get(f"{LIST}?month=2020-05").context["number"] == 1
    assert client.post(entry(household), {"a-101-1": "100"}).status_code == 302
    assert client.get(entry(other)).status_code == 404


def test_a_town_and_a_county_see_their_regions(client, household, make_user):
    run(long((NO, None, "2020-05", "务工", 100)))
    client.force_login(make_user("town_office", "459901100"))
    (row,) = client.get(f"{LIST}?month=2020-05").context["rows"]
    assert (row["code"], row["all"], row["done"]) == ("459901100201", 1, 1)
    client.force_login(make_user("county_office", "459901"))
    (row,) = client.get(f"{LIST}?month=2020-05").context["rows"]
    assert (row["code"], row["share"]) == ("459901100", 100)
    assert client.get(f"{LIST}?region=459902").status_code == 404


def test_every_number_of_the_regions_opens_as_many_households(client, household, make_user):
    run(long((NO, None, "2020-05", "务工", 100)))
    factories.household("459901100201")
    factories.household("459901101201")
    for role, code in (("county_office", "459901"), ("town_office", "459901100")):
        client.force_login(make_user(role, code))
        links = open_rows(client, f"{LIST}?month=2020-05", at_least=3)
        assert {number for _address, number in links} <= {1, 2}
    page = client.get(f"{LIST}?month=2020-05&region=459901100&state=due").content.decode()
    assert "龙溪村" in page


def test_a_town_closes_a_month_and_another_person_of_the_county_opens_it_again(client, cadre, household, make_user):
    town, county = make_user("town_office", "459901100"), make_user("county_office", "459901")
    client.force_login(town)
    assert client.post(reverse("households:ledger_close"), {"town": "459901100", "month": "2020-05"}).status_code == 302
    assert client.post(reverse("households:ledger_close"), {"town": "459901101", "month": "2020-05"}).status_code == 404
    client.force_login(cadre)
    answer = client.post(entry(household), {"a-101-1": "100"})
    assert answer.status_code == 409 and lines() == []
    assert "readonly" in client.get(entry(household)).content.decode()
    with scope.system("test"):
        closing = LedgerMonth.objects.get()
    client.force_login(county)
    client.post(reverse("households:ledger_ask"), {"closing": closing.uid, "reason": "漏录"})
    decide = {"closing": closing.uid, "decision": "approve"}
    assert client.post(reverse("households:ledger_decide"), decide).status_code == 403, "never on an own request"
    client.force_login(town)
    assert client.post(reverse("households:ledger_decide"), decide).status_code == 403
    client.force_login(make_user("county_office", "459901"))
    assert len(client.get(LIST).context["requests"]) == 1
    assert client.post(reverse("households:ledger_decide"), decide).status_code == 302
    client.force_login(cadre)
    assert client.post(entry(household), {"a-101-1": "100"}).status_code == 302
    with scope.system("test"):
        closing.refresh_from_db()
    assert closing.asked_by_id == county.pk and closing.reopened_by_id not in (None, county.pk)


def test_the_year_is_worked_out_step_by_step(client, cadre, household):
    factories.year(household, 2020, size=2, net_pc_yuan=5000)
    run(
        long(
            (NO, None, "2019-10", "务工(区外)", 9000),
            (NO, None, "2020-09", "务工", 1000),
            (NO, None, "2020-03", "生产经营性收入", 4000),
            (NO, None, "2020-03", "粮食收入", 2500),
            (NO, None, "2020-04", "基础养老金", 1200),
            (NO, None, "2020-04", "低保金(C类)", 600),
            (NO, None, "2020-04", "低保金(A类)", 300),
            (NO, None, "2020-05", "种植支出", 500),
            (NO, None, "2020-05", "食品支出", 900),
            (NO, None, "2020-05", "贷款借款", 5000),
            (NO, None, "2020-10", "务工", 7777),
            (NO, None, "2019-09", "务工", 7777),
        )
    )
    client.force_login(cadre)
    page = client.get(reverse("households:ledger_year", args=[household.uid]) + "?year=2020")
    found = page.context["figures"]
    assert (found.of("1"), found.of("2"), found.of("4")) == (10_000, 2500, 2100)
    assert (found.gross, found.net, found.net_pc) == (14_600, 14_100, 7050)
    assert (found.exit_income, found.exit_pc) == (12_300, 6150)
    assert (found.line, found.line_kind, found.above_line) == (4000, "exit_growth", 2150)
    assert found.difference == 2050
    assert len(found.months) == 5
    file = client.get(household.get_absolute_url())
    assert "7,050.00" in file.content.decode()


def test_the_statistical_year_runs_from_october_to_september():
    assert figures.year_of(dt.date(2019, 10, 1)) == 2020
    assert figures.year_of(dt.date(2020, 9, 1)) == 2020
    assert [f"{month:%Y-%m}" for month in figures.months_of_year(2020)][::11] == ["2019-10", "2020-09"]


def test_both_blank_forms_can_be_fetched(client, household, make_user):
    client.force_login(make_user("town_office", "459901100"))
    for query in ("", "?form=wide"):
        answer = client.get(reverse("exchange:template", args=["ledger"]) + query)
        assert answer.status_code == 200 and answer.content[:2] == b"PK"
    assert client.get(reverse("exchange:template", args=["ledger"]) + "?form=tall").status_code == 404


def test_the_pages_of_a_ledger_import_open(client, household, make_user):
    office = make_user("county_office", "459901")
    run(long((NO, None, "2020-03", "务工", 100), (NO, None, "2020-04", "务工", 100)))
    batch, _found = run(
        long((NO, None, "2020-03", "务工", 120), (NO, None, "2020-03", "低保金", 5), ("77", None, "2020-03", "务工", 1)),
        by=office, dry=True,
    )  # fmt: skip
    client.force_login(office)
    for name in ("batch", "faults", "changes", "missing", "reconciliation", "rows"):
        assert client.get(reverse(f"exchange:{name}", args=[batch.uid])).status_code == 200, name
    assert User.objects.filter(pk=office.pk).exists()
