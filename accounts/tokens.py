"""Personal tokens: with which a person's own program logs in to the API, and to nothing else.

Whoever sends one acts as its owner, with the role, area and masks that the owner has at this moment.
"""

import datetime
import hashlib
import hmac
import re
import secrets

from django.db import transaction
from django.utils import timezone

from accounts.audit import record
from accounts.models import ApiToken, User

FORM = re.compile(r"fpt_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
DAYS = (7, 30, 90)
MOST = 5  # valid ones of one person


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def valid(user):
    """Return the tokens of `user` that still open the door."""
    return ApiToken.objects.filter(user=user, revoked_at__isnull=True, expires_at__gt=timezone.now())


@transaction.atomic
def make(*, user: User, name: str, days: int, request=None) -> tuple[ApiToken, str]:
    """Return a new token and its text, which is kept nowhere."""
    key, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    now = timezone.now()
    token = ApiToken.objects.create(
        user=user, name=name.strip(), key=key, digest=_digest(secret), expires_at=now + datetime.timedelta(days=days)
    )
    detail = {"token": key, "days": days}
    record("token.made", user=user, request=request, target=f"user:{user.pk}", detail=detail)
    return token, f"fpt_{key}_{secret}"


@transaction.atomic
def revoke(tokens, *, by: User, request=None, reason: str = "") -> int:
    """Let tokens open nothing any more, from the next request on; return how many did."""
    ended = list(tokens.filter(revoked_at__isnull=True).select_for_update().order_by("pk"))
    ApiToken.objects.filter(pk__in=[token.pk for token in ended]).update(revoked_at=timezone.now())
    for token in ended:
        detail = {"token": token.key}
        record("token.revoked", user=by, request=request, target=f"user:{token.user_id}", reason=reason, detail=detail)
    return len(ended)


def find(text: str) -> tuple[ApiToken | None, bool]:
    """Return the token that a text names, and whether its secret is the right one; it may have ended since."""
    form = FORM.fullmatch(text)
    token = ApiToken.objects.select_related("user").filter(key=form[1]).first() if form else None
    known = bytes(token.digest) if token else bytes(32)
    return token, hmac.compare_digest(known, _digest(form[2] if form else text[:100]))
