"""The night's run and the month's report, by a real beat and a real worker on a Redis of their own."""

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from jobs.models import Job, State
from poverty import scope
from tests.households import factories as make
from tests.jobs.test_worker import ROOT, broker, start_worker, wait_for  # noqa: F401 - fixtures come by import
from tests.validation.processes import environment
from validation import report
from validation.models import Finding, QualityMonth, QualityReport, RuleRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.worker, pytest.mark.slow]


@pytest.fixture
def media(monkeypatch, settings):
    """Where the worker keeps files: where the test looks for them."""
    monkeypatch.setenv("MEDIA_ROOT", str(settings.MEDIA_ROOT))


@pytest.fixture
def beat(broker, tmp_path):  # noqa: F811
    """A beat whose night and month begin with the next minute."""
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "poverty", "beat", "-s", str(tmp_path / "beat"), "-l", "WARNING"],
        cwd=ROOT,
        env=environment(
            REDIS_URL=f"unix://{broker.socket}?db=0", NIGHTLY_RULES_AT="* * * * *", MONTHLY_REPORTS_AT="* * * * *"
        ),
        start_new_session=True,
    )
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finished(task):
    return Job.objects.filter(task=task, state=State.DONE).order_by("pk").first()


def test_beat_and_worker_run_all_rules_at_night_and_write_the_months_reports(regions, media, start_worker, beat):  # noqa: F811
    none = make.household(head=None)
    make.member(none)
    make.year(make.household(), size=5)
    start_worker(2)
    job = wait_for(lambda: finished("validation.run"), 150, "the nightly run")
    with scope.system("look"):
        run = RuleRun.objects.get(pk=RuleRun.objects.order_by("pk").first().pk)
        assert (run.trigger, run.area, run.state) == ("nightly", "", "done")
        assert job.arguments["trigger"] == "nightly" and job.result["found"] == run.found > 0
        assert Finding.objects.filter(rule="HH-01", subject=none.pk, closed_at=None).count() == 1
        assert set(QualityMonth.objects.values_list("region", flat=True)) >= {"459901", "459901100"}
        wait_for(lambda: finished("validation.monthly_reports"), 150, "the monthly reports")
        made = QualityReport.objects.get(region="459901", kind="data_quality")
        assert made.monthly and not made.named and made.word_size > 20_000
        # Deflated, and what Word opens: a package with its document part.
        content = report.content(made, "word")
        assert content[:2] == b"PK" and b"word/document.xml" in content


def test_the_nights_work_begins_when_the_office_sleeps_unless_told_otherwise():
    night, month = (
        settings.CELERY_BEAT_SCHEDULE[name]["schedule"] for name in ("run the data rules", "write the monthly reports")
    )
    assert (night.hour, night.minute) == ({2}, {30})
    assert (month.day_of_month, month.hour, month.minute) == ({1}, {4}, {0})
