"""Rules that staff compose without code: conditions over the fields of a pass, run by the same engine.

`conditions` is {"all": […]} or {"any": […]}, nested at most DEPTH deep, of {"field", "op", "value"}.
"""

import datetime as dt
from decimal import Decimal, InvalidOperation

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import Case, Q, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, NullIf
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from poverty import scope
from poverty.declarations import Facet, Rule, Severity, passes, sheets
from validation.models import ComposedRule, Finding

DEPTH, MOST = 3, 20
PASS_OF = {"member": "checked_person", "household": "checked_house"}
HIDDEN = {"id", "household", "village", "id_index", "phone_index", "card_index", "year_id", "position"}
OPS = {
    "eq": _("is"),
    "ne": _("is not"),
    "lt": _("is less than"),
    "lte": _("is at most"),
    "gt": _("is more than"),
    "gte": _("is at least"),
    "blank": _("is not filled in"),
    "filled": _("is filled in"),
    "contains": _("contains"),
}


MASKED = {"health", "id_number", "phone", "card", "position", "minor"}  # rows of `accounts.masks`


def fields_of(subject: str) -> dict[str, models.Field]:
    """Return {name: field} of what a condition on `subject` may look at: what has a name and no mask for anybody."""
    model = apps.get_model(passes[PASS_OF[subject]].model)
    masked = {column.to.split(".")[-1] for column in _columns() if column.sealed or column.mask in MASKED}
    return {
        field.name: field
        for field in model._meta.concrete_fields
        if field.name not in HIDDEN and field.name not in masked and isinstance(field.verbose_name, Promise)
    }


def _columns():
    return [column for sheet in sheets.values() for column in sheet.columns if column.to]


def labels_of(field: models.Field) -> dict[str, str]:
    """Return {code: label} of a field that holds codes; {} for others."""
    if isinstance(field, models.BooleanField):
        return {"true": str(_("yes")), "false": str(_("no"))}
    inner = getattr(field, "base_field", field)
    if inner.choices:
        return {str(code): str(label) for code, label in inner.flatchoices}
    codes = next((c.codes for c in _columns() if c.codes and c.to.split(".")[-1] == field.name), None)
    return dict(codes.labels) if codes else {}


def ops_of(field: models.Field) -> list[str]:
    if isinstance(field, models.BooleanField):
        return ["eq", "blank", "filled"]
    if _is_list(field):
        return ["contains", "blank", "filled"]
    if field.choices:
        return ["eq", "ne", "blank", "filled"]
    if isinstance(field, models.CharField):
        return ["eq", "ne", "contains", "blank", "filled"]
    return ["eq", "ne", "lt", "lte", "gt", "gte", "blank", "filled"]


def _is_list(field) -> bool:
    return hasattr(field, "base_field")


def _value(field: models.Field, text):
    """Return the value as the database compares it; ValidationError when the text is none."""
    text = "" if text is None else str(text).strip()
    if isinstance(field, models.BooleanField):
        if text not in ("true", "false"):
            raise ValidationError(_("Choose yes or no."))
        return text == "true"
    if isinstance(field, models.DateField):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise ValidationError(_("Write the date as 2020-12-31.")) from None
    if isinstance(field, models.DecimalField | models.IntegerField):
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ValidationError(_("Write a number in digits.")) from None
        if not number.is_finite() or abs(number) >= Decimal(10) ** 12:
            raise ValidationError(_("Write a number in digits."))
        if isinstance(field, models.IntegerField):
            if number != number.to_integral_value() or abs(number) >= 2**31:
                raise ValidationError(_("Write a whole number of at most nine digits."))
            return int(number)
        return number
    if not text or len(text) > 100:
        raise ValidationError(_("Write what to compare with, at most 100 characters."))
    return text


def compile_conditions(subject: str, conditions, depth: int = 0) -> Q:
    """Return the conditions as Q; ValidationError names what cannot be read."""
    if not isinstance(conditions, dict):
        raise ValidationError(_("This condition cannot be read."))
    for word, together in (("all", Q.AND), ("any", Q.OR)):
        if word in conditions:
            inner = conditions[word]
            if depth >= DEPTH or not isinstance(inner, list) or not 0 < len(inner) <= MOST:
                raise ValidationError(_("Give one to twenty conditions, at most three levels deep."))
            found = Q()
            for one in inner:
                found = found._combine(compile_conditions(subject, one, depth + 1), together)
            return found
    field = fields_of(subject).get(conditions.get("field"))
    op = conditions.get("op")
    if field is None or op not in ops_of(field):
        raise ValidationError(_("This condition cannot be read."))
    name = field.name
    if op in ("blank", "filled"):
        empty = Q(**{f"{name}__isnull": True})
        if isinstance(field, models.CharField):
            empty |= Q(**{name: ""})
        return empty if op == "blank" else ~empty
    value = _value(field, conditions.get("value"))
    if op == "contains":
        return Q(**{f"{name}__contains": [value]}) if _is_list(field) else Q(**{f"{name}__contains": value})
    if op == "ne":
        # What is not filled in is not "another value": it is found by asking for it.
        return Q(**{f"{name}__isnull": False}) & ~Q(**{name: value})
    return Q(**{name if op == "eq" else f"{name}__{op}": value})


