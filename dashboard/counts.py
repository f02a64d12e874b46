"""Sums per village, town and county, kept ready for the home page, the map and the list, and brought up to date
before anybody reads them.

The room that owns the register declares its rows once (`declare`). The kept sums and the live counts of people with
single households both come from that one queryset, and the list page shows the same rows: so the numbers agree.

Statement-level triggers write the village of every changed row to `DirtyVillage`. `refresh` takes those of an area
and counts them again, so that whoever has just saved something finds it in the figures; it hands the marks on to what
works out the figures of a month (`DirtyFigure`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection, transaction

from poverty import scope

GROUPS = ("status", "household_type", "main_cause", "exit_year")
COLUMNS = ("village", *GROUPS, "households", "persons", "unplaced")
LOCK = 7_202_611  # first key of the advisory locks taken here; the second is the county


@dataclass(frozen=True)
class Group:
    """A way to break the households down: a column of the sums, and the list's parameter for it.

    `labels` gives codes in display order; without labels the value is shown as it stands. `tones` gives a code's
    colour class, `ranked` orders by count instead of code.
    """

    column: str
    parameter: str
    title: str
    labels: Mapping[str, str] = field(default_factory=dict)
    tones: Mapping[str, str] = field(default_factory=dict)
    ranked: bool = False
    empty: str = ""  # what stands for "nothing stated"


@dataclass(frozen=True)
class Register:
    """What the home page counts: `rows()` is a queryset of tuples in the order of COLUMNS, one or more a village."""

    rows: Callable
    list_url: str
    groups: tuple[Group, ...]


_declared: list[Register] = []


def declare(register: Register) -> Register:
    if _declared:
        raise ValueError("the register is declared twice")
    _declared.append(register)
    return register


def register() -> Register:
    return _declared[0]


def live_rows(user):
    """Return the rows of single households that `user` sees: paired helpers have no sums kept for them."""
    return register().rows(lambda households: households.visible_to(user))


def as_table(rows) -> tuple[str, list]:
    """Return (SQL, parameters) of `rows` as a table `v` with COLUMNS."""
    sql, params = rows.query.sql_with_params()
    return f"({sql}) AS v ({', '.join(COLUMNS)})", list(params)


def recount(villages: Iterable[str]) -> int:
    """Count `villages` anew; return how many rows of sums they have now."""
    villages = list(villages)
    if not villages:
        return 0
    with transaction.atomic(), scope.system("count villages"), connection.cursor() as cursor:
        _lock(cursor, sorted({code[:6] for code in villages}))
        return _count(cursor, villages)


def _lock(cursor, counties: list[str]) -> None:
    """Let one transaction at a time count a county; in the order of codes, so that nobody waits in a circle."""
    cursor.execute(
        "SELECT pg_advisory_xact_lock(%s, c::int) FROM (SELECT unnest(%s::text[]) AS c ORDER BY 1) s", [LOCK, counties]
    )


def _count(cursor, villages: list[str]) -> int:
    """Replace the sums of `villages`, then of the towns and counties above them; their counties are locked."""
    cursor.execute("DELETE FROM dashboard_villagecount WHERE village = ANY(%s)", [villages])
    table, params = as_table(register().rows(lambda households: households.filter(village__in=villages)))
    cursor.execute(
        f"INSERT INTO dashboard_villagecount ({', '.join(COLUMNS)}, counted_at)"
        f" SELECT village, {', '.join(GROUPS)}, sum(households), sum(persons), sum(unplaced), now() FROM {table}"
        f" GROUP BY village, {', '.join(GROUPS)}",
        params,
    )
    written = cursor.rowcount
    groups = " ".join(f"WHEN grouping({column}) = 0 THEN '{column}'" for column in GROUPS)
    values = ", ".join(f"CASE WHEN grouping({column}) = 0 THEN {column}::text END" for column in GROUPS)
    sets = ", ".join(f"(village, {column})" for column in GROUPS)
    _replace(
        cursor,
        villages,
        f"SELECT 12, village, CASE {groups} ELSE '' END, coalesce({values}, ''),"
        " sum(households), sum(persons), sum(unplaced) FROM dashboard_villagecount"
        f" WHERE village = ANY(%s) GROUP BY GROUPING SETS ((village), {sets})",
        [villages],
    )
    for length, below in ((9, 12), (6, 9)):
        regions = sorted({code[:length] for code in villages})
        _replace(
            cursor,
            regions,
            'SELECT %s, above.code, s."group", s.value, sum(s.households), sum(s.persons), sum(s.unplaced)'
            " FROM unnest(%s::text[]) AS above(code) JOIN dashboard_regionsum s"
            """ ON s.length = %s AND s.region >= above.code COLLATE "C" AND s.region < (above.code || '~') COLLATE "C\""""
            ' GROUP BY above.code, s."group", s.value',
            [length, regions, below],
        )
    return written


