"""The population balance: opening + natural changes + new + returned − exited − cancelled … = closing (DOMAIN 9).

Where the register stood at the beginning and at the end of a period is read from its history: the last event of every
person and household before that moment, counted by the same rule as the figures (`households.measured`). For everybody who
stands elsewhere at the end than at the beginning, the record that tells why is looked for: the kind of a departure, a
recorded change of members, the household's status, life cycle, place and date of recognition. Who has no such record is
"unexplained". Opening and closing are the kept figures where these are kept, so a difference between the figures and the
history shows as unexplained too: the balance proves, it does not fit.

A period before the register began has no history: where its figures were worked out later, its balance goes by the dates
on file (recognised, departed, year of exit) and by what the register says today.

Changes count in the period in which they were recorded: a death of September that is entered in October is of October.
What the register does not tell apart, the lines say: a wrongful admission that is cleared and a household that has ended
are both "cancelled".
"""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection

from households import codes
from households.checked import EXITED, POOR
from households.measured import EXITED_SQL, POOR_SQL
from households.reports.book import Book
from poverty import scope
from poverty.scope import code_range
from validation.report.figures import month_span

GROUPS = {"P": "未脱贫（含返贫、预脱贫）", "E": "已脱贫", "O": "其他或未载明"}
JOINING = {code: codes.MEMBER_CHANGE.labels[code] for code in codes.JOINING}
LEAVING = {code: label for code, label in codes.MEMBER_CHANGE.labels.items() if code not in codes.JOINING}
UNEXPLAINED = ""
# (key, line, sign of a change in the number of persons: +, −, or ± between the groups or either way)
LINES = [
    ("new", "新识别（认定时间在本期）", "+"),
    ("filed", "补录建档（认定早于本期或未载明时间）", "+"),
    *((f"join.{code}", f"自然增加：{label}", "+") for code, label in JOINING.items()),
    ("back", "离开记录撤销", "+"),
    *((f"left.{code}", f"自然减少：{label}", "−") for code, label in LEAVING.items()),
    ("left.none", "离开（原因未载明）", "−"),
    ("exited", "脱贫退出", "±"),
    ("returned", "返贫", "±"),
    ("exit_undone", "退出更正（恢复为未脱贫）", "±"),
    ("regrouped", "脱贫属性的其他变更", "±"),
    ("moved_house", "户间转移", "±"),
    ("cancelled", "清退或销户（台账不区分）", "−"),
    ("reinstated", "撤销注销", "+"),
    ("in", "由外地迁入", "+"),
    ("out", "迁出本地", "−"),
    ("withdrawn", "撤回导入", "−"),
    ("restored", "恢复导入", "+"),
]


@dataclass
class Balance:
    """Persons by group at the beginning, what moved them, and at the end.

    `flows` is {line: {group: persons}}, `unexplained` {group: persons}; `told` counts those without a record by what is
    known of them. `opening_kept` and `closing_kept` are whether the figures of that month were kept, else history's.
    """

    begin: dt.date
    end: dt.date
    opening: dict[str, int]
    closing: dict[str, int]
    flows: dict[str, dict[str, int]] = field(default_factory=dict)
    opening_kept: bool = False
    closing_kept: bool = False
    added: int = 0  # members who came into a household on file without a recorded change
    gone: int = 0  # who left without one
    early: bool = False  # the period began before the register did

    @property
    def unexplained(self) -> dict[str, int]:
        moved = {group: sum(flow.get(group, 0) for flow in self.flows.values()) for group in GROUPS}
        return {group: self.closing[group] - self.opening[group] - moved[group] for group in GROUPS}

    @property
    def closed(self) -> bool:
        return not any(self.unexplained.values())

    def rows(self) -> list[tuple]:
        """Return (line, persons by group …, all): the opening, what moved, what nothing tells, the closing."""

        def row(name, numbers):
            numbers = [numbers.get(group, 0) for group in GROUPS]
            return (name, *numbers, sum(numbers))

        told = [
            row(f"{sign} {name}", self.flows[key]) for key, name, sign in LINES if any(self.flows.get(key, {}).values())
        ]
        return [
            row("期初", self.opening), *told, row("无法说明（应为0）", self.unexplained), row("期末", self.closing),
        ]  # fmt: skip


