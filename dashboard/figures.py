"""Figures: what rooms declare in `indicators.py`, kept per region and month, and read here.

`figuring` works the sums out; everything below only reads them. Call it inside the reader's scope (`scope.acting`): row
level security shows `RegionFigure` to whom the region belongs. A number is what its list shows, for every role:

- Who sees whole regions reads the kept sums; of a region that is only partly in the reader's area those of the villages
  in it are added. Who sees single households (paired helpers) has the sums of these worked out on the spot.
- A finding that speaks of two towns is seen by the county that holds both, not by either. Sums over findings are kept by
  the region that has to be in the reader's area (`Sum.seen`), and a reader adds up what the own area shows.

The newest month follows the register, and its figures open the list of households, findings or whatever they count. Who
sees no households opens the villages with their numbers instead; so does everybody for past months, which stand as they
were when they ended while the households have gone on.
"""

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.db import connection
from django.db.models.expressions import RawSQL
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.masks import View, view_of
from accounts.roles import Permission
from dashboard import figuring
from dashboard.models import FigureMonth, RegionFigure
from poverty import scope
from poverty.declarations import Indicator, Sum, indicators, row_sets, sums
from regions.models import LEVEL_LENGTHS, Region

LENGTHS = (0, 2, 4, 6, 9, 12)  # of the country, provinces, cities, counties, towns, villages
VILLAGE = LEVEL_LENGTHS["village"]
NONE = "none"  # the part of what is not stated
LIST, BY_VILLAGE = "households:list", "dashboard:figure_villages"
HUNDRED = Decimal(100)
FIGURES = Permission.FIGURES_VIEW


@dataclass(frozen=True)
class Value:
    """A figure of a region: its sums, the number to show (None: unknown), how old it is, and its list ("": none)."""

    numerator: Decimal
    denominator: Decimal | None
    value: Decimal | None
    made_at: dt.datetime | None
    url: str = ""


# --- months -------------------------------------------------------------------------------------------------------------


def months(code: str = "") -> list[dt.date]:
    """Return the months that figures are kept of, the newest first."""
    return list(FigureMonth.objects.order_by("-month").values_list("month", flat=True))


def latest() -> dt.date:
    """Return the month that follows the register: the newest one; where nothing has been worked out, this month."""
    newest = FigureMonth.objects.order_by("-month").values_list("month", flat=True).first()
    return newest or timezone.localdate().replace(day=1)


# --- reading sums -------------------------------------------------------------------------------------------------------


def in_area(user, code: str) -> bool:
    """Return whether the whole region lies in one of the reader's ranges."""
    lo, hi = scope.code_range(code)
    return any(part.household_id is None and part.lo <= lo and hi <= part.hi for part in user.scope_ranges())


def _touches(user, code: str) -> bool:
    lo, hi = scope.code_range(code)
    return any(part.household_id is None and part.lo < hi and lo < part.hi for part in user.scope_ranges())


def sees_households_only(user) -> bool:
    """Return whether the reader sees single households: no sums are kept of these."""
    return any(part.household_id for part in user.scope_ranges())


def level_of(user, code: str) -> int:
    """Return the code length of the largest region that holds `code` and lies in the reader's area."""
    return next((n for n in LENGTHS if n <= len(code) and in_area(user, code[:n])), VILLAGE)


def stored_names(name: str) -> list[str]:
    """Return the names that a sum is kept under: findings' sums by the region from which they are seen."""
    declared = sums.get(_declared_of(name))
    return [f"{name}@{n}" for n in LENGTHS] if declared and declared.seen else [name]


