"""Charts as tables: what a page draws, prints, reads out and exports of one figure of one region.

A chart is its table; the script of the page draws it from there. `of` picks the kinds that suit a figure: what its
declaration says, and what the place has (a village has no regions below it that could be compared).
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from dashboard import counts, figures
from poverty import config
from poverty.declarations import Indicator, indicators
from poverty.templatetags.figures import UNKNOWN, day, month_zh, number

MOST_COLUMNS = 10  # parts beside each other; what is rarer is added up
MOST_ROWS = 40
LINES = ("national_current", "exit_growth", "province")
LINE_TITLES = {
    "national_current": gettext_lazy("national line %(year)s: %(amount)s yuan"),
    "exit_growth": gettext_lazy("exit line %(year)s: %(amount)s yuan"),
    "province": gettext_lazy("line of the province %(year)s: %(amount)s yuan"),
}
# Names of chart hints in declarations → what is drawn.
HINTS = {
    "stacked": "stack",
    "histogram": "hist",
    "heatgrid": "heat",
    "calendar": "heat",
    "donut": "bar",
    "choropleth": "line",
    "symbols": "line",
    "heat": "line",
    "points": "bar",
    "flow": "bar",
    "bar+line": "column",
    "sankey": "funnel",
}
# What is drawn of a figure besides or instead of its hint: the reasons why households fail the exit test by weight and
# by region, and the status of households by region before the months.
INSTEAD = {"K25": ("pareto", "heat")}
TOGETHER = {"K30": "K30C"}  # two lines of one chart
SHAPED = ("pyramid", "hist", "funnel", "scatter", "pareto")  # whose parts have to be there one by one
TALL_FROM = 14  # rows beyond which a chart of lying bars needs room


def text(value, unit: str = "") -> str:
    """Return a number as it is shown: percent with one decimal and its sign, small numbers with one, others whole."""
    if value is None:
        return UNKNOWN
    value = Decimal(str(value))
    if unit == "%":
        return f"{number(value, 1)}%"
    if value == value.to_integral_value() or abs(value) >= 1000:
        return number(value, 0)
    return number(value, 1 if abs(value) >= 10 else 2)


def plain(value) -> str:
    """Return a number as scripts read it, rounded to what a chart can show; "" for none."""
    return "" if value is None else format(Decimal(str(value)).quantize(Decimal("0.0001")).normalize(), "f")


@dataclass
class Cell:
    value: Decimal | int | None
    unit: str = ""
    url: str = ""

    @property
    def text(self) -> str:
        return text(self.value, self.unit)

    @property
    def plain(self) -> str:
        return plain(self.value)


@dataclass
class Column:
    """A column of numbers. One that is `aside` stands in the table only."""

    title: str
    tone: str = ""
    aside: bool = False


@dataclass
class Row:
    label: str
    cells: list[Cell]
    tone: str = ""
    marked: bool = False
    drill: str = ""


@dataclass
class Chart:
    """A chart and its table. `marks` are further facts for the script, as attributes "data-NAME"."""

    key: str
    kind: str
    title: str
    unit: str
    row_title: str
    columns: list[Column]
    rows: list[Row]
    area: str = ""
    date: str = ""
    source: str = ""
    made_at: dt.datetime | None = None
    marks: list[tuple[str, str]] = field(default_factory=list)
    empty: str = ""
    sheet: str = ""

    def write(self, sheet) -> None:
        """Write the chart's table to a sheet of a workbook."""
        sheet.header([self.title])
        sheet.row([f"{self.area} · {self.date}" + (f" · {_('unit')}: {self.unit}" if self.unit else "")])
        sheet.header([self.row_title, *[column.title for column in self.columns]])
        for row in self.rows:
            sheet.row([row.label, *[None if cell.value is None else float(cell.value) for cell in row.cells]])
        counted = f" · {_('counted')} {day(self.made_at)}" if self.made_at else ""
        sheet.row([f"{_('Source')}: {self.source}{counted}"])


