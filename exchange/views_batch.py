"""The pages inside one import: its faults, rows, changes, who is missing, the reconciliation, the questions."""

import io

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission
from exchange import batches, marking, queries, staging, store
from exchange import faults as fault_rows
from exchange.forms import choices_of
from exchange.models import BatchState, ImportFault, StoredFile
from exchange.views import SHOWN, crumbs_of, find, household_link, job_of, start_job
from jobs import engine
from jobs.models import Job, State
from regions import picker
from regions.models import Region

PER_PAGE = 50
MARK_AT_ONCE_ROWS = 3_000
SHOWN_CHANGES = 9  # of a row; the rest unfolds
READ = (*SHOWN, BatchState.UNDONE)
VERDICTS = {
    "new": gettext_lazy("New rows"),
    "changed": gettext_lazy("Changed rows"),
    "unchanged": gettext_lazy("Unchanged rows"),
    "rejected": gettext_lazy("Refused rows"),
    "asked": gettext_lazy("Rows to be answered"),
}
ACTIONS = {
    "stop": gettext_lazy("refused"),
    "ask": gettext_lazy("to be answered"),
    "note": gettext_lazy("stored as it stands"),
    "auto": gettext_lazy("put right"),
}


class Counted:
    """A list that is counted by one query and fetched by another, for the paginator."""

    def __init__(self, count: int, fetch):
        self._count, self._fetch = count, fetch

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> list:
        return self._fetch(part.start or 0, (part.stop or self._count) - (part.start or 0))


def page_of(request, count: int, fetch):
    return Paginator(Counted(count, fetch), PER_PAGE).get_page(request.GET.get("page"))


def staged(batch):
    """Return the batch's handler while its staged rows are kept, else None."""
    work = batches.handler(batch)
    return work if batch.staged and staging.exists(work.rows) else None


def place(rows) -> None:
    """Give every row the name of its village as `place`, and the address of its household as `link`."""
    codes = {row.village for row in rows} - {"", None}
    names = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
    for row in rows:
        row.place = names.get(row.village, "")
        row.link = household_link(row.uid)


@policy(Permission.IMPORT_RUN)
@require_safe
def faults(request, uid):
    """All faults of the file, filtered by column, kind and what was done."""
    batch = find(request, uid, *READ)
    found = queries.faults_of(batch, request.user).order_by("sheet", "row", "pk")
    wanted = {name: request.GET.get(name, "")[:200] for name in ("column", "action", "code")}
    for name, value in wanted.items():
        if value:
            found = found.filter(**{name: value})
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = queries.dress(batch, request.user, page.object_list)
    every = queries.faults_of(batch, request.user).order_by()
    context = {
        "batch": batch, "crumbs": crumbs_of(batch, _("Faults")), "page": page, "rows": rows, "wanted": wanted, "actions": ACTIONS,
        "columns": sorted(set(every.values_list("column", flat=True).distinct())),
        "codes": sorted(set(every.values_list("code", flat=True).distinct())),
        "several_sheets": len(batch.meta.get("sheets", ())) > 1,
    }  # fmt: skip
    for fault in rows:
        fault.done = ACTIONS[fault.action]
    return render(request, "exchange/faults.html", context)


@policy(Permission.IMPORT_RUN)
@require_safe
def rows(request, uid):
    """The rows of one verdict."""
    batch = find(request, uid, *READ)
    verdict = request.GET.get("verdict", "new")
    if verdict not in VERDICTS:
        raise Http404
    work = staged(batch)
    count = getattr(batch, verdict) if work else 0
    page = page_of(request, count, lambda offset, limit: work.rows_with(verdict, offset, limit))
    context = {
        "batch": batch, "crumbs": crumbs_of(batch, VERDICTS[verdict]), "page": page, "kept": bool(work), "title": VERDICTS[verdict],
        "verdict": verdict, "verdicts": [(name, label, getattr(batch, name)) for name, label in VERDICTS.items()],
    }  # fmt: skip
    place(page.object_list)
    return render(request, "exchange/rows.html", context)


