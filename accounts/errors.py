"""What people read when something cannot be done: what happened, and what to do next."""

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.decorators import public
from poverty import api


def _answer(request, status: int, template: str, text: str):
    """Answer with a page, or with one sentence when a script asked."""
    if api.is_api(request):
        return api.problem(status, text)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"error": text}, status=status)
    return HttpResponse(render_to_string(template, request=request), status=status)


@public
def bad_request(request, exception=None):
    text = _("This could not be read: it holds characters or values that no field can hold. Nothing was done.")
    return _answer(request, 400, "400.html", text)


@public
def forbidden(request, exception=None):
    return _answer(request, 403, "403.html", _("Your account may not do this. The attempt was noted."))


@public
def csrf_failure(request, reason=""):
    text = _("The form was too old, and nothing was saved. Load the page anew and send it again.")
    return _answer(request, 403, "accounts/csrf.html", text)


@public
def not_found(request, exception=None):
    return _answer(request, 404, "404.html", _("There is nothing at this address, or it is not in your area."))


@public
def server_error(request):
    """Answer without the database and the request: either may be what broke."""
    if api.is_api(request):
        return api.problem(500, _("Something went wrong on the server; nothing was saved. Try again in a minute."))
    try:
        body = render_to_string("500.html")
    except Exception:  # a broken template, too, must end in an answer
        text = _("Something went wrong on the server; nothing was saved. Try again in a minute.")
        body = f'<!doctype html><meta charset="utf-8"><title>500</title><h1>{text}</h1>'
    return HttpResponse(body, status=500)
