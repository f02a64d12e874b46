"""Work out figures: what has changed, everything, a region, or a month as the register tells of it today."""

import datetime as dt
import json
import time

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from dashboard import figuring
from dashboard.models import FigureMonth, RegionFigure
from poverty import scope
from poverty.declarations import indicators, sums
from regions.models import LEVEL_LENGTHS, Region


class Command(BaseCommand):
    help = (
        "Work out the figures of what has changed since, or of everything (--all), or of one region (--region). "
        "--month works out an earlier month anew as the register tells of it today; without, the running one."
    )

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="all regions, changed or not")
        parser.add_argument(
            "--region", default="", metavar="CODE", help="the villages of this region, and what is above"
        )
        parser.add_argument("--month", metavar="YYYY-MM", help="this month instead of the running one")
        parser.add_argument("--json", action="store_true", help="say what was done as one line of JSON")

    def handle(self, *, region: str, month: str | None, **options):
        started = time.monotonic()
        when = self._month(month)
        if options["all"] and region:
            raise CommandError("Give --all or --region, not both.")
        if region:
            known = region.isascii() and region.isdigit() and len(region) in LEVEL_LENGTHS.values()
            if not known or not Region.objects.filter(pk=region).exists():
                raise CommandError(f"There is no region {region}.")
            villages = figuring.villages_of(region[: LEVEL_LENGTHS["village"]])
            done = {"villages": len(villages), "regions": figuring.work_out(when, villages)}
        elif options["all"] or month:
            with transaction.atomic():
                figuring.forget(when)
                regions = figuring.work_out(when)
            with scope.system("figures"):
                villages = RegionFigure.objects.filter(month=when, length=LEVEL_LENGTHS["village"]).count()
            done = {"villages": villages, "regions": regions}
        else:
            done = figuring.refresh()
        kept = FigureMonth.objects.filter(month=when).first()
        done = {
            "month": f"{when:%Y-%m}",
            "region": region,
            **done,
            "indicators": len(indicators),
            "sums": len(sums),
            "made_at": kept.made_at.isoformat() if kept else None,
            "seconds": round(time.monotonic() - started, 3),
        }
        if options["json"]:
            self.stdout.write(json.dumps(done))
        else:
            self.stdout.write(
                f"{done['month']}: {done['villages']:,} villages taken, {done['regions']:,} regions written, "
                f"{done['indicators']} indicators, {done['seconds']} s"
            )

    @staticmethod
    def _month(text: str | None) -> dt.date:
        if text is None:
            return figuring.this_month()
        try:
            month = dt.datetime.strptime(text, "%Y-%m").date()
        except ValueError as error:
            raise CommandError(f"“{text}” is no month; write it as 2020-12.") from error
        if month > figuring.this_month():
            raise CommandError(f"{text} is still to come.")
        return month
