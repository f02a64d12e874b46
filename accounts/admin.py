"""Accounts in Django's admin: what a system administrator may correct by hand; the rest has pages of its own."""

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts import actions
from accounts.adminsite import PolicyModelAdmin
from accounts.models import User
from accounts.roles import Permission

admin.site.unregister(Group)  # roles and permissions are code


@admin.register(User)
class UserAdmin(PolicyModelAdmin):
    permission = Permission.USER_MANAGE
    can_add = False  # accounts are made where their one-time password is shown
    list_display = ["username", "full_name", "role", "unit", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "full_name", "unit"]
    ordering = ["username"]
    fields = [
        "username", "full_name", "role", "unit", "phone", "language", "is_active", "must_change_password",
        "last_login", "created_at",
    ]  # fmt: skip
    readonly_fields = [
        "username", "full_name", "role", "is_active", "must_change_password", "last_login", "created_at",
    ]  # fmt: skip

    def get_queryset(self, request):
        return actions.manageable(request.user)
