"""Addresses of the register."""

from django.urls import path

from households import views, views_edit, views_more, views_proposals
from households.ledger import urls as ledger

app_name = "households"
urlpatterns = [
    *ledger.urlpatterns,
    path("", views.household_list, name="list"),
    path("search/", views.id_search, name="id_search"),
    path("add/", views_edit.household_add, name="add"),
    path("proposals/", views_proposals.proposal_list, name="proposals"),
    path("proposals/confirm/", views_proposals.proposal_confirm_many, name="proposals_confirm"),
    path("proposals/<uuid:uid>/", views_proposals.proposal_detail, name="proposal"),
    path("proposals/<uuid:uid>/decide/", views_proposals.proposal_decide, name="proposal_decide"),
    path("<uuid:uid>/", views.household_detail, name="detail"),
    path("<uuid:uid>/print/", views.household_print, name="print"),
    path("<uuid:uid>/sources/", views.household_sources, name="sources"),
    path("<uuid:uid>/history/", views_more.household_history, name="history"),
    path("<uuid:uid>/reveal/", views_more.household_reveal, name="reveal"),
    path("<uuid:uid>/edit/", views_edit.household_edit, name="edit"),
    path("<uuid:uid>/lifecycle/", views_more.household_lifecycle, name="lifecycle"),
    path("<uuid:uid>/move/", views_more.household_move, name="move"),
    path("<uuid:uid>/numbers/", views_more.household_numbers, name="numbers"),
    path("<uuid:uid>/position/", views_more.household_position, name="position"),
    path("<uuid:uid>/members/change/", views_more.member_change, name="member_change"),
    path("<uuid:uid>/members/<uuid:member>/return/", views_more.member_return, name="member_return"),
]
