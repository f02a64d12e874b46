"""The list of households, the search by identity number, and a household's file."""

import datetime as dt
import functools

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import audit
from accounts.decorators import policy
from accounts.masks import View, view_of
from accounts.roles import Permission
from dashboard import figures
from households import files, listing, provenance
from households.forms import HouseholdFilterForm
from households.models import Household, Member
from households.present import Viewer
from poverty import crypto, idnumber
from poverty.templatetags.figures import UNKNOWN, code_label
from poverty.templatetags.figures import number as grouped


def is_fragment(request) -> bool:
    return bool(request.htmx) and not request.htmx.history_restore_request


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def household_list(request):
    """The households in one's area, filtered, sorted, by pages of 50."""
    text = idnumber.normalise(request.GET.get("q", ""))
    if idnumber.facts(text, today=timezone.localdate()).kind in ("15", "18", "20") and _is_identity(text):
        # An identity number has no business in an address: it is not searched for, and not shown again.
        messages.warning(
            request, _("Identity numbers are searched with the search field at the top, never through an address.")
        )
        query = request.GET.copy()
        query.pop("q")
        return redirect(f"{request.path}?{query.urlencode()}")
    form = HouseholdFilterForm(request.GET)
    found = listing.make(form, request.user)
    viewer = Viewer(request.user)
    area = (form.cleaned_data.get("region") if form.is_valid() else "") or ""
    context = {
        "form": form,
        "page": found.page,
        "rows": _lines(found.page.object_list, viewer, found.names),
        "households": found.households,
        "persons": found.persons,
        "figure": _figure(form, found.number),
        "names": found.names,
        "area_label": found.names.get(area, area),
        "chips": _chips(form, found.names),
        "crumbs": _crumbs(request.user, area, found.names),
        "may_add": request.user.may(Permission.HOUSEHOLD_EDIT),
    }
    template = "households/_results.html" if is_fragment(request) else "households/list.html"
    return render(request, template, context)


def _is_identity(text: str) -> bool:
    return not idnumber.facts(text, today=timezone.localdate()).fault


def _place(village: str, names: dict[str, str]) -> str:
    return " ".join(names[code] for code in (village[:9], village) if code in names) or village


def _lines(rows: list[listing.Row], viewer: Viewer, names: dict[str, str]) -> list[dict]:
    """Return the words of each row of the table, {column: text}.

    A template that asks for each of five hundred values with a filter or two took a third of the page's time; most of
    the values are the same few codes and places, worded once here.
    """
    status, kind, cause, place = map(
        functools.cache,
        (
            lambda code: code_label(code, "status"),
            lambda code: code_label(code, "household_type"),
            lambda code: code_label(code, "cause"),
            lambda village: _place(village, names),
        ),
    )
    sees_income = viewer.view("income") is View.FULL
    nameless = _("no head on file")
    return [
        {
            "address": mark_safe(row.address),  # noqa: S308 - made by `reverse`
            "head": viewer.head_name(row.head) or nameless,
            "reasons": row.reasons,
            "number": row.household_no,
            "village": place(row.village_id),
            "status": row.status,
            "status_label": status(row.status),
            "type": kind(row.household_type),
            "size": grouped(row.size),
            "cause": cause(row.main_cause),
            "exit_year": UNKNOWN if row.exit_year is None else str(row.exit_year),
            "income": grouped(row.income["net_pc"], 0) if row.income and sees_income else "",
            "income_year": str(row.income["year"]) if row.income else "",
            "findings": str(row.findings) if row.findings else "",
        }
        for row in rows
    ]


def _crumbs(user, area: str, names) -> list[dict]:
    address = reverse("households:list")
    crumbs = [{"name": _("Households"), "url": address}]
    for code, name in listing.path_of(area, names, user.area_code):
        crumbs.append({"name": name, "url": f"{address}?region={code}"})
    return crumbs if len(crumbs) > 1 else []


def _figure(form: HouseholdFilterForm, number) -> dict | None:
    """Return the figure that the list is behind: what it is called, its number and unit."""
    if number is None:
        return None
    key, part = form.cleaned_data["figure"], form.cleaned_data["part"]
    behind = figures.listed(key, part)
    return {
        "label": figures.label(key, part),
        "number": number,
        "unit": figures.unit_of(behind),
        "key": key,
        "part": part,
    }


def _chips(form: HouseholdFilterForm, names) -> list[dict]:
    """Return the active filters: what they are called, and the address without them."""
    chips = []
    for name, value in form.active.items():
        field = form.fields[name]
        if name == "part":
            continue
        if name == "region":
            text = names.get(value, value)
        elif name == "figure":
            text = figures.label(value, form.cleaned_data["part"])
        elif value is True:
            text = ""
        else:
            text = dict(getattr(field.widget, "choices", ())).get(str(value), value)
        chips.append({"label": field.label, "text": text, "url": form.without(name)})
    return chips


@policy(Permission.HOUSEHOLD_VIEW)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("id_number")
def id_search(request):
    """Find households by an identity number, or by a long official number; the number stays out of every address.

    Whoever comes by the address alone (a bookmark, the page loaded anew) is told where to type it.
    """
    if view_of(request.user, "id_number") is View.NOTHING:
        raise PermissionDenied
    if request.method != "POST":
        messages.info(
            request, _("A search by number has no address to come back to. Type the number into the field at the top.")
        )
        return redirect("households:list")
    number = idnumber.normalise(request.POST.get("id_number", "")[:100])
    facts = idnumber.facts(number, today=timezone.localdate())
    viewer = Viewer(request.user)
    people = Member.objects.visible_to(request.user).filter(withdrawn_at__isnull=True)
    members = []
    if facts.identity and facts.kind in ("15", "18", "20", "22"):
        members = list(people.filter(id_index=crypto.blind("id", facts.identity)).order_by("departed_on", "pk")[:50])
    households = Household.objects.visible_to(request.user).in_register()
    by_number = list(households.filter(household_no=number)[:1]) if number else []
    by_person = list(people.filter(person_no=number)[:1]) if number else []
    keys = {m.household_id for m in (*members, *by_person)} | {h.pk for h in by_number}
    found = {row.pk: row for row in listing.rows_of(households.filter(pk__in=keys), request.user)}
    audit.record("id_search", request=request, detail={"kind": facts.kind, "found": len(found)}, surely=True)
    if by_number and len(found) == 1 and not members:
        return redirect(by_number[0])
    names = listing.place_names({row.village_id for row in found.values()})
    hits = [
        (row, viewer.head_name(row.head), _place(row.village_id, names), [
            (viewer.name(member), member) for member in (*members, *by_person) if member.household_id == row.pk
        ])
        for row in found.values()
    ]  # fmt: skip
    # This page has no address of its own to come back to, so another language starts from the list.
    context = {"hits": hits, "facts": facts, "length": len(number), "here": reverse("households:list")}
    return render(request, "households/id_search.html", context)


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
def household_detail(request, uid):
    """One household, one file (一户一档)."""
    household = files.get(request.user, uid)
    return render(request, "households/detail.html", files.page(request, household))


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
def household_print(request, uid):
    """The file as a paper form."""
    household = files.get(request.user, uid)
    context = files.page(request, household)
    context["printed_on"] = dt.date.today()
    return render(request, "households/print.html", context)


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
def household_sources(request, uid):
    """Where each value of the file comes from: one document for all of them, fetched when somebody asks."""
    from django.http import JsonResponse

    household = files.get(request.user, uid)
    return JsonResponse(provenance.of_household(household, request.user))
