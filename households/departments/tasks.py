"""Matching as long work, and what is deleted when a list is past keeping."""

import datetime as dt

from celery import shared_task
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

import jobs
from households.departments import matching
from jobs import engine as long_work
from poverty import scope
from validation.models import Snapshot

UNDO_DAYS = 30  # a list that was taken the place of is kept so long, for taking the newer one back


def ask(by, area: str, sources=()):
    """Ask for a match over `area`; the same one is under way once only."""
    return long_work.enqueue(
        "departments.match", None if sources else int(area or 0), by=by, area=area, sources=list(sources),
        title=_("Match the departments' lists"), link=reverse("departments:index"),
    )  # fmt: skip


@jobs.task("departments.match")
def match(job) -> dict:
    """Match lists with the register; a second run finds the same."""

    def tell(rule, number, total):
        long_work.progress(job, f"{rule.id} {_(rule.title)}"[:100], number, total)

    found = matching.match(
        job.arguments["sources"], area=job.arguments["area"], trigger="page", by=job.created_by, progress=tell
    )
    new, closed = (sum(line[key] for line in found["matches"]) for key in ("new", "closed"))
    message = _("%(new)s new clues, %(closed)s closed") % {"new": f"{new:,}", "closed": f"{closed:,}"}
    if found["broken"]:
        message = _("%(done)s; these broke and wrote nothing: %(broken)s") % {
            "done": message,
            "broken": ", ".join(found["broken"]),
        }
    return {"new": new, "closed": closed, "message": message, "link": reverse("departments:index")}


@shared_task(name="departments.retention")
def retention() -> dict[str, int]:
    """Delete the rows of lists that are past keeping or were taken the place of; what they were stays on file."""
    counts = {"lists": 0, "rows": 0}
    now = timezone.now()
    with scope.system("retention"), connection.cursor() as cursor:
        kept = Snapshot.objects.filter(deleted_at__isnull=True)
        gone = kept.filter(keep_until__lt=timezone.localdate())
        gone |= kept.filter(current=False, replaced_at__lt=now - dt.timedelta(days=UNDO_DAYS))
        for key in list(gone.values_list("pk", flat=True)):
            cursor.execute("DELETE FROM validation_sourceverdict WHERE snapshot_id = %s", [key])
            cursor.execute("DELETE FROM validation_sourcerow WHERE snapshot_id = %s", [key])
            counts["rows"] += cursor.rowcount
            counts["lists"] += Snapshot.objects.filter(pk=key).update(deleted_at=now, current=False)
    return counts
