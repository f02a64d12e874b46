"""What the ledger rules look at: the lines of the last two years, read once, and a row per household and month.

The window ends with the newest month on file that is not after the check: a check of old data looks at old months.
Where single households are checked, all of their villages are read, for lines are compared from house to house.
"""

import datetime as dt

from django.db import connection

from households.ledger import codes
from poverty.declarations import Pass, passes

MONTHS = 24
FIRST_YEAR = 2014


def _limit(check, household: str, village: str) -> str:
    if check.households is not None:
        return f"{village} IN (SELECT village FROM households_household WHERE id IN ({check.households}))"
    return check.limit(household, village)


def newest_month(check) -> dt.date:
    """Return the newest month with a line that is not after the check's; the check's own where there is none."""
    last = check.on.replace(day=1)
    with connection.cursor() as cursor:
        for year in range(last.year, FIRST_YEAR - 1, -1):
            cursor.execute(
                f"""SELECT max(month) FROM households_ledgerline l WHERE superseded = 0 AND month <= DATE '{last}'
                       AND month BETWEEN DATE '{year}-01-01' AND DATE '{year}-12-01' AND {_limit(check, "l.household_id", "l.village")}"""
            )
            found = cursor.fetchone()[0]
            if found:
                return found
    return last


def entries(check) -> tuple[str, tuple]:
    """A row per household, month and category. `counts` is false for a category whose parts stand beside it.

    `doubled`: an amount stands there twice. `typist`, `typed_at`: who typed it, where it did not come with a file.
    """
    newest = newest_month(check)
    first = newest.year * 12 + newest.month - 1 - (MONTHS - 1)
    first = dt.date(first // 12, first % 12 + 1, 1)
    return (
        f"""SELECT g.household_id, g.village, g.month, g.category, g.amount, g.lines, g.typist, g.typed_at,
                   coalesce(g.first_amount = ANY (g.more) OR (cardinality(g.more) > 1 AND cardinality(g.more) >
                            (SELECT count(DISTINCT x) FROM unnest(g.more) x)), false) AS doubled,
                   NOT coalesce(starts_with(lead(g.category) OVER (PARTITION BY g.household_id, g.month
                            ORDER BY g.category), g.category), false) AS counts
              FROM (SELECT l.household_id, min(l.village) AS village, l.month, l.category, sum(l.amount_yuan) AS amount,
                           count(*)::int AS lines, min(l.amount_yuan) FILTER (WHERE l.ordinal = 1) AS first_amount,
                           array_agg(l.amount_yuan) FILTER (WHERE l.ordinal > 1) AS more,
                           max(l.operator_id) FILTER (WHERE l.source_batch_id IS NULL) AS typist,
                           min(l.at) FILTER (WHERE l.source_batch_id IS NULL) AS typed_at
                      FROM households_ledgerline l
                     WHERE l.superseded = 0 AND l.month >= DATE '{first}' AND {_limit(check, "l.household_id", "l.village")}
                     GROUP BY l.household_id, l.month, l.category) g""",
        (),
    )


OWN = f"e.amount <> 0 AND (left(e.category, 1) IN ('{codes.BUSINESS}', '{codes.COST}', '{codes.LIVING}')" + (
    f" OR left(e.category, 1) = '{codes.WAGE}' AND NOT starts_with(e.category, '102'))"
)


def months(check) -> tuple[str, tuple]:
    """A row per household and month: its wage beside those of the six months before, and what it is compared by.

    `usual` is the median of the wages entered in those six months, worked out only where the wage is above the least
    of them; `known` is their number. `idle`: the wage is entered as none for the second month, after a wage before.
    `vector` stands for all categories and amounts, `same` is the number of households of the village with the same one
    in the month, `own` the amounts in it that differ from house to house by nature (not transfers, rents, shares, posts
    paid alike). `uneven` names a category that its parts do not add up to. `saved_with` is the number of households
    that the same person typed within ten minutes.
    """
    return (
        f"""WITH house AS (
              SELECT e.household_id, min(e.village) AS village, e.month,
                     sum(e.amount) FILTER (WHERE e.counts AND left(e.category, 1) = '{codes.WAGE}') AS wage,
                     count(*) FILTER (WHERE {OWN})::int AS own,
                     md5(string_agg(e.category || ':' || e.amount, ',' ORDER BY e.category)) AS vector,
                     string_agg(e.category, ',') FILTER (WHERE e.doubled) AS doubled,
                     bool_or(NOT e.counts) AS summed
                FROM ledger_entry e GROUP BY e.household_id, e.month),
            uneven AS (
              SELECT p.household_id, p.month, min(p.category) AS category FROM ledger_entry p
                JOIN (SELECT household_id, month FROM house WHERE summed) s USING (household_id, month)
                JOIN LATERAL (SELECT sum(e.amount) AS amount FROM ledger_entry e WHERE e.household_id = p.household_id
                        AND e.month = p.month AND e.counts AND starts_with(e.category, p.category)
                        AND e.category <> p.category) parts ON true
               WHERE NOT p.counts AND abs(p.amount - parts.amount) > 0.01 GROUP BY p.household_id, p.month),
            saves AS (
              SELECT typist, household_id, min(typed_at) AS at FROM ledger_entry WHERE typist IS NOT NULL
               GROUP BY typist, household_id, date_trunc('day', typed_at)),
            started AS (
              SELECT s.*, count(*) OVER (PARTITION BY typist ORDER BY at
                     RANGE BETWEEN CURRENT ROW AND '10 minutes' FOLLOWING) AS n FROM saves s),
            hurried AS (
              SELECT household_id, max(n) AS n FROM (
                     SELECT household_id, max(n) OVER (PARTITION BY typist ORDER BY at
                            RANGE BETWEEN '10 minutes' PRECEDING AND CURRENT ROW) AS n FROM started) x GROUP BY 1),
            beside AS (
              SELECT h.*, array_agg(h.wage) FILTER (WHERE h.wage IS NOT NULL) OVER six AS before, lag(h.wage) OVER one AS last_wage,
                     lag(h.month) OVER one AS last_month, count(*) OVER (PARTITION BY h.village, h.month, h.vector) AS same
                FROM house h
              WINDOW six AS (PARTITION BY h.household_id ORDER BY h.month RANGE BETWEEN '6 months' PRECEDING AND '1 month' PRECEDING),
                     one AS (PARTITION BY h.household_id ORDER BY h.month))
            SELECT b.household_id, b.village, b.month, b.wage, b.own, b.same, b.doubled, u.category AS uneven,
                   coalesce(cardinality(b.before), 0) AS known, coalesce(t.n, 0) AS saved_with,
                   CASE WHEN b.wage > (SELECT min(x) FROM unnest(b.before) x)
                        THEN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM unnest(b.before) x)::numeric(14, 2) END AS usual,
                   coalesce(b.wage = 0 AND b.last_wage = 0 AND b.last_month = (b.month - interval '1 month')::date
                        AND (SELECT max(x) FROM unnest(b.before) x) > 0, false) AS idle
              FROM beside b LEFT JOIN uneven u ON u.household_id = b.household_id AND u.month = b.month
              LEFT JOIN hurried t ON t.household_id = b.household_id""",
        (),
    )


passes.add("ledger_entry", Pass("ledger_entry", entries, indexes=("household_id",)))
passes.add("ledger_window", Pass("ledger_window", months, needs=("ledger_entry",), indexes=("household_id",)))
