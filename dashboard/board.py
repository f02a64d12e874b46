"""The figures of one area as the home page shows them: totals, breakdowns, the regions below, and the map's classes."""

import math
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db import connection
from django.http import Http404
from django.urls import NoReverseMatch, reverse

from accounts.roles import Permission
from dashboard import counts
from poverty import scope
from regions.models import LEVEL_LENGTHS, Region

LEVELS = list(LEVEL_LENGTHS)
STEPS = (0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2)  # widths of a map class, as ratios
MOST_CLASSES = 6
RAMP = ("#e4eef8", "#bcd6ec", "#8dbbdf", "#589bcb", "#2d74b0", "#124a82")  # light to dark: read without hue
NONE = "none"  # the list's word for "nothing stated"


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
        for tone, number in sorted(self.tones.items(), key=lambda item: TONES.index(item[0])):
            width = 100 * number / self.households if self.households else 0
            found.append((tone, f"{offset:.2f}", f"{width:.2f}"))
            offset += width
        return found


TONES = ("poor", "pre", "returned", "exited", "other")


@dataclass
class Board:
    """Everything the board's template draws. `query` is the list's filter for this area, ending in "&"."""

    code: str = ""
    name: str = ""
    level: str = ""
    crumbs: list = field(default_factory=list)
    parent: str = ""
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
    """Return the code of the region that holds all of the user's ranges; "" when there is none."""
    if user.region_id:
        return user.region_id
    codes = [found.lo for found in user.scope_ranges() if found.household_id is None]
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
    board.refreshed = counts.refresh(code) if code else 0
    figures = _figures(user, code, _child_length(board))
    if code:
        board.children = _children(user, board, figures["child"], path)
        _rank(board)
    board.totals = _totals(board, figures["all"])
    board.groups = [_group(board, group, figures[group.column]) for group in counts.register().groups]
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


def _figures(user, code: str, child_length: int) -> dict[str, list]:
    """Add up the rows of an area in one pass: {"all" | "child" | column: [(value, status, numbers)]}."""
    rows = counts.rows_seen_by(user)
    if code:
        rows = rows.filter(scope.under("village", code))
    table, params = counts.as_table(rows)
    sets = ("child, status", *counts.GROUPS, "")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT grouping(child, household_type, main_cause, exit_year), child, status, household_type, main_cause,"
            " exit_year, sum(households), sum(persons), sum(unplaced),"
            " sum(households) FILTER (WHERE p.total_households IS NOT NULL)"
            f" FROM (SELECT left(village, %s) AS child, v.* FROM {table}) AS c"
            " LEFT JOIN regions_villageprofile p ON p.village = c.village"
            f" GROUP BY GROUPING SETS ({', '.join(f'({one})' for one in sets)})",
            [child_length, *params],
        )
        answers = cursor.fetchall()
    found: dict[str, list] = {"all": [], "child": [], **{column: [] for column in counts.GROUPS}}
    for mask, child, status, kind, cause, year, *numbers in answers:
        numbers = [int(number or 0) for number in numbers]
        if mask == 0b0111:
            found["child"].append((child, status, numbers))
        elif mask == 0b1011:
            found["household_type"].append((kind, None, numbers))
        elif mask == 0b1101:
            found["main_cause"].append((cause, None, numbers))
        elif mask == 0b1110:
            found["exit_year"].append((year, None, numbers))
        elif status is not None:
            found["status"].append((status, None, numbers))
        else:
            found["all"].append((None, None, numbers))
    return found


def _children(user, board: Board, rows: list, path: str) -> list[Child]:
    """Return the regions below, with their numbers; a dissolved region only as long as households stand under it."""
    place = LEVELS.index(board.level) + 1
    counted = {code for code, _status, _numbers in rows}
    children: dict[str, Child] = {}
    newest, drawn = 0, 0
    if board.level != "hamlet":
        lo, hi = scope.code_range(board.code)
        with connection.cursor() as cursor:
            # xmin, the transaction that last wrote a row, changes whenever a boundary does: it names the cached file.
            cursor.execute(
                "SELECT r.code, r.name, r.level, r.valid_to IS NULL, r.boundary IS NOT NULL, r.xmin::text::bigint, CASE WHEN r.level = 'hamlet' THEN NULL ELSE"
                " (SELECT sum(total_households) FROM regions_villageprofile p"
                "  WHERE p.village >= r.code AND p.village < r.code || '~') END"
                " FROM regions_region r WHERE r.code >= %s AND r.code < %s AND r.level = ANY(%s) ORDER BY r.code",
                [lo, hi, [LEVELS[place], board.level]],
            )
            for code, name, level, valid, has_boundary, version, total in cursor.fetchall():
                if has_boundary:
                    newest, drawn = max(newest, version), drawn + 1
                # Of a region that is only partly in the user's area the whole number says nothing.
                total = int(total) if total is not None and in_area(user, code) else None
                if code == board.code:
                    board.totals["total"] = total
                elif level != "hamlet" and (valid or code in counted) and touches_area(user, code):
                    children[code] = Child(code, name, total)
    tones = counts.register().groups[0].tones
    for code, status, (households, persons, unplaced, known) in rows:
        child = children.get(code)
        if child is None:
            continue
        child.households += households
        child.persons += persons
        child.unplaced += unplaced
        child.known += known
        tone = tones.get(status, "other")
        child.tones[tone] = child.tones.get(tone, 0) + households
    for child in children.values():
        child.drill = _drill(path, child.code)
        child.url = f"{board.list_url}?region={child.code}" if board.list_url else ""
    if drawn:
        board.boundaries = f"{reverse('dashboard:boundaries', args=[board.code])}?v={newest}.{drawn}"
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
    return [(0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, max(1.0, high))]


def totals_of(user) -> dict:
    """Return the totals of the user's whole area."""
    board = Board(code=whole_area(user))
    board.list_url = _list_url(user)
    return _totals(board, _figures(user, board.code, LEVEL_LENGTHS["village"])["all"])


def _list_url(user) -> str:
    try:
        return reverse(counts.register().list_url) if user.may(Permission.HOUSEHOLD_VIEW) else ""
    except NoReverseMatch:
        return ""


def _totals(board: Board, rows: list) -> dict:
    households, persons, unplaced, known = rows[0][2] if rows else (0, 0, 0, 0)
    total = board.totals.get("total")
    url = f"{board.list_url}?{board.query}" if board.list_url else ""
    return {
        "households": households,
        "persons": persons,
        "unplaced": unplaced,
        "total": total,
        "share": known / total if total else None,
        "url": url.rstrip("?&"),
        "unplaced_url": f"{url}unplaced=1" if url else "",
        "query": board.query,
    }


def _group(board: Board, group: counts.Group, rows: list) -> dict:
    """Return a breakdown with its bars, in the order of the code list, of the years, or by count."""
    numbers = {value: found[0] for value, _status, found in rows}
    whole, longest = sum(numbers.values()), max(numbers.values(), default=0)
    order = {code: place for place, code in enumerate(group.labels)}

    def key(value):
        empty = value in ("", 0)
        return (empty, -numbers[value] if group.ranked else order.get(value, 99), value)

    bars = []
    for value in sorted(numbers, key=key):
        empty = value in ("", 0)
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
