"""Regions and their aliases in the admin: to look up, and to correct what a file cannot say."""

from django.contrib import admin

from poverty import doors
from regions import picker
from regions.models import Region, RegionAlias


@admin.register(Region)
class RegionAdmin(doors.admin_class()):
    """The tree of one's own area, to look at; it is changed by `manage.py load_regions` and on the pages."""

    permission = doors.permission("config.edit")
    can_add = can_change = False
    list_display = ["code", "name", "short_name", "level", "valid_from", "valid_to", "successor_id"]
    list_filter = ["level"]
    search_fields = ["code__startswith", "name"]
    exclude = ["boundary", "centroid"]

    def get_queryset(self, request):
        return picker.regions_for(request.user).defer("boundary", "centroid")


@admin.register(RegionAlias)
class RegionAliasAdmin(doors.admin_class()):
    """Other names under which sheets write a region."""

    permission = doors.permission("config.edit")
    list_display = ["name", "parent", "region_id"]
    search_fields = ["name", "region__code__startswith"]
    raw_id_fields = ["region"]

    def get_queryset(self, request):
        own = picker.regions_for(request.user).values("pk")
        return super().get_queryset(request).filter(region__in=own)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        kwargs["queryset"] = picker.regions_for(request.user).defer("boundary", "centroid")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
