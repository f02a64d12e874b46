"""The pages of the analysis: poverty measures, multidimensional poverty, causes and measures, risk, and their rows."""

from dataclasses import dataclass

import polars as pl
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.masks import View, view_of
from accounts.roles import Permission
from dashboard.analysis import measures, multidimensional, svg
from dashboard.board import in_area
from households import codes, listing
from households.analysis import dimensions, frames, pages, risks, tasks
from households.analysis.forms import (
    COUNTS,
    GROUPS,
    LINE_TITLES,
    SETS,
    AnalysisForm,
    CausesForm,
    DimensionsForm,
    SetForm,
)
from households.models import Household
from households.present import Viewer
from regions.models import Region

PER_PAGE = 50
TOP = 20


def _facts(place, form, made_at, rows: int, whole: int) -> list[tuple[str, str]]:
    """Return what the figures of a page are of: for its head and its workbook."""
    asked = form.cleaned_data
    amount = form.yuan
    return [
        (_("Area"), place.name or _("my households")),
        (_("Year"), str(asked["year"])),
        (_("Poverty line"), f"{LINE_TITLES[asked['line']]} · {amount:,.2f} " + _("yuan per head and year")),
        (_("Unit counted"), str(COUNTS[asked["count"]])),
        (_("Households with the data"), _("%(rows)s of %(whole)s registered") % {"rows": f"{rows:,}", "whole": f"{whole:,}"}),
        (_("As of"), f"{timezone.localtime(made_at):%Y-%m-%d %H:%M}"),
    ]  # fmt: skip


def _start(request, form_class, **more):
    """Return (place, form) and whether there is anything to work out."""
    place = pages.place_of(request)
    form = pages.choices(place, form_class, request.GET, **more)
    ready = form.is_valid() and form.cleaned_data["year"] is not None
    return place, form, ready


TABS = {
    "poverty": ("analysis:poverty", gettext_lazy("Poverty measures")),
    "dimensions": ("analysis:dimensions", gettext_lazy("Multidimensional poverty")),
    "causes": ("analysis:causes", gettext_lazy("Causes and measures")),
    "risk": ("analysis:risk", gettext_lazy("Risk of return to poverty")),
}


def _page(request, template, place, form, context):
    """Render a page; the choices that all pages share go along from tab to tab."""
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    shared = {name: form.query[name] for name in ("year", "line", "amount", "count", "by") if name in form.query} if asked.get("year") else {}  # fmt: skip
    tabs = [(title, place.url(name, **shared), key == context["here"]) for key, (name, title) in TABS.items()]
    return render(request, template, {"place": place, "form": form, "tabs": tabs, **context})


# --- FGT, Sen, Gini, Lorenz ----------------------------------------------------------------------------------------------


@dataclass
class Group:
    """A line of the table of groups, with its shares of the whole and where its households are listed."""

    key: str
    name: str
    m: measures.Measures
    shares: tuple = ()  # of the population, of H, PG and SPG, in percent
    url: str = ""  # deeper, where the group is a region
    rows: str = ""
    poor_rows: str = ""


