"""The worklists in three queries: counts, one page of findings, and who or what they are about; and their export."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import CharField, OuterRef, Subquery
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.translation import gettext as _

from poverty import xlsx
from regions.models import Region
from validation import presenting
from validation.forms import SEVERITIES, FindingFilterForm
from validation.models import Finding, FindingState, Verdict

PER_PAGE = 50
MOST_EXPORTED = 50_000
CHUNK = 2_000


@dataclass
class Row:
    """A finding in a list."""

    finding: Finding
    title: str
    suggestion: str
    line: presenting.Line
    place: str
    overdue: bool
    checked: bool

    @property
    def seen(self) -> str:
        return self.finding.seen if self.line.seen is None else self.line.seen

    @property
    def expected(self) -> str:
        """Nothing where what was seen is hidden from the reader: it would tell as much."""
        return "" if self.line.hidden else self.finding.expected


@dataclass
class Worklist:
    page: object
    total: int = 0
    severities: dict[str, int] = field(default_factory=dict)
    overdue: int = 0
    place: str = ""
    rows: list[Row] = field(default_factory=list)


def _counted(found, region: str) -> tuple:
    """Return (total, errors, warnings, hints, overdue, the region's name), in one query."""
    inner, params = found.order_by().values_list("severity", "due_on", "closed_at").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE severity = 'E'), count(*) FILTER (WHERE severity = 'W'),"
            " count(*) FILTER (WHERE severity = 'I'), count(*) FILTER (WHERE due < %s AND closed IS NULL),"
            f" (SELECT name FROM regions_region WHERE code = %s) FROM ({inner}) AS x (severity, due, closed)",
            [timezone.localdate(), region, *params],
        )
        return cursor.fetchone()


def with_places(findings):
    """Annotate the names of the village and of its town."""

    def name(code):
        return Subquery(Region.objects.filter(code=code).values("name")[:1], output_field=CharField())

    town = Left(OuterRef("village_id"), 9)
    return findings.annotate(village_name=name(OuterRef("village_id")), town_name=name(town))


def rows(findings: list[Finding], user) -> list[Row]:
    """Return what a list shows of findings that carry the names of their places."""
    today = timezone.localdate()
    words = presenting.words([finding.rule for finding in findings])
    lines = presenting.lines(findings, user)
    return [
        Row(
            finding,
            words[finding.rule].title,
            words[finding.rule].suggestion,
            lines.get(finding.pk) or presenting.Line(),
            " ".join(part for part in (finding.town_name, finding.village_name) if part),
            finding.closed_at is None and finding.due_on is not None and finding.due_on < today,
            finding.checked_at is not None and finding.checked_at >= finding.first_seen_at,
        )
        for finding in findings
    ]


def ordered(findings):
    """What is due first comes first."""
    return findings.order_by("due_on", "id")


def make(form: FindingFilterForm, user, per_page: int = PER_PAGE) -> Worklist:
    """Return the page that the form asks for."""
    found = form.filter(Finding.objects.visible_to(user))
    if not form.is_valid() or not user.scope_ranges():
        return Worklist(Paginator([], per_page).get_page(1))
    total, errors, warnings, hints, overdue, place = _counted(found, form.cleaned_data["region"])
    page = Paginator(range(total), per_page).get_page(form.cleaned_data["page"] or 1)
    first = page.start_index() - 1 if total else 0
    shown = with_places(ordered(found)).select_related("owner")[first : first + per_page]
    page.object_list = rows(list(shown), user) if total else []
    severities = {"E": errors, "W": warnings, "I": hints}
    return Worklist(page, total, severities, overdue, place or "", page.object_list)


# --- export ---------------------------------------------------------------------------------------------------------------

WIDTHS = (9, 34, 9, 14, 14, 22, 16, 26, 26, 34, 12, 16, 12, 12, 12)


def _heading() -> list[str]:
    return [
        _("rule"), _("Finding"), _("severity"), _("Town"), _("Village"), _("Household number"),
        _("Person or household"), _("value seen"), _("value expected"), _("What to do"), _("State"), _("Verdict"),
        _("handled by"), _("due on"), _("first seen"),
    ]  # fmt: skip


def _cells(found, user) -> Iterator[list]:
    found = with_places(ordered(found)).select_related("owner")
    keys = list(found.values_list("pk", flat=True)[:MOST_EXPORTED])
    for start in range(0, len(keys), CHUNK):
        some = with_places(Finding.objects.visible_to(user).filter(pk__in=keys[start : start + CHUNK]))
        for row in rows(list(ordered(some).select_related("owner")), user):
            finding = row.finding
            yield [
                finding.rule, row.title, str(SEVERITIES.get(finding.severity, finding.severity)), finding.town_name or "",
                finding.village_name or "", row.line.number, row.line.title, row.seen, row.expected, row.suggestion,
                str(FindingState(finding.state).label), str(Verdict(finding.verdict).label) if finding.verdict else "",
                (finding.owner.full_name or finding.owner.username) if finding.owner else "", finding.due_on,
                timezone.localdate(finding.first_seen_at),
            ]  # fmt: skip


def workbook(form: FindingFilterForm, user, area: str) -> tuple[bytes, int]:
    """Return the list as a workbook, and its number of rows; values are masked as on the page."""
    found = form.filter(Finding.objects.visible_to(user))
    target, number = io.BytesIO(), 0
    with xlsx.Workbook(target) as book, book.sheet(_("Findings"), widths=WIDTHS, freeze=3) as sheet:
        who = user.full_name or user.username
        made = f"{timezone.localtime():%Y-%m-%d %H:%M}"
        sheet.row([_("Findings · %(area)s") % {"area": area}])
        sheet.row([_("Exported by %(who)s (%(name)s) on %(when)s") % {"who": who, "name": user.username, "when": made}])
        sheet.header(_heading())
        for cells in _cells(found, user):
            sheet.row(cells)
            number += 1
    return target.getvalue(), number
