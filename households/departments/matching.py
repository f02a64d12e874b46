"""Match departments' lists with the register: run the rules of their kinds, and count who was found."""

import datetime as dt

from django.db import connection, transaction
from django.utils import timezone

from households.departments import passes, sheets
from households.rules import matching as rules
from poverty import scope
from poverty.declarations import rules as declared
from validation import engine
from validation.engine import Check
from validation.models import Snapshot

COUNTS = """
SELECT l.id, l.kind, l.rows, count(m.row_id) FILTER (WHERE NOT m.weak), count(m.row_id) FILTER (WHERE m.weak)
  FROM validation_snapshot l LEFT JOIN (SELECT DISTINCT snapshot_id, row_id, weak FROM matched) m ON m.snapshot_id = l.id
 WHERE l.current AND l.deleted_at IS NULL AND l.kind = ANY(%s) GROUP BY l.id
"""


def match(
    sources=(), *, area: str = "", on: dt.date | None = None, trigger: str = "command", by=None, progress=None
) -> dict:
    """Run the rules of these sources (of all) over an area and return what each found, as the command prints it.

    `strong` and `weak` count the rows of the current lists that speak of a member; they are kept with each list that
    lies in the area.
    """
    kinds = [kind for kind in sheets.KINDS if not sources or kind in sources]
    chosen = rules.of_sources(kinds)
    counted: list[tuple] = []

    def count():
        with scope.system("count matches"), connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('pg_temp.matched') IS NOT NULL")
            if cursor.fetchone()[0]:
                cursor.execute(COUNTS, [kinds])
                counted.extend(cursor.fetchall())

    record, outcomes = engine.run_all(chosen, area=area, on=on, trigger=trigger, by=by, progress=progress, at_end=count)
    _keep(counted, area)
    totals = {kind: [0, 0, 0] for kind in kinds}
    for _key, kind, *numbers in counted:
        totals[kind] = [a + b for a, b in zip(totals[kind], numbers, strict=True)]
    found = []
    for outcome in outcomes:
        source = declared[outcome.rule].source
        rows, strong, weak = totals[source]
        found.append(
            {
                "source": source, "rule": outcome.rule, "rows": rows, "strong": strong, "weak": weak,
                "found": outcome.found, "new": outcome.new, "closed": outcome.closed, "ms": outcome.ms,
            }
        )  # fmt: skip
    broken = sorted(record.results.exclude(error="").values_list("rule", flat=True))
    return {"as_of": record.on.isoformat(), "matches": found, "broken": broken}


def _keep(counted: list[tuple], area: str) -> None:
    """Write the counts on the lists that were matched as a whole."""
    if not counted:
        return
    with scope.system("keep the counts of matches"), connection.cursor() as cursor:
        cursor.executemany(
            """UPDATE validation_snapshot SET matched_at = %s, counts = counts || jsonb_build_object('strong', %s::int, 'weak', %s::int)
                WHERE id = %s AND starts_with(region, %s)""",
            [(timezone.now(), strong, weak, key, area) for key, _kind, _rows, strong, weak in counted],
        )


PAGE = """
WITH matched AS ({matched}),
found AS (SELECT s.sheet, s.row, min(m.score) AS score, array_agg(DISTINCT m.member_id) AS members
            FROM matched m JOIN validation_sourcerow s ON s.id = m.row_id
           WHERE m.snapshot_id = %s AND m.weak = %s GROUP BY s.id, s.sheet, s.row)
SELECT (SELECT count(*) FROM found), (SELECT coalesce(json_agg(row_to_json(x)), '[]')
  FROM (SELECT * FROM found ORDER BY sheet, row LIMIT %s OFFSET %s) x)
"""


def rows(snapshot: Snapshot, *, weak: bool, first: int, most: int) -> tuple[int, list[dict]]:
    """Return how many rows of a current list speak of a member now, and some of these: {"sheet", "row", "score",
    "members": keys}. What is counted is what `match` counts."""
    with scope.system("rows of a list that speak of members"), transaction.atomic():
        with passes.limited_to([snapshot.kind]):
            text, _params = passes.matched(Check(timezone.localdate(), None, snapshot.region_id))
        with connection.cursor() as cursor:
            cursor.execute(PAGE.format(matched=text), [snapshot.pk, weak, most, first])
            return cursor.fetchone()