@policy(Permission.IMPORT_RUN)
@require_safe
def changes(request, uid):
    """What changes, value by value: what is on file against what the file says."""
    batch = find(request, uid, *READ)
    work = staged(batch)
    counts = work.change_counts() if work else []
    name = request.GET.get("field", "")
    if name and name not in {known for known, _label, _n in counts}:
        name = ""
    count = next((n for known, _label, n in counts if known == name), 0) if name else batch.changed
    page = page_of(request, count if work else 0, lambda offset, limit: work.change_rows(name, offset, limit))
    place(page.object_list)
    names = _places_in(page.object_list)
    for row in page.object_list:
        row.changes.sort(key=lambda change: change.name != name)  # what is looked for stands first
        for change in row.changes:
            moved = change.name == "household.village"
            change.shown_old, change.shown_new = (
                names.get(value, value) if moved else queries.value_shown(request.user, change.column, value)
                for value in (change.old, change.new)
            )
        row.first, row.rest = row.changes[:SHOWN_CHANGES], row.changes[SHOWN_CHANGES:]
    context = {
        "batch": batch, "crumbs": crumbs_of(batch, _("Changes")), "page": page, "counts": counts, "field": name,
        "kept": bool(work),
    }  # fmt: skip
    return render(request, "exchange/changes.html", context)


def _places_in(rows) -> dict[str, str]:
    """Return the names of villages that values move to or from."""
    codes = {
        value for row in rows for change in row.changes if change.name == "household.village"
        for value in (change.old, change.new) if value
    }  # fmt: skip
    return dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))


@policy(Permission.IMPORT_RUN)
@require_safe
def missing(request, uid):
    """Who is in the register, in the villages of the file, and not in the file: listed, never removed."""
    batch = find(request, uid, *READ)
    work = staged(batch)
    count = work.missing() if work else 0
    page = page_of(request, count, lambda offset, limit: work.missing_rows(offset, limit))
    context = {
        "batch": batch, "crumbs": crumbs_of(batch, _("Not in the file")), "page": page, "kept": bool(work),
        "persons": bool(work and work.persons),
    }  # fmt: skip
    place(page.object_list)
    return render(request, "exchange/missing.html", context)


@policy(Permission.IMPORT_RUN)
@require_safe
def reconciliation(request, uid):
    """Households and persons per village, the file against the register; printed on A4 with `?print=1`."""
    batch = find(request, uid, *READ)
    context = {
        "batch": batch, "crumbs": crumbs_of(batch, _("Reconciliation")), **queries.reconciliation(batch),
        "totals": queries.stated_totals(batch),
    }  # fmt: skip
    paper = "exchange/reconciliation_print.html" if request.GET.get("print") else "exchange/reconciliation.html"
    return render(request, paper, context)


# --- questions -------------------------------------------------------------------------------------------------------


@policy(Permission.IMPORT_RUN)
@require_safe
def questions(request, uid):
    """The open questions: one at a time, or as a list."""
    batch = find(request, uid, *SHOWN)
    as_list = request.GET.get("list") == "1"
    found = queries.open_questions(batch, request.user)
    page = Paginator(found, 30 if as_list else 1).get_page(request.GET.get("page"))
    made = queries.questions(batch, request.user, list(page.object_list))
    open_, answered = queries.question_counts(batch, request.user)
    context = {
        "batch": batch, "crumbs": crumbs_of(batch, _("Questions")), "page": page, "questions": made, "as_list": as_list,
        "open": open_, "answered": answered, "job": job_of(batch),
    }  # fmt: skip
    place([one.row for one in made if one.row])
    return render(request, "exchange/questions.html", context)


@policy(Permission.IMPORT_RUN)
@require_POST
def answer(request, uid):
    """Keep the answer to one question; it is applied with the others."""
    batch = find(request, uid, *SHOWN)
    key = request.POST.get("question", "")[:300]
    fault = queries.faults_of(batch, request.user).filter(question=key, action="ask").first()
    back = reverse("exchange:questions", args=[batch.uid]) + ("?list=1" if request.POST.get("list") else "")
    if not key or fault is None:
        messages.info(request, _("This question was answered in the meantime."))
        return redirect(back)
    value, problem = _value(request, batch, fault)
    if problem:
        messages.error(request, problem)
        return redirect(back)
    given = queries.answers_for(batch, request.user, fault, value, same=bool(request.POST.get("same")))
    with batches.scope_of(batch, request.user):
        fault_rows.keep_answers(batch, given, by=request.user)
    record("import.answered", request=request, target=f"import:{batch.pk}", detail={"answers": len(given)})
    open_, _answered = queries.question_counts(batch, request.user)
    if not open_:
        _apply(request, batch)
        return redirect("exchange:batch", uid=uid)
    return redirect(back)


