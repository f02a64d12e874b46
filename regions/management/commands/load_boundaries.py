"""Load the borders of regions from GeoJSON, Shapefile or GeoPackage."""

from pathlib import Path

from regions import boundaries
from regions.management.commands import LoadCommand


class Command(LoadCommand):
    help = (
        "Load borders: GeoJSON, Shapefile (.shp, or zipped) or GeoPackage (.gpkg), Polygon or MultiPolygon, with the code"
        " of the region in a column such as code, adcode, XZQDM or PAC. Its own coordinate system (.prj) is honoured, and"
        " what is in degrees without one counts as WGS 84 or CGCS2000. Safe to repeat."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="FILE")
        parser.add_argument(
            "--srs",
            choices=list(boundaries.SYSTEMS),
            default="wgs84",
            help="shift of the coordinates: gcj02 (Amap, Tencent) and bd09 (Baidu) are converted to WGS 84 before storing",
        )
        parser.add_argument("--gcj02", action="store_const", dest="srs", const="gcj02", help="short for --srs gcj02")
        parser.add_argument("--layer", default="", metavar="NAME", help="read this layer only")
        parser.add_argument("--code-field", default="", metavar="NAME", help="the column that holds the region's code")

    def handle(self, *, path, srs, layer, code_field, json, **options):
        self.report(lambda: boundaries.load(path, srs=srs, layer=layer, code_field=code_field), json)
