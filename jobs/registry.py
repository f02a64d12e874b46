"""The kinds of long work, found in every app's `tasks.py` as Django finds `admin.py`.

@jobs.task("exchange.read", ended=read_was_interrupted)
def read(job):
    with scope.acting(job.created_by, reason="import"):
        …
        engine.progress(job, _("Reading"), done, total)
    return {"rows": rows, "link": batch.get_absolute_url()}
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.module_loading import autodiscover_modules


@dataclass(frozen=True)
class Task:
    """`run(job)` does the work and returns counts; `ended(job)` is told when it ended failed or cancelled."""

    name: str
    run: Callable
    ended: Callable | None = None


_tasks: dict[str, Task] = {}


def task(name: str, *, ended: Callable | None = None):
    """Register a function as the work `name`.

    It is called outside any transaction, enters the scope of `job.created_by` itself, may be called twice for one job
    (after a crash), and must not write or lock the row of the job: progress goes through another connection.
    """

    def register(run: Callable) -> Callable:
        known = _tasks.get(name)
        if known is not None and (known.run.__module__, known.run.__qualname__) != (run.__module__, run.__qualname__):
            raise ValueError(f"two functions are registered as the work {name}")
        _tasks[name] = Task(name, run, ended)
        return run

    return register


def find(name: str) -> Task:
    """Return the work registered as `name`; LookupError when there is none."""
    if name not in _tasks:
        autodiscover_modules("tasks")
    if name not in _tasks:
        raise LookupError(f"no work is registered as {name}")
    return _tasks[name]
