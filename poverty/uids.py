"""UUIDv7 keys for the outside world, sealing and offline work: sortable by time, made by the application."""

import uuid

import uuid_utils


def uuid7() -> uuid.UUID:
    return uuid.UUID(int=uuid_utils.uuid7().int)


def uuid7_texts(count: int) -> list[str]:
    """Return `count` new keys as text, for bulk work by columns."""
    make = uuid_utils.uuid7
    return [str(make()) for _ in range(count)]