@dataclass
class Place:
    """Where and when: the region shown, the ones below it by code, the months that figures are kept of."""

    user: object
    code: str
    name: str
    month: dt.date
    months: Sequence[dt.date]
    below: dict[str, str] = field(default_factory=dict)
    drill: dict[str, str] = field(default_factory=dict)  # {code: address of the page of a region below}
    sheet: object = None  # (key, kind) → address of the chart as a workbook
    reader: object = figures  # what figures are read through: `public.Reader` in the public variant

    known: dict = field(default_factory=dict)  # {key: series}

    @cached_property
    def date(self) -> str:
        return month_zh(self.month)

    @property
    def public(self) -> bool:
        return self.reader is not figures

    def regions(self, key: str) -> dict[str, str]:
        """Return the regions below that a figure is shown of: {code: name}."""
        return self.reader.below(key, self.code, self.below) if self.public else self.below

    def preload(self, keys: Sequence[str]) -> None:
        """Read the months of several figures at once."""
        wanted = [key for key in keys if indicators[key].numerator]
        self.known.update(self.reader.history(self.user, wanted, self.code, self.months))

    def series(self, key: str) -> list[tuple[dt.date, figures.Value]]:
        if key not in self.known:
            self.preload([key])
        return self.known[key]


def kind_of(indicator: Indicator) -> str:
    return HINTS.get(indicator.chart, indicator.chart)


def title_of(indicator: Indicator) -> str:
    return _(str(indicator.title))


def unit_of(indicator: Indicator) -> str:
    return unit_text(indicator.unit)


def unit_text(unit: str) -> str:
    """Return a unit as it stands behind a number, which some languages write otherwise than the word alone."""
    if not unit or unit == "%":
        return unit
    short = pgettext("unit", unit)
    return short if short != unit else _(unit)


def source_of(indicator: Indicator) -> str:
    if indicator.series is not None:
        return _(str(indicator.series.source))
    return _(str(indicator.source)) if indicator.source else _("this register")


def of(place: Place, key: str) -> list[Chart]:
    """Return the charts of a figure at a place: its declared kind first, then how it went over the months."""
    indicator = indicators[key]
    if indicator.series is not None:
        return [_finished(place, indicator, _published(indicator))]
    if key in TOGETHER.values():
        return []  # drawn with its other half
    makers = list(INSTEAD.get(key, [kind_of(indicator)]))
    if indicator.parts is not None and indicator.denominator and makers[0] in ("line", "gauge"):
        makers.append("bar")
    if indicator.denominator and "line" not in makers and len(place.months) > 1:
        makers.append("line")
    if place.public and indicator.parts is not None and not place.reader.whole_parts(key):
        makers = list(dict.fromkeys("bar" if maker in SHAPED or _pairs(indicator) else maker for maker in makers))
    charts = []
    for maker in makers:
        made = MAKERS.get(maker, _bar)(place, indicator)
        if made is not None:
            charts.append(_finished(place, indicator, made, suffix=len(charts)))
    return charts


def _finished(place: Place, indicator: Indicator, chart: Chart, suffix: int = 0) -> Chart:
    chart.area = chart.area or place.name
    chart.date = chart.date or place.date
    chart.source = source_of(indicator)
    chart.empty = _("Nothing of this is on file here yet.")
    if place.public and indicator.series is None:
        chart.source = f"{chart.source} · {public_note(place.reader)}"
        chart.empty = _("Too few households to be published alone, or nothing on file.")
    chart.key = f"{indicator.key}-{chart.kind}"
    if place.sheet:
        chart.sheet = place.sheet(indicator.key, chart.kind)
    if suffix and chart.kind == "line":
        chart.title = _("%(title)s by month") % {"title": chart.title}
    return chart


def public_note(reader) -> str:
    return _("numbers of fewer than %(floor)s households are put together") % {"floor": reader.floor}


def _pairs(indicator: Indicator) -> bool:
    """Return whether parts are pairs, "kind.level"."""
    return bool(indicator.parts.labels) and all("." in part for part in indicator.parts.labels)


def _published(indicator: Indicator) -> Chart:
    points = [point for point in indicator.series.points if point[1] is not None or point[2] is not None]
    rows = [Row(str(year), [Cell(rate, "%"), Cell(size)]) for year, rate, size in points]
    columns = [Column(_("poverty rate (%)")), Column(_("population in poverty (10,000 persons)"))]
    chart = Chart("", "line", title_of(indicator), "%", _("Year"), columns, rows)
    chart.marks = [("second", "1"), ("second-unit", _("10,000 persons")), ("time", "year")]
    chart.area = _("whole country")
    chart.date = f"{points[0][0]}–{points[-1][0]}" if points else ""
    return chart


