"""Measured steps over data rules: a full run, the scans it is compared with, one household's re-check, matching."""

import re
import statistics
import time
from collections import Counter, defaultdict

from django.apps import apps
from django.db import connection, transaction

from poverty import scope

CORRECTIONS = {  # rule: what puts right whom it finds
    "CD-29": "UPDATE households_householdyear SET road_km = 1 WHERE household_id = %s AND withdrawn_at IS NULL",
    "CD-25": "UPDATE households_householdyear SET water_hard = false WHERE household_id = %s AND withdrawn_at IS NULL",
    "CD-23": "UPDATE households_householdyear SET house_grade = NULL WHERE household_id = %s AND withdrawn_at IS NULL",
}
STATE = """
SELECT md5(string_agg(id || '|' || last_seen_at || '|' || state || '|' || coalesce(closed_at::text, ''), ',' ORDER BY id)),
       count(*) FROM validation_finding WHERE household_id IS DISTINCT FROM %s"""
TOUCHED = """
SELECT relname, seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables
 WHERE relname ~ '^(households|validation|regions)_' AND seq_tup_read + coalesce(idx_tup_fetch, 0) > 0"""


class Watched:
    """Inside, a run tells how long each pass took to make, and each rule without the passes it was the first to read."""

    def __init__(self):
        self.passes: dict[str, float] = {}
        self.rules: dict[str, float] = {}
        self._inner: list[float] = []

    def __enter__(self):
        from validation import engine

        self._engine, make, run = engine, engine.Prepared.make, engine._run_rule
        self._kept = make, run

        def timed_make(prepared, name):
            if name in prepared.made:
                return make(prepared, name)
            begun = time.perf_counter()
            self._inner.append(0.0)
            make(prepared, name)
            whole, inner = time.perf_counter() - begun, self._inner.pop()
            self.passes[name] = round(whole - inner, 3)
            if self._inner:
                self._inner[-1] += whole

        def timed_run(rule, *args, **kwargs):
            begun, before = time.perf_counter(), sum(self.passes.values())
            outcome = run(rule, *args, **kwargs)
            self.rules[rule.id] = time.perf_counter() - begun - (sum(self.passes.values()) - before)
            return outcome

        engine.Prepared.make, engine._run_rule = timed_make, timed_run
        return self

    def __exit__(self, *_error):
        self._engine.Prepared.make, self._engine._run_rule = self._kept


def full_run(*, on, kinds=None) -> dict:
    """Run all rules over the whole register, or match lists of these kinds: as the commands do."""
    from households.departments import matching
    from validation import engine

    counted = {}
    with Watched() as watched:
        begun = time.perf_counter()
        if kinds is None:
            record, outcomes = engine.run_all(on=on)
            broken = list(record.results.exclude(error="").values_list("rule", flat=True))
            found = sum(outcome.found for outcome in outcomes)
        else:
            result = matching.match(kinds, on=on)
            broken, found = result["broken"], sum(line["found"] for line in result["matches"])
            counted = {line["source"]: [line["rows"], line["strong"], line["weak"]] for line in result["matches"]}
        whole = time.perf_counter() - begun
    if broken:
        raise RuntimeError(f"these rules broke: {broken}")
    slowest = sorted(watched.rules.items(), key=lambda one: -one[1])
    return {
        "seconds": whole, "rules": len(watched.rules), "found": found, "passes": watched.passes, "matches": counted,
        "in_rules": round(sum(watched.rules.values()), 3), "ms": {rule: round(1000 * s, 1) for rule, s in slowest},
    }  # fmt: skip


# --- one scan of the tables that a rule reads -------------------------------------------------------------------------


def scans(*, on) -> dict:
    """Read every table once from its first row to its last, and add up, rule by rule, the tables that it reads."""
    from poverty.declarations import passes
    from validation import engine

    reads = {}
    with scope.system("bench"):
        for rule in engine.everything():
            if rule.find is None:
                continue
            check = engine.Check(on)
            sql, _params = engine._all_hits(rule, check, engine.areas(rule, "", on))
            said = " ".join([sql, *(passes[name].sql(check)[0] for name in engine.needed_passes([rule]))])
            reads[rule.id] = sorted(set(re.findall(r"\w+", said)))
    seconds = scan(set().union(*reads.values()))
    return {
        "seconds": sum(seconds.get(table, 0) for names in reads.values() for table in names), "rules": len(reads),
        "scan_ms": {name: round(1000 * value, 1) for name, value in sorted(seconds.items(), key=lambda one: -one[1])},
    }  # fmt: skip


