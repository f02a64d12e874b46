"""Run data rules: one statement a rule opens, refreshes and closes its findings. No per-row Python.

A rule is evaluated in system scope, because what a subject is compared with may lie outside the caller's area; what
of it a person sees is decided by each finding's `reach`.

Runs may overlap, be killed and be repeated: a finding is unique by rule and subject, and each run only closes what was
last seen before it read the register, and never opens again what was closed since (somebody corrected it meanwhile).
"""

import datetime as dt
import logging
import re
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from traceback import format_tb

from django.apps import apps
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import CharField, F, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from psycopg.errors import QueryCanceled

from poverty import config, scope
from poverty.declarations import Rule, Sql, passes, rules, subjects
from poverty.second import second_connection
from validation.models import RuleResult, RuleRun

log = logging.getLogger(__name__)
COLUMNS = ("subject", "household", "village", "reach", "seen", "expected", "severity", "basis")
MUTED = "f.muted_basis <> '' AND f.closed_at IS NOT NULL AND f.muted_basis = excluded.basis"
STAYS = f"(f.closed_at IS NULL OR ({MUTED}))"
OPEN = f"""
WITH hits AS MATERIALIZED ({{hits}}),
written AS (
  INSERT INTO validation_finding AS f (rule, subject_kind, source, severity, subject, household_id, village, reach,
         seen, expected, basis, due_on, first_seen_at, last_seen_at, opened_run)
  SELECT %s, %s, %s, coalesce(severity, %s), subject, household, village, reach, left(seen, 300), left(expected, 300),
         md5(coalesce(nullif(basis, ''), coalesce(seen, '') || '|' || coalesce(expected, ''))), %s, %s, %s, %s
    FROM hits ORDER BY subject
  ON CONFLICT (rule, subject_kind, subject) DO UPDATE SET
    severity = excluded.severity, household_id = excluded.household_id, village = excluded.village,
    reach = excluded.reach, seen = excluded.seen, expected = excluded.expected, basis = excluded.basis,
    source = excluded.source, last_seen_at = greatest(f.last_seen_at, excluded.last_seen_at),
    first_seen_at = CASE WHEN {STAYS} THEN f.first_seen_at ELSE excluded.first_seen_at END,
    opened_run = CASE WHEN {STAYS} THEN f.opened_run ELSE excluded.opened_run END,
    state = CASE WHEN NOT {STAYS} THEN 'new' WHEN f.state = 'corrected' AND f.basis <> excluded.basis THEN 'dispatched'
                 ELSE f.state END,
    verdict = CASE WHEN {STAYS} THEN f.verdict ELSE '' END,
    verdict_by_id = CASE WHEN {STAYS} THEN f.verdict_by_id END,
    verdict_at = CASE WHEN {STAYS} THEN f.verdict_at END,
    confirmed_by_id = CASE WHEN {STAYS} THEN f.confirmed_by_id END,
    muted_basis = CASE WHEN {STAYS} THEN f.muted_basis ELSE '' END,
    due_on = CASE WHEN {STAYS} THEN f.due_on ELSE excluded.due_on END,
    dispatched_at = CASE WHEN {STAYS} THEN f.dispatched_at END,
    closed_at = CASE WHEN {MUTED} THEN f.closed_at END,
    closed_as = CASE WHEN {MUTED} THEN f.closed_as ELSE '' END
  WHERE f.closed_at IS NULL OR f.closed_at <= excluded.last_seen_at
  RETURNING closed_at IS NULL AS open, first_seen_at
)
SELECT count(*) FILTER (WHERE open), count(*) FILTER (WHERE open AND first_seen_at = %s) FROM written
"""
# What is settled until its data change is forgotten when it is no longer found: later it would be other data.
CLOSE = """
WITH ended AS (
  UPDATE validation_finding AS f SET closed_at = coalesce(f.closed_at, now()), muted_basis = '',
         closed_as = CASE WHEN f.closed_at IS NULL THEN %s ELSE f.closed_as END,
         state = 'closed', closed_run = CASE WHEN f.closed_at IS NULL THEN %s ELSE f.closed_run END
    FROM validation_finding was
   WHERE was.id = f.id AND f.rule = %s AND (f.closed_at IS NULL OR f.muted_basis <> '') AND f.last_seen_at < %s
     AND {subjects}
  RETURNING was.closed_at IS NULL AS open
)
SELECT count(*) FILTER (WHERE open) FROM ended
"""


