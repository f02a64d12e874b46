"""The battle map: one figure of one area in one month on a map, what stands out in it, and the way down and up.

The address holds everything that is shown (`State`), so that it can be sent to a colleague. Maps of colours show rates,
counts are circles. What the reader may not see is not there: figures come from `figures` in the reader's scope, single
households only at village level (`positions`).
"""

import datetime as dt
from dataclasses import dataclass, field
from dataclasses import replace as changed
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from dashboard import boundaries as shapes
from dashboard import charts, classes, figures, public
from dashboard.board import touches_area, whole_area
from dashboard.charts import reached, target, text, title_of, unit_of
from poverty import scope
from poverty.declarations import Indicator, indicators
from poverty.templatetags.figures import month_zh
from regions.models import LEVEL_LENGTHS, Region

LEVELS = list(LEVEL_LENGTHS)
VILLAGE = LEVEL_LENGTHS["village"]
FEW = 5  # the worst, the best, those that moved most
MOST_FLOWS = 80
# Figures by subject, in the order of the chooser; a figure that is declared and not named here stands in the last one.
TOPICS = (
    ("poverty", gettext_lazy("Poverty and exit"), ("K01", "K02", "K03", "K04", "K05", "K06", "K07", "K08", "K33")),
    ("people", gettext_lazy("Causes and people"), ("K09", "K10", "K11", "K12", "K13", "K14", "K16")),
    ("needs", gettext_lazy("School, health, housing, water"), ("K15", "K17", "K18", "K19", "K20", "K21", "K22", "K66")),
    ("exit", gettext_lazy("Exit test"), ("K23", "K24", "K25", "K26")),
    ("income", gettext_lazy("Income and ledger"), ("K27", "K28", "K29", "K30", "K31", "K32", "K34")),
    ("moves", gettext_lazy("Work away and relocation"), ("K35", "K36", "K37")),
    ("watch", gettext_lazy("Monitoring"), ("K38", "K39", "K40")),
    ("data", gettext_lazy("Data quality"), ("K59", "K60", "K61")),
)
REST = gettext_lazy("More figures")
LAYERS = {
    "rate": gettext_lazy("rate"),
    "count": pgettext_lazy("of a figure", "number"),
    "change": pgettext_lazy("of a figure", "change"),
    "heat": gettext_lazy("heat map"),
    "points": gettext_lazy("households"),
    "flow": gettext_lazy("flows"),
}
BELOW = {
    "city": gettext_lazy("Cities"),
    "county": gettext_lazy("Counties"),
    "town": gettext_lazy("Towns"),
    "village": gettext_lazy("Villages"),
}


# --- the state in the address ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """What the address says; anything that is not known is as if it were not there."""

    area: str = ""
    k: str = ""
    m: str = ""
    layer: str = ""
    method: str = "quantile"
    n: int = classes.USUAL
    palette: str = "blue"
    cm: str = ""  # compared with this month
    cr: str = ""  # compared with this region
    public: str = ""  # "1": as it may be published (`dashboard.public`)

    @classmethod
    def of(cls, params) -> "State":
        def one(name, allowed, usual=""):
            found = params.get(name, "")
            return found if found in allowed else usual

        number = params.get("n", "")
        codes = {name: params.get(name, "") for name in ("area", "cr")}
        return cls(
            area=codes["area"],
            k=one("k", indicators),
            m=_month_text(params.get("m", "")),
            layer=one("layer", LAYERS),
            method=one("method", classes.METHODS, cls.method),
            n=int(number) if number in _numbers() else cls.n,
            palette=one("palette", classes.PALETTES, cls.palette),
            cm=_month_text(params.get("cm", "")),
            public=one("public", ("1",)),
            cr=codes["cr"] if codes["cr"].isascii() and codes["cr"].isdigit() else "",
        )

    def query(self, **changes) -> str:
        """Return the query of the same view with `changes`; what is usual is left out."""
        state = changed(self, **changes)
        usual = State()
        return urlencode(
            {name: value for name, value in vars(state).items() if value != getattr(usual, name) and value != ""}
        )

    def url(self, path: str, **changes) -> str:
        query = self.query(**changes)
        return f"{path}?{query}" if query else path


def _numbers() -> dict[str, int]:
    return {str(one): one for one in range(classes.FEWEST, classes.MOST + 1)}


