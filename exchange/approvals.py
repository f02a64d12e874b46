"""Full exports above the limit: asked for by one person, approved by another, used once."""

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.audit import record
from exchange.models import ExportRequest

GOOD_FOR = dt.timedelta(days=7)


def _alike(export, by):
    region = export.region or by.area_code
    found = ExportRequest.objects.visible_to(by).filter(refused_at=None, used_at=None, requested_by=by)
    return found.filter(kind=export.kind, region_id=region, query=export.query)


def find(export, by) -> ExportRequest | None:
    """Return the approval that lets `by` make this export now: of the same list, and not grown since."""
    fresh = timezone.now() - GOOD_FOR
    return _alike(export, by).filter(approved_at__gte=fresh, rows__gte=export.count).first()


def ask(export, by, request=None) -> ExportRequest:
    """Ask for another person's approval; asking again gives the request that waits (`is_new` is then False)."""
    found = _alike(export, by).filter(approved_at=None, rows=export.count).first()
    if found:
        found.is_new = False
        return found
    made = ExportRequest.objects.create(
        kind=export.kind, region_id=export.region or by.area_code, query=export.query, reason=export.reason,
        rows=export.count, requested_by=by,
    )  # fmt: skip
    made.is_new = True
    _note("export.requested", made, by, request)
    return made


@transaction.atomic
def decide(*, asked: ExportRequest, by, approve: bool, request=None) -> bool:
    """Approve or refuse; False when it was decided before. PermissionDenied for an own request, or another level's."""
    asked = ExportRequest.objects.visible_to(by).select_for_update(of=("self",)).get(pk=asked.pk)
    if asked.approved_at or asked.refused_at:
        return False
    if not ExportRequest.objects.visible_to(by).decidable_by(by).filter(pk=asked.pk).exists():
        raise PermissionDenied
    if approve:
        asked.approved_by, asked.approved_at = by, timezone.now()
    else:
        asked.refused_at = timezone.now()
    asked.save(update_fields=["approved_by", "approved_at", "refused_at"])
    _note("export.approved" if approve else "export.refused", asked, by, request)
    return True


def use(asked: ExportRequest, by) -> bool:
    """Mark an approval as used; False when it already was: each is good for one file."""
    return bool(ExportRequest.objects.visible_to(by).filter(pk=asked.pk, used_at=None).update(used_at=timezone.now()))


def _note(action: str, asked: ExportRequest, by, request) -> None:
    record(
        action, user=by, request=request, target=f"exportrequest:{asked.pk}", reason=asked.reason,
        detail={"kind": asked.kind, "rows": asked.rows, "asked_by": asked.requested_by_id},
    )  # fmt: skip
