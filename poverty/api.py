"""What the API shares: deny by default."""

from rest_framework.permissions import BasePermission


class DenyAll(BasePermission):
    """A view that says nothing about who may call it answers 403."""

    def has_permission(self, request, view):
        return False