@dataclass(frozen=True)
class Outcome:
    """What one rule did: subjects checked, findings seen, of them new, closed, and the time it took."""

    rule: str
    checked: int
    found: int
    new: int
    closed: int
    ms: int
    subjects: tuple[str, ...] = ()


@dataclass
class Check:
    """What a rule is told: the day, the area or households under check, and its thresholds.

    `check["max_age"]` is the rule's threshold of that name (Decimal). `households` is SQL that selects household keys,
    None for all of the area `code` ("" is the whole register). `lists` are the kinds of departments' lists that the rules
    of the run look at; none: all.
    """

    on: dt.date
    households: str | None = None
    code: str = ""
    numbers: dict[str, Decimal] = field(default_factory=dict)
    lists: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Decimal:
        return self.numbers[name]

    def limit(self, household: str, village: str) -> str:
        """Return the SQL condition "under check" on a household's key and a village column."""
        if self.households is not None:
            return f"{household} IN ({self.households})"
        if not self.code:
            return "true"
        lo, hi = scope.code_range(self.code)
        return f"{village} >= '{lo}' AND {village} < '{hi}'"


# --- thresholds and switches ------------------------------------------------------------------------------------------


def key(rule_id: str, name: str) -> str:
    return f"rule.{rule_id}.{name}"


def numbers(rule: Rule, region: str, on: dt.date) -> dict[str, Decimal]:
    """Return the rule's thresholds in force at `region`, and "on": 1 or 0."""
    found = {
        t.name: config.value(key(rule.id, t.name), region, on, default=Decimal(str(t.default))) for t in rule.thresholds
    }
    return {**found, "on": config.value(key(rule.id, "on"), region, on, default=Decimal(rule.on))}


@dataclass(frozen=True)
class Area:
    """A part of the area under check in which one set of numbers holds: a region without some regions in it."""

    code: str
    without: tuple[str, ...]
    numbers: dict[str, Decimal]

    def condition(self, column: str) -> str:
        parts = []
        if self.code:
            lo, hi = scope.code_range(self.code)
            parts.append(f"{column} >= '{lo}' AND {column} < '{hi}'")
        for code in self.without:
            lo, hi = scope.code_range(code)
            parts.append(f"NOT ({column} >= '{lo}' AND {column} < '{hi}')")
        return " AND ".join(parts) or "true"


def areas(rule: Rule, code: str, on: dt.date, override: tuple[str, dict] | None = None) -> list[Area]:
    """Return the parts of the area `code` with the numbers that hold in each; most often it is one.

    `override` is (region, {name: value}): numbers that are tried out there. What a region in it has set for itself
    holds there all the same.
    """
    from poverty.models import ConfigValue

    def nearer(name: str, place: str) -> bool:
        found = (region for of, region in own if of == key(rule.id, name))
        return any(len(region) > len(override[0]) and place.startswith(region) for region in found)

    own = ConfigValue.objects.filter(key__startswith=f"rule.{rule.id}.", valid_from__lte=on).exclude(valid_to__lte=on)
    own = set(own.values_list("key", "region"))
    codes = {code, *(region for _key, region in own)}
    if override:
        codes.add(override[0])
    codes = {one for one in codes if one.startswith(code)}
    found = []
    for one in sorted(codes):
        values = numbers(rule, one, on)
        if override and one.startswith(override[0]):
            values.update({name: value for name, value in override[1].items() if not nearer(name, one)})
        inner = tuple(sorted(other for other in codes if other != one and other.startswith(one)))
        found.append(Area(one, inner, values))
    return found


# --- offending rows -----------------------------------------------------------------------------------------------------


def _rows(rule: Rule, check: Check):
    """Return the queryset of the rows under check."""
    if rule.reads:
        return apps.get_model(passes[rule.reads[0]].model).objects.all()
    model = apps.get_model(subjects[rule.subject].model)
    table = model._meta.db_table
    household = model._meta.pk.column if rule.subject == "household" else "household_id"
    limit = check.limit(f'"{table}"."{household}"', f'"{table}"."village"')
    return model.objects.extra(where=[limit])  # noqa: S610


