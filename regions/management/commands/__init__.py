"""Commands that fill the tree; the last line of their output is one JSON object when `--json` is given."""

import json
import time

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from poverty import scope
from regions import tables


class LoadCommand(BaseCommand):
    """A command that loads files, names the bad rows and goes on with the rest."""

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def report(self, load, as_json: bool) -> None:
        """Run `load`, which returns a report, in system scope, and print what it did."""
        start = time.monotonic()
        try:
            with scope.system(f"command {self.__module__.rsplit('.', 1)[-1]}"):
                report = load()
        except (tables.Unreadable, OSError) as error:
            raise CommandError(_("%(error)s. Nothing was stored.") % {"error": error}) from error
        for note in report.notes:
            self.stderr.write(note)
        row_word = report.row_word or _("line")
        for fault in report.faults:
            self.stderr.write(
                _("%(file)s, %(row_word)s %(row)s: %(code)s: %(reason)s; this row was left out")
                % {**fault, "row_word": row_word, "code": fault["code"] or "-"}
            )
        if report.rejected > len(report.faults):
            self.stderr.write(
                _("… and %(number)s more rows that were left out") % {"number": report.rejected - len(report.faults)}
            )
        counts = {**report.as_dict(), "seconds": round(time.monotonic() - start, 2)}
        if as_json:
            self.stdout.write(json.dumps(counts, ensure_ascii=False))
        else:
            self.stdout.write(", ".join(f"{name} {value}" for name, value in counts.items() if name != "faults"))
