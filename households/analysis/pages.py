"""What the pages of the analysis share: the place, the choices, small groups, kept results, workbooks."""

import hashlib
import io
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import polars as pl
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from accounts import audit
from accounts.masks import View, view_of
from accounts.roles import Permission
from dashboard import counts
from dashboard.models import RegionFigure
from households import codes
from households.analysis import frames
from households.analysis.forms import NOTHING
from poverty import config, scope
from poverty.xlsx import Style, Workbook
from regions.models import LEVEL_LENGTHS, Region

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LENGTHS = [length for level, length in LEVEL_LENGTHS.items() if level != "hamlet"]
COUNTY, VILLAGE = LEVEL_LENGTHS["county"], LEVEL_LENGTHS["village"]
KEEP_SECONDS = 300
SMALL = "small"  # the group that holds all small ones, for who may see figures only
LISTS = {"household_type": codes.HOUSEHOLD_TYPE, "status": codes.STATUS, "main_cause": codes.CAUSE}


@dataclass
class Place:
    """The region looked at, in the user's area; "" for who sees single households."""

    user: object
    code: str
    name: str = ""
    crumbs: list = field(default_factory=list)

    @property
    def child_length(self) -> int:
        """Return the code length of the regions right below; 0 in a village."""
        if not self.code:
            return VILLAGE
        return next((length for length in LENGTHS if length > len(self.code)), 0)

    @property
    def county(self) -> str:
        """Return the county that the place lies in; "" where it is larger."""
        if len(self.code) >= COUNTY:
            return self.code[:COUNTY]
        found = {part.lo[:COUNTY] for part in self.user.scope_ranges() if part.household_id}
        return found.pop() if not self.code and len(found) == 1 else ""

    @property
    def drills(self) -> bool:
        """Tell whether the user has an area to go down in: single households make none."""
        return any(part.household_id is None for part in self.user.scope_ranges())

    @property
    def lists(self) -> bool:
        """Tell whether the user may open the households behind a number."""
        return self.user.may(Permission.FINDING_VIEW)

    @property
    def figures_only(self) -> bool:
        """Tell whether the user sees figures and no households: groups too small are then put together."""
        return view_of(self.user, "core") is not View.FULL

    def url(self, name: str, **query) -> str:
        query = {key: value for key, value in {"region": self.code, **query}.items() if value not in ("", None)}
        return f"{reverse(name)}?{urlencode(query)}"

    def rows(self, query: dict, **more) -> str:
        """Return the address of the households behind a number; "" for who may not see them."""
        return self.url("analysis:households", **{**query, **more}) if self.lists else ""


def place_of(request) -> Place:
    """Return the place that a page is asked about; Http404 outside the user's area."""
    user = request.user
    own = user.area_code
    code = request.GET.get("region", "").strip() or own
    if not re.fullmatch(r"\d{0,12}", code, re.ASCII) or (code and len(code) not in LENGTHS):
        raise Http404
    lo, hi = scope.code_range(code)
    parts = [part for part in user.scope_ranges() if part.household_id is None]
    if code and (not code.startswith(own) or not any(part.lo < hi and lo < part.hi for part in parts)):
        raise Http404
    place = Place(user, code)
    if code:
        above = [code[:length] for length in LENGTHS if len(own) <= length <= len(code)]
        names = dict(Region.objects.filter(pk__in=above).values_list("pk", "name"))
        if code not in names:
            raise Http404
        place.name = names[code]
        place.crumbs = [{"name": names[at], "url": f"{request.path}?region={at}"} for at in above if at in names]
        if len(place.crumbs) < 2:
            place.crumbs = []
    return place


def choices(place: Place, form_class, data, **more):
    """Return the form of the choices, with the years that the place has."""
    known = frames.years(place.code)
    return form_class(
        data, years=known, year=frames.usual_year(known), line_of=lambda kind, year: frames.line_at(kind, year, place.code),
        **more,
    )  # fmt: skip


