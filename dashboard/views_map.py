"""The battle map: the page, the charts beside it, a chart as a workbook, and where households stand."""

import io
import re
from types import SimpleNamespace

from django.conf import settings
from django.contrib.gis.db.models.functions import Envelope
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import policy
from accounts.roles import Permission
from dashboard import battle as battles
from dashboard import board as boards
from dashboard import charts as charting
from dashboard import kept
from dashboard import positions as standing
from poverty.xlsx import Workbook
from regions.models import Region

CHARTS = "dashboard/_charts.html"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@policy(Permission.FIGURES_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def page(request):
    """One figure of one area in one month on the map, what stands out in it, and the way down."""
    state = battles.State.of(request.GET)
    whole = not request.htmx or request.htmx.history_restore_request
    template = "dashboard/_battle_page.html" if whole else "dashboard/_battle.html"
    found = kept.part(request, state, template, lambda: _view(request, state, template))
    if found is None:
        # Who is paired with single households has no area: their own figures stand on the home page.
        return render(request, "dashboard/battle_none.html")
    if not whole:
        return HttpResponse(found.html)
    context = {"battle": found.head, "part": found.html, "tiles": settings.LEAFLET_CONFIG["TILES"]}
    return render(request, "dashboard/battle.html", context)


def _view(request, state, template: str) -> kept.Part | None:
    battle = battles.make(request.user, state, reverse("dashboard:map"))
    if battle is None:
        return None
    head = SimpleNamespace(name=battle.name, title=battle.title)
    return kept.Part(render_to_string(template, {"battle": battle}, request), head)


@policy(Permission.FIGURES_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def charts(request):
    """The charts of the subject that the chosen figure belongs to; without a script a page of tables."""
    state = battles.State.of(request.GET)
    if request.htmx:
        return HttpResponse(kept.part(request, state, CHARTS, lambda: _charts(request, state)).html)
    found = battles.charts_of(request.user, state)
    return render(request, "dashboard/charts.html", {"charts": found, "back": state.url(reverse("dashboard:map"))})


def _charts(request, state) -> kept.Part:
    found = {"charts": battles.charts_of(request.user, state)}
    return kept.Part(render_to_string(CHARTS, found, request))


@policy(Permission.FIGURES_VIEW)
@require_safe
def chart_sheet(request):
    """One chart as a workbook."""
    state = battles.State.of(request.GET)
    place, figure = battles.chart_place(request.user, state)
    found = charting.of(place, figure.key)
    wanted = request.GET.get("kind", "")
    chart = next((chart for chart in found if chart.kind == wanted), found[0] if found else None)
    if chart is None:
        raise Http404
    made = io.BytesIO()
    book = Workbook(made)
    with book.sheet(
        re.sub(r"[\[\]:*?/\\]", " ", chart.title)[:31], widths=[24, *[16] * len(chart.columns)], freeze=3
    ) as sheet:
        chart.write(sheet)
    book.close()
    answer = HttpResponse(made.getvalue(), content_type=EXCEL)
    name = f"{chart.title}_{chart.area}_{place.month:%Y-%m}.xlsx"
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    return answer


@policy(Permission.FIGURES_VIEW)
@require_safe
def positions(request, code):
    """Where the households of an area stand: cells; in a village the households, to who may see exact positions."""
    own = boards.whole_area(request.user)
    if not own or not code.startswith(own) or not boards.touches_area(request.user, code):
        raise Http404
    if not Region.objects.filter(pk=code).exists():
        raise Http404
    if battles.State.of(request.GET).public:
        found = standing.EMPTY  # where few households stand, a cell points at them
    elif standing.sees_points(request.user, code):
        found = standing.points(request.user, code)
    else:
        outline = (
            Region.objects.filter(pk=code, boundary__isnull=False)
            .annotate(box=Envelope("boundary"))
            .values_list("box", flat=True)
            .first()
        )
        found = standing.cells(request.user, code, outline.extent if outline else None)
    answer = JsonResponse(found)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
