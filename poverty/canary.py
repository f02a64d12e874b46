"""The canary: a sealed sentence that opens only where keys and data belong together. Looked at after a restore."""

from django.db import transaction

from poverty import crypto
from poverty.models import Canary
from poverty.uids import uuid7

SENTENCE = "建档立卡，一户一档"


def ensure() -> Canary:
    """Write a canary if there is none; a new current key gets one of its own, so that every key in use is proven."""
    with transaction.atomic():
        rows = list(Canary.objects.select_for_update().order_by("pk"))
        uid = uuid7()
        sealed = crypto.seal(crypto.place(Canary, "sealed"), uid, SENTENCE)
        for row in rows:
            if bytes(row.sealed)[:2] == sealed[:2]:
                return row
        return Canary.objects.create(uid=uid, sealed=sealed)


def check() -> tuple[int, list[str]]:
    """Open all canaries; return how many opened, and what is wrong with the others."""
    opened, faults = 0, []
    for row in Canary.objects.order_by("pk"):
        try:
            text = crypto.unseal(crypto.place(Canary, "sealed"), row.uid, row.sealed)
        except (crypto.Unreadable, UnicodeDecodeError) as error:
            faults.append(f"canary {row.pk}: {error}")
            continue
        if text == SENTENCE:
            opened += 1
        else:
            faults.append(f"canary {row.pk}: it opens, but holds another sentence")
    return opened, faults