def _state(name: str, before: str, day: str, year: int, lo: str, hi: str) -> str:
    """SQL: where each person of the candidates stood before a moment, by history."""
    return f"""
        {name} AS (
            SELECT m.pgh_obj_id AS person, m.household_id, m.withdrawn_at IS NOT NULL AS member_withdrawn,
                   m.departed_on IS NOT NULL AND m.departed_on <= {day} AS departed, coalesce(m.departed_as, '') AS departed_as,
                   h.pgh_obj_id IS NULL AS no_house, h.withdrawn_at IS NOT NULL AS house_withdrawn,
                   h.lifecycle = 'CANCELLED' AS cancelled, h.first_recog_on,
                   h.first_recog_on > {day} AS not_yet, h.village >= '{lo}' COLLATE "C" AND h.village < '{hi}' COLLATE "C" AS here,
                   CASE WHEN h.status IN {POOR_SQL} OR (h.status IN {EXITED_SQL} AND h.exit_year > {year}) THEN 'P'
                        WHEN h.status IN {EXITED_SQL} THEN 'E' ELSE 'O' END AS grp, coalesce(h.status, '') AS status
              FROM (SELECT DISTINCT ON (e.pgh_obj_id) e.pgh_obj_id, e.household_id, e.withdrawn_at, e.departed_on, e.departed_as
                      FROM households_memberevent e JOIN candidate c ON c.person = e.pgh_obj_id
                     WHERE e.pgh_created_at < {before} ORDER BY e.pgh_obj_id, e.pgh_id DESC) m
              LEFT JOIN (SELECT DISTINCT ON (e.pgh_obj_id) e.pgh_obj_id, e.withdrawn_at, e.lifecycle, e.first_recog_on,
                                e.village, e.status, e.exit_year
                           FROM households_householdevent e JOIN house c ON c.household = e.pgh_obj_id
                          WHERE e.pgh_created_at < {before} ORDER BY e.pgh_obj_id, e.pgh_id DESC) h
                     ON h.pgh_obj_id = m.household_id),
        {name}_counted AS (
            SELECT s.*, CASE WHEN member_withdrawn OR departed OR no_house OR house_withdrawn OR cancelled
                                  OR coalesce(not_yet, false) OR here IS NOT TRUE THEN NULL ELSE grp END AS stood FROM {name} s)"""


# In order: the first that fits is why somebody stands there no more, has come, or stands in another group.
WHY = """
    CASE
    WHEN a.stood IS NOT NULL AND b.stood IS NULL THEN CASE
        WHEN b.member_withdrawn THEN 'withdrawn'
        WHEN b.departed THEN 'left.' || CASE WHEN b.departed_as IN ({leaving}) THEN b.departed_as ELSE 'none' END
        WHEN b.house_withdrawn THEN 'withdrawn'
        WHEN b.cancelled THEN 'cancelled'
        WHEN b.here IS NOT TRUE THEN 'out'
        ELSE '' END
    WHEN a.stood IS NULL AND b.stood IS NOT NULL THEN CASE
        WHEN a.person IS NULL THEN CASE
            WHEN o.person IS NOT NULL AND j.kind IS NOT NULL THEN 'join.' || j.kind
            WHEN o.person IS NOT NULL THEN ''
            WHEN b.first_recog_on BETWEEN {first} AND {last} THEN 'new'
            ELSE 'filed' END
        WHEN a.member_withdrawn OR a.house_withdrawn THEN 'restored'
        WHEN a.departed THEN CASE WHEN j.kind IS NOT NULL THEN 'join.' || j.kind ELSE 'back' END
        WHEN a.cancelled THEN 'reinstated'
        WHEN a.here IS NOT TRUE THEN 'in'
        WHEN a.not_yet THEN 'new'
        ELSE '' END
    WHEN a.stood <> b.stood THEN CASE
        WHEN a.household_id <> b.household_id THEN 'moved_house'
        WHEN a.stood = 'P' AND b.stood = 'E' THEN 'exited'
        WHEN a.stood = 'E' AND b.status = '02' THEN 'returned'
        WHEN a.stood = 'E' AND b.stood = 'P' THEN 'exit_undone'
        ELSE 'regrouped' END
    END"""


def _quoted(texts) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _moment(at: dt.datetime) -> str:
    return f"TIMESTAMPTZ '{at.isoformat()}'"


def _since(code: str) -> dt.datetime | None:
    """Return when the first household of a region came on file."""
    lo, hi = code_range(code)
    with scope.system("when a register began"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(pgh_created_at) FROM households_householdevent"
            ' WHERE village >= %s COLLATE "C" AND village < %s COLLATE "C"',
            [lo, hi],
        )
        return cursor.fetchone()[0]


