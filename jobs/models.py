"""Long work: a job row with progress, lease and heartbeat; an outbox row written in the business transaction.

The outbox is relayed to Celery after the commit; Redis may be flushed and nothing is lost. Unique keys decide what
happens once; locks only serialise.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from poverty.uids import uuid7


class State(models.TextChoices):
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", pgettext_lazy("job", "cancelled")


class Job(models.Model):
    """A piece of long work: `task` names a registered function, `subject` the row it works on.

    A running job holds a lease until `leased_until` and renews it by heartbeat on a connection of its own; a job
    whose lease has run out is taken up again.
    """

    uid = models.UUIDField(unique=True, default=uuid7)
    task = models.CharField(_("task"), max_length=80)
    subject = models.BigIntegerField(_("subject"), null=True, blank=True)
    arguments = models.JSONField(default=dict, blank=True)  # ids and choices only, never personal data
    title = models.CharField(_("title"), max_length=200, blank=True)
    link = models.CharField(_("result page"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(_("percent"), default=0)
    stage = models.CharField(_("stage"), max_length=100, blank=True)
    done_rows = models.PositiveIntegerField(_("rows done"), default=0)
    total_rows = models.PositiveIntegerField(_("rows in all"), default=0)
    result = models.JSONField(default=dict, blank=True)
    message = models.CharField(_("message"), max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    leased_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["created_by", "-id"], name="job_created_by"),
            models.Index(fields=["leased_until"], name="job_lease", condition=Q(state__in=["queued", "running"])),
        ]
        constraints = [
            # Asking twice for the same work gives the job that is under way.
            models.UniqueConstraint(
                fields=["task", "subject"],
                name="job_under_way_once",
                condition=Q(state__in=["queued", "running"]) & Q(subject__isnull=False),
            ),
        ]


class Outbox(models.Model):
    """A task to be sent to Celery once the transaction that wrote it is committed; relayed with SKIP LOCKED."""

    task = models.CharField(max_length=80)
    arguments = models.JSONField(default=dict)
    key = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deletable = True
