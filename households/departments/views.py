"""Pages of departments' lists: for the county what they found, for a department what it sent and what came of it.

A department has no rows of the register. What it sees of its lists before the county releases a report speaks of the
file alone: nothing that is said, and no time that is taken, tells who is in the register.
"""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.masks import View, view_of
from accounts.roles import Permission, Role
from exchange import exporting, templates_out
from exchange.models import BatchState, ImportBatch
from households import listing
from households.departments import matching, reporting, sheets, tasks
from households.departments.forms import AnswerForm, kinds_of
from households.models import Member
from households.present import Viewer
from jobs import engine
from jobs.models import Job
from poverty import declarations
from poverty.declarations import rules
from validation.models import TRUE, Finding, FindingEvent, Snapshot, SourceVerdict, Verdict

OLD_DAYS = 90  # a list that is older is marked: things have changed since
SHOWN_BATCHES = 10
PER_PAGE = 50
FINISHED = (BatchState.MERGED, BatchState.UNDONE, BatchState.DISCARDED)


def is_department(user) -> bool:
    return user.role == Role.DEPARTMENT


def visible(user):
    """Return the lists that `user` may see: of the own area, or, of a department, its own."""
    found = Snapshot.objects.visible_to(user).select_related("region", "uploaded_by", "batch")
    found = found.defer("region__boundary", "region__centroid", "batch__meta", "batch__reconciliation")
    return found.filter(uploaded_by=user) if is_department(user) else found


def dress(snapshots) -> list[Snapshot]:
    """Give each list its title, its age in days, and what its sender may be told."""
    today = timezone.localdate()
    found = list(snapshots)
    for one in found:
        one.title = declarations.sheets[one.kind].title
        one.age = (today - one.as_of).days
        one.old = one.age > OLD_DAYS
        one.told = one.counts if one.reported_at else {}
        one.matched = one.told.get("told_strong", 0) + one.told.get("told_weak", 0) if one.reported_at else None
    return found


def clues_of(user, kinds) -> dict[str, dict]:
    """Return {kind: open, checked, upheld, precision} of the clues that `user` sees; two queries."""
    open_ = dict(
        Finding.objects.visible_to(user).open().filter(source__in=kinds).order_by()
        .values_list("source").annotate(n=Count("pk"))
    )  # fmt: skip
    given = FindingEvent.objects.visible_to(user).filter(kind="verdict", source__in=kinds).exclude(verdict="")
    given = given.order_by().values("source").annotate(n=Count("pk"), true=Count("pk", filter=Q(verdict__in=TRUE)))
    verdicts = {line["source"]: line for line in given}
    found = {}
    for kind in kinds:
        line = verdicts.get(kind, {"n": 0, "true": 0})
        precision = line["true"] / line["n"] if line["n"] else None
        found[kind] = {
            "open": open_.get(kind, 0), "checked": line["n"], "upheld": line["true"], "precision": precision
        }  # fmt: skip
    return found


def running(user) -> Job | None:
    """Return the match that is under way for `user`."""
    return Job.objects.filter(task="departments.match", created_by=user, state__in=engine.UNDER_WAY).last()


@policy(Permission.LIST_VIEW, Permission.LIST_UPLOAD)
@require_safe
def index(request):
    """For an office: the kinds of lists with the newest of each; for a department: what it sent."""
    user = request.user
    waiting = ImportBatch.objects.visible_to(user).filter(kind__in=sheets.KINDS).exclude(state__in=FINISHED)
    waiting = list(waiting.select_related("created_by").defer("meta", "reconciliation").order_by("-id")[:SHOWN_BATCHES])
    for batch in waiting:
        batch.title = declarations.sheets[batch.kind].title
    if is_department(user):
        own = dress(visible(user).order_by("-id")[:200])
        disputed = SourceVerdict.objects.visible_to(user).filter(
            uploaded_by=user, verdict=Verdict.SOURCE_WRONG, answer=""
        )
        context = {"lists": own, "waiting": waiting, "disputed": disputed.count()}
        return render(request, "departments/own.html", context)
    newest: dict[str, list] = {}
    for one in dress(visible(user).filter(current=True).order_by("-as_of", "-id")):
        newest.setdefault(one.kind, []).append(one)
    clues = clues_of(user, sheets.KINDS)
    lines = [
        {
            "kind": kind, "title": declarations.sheets[kind].title, "department": declarations.sheets[kind].department,
            "lists": newest.get(kind, []), "clues": clues[kind],
            "rules": [rule.id for rule in rules.values() if rule.source == kind],
        }
        for kind in sheets.KINDS
    ]  # fmt: skip
    lines.sort(key=lambda line: not line["lists"])
    context = {"lines": lines, "waiting": waiting, "have": len(newest), "job": running(user)}
    return render(request, "departments/index.html", context)


