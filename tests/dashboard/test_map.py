"""Boundaries: small, cached by their version, the same for everybody who sees figures."""

import gzip
import json

import pytest
from django.urls import reverse

from dashboard import boundaries
from regions.models import Region
from tests.dashboard.conftest import NEXT_VILLAGE, TOWN, VILLAGE, square

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_gives_the_outline_and_the_regions_below(client, mapped, make_user):
    client.force_login(make_user("county_office", "459901"))
    response = client.get(reverse("dashboard:boundaries", args=[TOWN]))
    assert response.headers["Content-Type"] == "application/geo+json"
    found = {item["properties"]["code"]: item for item in response.json()["features"]}
    assert set(found) == {TOWN, VILLAGE, NEXT_VILLAGE}
    assert found[TOWN]["properties"]["outline"] is True
    lat, lon = found[VILLAGE]["properties"]["at"]
    assert 23 < lat < 24 and 107 < lon < 108


def test_it_is_compressed_and_fetched_once(client, mapped, make_user):
    client.force_login(make_user("county_office", "459901"))
    url = client.get("/").context["board"].boundaries
    response = client.get(url, headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(response.content))["features"]
    assert "immutable" in response.headers["Cache-Control"]
    again = client.get(url, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert client.get(url.replace("?v=", "?v=9")).headers["Cache-Control"] == "private, no-cache"
    assert again.content == b""


def test_a_changed_boundary_has_another_address(client, mapped, make_user):
    client.force_login(make_user("county_office", "459901"))
    before = client.get("/").context["board"].boundaries
    assert client.get("/").context["board"].boundaries == before
    Region.objects.filter(code=TOWN).update(boundary=square(0, 0, 1.5))
    assert client.get("/").context["board"].boundaries != before


def test_a_region_without_boundaries_is_an_empty_collection(client, regions, make_user):
    client.force_login(make_user("county_office", "459901"))
    assert client.get(reverse("dashboard:boundaries", args=["459902"])).json()["features"] == []
    assert client.get("/").context["board"].boundaries == ""


def test_an_over_detailed_boundary_is_simplified_below_the_limit(mapped):
    import math

    from django.contrib.gis.geos import MultiPolygon, Polygon

    ring = [
        (107 + math.cos(2 * math.pi * i / 40000) * (1 + 0.02 * math.sin(i)), 23 + math.sin(2 * math.pi * i / 40000))
        for i in range(40000)
    ]
    Region.objects.filter(code=TOWN).update(boundary=MultiPolygon(Polygon([*ring, ring[0]])))
    made = boundaries.collect("459901")
    assert len(json.dumps(made, separators=(",", ":"))) <= boundaries.LIMIT_BYTES


def test_neighbours_still_share_their_border(mapped):
    found = {item["properties"]["code"]: item for item in boundaries.collect(TOWN)["features"]}
    left = found[VILLAGE]["geometry"]["coordinates"]
    right = found[NEXT_VILLAGE]["geometry"]["coordinates"]
    points = [
        {tuple(point) for point in (shape[0] if isinstance(shape[0][0][0], float) else shape[0][0])}
        for shape in (left, right)
    ]
    assert len(points[0] & points[1]) == 2


@pytest.mark.parametrize("role", ["department", "system_admin", "audit_admin"])
def test_who_sees_no_figures_is_refused(client, mapped, make_user, role):
    client.force_login(make_user(role, "459901"))
    assert client.get(reverse("dashboard:boundaries", args=[TOWN])).status_code == 403
    assert client.get(reverse("dashboard:map")).status_code == 403
