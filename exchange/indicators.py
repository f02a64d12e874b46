"""Imports that wait for somebody."""

from django.db.models import Count, Q, Sum
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.roles import Permission
from exchange.models import BatchState, ExportRequest, ImportBatch
from poverty import declarations, targets, waiting

OPEN = (BatchState.PREVIEWED, BatchState.MERGED, BatchState.HELD)


@waiting.provider(Permission.IMPORT_RUN)
def imports(user, totals):
    """Imports that were read and wait for a decision, and rows of imports that wait for an answer."""
    own = [kind for kind, sheet in declarations.sheets.items() if not sheet.department]
    found = (
        ImportBatch.objects.visible_to(user)
        .filter(kind__in=own)
        .aggregate(
            previewed=Count("pk", filter=Q(state=BatchState.PREVIEWED)), asked=Sum("asked", filter=Q(state__in=OPEN))
        )
    )
    try:
        address = reverse("exchange:list")
    except NoReverseMatch:
        address = ""
    return [
        waiting.Card(_("Imports to confirm"), found["previewed"], address, "file-import"),
        waiting.Card(_("Rows with a question"), found["asked"] or 0, address, "help", "warn"),
    ]


@targets.namer("import")
def named_imports(user, keys):
    """Name imports by their files; the page is for who may import."""
    found = ImportBatch.objects.visible_to(user).filter(pk__in=[int(key) for key in keys if key.isdigit()])
    may_open = user.may(Permission.IMPORT_RUN)
    return {
        str(pk): targets.Target(name, reverse(declarations.sheets[kind].page, args=[uid]) if may_open else "")
        for pk, kind, uid, name in found.values_list("pk", "kind", "uid", "file_name")
    }


@targets.namer("exportrequest")
def named_requests(user, keys):
    """Name requests for full exports by their sheet and area."""
    found = ExportRequest.objects.visible_to(user).filter(pk__in=[int(key) for key in keys if key.isdigit()])
    may_open = user.may(Permission.EXPORT_FULL) or user.may(Permission.EXPORT_APPROVE)
    url = reverse("exchange:requests") if may_open else ""
    return {
        str(pk): targets.Target(f"{declarations.sheets[kind].title} · {region}", url)
        for pk, kind, region in found.values_list("pk", "kind", "region__name")
    }
