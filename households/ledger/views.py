"""The pages of the monthly ledger: who is due, one household's year, one month typed on the phone, closing a month."""

import datetime as dt
import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import policy
from accounts.masks import View, view_of
from accounts.roles import Permission
from households import files, listing
from households.ledger import actions, codes, figures
from households.ledger.forms import CloseForm, MonthGrid, ReasonForm, month_of
from households.ledger.models import LedgerLine, LedgerMonth
from households.models import Household
from households.present import Viewer
from poverty import scope
from regions.models import Region

PER_PAGE = 50
STATES = ("due", "done")
LISTED = (*STATES, "all")  # what of a larger area is asked for as a list of households, too


def may_see(user) -> None:
    """Raise PermissionDenied for roles that see no income."""
    if view_of(user, "income") is not View.FULL:
        raise PermissionDenied


def due_month() -> dt.date:
    """Return the month that is filled in now: the one before this."""
    return figures.shifted(timezone.localdate().replace(day=1), -1)


def _month(request) -> dt.date:
    return month_of(request.GET.get("month", "")) or due_month()


def _area(request) -> str:
    """Return the region that the page is about: the one asked for, where it lies in the user's area; "" for a helper."""
    own = request.user.area_code or ""
    wanted = request.GET.get("region", "")
    if not wanted:
        return own
    known = Region.objects.valid().filter(pk=wanted).in_area_of(request.user).exists()
    if not known:
        raise Http404
    return wanted


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
def ledger_list(request):
    """The ledger of a month: regions with how many households are done, or in a village, or behind a number of a
    larger area, the households themselves."""
    may_see(request.user)
    month, area = _month(request), _area(request)
    context = {
        "month": month,
        "before": figures.shifted(month, -1),
        "after": figures.shifted(month, 1) if month < timezone.localdate().replace(day=1) else None,
        "area": area,
        "requests": _requests(request.user),
        "may": _may(request.user),
    }
    if area and len(area) < 12 and request.GET.get("state") not in LISTED:
        return render(request, "households/ledger_regions.html", context | _regions(request, month, area))
    return render(request, "households/ledger_list.html", context | _households(request, month, area))


def _may(user) -> dict:
    return {
        "edit": user.may(Permission.LEDGER_EDIT),
        "close": user.may(Permission.LEDGER_CLOSE),
        "reopen": user.may(Permission.LEDGER_REOPEN),
    }


def _requests(user) -> list[LedgerMonth]:
    """Return the requests to open months again that wait, for who may decide on them."""
    if not user.may(Permission.LEDGER_REOPEN):
        return []
    found = LedgerMonth.objects.visible_to(user).filter(asked_by__isnull=False, reopened_at=None)
    return list(found.select_related("town", "asked_by").order_by("asked_at")[:20])


def _regions(request, month: dt.date, area: str) -> dict:
    length = {2: 4, 4: 6, 6: 9, 9: 12}[len(area)]
    found = figures.coverage(request.user, month, area, length)
    names = listing.place_names({code for code, _all, _done in found} | {area})
    closings = LedgerMonth.objects.visible_to(request.user).filter(
        month=month, reopened_at=None, town__in=[code for code, *_rest in found] if length == 9 else [area]
    )
    by_town = {one.town_id: one for one in closings.select_related("closed_by", "asked_by")}
    rows = [
        {
            "code": code, "name": names.get(code, code), "all": all_, "done": done, "due": all_ - done,
            "share": 100 * done // all_ if all_ else 0, "closing": by_town.get(code), "is_town": length == 9,
        }
        for code, all_, done in found
    ]  # fmt: skip
    return {
        "rows": rows,
        "name": names.get(area, area),
        "all": sum(row["all"] for row in rows),
        "done": sum(row["done"] for row in rows),
        "town": area if len(area) == 9 else "",
        "closing": by_town.get(area),
        "path": listing.path_of(area, listing.place_names({area}), request.user.area_code),
        "can_close": month <= timezone.localdate().replace(day=1),
    }


