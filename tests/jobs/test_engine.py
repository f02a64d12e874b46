"""Asking for work, running it, ending it: without a worker process."""

import logging
import threading

import pytest
from django.db import connection, transaction
from django.utils import translation

from accounts.roles import Role
from jobs import engine
from jobs.control import Control, LostLease
from jobs.models import Job, Outbox, State
from tests.jobs import work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clerk(make_user, regions):
    return make_user(Role.COUNTY_OFFICE, "459901")


@pytest.fixture(autouse=True)
def no_broker(settings, tmp_path):
    settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path}/nobody-listens"
    work.ENDED.clear()


def test_it_writes_job_and_outbox_row_in_the_callers_transaction(clerk):
    with pytest.raises(RuntimeError), transaction.atomic():
        engine.enqueue("tests.count", 1, by=clerk)
        raise RuntimeError
    assert not Job.objects.exists() and not Outbox.objects.exists()
    job = engine.enqueue("tests.count", 1, by=clerk, title="Counting", total=2)
    assert Outbox.objects.get().arguments == {"job_id": job.pk}


def test_asking_twice_for_the_same_work_gives_the_job_under_way(clerk):
    first = engine.enqueue("tests.count", 7, by=clerk)
    second = engine.enqueue("tests.count", 7, by=clerk)
    assert (second.pk, first.is_new, second.is_new) == (first.pk, True, False)
    engine.run_now(first)
    assert engine.enqueue("tests.count", 7, by=clerk).pk != first.pk


def test_two_people_asking_at_once_get_one_job(clerk):
    made = []

    def ask():
        made.append(engine.enqueue("tests.count", 9, by=clerk).pk)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(made) == 6 and len(set(made)) == 1
    assert Outbox.objects.count() == 1


def test_unknown_work_is_refused_at_once(clerk):
    with pytest.raises(LookupError):
        engine.enqueue("tests.nonsense", by=clerk)


def test_a_job_runs_and_answers_with_counts(clerk):
    job = engine.run_now(engine.enqueue("tests.count", 1, by=clerk, total=3))
    assert (job.state, job.progress, job.result, job.link) == (State.DONE, 100, {"rows": 3}, "/somewhere/")
    assert job.attempts == 1 and job.leased_until is None and job.finished_at


def test_running_it_again_does_nothing(clerk, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path))
    assert engine.run(job.pk) == State.DONE
    assert engine.run(job.pk) == State.DONE
    assert len(list(tmp_path.glob("ended-*"))) == 1


def test_running_it_in_two_threads_at_once_runs_it_once(clerk, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path), total=3, pause=0.1)

    def run():
        engine.run(job.pk)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(list(tmp_path.glob("begun-*"))) == 1
    assert Job.objects.get().state == State.DONE


def test_a_job_is_not_run_inside_a_transaction(clerk):
    job = engine.enqueue("tests.count", 1, by=clerk)
    with pytest.raises(RuntimeError), transaction.atomic():
        engine.run(job.pk)


@pytest.mark.parametrize(
    ("how", "state", "attempts", "words"),
    [
        ("refusal", State.FAILED, 1, "The file is empty"),
        ("mistake", State.FAILED, 1, "ValueError"),
        ("cancel", State.CANCELLED, 1, "Stopped at your wish"),
        ("database", State.FAILED, 5, "interrupted 5 times"),
    ],
)
def test_every_end_is_told_in_words_without_personal_data(clerk, caplog, how, state, attempts, words):
    clerk.language = "en"
    clerk.save()
    with caplog.at_level(logging.WARNING):
        job = engine.run_now(engine.enqueue("tests.break", 1, by=clerk, how=how))
    assert (job.state, job.attempts) == (state, attempts)
    assert words in job.message
    assert work.NUMBER not in job.message + caplog.text
    assert work.ENDED == [(job.pk, state)]


def test_the_message_is_in_the_language_of_the_one_who_asked(clerk):
    with translation.override("en"):
        job = engine.run_now(engine.enqueue("tests.break", 1, by=clerk, how="cancel"))
    with translation.override("zh-hans"):
        expected = translation.gettext("Stopped at your wish. Nothing was stored by halves.")
    assert job.message == expected


