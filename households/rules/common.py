"""What the data rules over the register share: words for what was seen, and SQL for comparing households.

`seen` shows what a finding speaks of; `basis` is what a confirmed special case rests on. An age is shown but never a
basis: growing older changes nothing of what somebody looked at, so the date of birth stands in for it.
"""

from collections.abc import Sequence

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, Case, DecimalField, F, Func, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, Replace

from poverty.declarations import Facet, Rule, Severity, Sql, Threshold, rules

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741 - the letters of the rule catalogue
AGES = {"age", "age_now", "school_age", "head_age", "youngest", "oldest"}
NOTHING = "—"
SOUND_ID = ("", "check", "birth", "check birth", "certificate")  # faults of numbers that are compared


def text(value: str):
    return Value(value, output_field=TextField())


def number(name: str):
    """Return a numeric column or expression as text, without zeros behind the point."""
    return Cast(Func(name, function="trim_scale"), TextField())


def _words(model, name: str):
    """Return a column as the words a person reads."""
    field = model._meta.get_field(name)
    if isinstance(field, BooleanField):
        return Case(
            When(**{name: True}, then=text("是")), When(**{name: False}, then=text("否")), default=text(NOTHING)
        )
    if isinstance(field, ArrayField):
        from households.codes import CAUSE, HEALTH

        found = Func(F(name), Value("、"), function="array_to_string", output_field=TextField())
        for code, label in (CAUSE if "cause" in name else HEALTH).labels.items():
            found = Replace(found, text(code), text(label))
    elif field.choices:
        labels = [When(**{name: code}, then=text(str(label))) for code, label in field.choices]
        found = Case(*labels, default=F(name), output_field=TextField())
    elif isinstance(field, DecimalField):
        found = number(name)
    else:
        found = Cast(name, TextField())
    return Coalesce(Func(found, text(""), function="nullif", output_field=TextField()), text(NOTHING))


def said(model, names: Sequence[str]):
    """Return the columns `names` in words, parted by a semicolon."""
    parts: list = []
    for name in names:
        parts += [text("；")] if parts else []
        parts.append(_words(model, name))
    return parts[0] if len(parts) == 1 else Concat(*parts, output_field=TextField())


def shown(rows, *names: str, expected: str = "", more: Sequence[str] = (), **extra):
    """Annotate rows of a flat table with `seen` (the columns `names`), `expected` and `basis`.

    `more` are columns that the finding rests on, too, but does not show: health is for those who may see it.
    """
    rests_on = [name for name in (*names, *more) if name not in AGES]
    fields = {field.name for field in rows.model._meta.concrete_fields}
    if len(rests_on) < len(names) + len(more) and "born" in fields:
        rests_on.append("born")
    extra.setdefault("basis", said(rows.model, rests_on or names))
    return rows.annotate(seen=said(rows.model, names), expected=text(expected), **extra)


# --- SQL ------------------------------------------------------------------------------------------------------------------


def common_region(lo: str, hi: str) -> str:
    """SQL: the smallest region that holds the villages from `lo` to `hi`, "" for the country."""
    nearer = " ".join(f"WHEN left({lo}, {n}) = left({hi}, {n}) THEN left({lo}, {n})" for n in (12, 9, 6, 4, 2))
    return f"CASE {nearer} ELSE '' END"


def found(
    source: str, *, of: str, seen: str, where: str = "true", expected: str = "''", reach: str = "", severity: str = "NULL",
    basis: str = "NULL", params: Sequence = (), before: str = "",
) -> Sql:  # fmt: skip
    """Return a rule's answer from the rows of `source`; `of` names the flat table in it that the subject is a row of."""
    return Sql(
        f"""{before} SELECT {of}.id AS subject, {of}.household_id AS household, {of}.village, {reach or f"{of}.village"} AS reach,
                   {seen} AS seen, {expected} AS expected, {severity} AS severity, {basis} AS basis
              FROM {source} WHERE {where}""",
        tuple(params),
    )


REGISTERED = "h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED'"
PRESENT = f"m.departed_on IS NULL AND m.withdrawn_at IS NULL AND {REGISTERED}"
# Everybody in the register, also outside the area under check: what somebody is compared with knows no area.
EVERYBODY = f"households_member m JOIN households_household h ON h.id = m.household_id AND {PRESENT}"
COMPARED = "m.id_index IS NOT NULL AND m.id_kind NOT IN ('', '?') AND m.id_fault <> 'characters'"


def near(check, column: str, flat: str, name: str = "") -> str:
    """SQL: where single households are checked, a condition that leaves out whom theirs are not compared with.

    It limits `column` to the values of `name` (the same, if not told) in the flat table `flat`, so that an index finds
    the few rows; a full run compares everybody.
    """
    if check.households is None:
        return ""
    return f" AND {column} IN (SELECT {name or column.rpartition('.')[2]} FROM {flat})"


def declare(
    id: str, severity: Severity, subject: str, title: str, find, suggestion: str, fields: str, *, reads: str = "",
    facet: Facet = Facet.CONSISTENCY, thresholds: Sequence[Threshold] = (), **more,
) -> None:  # fmt: skip
    """Declare a rule over the flat tables; `fields` are the sheet fields to correct, the first is where it is shown."""
    table = {"member": "checked_person", "household": "checked_house", "village": "checked_village"}[subject]
    names = tuple(fields.split())
    other = ("checked_person",) if "checked_person" in reads and table != "checked_person" else ()
    passes = (table, *other)
    if "checked_house" in reads and table != "checked_house":
        passes = (*passes, "checked_house")
    rules.add(
        id,
        Rule(
            id, severity, subject, title, find, suggestion, names[0] if names else "", tuple(thresholds), reads=passes,
            facet=facet, fields=names, **more,
        ),
    )  # fmt: skip


def least(name: str, default: float, title: str, unit: str = "", whole: bool = True) -> Threshold:
    return Threshold(name, default, title, unit, whole)
