"""Compose a rule without code: rows of field, comparison and value, together or one of them, one level of nesting.

Every button sends the whole form; what is not complete yet is simply drawn again. So it works without a script, and
with one only the builder is replaced. Nothing is saved that was not tried on the register just as it stands.
"""

import hashlib
import json
import re

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import BooleanField, DateField, DecimalField, IntegerField
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission
from regions.forms import RegionField
from regions.models import LEVEL_LENGTHS
from validation import composed, engine, tasks
from validation.models import ComposedRule
from validation.views_rules import shown_rows
from validation.views_runs import whole_region

WORDS = {"all": gettext_lazy("all of these hold"), "any": gettext_lazy("one of these holds")}
SUBJECTS = {"household": gettext_lazy("households"), "member": gettext_lazy("persons")}
MOST_ROWS, MOST_GROUPS = 12, 5


class ComposeForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Message shown with a finding"), min_length=2, max_length=100)
    suggestion = forms.CharField(label=gettext_lazy("Suggested correction"), max_length=200, required=False)
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"),
        choices=[("W", gettext_lazy("W · warning")), ("E", gettext_lazy("E · error")), ("I", gettext_lazy("I · hint"))],
    )
    subject = forms.ChoiceField(label=gettext_lazy("Looks at"), choices=list(SUBJECTS.items()))
    region = RegionField(label=gettext_lazy("Area"), levels=[one for one in LEVEL_LENGTHS if one != "hamlet"])

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["region"].user = user


class Builder:
    """The conditions as the page shows them: groups of rows; the first group is the outer one."""

    def __init__(self, subject: str, groups: list[dict]):
        self.subject, self.fields = subject, composed.fields_of(subject)
        self.groups = groups or [{"word": "all", "rows": [self.empty()]}]

    @staticmethod
    def empty() -> dict:
        return {"field": "", "op": "", "value": ""}

    @classmethod
    def of_post(cls, subject: str, data) -> "Builder":
        groups = []
        for number in range(MOST_GROUPS + 1):
            if f"g{number}-word" not in data:
                break
            word = data.get(f"g{number}-word")
            rows = []
            for place in range(MOST_ROWS):
                if f"g{number}-{place}-field" not in data:
                    break
                rows.append(
                    {name: (data.get(f"g{number}-{place}-{name}") or "")[:100] for name in ("field", "op", "value")}
                )
            groups.append({"word": word if word in WORDS else "all", "rows": rows})
        return cls(subject, groups)

    @classmethod
    def of_conditions(cls, subject: str, conditions: dict) -> "Builder":
        def split(node):
            word = "any" if "any" in node else "all"
            return word, node[word]

        word, inner = split(conditions)
        groups = [{"word": word, "rows": [cls._row(one) for one in inner if "field" in one]}]
        for one in inner:
            if "field" not in one:
                word, deeper = split(one)
                groups.append({"word": word, "rows": [cls._row(row) for row in deeper if "field" in row]})
        return cls(subject, groups)

    @staticmethod
    def _row(node) -> dict:
        return {"field": node["field"], "op": node["op"], "value": str(node.get("value") or "")}

    def do(self, what: str) -> None:
        """Add or take away what a button names."""
        found = re.fullmatch(r"(add|drop|group|ungroup)(?::(\d))?(?::(\d+))?", what)
        if not found:
            return
        number, place = int(found[2] or 0), int(found[3] or 0)
        if number >= len(self.groups):
            return
        rows = self.groups[number]["rows"]
        match found[1]:
            case "add" if len(rows) < MOST_ROWS:
                rows.append(self.empty())
            case "drop" if place < len(rows):
                del rows[place]
            case "group" if len(self.groups) <= MOST_GROUPS:
                self.groups.append({"word": "any", "rows": [self.empty()]})
            case "ungroup" if number:
                del self.groups[number]

    def conditions(self) -> dict:
        """Return what the compiler takes."""
        outer, *nested = self.groups
        inner: list = [self._node(row) for row in outer["rows"]]
        inner += [{one["word"]: [self._node(row) for row in one["rows"]]} for one in nested]
        return {outer["word"]: inner}

    def _node(self, row) -> dict:
        node = {"field": row["field"], "op": row["op"]}
        return node if row["op"] in ("blank", "filled") else {**node, "value": row["value"]}

    def drawn(self) -> list[dict]:
        """Return the groups with what each row offers to choose from."""
        names = sorted(
            ((name, composed.label_of(field)) for name, field in self.fields.items()), key=lambda one: one[1]
        )
        out = []
        for number, group in enumerate(self.groups):
            rows = [self._drawn(number, place, row, names) for place, row in enumerate(group["rows"])]
            out.append({"number": number, "word": group["word"], "rows": rows})
        return out

    def _drawn(self, number: int, place: int, row: dict, names) -> dict:
        field = self.fields.get(row["field"])
        ops = composed.ops_of(field) if field is not None else ["eq"]
        kind, labels = "text", composed.labels_of(field) if field is not None else {}
        if isinstance(field, DateField):
            kind = "date"
        elif isinstance(field, IntegerField | DecimalField) and not isinstance(field, BooleanField):
            kind = "number"
        fault = ""
        if row["field"]:
            try:
                composed.compile_conditions(self.subject, self._node({**row, "op": row["op"] or ops[0]}))
            except ValidationError as error:
                fault = error.messages[0] if row["value"] else ""
        return {
            **row, "name": f"g{number}-{place}", "place": place, "names": names, "kind": kind, "labels": labels,
            "ops": [(op, composed.OPS[op]) for op in ops], "no_value": row["op"] in ("blank", "filled"), "fault": fault,
        }  # fmt: skip


