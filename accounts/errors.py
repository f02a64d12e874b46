"""What people read when something cannot be done: what happened, and what to do next."""

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.decorators import public


def _answer(request, status: int, title: str, text: str, advice: str):
    """Answer with a page, or with a plain sentence when a script asked."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(f"{title} {text}", status=status, content_type="text/plain; charset=utf-8")
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"error": title, "message": text}, status=status)
    known = getattr(request, "user", None) is not None and request.user.is_authenticated
    context = {"status": status, "title": title, "text": text, "advice": advice, "known": known}
    context["frame_template"] = "base.html" if known else "plain.html"
    return HttpResponse(render_to_string("accounts/error.html", context, request=request), status=status)


@public
def bad_request(request, exception=None):
    return _answer(
        request,
        400,
        _("This could not be read."),
        _("The request holds characters or values that no field can hold, so nothing was done."),
        _("Go back, check what was pasted in, and send it again."),
    )


@public
def forbidden(request, exception=None):
    return _answer(
        request,
        403,
        _("Your account may not do this."),
        _("Your role does not include this page or action. The attempt was noted."),
        _("If it belongs to your work, ask the system administrator of your county for another role."),
    )


@public
def csrf_failure(request, reason=""):
    return _answer(
        request,
        403,
        _("The form was too old, and nothing was saved."),
        _("It was opened before you last logged in, or your browser does not keep cookies for this site."),
        _("Go back, load the page anew, and send it again."),
    )


@public
def not_found(request, exception=None):
    return _answer(
        request,
        404,
        _("There is no such page."),
        _("Either the address is wrong, or what it names is not in your area."),
        _("Check the address, or look the household up by its number."),
    )


@public
def server_error(request):
    """Answer without the database and without the frame: any of them may be what broke."""
    title = _("Something went wrong on the server.")
    text = _("Nothing was saved. The fault was written to the server's log.")
    advice = _("Try again in a minute. If it happens twice, tell the system administrator the time and the page.")
    try:
        body = render_to_string(
            "accounts/error.html",
            {"status": 500, "title": title, "text": text, "advice": advice, "frame_template": "plain.html"},
        )
    except Exception:  # a broken template, too, must end in an answer
        body = f'<!doctype html><meta charset="utf-8"><title>500</title><h1>{title}</h1><p>{text}</p><p>{advice}</p>'
    return HttpResponse(body, status=500)
