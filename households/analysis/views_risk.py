"""The page of the risk of return to poverty, and the training of a county's model."""

from dataclasses import dataclass

import polars as pl
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.masks import View, view_of
from accounts.roles import Permission
from dashboard.analysis import svg
from dashboard.board import in_area
from households import listing
from households.analysis import pages, risks, tasks
from households.analysis.forms import LINE_TITLES, AnalysisForm
from households.analysis.views import book_address, of_group, page_of, percent, start
from households.models import Household
from households.present import Viewer
from poverty import scope
from regions.models import Region

TOP = 20


@dataclass(frozen=True)
class Overview:
    """What is counted of the scored households of an area: sums, and the keys of those on top."""

    total: int
    unknown: int
    mean: float | None
    bands: dict
    groups: list
    items: dict
    unknown_features: dict
    top: list


@policy(Permission.FIGURES_VIEW)
@require_safe
def risk(request):
    """The risk of return to poverty: the model or rules behind it, how far to trust it, and the households on top."""
    place, form, _ready = start(request, AnalysisForm)
    context = {"here": "risk", "missing": risks.MISSING}
    if not place.county:
        return page_of(request, "analysis/risk.html", place, form, context | {"counties": _counties(place)})
    year = form.cleaned_data.get("year")
    if year is None:
        return page_of(request, "analysis/risk.html", place, form, context)
    scored = risks.score_of(place.county, year)
    found, made_at = pages.kept(place, "risk", (year, scored.mark), lambda: _overview(place, scored))
    if place.figures_only and found.total < pages.least():
        return page_of(request, "analysis/risk.html", place, form, context | {"too_few": True})
    query = {"year": str(year)}
    context |= {
        "scored": scored, "found": found, "total": found.total, "year": year, "made_at": made_at,
        "bands": _bands(place, found, query), "groups": _groups(place, found, query),
        "items": _items(place, scored, found, query), "book": book_address(request),
        "coefficients": _coefficients(scored, found), "curve": _calibration(scored),
        "may_train": _may_train(request.user, place.county), "line_title": LINE_TITLES.get(scored.line_kind, ""),
    }  # fmt: skip
    if request.GET.get("format") == "xlsx":
        return _risk_book(request, place, scored, context)
    if place.lists:
        context["top"] = cards_of(place, scored, found.top)
        context["top_rows"] = place.rows(query, set="risk")
    return page_of(request, "analysis/risk.html", place, form, context)


def _overview(place, scored) -> Overview:
    rows, unknown = scored.read(place.code)
    groups = []
    if place.child_length:
        parts = pages.with_group(rows, "region", place.child_length)
        if place.figures_only:
            parts = pages.together(parts, pages.least())
        counts = {key: (pl.col("band") == key).sum() for key in risks.BANDS}
        table = parts.group_by("group").agg(households=pl.len(), mean=pl.col("score").mean(), **counts)
        groups = table.sort(["high", "mean", "group"], descending=[True, True, False]).to_dicts()
    applies = {key: expr.fill_null(value=False).sum() for key, expr in risks.items(scored.limits).items()}
    return Overview(
        total=rows.height,
        unknown=unknown,
        mean=rows["score"].mean(),
        bands=dict(rows.group_by("band").len().iter_rows()),
        groups=groups,
        items=rows.select(**applies).row(0, named=True) if rows.height else {},
        unknown_features={key: rows[key].null_count() for key in risks.KEYS},
        top=rows["id"].head(TOP).to_list(),
    )


def _may_train(user, county: str) -> bool:
    return user.may(Permission.RULES_RUN) and in_area(user, county)


def _counties(place) -> list[dict]:
    """Return the counties of a larger area with the state of their models."""
    if not place.drills:
        return []  # single households of several counties
    regions = Region.objects.filter(scope.under("code", place.code), level="county", valid_to=None).only("code", "name")
    regions = list(regions.order_by("code"))
    models = risks.models_of([region.pk for region in regions])
    return [
        {"name": region.name, "model": models.get(region.pk), "url": place.url("analysis:risk", region=region.pk)}
        for region in regions
    ]


def _bands(place, found, query) -> list[dict]:
    """Return the numbers of households by band."""
    return [
        {"key": key, "title": title, "count": found.bands.get(key, 0), "rows": place.rows(query, set="risk", band=key)}
        for key, title in risks.BANDS.items()
    ]