def hits(rule: Rule, check: Check, area: Area) -> tuple[str, tuple]:
    """Return SQL and parameters of the rule's offending rows in `area`, with the columns COLUMNS."""
    check = Check(check.on, check.households, check.code, area.numbers)
    found = rule.find(_rows(rule, check), check)
    where = area.condition("x.village")
    if isinstance(found, Sql):
        names = ", ".join(f"x.{name}" for name in COLUMNS)
        return f"SELECT {names} FROM ({found.text}) x WHERE {where}", found.params
    have = found.query.annotations
    text = CharField()
    household = "pk" if rule.subject == "household" and not rule.reads else "household_id"
    found = found.order_by().annotate(
        subject_=F("pk"),
        household_=F(household) if rule.subject != "village" else Value(None, output_field=CharField()),
        reach_=F("reach" if "reach" in have else "village_id"),
        expected_=Cast(F("expected"), TextField()) if "expected" in have else Value("", output_field=text),
        severity_=F("row_severity") if "row_severity" in have else Value(str(rule.severity), output_field=text),
        basis_=Cast(F("basis"), TextField()) if "basis" in have else Value("", output_field=text),
    )
    found = found.values_list(
        "subject_", "household_", "village_id", "reach_", "seen", "expected_", "severity_", "basis_"
    )
    sql, params = found.query.sql_with_params()
    names = "subject, household::bigint, village, reach, seen, expected, severity, basis"
    return f"SELECT {names} FROM ({sql}) AS x({', '.join(COLUMNS)}) WHERE {where}", params


def _all_hits(rule: Rule, check: Check, parts: list[Area]) -> tuple[str, tuple]:
    """Return the offending rows of all parts where the rule is switched on."""
    texts, params = [], []
    for area in parts:
        if area.numbers["on"]:
            text, more = hits(rule, check, area)
            texts.append(text)
            params += more
    if not texts:
        nothing = ", ".join(
            f"NULL::{kind} AS {name}" for name, kind in zip(COLUMNS, ("bigint", "bigint", *["text"] * 6), strict=True)
        )
        return f"SELECT {nothing} WHERE false", ()
    return " UNION ALL ".join(f"({text})" for text in texts), tuple(params)


# --- passes -------------------------------------------------------------------------------------------------------------


def needed_passes(chosen: Iterable[Rule]) -> list[str]:
    """Return the passes the rules read, each after those it needs."""
    order: list[str] = []

    def add(name):
        for other in passes[name].needs:
            add(other)
        if name not in order:
            order.append(name)

    for rule in chosen:
        for name in rule.reads:
            add(name)
    return order


def lists_of(chosen: Iterable[Rule]) -> tuple[str, ...]:
    """Return the kinds of departments' lists that the rules look at, so that a few rules need not have all matched."""
    return tuple(dict.fromkeys(kind for rule in chosen for kind in (rule.source, *rule.lists) if kind))


class Prepared:
    """The passes of a run as temporary tables, which hide nothing and are gone with the connection at the latest."""

    def __init__(self, check: Check):
        self.check, self.made, self.counts = check, [], {}

    def make(self, name: str) -> None:
        if name in self.made:
            return
        for other in passes[name].needs:
            self.make(other)
        declared = passes[name]
        sql, params = declared.sql(self.check)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
            cursor.execute(f"CREATE TEMPORARY TABLE {name} AS {sql}", params or None)
            for columns in declared.indexes:
                cursor.execute(f"CREATE INDEX ON pg_temp.{name} ({columns})")
            cursor.execute(f"ANALYZE pg_temp.{name}")
        self.made.append(name)

    def checked(self, rule: Rule) -> int:
        """Return how many subjects the rule looks at."""
        name = rule.reads[0] if rule.reads else rule.subject
        if name not in self.counts:
            with connection.cursor() as cursor:
                if rule.reads:
                    cursor.execute(f"SELECT count(*) FROM {name}")
                else:
                    sql, params = _rows(rule, self.check).order_by().values("pk").query.sql_with_params()
                    cursor.execute(f"SELECT count(*) FROM ({sql}) x", params)
                self.counts[name] = cursor.fetchone()[0]
        return self.counts[name]

    def drop(self) -> None:
        with connection.cursor() as cursor:
            for name in self.made:
                cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        self.made = []


