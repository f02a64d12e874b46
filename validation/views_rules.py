"""The rule workbench: all rules with their numbers, what each has found and how right it was, and a try on the register."""

import datetime as dt
from dataclasses import dataclass, field

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.audit import record
from accounts.decorators import policy
from accounts.models import User
from accounts.roles import ROLES_WITHOUT_ROWS, Permission
from poverty import config, scope
from poverty.declarations import Rule, rules
from regions.models import Region
from validation import composed, engine, presenting, shipping
from validation.forms import GROUPS, SEVERITIES, sources
from validation.models import TRUE, ComposedRule, Finding, FindingEvent, RuleOwner, RuleResult, Verdict
from validation.score import FACETS
from validation.views_runs import runs_near

LAST_RUNS = 30  # how many runs are looked through for a rule's last one


# --- what is known of rules --------------------------------------------------------------------------------------------


@dataclass
class Number:
    """A threshold or switch with the value in force and where it comes from."""

    key: str
    title: str
    unit: str
    value: object
    place: str
    since: dt.date | None
    note: str
    own: bool  # set for this very area, not above it


@dataclass
class Line:
    """A rule as the workbench shows it."""

    id: str
    title: str
    severity: str
    rule: Rule | None
    composed: ComposedRule | None = None
    on: bool = True
    numbers: list[Number] = field(default_factory=list)
    owner: RuleOwner | None = None
    result: RuleResult | None = None
    open: int = 0
    closed: int = 0
    verdicts: int = 0
    true: int = 0

    @property
    def hits(self) -> int:
        return self.open + self.closed

    @property
    def group(self) -> str:
        return self.id[:2]

    @property
    def precision(self) -> float | None:
        return self.true / self.verdicts if self.verdicts else None

    @property
    def impossible(self) -> str:
        return _(self.rule.impossible) if self.rule and self.rule.impossible else ""

    @property
    def facet(self) -> str:
        return str(FACETS.get(self.rule.facet, "")) if self.rule else ""


def above(user) -> list[str]:
    """Return the user's area and what holds it, the country last."""
    area = user.area_code
    return [area[:length] for length in config.REGION_LENGTHS if length <= len(area)] if area else [""]


def lines(user, only: str = "") -> list[Line]:
    """Return the rules that concern the user, or the one called `only`; as many queries for all as for one."""
    found = [
        Line(rule.id, _(rule.title), str(rule.severity), rule) for rule in rules.values() if not only or rule.id == only
    ]
    for own in composed.seen_by(user):
        if not only or own.code == only:
            found.append(Line(own.code, own.title, own.severity, None, own, on=own.active))
    if only and not found:
        return []
    _numbers(found, user)
    _owners(found, user)
    _results(found, user)
    _findings(found, user)
    return found


def _numbers(found: list[Line], user) -> None:
    today = timezone.localdate()
    chain = above(user)
    rows = config.concerning(user).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=today), key__startswith="rule.", region__in=chain,
        valid_from__lte=today,
    )  # fmt: skip
    nearest = {}
    for row in sorted(rows, key=lambda row: len(row.region)):
        nearest[row.key] = row
    codes = {row.region for row in nearest.values() if row.region}
    names = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
    for line in found:
        if line.rule is None:
            continue
        defaults = {t.name: t.default for t in line.rule.thresholds}
        for setting in shipping.settings_of(line.rule):
            known = config.SETTINGS.get(setting.key, setting)
            row = nearest.get(setting.key)
            name = setting.key.rsplit(".", 1)[1]
            value = row.value if row else defaults.get(name, int(line.rule.on))
            place = (names.get(row.region, row.region) if row.region else _("whole country")) if row else _("default")
            number = Number(
                setting.key, str(known.title), str(known.unit), value, place, row.valid_from if row else None,
                row.note if row else "", bool(row and row.region and row.region == user.area_code),
            )  # fmt: skip
            line.numbers.append(number)
            if name == "on":
                line.on = bool(value)


def _owners(found: list[Line], user) -> None:
    with scope.system("who looks after a rule, also in a region above"):
        owners = RuleOwner.objects.filter(region_id__in=above(user), rule__in=[line.id for line in found])
        nearest = {one.rule: one for one in sorted(owners.select_related("owner"), key=lambda one: len(one.region_id))}
    for line in found:
        line.owner = nearest.get(line.id)


