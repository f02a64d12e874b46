"""The system administrator's pages: accounts, one by one and from a sheet."""

import json
import re

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import actions, loading
from accounts.audit import record
from accounts.decorators import policy
from accounts.forms import ReasonForm, SheetForm, UserFilterForm, UserForm
from accounts.models import User
from accounts.roles import Permission
from poverty import scope
from poverty.inputs import parse_json
from regions.models import Region

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET_USERS = 300  # per upload on the page: each password costs its hashing time; the command takes more


@policy(Permission.USER_MANAGE)
@require_safe
def user_list(request):
    form = UserFilterForm(request.GET)
    users = form.filter(actions.manageable(request.user)).order_by("username")
    users = users.select_related("region").defer("region__boundary", "region__centroid")
    page = Paginator(users, 50).get_page(request.GET.get("page"))
    partial = request.htmx and not request.htmx.history_restore_request
    return render(request, "accounts/_users.html" if partial else "accounts/users.html", {"form": form, "page": page})


def _user(request, pk: int) -> User:
    return get_object_or_404(actions.manageable(request.user).select_related("region"), pk=pk)


def _household_numbers(text: str) -> list[str]:
    return [number for number in re.split(r"[\s,，、;；]+", text) if number]


def _arguments(form, by) -> dict:
    data = dict(form.cleaned_data)
    numbers = _household_numbers(data.pop("households", ""))
    data.setdefault("region", None)
    data["households"] = actions.find_households(numbers, within=by.area_code) if numbers else []
    return data


