"""A session that ended while somebody was filling in a form: log in again without losing what was typed.

With scripts the page itself asks for the password (static/js/session.js) and the form never leaves it. Without, the
late POST is answered with a log-in form that carries the fields along as hidden inputs; after the same person has
logged in they come back in a form with one button. Nothing of it is ever stored on the server, and nothing is sent by
itself. Files cannot be carried; the page says so.
"""

from django.core import signing
from django.shortcuts import render

SALT = "accounts.relogin"
OWN_FIELDS = {"csrfmiddlewaretoken"}
MAX_AGE_SECONDS = 24 * 3600


def page(request, user):
    """Answer a late POST with the log-in form, its fields kept; 401, so that nothing takes it for a success."""
    fields = [(name, value) for name, values in request.POST.lists() if name not in OWN_FIELDS for value in values]
    context = {
        "username": user.get_username(),
        "kept": fields,
        "kept_whose": signing.dumps({"user": user.pk, "path": request.get_full_path()}, salt=SALT),
        "lost_files": bool(request.FILES),
    }
    response = render(request, "accounts/relogin.html", context, status=401)
    response.headers["Cache-Control"] = "no-store"
    return response


def kept_fields(post) -> list[tuple[str, str]]:
    """Return the (name, value) pairs that a log-in form carried along."""
    names, values = post.getlist("kept_name"), post.getlist("kept_value")
    return list(zip(names, values, strict=False)) if len(names) == len(values) else []


def kept_path(post, user) -> str:
    """Return where the kept fields were going, or "" when they are not this user's."""
    try:
        token = signing.loads(post.get("kept_whose", ""), salt=SALT, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature:
        return ""
    return token["path"] if token.get("user") == user.pk else ""