def _results(found: list[Line], user) -> None:
    last = list(
        runs_near(user).filter(state__in=["done", "partly"]).order_by("-id").values_list("pk", flat=True)[:LAST_RUNS]
    )
    results = RuleResult.objects.filter(run__in=last, rule__in=[line.id for line in found]).select_related("run")
    newest = {result.rule: result for result in results.order_by("run_id")}
    for line in found:
        line.result = newest.get(line.id)


def _findings(found: list[Line], user) -> None:
    names = [line.id for line in found]
    counted = Finding.objects.visible_to(user).filter(rule__in=names).order_by().values("rule")
    counted = counted.annotate(
        open=Count("pk", filter=Q(closed_at__isnull=True)), closed=Count("pk", filter=Q(closed_at__isnull=False))
    )
    by_rule = {row["rule"]: row for row in counted}
    given = {row["rule"]: row for row in _verdicts(user, names).values("rule").annotate(**PRECISION)}
    for line in found:
        if row := by_rule.get(line.id):
            line.open, line.closed = row["open"], row["closed"]
        if row := given.get(line.id):
            line.verdicts, line.true = row["verdicts"], row["true"]


PRECISION = {"verdicts": Count("pk"), "true": Count("pk", filter=Q(verdict__in=TRUE))}


def _verdicts(user, names):
    given = FindingEvent.objects.visible_to(user).filter(kind="verdict", rule__in=names)
    return given.exclude(verdict="").order_by()


# --- pages ----------------------------------------------------------------------------------------------------------------


class RuleFilterForm(forms.Form):
    q = forms.CharField(label=gettext_lazy("Word or number"), required=False, max_length=50)
    group = forms.ChoiceField(label=gettext_lazy("Kind of rule"), required=False)
    severity = forms.ChoiceField(label=gettext_lazy("Severity"), required=False)
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[
            ("", gettext_lazy("all")),
            ("on", gettext_lazy("on")),
            ("off", gettext_lazy("switched off")),
            ("open", gettext_lazy("with open findings")),
            ("changed", gettext_lazy("with values of our own")),
        ],
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = [("", _("all")), *GROUPS.items()]
        self.fields["severity"].choices = [("", _("all")), *SEVERITIES.items()]

    def filter(self, found: list[Line]) -> list[Line]:
        if not self.is_valid():
            return []
        data = self.cleaned_data
        word = data["q"].strip().lower()
        return [
            line
            for line in found
            if (not word or word in line.id.lower() or word in line.title.lower())
            and (not data["group"] or line.group == data["group"])
            and (not data["severity"] or line.severity == data["severity"])
            and (
                {
                    "": True, "on": line.on, "off": not line.on, "open": bool(line.open),
                    "changed": any(number.own for number in line.numbers),
                }[data["state"]]
            )
        ]  # fmt: skip