def _declared_of(name: str) -> str:
    """Return the declared sum that `name`, "sum" or "sum.value", belongs to."""
    if name in sums:
        return name
    parts = name.split(".")
    return next((".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1) if ".".join(parts[:n]) in sums), name)


def _seen(name: str, kept, level: int) -> Decimal:
    """Return the sum `name` as somebody sees it whose area's code has `level` digits; `kept` is {stored name: number}."""
    declared = sums.get(_declared_of(name))
    if not declared or not declared.seen:
        return _number(kept.get(name))
    if declared.seen == "level":
        return _number(kept.get(f"{name}@{level}"))
    return sum((_number(kept.get(f"{name}@{n}")) for n in LENGTHS if n >= level), Decimal(0))


def _number(kept) -> Decimal:
    return Decimal(str(kept)) if kept is not None else Decimal(0)


def _rows(where: str, params: list, names: list[str] | None, of: str = "region") -> list[tuple]:
    """Return [(region, made_at, {stored name: number})] of kept sums; all of the sums where `names` is None.

    `of` names another column to tell the rows apart by.
    """
    columns = "sums" if names is None else ", ".join(["sums->>%s"] * len(names)) or "NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {of}, made_at, {columns} FROM {RegionFigure._meta.db_table} WHERE {where}",
            [*(names or []), *params],
        )
        found = cursor.fetchall()
    if names is None:
        return [(region, at, json.loads(kept) if isinstance(kept, str) else kept) for region, at, kept in found]
    return [(region, at, dict(zip(names, kept, strict=False))) for region, at, *kept in found]


def read(user, codes, month: dt.date, names: list[str] | None) -> dict[str, tuple[dict, dt.datetime | None]]:
    """Return {code: ({sum: number}, made at)} of regions as `user` sees them; regions outside the area are left out.

    `names` are sums; None reads all that is kept, which parts need.
    """
    codes = list(dict.fromkeys(codes))
    if sees_households_only(user):
        return _live(user, codes, month)
    stored = None if names is None else [stored for name in names for stored in stored_names(name)]
    found: dict[str, tuple[dict, dt.datetime | None]] = {}
    whole = [code for code in codes if code and in_area(user, code)]
    if whole:
        lengths = sorted({len(code) for code in whole})
        rows = _rows("month = %s AND length = ANY(%s) AND region = ANY(%s)", [month, lengths, whole], stored)
        kept = {region: (row, at) for region, at, row in rows}
        for code in whole:
            row, at = kept.get(code, ({}, None))
            if at is not None:
                found[code] = (_as_seen(row, level_of(user, code), names), at)
    for code in codes:
        if code not in found and code not in whole and _touches(user, code):
            found[code] = _added_up(user, code, month, names, stored)
    return found


def _added_up(user, code: str, month, names, stored) -> tuple[dict, dt.datetime | None]:
    """Add up the largest kept regions of the reader's ranges inside `code`."""
    lo, hi = scope.code_range(code)
    total: dict[str, Decimal] = {}
    oldest = None
    for part in user.scope_ranges():
        first, last = max(lo, part.lo), min(hi, part.hi)
        if part.household_id is not None or first >= last:
            continue
        # A range of one region's villages is that region; of anything else the villages are added.
        own = next((n for n in LENGTHS if n and len(first) >= n and scope.code_range(first[:n]) == (first, last)), None)
        where, params = (
            "month = %s AND length = %s AND region >= %s AND region < %s",
            [month, own or VILLAGE, first, last],
        )
        if (first, last) == scope.code_range(""):
            params[1] = 2
        for region, at, row in _rows(where, params, stored):
            seen = _as_seen(row, level_of(user, region), names)
            for name, number in seen.items():
                total[name] = total.get(name, Decimal(0)) + number
            oldest = min(at, oldest) if oldest else at
    return total, oldest


def _as_seen(row: dict, level: int, names: list[str] | None) -> dict[str, Decimal]:
    """Return {sum: number} of a kept row for a reader's level."""
    wanted = names if names is not None else dict.fromkeys(_plain_name(stored) for stored in row)
    return {name: _seen(name, row, level) for name in wanted}


def _plain_name(stored: str) -> str:
    name, at, length = stored.rpartition("@")
    declared = sums.get(_declared_of(name)) if at and length.isdigit() else None
    return name if declared and declared.seen else stored


def _live(user, codes, month) -> dict[str, tuple[dict, dt.datetime | None]]:
    """Work out the sums of the households that `user` sees; once per user object and month."""
    kept = user.__dict__.setdefault("_live_figures", {})
    if month not in kept:
        kept[month] = (figuring.of_user(user, month), timezone.now())
    villages, at = kept[month]
    found = {}
    for code in codes:
        lo, hi = scope.code_range(code)
        total: dict[str, Decimal] = {}
        mine = [row for village, row in villages.items() if lo <= village < hi]
        for row in mine:
            # Row-level security has left out what the reader does not see: all that is there is added.
            for name, number in _as_seen(row, 0, None).items():
                total[name] = total.get(name, Decimal(0)) + number
        if mine:
            found[code] = (total, at)
    return found


# --- values -------------------------------------------------------------------------------------------------------------


def _value(indicator: Indicator, row: dict, at, url: str) -> Value:
    first, *less = indicator.numerator.split(" - ")
    numerator = row.get(first, Decimal(0)) - sum((row.get(name, Decimal(0)) for name in less), Decimal(0))
    if not indicator.denominator:
        return Value(numerator, None, numerator, at, url)
    denominator = row.get(indicator.denominator, Decimal(0))
    value = None
    if denominator:
        value = numerator / denominator * (HUNDRED if indicator.unit == "%" else 1)
    return Value(numerator, denominator, value, at, url)


def _names(indicator: Indicator) -> list[str]:
    return [name for name in (*indicator.numerator.split(" - "), indicator.denominator) if name]


def values(user, key: str, codes, month: dt.date | None = None) -> dict[str, Value]:
    """Return {code: Value} of regions; those outside the reader's area, or of which nothing is kept, are left out."""
    return many(user, [key], codes, month)[key]


def many(user, keys, codes, month: dt.date | None = None) -> dict[str, dict[str, Value]]:
    """Return {key: {code: Value}} of several indicators in one query."""
    chosen, newest = [indicators[key] for key in keys], latest()
    month = month or newest
    past = month if month != newest else None
    found = read(user, codes, month, list(dict.fromkeys(name for one in chosen for name in _names(one))))
    return {
        one.key: {code: _value(one, row, at, address(user, one, code, "", past)) for code, (row, at) in found.items()}
        for one in chosen
    }


def child_codes(user, code: str, month: dt.date | None = None) -> list[str]:
    """Return the codes of the regions one level below that have figures and a part in the reader's area."""
    length = next((n for n in LENGTHS if n > len(code)), None)
    if length is None:
        return []
    month = month or latest()
    if sees_households_only(user):
        _live(user, [], month)
        villages = user.__dict__["_live_figures"][month][0]
        return sorted({village[:length] for village in villages if village.startswith(code)})
    lo, hi = scope.code_range(code)
    found: set[str] = set()
    for part in user.scope_ranges():
        first, last = max(lo, part.lo), min(hi, part.hi)
        if part.household_id is None and first < last:
            # A range smaller than a child is found by its villages, any other by the children themselves.
            own = length if all(len(end) <= length for end in (part.lo, part.hi.rstrip("~"))) else VILLAGE
            rows = _rows("month = %s AND length = %s AND region >= %s AND region < %s", [month, own, first, last], [])
            found.update(region[:length] for region, _at, _kept in rows)
    return sorted(found)


def children(user, key: str, code: str, month: dt.date | None = None) -> dict[str, Value]:
    """Return {code: Value} of the regions one level below."""
    return values(user, key, child_codes(user, code, month), month)


def series(user, key: str, code: str, months_: list[dt.date] | None = None) -> list[tuple[dt.date, Value]]:
    """Return [(month, Value)] of a region, the oldest first; a published series has its own months."""
    indicator = indicators[key]
    if indicator.series is not None:
        return [
            (dt.date(year, 12, 1), Value(_number(size), None, None if rate is None else _number(rate), None))
            for year, rate, size in indicator.series.points
        ]
    asked = sorted(months_ if months_ is not None else months(code))
    newest, names = latest(), _names(indicator)
    if code and in_area(user, code) and not sees_households_only(user):
        stored = [stored for name in names for stored in stored_names(name)]
        where = "month = ANY(%s) AND length = %s AND region = %s"
        level = level_of(user, code)
        kept = {
            month: (_as_seen(row, level, names), at)
            for month, at, row in _rows(where, [asked, len(code), code], stored, of="month")
        }
    else:
        kept = {month: read(user, [code], month, names).get(code) for month in asked}
    return [
        (month, _value(indicator, *kept[month], address(user, indicator, code, "", None if month == newest else month)))
        for month in asked
        if kept.get(month)
    ]


def history(user, keys, code: str, months_) -> dict[str, list[tuple[dt.date, Value]]]:
    """Return {key: [(month, Value)]} of several figures of a region, the oldest month first; one query for all."""
    chosen, newest = [indicators[key] for key in keys], latest()
    found: dict[str, list[tuple[dt.date, Value]]] = {key: [] for key in keys}
    months_ = sorted(months_)
    if sees_households_only(user) or not in_area(user, code):
        for month in months_:
            for key, values_ in many(user, keys, [code], month).items():
                found[key] += [(month, values_[code])] if code in values_ else []
        return found
    names = list(dict.fromkeys(name for one in chosen for name in _names(one)))
    stored = [kept for name in names for kept in stored_names(name)]
    columns = "".join([", sums->>%s"] * len(stored))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT month, made_at{columns} FROM {RegionFigure._meta.db_table}"
            " WHERE month = ANY(%s) AND length = %s AND region = %s ORDER BY month",
            [*stored, months_, len(code), code],
        )
        rows = cursor.fetchall()
    level = level_of(user, code)
    for month, at, *kept in rows:
        row = _as_seen(dict(zip(stored, kept, strict=True)), level, names)
        for one in chosen:
            url = address(user, one, code) if month == newest else ""
            found[one.key].append((month, _value(one, row, at, url)))
    return found


