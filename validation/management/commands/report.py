"""Write a report into a file."""

import datetime as dt
import os
import re
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Permission
from poverty import scope
from regions.models import Region
from validation import report


class Command(BaseCommand):
    help = "Write a report about a region and month as a Word file, with its Excel annex."

    def add_arguments(self, parser):
        parser.add_argument("kind", choices=list(report.kinds))
        parser.add_argument("--region", required=True, help="code of the region")
        parser.add_argument("--month", required=True, help="YYYY-MM")
        parser.add_argument("--out", required=True, help="the Word file to write (.docx)")
        parser.add_argument("--annex", default="", help="the Excel annex to write (.xlsx)")
        parser.add_argument("--by", default="", help="as this user sees it; without names when left out")

    def handle(self, *, kind, region, month, out, annex, by, **options):
        if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month, re.ASCII):
            raise CommandError(_("Write the month as 2026-11."))
        first = dt.date.fromisoformat(f"{month}-01")
        if first > timezone.localdate():
            raise CommandError(_("This month has not begun."))
        place = Region.objects.defer("boundary", "centroid").filter(code=region).first()
        if place is None or place.level == "hamlet":
            raise CommandError(_("There is no region %(code)s.") % {"code": region})
        user = None
        if by:
            with scope.system("name the user"):
                user = User.objects.filter(username=by, is_active=True).first()
            if user is None:
                raise CommandError(_("There is no user %(name)s.") % {"name": by})
        with scope.acting(user, reason="report") if user else scope.system("report by command"):
            named = user is not None and user.may(Permission.REPORT_MAKE)
            made = report.make(place, first, named=named, user=user, kind=kind)
        for path, data in ((out, made.word), (annex, made.annex)):
            if path:
                self._write(Path(path), data)
        self.stdout.write(f"{out} {len(made.word):,}" + (f" {annex} {len(made.annex):,}" if annex else ""))

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        """Write the file whole or not at all."""
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            aside.write_bytes(data)
            os.replace(aside, path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise CommandError(str(error)) from error