def _history(code: str, begin, end, begin_at, end_at) -> list[tuple]:
    """Return [(group at the beginning, group at the end, why, persons)] of a region.

    The days are those of `begin` and `end`; the register is read as it stood at `begin_at` and `end_at`.
    """
    lo, hi = code_range(code)
    if not code.isdigit():
        raise ValueError("no region code")
    first, last = begin.date(), end.date() - dt.timedelta(days=1)
    eve = first - dt.timedelta(days=1)
    why = WHY.format(leaving=_quoted(LEAVING), first=f"DATE '{first}'", last=f"DATE '{last}'")
    here = f"""village >= '{lo}' COLLATE "C" AND village < '{hi}' COLLATE "C" """
    sql = f"""
        WITH candidate AS MATERIALIZED (SELECT DISTINCT pgh_obj_id AS person FROM households_memberevent WHERE {here}),
        house AS MATERIALIZED (SELECT DISTINCT e.household_id AS household FROM households_memberevent e
                                 JOIN candidate c ON c.person = e.pgh_obj_id),
        {_state("before", _moment(begin_at), f"DATE '{eve}'", eve.year, lo, hi)},
        {_state("after", _moment(end_at), f"DATE '{last}'", last.year, lo, hi)},
        occupied AS (SELECT household_id, min(person) AS person FROM before_counted WHERE stood IS NOT NULL GROUP BY 1),
        joined AS (SELECT DISTINCT ON (member_id) member_id AS person, kind FROM households_memberchange
                    WHERE kind IN ({_quoted(JOINING)}) AND recorded_at >= {_moment(begin)} AND recorded_at < {_moment(end)}
                    ORDER BY member_id, id DESC)
        SELECT a.stood, b.stood, {why} AS why, count(*)
          FROM before_counted a FULL JOIN after_counted b ON b.person = a.person
          LEFT JOIN occupied o ON o.household_id = b.household_id
          LEFT JOIN joined j ON j.person = b.person
         WHERE a.stood IS NOT NULL OR b.stood IS NOT NULL GROUP BY 1, 2, 3"""  # noqa: S608 - digits, dates and own names
    # Numbers of a region that the reader may see; the rows of who has left it since are seen from nowhere in it.
    with scope.system("the population balance of a region, in numbers"), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def of(book: Book, first: dt.date) -> Balance:
    """Return the balance from the first day of the month `first` to the end of the book's month."""
    begin, _next = month_span(first)
    since = _since(book.code)
    opened, closed = (_kept(book, month) for month in ((first - dt.timedelta(days=1)).replace(day=1), book.month))
    early = since is None or since >= begin
    # Kept figures tell of the register as it was when they were made: while people write, seconds ago; of a month that was
    # worked out later, long after it had ended.
    begin_at = opened[1] if opened else begin
    end_at = closed[1] if closed else book.end
    rows = _history(book.code, begin, book.end, begin_at, end_at)
    opening, closing = dict.fromkeys(GROUPS, 0), dict.fromkeys(GROUPS, 0)
    found = Balance(first, book.end.date() - dt.timedelta(days=1), opening, closing, early=early)
    for start, end, why, persons in rows:
        if start:
            opening[start] += persons
        if end:
            closing[end] += persons
        if why:
            flow = found.flows.setdefault(why, {})
            if start:
                flow[start] = flow.get(start, 0) - persons
            if end:
                flow[end] = flow.get(end, 0) + persons
        elif why == UNEXPLAINED:
            found.added += 0 if start else persons
            found.gone += 0 if end else persons
    if opened:
        found.opening, found.opening_kept = opened[0], True
    if closed:
        found.closing, found.closing_kept = closed[0], True
    return found


def _kept(book: Book, month: dt.date) -> tuple[dict[str, int], dt.datetime] | None:
    """Return ({group: persons}, made at) as the figures of a month are kept; None where there are none."""
    made = book.many(["K03P"], month).get("K03P")
    if made is None or made.made_at is None:
        return None
    found = dict.fromkeys(GROUPS, 0)
    for part, _label, number in book.parts("K03P", month):
        group = "P" if part in POOR else "E" if part in EXITED else "O"
        found[group] += int(Decimal(number))
    return found, made.made_at
