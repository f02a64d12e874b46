"""Work for the tests of the engine, and the Celery app of the worker that they start: `-A tests.jobs.work`."""

import os
import time
from pathlib import Path

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "poverty.settings")
if not apps.ready:
    django.setup()

from django.db import OperationalError, transaction  # noqa: E402

import jobs  # noqa: E402
from jobs import engine  # noqa: E402
from poverty.celery import app  # noqa: E402, F401 - what the worker runs

ENDED = []
NUMBER = "4599011990" + "01010011"  # the log may quote this line of the program, never the value


def mark(job, what):
    if folder := job.arguments.get("folder"):
        (Path(folder) / f"{what}-{job.pk}-{job.attempts}-{os.getpid()}").touch()


@jobs.task("tests.count", ended=lambda job: ENDED.append((job.pk, job.state)))
def count(job):
    """Count slowly; leave a mark at the beginning and at the end."""
    total = job.arguments.get("total", 3)
    mark(job, "begun")
    for step in range(total):
        engine.progress(job, "counting", step, total)
        time.sleep(job.arguments.get("pause", 0))
    mark(job, "ended")
    return {"rows": total, "link": "/somewhere/"}


@jobs.task("tests.break", ended=lambda job: ENDED.append((job.pk, job.state)))
def break_down(job):
    match job.arguments["how"]:
        case "refusal":
            raise engine.JobFailed("The file is empty. Choose another.")
        case "database":
            raise OperationalError(f"deadlock detected, quoting {NUMBER}")
        case "cancel":
            engine.cancel(job)
            engine.progress(job, "one", 1, 2)
            engine.progress(job, "two", 1, 2)
        case _:
            with transaction.atomic():
                raise ValueError(f"invalid value {NUMBER}")
