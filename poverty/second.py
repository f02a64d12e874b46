"""A second database connection, for what must survive the rollback of the first, or be seen before its commit.

A refusal, a failed log-in and a reveal are audited on it; a job's heartbeat and progress are written on it.
"""

import threading

from django.db import connection

_local = threading.local()


def second_connection():
    """Return this thread's second connection (autocommit), to the same database with the same role."""
    found = getattr(_local, "connection", None)
    settings = connection.settings_dict
    if found is not None and (found.settings_dict["NAME"] != settings["NAME"] or not _alive(found)):
        found.close()
        found = None
    if found is None:
        found = connection.copy()
        found.settings_dict["ATOMIC_REQUESTS"] = False
        _local.connection = found
    return found


def _alive(found) -> bool:
    if found.connection is None:
        return True
    try:
        return found.is_usable()
    except Exception:  # a broken connection may fail in any way; a new one is made
        return False


def close():
    """Close this thread's second connection."""
    found = getattr(_local, "connection", None)
    if found is not None:
        found.close()
        _local.connection = None
