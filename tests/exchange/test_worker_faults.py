"""Imports under fire: workers killed with -9, a flushed Redis, the same message twice. Nothing is lost, nothing doubled."""

# ruff: noqa: F811 - fixtures come by import

import datetime as dt
import importlib
import io
import json
import threading
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from accounts.roles import Role
from exchange import batches
from exchange.models import ImportBatch
from households.sample.write import make
from jobs import engine, registry, tasks
from jobs.models import Job, Outbox, State
from poverty import scope, second
from poverty.celery import app
from tests.exchange.importing import id_number, person, workbook
from tests.jobs.test_worker import beat, broker, kill_group, start_worker, wait_for  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.worker, pytest.mark.slow]
HOUSEHOLDS = 900
TAKEN_UP_SECONDS = 90
# What a worker writes about itself: not part of what a second run must leave alone.
OWN_BOOKS = {"public.jobs_job", "public.jobs_outbox", "public.django_session"}


@pytest.fixture(autouse=True)
def _workers_store(settings, monkeypatch):
    """Let workers find the files that the test stores, and the Celery app of this process the test's Redis."""
    monkeypatch.setenv("MEDIA_ROOT", str(settings.MEDIA_ROOT))


@pytest.fixture
def clerk(make_user, regions):
    return make_user(Role.COUNTY_OFFICE, "459901")


def small_roster() -> bytes:
    rows = [person(f"H{n}", f"P{n}", "韦明", id_number(n), 人数=1, 联系电话=f"1540000{n:04d}") for n in range(1, 40)]
    return workbook([*rows, person("H99", "P99", "黄一", id_number(99), 人数=1, 健康状况="说不清")])


def upload(client, data: bytes) -> ImportBatch:
    file = SimpleUploadedFile("花名册.xlsx", data)
    given = {"kind": "persons", "year": 2020, "as_of": "2020-12-31", "region": "459901", "file": file}
    assert client.post(reverse("exchange:upload"), given).status_code == 302
    return latest()


def latest() -> ImportBatch:
    with scope.system("look"):
        return ImportBatch.objects.select_related("created_by", "file").latest("pk")


def state_of(batch) -> str:
    beat()
    with scope.system("look"):
        return ImportBatch.objects.values_list("state", flat=True).get(pk=batch.pk)


def register() -> dict[str, tuple]:
    """Return {table: (rows, checksum)} of every table, staging included."""
    found = {}
    with scope.system("checksum"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname || '.\"' || tablename || '\"', schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'staging')"
            " AND NOT (SELECT relispartition FROM pg_class WHERE oid = format('%I.%I', schemaname, tablename)::regclass)"
        )
        for table, name in cursor.fetchall():
            if name not in OWN_BOOKS and "spatial" not in name:
                cursor.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")
                found[name] = cursor.fetchone()
    return found


def differing(before: dict, after: dict) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def shoot(job: Job, start_worker, at: int) -> bool:
    """Start a worker and kill it with -9 once it is `at` percent through the job; False when it was faster."""
    before = Job.objects.get(pk=job.pk).attempts
    worker = start_worker()

    def far_enough():
        beat()
        now = Job.objects.get(pk=job.pk)
        return now.state == State.DONE or (now.attempts > before and now.state == State.RUNNING and now.progress >= at)

    try:
        wait_for(far_enough, TAKEN_UP_SECONDS, f"{at} %")
    finally:
        kill_group(worker)
    return Job.objects.get(pk=job.pk).state != State.DONE


def finish(job: Job, start_worker) -> tuple[float, Job]:
    """Start a worker and wait for the job's end; return after how many seconds it was taken up, and the job."""
    begun, before = time.monotonic(), Job.objects.get(pk=job.pk).attempts
    worker = start_worker()
    wait_for(lambda: (beat(), Job.objects.get(pk=job.pk).attempts > before)[1], TAKEN_UP_SECONDS, "the next worker")
    taken_up = time.monotonic() - begun
    done = wait_for(lambda: (beat(), Job.objects.filter(pk=job.pk, state=State.DONE).first())[1], 90, "the job's end")
    kill_group(worker)
    return taken_up, done


