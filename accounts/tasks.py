"""Work of accounts that runs by the clock."""

import datetime

from axes.models import AccessAttempt, AccessLog
from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import sealing

KEEP_DAYS = 180  # log-in traces beside the audit trail, which is kept for good


@shared_task(name="accounts.seal_audit")
def seal_audit() -> dict[str, int]:
    """Chain the audit events that are due; two at once wait for each other and seal nothing twice."""
    return {"sealed": sealing.seal()}


@shared_task(name="accounts.tidy")
def tidy() -> dict[str, int]:
    """Delete sessions that have run out, failures that lock nobody any more, and old traces of log-ins."""
    now = timezone.now()
    sessions, _by_model = Session.objects.filter(expire_date__lt=now).delete()
    attempts, _by_model = AccessAttempt.objects.filter(attempt_time__lt=now - datetime.timedelta(days=1)).delete()
    log_ins, _by_model = AccessLog.objects.filter(attempt_time__lt=now - datetime.timedelta(days=KEEP_DAYS)).delete()
    return {"sessions": sessions, "attempts": attempts, "log_ins": log_ins}
