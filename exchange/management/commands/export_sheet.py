"""Export a sheet in the layout of its import: masked, or in full with a reason."""

import argparse
import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from exchange import approvals, exporting
from exchange.management.commands.import_sheet import common_region
from exchange.results import line
from poverty import declarations
from regions.models import Region


class Command(BaseCommand):
    help = "Export a sheet as .xlsx or .csv. The last line of output is one JSON object."

    def add_arguments(self, parser):
        parser.add_argument(
            "kind", choices=sorted(kind for kind, sheet in declarations.sheets.items() if sheet.exporter)
        )
        parser.add_argument("file", type=Path)
        parser.add_argument("--region", default="", help="code of the area; by default the whole area of the user")
        parser.add_argument("--year", type=int, help="year of the snapshot; by default the latest")
        parser.add_argument("--full", action="store_true", help="without masks; needs --reason")
        parser.add_argument("--reason", default="")
        parser.add_argument("--by", default="system")
        parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # as the other commands take it

    def handle(self, *, kind: str, file: Path, **options):
        by = User.objects.filter(username=options["by"], is_active=True).first()
        by = by or User.objects.filter(username=options["by"], username__exact="system").first()
        if by is None:
            raise CommandError(f"There is no user {options['by']} who may log in.")
        form = file.suffix.lower().removeprefix(".")
        if form not in exporting.FORMATS:
            raise CommandError(f"{file.name} must end in .xlsx or .csv.")
        full, reason = options["full"], " ".join(options["reason"].split())
        if full and not reason:
            raise CommandError('A full export needs a reason: --reason "…".')
        if full and not exporting.may_export_full(by):
            raise CommandError(f"{by.username} may not export in full: leave --full away, or ask the county office.")
        region = options["region"] or by.area_code or common_region()
        if not Region.objects.filter(code=region).exists():
            raise CommandError(f"There is no region {region}.")
        with exporting.acting(by, "export"):
            export = exporting.Export(kind, by, region=region, year=options["year"], full=full, reason=reason)
            waiting = self._second_person(export, by)
            if not waiting:
                export.note_in_audit()
                self._write(export, file, form)
        if waiting:
            raise CommandError(waiting)
        self.stdout.write(
            line(
                {
                    "kind": kind,
                    "file": file.name,
                    "region": region,
                    "rows": export.count,
                    "year": export.source.year,
                    "form": "full" if full else "masked",
                }
            )
        )

    @staticmethod
    def _second_person(export, by) -> str:
        """Use another person's approval where one is needed; return what to wait for, "" for nothing.

        The system user is nobody, so it cannot be one of two persons: such an export is asked for in a person's name.
        """
        if not export.needs_second_person():
            return ""
        if by.username == "system":
            return (
                f"{export.count} rows in full need two persons, and the system user is none: ask in your own name with"
                " --by USERNAME; another person of your office then approves on the page “Export requests”."
            )
        found = approvals.find(export, by)
        if found and approvals.use(found, by):
            return ""
        asked = approvals.ask(export, by)
        return (
            f"{export.count} rows in full need the approval of another person of your office: request {asked.pk}"
            " waits on the page “Export requests”. Give the same command again afterwards."
        )

    @staticmethod
    def _write(export, file: Path, form: str) -> None:
        """Write the file whole or not at all, readable by its owner only."""
        aside = file.with_name(f".{file.name}.part")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                for piece in export.chunks(form):
                    out.write(piece)
            os.replace(aside, file)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error
        finally:
            aside.unlink(missing_ok=True)
