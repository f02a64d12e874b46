"""Load the borders of regions from GeoJSON, and the point that stands for each region."""

import json
from pathlib import Path

import numpy as np
import shapely
from django.db import connection, transaction
from shapely.geometry import MultiPolygon, shape

from regions import coordinates, names, tables
from regions.models import LEVEL_LENGTHS, Region

# Degrees that are longitude and latitude already; CGCS2000 (4490) differs by centimetres.
KNOWN_SYSTEMS = ("CRS84", "EPSG:4326", "EPSG::4326", "EPSG:4490", "EPSG::4490")
CHINA = (73.0, 3.0, 136.0, 54.0)
GRID_DEGREES = 1e-7  # about a centimetre: a second load compares equal
LEVEL_WORDS = {"district": "county", "street": "town"}


def load(path: Path, *, gcj02: bool = False) -> tables.Report:
    """Store boundary and centroid of every feature whose region is in the tree; bad features go to the report."""
    report = tables.Report({"features": 0, "changed": 0, "unchanged": 0})
    features = _features(path)
    codes = {position: _code(feature) for position, feature in enumerate(features)}
    known = set(
        Region.objects.filter(pk__in={code for pair in codes.values() for code in pair if code}).values_list(
            "pk", flat=True
        )
    )
    rows: dict[str, tuple[bytes, bytes]] = {}
    for position, feature in enumerate(features):
        report.add(features=1)
        number = position + 1
        written, cut = codes[position]
        code = next((each for each in (written, cut) if each in known), "")
        if not code:
            report.reject(path.name, number, written, "the tree has no region with this code")
            continue
        try:
            boundary = _boundary(feature.get("geometry"), gcj02)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
            report.reject(path.name, number, code, str(error) or "the geometry cannot be read")
            continue
        if code in rows:
            report.reject(path.name, number, code, "the code stands in this file twice; the first one was taken")
            continue
        rows[code] = (shapely.to_wkb(boundary), shapely.to_wkb(shapely.point_on_surface(boundary)))
    changed = _store(rows)
    report.add(changed=changed, unchanged=len(rows) - changed)
    return report


def _features(path: Path) -> list[dict]:
    try:
        content = json.loads(tables.decode(path.read_bytes(), path.name))
    except (ValueError, RecursionError) as error:
        raise tables.Unreadable(f"{path.name}: this is not GeoJSON ({error})") from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise tables.Unreadable(f"{path.name}: this is not a GeoJSON FeatureCollection")
    crs = content.get("crs") or {}
    name = str((crs.get("properties") or {}).get("name", "")) if isinstance(crs, dict) else str(crs)
    if name and not name.upper().endswith(KNOWN_SYSTEMS):
        raise tables.Unreadable(
            f"{path.name}: the coordinates are in {name}; only longitude and latitude (WGS 84, CGCS2000) can be read"
        )
    return features


def _code(feature: dict) -> tuple[str, str]:
    """Return the code as written, and cut to the length of its level."""
    properties = feature.get("properties") or {}
    written = str(properties.get("code") or properties.get("adcode") or "").strip()
    if not (written.isascii() and written.isdigit()):
        return written, ""
    level = LEVEL_WORDS.get(str(properties.get("level")), str(properties.get("level")))
    length = LEVEL_LENGTHS.get(level, 0)
    if length and len(written) > length and not written[length:].strip("0"):
        return written[:length], written[:length]
    return written, names.cut(written)


def _boundary(geometry, gcj02: bool) -> MultiPolygon:
    """Return the geometry as a valid multipolygon in WGS-84; ValueError says what is wrong with it."""
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise ValueError("the geometry is neither a Polygon nor a MultiPolygon")
    found = shapely.force_2d(shape(geometry))
    if found.is_empty or not np.isfinite(shapely.get_coordinates(found)).all():
        raise ValueError("the geometry is empty or holds no numbers")
    west, south, east, north = found.bounds
    if not (CHINA[0] <= west and east <= CHINA[2] and CHINA[1] <= south and north <= CHINA[3]):
        if CHINA[0] <= south and north <= CHINA[2] and CHINA[1] <= west and east <= CHINA[3]:
            raise ValueError("latitude and longitude are swapped")
        raise ValueError("the coordinates lie outside China, or are not degrees")
    if gcj02:
        found = shapely.transform(found, lambda xy: np.column_stack(coordinates.wgs84_from_gcj02(xy[:, 0], xy[:, 1])))
    found = shapely.set_precision(shapely.make_valid(found), GRID_DEGREES)
    polygons = [part for part in _parts(found) if part.geom_type == "Polygon" and not part.is_empty]
    if not polygons:
        raise ValueError("nothing with an area is left of the geometry")
    return MultiPolygon(polygons)


def _parts(geometry):
    """Yield the simple geometries that a collection is made of."""
    if hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _parts(part)
    else:
        yield geometry


def _store(rows: dict[str, tuple[bytes, bytes]]) -> int:
    """Write what differs; return how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('CREATE TEMP TABLE incoming_boundaries (code text COLLATE "C", boundary text, centroid text)')
        with cursor.copy("COPY incoming_boundaries (code, boundary, centroid) FROM STDIN") as copy:
            for code, (boundary, centroid) in rows.items():
                copy.write_row((code, boundary.hex(), centroid.hex()))
        cursor.execute(
            "WITH incoming AS (SELECT code, ST_SetSRID(boundary::geometry, 4326) AS boundary,"
            " ST_SetSRID(centroid::geometry, 4326) AS centroid FROM incoming_boundaries)"
            " UPDATE regions_region r SET boundary = i.boundary, centroid = i.centroid FROM incoming i"
            " WHERE r.code = i.code"
            " AND (r.boundary IS DISTINCT FROM i.boundary OR r.centroid IS DISTINCT FROM i.centroid)"
        )
        changed = cursor.rowcount
        cursor.execute("DROP TABLE incoming_boundaries")
        return changed
