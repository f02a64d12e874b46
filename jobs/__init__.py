"""Long work: `jobs.task` registers a function, `jobs.engine.enqueue` asks for a run of it."""

from jobs.registry import task

__all__ = ["task"]
