"""The data-quality score of one's area and of the regions in it, and the monthly reports about it."""

import datetime as dt
import re
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models.functions import Length
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.masks import View, view_of
from accounts.roles import Permission
from jobs import engine as long_work
from jobs.models import Job
from poverty import scope
from regions.forms import RegionField
from regions.models import LEVEL_LENGTHS, Region
from validation import report, score
from validation.models import QualityMonth, QualityReport
from validation.report import DATA_QUALITY, kinds, subject
from validation.views_runs import whole_region

LENGTHS = [length for level, length in LEVEL_LENGTHS.items() if level != "hamlet"]
LIVE_FROM = LEVEL_LENGTHS["county"]  # what is larger shows last night's values
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 180, 34, 24


def _place(user, code: str) -> Region | None:
    """Return the region looked at, which must touch the user's area; None for an area that is no region."""
    if not code:
        return None
    lo, hi = scope.code_range(code)
    if not any(area.lo < hi and lo < area.hi for area in user.scope_ranges()) or not code.startswith(user.area_code):
        raise Http404
    return get_object_or_404(Region.objects.only("code", "name", "level"), pk=code)


def _child_length(code: str) -> int:
    return next((length for length in LENGTHS if length > len(code)), LENGTHS[-1])


def _kept(user, code: str, length: int) -> tuple[dict, dt.datetime | None]:
    """Return last night's values of the regions below, and when they were made."""
    rows = QualityMonth.objects.visible_to(user).annotate(n=Length("region_id"))
    rows = rows.filter(scope.under("region_id", code), month=score.month_of(timezone.localdate()), n=length)
    return {row.region_id: row for row in rows}, max((row.made_at for row in rows), default=None)


class Row:
    """A region of the rank table."""

    def __init__(self, code, name, records, hits, value, subs, url):
        self.code, self.name, self.records, self.hits = code, name, records, hits
        self.score, self.subs, self.url = value, subs, url
        self.before = self.rank = None

    @property
    def counts(self) -> list[tuple]:
        """Return (severity, heading, records whose heaviest finding has it)."""
        labels = {"E": _("Errors"), "W": _("Warnings"), "I": _("Hints")}
        return [(letter, label, self.hits.get(letter, 0)) for letter, label in labels.items()]

    @property
    def width(self) -> str:
        return f"{self.score or 0:.2f}"

    @property
    def change(self):
        return None if self.before is None or self.score is None else self.score - self.before


@policy(Permission.FIGURES_VIEW)
@require_safe
def quality(request):
    user = request.user
    code = request.GET.get("region", "").strip() or user.area_code
    if not re.fullmatch(r"\d{0,12}", code, re.ASCII) or (code and len(code) not in LENGTHS):
        raise Http404
    place = _place(user, code)
    length = _child_length(code) if code else LENGTHS[-1]
    made_at = timezone.now()
    rows: list[Row] = []
    total = None
    live = not code or len(code) >= LIVE_FROM
    if not live:
        kept, when = _kept(user, code, length)
        own = QualityMonth.objects.visible_to(user).filter(region_id=code).order_by("-month").first()
        made_at = when or (own.made_at if own else None)
        total = _row_of_kept(own) if own else None
        rows = [_row_of_kept(one) for one in kept.values()]
    else:
        found = score.by_place(code, length)
        whole = score.total(found.values())
        total = Row(code, "", whole.records, whole.hit, whole.score, whole.subs, "")
        if code != user.area_code or len(code) < LENGTHS[-1]:
            rows = [Row(one, "", q.records, q.hit, q.score, q.subs, "") for one, q in found.items() if one != code]
    _finish(rows, user, length, request.path)
    trend = score.trend(user, code) if code else []
    crumbs = [
        {"name": name, "url": f"{request.path}?{urlencode({'region': at})}"}
        for at, name in Region.objects.filter(
            pk__in=[code[:n] for n in LENGTHS if len(user.area_code) <= n <= len(code)] or [""]
        )
        .order_by("code")
        .values_list("code", "name")
    ]
    context = {
        "place": place, "total": total, "rows": rows, "made_at": made_at, "crumbs": crumbs if len(crumbs) > 1 else [],
        "facets": [(str(key), label) for key, label in score.FACETS.items()], "chart": _chart(trend), "trend": trend,
        "subs": [(label, total.subs.get(str(key))) for key, label in score.FACETS.items()] if total else [],
        "code": code, "totals": [(letter, number) for letter, _label, number in total.counts] if total else [],
        "findings": _findings_url(user, None if live else made_at),
    }  # fmt: skip
    return render(request, "validation/quality.html", context)


def _findings_url(user, at) -> str:
    """Return the list behind the numbers, "" for who sees no findings; what was counted in the night opens the list of
    what was open then."""
    if not user.may(Permission.FINDING_VIEW):
        return ""
    return f"{reverse('validation:list')}?{urlencode({'at': at.isoformat()}) if at else ''}"


def _row_of_kept(one: QualityMonth) -> Row:
    return Row(one.region_id, "", one.records, one.hits, one.score, one.subs, "")


def _finish(rows: list[Row], user, length: int, path: str) -> None:
    """Give the rows their names, ranks, links and the score of the month before, the best first."""
    names = dict(Region.objects.filter(pk__in=[row.code for row in rows]).values_list("pk", "name"))
    month = score.month_of(score.month_of(timezone.localdate()) - dt.timedelta(days=1))
    before = dict(
        QualityMonth.objects.visible_to(user)
        .filter(month=month, region_id__in=[row.code for row in rows])
        .values_list("region_id", "score")
    )
    rows.sort(key=lambda row: (-(row.score if row.score is not None else -1), row.code))
    for number, row in enumerate(rows, 1):
        same = number > 1 and rows[number - 2].score == row.score
        row.rank = rows[number - 2].rank if same else number
        row.name, row.before = names.get(row.code, row.code), before.get(row.code)
        row.url = f"{path}?{urlencode({'region': row.code})}" if length < LENGTHS[-1] else ""


