"""Answer the questions of an import; the rows that waited go on."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from exchange import batches, results
from exchange.models import ImportBatch


class Command(BaseCommand):
    help = 'Answer an import\'s questions from a file: [{"question": "label:…", "value": "…"}, …].'

    def add_arguments(self, parser):
        parser.add_argument("batch", type=int)
        parser.add_argument("answers", type=Path)
        parser.add_argument("--by", default="system")
        parser.add_argument("--show-values", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, batch: int, answers: Path, **options):
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']}.")
        try:
            given = json.loads(answers.read_text())
            given = given["answers"] if isinstance(given, dict) else given
            given = [{"question": str(one["question"]), "value": str(one["value"])} for one in given]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f'{answers} cannot be used ({error}): it should be [{{"question": "…", "value": "…"}}, …].'
            ) from error
        with batches.acting(by, reason="answer import"):
            found = ImportBatch.objects.in_scope().filter(pk=batch).first()
        if found is None:
            raise CommandError(f"There is no import {batch}.")
        if found.state not in ("previewed", "merged", "held"):
            raise CommandError(f"Import {batch} is {found.state}: it has no open questions.")
        batches.answer(found, given, by=by)
        with batches.scope_of(found, by):
            found = ImportBatch.objects.in_scope().get(pk=batch)
            self.stdout.write(results.line(results.summary(found, show_values=options["show_values"])))
