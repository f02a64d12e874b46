"""What the frame around every page shows: where one can go, where one is looking, and how long one stays logged in."""

import functools

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from accounts.roles import Permission as P
from regions.models import Region

# (label, address, icon, permissions of which one is enough, also on the phone's bottom bar)
ENTRIES = [
    (gettext_lazy("Home"), "dashboard:home", "home", {P.HOME_VIEW}, True),
    (gettext_lazy("Battle map"), "dashboard:map", "map", {P.FIGURES_VIEW}, True),
    (gettext_lazy("Analysis"), "analysis:poverty", "chart-bar", {P.FIGURES_VIEW}, False),
    (gettext_lazy("Households"), "households:list", "users", {P.HOUSEHOLD_VIEW}, True),
    (gettext_lazy("Ledger"), "households:ledger", "receipt", {P.LEDGER_EDIT}, True),
    (gettext_lazy("Check of findings"), "validation:list", "list-check", {P.FINDING_VIEW}, True),
    (gettext_lazy("Data quality"), "validation:quality", "heartbeat", {P.FIGURES_VIEW}, False),
    (gettext_lazy("Data rules"), "validation:rules", "checkup-list", {P.RULES_VIEW}, False),
    (gettext_lazy("Proposals"), "households:proposals", "clipboard-check", {P.PROPOSAL_CONFIRM, P.HOUSEHOLD_PROPOSE}, True),
    (gettext_lazy("Imports and exports"), "exchange:list", "file-import", {P.IMPORT_RUN}, False),
    (gettext_lazy("Departments"), "departments:index", "building", {P.LIST_VIEW, P.LIST_UPLOAD}, False),
    (gettext_lazy("Villages"), "regions:villages", "building-community", {P.FIGURES_VIEW}, False),
    (gettext_lazy("My jobs"), "jobs:list", "clock", {P.SELF_SERVICE}, False),
    (gettext_lazy("Users"), "accounts:users", "users-group", {P.USER_MANAGE}, True),
    (gettext_lazy("Locks"), "accounts:locks", "lock", {P.LOCK_MANAGE}, True),
    (gettext_lazy("Audit trail"), "accounts:audit", "history", {P.AUDIT_READ}, True),
    (gettext_lazy("Thresholds and lines"), "regions:config", "adjustments", {P.CONFIG_EDIT}, False),
    (gettext_lazy("Master data"), "admin:index", "settings", {P.CONFIG_EDIT}, False),
]  # fmt: skip
BOTTOM_ENTRIES = 4  # and one for oneself


@functools.cache
def _address(name: str) -> str:
    """Return the address of a page, "" while there is none."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _entries(user, path: str) -> list[dict]:
    shown = [
        {"label": label, "url": _address(name), "icon": icon, "active": False, "bottom": bottom}
        for label, name, icon, permissions, bottom in ENTRIES
        if _address(name) and any(user.may(permission) for permission in permissions)
    ]
    here = [entry for entry in shown if path == entry["url"] or (entry["url"] != "/" and path.startswith(entry["url"]))]
    if here:
        max(here, key=lambda entry: len(entry["url"]))["active"] = True
    return shown


def area(request) -> dict:
    """Return {code, name} of the area chip; the name is kept in the session, so that it costs no query per page."""
    user = request.user
    if not user.region_id:
        count = sum(1 for found in user.scope_ranges() if found.household_id)
        name = ngettext("%(count)s household", "%(count)s households", count) % {"count": count} if count else ""
        return {"code": "", "name": name}
    kept = request.session.get("area")
    if not kept or kept[0] != user.region_id:
        name = Region.objects.filter(code=user.region_id).values_list("name", flat=True).first() or user.region_id
        kept = request.session["area"] = [user.region_id, name]
    if not User.region.is_cached(user):
        # Templates name the user's region; without this they would fetch it with its whole boundary.
        user.region = Region.from_db(None, ["code", "name"], kept)
    return {"code": kept[0], "name": kept[1]}


def frame(request) -> dict:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav": [], "bottom_nav": [], "area": {}, "idle_minutes": 0}
    nav = _entries(user, request.path)
    bottom = [entry for entry in nav if entry["bottom"]][:BOTTOM_ENTRIES]
    me = {"label": _("Me"), "url": _address("accounts:me"), "icon": "user-circle", "bottom": True}
    bottom.append({**me, "active": request.path == me["url"]})
    return {"nav": nav, "bottom_nav": bottom, "area": area(request), "idle_minutes": settings.IDLE_MINUTES}
