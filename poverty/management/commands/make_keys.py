"""Make the key file for sealed fields."""

import json
import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from poverty.crypto import new_keys


class Command(BaseCommand):
    help = "Make the key file for sealed fields (FIELD_KEYS_FILE). An existing file is never overwritten."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("path", type=Path)

    def handle(self, *, path: Path, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Readable by its owner only, from the first moment.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CommandError(f"{path} exists: without it sealed values are lost, so it is not replaced.") from error
        with os.fdopen(handle, "w") as file:
            json.dump(new_keys(), file)
        self.stdout.write(f"Keys are in {path}. Keep a copy away from the database and its backups.")
