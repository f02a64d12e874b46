"""Correct a household: directly, or as a proposal where one's role can only propose; and add a household."""

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.decorators import policy
from accounts.roles import Permission
from households import actions, editing, files, listing, proposing, sections
from households.forms import years
from households.forms_more import AddHouseholdForm
from households.models import HouseholdYear, Member, MemberYear
from households.present import Viewer, plain_of
from households.sections import HOUSEHOLD_SECTIONS, MEMBER, MEMBER_YEAR_SECTIONS, YEAR_SECTIONS

HOUSEHOLD_KEYS = tuple(section.key for section in HOUSEHOLD_SECTIONS)
YEAR_KEYS = tuple(section.key for section in YEAR_SECTIONS)
MOST_NEW = 20


def build(request, household, viewer, data=None) -> editing.Edit:
    """Return the forms of the sections asked for; `section` is one of theirs, "members", "member" or nothing: all."""
    user = request.user
    section = request.GET.get("section", "")
    everything = (*HOUSEHOLD_KEYS, *YEAR_KEYS, "members")
    if section in ("member", "members"):
        wanted = ("members",)
    elif section in everything:
        wanted = (section,)
    elif section == "":
        wanted = everything
    else:
        raise Http404
    if not (user.may(Permission.HOUSEHOLD_EDIT) or user.may(Permission.HOUSEHOLD_PROPOSE)):
        wanted = ("contact",)  # what everybody with the right to change contacts may do
    rows = {}
    if any(key in YEAR_KEYS or key == "members" for key in wanted):
        found = HouseholdYear.objects.visible_to(user).filter(household_id=household.pk, withdrawn_at__isnull=True)
        rows = {row.year: row for row in found}
    edit = editing.Edit(household, viewer, wanted, _year(request, rows))
    for part in HOUSEHOLD_SECTIONS:
        if part.key in wanted:
            form = editing.RowForm(data, part.fields, household, viewer, prefix="h", key="household.{}")
            edit.household_forms.append((part, form))
    for part in YEAR_SECTIONS:
        if part.key in wanted:
            key = f"year.{edit.year}.{{}}"
            row = rows.get(edit.year)
            edit.year_forms.append((part, editing.RowForm(data, part.fields, row, viewer, prefix="y", key=key)))
    if "members" in wanted:
        _member_forms(request, edit, viewer, data, request.GET.get("member", "") if section == "member" else "")
    edit.household_forms = [(part, form) for part, form in edit.household_forms if form.specs]
    return edit


def _year(request, rows) -> int:
    text = request.GET.get("year", "")
    if text.isascii() and text.isdigit() and 1990 <= int(text) <= timezone.localdate().year + 1:
        return int(text)
    return max(rows, default=timezone.localdate().year)


def _member_forms(request, edit, viewer, data, only: str) -> None:
    user, household = request.user, edit.household
    members = Member.objects.visible_to(user).filter(
        household_id=household.pk, withdrawn_at__isnull=True, departed_on__isnull=True
    )
    members = sorted(members, key=lambda m: (m.relation or "~", m.person_no))
    if only:
        members = [member for member in members if str(member.uid) == only]
        if not members:
            raise Http404
    found = MemberYear.objects.visible_to(user).filter(
        household_id=household.pk, year=edit.year, withdrawn_at__isnull=True
    )
    rows = {row.member_id: row for row in found}
    for member in members:
        edit.members.append(_person(edit, viewer, data, str(member.uid), member, rows.get(member.pk)))
    if only:
        return
    total = data.get("m-TOTAL_FORMS", "0") if data is not None else "0"
    edit.total = min(int(total), MOST_NEW) if total.isascii() and total.isdigit() else 0
    for number in range(edit.total):
        edit.members.append(_person(edit, viewer, data, f"n{number}", None, None))
    edit.empty = _person(edit, viewer, None, "n__prefix__", None, None)


