"""Sealed fields and blind indexes.

A sealed value is `algorithm 1 byte | key number 1 byte | nonce 12 | ciphertext + tag 16`, with
"table.column|row uid" as associated data: a ciphertext moved to another row or column does not open. Values are
searched and compared through a blind index, HMAC-SHA-256 under a key of its own; never through the ciphertext, and
never through a plain hash (a county's possible identity numbers can be tried in seconds).

Keys lie in a file outside the database (`FIELD_KEYS_FILE`, made by `manage.py make_keys`):
{"current": 1, "keys": {"1": base64 of 32 bytes}, "index": base64 of 32 bytes}. A new key gets the next number; old
ones stay readable. The algorithm byte lets AES-256-GCM and SM4-GCM stand side by side.
"""

import base64
import functools
import hmac
import json
import os
import secrets
import unicodedata
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

AES_256_GCM, SM4_GCM = 1, 2
ALGORITHMS = {"AES-256-GCM": AES_256_GCM, "SM4-GCM": SM4_GCM}
NONCE, TAG = 12, 16


class Unreadable(ValueError):
    """A sealed value does not open: wrong key, wrong place, or damaged."""


def new_keys() -> dict:
    """Return the content of a new key file."""

    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return {"current": 1, "keys": {"1": key()}, "index": key(), "id": str(uuid.uuid4())}


@functools.cache
def _keys() -> dict:
    try:
        found = json.loads(Path(settings.FIELD_KEYS_FILE).read_text())
        return {
            "current": int(found["current"]),
            "keys": {int(number): base64.b64decode(key) for number, key in found["keys"].items()},
            "index": base64.b64decode(found["index"]),
        }
    except (OSError, ValueError, KeyError) as error:
        raise ImproperlyConfigured(
            f"FIELD_KEYS_FILE {settings.FIELD_KEYS_FILE} cannot be read ({error}): make it with `manage.py make_keys`"
        ) from error


def derived(purpose: str, length: int = 32) -> bytes:
    """Return a key for `purpose`, derived from the index key (HKDF-SHA-256)."""
    return _derive(_keys()["index"], purpose, length)


@functools.cache
def _derive(master: bytes, purpose: str, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=purpose.encode()).derive(master)


def seal(place: str, uid, text: str | bytes) -> bytes | None:
    """Return `text` sealed for the column `place` ("table.column") of the row `uid`; nothing stays None."""
    return seal_many(place, [uid], [text])[0]


def seal_many(place: str, uids, texts) -> list[bytes | None]:
    """Seal a column: `uids` and `texts` are of one length; None and "" give None."""
    keys = _keys()
    number = keys["current"]
    algorithm = ALGORITHMS[settings.FIELD_CIPHER]
    head = bytes([algorithm, number])
    encrypt = _encrypter(algorithm, keys["keys"][number])
    prefix = place.encode() + b"|"
    randoms = os.urandom(NONCE * len(texts))
    sealed: list[bytes | None] = []
    for position, (uid, text) in enumerate(zip(uids, texts, strict=True)):
        if not text:
            sealed.append(None)
            continue
        nonce = randoms[position * NONCE : (position + 1) * NONCE]
        plain = text if isinstance(text, bytes) else text.encode()
        sealed.append(head + nonce + encrypt(nonce, plain, prefix + str(uid).encode()))
    return sealed


def unseal(place: str, uid, sealed: bytes | memoryview | None) -> str:
    """Return the text; raises Unreadable for a wrong key, another place or row, or a damaged value."""
    return unseal_bytes(place, uid, sealed).decode()


def unseal_bytes(place: str, uid, sealed: bytes | memoryview | None) -> bytes:
    """As `unseal`, for files."""
    if sealed is None:
        return b""
    sealed = bytes(sealed)
    key = _keys()["keys"].get(sealed[1]) if len(sealed) > 2 + NONCE + TAG - 1 else None
    if key is None:
        raise Unreadable(f"{place}: no key opens this value")
    try:
        return _decrypter(sealed[0], key)(sealed[2 : 2 + NONCE], sealed[2 + NONCE :], f"{place}|{uid}".encode())
    except (InvalidTag, KeyError) as error:
        raise Unreadable(f"{place}: the value does not open here") from error


def _encrypter(algorithm: int, key: bytes):
    if algorithm == AES_256_GCM:
        return AESGCM(_derive(key, "seal/aes-256-gcm", 32)).encrypt
    sm4 = algorithms.SM4(_derive(key, "seal/sm4-gcm", 16))

    def encrypt(nonce: bytes, plain: bytes, associated: bytes) -> bytes:
        encryptor = Cipher(sm4, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated)
        return encryptor.update(plain) + encryptor.finalize() + encryptor.tag

    return encrypt


def _decrypter(algorithm: int, key: bytes):
    if algorithm == AES_256_GCM:
        return AESGCM(_derive(key, "seal/aes-256-gcm", 32)).decrypt
    if algorithm != SM4_GCM:
        raise KeyError(algorithm)
    sm4 = algorithms.SM4(_derive(key, "seal/sm4-gcm", 16))

    def decrypt(nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        decryptor = Cipher(sm4, modes.GCM(nonce, sealed[-TAG:])).decryptor()
        decryptor.authenticate_additional_data(associated)
        return decryptor.update(sealed[:-TAG]) + decryptor.finalize()

    return decrypt


def blind(purpose: str, text: str) -> bytes | None:
    """Return the blind index of `text` for `purpose` ("id", "phone", "card"): 32 bytes; None for nothing."""
    return blind_many(purpose, [text])[0]


def blind_many(purpose: str, texts) -> list[bytes | None]:
    """Blind a column. Values are compared after NFKC and upper-casing, without outer blanks."""
    key = derived(f"blind/{purpose}")
    digest = hmac.digest
    normalize = unicodedata.normalize
    return [
        digest(key, (text if text.isascii() else normalize("NFKC", text)).strip().upper().encode(), "sha256")
        if text
        else None
        for text in texts
    ]


class SealedField(models.BinaryField):
    """A sealed value, as bytes. Open it with `crypto.unseal(place(model, name), row.uid, value)`."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("null", True)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)


class BlindField(models.BinaryField):
    """The blind index beside a sealed value."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("null", True)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)


def place(model, column: str) -> str:
    """Return the name that a sealed column is bound to."""
    return f"{model._meta.db_table}.{column}"