def test_an_import_survives_workers_killed_again_and_again(start_worker, tmp_path, make_user):
    make(tmp_path / "county", households=HOUSEHOLDS, seed=11)
    truth = next(f for f in json.loads((tmp_path / "county/truth.json").read_text())["files"] if f["kind"] == "persons")
    made = json.loads((tmp_path / "county/index.json").read_text())
    call_command("load_regions", *[str(tmp_path / "county" / name) for name in made["regions"]], stdout=io.StringIO())
    clerk = make_user(Role.COUNTY_OFFICE, truth["region"])
    batch = batches.create(
        kind="persons", name="persons.xlsx", data=(tmp_path / "county/persons.xlsx").read_bytes(), region=truth["region"],
        year=truth["year"], as_of=dt.date.fromisoformat(truth["as_of"]), by=clerk,
    )  # fmt: skip
    killed = 0
    for task, shots in (("exchange.read", (1, 45)), ("exchange.merge", (1, 75))):
        job = engine.enqueue(task, batch.pk, by=clerk)
        hits = sum(shoot(job, start_worker, at) for at in shots)
        if Job.objects.get(pk=job.pk).state != State.DONE:
            taken_up, done = finish(job, start_worker)
            assert taken_up < TAKEN_UP_SECONDS and done.attempts == hits + 1
        killed += hits
    assert killed >= 2, "the work was over before it could be disturbed: make the county larger"
    found = latest()
    assert found.state == "merged"
    assert {name: getattr(found, name) for name in ("rows", "new", "asked", "rejected", "skipped")} == {
        name: truth[name] for name in ("rows", "new", "asked", "rejected", "skipped")
    }
    with scope.system("count"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM households_member")
        assert cursor.fetchone() == (truth["new"],)
        cursor.execute("SELECT count(*) FROM households_memberevent")
        assert cursor.fetchone() == (truth["new"],), "every member was written once"


def test_a_flushed_redis_between_upload_and_run_loses_nothing(client, clerk, broker, start_worker):
    client.force_login(clerk)
    batch = upload(client, small_roster())
    engine.relay()
    broker.client.flushdb()
    assert not Outbox.objects.exists(), "it was sent, and is gone"
    start_worker()
    wait_for(lambda: state_of(batch) == "previewed", 90, "the preview")
    assert client.post(reverse("exchange:merge", args=[batch.uid]), {"mode": "good"}).status_code == 302
    broker.client.flushdb()
    wait_for(lambda: state_of(batch) == "merged", 90, "the merge")
    found = latest()
    assert (found.rows, found.new, found.asked) == (40, 39, 1)


def test_the_same_import_sent_to_two_workers_at_once_is_done_once(clerk, broker, start_worker, client):
    client.force_login(clerk)
    batch = upload(client, small_roster())
    job = Job.objects.get(task="exchange.read")
    engine.relay()
    with engine.broker() as link:
        for _time in range(3):
            engine._send(link, "jobs.run", {"job_id": job.pk})
    start_worker(concurrency=2)
    wait_for(lambda: state_of(batch) == "previewed" and not broker.client.llen("imports"), 90, "the preview")
    wait_for(lambda: Job.objects.get(pk=job.pk).state == State.DONE, 30, "the job's end")
    assert Job.objects.get(pk=job.pk).attempts == 1
    assert latest().rows == 40


# --- every kind of work, twice (no worker needed) --------------------------------------------------------------------


@pytest.fixture
def merged(clerk, client):
    """An import that was read and merged by its jobs."""
    client.force_login(clerk)
    batch = upload(client, small_roster())
    engine.run_now(Job.objects.get(task="exchange.read"))
    client.post(reverse("exchange:merge", args=[batch.uid]), {"mode": "good"})
    engine.run_now(Job.objects.get(task="exchange.merge"))
    assert latest().state == "merged"
    return latest()


def at_once(run, *arguments) -> list:
    """Call `run` in two threads at once."""
    found = []

    def call():
        try:
            found.append(run(*arguments))
        finally:
            connection.close()
            second.close()

    threads = [threading.Thread(target=call) for _time in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def kinds_of_work() -> list[str]:
    # All of them, whichever modules other tests have brought in: the list of tests is the same in every process.
    for name in (
        "accounts.tasks", "dashboard.tasks", "exchange.tasks", "households.tasks", "households.analysis.tasks",
        "households.departments.tasks", "validation.tasks",
    ):  # fmt: skip
        importlib.import_module(name)
    return sorted(name for name in registry._tasks if not name.startswith("tests."))


# What other work than that of an import is asked with.
ARGUMENTS = {
    "departments.match": {"sources": None, "area": "459901"},
    "households.risk": {"region": "459901"},
    "validation.run": {"area": "459901", "trigger": "page"},
    "validation.report": {"region": "459901", "month": "2026-01"},
    "validation.monthly_reports": {"month": "2026-01"},
}


@pytest.mark.parametrize("name", kinds_of_work())
def test_work_that_is_done_twice_in_a_row_or_at_once_changes_nothing_the_second_time(merged, clerk, broker, name):
    job = engine.enqueue(name, merged.pk, by=clerk, **ARGUMENTS.get(name, {}))
    assert engine.run_now(job).state == State.DONE, Job.objects.get(pk=job.pk).message
    before = register()
    # The same message once more, late and twice at once.
    assert tasks.run(job.pk) == State.DONE
    assert set(at_once(tasks.run, job.pk)) <= {State.DONE, State.RUNNING}  # RUNNING: the other one is looking
    assert differing(before, register()) == []
    if name in ("exchange.mark", "households.risk"):
        return  # who asks anew gets another: a file of the same content, a model of its day
    again = engine.enqueue(name, merged.pk, by=clerk, **ARGUMENTS.get(name, {}))
    assert again.pk != job.pk
    at_once(tasks.run, again.pk)
    assert engine.run_now(again).state == State.DONE
    assert [table for table in differing(before, register()) if "households_" in table] == []


def nightly() -> list[str]:
    app.loader.import_default_modules()
    return sorted(name for name in app.tasks if not name.startswith(("celery.", "tests.")) and name != "jobs.run")


@pytest.mark.parametrize("name", nightly())
def test_nightly_work_run_twice_or_at_once_changes_nothing_the_second_time(merged, broker, name):
    app.tasks[name]()
    before = register()
    app.tasks[name]()
    at_once(app.tasks[name])
    assert differing(before, register()) == []
