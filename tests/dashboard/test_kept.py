"""Parts of the battle map that are kept: made once, until what they show changes, and shared by nobody who sees otherwise."""

import pytest
from django.urls import reverse

from dashboard import battle as battles
from dashboard import figuring
from households.models import Household
from poverty import scope
from tests.dashboard.conftest import TOWN, VILLAGE

pytestmark = pytest.mark.django_db(transaction=True)
COUNTY = "459901"
SCRIPT = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def made(register, monkeypatch):
    """The small register with its figures; a list that grows by one area whenever a view is made."""
    figuring.work_out(figuring.this_month())
    found, make, charts = [], battles.make, battles.charts_of
    monkeypatch.setattr(battles, "make", lambda user, state, path: found.append("map") or make(user, state, path))
    monkeypatch.setattr(battles, "charts_of", lambda user, state: found.append("charts") or charts(user, state))
    return found


def text(client, **params):
    return client.get(reverse("dashboard:map"), {"k": "K03", **params}).content.decode()


def test_a_view_is_made_once(client, made, make_user):
    client.force_login(make_user("county_office", COUNTY))
    first = client.get(reverse("dashboard:map"), {"k": "K03"}, **SCRIPT).content
    assert client.get(reverse("dashboard:map"), {"k": "K03"}, **SCRIPT).content == first
    assert made == ["map"]
    assert b"<html" in client.get(reverse("dashboard:map"), {"k": "K03"}).content  # the whole page is another view
    assert client.get(reverse("dashboard:charts"), {"k": "K03"}, **SCRIPT).content
    assert client.get(reverse("dashboard:charts"), {"k": "K03"}, **SCRIPT).content
    assert made == ["map", "map", "charts"]


def test_a_change_below_makes_it_anew(client, made, make_user):
    client.force_login(make_user("county_office", COUNTY))
    assert ">7</a></strong>" in text(client)
    with scope.system("test"):
        one = Household.objects.filter(village_id=VILLAGE).order_by("pk").first()
        Household.objects.filter(pk=one.pk).update(lifecycle="CANCELLED")
    figuring.refresh()
    assert ">6</a></strong>" in text(client)


def test_another_figure_place_role_or_language_is_another_view(client, made, make_user):
    client.force_login(make_user("county_office", COUNTY))
    pages = [text(client), text(client, k="K04"), text(client, area=TOWN)]
    client.force_login(make_user("leader", COUNTY))
    leaders = text(client)
    client.force_login(make_user("town_office", TOWN))
    pages.append(text(client))
    assert len(made) == 5
    assert len(set(pages)) == 4
    assert reverse("households:list") in pages[0] and reverse("households:list") not in leaders.split("battle-head")[1]


def test_nobody_gets_a_kept_view_from_outside_of_the_own_area(client, made, make_user):
    client.force_login(make_user("county_office", COUNTY))
    assert client.get(reverse("dashboard:map"), {"area": TOWN}, **SCRIPT).status_code == 200
    client.force_login(make_user("county_office", "459902"))
    assert client.get(reverse("dashboard:map"), {"area": TOWN}, **SCRIPT).status_code == 404