def _digest(data: dict, conditions) -> str:
    said = {**{name: str(value) for name, value in data.items() if name != "region"}, "conditions": conditions}
    said["region"] = data["region"].pk
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


@policy(Permission.CONFIG_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def compose(request, rule=None):
    """Compose a rule, or a new version of one."""
    former = _own(request.user, rule) if rule else None
    if former is not None and not former.active:
        raise Http404
    do = request.POST.get("do", "")
    initial = {"region": whole_region(request.user), "severity": "W", "subject": "household"}
    if former is not None:
        initial = {name: getattr(former, name) for name in ("title", "suggestion", "severity", "subject")}
        initial["region"] = former.region_id
    complete = do in ("preview", "save")
    posted = request.method == "POST"
    form = ComposeForm(request.POST if posted else None, user=request.user, initial=initial)
    if posted:
        subject = request.POST.get("subject")
        builder = Builder.of_post(subject if subject in SUBJECTS else "household", request.POST)
        builder.do(do)
    elif former is not None:
        builder = Builder.of_conditions(former.subject, former.conditions)
    else:
        builder = Builder("household", [])
    context = {"form": form, "builder": builder, "former": former, "complete": complete, "fault": "", "found": None}
    if complete and form.is_valid():
        answer = _try_or_save(request, form.cleaned_data, builder, former, do, context)
        if answer is not None:
            return answer
    elif posted and not complete:
        form = context["form"] = ComposeForm(user=request.user, initial={**initial, **request.POST.dict()})
    context["groups"] = builder.drawn()
    context["words"] = list(WORDS.items())
    status = 422 if complete and (form.errors or context["fault"]) else 200
    partial = request.htmx and not request.htmx.history_restore_request
    template = "validation/_rules_compose.html" if partial else "validation/rules_compose.html"
    return render(request, template, context, status=200 if partial else status)


def _try_or_save(request, data, builder, former, do, context):
    conditions = builder.conditions()
    try:
        composed.compile_conditions(data["subject"], conditions)
    except ValidationError as error:
        context["fault"] = " ".join(error.messages)
        return None
    digest = _digest(data, conditions)
    if do == "save" and request.POST.get("tried") == digest:
        made = composed.create(
            region=data["region"], title=data["title"], suggestion=data["suggestion"], severity=data["severity"],
            subject=data["subject"], conditions=conditions, by=request.user, replaces=former,
        )  # fmt: skip
        if made is None:
            messages.warning(
                request, _("Somebody has changed this rule meanwhile. Look at it again; nothing was saved.")
            )
            return redirect("validation:rules")
        record(
            "rules.composed", request=request, target=f"rule:{made.code}",
            detail={"region": made.region_id, "instead_of": former.code if former else ""},
        )  # fmt: skip
        tasks.ask(
            request.user, made.region_id, rules=[made.code], title=_("Data rules: %(place)s") % {"place": made.code}
        )
        messages.success(request, _("The rule %(code)s holds from now on; it is being run.") % {"code": made.code})
        return redirect("validation:rule", made.code)
    trial = ComposedRule(
        code="ZD-000", region=data["region"], title=data["title"], suggestion=data["suggestion"],
        severity=data["severity"], subject=data["subject"], conditions=conditions, created_by=request.user,
    )  # fmt: skip
    declared = composed.as_rule(trial)
    try:
        with transaction.atomic():
            found = engine.preview(declared, area=data["region"].pk)
    except (engine.TooLong, DatabaseError):
        context["fault"] = _("This cannot be tried here: it takes too long. Choose a smaller area or other conditions.")
        return None
    context.update(found=found, rows=shown_rows(found["rows"], declared, request.user), tried=digest)
    return None


def _own(user, code: str) -> ComposedRule:
    found = ComposedRule.objects.visible_to(user).filter(code=code).select_related("region").first()
    if found is None:
        raise Http404
    return found


@policy(Permission.CONFIG_EDIT)
@require_POST
def compose_off(request, rule):
    """Switch a composed rule off; its findings are closed at once."""
    found = _own(request.user, rule)
    closed = composed.switch_off(found, by=request.user)
    if closed is None:
        messages.info(request, _("The rule is switched off already."))
        return redirect("validation:rule", found.code)
    record("rules.composed_off", request=request, target=f"rule:{found.code}", detail={"closed": closed})
    messages.success(request, _("Switched off; %(count)s findings were closed.") % {"count": closed})
    return redirect("validation:rule", found.code)
