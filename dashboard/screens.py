"""War-room screens (大屏): what an office puts on the wall, and the figures that are drawn there.

A screen is a few slides, a slide a grid of tiles, a tile a figure in one of its forms. `clean` is the one schema of a
layout; `figures_of` gives everything that a wall draws, as the office of the screen's region sees it: figures only, no
links, no households. Whoever walks past reads along, so numbers that stand for one or two are never told (`guarded`).
"""

import datetime as dt
import math
from dataclasses import dataclass, field
from decimal import Decimal

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from dashboard import battle as battles
from dashboard import boundaries as shapes
from dashboard import charts, classes, figures
from dashboard.charts import text, title_of, unit_of
from poverty import scope
from poverty.declarations import Indicator, indicators, sums
from poverty.templatetags.figures import UNKNOWN, month_zh
from regions.models import LEVEL_LENGTHS, Region

ACROSS, DOWN = 4, 3  # cells of a slide
MOST_SLIDES, MOST_TITLE = 12, 40
SECONDS = (5, 600)
USUAL_SECONDS = 20
REFRESH_SECONDS = 60
KEEP_SECONDS = 15  # many walls of one office ask once
FEW = 3  # households or persons below which a number is not told
MONTHS = 24  # of a line
LINES_OF = {1: 4, 2: 9, 3: 14}  # rows that a tile of this height holds
BASE = "K03"  # registered households: where one or two live, every average is theirs
KINDS = {
    "number": pgettext_lazy("of a figure", "number"),
    "line": pgettext_lazy("chart", "months"),
    "map": pgettext_lazy("chart", "map"),
    "rank": pgettext_lazy("chart", "regions in order"),
    "gauge": pgettext_lazy("chart", "gauge"),
    "bar": pgettext_lazy("chart", "bars"),
    "column": pgettext_lazy("chart", "columns"),
    "pareto": pgettext_lazy("chart", "Pareto"),
    "hist": pgettext_lazy("chart", "distribution"),
    "funnel": pgettext_lazy("chart", "funnel"),
    "radar": pgettext_lazy("chart", "radar"),
    "pyramid": pgettext_lazy("chart", "pyramid"),
    "stack": pgettext_lazy("chart", "stacked bars"),
    "heat": pgettext_lazy("chart", "grid of colours"),
    "scatter": pgettext_lazy("chart", "scatter"),
}
SIZES = {"number": (1, 1), "gauge": (1, 1), "line": (2, 1), "map": (2, 3), "rank": (1, 2), "pyramid": (1, 2)}
USUAL_SIZE = (2, 2)
TILE, SLIDE = {"figure", "kind", "x", "y", "w", "h"}, {"title", "region", "tiles"}
# The wall is dark: the more, the brighter. As many tones as the legend has classes.
RAMP = ("#16375c", "#1f5b93", "#3186c8", "#74b6e6", "#d0e9fb")
WITHHELD = "…"


# --- the schema of a layout ---------------------------------------------------------------------------------------------


def kinds_of(indicator: Indicator) -> list[str]:
    """Return the forms that a figure can be shown in, the one that suits it best first."""
    if indicator.series is not None:
        return ["line"]
    hint = charts.kind_of(indicator)
    found = [*charts.INSTEAD.get(indicator.key, [hint])] if indicator.parts is not None or hint == "gauge" else []
    if indicator.parts is not None and hint in ("line", "gauge"):
        found.append("bar")
    if indicator.numerator and not (indicator.parts is not None and indicator.parts.profile):
        found += ["number", "line", "rank", "map"]
    return [kind for kind in dict.fromkeys(found) if kind in KINDS]


def size_of(kind: str) -> tuple[int, int]:
    return SIZES.get(kind, USUAL_SIZE)


def clean(layout, region: str) -> dict:
    """Return a layout that is whole and holds nothing else, or raise ValidationError saying what is wrong where.

    Regions of slides have to lie in the screen's own; their being there is asked of the database once.
    """
    if not isinstance(layout, dict) or set(layout) != {"slides"} or not isinstance(layout["slides"], list):
        raise ValidationError(_("This is no layout of a screen."), code="layout")
    if not 1 <= len(layout["slides"]) <= MOST_SLIDES:
        raise ValidationError(_("A screen has from one to %(most)s slides.") % {"most": MOST_SLIDES}, code="slides")
    slides = [_clean_slide(slide, place, region) for place, slide in enumerate(layout["slides"], 1)]
    asked = {slide["region"] for slide in slides if slide["region"]}
    levels = [level for level, length in LEVEL_LENGTHS.items() if length <= LEVEL_LENGTHS["village"]]
    known = set(Region.objects.filter(code__in=asked, level__in=levels).values_list("code", flat=True))
    if asked - known:
        raise ValidationError(_("A slide shows a region that is not in this area."), code="region")
    return {"slides": slides}


