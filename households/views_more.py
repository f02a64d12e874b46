"""Changes of members, the position, the history, and revealing a masked value."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db import connection
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import reveals
from accounts.decorators import policy
from accounts.masks import View
from accounts.roles import Permission
from households import actions, files, history, proposing
from households.forms_more import JoiningForm, LeavingForm, MoveForm, NumbersForm, PositionForm, ReasonForm
from households.keys import parse
from households.models import Member, MemberYear
from households.present import Viewer, plain_of, wording
from households.sections import BY_KEY
from households.views_edit import TAKEN, _tell, back, head_name

NEAR_M = 2000


# --- changes of members ------------------------------------------------------------------------------------------------


@policy(Permission.HOUSEHOLD_EDIT, Permission.HOUSEHOLD_PROPOSE)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def member_change(request, uid):
    """Record that somebody joined or left: birth, death, marriage … Nobody is deleted."""
    household = files.get(request.user, uid)
    viewer = Viewer(request.user)
    people = files.people_of(household, request.user, viewer, None)
    present = [person for person in people if person.member.departed_on is None]
    which = request.POST.get("which", "") if request.method == "POST" else ""
    leaving = LeavingForm(
        request.POST if which == "leaving" else None,
        people=present,
        prefix="l",
        initial={"member": request.GET.get("member", "")},
    )
    joining = JoiningForm(request.POST if which == "joining" else None, prefix="j")
    form = {"leaving": leaving, "joining": joining}.get(which)
    if request.method == "POST" and form is None:
        raise BadRequest("neither leaving nor joining")
    if form is not None and form.is_valid():
        asked = form.cleaned_data
        event = {
            "kind": asked["kind"],
            "on": asked["happened_on"].isoformat(),
            "reason": asked["reason"].strip(),
            "document": asked["document"].strip(),
            "member": asked.get("member", ""),
            "new_head": asked.get("new_head", ""),
        }
        new = [{"member": form.person()}] if which == "joining" else []
        try:
            return _change(request, household, event, new)
        except actions.NumberTaken:
            messages.error(request, TAKEN())
    name = head_name(request, household, viewer)
    context = {
        "household": household,
        "leaving": leaving,
        "joining": joining,
        "which": which or ("joining" if request.GET.get("joining") else "leaving"),
        "direct": request.user.may(Permission.HOUSEHOLD_EDIT),
        "head_name": name,
        "crumbs": back(household, name),
    }
    status = 422 if form is not None else 200
    return render(request, "households/member_change.html", context, status=status)


def _change(request, household, event, new):
    if request.user.may(Permission.HOUSEHOLD_EDIT):
        result = actions.save(
            household=household, by=request.user, event=event, new_members=new, reason=event["reason"]
        )
        messages.success(request, _("The change of members is on file."))
        if result.opened or result.closed:
            result.written, result.members = [], []
            _tell_rules(request, result)
    else:
        payload = {"changes": {}, "new": new, "event": event}
        proposing.propose(household=household, payload=payload, by=request.user, reason=event["reason"])
        _tell(request, None, proposed=True)
    return redirect(household)


def _tell_rules(request, result) -> None:
    from households.views_edit import _tell_findings

    _tell_findings(request, result)


@policy(Permission.HOUSEHOLD_EDIT, Permission.HOUSEHOLD_PROPOSE)
@require_http_methods(["GET", "HEAD", "POST"])
def member_return(request, uid, member):
    """A departure that was recorded wrongly is taken back, with a reason."""
    household = files.get(request.user, uid)
    viewer = Viewer(request.user)
    found = Member.objects.visible_to(request.user).filter(household_id=household.pk, uid=member)
    found = found.filter(withdrawn_at__isnull=True, departed_on__isnull=False).first()
    if found is None:
        raise Http404
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        event = {"back": True, "member": str(found.uid), "reason": form.cleaned_data["reason"]}
        return _change(request, household, event, [])
    name = head_name(request, household, viewer)
    context = {"household": household, "form": form, "name": viewer.name(found), "member": found}
    context |= {
        "head_name": name,
        "crumbs": back(household, name),
        "direct": request.user.may(Permission.HOUSEHOLD_EDIT),
    }
    return render(request, "households/member_return.html", context, status=422 if form.is_bound else 200)


# --- another village, official numbers ---------------------------------------------------------------------------------


@policy(Permission.PROPOSAL_CONFIRM)
@require_http_methods(["GET", "HEAD", "POST"])
def household_move(request, uid):
    """Move a household to another village: inside one's own area, at once, with a reason."""
    household = files.get(request.user, uid)
    form = MoveForm(request.POST or None, user=request.user, household=household)
    if request.method == "POST" and form.is_valid():
        village = form.cleaned_data["village"]
        reason = form.cleaned_data["reason"].strip()
        result = actions.move(household=household, village=village.pk, by=request.user, reason=reason)
        messages.success(request, _("The household belongs to %(village)s now.") % {"village": village.name})
        _tell_rules(request, result)
        return redirect(household)
    return _small_page(request, household, form, "households/move.html")


