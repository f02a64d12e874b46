"""Pages of the analysis: poverty measures, multidimensional poverty, causes and measures; what all of them share."""

from dataclasses import dataclass

import polars as pl
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from dashboard.analysis import measures, multidimensional, svg
from households import codes
from households.analysis import dimensions, frames, pages
from households.analysis.forms import (
    COUNTS,
    GROUPS,
    LINE_TITLES,
    AnalysisForm,
    CausesForm,
    DimensionsForm,
)


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


def start(request, form_class, **more):
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


def page_of(request, template, place, form, context):
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
    place, form, ready = start(request, AnalysisForm)
    if not ready:
        return page_of(request, "analysis/poverty.html", place, form, {"here": "poverty"})
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

    found, made_at = pages.kept(place, "poverty", form.mark, make)
    if not found:
        return page_of(request, "analysis/poverty.html", place, form, {"here": "poverty", "too_few": True})
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
            rows=of_group(place, query, by, key, "all"),
            poor_rows=of_group(place, query, by, key, "poor"),
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
        "unknown_rows": place.rows(query, set="unknown"), "adds_up": bool(groups), "book": book_address(request),
    }  # fmt: skip
    return page_of(request, "analysis/poverty.html", place, form, context)


def _deeper(place, request, by, key, query) -> str:
    if by != "region" or key in (pages.SMALL, pages.NOTHING) or not place.child_length or not place.drills:
        return ""
    return place.url(request.resolver_match.view_name, **{**query, "region": key})


def of_group(place, query, by, key, which: str, **more) -> str:
    if key == pages.SMALL or (by == "region" and not place.drills):
        return ""
    if by == "region":
        return place.rows(query, set=which, **more, region=key)
    return place.rows(query, set=which, **more, group=by, value=key)


def book_address(request) -> str:
    query = request.GET.copy()
    query["format"] = "xlsx"
    return f"?{query.urlencode()}"


def _poverty_book(request, place, facts, whole, groups, lorenz):
    header = [
        _("Group"), _("Number of households"), _("Population"), _("Poor households"), _("Poor"), "H %", "PG %", "SPG %", "Sen %", "Gini",
        _("Mean income (yuan)"), _("Shortfall (yuan)"), _("Share of population %"), _("Share of H %"), _("Share of PG %"), _("Share of SPG %"),
    ]  # fmt: skip

    def row(name, m, shares):
        values = [
            percent(m.headcount),
            percent(m.gap),
            percent(m.severity),
            percent(m.sen),
            m.gini and round(m.gini, 4),
        ]
        return [name, m.households, m.weight, m.poor_households, m.poor, *values, m.mean and round(m.mean, 2), round(m.shortfall, 2), *shares]  # fmt: skip

    table = [row(one.name, one.m, one.shares) for one in groups] + [row(_("all"), whole, ())]
    curve = [[round(100 * x, 1), round(100 * y, 2)] for x, y in lorenz]
    tables = [(_("Poverty measures"), header, table), (_("Lorenz curve"), [_("Poorest, percent of all"), _("Their share of income %")], curve)]  # fmt: skip
    return pages.workbook(request, _("Poverty measures") + f" {place.name}", facts, tables)


def percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 3)


# --- multidimensional poverty ---------------------------------------------------------------------------------------------


@policy(Permission.FIGURES_VIEW)
@require_safe
def multidimensional_poverty(request):
    """Who is deprived in several of the guarantees at once, and which dimension contributes how much."""
    place, form, ready = start(request, DimensionsForm)
    if not ready:
        return page_of(request, "analysis/dimensions.html", place, form, {"here": "dimensions"})
    by = form.cleaned_data["by"]
    weights, k = weights_of(form)

    def make():
        everybody = dimensions.deprivations(pages.rows_of(place, form, dimensions.NEEDED))
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

    found, made_at = pages.kept(place, "dimensions", form.mark, make)
    if not found:
        return page_of(request, "analysis/dimensions.html", place, form, {"here": "dimensions", "too_few": True})
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
            "rows": of_group(place, query, by, key, "judged"), "poor_rows": of_group(place, query, by, key, "mpoor"),
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
        "book": book_address(request),
    }  # fmt: skip
    return page_of(request, "analysis/dimensions.html", place, form, context)


def weights_of(form) -> tuple[dict[str, float], float]:
    """Return ({column: weight}, k) of the form."""
    return {dimensions.column(key): value for key, value in form.weights.items()}, form.cleaned_data["k"] / 100


def _dimensions_book(request, place, facts, whole, lines, groups):
    first = [_("Dimension"), _("Weight %"), _("Deprived %"), _("Deprived households"), _("Poor and deprived %"), _("Poor and deprived households"), _("Contribution to M0 %"), _("Unknown")]  # fmt: skip
    table = [
        [str(one["one"].title), round(one["weight"], 1), percent(one["raw"]), one["raw_households"], percent(one["censored"]),
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
        [name, m.households, m.weight, m.poor_households, percent(m.headcount), percent(m.intensity),
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
    place, form, ready = start(request, CausesForm, causes=codes.CAUSE.choices)
    if not ready:
        return page_of(request, "analysis/causes.html", place, form, {"here": "causes"})
    chosen = form.cleaned_data["cause"]
    least = pages.least() if place.figures_only else 0

    def make():
        rows = pages.rows_of(place, form, dimensions.MEASURED)
        rows = pages.with_group(rows, "main_cause", 0).with_columns(matched=dimensions.matched())
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

    found, made_at = pages.kept(place, "causes", form.mark, make)
    if not found:
        return page_of(request, "analysis/causes.html", place, form, {"here": "causes", "too_few": True})
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
        "not_there": dimensions.NOT_THERE, "chosen": codes.CAUSE.label(chosen), "book": book_address(request),
        "total": whole["households"],
    }  # fmt: skip
    return page_of(request, "analysis/causes.html", place, form, context)


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
        [one["name"], one["households"], one["poor"], percent(one["poor_share"]), one["income"] and round(one["income"], 2),
         percent(one["match"]), one["unmatched"], *[percent(cell["share"]) for cell in one["cells"]]]
        for one in lines
    ]  # fmt: skip
    second = [_("Measure"), "", _("Number of households"), _("Below the line %"), _("Mean income (yuan)"), _("Mean change in a year (yuan)"), _("Households with both years")]  # fmt: skip
    body = [
        [str(one["title"]), label, *([None] * 5 if one[side]["few"] else [
            one[side]["households"], percent(one[side]["share"]), one[side]["income"] and round(one[side]["income"], 2),
            one[side]["change"] and round(one[side]["change"], 2), one[side]["changes"]])]
        for one in sides
        for side, label in (("with", _("with it")), ("without", _("without it")))
    ]  # fmt: skip
    tables = [(_("Causes and measures"), header, table), (_("With and without"), second, body)]
    return pages.workbook(request, _("Causes and measures") + f" {place.name}", facts, tables)