def test_the_work_of_a_switched_off_account_is_not_done(clerk, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk, folder=str(tmp_path))
    clerk.is_active = False
    clerk.save()
    assert engine.run_now(job).state == State.FAILED
    assert not list(tmp_path.iterdir())


def test_a_waiting_job_is_cancelled_at_once(clerk):
    job = engine.enqueue("tests.count", 1, by=clerk)
    assert engine.cancel(job) == State.CANCELLED
    assert engine.run(job.pk) == State.CANCELLED
    assert work.ENDED == [(job.pk, State.CANCELLED)]


def test_progress_is_seen_before_the_work_commits(clerk, tmp_path):
    job = engine.enqueue("tests.count", 1, by=clerk)
    seen = []
    with Control(job.pk) as control:
        assert control.lock() and control.claim()
        engine._running[job.pk] = control
        try:
            with transaction.atomic():
                engine.progress(job, "merging", 50, 200)
                thread = threading.Thread(
                    target=lambda: (seen.append(Job.objects.values_list("stage", "progress").get()), connection.close())
                )
                thread.start()
                thread.join()
        finally:
            engine._running.pop(job.pk)
    assert seen == [("merging", 25)]


def test_a_worker_that_lost_its_job_stops_and_writes_nothing(clerk):
    job = engine.enqueue("tests.count", 1, by=clerk)
    with Control(job.pk) as control:
        assert control.lock() and control.claim()
        Job.objects.update(worker="somebody else")
        with pytest.raises(LostLease):
            control.report("one", 1, 2, None)
        assert control.finish(State.DONE) is False
    assert Job.objects.get().state == State.RUNNING


def test_the_lease_is_renewed_on_another_connection(clerk, settings):
    settings.JOB_LEASE_SECONDS, settings.JOB_HEARTBEAT_SECONDS = 2, 0.1
    job = engine.enqueue("tests.count", 1, by=clerk)
    with Control(job.pk) as control:
        assert control.lock() and control.claim()
        before = Job.objects.get().leased_until
        control.start_heartbeat()
        threading.Event().wait(0.5)
        assert Job.objects.get().leased_until > before
        assert engine.reap()["taken_up"] == 0


def test_the_reaper_takes_up_what_lost_its_worker(clerk):
    job = engine.enqueue("tests.count", 1, by=clerk)
    with Control(job.pk) as control:
        assert control.lock() and control.claim()
        Job.objects.update(leased_until="2020-01-01T00:00Z")
        assert engine.reap()["taken_up"] == 0, "its lock is held: somebody is at work"
    Outbox.objects.all().delete()
    assert engine.reap() == {"taken_up": 1, "sent_again": 0, "given_up": 0}
    assert Job.objects.get().state == State.QUEUED and Outbox.objects.count() == 1
    assert engine.run(job.pk) == State.DONE
    assert Job.objects.get().attempts == 2


def test_the_reaper_gives_up_after_five_attempts(clerk):
    job = engine.enqueue("tests.count", 1, by=clerk)
    Job.objects.update(state=State.RUNNING, attempts=5, leased_until="2020-01-01T00:00Z")
    assert engine.reap()["given_up"] == 1
    assert Job.objects.get().state == State.FAILED
    assert work.ENDED == [(job.pk, State.FAILED)]


def test_the_reaper_sends_again_what_was_never_taken_up(clerk):
    engine.enqueue("tests.count", 1, by=clerk)
    Outbox.objects.all().delete()  # relayed, and lost with Redis
    assert engine.reap()["sent_again"] == 0
    Job.objects.update(leased_until="2020-01-01T00:00Z")
    assert engine.reap()["sent_again"] == 1
    assert engine.reap()["sent_again"] == 0
    assert Outbox.objects.count() == 1


def test_every_job_task_may_run_twice_in_a_row(clerk):
    from jobs import tasks

    job = engine.enqueue("tests.count", 1, by=clerk)
    assert tasks.run(job.pk) == tasks.run(job.pk) == State.DONE
    before = list(Job.objects.values())
    engine.reap(), engine.reap()
    assert list(Job.objects.values()) == before
