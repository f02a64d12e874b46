"""Runs of the rules: what each changed in the reader's area, and a check of one region now."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission
from jobs.models import Job
from poverty.declarations import rules
from poverty.scope import code_range
from regions.forms import RegionField
from regions.models import LEVEL_LENGTHS, Region
from validation import composed, tasks
from validation.models import Finding, RuleRun

TRIGGERS = {
    "nightly": pgettext_lazy("run", "nightly"),
    "page": pgettext_lazy("run", "asked for on the page"),
    "command": pgettext_lazy("run", "command"),
}
STATES = {
    "running": gettext_lazy("running"),
    "done": gettext_lazy("done"),
    "partly": gettext_lazy("done, some rules broke"),
    "broken": gettext_lazy("interrupted"),
}


class CheckForm(forms.Form):
    region = RegionField(label=gettext_lazy("Region"), levels=[level for level in LEVEL_LENGTHS if level != "hamlet"])

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["region"].user = user


def whole_region(user) -> str:
    """Return the code of the user's own region when all of it is the user's area; "" otherwise."""
    code = user.area_code
    return code if code and holds(user, code) else ""


def holds(user, code: str) -> bool:
    """Return whether the whole region lies in one of the user's ranges."""
    lo, hi = code_range(code)
    return any(area.household_id is None and area.lo <= lo and hi <= area.hi for area in user.scope_ranges())


def runs_near(user):
    """Return the runs that looked at some of the user's area: of it, of what lies in it, of what holds it."""
    near = Q(area="")
    for area in user.scope_ranges():
        above = [area.lo[:length] for length in LEVEL_LENGTHS.values() if length <= len(area.lo)]
        near |= Q(area__in=above) | Q(area__gte=area.lo, area__lt=area.hi)
    return RuleRun.objects.filter(near)


def count_changes(user, runs) -> None:
    """Give each run `opened` and `ended`: the findings in the user's area that it opened, or closed for good."""
    ids = [run.pk for run in runs]
    mine = Finding.objects.visible_to(user).order_by()
    opened = dict(mine.filter(opened_run__in=ids).values_list("opened_run").annotate(n=Count("pk")))
    ended = mine.filter(closed_run__in=ids, closed_at__isnull=False).values_list("closed_run").annotate(n=Count("pk"))
    ended = dict(ended)
    for run in runs:
        run.opened, run.ended = opened.get(run.pk, 0), ended.get(run.pk, 0)


def dress(runs) -> None:
    names = dict(Region.objects.filter(pk__in={run.area for run in runs if run.area}).values_list("pk", "name"))
    for run in runs:
        run.place = names.get(run.area, run.area) if run.area else _("whole register")
        run.how, run.how_it_ended = TRIGGERS.get(run.trigger, run.trigger), STATES.get(run.state, run.state)
        run.seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None


@policy(Permission.RULES_VIEW)
@require_safe
def runs(request):
    page = Paginator(runs_near(request.user).order_by("-id"), 30).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    count_changes(request.user, shown)
    dress(shown)
    form = None
    if request.user.may(Permission.RULES_RUN):
        form = CheckForm(user=request.user, initial={"region": whole_region(request.user)})
    under_way = Job.objects.filter(created_by=request.user, task="validation.run", state__in=["queued", "running"])
    context = {"page": page, "runs": shown, "form": form, "job": under_way.order_by("-id").first()}
    return render(request, "validation/runs.html", context)


@policy(Permission.RULES_RUN)
@require_POST
def check_now(request):
    """Ask for all rules over one region of one's area; asked twice, it runs once."""
    form = CheckForm(request.POST, user=request.user)
    if not form.is_valid():
        for error in form.errors.get("region", []):
            messages.error(request, error)
        return redirect("validation:runs")
    region = form.cleaned_data["region"]
    job = tasks.ask(request.user, region.pk, title=_("Data rules: %(place)s") % {"place": region.name})
    if job.is_new:
        record("rules.run", request=request, target=f"region:{region.pk}")
        messages.success(request, _("The rules are being run over %(place)s.") % {"place": region.name})
    else:
        messages.info(request, _("The rules are being run over %(place)s already.") % {"place": region.name})
    return redirect("validation:runs")


@policy(Permission.RULES_VIEW)
@require_safe
def run(request, uid):
    """What one run changed, rule by rule, counted in the reader's area."""
    found = get_object_or_404(runs_near(request.user), uid=uid)
    dress([found])
    mine = Finding.objects.visible_to(request.user).order_by()
    opened = dict(mine.filter(opened_run=found.pk).values_list("rule").annotate(n=Count("pk")))
    ended = mine.filter(closed_run=found.pk, closed_at__isnull=False).values_list("rule").annotate(n=Count("pk"))
    ended = dict(ended)
    own = {rule.code: rule for rule in composed.seen_by(request.user)}
    rows = []
    for result in found.results.order_by("rule"):
        declared = rules.get(result.rule)
        if declared is None and result.rule not in own:
            continue  # composed elsewhere
        rows.append(
            {
                "result": result,
                "title": _(declared.title) if declared else own[result.rule].title,
                "severity": declared.severity if declared else own[result.rule].severity,
                "opened": opened.get(result.rule, 0),
                "ended": ended.get(result.rule, 0),
            }
        )
    rows.sort(key=lambda row: (-(row["opened"] + row["ended"]), row["result"].rule))
    before = (
        runs_near(request.user)
        .filter(pk__lt=found.pk, area=found.area, state__in=["done", "partly"])
        .order_by("-id")
        .first()
    )
    context = {
        "run": found,
        "rows": rows,
        "opened": sum(opened.values()),
        "ended": sum(ended.values()),
        "before": before,
        "slowest": max((row["result"].ms for row in rows), default=0),
    }
    return render(request, "validation/run.html", context)