def _month_text(written: str) -> str:
    try:
        return f"{dt.date.fromisoformat(f'{written}-01'):%Y-%m}" if len(written) == 7 else ""
    except ValueError:
        return ""


# --- what the page shows ----------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """A figure of one place as text: its value, what it is made of, and how it changed."""

    text: str = text(None)
    unit: str = ""
    fraction: str = ""
    change: str = ""
    tone: str = "flat"
    url: str = ""
    value: Decimal | None = None
    moved: Decimal | None = None


@dataclass
class Child:
    """A region below the one shown."""

    code: str
    name: str
    drill: str
    now: Shown
    top: str = ""
    bottom: str = ""
    size: float = 0.0
    rank: int | None = None
    colour: str = ""

    @property
    def codes(self) -> str:
        """Return the regions of a group, as the page's script looks them up."""
        return self.code.replace(public.JOIN, " ")

    @property
    def text(self):
        return self.now.text

    @property
    def change(self):
        return self.now.change

    @property
    def tone(self):
        return self.now.tone

    @property
    def url(self):
        return self.now.url


@dataclass
class Battle:
    """Everything the template draws."""

    state: State
    path: str
    code: str
    name: str
    level: str
    figure: Indicator
    month: dt.date
    months: list[dt.date]
    crumbs: list[dict]
    now: Shown
    reader: object = figures  # what figures are read through
    since: str = ""  # what changes are counted from
    parent: str = ""
    made_at: dt.datetime | None = None
    goal: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    topics: list[dict] = field(default_factory=list)
    layers: list[dict] = field(default_factory=list)
    layer: str = "rate"
    children: list[Child] = field(default_factory=list)
    legend: list[dict] = field(default_factory=list)
    legend_note: str = ""
    circled: str = ""
    panels: list[dict] = field(default_factory=list)
    maps: list[dict] = field(default_factory=list)
    neighbours: list[dict] = field(default_factory=list)
    comparison: dict | None = None
    data: dict = field(default_factory=dict)
    charts_url: str = ""
    drawn: bool = False
    publishes: bool = False

    @property
    def title(self) -> str:
        return title_of(self.figure)

    @property
    def public(self) -> bool:
        return self.reader is not figures

    @property
    def public_url(self) -> str:
        """Return the address of the same view as it may be published, and back; "" where that cannot be made."""
        return (
            self.state.url(self.path, public="" if self.public else "1", layer="", cm="", cr="")
            if self.publishes
            else ""
        )

    @property
    def public_words(self) -> str:
        """Say what may be published of this page and why."""
        return _(
            "Numbers of fewer than %(floor)s households are put together with a neighbour's, so that nobody can be made "
            "out, also not by subtraction. No lists, no changes, no positions."
        ) % {"floor": self.reader.floor}

    @property
    def ratio(self) -> bool:
        return bool(self.figure.denominator)

    @property
    def last_place(self) -> int:
        return max(0, len(self.months) - 1)

    @property
    def place(self) -> int:
        """Return where the month stands on the time line, the oldest first."""
        return self.last_place - self.months.index(self.month)

    @property
    def children_title(self) -> str:
        position = LEVELS.index(self.level) + 1 if self.level in LEVELS else 0
        return str(BELOW.get(LEVELS[min(position, len(LEVELS) - 1)], _("Regions")))

    methods = classes.METHOD_TITLES.items()
    palettes = classes.PALETTE_TITLES.items()
    numbers = list(_numbers().values())


def place_of(user, state: State) -> tuple[str, str]:
    """Return (code shown, code of the user's whole area); Http404 outside of it, ("", "") for who has none."""
    own = whole_area(user)
    code = state.area or own
    if state.area and state.area != own and not (own and code.startswith(own) and touches_area(user, code)):
        raise Http404
    return code, own


def chosen(state: State) -> Indicator:
    """Return the figure that the address names; by default the first one, the poverty rate."""
    return indicators[state.k] if state.k else next(indicators[key] for _name, _title, key in _in_order())


def month_of(state: State, months: list[dt.date]) -> dt.date:
    """Return the month that the address names, else the newest."""
    return next((month for month in months if f"{month:%Y-%m}" == state.m), months[0])


