"""Real workers and a Redis of our own: killed, flushed, sent the same thing twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from django.db import connection
from django.test import override_settings

from accounts.roles import Role
from jobs import engine
from jobs.models import Job, Outbox, State
from tests.jobs import work  # noqa: F401 - registers the work

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE = 3
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.worker, pytest.mark.slow]


def wait_for(condition, seconds=30, what=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain{' for ' if what else ''}{what}")


class Redis:
    """A Redis server of the test's own."""

    def __init__(self, folder: Path):
        self.folder, self.socket, self.process = folder, folder / "s", None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
            + ["--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )
        wait_for(self.up, what="redis")

    def up(self):
        try:
            return self.client.ping()
        except redis.ConnectionError:
            return False

    @property
    def client(self):
        return redis.Redis(unix_socket_path=str(self.socket))

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path_factory, settings):
    server = Redis(tmp_path_factory.mktemp("r"))
    settings.CELERY_BROKER_URL = f"redis+socket://{server.socket}?virtual_host=0"
    settings.JOB_LEASE_SECONDS = LEASE
    yield server
    server.kill()


@pytest.fixture
def start_worker(broker):
    """Return start(concurrency=1): a worker in a process group of its own, on the test's database and Redis."""
    started = []
    target = connection.settings_dict
    query = f"host={quote(target['HOST'], safe='')}&port={target['PORT']}" if target["HOST"].startswith("/") else ""
    place = "" if query else f"{target['HOST']}:{target['PORT']}"
    secret = f":{quote(target['PASSWORD'])}" if target["PASSWORD"] else ""
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgis://{target['USER']}{secret}@{place}/{target['NAME']}{'?' + query if query else ''}",
        "DATABASE_OWNER_URL": "",
        "REDIS_URL": f"unix://{broker.socket}?db=0",
        "JOB_LEASE_SECONDS": str(LEASE),
        "JOB_HEARTBEAT_SECONDS": "1",
    }

    def start(concurrency=1):
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tests.jobs.work", "worker", "-Q", "imports,default"]
            + ["-c", str(concurrency), "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        kill_group(process)


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@pytest.fixture
def clerk(make_user, regions):
    return make_user(Role.COUNTY_OFFICE, "459901")


def beat():
    """What the timetable does all the while."""
    engine.reap()
    engine.relay()


def done(job):
    beat()
    return Job.objects.filter(pk=job.pk, state=State.DONE).first()


def test_a_worker_killed_in_mid_job_is_replaced_and_the_job_finishes_once(clerk, start_worker, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path), total=15, pause=0.2)
    engine.relay()
    worker = start_worker()
    wait_for(lambda: list(tmp_path.glob("begun-*")), what="the work to begin")
    kill_group(worker)
    assert Job.objects.get().state == State.RUNNING
    start_worker()
    killed_at = time.monotonic()
    found = wait_for(lambda: done(job), 60, "the job")
    assert found.attempts == 2 and found.result == {"rows": 15}
    assert len(list(tmp_path.glob("ended-*"))) == 1
    assert time.monotonic() - killed_at < LEASE + 30


def test_a_killed_child_is_replaced_by_its_own_worker(clerk, start_worker, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path), total=10, pause=0.2)
    engine.relay()
    start_worker()
    begun = wait_for(lambda: list(tmp_path.glob("begun-*")), what="the work to begin")
    os.kill(int(begun[0].name.rsplit("-", 1)[1]), signal.SIGKILL)
    found = wait_for(lambda: done(job), 60, "the job")
    assert found.attempts == 2
    assert len(list(tmp_path.glob("ended-*"))) == 1


def test_a_flushed_redis_loses_nothing(clerk, broker, start_worker, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path))
    assert engine.relay() == 1 and not Outbox.objects.exists()
    broker.client.flushall()
    start_worker()
    found = wait_for(lambda: done(job), 60, "the job")
    assert found.attempts == 1
    assert len(list(tmp_path.glob("ended-*"))) == 1


def test_a_dead_redis_neither_stops_the_asking_nor_loses_it(clerk, broker, start_worker):
    broker.kill()
    begun = time.monotonic()
    job = engine.enqueue("tests.count", 1, by=clerk)
    assert time.monotonic() - begun < 5
    assert Outbox.objects.count() == 1
    broker.start()
    start_worker()
    wait_for(lambda: done(job), 60, "the job")
    assert not Outbox.objects.exists()


def test_a_job_sent_twice_runs_once(clerk, broker, start_worker, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path), total=5, pause=0.2)
    engine.relay()
    with engine.broker() as link:
        for _time in range(3):
            engine._send(link, "jobs.run", {"job_id": job.pk})
    start_worker(concurrency=3)
    wait_for(lambda: Job.objects.filter(state=State.DONE).exists(), 60, "the job")
    wait_for(lambda: not broker.client.llen("imports"), what="the empty queue")
    time.sleep(1)
    assert len(list(tmp_path.glob("begun-*"))) == 1
    assert Job.objects.get().attempts == 1


def test_the_asking_alone_is_enough_while_a_worker_listens(clerk, start_worker, broker):
    """No beat: the nudge after the commit has the outbox relayed."""
    start_worker()
    with override_settings(JOB_LEASE_SECONDS=60):
        job = engine.enqueue("tests.count", 1, by=clerk)
        wait_for(lambda: Job.objects.filter(pk=job.pk, state=State.DONE).exists(), 60, "the job")
