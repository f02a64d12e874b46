"""The villages behind a figure: for who sees figures only, for figures of villages, and for months that have ended."""

import datetime as dt

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from dashboard import board as boards
from dashboard import figures
from regions.models import LEVEL_LENGTHS, Region

PER_PAGE = 50


@policy(Permission.FIGURES_VIEW)
@require_safe
def figure_villages(request):
    """The villages that add up to a figure of a region, with the number of each."""
    user, asked = request.user, request.GET
    key, part, code = asked.get("figure", ""), asked.get("part", ""), asked.get("region", "")
    if key not in figures.indicators or not _may_see(user, code):
        raise Http404
    month = _month(asked.get("month", ""))
    code = code or boards.whole_area(user)
    found = figures.by_village(user, key, part, code, month)
    if found is None:
        raise Http404
    page = Paginator(found, PER_PAGE).get_page(asked.get("page"))
    codes = {village[:length] for village, _number in page.object_list for length in (9, 12)}
    names = dict(Region.objects.filter(code__in=[*codes, code]).values_list("code", "name"))
    indicator = figures.indicators[key]
    # What is counted in villages has nothing below them.
    opens = indicator.listed and month == figures.latest() and figures.may_open(user, indicator)
    rows = [
        {
            "town": names.get(village[:9], village[:9]),
            "village": names.get(village, village),
            "number": number,
            "url": figures.address(user, indicator, village, part) if opens else "",
        }
        for village, number in page.object_list
    ]
    context = {
        "page": page,
        "rows": rows,
        "label": figures.label(key, part),
        "source": _(indicator.source) if indicator.source else "",
        "unit": figures.unit_of(figures.sum_behind(key, part)),
        "total": sum(number for _village, number in found),
        "place": names.get(code, ""),
        "month": month,
    }
    return render(request, "dashboard/figure_villages.html", context)


def _may_see(user, code: str) -> bool:
    if not code:
        return True
    known = code.isascii() and code.isdigit() and len(code) in LEVEL_LENGTHS.values()
    return known and (boards.touches_area(user, code) or figures.sees_households_only(user))


def _month(text: str) -> dt.date:
    if not text:
        return figures.latest()
    try:
        month = dt.datetime.strptime(text, "%Y-%m").date()
    except ValueError as error:
        raise Http404 from error
    if month not in figures.months():
        raise Http404
    return month