def make(user, state: State, path: str) -> Battle | None:
    """Return the page of a state; None for who has no area, Http404 outside of it."""
    code, own = place_of(user, state)
    if not code or not indicators:
        return None
    figure = chosen(state)
    months = figures.months(code) or [figures.latest()]
    month = month_of(state, months)
    reader = reader_of(user, state, own, month)
    # What is published does not tell what moved: a household that came or went would stand in it alone.
    before = None if reader is not figures else _before(months, month)
    names, level, below = _names(user, code, own)
    if reader is not figures:
        state = changed(state, cm="", cr="")
    crumbs = [
        {"name": names[above], "url": state.url(path, area="" if above == own else above, cr="")}
        for above in _above(code, own)
        if above in names
    ]
    battle = Battle(
        state=state,
        path=path,
        code=code,
        name=names[code],
        level=level,
        figure=figure,
        month=month,
        months=months,
        crumbs=[*crumbs, {"name": names[code], "url": ""}],
        parent=crumbs[-1]["url"] if crumbs else "",
        now=Shown(),
        reader=reader,
        publishes=public.may_publish(own),
        since=_since(month, before),
    )
    _cards(user, battle, before)
    _children(user, battle, below, before)
    _pick_layer(user, battle)
    _compare(user, battle, own)
    _paint(battle)
    if battle.layer == "flow":
        battle.data["flows"] = _flows(user, battle)
    _panels(battle)
    _goal(user, battle)
    battle.charts_url = state.url(reverse("dashboard:charts"), m=f"{month:%Y-%m}", k=figure.key)
    return battle


def reader_of(user, state: State, own: str, month: dt.date):
    """Return what figures are read through; Http404 where the public variant cannot be made."""
    if not state.public:
        return figures
    if not public.may_publish(own):
        raise Http404
    return public.Reader(user, own, month)


def _before(months: list[dt.date], month: dt.date) -> dt.date | None:
    """Return the month kept before `month`."""
    return next((one for one in months if one < month), None)


def _since(month: dt.date, before: dt.date | None) -> str:
    """Say from when a change is counted: not every month is kept."""
    if before is None:
        return ""
    if (month - dt.timedelta(days=1)).replace(day=1) == before:
        return _("since last month")
    return _("since %(month)s") % {"month": month_zh(before)}


def _above(code: str, own: str) -> list[str]:
    return [code[:length] for length in LEVEL_LENGTHS.values() if len(own) <= length < len(code)]


def _names(user, code: str, own: str) -> tuple[dict[str, str], str, dict[str, str]]:
    """Return ({code: name} from the user's area down to `code`, the level, {code: name} of the regions below)."""
    lower = next((level for level, length in LEVEL_LENGTHS.items() if length > len(code)), "")
    wanted = Q(code__in=[code, *_above(code, own)])
    if lower and lower != "hamlet":
        wanted |= Q(scope.under("code", code), level=lower)
    rows = Region.objects.filter(wanted).order_by("code").values_list("code", "name", "level", "valid_to")
    names, level, below = {}, "", {}
    for found, name, its_level, valid_to in rows:
        if len(found) <= len(code):
            names[found] = name
            level = its_level if found == code else level
        elif touches_area(user, found) and valid_to is None:
            below[found] = name
    if code not in names:
        raise Http404
    return names, level, below


def _in_order() -> list[tuple[str, str, str]]:
    """Return [(topic, title, key)] of all figures in the order of the chooser; K03P stands with K03."""
    places = {key: (place, name, title) for place, (name, title, keys) in enumerate(TOPICS) for key in keys}
    last = (len(TOPICS), "more", REST)
    order = sorted(indicators, key=lambda key: (places.get(key[:3], last)[0], key))
    return [(*places.get(key[:3], last)[1:], key) for key in order]


def topic_of(key: str) -> tuple[str, list[str]]:
    """Return (name, keys) of the subject a figure belongs to."""
    order = _in_order()
    name = next(name for name, _title, one in order if one == key)
    return name, [one for topic, _title, one in order if topic == name]


