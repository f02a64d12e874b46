"""Borders and village profiles from files."""

import json
import zipfile

import numpy as np
import pyogrio
import pytest
import shapely
from django.core.management import CommandError
from django.utils import translation

from regions import coordinates
from regions.models import Region, VillageProfile
from tests.regions.test_loading import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("regions")]
SQUARE = [[107.5, 23.5], [107.6, 23.5], [107.6, 23.6], [107.5, 23.6], [107.5, 23.5]]


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


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


# --- Shapefile and GeoPackage, written here ---------------------------------------------------------------------------

VILLAGES = ("459901100201", "459901100202")


def box(step=0.0, convert=None):
    ring = np.array(SQUARE) + step
    if convert:
        ring = np.column_stack(convert(ring[:, 0], ring[:, 1]))
    return shapely.Polygon(ring)


def write(path, codes=VILLAGES, polygons=None, crs="EPSG:4490", column="code", kind="Polygon", **options):
    polygons = polygons if polygons is not None else [box(0.1 * place) for place in range(len(codes))]
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(polygons, dtype=object)), [np.array(codes, dtype=object)], [column],
        crs=crs, geometry_type=kind, promote_to_multi=False, **options,
    )  # fmt: skip
    return path


def load_file(path, *arguments):
    return run(path, *arguments, command="load_boundaries")


def extent(code=VILLAGES[0]):
    return Region.objects.get(pk=code).boundary.extent


@pytest.mark.parametrize("name", ["乡村.shp", "villages.gpkg"])
def test_shapefiles_and_geopackages_are_read(tmp_path, name):
    counts, _err = load_file(write(tmp_path / name))
    assert (counts["features"], counts["changed"], counts["rejected"]) == (2, 2, 0)
    assert extent() == pytest.approx((107.5, 23.5, 107.6, 23.6))
    assert load_file(tmp_path / name)[0]["unchanged"] == 2


def test_a_zipped_shapefile_is_read_whatever_folder_it_is_in(tmp_path):
    write(tmp_path / "villages.shp")
    with zipfile.ZipFile(tmp_path / "villages.zip", "w") as archive:
        for part in tmp_path.glob("villages.*"):
            if part.suffix != ".zip":
                archive.write(part, f"2020/边界/{part.name}")
        archive.writestr("readme.txt", "x")
    assert load_file(tmp_path / "villages.zip")[0]["changed"] == 2


@pytest.mark.parametrize("column", ["XZQDM", "PAC", "行政区划代码"])
def test_the_columns_of_surveys_are_known(tmp_path, column):
    assert load_file(write(tmp_path / "a.gpkg", column=column))[0]["changed"] == 2


def test_a_column_without_a_declared_encoding_is_known(tmp_path):
    write(tmp_path / "a.shp", column="代码", encoding="GB18030")
    (tmp_path / "a.cpg").unlink(missing_ok=True)
    assert load_file(tmp_path / "a.shp")[0]["changed"] == 2


def test_another_column_can_be_named(tmp_path):
    path = write(tmp_path / "a.gpkg", column="NR")
    counts, err = load_file(path)
    assert counts["rejected"] == 2 and "it has NR" in err and "--code-field" in err
    assert load_file(path, "--code-field", "nr")[0]["changed"] == 2


@pytest.mark.parametrize("name", ["a.shp", "a.gpkg"])
def test_the_files_own_system_is_honoured(tmp_path, name):
    # CGCS2000, three degrees around 108° E: easting 500,000 is the meridian.
    metres = shapely.box(500000, 2600000, 501000, 2601000)
    load_file(write(tmp_path / name, VILLAGES[:1], [metres], crs="EPSG:4545"))
    west, south, east, _north = extent()
    assert west == pytest.approx(108.0, abs=1e-6) and 23.4 < south < 23.6
    assert (east - west) * 102000 == pytest.approx(1000, rel=0.01)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_metres_without_a_system_are_refused_with_a_remedy(tmp_path):
    path = write(tmp_path / "a.shp", VILLAGES[:1], [shapely.box(500000, 2600000, 501000, 2601000)], crs=None)
    with pytest.raises(CommandError, match=r"a\.shp: .*add its \.prj.*EPSG:4490"):
        load_file(path)


