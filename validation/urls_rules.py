"""Addresses of the rules, their runs, the data-quality score and its reports."""

from django.urls import path

from validation import views_compose, views_quality, views_rules, views_runs

pages = [
    path("rules/", views_rules.rule_list, name="rules"),
    path("rules/compose/", views_compose.compose, name="compose"),
    path("rules/compose/<str:rule>/", views_compose.compose, name="compose_edit"),
    path("rules/compose/<str:rule>/off/", views_compose.compose_off, name="compose_off"),
    path("rules/<str:rule>/", views_rules.rule_page, name="rule"),
    path("rules/<str:rule>/preview/", views_rules.rule_preview, name="rule_preview"),
    path("rules/<str:rule>/owner/", views_rules.rule_owner, name="rule_owner"),
    path("runs/", views_runs.runs, name="runs"),
    path("runs/check/", views_runs.check_now, name="check_now"),
    path("runs/<uuid:uid>/", views_runs.run, name="run"),
    path("quality/", views_quality.quality, name="quality"),
    path("reports/", views_quality.reports, name="reports"),
    path("reports/<uuid:uid>/<str:part>/", views_quality.report_file, name="report_file"),
]