def shown(indicator: Indicator, value, before=None) -> Shown:
    """Return a value as text, with its change since `before`."""
    if value is None or value.value is None:
        return Shown(unit="" if indicator.unit == "%" else unit_of(indicator))
    found = Shown(
        text=text(value.value, indicator.unit),
        unit="" if indicator.unit == "%" else unit_of(indicator),
        url=value.url,
        value=value.value,
    )
    if value.denominator is not None:
        found.fraction = f"{text(value.numerator)} / {text(value.denominator)}"
    if before is not None and before.value is not None:
        found.moved = value.value - before.value
        found.change, found.tone = moved_text(indicator, found.moved)
    return found


def moved_text(indicator: Indicator, moved: Decimal) -> tuple[str, str]:
    """Return (text, tone) of a change: an arrow and the size, and whether that is good."""
    size = text(abs(moved), indicator.unit).removesuffix("%")
    if not size.strip("0.,"):
        return "＝", "flat"
    tone = "flat"
    if indicator.good in ("up", "down"):
        tone = "good" if (moved > 0) == (indicator.good == "up") else "bad"
    return f"{'▲' if moved > 0 else '▼'}{size}", tone


def _cards(user, battle: Battle, before: dt.date | None) -> None:
    """Give every figure's value of the area: the chooser, on the phone cards."""
    order = _in_order()
    keys = [key for _topic, _title, key in order if indicators[key].numerator]
    now = battle.reader.many(user, keys, [battle.code], battle.month)
    then = figures.many(user, keys, [battle.code], before) if before else {}
    here, _keys = topic_of(battle.figure.key)
    topics: dict[str, dict] = {}
    for name, title, key in order:
        indicator = indicators[key]
        value = now.get(key, {}).get(battle.code)
        card = shown(indicator, value, then.get(key, {}).get(battle.code))
        if indicator.series is not None and indicator.series.points:
            card.text = text(indicator.series.points[-1][1], "%")
            card.unit = ""
        if key == battle.figure.key:
            battle.now = card
            battle.made_at = value.made_at if value else None
        topic = topics.setdefault(name, {"title": title, "open": name == here, "cards": []})
        topic["cards"].append(
            {
                "key": key,
                "title": title_of(indicator),
                "text": card.text,
                "unit": card.unit,
                "change": card.change,
                "tone": card.tone,
                "moved": card.moved,
                "value": card.value,
                "url": card.url,
                "drill": battle.state.url(battle.path, k=key, layer=""),
            }
        )
    battle.topics = list(topics.values())
    battle.notes = [charts.source_of(battle.figure)] if battle.figure.source or battle.figure.series else []
    if battle.public and battle.now.value is None and battle.figure.series is None:
        together = battle.reader.merged_with(battle.figure.key, battle.code)
        named = Region.objects.filter(pk__in=together).order_by("pk").values_list("name", flat=True)
        battle.notes.append(
            _("published together only: %(names)s") % {"names": "、".join(named)}
            if together
            else _("too few households to be published alone, or nothing on file")
        )


def _children(user, battle: Battle, below: dict[str, str], before: dt.date | None) -> None:
    """Give the regions below their values, those in the worst state first."""
    figure = battle.figure
    if battle.public:
        below = battle.reader.below(figure.key, battle.code, below)
    if not below or not figure.numerator:
        now = then = {}
    else:
        now = battle.reader.values(user, figure.key, list(below), battle.month)
        then = figures.values(user, figure.key, list(below), before) if before else {}
    for code, name in below.items():
        value = now.get(code)
        # A group of regions has no page of its own.
        drill = "" if public.JOIN in code else battle.state.url(battle.path, area=code, cr="")
        child = Child(code, name, drill, shown(figure, value, then.get(code)))
        if value is not None:
            child.size = max(0.0, float(value.numerator))
            child.top = text(value.numerator)
            child.bottom = text(value.denominator)
        battle.children.append(child)
    known = sorted((child.now.value for child in battle.children if child.now.value is not None), reverse=True)
    for child in battle.children:
        if child.now.value is not None:
            child.rank = 1 + known.index(child.now.value)
    battle.children.sort(key=lambda child: (child.now.value is None, _badness(figure, child), child.code))


def _badness(figure: Indicator, child: Child) -> Decimal:
    value = child.now.value if child.now.value is not None else Decimal(0)
    return value if figure.good == "up" else -value


