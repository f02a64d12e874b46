"""The figures of one area as the home page shows them: totals, breakdowns, the regions below, and the map's classes."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Q, Sum
from django.db.models.functions import Left
from django.http import Http404
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.roles import Permission
from dashboard import counts
from dashboard.models import RegionSum
from poverty import scope
from regions.models import LEVEL_LENGTHS, Region

LEVELS = list(LEVEL_LENGTHS)
# Widths of a map class, as ratios; above 1 only where the number of all households is wrong.
STEPS = (0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
MOST_CLASSES = 6
RAMP = ("#e4eef8", "#bcd6ec", "#8dbbdf", "#589bcb", "#2d74b0", "#124a82")  # light to dark: read without hue
NONE = "none"  # the list's word for "nothing stated"
EMPTY = ("", "0")  # no code; no year
NUMBERS = ("households", "persons", "unplaced")


@dataclass
class Bar:
    """One line of a breakdown. `width` is its share of the longest bar, in percent, as SVG text."""

    label: str
    count: int
    ratio: float
    width: str
    tone: str
    url: str = ""


@dataclass
class Child:
    """A region below the one shown. `known` counts households of villages whose number of all households is known."""

    code: str
    name: str
    total: int | None
    households: int = 0
    persons: int = 0
    unplaced: int = 0
    known: int = 0
    tones: dict = field(default_factory=dict)
    share: float | None = None
    rank: int | None = None
    colour: str = ""
    url: str = ""
    drill: str = ""

    @property
    def parts(self) -> list[tuple[str, str, str]]:
        """Return the stacked bar by status tone: (tone, offset, width) in percent."""
        found, offset = [], 0.0
        for tone, number in self._ordered():
            width = 100 * number / self.households if self.households else 0
            found.append((tone, f"{offset:.2f}", f"{width:.2f}"))
            offset += width
        return found

    @property
    def spoken(self) -> str:
        """Return the same in words."""
        return " · ".join(f"{TONES[tone]} {number}" for tone, number in self._ordered())

    def _ordered(self) -> list[tuple[str, int]]:
        return [(tone, self.tones[tone]) for tone in TONES if tone in self.tones]


# Colours of the stacked bars, in their order, with what they mean.
TONES = {
    "poor": _("not exited"),
    "pre": _("about to exit"),
    "returned": _("returned"),
    "exited": _("exited"),
    "other": _("other"),
}


@dataclass
class Board:
    """Everything the board's template draws. `query` is the list's filter for this area, ending in "&"."""

    code: str = ""
    name: str = ""
    level: str = ""
    crumbs: list = field(default_factory=list)
    parent: str = ""
    total: int = 0  # households in all, of the villages where that is known
    known: int = 0  # registered households of the same villages
    totals: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    classes: list[tuple[float, float, str]] = field(default_factory=list)  # from, to, colour
    boundaries: str = ""
    list_url: str = ""
    refreshed: int = 0

    @property
    def query(self) -> str:
        return f"region={self.code}&" if self.code else ""

    @property
    def drawn(self) -> bool:
        return bool(self.boundaries)

    @property
    def tones(self) -> list[tuple[str, str]]:
        """Return the key of the stacked bars: (tone, label) of those that occur."""
        return [(tone, label) for tone, label in TONES.items() if any(tone in child.tones for child in self.children)]

    def map_data(self) -> dict:
        """Return what the map's script needs beside the boundaries."""
        keys = ("code", "name", "households", "total", "share", "rank", "colour", "drill")
        return {
            "code": self.code,
            "name": self.name,
            "level": self.level,
            "parent": self.parent,
            "boundaries": self.boundaries,
            "children": [{key: getattr(child, key) for key in keys} for child in self.children],
        }


def whole_area(user) -> str:
    """Return the code of the smallest region that holds the user's own and all of the user's ranges; "" for none."""
    codes = [user.region_id] if user.region_id else []
    for found in user.scope_ranges():
        if found.household_id is None:
            codes += [found.lo] if found.hi == scope.code_range(found.lo)[1] else [found.lo, found.hi]
    if not codes:
        return ""
    common = codes[0] if len(codes) == 1 else _common_prefix(codes)
    return common[: max((length for length in LEVEL_LENGTHS.values() if length <= len(common)), default=0)]


def _common_prefix(codes: list[str]) -> str:
    first, last = min(codes), max(codes)
    length = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]


def in_area(user, code: str) -> bool:
    """Return whether the whole region lies in one of the user's ranges."""
    return any(found.household_id is None and found.lo <= code < found.hi for found in user.scope_ranges())


def touches_area(user, code: str) -> bool:
    """Return whether the region has a part in the user's ranges."""
    lo, hi = scope.code_range(code)
    return any(found.household_id is None and found.lo < hi and lo < found.hi for found in user.scope_ranges())


