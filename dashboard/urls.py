"""Addresses of the home page and the map."""

from django.urls import path, register_converter

from dashboard import views, views_figure, views_map


class RegionCode:
    regex = "[0-9]{2,15}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


register_converter(RegionCode, "region_code")

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("map/", views_map.page, name="map"),
    path("map/charts/", views_map.charts, name="charts"),
    path("map/chart.xlsx", views_map.chart_sheet, name="chart_sheet"),
    path("map/figure/", views_figure.figure_villages, name="figure_villages"),
    path("map/<region_code:code>/boundaries/", views.boundaries, name="boundaries"),
    path("map/<region_code:code>/positions/", views_map.positions, name="positions"),
]
