"""The home page, and the boundaries that maps draw."""

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import policy
from accounts.roles import Permission
from dashboard import board as boards
from dashboard import boundaries as shapes
from poverty import waiting


@policy(Permission.HOME_VIEW)
@require_safe
@vary_on_headers("HX-Request")
def home(request):
    """What waits for me, and how my area stands."""
    user = request.user
    asked = request.GET.get("area", "")
    board = None
    if user.may(Permission.FIGURES_VIEW):
        board = boards.make(user, asked, request.path)
    elif asked:
        raise Http404
    if request.htmx and not request.htmx.history_restore_request and board:
        return render(request, "dashboard/_board.html", {"board": board})
    # What waits is that of the whole area, wherever in it one is looking.
    totals = board.totals if board and not asked else None
    if board and asked:
        totals = boards.totals_of(user)
    context = {"board": board, "tiles": settings.LEAFLET_CONFIG["TILES"], "waiting": waiting.cards(user, totals)}
    return render(request, "dashboard/home.html", context)


@policy(Permission.FIGURES_VIEW)
@require_safe
def boundaries(request, code):
    """Outlines of a region and of those right below it: public geography, the same for everybody."""
    asked = request.GET.get("v", "")
    found, version = shapes.kept(code, asked), asked
    if found is None:
        version = shapes.version(code)
        found = shapes.packed(code, version)
    tag, body = found
    if request.headers.get("If-None-Match") == f'"{tag}"':
        response = HttpResponseNotModified()
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(body, content_type="application/geo+json", headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(shapes.unpacked(body), content_type="application/geo+json")
    response.headers["ETag"] = f'"{tag}"'
    if version and asked == version:  # such an address never changes its answer
        response.headers["Cache-Control"] = "private, max-age=2592000, immutable"
    else:
        response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response
