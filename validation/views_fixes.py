"""Corrections that a rule proposes, written for many findings together: asked for by one, approved by another."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from poverty import declarations
from validation import actions, presenting
from validation.forms import FindingFilterForm, NoteForm
from validation.models import Finding, FixBatch

PER_PAGE, SHOWN = 50, 50
STATES = {
    "waiting": gettext_lazy("waiting for approval"),
    "applied": gettext_lazy("written to the register"),
    "refused": gettext_lazy("refused"),
    "undone": gettext_lazy("undone"),
}


class DecideForm(forms.Form):
    """Approve or refuse; a refusal says why."""

    choice = forms.ChoiceField(choices=[("approve", gettext_lazy("Approve")), ("refuse", gettext_lazy("Refuse"))])
    text = forms.CharField(label=gettext_lazy("Reason"), max_length=500, required=False)

    def clean(self):
        asked = super().clean()
        if asked.get("choice") == "refuse" and len(asked.get("text", "").strip()) < 2:
            self.add_error("text", _("Say why in a few words."))
        return asked


def _crumbs(*names) -> list[dict]:
    return [
        {"name": _("Check of findings"), "url": reverse("validation:list")},
        {"name": _("Corrections together"), "url": reverse("validation:fixes")},
        *[{"name": name, "url": ""} for name in names],
    ]


@policy(Permission.PROPOSAL_CONFIRM)
@require_safe
def fix_list(request):
    """Corrections asked for in one's area, those that wait first."""
    found = FixBatch.objects.visible_to(request.user).select_related("asked_by", "decided_by", "region")
    found = found.defer("region__boundary", "region__centroid", "done", "left").order_by("-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    words = presenting.words([batch.rule for batch in page.object_list])
    for batch in page.object_list:
        batch.title, batch.state_label = words[batch.rule].title, STATES.get(batch.state, batch.state)
    context = {"page": page, "crumbs": _crumbs()[:1]}
    return render(request, "validation/fixes.html", context)


@policy(Permission.PROPOSAL_CONFIRM)
@require_http_methods(["GET", "HEAD", "POST"])
def fix_ask(request):
    """Ask for the corrections that one rule proposes, of the findings of a list; shows what would be written."""
    filters = FindingFilterForm(request.GET, user=request.user)
    rule = declarations.rules.get(filters.active.get("rule", ""))
    if rule is None or not rule.fix:
        messages.info(request, _("Filter the list by a rule that proposes a correction first."))
        return redirect("validation:list")
    found = filters.filter(Finding.objects.visible_to(request.user)).open().order_by("id")
    region = filters.active.get("region") or ""
    if not region.startswith(request.user.area_code):
        region = request.user.area_code
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            batch = actions.ask_for_fixes(
                findings=found, rule=rule.id, region=region, by=request.user, reason=form.cleaned_data["text"]
            )
        except actions.Refused as refused:
            messages.error(request, str(refused))
            return redirect("validation:list")
        messages.success(request, _("Asked for. Another person has to approve it before anything is written."))
        return redirect("validation:fix", batch.uid)
    total = found.count()
    handler = presenting.presenter_class(rule.subject)
    context = {
        "form": form, "rule": rule, "words": presenting.words([rule.id])[rule.id], "total": total,
        "most": actions.MOST_FIXES, "rows": handler.fix_many(list(found[:SHOWN]), rule, request.user),
        "back": f"{reverse('validation:list')}?{filters.query}", "crumbs": _crumbs(rule.id),
    }  # fmt: skip
    return render(request, "validation/fix_ask.html", context, status=422 if form.is_bound else 200)


def _get(user, uid) -> FixBatch:
    rows = FixBatch.objects.visible_to(user).select_related("asked_by", "decided_by", "region")
    found = rows.defer("region__boundary", "region__centroid").filter(uid=uid).first()
    if found is None:
        raise Http404
    return found


def _page(request, batch, status=200, **forms):
    rule = declarations.rules.get(batch.rule)
    handler = presenting.presenter_class(rule.subject) if rule else presenting.Presenter
    rows, written = [], []
    if rule is not None and batch.state == "waiting":
        rows = handler.fix_many(list(actions.findings_of(batch, request.user).open()[:SHOWN]), rule, request.user)
    elif batch.done:
        written = handler.done_words(batch.done[:SHOWN], request.user)
    left = Finding.objects.visible_to(request.user).filter(uid__in=batch.left[:SHOWN]) if batch.left else []
    context = {
        "batch": batch, "state_label": STATES.get(batch.state, batch.state), "rows": rows, "written": written,
        "words": presenting.words([batch.rule])[batch.rule], "left": list(left), "decide_form": DecideForm(),
        "undo_form": NoteForm(), "own": batch.asked_by_id == request.user.pk, "crumbs": _crumbs(batch.rule), **forms,
    }  # fmt: skip
    return render(request, "validation/fix.html", context, status=status)


@policy(Permission.PROPOSAL_CONFIRM)
@require_safe
def fix_detail(request, uid):
    """What would be written, or was; and what was left."""
    return _page(request, _get(request.user, uid))


@policy(Permission.PROPOSAL_CONFIRM)
@require_POST
def fix_decide(request, uid):
    """Have the corrections written, or refuse them: never one's own."""
    batch = _get(request.user, uid)
    form = DecideForm(request.POST)
    if not form.is_valid():
        return _page(request, batch, 422, decide_form=form)
    approve = form.cleaned_data["choice"] == "approve"
    try:
        batch = actions.decide_fixes(batch=batch, by=request.user, approve=approve, text=form.cleaned_data["text"])
    except actions.Refused as refused:
        messages.error(request, str(refused))
        return redirect("validation:fix", uid)
    if approve:
        messages.success(
            request,
            ngettext("%(count)s finding is corrected.", "%(count)s findings are corrected.", batch.applied)
            % {"count": batch.applied},
        )
        if batch.left:
            messages.warning(
                request,
                ngettext(
                    "%(count)s finding was left as it is; it stands below.",
                    "%(count)s findings were left as they are; they stand below.",
                    len(batch.left),
                )
                % {"count": len(batch.left)},
            )
    else:
        messages.success(request, _("Refused; nothing is written."))
    return redirect("validation:fix", uid)


@policy(Permission.PROPOSAL_CONFIRM)
@require_POST
def fix_undo(request, uid):
    """Put back what was written, wherever nobody has changed it since."""
    batch = _get(request.user, uid)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _page(request, batch, 422, undo_form=form)
    try:
        batch, left = actions.undo_fixes(batch=batch, by=request.user, reason=form.cleaned_data["text"])
    except actions.Refused as refused:
        messages.error(request, str(refused))
        return redirect("validation:fix", uid)
    messages.success(request, _("Undone: %(count)s values are as they were.") % {"count": len(batch.done) - left})
    if left:
        messages.warning(request, _("%(count)s values were changed since and stay as they are.") % {"count": left})
    return redirect("validation:fix", uid)
