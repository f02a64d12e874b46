"""The verdicts that were given: the list behind every precision."""

from django import forms
from django.core.paginator import Paginator
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from validation import presenting, worklist
from validation.forms import sources
from validation.models import TRUE, Finding, FindingEvent, Verdict

PER_PAGE = 50


class VerdictFilterForm(forms.Form):
    """Which verdicts: its parameters are addresses that the workbench and the departments' pages link to."""

    rule = forms.RegexField(
        label=gettext_lazy("rule"), regex=r"^[A-Z]{2}[-0-9A-Z]{1,8}$", required=False, max_length=10
    )
    source = forms.ChoiceField(label=gettext_lazy("department's list"), required=False)
    verdict = forms.ChoiceField(label=gettext_lazy("Verdict"), required=False)
    upheld = forms.BooleanField(label=gettext_lazy("True hits only"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = [("", _("all")), *sources().items()]
        self.fields["verdict"].choices = [("", _("all")), *Verdict.choices]

    def filter(self, events):
        """Apply the filters that were filled in; a form with errors finds nothing."""
        if not self.is_valid():
            return events.none()
        asked = self.cleaned_data
        wanted = {name: asked[name] for name in ("rule", "source", "verdict") if asked[name]}
        events = events.filter(**wanted)
        return events.filter(verdict__in=TRUE) if asked["upheld"] else events


def given(user):
    """Return the verdicts in the user's area; one that was taken back or appealed against stands here, too."""
    return FindingEvent.objects.visible_to(user).filter(kind="verdict").exclude(verdict="")


@policy(Permission.FINDING_VIEW)
@require_safe
def verdicts(request):
    """The verdicts of one's area, the newest first: of which rule and household, by whom, and why."""
    user, form = request.user, VerdictFilterForm(request.GET)
    events = form.filter(given(user)).select_related("by").order_by("-id")
    page = Paginator(events, PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    findings = worklist.with_places(Finding.objects.visible_to(user).filter(pk__in={one.finding_id for one in shown}))
    rows = {row.finding.pk: row for row in worklist.rows(list(findings.select_related("owner")), user)}
    words = presenting.words([one.rule for one in shown])
    kinds = sources()
    page.object_list = [
        {
            "event": one,
            "row": rows.get(one.finding_id),
            "title": words[one.rule].title,
            "source": kinds.get(one.source, one.source),
            "true": one.verdict in TRUE,
        }
        for one in shown
    ]
    rule = form.cleaned_data.get("rule", "") if form.is_valid() else ""
    context = {
        "form": form, "page": page,
        "crumbs": [{"name": _("Check of findings"), "url": reverse("validation:list")}, {"name": _("Verdicts given")}],
        "rule_title": f"{rule} {presenting.words([rule])[rule].title}" if rule else "",
    }  # fmt: skip
    return render(request, "validation/verdicts.html", context)
