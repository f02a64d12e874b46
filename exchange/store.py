"""Uploaded files: sealed on disk, named by a random key, deleted when their keeping time is over."""

import datetime as dt
import hashlib
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from exchange.models import StoredFile
from poverty import sealedfiles

PLACE, FOLDER = "exchange_storedfile.content", "uploads"


def path_of(stored: StoredFile) -> Path:
    return sealedfiles.path_of(FOLDER, stored.uid)


def keep(name: str, data: bytes) -> StoredFile:
    """Seal `data` on disk and return its row."""
    stored = StoredFile(
        name=name[-255:],
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        keep_until=timezone.localdate() + dt.timedelta(days=settings.UPLOAD_KEEP_DAYS),
    )
    sealedfiles.keep(FOLDER, PLACE, stored.uid, data)
    stored.save()
    return stored


def content(stored: StoredFile) -> bytes:
    """Return the file's bytes; FileNotFoundError when its keeping time is over."""
    return sealedfiles.content(FOLDER, PLACE, stored.uid)


def delete(stored: StoredFile) -> None:
    sealedfiles.delete(FOLDER, stored.uid)
    stored.deleted_at = timezone.now()
    stored.save(update_fields=["deleted_at"])
