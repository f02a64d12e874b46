"""The chain over the audit trail: whatever is touched afterwards is found, and the first row named."""

import json
import random
import threading
import time

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from accounts import sealing
from accounts.audit import record
from accounts.models import AuditEvent, AuditSeal
from accounts.tasks import seal_audit

pytestmark = pytest.mark.django_db(transaction=True)
INSERT_MANY = """INSERT INTO accounts_auditevent (at, actor_id, actor, role, area, action, target, reason, detail)
    SELECT clock_timestamp(), g %% 7, 'user' || g %% 7, 'county_office', '459901', 'field.revealed', 'household:' || g, '理由',
           jsonb_build_object('field', 'id_number', 'n', g) FROM generate_series(1, %s) g"""


def fill(count):
    with connection.cursor() as cursor:
        cursor.execute(INSERT_MANY, [count])


@pytest.fixture
def owner():
    target = connections["owner"].settings_dict
    with psycopg.connect(
        host=target["HOST"], port=target["PORT"] or None, user=target["USER"], dbname=target["NAME"], autocommit=True
    ) as made:
        yield made


def test_it_seals_what_is_committed_once(capsys):
    fill(300)
    assert sealing.seal() == 300
    assert sealing.seal() == 0
    fill(5)
    assert seal_audit() == {"sealed": 5}
    verdict = sealing.verify()
    assert (verdict.whole, verdict.sealed, verdict.waiting, verdict.problems) == (True, 305, 0, [])
    assert verdict.head == bytes(AuditSeal.objects.order_by("-id")[0].digest).hex()
    call_command("verify_audit", "--json")
    assert json.loads(capsys.readouterr().out)["whole"] is True


def test_new_events_wait_and_are_no_fault():
    fill(3)
    sealing.seal()
    fill(2)
    verdict = sealing.verify()
    assert (verdict.whole, verdict.waiting) == (True, 2)


def test_the_application_can_neither_change_nor_remove():
    fill(1)
    sealing.seal()
    for table in ("accounts_auditevent", "accounts_auditseal"):
        for command in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(command)


def test_a_late_commit_is_sealed_later_and_is_no_fault(owner):
    fill(3)
    # A transaction takes its number and its event's, and is still running when others are sealed.
    slow = psycopg.connect(owner.info.dsn, autocommit=False)
    slow.execute(
        "INSERT INTO accounts_auditevent (at, actor, role, area, action, target, reason, detail)"
        " VALUES (now(), 'slow', '', '', 'slow', '', '', '{}')"
    )
    fill(3)
    assert sealing.seal() == 6  # a long transaction holds nobody up
    slow.commit()
    slow.close()
    assert sealing.seal() == 1
    assert [seal.event_id for seal in AuditSeal.objects.order_by("id")] == [1, 2, 3, 5, 6, 7, 4]
    assert sealing.verify().whole


def test_two_sealers_at_once_seal_nothing_twice():
    fill(2000)
    results, errors = [], []

    def work():
        try:
            results.append(sealing.seal())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (errors, sum(results)) == ([], 2000)
    assert sealing.verify().whole


# --- tampering -----------------------------------------------------------------------------------------------------------


def seal_some():
    for count in (40, 60, 50):
        fill(count)
        sealing.seal()
    return list(AuditEvent.objects.order_by("id").values_list("id", flat=True))


COLUMNS = {
    "at": "at + interval '1 microsecond'", "actor_id": "coalesce(actor_id, 0) + 1", "actor": "actor || ' '",
    "role": "'leader'", "area": "'459902'", "action": "'login'", "target": "target || '1'", "reason": "''",
    "detail": "detail || '{\"x\": 1}'", "address": "'10.0.0.1'", "txid": "'3'",
}  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_is_found(owner, column):
    ids = seal_some()
    owner.execute(f"UPDATE accounts_auditevent SET {column} = {COLUMNS[column]} WHERE id = %s", [ids[77]])
    verdict = sealing.verify()
    assert (verdict.first["event"], verdict.first["kind"], verdict.bad) == (ids[77], "changed", 1)


def edit(owner, ids, rng):
    bad = rng.choice(ids)
    owner.execute("UPDATE accounts_auditevent SET target = target || 'x' WHERE id = %s", [bad])
    return bad


def delete(owner, ids, rng):
    bad = rng.choice(ids)
    owner.execute("DELETE FROM accounts_auditevent WHERE id = %s", [bad])
    return bad


def delete_with_seal(owner, ids, rng):
    at = rng.randrange(len(ids) - 1)
    owner.execute("DELETE FROM accounts_auditevent WHERE id = %s", [ids[at]])
    owner.execute("DELETE FROM accounts_auditseal WHERE event_id = %s", [ids[at]])
    return ids[at + 1]  # the row before which the chain is torn


def swap(owner, ids, rng):
    one, two = sorted(rng.sample(ids, 2))
    for old, new in ((one, -1), (two, one), (-1, two)):
        owner.execute("UPDATE accounts_auditevent SET id = %s WHERE id = %s", [new, old])
    return one


