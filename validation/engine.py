"""Run data rules: one statement a rule opens, refreshes and closes its findings. No per-row Python.

A rule is evaluated in system scope, because what a subject is compared with may lie outside the caller's area; what
of it a person sees is decided by each finding's `reach`.
"""

import datetime as dt
import time
from dataclasses import dataclass

from django.apps import apps
from django.db import connection
from django.db.models import CharField, F, Value
from django.utils import timezone

from poverty import scope
from poverty.declarations import Rule, rules

SUBJECTS = {"member": "households.Member", "household": "households.Household"}

OPEN = """
WITH hits AS MATERIALIZED ({hits}),
written AS (
  INSERT INTO validation_finding AS f (rule, severity, subject_kind, subject, household_id, village, reach, seen,
                                       expected, first_seen_at, last_seen_at)
  SELECT %s, %s, %s, subject, household, village, reach, left(seen, 300), left(expected, 300), %s, %s FROM hits
  ON CONFLICT (rule, subject_kind, subject) DO UPDATE SET
    severity = excluded.severity, household_id = excluded.household_id, village = excluded.village,
    reach = excluded.reach, seen = excluded.seen, expected = excluded.expected, last_seen_at = excluded.last_seen_at,
    first_seen_at = CASE WHEN f.closed_at IS NULL THEN f.first_seen_at ELSE excluded.first_seen_at END,
    closed_at = NULL
  RETURNING first_seen_at
)
SELECT count(*), count(*) FILTER (WHERE first_seen_at = %s) FROM written
"""
CLOSE = """
UPDATE validation_finding SET closed_at = %s
 WHERE rule = %s AND closed_at IS NULL AND last_seen_at < %s AND {subjects}
"""


@dataclass(frozen=True)
class Outcome:
    """What one rule did: findings seen, of them new, closed, and the time it took."""

    rule: str
    found: int
    new: int
    closed: int
    ms: int


def hits(rule: Rule, households: str, on: dt.date) -> tuple[str, tuple]:
    """Return SQL and parameters of the rule's offending rows among `households` (SQL of household keys)."""
    model = apps.get_model(SUBJECTS[rule.subject])
    key = "pk" if rule.subject == "household" else "household_id"
    limited = model.objects.extra(where=[f'"{model._meta.db_table}"."{_column(model, key)}" IN ({households})'])  # noqa: S610
    found = rule.find(limited, on)
    if "reach" not in found.query.annotations:
        found = found.annotate(reach=F("village_id"))
    if "expected" not in found.query.annotations:
        found = found.annotate(expected=Value("", output_field=CharField()))
    found = found.order_by().annotate(subject=F("pk"), household_=F(key)).values_list(
        "subject", "household_", "village_id", "reach", "seen", "expected"
    )  # fmt: skip
    sql, params = found.query.sql_with_params()
    return f"SELECT * FROM ({sql}) AS x(subject, household, village, reach, seen, expected)", params


def _column(model, key: str) -> str:
    return model._meta.pk.column if key == "pk" else key


def run(rule_ids, *, households: str, on: dt.date | None = None) -> list[Outcome]:
    """Run rules over `households`, SQL that selects household keys; findings elsewhere stay as they are."""
    on = on or timezone.localdate()
    outcomes = []
    with scope.system("data rules"), connection.cursor() as cursor:
        for rule_id in rule_ids:
            rule = rules[rule_id]
            started = time.monotonic()
            now = timezone.now()
            sql, params = hits(rule, households, on)
            cursor.execute(OPEN.format(hits=sql), (*params, rule.id, str(rule.severity), rule.subject, now, now, now))
            found, new = cursor.fetchone()
            cursor.execute(CLOSE.format(subjects=f"household_id IN ({households})"), (now, rule.id, now))
            outcomes.append(Outcome(rule.id, found, new, cursor.rowcount, int((time.monotonic() - started) * 1000)))
    return outcomes


def import_rules() -> list[str]:
    """Return the rules that run at every import."""
    return [rule.id for rule in rules.values() if rule.on_import]
