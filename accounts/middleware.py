"""Who a request is from, in which language, for how long, and whether its view has said who may call it."""

import time
import uuid

from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation

from accounts import relogin
from accounts.audit import record

LANGUAGES = dict(settings.LANGUAGES)
BEGAN, SEEN = "began_at", "seen_at"
WRITE_AFTER_SECONDS = 60  # the session row is written at most once a minute
PASSWORD_PAGES = {"accounts:password_change", "accounts:logout", "accounts:set_language", "accounts:session"}


class InterfaceLanguageMiddleware:
    """Speak the language chosen on this device, by default Chinese; never what the browser happens to ask for."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        speak(request, chosen if chosen in LANGUAGES else settings.LANGUAGE_CODE)
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
        return response


def speak(request, language: str) -> None:
    translation.activate(language)
    request.LANGUAGE_CODE = language


def background(view):
    """Mark a view that pages poll by themselves: being asked for it is no sign of anybody's presence."""
    view.background = True
    return view


def is_background(request) -> bool:
    """Return whether nobody acted: the page says so, or the view is one that is only polled."""
    match = request.resolver_match
    return request.headers.get("X-Background") == "1" or bool(match and getattr(match.func, "background", False))


def wants_fragment(request) -> bool:
    """Return whether a script asks, which can do nothing with a whole page."""
    return request.headers.get("HX-Request") == "true" or is_background(request) or wants_json(request)


def asks_for_password_itself(request) -> bool:
    """Return whether the asking script opens the log-in dialog (static/js/session.js), or only wants data."""
    if request.headers.get("X-Session-Dialog") == "1":
        return True
    return wants_fragment(request) and request.headers.get("HX-Request") != "true"


def wants_json(request) -> bool:
    return request.content_type == "application/json" or request.headers.get("Accept", "").startswith(
        "application/json"
    )


def seconds_left(session, now: float | None = None) -> int:
    """Return for how long this session still holds without activity."""
    now = now or time.time()
    idle = session.get(SEEN, now) + settings.IDLE_MINUTES * 60 - now
    whole = session.get(BEGAN, now) + settings.SESSION_ABSOLUTE_HOURS * 3600 - now
    return int(min(idle, whole))


class SessionRulesMiddleware:
    """End idle and over-long sessions, and send people to a new password when theirs is due.

    An ended session's row stays until the next log-in or the nightly clearing: it alone tells whose half-filled form
    a late POST carries. It opens nothing any more.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.expired_user = None
        by_token = getattr(request, "api_token", None) is not None  # such a request has no session, and begins none
        if request.user.is_authenticated:
            if not by_token and seconds_left(request.session) <= 0:
                request.expired_user, request.user = request.user, AnonymousUser()
            elif request.user.language in LANGUAGES:
                speak(request, request.user.language)
        response = self.get_response(request)
        if request.user.is_authenticated and not by_token and not is_background(request):
            self._note_activity(request)
        return response

    @staticmethod
    def _note_activity(request):
        now = int(time.time())
        if BEGAN not in request.session:
            request.session[BEGAN] = now
        if now - request.session.get(SEEN, 0) >= WRITE_AFTER_SECONDS:
            request.session[SEEN] = now

    def process_view(self, request, view, args, kwargs):
        if request.user.is_authenticated:
            return self._password_due(request)
        if getattr(view, "login_required", True):
            if asks_for_password_itself(request):
                response = JsonResponse({"login": reverse("accounts:login")}, status=401)
                response.headers["HX-Trigger"] = "session-expired"
                return response
            if request.method == "POST" and request.expired_user:
                return relogin.page(request, request.expired_user)
        return None

    @staticmethod
    def _password_due(request):
        if not password_is_due(request.user):
            return None
        match = request.resolver_match
        if match and match.view_name in PASSWORD_PAGES:
            return None
        if wants_fragment(request):
            response = JsonResponse({"password_change": True}, status=403)
            response.headers["HX-Redirect"] = reverse("accounts:password_change")
            return response
        return redirect("accounts:password_change")


def password_is_due(user) -> bool:
    """Return whether the password is a first one, or older than the rules allow."""
    if user.must_change_password:
        return True
    days = settings.PASSWORD_MAX_AGE_DAYS
    if not days:
        return False
    changed = user.password_changed_at or user.created_at
    return (timezone.now() - changed).days >= days


def declared_policy(view):
    """Return the policy that a view, or what it wraps, declares; None when nothing does."""
    while view is not None:
        found = getattr(view, "policy", None) or getattr(
            getattr(view, "view_class", None) or getattr(view, "cls", None), "policy", None
        )
        if found:
            return found
        view = getattr(view, "__wrapped__", None)
    return None


def _is_static(view) -> bool:
    return getattr(view, "__module__", "") in ("django.contrib.staticfiles.views", "django.views.static")


class PolicyMiddleware:
    """Refuse every view that does not say who may call it, and keep a record of every refusal and lock."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 403:
            self._audit_refusal(request)
        elif getattr(request, "axes_locked_out", False):
            self._mark_lock(request, response)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_view(self, request, view, args, kwargs):
        if declared_policy(view) is None and not _is_static(view):
            raise PermissionDenied("this address does not say who may call it")

    @staticmethod
    def _audit_refusal(request):
        match = request.resolver_match
        named = {
            name: str(value)
            for name, value in (match.kwargs.items() if match else ())
            if isinstance(value, int | uuid.UUID)  # official numbers stay out of the trail
        }
        record(
            "refused",
            request=request,
            target=(match.view_name or "") if match else "",
            detail={"method": request.method, **named},
            surely=True,
        )

    @staticmethod
    def _mark_lock(request, response):
        response.headers["Retry-After"] = str(int(get_cool_off(request).total_seconds()))
        response.headers["Cache-Control"] = "no-store"