def _value(request, batch, fault: ImportFault) -> tuple[str, str]:
    """Return (the value to keep, what is wrong with it) of an answer."""
    choice = request.POST.get("choice", "")[:300]
    typed = request.POST.get("typed", "").strip()[:500]
    sort = fault.question.partition(":")[0]
    if choice == "blank":
        return "", ""
    if sort == "label":
        code = typed if choice == "other" else choice
        known = {value for value, _label in choices_of(batch.kind, fault.field)}
        return (code, "") if code in known else ("", _("Choose what the label means, or leave the cell blank."))
    if sort == "region":
        written = typed if choice in ("other", "") else choice
        found = [region.pk for region in picker.exact(request.user, written, levels=("village",))]
        inside = [code for code in found if code.startswith(batch.region_id)]
        return (inside[0], "") if len(inside) == 1 else ("", _("Choose a village of the area of this import."))
    if sort == "column":
        return (choice, "") if choice in ("yuan", "wan") else ("", _("Choose the unit of these amounts."))
    if choice == "keep":
        return "=", ""
    if choice == "suggestion":
        return queries.crypto.unseal(fault_rows.SUGGESTION, fault.uid, fault.suggestion_sealed), ""
    if choice in fault.params.get("readings", ()):
        return choice, ""
    return (typed, "") if typed else ("", _("Type the right value, or choose to leave the cell blank."))


@policy(Permission.IMPORT_RUN)
@require_POST
def apply_answers(request, uid):
    """Go on with the rows whose questions are answered."""
    _apply(request, find(request, uid, *SHOWN))
    return redirect("exchange:batch", uid=uid)


def _apply(request, batch) -> None:
    if job_of(batch) is None:
        start_job("exchange.answer", batch, request.user, _("Apply the answers to %(file)s"))
        messages.success(request, _("All answers given so far are being applied."))


# --- the marked workbook ---------------------------------------------------------------------------------------------


@policy(Permission.IMPORT_RUN)
def marked(request, uid):
    """Give the workbook back with its faulty cells marked; a large one is made by a job first."""
    batch = find(request, uid, *READ)
    if batch.file.deleted_at:
        messages.warning(
            request, _("The file is past its keeping time and was deleted. Upload it again if you need it.")
        )
        return redirect("exchange:batch", uid=uid)
    content = None
    if batch.rows + batch.skipped <= MARK_AT_ONCE_ROWS:
        content = marking.marked_workbook(batch)
    elif (stored := _marked_file(batch)) is not None:
        content = store.content(stored)
    if content is None:
        if request.method == "POST" or not job_of(batch):
            link = reverse("exchange:marked", args=[batch.uid])
            engine.enqueue(
                "exchange.mark",
                batch.pk,
                by=request.user,
                title=_("Mark %(file)s") % {"file": batch.file_name},
                link=link,
            )
        messages.info(request, _("The workbook is being marked. The line below tells when it is ready."))
        return redirect("exchange:batch", uid=uid)
    record("import.marked", request=request, target=f"import:{batch.pk}", detail={"rows": batch.rows})
    return FileResponse(
        io.BytesIO(content), as_attachment=True, filename=marking.file_name(batch),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )  # fmt: skip


def _marked_file(batch) -> StoredFile | None:
    """Return the marked workbook that a job made since the faults were last written."""
    done = Job.objects.filter(subject=batch.pk, state=State.DONE)
    made = done.filter(task="exchange.mark").last()
    if (
        made is None
        or done.filter(task__in=["exchange.answer", "exchange.merge"], finished_at__gt=made.finished_at).exists()
    ):
        return None
    return StoredFile.objects.filter(pk=made.result.get("file"), deleted_at=None).first()
