"""Undo an import by its number."""

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from exchange import batches, results, undo
from exchange.models import ImportBatch


class Command(BaseCommand):
    help = "Undo an import: values not edited since are put back, rows it created are withdrawn."

    def add_arguments(self, parser):
        parser.add_argument("batch", type=int)
        parser.add_argument("--by", default="system")
        parser.add_argument("--reason", default="")

    def handle(self, *, batch: int, **options):
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']}.")
        with batches.acting(by, reason="undo import"):
            found = ImportBatch.objects.in_scope().filter(pk=batch).first()
        if found is None:
            raise CommandError(f"There is no import {batch}.")
        try:
            report = undo.undo(found, by=by, reason=options["reason"])
        except undo.CannotUndo as error:
            raise CommandError(f"Import {batch} is {error}: only a merged import can be undone.") from error
        self.stdout.write(results.line({"batch": batch, "state": "undone", **report}))