def make(user, asked: str = "", path: str = "") -> Board:
    """Return the board of the region `asked` (by default the user's whole area); Http404 outside it."""
    own = whole_area(user)
    code = asked or own
    if asked and asked != own and not (asked.startswith(own) and touches_area(user, asked)):
        raise Http404
    board = Board(code=code, list_url=_list_url(user))
    if code:
        _place(board, own, path)
    board.refreshed = counts.refresh_for(user, code)
    length = _child_length(board)
    figures = _figures(user, code, length)
    if code:
        board.children = _children(user, board, figures.children, length, path)
        _rank(board)
    board.totals = _totals(board, figures.whole)
    board.groups = [_group(board, group, figures.groups[group.column]) for group in counts.register().groups]
    return board


def _place(board: Board, own: str, path: str) -> None:
    """Find the region's name and the way to it from the user's whole area."""
    above = [board.code[:length] for length in LEVEL_LENGTHS.values() if len(own) <= length < len(board.code)]
    places = {place.code: place for place in Region.objects.filter(code__in=[board.code, *above]).only("name", "level")}
    here = places.get(board.code)
    if here is None:
        raise Http404
    board.name, board.level = here.name, here.level
    board.crumbs = [
        {"name": places[code].name, "code": code, "url": _drill(path, code, own)} for code in above if code in places
    ]
    if board.crumbs:
        board.parent = board.crumbs[-1]["url"]
    board.crumbs.append({"name": here.name, "code": board.code, "url": ""})


def _drill(path: str, code: str, own: str = "") -> str:
    return path if code == own else f"{path}?{urlencode({'area': code})}"


def _child_length(board: Board) -> int:
    if not board.level:
        return LEVEL_LENGTHS["village"]
    place = LEVELS.index(board.level) + 1
    return LEVEL_LENGTHS[LEVELS[min(place, LEVELS.index("village"))]]


@dataclass
class Figures:
    """(households, persons, unplaced) of an area, of each value of each group, and of each status of each child."""

    whole: Counter = field(default_factory=Counter)
    groups: dict = field(default_factory=lambda: defaultdict(Counter))
    children: dict = field(default_factory=lambda: defaultdict(lambda: defaultdict(Counter)))

    def add(self, child: str, group: str, value: str, numbers, *, whole=True) -> None:
        numbers = dict(zip(NUMBERS, numbers, strict=True))
        if group == "" and whole:
            self.whole.update(numbers)
        elif group and whole:
            self.groups[group][value] += numbers["households"]
        if group == "status" and child:
            self.children[child][value].update(numbers)


def _figures(user, code: str, child_length: int) -> Figures:
    """Return the figures of an area: kept sums, or live ones for who sees single households."""
    found = Figures()
    if any(part.household_id for part in user.scope_ranges()):
        rows = counts.live_rows(user)
        for village, *values, households, persons, unplaced in rows.filter(scope.under("village", code)):
            numbers = (households, persons, unplaced)
            found.add("", "", "", numbers)
            for group, value in zip(counts.GROUPS, values, strict=True):
                found.add(village[:child_length], group, str(value), numbers)
        return found
    sums = RegionSum.objects.visible_to(user).order_by()
    kept = code and len(code) >= LEVEL_LENGTHS["county"] and in_area(user, code)
    if kept:
        rows = sums.filter(
            Q(length=len(code), region=code) | Q(scope.under("region", code), length=child_length, group="status")
        ).values_list("region_id", "group", "value", *NUMBERS)
    else:
        # A province or city adds up its counties; somebody with parts of an area only, the villages of those.
        length = LEVEL_LENGTHS["county"] if in_area(user, code) else LEVEL_LENGTHS["village"]
        rows = (
            sums.filter(scope.under("region", code), length=length)
            .values_list(Left("region_id", child_length), "group", "value")
            .annotate(*[Sum(name) for name in NUMBERS])
        )
    for region, group, value, *numbers in rows:
        found.add(region if region != code else "", group, value, numbers, whole=not kept or region == code)
    return found


CHILDREN = """
SELECT r.code, r.name, r.level, r.valid_to IS NULL, r.boundary IS NOT NULL, r.xmin::text::bigint, p.total, p.known
  FROM regions_region r
  LEFT JOIN (SELECT left(p.village, %(length)s) AS code, sum(p.total_households) AS total, sum(s.households) AS known
               FROM regions_villageprofile p
               LEFT JOIN dashboard_regionsum s ON s.length = 12 AND s.region = p.village AND s."group" = ''
              WHERE p.village >= %(lo)s AND p.village < %(hi)s AND p.total_households IS NOT NULL
              GROUP BY 1) p ON p.code = r.code
 WHERE r.code >= %(lo)s AND r.code < %(hi)s AND r.level = ANY(%(levels)s)
 ORDER BY r.code
"""


