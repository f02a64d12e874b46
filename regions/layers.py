"""Read the features of border files: GeoJSON, Shapefile (also zipped) and GeoPackage.

Every feature comes with its attributes and a shapely geometry in longitude and latitude, or with what is wrong with it.
GDAL opens only what the first bytes say is a Shapefile or a GeoPackage, from a folder of its own: a file that points at
another one, or at an address, is never followed.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import shapely
from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, SpatialReference
from django.contrib.gis.gdal.error import SRSException
from django.utils.translation import gettext as _
from shapely.geometry import shape

from regions import tables

# Degrees that are longitude and latitude already; CGCS2000 (4490) differs by centimetres.
KNOWN_SYSTEMS = ("CRS84", "EPSG:4326", "EPSG::4326", "EPSG:4490", "EPSG::4490")
OLD_DATUMS = ("beijing", "xian")
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
NEEDED = (".shp", ".shx", ".dbf")
SHP, GPKG = b"\x00\x00\x27\x0a", b"SQLite format 3\x00"
MOST_BYTES = 2 * 2**30  # unpacked


@dataclass
class Found:
    """A feature: where it stands, its attributes, and its geometry or what is wrong with that."""

    place: str
    number: int
    properties: dict
    geometry: shapely.Geometry | None = None
    fault: str = ""


@dataclass
class Layers:
    features: list[Found]
    notes: list[str] = field(default_factory=list)


def read(path: Path, layer: str = "") -> Layers:
    """Return what a file holds; tables.Unreadable says why it cannot be read and what to do. `layer` picks one."""
    kind = path.suffix.lower()
    if kind not in (".shp", ".gpkg", ".zip"):
        return Layers(_geojson(path))
    if not path.is_file():
        raise tables.Unreadable(_("%(file)s: there is no such file") % {"file": path.name})
    with tempfile.TemporaryDirectory(prefix="boundaries-") as folder:
        found = _unpacked(path, Path(folder)) if kind == ".zip" else _beside(path, Path(folder))
        read_ = Layers([])
        names: list[str] = []
        for one in found:
            names += _layers(one, path.name, layer, read_)
        if layer and layer not in names:
            raise tables.Unreadable(
                _("%(file)s: there is no layer “%(layer)s”; it has: %(layers)s")
                % {"file": path.name, "layer": layer, "layers": ", ".join(names)}
            )
        return read_


# --- GeoJSON --------------------------------------------------------------------------------------------------------------


def _geojson(path: Path) -> list[Found]:
    try:
        content = json.loads(tables.decode(path.read_bytes(), path.name))
    except (ValueError, RecursionError) as error:
        raise tables.Unreadable(
            _("%(file)s: this is not GeoJSON (%(error)s); readable are GeoJSON, Shapefile (.shp, .zip) and GeoPackage")
            % {"file": path.name, "error": error}
        ) from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise tables.Unreadable(_("%(file)s: this is not a GeoJSON FeatureCollection") % {"file": path.name})
    crs = content.get("crs") or {}
    name = str((crs.get("properties") or {}).get("name", "")) if isinstance(crs, dict) else str(crs)
    if name and not name.upper().endswith(KNOWN_SYSTEMS):
        raise tables.Unreadable(
            _(
                "%(file)s: the coordinates are in %(name)s; of GeoJSON only longitude and latitude (WGS 84, CGCS2000) can be read"
            )
            % {"file": path.name, "name": name}
        )
    found = []
    for number, feature in enumerate(features, 1):
        properties = feature.get("properties")
        one = Found(path.name, number, properties if isinstance(properties, dict) else {})
        geometry = feature.get("geometry")
        if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
            one.fault = no_polygon()
        else:
            try:
                one.geometry = shapely.force_2d(shape(geometry))
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
                one.fault = str(error) or _("the geometry cannot be read")
        found.append(one)
    return found


def no_polygon() -> str:
    return _("the geometry is neither a Polygon nor a MultiPolygon")


# --- Shapefile and GeoPackage ------------------------------------------------------------------------------------------------


def _beside(path: Path, folder: Path) -> list[Path]:
    """Link a file into `folder`, a Shapefile with the parts that stand beside it; return what is to be opened."""
    if path.suffix.lower() == ".gpkg":
        _head(path, GPKG, path.name)
        shutil.copyfile(path, folder / "layers.gpkg")
        return [folder / "layers.gpkg"]
    parts = {each.suffix.lower(): each for each in path.parent.iterdir() if each.stem == path.stem and each.is_file()}
    for ending in PARTS:
        if ending in parts:
            shutil.copyfile(parts[ending], folder / f"{path.stem}{ending}")
    return [_whole(folder / f"{path.stem}.shp", path.name)]


def _unpacked(path: Path, folder: Path) -> list[Path]:
    """Unpack the Shapefiles and GeoPackages of an archive, whatever folders they stand in."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [one for one in archive.infolist() if not one.is_dir()]
            wanted = [one for one in inside if Path(one.filename).suffix.lower() in (*PARTS, ".gpkg")]
            if sum(one.file_size for one in wanted) > MOST_BYTES:
                raise tables.Unreadable(
                    _("%(file)s: more than 2 GB when unpacked; load it in pieces") % {"file": path.name}
                )
            found = []
            for one in wanted:
                # Some programs write names in GB18030 and do not say so.
                name = one.filename if one.flag_bits & 0x800 else _in_chinese(one.filename)
                target = folder / f"{Path(name).stem}{Path(name).suffix.lower()}"
                if target.exists():
                    raise tables.Unreadable(
                        _("%(file)s: two files in it are called %(name)s; load them one by one")
                        % {"file": path.name, "name": target.name}
                    )
                with archive.open(one) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
                if target.suffix in (".shp", ".gpkg"):
                    found.append(target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise tables.Unreadable(
            _("%(file)s: the archive cannot be unpacked (%(error)s); zip it anew without a password")
            % {"file": path.name, "error": error}
        ) from error
    if not found:
        raise tables.Unreadable(_("%(file)s: no Shapefile and no GeoPackage is in it") % {"file": path.name})
    for one in found:
        if one.suffix == ".gpkg":
            _head(one, GPKG, f"{path.name}/{one.name}")
        else:
            _whole(one, f"{path.name}/{one.name}")
    return sorted(found)


def _in_chinese(name: str) -> str:
    """Return a name that was written in GB18030 and read as code page 437."""
    try:
        return name.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name


def _whole(shp: Path, name: str) -> Path:
    missing = [ending for ending in NEEDED if not shp.with_suffix(ending).exists()]
    if missing:
        raise tables.Unreadable(
            _(
                "%(file)s: %(missing)s of the same name is missing; a Shapefile is .shp, .shx, .dbf and best .prj together"
            )
            % {"file": name, "missing": ", ".join(missing)}
        )
    _head(shp, SHP, name)
    return shp


def _head(path: Path, expected: bytes, name: str) -> None:
    with path.open("rb") as file:
        if file.read(len(expected)) != expected:
            raise tables.Unreadable(
                _("%(file)s: the content is not what the name says; export it anew") % {"file": name}
            )


def _layers(path: Path, file: str, wanted: str, read_: Layers) -> list[str]:
    """Add the features of a file's layers to `read_`; return the names of the layers."""
    try:
        # Names come as they were written: what a Shapefile is encoded in often stands nowhere.
        source = DataSource(str(path), encoding="latin-1")
        layers = list(source)
    except GDALException as error:
        raise tables.Unreadable(
            _("%(file)s: GDAL cannot open it (%(error)s); repair or export it anew in the mapping program")
            % {"file": file, "error": error}
        ) from error
    names = []
    for layer in layers:
        name = _text(layer.name)
        names.append(name)
        if wanted and name != wanted:
            continue
        place = f"{file} · {name}" if len(layers) > 1 or name != Path(file).stem else file
        transform = _to_degrees(layer, place, read_)
        for number, feature in enumerate(_each(layer, place), 1):
            properties = {_text(column): _value(feature, index) for index, column in enumerate(feature.fields)}
            one = Found(place, number, properties)
            try:
                geometry = feature.geom
                if transform is not None:
                    geometry.transform(transform)
                one.geometry = shapely.force_2d(shapely.from_wkb(bytes(geometry.wkb)))
                if one.geometry.geom_type not in ("Polygon", "MultiPolygon"):
                    one.fault = no_polygon()
            except GDALException:
                one.fault = _("there is no geometry, or it cannot be brought to longitude and latitude")
            except shapely.errors.ShapelyError as error:
                one.fault = str(error) or _("the geometry cannot be read")
            read_.features.append(one)
    return names


def _each(layer, place: str) -> Iterator:
    try:
        yield from layer
    except GDALException as error:
        raise tables.Unreadable(
            _("%(file)s: reading stopped in the middle (%(error)s); the file is cut or damaged, copy it again")
            % {"file": place, "error": error}
        ) from error


def _text(written: str) -> str:
    """Return a text that GDAL gave byte by byte: UTF-8 as it should be, or GB18030 of a file that does not say so."""
    for encoding in ("utf-8", "gb18030"):
        try:
            found = written.encode("latin-1").decode(encoding)
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        # Bytes that GDAL has taken for Latin letters already.
        return _text(found) if encoding == "utf-8" and found != written else found
    return written


def _value(feature, index: int):
    try:
        value = feature[index].value
    except (GDALException, UnicodeDecodeError, ValueError):
        return None
    if isinstance(value, str):
        return _text(value)
    # Codes kept as numbers come back with a decimal point.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _to_degrees(layer, place: str, read_: Layers) -> CoordTransform | None:
    """Return how a layer's coordinates become longitude and latitude; None where they are, or where it does not say."""
    try:
        system = layer.srs
    except (GDALException, SRSException):
        system = None
    if system is None:
        try:
            west, south, east, north = layer.extent.tuple
        except GDALException:
            return None
        if len(layer) and max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:
            raise tables.Unreadable(
                _("%(file)s: the coordinates are not degrees and the file does not say what they are; add its .prj, or "
                  "export it in CGCS2000 longitude and latitude (EPSG:4490)") % {"file": place}
            )  # fmt: skip
        return None
    words = system.wkt.lower()
    if any(datum in words for datum in OLD_DATUMS):
        read_.notes.append(
            _("%(file)s: the borders are in an old system (%(name)s) and may lie up to 100 m off; better ask the survey "
              "office for CGCS2000") % {"file": place, "name": system.name}
        )  # fmt: skip
    if system.geographic and not any(datum in words for datum in OLD_DATUMS):
        return None
    try:
        return CoordTransform(system, SpatialReference(4326))
    except (GDALException, SRSException) as error:
        raise tables.Unreadable(
            _("%(file)s: its coordinate system %(name)s cannot be brought to longitude and latitude; export it in "
              "CGCS2000 (EPSG:4490)") % {"file": place, "name": system.name}
        ) from error  # fmt: skip
