"""Pages of the security administrator (locks) and of those who read the audit trail."""

import datetime

from axes.models import AccessAttempt
from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.db import connection
from django.db.models import Max, Min, Q, Sum
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts import sealing
from accounts.actions import manageable
from accounts.audit import record
from accounts.decorators import policy
from accounts.forms import AuditFilterForm, ReasonForm
from accounts.models import AuditEvent, AuditSeal, User
from accounts.roles import Permission, Role
from poverty import config, declarations, targets
from regions.models import Region

PAGE = 50
VERIFY_LINKS = 200_000  # on the page; `manage.py verify_audit` walks all
ACTIONS = {
    "login": gettext_lazy("logged in"),
    "login.failed": gettext_lazy("log-in failed"),
    "login.locked": gettext_lazy("locked after failures"),
    "logout": gettext_lazy("logged out"),
    "lock.released": gettext_lazy("lock released"),
    "password.changed": gettext_lazy("password changed"),
    "password.reset": gettext_lazy("password reset"),
    "sessions.ended": gettext_lazy("other log-ins ended"),
    "token.made": gettext_lazy("token made"),
    "token.used": gettext_lazy("logged in with a token"),
    "token.revoked": gettext_lazy("token revoked"),
    "token.refused": gettext_lazy("ended token used"),
    "token.failed": gettext_lazy("wrong token"),
    "token.locked": gettext_lazy("locked after wrong tokens"),
    "api.read": gettext_lazy("rows read through the API"),
    "screen.made": gettext_lazy("screen composed"),
    "screen.changed": gettext_lazy("screen changed"),
    "screen.removed": gettext_lazy("screen removed"),
    "screen.link_made": gettext_lazy("display link made"),
    "screen.link_used": gettext_lazy("display link used"),
    "screen.link_revoked": gettext_lazy("display link revoked"),
    "screen.link_refused": gettext_lazy("ended display link used"),
    "user.created": gettext_lazy("account made"),
    "user.changed": gettext_lazy("account changed"),
    "user.area": gettext_lazy("area given"),
    "user.off": gettext_lazy("account switched off"),
    "user.on": gettext_lazy("account switched on"),
    "user.sheet": gettext_lazy("accounts made from a sheet"),
    "refused": gettext_lazy("access refused"),
    "admin.added": gettext_lazy("setting added"),
    "admin.changed": gettext_lazy("setting changed"),
    "audit.verified": gettext_lazy("audit trail verified"),
    "import.uploaded": gettext_lazy("roster uploaded"),
    "import.confirmed": gettext_lazy("import confirmed"),
    "import.answered": gettext_lazy("import questions answered"),
    "import.marked": gettext_lazy("marked workbook downloaded"),
    "import.discarded": gettext_lazy("import given up"),
    "import.undone": gettext_lazy("import undone"),
    "import.label_changed": gettext_lazy("remembered label changed"),
    "import.label_removed": gettext_lazy("remembered label removed"),
    "export.masked": gettext_lazy("exported, masked"),
    "export.full": gettext_lazy("exported in full"),
    "export.requested": gettext_lazy("full export asked for"),
    "export.approved": gettext_lazy("full export approved"),
    "export.refused": gettext_lazy("full export refused"),
    "id_search": gettext_lazy("searched by number"),
    "reveal": gettext_lazy("value shown in full"),
    "reveal.limit": gettext_lazy("limit of values shown reached"),
    "proposal.made": gettext_lazy("correction proposed"),
    "proposal.confirmed": gettext_lazy("correction confirmed"),
    "proposal.refused": gettext_lazy("correction refused"),
    "proposal.stale": gettext_lazy("correction overtaken"),
    "config.set": gettext_lazy("threshold changed"),
    "hamlet.added": gettext_lazy("hamlet added"),
    "village.profile_changed": gettext_lazy("village profile changed"),
    "job.cancelled": gettext_lazy("job cancelled"),
}
# Kinds of targets, in words; a sheet's kind stands for a list that was exported.
KINDS = {
    "": gettext_lazy("page"),
    "user": gettext_lazy("account"),
    "household": gettext_lazy("household"),
    "proposal": gettext_lazy("proposal"),
    "import": gettext_lazy("import"),
    "label": gettext_lazy("remembered label"),
    "exportrequest": gettext_lazy("export request"),
    "job": gettext_lazy("job"),
    "region": gettext_lazy("region"),
    "config": gettext_lazy("setting"),
}


