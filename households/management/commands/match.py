"""Match departments' lists with the register."""

import datetime as dt
import json

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from households.departments import matching, sheets
from poverty import scope
from regions.models import Region


class Command(BaseCommand):
    help = "Match departments' lists with the register: opens, refreshes and closes clues. Safe to repeat."

    def add_arguments(self, parser):
        parser.add_argument("--sources", default="", help="comma-separated kinds of lists; all when left out")
        parser.add_argument("--region", default="", help="code of a region; its households only")
        parser.add_argument("--as-of", default="", help="day of the check YYYY-MM-DD; today when left out")
        parser.add_argument("--json", action="store_true", help="the last line is one JSON object")

    def handle(self, *, sources, region, as_of, **options):
        as_json = options["json"]
        try:
            on = dt.date.fromisoformat(as_of) if as_of else timezone.localdate()
        except ValueError:
            raise CommandError(_("Write the check date as YYYY-MM-DD, for example 2020-12-31.")) from None
        if region and not Region.objects.filter(code=region).exists():
            raise CommandError(_("There is no region %(code)s.") % {"code": region})
        wanted = [one.strip() for one in sources.split(",") if one.strip()]
        if unknown := [one for one in wanted if one not in sheets.KINDS]:
            raise CommandError(_("There is no list of the kind %(kind)s.") % {"kind": ", ".join(unknown)})
        with scope.system("name the user"):
            by = User.objects.system()

        def tell(rule, number, total):
            if not as_json:
                self.stderr.write(f"{number + 1}/{total} {rule.source} {rule.id}")

        found = matching.match(wanted, area=region, on=on, by=by, progress=tell)
        broken = found.pop("broken")
        if not as_json:
            for line in found["matches"]:
                self.stdout.write(
                    f"{line['source']:<12} {line['rule']:<6} {line['rows']:>9,} {line['strong']:>8,} {line['weak']:>6,}"
                    f" {line['new']:>8,} {line['closed']:>8,} {line['ms']:>7,} ms"
                )
        self.stdout.write(json.dumps(found, ensure_ascii=False))
        if broken:
            raise CommandError(_("These rules broke and wrote nothing: %(rules)s.") % {"rules": ", ".join(broken)})
