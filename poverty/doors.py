"""What the pages of the lowest rooms need from `accounts`, named as text, as AUTH_USER_MODEL names the user.

Imports run downwards only, so that the tree of regions can be used, tested and moved without accounts. Its pages,
which stand at the top of the room, still need to say who may call them and to leave a trail.
"""

from django.utils.module_loading import import_string


def permission(name: str):
    """Return the permission called `name`; ValueError for a misspelt one, when the module is loaded."""
    return import_string("accounts.roles.Permission")(name)


def policy(*names: str):
    """As `accounts.decorators.policy`, with the permissions by name."""
    return import_string("accounts.decorators.policy")(*(permission(name) for name in names))


def record(action: str, **details) -> None:
    """As `accounts.audit.record`."""
    import_string("accounts.audit.record")(action, **details)


def admin_class():
    """Return the admin class that asks `user.may(…)`."""
    return import_string("accounts.adminsite.PolicyModelAdmin")