def _replace(cursor, regions: list[str], select: str, params: list) -> None:
    """Replace the kept sums of regions of one level."""
    cursor.execute("DELETE FROM dashboard_regionsum WHERE length = %s AND region = ANY(%s)", [len(regions[0]), regions])
    cursor.execute(
        'INSERT INTO dashboard_regionsum (length, region, "group", value, households, persons, unplaced) ' + select,
        params,
    )


def ranges_of(user, area_code: str = "") -> list[tuple[str, str]]:
    """Return [(lo, hi)] of what the user sees of an area, in the order in which counties are locked."""
    lo, hi = scope.code_range(area_code)
    parts = [(max(lo, part.lo), min(hi, part.hi)) for part in user.scope_ranges() if part.household_id is None]
    return sorted((first, last) for first, last in parts if first < last)


def refresh_for(user, area_code: str = "") -> int:
    """As `refresh`, of what the user sees of an area."""
    return sum(_refresh(lo, hi) for lo, hi in ranges_of(user, area_code))


def state_for(user, area_code: str = "") -> str:
    """Return a word that is another one as soon as a household, a member or a year has changed in what the user sees.

    Every recount writes the sums of its regions anew, under new keys and times; what is marked is counted first.
    """
    ranges = ranges_of(user, area_code)
    bounds = [[lo for lo, _hi in ranges], [hi for _lo, hi in ranges]]
    statement = (
        "SELECT md5(coalesce(string_agg(s.id || '@' || s.counted_at, ',' ORDER BY s.id), '')),"
        " EXISTS (SELECT 1 FROM unnest(%s::text[], %s::text[]) AS r (lo, hi) JOIN dashboard_dirtyvillage d"
        ' ON d.village >= r.lo COLLATE "C" AND d.village < r.hi COLLATE "C")'
        " FROM unnest(%s::text[], %s::text[], %s::int[]) AS r (lo, hi, length) JOIN dashboard_regionsum s"
        """ ON s.length = r.length AND s.region >= r.lo COLLATE "C" AND s.region < r.hi COLLATE "C" AND s."group" = ''"""
    )
    params = [*bounds, *bounds, [_level(lo) for lo, _hi in ranges]]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        state, stale = cursor.fetchone()
        if stale:
            refresh_for(user, area_code)
            cursor.execute(statement, params)
            state, _stale = cursor.fetchone()
    return state


def _level(code: str) -> int:
    """Return the level whose sums make up a region: its own, but for larger ones than counties."""
    return next(length for length in (6, 9, 12) if len(code) <= length)


def refresh(area_code: str) -> int:
    """Recount the villages of an area that have changed since they were counted; return how many there were."""
    return _refresh(*scope.code_range(area_code))


def _refresh(lo: str, hi: str) -> int:
    """Recount the changed villages from the code `lo` to before `hi`.

    The change and its mark are committed together, and both are read after the lock: no mark is taken without its
    change. Readers of one county wait for each other here, so nobody reads sums that another is replacing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, c::int), c FROM (SELECT DISTINCT left(village, 6) AS c"
            " FROM dashboard_dirtyvillage WHERE village >= %s AND village < %s ORDER BY 1) s",
            [LOCK, lo, hi],
        )
        counties = [county for _lock, county in cursor.fetchall()]
        if not counties:
            return 0
        with scope.system("count changed villages"):
            cursor.execute(
                "WITH taken AS (DELETE FROM dashboard_dirtyvillage WHERE village >= %s AND village < %s"
                " AND left(village, 6) = ANY(%s) RETURNING village),"
                # What has been counted is next worked out for the figures (`dashboard.figuring`).
                " handed AS (INSERT INTO dashboard_dirtyfigure (village) SELECT DISTINCT village FROM taken)"
                " SELECT DISTINCT village FROM taken",
                [lo, hi, counties],
            )
            villages = [village for (village,) in cursor.fetchall()]
            if villages:  # else another reader took them while this one waited
                _count(cursor, villages)
    return len(villages)
