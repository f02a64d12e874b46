"""Long work of imports, and what is deleted when its keeping time is over."""

import contextlib
import datetime as dt

from celery import shared_task
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import jobs
from exchange import batches, marking, staging, store, undo
from exchange.messages import refusal_text
from exchange.models import BatchState, ImportAnswer, ImportBatch, ImportFault, StoredFile
from jobs import engine
from poverty import declarations, scope

# {stage: (what people read, percent at its start, percent at its end)}
STAGES = {
    "read": (gettext_lazy("reading the file"), 0, 40),
    "check": (gettext_lazy("checking places and numbers"), 40, 45),
    "stage": (gettext_lazy("preparing the rows"), 45, 60),
    "compare": (gettext_lazy("comparing with the register"), 60, 75),
    "merge": (gettext_lazy("writing into the register"), 75, 90),
    "rules": (gettext_lazy("running the data rules"), 90, 99),
}
OPEN = (BatchState.PREVIEWED, BatchState.MERGED, BatchState.HELD)
DROP_AFTER_DAYS = 30  # staged rows of imports that nobody goes on with


def _progress(job) -> batches.Progress:
    def say(stage: str, done: int, total: int) -> None:
        words, start, end = STAGES.get(stage, (stage, 0, 0))
        percent = start + ((end - start) * min(done, total) // total if total else 0)
        engine.progress(job, words, done, total, percent=percent)

    return batches.Progress(say)


def _batch(job) -> ImportBatch:
    with batches.acting(job.created_by, reason="import"):
        return ImportBatch.objects.in_scope().select_related("file", "created_by").get(pk=job.subject)


def _link(batch: ImportBatch) -> str:
    return reverse(declarations.sheets[batch.kind].page, args=[batch.uid])


def _left_at(job) -> None:
    """Put the batch of a job that failed or was stopped back to where it can go on."""
    batch = _batch(job)
    if batch.state not in (BatchState.UPLOADED, BatchState.READING, BatchState.MERGING):
        return
    if batch.merged_at:
        state = BatchState.MERGED
    elif batch.staged and job.task != "exchange.read":
        state = BatchState.PREVIEWED
    else:
        state = BatchState.DISCARDED if job.state == "cancelled" else BatchState.FAILED
    with batches.scope_of(batch, job.created_by):
        ImportBatch.objects.in_scope().filter(pk=batch.pk).update(state=state)


@jobs.task("exchange.read", ended=_left_at)
def read(job) -> dict:
    """Read the file and compare: what would change is then shown."""
    batch = _batch(job)
    if batch.state not in (BatchState.UPLOADED, BatchState.READING):
        return {"link": _link(batch)}
    progress = _progress(job)
    if not batches.stage(batch, progress):
        text = refusal_text(batch.refusal_code, batch.refusal.get("params"))
        return {"message": text, "link": _link(batch)}
    batches.preview(batch, progress)
    return {"rows": batch.rows, "message": _counts(batch), "link": _link(batch)}


@jobs.task("exchange.merge", ended=_left_at)
def merge(job) -> dict:
    """Write the good rows, or all or nothing, as the batch says."""
    batch = _batch(job)
    state = batches.merge(batch, _progress(job), by=job.created_by)
    batch = _batch(job)
    message = (
        _counts(batch)
        if state == BatchState.MERGED
        else _("Nothing was written: rows are refused or wait for answers.")
    )
    return {"rows": batch.rows, "message": message, "link": _link(batch)}


@jobs.task("exchange.answer", ended=_left_at)
def answer(job) -> dict:
    """Go on with the rows whose questions were answered; the answers themselves are kept already."""
    batch = _batch(job)
    if batch.state not in (*OPEN, BatchState.READING):
        return {"link": _link(batch)}
    batches.answer(batch, [], by=job.created_by, progress=_progress(job))
    batch = _batch(job)
    return {"rows": batch.rows, "message": _counts(batch), "link": _link(batch)}


@jobs.task("exchange.undo")
def undo_import(job) -> dict:
    """Undo an import; a second run finds it undone."""
    batch = _batch(job)
    if batch.state != BatchState.MERGED:
        return {"link": _link(batch)}
    engine.progress(job, _("putting back the former values"), percent=20)
    with contextlib.suppress(undo.CannotUndo):
        undo.undo(batch, by=job.created_by, reason=batch.meta.get("undo_reason", ""))
    return {"message": _("The import was undone."), "link": _link(batch)}


@jobs.task("exchange.forecast")
def forecast(job) -> dict:
    """Find out what undoing would do, by doing it and taking it back."""
    batch = _batch(job)
    engine.progress(job, _("working out what would be put back"), percent=20)
    found = undo.forecast(batch, by=job.created_by)
    return {**found, "link": reverse("exchange:undo", args=[batch.uid])}


@jobs.task("exchange.mark")
def mark(job) -> dict:
    """Make the marked workbook of a large import and keep it, sealed, with the file itself."""
    batch = _batch(job)
    engine.progress(job, _("marking the cells"), percent=10)
    with batches.scope_of(batch, job.created_by):
        content = marking.marked_workbook(batch)
        stored = store.keep(marking.file_name(batch), content)
        stored.keep_until = batch.file.keep_until
        stored.save(update_fields=["keep_until"])
    return {"file": stored.pk, "link": reverse("exchange:marked", args=[batch.uid])}


def _counts(batch: ImportBatch) -> str:
    return _(
        "%(new)s new, %(changed)s changed, %(unchanged)s unchanged, %(rejected)s refused, %(asked)s to be answered"
    ) % {name: f"{getattr(batch, name):,}" for name in ("new", "changed", "unchanged", "rejected", "asked")}


@shared_task(name="exchange.retention")
def retention() -> dict[str, int]:
    """Delete what is past keeping: stored files, the values found in them, and the staged rows of closed imports."""
    today = timezone.localdate()
    counts = {"files": 0, "values": 0, "staged": 0}
    with scope.system("retention"):
        for stored in StoredFile.objects.filter(keep_until__lt=today, deleted_at=None):
            store.delete(stored)
            counts["files"] += 1
        gone = ImportFault.objects.filter(batch__file__deleted_at__isnull=False, value_sealed__isnull=False)
        counts["values"] = gone.update(value_sealed=None, suggestion_sealed=None)
        answers = ImportAnswer.objects.filter(batch__file__deleted_at__isnull=False, value_sealed__isnull=False)
        counts["values"] += answers.update(value_sealed=None)
        closed = _closed()
        for batch in closed:
            staging.drop(batch.pk)
        counts["staged"] = len(closed)
        ImportBatch.objects.filter(pk__in=[batch.pk for batch in closed]).update(staged=False)
    return counts


def _closed() -> list[ImportBatch]:
    """Return the imports whose staged rows nobody needs any more."""
    old = timezone.now() - dt.timedelta(days=DROP_AFTER_DAYS)
    done = ImportBatch.objects.filter(staged=True)
    return list(
        done.filter(state__in=[BatchState.UNDONE, BatchState.DISCARDED, BatchState.REFUSED, BatchState.FAILED])
        | done.filter(state=BatchState.MERGED, asked=0, merged_at__lt=old)
        | done.filter(file__deleted_at__isnull=False)
    )