# --- running ------------------------------------------------------------------------------------------------------------


def _subjects_under_check(check: Check) -> str:
    """SQL condition on `f`: the findings that a run may close."""
    if check.households is not None:
        return f"f.household_id IN ({check.households})"
    return check.limit("f.household_id", "f.village")


def _run_rule(rule: Rule, check: Check, prepared: Prepared, taken_at, run_id=None, *, numbers_of=()) -> Outcome:
    started = time.monotonic()
    if check.households is None:
        _plan_whole_tables()
    for name in rule.reads:
        prepared.make(name)
    checked = prepared.checked(rule)
    if rule.find is None:
        return Outcome(rule.id, checked, 0, 0, 0, 0)
    parts = areas(rule, check.code, check.on)
    sql, params = _all_hits(rule, check, parts)
    # The time to settle it begins when people are told, whatever day the data were looked at for.
    due = timezone.localdate() + dt.timedelta(days=config.integer("finding.deadline_days", check.code))
    closed_as = "gone" if any(part.numbers["on"] for part in parts) else "off"
    with connection.cursor() as cursor:
        cursor.execute(
            OPEN.format(hits=sql),
            (
                *params,
                rule.id,
                rule.subject,
                rule.source,
                str(rule.severity),
                due,
                taken_at,
                taken_at,
                run_id,
                taken_at,
            ),
        )
        found, new = cursor.fetchone()
        cursor.execute(CLOSE.format(subjects=_subjects_under_check(check)), (closed_as, run_id, rule.id, taken_at))
        closed = cursor.fetchone()[0]
    return Outcome(rule.id, checked, found, new, closed, int((time.monotonic() - started) * 1000))


