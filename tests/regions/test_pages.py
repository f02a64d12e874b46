"""Pickers, pages and forms of the tree: inside one's own area only."""

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from regions import actions, picker
from regions.forms import RegionField
from regions.models import Region, VillageProfile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("regions")]


@pytest.fixture
def clerk(make_user):
    return make_user(Role.COUNTY_OFFICE, "459901")


@pytest.fixture
def cadre(make_user):
    return make_user(Role.VILLAGE_CADRE, "459901100201")


def found(client, text, **more):
    answer = client.get(reverse("regions:search"), {"q": text, **more}, headers={"Accept": "application/json"})
    return [place["code"] for place in answer.json()["results"]]


def test_search_finds_names_and_codes_in_the_area(client, clerk):
    client.force_login(clerk)
    assert found(client, "龙溪") == ["459901100201"]
    assert found(client, "45990110020") == ["459901100201", "459901100202"] or found(client, "459901100")
    assert found(client, "石桥") == ["459901101", "459901101201"]
    assert found(client, "石桥", levels="village") == ["459901101201"]
    assert found(client, "云岭镇 村") == ["459901100201", "459901100202"]


def test_search_finds_nothing_outside_the_area(client, clerk, cadre, make_user):
    client.force_login(clerk)
    assert found(client, "柳湾") == found(client, "清江") == found(client, "459902100201") == []
    assert found(client, "%") == found(client, "_") == found(client, "") == []
    client.force_login(cadre)
    assert found(client, "村") == ["459901100201"]
    client.force_login(make_user(Role.VILLAGE_CADRE))
    assert found(client, "村") == []


def test_search_answers_htmx_with_a_list(client, clerk):
    client.force_login(clerk)
    answer = client.get(reverse("regions:search"), {"q": "龙溪"}, headers={"HX-Request": "true"})
    assert 'data-code="459901100201"' in answer.content.decode()


def test_search_costs_two_queries_beside_the_frame(client, clerk, django_assert_max_num_queries):
    client.force_login(clerk)
    found(client, "村")
    with django_assert_max_num_queries(9):
        found(client, "村")


def test_an_administrator_searches_under_the_own_region(client, make_user):
    client.force_login(make_user(Role.SYSTEM_ADMIN, "459901"))
    assert found(client, "龙溪") == ["459901100201"] and found(client, "柳湾") == []


def test_ended_regions_are_not_offered(client, clerk):
    Region.objects.filter(pk="459901100201").update(valid_to="2026-01-01")
    client.force_login(clerk)
    assert found(client, "龙溪") == []


def test_children_are_given_level_by_level(client, clerk):
    client.force_login(clerk)

    def children(code=""):
        return [place["code"] for place in client.get(reverse("regions:children"), {"code": code}).json()["results"]]

    assert children() == ["459901"]
    assert children("459901") == ["459901100", "459901101"]
    assert client.get(reverse("regions:children"), {"code": "459902"}).status_code == 404


def test_a_region_page_shows_children_and_sums(client, clerk):
    VillageProfile.objects.create(village_id="459901100201", total_households=300, poor_village=True)
    VillageProfile.objects.create(village_id="459901100202", total_households=1200)
    client.force_login(clerk)
    assert client.get(reverse("regions:villages")).headers["Location"] == reverse("regions:detail", args=["459901"])
    page = client.get(reverse("regions:detail", args=["459901"])).content.decode()
    assert "云岭镇" in page and "1,500" in page
    page = client.get(reverse("regions:detail", args=["459901100"])).content.decode()
    assert "龙溪村" in page and "1,200" in page
    assert client.get(reverse("regions:detail", args=["459901100201"])).status_code == 200


@pytest.mark.parametrize("code", ["459902", "459902100201", "45", "4599", "999999", "x"])
def test_a_region_outside_the_area_is_not_there(client, clerk, code):
    client.force_login(clerk)
    assert client.get(reverse("regions:detail", args=[code])).status_code == 404


def test_the_county_edits_a_village_profile(client, clerk):
    client.force_login(clerk)
    url = reverse("regions:profile_edit", args=["459901100201"])
    assert client.get(url).status_code == 200
    sent = {"total_households": "310", "total_population": "1200", "rural_population": "1300", "poor_village": "true"}
    assert client.post(url, sent).status_code == 422, "more rural people than people"
    answer = client.post(url, {**sent, "rural_population": "1100", "broadband": "", "year": "2026"})
    assert answer.status_code == 302
    profile = VillageProfile.objects.get(pk="459901100201")
    assert (profile.total_households, profile.poor_village, profile.broadband) == (310, True, None)
    assert AuditEvent.objects.filter(action="village.profile_changed", target="region:459901100201").exists()


def test_others_may_not_edit_it(client, cadre, clerk, make_user):
    url = reverse("regions:profile_edit", args=["459901100201"])
    client.force_login(cadre)
    assert client.get(url).status_code == 403
    client.force_login(clerk)
    assert client.get(reverse("regions:profile_edit", args=["459902100201"])).status_code == 404
    assert client.get(reverse("regions:profile_edit", args=["459901100"])).status_code == 404


def test_a_hamlet_gets_the_next_number_of_ours(client, clerk):
    client.force_login(clerk)
    url = reverse("regions:hamlet_add", args=["459901100201"])
    assert client.post(url, {"name": "上屯"}).status_code == 302
    client.post(url, {"name": "下屯"})
    client.post(url, {"name": "上屯"})
    hamlets = Region.objects.filter(level="hamlet").values_list("code", "name")
    assert list(hamlets) == [("459901100201001", "上屯"), ("459901100201002", "下屯")]
    assert client.post(url, {"name": ""}).status_code == 422


def test_a_hamlet_needs_a_village():
    with pytest.raises(ValidationError):
        actions.add_hamlet(village=Region.objects.get(pk="459901100"), name="上屯")


class PlaceForm(forms.Form):
    place = RegionField(levels=("town", "village"))


def form_for(user, value):
    form = PlaceForm({"place": value})
    form.fields["place"].user = user
    return form


@pytest.mark.parametrize("text", ["459901100201", "龙溪村", "龙溪", "459901100201 龙溪村"])
def test_the_field_takes_a_code_or_a_name_of_the_area(clerk, text):
    form = form_for(clerk, text)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["place"].pk == "459901100201"


@pytest.mark.parametrize("text", ["459902100201", "柳湾村", "459901", "nowhere", "", "x" * 500])
def test_the_field_takes_nothing_else(clerk, text):
    assert not form_for(clerk, text).is_valid()


def test_the_field_asks_which_of_several(clerk):
    form = form_for(clerk, "石桥")  # a town and a village
    assert not form.is_valid() and form.errors.as_data()["place"][0].code == "many"


def test_a_form_without_a_user_takes_nothing():
    assert not PlaceForm({"place": "459901100201"}).is_valid()


def test_users_do_not_leak_from_one_form_to_the_next(clerk):
    form_for(clerk, "459901100201")
    assert PlaceForm().fields["place"].user is None


def test_few_places_are_a_plain_list_and_many_a_field_that_suggests(clerk, monkeypatch):
    form = form_for(clerk, "459901100201")
    assert "<select" in str(form["place"]) and "柳湾" not in str(form["place"])
    monkeypatch.setattr(picker, "SMALL", 2)
    html = str(form["place"])
    assert "data-region-picker" in html and 'data-label="龙溪村"' in html and "style=" not in html
    assert "region-picker.js" in str(form.media)
