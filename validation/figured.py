"""The figures of findings, numbered as in DOMAIN 9: the data-quality score, open findings, and what lists found.

A finding is seen by whose area holds its `reach`. A sum of findings is therefore kept by the length of that code, and the
records hit, where the heaviest finding that somebody sees counts, once for each length (`Sum.seen`). A month that ended
before anything was ever found has none of these figures.
"""

from urllib.parse import urlencode

from django.apps import apps
from django.urls import reverse
from django.utils.translation import gettext_noop as _

from poverty.declarations import Indicator, Parts, Rows, Sum, indicators, row_sets, subjects, sums
from validation.models import Finding
from validation.score import KINDS, WEIGHTS

SEVERITY = {"E": _("error"), "W": _("warning"), "I": _("hint")}
LENGTHS = "(VALUES (0), (2), (4), (6), (9), (12))"


def _started(frame) -> bool:
    """Return whether anything was ever found by then; the running month always counts."""
    return frame.current or Finding.objects.in_scope().filter(first_seen_at__date__lte=frame.on).exists()


def open_then(frame, finding: str) -> str:
    """SQL: the finding is open on the frame's day; of the running month: is open."""
    if frame.current:
        return f"{finding}.closed_at IS NULL"
    end = f"({frame.day} + 1)"
    return f"{finding}.first_seen_at < {end} AND ({finding}.closed_at IS NULL OR {finding}.closed_at >= {end})"


def findings(frame) -> str | None:
    if not _started(frame):
        return None
    return (
        "SELECT f.village, f.household_id, f.rule, f.severity, f.source, f.verdict, f.confirmed_by_id,"
        f" {open_then(frame, 'f')} AS open, least(length(f.reach), 12) AS reach"
        f" FROM validation_finding f WHERE {frame.limit('f.household_id', 'f.village')}"
    )


def records(frame) -> str | None:
    """A row per record of the register: what the score is taken over."""
    if not _started(frame):
        return None
    found = []
    for kind in KINDS:
        declared = subjects[kind]
        model = apps.get_model(declared.model)
        household = "t.id" if kind == "household" else "t.household_id"
        found.append(
            f"SELECT t.village, {household} AS household_id FROM {model._meta.db_table} t"
            f" WHERE {declared.registered or 'true'} AND {frame.limit(household, 't.village')}"
        )
    return " UNION ALL ".join(found)


def hits(frame) -> str | None:
    """A row per record hit and length of a reader's area: the heaviest open finding that is seen from there."""
    if not _started(frame):
        return None
    return (
        "SELECT f.village, f.household_id, l.level, min(position(f.severity IN 'EWI')) AS rank"
        f" FROM validation_finding f JOIN {LENGTHS} l (level) ON least(length(f.reach), 12) >= l.level"
        f" WHERE {open_then(frame, 'f')} AND f.subject_kind IN ('member', 'household')"
        f" AND {frame.limit('f.household_id', 'f.village')}"
        " GROUP BY f.village, f.household_id, f.subject_kind, f.subject, l.level"
    )


row_sets.add("figure_finding", Rows("figure_finding", findings, listed=False))
row_sets.add("figure_record", Rows("figure_record", records, listed=False))
row_sets.add("figure_hit", Rows("figure_hit", hits, listed=False))


def add(name: str, rows: str, where: str = "true", value: str = "", by: str = "", seen: str = "") -> str:
    sums.add(name, Sum(name, rows, where, value, by, seen))
    return name


def listed(**query):
    """Return the address of the worklist with these filters, for a region and perhaps a part."""

    def rows(code: str, part: str) -> str:
        asked = {name: value(part) if callable(value) else value for name, value in query.items()}
        return f"{reverse('validation:list')}?{urlencode({k: v for k, v in {'region': code, **asked}.items() if v})}"

    return rows


for rank, (severity, _label) in enumerate(SEVERITY.items(), 1):
    add(f"hit.{severity}", "figure_hit", f"rank = {rank}", seen="level")
add("hit", "figure_hit", seen="level")
weighed = " ".join(f"WHEN {rank} THEN {weight}" for rank, weight in enumerate(WEIGHTS.values(), 1))
add("hit.lost", "figure_hit", value=f"CASE rank {weighed} END", seen="level")
add("records", "figure_record")

indicators.add(
    "K59",
    Indicator(
        "K59", _("Data-quality score"), "%", "records - hit.lost", "records", chart="gauge", good="up",
        thresholds=(80, 90, 95, 98),
        parts=Parts(items=tuple((severity, label, f"hit.{severity}") for severity, label in SEVERITY.items())),
        source=_("1 − weighed records hit ÷ records: error 1, warning 0.4, hint 0.1; parts are the records hit"),
        rows=listed(heaviest=lambda part: part or "all"), permission="finding.view",
    ),
)  # fmt: skip
indicators.add(
    "K60",
    Indicator(
        "K60", _("Open findings by rule"), _("findings"), add("finding.open", "figure_finding", "open", by="rule", seen="reach"),
        chart="pareto", good="down", parts=Parts("finding.open", ranked=True), source=_("findings that are not settled"),
        rows=listed(rule=lambda part: part), permission="finding.view",
    ),
)  # fmt: skip
MATCH = "source <> ''"
UPHELD = f"{MATCH} AND verdict = 'upheld'"
indicators.add(
    "K61",
    Indicator(
        "K61", _("Clues from departments' lists that were upheld"), "%",
        add("match.upheld", "figure_finding", UPHELD, seen="reach"),
        add("match", "figure_finding", MATCH, by="source", seen="reach"), chart="sankey",
        parts=Parts(items=(
            ("hits", _("clues, settled ones too"), "match"),
            ("verdict", _("with a verdict"), add("match.verdict", "figure_finding", f"{MATCH} AND verdict <> ''", seen="reach")),
            ("upheld", _("upheld"), "match.upheld"),
        )),
        source=_("upheld ÷ all clues that departments' lists have given"),
        rows=listed(
            state="all", source="any", verdict=lambda part: {"": "upheld", "hits": "", "verdict": "any"}.get(part, part)
        ),
        permission="finding.view",
    ),
)  # fmt: skip