def scan(words: set[str]) -> dict[str, float]:
    """Return {table: seconds} of reading all columns of the tables among `words`, with one process and no index."""
    tables = {
        model._meta.db_table: [field.column for field in model._meta.concrete_fields]
        for model in apps.get_models()
        if model._meta.managed and model._meta.app_label in ("households", "validation", "regions")
    }
    seconds = {}
    with scope.system("bench"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true),"
            " set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true),"
            " set_config('enable_bitmapscan', 'off', true)"
        )
        for table in sorted(words & set(tables)):
            touch = ", ".join(f'count("{column}")' for column in tables[table])
            times = []
            for _round in range(3):
                begun = time.perf_counter()
                cursor.execute(f"SELECT {touch} FROM {table}")
                times.append(time.perf_counter() - begun)
            seconds[table] = statistics.median(times)
    return seconds


# --- previews ---------------------------------------------------------------------------------------------------------


def previews(*, on) -> dict:
    """Try every rule over the whole register, once to warm up and once by the clock; nothing is written."""
    from validation import engine

    seconds, too_long = {}, set()
    for rule in engine.everything():
        if rule.find is None:
            continue
        for _round in range(2):
            begun = time.perf_counter()
            try:
                engine.preview(rule, on=on)
            except engine.TooLong:
                too_long.add(rule.id)
            seconds[rule.id] = time.perf_counter() - begun
    times = sorted(seconds.values())
    slowest = sorted(seconds.items(), key=lambda one: -one[1])
    return {
        "median": statistics.median(times), "p90": times[int(0.9 * len(times))], "rules": len(times),
        "too_long": sorted(too_long), "ms": {rule: round(1000 * value, 1) for rule, value in slowest},
    }  # fmt: skip


# --- one household ----------------------------------------------------------------------------------------------------


def recheck() -> dict:
    """Put one household right and check it again; return the time, what was read, and whether others' findings moved."""
    from validation import engine
    from validation.models import Finding

    with scope.system("bench"), connection.cursor() as cursor:
        found = Finding.objects.in_scope().open().filter(rule__in=CORRECTIONS).order_by("rule", "pk").first()
        if found is None:
            raise RuntimeError(f"nobody has a finding of {', '.join(CORRECTIONS)}")
        household = found.household_id
        engine.recheck(household)  # brings the household to today's day; plans and pages are warm, as in a web process
        cursor.execute(STATE, [household])
        before = cursor.fetchone()
        times, touched = [], defaultdict(int)
        for number in range(5):
            with transaction.atomic():
                if number == 0:
                    cursor.execute(CORRECTIONS[found.rule], [household])
                read = Counter()
                cursor.execute(TOUCHED)
                read.update({name: sequential + (by_index or 0) for name, sequential, by_index in cursor.fetchall()})
                begun = time.perf_counter()
                with Watched() as watched:
                    outcomes = engine.recheck(household)
                times.append(time.perf_counter() - begun)
                cursor.execute(TOUCHED)
                for name, sequential, by_index in cursor.fetchall():
                    touched[name] = sequential + (by_index or 0) - read[name]
        cursor.execute(STATE, [household])
        after = cursor.fetchone()
        found.refresh_from_db()
    slowest = sorted(watched.rules.items(), key=lambda one: -one[1])[:5]
    return {
        "seconds": statistics.median(times), "first": round(times[0], 3), "rule": found.rule, "rules": len(outcomes),
        "closed": found.closed_at is not None, "others": after[1], "others_moved": before != after,
        "rows_read": {name: number for name, number in sorted(touched.items(), key=lambda one: -one[1]) if number},
        "passes": watched.passes, "slowest_ms": {rule: round(1000 * s, 1) for rule, s in slowest},
    }  # fmt: skip


# --- matching ---------------------------------------------------------------------------------------------------------


def joins(*, kinds) -> dict:
    """Join two-column tables (blind index, key) of the persons and of each list: the least that matching has to do."""
    matched = {}
    with scope.system("bench"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', '192MB', true)")
        begun = time.perf_counter()
        cursor.execute(
            "CREATE TEMPORARY TABLE bench_people ON COMMIT DROP AS SELECT id_index, id AS key FROM households_member"
            " WHERE id_index IS NOT NULL AND departed_on IS NULL AND withdrawn_at IS NULL"
        )
        cursor.execute("SELECT id, kind FROM validation_snapshot WHERE current AND kind = ANY(%s)", [list(kinds)])
        lists = cursor.fetchall()
        for key, kind in lists:
            cursor.execute(
                f"CREATE TEMPORARY TABLE bench_{kind} ON COMMIT DROP AS SELECT id_index, id AS key"
                " FROM validation_sourcerow WHERE snapshot_id = %s AND id_index IS NOT NULL",
                [key],
            )
        cursor.execute("ANALYZE bench_people")
        made = time.perf_counter() - begun
        for _key, kind in lists:
            cursor.execute(f"SELECT count(*) FROM bench_{kind} l JOIN bench_people p USING (id_index)")
            matched[kind] = cursor.fetchone()[0]
        whole = time.perf_counter() - begun
    return {"seconds": whole, "tables": round(made, 3), "joins": round(whole - made, 3), "matched": matched}
