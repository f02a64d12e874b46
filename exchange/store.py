"""Uploaded files: sealed on disk, named by a random key, deleted when their keeping time is over."""

import datetime as dt
import hashlib
import os
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from exchange.models import StoredFile
from poverty import crypto

PLACE = "exchange_storedfile.content"


def path_of(stored: StoredFile) -> Path:
    return Path(settings.MEDIA_ROOT) / "uploads" / stored.uid.hex[:2] / f"{stored.uid.hex}.sealed"


def keep(name: str, data: bytes) -> StoredFile:
    """Seal `data` on disk and return its row. The file is whole or not there: written aside, synced, then renamed."""
    stored = StoredFile(
        name=name[-255:],
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        keep_until=timezone.localdate() + dt.timedelta(days=settings.UPLOAD_KEEP_DAYS),
    )
    path = path_of(stored)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_suffix(".part")
    with open(aside, "wb") as file:
        file.write(crypto.seal(PLACE, stored.uid, data) or b"")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    stored.save()
    return stored


def content(stored: StoredFile) -> bytes:
    """Return the file's bytes; FileNotFoundError when its keeping time is over."""
    return crypto.unseal_bytes(PLACE, stored.uid, path_of(stored).read_bytes() or None)


def delete(stored: StoredFile) -> None:
    path_of(stored).unlink(missing_ok=True)
    stored.deleted_at = timezone.now()
    stored.save(update_fields=["deleted_at"])
