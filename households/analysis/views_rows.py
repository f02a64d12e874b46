"""The list of the households that make a number of the analysis."""

import polars as pl
from django.core.paginator import Paginator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from dashboard.analysis import multidimensional
from households.analysis import dimensions, pages, risks
from households.analysis.forms import LINE_TITLES, SETS, SetForm
from households.analysis.views import page_of, start, weights_of
from households.analysis.views_risk import cards_of, households_of, may_know

PER_PAGE = 50
OF_DIMENSIONS = ("judged", "unjudged", "mpoor", "deprived", "censored")
NEEDED = dict.fromkeys(OF_DIMENSIONS, dimensions.NEEDED) | dict.fromkeys(("measure", "matched"), dimensions.MEASURED)


@policy(Permission.FINDING_VIEW)
@require_safe
def households(request):
    """The households that make a number of the analysis: as many as the number says."""
    place, form, ready = start(request, SetForm)
    which = form.cleaned_data.get("set") or "all"
    by_risk = which == "risk"
    # The list by risk has no line to choose: the score names its own.
    if by_risk and form.errors:
        ready = not set(form.errors) - {"line", "amount"} and form.cleaned_data["year"] is not None
    if not ready or (by_risk and not place.county):
        return page_of(request, "analysis/households.html", place, form, {"here": "", "unreadable": True})
    asked = form.cleaned_data
    scored = risks.score_of(place.county, asked["year"]) if by_risk else None
    if by_risk:
        mark = (asked["year"], scored.mark, asked["band"], asked["item"])
    else:
        mark = (form.mark, [asked[name] for name in ("set", "group", "value", "cause", "dimension", "measure", "has")])

    def make():
        if by_risk:
            return _keys(_by_risk(scored, place, asked))
        rows = pages.rows_of(place, form, NEEDED.get(which, ()))
        return _keys(select(rows, form).sort(["village", "id"]))

    keys, persons = [], 0
    if not by_risk or _may_ask(request.user, asked["item"]):
        (keys, persons), _made_at = pages.kept(place, "households", mark, make)
    page = Paginator(keys, PER_PAGE).get_page(request.GET.get("page"))
    part = list(page.object_list)
    if scored is not None:
        cards = cards_of(place, scored, part)
    else:
        found = households_of(request.user, part, asked["year"])
        cards = [found[key] for key in part if key in found]
    context = {
        "here": "", "which": which, "page": page, "cards": cards, "number": len(keys), "scored": scored, "persons": persons,
        "title": _set_title(form, which), "year": asked["year"], "line": None if by_risk else form.yuan,
        "line_title": "" if by_risk else LINE_TITLES[asked["line"]],
    }  # fmt: skip
    return page_of(request, "analysis/households.html", place, form, context)


def _keys(rows: pl.DataFrame) -> tuple[list[int], int]:
    """Return the keys of the households in their order, and their persons."""
    return rows["id"].to_list(), int(rows["persons"].sum() or 0)


def _may_ask(user, item: str) -> bool:
    """Tell whether the user may know to whom a rule of the score applies: some speak of health."""
    return not item or (item in risks.OF_ITEM and may_know(user, risks.OF_ITEM[item].mask))


def _by_risk(scored, place, asked) -> pl.DataFrame:
    rows, _unknown = scored.read(place.code)
    if asked["band"]:
        rows = rows.filter(pl.col("band") == asked["band"])
    if asked["item"]:
        rows = rows.filter(risks.items(scored.limits)[asked["item"]].fill_null(value=False))
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
    if which in OF_DIMENSIONS:
        return _of_dimensions(rows, form, which, asked["dimension"])
    if which == "measure" and asked["measure"]:
        column = pl.col(dimensions.MEASURES[asked["measure"]].column)
        return rows.filter(~column if asked["has"] == "0" else column)
    if which == "matched":
        rows = rows.with_columns(matched=dimensions.matched())
        return rows.filter(~pl.col("matched") if asked["has"] == "0" else pl.col("matched"))
    return rows if which == "cause" else rows.head(0)


def _of_dimensions(rows, form, which: str, dimension: str) -> pl.DataFrame:
    weights, k = weights_of(form)
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