def _clean_slide(slide, place: int, region: str) -> dict:
    if not isinstance(slide, dict) or not {"tiles"} <= set(slide) <= SLIDE or not isinstance(slide["tiles"], list):
        raise ValidationError(_("Slide %(place)s is not complete.") % {"place": place}, code="slide")
    title, own = slide.get("title", ""), slide.get("region", "")
    if not isinstance(title, str) or len(title.strip()) > MOST_TITLE or any(ord(letter) < 32 for letter in title):
        raise ValidationError(
            _("The title of slide %(place)s is longer than %(most)s characters, or no text.")
            % {"place": place, "most": MOST_TITLE},
            code="title",
        )
    if not isinstance(own, str) or (own and not (own.isascii() and own.isdigit() and own.startswith(region))):
        raise ValidationError(_("A slide shows a region that is not in this area."), code="region")
    if not slide["tiles"]:
        raise ValidationError(
            _("Slide %(place)s is empty: put a figure on it, or remove it.") % {"place": place}, code="empty"
        )
    taken: set[tuple[int, int]] = set()
    tiles = [_clean_tile(tile, place, taken) for tile in slide["tiles"][: ACROSS * DOWN + 1]]
    return {"title": title.strip(), "region": "" if own == region else own, "tiles": tiles}


def _clean_tile(tile, place: int, taken: set) -> dict:
    if not isinstance(tile, dict) or set(tile) != TILE:
        raise ValidationError(_("A tile of slide %(place)s is not complete.") % {"place": place}, code="tile")
    key, kind = tile["figure"], tile["kind"]
    known = indicators.get(key) if isinstance(key, str) else None
    if known is None:
        raise ValidationError(
            _("Slide %(place)s shows a figure that does not exist.") % {"place": place}, code="figure"
        )
    if kind not in kinds_of(known):
        raise ValidationError(
            _("Slide %(place)s: “%(figure)s” cannot be shown in this form.")
            % {"place": place, "figure": title_of(known)},
            code="kind",
        )
    numbers = [tile[name] for name in ("x", "y", "w", "h")]
    if any(type(number) is not int for number in numbers):
        raise ValidationError(_("A tile of slide %(place)s is not complete.") % {"place": place}, code="place")
    x, y, w, h = numbers
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > ACROSS or y + h > DOWN:
        raise ValidationError(
            _("Slide %(place)s: “%(figure)s” does not lie on the slide.") % {"place": place, "figure": title_of(known)},
            code="place",
        )
    cells = {(column, row) for column in range(x, x + w) for row in range(y, y + h)}
    if cells & taken:
        raise ValidationError(
            _("Slide %(place)s: “%(figure)s” covers another tile.") % {"place": place, "figure": title_of(known)},
            code="overlap",
        )
    taken |= cells
    return {"figure": key, "kind": kind, "x": x, "y": y, "w": w, "h": h}


# --- the screen of an office that has composed none ---------------------------------------------------------------------

