"""Addresses of the analysis, under /map/analysis/."""

from django.urls import path

from households.analysis import views, views_risk, views_rows

app_name = "analysis"
urlpatterns = [
    path("", views.poverty, name="poverty"),
    path("dimensions/", views.multidimensional_poverty, name="dimensions"),
    path("causes/", views.causes, name="causes"),
    path("risk/", views_risk.risk, name="risk"),
    path("risk/train/", views_risk.train, name="train"),
    path("households/", views_rows.households, name="households"),
]