def _line(place: Place, indicator: Indicator) -> Chart | None:
    if not indicator.numerator:
        return None
    if indicator.parts is not None and kind_of(indicator) == "line" and not indicator.denominator:
        return _by_month_of_parts(place, indicator)
    found = place.series(indicator.key)
    unit = indicator.unit
    rows = [
        Row(f"{month:%Y-%m}", [Cell(value.value, unit, value.url)], marked=month == place.month)
        for month, value in found
    ]
    chart = Chart("", "line", title_of(indicator), unit_of(indicator), _("Month"), [Column(place.name)], rows)
    chart.made_at = found[-1][1].made_at if found else None
    aim = target(indicator)
    if aim is not None:
        chart.marks = [("target", plain(aim)), ("target-text", _("target %(value)s") % {"value": text(aim, unit)})]
    return chart


def _gauge(place: Place, indicator: Indicator) -> Chart | None:
    value = place.reader.values(place.user, indicator.key, [place.code], place.month).get(place.code)
    if value is None or value.value is None:
        return None
    cells = [Cell(value.value, indicator.unit, value.url)]
    columns = [Column(title_of(indicator))]
    if value.denominator is not None:
        cells += [Cell(value.numerator, "", value.url), Cell(value.denominator)]
        columns += [Column(_("Numerator"), aside=True), Column(_("Denominator"), aside=True)]
    chart = Chart("", "gauge", title_of(indicator), unit_of(indicator), _("Region"), columns, [Row(place.name, cells)])
    chart.made_at = value.made_at
    limits = indicator.thresholds
    highest = (
        Decimal(100) if indicator.unit == "%" else max([value.value, *map(Decimal, map(str, limits))]) * Decimal("1.25")
    )
    if indicator.unit == "%" and limits and max(limits) <= 20 and value.value < 25:
        highest = Decimal(25)  # low rates would all lie at the foot of a scale of a hundred
    chart.marks = [("most", plain(highest)), ("good", indicator.good)]
    if len(limits) >= 2:
        chart.marks.append(("limits", ",".join(plain(limit) for limit in (limits[0], limits[-1]))))
    return chart


def _parts(place: Place, indicator: Indicator) -> list[tuple[str, str, Decimal, str]]:
    return place.reader.parts(place.user, indicator.key, place.code, place.month) if indicator.parts is not None else []


def _part_unit(indicator: Indicator) -> str:
    """Return the unit of a part: a profile's parts are rates, those of a rate are counts."""
    if indicator.parts is not None and indicator.parts.profile:
        units = {indicators[key].unit for _part, _label, key in indicator.parts.profile if key in indicators}
        return units.pop() if len(units) == 1 else ""
    return "" if indicator.unit == "%" else indicator.unit


def _part_title(indicator: Indicator) -> str:
    unit = _part_unit(indicator)
    return _("share") if unit == "%" else pgettext("of a figure", "number")


def _by_part(place: Place, indicator: Indicator, kind: str, *, with_share: bool = True) -> Chart | None:
    """Return one row a part: its number, beside it its share of all parts."""
    if indicator.parts is None:
        return None
    found = _parts(place, indicator)
    unit = _part_unit(indicator)
    whole = sum((value for _part, _label, value, _url in found), Decimal(0))
    shares = with_share and unit != "%" and bool(whole)
    rows = []
    for _part, label, value, url in found[:MOST_ROWS]:
        cells = [Cell(value, unit if unit == "%" else "", url)]
        if shares:
            cells.append(Cell(100 * value / whole, "%"))
        rows.append(Row(label, cells, tone=tone_of(indicator, _part)))
    columns = [Column(_part_title(indicator))]
    if shares:
        columns.append(Column(_("share (%)"), aside=True))
    return Chart("", kind, title_of(indicator), _unit_of_count(indicator), _("Part"), columns, rows)


def _of_whole(place: Place, indicator: Indicator, kind: str) -> Chart | None:
    """Return one row a part: the share of the figure's denominator that it is, beside it its number and list."""
    value = place.reader.values(place.user, indicator.key, [place.code], place.month).get(place.code)
    if value is None or not value.denominator:
        return _by_part(place, indicator, kind, with_share=False)
    rows = [
        Row(label, [Cell(100 * number_ / value.denominator, "%", url), Cell(number_, "", url)])
        for _part, label, number_, url in _parts(place, indicator)
    ]
    columns = [Column(_("share (%)")), Column(pgettext("of a figure", "number"), aside=True)]
    return Chart("", kind, title_of(indicator), "%", _("Part"), columns, rows, made_at=value.made_at)


