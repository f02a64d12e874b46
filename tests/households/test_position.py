"""The position of a household: typed, from the map or the device; exchanged, foreign and far points are told."""

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.urls import reverse

from regions.coordinates import bd09_from_gcj02, gcj02_from_wgs84
from regions.models import Region
from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def household(regions):
    square = MultiPolygon(Polygon.from_bbox((107.5, 23.5, 107.55, 23.55)), srid=4326)
    Region.objects.filter(pk="459901100201").update(boundary=square)
    return make.household()


def put(client, household, lon, lat, **more):
    return client.post(reverse("households:position", args=[household.uid]), {"lon": lon, "lat": lat, **more})


def test_a_cadre_sets_it_with_the_devices_accuracy(cadre, household):
    assert put(cadre, household, "107.512345", "23.523456", accuracy="12").status_code == 302
    row = make.fresh(household)
    assert (row.position.x, row.position.y, row.position_accuracy_m) == (107.512345, 23.523456, 12)
    assert row.position_at is not None
    assert row.version == household.version + 1


def test_exchanged_numbers_are_put_in_order_and_not_saved_unseen(cadre, household):
    response = put(cadre, household, "23.52", "107.51")
    assert response.status_code == 422
    assert 'value="107.510000"' in response.content.decode()
    assert make.fresh(household).position is None


@pytest.mark.parametrize(
    ("lon", "lat"), [("10", "50"), ("0", "0"), ("181", "91"), ("nan", "23"), ("inf", "23"), ("x", "23")]
)
def test_what_lies_outside_china_or_is_no_number_is_refused(cadre, household, lon, lat):
    assert put(cadre, household, lon, lat).status_code == 422
    assert make.fresh(household).position is None


def test_a_little_outside_the_village_is_taken_and_far_outside_is_asked_about(cadre, household):
    assert put(cadre, household, "107.56", "23.52").status_code == 302
    far = put(cadre, household, "107.70", "23.52")
    assert far.status_code == 422
    assert far.context["far_km"]
    assert make.fresh(household).position.x == 107.56
    assert put(cadre, household, "107.70", "23.52", confirm="on").status_code == 302
    assert make.fresh(household).position.x == 107.70


def test_shifted_coordinates_are_converted(cadre, household):
    put(cadre, household, "107.5170", "23.5200", system="gcj02")
    row = make.fresh(household)
    assert 0.001 < abs(row.position.x - 107.5170) < 0.01


@pytest.mark.parametrize(
    ("system", "convert"), [("gcj02", gcj02_from_wgs84), ("bd09", lambda *at: bd09_from_gcj02(*gcj02_from_wgs84(*at)))]
)
def test_what_an_online_map_calls_a_place_is_stored_as_the_place_itself(cadre, household, system, convert):
    lon, lat = convert(107.512345, 23.523456)
    assert 0.001 < abs(lon - 107.512345) < 0.02
    assert put(cadre, household, f"{lon:.7f}", f"{lat:.7f}", system=system).status_code == 302
    position = make.fresh(household).position
    assert abs(position.x - 107.512345) < 2e-6 and abs(position.y - 23.523456) < 2e-6


def test_the_baidu_shift_is_the_published_one():
    assert bd09_from_gcj02(116.404, 39.915) == pytest.approx((116.41036949371029, 39.92133699351022), abs=1e-9)


def test_the_form_offers_the_three_systems_and_takes_gps_by_default(cadre, household):
    field = cadre.get(reverse("households:position", args=[household.uid])).context["form"]["system"]
    assert [key for key, _label in field.field.choices] == ["wgs84", "gcj02", "bd09"]
    put(cadre, household, "107.512345", "23.523456")
    assert make.fresh(household).position.x == 107.512345


def test_other_areas_are_absent_and_readers_refused(cadre, auditor, household):
    elsewhere = make.household("459902100201")
    assert put(cadre, elsewhere, "107.5", "23.5").status_code == 404
    assert put(auditor, household, "107.5", "23.5").status_code == 403


def test_the_auditor_is_not_shown_it(auditor, cadre, household):
    put(cadre, household, "107.512345", "23.523456")
    assert "107.512345" not in auditor.get(household.get_absolute_url()).content.decode()
