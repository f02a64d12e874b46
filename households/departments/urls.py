"""Addresses of departments' lists."""

from django.urls import path

from households.departments import views, views_import

app_name = "departments"
urlpatterns = [
    path("", views.index, name="index"),
    path("match/", views.match, name="match"),
    path("upload/", views_import.upload, name="upload"),
    path("kinds/<str:kind>/", views.source, name="source"),
    path("kinds/<str:kind>/template/", views.template, name="template"),
    path("uploads/<uuid:uid>/", views_import.batch, name="batch"),
    path("uploads/<uuid:uid>/status/", views_import.status, name="status"),
    path("uploads/<uuid:uid>/merge/", views_import.merge, name="merge"),
    path("uploads/<uuid:uid>/discard/", views_import.discard, name="discard"),
    path("uploads/<uuid:uid>/undo/", views_import.take_back, name="undo"),
    path("uploads/<uuid:uid>/questions/", views_import.questions, name="questions"),
    path("uploads/<uuid:uid>/questions/answer/", views_import.answer, name="answer"),
    path("uploads/<uuid:uid>/marked/", views_import.marked, name="marked"),
    path("disputes/<uuid:uid>/", views.dispute, name="dispute"),
    path("<uuid:uid>/", views.snapshot, name="snapshot"),
    path("<uuid:uid>/matches/", views.matches, name="matches"),
    path("<uuid:uid>/release/", views.release, name="release"),
    path("<uuid:uid>/report/", views.report, name="report"),
]
