"""Findings: the worklists, one finding with its record, what people do with it, and the village's docket of clues."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import audit
from accounts.decorators import policy
from accounts.roles import Permission
from validation import presenting, worklist
from validation.forms import FindingFilterForm
from validation.models import Finding, FindingEvent

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
        "may_dispatch": request.user.may(Permission.FINDING_DISPATCH),
        "may_export": request.user.may(Permission.EXPORT_RUN),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    return render(request, "validation/_results.html" if partial else "validation/list.html", context)


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


# --- one finding ----------------------------------------------------------------------------------------------------------


def get(user, uid) -> Finding:
    """Return the finding, or answer as if it did not exist when it lies outside the user's area."""
    rows = worklist.with_places(Finding.objects.visible_to(user)).select_related("owner", "verdict_by", "confirmed_by")
    found = rows.filter(uid=uid).first()
    if found is None:
        raise Http404
    return found


@policy(Permission.FINDING_VIEW)
@require_safe
def finding_detail(request, uid):
    """One finding: the rule in one sentence, what was seen, the record in question, and what was done so far."""
    finding = get(request.user, uid)
    presenter = presenting.of(finding, request.user)
    words = presenting.words([finding.rule])[finding.rule]
    events = FindingEvent.objects.visible_to(request.user).filter(finding=finding).select_related("by")
    context = {"finding": finding, "presenter": presenter, "words": words, "events": list(events)}
    return render(request, "validation/finding.html", context)
