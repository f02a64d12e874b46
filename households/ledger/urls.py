"""Addresses of the monthly ledger, below those of the register."""

from django.urls import path

from households.ledger import views

urlpatterns = [
    path("ledger/", views.ledger_list, name="ledger"),
    path("ledger/close/", views.ledger_close, name="ledger_close"),
    path("ledger/ask/", views.ledger_ask, name="ledger_ask"),
    path("ledger/decide/", views.ledger_decide, name="ledger_decide"),
    path("<uuid:uid>/ledger/", views.ledger_year, name="ledger_year"),
    path("<uuid:uid>/ledger/month/", views.ledger_month, name="ledger_month"),
]
