"""Logging in and out, and what everybody does about the own account."""

import time

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import Http404, HttpResponseRedirect, JsonResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import actions, relogin, tokens
from accounts.audit import record
from accounts.decorators import policy, public
from accounts.errors import bad_request, csrf_failure, forbidden, not_found, server_error
from accounts.forms import LoginForm, OwnPasswordForm, PasswordForm, ProfileForm, TokenForm
from accounts.middleware import BEGAN, LANGUAGES, SEEN, background, password_is_due, seconds_left
from accounts.models import AuditEvent, User
from accounts.roles import Permission

__all__ = ["bad_request", "csrf_failure", "forbidden", "not_found", "server_error"]


def safe_next(request, target: str) -> str:
    """Return `target` when it is an address of this site, else where everybody starts."""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if target and allowed else resolve_url(settings.LOGIN_REDIRECT_URL)


def _check(request, form):
    """Return the user of a filled-in log-in form, or None; every failure takes the same way and the same time."""
    kept_post = request.POST
    # django-axes writes the posted fields of a failed log-in down: it is shown none, least of all a kept form's.
    request.POST = QueryDict()
    try:
        user = authenticate(request, **form.cleaned_data)
    finally:
        request.POST = kept_post
    if user is None:
        known = User.objects.filter(username=form.cleaned_data["username"]).values_list("pk", flat=True).first()
        locked = getattr(request, "axes_locked_out", False)
        # A lock is noted once, not with every guess that it turns away.
        if not locked or getattr(request, "axes_failures_since_start", None) == settings.AXES_FAILURE_LIMIT:
            record(
                "login.locked" if locked else "login.failed",
                request=request,
                target=f"user:{known}" if known else "",
                surely=True,
            )
    return user


def _enter(request, user) -> None:
    """Start a new session for `user`: the old key, and what stood under it, is worth nothing any more."""
    request.session.flush()  # Django keeps the key when the same person logs in again
    login(request, user)
    request.session[BEGAN] = request.session[SEEN] = int(time.time())
    record("login", user=user, request=request, target=f"user:{user.pk}")


def _answer_json(request):
    """Log in from the dialog over a half-filled page: only the person whose page it is."""
    data = request.json if isinstance(request.json, dict) else {}
    form = LoginForm({name: data.get(name) for name in ("username", "password") if isinstance(data.get(name), str)})
    user = _check(request, form) if form.is_valid() else None
    if user is None:
        return JsonResponse({"ok": False, "message": _wrong_text()}, status=400)
    if str(data.get("for", user.pk)) != str(user.pk):
        text = _("This page belongs to somebody else. Load it anew to go on as yourself.")
        return JsonResponse({"ok": False, "message": text}, status=400)
    _enter(request, user)
    return JsonResponse({"ok": True, "token": get_token(request), "password_due": password_is_due(user)})


def _wrong_text() -> str:
    return _(
        "The user name or the password is not right. After five failures this account is locked here for 30 minutes;"
        " if you have forgotten the password, ask the system administrator of your county for a new one."
    )


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request):
    if request.method == "POST" and request.content_type == "application/json":
        return _answer_json(request)
    if request.method != "POST" and request.user.is_authenticated:
        return HttpResponseRedirect(safe_next(request, request.GET.get("next", "")))
    form = LoginForm(request.POST if request.method == "POST" else None)
    target = request.POST.get("next") or request.GET.get("next", "")
    kept = relogin.kept_fields(request.POST)
    if request.method == "POST" and form.is_valid():
        user = _check(request, form)
        if user is not None:
            path = relogin.kept_path(request.POST, user)
            _enter(request, user)
            if kept and path and not password_is_due(user):
                return render(request, "accounts/resend.html", {"kept": kept, "path": path})
            response = HttpResponseRedirect(safe_next(request, target))
            if user.language in LANGUAGES:
                _set_cookie(response, user.language)
            return response
        form.add_error(None, _wrong_text())
    if kept:
        context = {"kept": kept, "kept_whose": request.POST.get("kept_whose", ""), "form": form}
        context["username"] = request.POST.get("username", "")
        return render(request, "accounts/relogin.html", context, status=401)
    context = {"form": form, "next": target, "expired": request.expired_user is not None}
    return render(request, "accounts/login.html", context)


