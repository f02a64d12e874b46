"""Write the sample county: `manage.py make_sample --households 3000 --seed 1 --out DIR`."""

import json
from argparse import Namespace

from django.core.management.base import BaseCommand, CommandError

from households.sample import __main__ as sample


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser):
        sample.add_arguments(parser)

    def handle(self, **options):
        try:
            totals = sample.run(Namespace(**options))
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(totals, ensure_ascii=False))
