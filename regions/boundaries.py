"""Load the borders of regions, and the point that stands for each region."""

from pathlib import Path

import numpy as np
import shapely
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry import MultiPolygon

from regions import coordinates, layers, names, tables
from regions.models import LEVEL_LENGTHS, Region

CHINA = (73.0, 3.0, 136.0, 54.0)
GRID_DEGREES = 1e-7  # about a centimetre: a second load compares equal
LEVEL_WORDS = {"district": "county", "street": "town"}
# Columns that hold the code: ours and common ones, that of land surveys (XZQDM) and of the base map (PAC) among them.
CODE_FIELDS = (
    "code",
    "adcode",
    "region_code",
    "xzqdm",
    "pac",
    "qhdm",
    "行政区划代码",
    "行政区代码",
    "区划代码",
    "代码",
)
SYSTEMS = {"wgs84": None, "gcj02": coordinates.wgs84_from_gcj02, "bd09": coordinates.wgs84_from_bd09}


def load(path: Path, *, srs: str = "wgs84", layer: str = "", code_field: str = "") -> tables.Report:
    """Store boundary and centroid of every feature whose region is in the tree; bad features go to the report.

    `srs` is the system of the coordinates once they are degrees, `layer` and `code_field` pick one of several.
    """
    report = tables.Report({"features": 0, "changed": 0, "unchanged": 0, "repaired": 0}, row_word=_("feature"))
    read = layers.read(path, layer)
    report.notes += read.notes
    report.add(features=len(read.features))
    codes = [_code(feature.properties, code_field) for feature in read.features]
    if read.features and not any(written for written, _cut in codes):
        columns = list(dict.fromkeys(name for feature in read.features for name in feature.properties))
        report.notes.append(
            _("%(file)s: no column holds region codes; it has %(columns)s. Name the right one with --code-field")
            % {"file": path.name, "columns": ", ".join(columns) or "–"}
        )
    wanted = {code for pair in codes for code in pair if code}
    known = set(Region.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    taken: dict[str, layers.Found] = {}
    faults: list[tuple[layers.Found, str, str]] = []
    for feature, (written, cut) in zip(read.features, codes, strict=True):
        code = next((each for each in (written, cut) if each in known), "")
        if not code:
            faults.append((feature, written, _("the tree has no region with this code")))
        elif feature.fault:
            faults.append((feature, code, feature.fault))
        elif code in taken:
            faults.append((feature, code, _("the code stands in this file twice; the first one was taken")))
        else:
            taken[code] = feature
    rows, bad, repaired = _boundaries(taken, SYSTEMS[srs])
    faults += [(taken[code], code, reason) for code, reason in bad.items()]
    places = {id(feature): place for place, feature in enumerate(read.features)}
    for feature, code, reason in sorted(faults, key=lambda fault: places[id(fault[0])]):
        report.reject(feature.place, feature.number, code, reason)
    changed = _store(rows)
    report.add(changed=changed, unchanged=len(rows) - changed, repaired=repaired)
    return report


def _code(properties: dict, code_field: str) -> tuple[str, str]:
    """Return the code as written, and cut to the length of its level."""
    by_name = {str(name).strip().casefold(): value for name, value in properties.items()}
    fields = (code_field.strip().casefold(),) if code_field else CODE_FIELDS
    written = next((text for name in fields if (text := str(by_name.get(name) or "").strip())), "")
    if not (written.isascii() and written.isdigit()):
        return written, ""
    level = LEVEL_WORDS.get(str(by_name.get("level")), str(by_name.get("level")))
    length = LEVEL_LENGTHS.get(level, 0)
    if length and len(written) > length and not written[length:].strip("0"):
        return written[:length], written[:length]
    # Land surveys write 19 digits, the last seven of which are zeros for a whole village.
    if len(written) == 19 and not written[12:].strip("0"):
        return written, names.cut(written[:12])
    return written, names.cut(written)


def _boundaries(taken: dict, convert) -> tuple[dict[str, tuple[bytes, bytes]], dict[str, str], int]:
    """Return ({code: boundary and point as WKB}, {code: what is wrong}, how many were repaired), all in WGS 84."""
    rows: dict[str, tuple[bytes, bytes]] = {}
    bad: dict[str, str] = {}
    every = np.array([feature.geometry for feature in taken.values()], dtype=object)
    codes = np.array(list(taken), dtype=object)
    if not len(every):
        return rows, bad, 0
    numbers = np.array([bool(np.isfinite(shapely.get_coordinates(one)).all()) for one in every])
    fine = ~shapely.is_empty(every) & numbers
    west, south, east, north = shapely.bounds(every).T
    inside = (CHINA[0] <= west) & (east <= CHINA[2]) & (CHINA[1] <= south) & (north <= CHINA[3])
    swapped = (CHINA[0] <= south) & (north <= CHINA[2]) & (CHINA[1] <= west) & (east <= CHINA[3])
    for wrong, words in (
        (~fine, _("the geometry is empty or holds no numbers")),
        (fine & ~inside & swapped, _("latitude and longitude are swapped")),
        (fine & ~inside & ~swapped, _("the coordinates lie outside China, or are not degrees")),
    ):
        bad |= dict.fromkeys(codes[wrong], words)
    codes, every = codes[fine & inside], every[fine & inside]
    if not len(every):
        return rows, bad, 0
    if convert is not None:
        every = shapely.transform(every, lambda xy: np.column_stack(convert(xy[:, 0], xy[:, 1])))
    broken = ~shapely.is_valid(every)
    every = shapely.set_precision(shapely.make_valid(every), GRID_DEGREES)
    repaired = 0
    for code, geometry, was_broken in zip(codes, every, broken, strict=True):
        polygons = [part for part in _parts(geometry) if part.geom_type == "Polygon" and not part.is_empty]
        if not polygons:
            bad[code] = _("nothing with an area is left of the geometry")
            continue
        boundary = MultiPolygon(polygons)
        repaired += bool(was_broken)
        rows[code] = (shapely.to_wkb(boundary), shapely.to_wkb(shapely.point_on_surface(boundary)))
    return rows, bad, repaired


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
