"""Addresses of the analysis, under /map/analysis/."""

from django.urls import path

from households.analysis import views

app_name = "analysis"
urlpatterns = [
    path("", views.poverty, name="poverty"),
    path("dimensions/", views.multidimensional_poverty, name="dimensions"),
    path("causes/", views.causes, name="causes"),
    path("risk/", views.risk, name="risk"),
    path("risk/train/", views.train, name="train"),
    path("households/", views.households, name="households"),
]
