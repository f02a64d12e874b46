"""The upload of a department's list, from file to result: what is said here speaks of the file alone."""

import io

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission
from exchange import batches, marking, queries, views, views_batch
from exchange import faults as fault_rows
from exchange.forms import ModeForm, UndoForm
from exchange.messages import note_text, refusal_text
from exchange.models import BatchState, ImportBatch
from households.departments import sheets
from households.departments.forms import ListForm
from jobs import engine
from poverty import declarations
from validation.models import Snapshot

SHOWN = views.SHOWN


def find(request, uid, *states: BatchState) -> ImportBatch:
    """Return an upload in the user's area, or the user's own, in one of `states`."""
    found = ImportBatch.objects.visible_to(request.user).select_related("file", "created_by", "region")
    found = found.defer("region__boundary", "region__centroid").filter(uid=uid, kind__in=sheets.KINDS).first()
    if found is None or (states and found.state not in states):
        raise Http404
    found.title = declarations.sheets[found.kind].title
    return found


def crumbs_of(batch: ImportBatch, *more: str) -> list[dict]:
    found = [{"name": _("Departments"), "url": reverse("departments:index")}]
    found.append({"name": batch.file_name, "url": reverse("departments:batch", args=[batch.uid])})
    return found + [{"name": name} for name in more]


def start_job(task: str, batch: ImportBatch, user, title: str):
    link = reverse("departments:batch", args=[batch.uid])
    return engine.enqueue(task, batch.pk, by=user, title=title % {"file": batch.file_name}, link=link)


def _go(request, address: str):
    """Go on to a page; a script that uploads is told where."""
    if request.headers.get("X-Upload") == "1":
        return JsonResponse({"location": address})
    return redirect(address)


@policy(Permission.LIST_UPLOAD)
def upload(request):
    """Take a list in and have it read."""
    form = ListForm(
        request.POST or None, request.FILES or None, user=request.user, initial={"kind": request.GET.get("kind", "")}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        meta = {key: data[key] for key in ("sender", "legal_basis") if data.get(key)}
        try:
            batch = batches.create(
                kind=data["kind"], name=data["file"].name, data=data["file"].read(), region=request.user.area_code,
                year=None, as_of=data["as_of"], by=request.user, meta=meta,
            )  # fmt: skip
        except batches.Repeated as repeated:
            # Of an upload that the user may not see nothing is told but that the file is there.
            mine = ImportBatch.objects.visible_to(request.user).filter(pk=repeated.batch.pk).first()
            messages.info(request, _("This file is being imported already. Nothing was uploaded twice."))
            return _go(request, reverse("departments:batch", args=[mine.uid]) if mine else reverse("departments:index"))
        record("import.uploaded", request=request, target=f"import:{batch.pk}", detail={"kind": batch.kind})
        start_job("exchange.read", batch, request.user, _("Read %(file)s"))
        return _go(request, reverse("departments:batch", args=[batch.uid]))
    kinds = [declarations.sheets[kind] for kind, _title in form.fields["kind"].choices]
    context = {
        "form": form,
        "sheets": kinds,
        "crumbs": [{"name": _("Departments"), "url": reverse("departments:index")}],
    }
    return render(request, "departments/upload.html", context, status=422 if form.is_bound else 200)


@policy(Permission.LIST_UPLOAD)
@require_safe
def batch(request, uid):
    """One upload: where it stands, what the file holds, and what to do next."""
    found = find(request, uid)
    context = {"batch": found, "crumbs": crumbs_of(found)[:-1] + [{"name": found.file_name}], **views._progress(found)}
    if found.state == BatchState.REFUSED:
        context["refusal"] = refusal_text(found.refusal_code, found.refusal.get("params"))
    elif found.state in SHOWN or found.state == BatchState.UNDONE:
        context["groups"] = queries.fault_groups(found, request.user)
        context["open"], context["answered"] = queries.question_counts(found, request.user)
        context["notes"] = [note_text(note) for note in found.meta.get("notes", ())]
        context["good"] = found.new + found.changed + found.unchanged
        context["faulty"] = any(g.counts["stop"] or g.counts["ask"] or g.counts["note"] for g in context["groups"])
        context["has_file"] = found.file.deleted_at is None
        context["form"] = UndoForm()
        context["list"] = Snapshot.objects.visible_to(request.user).filter(batch=found).first()
    return render(request, "departments/batch.html", context)


@policy(Permission.LIST_UPLOAD)
@require_safe
def status(request, uid):
    """The progress line; when the work has ended the page is loaded anew."""
    found = find(request, uid)
    context = {"batch": found, **views._progress(found)}
    if context["job"] is None and found.state not in views.UNDER_WAY:
        answer = HttpResponse(status=286)
        answer.headers["HX-Refresh"] = "true"
        return answer
    return render(request, "departments/_progress.html", context)


@policy(Permission.LIST_UPLOAD)
@require_POST
def merge(request, uid):
    """Have the list stored, as the person chose."""
    found = find(request, uid, BatchState.PREVIEWED, BatchState.HELD, BatchState.MERGING)
    form = ModeForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose which rows are to be written."))
    elif found.state != BatchState.MERGING and batches.confirm(found, form.cleaned_data["mode"]):
        record("import.confirmed", request=request, target=f"import:{found.pk}", detail={"rows": found.rows})
        start_job("exchange.merge", found, request.user, _("Import %(file)s"))
    return redirect("departments:batch", uid=uid)


@policy(Permission.LIST_UPLOAD)
@require_POST
def discard(request, uid):
    """Give up an upload that was not stored."""
    found = find(request, uid, BatchState.PREVIEWED, BatchState.HELD, BatchState.FAILED)
    if found.merged_at is None and views.job_of(found) is None and batches.discard(found):
        record("import.discarded", request=request, target=f"import:{found.pk}")
        messages.success(request, _("The upload of %(file)s was given up.") % {"file": found.file_name})
    return redirect("departments:index")


@policy(Permission.LIST_UPLOAD)
@require_POST
def take_back(request, uid):
    """Take a stored list back; the former one counts again."""
    found = find(request, uid, BatchState.MERGED)
    form = UndoForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(form.errors["reason"]))
    elif views.job_of(found) is None:
        reason = form.cleaned_data["reason"]
        ImportBatch.objects.visible_to(request.user).filter(pk=found.pk).update(
            meta={**found.meta, "undo_reason": reason}
        )
        record("import.undone", request=request, target=f"import:{found.pk}", reason=reason)
        start_job("exchange.undo", found, request.user, _("Undo %(file)s"))
    return redirect("departments:batch", uid=uid)


