"""Addresses of the register."""

app_name = "households"
urlpatterns: list = []