def _pick_layer(user, battle: Battle) -> None:
    """Choose what the map shows among what suits the figure and the place."""
    figure = battle.figure
    offered: list[str] = []
    if battle.public:
        # No places of households and no arrows, which say where single ones went.
        offered = [key for key in ("rate", "count") if battle.children and (key == "count" or figure.denominator)]
        battle.layer = battle.state.layer if battle.state.layer in offered else (offered or ["rate"])[0]
        battle.layers = [{"key": key, "title": LAYERS[key], "on": key == battle.layer} for key in offered]
        return
    if battle.children and figure.numerator:
        if figure.denominator:
            offered.append("rate")
        offered.append("count")
        if any(child.now.moved is not None for child in battle.children):
            offered.append("change")
    if figure.flow:
        offered.append("flow")
    offered.append("points" if not battle.children else "heat")
    usual = "flow" if figure.flow else offered[0]
    battle.layer = battle.state.layer if battle.state.layer in offered else usual
    battle.layers = [{"key": key, "title": LAYERS[key], "on": key == battle.layer} for key in offered]


# --- comparing ---------------------------------------------------------------------------------------------------------------


def _compare(user, battle: Battle, own: str) -> None:
    """Put another month or another region beside: a second map and a table of all figures."""
    state, figure = battle.state, battle.figure
    battle.maps = [
        {"code": battle.code, "title": f"{battle.name} · {month_zh(battle.month)}", "children": battle.children}
    ]
    if battle.code != own:
        length = len(battle.code)
        parent = battle.code[: max(n for n in (0, *LEVEL_LENGTHS.values()) if n < length)]
        found = Region.objects.filter(scope.under("code", parent) if parent else Q(), level=battle.level).valid()
        battle.neighbours = [
            {"code": code, "name": name}
            for code, name in found.order_by("code").values_list("code", "name")
            if code != battle.code and touches_area(user, code)
        ]
    other_code, other_month, name = battle.code, battle.month, battle.name
    than = next((one for one in battle.months if f"{one:%Y-%m}" == state.cm and one != battle.month), None)
    neighbour = next((one for one in battle.neighbours if one["code"] == state.cr), None)
    if neighbour:
        other_code, name = neighbour["code"], neighbour["name"]
    if than:
        other_month = than
    if not neighbour and not than:
        return
    if neighbour:
        _names_there, _level, below = _names(user, other_code, own)
    else:
        below = {child.code: child.name for child in battle.children}
    values = figures.values(user, figure.key, list(below), other_month) if figure.numerator and below else {}
    children = [
        Child(code, region, state.url(battle.path, area=code, cr=""), shown(figure, values.get(code)))
        for code, region in below.items()
    ]
    for child in children:
        if child.code in values:
            child.size = max(0.0, float(values[child.code].numerator))
    title = f"{name} · {month_zh(other_month)}"
    battle.maps.append({"code": other_code, "title": title, "children": children})
    keys = [key for _topic, _title, key in _in_order() if indicators[key].numerator]
    first = figures.many(user, keys, [battle.code], battle.month)
    second = figures.many(user, keys, [other_code], other_month)
    lines = []
    for key in keys:
        indicator = indicators[key]
        here, there = first[key].get(battle.code), second[key].get(other_code)
        mine, other = shown(indicator, here, there), shown(indicator, there)
        lines.append(
            {
                "title": title_of(indicator),
                "unit": indicator.unit if indicator.unit == "%" else unit_of(indicator),
                "first": mine.text,
                "first_url": mine.url,
                "second": other.text,
                "second_url": other.url,
                "change": mine.change,
                "tone": mine.tone,
                "drill": state.url(battle.path, k=key, layer=""),
            }
        )
    battle.comparison = {
        "title": _("Compared"),
        "first": battle.maps[0]["title"],
        "second": title,
        "lines": lines,
    }


# --- the map -----------------------------------------------------------------------------------------------------------------