@policy(Permission.RULES_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def rule_list(request):
    every = lines(request.user)
    form = RuleFilterForm(request.GET)
    found = form.filter(every)
    groups = []
    for code, title in GROUPS.items():
        of_group = sorted((line for line in found if line.group == code), key=lambda line: line.id)
        if of_group:
            groups.append({"code": code, "title": title, "lines": of_group})
    context = {
        "form": form,
        "groups": groups,
        "count": len(found),
        "total": len(every),
        "off": sum(1 for line in every if not line.on),
        "may_edit": request.user.may(Permission.CONFIG_EDIT),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    return render(request, "validation/_rules.html" if partial else "validation/rules.html", context)


class OwnerForm(forms.Form):
    owner = forms.ModelChoiceField(label=gettext_lazy("Looked after by"), queryset=User.objects.none(), required=False)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        people = User.objects.filter(scope.under("region_id", user.area_code), is_active=True)
        self.fields["owner"].queryset = people.exclude(role__in=ROLES_WITHOUT_ROWS).order_by("region_id", "full_name")
        self.fields["owner"].label_from_instance = lambda one: f"{one.full_name} · {one.get_role_display()}"


def _line(user, rule_id: str) -> Line:
    found = lines(user, rule_id)
    if not found:
        raise Http404
    return found[0]


@policy(Permission.RULES_VIEW)
@require_safe
def rule_page(request, rule):
    user, line = request.user, _line(request.user, rule)
    history = list(
        config.concerning(user).filter(key__startswith=f"rule.{line.id}.").order_by("-valid_from", "-region", "-pk")
    )
    names = dict(Region.objects.filter(pk__in={row.region for row in history}).values_list("pk", "name"))
    titles = {number.key: number.title for number in line.numbers}
    for row in history:
        row.place = names.get(row.region, row.region) if row.region else _("whole country")
        row.title = titles.get(row.key, row.key)
    labels = dict(Verdict.choices)
    statistic = [
        {
            "value": row["verdict"],
            "verdict": labels.get(row["verdict"], row["verdict"]),
            "n": row["n"],
            "true": row["verdict"] in TRUE,
        }
        for row in _verdicts(user, [line.id]).values("verdict").annotate(n=Count("pk")).order_by("-n")
    ]
    by_source = [
        {**row, "title": sources().get(row["source"], row["source"]), "precision": row["true"] / row["verdicts"]}
        for row in _verdicts(user, [line.id]).exclude(source="").values("source").annotate(**PRECISION)
    ]
    last = RuleResult.objects.filter(rule=line.id, run__in=runs_near(user)).select_related("run").order_by("-run_id")
    form = None
    if user.may(Permission.CONFIG_EDIT) and user.area_code:
        form = OwnerForm(user=user, initial={"owner": line.owner.owner_id if line.owner else None})
    declared = line.rule
    if declared is None:
        declared = composed.as_rule(line.composed)
    context = {
        "line": line,
        "declared": declared,
        "suggestion": _(declared.suggestion) if line.rule else line.composed.suggestion,
        "history": history,
        "statistic": statistic,
        "by_source": by_source,
        "results": last[:14],
        "owner_form": form,
        "may_edit": form is not None,
        "conditions": composed.in_words(line.composed) if line.composed else [],
        "may_compose": form is not None
        and line.composed is not None
        and line.composed.region_id.startswith(user.area_code),
    }
    return render(request, "validation/rule.html", context)


def shown_rows(found: list[dict], rule: Rule, user) -> list[dict]:
    """Give the rows of a preview what a list of findings shows, as the reader may see it."""
    findings = [
        Finding(
            pk=number, rule=rule.id, severity=row["severity"] or str(rule.severity), subject_kind=rule.subject,
            subject=row["subject"], household_id=row["household"], village_id=row["village"], reach=row["reach"],
            seen=row["seen"] or "", expected=row["expected"] or "",
        )
        for number, row in enumerate(found, 1)
    ]  # fmt: skip
    told = presenting.lines(findings, user)
    codes = {finding.village_id for finding in findings if finding.village_id}
    names = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
    rows = []
    for finding in findings:
        line = told.get(finding.pk) or presenting.Line()
        seen = finding.seen if line.seen is None else line.seen
        expected = "" if line.hidden else finding.expected
        place = names.get(finding.village_id, "")
        rows.append({"line": line, "place": place, "seen": seen, "expected": expected, "finding": finding})
    return rows


@policy(Permission.RULES_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def rule_preview(request, rule):
    """What the rule would find in one's area at this moment; nothing is written."""
    line = _line(request.user, rule)
    area = request.user.area_code
    if not area:
        raise PermissionDenied
    declared = line.rule or composed.as_rule(line.composed)
    context = {"line": line, "found": None, "too_long": False}
    if declared.find is not None:
        try:
            found = engine.preview(declared, area=area)
        except engine.TooLong:
            context["too_long"] = True
        else:
            context.update(found=found, rows=shown_rows(found["rows"], declared, request.user))
    partial = request.htmx and not request.htmx.history_restore_request
    return render(request, "validation/_rule_preview.html" if partial else "validation/rule_preview.html", context)


@policy(Permission.CONFIG_EDIT)
@require_POST
def rule_owner(request, rule):
    """Name, in one's own area, who looks after the rule."""
    line = _line(request.user, rule)
    area = request.user.area_code
    form = OwnerForm(request.POST, user=request.user)
    if not area or not form.is_valid():
        messages.error(request, _("Choose somebody from the list."))
        return redirect("validation:rule", line.id)
    owner = form.cleaned_data["owner"]
    mine = RuleOwner.objects.visible_to(request.user).filter(rule=line.id, region_id=area)
    if owner is None:
        mine.delete()
    elif not mine.update(owner=owner, set_by=request.user, set_at=timezone.now()):
        RuleOwner.objects.create(rule=line.id, region_id=area, owner=owner, set_by=request.user)
    record("rules.owner", request=request, target=f"rule:{line.id}", detail={"owner": owner.username if owner else ""})
    messages.success(request, _("Noted."))
    return redirect("validation:rule", line.id)
