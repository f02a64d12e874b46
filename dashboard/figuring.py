"""Working the figures out: one statement for a month, whatever the number of indicators, rows and villages.

Rooms declare what their sums are taken over (`declarations.Rows`) and what is added up (`Sum`). A statement makes these
rows once each as common table expressions, adds up one group a village for each of them, and writes the sums at every
level. For some villages it reads these alone, by the index on the village column; the regions above them are added up
from those right below, so that it costs the same in a country as in a county.

`refresh` is what the worker runs every two seconds: it counts what has been marked, hands the marks on, and works the
figures of these villages out anew. With the first turn of a new month it works out everything: the month before stays
as it stood then.
"""

import calendar
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from dashboard import counts
from dashboard.models import FigureMonth
from poverty import scope
from poverty.declarations import Rows, Sum, row_sets, sums

LOCK = 7_202_612  # the advisory lock of who writes figures
MANY = 200  # villages, from which on whole tables are joined
REST = dt.timedelta(
    minutes=1
)  # between two workings out of so many: an import or a nightly run marks them again and again
LEVELS = (9, 6, 4, 2)  # above villages
MOST = 40  # characters of a part


@dataclass(frozen=True)
class Frame:
    """What is looked at: a month, and all of the register, some villages, a range of them, or single households.

    Everything counts as of `on`, the month's last day. `ledger_to` is the newest month of the ledger not after it.
    """

    month: dt.date
    ledger_to: dt.date | None = None
    villages: tuple[str, ...] | None = None
    households: tuple[int, ...] | None = None
    lo: str = ""
    hi: str = "~"

    @property
    def on(self) -> dt.date:
        return self.month.replace(day=calendar.monthrange(self.month.year, self.month.month)[1])

    @property
    def day(self) -> str:
        """Return `on` as SQL."""
        return f"DATE '{self.on.isoformat()}'"

    @property
    def current(self) -> bool:
        return self.month >= timezone.localdate().replace(day=1)

    def limit(self, household: str, village: str) -> str:
        """Return the SQL condition "looked at" on a household's key ("": rows that belong to none) and a village."""
        if self.households is not None:
            keys = ",".join(str(int(key)) for key in self.households)
            return f"{household} = ANY ('{{{keys}}}'::bigint[])" if household else "false"
        if self.villages is not None:
            codes = ",".join(code for code in self.villages if code.isdigit())
            return f"{village} = ANY ('{{{codes}}}'::text[])"
        if (self.lo, self.hi) != ("", "~"):
            return f"{village} >= '{_digits(self.lo)}' COLLATE \"C\" AND {village} < '{_digits(self.hi)}' COLLATE \"C\""
        return "true"


def _digits(code: str) -> str:
    if not all(sign.isdigit() or sign in " ~:" for sign in code):
        raise ValueError("no region code")
    return code


# --- statements -----------------------------------------------------------------------------------------------------------


def _expressions(frame: Frame, wanted: Iterable[str]) -> dict[str, str]:
    """Return {name: SQL} of row sets and of those that they need, in order; without what nothing is known of."""
    found: dict[str, str] = {}

    def add(name: str) -> bool:
        if name in found:
            return True
        declared: Rows = row_sets[name]
        if not all(add(other) for other in declared.needs):
            return False
        sql = declared.sql(frame)
        if sql is None:
            return False
        found[name] = sql
        return True

    for name in wanted:
        add(name)
    return found


def part_sql(declared: Sum) -> str:
    """SQL: the part that a row belongs to."""
    return f"coalesce(nullif(left(({declared.by})::text, {MOST}), ''), 'none')"


def _plain(rows: str, chosen: list[Sum]) -> str:
    """SQL: the sums of a row set without their parts, one pass over it."""
    columns, names = [], []
    for number, one in enumerate(chosen):
        taken = f"sum({one.value})" if one.value else "count(*)"
        columns.append(f"{taken} FILTER (WHERE {one.where}) AS n{number}")
        names.append(f"('{one.name}', n{number}::numeric)")
    return (
        f"SELECT x.village, v.name, v.number FROM (SELECT village, {', '.join(columns)} FROM {rows} GROUP BY village) x"
        f" CROSS JOIN LATERAL (VALUES {', '.join(names)}) AS v (name, number) WHERE v.number <> 0"
    )


def _parted(rows: str, by: str, seen: str, chosen: list[Sum]) -> str:
    """SQL: the sums of a row set that have the same parts, and of which it matters alike from where a row is seen."""
    columns, names = [], []
    suffix = " || '@' || x.seen" if seen else ""
    for number, one in enumerate(chosen):
        taken = f"sum({one.value})" if one.value else "count(*)"
        columns.append(f"{taken} FILTER (WHERE {one.where}) AS n{number}")
        part = " || '.' || x.part" if by else ""
        names.append(f"('{one.name}'{part}{suffix}, n{number}::numeric)")
    part = part_sql(chosen[0]) if by else "''"
    where = " OR ".join(f"({one.where})" for one in chosen)
    return (
        f"SELECT x.village, v.name, v.number FROM (SELECT village, {part} AS part, {seen or 0} AS seen,"
        f" {', '.join(columns)} FROM {rows} WHERE {where} GROUP BY 1, 2, 3) x"
        f" CROSS JOIN LATERAL (VALUES {', '.join(names)}) AS v (name, number) WHERE v.number <> 0"
    )


