"""The chain over the audit trail: sealing it link by link, and finding the first row that somebody has touched.

A seal is SHA-256 of the previous seal and the event's row, every column of it. Seals are numbered without gaps, in the
order of sealing; that is nearly the order of events: an event whose transaction ran long is sealed after later ones.
So that no row can be slipped in behind the chain as such a late one, the first seal of every sealing keeps the
database's snapshot: a late event's transaction must have been running then. (Waiting for the oldest running
transaction would do as well, but one long import would hold up the sealing of everything.)

What a chain in the same database cannot show is its own end cut off, or all of it made anew. Therefore the newest link
is written outside the database: every sealing rewrites `audit-head.json`, and the first of each day appends a line to
`audit-anchors.log`, which is only ever appended to (an operator may make it append-only for everybody, or send it away).
"""

import bisect
import datetime
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

GENESIS = bytes(32)
LOCK = 0x5EA1_A0D1  # advisory lock: two sealers wait for each other
BATCH = 50_000
# The row as text: one spelling for one value, whatever the time zone and the client.
CANONICAL = """jsonb_build_array(e.id, extract(epoch FROM e.at)::text, e.actor_id, e.actor, e.role, e.area, e.action,
    e.target, e.reason, e.detail, host(e.address), e.txid::text)::text"""
UNSEALED = f"""
    SELECT e.id, {CANONICAL}, pg_current_snapshot()::text FROM accounts_auditevent e
    WHERE e.id > %s AND NOT EXISTS (SELECT FROM accounts_auditseal s WHERE s.event_id = e.id)
    ORDER BY e.id LIMIT {BATCH}"""
# Below the events sealed a day ago nothing can be waiting: no transaction runs that long.
FLOOR = """SELECT coalesce((SELECT event_id FROM accounts_auditseal WHERE sealed_at < now() - interval '1 day'
    ORDER BY id DESC LIMIT 1), 0) - 100000"""


def link(previous: bytes, canonical: str, snapshot: str | None = None) -> bytes:
    return hashlib.sha256(b"|".join((previous, canonical.encode(), (snapshot or "").encode()))).digest()


def seal() -> int:
    """Chain every event that is due; return how many. Two at once wait for each other and seal nothing twice."""
    sealed = 0
    while True:
        count = _seal_batch()
        sealed += count
        if count < BATCH:
            return sealed


@transaction.atomic
def _seal_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT id, digest FROM accounts_auditseal ORDER BY id DESC LIMIT 1")
        number, digest = cursor.fetchone() or (0, GENESIS)
        digest = bytes(digest)
        cursor.execute(FLOOR)
        floor = cursor.fetchone()[0]
        cursor.execute(UNSEALED, [floor])
        rows = cursor.fetchall()
        if not rows:
            return 0
        numbers, events, digests = [], [], []
        snapshots = [rows[0][2], *[None] * (len(rows) - 1)]
        for (event_id, canonical, _now), snapshot in zip(rows, snapshots, strict=True):
            number += 1
            digest = link(digest, canonical, snapshot)
            numbers.append(number)
            events.append(event_id)
            digests.append(digest)
        cursor.execute(
            "INSERT INTO accounts_auditseal (id, event_id, digest, snapshot, sealed_at)"
            " SELECT id, event_id, digest, snapshot, clock_timestamp()"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::pg_snapshot[]) AS t (id, event_id, digest, snapshot)",
            [numbers, events, digests, snapshots],
        )
        head = Head(_database(), number, events[-1], digest.hex(), timezone.now().isoformat())
        # Only what is committed may be anchored; should the file fail, the next sealing tries again.
        transaction.on_commit(lambda: anchor(head))
    return len(rows)


@dataclass(frozen=True)
class Head:
    """The chain's newest link: its number is also the count of sealed events."""

    database: str
    count: int
    event_id: int
    digest: str
    at: str


