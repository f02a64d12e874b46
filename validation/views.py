"""Findings: the worklists, dispatch, one finding with its record and what people do with it, the docket of clues."""

import uuid

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import audit, masks, reveals
from accounts.decorators import policy
from accounts.masks import View
from accounts.models import User
from accounts.roles import Permission
from poverty import declarations
from validation import actions, presenting, worklist
from validation.forms import (
    AppealForm,
    CheckForm,
    DispatchForm,
    FindingFilterForm,
    NoteForm,
    SecondLookForm,
    VerdictForm,
    checked,
    sources,
)
from validation.models import Finding, FindingEvent, FindingPhoto, Verdict

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_CHOSEN = 500
KINDS = {
    "dispatched": gettext_lazy("dispatched"),
    "checked": gettext_lazy("checked on the spot"),
    "statement": gettext_lazy("the household's statement"),
    "verdict": gettext_lazy("verdict"),
    "confirmed": gettext_lazy("second look: agreed"),
    "returned": gettext_lazy("second look: sent back"),
    "appeal": gettext_lazy("appeal of the household"),
    "reopened": gettext_lazy("opened again"),
    "note": gettext_lazy("remark"),
    "corrected": gettext_lazy("corrected"),
    "proposed": gettext_lazy("correction proposed"),
    "refused": gettext_lazy("proposed correction refused"),
    "reply": gettext_lazy("answer of the sender of the list"),
    "rechecked": gettext_lazy("checked again by the rule"),
    "followed_up": gettext_lazy("entered in the register"),
    "fixed": gettext_lazy("corrected together with others"),
}


# --- worklists ------------------------------------------------------------------------------------------------------------