def statement(frame: Frame) -> str:
    """SQL: `WITH …` that ends in an expression `figure_sum` (village, name, number) of everything declared."""
    made = _expressions(frame, dict.fromkeys(one.rows for one in sums.values()))
    selects = []
    for name in made:
        of = [one for one in sums.values() if one.rows == name]
        if plain := [one for one in of if not one.seen]:
            selects.append(_plain(name, plain))
        alike: dict[tuple[str, str], list[Sum]] = {}
        for one in of:
            if one.by:
                alike.setdefault((one.by, one.seen), []).append(one)
            if one.seen:
                alike.setdefault(("", one.seen), []).append(one)
        selects += [_parted(name, by, seen, some) for (by, seen), some in alike.items()]
    with_ = ", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in made.items())
    return f"WITH {with_}, figure_sum (village, name, number) AS MATERIALIZED ({' UNION ALL '.join(selects)})"


def keys_sql(declared: Sum, frame: Frame, part: str = "") -> str:
    """SQL: the households that are behind a sum or one of its parts."""
    return f"{_with(declared, frame)} SELECT household_id FROM {declared.rows} WHERE {where_sql(declared, part)}"


def number_sql(declared: Sum, frame: Frame, part: str = "", households: str = "") -> str:
    """SQL: the number itself, taken over the households that `households` selects."""
    taken = f"sum({declared.value})" if declared.value else "count(*)"
    among = f" AND household_id IN ({households})" if households else ""
    return f"{_with(declared, frame)} SELECT {taken} FROM {declared.rows} WHERE {where_sql(declared, part)}{among}"


def select_sql(rows: str, frame: Frame, columns: str) -> str:
    """SQL: columns of the rows that sums are taken over."""
    return (
        "WITH "
        + ", ".join(f"{n} AS ({sql})" for n, sql in _expressions(frame, [rows]).items())
        + f" SELECT {columns} FROM {rows}"
    )


def _with(declared: Sum, frame: Frame) -> str:
    made = _expressions(frame, [declared.rows])
    if declared.rows not in made:
        return f"WITH {declared.rows} AS (SELECT NULL::bigint AS household_id WHERE false)"
    return "WITH " + ", ".join(f"{name} AS ({sql})" for name, sql in made.items())


def where_sql(declared: Sum, part: str = "") -> str:
    """SQL: the condition of a sum or one of its parts; `part` may be anything that somebody has typed."""
    if not part or not declared.by:
        return f"({declared.where})"
    quoted = "'" + part.replace("\0", "").replace("'", "''") + "'"
    return f"({declared.where}) AND {part_sql(declared)} = {quoted}"


# --- writing ---------------------------------------------------------------------------------------------------------------

WHOLE = """
INSERT INTO dashboard_regionfigure (region, length, month, sums, made_at)
SELECT region, length(region), %(month)s, jsonb_object_agg(name, number), %(at)s
  FROM (SELECT left(s.village, l.n) AS region, s.name, sum(s.number) AS number
          FROM figure_sum s CROSS JOIN (VALUES (12), (9), (6), (4), (2)) AS l (n) GROUP BY 1, 2) x
 WHERE number <> 0 GROUP BY region
"""
SOME = """
INSERT INTO dashboard_regionfigure (region, length, month, sums, made_at)
SELECT village, 12, %(month)s, jsonb_object_agg(name, number), %(at)s FROM figure_sum GROUP BY village
"""
ABOVE = """
INSERT INTO dashboard_regionfigure (region, length, month, sums, made_at)
SELECT region, %(length)s, %(month)s, jsonb_object_agg(name, number), %(at)s
  FROM (SELECT above.code AS region, e.key AS name, sum(e.value::numeric) AS number
          FROM unnest(%(codes)s::text[]) AS above (code)
          JOIN dashboard_regionfigure f ON f.month = %(month)s AND f.length = %(below)s
           AND f.region >= above.code COLLATE "C" AND f.region < (above.code || '~') COLLATE "C"
          CROSS JOIN LATERAL jsonb_each_text(f.sums) e GROUP BY 1, 2) x
 WHERE number <> 0 GROUP BY region
"""


def _settle(cursor, whole: bool) -> None:
    """Set how the statement is planned, for this transaction.

    Row-level security hides from the planner how many rows there are: it would loop over whole tables.
    """
    cursor.execute("SELECT set_config('jit', 'off', true)")
    if whole:
        cursor.execute("SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '192MB', true)")


def _unsettle(cursor) -> None:
    cursor.execute("RESET enable_nestloop; RESET work_mem")


def _ledger_to(cursor, month: dt.date, villages) -> dt.date | None:
    """Return the newest month of the ledger, not after `month`; of some villages only, where these are given."""
    among = "" if villages is None else " AND village = ANY (%(villages)s)"
    cursor.execute(
        f"SELECT max(month) FROM households_ledgerline WHERE superseded = 0 AND month <= %(month)s{among}",
        {"month": month, "villages": list(villages or ())},
    )
    return cursor.fetchone()[0]


