"""What all reports about the register read their numbers from: the kept figures of one region, its parts, and its past."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard import figures
from poverty.declarations import indicators
from poverty.scope import code_range
from regions.models import Region
from validation.report import paper
from validation.report.figures import month_span
from validation.report.kinds import Made

TREND = 12  # months
# As offices write them in tables; on pages a word of its own stands there.
UNITS = {"贫困户": "户", "疑点": "条"}


@dataclass(frozen=True)
class _Range:
    lo: str
    hi: str
    household_id: int | None = None


class Office:
    """Reads figures as the office of one region sees them, and opens nothing: a file is read by everybody there."""

    def __init__(self, code: str):
        self.area_code = code

    def scope_ranges(self):
        return [_Range(*code_range(self.area_code))]

    def may(self, permission) -> bool:
        return False


class Book:
    """The figures of a region and month; `kept` is whether there are any."""

    def __init__(self, region: Region, month: dt.date):
        self.region, self.code, self.month = region, region.pk, month
        self.office = Office(region.pk)
        self.months = figures.months(region.pk)
        self.kept, self.newest = month in self.months, bool(self.months) and month == self.months[0]
        self.last = (month - dt.timedelta(days=1)).replace(day=1)
        self.begin, self.end = month_span(month)
        made = self.many(["K03"]).get("K03")
        self.as_of = made.made_at if made and made.made_at else min(self.end, timezone.now())
        above = dict(Region.objects.filter(pk__in=region.ancestor_codes()).values_list("pk", "name"))
        self.path = "".join(above[code] for code in sorted(above)) + region.name

    @property
    def label(self) -> str:
        return f"{self.month.year}年{self.month.month}月"

    def many(self, keys, month: dt.date | None = None) -> dict[str, figures.Value]:
        """Return {key: Value} of the region; what nothing is kept of is left out."""
        month = month or self.month
        if month not in self.months:
            return {}
        found = figures.many(self.office, list(keys), [self.code], month)
        return {key: values[self.code] for key, values in found.items() if self.code in values}

    def number(self, key: str) -> Decimal | None:
        """Return a figure as it is shown: a share in per cent, else a number."""
        found = self.many([key]).get(key)
        return None if found is None else found.value

    def parts(self, key: str, month: dt.date | None = None) -> list[tuple[str, str, Decimal]]:
        """Return [(part, label, number)]."""
        month = month or self.month
        if month not in self.months:
            return []
        found = figures.parts(self.office, key, self.code, month)
        return [(part, str(label), number) for part, label, number, _url in found]

    def children(self, keys) -> list[tuple[str, dict[str, figures.Value]]]:
        """Return [(name, {key: Value})] of the regions one level below, in the order of their codes."""
        codes = figures.child_codes(self.office, self.code, self.month) if self.kept else []
        if not codes:
            return []
        found = figures.many(self.office, list(keys), codes, self.month)
        names = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
        return [(names.get(code, code), {key: found[key].get(code) for key in keys}) for code in codes]

    def child_parts(self, key: str) -> list[tuple[str, list[tuple[str, str, Decimal]]]]:
        codes = figures.child_codes(self.office, self.code, self.month) if self.kept else []
        if not codes:
            return []
        found = figures.parts_of(self.office, key, codes, self.month)
        names = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
        return [
            (names.get(code, code), [(part, str(label), number) for part, label, number, _url in found.get(code, [])])
            for code in codes
        ]

    def trend(self, keys) -> dict[str, list[tuple[str, Decimal]]]:
        """Return {key: [(month, number)]} of the months up to this one."""
        chosen = sorted(month for month in self.months if month <= self.month)[-TREND:]
        found = figures.history(self.office, list(keys), self.code, chosen) if chosen else {key: [] for key in keys}
        return {
            key: [(f"{month:%Y-%m}", value.value) for month, value in rows if value.value is not None]
            for key, rows in found.items()
        }

    # --- blocks of a paper ------------------------------------------------------------------------------------------------

    def start(self) -> paper.Paper:
        made = paper.Paper(self.as_of, front=[("地区", self.path), ("月份", f"{self.month:%Y-%m}")])
        if not self.kept:
            made.add(paper.Text(f"系统未留存{self.label}的指标，凡取自指标的栏目为空。"))
        return made

    def compared(self, name: str, keys) -> paper.Table:
        """Return the figures beside those of the month before."""
        now, before = self.many(keys), self.many(keys, self.last)
        rows = []
        for key in keys:
            this, then = (found[key].value if key in found else None for found in (now, before))
            change = None if this is None or then is None else this - then
            unit = _(indicators[key].unit)
            rows.append((figures.label(key), UNITS.get(unit, unit), this, then, change))
        return paper.Table(name, ["指标", "单位", "本月", "上月", "增减"], rows, 3)

    def by_place(
        self, name: str, heads: list[tuple[str, str]], chart: tuple[str, str, str] | None = None
    ) -> paper.Table:
        """Return figures of the regions below; `heads` are (key, heading), `chart` is (key, title, unit).

        A key that ends in "#" stands for the numerator of its figure.
        """
        rows = []
        below = self.children([key.rstrip("#") for key, _head in heads])
        for place, found in below:
            rows.append((place, *(_cell(found.get(key.rstrip("#")), key) for key, _head in heads)))
        pairs = []
        if chart:
            pairs = [(place, _cell(found.get(chart[0].rstrip("#")), chart[0])) for place, found in below]
            pairs = sorted([pair for pair in pairs if pair[1] is not None], key=lambda pair: -pair[1])[:20]
        drawn = paper.Chart("bar", chart[1], chart[2], pairs, 9) if pairs else None
        return paper.Table(name, ["地区", *(head for _key, head in heads)], rows, len(heads), chart=drawn)

    def split(
        self, name: str, key: str, what: str, unit: str, *, kind: str = "bar", title: str = "", top: int = 0
    ) -> paper.Table:
        """Return the parts of a figure with their shares."""
        found = self.parts(key)
        whole = sum((number for _part, _label, number in found), Decimal(0))
        rows = [(label, number, number / whole * 100 if whole else None) for _part, label, number in found]
        pairs = [(label, number) for label, number, _share in rows][:20]
        drawn = paper.Chart(kind, title or name, unit, pairs, 9 if len(pairs) > 8 else 7.5) if whole else None
        return paper.Table(name, [what, f"数量（{unit}）", "占比（%）"], rows, 2, top=top, chart=drawn)

    def line(self, name: str, key: str, unit: str) -> paper.Table | None:
        rows = self.trend([key])[key]
        if len(rows) < 2:
            return None
        return paper.Table(name, ["月份", unit], rows, 1, top=None, chart=paper.Chart("line", name, unit, rows))


def _cell(value: figures.Value | None, key: str) -> Decimal | None:
    if value is None:
        return None
    return value.numerator if key.endswith("#") else value.value


def finish(written: paper.Paper, title: str, tell) -> Made:
    tell(60)
    word = paper.document(written, title)
    tell(80)
    return Made(written.as_of, word, paper.workbook(written, title), written)


def people(number) -> str:
    return "—" if number is None else f"{int(number):,}"


def share(number) -> str:
    return "—" if number is None else f"{float(number):.2f}%"


def yuan(number) -> str:
    return "—" if number is None else f"{float(number):,.0f}元"