USUAL = (
    (gettext_lazy("Where we stand"), (
        ("K01", "map", 0, 0, 2, 3), ("K03", "number", 2, 0, 1, 1), ("K04", "gauge", 3, 0, 1, 1),
        ("K04", "line", 2, 1, 2, 1), ("K03P", "number", 2, 2, 1, 1), ("K06", "number", 3, 2, 1, 1),
    )),
    (gettext_lazy("Causes and people"), (
        ("K09", "bar", 0, 0, 2, 2), ("K12", "pyramid", 2, 0, 2, 2), ("K16", "number", 0, 2, 1, 1),
        ("K36J", "number", 1, 2, 1, 1), ("K05", "column", 2, 2, 2, 1),
    )),
    (gettext_lazy("Exit test and guarantees"), (
        ("K23", "radar", 0, 0, 2, 2), ("K20", "map", 2, 0, 2, 2), ("K17", "number", 0, 2, 1, 1),
        ("K19", "number", 1, 2, 1, 1), ("K20", "number", 2, 2, 1, 1), ("K21", "number", 3, 2, 1, 1),
    )),
    (gettext_lazy("Income"), (
        ("K28", "hist", 0, 0, 2, 2), ("K27", "rank", 2, 0, 2, 2), ("K27", "number", 0, 2, 1, 1),
        ("K33", "number", 1, 2, 1, 1), ("K27", "line", 2, 2, 2, 1),
    )),
    (gettext_lazy("Monitoring and data quality"), (
        ("K59", "rank", 0, 0, 2, 2), ("K38", "bar", 2, 0, 2, 2), ("K59", "gauge", 0, 2, 1, 1),
        ("K60", "number", 1, 2, 1, 1), ("K34", "number", 2, 2, 1, 1), ("K39", "number", 3, 2, 1, 1),
    )),
)  # fmt: skip


def usual_layout() -> dict:
    """Return the screen that every office has from the start, of the figures that are declared."""
    slides = []
    for title, tiles in USUAL:
        found = [
            {"figure": key, "kind": kind, "x": x, "y": y, "w": w, "h": h}
            for key, kind, x, y, w, h in tiles
            if key in indicators and kind in kinds_of(indicators[key])
        ]
        if found:
            slides.append({"title": str(title), "region": "", "tiles": found})
    return {"slides": slides}


# --- who reads: the office of the screen's region -------------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    lo: str
    hi: str
    household_id: None = None


@dataclass(frozen=True)
class Office:
    """Who sees the figures of one region as its office does, and opens no list behind any of them."""

    code: str
    pk: None = None
    role: str = ""

    def scope_ranges(self) -> list[Range]:
        return [Range(*scope.code_range(self.code))]

    def may(self, _permission) -> bool:
        return False


# --- nothing that stands for one or two -----------------------------------------------------------------------------------


@dataclass
class Guarded:
    """A figure's value as the wall may tell it: `value` is what is drawn, None where it would tell too much."""

    text: str = UNKNOWN
    value: Decimal | None = None
    hidden: bool = False


def _few(number) -> bool:
    return number is not None and 0 < number < FEW


def of_people(indicator: Indicator) -> bool:
    """Return whether a figure counts what belongs to households: all do but those of villages."""
    first = sums.get(indicator.numerator.split(" - ")[0].partition(".")[0]) or sums.get(indicator.numerator)
    return first is None or not first.rows.endswith("village")


def guarded(indicator: Indicator, value, households=None) -> Guarded:
    """Return a value without telling of one or two: neither their number, nor of how many they are all but one or two.

    `households` is the number of registered ones in the region.
    """
    if value is None or value.value is None:
        return Guarded()
    found = Guarded(text(value.value, indicator.unit), value.value)
    if not of_people(indicator):
        return found
    if _few(households) and not (not indicator.denominator and _few(value.numerator)):
        return Guarded(WITHHELD, None, True)
    if not indicator.denominator:
        return Guarded(f"<{FEW}", None, True) if _few(value.numerator) else found
    whole = value.denominator
    if whole is not None and _few(whole):
        return Guarded(WITHHELD, None, True)
    if indicator.unit == "%" and whole:
        if _few(value.numerator):
            return Guarded(f"<{text(_rounded_up(Decimal(100 * FEW) / whole), '%')}", None, True)
        if _few(whole - value.numerator):
            return Guarded(f">{text(100 - _rounded_up(Decimal(100 * FEW) / whole), '%')}", None, True)
    return found


def _rounded_up(share: Decimal) -> Decimal:
    return Decimal(math.ceil(min(share, Decimal(100)) * 10)) / 10


def hidden_of(numbers: list) -> set[int]:
    """Return the places of numbers that are not told: one and two; and where that is only one of them, the smallest
    other one, for it could be worked out from the whole."""
    few = {place for place, number in enumerate(numbers) if _few(number)}
    others = [(number, place) for place, number in enumerate(numbers) if number and place not in few]
    if len(few) == 1 and others:
        few.add(min(others)[1])
    return few