def _attempts(user):
    """Return the failed log-ins that `user` looks after: with an area, those in the name of an account there."""
    attempts = AccessAttempt.objects.order_by()
    if user.area_code:
        attempts = attempts.filter(username__in=manageable(user).order_by().values("username"))
    return attempts


def _lock_rows(user):
    """Return the locks in force: one per user name and address, the newest first."""
    since = timezone.now() - datetime.timedelta(hours=settings.AXES_COOLOFF_TIME)
    attempts = _attempts(user).filter(attempt_time__gte=since)
    return (
        attempts.values("username", "ip_address")
        .annotate(failures=Sum("failures_since_start"), last=Max("attempt_time"), pk=Min("pk"))
        .filter(failures__gte=settings.AXES_FAILURE_LIMIT)
        .order_by("-last")
    )


@policy(Permission.LOCK_MANAGE)
@require_safe
def lock_list(request):
    rows = list(_lock_rows(request.user)[:PAGE])
    known = {user.username: user for user in User.objects.filter(username__in=[row["username"] for row in rows])}
    for row in rows:
        row["user"] = known.get(row["username"])
        row["until"] = row["last"] + datetime.timedelta(hours=settings.AXES_COOLOFF_TIME)
    return render(request, "accounts/locks.html", {"rows": rows, "form": ReasonForm()})


@policy(Permission.LOCK_MANAGE)
@require_POST
def lock_release(request, pk):
    form = ReasonForm(request.POST)
    attempt = _attempts(request.user).filter(pk=pk).first()
    if attempt is None:
        raise Http404
    if not form.is_valid():
        messages.error(request, _("Say why: the reason stands in the audit trail."))
        return redirect("accounts:locks")
    AccessAttempt.objects.filter(username=attempt.username, ip_address=attempt.ip_address).delete()
    user = User.objects.filter(username=attempt.username).first()
    record(
        "lock.released",
        request=request,
        target=f"user:{user.pk}" if user else "",
        reason=form.cleaned_data["reason"],
        detail={"address": attempt.ip_address or ""},
    )
    messages.success(request, _("The lock was released; the next log-in is tried anew."))
    return redirect("accounts:locks")


def _known_actions() -> list[str]:
    """Return every action that stands in the trail, by hops along its index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE hop(action) AS (SELECT min(action) FROM accounts_auditevent UNION ALL"
            " SELECT (SELECT min(e.action) FROM accounts_auditevent e WHERE e.action > hop.action) FROM hop"
            " WHERE hop.action IS NOT NULL) SELECT action FROM hop WHERE action IS NOT NULL"
        )
        return [action for (action,) in cursor.fetchall()]


def _readable(user):
    """Return the events that `user` may read: all, or for a discipline auditor those of the own area."""
    events = AuditEvent.objects.order_by("-id")
    if user.role == Role.AUDIT_ADMIN:
        return events
    seen = Q(pk__in=[])
    for area in user.scope_ranges():
        if area.household_id is None:
            seen |= Q(area__gte=area.lo, area__lt=area.hi)
    return events.filter(seen)


def _split(row) -> tuple[str, str]:
    """Return (kind, key) of an event's target; the kind is "" for an address that was refused, and for none."""
    kind, _colon, key = row.target.partition(":")
    return ("", row.target) if row.action == "refused" or not key else (kind, key)