def work_out(month: dt.date, villages: Iterable[str] | None = None) -> int:
    """Work out the figures of a month, of all villages or of some and of the regions above them; return how many
    regions were written. In system scope, by one at a time."""
    with scope.system("figures"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCK])
        return _work_out(cursor, month, villages)


def _work_out(cursor, month: dt.date, villages: Iterable[str] | None) -> int:
    at = timezone.now()
    kept = FigureMonth.objects.filter(month=month).first()
    chosen = None if villages is None else tuple(sorted(set(villages)))
    newest = _ledger_to(cursor, month, chosen)
    if chosen is not None and kept is None:
        newest = _ledger_to(cursor, month, None)  # the first of its month: the others' ledgers are as long
    elif chosen is not None and newest and (kept.ledger_to is None or newest > kept.ledger_to):
        chosen = None  # the year of the ledger ends a month later now, for every village
    elif chosen is not None:
        newest = kept.ledger_to
    frame = Frame(month, newest, chosen)
    _settle(cursor, chosen is None or len(chosen) > MANY)
    if chosen is None:
        cursor.execute("DELETE FROM dashboard_regionfigure WHERE month = %s", [month])
        written = _insert(cursor, frame, WHOLE, at)
    else:
        cursor.execute(
            "DELETE FROM dashboard_regionfigure WHERE month = %s AND length = 12 AND region = ANY (%s)",
            [month, list(chosen)],
        )
        written = _insert(cursor, frame, SOME, at)
    _unsettle(cursor)
    if chosen is not None:
        below = 12
        for length in LEVELS:
            codes = sorted({code[:length] for code in chosen})
            cursor.execute(
                "DELETE FROM dashboard_regionfigure WHERE month = %s AND length = %s AND region = ANY (%s)",
                [month, length, codes],
            )
            cursor.execute(ABOVE, {"length": length, "below": below, "codes": codes, "month": month, "at": at})
            written += cursor.rowcount
            below = length
    FigureMonth.objects.update_or_create(month=month, defaults={"ledger_to": newest, "made_at": at})
    return written


def _insert(cursor, frame: Frame, insert: str, at) -> int:
    """Run the statement of a frame and write what it gives; the text of rooms holds no parameters."""
    month = f"DATE '{frame.month.isoformat()}'"
    moment = f"TIMESTAMPTZ '{at.isoformat()}'"
    filled = insert.replace("%(month)s", month).replace("%(at)s", moment)
    cursor.execute(f"{statement(frame)} {filled}")
    return cursor.rowcount


# --- the worker ------------------------------------------------------------------------------------------------------------


def this_month() -> dt.date:
    return timezone.localdate().replace(day=1)


def forget(month: dt.date) -> None:
    """Take the marks that a working out of the whole running month makes needless."""
    if month == this_month():
        counts.refresh("")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM dashboard_dirtyfigure")


def refresh() -> dict[str, int]:
    """Work out what has changed; with the first turn of a month, everything. Return villages taken, regions written.

    Whoever is at it already does what this would do: then nothing is done.
    """
    with transaction.atomic():
        counts.refresh("")
    with scope.system("figures"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [LOCK])
        if not cursor.fetchone()[0]:
            return {"villages": 0, "regions": 0}
        month = this_month()
        kept = FigureMonth.objects.filter(month=month).first()
        cursor.execute("SELECT count(DISTINCT village) FROM dashboard_dirtyfigure")
        if kept and cursor.fetchone()[0] > MANY and kept.made_at > timezone.now() - REST:
            return {"villages": 0, "regions": 0}
        cursor.execute(
            "WITH taken AS (DELETE FROM dashboard_dirtyfigure RETURNING village) SELECT DISTINCT village FROM taken"
        )
        villages = [village for (village,) in cursor.fetchall()]
        if kept is None:
            return {"villages": len(villages), "regions": _work_out(cursor, month, None)}
        if not villages:
            return {"villages": 0, "regions": 0}
        return {"villages": len(villages), "regions": _work_out(cursor, month, villages)}


def villages_of(code: str) -> list[str]:
    """Return the villages of a region that have figures or could have some."""
    lo, hi = scope.code_range(code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM regions_region WHERE code >= %s AND code < %s AND length(code) = 12", [lo, hi])
        return [village for (village,) in cursor.fetchall()]


# --- who sees single households --------------------------------------------------------------------------------------------


def of_user(user, month: dt.date) -> dict[str, dict]:
    """Return {village: {stored name: number}} of the single households that `user` sees, in the user's own scope."""
    keys = tuple(sorted({part.household_id for part in user.scope_ranges() if part.household_id}))
    kept = FigureMonth.objects.filter(month=month).first()
    frame = Frame(month, kept.ledger_to if kept else None, households=keys)
    found: dict[str, dict] = {}
    with connection.cursor() as cursor:
        cursor.execute(f"{statement(frame)} SELECT village, name, number FROM figure_sum")
        for village, name, number in cursor.fetchall():
            found.setdefault(village, {})[name] = number
    return found