def _person(edit, viewer, data, mark: str, member, row) -> editing.MemberForms:
    uid = str(member.uid) if member is not None else ""
    key = f"member.{uid}.{{}}" if uid else ""
    person = editing.RowForm(
        data, MEMBER.fields, member, viewer, prefix=f"m-{mark}", key=key or "member.{}", member=member
    )
    name = viewer.name(member) if member is not None else ""
    found = editing.MemberForms(uid, name, person, new=member is None)
    year_key = f"member_year.{uid}.{edit.year}.{{}}" if uid else "member_year.{}"
    for part in MEMBER_YEAR_SECTIONS:
        form = editing.RowForm(data, part.fields, row, viewer, prefix=f"m-{mark}", key=year_key, member=member)
        if form.specs:
            found.year.append((part, form))
    if member is None:
        for form in found.forms:
            form.key = form.key or "member.{}"
    return found


@policy(Permission.HOUSEHOLD_EDIT, Permission.HOUSEHOLD_PROPOSE, Permission.CONTACT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def household_edit(request, uid):
    """Correct a household's data, by section or all at once."""
    household = files.get(request.user, uid)
    viewer = Viewer(request.user)
    user = request.user
    direct = user.may(Permission.HOUSEHOLD_EDIT)
    if request.method != "POST":
        if not direct and user.may(Permission.HOUSEHOLD_PROPOSE) and not request.GET.get("section"):
            return render(request, "households/choose.html", _choices(request, household, viewer))
        return _form_page(request, household, viewer, build(request, household, viewer))
    token = editing.read_token(request.POST.get("base", ""), household)
    if token is None:
        raise BadRequest("the form was not made for this household")
    version, base = token
    names = build(request, household, viewer, request.POST).names()
    data = editing.settled(request.POST, base, names)
    edit = build(request, household, viewer, data)
    if not edit.is_valid():
        return _form_page(request, household, viewer, edit, status=422, token=request.POST["base"])
    mine = editing.changes(edit.plains(), base)
    added = edit.new_members()
    reason = request.POST.get("reason", "").strip()[:500]
    own = mine if direct else {key: new for key, new in mine.items() if key in sections.CONTACT}
    other = {key: new for key, new in mine.items() if key not in own}
    if not mine and not added:
        messages.info(request, _("Nothing was changed."))
        return redirect(household)
    if not reason and (other or added or (direct and _asks_reason(mine))):
        error = _("Say why: a correction of identity, membership, status or income is kept with its reason.")
        return _form_page(request, household, viewer, edit, status=422, token=request.POST["base"], reason_error=error)
    with transaction.atomic():
        sheet = actions.Sheet.open(household, user)
        people = {uid: viewer.name(member) for uid, member in sheet.members.items()}
        differences = editing.compare(mine, base, sheet, viewer, people)
        moved = sheet.household.version != version
        others = [d for d in differences if d.collides or d.key not in mine]
        if others or (moved and any(d.collides for d in differences)):
            return _conflict_page(request, household, viewer, edit, sheet, differences, mine, data)
        # Both are compared and written under one lock, so the old values are those of the rows now.
        own = {key: [plain_now(sheet, key), new] for key, new in own.items()}
        other = {key: [plain_now(sheet, key), new] for key, new in other.items()}
        try:
            result = None
            if own or (direct and added):
                new = added if direct else ()
                result = actions.save(household=household, by=user, changes=own, new_members=new, reason=reason)
            if other or (added and not direct):
                payload = {"changes": other, "new": added}
                proposing.propose(household=household, payload=payload, by=user, reason=reason)
        except actions.NumberTaken:
            messages.error(request, TAKEN())
            return _form_page(request, household, viewer, edit, status=422, token=request.POST["base"])
    _tell(request, result, proposed=bool(other or (added and not direct)))
    return redirect(household)


def plain_now(sheet, text: str):
    return sheet.plain(editing.parse(text))


def TAKEN() -> str:
    return _(
        "This number cannot be used. Compare it with the paper file; if it is right, ask the county office to look"
        " into it."
    )


def _asks_reason(mine: dict) -> bool:
    """Identity, membership and status are changed with a reason; amounts and housing need none from the county."""
    return any(
        key.startswith("member.") or (key.startswith("household.") and key not in sections.CONTACT) for key in mine
    )


def _tell(request, result, *, proposed: bool) -> None:
    """Say what happened, and what the data rules say of it."""
    if result is not None:
        said = ngettext("Saved: %(count)s value.", "Saved: %(count)s values.", len(result.written)) % {
            "count": len(result.written)
        }
        if result.members:
            said += " " + ngettext("%(count)s person added.", "%(count)s persons added.", len(result.members)) % {
                "count": len(result.members)
            }
        messages.success(request, said)
        if result.closed:
            messages.success(
                request,
                ngettext("%(count)s finding is settled.", "%(count)s findings are settled.", result.closed)
                % {"count": result.closed},
            )
        if result.opened:
            messages.warning(
                request,
                ngettext(
                    "The data rules find %(count)s new fault. It stands under Findings below.",
                    "The data rules find %(count)s new faults. They stand under Findings below.",
                    result.opened,
                )
                % {"count": result.opened},
            )
    if proposed:
        messages.success(request, _("Your proposal is with the town office. You find the answer under Proposals."))


def _choices(request, household, viewer) -> dict:
    """Return what a cadre can put right: each person, and each part of the file."""
    people = files.people_of(household, request.user, viewer, None)
    head = next((person for person in people if person.member.relation == listing.HEAD), None)
    return {
        "household": household,
        "people": [person for person in people if person.member.departed_on is None],
        "head_name": head.name if head else household.household_no,
        "household_sections": HOUSEHOLD_SECTIONS[:1],
        "year_sections": YEAR_SECTIONS,
        "crumbs": back(household, head.name if head else household.household_no),
    }


def back(household, name: str) -> list[dict]:
    return [
        {"name": _("Households"), "url": reverse("households:list")},
        {"name": name, "url": household.get_absolute_url()},
        {"name": _("Correct"), "url": ""},
    ]


def head_name(request, household, viewer) -> str:
    rows = listing.with_head(type(household).objects.visible_to(request.user).filter(pk=household.pk), request.user)
    return viewer.head_name(rows.get().head) or household.household_no


def _form_page(request, household, viewer, edit, *, status=200, token="", reason_error=""):  # noqa: S107
    direct = request.user.may(Permission.HOUSEHOLD_EDIT)
    name = head_name(request, household, viewer)
    only_contact = edit.wanted == ("contact",)
    context = {
        "household": household,
        "edit": edit,
        "token": token or edit.token(),
        "direct": direct,
        "proposing": not direct and not only_contact,
        "reason": request.POST.get("reason", ""),
        "reason_error": reason_error,
        "reason_needed": not only_contact,
        "years": years(),
        "with_year": bool(edit.year_forms or edit.members),
        "section": request.GET.get("section", ""),
        "head_name": name,
        "crumbs": back(household, name),
        "errors": status == 422,
    }
    return render(request, "households/edit.html", context, status=status)


def _conflict_page(request, household, viewer, edit, sheet, differences, mine, data):
    fresh = build(request, sheet.household, viewer)
    name = head_name(request, household, viewer)
    context = {
        "household": household,
        "differences": [d for d in differences if d.collides],
        "others": [d for d in differences if d.key not in mine],
        "mine": [d for d in differences if d.key in mine and not d.collides],
        "fields": editing.merged_post(data, edit, differences, mine, sheet),
        "token": fresh.token(),
        "head_name": name,
        "crumbs": back(household, name),
    }
    return render(request, "households/conflict.html", context, status=409)


@policy(Permission.HOUSEHOLD_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def household_add(request):
    """Enter a household with its head."""
    if not request.user.scope_ranges():
        raise PermissionDenied
    form = AddHouseholdForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            result = actions.add_household(by=request.user, **form.values())
        except actions.NumberTaken:
            form.add_error("household_no", TAKEN())
        else:
            messages.success(request, _("The household is on file. Add the other members and the year's data now."))
            _tell_findings(request, result)
            return redirect(result.household)
    status = 422 if form.is_bound else 200
    return render(request, "households/add.html", {"form": form}, status=status)


def _tell_findings(request, result) -> None:
    if result.opened:
        messages.warning(
            request,
            ngettext(
                "The data rules find %(count)s new fault. It stands under Findings below.",
                "The data rules find %(count)s new faults. They stand under Findings below.",
                result.opened,
            )
            % {"count": result.opened},
        )


__all__ = ["household_add", "household_edit", "plain_of"]