def _safe(chart: charts.Chart, indicator: Indicator) -> charts.Chart:
    """Return a chart of parts whose numbers of one or two are put together, or left out where the order matters."""
    if chart.kind == "scatter":
        chart.rows = [row for row in chart.rows if not _few(row.cells[2].value)]
        return chart
    if chart.unit == "%" and indicator.parts is not None and not indicator.parts.profile:
        # Shares of a whole, beside each the number: of one or two, and of all but one or two, nothing is told.
        for row in chart.rows:
            share, number = row.cells[0].value, row.cells[1].value
            whole = 100 * number / share if share else None
            if _few(number) or (whole is not None and _few(round(whole) - number)):
                row.cells[0].value = row.cells[1].value = None
        return chart
    if chart.kind == "funnel" and len(chart.columns) > 1:
        return _coarser(chart)
    counted = [place for place, column in enumerate(chart.columns) if not column.aside]
    if chart.kind in ("bar", "pareto", "column") and any(row.cells and not row.cells[0].unit for row in chart.rows):
        return _together(chart, indicator)
    if chart.kind in ("stack", "heat", "pyramid"):
        for row in chart.rows:
            for place in hidden_of([row.cells[place].value for place in counted]):
                row.cells[counted[place]].value = None
        return chart
    for place in hidden_of([row.cells[0].value for row in chart.rows]) if chart.unit != "%" else ():
        chart.rows[place].cells[0].value = None
    return chart


def _coarser(chart: charts.Chart) -> charts.Chart:
    """Leave out the steps of a funnel that one or two more pass than the step before."""
    kept, passed = [], Decimal(0)
    for row in sorted(chart.rows, key=lambda row: row.cells[0].value):
        if not _few(row.cells[0].value - passed):
            kept.append(row)
            passed = row.cells[0].value
    chart.rows = [row for row in chart.rows if row in kept]
    return chart


def _together(chart: charts.Chart, indicator: Indicator) -> charts.Chart:
    """Put rows of one or two together, with the smallest others where they are still too few."""
    places = hidden_of([row.cells[0].value for row in chart.rows])
    if not places:
        return chart
    number = sum((chart.rows[place].cells[0].value for place in places), Decimal(0))
    if _few(number):
        rest = [
            (row.cells[0].value, place)
            for place, row in enumerate(chart.rows)
            if place not in places and row.cells[0].value
        ]
        if rest:
            places.add(min(rest)[1])
            number += min(rest)[0]
    kept = [row for place, row in enumerate(chart.rows) if place not in places]
    kept.append(charts.Row(_("small numbers, together"), [charts.Cell(None if _few(number) else number)], tone="other"))
    if chart.kind == "pareto":
        whole, passed = sum((row.cells[0].value or 0 for row in kept), Decimal(0)), Decimal(0)
        for row in kept:
            passed += row.cells[0].value or 0
            row.cells = [row.cells[0], charts.Cell(100 * passed / whole if whole else None, "%")]
    chart.rows = kept
    return chart


# --- what the wall draws ----------------------------------------------------------------------------------------------------


@dataclass
class Wall:
    """What is read once for all tiles of a screen."""

    office: Office
    month: dt.date
    months: list[dt.date]
    before: dt.date | None
    names: dict[str, str] = field(default_factory=dict)
    below: dict[str, dict[str, str]] = field(default_factory=dict)  # {code: {code below: name}}
    now: dict = field(default_factory=dict)  # {key: {code: Value}}
    then: dict = field(default_factory=dict)
    series: dict = field(default_factory=dict)  # {code: {key: series}}
    lines: dict = field(default_factory=dict)  # {code: words of the poverty line}

    def households(self, code: str):
        value = self.now.get(BASE, {}).get(code)
        return value.numerator if value is not None else None

    def guarded(self, indicator: Indicator, code: str, month: str = "now") -> Guarded:
        return guarded(indicator, getattr(self, month).get(indicator.key, {}).get(code), self.households(code))


def figures_of(*, region: str, layout: dict, seconds: int, title: str, version: str) -> dict:
    """Return everything a wall draws; call it inside a scope that shows the region. Kept for some seconds.

    The same for everybody who may see the screen, so it is kept once for all of them.
    """
    key = f"screen:{region}:{version}:{get_language()}"
    found = cache.get(key)
    if found is None:
        found = _worked_out(region, layout)
        cache.set(key, found, KEEP_SECONDS)
    return {**found, "title": title, "seconds": seconds, "refresh": REFRESH_SECONDS, "script": static("js/screen.js")}


