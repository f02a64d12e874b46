"""Load the borders of regions from GeoJSON."""

from pathlib import Path

from regions import boundaries
from regions.management.commands import LoadCommand


class Command(LoadCommand):
    help = (
        "Load borders from a GeoJSON FeatureCollection: properties `code` or `adcode`, Polygon or MultiPolygon,"
        " longitude and latitude (WGS 84 or CGCS2000). Safe to repeat."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="FILE")
        parser.add_argument("--gcj02", action="store_true", help="the file is in GCJ-02 (Amap, Tencent): convert it")

    def handle(self, *, path, gcj02, json, **options):
        self.report(lambda: boundaries.load(path, gcj02=gcj02), json)
