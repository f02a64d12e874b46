"""Borders and village profiles from files."""

import json

import pytest
from django.core.management import CommandError

from regions import coordinates
from regions.models import Region, VillageProfile
from tests.regions.test_loading import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("regions")]
SQUARE = [[107.5, 23.5], [107.6, 23.5], [107.6, 23.6], [107.5, 23.6], [107.5, 23.5]]


def feature(code="459901100201", geometry=None, **properties):
    geometry = geometry or {"type": "Polygon", "coordinates": [SQUARE]}
    return {"type": "Feature", "properties": {"code": code, "name": "x", **properties}, "geometry": geometry}


@pytest.fixture
def load(tmp_path):
    def write_and_load(*features, crs=None, arguments=()):
        content = {"type": "FeatureCollection", "features": list(features)}
        if crs:
            content["crs"] = {"type": "name", "properties": {"name": crs}}
        path = tmp_path / "boundaries.geojson"
        path.write_text(json.dumps(content), encoding="utf-8")
        return run(path, *arguments, command="load_boundaries")[0]

    return write_and_load


def test_a_polygon_becomes_boundary_and_point(load):
    counts = load(feature())
    assert (counts["features"], counts["changed"], counts["rejected"]) == (1, 1, 0)
    region = Region.objects.get(pk="459901100201")
    assert region.boundary.geom_type == "MultiPolygon" and region.boundary.srid == region.centroid.srid == 4326
    assert region.boundary.contains(region.centroid)


def test_a_second_load_changes_nothing(load):
    load(feature())
    assert load(feature())["changed"] == 0


def test_adcode_and_padded_codes_are_understood(load):
    counts = load(
        {"type": "Feature", "properties": {"adcode": 459901}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        feature("459901100000", level="street"),
        feature("459900"),
    )
    assert counts["changed"] == 3
    assert set(Region.objects.filter(boundary__isnull=False).values_list("pk", flat=True)) == {
        "4599",
        "459901",
        "459901100",
    }


def test_crossing_borders_are_made_valid(load):
    bow = [[107.5, 23.5], [107.6, 23.6], [107.6, 23.5], [107.5, 23.6], [107.5, 23.5]]
    load(feature(geometry={"type": "Polygon", "coordinates": [bow]}))
    assert Region.objects.get(pk="459901100201").boundary.valid


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (feature("459901100999"), "no region with this code"),
        (feature(geometry={"type": "Point", "coordinates": [107, 23]}), "neither a Polygon"),
        (feature(geometry={"type": "Polygon", "coordinates": [[[y, x] for x, y in SQUARE]]}), "swapped"),
        (
            feature(geometry={"type": "Polygon", "coordinates": [[[x * 1e5, y * 1e5] for x, y in SQUARE]]}),
            "not degrees",
        ),
        (feature(geometry={"type": "Polygon", "coordinates": []}), "empty"),
        (feature(geometry={"type": "Polygon", "coordinates": [[["a", "b"]]]}), ""),
        (feature(geometry={"type": "Polygon"}), ""),
        ({"type": "Feature", "properties": None, "geometry": None}, "no region"),
    ],
)
def test_a_bad_feature_is_named_and_the_rest_goes_on(load, bad, words):
    counts = load(bad, feature("459901100202"))
    assert (counts["changed"], counts["rejected"]) == (1, 1)
    assert words in counts["faults"][0]["reason"] and counts["faults"][0]["row"] == 1


def test_coordinates_in_another_system_are_refused(load):
    with pytest.raises(CommandError, match="only longitude and latitude"):
        load(feature(), crs="urn:ogc:def:crs:EPSG::4527")
    assert load(feature(), crs="urn:ogc:def:crs:OGC:1.3:CRS84")["changed"] == 1


def test_gcj02_is_taken_back(load):
    shifted = [[float(each) for each in coordinates.gcj02_from_wgs84(x, y)] for x, y in SQUARE]
    load(feature(geometry={"type": "Polygon", "coordinates": [shifted]}), arguments=["--gcj02"])
    west, south, _east, _north = Region.objects.get(pk="459901100201").boundary.extent
    assert (west, south) == pytest.approx((107.5, 23.5), abs=1e-6)


def test_the_shift_is_the_published_one():
    found = coordinates.gcj02_from_wgs84(121.5272106, 31.1774276)
    assert found == pytest.approx((121.531541859215, 31.17530398364597), abs=1e-9)
    assert coordinates.wgs84_from_gcj02(*found) == pytest.approx((121.5272106, 31.1774276), abs=1e-9)


def test_profiles_are_loaded_and_repeatable(tmp_path):
    path = tmp_path / "villages_profile.csv"
    path.write_text(
        "code,total_households,total_population,poor_village,broadband,extra\n"
        "459901100201,320,1200,1,是,x\n459901100202,,900,0,,x\n459901,1,1,1,1,x\n459901100201,1,1,1,1,x\n"
        "459901101201,-5,1,1,1,x\n459901101201,5,1,maybe,1,x\n",
        encoding="utf-8",
    )
    counts, _err = run(path, command="load_profiles")
    assert (counts["rows"], counts["new"], counts["rejected"]) == (6, 2, 4)
    profile = VillageProfile.objects.get(pk="459901100201")
    assert (profile.total_households, profile.poor_village, profile.broadband, profile.year) == (320, True, True, None)
    counts, _err = run(path, command="load_profiles")
    assert (counts["new"], counts["changed"], counts["unchanged"]) == (0, 0, 2)
    path.write_text("code,total_households,total_population\n459901100201,330,\n", encoding="utf-8")
    assert run(path, command="load_profiles")[0]["changed"] == 1
    profile.refresh_from_db()
    assert (profile.total_households, profile.total_population) == (330, 1200), "a blank keeps what is known"
