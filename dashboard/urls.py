"""Addresses of the home page and the map."""

from django.urls import path, register_converter

from dashboard import views, views_figure, views_map, views_screen


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
    path("map/screens/", views_screen.screen_list, name="screens"),
    path("map/screens/add/", views_screen.screen_add, name="screen_add"),
    path("map/screens/usual/", views_screen.screen_usual, name="screen_usual"),
    path("map/screens/usual/data/", views_screen.screen_usual_data, name="screen_usual_data"),
    path("map/screens/links/<int:pk>/revoke/", views_screen.link_revoke, name="link_revoke"),
    path("map/screens/<uuid:uid>/", views_screen.screen_show, name="screen"),
    path("map/screens/<uuid:uid>/data/", views_screen.screen_data, name="screen_data"),
    path("map/screens/<uuid:uid>/edit/", views_screen.screen_edit, name="screen_edit"),
    path("map/screens/<uuid:uid>/remove/", views_screen.screen_remove, name="screen_remove"),
    path("map/screens/<uuid:uid>/links/", views_screen.screen_links, name="screen_links"),
    path("wall/", views_screen.wall, name="wall"),
    path("wall/data/", views_screen.wall_data, name="wall_data"),
    path("wall/<region_code:code>/shapes/", views_screen.wall_shapes, name="wall_shapes"),
    path("map/<region_code:code>/boundaries/", views.boundaries, name="boundaries"),
    path("map/<region_code:code>/positions/", views_map.positions, name="positions"),
]
