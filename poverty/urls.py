"""All addresses. Every view behind them declares its policy (`accounts.decorators`)."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from poverty.api import description

api = [
    path("schema/", description, name="schema"),
    path("", include("regions.api")),
    path("", include("households.api")),
    path("", include("validation.api")),
    path("", include("dashboard.api")),
    path("", include("jobs.api")),
]
urlpatterns = [
    path("map/analysis/", include("households.analysis.urls")),
    path("", include("dashboard.urls")),
    path("", include("accounts.urls")),
    path("regions/", include("regions.urls")),
    path("households/", include("households.urls")),
    path("exchange/", include("exchange.urls")),
    path("departments/", include("households.departments.urls")),
    path("findings/", include("validation.urls")),
    path("jobs/", include("jobs.urls")),
    path("api/v1/", include((api, "api"))),
    path("admin/", admin.site.urls),
]
handler400 = "accounts.views.bad_request"
handler403 = "accounts.views.forbidden"
handler404 = "accounts.views.not_found"
handler500 = "accounts.views.server_error"
if settings.DEBUG:
    from django.contrib.staticfiles.urls import staticfiles_urlpatterns

    urlpatterns += staticfiles_urlpatterns()
