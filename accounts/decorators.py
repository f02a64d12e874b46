"""Every URL declares who may call it; the declaration also enters the caller's row scope."""

import functools

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied

from accounts.roles import Permission
from poverty import scope


def policy(*permissions: Permission):
    """Let users through who have any of `permissions`, inside their row scope and the request's transaction.

    A late-rendering response is rendered here: after the transaction row-level security would show it no rows.
    """

    def decorate(view):
        @functools.wraps(view)
        def guarded(request, *args, **kwargs):
            if not any(request.user.may(permission) for permission in permissions):
                raise PermissionDenied
            with scope.acting(request.user, url=request.resolver_match.view_name if request.resolver_match else ""):
                response = view(request, *args, **kwargs)
                if hasattr(response, "render") and not getattr(response, "is_rendered", True):
                    response.render()
            return response

        guarded.policy = permissions
        return guarded

    return decorate


def public(view):
    """Let everybody in, without row scope: a page that reads no scoped table."""
    view = login_not_required(view)
    view.policy = ("public",)
    return view