def _paint(battle: Battle) -> None:
    """Colour the regions, write the legend, and put together what the map's script draws."""
    state, figure, layer = battle.state, battle.figure, battle.layer
    every = [child for one in battle.maps for child in one["children"]]
    steps: list[classes.Step] = []
    if layer == "rate":
        values = [child.now.value for child in every if child.now.value is not None]
        steps = classes.steps(values, state.method, state.n, state.palette)
        for child in every:
            child.colour = classes.colour(steps, child.now.value)
    elif layer == "change":
        steps = classes.diverging([child.now.moved for child in every if child.now.moved is not None])
        for child in every:
            child.colour = classes.colour(steps, child.now.moved)
    battle.legend = [
        {"colour": step.colour, "number": step.number, "text": _span(step, figure, last=step is steps[-1])}
        for step in steps
    ]
    if layer == "count" or (layer == "rate" and not figure.denominator):
        unit = unit_of(figure) if not figure.denominator else ""
        battle.circled = _("area of the circle: %(what)s") % {"what": unit or _("numerator of the figure")}
    elif layer == "heat":
        battle.legend_note = _("darker cells hold more registered households")
    elif layer == "points":
        battle.legend_note = _("registered households; circles with a number stand for several of them")
    elif layer == "flow":
        battle.legend_note = _("arrows as wide as the number that moved")
    maps = []
    for one in battle.maps:
        version = shapes.version(one["code"])
        address = f"{reverse('dashboard:boundaries', args=[one['code']])}?v={version}" if version else ""
        maps.append(
            {
                "code": one["code"],
                "address": address,
                "children": [
                    drawn for child in one["children"] for drawn in _drawn(battle, child, len(one["children"]))
                ],
                "positions": f"{reverse('dashboard:positions', args=[one['code']])}"
                if layer in ("heat", "points")
                else "",
            }
        )
    battle.drawn = any(one["address"] for one in maps)
    battle.data = {
        "maps": maps,
        "layer": layer,
        "fills": layer in ("rate", "change"),
        "circles": layer == "count",
    }


def _drawn(battle: Battle, child: Child, number: int) -> list[dict]:
    """Return a region, or each of a group, for the map's script, with the lines of its hint."""
    now = child.now
    lines = [f"{title_of(battle.figure)}: {now.text} {now.unit}".strip()]
    if now.fraction:
        lines.append(now.fraction)
    if now.change:
        lines.append(f"{now.change} {battle.since}")
    if child.rank:
        lines.append(_("rank %(rank)s of %(number)s") % {"rank": child.rank, "number": number})
    # One circle stands for a group, on its first region.
    return [
        {"code": code, "name": child.name, "colour": child.colour, "size": 0 if place else child.size, "lines": lines}
        for place, code in enumerate(child.code.split(public.JOIN))
    ]


def _span(step: classes.Step, figure: Indicator, last: bool) -> str:
    low, high = (text(limit, figure.unit) for limit in (step.low, step.high))
    if step.low < 0 < step.high:
        return pgettext("of a figure", "unchanged")
    if not low.strip("-0.,%"):
        low = "0"
    if not high.strip("-0.,%"):
        high = "0"
    if low == high:
        return low
    return (
        f"{low} – {high}" if last else pgettext("from, to before", "%(low)s – <%(high)s") % {"low": low, "high": high}
    )


def _flows(user, battle: Battle) -> list[list]:
    """Return [[from, to, number, address]] of the figure's flows, the largest ones."""
    found = figures.flows(user, battle.figure.key, battle.code, battle.month)
    found = sorted(found, key=lambda one: -one[2])[:MOST_FLOWS]
    return [[start, end, float(number), url] for start, end, number, url in found]


# --- what stands out -----------------------------------------------------------------------------------------------------------