def _bar(place: Place, indicator: Indicator) -> Chart | None:
    if indicator.parts is None:
        return _line(place, indicator)
    return _by_part(place, indicator, "bar")


def _column(place: Place, indicator: Indicator) -> Chart | None:
    return (
        _by_part(place, indicator, "column", with_share=False)
        if indicator.parts is not None
        else _line(place, indicator)
    )


def _funnel(place: Place, indicator: Indicator) -> Chart | None:
    """Return steps that hold one another. Numbers of passed items are added up: who passes eight passes seven too."""
    chart = _by_part(place, indicator, "funnel", with_share=False)
    if chart is None or indicator.parts.items:
        return chart
    labels = list(indicator.parts.labels)
    if all(label.isdigit() for label in labels) and labels:
        exact = {part: Cell(value, "", url) for part, _label, value, url in _parts(place, indicator)}
        passed, chart.rows = Decimal(0), []
        for part in sorted(labels, key=int, reverse=True):
            cell = exact.get(part, Cell(Decimal(0)))
            passed += cell.value
            chart.rows.insert(0, Row(_("%(number)s or more") % {"number": part}, [Cell(passed), cell]))
        chart.columns = [Column(pgettext("of a figure", "number")), Column(_("exactly so many"), aside=True)]
    return chart


def _radar(place: Place, indicator: Indicator) -> Chart | None:
    if indicator.parts is None:
        return _line(place, indicator)
    rates = indicator.unit == "%" and indicator.parts.items
    chart = _of_whole(place, indicator, "radar") if rates else _by_part(place, indicator, "radar", with_share=False)
    # Two corners are no area.
    if chart is not None and len(chart.rows) < 3:
        chart.kind = "bar"
    return chart


def _pareto(place: Place, indicator: Indicator) -> Chart | None:
    found = sorted(_parts(place, indicator), key=lambda part: -part[2])
    if indicator.parts is None:
        return None
    whole = sum((value for *_rest, value, _url in found), Decimal(0))
    rows, passed = [], Decimal(0)
    for _part, label, value, url in found[:MOST_ROWS]:
        passed += value
        rows.append(Row(label, [Cell(value, "", url), Cell(100 * passed / whole if whole else None, "%")]))
    columns = [Column(pgettext("of a figure", "number")), Column(_("added up (%)"))]
    return Chart("", "pareto", title_of(indicator), _unit_of_count(indicator), _("Part"), columns, rows)


def _unit_of_count(indicator: Indicator) -> str:
    return unit_text(_part_unit(indicator))


def _hist(place: Place, indicator: Indicator) -> Chart | None:
    chart = _by_part(place, indicator, "hist")
    if chart is None:
        return None
    bins = indicator.parts.bins
    if bins:
        known = {part: (value, url) for part, _label, value, url in _parts(place, indicator)}
        labels = {part: label for part, label, _value, _url in _parts(place, indicator)}
        whole = sum((value for value, _url in known.values()), Decimal(0))
        chart.columns = [Column(pgettext("of a figure", "number")), Column(_("share (%)"), aside=True)]
        chart.rows = []
        for part, (low, high) in bins.items():
            value, url = known.get(part, (Decimal(0), ""))
            label = labels.get(part) or _bin(low, high, indicator.parts.labels.get(part, ""))
            cells = [Cell(value, "", url), Cell(100 * value / whole if whole else None, "%")]
            chart.rows.append(Row(label, cells))
        line = poverty_line(place)
        if line is not None:
            amount, words = line
            mark = _place_of(float(amount), list(bins.values()))
            if mark is not None:
                chart.marks = [("mark", f"{mark:.3f}"), ("mark-text", words)]
    return chart


def _bin(low, high, label: str) -> str:
    if label:
        return _(str(label))
    if high == float("inf"):
        return f"≥{number(low)}"
    return f"<{number(high)}" if low == float("-inf") else f"{number(low)}–{number(high)}"


def _place_of(value: float, bins: list[tuple[float, float]]) -> float | None:
    """Return where a value stands among bins, counted in bins from the first one's left edge."""
    for place, (low, high) in enumerate(bins):
        if low <= value < high:
            width = high - low
            return place + ((value - low) / width if 0 < width < float("inf") else 0.5)
    return None