@public
@require_POST
def log_out(request):
    if request.user.is_authenticated:
        record("logout", request=request, target=f"user:{request.user.pk}")
    logout(request)
    response = redirect(settings.LOGOUT_REDIRECT_URL)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@policy(Permission.SELF_SERVICE)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request):
    form = PasswordForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        first = request.user.must_change_password
        actions.change_password(user=request.user, new=form.cleaned_data["new"], request=request)
        update_session_auth_hash(request, request.user)
        messages.success(request, _("Your new password is in force. All other log-ins of yours have ended."))
        return redirect(settings.LOGIN_REDIRECT_URL if first else "accounts:me")
    context = {"form": form, "due": password_is_due(request.user), "first": request.user.must_change_password}
    context["frame_template"] = "plain.html" if context["due"] else "base.html"
    return render(request, "accounts/password.html", context, status=422 if form.errors else 200)


@policy(Permission.SELF_SERVICE)
@require_http_methods(["GET", "HEAD", "POST"])
def me(request):
    """Show and correct what one may correct oneself: office phone and language."""
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        response = redirect("accounts:me")
        if request.user.language in LANGUAGES:
            _set_cookie(response, request.user.language)
        return response
    return render(request, "accounts/me.html", _me_context(request, form=form))


def _me_context(request, **more):
    log_ins = AuditEvent.objects.filter(
        target=f"user:{request.user.pk}", action__in=["login", "login.failed", "login.locked", "logout"]
    )
    return {
        "form": ProfileForm(instance=request.user),
        "end_form": OwnPasswordForm(request.user),
        "token_form": TokenForm(request.user, prefix="token"),
        "tokens": list(tokens.valid(request.user)),
        "log_ins": log_ins.order_by("-id")[:10],
        "households": sum(1 for found in request.user.scope_ranges() if found.household_id),
        **more,
    }


@policy(Permission.SELF_SERVICE)
@sensitive_post_parameters()
@require_POST
def end_sessions(request):
    """End all other sessions: the password gets a new salt, and sessions are bound to the stored hash; tokens, too."""
    form = OwnPasswordForm(request.user, request.POST)
    if not form.is_valid():
        return render(request, "accounts/me.html", _me_context(request, end_form=form), status=422)
    request.user.set_password(form.cleaned_data["password"])
    request.user.save(update_fields=["password"])
    update_session_auth_hash(request, request.user)
    tokens.revoke(request.user.tokens, by=request.user, request=request)
    record("sessions.ended", request=request, target=f"user:{request.user.pk}")
    messages.success(request, _("All your other log-ins have ended."))
    return redirect("accounts:me")


@policy(Permission.SELF_SERVICE)
@sensitive_post_parameters()
@require_POST
def token_add(request):
    """Make a token for one's own programs, and show its text this once."""
    form = TokenForm(request.user, request.POST, prefix="token")
    if not form.is_valid():
        return render(request, "accounts/me.html", _me_context(request, token_form=form), status=422)
    asked = form.cleaned_data
    token, text = tokens.make(user=request.user, name=asked["name"], days=asked["days"], request=request)
    return render(request, "accounts/me.html", _me_context(request, new_token=token, new_text=text))


@policy(Permission.SELF_SERVICE)
@require_POST
def token_revoke(request, pk):
    found = request.user.tokens.filter(pk=pk)
    if not found.exists():
        raise Http404
    tokens.revoke(found, by=request.user, request=request)
    messages.success(request, _("The token opens nothing any more."))
    return redirect("accounts:me")


@public
@require_POST
def set_language(request):
    language = request.POST.get("language", "")
    response = HttpResponseRedirect(safe_next(request, request.POST.get("next", "")))
    if language in LANGUAGES:
        _set_cookie(response, language)
        if request.user.is_authenticated and request.user.language != language:
            User.objects.filter(pk=request.user.pk).update(language=language)
    return response


def _set_cookie(response, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 86400,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


@background
@policy(Permission.SELF_SERVICE)
@require_safe
def session_state(request):
    """Tell a waiting page how many seconds its log-in still holds; asking prolongs nothing."""
    return JsonResponse({"left": seconds_left(request.session)})


@policy(Permission.SELF_SERVICE)
@require_POST
def session_keep(request):
    """Note that somebody is there, typing."""
    request.session[SEEN] = int(time.time())
    return JsonResponse({"left": seconds_left(request.session)})
