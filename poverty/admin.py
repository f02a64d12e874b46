"""The dated settings, to look at: they are set on their own page, where the new value closes the old one."""

from django.contrib import admin

from poverty import config, doors
from poverty.models import ConfigValue


@admin.register(ConfigValue)
class ConfigValueAdmin(doors.admin_class()):
    permission = doors.permission("config.edit")
    can_add = can_change = False
    list_display = ["key", "region", "value", "unit", "valid_from", "valid_to", "set_by", "set_at"]
    search_fields = ["key", "region", "note"]

    def get_queryset(self, request):
        return config.concerning(request.user)
