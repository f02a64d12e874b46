"""Import a spreadsheet: the same reading, checks and merge as on the pages."""

import datetime as dt
import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max, Min
from django.utils import timezone

from accounts.models import User
from exchange import batches, results
from exchange.models import BatchState
from poverty import declarations
from regions.models import LEVEL_LENGTHS, Region


def common_region() -> str:
    """Return the smallest region that holds every village, for commands that name none."""
    ends = Region.objects.valid().at("village").aggregate(first=Min("code"), last=Max("code"))
    first, last = ends["first"] or "", ends["last"] or ""
    shared = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    for length in sorted(LEVEL_LENGTHS.values(), reverse=True):
        if length <= shared and Region.objects.filter(code=first[:length]).exists():
            return first[:length]
    raise CommandError("Load the regions first (manage.py load_regions), or name the area with --region.")


class Command(BaseCommand):
    help = "Import a sheet. The last line of output is one JSON object; exit status 1: held, 2: refused."

    def add_arguments(self, parser):
        parser.add_argument("kind", choices=sorted(declarations.sheets))
        parser.add_argument("file", type=Path)
        parser.add_argument("--year", type=int)
        parser.add_argument("--as-of", type=dt.date.fromisoformat)
        parser.add_argument("--region", default="")
        parser.add_argument("--by", default="system")
        parser.add_argument("--mode", choices=["good", "all"], default="good")
        parser.add_argument("--sender", default="", help="of a department's list: who sent it")
        parser.add_argument("--legal-basis", default="", help="of a department's list: what it may be used for")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--marked", type=Path, help="write the workbook with the faulty cells marked")
        parser.add_argument("--faults", type=Path, help="write all faults as JSON")
        parser.add_argument("--show-values", action="store_true", help="show the values found in full")
        parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")

    def handle(self, *, kind, file: Path, **options):
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']}.")
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        region = options["region"] or by.area_code or common_region()
        if not Region.objects.filter(code=region).exists():
            raise CommandError(f"There is no region {region}.")
        as_of = options["as_of"] or (dt.date(options["year"], 12, 31) if options["year"] else timezone.localdate())
        say = None if options["json"] else lambda stage, done, total: self.stderr.write(f"{stage} {done}/{total}")
        progress = batches.Progress(say)
        given = {
            "kind": kind,
            "name": file.name,
            "data": data,
            "region": region,
            "year": options["year"],
            "as_of": as_of,
            "meta": {key: options[key].strip() for key in ("sender", "legal_basis") if options[key].strip()},
        }
        try:
            try:
                batch = batches.create(**given, by=by, mode=options["mode"])
            except batches.Repeated as repeated:
                if not batches.give_up_if_left(repeated.batch):
                    raise
                batch = batches.create(**given, by=by, mode=options["mode"])
        except batches.Repeated as repeated:
            found = {"kind": kind, "file": file.name, "state": "repeated", "batch": repeated.batch.pk}
            self.stdout.write(results.line(found))
            return
        with batches.working_on(batch):
            self._import(batch, progress, options)

    def _import(self, batch, progress, options):
        if not batches.stage(batch, progress):
            self._finish(batch, options)
            sys.exit(2)
        if options["dry_run"]:
            batches.preview(batch, progress)
        else:
            batches.merge(batch, progress)
        if self._finish(batch, options) == BatchState.HELD:
            sys.exit(1)

    def _finish(self, batch, options) -> str:
        with batches.scope_of(batch):
            batch = type(batch).objects.in_scope().get(pk=batch.pk)
            show = options["show_values"]
            if options["faults"]:
                found = results.summary(batch, show_values=show, limit=None).get("faults", [])
                options["faults"].write_text(json.dumps(found, ensure_ascii=False, indent=1))
            if options["marked"] and batch.state != BatchState.REFUSED:
                from exchange.marking import marked_workbook

                options["marked"].write_bytes(marked_workbook(batch))
            self.stdout.write(results.line(results.summary(batch, show_values=show)))
        return batch.state
