"""Display links: with which a screen on a wall shows its figures, and opens nothing else.

The text of a link stands in the part of the address that browsers keep to themselves (after "#"), so it is in no log of
a server or proxy; the wall's script sends it in a header. No session is begun or prolonged by it.
"""

import datetime
import hashlib
import hmac
import re
import secrets

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.audit import client_address, record
from dashboard.models import DisplayLink, Screen

FORM = re.compile(r"fpw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
DAYS = (30, 90, 180, 365)
MOST = 10  # valid ones of one screen
NOTE_AFTER = datetime.timedelta(minutes=1)  # the link's row is written at most so often
AUDIT_AFTER = datetime.timedelta(minutes=30)  # used again after so long is on the trail again
REFUSED_AFTER = datetime.timedelta(hours=1)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def valid(screen: Screen):
    """Return the links of a screen that still open it."""
    return DisplayLink.objects.in_scope().filter(screen=screen, revoked_at__isnull=True, expires_at__gt=timezone.now())


@transaction.atomic
def make(*, screen: Screen, name: str, days: int, by, request=None) -> tuple[DisplayLink, str]:
    """Return a new link and its text, which is kept nowhere."""
    key, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    expires_at = timezone.now() + datetime.timedelta(days=days)
    link = DisplayLink.objects.create(
        screen=screen,
        region_id=screen.region_id,
        name=name.strip(),
        key=key,
        digest=_digest(secret),
        made_by=by,
        expires_at=expires_at,
    )
    detail = {"link": key, "days": days}
    record("screen.link_made", user=by, request=request, target=f"screen:{screen.pk}", detail=detail)
    return link, f"fpw_{key}_{secret}"


@transaction.atomic
def revoke(links, *, by, request=None) -> int:
    """Let links open nothing any more, from the next request on; return how many did."""
    ended = list(links.filter(revoked_at__isnull=True).select_for_update().order_by("pk"))
    DisplayLink.objects.in_scope().filter(pk__in=[link.pk for link in ended]).update(revoked_at=timezone.now())
    for link in ended:
        record(
            "screen.link_revoked",
            user=by,
            request=request,
            target=f"screen:{link.screen_id}",
            detail={"link": link.key},
        )
    return len(ended)


def enter(text: str, request) -> Screen | None:
    """Return the screen that a link opens; None for a text that opens nothing. Call it inside a system scope."""
    form = FORM.fullmatch(text)
    links = DisplayLink.objects.select_related("screen")
    link = links.filter(key=form[1]).first() if form else None
    known = bytes(link.digest) if link else bytes(32)
    if not hmac.compare_digest(known, _digest(form[2] if form else text[:100])) or link is None:
        return None
    now = timezone.now()
    if link.revoked_at or link.expires_at <= now or link.screen.removed_at:
        _refused(link, now, request)
        return None
    address = client_address(request)
    idle = now - link.last_used_at if link.last_used_at else None
    if idle is None or idle > NOTE_AFTER or link.last_address != address:
        DisplayLink.objects.filter(pk=link.pk).update(last_used_at=now, last_address=address)
    if idle is None or idle > AUDIT_AFTER or link.last_address != address:
        record("screen.link_used", request=request, target=f"screen:{link.screen_id}", detail={"link": link.key})
    return link.screen


def _refused(link: DisplayLink, now, request) -> None:
    """Note that an ended link was tried, once an hour: walls ask again and again."""
    due = Q(refused_at__isnull=True) | Q(refused_at__lt=now - REFUSED_AFTER)
    if DisplayLink.objects.filter(due, pk=link.pk).update(refused_at=now):
        detail = {"link": link.key}
        record("screen.link_refused", request=request, target=f"screen:{link.screen_id}", detail=detail)