@policy(Permission.LIST_VIEW)
@require_safe
def source(request, kind):
    """One kind of list: its lists old and new, its rules and how right they were, its clues."""
    if kind not in sheets.KINDS:
        raise Http404
    sheet = declarations.sheets[kind]
    own = [rule for rule in rules.values() if rule.source == kind]
    given = FindingEvent.objects.visible_to(request.user).filter(kind="verdict", source=kind).exclude(verdict="")
    verdicts = dict(given.order_by().values_list("verdict").annotate(n=Count("pk")))
    context = {
        "sheet": sheet, "kind": kind, "lists": dress(visible(request.user).filter(kind=kind).order_by("-id")[:100]),
        "rules": [{"id": rule.id, "title": _(rule.title), "suggestion": _(rule.suggestion)} for rule in own],
        "clues": clues_of(request.user, [kind])[kind],
        "verdicts": [(label, verdicts[value]) for value, label in Verdict.choices if value in verdicts],
        "columns": [column.header for column in sheet.columns if column.field != "seq"],
        "crumbs": [{"name": _("Departments"), "url": reverse("departments:index")}, {"name": sheet.title}],
    }  # fmt: skip
    return render(request, "departments/source.html", context)


def find(request, uid) -> Snapshot:
    """Return a list in the user's area, or the user's own; else nothing is there."""
    found = visible(request.user).filter(uid=uid).first()
    if found is None:
        raise Http404
    return dress([found])[0]


@policy(Permission.LIST_VIEW, Permission.LIST_UPLOAD)
@require_safe
def snapshot(request, uid):
    """One list: what it is, what came of it, and what its sender was told."""
    found = find(request, uid)
    told = SourceVerdict.objects.visible_to(request.user).filter(snapshot=found)
    disputed = list(told.filter(verdict=Verdict.SOURCE_WRONG).select_related("answered_by"))
    office = not is_department(request.user)
    links = {}
    if office and disputed:
        seen = Finding.objects.visible_to(request.user).filter(pk__in=[one.finding_id for one in disputed])
        links = dict(seen.values_list("pk", "uid"))
    for one in disputed:
        one.link = reverse("validation:finding", args=[links[one.finding_id]]) if one.finding_id in links else ""
    summary = dict(told.order_by().values_list("verdict").annotate(n=Count("pk"))) if found.reported_at else {}
    rows, chosen = _told_rows(request, told if found.reported_at else told.none())
    parent = [{"name": _("Departments"), "url": reverse("departments:index")}]
    if office:
        parent.append({"name": found.title, "url": reverse("departments:source", args=[found.kind])})
    context = {
        "list": found, "disputed": disputed, "office": office, "may_answer": found.uploaded_by_id == request.user.pk,
        "summary": [(label, summary[value], value) for value, label in Verdict.choices if value in summary],
        "page": rows, "chosen": Verdict(chosen).label if chosen else "",
        "clues": clues_of(request.user, [found.kind])[found.kind] if office else None,
        "crumbs": [*parent, {"name": f"{found.title} · {found.as_of:%Y-%m-%d}"}],
    }  # fmt: skip
    return render(request, "departments/snapshot.html", context)


def _told_rows(request, told):
    """Return a page of the rows that the sender was told of, all or those with one verdict: [(sheet, row, verdicts)]."""
    chosen = request.GET.get("verdict", "")
    chosen = chosen if chosen in Verdict.values else ""
    wanted = (told.filter(verdict=chosen) if chosen else told).order_by("sheet", "row").values_list("sheet", "row")
    page = Paginator(wanted.distinct(), PER_PAGE).get_page(request.GET.get("page"))
    places = list(page.object_list)
    said: dict[tuple, list] = {place: [] for place in places}
    some = told.filter(row__in={row for _sheet, row in places}).order_by("sheet", "row", "rule")
    for one in some:
        verdicts = said.get((one.sheet, one.row))
        words = (one.get_verdict_display(), one.verdict_on)
        if verdicts is not None and words not in verdicts:
            verdicts.append(words)
    page.object_list = [(sheet, row, said[sheet, row]) for sheet, row in places]
    return page, chosen