@policy(Permission.HOUSEHOLD_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def household_numbers(request, uid):
    """Correct the official numbers of a household and its members."""
    household = files.get(request.user, uid)
    people = files.people_of(household, request.user, Viewer(request.user), None)
    form = NumbersForm(request.POST or None, household=household, people=people)
    if request.method == "POST" and form.is_valid():
        try:
            result = actions.correct_numbers(
                household=household,
                by=request.user,
                reason=form.cleaned_data["reason"].strip(),
                household_no=form.cleaned_data["household_no"],
                persons=form.persons(),
            )
        except actions.NumberTaken:
            form.add_error(None, TAKEN())
        else:
            _tell(request, result, proposed=False)
            return redirect(household)
    return _small_page(request, household, form, "households/numbers.html")


@policy(Permission.HOUSEHOLD_EDIT)
@require_POST
def household_lifecycle(request, uid):
    """Let the life cycle follow the status, with a reason."""
    household = files.get(request.user, uid)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: say why the life cycle is to follow the status."))
        return redirect(household)
    result = actions.set_lifecycle(household=household, by=request.user, reason=form.cleaned_data["reason"].strip())
    if result.written:
        messages.success(request, _("The life cycle follows the status now."))
        _tell_rules(request, result)
    return redirect(household)


def _small_page(request, household, form, template: str):
    name = head_name(request, household, Viewer(request.user))
    context = {"household": household, "form": form, "head_name": name, "crumbs": back(household, name)}
    context["place"] = wording(BY_KEY["household.village_id"], household.village_id)
    return render(request, template, context, status=422 if form.is_bound else 200)


# --- position ----------------------------------------------------------------------------------------------------------


@policy(Permission.CONTACT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def household_position(request, uid):
    """Set where the household lives: by the map, the device, or typed."""
    household = files.get(request.user, uid)
    viewer = Viewer(request.user)
    initial = {}
    if household.position is not None:
        initial = {"lon": f"{household.position.x:.6f}", "lat": f"{household.position.y:.6f}"}
    form = PositionForm(request.POST or None, initial=initial)
    far = None
    if request.method == "POST":
        if form.is_valid():
            lon, lat = form.cleaned_data["lon"], form.cleaned_data["lat"]
            far = metres_outside(household.village_id, lon, lat)
            if far is None or far <= NEAR_M or form.cleaned_data["confirm"]:
                actions.set_position(
                    household=household, lon=lon, lat=lat, by=request.user, accuracy_m=form.cleaned_data["accuracy"]
                )
                messages.success(request, _("The position is on file."))
                return redirect(household)
            # What is shown again are the coordinates as they will be stored.
            form = _again(form, lon, lat)
        elif form.swapped:
            form = _again(form, form.cleaned_data["lat"], form.cleaned_data["lon"], errors=form.errors)
    name = head_name(request, household, viewer)
    context = {
        "household": household,
        "form": form,
        "far_km": f"{far / 1000:.1f}" if far and far > NEAR_M else "",
        "tiles": files.settings.LEAFLET_CONFIG.get("TILES") or [],
        "map": request.user.may(Permission.FIGURES_VIEW),
        "head_name": name,
        "crumbs": back(household, name),
    }
    return render(request, "households/position.html", context, status=422 if request.method == "POST" else 200)


def _again(form, lon: float, lat: float, errors=None):
    data = {"lon": f"{lon:.6f}", "lat": f"{lat:.6f}", "system": "wgs84", "accuracy": form.data.get("accuracy", "")}
    again = PositionForm(data)
    again.is_valid()
    if errors:
        again._errors = errors
    return again


def metres_outside(village: str, lon: float, lat: float) -> float | None:
    """Return how far a point lies outside the village's boundary; 0 inside, None when no boundary is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_Distance(boundary::geography, ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography)"
            " FROM regions_region WHERE code = %s AND boundary IS NOT NULL",
            [lon, lat, village],
        )
        found = cursor.fetchone()
    return found[0] if found else None


# --- history and reveals -----------------------------------------------------------------------------------------------


@policy(Permission.HOUSEHOLD_VIEW)
@require_safe
def household_history(request, uid):
    """Who changed what, when and why; of the whole household or of one value."""
    household = files.get(request.user, uid)
    viewer = Viewer(request.user)
    only, label = request.GET.get("field", ""), ""
    if only:
        try:
            label = str(parse(only).field.label)
        except ValueError as error:
            raise Http404 from error
    entries = history.entries(household, request.user, only=only)
    name = head_name(request, household, viewer)
    context = {
        "household": household,
        "page": Paginator(entries, 20).get_page(request.GET.get("page")),
        "only_label": label,
        "head_name": name,
        "crumbs": [*back(household, name)[:-1], {"name": _("History"), "url": ""}],
    }
    return render(request, "households/history.html", context)


@policy(Permission.FIELD_REVEAL)
@require_POST
def household_reveal(request, uid):
    """Show one masked value in full, with a reason: audited in any case, and so many times a day only."""
    household = files.get(request.user, uid)
    viewer = Viewer(request.user)
    names = ("household.{}", "member.{}", "member_year.{}")
    wanted = request.POST.get("name", "")
    of = next((BY_KEY[text.format(wanted)] for text in names if text.format(wanted) in BY_KEY), None)
    if of is None or of.mask != request.POST.get("field"):
        raise BadRequest("no such value")
    row = member = None
    if of.target == "household":
        row = household
    else:
        people = Member.objects.visible_to(request.user).filter(household_id=household.pk, withdrawn_at__isnull=True)
        member = row = people.filter(uid=_uid(request.POST.get("member", ""))).first()
        if of.target == "member_year" and member is not None:
            year = request.POST.get("year", "")
            years = MemberYear.objects.visible_to(request.user).filter(member=member, withdrawn_at__isnull=True)
            row = years.filter(year=int(year)).first() if year.isascii() and year.isdigit() and len(year) < 6 else None
    if row is None:
        raise Http404
    reason = request.POST.get("reason", "").strip()
    shown = viewer.shown(of, row, member, "")
    context = {"household": household, "value": shown, "year": request.POST.get("year", ""), "reason": reason}
    if viewer.of(of, member) is not View.REVEAL:
        return render(
            request,
            "households/_revealed.html",
            {**context, "refused": _("Your role sees this masked only.")},
            status=403,
        )
    if len(reason) < 4:
        context["refused"] = _("Say in a few words what you need it for.")
        return render(request, "households/_revealed.html", context, status=422)
    detail = {"field": of.key, "household": str(household.uid)}
    target = f"member:{member.uid}" if member is not None else f"household:{household.uid}"
    if not reveals.allow(request, target=target, reason=reason, detail=detail):
        context["refused"] = _(
            "You have looked at %(count)s masked values today, which is the limit. Ask the county office for a list."
        ) % {"count": reveals.limit(request.user)}
        return render(request, "households/_revealed.html", context, status=429)
    plain = plain_of(row, of)
    context["text"] = wording(of, plain)
    response = render(request, "households/_revealed.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _uid(text: str):
    import uuid

    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Http404 from error
