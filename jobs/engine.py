"""Ask for long work, run it, report its progress, stop it.

What is asked for stands in the database (job and outbox row, in the caller's transaction) before anything is sent to
Redis, and is sent again when it seems to be lost; so Redis may be flushed or killed, and workers too. A message that
arrives twice is harmless: the lock lets one run, the state says whether there is still something to do.
"""

import contextlib
import logging
import time
import traceback
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _
from kombu import Connection

from jobs import registry
from jobs.control import LOCK_KEY, MAX_ATTEMPTS, Cancelled, Control, LostLease
from jobs.models import Job, Outbox, State

log = logging.getLogger(__name__)
UNDER_WAY = (State.QUEUED, State.RUNNING)
RELAY_BATCH = 100
_running: dict[int, Control] = {}


class JobFailed(Exception):
    """Work that cannot go on for a reason a person can understand: the text is shown to them."""


# --- asking ------------------------------------------------------------------------------------------------------


def enqueue(task: str, subject: int | None = None, *, by, title: str = "", link: str = "", **arguments) -> Job:
    """Ask for the work `task` in the caller's transaction and return its job.

    With a `subject` the same work is under way once only: asking again returns that job (`is_new` is then False).
    `arguments` are ids and choices, never personal data. `title` names the work for the person who waits.
    """
    registry.find(task)
    with transaction.atomic():
        job = _new_job(task, subject, by, str(title)[:200], link[:200], arguments)
        if job.is_new:
            post("jobs.run", key=f"job:{job.pk}", job_id=job.pk)
    return job


def _new_job(task, subject, by, title, link, arguments) -> Job:
    wait = Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    for _attempt in range(3):
        try:
            with transaction.atomic():
                job = Job.objects.create(
                    task=task,
                    subject=subject,
                    created_by=by,
                    title=title,
                    link=link,
                    arguments=arguments,
                    leased_until=wait,  # not delivered by then: the reaper sends it again
                )
        except IntegrityError:
            job = Job.objects.filter(task=task, subject=subject, state__in=UNDER_WAY).first()
            if job is None:
                continue  # it ended this very moment
            job.is_new = False
            return job
        job.is_new = True
        return job
    raise RuntimeError(f"the work {task} could not be asked for")


def post(task: str, *, key: str, **arguments) -> None:
    """Write a Celery task into the outbox: sent once this transaction is committed, at least once."""
    Outbox.objects.bulk_create([Outbox(task=task, key=key, arguments=arguments)], ignore_conflicts=True)
    transaction.on_commit(nudge, robust=True)


def nudge() -> None:
    """Have the outbox relayed now and not at the next beat; without a broker it simply waits."""
    try:
        with broker() as link:
            _send(link, "jobs.relay", {})
    except Exception as error:  # whatever is wrong with the broker, the saved work must not suffer
        log.warning("the broker cannot be reached (%s); the outbox waits", type(error).__name__)


@contextlib.contextmanager
def broker():
    """A connection to the broker that fails at once instead of trying for ever."""
    patience = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, **patience, "socket_connect_timeout": 2, "socket_timeout": 5}
    with Connection(settings.CELERY_BROKER_URL, connect_timeout=2, transport_options=options) as link:
        link.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        yield link


def _send(link, task: str, arguments: dict) -> None:
    from poverty.celery import app

    app.send_task(task, kwargs=arguments, connection=link, retry=False)


def relay() -> int:
    """Send what waits in the outbox; return how many. A row goes only after it was sent: at least once."""
    sent = 0
    while True:
        with transaction.atomic():
            rows = list(Outbox.objects.select_for_update(skip_locked=True).order_by("id")[:RELAY_BATCH])
            if not rows:
                return sent
            with broker() as link:
                for row in rows:
                    _send(link, row.task, row.arguments)
            Outbox.objects.filter(pk__in=[row.pk for row in rows]).delete()
        sent += len(rows)


# --- running -----------------------------------------------------------------------------------------------------


def run(job_id: int) -> str:
    """Run a job here if it still waits to be run and nobody runs it; return its state."""
    if connection.in_atomic_block:
        raise RuntimeError("a job opens its own transactions: run it outside of one")
    with Control(job_id) as control:
        if not control.lock():
            return State.RUNNING
        if not control.claim():
            return _not_claimed(job_id)
        job = Job.objects.select_related("created_by").get(pk=job_id)
        control.start_heartbeat()
        _running[job_id] = control
        try:
            with translation.override(job.created_by.language or settings.LANGUAGE_CODE):
                return _work(job, control)
        finally:
            _running.pop(job_id, None)


def _not_claimed(job_id: int) -> str:
    """Answer for a job that is not to be run: it has ended, was cancelled, or was tried too often."""
    job = Job.objects.select_related("created_by").filter(pk=job_id).first()
    if job is None:
        return State.CANCELLED
    if job.state in UNDER_WAY:
        _end(job, State.CANCELLED if job.cancel_asked else State.FAILED)
    return job.state


