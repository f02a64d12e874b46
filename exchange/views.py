"""Imports: the list, the upload, one import from file to result, and its undoing."""

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission
from exchange import batches, queries
from exchange import undo as undoing
from exchange.forms import BatchFilterForm, ModeForm, UndoForm, UploadForm, kinds
from exchange.messages import note_text, refusal_text
from exchange.models import BatchState, ImportBatch
from jobs import engine
from jobs.models import Job, State
from poverty import declarations

PER_PAGE = 30
FORECAST_ROWS = 5_000  # what undoing would do is worked out at once up to here, above by a job
FORECAST_MINUTES = 30
UNDER_WAY = (BatchState.UPLOADED, BatchState.READING, BatchState.MERGING)
SHOWN = (BatchState.PREVIEWED, BatchState.MERGED, BatchState.HELD)


def own_sheets() -> list[str]:
    return [kind for kind, _title in kinds()]


def find(request, uid, *states: BatchState) -> ImportBatch:
    """Return an import in the user's area, in one of `states`; outside of it and absent are the same."""
    found = ImportBatch.objects.visible_to(request.user).select_related("file", "created_by", "region")
    found = found.defer("region__boundary", "region__centroid").filter(uid=uid, kind__in=own_sheets()).first()
    if found is None or (states and found.state not in states):
        raise Http404
    found.title = declarations.sheets[found.kind].title
    return found


def job_of(batch: ImportBatch) -> Job | None:
    """Return the job that works on an import."""
    return Job.objects.filter(subject=batch.pk, task__startswith="exchange.", state__in=engine.UNDER_WAY).last()


def household_link(uid: str) -> str:
    """Return the address of a household's file; "" where there is no such page, or no household yet."""
    try:
        return reverse("households:detail", args=[uid]) if uid else ""
    except NoReverseMatch:
        return ""


def crumbs_of(batch: ImportBatch, *more: str) -> list[dict]:
    found = [{"name": _("Imports"), "url": reverse("exchange:list")}]
    found.append({"name": batch.file_name, "url": reverse("exchange:batch", args=[batch.uid])})
    return found + [{"name": name} for name in more]