def _database() -> str:
    """Return which database this is: a restored one has its own number, and is not held to the anchors of the lost one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_database() || '/' || oid || '/' || (SELECT system_identifier FROM pg_control_system())"
            " FROM pg_database WHERE datname = current_database()"
        )
        return cursor.fetchone()[0]


def _folder() -> Path:
    return Path(settings.MEDIA_ROOT).parent


def anchors_file() -> Path:
    return _folder() / "audit-anchors.log"


def head_file() -> Path:
    return _folder() / "audit-head.json"


def anchor(head: Head) -> None:
    """Write the newest link outside the database, and keep the former one for good if the chain no longer holds it."""
    _folder().mkdir(parents=True, exist_ok=True)
    lines = [line for line in read_anchors() if line.get("database") == head.database]
    today = timezone.localdate().isoformat()
    heads = read_heads()
    old = heads.get(head.database)
    if old and not _holds(old) and not any(line.get("digest") == old["digest"] for line in lines):
        _append({"date": today, **old, "note": "the chain no longer holds this link"})
    if not lines or lines[-1].get("date") != today:
        _append({"date": today, **asdict(head)})
    heads[head.database] = asdict(head)
    fresh = head_file().with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(heads, indent=1), encoding="utf-8")
    os.replace(fresh, head_file())


def _holds(old: dict) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM accounts_auditseal WHERE id = %s", [old["count"]])
        row = cursor.fetchone()
    return row is not None and bytes(row[0]).hex() == old["digest"]


def _append(line: dict) -> None:
    with open(anchors_file(), "a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_anchors() -> list[dict]:
    """Return the lines of the anchor file; one that is no anchor any more stands as {"broken": its number}."""
    found = []
    path = anchors_file()
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [], 1):
        try:
            found.append(json.loads(text))
        except ValueError:
            found.append({"broken": number})
    return found


def read_heads() -> dict:
    try:
        return json.loads(head_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


@dataclass
class Verdict:
    """What `verify` found. `problems` holds the first of each kind, the earliest row first."""

    sealed: int = 0
    waiting: int = 0
    bad: int = 0
    head: str = ""
    last_event: int = 0
    anchors: int = 0
    sealed_at: datetime.datetime | None = None
    notes: list[str] = field(default_factory=list)
    problems: list[dict] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.problems

    @property
    def first(self) -> dict | None:
        return self.problems[0] if self.problems else None

    def add(self, kind: str, event_id: int, text: str) -> None:
        self.bad += 1
        if len([known for known in self.problems if known["kind"] == kind]) < 20:
            self.problems.append({"kind": kind, "event": event_id, "text": text})


CHAIN = f"""
    SELECT s.id, s.event_id, s.digest, s.sealed_at, s.snapshot::text, e.id, {CANONICAL}, e.txid::text::bigint
    FROM accounts_auditseal s LEFT JOIN accounts_auditevent e ON e.id = s.event_id
    WHERE s.id > %s AND s.id <= %s ORDER BY s.id"""
LOOSE = """
    SELECT e.id, e.txid::text::bigint FROM accounts_auditevent e
    WHERE e.id > %s AND NOT EXISTS (SELECT FROM accounts_auditseal s WHERE s.event_id = e.id) ORDER BY e.id"""


def verify(*, anchors: bool = True, last: int = 0) -> Verdict:
    """Walk the chain and the anchors outside; see `Verdict`. With `last`, only that many of the newest links."""
    verdict = Verdict()
    known = _known_anchors(verdict) if anchors else {}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM accounts_auditseal")
            newest = cursor.fetchone()[0]
            start = max(newest - last, 0) if last else 0
            cursor.execute("SELECT event_id, digest FROM accounts_auditseal WHERE id = %s", [start])
            first_event, digest = cursor.fetchone() or (None, GENESIS)
        reach = _walk(verdict, known, start, newest, bytes(digest))
        _loose(verdict, reach, first_event if start else None)
    for count, lines in known.items():
        if count > verdict.sealed and not start:
            verdict.add("cut", verdict.last_event + 1, _("The end was cut off: the trail stops at event %(last)s, but on %(at)s it reached event %(event)s.")
                        % {"last": verdict.last_event, "at": lines[0]["at"][:16], "event": lines[0]["event_id"]})  # fmt: skip
    verdict.problems.sort(key=lambda problem: problem["event"])
    return verdict


def _known_anchors(verdict: Verdict) -> dict[int, list[dict]]:
    """Return {count: anchors} of this database; note how far a former database of the same name had come."""
    mine, former = _database(), []
    known: dict[int, list[dict]] = {}
    for line in [*read_anchors(), *read_heads().values()]:
        if "broken" in line:
            verdict.add("anchor", 0, _("Line %(line)s of the anchor file is damaged.") % {"line": line["broken"]})
        elif line["database"] == mine:
            known.setdefault(line["count"], []).append(line)
            verdict.anchors += 1
        elif line["database"].split("/")[0] == mine.split("/")[0]:
            former.append(line)
    if former:
        furthest = max(former, key=lambda line: line["at"])
        verdict.notes.append(
            _(
                "An earlier database of this name had reached event %(event)s on %(at)s; after a restore that is expected."
            )
            % {"event": furthest["event_id"], "at": furthest["at"][:16]}
        )
    return known


class _Reach:
    """How far each sealing reached, to tell an event that came late from one that was slipped in.

    An event may be sealed after events with higher numbers when its transaction was still running at their sealing.
    A row put in afterwards, with whatever number, time and transaction, was not.
    """

    def __init__(self):
        self.steps: list[tuple[int, frozenset[int]]] = []  # (highest event so far, transactions running then)
        self.highest, self.running = 0, frozenset()

    def begin(self, snapshot: str) -> None:
        self.end()
        self.running = frozenset(int(xid) for xid in snapshot.split(":")[2].split(",") if xid)

    def take(self, event_id: int) -> None:
        self.highest = max(self.highest, event_id)

    def end(self) -> None:
        if self.highest > (self.steps[-1][0] if self.steps else 0):
            self.steps.append((self.highest, self.running))

    def slipped_in(self, event_id: int, txid: int) -> bool:
        at = bisect.bisect_right(self.steps, event_id, key=lambda step: step[0])
        return at < len(self.steps) and txid not in self.steps[at][1]


def _walk(verdict: Verdict, known: dict, start: int, newest: int, digest: bytes) -> _Reach:
    """Check link after link."""
    reach, expected = _Reach(), start
    verdict.sealed = start
    with connection.chunked_cursor() as cursor:
        cursor.execute(CHAIN, [start, newest])
        while rows := cursor.fetchmany(5000):
            for number, event_id, stored, sealed_at, snapshot, found, canonical, txid in rows:
                expected += 1
                if snapshot:
                    reach.begin(snapshot)
                stored = bytes(stored)
                if number != expected:
                    verdict.add("chain", event_id, _("Seals %(a)s to %(b)s are missing before event %(event)s.")
                                % {"a": expected, "b": number - 1, "event": event_id})  # fmt: skip
                    expected = number
                elif found is None:
                    verdict.add(
                        "deleted",
                        event_id,
                        _("Event %(event)s was deleted: its seal is still there.") % {"event": event_id},
                    )
                elif link(digest, canonical, snapshot) != stored:
                    verdict.add(
                        "changed", event_id, _("Event %(event)s is not as it was sealed.") % {"event": event_id}
                    )
                elif reach.slipped_in(event_id, txid):
                    verdict.add("inserted", event_id, _slipped(event_id))
                digest = stored
                for line in known.get(number, ()):
                    if line["digest"] != stored.hex() or line["event_id"] != event_id:
                        verdict.add("anchor", event_id, _("Event %(event)s differs from what was anchored on %(at)s.")
                                    % {"event": event_id, "at": line["at"][:16]})  # fmt: skip
                reach.take(event_id)
                verdict.sealed, verdict.sealed_at = number, sealed_at
                verdict.last_event = max(verdict.last_event, event_id)
    reach.end()
    verdict.head = digest.hex() if newest else ""
    return reach


def _slipped(event_id: int) -> str:
    return _("Event %(event)s was put in later, between events that were sealed before.") % {"event": event_id}


def _loose(verdict: Verdict, reach: _Reach, floor: int | None) -> None:
    """Look at the events without a seal: new ones wait for it, others were slipped in."""
    with connection.cursor() as cursor:
        cursor.execute(LOOSE, [floor if floor is not None else -(2**62)])
        for event_id, txid in cursor.fetchall():
            if reach.slipped_in(event_id, txid):
                verdict.add("inserted", event_id, _slipped(event_id))
            else:
                verdict.waiting += 1
