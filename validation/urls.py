"""Addresses of findings: worklists, one finding and what is done with it, corrections made together."""

from django.urls import path

from validation import urls_rules, views, views_fixes, views_verdicts

app_name = "validation"
urlpatterns = [
    *urls_rules.pages,
    path("", views.finding_list, name="list"),
    path("export/", views.finding_export, name="export"),
    path("dispatch/", views.finding_dispatch, name="dispatch"),
    path("docket/", views.docket, name="docket"),
    path("verdicts/", views_verdicts.verdicts, name="verdicts"),
    path("fixes/", views_fixes.fix_list, name="fixes"),
    path("fixes/ask/", views_fixes.fix_ask, name="fix_ask"),
    path("fixes/<uuid:uid>/", views_fixes.fix_detail, name="fix"),
    path("fixes/<uuid:uid>/decide/", views_fixes.fix_decide, name="fix_decide"),
    path("fixes/<uuid:uid>/undo/", views_fixes.fix_undo, name="fix_undo"),
    path("photos/<uuid:uid>/", views.finding_photo, name="photo"),
    path("<uuid:uid>/", views.finding_detail, name="finding"),
    path("<uuid:uid>/correct/", views.finding_correct, name="correct"),
    path("<uuid:uid>/fix/", views.finding_fix, name="apply_fix"),
    path("<uuid:uid>/recheck/", views.finding_recheck, name="recheck"),
    path("<uuid:uid>/check/", views.finding_check, name="check"),
    path("<uuid:uid>/verdict/", views.finding_verdict, name="verdict"),
    path("<uuid:uid>/second/", views.finding_second, name="second"),
    path("<uuid:uid>/appeal/", views.finding_appeal, name="appeal"),
    path("<uuid:uid>/reopen/", views.finding_reopen, name="reopen"),
    path("<uuid:uid>/followed/", views.finding_followed, name="followed"),
    path("<uuid:uid>/note/", views.finding_note, name="note"),
    path("<uuid:uid>/reveal/", views.finding_reveal, name="reveal"),
]