def parts(user, key: str, code: str, month: dt.date | None = None) -> list[tuple[str, str, Decimal, str]]:
    """Return [(part, label, number, url)] of what a figure of a region consists of, in display order."""
    return parts_of(user, key, [code], month).get(code, [])


def parts_of(user, key: str, codes, month: dt.date | None = None) -> dict[str, list[tuple[str, str, Decimal, str]]]:
    """Return {code: parts} of several regions."""
    indicator, newest = indicators[key], latest()
    month, declared = month or newest, indicator.parts
    if declared is None:
        return {}

    def url(code, part):
        return address(user, indicator, code, part, None if month == newest else month)

    if declared.profile:
        found = many(user, [other for _part, _label, other in declared.profile], codes, month)
        return {
            code: [
                (part, str(_(label)), found[other][code].value, found[other][code].url)
                for part, label, other in declared.profile
                if code in found[other] and found[other][code].value is not None
            ]
            for code in codes
        }
    if declared.items:
        kept = read(user, codes, month, [name for _part, _label, name in declared.items])
        return {
            code: [
                (part, str(_(label)), row.get(name, Decimal(0)), url(code, part))
                for part, label, name in declared.items
            ]
            for code, (row, _at) in kept.items()
        }
    kept = read(user, codes, month, None)
    start = f"{declared.of}."
    found = {}
    for code, (row, _at) in kept.items():
        numbers = {
            name[len(start) :]: number
            for name, number in row.items()
            if name.startswith(start) and number and name not in sums
        }
        found[code] = [
            (part, _label_of(declared, part), numbers[part], url(code, part)) for part in _ordered(declared, numbers)
        ]
    if declared.regions:
        found = {code: _named(rows) for code, rows in found.items()}
    return found


