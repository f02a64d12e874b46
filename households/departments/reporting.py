"""What goes back to the department that sent a list: verdicts by row number, released by the county.

Before the release the sender is told nothing of who was found: a list of one row would otherwise answer whether that
person is in the register.
"""

import io

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.masks import mask_name
from households.departments import passes
from poverty import scope
from poverty.xlsx import Workbook
from validation.engine import Check
from validation.models import Finding, FindingEvent, Snapshot, SourceVerdict, Verdict

REPORTED = """
WITH matched AS ({matched})
SELECT DISTINCT ON (s.sheet, s.row, f.rule) s.sheet, s.row, s.name, f.rule, f.id, f.verdict, f.verdict_at::date
  FROM matched m JOIN validation_sourcerow s ON s.id = m.row_id
  JOIN validation_finding f ON f.source = m.source AND f.verdict <> '' AND f.confirmed_by_id IS NOT NULL
       AND f.subject = CASE f.subject_kind WHEN 'member' THEN m.member_id WHEN 'household' THEN m.household_id END
 WHERE m.snapshot_id = %s ORDER BY s.sheet, s.row, f.rule, f.id
"""


def release(snapshot: Snapshot, *, by) -> int:
    """Write what the sender is told of each row that was checked and looked at twice; return how many rows."""
    with scope.system("report to the sender of a list", by=by), transaction.atomic():
        with passes.limited_to([snapshot.kind]):
            text, _params = passes.matched(Check(timezone.localdate(), None, snapshot.region_id))
        with connection.cursor() as cursor:
            cursor.execute(REPORTED.format(matched=text), [snapshot.pk])
            found = cursor.fetchall()
        told = [
            SourceVerdict(
                snapshot=snapshot, region_id=snapshot.region_id, uploaded_by_id=snapshot.uploaded_by_id, sheet=sheet,
                row=row, name=mask_name(name), rule=rule, finding_id=finding, verdict=verdict, verdict_on=day,
                released_at=timezone.now(),
            )
            for sheet, row, name, rule, finding, verdict, day in found
        ]  # fmt: skip
        before = SourceVerdict.objects.filter(snapshot=snapshot).values_list("pk", "sheet", "row", "rule", "verdict")
        before = [(key, (sheet, row, rule), verdict) for key, sheet, row, rule, verdict in before]
        SourceVerdict.objects.bulk_create(
            told,
            update_conflicts=True,
            unique_fields=["snapshot", "sheet", "row", "rule"],
            update_fields=["finding_id", "verdict", "verdict_on"],
            batch_size=5000,
        )
        # What was told before and holds no longer (a verdict was taken back) is not told any more; an answer to a
        # verdict that is another one now stays in the clue's log, not beside the new one.
        kept = {(one.sheet, one.row, one.rule): one.verdict for one in told}
        gone = [key for key, place, _verdict in before if place not in kept]
        SourceVerdict.objects.filter(pk__in=gone).delete()
        turned = [key for key, place, verdict in before if place in kept and kept[place] != verdict]
        SourceVerdict.objects.filter(pk__in=turned).update(answer="", answered_by=None, answered_at=None)
        rows = {(one.sheet, one.row) for one in told}
        upheld = {(one.sheet, one.row) for one in told if one.verdict == Verdict.UPHELD}
        disputed = {(one.sheet, one.row) for one in told if one.verdict == Verdict.SOURCE_WRONG}
        snapshot.counts = {
            **snapshot.counts, "checked": len(rows), "upheld": len(upheld), "disputed": len(disputed),
            "told_strong": snapshot.counts.get("strong", 0), "told_weak": snapshot.counts.get("weak", 0),
        }  # fmt: skip
        snapshot.reported_at = timezone.now()
        snapshot.save(update_fields=["counts", "reported_at"])
    return len(rows)


def workbook(told) -> bytes:
    """Return the report as xlsx: where the row stands in the sender's file, what was found out, and when."""
    buffer = io.BytesIO()
    with Workbook(buffer) as book, book.sheet(_("Verdicts"), widths=[24, 10, 24, 16], freeze=1) as sheet:
        sheet.header([_("Sheet"), _("Row"), _("Verdict"), _("Day")])
        done = set()
        for one in told:
            line = (one.sheet, one.row, one.verdict)
            if line not in done:
                done.add(line)
                sheet.row([one.sheet, one.row, str(one.get_verdict_display()), one.verdict_on.isoformat()])
    return buffer.getvalue()


def answer(told: SourceVerdict, text: str, *, by) -> None:
    """Keep the sender's answer to "your list is wrong here", and write it into the clue's log."""
    with scope.system("answer of the sender of a list", by=by), transaction.atomic():
        told.answer, told.answered_by, told.answered_at = text, by, timezone.now()
        told.save(update_fields=["answer", "answered_by", "answered_at"])
        finding = Finding.objects.filter(pk=told.finding_id).first()
        if finding is not None:
            FindingEvent.objects.create(
                finding=finding, rule=finding.rule, source=finding.source, reach=finding.reach,
                household_id=finding.household_id, kind="reply", text=text, by=by,
            )  # fmt: skip
