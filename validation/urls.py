"""Addresses of findings: worklists, one finding and what is done with it, corrections made together."""

from django.urls import path

from validation import views

app_name = "validation"
urlpatterns = [
    path("", views.finding_list, name="list"),
    path("export/", views.finding_export, name="export"),
    path("<uuid:uid>/", views.finding_detail, name="finding"),
]
