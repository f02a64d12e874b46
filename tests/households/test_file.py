"""A household's file: what it shows to whom, where values come from, and what has changed."""

import datetime as dt
import re

import pytest
from django.contrib.gis.geos import Point
from django.urls import reverse

from accounts.roles import Role
from households.models import Household
from poverty import scope
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
ID, PHONE, CARD = "45990119800101001", "15412345678", "6222020000000000000"
CHILD = "韦小宝"


@pytest.fixture
def household(regions):
    made = make.household(phone=PHONE, card=CARD, bank_name="农信社", position=Point(107.512345, 23.5, srid=4326))
    head = make.head_of(made)
    make.member_year(head, health=["04"], dis_type="4", dis_level="2", labour="01")
    child = make.member(made, name=CHILD, birth_on=dt.date(2016, 3, 1), cert_no=make.id_number(born="20160301"))
    make.member_year(child, student_status="03", health=["01"])
    make.year(made, net_pc_yuan="7142.50", wage_yuan="17500", house_grade="C")
    return made


def page(client, household) -> str:
    response = client.get(household.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


def number_of(household):
    from households.present import opened

    return opened(make.head_of(household), "cert_no")


def test_outside_the_area_it_does_not_exist(cadre, household):
    other = make.household("459901100202")
    answer = cadre.get(other.get_absolute_url())
    absent = cadre.get("/households/01a20000-0000-7000-8000-000000000000/")
    assert (answer.status_code, absent.status_code) == (404, 404)

    def body(response):
        return re.sub(rb"csrf-token\" content=\"\w+|value=\"\w{64}\"|[0-9a-f-]{36}", b"", response.content)

    assert body(answer) == body(absent)


@pytest.mark.parametrize("name", ["detail", "print", "history", "sources", "edit", "position", "member_change"])
def test_every_page_of_a_household_elsewhere_is_absent(cadre, household, name):
    other = make.household("459902100201")
    assert cadre.get(reverse(f"households:{name}", args=[other.uid])).status_code == 404


# role, shown whole, and hidden of: the number, the phone, the card, illness, the child's name
SEEN = [
    (Role.COUNTY_OFFICE, "459901", {"phone", "health", "child", "position"}),
    (Role.CITY_OFFICE, "4599", {"phone", "health", "child", "position"}),
    (Role.TOWN_OFFICE, "459901100", {"phone", "health", "child", "position"}),
    (Role.VILLAGE_CADRE, "459901100201", {"phone", "health", "child", "position"}),
    (Role.AUDITOR, "459901", set()),
]


@pytest.mark.parametrize(("role", "area", "whole"), SEEN)
@pytest.mark.parametrize("name", ["detail", "print", "history", "sources"])
def test_each_role_sees_its_part(make_user, login, household, role, area, whole, name):
    client = login(make_user(role, area))
    text = client.get(reverse(f"households:{name}", args=[household.uid])).content.decode()
    secrets = {
        "number": number_of(household),
        "card": CARD,
        "phone": PHONE,
        "child": CHILD,
        "position": "107.512345",
        "health": "肢体",
    }
    for what, secret in secrets.items():
        if what not in whole:
            assert secret not in text, f"{role} sees {what} on {name}"
    if name == "detail":
        assert {what for what, secret in secrets.items() if secret in text} == whole


def test_cadres_are_not_even_told_the_masked_card(cadre, household):
    text = page(cadre, household)
    assert "622202*****0000" not in text
    assert "***" not in text.split('id="bank"')[-1][:400]


def test_a_resident_sees_the_own_number_masked(make_user, login, household):
    text = page(login(make_user(Role.RESIDENT, households=[household])), household)
    number = number_of(household)
    assert number not in text
    assert f"{number[:6]}********{number[-4:]}" in text
    assert "/reveal/" not in text


def test_years_stand_side_by_side_and_at_most_four(county, household):
    for number in range(2015, 2020):
        make.year(household, number, net_pc_yuan="4000")
    assert county.get(household.get_absolute_url()).context["shown_years"] == [2017, 2018, 2019, 2020]
    chosen = county.get(household.get_absolute_url(), {"years": ["2015", "2020"]})
    assert chosen.context["shown_years"] == [2015, 2020]


def test_findings_are_told_in_words(county, household):
    make.finding(household, "HH-03", seen="3", expected="2")
    text = page(county, household)
    assert "HH-03" in text
    assert county.get(household.get_absolute_url()).context["findings"][0].expected == "2"


def test_a_finding_that_speaks_of_another_town_is_hidden_below_both(cadre, county, household):
    make.finding(household, "ID-12", reach="459901", seen="2")
    assert cadre.get(household.get_absolute_url()).context["findings"] == []
    assert len(county.get(household.get_absolute_url()).context["findings"]) == 1


def change(household, user, reason, **values):
    with scope.acting(user, reason=reason):
        row = Household.objects.visible_to(user).get(pk=household.pk)
        for name, value in values.items():
            setattr(row, name, value)
        row.save()


def test_history_tells_who_when_why_and_from_what_to_what(county, household):
    change(household, county.user, "seen in the booklet", main_cause="08", status="03")
    entries = county.get(reverse("households:history", args=[household.uid])).context["page"].object_list
    newest = entries[0]
    assert newest.origin.who == county.user.full_name
    assert newest.origin.reason == "seen in the booklet"
    assert {(c.old, c.new) for c in newest.changes} == {("因病", "缺劳动力"), ("未脱贫", "历史已脱贫")}


def test_history_of_one_value_tells_only_of_it(county, household):
    change(household, county.user, "one", main_cause="08")
    change(household, county.user, "two", status="03")
    url = reverse("households:history", args=[household.uid])
    entries = county.get(url, {"field": "household.status"}).context["page"].object_list
    assert [[(c.old, c.new) for c in entry.changes] for entry in entries] == [
        [("未脱贫", "历史已脱贫")],
        [("—", "未脱贫")],
    ]
    assert county.get(url, {"field": "household.password"}).status_code == 404
    assert county.get(url, {"field": "member.x.name"}).status_code == 404


def test_a_values_source_is_the_change_it_came_in(county, household):
    change(household, county.user, "first", main_cause="08")
    change(household, county.user, "second", status="03")
    told = county.get(reverse("households:sources", args=[household.uid])).json()
    of = {key: dict(told["sources"][place]) for key, place in told["values"].items()}
    assert "first" in of["household.main_cause"].values()
    assert "second" in of["household.status"].values()
    assert "first" not in of["household.household_type"].values()
    assert "household.address" not in of  # no value, no source


def test_the_file_asks_few_queries(county, household, django_assert_max_num_queries):
    page(county, household)
    with django_assert_max_num_queries(32):
        page(county, household)


def test_the_printed_form_is_a_paper_form(county, household):
    text = county.get(reverse("households:print", args=[household.uid])).content.decode()
    assert "sheet-sign" in text
    assert household.household_no in text


def test_destitute_support_is_shown_only_where_it_is_given(county, household):
    head = make.head_of(household)
    with scope.system("test"):
        type(make.member_year(head, 2021, tekun="f")).objects.filter(member=head, year=2021).update(med_resident=True)
    people = county.get(household.get_absolute_url(), {"years": "2021"}).context["present"]
    assert len(people[0].flags) == 1
