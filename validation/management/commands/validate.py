"""Run the data rules over the register, or over a part of it."""

import datetime as dt
import json

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from poverty import scope
from poverty.declarations import subjects
from regions.models import Region
from validation import engine
from validation.models import Finding


class Command(BaseCommand):
    help = "Run data rules: opens, refreshes and closes findings. Safe to repeat and to interrupt."

    def add_arguments(self, parser):
        parser.add_argument("--rules", default="", help="comma-separated, such as ID-05,HH-02; all when left out")
        parser.add_argument("--region", default="", help="code of a region; its households only")
        parser.add_argument("--as-of", default="", help="check date YYYY-MM-DD; today when left out")
        parser.add_argument("--subjects", action="store_true", help="name the persons or households found")
        parser.add_argument("--json", action="store_true", help="the last line is one JSON object")

    def handle(self, *, rules, region, as_of, **options):
        as_json = options["json"]
        try:
            on = dt.date.fromisoformat(as_of) if as_of else timezone.localdate()
        except ValueError:
            raise CommandError(_("Write the check date as YYYY-MM-DD, for example 2020-12-31.")) from None
        if region and not Region.objects.filter(code=region).exists():
            raise CommandError(_("There is no region %(code)s.") % {"code": region})
        chosen = list(dict.fromkeys(one.strip().upper() for one in rules.split(",") if one.strip()))
        with scope.system("look up data rules"):
            for one in chosen:
                try:
                    engine.known(one)
                except KeyError:
                    raise CommandError(_("There is no rule %(rule)s.") % {"rule": one}) from None
        with scope.system("name the user"):
            by = User.objects.system()

        def tell(rule, number, total):
            if not as_json:
                self.stderr.write(f"{number + 1}/{total} {rule.id}")

        record, outcomes = engine.run_all(chosen or None, area=region, on=on, trigger="command", by=by, progress=tell)
        found = []
        for outcome in outcomes:
            line = {name: getattr(outcome, name) for name in ("rule", "checked", "found", "new", "closed", "ms")}
            if options["subjects"]:
                line["subjects"] = subjects_of(outcome.rule, region)
            found.append(line)
            if not as_json:
                self.stdout.write(
                    f"{line['rule']:<6} {line['checked']:>9,} {line['found']:>8,} {line['new']:>8,}"
                    f" {line['closed']:>8,} {line['ms']:>7,} ms"
                )
        if as_json:
            self.stdout.write(_dump({"as_of": on.isoformat(), "rules": found}))
        broken = [result.rule for result in record.results.all() if result.error]
        if broken:
            raise CommandError(_("These rules broke and wrote nothing: %(rules)s.") % {"rules": ", ".join(broken)})


def _dump(value) -> str:
    return json.dumps(value, ensure_ascii=False)


def subjects_of(rule: str, region: str) -> list[str]:
    """Return the official numbers of the subjects with an open finding of `rule`: persons, households, village codes."""
    lo, hi = scope.code_range(region) if region else ("", "~")
    with scope.system("name the subjects of findings"), connection.cursor() as cursor:
        open_ones = Finding.objects.filter(rule=rule, closed_at__isnull=True, village_id__gte=lo, village_id__lt=hi)
        kinds = set(open_ones.values_list("subject_kind", flat=True).distinct())
        numbers: list[str] = []
        for kind in kinds:
            if kind == "village":
                numbers += open_ones.filter(subject_kind=kind).values_list("village_id", flat=True)
                continue
            declared = subjects[kind]
            table = apps.get_model(declared.model)._meta.db_table
            cursor.execute(
                f"SELECT t.{declared.number} FROM {table} t JOIN validation_finding f ON f.subject = t.id"
                " WHERE f.rule = %s AND f.subject_kind = %s AND f.closed_at IS NULL AND f.village >= %s AND f.village < %s",
                [rule, kind, lo, hi],
            )
            numbers += [number for (number,) in cursor.fetchall()]
    return sorted(numbers)