@policy(Permission.FIGURES_VIEW)
@require_safe
def poverty(request):
    """How many are poor, how deeply and how unequally, for any line, and what each group contributes."""
    place, form, ready = _start(request, AnalysisForm)
    if not ready:
        return _page(request, "analysis/poverty.html", place, form, {"here": "poverty"})
    asked = form.cleaned_data
    by = asked["by"]

    def make():
        everybody = pages.rows_of(place, form)
        rows = everybody.filter(pl.col("income").is_not_null() & pl.col("line").is_not_null())
        unknown = everybody.height - rows.height
        rows = pages.with_group(rows, by, place.child_length)
        if place.figures_only:
            if rows.height < pages.least():
                return None
            rows = pages.together(rows, pages.least())
        groups = measures.measure_by(rows, "group") if by != "region" or place.child_length else {}
        return measures.measure(rows), groups, measures.lorenz(rows, 10), unknown, frames.registered(place.code)

    found, made_at = pages.kept(place, "poverty", form.query, make)
    if not found:
        return _page(request, "analysis/poverty.html", place, form, {"here": "poverty", "too_few": True})
    whole, by_group, lorenz, unknown, registered = found
    query = form.query
    names = pages.names_of(by, by_group)
    shares = list(
        zip(
            *(
                measures.rounded_shares(getattr(one, column) for one in by_group.values())
                for column in ("weight", "poor", "gap_sum", "gap2_sum")
            ),
            strict=True,
        )
    )
    groups = [
        Group(
            key=key,
            name=names[key],
            m=one,
            shares=shares[at],
            url=_deeper(place, request, by, key, query),
            rows=_of_group(place, query, by, key, "all"),
            poor_rows=_of_group(place, query, by, key, "poor"),
        )
        for at, (key, one) in enumerate(by_group.items())
    ]
    if by != "region":
        order = {code: at for at, code in enumerate(pages.LISTS[by].labels)}
        groups.sort(key=lambda one: (order.get(one.key, 99), one.key))
    facts = _facts(place, form, made_at, whole.households, registered)
    if request.GET.get("format") == "xlsx":
        return _poverty_book(request, place, facts, whole, groups, lorenz)
    widths = svg.widths([one.m.headcount for one in groups])
    context = {
        "here": "poverty", "whole": whole, "groups": list(zip(groups, widths, strict=True)), "facts": facts,
        "lorenz": lorenz, "curve": svg.curve(lorenz, ticks=5), "unknown": unknown, "by_title": GROUPS[by],
        "rows": place.rows(query, set="all"), "poor_rows": place.rows(query, set="poor"),
        "unknown_rows": place.rows(query, set="unknown"), "adds_up": bool(groups), "book": _book(request),
    }  # fmt: skip
    return _page(request, "analysis/poverty.html", place, form, context)


def _deeper(place, request, by, key, query) -> str:
    if by != "region" or key in (pages.SMALL, pages.NOTHING) or not place.child_length:
        return ""
    return place.url(request.resolver_match.view_name, **{**query, "region": key})


def _of_group(place, query, by, key, which: str, **more) -> str:
    if key == pages.SMALL:
        return ""
    if by == "region":
        return place.rows(query, set=which, **more, region=key)
    return place.rows(query, set=which, **more, group=by, value=key)


def _book(request) -> str:
    query = request.GET.copy()
    query["format"] = "xlsx"
    return f"?{query.urlencode()}"


def _poverty_book(request, place, facts, whole, groups, lorenz):
    header = [
        _("Group"), _("Number of households"), _("Population"), _("Poor households"), _("Poor"), "H %", "PG %", "SPG %", "Sen %", "Gini",
        _("Mean income (yuan)"), _("Shortfall (yuan)"), _("Share of population %"), _("Share of H %"), _("Share of PG %"), _("Share of SPG %"),
    ]  # fmt: skip

    def row(name, m, shares):
        values = [_pc(m.headcount), _pc(m.gap), _pc(m.severity), _pc(m.sen), m.gini and round(m.gini, 4)]
        return [name, m.households, m.weight, m.poor_households, m.poor, *values, m.mean and round(m.mean, 2), round(m.shortfall, 2), *shares]  # fmt: skip

    table = [row(one.name, one.m, one.shares) for one in groups] + [row(_("all"), whole, ())]
    curve = [[round(100 * x, 1), round(100 * y, 2)] for x, y in lorenz]
    tables = [(_("Poverty measures"), header, table), (_("Lorenz curve"), [_("Poorest, percent of all"), _("Their share of income %")], curve)]  # fmt: skip
    return pages.workbook(request, _("Poverty measures") + f" {place.name}", facts, tables)


def _pc(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 3)


# --- multidimensional poverty ---------------------------------------------------------------------------------------------


