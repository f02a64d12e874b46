"""Addresses of imports and exports."""

from django.urls import path

from exchange import views, views_batch, views_export

app_name = "exchange"
urlpatterns = [
    path("", views.batch_list, name="list"),
    path("upload/", views.upload, name="upload"),
    path("templates/<str:kind>/", views_export.template, name="template"),
    path("export/", views_export.export, name="export"),
    path("export/requests/", views_export.requests, name="requests"),
    path("export/requests/<uuid:uid>/decide/", views_export.decide, name="decide"),
    path("labels/", views_export.labels, name="labels"),
    path("labels/<int:pk>/", views_export.label, name="label"),
    path("<uuid:uid>/", views.batch, name="batch"),
    path("<uuid:uid>/status/", views.status, name="status"),
    path("<uuid:uid>/merge/", views.merge, name="merge"),
    path("<uuid:uid>/discard/", views.discard, name="discard"),
    path("<uuid:uid>/again/", views.again, name="again"),
    path("<uuid:uid>/undo/", views.undo, name="undo"),
    path("<uuid:uid>/faults/", views_batch.faults, name="faults"),
    path("<uuid:uid>/rows/", views_batch.rows, name="rows"),
    path("<uuid:uid>/changes/", views_batch.changes, name="changes"),
    path("<uuid:uid>/missing/", views_batch.missing, name="missing"),
    path("<uuid:uid>/reconciliation/", views_batch.reconciliation, name="reconciliation"),
    path("<uuid:uid>/questions/", views_batch.questions, name="questions"),
    path("<uuid:uid>/questions/answer/", views_batch.answer, name="answer"),
    path("<uuid:uid>/questions/apply/", views_batch.apply_answers, name="apply"),
    path("<uuid:uid>/marked/", views_batch.marked, name="marked"),
]
