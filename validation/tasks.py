"""Long work of the data rules: the nightly run, a check of one region now, and what is kept of each month."""

from celery import shared_task
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import jobs
from accounts.models import User
from jobs import engine as long_work
from poverty import scope
from validation import engine, score

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
