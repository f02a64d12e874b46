"""What the workers are sent: a job's id, or the word to look after the outbox."""

from celery import shared_task

from jobs import engine


@shared_task(name="jobs.run")
def run(job_id: int) -> str:
    """Run a job; a second message for it does nothing."""
    return engine.run(job_id)


@shared_task(name="jobs.relay")
def relay() -> dict[str, int]:
    """Send what waits in the outbox."""
    return {"sent": engine.relay()}


@shared_task(name="jobs.reap")
def reap() -> dict[str, int]:
    """Take up lost jobs, and send what waits."""
    return {**engine.reap(), "sent": engine.relay()}
