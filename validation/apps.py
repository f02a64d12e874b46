"""The engine of data rules as an app: what rooms declare with their rules is made known and shipped."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _ship(sender, using, **kwargs):
    from validation import shipping

    shipping.ship(using)


class ValidationConfig(AppConfig):
    name = "validation"

    def ready(self):
        from poverty import config
        from validation import effects, shipping

        shipping.register()  # the kernel has found all rules by now
        if effects.WATCHER not in config.watchers:
            config.watchers.append(effects.WATCHER)
        post_migrate.connect(_ship, sender=self)