def _households(request, month: dt.date, area: str) -> dict:
    user = request.user
    entered = LedgerLine.objects.visible_to(user).live().filter(household=OuterRef("pk"), month=month)
    everyone = Household.objects.visible_to(user).active()
    if area:
        everyone = everyone.filter(scope.under("village_id", area))
    everyone = everyone.annotate(is_done=Exists(entered))
    number, done = everyone.count(), everyone.filter(is_done=True).count()
    state = request.GET.get("state", "")
    shown = everyone.filter(is_done=state == "done") if state in STATES else everyone
    page = Paginator(shown.order_by("is_done", "village_id", "household_no"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    rows = list(listing.with_head(page.object_list, user))
    sums = figures.entered_in(user, [row.pk for row in rows], month)
    viewer = Viewer(user)
    names = listing.place_names({row.village_id for row in rows} | {area})
    return {
        "page": page,
        "rows": [(row, viewer.head_name(row.head), sums.get(row.pk), names.get(row.village_id, "")) for row in rows],
        "number": number,
        "done": done,
        "due": number - done,
        "state": state,
        "name": names.get(area, ""),
        "names": names,
        "closed": len(area) >= 9 and bool(actions.closed(area, [month])),
        "wide": 0 < len(area) < 12,
        "path": listing.path_of(area, names, user.area_code) if area else [],
    }


# --- one household ----------------------------------------------------------------------------------------------------


def _crumbs(household, name: str, *more) -> list[dict]:
    return [
        {"name": _("Ledger"), "url": reverse("households:ledger")},
        {"name": name, "url": reverse("households:detail", args=[household.uid])},
        *more,
    ]


def _head(household, user) -> str:
    row = listing.with_head(Household.objects.visible_to(user).filter(pk=household.pk), user).get()
    return Viewer(user).head_name(row.head) or household.household_no


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
def ledger_year(request, uid):
    """A household's statistical year: months across, lines down, and what they add up to."""
    may_see(request.user)
    household = files.get(request.user, uid)
    wanted = request.GET.get("year", "")
    newest = figures.newest_year(household, request.user) or figures.year_of(due_month())
    year = (
        int(wanted)
        if wanted.isascii() and wanted.isdigit() and len(wanted) == 4 and 2000 <= int(wanted) <= 2100
        else newest
    )
    months = figures.months_of_year(year)
    table: dict[str, dict[dt.date, tuple]] = {}
    for line in figures.lines_of(household, request.user, months[0], months[-1]):
        amount, heads = table.setdefault(line.category, {}).get(line.month, (0, None))
        table[line.category][line.month] = (amount + line.amount_yuan, line.heads if line.heads is not None else heads)
    closed = actions.closed(household.village_id, months)
    name = _head(household, request.user)
    context = {
        "household": household,
        "head_name": name,
        "crumbs": _crumbs(household, name),
        "months": [{"month": month, "closed": month in closed} for month in months],
        "lines": [
            {
                "category": category, "label": codes.CATEGORY.label(category), "depth": codes.depth(category),
                "cells": [table[category].get(month) for month in months],
                "sum": sum(amount for amount, _heads in table[category].values()),
            }
            for category in sorted(table)
        ],
        "figures": figures.year_figures(household, request.user, year),
        "year": year,
        "newest": max(newest, figures.year_of(due_month())),
        "due": due_month(),
        "may": _may(request.user),
    }  # fmt: skip
    return render(request, "households/ledger_year.html", context)


@policy(Permission.LEDGER_EDIT)
def ledger_month(request, uid):
    """One month of a household as it is typed: beside last month and the same month a year ago."""
    household = files.get(request.user, uid)
    month = _month(request)
    if month > timezone.localdate().replace(day=1):
        messages.info(request, _("This month has not come yet."))
        return redirect(reverse("households:ledger_month", args=[household.uid]))
    closed = bool(actions.closed(household.village_id, [month]))
    grid = _grid(household, request.user, month, request.POST if request.method == "POST" and not closed else None)
    status = 200
    if request.method == "POST":
        if closed:
            messages.error(request, _closed_text(month))
        elif grid.valid and _save(request, household, month, grid):
            return redirect(_next(request, household, month))
        status = 409 if closed else 422
    name = _head(household, request.user)
    context = {
        "household": household, "head_name": name, "month": month, "closed": closed, "grid": grid,
        "before": figures.shifted(month, -1), "year_ago": figures.shifted(month, -12),
        "after": figures.shifted(month, 1) if month < timezone.localdate().replace(day=1) else None,
        "crumbs": _crumbs(household, name, {"name": f"{month:%Y-%m}", "url": ""}),
    }  # fmt: skip
    return render(request, "households/ledger_month.html", context, status=status)


def _grid(household, user, month: dt.date, data=None) -> MonthGrid:
    before, ago = figures.shifted(month, -1), figures.shifted(month, -12)
    found = LedgerLine.objects.visible_to(user).live().filter(household=household, month__in=[month, before, ago])
    of = {one: [line for line in found if line.month == one] for one in (month, before, ago)}
    return MonthGrid(of[month], of[before], of[ago], data)


def _closed_text(month: dt.date) -> str:
    return _("%(month)s is closed in this town. To change it, the county office has to open it again.") % {
        "month": f"{month:%Y-%m}"
    }


def _save(request, household, month: dt.date, grid: MonthGrid) -> bool:
    """Save the grid; False when it has to be shown again."""
    try:
        number = actions.save_month(household=household, month=month, typed=grid.typed, by=request.user)
    except actions.Overtaken as overtaken:
        mine = LedgerLine.objects.visible_to(request.user).live().filter(household=household, month=month)
        grid.overtaken(overtaken.keys, {(line.category, line.ordinal): line for line in mine})
        return False
    except actions.MonthClosed:
        messages.error(request, _closed_text(month))
        return False
    if number:
        text = ngettext("%(number)s line saved.", "%(number)s lines saved.", number) % {"number": number}
        messages.success(request, f"{month:%Y-%m}: {text}")
    else:
        messages.info(request, _("Nothing had changed, so nothing was saved."))
    return True


def _next(request, household, month: dt.date) -> str:
    """Return where to go after saving: to the next household that is due, or to the list."""
    address = reverse("households:ledger")
    query = f"?month={month:%Y-%m}"
    if "next" not in request.POST:
        return f"{address}{query}"
    entered = LedgerLine.objects.visible_to(request.user).live().filter(household=OuterRef("pk"), month=month)
    due = Household.objects.visible_to(request.user).active().filter(~Exists(entered), village_id=household.village_id)
    following = due.order_by("household_no").exclude(pk=household.pk)
    found = following.filter(household_no__gt=household.household_no).first() or following.first()
    if found is None:
        messages.success(request, _("All households of the village are done for this month."))
        return f"{address}{query}"
    return reverse("households:ledger_month", args=[found.uid]) + query


# --- closing and opening ----------------------------------------------------------------------------------------------


def _back(month: dt.date, town: str = "") -> str:
    return f"{reverse('households:ledger')}?month={month:%Y-%m}" + (f"&region={town}" if town else "")


@policy(Permission.LEDGER_CLOSE)
@require_POST
def ledger_close(request):
    """Close a month in a town of one's area."""
    form = CloseForm(request.POST)
    if not form.is_valid():
        raise Http404
    month = form.cleaned_data["month"]
    town = Region.objects.valid().filter(pk=form.cleaned_data["town"], level="town").in_area_of(request.user).first()
    if town is None:
        raise Http404
    if month > timezone.localdate().replace(day=1):
        messages.error(request, _("A month that has not come yet cannot be closed."))
        return redirect(_back(month, town.pk))
    try:
        actions.close_month(town=town, month=month, by=request.user, request=request)
        messages.success(
            request,
            _("%(month)s is closed in %(town)s: nobody can change its lines, and files cannot bring any in.")
            % {"month": f"{month:%Y-%m}", "town": town.name},
        )
    except actions.AlreadyClosed:
        messages.info(request, _("The month is closed already."))
    return redirect(_back(month, town.pk))


def _closing(request) -> LedgerMonth:
    try:
        wanted = uuid.UUID(request.POST.get("closing", ""))
    except ValueError:
        raise Http404 from None
    found = LedgerMonth.objects.visible_to(request.user).filter(uid=wanted).first()
    if found is None:
        raise Http404
    return found


@policy(Permission.LEDGER_CLOSE)
@require_POST
def ledger_ask(request):
    """Ask the county to open a closed month again."""
    closing = _closing(request)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why the month has to be opened again."))
    elif actions.ask_to_reopen(closing=closing, reason=form.cleaned_data["reason"], by=request.user, request=request):
        messages.success(request, _("Asked. Another person of the county office decides on it."))
    else:
        messages.info(request, _("The month is open already."))
    return redirect(_back(closing.month, closing.town_id))


@policy(Permission.LEDGER_REOPEN)
@require_POST
def ledger_decide(request):
    """Open a month again as asked, or refuse; never on an own request."""
    closing = _closing(request)
    approve = request.POST.get("decision") == "approve"
    answer = " ".join(request.POST.get("answer", "").split())[:500]
    if not actions.decide_reopening(closing=closing, approve=approve, answer=answer, by=request.user, request=request):
        messages.info(request, _("Somebody has decided on this already."))
    elif approve:
        messages.success(request, _("The month is open again; the town has to close it once more."))
    else:
        messages.success(request, _("Refused. The month stays closed."))
    return redirect(_back(closing.month, closing.town_id))
