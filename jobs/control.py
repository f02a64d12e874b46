"""A running job's own connection: it holds the lock, renews the lease and writes what must be seen before the commit."""

import os
import socket
import threading
import time
import uuid

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from psycopg.types.json import Jsonb

from jobs.models import State

MAX_ATTEMPTS = 5
REPORT_SECONDS = 0.5
# Session-level, so that it is held while the process lives and let go the moment it dies; the state decides, the lock
# only serialises. The reaper tries the same key.
LOCK_KEY = "hashtextextended('jobs.job:' || %s::bigint, 0)"
# A host that vanished without closing its connection is noticed within a minute.
KEEPALIVE = "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"


class Cancelled(Exception):
    """The person asked to stop."""


class LostLease(Exception):
    """Another worker has taken the job up: this one must stop without a trace."""


class Control:
    """The claim on one job. Used by the working thread and by the heartbeat thread, one at a time."""

    def __init__(self, job_id: int):
        self.job_id = job_id
        self.token = f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self.lost = self.cancel_asked = False
        self._guard = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._reported = ("", 0.0)
        self._connection = connection.copy()
        self._connection.settings_dict["ATOMIC_REQUESTS"] = False
        options = self._connection.settings_dict["OPTIONS"]
        options["options"] = f"{options.get('options', '')} {KEEPALIVE}".strip()
        self._connection.inc_thread_sharing()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop_heartbeat()
        with self._guard:
            self._connection.close()

    def _query(self, sql: str, params: list) -> tuple | None:
        with self._guard, self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchone()

    def lock(self) -> bool:
        """Try to become the one who runs this job."""
        return self._query(f"SELECT pg_try_advisory_lock({LOCK_KEY})", [self.job_id])[0]

    def claim(self) -> bool:
        """Mark the job as running here, if it still waits to be run; the lock is held."""
        found = self._query(
            "UPDATE jobs_job SET state = 'running', worker = %s, attempts = attempts + 1, message = '', stage = '',"
            " progress = 0, done_rows = 0, total_rows = 0, started_at = coalesce(started_at, now()),"
            " leased_until = now() + make_interval(secs => %s)"
            " WHERE id = %s AND state IN ('queued', 'running') AND attempts < %s AND NOT cancel_asked RETURNING id",
            [self.token, settings.JOB_LEASE_SECONDS, self.job_id, MAX_ATTEMPTS],
        )
        return found is not None

    def _update(self, assignments: str, params: list) -> None:
        """Change the job while it is ours; otherwise remember that it is not."""
        found = self._query(
            f"UPDATE jobs_job SET {assignments} WHERE id = %s AND worker = %s AND state = 'running'"
            " RETURNING cancel_asked",
            [*params, self.job_id, self.token],
        )
        if found is None:
            self.lost = True
        else:
            self.cancel_asked = found[0]

    def renew(self) -> None:
        """Renew the lease; a broken connection is made anew, and with it the lock."""
        try:
            self._renew()
        except (OperationalError, InterfaceError):
            with self._guard:
                self._connection.close()
                if not self.lock():
                    self.lost = True
                    return
                self._renew()

    def _renew(self) -> None:
        self._update("leased_until = now() + make_interval(secs => %s)", [settings.JOB_LEASE_SECONDS])

    def start_heartbeat(self) -> None:
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of job {self.job_id}", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._stop.wait(settings.JOB_HEARTBEAT_SECONDS) and not self.lost:
            try:
                self.renew()
            except DatabaseError:
                continue  # the database is away: the next beat tries again, and the lease may run out

    def stop_heartbeat(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def check(self) -> None:
        """Raise when the work must stop; asks nobody."""
        if self.lost:
            raise LostLease
        if self.cancel_asked:
            raise Cancelled

    def report(self, stage: str, done: int, total: int, percent: int | None) -> None:
        """Write the progress, twice a second at most, and raise when the work must stop."""
        self.check()
        now = time.monotonic()
        if self._reported[0] == stage and now - self._reported[1] < REPORT_SECONDS:
            return
        self._reported = (stage, now)
        if percent is None:
            percent = 100 * done // total if total else 0
        try:
            self._update(
                "stage = %s, done_rows = %s, total_rows = %s, progress = %s",
                [stage[:100], done, total, max(0, min(100, percent))],
            )
        except (OperationalError, InterfaceError):
            return  # progress is worth no failure; the heartbeat looks after the connection
        self.check()

    def finish(self, state: State, *, message: str = "", link: str = "", result: dict | None = None) -> bool:
        """Write the end; False when the job is no longer ours."""
        self.stop_heartbeat()
        with self._guard:
            self.renew()
            if self.lost:
                return False
            # The row is ours alone now; an ordinary write on our own connection.
            self._query(
                "UPDATE jobs_job SET state = %s, message = %s, link = CASE WHEN %s = '' THEN link ELSE %s END,"
                " result = %s, finished_at = now(), leased_until = NULL, stage = '',"
                " progress = CASE WHEN %s = 'done' THEN 100 ELSE progress END WHERE id = %s RETURNING id",
                [state, message[:500], link[:200], link[:200], Jsonb(result or {}), state, self.job_id],
            )
        return True

    def give_back(self, seconds: int) -> None:
        """Let the job wait and be taken up again after `seconds`."""
        self.stop_heartbeat()
        self._update("state = 'queued', worker = '', leased_until = now() + make_interval(secs => %s)", [seconds])
