"""The kernel as an app: dated settings, template filters, and what runs after every migrate."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


def _secure(sender, using, **kwargs):
    from poverty import security

    security.apply(using)


_looked_at = set()


def _refuse_powerful_role(sender, connection, **kwargs):
    """Look at the role once per process, at its first connection: a superuser silently sees every row."""
    from poverty import security

    if connection.alias == "default" and connection.settings_dict["USER"] not in _looked_at:
        security.refuse_powerful_role(connection)
        _looked_at.add(connection.settings_dict["USER"])


class PovertyConfig(AppConfig):
    name = "poverty"
    verbose_name = _("Thresholds and poverty lines")

    def ready(self):
        connection_created.connect(_refuse_powerful_role)
        post_migrate.connect(_secure, sender=self)
        autodiscover_modules("sheets", "rules", "indicators", "positions")


class AdminConfig(DjangoAdminConfig):
    default_site = "accounts.adminsite.PolicyAdminSite"