def _ordered(declared, numbers) -> list[str]:
    order = {value: place for place, value in enumerate(declared.labels)}
    if declared.ranked:
        return sorted(numbers, key=lambda part: (part == NONE, -numbers[part], part))
    return sorted(numbers, key=lambda part: (part == NONE, order.get(part, len(order)), part))


def _label_of(declared, part: str) -> str:
    if part == NONE and NONE not in declared.labels:
        return _("not stated")
    label = declared.labels.get(part, part)
    return _(str(label)) if label else part


def _named(rows):
    names = dict(Region.objects.filter(code__in=[part for part, *_rest in rows]).values_list("code", "name"))
    return [(part, names.get(part, label), number, url) for part, label, number, url in rows]


def flows(user, key: str, code: str, month: dt.date | None = None) -> list[tuple[str, str, Decimal, str]]:
    """Return [(from, to, persons or households, url)] between the regions below and where their people go or came from.

    Of an "out" flow `to` is the name of a place, of an "in" flow both are codes of regions of the level below.
    """
    indicator = indicators[key]
    below = child_codes(user, code, month) or [code]
    found: dict[tuple[str, str], list] = {}
    for child, rows in parts_of(user, key, below, month).items():
        for part, label, number, url in rows:
            if indicator.flow == "in":
                ends = (part[: len(child)], child)
                if ends[0] == ends[1]:
                    continue
            else:
                ends = (child, label)
            # Several old villages of one region make one arrow, whose rows no single filter shows.
            known = found.get(ends)
            found[ends] = [number + known[0], ""] if known else [number, url]
    return [(start, end, number, url) for (start, end), (number, url) in sorted(found.items())]