@policy(Permission.FIGURES_VIEW)
@require_safe
def multidimensional_poverty(request):
    """Who is deprived in several of the guarantees at once, and which dimension contributes how much."""
    place, form, ready = _start(request, DimensionsForm)
    if not ready:
        return _page(request, "analysis/dimensions.html", place, form, {"here": "dimensions"})
    by = form.cleaned_data["by"]
    weights, k = _weights(form)

    def make():
        everybody = dimensions.deprivations(pages.rows_of(place, form))
        rows = multidimensional.known(everybody, weights)
        unknown = {key: everybody[dimensions.column(key)].null_count() for key in dimensions.DIMENSIONS}
        rows = pages.with_group(rows, by, place.child_length)
        if place.figures_only:
            if rows.height < pages.least():
                return None
            rows = pages.together(rows, pages.least())
        groups = multidimensional.measure_by(rows, weights, k, "group") if by != "region" or place.child_length else {}
        whole = multidimensional.measure(rows, weights, k)
        return whole, groups, unknown, everybody.height - rows.height, frames.registered(place.code)

    found, made_at = pages.kept(place, "dimensions", form.query, make)
    if not found:
        return _page(request, "analysis/dimensions.html", place, form, {"here": "dimensions", "too_few": True})
    whole, by_group, unknown, left_out, registered = found
    query = form.query
    contributions = measures.rounded_shares(
        whole.weights[name] * whole.censored[name] if whole.score_sum else 0 for name in whole.weights
    )
    lines = []
    for at, name in enumerate(whole.weights):
        key = name.removesuffix("_d")
        lines.append(
            {
                "key": key,
                "one": dimensions.DIMENSIONS[key],
                "weight": 100 * whole.weights[name],
                "raw": whole.raw_headcount(name),
                "censored": whole.censored_headcount(name),
                "raw_households": whole.deprived_households[name],
                "households": whole.censored_households[name],
                "contribution": contributions[at],
                "unknown": unknown[key],
                "raw_rows": place.rows(query, set="deprived", dimension=key),
                "rows": place.rows(query, set="censored", dimension=key),
            }  # fmt: skip
        )
    names = pages.names_of(by, by_group)
    shares = measures.rounded_shares(one.score_sum for one in by_group.values())
    groups = [
        {
            "key": key, "name": names[key], "m": one, "share": shares[at],
            "url": _deeper(place, request, by, key, query),
            "rows": _of_group(place, query, by, key, "judged"), "poor_rows": _of_group(place, query, by, key, "mpoor"),
        }
        for at, (key, one) in enumerate(by_group.items())
    ]  # fmt: skip
    facts = _facts(place, form, made_at, whole.households, registered)
    facts.insert(3, (_("Poor from"), f"k = {form.cleaned_data['k']}%"))
    if request.GET.get("format") == "xlsx":
        return _dimensions_book(request, place, facts, whole, lines, groups)
    widths = svg.widths([line["contribution"] for line in lines])
    context = {
        "here": "dimensions", "whole": whole, "lines": list(zip(lines, widths, strict=True)), "facts": facts,
        "groups": list(zip(groups, svg.widths([one["m"].adjusted for one in groups]), strict=True)),
        "left_out": left_out, "by_title": GROUPS[by], "rows": place.rows(query, set="judged"),
        "poor_rows": place.rows(query, set="mpoor"), "left_out_rows": place.rows(query, set="unjudged"),
        "book": _book(request),
    }  # fmt: skip
    return _page(request, "analysis/dimensions.html", place, form, context)


def _weights(form) -> tuple[dict[str, float], float]:
    """Return ({column: weight}, k) of the form."""
    return {dimensions.column(key): value for key, value in form.weights.items()}, form.cleaned_data["k"] / 100


def _dimensions_book(request, place, facts, whole, lines, groups):
    first = [_("Dimension"), _("Weight %"), _("Deprived %"), _("Deprived households"), _("Poor and deprived %"), _("Poor and deprived households"), _("Contribution to M0 %"), _("Unknown")]  # fmt: skip
    table = [
        [str(one["one"].title), round(one["weight"], 1), _pc(one["raw"]), one["raw_households"], _pc(one["censored"]),
         one["households"], one["contribution"], one["unknown"]]
        for one in lines
    ]  # fmt: skip
    second = [
        _("Group"),
        _("Number of households"),
        _("Population"),
        _("Poor households"),
        "H %",
        "A %",
        "M0",
        _("Share of M0 %"),
    ]
    rows = [(one["name"], one["m"], one["share"]) for one in groups] + [(_("all"), whole, None)]
    body = [
        [name, m.households, m.weight, m.poor_households, _pc(m.headcount), _pc(m.intensity),
         None if m.adjusted is None else round(m.adjusted, 5), share]
        for name, m, share in rows
    ]  # fmt: skip
    tables = [(_("Dimensions"), first, table), (_("Groups"), second, body)]
    return pages.workbook(request, _("Multidimensional poverty") + f" {place.name}", facts, tables)


# --- causes and measures --------------------------------------------------------------------------------------------------


