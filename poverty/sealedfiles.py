"""Files that belong to a row and are as secret as it: sealed on disk under the row's random key.

A file is whole or not there: written aside, synced, then renamed. What a picture says of place and time (EXIF) stays
in it, sealed with it.
"""

import os
from pathlib import Path

from django.conf import settings

from poverty import crypto

MAX_PICTURE = 8 * 2**20


def path_of(folder: str, uid) -> Path:
    return Path(settings.MEDIA_ROOT) / folder / uid.hex[:2] / f"{uid.hex}.sealed"


def keep(folder: str, place: str, uid, data: bytes) -> None:
    """Seal `data` on disk; `place` is "table.column" of the row it belongs to."""
    path = path_of(folder, uid)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_suffix(".part")
    with open(aside, "wb") as file:
        file.write(crypto.seal(place, uid, data) or b"")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def content(folder: str, place: str, uid) -> bytes:
    """Return the file's bytes; FileNotFoundError when there is none any more."""
    return crypto.unseal_bytes(place, uid, path_of(folder, uid).read_bytes() or None)


def delete(folder: str, uid) -> None:
    path_of(folder, uid).unlink(missing_ok=True)


def picture_type(data: bytes) -> str:
    """Return the media type that the content itself shows; "" for anything but JPEG, PNG and WebP."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and data[12:16] in (b"VP8 ", b"VP8L", b"VP8X"):
        return "image/webp"
    return ""
