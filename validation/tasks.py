"""Long work of the data rules: the nightly run, a check of one region now, and what is kept of each month."""

import datetime as dt

from celery import shared_task
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import jobs
from accounts.models import User
from accounts.roles import Permission
from jobs import engine as long_work
from poverty import scope
from regions.models import Region
from validation import engine, report, score

WHOLE = 0  # the subject of a run over the whole register: region codes are the others


def ask(by, area: str = "", *, trigger: str = "page", rules=(), title: str = ""):
    """Ask for a run of the rules (all of them) over `area`; return its job. The same run is under way once only."""
    subject = None if rules else int(area or WHOLE)
    return long_work.enqueue(
        "validation.run", subject, by=by, title=title, area=area, trigger=trigger, rules=list(rules)
    )


@shared_task(name="validation.nightly")
def nightly() -> dict[str, int]:
    """Ask for the run over the whole register, as a job: it is taken up again when its worker dies."""
    with scope.system("name the user"):
        by = User.objects.system()
    job = ask(by, trigger="nightly", title=_("Nightly run of the data rules"))
    return {"job": job.pk}


@jobs.task("validation.run")
def run(job) -> dict:
    """Run rules over an area. Taken up again after a crash, it goes on behind the last rule that was done."""
    area, trigger = job.arguments["area"], job.arguments["trigger"]

    def tell(rule, number, total):
        long_work.progress(job, f"{rule.id} {_(rule.title)}"[:100], number, total)

    record, _outcomes = engine.run_all(
        job.arguments.get("rules") or None, area=area, trigger=trigger, by=job.created_by, progress=tell,
        going_on_since=job.created_at,
    )  # fmt: skip
    if not job.arguments.get("rules"):
        long_work.progress(job, _("data-quality score"), percent=99)
        score.keep(area)
    message = ngettext("%(count)s rule run", "%(count)s rules run", record.results.count())
    message %= {"count": record.results.count()}
    if record.state == "partly":
        broken = ", ".join(record.results.exclude(error="").values_list("rule", flat=True))
        message = _("%(done)s; these broke and wrote nothing: %(broken)s") % {"done": message, "broken": broken}
    return {
        "found": record.found, "new": record.new, "closed": record.closed, "message": message,
        "link": reverse("validation:run", args=[record.uid]),
    }  # fmt: skip


# --- reports ----------------------------------------------------------------------------------------------------------------


@jobs.task("validation.report")
def write_report(job) -> dict:
    """Write a report for the person who asked, with what that person may see."""
    user, month = job.created_by, dt.date.fromisoformat(f"{job.arguments['month']}-01")

    def tell(percent):
        long_work.progress(job, _("counting") if percent < 60 else _("writing"), percent=percent)

    tell(5)
    with scope.acting(user, reason="report"):
        region = Region.objects.defer("boundary", "centroid").get(pk=job.arguments["region"])
        kind = job.arguments.get("kind", report.DATA_QUALITY)
        report.keep(region, month, named=user.may(Permission.REPORT_MAKE), by=user, user=user, kind=kind, tell=tell)
    return {"message": _("The report is ready."), "link": reverse("validation:reports")}


@jobs.task("validation.monthly_reports")
def write_monthly_reports(job) -> dict:
    """Write last month's reports of every county that has none; taken up again, it goes on with the others."""
    month = dt.date.fromisoformat(f"{job.arguments['month']}-01")
    wanted = [(region, kind) for region in report.counties() for kind in report.kinds]
    written = 0
    for number, (region, kind) in enumerate(wanted):
        long_work.progress(job, f"{region.name} {_(report.kinds[kind].label)}", number, len(wanted))
        with scope.system("monthly report"):
            made = report.keep(region, month, named=False, by=job.created_by, monthly=True, kind=kind)
        written += made is not None
    return {"written": written, "link": reverse("validation:reports")}


@shared_task(name="validation.monthly")
def monthly() -> dict[str, int]:
    """Ask for the reports of the month that has just ended."""
    last = timezone.localdate().replace(day=1) - dt.timedelta(days=1)
    with scope.system("name the user"):
        by = User.objects.system()
    title = _("Monthly reports")
    job = long_work.enqueue(
        "validation.monthly_reports", int(f"{last:%Y%m}"), by=by, title=title, month=f"{last:%Y-%m}"
    )
    return {"job": job.pk}