@policy(Permission.LIST_UPLOAD)
@require_safe
def questions(request, uid):
    """The open questions about the file, one at a time."""
    found = find(request, uid, *SHOWN)
    lines = queries.open_questions(found, request.user)
    page = Paginator(lines, 1).get_page(request.GET.get("page"))
    open_, answered = queries.question_counts(found, request.user)
    context = {
        "batch": found, "crumbs": crumbs_of(found, _("Questions")), "page": page, "open": open_, "answered": answered,
        "questions": queries.questions(found, request.user, list(page.object_list)), "job": views.job_of(found),
        "answer_url": reverse("departments:answer", args=[found.uid]),
    }  # fmt: skip
    return render(request, "departments/questions.html", context)


@policy(Permission.LIST_UPLOAD)
@require_POST
def answer(request, uid):
    """Keep the answer to one question; the last one has them all applied."""
    found = find(request, uid, *SHOWN)
    back = redirect("departments:questions", uid=uid)
    if not request.POST.get("apply"):
        key = request.POST.get("question", "")[:300]
        fault = queries.faults_of(found, request.user).filter(question=key, action="ask").first()
        if not key or fault is None:
            messages.info(request, _("This question was answered in the meantime."))
            return back
        value, problem = views_batch._value(request, found, fault)
        if problem:
            messages.error(request, problem)
            return back
        given = queries.answers_for(found, request.user, fault, value, same=bool(request.POST.get("same")))
        with batches.scope_of(found, request.user):
            fault_rows.keep_answers(found, given, by=request.user)
        record("import.answered", request=request, target=f"import:{found.pk}", detail={"answers": len(given)})
        if queries.question_counts(found, request.user)[0]:
            return back
    if views.job_of(found) is None:
        start_job("exchange.answer", found, request.user, _("Apply the answers to %(file)s"))
        messages.success(request, _("All answers given so far are being applied."))
    return redirect("departments:batch", uid=uid)


@policy(Permission.LIST_UPLOAD)
@require_safe
def marked(request, uid):
    """Give the workbook back with its faulty cells marked."""
    found = find(request, uid, *SHOWN, BatchState.UNDONE)
    if found.file.deleted_at:
        messages.warning(
            request, _("The file is past its keeping time and was deleted. Upload it again if you need it.")
        )
        return redirect("departments:batch", uid=uid)
    content = marking.marked_workbook(found)
    record("import.marked", request=request, target=f"import:{found.pk}", detail={"rows": found.rows})
    return FileResponse(
        io.BytesIO(content), as_attachment=True, filename=marking.file_name(found),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )  # fmt: skip
