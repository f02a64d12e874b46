"""The dated settings, to look at: they are set on their own page, where the new value closes the old one."""

from django.contrib import admin

from accounts.adminsite import PolicyModelAdmin
from accounts.roles import Permission
from poverty.models import ConfigValue


@admin.register(ConfigValue)
class ConfigValueAdmin(PolicyModelAdmin):
    permission = Permission.CONFIG_EDIT
    can_add = can_change = False
    list_display = ["key", "region", "value", "unit", "valid_from", "valid_to", "set_by", "set_at"]
    search_fields = ["key", "region", "note"]