def _panels(battle: Battle) -> None:
    """The worst and the best five, and what moved most since last month: regions below, and figures of this area."""
    figure = battle.figure
    known = [child for child in battle.children if child.now.value is not None]
    if known:
        widest = max(abs(child.now.value) for child in known) or Decimal(1)

        def line(child, width=None, **more):
            size = 100 * abs(child.now.value) / widest if width is None else width
            return {
                "code": child.codes,
                "name": child.name,
                "drill": child.drill,
                "url": child.url,
                "text": f"{child.text}",
                "change": child.change,
                "tone": child.tone,
                "width": f"{size:.1f}",
                **more,
            }

        directed = figure.good in ("up", "down")
        few = known[:FEW] if len(known) > FEW else known
        battle.panels.append(
            {
                "title": _("Worst five") if directed else _("Highest five"),
                "lines": [line(child, bar="poor" if directed else "plain") for child in few],
            }
        )
        if len(known) > FEW:
            best = list(reversed(known))[: min(FEW, len(known) - FEW)]
            battle.panels.append(
                {
                    "title": _("Best five") if directed else _("Lowest five"),
                    "lines": [line(child, bar="exited" if directed else "plain") for child in best],
                }
            )
        moved = sorted((child for child in known if child.now.moved), key=lambda child: -abs(child.now.moved))[:FEW]
        if any(child.now.moved is not None for child in known):
            most = max((abs(child.now.moved) for child in moved), default=Decimal(1))
            battle.panels.append(
                {
                    "title": _("Moved most %(since)s") % {"since": battle.since},
                    "lines": [
                        line(child, width=100 * abs(child.now.moved) / most, bar=_bar_of(child.tone)) for child in moved
                    ],
                    "empty": _("Nothing has moved."),
                }
            )
    cards = [card for topic in battle.topics for card in topic["cards"] if card["moved"]]

    def weight(card):
        before = card["value"] - card["moved"]
        return abs(card["moved"]) / max(abs(before), Decimal(1))

    cards.sort(key=weight, reverse=True)
    if cards:
        most = weight(cards[0]) or Decimal(1)
        battle.panels.append(
            {
                "title": _("Figures that moved most here"),
                "figures": True,
                "lines": [
                    {
                        "name": card["title"],
                        "drill": card["drill"],
                        "url": card["url"],
                        "text": card["text"],
                        "change": card["change"],
                        "tone": card["tone"],
                        "width": f"{100 * weight(card) / most:.1f}",
                        "bar": _bar_of(card["tone"]),
                    }
                    for card in cards[:FEW]
                ],
            }
        )


def _bar_of(tone: str) -> str:
    return {"good": "exited", "bad": "poor"}.get(tone, "plain")


def _goal(user, battle: Battle) -> None:
    """Say the target, how far off it is, and the month in which it is reached at the present pace."""
    figure, aim = battle.figure, target(battle.figure)
    if aim is None or battle.now.value is None:
        return
    sign = "≤" if figure.good == "down" else "≥"
    battle.goal = [_("target %(sign)s %(value)s") % {"sign": sign, "value": text(aim, figure.unit)}]
    if reached(figure, battle.now.value):
        battle.goal.append(_("reached"))
        return
    gap = text(abs(battle.now.value - aim), figure.unit).removesuffix("%")
    points = _("%(gap)s points to go") if figure.unit == "%" else _("%(gap)s to go")
    battle.goal.append(points % {"gap": gap})
    months = [month for month in battle.months if month <= battle.month][:6]
    series = [
        (month, value.value)
        for month, value in battle.reader.history(user, [figure.key], battle.code, months)[figure.key]
        if value.value is not None
    ]
    month = charts.forecast(figure, series)
    if month:
        battle.goal.append(
            _("at the pace since %(since)s: %(month)s")
            % {"since": month_zh(min(one for one, _value in series)), "month": month_zh(month)}
        )
    elif len(series) >= 3:
        battle.goal.append(_("not reached at the present pace"))


# --- charts beside the map -------------------------------------------------------------------------------------------------------


def charts_of(user, state: State) -> list[charts.Chart]:
    """Return the charts of the subject that the chosen figure belongs to, its own first."""
    place, figure = chart_place(user, state)
    _name, keys = topic_of(figure.key)
    keys = [figure.key, *[key for key in keys if key != figure.key]]
    place.preload(keys)
    return [chart for key in keys for chart in charts.of(place, key)]


def chart_place(user, state: State) -> tuple[charts.Place, Indicator]:
    code, own = place_of(user, state)
    if not code or not indicators:
        raise Http404
    figure = chosen(state)
    months = figures.months(code) or [figures.latest()]
    month = month_of(state, months)
    reader = reader_of(user, state, own, month)
    names, _level, below = _names(user, code, own)
    path = reverse("dashboard:map")
    sheet = reverse("dashboard:chart_sheet")
    place = charts.Place(
        user=user,
        code=code,
        name=names[code],
        month=month,
        months=sorted(one for one in months if one <= month)[-36:],
        below=below,
        reader=reader,
        drill={one: state.url(path, area=one, cr="") for one in below},
        sheet=lambda key, kind: f"{sheet}?{state.query(k=key, m=f'{month:%Y-%m}', layer='', cm='', cr='')}&kind={kind}",
    )
    return place, figure
