"""The kernel as an app: dated settings, template filters, and what runs after every migrate."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


def _secure(sender, using, **kwargs):
    from poverty import security

    security.apply(using)


class PovertyConfig(AppConfig):
    name = "poverty"

    def ready(self):
        post_migrate.connect(_secure, sender=self)
        autodiscover_modules("sheets", "rules", "indicators")


class AdminConfig(DjangoAdminConfig):
    default_site = "accounts.adminsite.PolicyAdminSite"