@policy(Permission.IMPORT_RUN)
@require_safe
def batch_list(request):
    """All imports of the user's area, the newest first."""
    form = BatchFilterForm(request.GET)
    found = ImportBatch.objects.visible_to(request.user).filter(kind__in=own_sheets())
    found = (
        form.filter(found.select_related("created_by", "region"))
        .defer("region__boundary", "region__centroid", "meta", "reconciliation")
        .order_by("-id")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    for batch in page.object_list:
        batch.title = declarations.sheets[batch.kind].title
    return render(
        request,
        "exchange/list.html",
        {"form": form, "page": page, "filtered": form.is_valid() and any(form.cleaned_data.values())},
    )


@policy(Permission.IMPORT_RUN)
def upload(request):
    """Take a file in and have it read; the same file under way leads to that import."""
    form = UploadForm(
        request.POST or None, request.FILES or None, user=request.user, initial={"kind": request.GET.get("kind", "")}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            batch = batches.create(
                kind=data["kind"], name=data["file"].name, data=data["file"].read(), region=data["region"].pk,
                year=data["year"], as_of=data["as_of"], by=request.user,
            )  # fmt: skip
        except batches.Repeated as repeated:
            return _repeated(request, repeated.batch)
        record(
            "import.uploaded",
            request=request,
            target=f"import:{batch.pk}",
            detail={"kind": batch.kind, "region": batch.region_id},
        )
        start_job("exchange.read", batch, request.user, _("Read %(file)s"))
        return _go(request, reverse("exchange:batch", args=[batch.uid]))
    sheets = [declarations.sheets[kind] for kind, _title in form.fields["kind"].choices]
    return render(
        request, "exchange/upload.html", {"form": form, "sheets": sheets}, status=422 if form.is_bound else 200
    )


def _repeated(request, batch: ImportBatch):
    if not job_of(batch) and batch.state in UNDER_WAY:
        # A command may be at it, or has left it behind.
        batches.give_up_if_left(batch)
        batch = ImportBatch.objects.visible_to(request.user).get(pk=batch.pk)
        if batch.state == BatchState.DISCARDED:
            messages.warning(
                request, _("An earlier import of this file was broken off and is given up now. Please upload it again.")
            )
            return _go(request, reverse("exchange:upload"))
    messages.info(request, _("This file is being imported already; here is that import. Nothing was uploaded twice."))
    return _go(request, reverse("exchange:batch", args=[batch.uid]))


def _go(request, address: str):
    """Go on to a page; a script that uploads is told where, or it would use up the page's messages itself."""
    if request.headers.get("X-Upload") == "1":
        return JsonResponse({"location": address})
    return redirect(address)


def start_job(task: str, batch: ImportBatch, user, title: str) -> Job:
    link = reverse("exchange:batch", args=[batch.uid])
    return engine.enqueue(task, batch.pk, by=user, title=title % {"file": batch.file_name}, link=link)


@policy(Permission.IMPORT_RUN)
@require_safe
def batch(request, uid):
    """One import: where it stands, what it would do or did, and what to do next."""
    found = find(request, uid)
    context = {"batch": found, "crumbs": crumbs_of(found)[:-1] + [{"name": found.file_name}], **_progress(found)}
    if found.state == BatchState.REFUSED:
        context["refusal"] = refusal_text(found.refusal_code, found.refusal.get("params"))
    elif found.state in SHOWN or found.state == BatchState.UNDONE:
        context["groups"] = queries.fault_groups(found, request.user)
        context["open"], context["answered"] = queries.question_counts(found, request.user)
        context["notes"] = [note_text(note) for note in found.meta.get("notes", ())]
        context["sheets"] = found.meta.get("sheets", ())
        context["totals"] = [line for line in queries.stated_totals(found) if line.fits is False]
        context["faulty"] = any(
            group.counts["stop"] or group.counts["ask"] or group.counts["note"] for group in context["groups"]
        )
        context["good"] = found.new + found.changed + found.unchanged
        context["has_file"] = found.file.deleted_at is None
    return render(request, "exchange/batch.html", context)


def _progress(batch: ImportBatch) -> dict:
    """Return the running job with the seconds it has left, and the step the import is at."""
    job = job_of(batch)
    if job:
        job.seconds_left = None
        if job.state == State.RUNNING and job.started_at and 3 <= job.progress < 100:
            spent = (timezone.now() - job.started_at).total_seconds()
            job.seconds_left = int(spent * (100 - job.progress) / job.progress) + 1
    step = {
        BatchState.UPLOADED: 2, BatchState.READING: 2, BatchState.REFUSED: 2, BatchState.FAILED: 2,
        BatchState.PREVIEWED: 3, BatchState.HELD: 3, BatchState.DISCARDED: 3,
    }.get(batch.state, 4)  # fmt: skip
    names = [_("Upload"), _("Read and check"), _("Look and confirm"), _("Result")]
    steps = [
        {"name": name, "number": at, "state": "done" if at < step else "now" if at == step else ""}
        for at, name in enumerate(names, 1)
    ]
    return {"job": job, "steps": steps, "step": step}


@policy(Permission.IMPORT_RUN)
@require_safe
def status(request, uid):
    """The progress line, asked for by itself; when the work has ended the page is loaded anew."""
    found = find(request, uid)
    context = {"batch": found, **_progress(found)}
    if context["job"] is None and found.state not in UNDER_WAY:
        answer = HttpResponse(status=286)
        answer.headers["HX-Refresh"] = "true"
        return answer
    return render(request, "exchange/_progress.html", context)


@policy(Permission.IMPORT_RUN)
@require_POST
def merge(request, uid):
    """Have the rows written, as the person chose."""
    found = find(request, uid, BatchState.PREVIEWED, BatchState.HELD, BatchState.MERGING)
    form = ModeForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose which rows are to be written."))
        return redirect("exchange:batch", uid=uid)
    if found.state != BatchState.MERGING and batches.confirm(found, form.cleaned_data["mode"]):
        record(
            "import.confirmed",
            request=request,
            target=f"import:{found.pk}",
            detail={"mode": form.cleaned_data["mode"], "rows": found.rows},
        )
        start_job("exchange.merge", found, request.user, _("Import %(file)s"))
    return redirect("exchange:batch", uid=uid)


@policy(Permission.IMPORT_RUN)
@require_POST
def discard(request, uid):
    """Give up an import that was not merged."""
    found = find(request, uid, BatchState.PREVIEWED, BatchState.HELD)
    if found.merged_at is None and job_of(found) is None and batches.discard(found):
        record("import.discarded", request=request, target=f"import:{found.pk}")
        messages.success(
            request,
            _("The import of %(file)s was given up. Nothing of it is in the register.") % {"file": found.file_name},
        )
    return redirect("exchange:list")


@policy(Permission.IMPORT_RUN)
@require_POST
def again(request, uid):
    """Read a file again whose reading was interrupted."""
    found = find(request, uid, BatchState.FAILED, BatchState.UPLOADED, BatchState.READING)
    if job_of(found) is None and found.file.deleted_at is None:
        other = ImportBatch.objects.visible_to(request.user).filter(
            kind=found.kind, region=found.region_id, sha256=found.sha256, state__in=batches.UNDER_WAY
        )
        if other := other.exclude(pk=found.pk).first():
            return _repeated(request, other)
        ImportBatch.objects.visible_to(request.user).filter(pk=found.pk).update(state=BatchState.UPLOADED)
        start_job("exchange.read", found, request.user, _("Read %(file)s"))
    return redirect("exchange:batch", uid=uid)


@policy(Permission.IMPORT_RUN)
def undo(request, uid):
    """Say what undoing would do, and do it when the person still wants it and says why."""
    found = find(request, uid, BatchState.MERGED)
    form = UndoForm(request.POST or None)
    if request.method == "POST" and request.POST.get("step") == "forecast":
        start_job("exchange.forecast", found, request.user, _("Work out undoing %(file)s"))
        return redirect("exchange:undo", uid=uid)
    if request.method == "POST" and form.is_valid() and job_of(found) is None:
        ImportBatch.objects.visible_to(request.user).filter(pk=found.pk).update(
            meta={**found.meta, "undo_reason": form.cleaned_data["reason"]}
        )
        record("import.undone", request=request, target=f"import:{found.pk}", reason=form.cleaned_data["reason"])
        start_job("exchange.undo", found, request.user, _("Undo %(file)s"))
        return redirect("exchange:batch", uid=uid)
    context = {"batch": found, "form": form, "crumbs": crumbs_of(found, _("Undo")), **_progress(found)}
    forecast = _forecast(found, request.user)
    if forecast:
        forecast.setdefault("kept_count", len(forecast["kept"]))
        context |= {"forecast": forecast, "kept": _kept(found, forecast)}
    return render(request, "exchange/undo.html", context, status=422 if form.is_bound and form.errors else 200)


def _forecast(batch: ImportBatch, user) -> dict | None:
    """Return what undoing would do: worked out now, or lately by a job of this user; None: not known yet."""
    if batch.rows <= FORECAST_ROWS:
        return undoing.forecast(batch, by=user)
    fresh = Q(finished_at__gt=timezone.now() - timedelta(minutes=FORECAST_MINUTES))
    job = Job.objects.filter(
        fresh, task="exchange.forecast", subject=batch.pk, created_by=user, state=State.DONE
    ).last()
    return job.result if job else None


def _kept(batch: ImportBatch, forecast: dict) -> list[dict]:
    """Return what cannot be put back, in words."""
    models = {model._meta.model_name: model for model in batches.handler(batch).undo_models}
    lines = []
    for one in forecast["kept"][:50]:
        model = models[one["table"]]
        fields = _names(model, one["columns"])
        link = household_link(one["row"]) if one["table"] == "household" else ""
        lines.append({"what": model._meta.verbose_name, "fields": fields, "link": link})
    return lines


def _names(model, columns: list[str]) -> list[str]:
    """Return what stored columns are called; a sealed value, its index and its check are one thing to people."""
    fields = {field.column: field for field in model._meta.concrete_fields}
    names = []
    for column in columns:
        sealed = column.rpartition("_")[0] + "_sealed"
        names.append(str(fields.get(sealed, fields[column]).verbose_name))
    return list(dict.fromkeys(names))
