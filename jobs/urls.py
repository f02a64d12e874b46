"""Addresses of one's own long work."""

from django.urls import path

from jobs import views

app_name = "jobs"
urlpatterns = [
    path("", views.job_list, name="list"),
    path("line/", views.line, name="line"),
    path("<uuid:uid>/", views.detail, name="detail"),
    path("<uuid:uid>/cancel/", views.cancel, name="cancel"),
]