def rows_of(place: Place, form, more=()) -> pl.DataFrame:
    """Return all households with data of the year, with `line`, `weight` and the columns `more` of the register."""
    asked = form.cleaned_data
    amount = asked["amount"] if asked["line"] == "own" else None
    rows = frames.frame(place.code, asked["year"], more)
    rows = frames.with_line(rows, asked["line"], asked["year"], place.code, amount)
    return frames.weighted(rows, asked["count"])


# --- groups ---------------------------------------------------------------------------------------------------------------


def with_group(rows: pl.DataFrame, by: str, length: int) -> pl.DataFrame:
    """Add `group`: the code of the region below, or the code in a list; "none" where nothing is stated."""
    column = pl.col("village").str.slice(0, length or VILLAGE) if by == "region" else pl.col(by)
    return rows.with_columns(group=pl.when(column.fill_null("") == "").then(pl.lit(NOTHING)).otherwise(column))


def together(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    """Put groups of fewer than `least` households into one, with the next smallest where that is still too small."""
    sizes = rows.group_by("group").len().sort(["len", "group"])
    merged, held = [], 0
    for group, number in sizes.iter_rows():
        if number >= least and (not merged or held >= least):
            break
        merged.append(group)
        held += number
    if not merged:
        return rows
    return rows.with_columns(
        group=pl.when(pl.col("group").is_in(merged)).then(pl.lit(SMALL)).otherwise(pl.col("group"))
    )


def least() -> int:
    return int(config.value("public.small_cell", default=3))


def names_of(by: str, groups) -> dict[str, str]:
    """Return {group: what it is called}."""
    own = {NOTHING: _("not stated"), SMALL: _("small groups together")}
    if by == "region":
        named = dict(Region.objects.filter(pk__in=[one for one in groups if one not in own]).values_list("pk", "name"))
    else:
        named = {one: LISTS[by].label(one) for one in groups}
    return {one: own.get(one) or named.get(one, one) for one in groups}


# --- results that are kept ------------------------------------------------------------------------------------------------


def kept(place: Place, what: str, query, make):
    """Return make(), remembered for a while: a change of a household, a member or a year is noticed before that.

    Sums and keys are remembered, never what is known of a household. The kept sums do not know the members' years; the
    place's figures do, and are worked out anew within seconds of a change.
    """
    if any(part.household_id for part in place.user.scope_ranges()):
        return make(), timezone.now()
    figures = RegionFigure.objects.visible_to(place.user).filter(region=place.code, length=len(place.code))
    parts = [
        what,
        counts.state_for(place.user, place.code),
        figures.order_by("-month").values_list("made_at", flat=True).first(),
        counts.ranges_of(place.user, place.code),
        place.figures_only,
        query,
    ]
    key = "analysis:" + hashlib.sha256(repr(parts).encode()).hexdigest()
    found = cache.get(key)
    if found is None:
        found = (make(), timezone.now())
        cache.set(key, found, KEEP_SECONDS)
    return found


# --- workbooks ------------------------------------------------------------------------------------------------------------


def workbook(request, title: str, facts: list[tuple[str, str]], tables: list[tuple[str, list, list]]) -> HttpResponse:
    """Answer with a workbook: what the figures are of, then a sheet per table as the page shows it."""
    data = io.BytesIO()
    with Workbook(data) as book:
        with book.sheet(_("About these figures"), widths=[26, 70]) as sheet:
            sheet.row([title], style=Style.TITLE)
            for label, value in facts:
                sheet.row([str(label), str(value)])
        for name, header, rows in tables:
            with book.sheet(name[:31], widths=[26] + [16] * (len(header) - 1), freeze=1) as sheet:
                sheet.header([str(label) for label in header])
                for row in rows:
                    sheet.row([None if cell is None else str(cell) if _lazy(cell) else cell for cell in row])
    audit.record("analysis.export", request=request, detail={"page": request.resolver_match.view_name})
    answer = HttpResponse(data.getvalue(), content_type=XLSX)
    name = re.sub(r"[^\w\u4e00-\u9fff-]+", "_", f"{title}_{timezone.localtime():%Y%m%d-%H%M}")
    answer.headers["Content-Disposition"] = content_disposition_header(True, f"{name}.xlsx")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _lazy(cell) -> bool:
    return not isinstance(cell, str | int | float)
