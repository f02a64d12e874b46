"""The register's addresses, and the empty view E: session, log-in, language, transaction and scope, and no page."""

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from poverty.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401


@policy(Permission.HOME_VIEW)
@require_safe
def empty(request):
    """Answer nothing."""
    return HttpResponse("")


urlpatterns = [path("bench/empty/", empty), *urlpatterns]
