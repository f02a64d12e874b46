"""Search by identity number: by POST, in one's area, audited without the number."""

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from poverty.idnumber import upgrade
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = make.id_number(born="19700101", sequence="333")


def search(client, text):
    return client.post(reverse("households:id_search"), {"id_number": text})


def found(response):
    return [row.household_no for row, _head, _place, _people in response.context["hits"]]


@pytest.fixture
def household(regions):
    made = make.household()
    make.member(made, name="岑木", cert_no=NUMBER)
    return made


@pytest.mark.parametrize("text", [NUMBER, f" {NUMBER[:6]} {NUMBER[6:]} ", NUMBER + "44"])
def test_it_finds_the_household_by_any_spelling(cadre, household, text):
    assert found(search(cadre, text)) == [household.household_no]


def test_fifteen_and_eighteen_digits_are_one_identity(cadre, regions):
    old = "459901700101333"
    made = make.household()
    make.member(made, cert_no=upgrade(old))
    assert found(search(cadre, old)) == [made.household_no]


def test_the_number_stands_in_no_address_page_or_record(cadre, household):
    response = search(cadre, NUMBER)
    assert NUMBER not in response.content.decode()
    assert NUMBER not in response.request["PATH_INFO"] + response.request["QUERY_STRING"]
    event = AuditEvent.objects.get(action="id_search")
    assert NUMBER not in f"{event.detail}{event.target}{event.reason}"
    assert event.detail["found"] == 1


def test_whoever_comes_by_the_address_alone_is_led_to_the_list_and_told_what_to_do(cadre):
    response = cadre.get(reverse("households:id_search"), {"id_number": NUMBER}, follow=True)
    assert response.redirect_chain == [(reverse("households:list"), 302)]
    assert len(response.context["messages"]) == 1
    assert NUMBER not in response.text and not AuditEvent.objects.filter(action="id_search").exists()


def test_other_areas_are_not_found_and_look_like_nobody(cadre):
    elsewhere = make.household("459901100202")
    make.member(elsewhere, cert_no=NUMBER)
    there, nowhere = search(cadre, NUMBER), search(cadre, make.id_number(sequence="999"))
    assert found(there) == found(nowhere) == []
    assert len(there.content) == len(nowhere.content)


def test_a_long_household_number_opens_its_household_without_standing_in_the_address(cadre):
    made = make.household(household_no="45990110120100001")
    response = search(cadre, "45990110120100001")
    assert response.status_code == 302
    assert response.headers["Location"] == made.get_absolute_url()


def test_departed_members_are_found_and_withdrawn_ones_are_not(cadre, household):
    gone = make.household()
    make.member(gone, cert_no=NUMBER, departed_on="2020-01-01", departed_as="01")
    out = make.household()
    make.member(out, cert_no=NUMBER, withdrawn_at="2020-01-01T00:00Z")
    assert set(found(search(cadre, NUMBER))) == {household.household_no, gone.household_no}


@pytest.mark.parametrize("text", ["", "abc", "1", "45990119700101333", "*" * 100])
def test_what_is_no_number_finds_nobody_and_breaks_nothing(cadre, household, text):
    response = search(cadre, text)
    assert response.status_code == 200
    assert found(response) == []