def bins(user, key: str, code: str, month: dt.date | None = None) -> list[tuple[float, float, Decimal]]:
    """Return [(from, to, number)] of a distribution that is kept as bins, in order."""
    declared = indicators[key].parts
    numbers = {part: number for part, _label, number, _url in parts(user, key, code, month)}
    return [(lo, hi, numbers.get(part, Decimal(0))) for part, (lo, hi) in declared.bins.items()]


def median(user, key: str, code: str, month: dt.date | None = None) -> Decimal | None:
    """Return the median of a distribution, interpolated in its bin: exact to the bin's width."""
    found = bins(user, key, code, month)
    half = sum((number for _lo, _hi, number in found), Decimal(0)) / 2
    passed = Decimal(0)
    for lo, hi, number in found:
        if number and passed + number >= half:
            width = Decimal(str(hi)) - Decimal(str(lo))
            return Decimal(str(lo)) + width * (half - passed) / number
        passed += number
    return None


# --- the list behind a number --------------------------------------------------------------------------------------------


def may_open(user, indicator: Indicator) -> bool:
    """Return whether the reader may know which rows make a figure: the list tells it of each."""
    return user.may(indicator.permission) and view_of(user, indicator.mask) is View.FULL


def address(user, indicator: Indicator, code: str, part: str = "", past: dt.date | None = None) -> str:
    """Return the address of the list behind a figure of a region, "" where there is none.

    `past` is the month, where it is not the newest one.
    """
    if indicator.series is not None or (indicator.parts is not None and indicator.parts.profile):
        return ""
    query = {"region": code, "figure": indicator.key, "part": part}
    if past is not None or not indicator.listed or not may_open(user, indicator):
        if not user.may(FIGURES):
            return ""
        name, query["month"] = BY_VILLAGE, f"{past:%Y-%m}" if past else ""
    elif indicator.rows is not None:
        return indicator.rows(code, part)
    else:
        name = LIST
    try:
        return f"{reverse(name)}?{urlencode({name: value for name, value in query.items() if value})}"
    except NoReverseMatch:
        return ""


def by_village(user, key: str, part: str, code: str, month: dt.date) -> list[tuple[str, Decimal]] | None:
    """Return [(village, number)] of the villages that make a figure of a region or one of its parts, the largest first.

    None where the figure has no such number.
    """
    behind = sum_behind(key, part)
    if behind is None:
        return None
    name = f"{behind.name}.{part}" if part and behind.by and not indicators[key].parts.items else behind.name
    lo, hi = scope.code_range(code)
    if sees_households_only(user):
        _live(user, [], month)
        villages = [village for village in user.__dict__["_live_figures"][month][0] if lo <= village < hi]
        found = {village: row.get(name) for village, (row, _at) in _live(user, villages, month).items()}
    else:
        found = {}
        for part_ in user.scope_ranges():
            first, last = max(lo, part_.lo), min(hi, part_.hi)
            if first < last:
                where, given = "month = %s AND length = 12 AND region >= %s AND region < %s", [month, first, last]
                for village, _at, row in _rows(where, given, stored_names(name)):
                    found[village] = _seen(name, row, level_of(user, village))
    return sorted(((village, number) for village, number in found.items() if number), key=lambda row: (-row[1], row[0]))


def sum_behind(key: str, part: str = "") -> Sum | None:
    """Return the declared sum behind a figure or one of its parts; None where there is no such part."""
    indicator = indicators.get(key)
    if indicator is None:
        return None
    if not part:
        # Of a difference, the records hit and not those left stand in the list.
        return sums.get(indicator.numerator) or sums.get(indicator.numerator.split(" - ")[-1].partition(".")[0])
    declared = indicator.parts
    if declared is None or declared.profile:
        return None
    if declared.items:
        return sums.get(next((name for value, _label, name in declared.items if value == part), ""))
    return sums.get(declared.of)