def _cell_counts() -> dict[str, pl.Expr]:
    found = {
        "households": pl.len(),
        "poor": (pl.col("income") < pl.col("line")).sum(),
        "income": pl.col("income").mean(),
    }
    found["incomes"] = pl.col("income").is_not_null().sum()
    found["matched"], found["matchable"] = pl.col("matched").sum(), pl.col("matched").is_not_null().sum()
    for key, measure in dimensions.MEASURES.items():
        found[f"{key}:has"] = pl.col(measure.column).sum()
        found[f"{key}:known"] = pl.col(measure.column).is_not_null().sum()
    return found


def _with_without(rows: pl.DataFrame) -> list[dict]:
    """Return for each measure what is seen of households with it and without it."""
    income, poor = pl.col("income"), pl.col("income") < pl.col("line")
    change = income - pl.col("income_before")
    exprs = {}
    for key, measure in dimensions.MEASURES.items():
        for side, has in (("with", pl.col(measure.column)), ("without", ~pl.col(measure.column))):
            exprs[f"{key}:{side}:households"] = has.sum()
            exprs[f"{key}:{side}:share"] = poor.filter(has).mean()
            exprs[f"{key}:{side}:income"] = income.filter(has).mean()
            exprs[f"{key}:{side}:change"] = change.filter(has).mean()
            exprs[f"{key}:{side}:changes"] = change.filter(has).is_not_null().sum()
    row = rows.select(**exprs).row(0, named=True)
    columns = ("households", "share", "income", "change", "changes")
    return [
        {"key": key, "title": measure.title}
        | {side: {name: row[f"{key}:{side}:{name}"] for name in columns} for side in ("with", "without")}
        for key, measure in dimensions.MEASURES.items()
    ]


@policy(Permission.FIGURES_VIEW)
@require_safe
def causes(request):
    """Causes against the measures that the register knows of: who has one that answers the cause, and who does not."""
    place, form, ready = _start(request, CausesForm, causes=codes.CAUSE.choices)
    if not ready:
        return _page(request, "analysis/causes.html", place, form, {"here": "causes"})
    chosen = form.cleaned_data["cause"]
    least = pages.least() if place.figures_only else 0

    def make():
        rows = pages.with_group(pages.rows_of(place, form), "main_cause", 0).with_columns(matched=dimensions.matched())
        if place.figures_only:
            if rows.height < least:
                return None
            rows = pages.together(rows, least)
        table = rows.group_by("group").agg(**_cell_counts()).sort("group").to_dicts()
        whole = rows.select(**_cell_counts()).row(0, named=True)
        return (
            table,
            whole,
            _with_without(rows.filter(pl.col("group") == chosen) if chosen else rows),
            frames.registered(place.code),
        )

    found, made_at = pages.kept(place, "causes", form.query, make)
    if not found:
        return _page(request, "analysis/causes.html", place, form, {"here": "causes", "too_few": True})
    table, whole, sides, registered = found
    query = {key: value for key, value in form.query.items() if key != "cause"}
    names = pages.names_of("main_cause", [row["group"] for row in table])
    order = {code: at for at, code in enumerate(codes.CAUSE.labels)}
    table.sort(key=lambda row: (order.get(row["group"], 99), row["group"]))
    lines = [_cause_line(place, query, row, names[row["group"]], least) for row in table]
    lines.append(_cause_line(place, query, whole | {"group": ""}, _("all"), least))
    for one in sides:
        for side, has in (("with", "1"), ("without", "0")):
            few = one[side]["households"] is not None and 0 < one[side]["households"] < least
            if (one[side]["changes"] or 0) < least:
                one[side]["change"] = None  # of one or two households it would be their own
            one[side]["few"] = few
            one[side]["rows"] = (
                "" if few else place.rows(query, set="measure", measure=one["key"], has=has, cause=chosen)
            )
    facts = [
        one for one in _facts(place, form, made_at, whole["households"], registered) if one[0] != _("Unit counted")
    ]
    if request.GET.get("format") == "xlsx":
        return _causes_book(request, place, facts, lines, sides)
    context = {
        "here": "causes", "lines": lines, "sides": sides, "facts": facts, "measures": dimensions.MEASURES,
        "not_there": dimensions.NOT_THERE, "chosen": codes.CAUSE.label(chosen), "book": _book(request),
        "total": whole["households"],
    }  # fmt: skip
    return _page(request, "analysis/causes.html", place, form, context)