def _plan_whole_tables() -> None:
    """Plan a full run's statements as joins of whole tables, for this transaction.

    Row-level security hides from the planner how many rows there are: it expects hardly any, loops over them, and a
    rule that compares lists takes minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '192MB', true),"
            " set_config('jit', 'off', true)"
        )


def run(rule_ids, *, households: str, on: dt.date | None = None) -> list[Outcome]:
    """Run rules over `households`, SQL that selects household keys; findings elsewhere stay as they are.

    For the moment after a change: everything happens in the caller's transaction, and only these households are read.
    """
    chosen = [known(rule_id) for rule_id in rule_ids]
    check = Check(on or timezone.localdate(), households, lists=lists_of(chosen))
    outcomes = []
    with scope.system("data rules"), transaction.atomic():
        prepared = Prepared(check)
        taken_at = timezone.now()
        for rule in chosen:
            outcomes.append(_run_rule(rule, check, prepared, taken_at))
        prepared.drop()
    return outcomes


def run_all(
    rule_ids=None, *, area: str = "", on: dt.date | None = None, trigger: str = "command", by=None,
    progress: Callable | None = None, going_on_since: dt.datetime | None = None, at_end: Callable | None = None,
) -> tuple[RuleRun, list[Outcome]]:  # fmt: skip
    """Run rules (all of them) over an area, each in a transaction of its own, and keep what each did.

    One such run at a time: a second waits. It may be killed anywhere; the next run finds the rest. With
    `going_on_since`, a run of this area and trigger that began after that moment and was killed is gone on with. A rule
    that breaks is noted with its result and does not keep the others from running. `at_end` is called while the tables
    of the passes are still there.
    """
    on = on or timezone.localdate()
    with scope.system("data rules"):
        chosen = [known(rule_id) for rule_id in rule_ids] if rule_ids else everything(area)
    outcomes = []
    with ExitStack() as stack:
        lock = stack.enter_context(second_connection().cursor())
        lock.execute("SELECT pg_advisory_lock(hashtext('data rules'))")
        stack.callback(lock.execute, "SELECT pg_advisory_unlock(hashtext('data rules'))")
        record = _record(area, on, trigger, by, going_on_since)
        done = set(record.results.values_list("rule", flat=True))
        check = Check(record.on, None, area, lists=lists_of(chosen))
        prepared = Prepared(check)
        stack.callback(prepared.drop)
        taken_at = timezone.now()
        for number, rule in enumerate(chosen):
            if rule.id in done:
                continue
            if progress:
                progress(rule, number, len(chosen))
            try:
                outcome = _repeated(rule, check, prepared, taken_at, record.pk)
            except (OperationalError, InterfaceError):
                raise  # the database was away: whoever asked for the run asks again
            except Exception as error:
                # Not the error's own words: they may quote a person's data.
                log.error(
                    "rule %s broke: %s\n%s", rule.id, type(error).__name__, "".join(format_tb(error.__traceback__))
                )
                RuleResult.objects.create(
                    run=record, rule=rule.id, checked=0, found=0, new=0, closed=0, ms=0, error=type(error).__name__
                )
                continue
            outcomes.append(outcome)
            RuleResult.objects.create(
                run=record, rule=outcome.rule, checked=outcome.checked, found=outcome.found, new=outcome.new,
                closed=outcome.closed, ms=outcome.ms,
            )  # fmt: skip
        if at_end:
            at_end()
        results = list(record.results.all())
        record.state = "partly" if any(result.error for result in results) else "done"
        record.ended_at = timezone.now()
        record.found = sum(result.found for result in results)
        record.new = sum(result.new for result in results)
        record.closed = sum(result.closed for result in results)
        record.save()
    return record, outcomes


def _record(area: str, on: dt.date, trigger: str, by, since: dt.datetime | None) -> RuleRun:
    """Return the run to write into. Whoever calls holds the lock: what still says "running" was killed."""
    killed = RuleRun.objects.filter(state="running")
    record = None
    if since:
        record = killed.filter(area=area, trigger=trigger, started_at__gte=since).order_by("-id").first()
    killed.exclude(pk=record.pk if record else None).update(state="broken", ended_at=timezone.now())
    return record or RuleRun.objects.create(area=area, on=on, trigger=trigger, by=by, started_at=timezone.now())


def _repeated(rule: Rule, check: Check, prepared: Prepared, taken_at, run_id) -> Outcome:
    """Run a rule in a transaction of its own; once more when it met somebody else's (an import) in the wrong order."""
    for attempt in range(3):
        try:
            with scope.system("data rules"):
                return _run_rule(rule, check, prepared, taken_at, run_id)
        except OperationalError as error:
            if attempt == 2 or "deadlock" not in str(error):
                raise
    raise AssertionError("not reached")


PREVIEW_SECONDS = 20
PREVIEW_SETS = ("statement_timeout", "enable_nestloop", "work_mem", "jit")  # for the preview; its transaction goes on


