"""What the workers do for the figures: work out what has changed, every two seconds."""

from celery import shared_task

from dashboard import figuring


@shared_task(name="dashboard.figures", ignore_result=True)
def figures() -> dict[str, int]:
    """Work out the figures of the villages that have changed; in a new month, of all. Safe to run twice and at once."""
    return figuring.refresh()