def _cause_line(place, query, row, name, least) -> dict:
    """Return a line of the grid: a cell per measure, with its share and a class of five for its shade."""
    cause = row["group"]
    open_rows = place.rows if cause != pages.SMALL else lambda *_given, **_more: ""
    cells = []
    for key, measure in dimensions.MEASURES.items():
        has, known = row[f"{key}:has"] or 0, row[f"{key}:known"]
        few = 0 < has < least
        share = has / known if known and not few else None
        cells.append(
            {
                "title": measure.title,
                "has": has,
                "known": known,
                "share": share,
                "few": few,
                "answers": key in dimensions.ANSWERS.get(cause, ()),
                "shade": 0 if share is None else min(4, int(share * 5)),
                "rows": open_rows(query, set="measure", measure=key, has="1", cause=cause) if has else "",
            }  # fmt: skip
        )
    matched, matchable = row["matched"] or 0, row["matchable"]
    return {
        "cause": cause, "name": name, "households": row["households"], "income": row["income"],
        "poor": row["poor"] or 0, "poor_share": row["poor"] / row["incomes"] if row["incomes"] else None,
        "matched": matched, "match": matched / matchable if matchable else None, "unmatched": matchable - matched,
        "cells": cells, "rows": open_rows(query, set="cause", cause=cause),
        "poor_rows": open_rows(query, set="poor", cause=cause) if row["poor"] else "",
        "unmatched_rows": open_rows(query, set="matched", has="0", cause=cause) if matchable > matched else "",
    }  # fmt: skip


def _causes_book(request, place, facts, lines, sides):
    header = [_("Main cause"), _("Number of households"), _("Below the line"), _("Below the line %"), _("Mean income (yuan)"), _("Cause answered %"), _("Cause not answered")]  # fmt: skip
    header += [f"{measure.title} %" for measure in dimensions.MEASURES.values()]
    table = [
        [one["name"], one["households"], one["poor"], _pc(one["poor_share"]), one["income"] and round(one["income"], 2),
         _pc(one["match"]), one["unmatched"], *[_pc(cell["share"]) for cell in one["cells"]]]
        for one in lines
    ]  # fmt: skip
    second = [_("Measure"), "", _("Number of households"), _("Below the line %"), _("Mean income (yuan)"), _("Mean change in a year (yuan)"), _("Households with both years")]  # fmt: skip
    body = [
        [str(one["title"]), label, *([None] * 5 if one[side]["few"] else [
            one[side]["households"], _pc(one[side]["share"]), one[side]["income"] and round(one[side]["income"], 2),
            one[side]["change"] and round(one[side]["change"], 2), one[side]["changes"]])]
        for one in sides
        for side, label in (("with", _("with it")), ("without", _("without it")))
    ]  # fmt: skip
    tables = [(_("Causes and measures"), header, table), (_("With and without"), second, body)]
    return pages.workbook(request, _("Causes and measures") + f" {place.name}", facts, tables)


# --- risk -----------------------------------------------------------------------------------------------------------------


@policy(Permission.FIGURES_VIEW)
@require_safe
def risk(request):
    """The risk of return to poverty: the model or rules behind it, how far to trust it, and the households on top."""
    place, form, ready = _start(request, AnalysisForm)
    context = {"here": "risk", "missing": risks.MISSING}
    if not place.county:
        return _page(request, "analysis/risk.html", place, form, context | {"counties": _counties(place)})
    year = form.cleaned_data.get("year")
    if year is None:
        return _page(request, "analysis/risk.html", place, form, context)
    scored = risks.scores(place.code, place.county, year)
    if place.figures_only and scored.rows.height < pages.least():
        return _page(request, "analysis/risk.html", place, form, context | {"too_few": True})
    query = {"year": str(year)}
    bands, groups = _bands(place, scored, query)
    context |= {
        "scored": scored, "bands": bands, "groups": groups, "items": _items(place, scored, query), "book": _book(request),
        "coefficients": _coefficients(scored), "curve": _calibration(scored), "band_titles": risks.BANDS,
        "may_train": _may_train(request.user, place.county), "total": scored.rows.height, "year": year,
        "line_title": LINE_TITLES.get(scored.line_kind, ""), "line": frames.line_at(scored.line_kind, year, place.county),
    }  # fmt: skip
    if request.GET.get("format") == "xlsx":
        return _risk_book(request, place, scored, context)
    if place.lists:
        context["top"] = _cards(request.user, scored, scored.rows.head(TOP), place.county)
        context["top_rows"] = place.rows(query, set="risk")
    return _page(request, "analysis/risk.html", place, form, context)


