"""Addresses of the regions and of the dated settings."""

from django.urls import path

from regions import config_views, views

app_name = "regions"
urlpatterns = [
    path("", views.villages, name="villages"),
    path("search/", views.search, name="search"),
    path("children/", views.children, name="children"),
    path("settings/", config_views.config, name="config"),
    path("settings/<str:key>/", config_views.setting, name="setting"),
    path("<str:code>/", views.detail, name="detail"),
    path("<str:code>/edit/", views.profile_edit, name="profile_edit"),
    path("<str:code>/hamlets/", views.hamlet_add, name="hamlet_add"),
]