def _groups(place, found, query) -> list[dict]:
    """Return the same of the regions right below."""
    names = pages.names_of("region", [row["group"] for row in found.groups])
    return [
        {
            "name": names[row["group"]], "households": row["households"], "mean": row["mean"],
            "url": place.url("analysis:risk", **query, region=row["group"])
            if place.drills and row["group"] != pages.SMALL
            else "",
            "cells": [
                (title, row[key], of_group(place, query, "region", row["group"], "risk", band=key) if row[key] else "")
                for key, title in risks.BANDS.items()
            ],
        }
        for row in found.groups
    ]  # fmt: skip


def _items(place, scored, found, query) -> list[dict]:
    """Return the plain rules with their points and the number of households they apply to."""
    return [
        {
            "title": risks.title(item, scored.limits), "kind": item.kind, "points": scored.worth[item.key],
            "count": found.items.get(item.key, 0),
            "rows": place.rows(query, set="risk", item=item.key) if may_know(place.user, item.mask) else "",
        }
        for item in risks.ITEMS
    ]  # fmt: skip


def may_know(user, mask: str) -> bool:
    return not mask or view_of(user, mask) is View.FULL


def _coefficients(scored, found) -> list[dict]:
    fitted = scored.fitted
    if fitted is None:
        return []
    lines = [
        {
            "title": risks.OF_FEATURE[key].title, "coefficient": fitted.coefficients[at], "odds": fitted.odds_ratio(at),
            "mean": fitted.means[at], "scale": fitted.scales[at],
            "unknown": found.unknown_features[key],
        }
        for at, key in enumerate(fitted.features)
    ]  # fmt: skip
    lines.sort(key=lambda one: -abs(one["coefficient"]))
    widths = svg.widths([abs(one["coefficient"]) for one in lines])
    return [one | {"width": width} for one, width in zip(lines, widths, strict=True)]


def _calibration(scored) -> dict | None:
    if scored.fitted is None:
        return None
    points = [(one.predicted, one.observed) for one in scored.fitted.calibration]
    return svg.curve(points, highest=svg.round_up(max(max(point) for point in points)), ticks=4)


@dataclass
class Card:
    """A household of the list of risks as the reader may see it."""

    row: listing.Row
    head: str
    place: str
    score: float | None = None
    band: str = ""
    reasons: list = None
    hidden: bool = False  # a reason speaks of health, which the reader may not see here


def cards_of(place, scored, ids: list[int]) -> list[Card]:
    """Return households with their scores and the reasons that the reader may see, in the order of `ids`."""
    rows, _unknown = scored.read(place.code, ids)
    reasons = scored.reasons(rows)
    found = households_of(place.user, ids, scored.year)
    scores = {key: (score, band) for key, score, band in rows.select("id", "score", "band").iter_rows()}
    cards = []
    for key in ids:
        if key in found and key in scores:
            card = found[key]
            card.score, card.band = scores[key]
            shown = [one for one in reasons[key] if may_know(place.user, one[1])]
            card.reasons, card.hidden = shown[:4], len(shown) < len(reasons[key])
            cards.append(card)
    return cards


def households_of(user, ids, year: int) -> dict[int, Card]:
    """Return the households as a list shows them, in the reader's scope and behind the reader's masks."""
    rows = listing.rows_of(Household.objects.visible_to(user).in_register().filter(pk__in=ids), user, year)
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
        (_("Households that have exited"), str(context["total"])),
    ]
    if scored.fitted:
        facts += [("AUC", f"{scored.fitted.auc:.3f}"), ("Brier", f"{scored.fitted.brier:.4f}")]
    bands = [str(title) for title in risks.BANDS.values()]
    rows = [[one["name"], one["households"], round(one["mean"], 2), *[count for _t, count, _u in one["cells"]]] for one in context["groups"]]  # fmt: skip
    rows.append([_("all"), context["total"], round(context["found"].mean or 0, 2), *[one["count"] for one in context["bands"]]])  # fmt: skip
    tables = [(_("Risk by region"), [_("Region"), _("Number of households"), _("Mean score"), *bands], rows)]
    if scored.fitted:
        header = [_("Feature"), _("Coefficient"), _("Odds ratio"), _("Mean"), _("Standard deviation"), _("Unknown")]
        body = [[str(one["title"]), round(one["coefficient"], 4), round(one["odds"], 4), round(one["mean"], 4), round(one["scale"], 4), one["unknown"]] for one in context["coefficients"]]  # fmt: skip
        tables.append((_("Coefficients"), header, body))
        bins = [[one.rows, percent(one.predicted), percent(one.observed)] for one in scored.fitted.calibration]
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