def _worked_out(region: str, layout: dict) -> dict:
    wall = _read(region, layout)
    slides = []
    for slide in layout["slides"]:
        code = slide["region"] or region
        if code not in wall.names:
            continue
        tiles = [_tile(wall, tile, code) for tile in slide["tiles"] if tile["figure"] in indicators]
        slides.append({"title": slide["title"], "area": wall.names[code], "tiles": tiles})
    made = [value.made_at for value in wall.now.get(BASE, {}).values() if value.made_at]
    return {
        "area": wall.names.get(region, region),
        "month": month_zh(wall.month),
        "line": wall.lines.get(region, ""),
        "made_at": _moment(max(made)) if made else "",
        "slides": slides,
    }


def _moment(at: dt.datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _read(region: str, layout: dict) -> Wall:
    """Read the values of all tiles in two queries, the months in one for each region shown."""
    months = figures.months(region) or [figures.latest()]
    wall = Wall(Office(region), months[0], months, next(iter(months[1:]), None))
    asked = list(dict.fromkeys(slide["region"] or region for slide in layout["slides"]))
    asked = [
        code for code in asked if code.startswith(region)
    ]  # whatever is kept: nothing outside of the screen's area
    _places(wall, asked)
    keys, lines = {BASE} & set(indicators), {code: set() for code in asked}
    for slide in layout["slides"]:
        for tile in slide["tiles"]:
            indicator = indicators.get(tile["figure"])
            if indicator is None or indicator.series is not None:
                continue
            keys |= {indicator.key} if indicator.numerator else set()
            if indicator.parts is not None:
                keys |= {other for _part, _label, other in indicator.parts.profile if other in indicators}
            if tile["kind"] == "line" and (slide["region"] or region) in lines:
                lines[slide["region"] or region].add(indicator.key)
    codes = list(dict.fromkeys([*asked, *(code for children in wall.below.values() for code in children)]))
    wall.now = figures.many(wall.office, sorted(keys), codes, wall.month)
    if wall.before:
        wall.then = figures.many(wall.office, sorted(keys), asked, wall.before)
    for code, wanted in lines.items():
        drawn = [key for key in sorted(wanted) if indicators[key].numerator]
        if drawn:
            wall.series[code] = figures.history(
                wall.office, [*drawn, *({BASE} - {*drawn} & set(indicators))], code, months[:MONTHS]
            )
    for code in asked:
        found = charts.poverty_line(_place(wall, code))
        wall.lines[code] = found[1] if found else ""
    return wall


def _places(wall: Wall, asked: list[str]) -> None:
    """Name the regions that are shown and those right below them, in one query."""
    wanted = Q(code__in=asked)
    for code in asked:
        lower = next((level for level, length in LEVEL_LENGTHS.items() if length > len(code)), "hamlet")
        if lower != "hamlet":
            wanted |= Q(scope.under("code", code), level=lower)
    for code, name, ended in Region.objects.filter(wanted).order_by("code").values_list("code", "name", "valid_to"):
        if code in asked:
            wall.names[code] = name
        if ended is None:
            for above in asked:
                if code != above and code.startswith(above) and len(code) == _length_below(above):
                    wall.below.setdefault(above, {})[code] = name


def _length_below(code: str) -> int:
    return next((length for length in LEVEL_LENGTHS.values() if length > len(code)), 0)


def _place(wall: Wall, code: str) -> charts.Place:
    return charts.Place(
        user=wall.office,
        code=code,
        name=wall.names.get(code, code),
        month=wall.month,
        months=sorted(wall.months[:MONTHS]),
        below=wall.below.get(code, {}),
    )


def _tile(wall: Wall, tile: dict, code: str) -> dict:
    indicator = indicators[tile["figure"]]
    kind = tile["kind"]
    value = wall.now.get(indicator.key, {}).get(code)
    body = (MAKERS.get(kind) or _chart)(wall, indicator, code, tile)
    published = indicator.series is not None
    return {
        **{name: tile[name] for name in ("x", "y", "w", "h")},
        "kind": kind,
        "title": title_of(indicator),
        "unit": unit_of(indicator),
        "source": charts.source_of(indicator),
        "area": _("whole country") if published else wall.names[code],
        "date": "" if published else month_zh(wall.month),
        "made_at": _moment(value.made_at) if value is not None and value.made_at else "",
        "line": "" if published else wall.lines.get(code, ""),
        **body,
    }


def _number(wall: Wall, indicator: Indicator, code: str, tile: dict) -> dict:
    now, then = wall.guarded(indicator, code), wall.guarded(indicator, code, "then")
    found = {"text": now.text, "change": "", "tone": "flat", "since": "", "goal": ""}
    if now.value is not None and then.value is not None:
        found["change"], found["tone"] = battles.moved_text(indicator, now.value - then.value)
        found["since"] = battles._since(wall.month, wall.before)
    aim = charts.target(indicator)
    if aim is not None:
        sign = "≤" if indicator.good == "down" else "≥"
        found["goal"] = _("target %(sign)s %(value)s") % {"sign": sign, "value": text(aim, indicator.unit)}
        if now.value is not None and charts.reached(indicator, now.value):
            found["goal"] += f" · {_('reached')}"
    return found


def _regions(wall: Wall, indicator: Indicator, code: str) -> list[tuple[str, str, Guarded]]:
    """Return the regions below with their values, those in the worst state first."""
    below = wall.below.get(code, {})
    rows = [(child, name, wall.guarded(indicator, child)) for child, name in below.items()]
    if not indicator.denominator and of_people(indicator):
        told = wall.now.get(indicator.key, {})
        numbers = [told[child].numerator if child in told else None for child, _name, _value in rows]
        for place in hidden_of(numbers):
            if not rows[place][2].hidden:
                rows[place] = (*rows[place][:2], Guarded(WITHHELD, None, True))

    def badness(row):
        value = row[2].value
        if value is None:
            return (1, Decimal(0), row[0])
        return (0, value if indicator.good == "up" else -value, row[0])

    return sorted(rows, key=badness)


def _rank(wall: Wall, indicator: Indicator, code: str, tile: dict) -> dict:
    rows = _regions(wall, indicator, code)
    most = LINES_OF[tile["h"]]
    shown = rows if len(rows) <= most else rows[: most - 1]
    widest = max(
        (abs(value.value) for _code, _name, value in rows if value.value is not None), default=Decimal(0)
    ) or Decimal(1)
    return {
        "rows": [
            {
                "name": name,
                "text": value.text,
                "width": round(float(100 * abs(value.value) / widest), 1) if value.value is not None else 0,
                "bad": charts.target(indicator) is not None
                and value.value is not None
                and not charts.reached(indicator, value.value),
            }
            for _code, name, value in shown
        ],
        "more": _("and %(number)s more") % {"number": len(rows) - len(shown)} if len(rows) > len(shown) else "",
        "empty": "" if rows else _("There are no regions below this one."),
    }


def _map(wall: Wall, indicator: Indicator, code: str, tile: dict) -> dict:
    rows = _regions(wall, indicator, code)
    values = [value.value for _code, _name, value in rows if value.value is not None]
    rates = bool(indicator.denominator)
    steps = classes.steps(values, "quantile", len(RAMP)) if rates else []
    tones = classes.tones(RAMP, len(steps)) if steps else []
    lows = [step.low for step in steps]
    regions = []
    most = float(max(values, default=0) or 1)
    for child, name, value in rows:
        place = (
            max(0, sum(low <= float(value.value) for low in lows) - 1) if steps and value.value is not None else None
        )
        regions.append(
            {
                "code": child,
                "name": name,
                "text": value.text,
                "colour": tones[place] if place is not None else "",
                "size": round(float(value.value) / most, 4) if not rates and value.value is not None else 0,
            }
        )
    version = shapes.version(code)
    return {
        "shapes": {"code": code, "version": version} if version else None,
        "regions": regions,
        "circles": not rates,
        "legend": [
            {"colour": tone, "text": battles._span(step, indicator, last=step is steps[-1])}
            for step, tone in zip(steps, tones, strict=True)
        ],
        "empty": "" if version else _("No boundaries have been loaded of this area."),
    }


def _line(wall: Wall, indicator: Indicator, code: str, tile: dict) -> dict:
    if indicator.series is not None:
        chart = charts.of(_place(wall, code), indicator.key)[0]
        return {"chart": _drawn(chart), "date": chart.date}
    if indicator.parts is not None and charts.kind_of(indicator) == "line" and not indicator.denominator:
        return _chart(wall, indicator, code, tile)
    known = wall.series.get(code, {})
    households = {month: value.numerator for month, value in known.get(BASE, [])}
    rows = []
    for month, value in known.get(indicator.key, []):
        told = guarded(indicator, value, households.get(month))
        cell = charts.Cell(told.value, indicator.unit)
        rows.append(charts.Row(f"{month:%Y-%m}", [cell], marked=month == wall.month))
    unit, title = unit_of(indicator), title_of(indicator)
    chart = charts.Chart("", "line", title, unit, _("Month"), [charts.Column(wall.names[code])], rows)
    aim = charts.target(indicator)
    if aim is not None:
        words = _("target %(value)s") % {"value": text(aim, indicator.unit)}
        chart.marks = [("target", charts.plain(aim)), ("target-text", words)]
    return {"chart": _drawn(chart)}


def _chart(wall: Wall, indicator: Indicator, code: str, tile: dict) -> dict:
    """Return a chart of the battle map, without what stands for one or two."""
    nothing = {"chart": None, "empty": _("Nothing of this is on file here yet.")}
    if _few(wall.households(code)):
        return {"chart": None, "empty": _("Too few households to be shown.")}
    place = _place(wall, code)
    if tile["kind"] == "gauge":
        told = wall.guarded(indicator, code)
        if told.value is None:
            return {"kind": "number", **_number(wall, indicator, code, tile)}
    if indicator.parts is not None and indicator.parts.profile:
        chart = charts.MAKERS[tile["kind"]](place, indicator)
        told = {
            str(_(label)): wall.guarded(indicators[key], code)
            for _part, label, key in indicator.parts.profile
            if key in indicators
        }
        for row in chart.rows if chart else ():
            row.cells[0].value = told[row.label].value if row.label in told else None
    else:
        chart = charts.MAKERS[tile["kind"]](place, indicator)
        if chart is not None and tile["kind"] != "gauge" and of_people(indicator) and not _of_money(indicator):
            chart = _safe(chart, indicator)
    if chart is None or not chart.rows:
        return nothing
    return {"chart": _drawn(chart)}


def _of_money(indicator: Indicator) -> bool:
    """Return whether the parts are amounts: those say nothing of how many there are."""
    declared = sums.get(indicator.numerator)
    return bool(
        declared
        and declared.value
        and not declared.value == "living"
        and indicator.unit != "%"
        and "yuan" in indicator.unit
    )


def _drawn(chart: charts.Chart) -> dict:
    """Return a chart's table for the wall's script: what is drawn of it, and no more."""
    places = [place for place, column in enumerate(chart.columns) if not column.aside]
    return {
        "kind": chart.kind,
        "unit": chart.unit,
        "row_title": chart.row_title,
        "columns": [{"title": chart.columns[place].title, "tone": chart.columns[place].tone} for place in places],
        "rows": [
            {
                "label": row.label,
                "tone": row.tone,
                "marked": row.marked,
                "cells": [
                    [cell.plain, cell.text if cell.value is not None else WITHHELD]
                    for cell in (row.cells[place] if place < len(row.cells) else charts.Cell(None) for place in places)
                ],
            }
            for row in chart.rows
        ],
        "marks": [list(mark) for mark in chart.marks],
    }


MAKERS = {"number": _number, "rank": _rank, "map": _map, "line": _line}


# --- for the composer -----------------------------------------------------------------------------------------------------


def palette() -> list[dict]:
    """Return all figures by subject, each with the forms it can be shown in and their sizes."""
    topics: dict[str, dict] = {}
    for name, title, key in battles._in_order():
        kinds = kinds_of(indicators[key])
        if kinds:
            topic = topics.setdefault(name, {"name": name, "title": str(title), "figures": []})
            topic["figures"].append(
                {
                    "key": key,
                    "title": title_of(indicators[key]),
                    "kinds": [{"key": kind, "title": str(KINDS[kind]), "size": list(size_of(kind))} for kind in kinds],
                }
            )
    return list(topics.values())


def regions_below(region: str) -> list[tuple[str, str]]:
    """Return [(code, name)] that a slide may show: the screen's region and those right below it."""
    lower = next((level for level, length in LEVEL_LENGTHS.items() if length > len(region)), "hamlet")
    wanted = Q(code=region)
    if lower != "hamlet":
        wanted |= Q(scope.under("code", region), level=lower, valid_to=None)
    return list(Region.objects.filter(wanted).order_by("code").values_list("code", "name"))