def insert_default(owner, ids, rng):
    bad = -rng.randrange(1, 1000)
    owner.execute(
        "INSERT INTO accounts_auditevent (id, at, actor, role, area, action, target, reason, detail)"
        " VALUES (%s, now(), 'x', '', '', 'x', '', '', '{}')",
        [bad],
    )
    return bad


def insert_copy(owner, ids, rng):
    """Put a copy of a row, its time and transaction too, where a number was left free."""
    bad = -rng.randrange(1, 1000)
    owner.execute(
        "INSERT INTO accounts_auditevent (id, at, actor, role, area, action, target, reason, detail, txid)"
        " SELECT %s, at, actor, role, area, action, target, reason, detail, txid FROM accounts_auditevent WHERE id = %s",
        [bad, rng.choice(ids)],
    )
    return bad


def cut_tail(owner, ids, rng):
    at = rng.randrange(1, len(ids))
    owner.execute("DELETE FROM accounts_auditseal WHERE event_id >= %s", [ids[at]])
    owner.execute("DELETE FROM accounts_auditevent WHERE id >= %s", [ids[at]])
    return ids[at]


def cut_tail_and_go_on(owner, ids, rng):
    at = rng.randrange(len(ids) - 30, len(ids))
    owner.execute("DELETE FROM accounts_auditseal WHERE event_id >= %s", [ids[at]])
    owner.execute("DELETE FROM accounts_auditevent WHERE id >= %s", [ids[at]])
    fill(100)
    sealing.seal()
    return None  # found by the anchor, which names the row it was made for


def unseal_and_edit(owner, ids, rng):
    """Rewrite a row and let everything behind it be sealed anew."""
    at = rng.randrange(1, len(ids) - 1)
    owner.execute("DELETE FROM accounts_auditseal WHERE event_id >= %s", [ids[at]])
    owner.execute("UPDATE accounts_auditevent SET reason = 'forged' WHERE id = %s", [ids[at]])
    sealing.seal()
    return None


@pytest.mark.parametrize(
    "tamper",
    [edit, delete, delete_with_seal, swap, insert_default, insert_copy, cut_tail, cut_tail_and_go_on, unseal_and_edit],
)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("sealed_after", [False, True])
def test_tampering_is_found_and_the_first_bad_row_named(owner, tamper, seed, sealed_after, capsys):
    ids = seal_some()
    bad = tamper(owner, ids, random.Random(f"{tamper.__name__}{seed}"))
    if sealed_after:
        fill(10)
        sealing.seal()
    verdict = sealing.verify()
    assert not verdict.whole
    if bad is not None and not (sealed_after and tamper is cut_tail):
        assert verdict.first["event"] == bad, verdict.problems
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_audit")
    assert exit_.value.code == 1
    assert f"event {verdict.first['event']}" in capsys.readouterr().err


def test_thousands_of_random_edits_are_all_found(owner):
    """Edit, check, put back, in one transaction each; the walk itself is tested above."""
    ids = seal_some()
    rows = {}
    with connection.cursor() as cursor:
        cursor.execute(sealing.CHAIN, [0, 10**9])
        for number, _event, digest, _at, snapshot, _id, canonical, _txid in cursor.fetchall():
            rows[number] = (bytes(digest), canonical, snapshot)
    rng = random.Random(7)
    for _ in range(10_000):
        number = rng.randrange(1, len(ids) + 1)
        before = rows[number - 1][0] if number > 1 else sealing.GENESIS
        digest, canonical, snapshot = rows[number]
        assert sealing.link(before, canonical, snapshot) == digest
        at = rng.randrange(len(canonical))
        changed = canonical[:at] + rng.choice("x7 ") + canonical[at + 1 :]
        assert changed == canonical or sealing.link(before, changed, snapshot) != digest


def test_a_restored_database_is_not_held_to_the_anchors_of_the_lost_one(settings):
    fill(5)
    sealing.seal()
    line = json.loads(sealing.anchors_file().read_text())
    name = line["database"].split("/")[0]
    line.update(database=f"{name}/1/2", count=999, event_id=999, at="2030-01-01T00:00")
    sealing.anchors_file().write_text(json.dumps(line) + "\n")
    verdict = sealing.verify()
    assert verdict.whole and len(verdict.notes) == 1


def test_a_damaged_anchor_file_is_reported():
    fill(1)
    sealing.seal()
    sealing.anchors_file().write_text("{not json\n")
    assert sealing.verify().first["kind"] == "anchor"


@pytest.mark.slow
def test_300000_events_are_sealed_within_a_minute():
    fill(300_000)
    started = time.monotonic()
    assert sealing.seal() == 300_000
    assert time.monotonic() - started < 60
    started = time.monotonic()
    assert sealing.verify().whole
    assert time.monotonic() - started < 60
    record("one.more")
    started = time.monotonic()
    assert sealing.seal() == 1
    assert time.monotonic() - started < 3
