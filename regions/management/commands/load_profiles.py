"""Load the official facts of villages."""

from pathlib import Path

from regions import profiles
from regions.management.commands import LoadCommand


class Command(LoadCommand):
    help = (
        "Load village profiles from CSV: code, total_households, total_population, rural_population, poor_village,"
        " broadband, year (only the code is a must). A blank cell keeps what is known. Safe to repeat."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="FILE")

    def handle(self, *, path, json, **options):
        self.report(lambda: profiles.load(path), json)