def preview(
    rule: Rule, *, area: str = "", on: dt.date | None = None, override: dict | None = None, most: int = 50
) -> dict:
    """Return what a run of `rule` would find now, without writing: {"found", "added", "removed", "rows"}.

    `override` are numbers tried out in `area`. `rows` are up to `most` offending rows, as dictionaries of COLUMNS. Only
    what a viewer of `area` may know of is counted and shown (`reach`). A pass that the rule looks at once is a common
    table expression, so that the planner leaves out what the rule does not read; one that it compares with itself is a
    temporary table of the columns in question, with indexes. `TooLong` when it takes more than PREVIEW_SECONDS.
    """
    check = Check(on or timezone.localdate(), None, area, lists=lists_of([rule]))
    parts = areas(rule, area, check.on, (area, override) if override else None)
    sql, params = _all_hits(rule, check, parts)
    lo, hi = scope.code_range(area) if area else ("", "~")
    heads, head_params, made = [], [], []
    with scope.system("preview of a data rule"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(name) FROM unnest(%s::text[]) AS name", [list(PREVIEW_SETS)])
        before = [value for (value,) in cursor.fetchall()]
        _plan_whole_tables()
        cursor.execute(f"SET LOCAL statement_timeout = '{PREVIEW_SECONDS}s'")
        try:
            texts = {name: passes[name].sql(check) for name in needed_passes([rule])}
            everything_said = " ".join([sql, *(text for text, _params in texts.values())])
            for name, (text, more) in texts.items():
                if len(re.findall(rf'(?:FROM|JOIN)\s+"?{name}\b', everything_said)) > 1:
                    _narrow_table(cursor, name, text, more, everything_said, heads, head_params)
                    made.append(name)
                else:
                    heads.append(f"{name} AS ({text})")
                    head_params += more or ()
            text = PREVIEW.format(heads=", ".join([*heads, f"hits AS MATERIALIZED ({sql})"]))
            cursor.execute(text, (*head_params, *params, lo, hi, rule.id, lo, hi, lo, hi, rule.id, most))
            found, added, removed, rows = cursor.fetchone()
            for name in made:
                cursor.execute(f"DROP TABLE pg_temp.{name}")
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise TooLong from error
            raise
        cursor.executemany("SELECT set_config(%s, %s, true)", list(zip(PREVIEW_SETS, before, strict=True)))
    return {"found": found, "added": added, "removed": removed, "rows": rows}


class TooLong(Exception):
    """A preview took longer than somebody waits."""


PREVIEW = """WITH {heads},
  kept AS (SELECT subject FROM validation_finding WHERE reach >= %s AND reach < %s AND rule = %s AND closed_at IS NULL
              AND village >= %s AND village < %s),
  shown AS (SELECT * FROM hits WHERE reach >= %s COLLATE "C" AND reach < %s COLLATE "C" AND NOT EXISTS (
              SELECT 1 FROM validation_finding m
               WHERE m.rule = %s AND m.muted_basis <> '' AND m.closed_at IS NOT NULL AND m.subject = hits.subject
                 AND m.muted_basis = md5(coalesce(nullif(basis, ''), coalesce(seen, '') || '|' || coalesce(expected, '')))))
SELECT (SELECT count(*) FROM shown), (SELECT count(*) FROM shown WHERE subject NOT IN (SELECT subject FROM kept)),
       (SELECT count(*) FROM kept WHERE subject NOT IN (SELECT subject FROM shown)),
       (SELECT coalesce(json_agg(row_to_json(x)), '[]') FROM (SELECT * FROM shown ORDER BY village, subject LIMIT %s) x)"""


def _narrow_table(cursor, name: str, text: str, params, said: str, heads: list[str], head_params: list) -> None:
    """Make the pass a temporary table of the columns that are mentioned, read from the heads made so far."""
    before = f"WITH {', '.join(heads)} " if heads else ""
    all_params = [*head_params, *(params or ())] or None
    cursor.execute(f"{before}SELECT * FROM ({text}) x LIMIT 0", all_params)
    words = {*re.findall(r"\w+", said.replace(text, "")), *passes[name].indexes, "id", "household_id", "village"}
    columns = ", ".join(column.name for column in cursor.description if column.name in words)
    cursor.execute(
        f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {before}SELECT {columns} FROM ({text}) x", all_params
    )
    for one in passes[name].indexes:
        cursor.execute(f"CREATE INDEX ON pg_temp.{name} ({one})")
    cursor.execute(f"ANALYZE pg_temp.{name}")


# --- which rules there are ------------------------------------------------------------------------------------------------


def known(rule_id: str) -> Rule:
    """Return the declared or composed rule; KeyError when there is none."""
    if rule_id in rules:
        return rules[rule_id]
    from validation import composed

    return composed.rule(rule_id)


def everything(area: str = "") -> list[Rule]:
    """Return all rules, the declared ones first, then those composed for regions in or above `area`."""
    from validation import composed

    return [*rules.values(), *composed.active(area)]


def import_rules() -> list[str]:
    """Return the rules that run at every import."""
    return [rule.id for rule in rules.values() if rule.on_import]


def recheck(household_id: int, *, rule_ids=None) -> list[Outcome]:
    """Run all rules (or these) over one household, after a change of it."""
    chosen = rule_ids or [rule.id for rule in rules.values() if rule.find and rule.subject != "village"]
    return run(chosen, households=f"SELECT {int(household_id)}::bigint")
