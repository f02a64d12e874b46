"""Boundaries for the browser: simplified as one net, so that neighbours still fit, small, and kept in the cache."""

import gzip
import hashlib
import json
import re

import shapely
from django.core.cache import cache
from django.db import connection

from poverty import scope
from regions.models import LEVEL_LENGTHS, Region

LIMIT_BYTES = 150_000
VERSION = re.compile(r"\d{1,20}\.\d{1,9}", re.ASCII)
KEEP_SECONDS = 24 * 3600
DETAIL = 2000  # the first tolerance is this part of the area's extent: about a third of a pixel on a wide map
LEVELS = list(LEVEL_LENGTHS)


def version(code: str) -> str:
    """Return what changes with the boundaries shown for `code`; "" when there are none.

    xmin is the transaction that last wrote a row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(xmin::text::bigint), count(*) FROM regions_region"
            " WHERE code >= %s AND code < %s AND level = ANY(%s) AND boundary IS NOT NULL",
            [*scope.code_range(code), levels(code)],
        )
        newest, number = cursor.fetchone()
    return f"{newest}.{number}" if number else ""


def levels(code: str) -> list[str]:
    """Return the level of `code` and the one below it."""
    place = next((place for place, length in enumerate(LEVEL_LENGTHS.values()) if length == len(code)), len(LEVELS) - 1)
    return LEVELS[place : place + 2]


def kept(code: str, version: str) -> tuple[str, bytes] | None:
    """Return what `packed` made of a version before: its address always means the same."""
    return cache.get(f"boundaries:{code}:{version}") if VERSION.fullmatch(version) else None


def packed(code: str, version: str) -> tuple[str, bytes]:
    """Return (entity tag, gzipped GeoJSON) of the regions right below `code` and of its own outline."""
    key = f"boundaries:{code}:{version}"
    found = cache.get(key)
    if found is None:
        body = json.dumps(collect(code), ensure_ascii=False, separators=(",", ":")).encode()
        found = (hashlib.sha256(body).hexdigest()[:24], gzip.compress(body, 6, mtime=0))
        cache.set(key, found, KEEP_SECONDS)
    return found


def unpacked(body: bytes) -> bytes:
    return gzip.decompress(body)


def collect(code: str) -> dict:
    """Return a GeoJSON feature collection of at most about LIMIT_BYTES."""
    regions = list(
        Region.objects.filter(scope.under("code", code), level__in=levels(code), boundary__isnull=False)
        .order_by("code")
        .values_list("code", "name", "boundary")
    )
    names = [(region, name) for region, name, _boundary in regions]
    shapes = shapely.from_wkb([bytes(boundary.wkb) for _region, _name, boundary in regions])
    if not names:
        return {"type": "FeatureCollection", "features": []}
    own = [place for place, (region, _name) in enumerate(names) if region == code]
    inner = [place for place in range(len(names)) if place not in own]
    bounds = shapely.total_bounds(shapes)
    extent = max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1e-6)
    tolerance = extent / DETAIL
    while True:
        drawn = [None] * len(names)
        for places in (own, inner):
            for place, shape in zip(places, _simplified([shapes[place] for place in places], tolerance), strict=True):
                drawn[place] = shape
        features = [
            _feature(region, name, shape, region == code, 5 if extent < 0.5 else 4)
            for (region, name), shape in zip(names, drawn, strict=True)
        ]
        made = {"type": "FeatureCollection", "features": features}
        if len(json.dumps(made, separators=(",", ":"))) <= LIMIT_BYTES or tolerance > extent / 50:
            return made
        tolerance *= 1.6


def _simplified(shapes: list, tolerance: float) -> list:
    if not shapes:
        return []
    # The tolerance of a coverage is the square root of the area of what is cut off.
    return list(shapely.coverage_simplify(shapely.make_valid(shapes), tolerance * 3))


def _feature(code: str, name: str, shape, outline: bool, decimals: int) -> dict:
    middle = shapely.maximum_inscribed_circle(shape, tolerance=0.01) if not shape.is_empty else None
    centre = shapely.get_point(middle, 0) if middle is not None else None
    return {
        "type": "Feature",
        "properties": {
            "code": code,
            "name": name,
            "outline": outline,
            "at": [round(centre.y, decimals), round(centre.x, decimals)] if centre is not None else None,
        },
        "geometry": _rounded(shapely.geometry.mapping(shape), decimals),
    }


def _rounded(geometry: dict, decimals: int) -> dict:
    def cut(item):
        return round(item, decimals) if isinstance(item, float) else [cut(part) for part in item]

    return {"type": geometry["type"], "coordinates": cut(geometry["coordinates"])}