def _may_train(user, county: str) -> bool:
    return user.may(Permission.RULES_RUN) and in_area(user, county)


def _counties(place) -> list[dict]:
    """Return the counties of a larger area with the state of their models."""
    from poverty import scope

    regions = Region.objects.filter(scope.under("code", place.code), level="county", valid_to=None).only("code", "name")
    return [
        {"name": region.name, "model": risks.model_of(region.pk), "url": place.url("analysis:risk", region=region.pk)}
        for region in regions.order_by("code")
    ]


def _bands(place, scored, query) -> tuple[list[dict], list[dict]]:
    """Return the numbers of households by band: of the area, and of the regions right below."""
    whole = dict(scored.rows.group_by("band").len().iter_rows())
    bands = [
        {"key": key, "title": title, "count": whole.get(key, 0), "rows": place.rows(query, set="risk", band=key)}
        for key, title in risks.BANDS.items()
    ]
    if not place.child_length:
        return bands, []
    rows = pages.with_group(scored.rows, "region", place.child_length)
    if place.figures_only:
        rows = pages.together(rows, pages.least())
    table = rows.group_by("group").agg(
        households=pl.len(),
        mean=pl.col("score").mean(),
        **{key: (pl.col("band") == key).sum() for key in risks.BANDS},
    )
    found = table.sort(["high", "mean", "group"], descending=[True, True, False]).to_dicts()
    names = pages.names_of("region", [row["group"] for row in found])
    groups = [
        {
            "name": names[row["group"]], "households": row["households"], "mean": row["mean"],
            "url": place.url("analysis:risk", **query, region=row["group"]) if row["group"] != pages.SMALL else "",
            "cells": [
                (title, row[key], _of_group(place, query, "region", row["group"], "risk", band=key) if row[key] else "")
                for key, title in risks.BANDS.items()
            ],
        }
        for row in found
    ]  # fmt: skip
    return bands, groups


def _items(place, scored, query) -> list[dict]:
    """Return the plain rules with their points and the number of households they apply to."""
    exprs = risks.items(scored.limits)
    applies = scored.rows.select(**{key: expr.fill_null(value=False).sum() for key, expr in exprs.items()})
    numbers = applies.row(0, named=True) if scored.rows.height else {}
    worth = risks.worth(place.county)
    return [
        {
            "title": risks.title(item, scored.limits), "kind": item.kind, "points": worth[item.key],
            "count": numbers.get(item.key, 0), "rows": place.rows(query, set="risk", item=item.key) if _may_know(place.user, item.mask) else "",
        }
        for item in risks.ITEMS
    ]  # fmt: skip


def _may_know(user, mask: str) -> bool:
    return not mask or view_of(user, mask) is View.FULL


def _coefficients(scored) -> list[dict]:
    fitted = scored.fitted
    if fitted is None:
        return []
    found = [
        {
            "title": risks.OF_FEATURE[key].title, "coefficient": fitted.coefficients[at], "odds": fitted.odds_ratio(at),
            "mean": fitted.means[at], "scale": fitted.scales[at],
            "unknown": scored.rows[key].null_count(),
        }
        for at, key in enumerate(fitted.features)
    ]  # fmt: skip
    found.sort(key=lambda one: -abs(one["coefficient"]))
    widths = svg.widths([abs(one["coefficient"]) for one in found])
    return [one | {"width": width} for one, width in zip(found, widths, strict=True)]


def _calibration(scored) -> dict | None:
    if scored.fitted is None:
        return None
    points = [(one.predicted, one.observed) for one in scored.fitted.calibration]
    return svg.curve(points, highest=svg.round_up(max(max(point) for point in points)), ticks=4)


@dataclass
class Card:
    """A household of the list of risks as the reader may see it."""

    row: Household
    head: str
    place: str
    score: float | None = None
    band: str = ""
    reasons: list = None
    hidden: bool = False  # a reason speaks of health, which the reader may not see here


def _cards(user, scored, part: pl.DataFrame, county: str) -> list[Card]:
    ids = part["id"].to_list()
    reasons = risks.reasons(scored, ids, county)
    found = _households(user, ids, scored.year)
    cards = []
    for key, score, band in part.select("id", "score", "band").iter_rows():
        if key in found:
            card = found[key]
            shown = [one for one in reasons[key] if _may_know(user, one[1])]
            card.score, card.band, card.reasons = score, band, shown[:4]
            card.hidden = len(shown) < len(reasons[key])
            cards.append(card)
    return cards