def test_an_old_system_is_noted(tmp_path):
    _counts, err = load_file(write(tmp_path / "a.gpkg", VILLAGES[:1], [box()], crs="EPSG:4610"))
    assert "up to 100 m off" in err


@pytest.mark.parametrize(
    ("srs", "shift"),
    [
        ("wgs84", None),
        ("gcj02", coordinates.gcj02_from_wgs84),
        ("bd09", lambda x, y: coordinates.bd09_from_gcj02(*coordinates.gcj02_from_wgs84(x, y))),
    ],
)
def test_shifted_coordinates_are_taken_back_to_wgs84(tmp_path, srs, shift):
    load_file(write(tmp_path / "a.gpkg", VILLAGES[:1], [box(convert=shift)]), "--srs", srs)
    assert extent() == pytest.approx((107.5, 23.5, 107.6, 23.6), abs=1e-6)


def test_one_layer_of_several_can_be_picked(tmp_path):
    path = write(tmp_path / "a.gpkg", VILLAGES[:1], layer="old")
    write(path, VILLAGES, layer="new", append=True)
    assert load_file(path, "--layer", "new")[0]["features"] == 2
    with pytest.raises(CommandError, match="old, new"):
        load_file(path, "--layer", "none")


def test_a_bad_feature_is_named_with_file_layer_and_number_and_the_rest_goes_on(tmp_path):
    bow = shapely.Polygon([(107.5, 23.5), (107.6, 23.6), (107.6, 23.5), (107.5, 23.6)])
    flat = shapely.Polygon([(107.5, 23.5), (107.6, 23.6), (107.5, 23.5)])
    polygons = [bow, box(), flat, None]
    path = write(tmp_path / "a.gpkg", ("459901100201", "459901100999", "459901100202", "459901"), polygons, layer="b")
    counts, err = load_file(path)
    assert (counts["changed"], counts["repaired"], counts["rejected"]) == (1, 1, 3)
    assert Region.objects.get(pk="459901100201").boundary.valid
    assert "a.gpkg · b, feature 2: 459901100999: the tree has no region" in err
    assert "feature 3: 459901100202: nothing with an area" in err and "feature 4: 459901: there is no geometry" in err


def test_points_are_no_borders(tmp_path):
    counts, err = load_file(write(tmp_path / "a.gpkg", VILLAGES[:1], [shapely.Point(107, 23)], kind="Point"))
    assert counts["rejected"] == 1 and "neither a Polygon" in err


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.shp", "not what the name says"), ("a.gpkg", "not what the name says"), ("a.zip", "cannot be unpacked")],
)
def test_what_only_poses_as_a_map_is_refused(tmp_path, name, words):
    for ending in (".shx", ".dbf"):
        (tmp_path / f"a{ending}").write_bytes(b"x")
    (tmp_path / name).write_text('<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>')
    with pytest.raises(CommandError, match=words):
        load_file(tmp_path / name)


def test_a_missing_part_is_named(tmp_path):
    write(tmp_path / "a.shp")
    (tmp_path / "a.dbf").unlink()
    with pytest.raises(CommandError, match=r"\.dbf of the same name is missing"):
        load_file(tmp_path / "a.shp")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(CommandError, match="no Shapefile and no GeoPackage"):
        load_file(tmp_path / "b.zip")


def test_faults_are_told_in_chinese(tmp_path):
    with translation.override("zh-hans"):
        _counts, err = load_file(write(tmp_path / "a.gpkg", ("459901100999",)))
    assert "要素" in err and "区划" in err


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
