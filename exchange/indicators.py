"""Imports that wait for somebody."""

from django.db.models import Count, Q, Sum
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.roles import Permission
from exchange.models import BatchState, ImportBatch
from poverty import waiting

OPEN = (BatchState.PREVIEWED, BatchState.MERGED, BatchState.HELD)


@waiting.provider(Permission.IMPORT_RUN)
def imports(user, totals):
    """Imports that were read and wait for a decision, and rows of imports that wait for an answer."""
    found = ImportBatch.objects.visible_to(user).aggregate(
        previewed=Count("pk", filter=Q(state=BatchState.PREVIEWED)), asked=Sum("asked", filter=Q(state__in=OPEN))
    )
    try:
        address = reverse("exchange:list")
    except NoReverseMatch:
        address = ""
    return [
        waiting.Card(_("Imports to confirm"), found["previewed"], address, "file-import"),
        waiting.Card(_("Rows with a question"), found["asked"] or 0, address, "help", "warn"),
    ]
