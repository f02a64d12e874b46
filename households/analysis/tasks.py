"""Long work of the analysis: the risk model of a county, monthly or when an office asks."""

from celery import shared_task
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

import jobs
from accounts.models import User
from households.analysis import risks
from jobs import engine as long_work
from poverty import scope
from regions.models import Region
from validation import report


def ask(region: Region, by):
    """Ask for the model of a county; the same is under way once only."""
    title = _("Risk model: %(place)s") % {"place": region.name}
    return long_work.enqueue("households.risk", int(region.pk), by=by, title=title, region=region.pk)


@jobs.task("households.risk")
def train(job) -> dict:
    """Train one county's model and keep it."""
    long_work.progress(job, _("reading the years before"), percent=10)
    made = risks.train(job.arguments["region"], job.created_by)
    message = _("Trained on the county's own history.") if made.kind == "logistic" else _("The history is too short; the rule score is used.")  # fmt: skip
    return {"rows": made.rows, "events": made.events, "message": message, "link": f"{reverse('analysis:risk')}?region={made.region_id}"}  # fmt: skip


@jobs.task("households.risks")
def train_all(job) -> dict:
    """Train the model of every county with a register that has none of this month; taken up again, it goes on."""
    first = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    places, made = report.counties(), 0
    for number, region in enumerate(places):
        long_work.progress(job, region.name, number, len(places))
        with scope.system("which models are there"):
            kept = risks.RiskModel.objects.filter(region=region.pk, made_at__gte=first).exists()
        if not kept:
            risks.train(region.pk, job.created_by)
            made += 1
    return {"trained": made}


@shared_task(name="households.monthly_risks")
def monthly() -> dict[str, int]:
    """Ask for this month's models."""
    with scope.system("name the user"):
        by = User.objects.system()
    job = long_work.enqueue(
        "households.risks", int(f"{timezone.localdate():%Y%m}"), by=by, title=_("Monthly risk models")
    )
    return {"job": job.pk}