@policy(Permission.LIST_VIEW)
@require_safe
def matches(request, uid):
    """The rows of a list that speak of somebody in the register: the list behind its strong and weak matches."""
    found, user = find(request, uid), request.user
    weak = request.GET.get("how") == "weak"
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 6 else 1
    first = (number - 1) * PER_PAGE
    total, rows = matching.rows(found, weak=weak, first=max(first, 0), most=PER_PAGE) if found.current else (0, [])
    page = Paginator(range(total), PER_PAGE).get_page(number)
    if total and not rows:  # beyond the last page
        total, rows = matching.rows(found, weak=weak, first=page.start_index() - 1, most=PER_PAGE)
    # To be in a list of illnesses or sentences says it all: who is there is told to those who see every value only.
    named = all(view_of(user, name) is View.FULL for name in ("core", "health", "minor", "income"))
    keys = {key for row in rows for key in row["members"]} if named else set()
    people = Member.objects.visible_to(user).filter(pk__in=keys)
    people = {one.pk: one for one in people.select_related("household")}
    clues: dict[int, list] = {}
    if user.may(Permission.FINDING_VIEW):
        open_ = Finding.objects.visible_to(user).open().filter(source=found.kind, subject_kind="member")
        for one in open_.filter(subject__in=people).order_by("rule"):
            clues.setdefault(one.subject, []).append(one)
    viewer = Viewer(user)
    names = listing.place_names({one.household.village_id for one in people.values()})
    for row in rows:
        row["people"] = [
            {
                "name": viewer.name(one), "household": one.household, "clues": clues.get(one.pk, ()),
                "place": names.get(one.household.village_id, ""),
            }
            for one in (people[key] for key in row["members"] if key in people)
        ]  # fmt: skip
    page.object_list = rows
    context = {
        "list": found, "page": page, "weak": weak, "total": total,
        "then": found.counts.get("weak" if weak else "strong", 0),
        "crumbs": [
            {"name": _("Departments"), "url": reverse("departments:index")},
            {"name": found.title, "url": reverse("departments:source", args=[found.kind])},
            {"name": f"{found.as_of:%Y-%m-%d}", "url": reverse("departments:snapshot", args=[found.uid])},
            {"name": _("Weak matches") if weak else _("Strong matches")},
        ],
    }  # fmt: skip
    return render(request, "departments/matches.html", context)


@policy(Permission.LIST_MATCH)
@require_POST
def release(request, uid):
    """Tell the sender what was found out, row by row."""
    found = find(request, uid)
    if not found.current or found.deleted_at:
        messages.error(request, _("A newer list has taken the place of this one: report on that."))
        return redirect("departments:snapshot", uid=uid)
    rows = reporting.release(found, by=request.user)
    record(
        "department.reported", request=request, target=f"list:{found.pk}",
        detail={"kind": found.kind, "rows": rows, "sender": found.sender},
    )  # fmt: skip
    messages.success(
        request, _("%(sender)s can now see the verdicts on %(rows)s rows.") % {"sender": found.sender, "rows": rows}
    )
    return redirect("departments:snapshot", uid=uid)


@policy(Permission.LIST_VIEW, Permission.LIST_UPLOAD)
@require_safe
def report(request, uid):
    """Give the released report as a workbook: row numbers of the sender's file, verdicts, days."""
    found = find(request, uid)
    if not found.reported_at:
        raise Http404
    told = SourceVerdict.objects.visible_to(request.user).filter(snapshot=found)
    answer = HttpResponse(reporting.workbook(told), content_type=exporting.FORMATS["xlsx"])
    name = f"{found.title}_{found.as_of:%Y%m%d}_核查反馈.xlsx"
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    record("department.report_taken", request=request, target=f"list:{found.pk}", detail={"rows": told.count()})
    return answer


@policy(Permission.LIST_UPLOAD)
@require_POST
def dispute(request, uid):
    """Keep the sender's answer to a row that was found wrong."""
    told = SourceVerdict.objects.visible_to(request.user).filter(uid=uid, uploaded_by=request.user).first()
    if told is None or told.verdict != Verdict.SOURCE_WRONG:
        raise Http404
    form = AnswerForm(request.POST)
    if form.is_valid():
        reporting.answer(told, form.cleaned_data["text"], by=request.user)
        record("department.answered", request=request, target=f"list:{told.snapshot_id}", detail={"row": told.row})
        messages.success(request, _("Your answer was kept. The county office sees it with the clue."))
    else:
        messages.error(request, " ".join(form.errors["text"]))
    return redirect("departments:snapshot", uid=Snapshot.objects.visible_to(request.user).get(pk=told.snapshot_id).uid)


@policy(Permission.LIST_MATCH)
@require_POST
def match(request):
    """Match now: all lists of the area, or one kind."""
    kind = request.POST.get("kind", "")
    if kind and kind not in sheets.KINDS:
        raise Http404
    job = tasks.ask(request.user, request.user.area_code, [kind] if kind else [])
    record("department.matched", request=request, target=f"region:{request.user.area_code}", detail={"kind": kind})
    if getattr(job, "is_new", True):
        messages.success(request, _("The lists are being matched. The line below tells when it is done."))
    else:
        messages.info(request, _("The lists are being matched already."))
    return redirect("departments:source", kind=kind) if kind else redirect("departments:index")


@policy(Permission.LIST_UPLOAD)
@require_safe
def template(request, kind):
    """Give the blank template of a list."""
    if kind not in kinds_of(request.user):
        raise Http404
    answer = HttpResponse(templates_out.blank_workbook(kind), content_type=exporting.FORMATS["xlsx"])
    name = f"{declarations.sheets[kind].title}_空白模板.xlsx"
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    return answer