def poverty_line(place: Place) -> tuple[Decimal, str] | None:
    """Return (yuan a head and year, words) of the line in force for the place: the newest year that has one."""
    for year in range(place.month.year, place.month.year - 12, -1):
        for kind in LINES:
            try:
                amount = config.poverty_line(year, place.code, kind)
            except config.NotSet:
                continue
            return amount, LINE_TITLES[kind] % {"year": year, "amount": number(amount, 0)}
    return None


def _pyramid(place: Place, indicator: Indicator) -> Chart | None:
    """Parts are "sex.age group", labelled "men 0–4": men to the left, women to the right, the oldest at the top."""
    if indicator.parts is None:
        return None
    sides = {"1": 0, "2": 1}
    groups: dict[str, Row] = {}
    for part in indicator.parts.labels:  # groups in which nobody is stand there too
        sex, _dot, group = part.partition(".")
        if sex in sides:
            label = str(indicator.parts.labels[part]).partition(" ")[2]
            groups.setdefault(group, Row(label or group, [Cell(Decimal(0)), Cell(Decimal(0))]))
    any_ = False
    for part, _label, value, url in _parts(place, indicator):
        sex, _dot, group = part.partition(".")
        if sex in sides and group in groups:
            groups[group].cells[sides[sex]] = Cell(value, "", url)
            any_ = True
    columns = [Column(_("men")), Column(_("women"))]
    rows = [groups[group] for group in sorted(groups)] if any_ else []
    while rows and not any(cell.value for cell in rows[-1].cells):
        rows.pop()
    return Chart("", "pyramid", title_of(indicator), _unit_of_count(indicator), _("Age"), columns, rows)


def _crossed(place: Place, indicator: Indicator) -> Chart | None:
    """Return a grid of parts that are pairs, "kind.level", labelled with both."""
    rows: dict[str, dict[str, Cell]] = {}
    titles: dict[str, str] = {}
    for part, label, value, url in _parts(place, indicator):
        first, _dot, second = part.partition(".")
        kind, _space, level = label.rpartition(" ")
        titles.setdefault(second, level)
        titles.setdefault(f"{first}.", kind or label)
        rows.setdefault(first, {})[second] = Cell(value, "", url)
    columns = sorted(
        {second for cells in rows.values() for second in cells}, key=lambda one: (one == figures.NONE, one)
    )
    return Chart(
        "",
        "heat",
        title_of(indicator),
        _unit_of_count(indicator),
        _("Part"),
        [Column(titles[second]) for second in columns],
        [
            Row(titles[f"{first}."], [rows[first].get(second, Cell(None)) for second in columns])
            for first in sorted(rows)
        ],
    )


def _grid(place: Place, indicator: Indicator, kind: str) -> Chart | None:
    """Return regions below against parts."""
    if indicator.parts is None:
        return None
    below = place.regions(indicator.key)
    if not below:
        return _by_part(place, indicator, "bar")
    found = place.reader.parts_of(place.user, indicator.key, list(below), place.month)
    titles: dict[str, str] = {}
    weight: dict[str, Decimal] = {}
    for parts in found.values():
        for part, label, value, _url in parts:
            titles.setdefault(part, label)
            weight[part] = weight.get(part, Decimal(0)) + value
    order = list(indicator.parts.labels) or [part for part, *_rest in indicator.parts.items or indicator.parts.profile]
    rank = {part: position for position, part in enumerate(order)}
    columns = sorted(titles, key=lambda part: (part == figures.NONE, rank.get(part.partition("+")[0], len(rank)), part))
    rare: list[str] = []
    if len(columns) > MOST_COLUMNS:
        kept = set(sorted(columns, key=lambda part: -weight[part])[: MOST_COLUMNS - 1])
        rare = [part for part in columns if part not in kept]
        columns = [part for part in columns if part in kept]
    unit = "%" if _part_unit(indicator) == "%" else ""
    rows = []
    for code, name in below.items():
        cells = {part: Cell(value, unit, url) for part, _label, value, url in found.get(code, ())}
        if not cells:
            continue
        row = Row(name, [cells.get(part, Cell(Decimal(0), unit)) for part in columns], drill=place.drill.get(code, ""))
        if rare:
            row.cells.append(Cell(sum((cells[part].value for part in rare if part in cells), Decimal(0))))
        rows.append(row)
    heads = [Column(titles[part], tone=tone_of(indicator, part)) for part in columns]
    if rare:
        heads.append(Column(_("others"), tone="other"))
    return Chart("", kind, title_of(indicator), _unit_of_count(indicator), _("Region"), heads, rows)


