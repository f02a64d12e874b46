"""Write the audit trail."""

import json

from django.db import connection

from accounts.models import AuditEvent
from poverty.second import second_connection

INSERT = (
    "INSERT INTO accounts_auditevent (at, actor_id, actor, role, area, action, target, reason, detail, address)"
    " VALUES (now(), %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def client_address(request) -> str | None:
    """Return the caller's address; behind our proxy the last hop it names, never what the caller claims."""
    from django.conf import settings

    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.AXES_IPWARE_PROXY_COUNT else ""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    count = settings.AXES_IPWARE_PROXY_COUNT
    return hops[-count] if hops and len(hops) >= count else request.META.get("REMOTE_ADDR") or None


def record(action, *, user=None, target="", reason="", detail=None, request=None, surely=False):
    """Add an event. With `surely` it goes through the second connection and outlives a rollback of the request.

    `detail` must hold no sealed value.
    """
    if user is None and request is not None:
        user = getattr(request, "user", None)
    known = user is not None and user.pk
    row = (
        user.pk if known else None,
        (user.get_username() if user is not None else "")[:150],
        getattr(user, "role", "") or "",
        (getattr(user, "region_id", "") or "") if known else "",
        action,
        target[:200],
        reason[:500],
        json.dumps(detail or {}, ensure_ascii=False),
        client_address(request) if request is not None else None,
    )
    with (second_connection() if surely else connection).cursor() as cursor:
        cursor.execute(INSERT, row)


__all__ = ["AuditEvent", "client_address", "record"]