def _chart(trend: list[QualityMonth]) -> dict | None:
    """Return the line of the kept months as SVG texts; the scale begins at the next ten below the lowest."""
    if len(trend) < 2:
        return None
    low = min(90, int(min(row.score for row in trend) // 10 * 10))
    step = (WIDTH - LEFT - 20) / (len(trend) - 1)

    def y(value) -> float:
        return 12 + (HEIGHT - BOTTOM - 12) * float(100 - value) / (100 - low)

    points = [(LEFT + 10 + step * number, y(row.score), row) for number, row in enumerate(trend)]
    return {
        "box": f"0 0 {WIDTH} {HEIGHT}",
        "path": "M" + " L".join(f"{x:.1f} {top:.1f}" for x, top, _row in points),
        "points": [{"x": f"{x:.1f}", "y": f"{top:.1f}", "row": row} for x, top, row in points],
        "lines": [{"value": value, "y": f"{y(value):.1f}"} for value in (low, (low + 100) // 2, 100)],
        "left": LEFT, "right": WIDTH - 10, "foot": HEIGHT - 6,
    }  # fmt: skip


# --- reports ----------------------------------------------------------------------------------------------------------------


class MonthField(forms.CharField):
    widget = forms.TextInput(attrs={"type": "month", "placeholder": "2026-11"})

    def clean(self, value):
        text = super().clean(value)
        if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text or "", re.ASCII):
            raise ValidationError(_("Write the month as 2026-11."))
        month = dt.date.fromisoformat(f"{text}-01")
        if month > timezone.localdate():
            raise ValidationError(_("This month has not begun."))
        return month


class ReportForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Report"), required=False)
    region = RegionField(label=gettext_lazy("Region"), levels=[one for one in LEVEL_LENGTHS if one != "hamlet"])
    month = MonthField(label=gettext_lazy("Month"), max_length=7)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["region"].user = user
        self.fields["kind"].choices = [(kind.key, _(kind.label)) for kind in kinds.values()]

    def clean_kind(self):
        return self.cleaned_data["kind"] or DATA_QUALITY


def readable(user):
    """Return the reports the user may read: those with names only where names may be seen."""
    found = QualityReport.objects.visible_to(user)
    # A file is written once and read by many: one with names only by those from whom none of its values is masked.
    sees_all = all(view_of(user, field) is View.FULL for field in ("core", "health", "minor", "income"))
    return found if user.may(Permission.REPORT_MAKE) and sees_all else found.filter(named=False)


@policy(Permission.FIGURES_VIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def reports(request):
    """The reports that are kept, and a new one for any region and month."""
    user, form = request.user, None
    may_make = user.may(Permission.REPORT_MAKE)
    if request.method == "POST" and not may_make:
        raise PermissionDenied
    if may_make:
        initial = {"kind": DATA_QUALITY, "region": whole_region(user), "month": f"{timezone.localdate():%Y-%m}"}
        form = ReportForm(request.POST or None, user=user, initial=initial)
    if form is not None and form.is_bound and form.is_valid():
        kind, region, month = (form.cleaned_data[name] for name in ("kind", "region", "month"))
        names = {"report": _(kinds[kind].label), "place": region.name, "month": f"{month:%Y-%m}"}
        job = long_work.enqueue(
            "validation.report", subject(kind, region, month), by=user, kind=kind, region=region.pk,
            month=f"{month:%Y-%m}", title=_("Report %(report)s: %(place)s %(month)s") % names,
        )  # fmt: skip
        if job.is_new:
            detail = {"kind": kind, "month": f"{month:%Y-%m}"}
            record("report.asked", request=request, target=f"region:{region.pk}", detail=detail)
        messages.success(request, _("The report is being written; it appears below when it is done."))
        return redirect("validation:reports")
    found = readable(user).select_related("region", "made_by").defer("region__boundary", "region__centroid")
    chosen = request.GET.get("kind", "")
    if chosen in kinds:
        found = found.filter(kind=chosen)
    under_way = Job.objects.filter(created_by=user, task="validation.report", state__in=["queued", "running"])
    context = {
        "form": form, "page": Paginator(found.order_by("-id"), 30).get_page(request.GET.get("page")),
        "job": under_way.order_by("-id").first(), "chosen": chosen if chosen in kinds else "",
        "kinds": [(kind.key, _(kind.label)) for kind in kinds.values()],
    }  # fmt: skip
    return render(
        request, "validation/reports.html", context, status=422 if form is not None and form.is_bound else 200
    )


@policy(Permission.FIGURES_VIEW)
@require_safe
def report_file(request, uid, part):
    """The Word file or its Excel annex."""
    files = {"word": (report.WORD, "docx"), "annex": (report.EXCEL, "xlsx")}
    found = readable(request.user).select_related("region").defer("region__boundary").filter(uid=uid).first()
    if found is None or part not in files or found.kind not in kinds:
        raise Http404
    content_type, ending = files[part]
    try:
        data = report.content(found, part)
    except FileNotFoundError:
        raise Http404 from None
    record("report.read", request=request, target=f"report:{found.uid}", detail={"part": part})
    answer = HttpResponse(data, content_type=content_type)
    name = f"{report.title(found.region, found.month, found.kind)}.{ending}"
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    answer.headers["Cache-Control"] = "no-store"
    return answer