def label(key: str, part: str = "") -> str:
    """Return what a figure or a part of it is called."""
    indicator = indicators[key]
    title = _(str(indicator.title))
    if not part or indicator.parts is None:
        return title
    named = {value: text for value, text, _name in indicator.parts.items}
    text = str(_(named[part])) if part in named else _label_of(indicator.parts, part)
    return f"{title}: {text}"


def frame(code: str = "") -> figuring.Frame:
    """Return what the newest figures of a region are taken over."""
    kept = FigureMonth.objects.order_by("-month").first()
    lo, hi = scope.code_range(code)
    month = kept.month if kept else timezone.localdate().replace(day=1)
    return figuring.Frame(month, kept.ledger_to if kept else None, lo=lo, hi=hi)


def listed(key: str, part: str = "") -> Sum | None:
    """Return the sum by whose rows the list of households can be filtered; None where a figure has no such list."""
    indicator, behind = indicators.get(key), sum_behind(key, part)
    if behind is None or indicator.rows is not None or not indicator.listed or not row_sets[behind.rows].listed:
        return None
    return behind


def unit_of(behind: Sum) -> str:
    """Return the unit of a sum as it stands behind a number, which some languages write otherwise than the word alone."""
    if not behind.unit:
        return ""
    short = pgettext("unit", behind.unit)
    return short if short != behind.unit else _(behind.unit)


def households_behind(key: str, part: str, code: str) -> RawSQL:
    """Return the keys of the households behind a figure of a region, as the right side of `pk__in`."""
    sql = figuring.keys_sql(listed(key, part), frame(code), _asked(key, part))
    return RawSQL(sql.replace("%", "%%"), ())  # noqa: S611 - parts are quoted, codes are digits


def number_behind(key: str, part: str, code: str, households=None) -> Decimal:
    """Return the number that the rows of the list give, of some `households` or of all that the scope shows."""
    if households is None:
        kept = _kept_number(listed(key, part), _asked(key, part), code)
        if kept is not None:
            return kept
    sql = figuring.number_sql(
        listed(key, part), frame(code), _asked(key, part), "{households}" if households is not None else ""
    )
    sql, params = sql.replace("%", "%%"), ()
    if households is not None:
        inner, params = households.order_by().values("pk").query.sql_with_params()
        sql = sql.replace("{households}", inner)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return _number(cursor.fetchone()[0])


KEPT = """
SELECT sum((sums->>%(name)s)::numeric), count(*)
  FROM dashboard_regionfigure
 WHERE month = (SELECT max(month) FROM dashboard_figuremonth) AND length = 12 AND region >= %(lo)s AND region < %(hi)s
   AND NOT EXISTS (SELECT 1 FROM dashboard_dirtyvillage WHERE village >= %(lo)s AND village < %(hi)s)
   AND NOT EXISTS (SELECT 1 FROM dashboard_dirtyfigure WHERE village >= %(lo)s AND village < %(hi)s)
   AND NOT EXISTS (SELECT 1 FROM accounts_scoperange
                    WHERE household_id IS NOT NULL AND user_id = nullif(current_setting('app.user', true), '')::bigint)
"""


def _kept_number(behind: Sum, part: str, code: str) -> Decimal | None:
    """Return the number from the kept sums of the villages in scope, where nothing has changed since they were made.

    What compares with values set elsewhere, as a poverty line, is always worked out; so is what single households give.
    """
    if not row_sets[behind.rows].marked or behind.seen:
        return None
    lo, hi = scope.code_range(code)
    name = f"{behind.name}.{part}" if part and behind.by else behind.name
    with connection.cursor() as cursor:
        cursor.execute(KEPT, {"name": name, "lo": lo, "hi": hi})
        number, villages = cursor.fetchone()
    return _number(number) if villages else None


def _asked(key: str, part: str) -> str:
    """Return the part as its sum knows it: an item of its own has a sum of its own."""
    declared = indicators[key].parts
    return "" if declared is not None and declared.items else part