def tone_of(indicator: Indicator, part: str) -> str:
    """Return the colour that a status has everywhere; "" for what is no status."""
    groups = counts.register().groups
    if indicator.parts is not None and indicator.parts.labels is groups[0].labels:
        return groups[0].tones.get(part, "other")
    return ""


def _stack(place: Place, indicator: Indicator) -> Chart | None:
    return _grid(place, indicator, "stack")


def _heat(place: Place, indicator: Indicator) -> Chart | None:
    pairs = indicator.parts is not None and _pairs(indicator)
    return _crossed(place, indicator) if pairs else _grid(place, indicator, "heat")


def _scatter(place: Place, indicator: Indicator) -> Chart | None:
    """Parts are "number of persons.bin of income": a dot for each pair, as large as the households it stands for."""
    if indicator.parts is None:
        return _line(place, indicator)
    known = next((one.parts.bins for one in indicators.values() if one.parts is not None and one.parts.bins), {})
    rows = []
    for part, label, value, url in _parts(place, indicator):
        size, _dot, place_ = part.partition(".")
        if size.isdigit() and place_ in known:
            low, high = known[place_]
            rows.append(Row(label, [Cell(Decimal(size)), Cell(Decimal(str((low + high) / 2))), Cell(value, "", url)]))
    columns = [Column(_("persons in the household")), Column(_("net income per head, middle of the bin (yuan)"))]
    columns.append(Column(pgettext("unit", "households")))
    chart = Chart("", "scatter", title_of(indicator), _unit_of_count(indicator), _("Group"), columns, rows)
    line = poverty_line(place)
    if line is not None:
        chart.marks = [("target", plain(line[0])), ("target-text", line[1])]
    return chart


def _by_month_of_parts(place: Place, indicator: Indicator) -> Chart:
    """Return a line through parts that are months; a figure that belongs to it is a second line."""
    keys = [indicator.key, *[other for key, other in TOGETHER.items() if key == indicator.key and other in indicators]]
    rows: dict[str, list[Cell]] = {}
    for column, key in enumerate(keys):
        for part, label, value, url in place.reader.parts(place.user, key, place.code, place.month):
            if part != figures.NONE:
                rows.setdefault(label, [Cell(None) for _key in keys])[column] = Cell(value, "", url)
    columns = [Column(title_of(indicators[key])) for key in keys]
    listed = [Row(label, cells) for label, cells in sorted(rows.items())]
    return Chart("", "line", title_of(indicator), unit_of(indicator), _("Month"), columns, listed)


MAKERS = {
    "line": _line,
    "bar": _bar,
    "column": _column,
    "gauge": _gauge,
    "funnel": _funnel,
    "radar": _radar,
    "pareto": _pareto,
    "hist": _hist,
    "pyramid": _pyramid,
    "stack": _stack,
    "heat": _heat,
    "scatter": _scatter,
}


# --- aims and forecasts ---------------------------------------------------------------------------------------------------


def target(indicator: Indicator) -> Decimal | None:
    """Return the limit beyond which a figure is good; None for what has no direction or no limits."""
    if not indicator.thresholds or indicator.good not in ("up", "down"):
        return None
    return Decimal(str(indicator.thresholds[0] if indicator.good == "down" else indicator.thresholds[-1]))


def reached(indicator: Indicator, value: Decimal) -> bool:
    aim = target(indicator)
    return value <= aim if indicator.good == "down" else value >= aim


def forecast(indicator: Indicator, series: Sequence[tuple[dt.date, Decimal]], most: int = 6) -> dt.date | None:
    """Return the month in which a figure reaches its target at the pace of its last `most` months; None for never.

    The pace is the slope of the least-squares line through them; beyond ten years nothing is foretold.
    """
    aim = target(indicator)
    points = [(month.year * 12 + month.month - 1, float(value)) for month, value in series][-most:]
    if aim is None or len(points) < 3:
        return None
    middle = sum(month for month, _value in points) / len(points)
    mean = sum(value for _month, value in points) / len(points)
    spread = sum((month - middle) ** 2 for month, _value in points)
    slope = sum((month - middle) * (value - mean) for month, value in points) / spread if spread else 0.0
    gap = float(aim) - points[-1][1]
    if not slope or gap / slope <= 0 or gap / slope > 120:
        return None
    month = points[-1][0] + max(1, math.ceil(gap / slope))
    return dt.date(month // 12, month % 12 + 1, 1)