def _households(user, ids, year: int) -> dict[int, Card]:
    """Return the households as a list shows them, in the reader's scope and behind the reader's masks."""
    rows = listing.with_details(Household.objects.visible_to(user).in_register().filter(pk__in=ids), user, year)
    rows = list(rows)
    names = listing.place_names({row.village_id for row in rows})
    viewer = Viewer(user)
    return {
        row.pk: Card(
            row,
            viewer.head_name(row.head),
            " ".join(names[code] for code in (row.village_id[:9], row.village_id) if code in names),
        )
        for row in rows
    }


def _risk_book(request, place, scored, context):
    facts = [
        (_("Area"), place.name or _("my households")),
        (_("Year"), str(scored.year)),
        (_("Score"), _("logistic model, percent in a year") if scored.logistic else _("rule score, points")),
        (_("Households that have exited"), str(scored.rows.height)),
    ]
    if scored.fitted:
        facts += [("AUC", f"{scored.fitted.auc:.3f}"), ("Brier", f"{scored.fitted.brier:.4f}")]
    bands = [str(title) for title in risks.BANDS.values()]
    rows = [[one["name"], one["households"], round(one["mean"], 2), *[count for _t, count, _u in one["cells"]]] for one in context["groups"]]  # fmt: skip
    rows.append([_("all"), scored.rows.height, round(scored.rows["score"].mean() or 0, 2), *[one["count"] for one in context["bands"]]])  # fmt: skip
    tables = [(_("Risk by region"), [_("Region"), _("Number of households"), _("Mean score"), *bands], rows)]
    if scored.fitted:
        header = [_("Feature"), _("Coefficient"), _("Odds ratio"), _("Mean"), _("Standard deviation"), _("Unknown")]
        body = [[str(one["title"]), round(one["coefficient"], 4), round(one["odds"], 4), round(one["mean"], 4), round(one["scale"], 4), one["unknown"]] for one in context["coefficients"]]  # fmt: skip
        tables.append((_("Coefficients"), header, body))
        bins = [[one.rows, _pc(one.predicted), _pc(one.observed)] for one in scored.fitted.calibration]
        tables.append((_("Calibration"), [_("Number of households"), _("Predicted %"), _("Observed %")], bins))
    else:
        body = [[one["title"], str(one["kind"]), one["points"], one["count"]] for one in context["items"]]
        tables.append(
            (_("Rules of the score"), [_("Rule"), _("Kind of risk"), _("Points"), _("Number of households")], body)
        )
    return pages.workbook(request, _("Risk of return to poverty") + f" {place.name}", facts, tables)


@policy(Permission.RULES_RUN)
@require_POST
def train(request):
    """Train the county's model now, as a job."""
    county = request.POST.get("region", "")
    if not (county.isascii() and county.isdigit() and len(county) == pages.COUNTY) or not in_area(request.user, county):
        raise Http404
    region = get_object_or_404(Region.objects.only("code", "name"), pk=county)
    job = tasks.ask(region, request.user)
    if job.is_new:
        record("risk.train", request=request, target=f"region:{region.pk}")
    messages.success(request, _("The model is being trained; the page shows it when it is done."))
    return redirect(f"{reverse('analysis:risk')}?region={county}")


# --- the households behind a number ---------------------------------------------------------------------------------------


