"""Open the sealed canaries: do the keys belong to this database?"""

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from poverty import canary


class Command(BaseCommand):
    help = "Open the sealed canaries; exit status 1 when one does not open, or when there is none."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--write", action="store_true", help="first write one, where there is none of this key")

    def handle(self, *, write, **options):
        try:
            if write:
                canary.ensure()
            opened, faults = canary.check()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if faults:
            raise CommandError(
                "The keys in FIELD_KEYS_FILE do not open this database. Restore the key file that belongs to it.\n"
                + "\n".join(faults)
            )
        if not opened:
            raise CommandError(
                "This database has no canary, so nothing proves that its keys are right: it is empty or not whole."
                " In a new one write it with `manage.py check_canary --write`."
            )
        self.stdout.write(f"{opened} opened: keys and data belong together.")