def fields_in(conditions) -> list[str]:
    """Return the fields that the conditions look at, each once, in order."""
    if "field" in conditions:
        return [conditions["field"]]
    names: list[str] = []
    for one in conditions.get("all") or conditions.get("any") or ():
        names += [name for name in fields_in(one) if name not in names]
    return names


def _shown(field: models.Field):
    """Return the expression that writes a value in words."""
    labels = labels_of(field)
    nothing = Value("—", output_field=TextField())
    if labels and not _is_list(field):
        whens = [
            When(**{field.name: code == "true" if isinstance(field, models.BooleanField) else code}, then=Value(label))
            for code, label in labels.items()
        ]
        return Case(*whens, default=nothing, output_field=TextField())
    return Coalesce(NullIf(Cast(field.name, TextField()), Value("", output_field=TextField())), nothing)


def as_rule(composed: ComposedRule) -> Rule:
    """Return the engine's rule."""
    wanted = compile_conditions(composed.subject, composed.conditions)
    names = fields_in(composed.conditions)

    def find(rows, check):
        fields = fields_of(composed.subject)
        parts: list = []
        for name in names:
            parts += [Value(f"{'；' if parts else ''}{label_of(fields[name])}："), _shown(fields[name])]
        parts.append(Value(""))
        inside = rows.filter(scope.under("village_id", composed.region_id))
        return inside.filter(wanted).annotate(seen=Concat(*parts, output_field=TextField()))

    return Rule(
        composed.code, Severity(composed.severity), composed.subject, composed.title, find, composed.suggestion,
        reads=_reads(composed.subject), facet=Facet.CONSISTENCY, fields=tuple(names), on=composed.active,
    )  # fmt: skip


def _reads(subject: str) -> tuple[str, ...]:
    return (PASS_OF[subject],)


def rule(code: str) -> Rule:
    """Return the composed rule of this code, switched off or not; KeyError when there is none."""
    found = ComposedRule.objects.in_scope().filter(code=code).first()
    if found is None:
        raise KeyError(code)
    return as_rule(found)


def active(area: str) -> list[Rule]:
    """Return the composed rules that are on and whose region lies in `area`, or holds it."""
    with scope.system("data rules composed by staff"):
        found = list(ComposedRule.objects.filter(active=True).order_by("code"))
    return [as_rule(one) for one in found if one.region_id.startswith(area) or area.startswith(one.region_id)]


def seen_by(user):
    """Return the composed rules that concern `user`: of the own area, of what lies in it and of what holds it."""
    from regions.models import LEVEL_LENGTHS

    above = [user.area_code[:n] for n in LEVEL_LENGTHS.values() if n <= len(user.area_code or "")]
    mine = scope.village_range("region_id", user) | Q(region_id__in=above)
    with scope.system("rules composed above one's area"):
        return list(ComposedRule.objects.filter(mine).select_related("region").defer("region__boundary"))


def label_of(field: models.Field) -> str:
    name = str(field.verbose_name)
    return name[:1].upper() + name[1:]


def value_label(field: models.Field, value) -> str:
    """Return a condition's value in words: a code's label, yes or no."""
    return labels_of(field).get(str(value), str(value))


def in_words(composed: ComposedRule) -> list[str]:
    """Return the conditions as lines of text, the nested ones set in."""
    fields = fields_of(composed.subject)
    out: list[str] = []

    def add(node, depth):
        for word, text in (("all", _("all of these hold")), ("any", _("one of these holds"))):
            if word in node:
                out.append("　" * depth + str(text) + "：")
                for one in node[word]:
                    add(one, depth + 1)
                return
        field = fields.get(node["field"])
        name = label_of(field) if field is not None else node["field"]
        value = "" if node["op"] in ("blank", "filled") else f" {value_label(field, node.get('value'))}"
        out.append("　" * depth + f"{name} {OPS[node['op']]}{value}")

    add(composed.conditions, 0)
    return out


# --- composing, changing, switching off --------------------------------------------------------------------------------


def create(*, region, title: str, suggestion: str, severity: str, subject: str, conditions, by, replaces=None):
    """Write a rule, or a new version of the rule `replaces`, which is switched off; return it.

    None when somebody has replaced or switched off that rule meanwhile: two versions of it would both find.
    """
    compile_conditions(subject, conditions)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('code of a composed rule'))")
        with scope.system("the next code is one of the whole register", by=by):
            codes = ComposedRule.objects.values_list("code", flat=True)
            number = max((int(code[3:]) for code in codes), default=0) + 1
        if replaces is not None and switch_off(replaces, by=by) is None:
            return None
        return ComposedRule.objects.create(
            code=f"ZD-{number:03d}", region=region, title=title, suggestion=suggestion, severity=severity,
            subject=subject, conditions=conditions, created_by=by,
        )  # fmt: skip


def switch_off(rule: ComposedRule, *, by) -> int | None:
    """Switch a rule off for good and close its findings; return how many, None when it was off already."""
    with transaction.atomic(), scope.system("a composed rule is switched off", by=by):
        now = timezone.now()
        if not ComposedRule.objects.filter(pk=rule.pk, active=True).update(active=False, ended_at=now):
            return None
        there = Finding.objects.filter(rule=rule.code)
        there.filter(closed_at__isnull=False).exclude(muted_basis="").update(muted_basis="")
        return there.filter(closed_at__isnull=True).update(
            closed_at=now, closed_as="off", state="closed", muted_basis="", closed_run=None
        )