@policy(Permission.FINDING_VIEW)
@require_safe
def households(request):
    """The households that make a number of the analysis: as many as the number says."""
    place, form, ready = _start(request, SetForm)
    which = form.cleaned_data.get("set") or "all"
    by_risk = which == "risk"
    # The list by risk has no line to choose: the score names its own.
    if by_risk and form.errors:
        ready = not set(form.errors) - {"line", "amount"} and form.cleaned_data["year"] is not None
    if not ready or (by_risk and not place.county):
        return _page(request, "analysis/households.html", place, form, {"here": "", "unreadable": True})
    asked, scored = form.cleaned_data, None
    if by_risk:
        scored = risks.scores(place.code, place.county, asked["year"])
        rows = _by_risk(scored, asked, request.user)
    else:
        rows = select(pages.rows_of(place, form), form).sort(["village", "id"])
    page = Paginator(range(rows.height), PER_PAGE).get_page(request.GET.get("page"))
    part = rows.slice(page.start_index() - 1 if rows.height else 0, PER_PAGE)
    if scored is not None:
        cards = _cards(request.user, scored, part, place.county)
    else:
        found = _households(request.user, part["id"].to_list(), asked["year"])
        cards = [found[key] for key in part["id"].to_list() if key in found]
    amount = None if by_risk else form.yuan
    context = {
        "here": "", "which": which, "page": page, "cards": cards, "number": rows.height, "scored": scored,
        "persons": int(rows["persons"].sum() or 0), "title": _set_title(form, which), "year": asked["year"],
        "line_title": "" if by_risk else LINE_TITLES[asked["line"]], "line": amount, "band_titles": risks.BANDS,
    }  # fmt: skip
    return _page(request, "analysis/households.html", place, form, context)


def _by_risk(scored, asked, user) -> pl.DataFrame:
    rows = scored.rows
    if asked["band"]:
        rows = rows.filter(pl.col("band") == asked["band"])
    if item := risks.OF_ITEM.get(asked["item"]):
        if not _may_know(user, item.mask):
            return rows.head(0)
        rows = rows.filter(risks.items(scored.limits)[item.key].fill_null(value=False))
    return rows


def select(rows: pl.DataFrame, form) -> pl.DataFrame:
    """Return the rows of a set: the same conditions that the pages count."""
    asked = form.cleaned_data
    which = asked["set"] or "all"
    if asked["group"] and asked["value"] and asked["group"] != "region":
        rows = pages.with_group(rows, asked["group"], 0).filter(pl.col("group") == asked["value"])
    if asked["cause"]:
        rows = pages.with_group(rows, "main_cause", 0).filter(pl.col("group") == asked["cause"])
    known = pl.col("income").is_not_null() & pl.col("line").is_not_null()
    if which == "all":
        return rows.filter(known)
    if which == "poor":
        return rows.filter(known & (pl.col("income") < pl.col("line")))
    if which == "unknown":
        return rows.filter(~known)
    if which in ("judged", "unjudged", "mpoor", "deprived", "censored"):
        return _of_dimensions(rows, form, which, asked["dimension"])
    if which == "measure" and asked["measure"]:
        column = pl.col(dimensions.MEASURES[asked["measure"]].column)
        return rows.filter(~column if asked["has"] == "0" else column)
    if which == "matched":
        rows = rows.with_columns(matched=dimensions.matched())
        return rows.filter(~pl.col("matched") if asked["has"] == "0" else pl.col("matched"))
    return rows if which == "cause" else rows.head(0)


def _of_dimensions(rows, form, which: str, dimension: str) -> pl.DataFrame:
    weights, k = _weights(form)
    rows = dimensions.deprivations(rows)
    judged = multidimensional.known(rows, weights)
    if which == "unjudged":
        return rows.join(judged.select("id"), on="id", how="anti")
    if which == "judged":
        return judged
    judged = multidimensional.scored(judged, weights, k)
    if which == "mpoor":
        return judged.filter(pl.col("poor"))
    if not dimension:
        return judged.head(0)
    found = judged.filter(pl.col(dimensions.column(dimension)))
    return found.filter(pl.col("poor")) if which == "censored" else found


def _set_title(form, which: str) -> str:
    """Return in words which households these are."""
    asked = form.cleaned_data
    parts = [str(SETS[which])]
    if which in ("deprived", "censored") and asked["dimension"]:
        parts.append(str(dimensions.DIMENSIONS[asked["dimension"]].title))
    if which == "measure" and asked["measure"]:
        parts.append(str(dimensions.MEASURES[asked["measure"]].title))
    if which in ("measure", "matched") and asked["has"] == "0":
        parts.append(_("without it"))
    if asked["group"] and asked["value"] and asked["group"] in pages.LISTS:
        parts.append(pages.names_of(asked["group"], [asked["value"]])[asked["value"]])
    if asked["cause"]:
        parts.append(pages.names_of("main_cause", [asked["cause"]])[asked["cause"]])
    if which == "risk" and asked["band"]:
        parts.append(str(risks.BANDS[asked["band"]]))
    if which == "risk" and (item := risks.OF_ITEM.get(asked["item"])):
        parts.append(risks.title(item, risks.limits("")))
    return " · ".join(parts)
