"""Django's admin under the same policies as every other page: who may, inside whose row scope, rendered in time."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission

STAFF = (Permission.CONFIG_EDIT, Permission.USER_MANAGE, Permission.LOCK_MANAGE)


class PolicyAdminSite(admin.AdminSite):
    site_header = site_title = _("Settings")
    index_title = _("Settings and master data")
    enable_nav_sidebar = False

    def has_permission(self, request):
        return request.user.is_active and any(request.user.may(permission) for permission in STAFF)

    def admin_view(self, view, cacheable=False):
        return policy(*STAFF)(super().admin_view(view, cacheable))

    def get_urls(self):
        urls = super().get_urls()
        _declare(urls)
        return urls

    # People log in, log out and change passwords at one place only.
    def login(self, request, extra_context=None):
        return redirect(f"{reverse('accounts:login')}?{urlencode({'next': reverse('admin:index')})}")

    def logout(self, request, extra_context=None):
        return redirect("accounts:me")

    def password_change(self, request, extra_context=None):
        return redirect("accounts:password_change")

    login = login_not_required(login)
    login.policy = ("public",)


def _declare(patterns) -> None:
    """Write the policy on every address of the admin: Django wraps views once more, outside `admin_view`."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            _declare(pattern.url_patterns)
        elif not getattr(pattern.callback, "policy", None):
            pattern.callback.policy = STAFF


class PolicyModelAdmin(admin.ModelAdmin):
    """An admin class that asks `user.may(cls.permission)`; nothing is deleted here, and changes are audited.

    Scoped models: rows are those of the user's area, as everywhere.
    """

    permission: Permission | None = None
    can_add = True
    can_change = True
    show_full_result_count = False
    list_per_page = 50

    def _may(self, request) -> bool:
        return self.permission is not None and request.user.may(self.permission)

    def has_module_permission(self, request):
        return self._may(request)

    def has_view_permission(self, request, obj=None):
        return self._may(request)

    def has_add_permission(self, request):
        return self.can_add and self._may(request)

    def has_change_permission(self, request, obj=None):
        return self.can_change and self._may(request)

    def has_delete_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        return rows.visible_to(request.user) if hasattr(rows, "visible_to") else rows

    # Django's own log would keep every object's text; the audit trail takes its place.
    def log_addition(self, request, obj, message):
        self._record(request, "admin.added", obj, message)

    def log_change(self, request, obj, message):
        self._record(request, "admin.changed", obj, message)

    @staticmethod
    def _record(request, action, obj, message):
        fields = [
            name
            for part in (message if isinstance(message, list) else [])
            for name in part.get("changed", {}).get("fields", ())
        ]
        record(action, request=request, target=f"{obj._meta.label_lower}:{obj.pk}", detail={"fields": fields})