def _name_targets(rows, user) -> None:
    """Give every row `kind` and `about`: its target in words, with a link where the reader may open it."""
    keys: dict[str, set[str]] = {}
    for row in rows:
        kind, key = _split(row)
        keys.setdefault(kind, set()).add(key)
    named = {"user": _name_users(keys.get("user", ())), "config": _name_settings(keys.get("config", ()))}
    lists = [key for kind in keys if kind in declarations.sheets for key in keys[kind]]
    places = _name_regions({*keys.get("region", ()), *lists}, user)
    for kind, namer in targets.namers.items():
        if kind in keys and user.scope_ranges():
            named[kind] = namer(user, keys[kind])
    for row in rows:
        kind, row.key = _split(row)
        if kind in declarations.sheets or kind == "region":
            row.kind = declarations.sheets[kind].title if kind != "region" else KINDS[kind]
            row.about = places.get(row.key)
        elif "." in kind:
            row.kind, row.about = _model_name(kind), None
        else:
            row.kind = KINDS.get(kind, kind) if kind or row.action == "refused" else ""
            row.about = named.get(kind, {}).get(row.key)


def _name_users(keys) -> dict:
    users = User.objects.filter(pk__in=[int(key) for key in keys if key.isdigit()]).only("username", "full_name")
    return {str(user.pk): targets.Target(f"{user.full_name} {user.username}") for user in users}


def _name_settings(keys) -> dict:
    return {key: targets.Target(config.SETTINGS[key].title) for key in keys if key in config.SETTINGS}


def _name_regions(codes, user) -> dict:
    """Return {code: Target}; names of regions are public, their pages are for who may pick them in the own area."""

    def url(code):
        own = any(part.household_id is None and part.lo <= code < part.hi for part in user.scope_ranges())
        return reverse("regions:detail", args=[code]) if own and user.may(Permission.REGION_PICK) else ""

    found = Region.objects.filter(pk__in=codes).values_list("pk", "name") if codes else ()
    return {code: targets.Target(name, url(code)) for code, name in found}


def _model_name(label: str) -> str:
    try:
        return apps.get_model(label)._meta.verbose_name
    except (LookupError, ValueError):
        return label


def _filtered(events, data):
    zone = timezone.get_current_timezone()
    if data.get("who"):
        events = events.filter(actor=data["who"].strip())
    if data.get("action"):
        events = events.filter(action=data["action"])
    if data.get("target"):
        events = events.filter(target=data["target"].strip())
    if data.get("since"):
        events = events.filter(at__gte=datetime.datetime.combine(data["since"], datetime.time(), zone))
    if data.get("until"):
        until = data["until"] + datetime.timedelta(days=1)
        events = events.filter(at__lt=datetime.datetime.combine(until, datetime.time(), zone))
    return events


def _page(request, verdict=None):
    known = _known_actions()
    form = AuditFilterForm(request.GET, actions=[(name, ACTIONS.get(name, name)) for name in known])
    events = _readable(request.user)
    events = _filtered(events, form.cleaned_data) if form.is_valid() else events.none()
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        events = events.filter(pk__lt=min(int(before), 2**62))
    rows = list(events[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    _name_targets(rows, request.user)
    roles = dict(Role.choices)
    for row in rows:
        row.label = ACTIONS.get(row.action, row.action)
        row.role_label = roles.get(row.role, row.role)
    seal = AuditSeal.objects.order_by("-id").first()
    context = {
        "form": form,
        "rows": rows,
        "older": rows[-1].pk if more else None,
        "paged": bool(before),
        "seal": seal,
        "head": bytes(seal.digest).hex() if seal else "",
        "verdict": verdict,
        "links": VERIFY_LINKS,
    }
    partial = request.method == "GET" and request.htmx and not request.htmx.history_restore_request
    return render(request, "accounts/_audit.html" if partial else "accounts/audit.html", context)


@policy(Permission.AUDIT_READ)
@require_safe
def audit_list(request):
    return _page(request)


@policy(Permission.AUDIT_READ)
@require_POST
def audit_verify(request):
    verdict = sealing.verify(last=VERIFY_LINKS)
    record("audit.verified", request=request, detail={"whole": verdict.whole, "sealed": verdict.sealed})
    return _page(request, verdict)