def _children(user, board: Board, counted: dict, length: int, path: str) -> list[Child]:
    """Return the regions below, with their numbers; a dissolved region only as long as households stand under it.

    `known` adds up the villages whose number of all households is known: only they make a share. xmin, the
    transaction that last wrote a row, changes whenever a boundary does, so it names the cached boundaries.
    """
    lo, hi = scope.code_range(board.code)
    below = LEVELS[min(LEVELS.index(board.level) + 1, len(LEVELS) - 1)]
    with connection.cursor() as cursor:
        cursor.execute(CHILDREN, {"lo": lo, "hi": hi, "length": length, "levels": [below, board.level]})
        rows = cursor.fetchall()
    children: dict[str, Child] = {}
    for code, name, level, valid, _has_boundary, _version, total, known in rows:
        # Of a region that is only partly in the user's area the whole number says nothing.
        measured = total is not None and in_area(user, code)
        if measured and (code != board.code or length == len(code)):
            board.total += int(total)
            board.known += int(known or 0)
        if code != board.code and level != "hamlet" and (valid or code in counted) and touches_area(user, code):
            children[code] = Child(code, name, int(total) if measured else None, known=int(known or 0))
    for code, child in children.items():
        for status, numbers in counted.get(code, {}).items():
            child.households += numbers["households"]
            child.persons += numbers["persons"]
            child.unplaced += numbers["unplaced"]
            tone = counts.register().groups[0].tones.get(status, "other")
            child.tones[tone] = child.tones.get(tone, 0) + numbers["households"]
        child.drill = _drill(path, code)
        child.url = f"{board.list_url}?region={code}" if board.list_url else ""
    drawn = [version for *_rest, has_boundary, version, _total, _known in rows if has_boundary]
    if drawn:
        board.boundaries = f"{reverse('dashboard:boundaries', args=[board.code])}?v={max(drawn)}.{len(drawn)}"
    return list(children.values())


def _rank(board: Board) -> None:
    """Give every child its share, its rank by it, and its class on the map."""
    for child in board.children:
        child.share = child.known / child.total if child.total else None
    shares = [child.share for child in board.children if child.share is not None]
    limits = classes(shares)
    colours = [RAMP[round(place * (len(RAMP) - 1) / max(1, len(limits) - 1))] for place in range(len(limits))]
    board.classes = [(lo, hi, colour) for (lo, hi), colour in zip(limits, colours, strict=True)]
    for child in board.children:
        if child.share is not None:
            child.rank = 1 + sum(1 for share in shares if share > child.share)
            child.colour = next((colour for lo, hi, colour in board.classes if child.share < hi), RAMP[-1])


def classes(shares: list[float]) -> list[tuple[float, float]]:
    """Return equal classes with round limits that hold all `shares`: at most six, [lo, hi)."""
    if not shares:
        return []
    low, high = min(shares), max(shares)
    for step in STEPS:
        start = math.floor(low / step + 1e-9)
        number = math.floor(high / step + 1e-9) - start + 1
        if number <= MOST_CLASSES:
            return [(round((start + place) * step, 4), round((start + place + 1) * step, 4)) for place in range(number)]
    return [(low, high)]


def totals_of(user) -> dict:
    """Return the totals of the user's whole area."""
    board = Board(code=whole_area(user))
    board.list_url = _list_url(user)
    return _totals(board, _figures(user, board.code, LEVEL_LENGTHS["village"]).whole)


def _list_url(user) -> str:
    try:
        return reverse(counts.register().list_url) if user.may(Permission.HOUSEHOLD_VIEW) else ""
    except NoReverseMatch:
        return ""


def _totals(board: Board, whole: Counter) -> dict:
    url = f"{board.list_url}?{board.query}" if board.list_url else ""
    return {
        **{name: whole[name] for name in NUMBERS},
        "total": board.total,
        "share": board.known / board.total if board.total else None,
        "url": url.rstrip("?&"),
        "unplaced_url": f"{url}unplaced=1" if url else "",
        "query": board.query,
    }


def _group(board: Board, group: counts.Group, numbers: Counter) -> dict:
    """Return a breakdown with its bars, in the order of the code list, of the years, or by count."""
    whole, longest = sum(numbers.values()), max(numbers.values(), default=0)
    order = {code: place for place, code in enumerate(group.labels)}

    def key(value):
        return (value in EMPTY, -numbers[value] if group.ranked else order.get(value, 99), value)

    bars = []
    for value in sorted(numbers, key=key):
        empty = value in EMPTY
        query = urlencode({group.parameter: NONE if empty else value})
        bars.append(
            Bar(
                label=str(group.empty if empty else group.labels.get(value, value)),
                count=numbers[value],
                ratio=numbers[value] / whole,
                width=f"{100 * numbers[value] / longest:.2f}",
                tone=group.tones.get(value, "other" if empty or group.tones else "plain"),
                url=f"{board.list_url}?{board.query}{query}" if board.list_url else "",
            )
        )
    return {"title": group.title, "bars": bars, "parameter": group.parameter}