def _work(job: Job, control: Control) -> str:
    owner = job.created_by
    try:
        if not owner.is_active and owner.username != "system":
            raise JobFailed(_("The account that asked for this work is switched off."))
        task = registry.find(job.task)
        result = dict(task.run(job) or {})
        message, link = str(result.pop("message", "")), str(result.pop("link", ""))
        control.finish(State.DONE, message=message, link=link, result=result)
    except LostLease:
        log.warning("job %s was taken up by another worker", job.pk)
    except Cancelled:
        if control.finish(State.CANCELLED, message=_("Stopped at your wish. Nothing was stored by halves.")):
            _tell(job)
    except (OperationalError, InterfaceError) as error:
        _log(job, error)
        connection.close_if_unusable_or_obsolete()
        if job.attempts < MAX_ATTEMPTS:
            control.give_back(5 * job.attempts)  # a deadlock, or the database was away: once more
        elif control.finish(State.FAILED, message=_interrupted()):
            _tell(job)
    except JobFailed as error:
        if control.finish(State.FAILED, message=str(error)):
            _tell(job)
    except Exception as error:
        _log(job, error)
        text = _(
            "The program made a mistake (%(kind)s) and stopped; nothing was stored by halves. Please tell the system"
            " administrator the number of this job: %(number)s."
        )
        if control.finish(State.FAILED, message=text % {"kind": type(error).__name__, "number": job.pk}):
            _tell(job)
    return Job.objects.values_list("state", flat=True).get(pk=job.pk)


def _interrupted() -> str:
    return _(
        "The work was interrupted %(times)d times and is not tried again. Nothing was stored by halves. Please start it"
        " anew; if it stops again, tell the system administrator the number of this job."
    ) % {"times": MAX_ATTEMPTS}


def _log(job: Job, error: Exception) -> None:
    """Log where it broke, without the error's own words: they may quote a person's data."""
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("job %s (%s) broke: %s\n%s", job.pk, job.task, type(error).__name__, places)


def _tell(job: Job) -> None:
    """Tell the work that it ended without being done."""
    job.refresh_from_db()
    ended = registry.find(job.task).ended
    if ended is None:
        return
    try:
        ended(job)
    except Exception as error:  # the job's own end is written already
        _log(job, error)


def _end(job: Job, state: State) -> None:
    """End a job that nobody runs."""
    with translation.override(job.created_by.language or settings.LANGUAGE_CODE):
        message = _("Stopped before it began.") if state == State.CANCELLED else _interrupted()
    changed = Job.objects.filter(pk=job.pk, state__in=UNDER_WAY).update(
        state=state, message=message, finished_at=Now(), leased_until=None, stage=""
    )
    if changed:
        transaction.on_commit(lambda: _tell(job), robust=True)
    job.refresh_from_db()


def run_now(job: Job) -> Job:
    """Run a job in this process, until it has ended; for commands and tests."""
    while run(job.pk) == State.QUEUED:
        time.sleep(0.2)
    job.refresh_from_db()
    return job


def progress(job: Job | None, stage: str = "", done: int = 0, total: int = 0, *, percent: int | None = None) -> None:
    """Say how far the work is; raises when it must stop. Cheap: call it as often as convenient.

    Outside a running job it does nothing, so that the same function can be called directly.
    """
    control = _running.get(job.pk) if job is not None else None
    if control is not None:
        control.report(str(stage), done, total, percent)


# --- stopping and taking up --------------------------------------------------------------------------------------


def cancel(job: Job) -> str:
    """Stop a job: at once when it waits, at its next sign of progress when it runs; return its state."""
    Job.objects.filter(pk=job.pk, state__in=UNDER_WAY).update(cancel_asked=True)
    job.refresh_from_db()
    if job.state == State.QUEUED:
        _end(job, State.CANCELLED)
    return job.state


def reap() -> dict[str, int]:
    """Take up again what seems to be lost; return the counts.

    A running job whose lease ran out and whose lock is free lost its worker. A queued job that was not taken up in
    time may have lost its message; a second message does no harm.
    """
    counts = {"taken_up": 0, "sent_again": 0, "given_up": 0}
    late = Q(leased_until__lt=Now()) | Q(leased_until__isnull=True)
    with transaction.atomic():
        jobs = Job.objects.select_related("created_by").select_for_update(of=("self",), skip_locked=True)
        for job in jobs.filter(late, state__in=UNDER_WAY).order_by("id"):
            if not _lock_is_free(job.pk):
                continue  # somebody works on it, slow or short of breath, or just ends it
            if job.cancel_asked or job.attempts >= MAX_ATTEMPTS:
                _end(job, State.CANCELLED if job.cancel_asked else State.FAILED)
                counts["given_up"] += 1
                continue
            counts["taken_up" if job.state == State.RUNNING else "sent_again"] += 1
            Job.objects.filter(pk=job.pk).update(
                state=State.QUEUED, worker="", leased_until=Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
            )
            post("jobs.run", key=f"job:{job.pk}", job_id=job.pk)
    return counts


def _lock_is_free(job_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})", [job_id])
        return cursor.fetchone()[0]
