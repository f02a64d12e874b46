"""The door of the API: who comes in by a session, who by a token, and what the others are told.

A token stands in the header `Authorization: Bearer fpt_…`; no session is begun for it. Wrong secrets are counted by
django-axes together with wrong passwords, by account and network address; a right one is never held up by other
people's mistakes.
"""

import datetime

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import tokens
from accounts.audit import client_address, record
from accounts.middleware import password_is_due
from accounts.models import ApiToken
from poverty import api

NOTE_AFTER = datetime.timedelta(minutes=1)  # the token's row is written at most so often
AUDIT_AFTER = datetime.timedelta(minutes=30)  # used again after so long is on the trail again, as a log-in is
NOBODY = "?"  # under which name axes counts tokens that nobody has


class TokenMiddleware:
    """Let tokens in to the API; tell whoever comes without anything, in the API's own words."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.api_token = None
        if api.is_api(request):
            scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() == "bearer":
                refusal = enter(request, text.strip())
                if refusal is not None:
                    return refusal
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if not api.is_api(request):
            return None
        if not request.user.is_authenticated:
            return _unknown(api.texts()[401])
        if password_is_due(request.user):
            return api.problem(403, _("Your password is due. Set a new one on the pages first; then go on here."))
        return None


def _unknown(text):
    return api.problem(401, text, headers={"WWW-Authenticate": 'Bearer realm="api"'})


def enter(request, text: str):
    """Make the request one of the token's owner; return the answer when the token opens nothing."""
    token, right = tokens.find(text)
    if not right:
        return _wrong(request, token)
    now = timezone.now()
    if token.revoked_at or token.expires_at <= now or not token.user.is_active:
        return _ended(request, token, now)
    request.user, request.api_token = token.user, token
    address = client_address(request)
    idle = now - token.last_used_at if token.last_used_at else None
    if idle is None or idle > NOTE_AFTER or token.last_address != address:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now, last_address=address)
    if idle is None or idle > AUDIT_AFTER or token.last_address != address:
        target = f"user:{token.user_id}"
        record("token.used", user=token.user, request=request, target=target, detail={"token": token.key})
    return None


def _wrong(request, token):
    """Count a wrong secret, and answer without telling whether there is such a token."""
    credentials = {"username": token.user.username if token else NOBODY}
    # django-axes writes down what was asked: it is shown nothing. No view is reached any more.
    request.GET = request.POST = QueryDict()
    locked = not AxesProxyHandler.is_allowed(request, credentials)
    if not locked:
        AxesProxyHandler.user_login_failed(__name__, credentials, request)
        locked = request.axes_locked_out
        target = f"user:{token.user_id}" if token else ""
        record("token.locked" if locked else "token.failed", request=request, target=target, surely=True)
    if locked:
        wait = str(int(get_cool_off(request).total_seconds()))
        return api.problem(
            429, _("Too many wrong tokens from here. Wait, and look at the token."), (), {"Retry-After": wait}
        )
    return _unknown(_("This token is not right. Copy it anew, or make another one on the page “My account”."))


def _ended(request, token, now):
    """Tell the holder of the right text why it opens nothing; noted once an hour, for programs ask again and again."""
    due = Q(refused_at__isnull=True) | Q(refused_at__lt=now - datetime.timedelta(hours=1))
    if ApiToken.objects.filter(due, pk=token.pk).update(refused_at=now):
        detail = {"token": token.key}
        record("token.refused", request=request, target=f"user:{token.user_id}", detail=detail, surely=True)
    if token.revoked_at:
        return _unknown(_("This token was revoked. Make another one on the page “My account”."))
    if not token.user.is_active:
        return _unknown(_("The account of this token is switched off. Ask the system administrator of your county."))
    return _unknown(_("This token has run out. Make another one on the page “My account”."))