@policy(Permission.USER_MANAGE)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def user_add(request):
    form = UserForm(request.POST if request.method == "POST" else None, by=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            user, password = actions.create_user(**_arguments(form, request.user), by=request.user, request=request)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            rows = [loading.password_row(loading.UserRow(0, {}, user=user, password=password))]
            return _show_passwords(request, rows, [])
    return render(request, "accounts/user_form.html", {"form": form}, status=422 if form.errors else 200)


@policy(Permission.USER_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def user_edit(request, pk):
    user = _user(request, pk)
    numbers = ""
    if user.scope.filter(household_id__isnull=False).exists():
        numbers = _numbers_of(user)
    initial = {
        "full_name": user.full_name, "role": user.role, "unit": user.unit,
        "region": f"{user.region_id} {user.region.name}" if user.region else "",
        "phone": user.phone, "households": numbers,
    }  # fmt: skip
    form = UserForm(request.POST if request.method == "POST" else None, by=request.user, user=user, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_user(user=user, **_arguments(form, request.user), by=request.user, request=request)
        except ValidationError as error:
            form.add_error(None, error)
            user.refresh_from_db()
        else:
            messages.success(request, _("The account of %(name)s was saved.") % {"name": user.full_name})
            return redirect("accounts:user_edit", pk=user.pk)
    context = {
        "form": form, "edited": user, "reason_form": ReasonForm(), "own": user.pk == request.user.pk,
        "administrator": user.role in actions.ADMINISTRATORS,
    }  # fmt: skip
    return render(request, "accounts/user_form.html", context, status=422 if form.errors else 200)


def _numbers_of(user) -> str:
    ids = [found.household_id for found in user.scope_ranges() if found.household_id]
    with scope.system("household numbers paired with a user"):
        households = apps.get_model("households", "Household").objects.filter(pk__in=ids)
        return ", ".join(households.order_by("household_no").values_list("household_no", flat=True))


@policy(Permission.USER_MANAGE)
@never_cache
@require_POST
def user_password(request, pk):
    user = _user(request, pk)
    try:
        password = actions.reset_password(user=user, by=request.user, request=request)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("accounts:user_edit", pk=pk)
    return _show_passwords(request, [loading.password_row(loading.UserRow(0, {}, user=user, password=password))], [])


@policy(Permission.USER_MANAGE)
@require_POST
def user_switch(request, pk):
    user = _user(request, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the reason stands in the audit trail."))
        return redirect("accounts:user_edit", pk=pk)
    act = actions.switch_off if user.is_active else actions.switch_on
    try:
        act(user=user, reason=form.cleaned_data["reason"], by=request.user, request=request)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("accounts:user_edit", pk=pk)


def _show_passwords(request, rows, failed):
    """Show one-time passwords, this once: they are kept nowhere, so the page itself carries them to the download."""
    context = {"rows": rows, "posted": [json.dumps(row, ensure_ascii=False) for row in rows], "failed": failed}
    context["here"] = reverse("accounts:users")  # where another language starts: this page cannot be asked for again
    response = render(request, "accounts/passwords.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@policy(Permission.USER_MANAGE)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def user_sheet(request):
    """Upload, preview with the faults of each row, then make the accounts of the good rows."""
    if request.method == "POST" and "row" in request.POST:
        rows = [_posted_row(text) for text in request.POST.getlist("row")[:SHEET_USERS]]
        loading.make_users(rows, by=request.user, request=request)
        made = [loading.password_row(row) for row in rows if row.user]
        record("user.sheet", request=request, detail={"made": len(made), "refused": len(rows) - len(made)})
        return _show_passwords(request, made, [row for row in rows if row.error])
    form = SheetForm(request.POST or None, request.FILES or None)
    context = {"form": form}
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["sheet"]
        try:
            rows = loading.read_rows(upload.name, upload.read(loading.MAX_BYTES + 1))
            if len(rows) > SHEET_USERS:
                raise loading.UnreadableSheet(
                    _("The page takes %(count)s users at once. Split the sheet, or use load_users at the server.")
                    % {"count": SHEET_USERS}
                )
        except loading.UnreadableSheet as error:
            form.add_error("sheet", str(error))
        else:
            loading.check_rows(rows, by=request.user)
            good = [row for row in rows if not row.error]
            posted = [json.dumps([row.row, row.values], ensure_ascii=False) for row in good]
            context.update(rows=rows, good=len(good), bad=len(rows) - len(good), posted=posted)
    return render(request, "accounts/user_sheet.html", context, status=422 if form.errors else 200)


def _posted_row(text: str) -> loading.UserRow:
    """Return a row as the preview page carried it; whatever was tampered with is checked anew."""
    data = parse_json(text)
    if not (isinstance(data, list) and len(data) == 2 and isinstance(data[0], int) and isinstance(data[1], dict)):
        return loading.UserRow(0, {}, error=_("This row could not be read. Upload the sheet again."))
    values = {name: value for name, value in data[1].items() if name in loading.HEADERS and isinstance(value, str)}
    return loading.UserRow(data[0], values)


@policy(Permission.USER_MANAGE)
@require_safe
def user_template(request):
    response = HttpResponse(loading.template(), content_type=XLSX)
    response.headers["Content-Disposition"] = 'attachment; filename="users-template.xlsx"'
    return response


@policy(Permission.USER_MANAGE)
@never_cache
@sensitive_post_parameters()
@require_POST
def user_passwords(request):
    """Turn the passwords that the page shows into a workbook; nothing is looked up or kept."""
    rows = []
    for text in request.POST.getlist("row")[:SHEET_USERS]:
        data = parse_json(text)
        if isinstance(data, list):
            rows.append([str(value)[:300] for value in data[:5]])
    response = HttpResponse(loading.passwords_book(rows), content_type=XLSX)
    response.headers["Content-Disposition"] = 'attachment; filename="passwords.xlsx"'
    return response


@policy(Permission.USER_MANAGE)
@require_safe
def region_options(request):
    """Answer what was typed into the area field with up to twelve regions of the administrator's area."""
    text = request.GET.get("q", request.GET.get("region", "")).strip()[:100]
    found = []
    if text:
        regions = Region.objects.under(request.user.area_code).valid().only("code", "name", "level")
        match = Q(name__icontains=text) | (Q(code__startswith=text) if text.isascii() and text.isdigit() else Q())
        found = list(regions.filter(match).order_by("code")[:12])
    names = dict(
        Region.objects.filter(code__in={code for one in found for code in one.ancestor_codes()}).values_list(
            "code", "name"
        )
    )
    results = [
        {"code": one.code, "name": one.name, "path": " / ".join(names.get(code, "") for code in one.ancestor_codes())}
        for one in found
    ]
    if request.htmx:
        return render(request, "accounts/_region_options.html", {"results": results})
    return JsonResponse({"results": results})
