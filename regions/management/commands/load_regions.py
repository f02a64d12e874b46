"""Load the administrative tree from the public CSV files."""

from datetime import date
from pathlib import Path

from django.core.management.base import CommandError

from regions import loading
from regions.management.commands import LoadCommand


class Command(LoadCommand):
    help = (
        "Load regions from CSV files `code,name[,…]` or folders of them (provinces, cities, areas, streets, villages)."
        " Safe to repeat. Codes that are missing from the files stay, unless --closing gives them an end."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="*", type=Path, metavar="FILE_OR_FOLDER")
        parser.add_argument(
            "--closing",
            type=date.fromisoformat,
            metavar="DATE",
            help="the files are complete: what is not in them ends on this day",
        )
        parser.add_argument("--area", metavar="CODE", help="with --closing: only inside this region")
        parser.add_argument("--successors", type=Path, metavar="FILE", help="CSV `code,successor` of merged regions")

    def handle(self, *, paths, closing, area, successors, json, **options):
        if not paths and not successors:
            raise CommandError("Name at least one file or folder.")
        if area is not None and closing is None:
            raise CommandError("--area limits --closing and means nothing without it.")

        def load():
            report = loading.load(paths, closing=closing, area=area) if paths else None
            if successors:
                found = loading.load_successors(successors)
                if report is None:
                    return found
                report.add(succeeded=found.counts["succeeded"])
                report.faults += found.faults
                report.rejected += found.rejected
            return report

        self.report(load, json)