@policy(Permission.FINDING_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def finding_list(request):
    """The findings of one's area, filtered, what is due first on top, by pages of 50."""
    form = FindingFilterForm(request.GET, user=request.user)
    found = worklist.make(form, request.user)
    context = {
        "form": form,
        "found": found,
        "page": found.page,
        "chips": _chips(form, found),
        "tabs": _tabs(form),
        "dispatch_url": reverse("validation:dispatch") if request.user.may(Permission.FINDING_DISPATCH) else "",
        "fix_url": _fix_url(form, request.user),
        "may_export": request.user.may(Permission.EXPORT_RUN),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    return render(request, "validation/_results.html" if partial else "validation/list.html", context)


def _fix_url(form, user) -> str:
    """Return where the corrections that one rule proposes are asked for together."""
    rule = declarations.rules.get(form.active.get("rule", ""))
    fixes = rule is not None and rule.fix and user.may(Permission.PROPOSAL_CONFIRM)
    return reverse("validation:fix_ask") if fixes and not form.active.get("state") else ""


def _chips(form, found) -> list[dict]:
    chips = []
    for name, value in form.active.items():
        text = found.place or value if name == "region" else form.label_of(name)
        chips.append({"label": form.fields[name].label, "text": text, "url": f"?{form.query_of(**{name: ''})}"})
    return chips


def _tabs(form) -> list[dict]:
    """Return the three severities as links beside the list that they narrow."""
    chosen = form.active.get("severity", "")
    return [
        {"severity": one, "url": f"?{form.query_of(severity='' if chosen == one else one)}", "on": chosen == one}
        for one in ("E", "W", "I")
    ]


@policy(Permission.EXPORT_RUN)
@require_safe
def finding_export(request):
    """The list as it is filtered, as a workbook; values masked as on the page."""
    form = FindingFilterForm(request.GET, user=request.user)
    if not form.is_valid():
        messages.warning(request, _("This filter cannot be read."))
        return redirect("validation:list")
    area = request.session.get("area", ["", ""])[1]
    data, number = worklist.workbook(form, request.user, area)
    audit.record("finding.export", request=request, detail={"rows": number, "filters": sorted(form.active)})
    if number == worklist.MOST_EXPORTED:
        messages.warning(request, _("The workbook holds the first %(rows)s findings; narrow the list for the rest.") % {"rows": number})  # fmt: skip
    answer = HttpResponse(data, content_type=XLSX)
    name = _("Findings") + f"_{area}_{timezone.localtime():%Y%m%d-%H%M}.xlsx"
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


# --- dispatch -------------------------------------------------------------------------------------------------------------


def _uids(texts) -> list[uuid.UUID]:
    found = []
    for text in texts[:MOST_CHOSEN]:
        try:
            found.append(uuid.UUID(text))
        except ValueError as error:
            raise BadRequest("no such finding") from error
    return found


@policy(Permission.FINDING_DISPATCH)
@require_http_methods(["GET", "HEAD", "POST"])
def finding_dispatch(request):
    """Give the chosen findings, or all of a list, to somebody: says how many of which villages before it does so."""
    chosen = _uids(request.GET.getlist("id"))
    filters = FindingFilterForm(request.GET, user=request.user)
    found = Finding.objects.visible_to(request.user)
    found = found.filter(uid__in=chosen) if chosen else filters.filter(found)
    found = found.open().exclude(~Q(source="") & ~Q(verdict=""))
    villages = list(
        worklist.with_places(found.order_by())
        .values("village_id", "village_name", "town_name")
        .annotate(n=Count("pk"))
        .order_by("village_id")
    )
    total = sum(row["n"] for row in villages)
    regions = {row["village_id"] for row in villages}
    region = next(iter(regions)) if len(regions) == 1 else ""
    if not region and len({code[:9] for code in regions}) == 1:
        region = next(iter(regions))[:9]
    form = DispatchForm(
        request.POST or None,
        people=actions.handlers(request.user, region),
        cadres=True,
        initial={"due_on": actions.deadline(request.user.area_code), "to": "cadre"},
    )
    if request.method == "POST" and form.is_valid() and total:
        if request.POST.get("count") != str(total):
            messages.warning(request, _("The list has changed while you looked. Please confirm again."))
        else:
            return _dispatched(request, form.cleaned_data, found, chosen)
    context = {
        "form": form, "total": total, "villages": villages, "chosen": chosen,
        "back": f"{reverse('validation:list')}?{filters.query}", "crumbs": _crumbs(_("Dispatch")),
    }  # fmt: skip
    return render(request, "validation/dispatch.html", context, status=422 if form.is_bound else 200)


def _dispatched(request, asked, found, chosen):
    to = None if asked["to"] == "cadre" else User.objects.get(pk=int(asked["to"]))
    try:
        done = actions.dispatch(findings=found, by=request.user, to=to, due_on=asked["due_on"], text=asked["text"])
    except actions.Refused as refused:
        messages.error(request, str(refused))
        return redirect(request.get_full_path())
    if done.done:
        messages.success(
            request,
            ngettext("%(count)s finding is dispatched.", "%(count)s findings are dispatched.", done.done)
            % {"count": done.done},
        )
    if done.left:
        messages.warning(
            request,
            ngettext(
                "%(count)s finding was left: nobody chosen here may open it. Dispatch it to the town or county office.",
                "%(count)s findings were left: nobody chosen here may open them. Dispatch them to the town or county office.",
                done.left,
            )
            % {"count": done.left},
        )
    if len(chosen) == 1:
        return redirect("validation:finding", chosen[0])
    return redirect("validation:list")


def _crumbs(*names) -> list[dict]:
    return [
        {"name": _("Check of findings"), "url": reverse("validation:list")},
        *[{"name": name, "url": ""} for name in names],
    ]


# --- the docket of a village ----------------------------------------------------------------------------------------------


@policy(Permission.FINDING_VIEW)
@require_safe
def docket(request):
    """The clues from departments' lists, village by village: what to ask about at whose door; prints for the way."""
    user = request.user
    clues = worklist.with_places(Finding.objects.visible_to(user).open().exclude(source=""))
    counted = (
        clues.order_by()
        .values("village_id", "village_name", "town_name")
        .annotate(
            n=Count("pk"),
            to_check=Count("pk", filter=Q(verdict="") & ~checked()),
            to_decide=Count("pk", filter=Q(verdict="") & checked()),
            second=Count("pk", filter=~Q(verdict="") & Q(confirmed_by__isnull=True) & ~Q(verdict_by=user)),
        )
        .order_by("village_id")
    )
    villages = list(counted)
    asked = request.GET.get("region", "")
    village = next((row for row in villages if row["village_id"] == asked), None)
    if asked and village is None and not (asked.isascii() and asked.isdigit()):
        raise Http404
    if village is None and len(villages) == 1:
        village = villages[0]
    rows = []
    if village is not None:
        here = clues.filter(village_id=village["village_id"]).select_related("owner")
        rows = worklist.rows(list(here.order_by("household_id", "rule")[:500]), user)
    context = {
        "villages": villages, "village": village, "rows": rows, "may_check": user.may(Permission.FINDING_CHECK),
        "crumbs": _crumbs(_("Clues by village")), "sources": sources(),
    }  # fmt: skip
    return render(request, "validation/docket.html", context)


# --- one finding ----------------------------------------------------------------------------------------------------------


def get(user, uid) -> Finding:
    """Return the finding, or answer as if it did not exist when it lies outside the user's area."""
    rows = worklist.with_places(Finding.objects.visible_to(user)).select_related("owner", "verdict_by", "confirmed_by")
    found = rows.filter(uid=uid).first()
    if found is None:
        raise Http404
    return found


def _log(finding: Finding, user, presenter) -> list[dict]:
    """Return the finding's log, newest first, with the names of whom it was dispatched to and the photos."""
    events = list(FindingEvent.objects.visible_to(user).filter(finding=finding).select_related("by").order_by("-id"))
    photos: dict[int, list] = {}
    for photo in FindingPhoto.objects.visible_to(user).filter(event__in=[event.pk for event in events]).order_by("id"):
        photo.metres = None
        if photo.longitude is not None and photo.latitude is not None:
            photo.metres = presenter.metres_from(photo.longitude, photo.latitude)
        photos.setdefault(event_id := photo.event_id, []).append(photo)
        photo.number = len(photos[event_id])
    ids = {event.data.get("to") for event in events} - {None}
    names = dict(User.objects.filter(pk__in=ids).values_list("pk", "full_name")) if ids else {}
    return [
        {
            "event": event,
            "kind": KINDS.get(event.kind, event.kind),
            "to": names.get(event.data.get("to"), ""),
            "photos": photos.get(event.pk, ()),
            "proposes": Verdict(event.data["proposes"]).label if event.data.get("proposes") else "",
        }
        for event in events
    ]


def _page(request, finding: Finding, presenter=None, status=200, **forms):
    """Draw the finding's page; `forms` are those that came back with mistakes."""
    user = request.user
    presenter = presenter or presenting.of(finding, user)
    words = presenting.words([finding.rule])[finding.rule]
    verdicts = actions.verdicts_of(finding)
    clue, is_open = bool(finding.source), finding.closed_at is None
    checks = actions.was_checked(finding)
    second = clue and is_open and finding.verdict and finding.confirmed_by_id is None
    may_judge = user.may(Permission.FINDING_VERDICT)
    context = {
        "finding": finding,
        "presenter": presenter,
        "words": words,
        "clue": clue,
        "source": sources().get(finding.source, finding.source),
        "log": _log(finding, user, presenter),
        "overdue": is_open and finding.due_on is not None and finding.due_on < timezone.localdate(),
        "checked": checks,
        "edit": presenter.edit if is_open else None,
        "fix": presenter.fix() if is_open and not clue else None,
        "follow_up": presenter.follow_up() if clue and finding.verdict == Verdict.UPHELD and is_open else [],
        "photo_view": masks.view_of(user, "position"),
        "verdict_form": VerdictForm(verdicts=verdicts),
        "second_form": SecondLookForm(),
        "appeal_form": AppealForm(initial={"on": timezone.localdate()}),
        "note_form": NoteForm(),
        "reason": request.POST.get("reason", ""),
        "reason_error": "",
        "may": {
            "dispatch": user.may(Permission.FINDING_DISPATCH) and is_open and not (clue and finding.verdict),
            "check": user.may(Permission.FINDING_CHECK) and is_open and not (clue and finding.verdict),
            "verdict": may_judge and is_open and not finding.verdict and (checks or not clue),
            "wait_check": may_judge and is_open and not finding.verdict and clue and not checks,
            "second": user.may(Permission.FINDING_CONFIRM) and second and finding.verdict_by_id != user.pk,
            "second_other": user.may(Permission.FINDING_CONFIRM) and second and finding.verdict_by_id == user.pk,
            "appeal": user.may(Permission.FINDING_CHECK) and clue and bool(finding.verdict),
            "reopen": may_judge and (bool(finding.verdict) or finding.closed_as == "muted"),
            "followed": may_judge and is_open and finding.verdict == Verdict.UPHELD and finding.confirmed_by_id,
            "note": user.may(Permission.FINDING_CHECK) or may_judge,
            "reveal": user.may(Permission.FIELD_REVEAL) and presenter.secret,
        },
        "crumbs": _crumbs(f"{finding.town_name or ''} {finding.village_name or ''}".strip(), finding.rule),
        **forms,
    }
    return render(request, "validation/finding.html", context, status=status)


@policy(Permission.FINDING_VIEW)
@require_safe
def finding_detail(request, uid):
    """One finding: the rule in one sentence, what was seen, the record in question, and what was done so far."""
    return _page(request, get(request.user, uid))


def _done(request, finding, text: str):
    messages.success(request, text)
    return redirect(finding)


def _refused(request, finding, refused):
    messages.error(request, str(refused))
    return redirect(finding)


@policy(Permission.HOUSEHOLD_EDIT, Permission.HOUSEHOLD_PROPOSE)
@require_POST
@sensitive_post_parameters()
def finding_correct(request, uid):
    """Correct the record in question, or propose it where one's role can only propose; and look again at once."""
    finding = get(request.user, uid)
    presenter = presenting.of(finding, request.user)
    return _corrected(request, finding, presenter, lambda reason: presenter.correct(request.POST, reason=reason))


@policy(Permission.HOUSEHOLD_EDIT, Permission.HOUSEHOLD_PROPOSE)
@require_POST
def finding_fix(request, uid):
    """Take over the correction that the rule proposes."""
    finding = get(request.user, uid)
    presenter = presenting.of(finding, request.user)
    return _corrected(request, finding, presenter, lambda reason: presenter.apply_fix(reason=reason))


def _corrected(request, finding, presenter, write):
    reason = request.POST.get("reason", "").strip()[:500]
    if len(reason) < 2:
        error = _("Say what the correction rests on, such as the household booklet.")
        presenter.bound = presenter.form(request.POST) if "base" in request.POST else None
        return _page(request, finding, presenter, 422, reason_error=error)
    result, now = actions.correct(
        finding=finding, presenter=presenter, by=request.user, write=lambda: write(reason), reason=reason
    )
    if result.state == "invalid":
        return _page(request, finding, presenter, 422)
    if result.state == "nothing":
        messages.info(request, _("Nothing was changed."))
    elif result.state == "overtaken":
        messages.warning(
            request,
            _("Somebody else has changed this meanwhile: %(values)s. Nothing of yours was saved; look at it again.")
            % {"values": "；".join(result.others)},
        )
    elif result.state == "proposed":
        messages.success(request, _("Your proposal is with the town office. You find the answer under Proposals."))
    elif now is None:
        # It is for a larger area now. What is told here is what those are told whose finding is gone.
        messages.success(request, _("Saved. Checked again: no longer found."))
        return redirect("validation:list")
    else:
        _tell_recheck(request, now)
    return redirect(finding)


def _tell_recheck(request, finding) -> None:
    if finding.closed_at is not None:
        messages.success(request, _("Saved. Checked again: no longer found."))
        return
    presenter = presenting.of(finding, request.user)
    messages.warning(
        request,
        _("Saved. Checked again: still found (%(seen)s).") % {"seen": presenter.seen or presenter.expected or "—"},
    )


@policy(Permission.FINDING_CHECK)
@require_POST
def finding_recheck(request, uid):
    """Let the rule look again now."""
    finding = actions.recheck(finding=get(request.user, uid), by=request.user)
    if finding is None:
        messages.success(request, _("Checked again: no longer found."))
        return redirect("validation:list")
    if finding.closed_at is not None:
        messages.success(request, _("Checked again: no longer found."))
    else:
        messages.warning(request, _("Checked again: still found."))
    return redirect(finding)


@policy(Permission.FINDING_VERDICT)
@require_POST
def finding_verdict(request, uid):
    """Say what the finding is: a true error, a real special case, a false alarm; a clue is upheld or not."""
    finding = get(request.user, uid)
    form = VerdictForm(request.POST, verdicts=actions.verdicts_of(finding))
    if not form.is_valid():
        return _page(request, finding, status=422, verdict_form=form)
    try:
        found = actions.give_verdict(finding=finding, by=request.user, **form.cleaned_data)
    except actions.Refused as refused:
        return _refused(request, finding, refused)
    if found.source:
        return _done(request, finding, _("The verdict is on file and waits for another person's second look."))
    if found.closed_at is not None:
        return _done(request, finding, _("Settled. It comes back when the data it rests on change."))
    return _done(request, finding, _("Noted as a true error. Correct the record, or dispatch it."))


@policy(Permission.FINDING_CONFIRM)
@require_POST
def finding_second(request, uid):
    """The second look at the verdict on a clue, by another person."""
    finding = get(request.user, uid)
    form = SecondLookForm(request.POST)
    if not form.is_valid():
        return _page(request, finding, status=422, second_form=form)
    agree = form.cleaned_data["agree"] == "1"
    try:
        actions.take_second_look(finding=finding, by=request.user, agree=agree, text=form.cleaned_data["text"])
    except actions.Refused as refused:
        return _refused(request, finding, refused)
    return _done(request, finding, _("Agreed.") if agree else _("Sent back for a new verdict."))


@policy(Permission.FINDING_CHECK)
@require_POST
def finding_appeal(request, uid):
    """Write down what the household says against the verdict."""
    finding = get(request.user, uid)
    form = AppealForm(request.POST)
    if not form.is_valid():
        return _page(request, finding, status=422, appeal_form=form)
    try:
        actions.appeal(finding=finding, by=request.user, **form.cleaned_data)
    except actions.Refused as refused:
        return _refused(request, finding, refused)
    return _done(request, finding, _("The appeal is on file; the clue is open for a new verdict."))


@policy(Permission.FINDING_VERDICT)
@require_POST
def finding_reopen(request, uid):
    """Take a verdict back, or open what was settled."""
    return _with_text(request, uid, actions.reopen, _("Open again."))


@policy(Permission.FINDING_VERDICT)
@require_POST
def finding_followed(request, uid):
    """What an upheld clue asked for is entered in the register."""
    return _with_text(
        request, uid, actions.follow_up_done, _("Settled. It comes back when the data it rests on change.")
    )


@policy(Permission.FINDING_CHECK, Permission.FINDING_VERDICT)
@require_POST
def finding_note(request, uid):
    """Add a remark to the log."""
    return _with_text(request, uid, actions.note, _("The remark is on file."))


def _with_text(request, uid, action, said: str):
    finding = get(request.user, uid)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _page(request, finding, status=422, note_form=form)
    try:
        action(finding=finding, by=request.user, text=form.cleaned_data["text"])
    except actions.Refused as refused:
        return _refused(request, finding, refused)
    return _done(request, finding, said)


@policy(Permission.FIELD_REVEAL)
@require_POST
def finding_reveal(request, uid):
    """Show what is expected where that is a part of a sealed value: with a reason, audited, limited; never stored."""
    finding = get(request.user, uid)
    presenter = presenting.of(finding, request.user)
    reason = request.POST.get("reason", "").strip()
    context = {"finding": finding, "reason": reason}
    status = 200
    if not presenter.secret:
        context["refused"], status = _("There is nothing here that is shown with a reason."), 422
    elif len(reason) < reveals.SHORTEST_REASON:
        context["refused"], status = _("Say in a few words what you need it for."), 422
    elif not reveals.allow(
        request, target=f"finding:{finding.uid}", reason=reason, detail={"field": "check character"}
    ):
        context["refused"], status = (
            _("You have looked at %(count)s masked values today, which is the limit. Ask the county office for a list.")
            % {"count": reveals.limit(request.user)},
            429,
        )
    else:
        context["text"] = presenter.reveal()
    response = render(request, "validation/_revealed.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


# --- on the spot ----------------------------------------------------------------------------------------------------------


@policy(Permission.FINDING_CHECK)
@require_http_methods(["GET", "HEAD", "POST"])
def finding_check(request, uid):
    """The field check, made for the phone: what was seen, what the household says, photos, the position."""
    finding = get(request.user, uid)
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    given = {"clue": bool(finding.source), "verdicts": actions.verdicts_of(finding)}
    form = CheckForm(request.POST or None, request.FILES or None, **given)
    if request.method == "POST":
        form = CheckForm(request.POST, request.FILES, **given)
        if form.is_valid():
            asked = form.cleaned_data
            try:
                actions.check(
                    finding=finding, by=request.user, text=asked["text"], statement=asked["statement"],
                    proposes=asked["proposes"], photos=asked["photos"], lon=asked["lon"], lat=asked["lat"],
                    accuracy_m=asked["accuracy"], taken_at=asked["taken_at"], unplaced=asked["unplaced"],
                )  # fmt: skip
            except actions.Refused as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, _("The field check is on file."))
                if wants_json:
                    return JsonResponse({"url": finding.get_absolute_url()})
                return redirect(finding)
        if wants_json:
            return JsonResponse({"errors": form.errors}, status=422)
    presenter = presenting.of(finding, request.user)
    context = {
        "finding": finding, "presenter": presenter, "form": form, "words": presenting.words([finding.rule])[finding.rule],
        "source": sources().get(finding.source, finding.source),
        "crumbs": _crumbs(f"{finding.rule} {presenter.title}", _("Field check")),
    }  # fmt: skip
    return render(request, "validation/check.html", context, status=422 if request.method == "POST" else 200)


@policy(Permission.FINDING_VIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def finding_photo(request, uid):
    """A photo of a field check: as exact a thing as the house's position, and seen by the same roles.

    Who sees such only with a reason (the auditor) posts it; that is audited and counted.
    """
    found = FindingPhoto.objects.visible_to(request.user).select_related("event").filter(uid=uid).first()
    if found is None:
        raise Http404
    view = masks.view_of(request.user, "position")
    if view is View.NOTHING or (view is View.REVEAL and request.method != "POST"):
        return render(request, "validation/photo_refused.html", status=403)
    if request.method == "POST":
        reason = request.POST.get("reason", "").strip()
        if len(reason) < reveals.SHORTEST_REASON:
            text = _("Say in a few words what you need it for.")
            return render(request, "validation/photo_refused.html", {"text": text}, status=422)
        if not reveals.allow(request, target=f"photo:{found.uid}", reason=reason, detail={"field": "photo"}):
            text = _(
                "You have looked at %(count)s masked values today, which is the limit. Ask the county office for a list."
            ) % {"count": reveals.limit(request.user)}
            return render(request, "validation/photo_refused.html", {"text": text}, status=429)
    try:
        content = actions.photo_content(found)
    except FileNotFoundError as error:
        raise Http404 from error
    answer = HttpResponse(content, content_type=found.content_type)
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer
