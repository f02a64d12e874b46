"""Masked values that are shown in full with a reason: audited in any case, and limited per person and day."""

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from poverty import config

SHORTEST_REASON = 4


def limit(user) -> int:
    """Return how many values `user` may open in a day."""
    return config.integer("reveal.per_day", user.area_code)


def allow(request, *, target: str, reason: str, detail: dict) -> bool:
    """Note that the user looks at a value; False when the day's limit is reached, and nothing may be shown.

    Counted under a lock, so that two at once cannot both be the last one.
    """
    user = request.user
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('reveal'), %s)", [user.pk % 2_000_000_000])
        start = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        shown = AuditEvent.objects.filter(
            actor=user.get_username(), action="reveal", actor_id=user.pk, at__gte=start
        ).count()
        if shown >= limit(user):
            audit.record("reveal.limit", request=request, target=target, surely=True)
            return False
        audit.record("reveal", request=request, target=target, reason=reason, detail=detail, surely=True)
    return True
