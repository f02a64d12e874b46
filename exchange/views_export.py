"""Exports with their approvals, blank templates, and the labels that were answered once."""

import re

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header, urlencode
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy
from accounts.masks import View
from accounts.roles import Permission
from exchange import approvals, exporting, templates_out
from exchange.forms import ExportForm, LabelForm, choices_of, kinds
from exchange.models import ExportRequest, RememberedLabel
from poverty import config, declarations

PER_PAGE = 50
OWN = {"kind", "format", "full", "csrfmiddlewaretoken", "page"}
LONG_NUMBER = re.compile(r"\d{14,}")


def _query(request) -> str:
    """Return the list's own filters of the address; an identity number never goes on from there."""
    pairs = [(key, value) for key, value in request.GET.items() if key not in OWN and value]
    return urlencode([(key, value) for key, value in pairs if key == "region" or not LONG_NUMBER.search(value)])[:1000]


def _export(request, kind: str, *, full: bool = False, reason: str = "") -> exporting.Export:
    query = _query(request)
    year = request.GET.get("year", "")
    region = request.GET.get("region", "")
    region = region if region.isascii() and region.isdigit() and region.startswith(request.user.area_code) else ""
    return exporting.Export(
        kind, request.user, region=region or request.user.area_code, query=query, full=full, reason=reason,
        year=int(year) if re.fullmatch(r"(19|20)\d\d", year, re.ASCII) else None,
    )  # fmt: skip


@policy(Permission.EXPORT_RUN)
def export(request):
    """Say exactly what an export would contain; make it when that is confirmed."""
    kind = request.POST.get("kind") or request.GET.get("kind") or next(iter(dict(kinds())))
    if kind not in dict(kinds()):
        raise Http404
    form = ExportForm(request.POST or None)
    wants_full = (request.POST if request.method == "POST" else request.GET).get("full") in ("1", "on", "true")
    if wants_full and not exporting.may_export_full(request.user):
        raise PermissionDenied
    reason = form.cleaned_data.get("reason", "") if form.is_bound and form.is_valid() else ""
    found = _export(request, kind, full=wants_full, reason=reason)
    if form.is_bound and form.is_valid():
        if form.cleaned_data["rows"] != found.count:
            messages.warning(
                request,
                _("The list has changed while you looked: it has %(rows)s rows now. Please confirm again.")
                % {"rows": f"{found.count:,}"},
            )
        elif found.needs_second_person() and not _approved(request, found):
            return redirect("exchange:requests")
        else:
            found.note_in_audit(request)
            return _file(found, form.cleaned_data["format"])
    return _confirm_page(request, form, found, kind, wants_full)


def _confirm_page(request, form, found, kind: str, wants_full: bool):
    approval = approvals.find(found, request.user) if found.needs_second_person() else None
    if approval and not form.is_bound:
        form = ExportForm(initial={"reason": approval.reason})
    context = {
        "form": form, "export": found, "kind": kind, "kinds": kinds(), "full": wants_full, "query": _query(request),
        "masked": found.headers_with(View.MASKED), "left_out": found.headers_with(View.NOTHING),
        "may_full": exporting.may_export_full(request.user), "limit": config.integer("export.approval_rows", found.region),
        "second": found.needs_second_person(), "approval": approval, "filters": dict(request.GET.items()).keys() - OWN,
    }  # fmt: skip
    return render(request, "exchange/export.html", context, status=422 if form.is_bound and form.errors else 200)


def _approved(request, found) -> bool:
    """Use another person's approval, or ask for one."""
    approval = approvals.find(found, request.user)
    if approval and approvals.use(approval, request.user):
        return True
    asked = approvals.ask(found, request.user, request)
    text = (
        _("Another person of your office has to approve this export. Your request is on this page.")
        if asked.is_new
        else _("Your request waits for another person's approval.")
    )
    messages.info(request, text)
    return False


def _file(found, form: str):
    answer = StreamingHttpResponse(exporting.stream(found, form), content_type=exporting.FORMATS[form])
    answer.headers["Content-Disposition"] = content_disposition_header(True, found.file_name(form))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@policy(Permission.EXPORT_FULL, Permission.EXPORT_APPROVE)
@require_safe
def requests(request):
    """Full exports that wait for another person, and what became of earlier ones."""
    found = ExportRequest.objects.visible_to(request.user).select_related("requested_by", "approved_by", "region")
    found = found.defer("region__boundary", "region__centroid").order_by("-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    shown = [asked.pk for asked in page.object_list]
    decidable = ExportRequest.objects.visible_to(request.user).decidable_by(request.user).filter(pk__in=shown)
    decidable = set(decidable.values_list("pk", flat=True))
    for asked in page.object_list:
        asked.title = declarations.sheets[asked.kind].title
        asked.filtered = bool(QueryDict(asked.query).keys() - {"region", "year"})
        asked.mine = asked.requested_by_id == request.user.pk
        asked.decidable = asked.pk in decidable
        asked.usable = asked.mine and asked.approved_at and not asked.used_at
        asked.address = (
            f"{reverse('exchange:export')}?{asked.query}{'&' if asked.query else ''}kind={asked.kind}&full=1"
        )
    return render(request, "exchange/requests.html", {"page": page})


@policy(Permission.EXPORT_APPROVE)
@require_POST
def decide(request, uid):
    """Approve or refuse somebody else's full export."""
    asked = get_object_or_404(ExportRequest.objects.visible_to(request.user), uid=uid)
    approve = request.POST.get("decision") == "approve"
    if not approvals.decide(asked=asked, by=request.user, approve=approve, request=request):
        messages.info(request, _("Somebody has decided on this request already."))
    elif approve:
        messages.success(request, _("Approved. The person who asked can make the file once within seven days."))
    else:
        messages.success(request, _("Refused. The person who asked sees it on this page."))
    return redirect("exchange:requests")


@policy(Permission.IMPORT_RUN, Permission.EXPORT_RUN)
@require_safe
def template(request, kind):
    """Give the blank template of a sheet."""
    if kind not in dict(kinds()):
        raise Http404
    forms = declarations.sheets[kind].forms
    form = request.GET.get("form", "")
    if form and form not in forms:
        raise Http404
    title = forms[form][0] if form else declarations.sheets[kind].title
    made = import_string(forms[form][1])() if form else templates_out.blank_workbook(kind)
    answer = HttpResponse(made, content_type=exporting.FORMATS["xlsx"])
    name = f"{title}_空白模板.xlsx"
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    return answer


@policy(Permission.IMPORT_RUN)
@require_safe
def labels(request):
    """The labels that somebody explained once in the county, and what they were taken to mean."""
    found = RememberedLabel.objects.visible_to(request.user).select_related("set_by")
    found = found.order_by("sheet", "field", "text")
    if text := request.GET.get("q", "").strip()[:100]:
        found = found.filter(text__contains=text)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    for label in page.object_list:
        _dress(label)
        label.form = LabelForm(label=label, initial={"code": label.code}, auto_id=f"label{label.pk}_%s")
    return render(request, "exchange/labels.html", {"page": page, "q": text})


def _dress(label: RememberedLabel) -> None:
    sheet = declarations.sheets.get(label.sheet)
    column = next((column for column in sheet.columns if column.field == label.field), None) if sheet else None
    label.title = sheet.title if sheet else label.sheet
    label.header = column.header if column else label.field
    label.means = dict(choices_of(label.sheet, label.field)).get(label.code, label.code)


@policy(Permission.IMPORT_RUN)
@require_POST
def label(request, pk):
    """Correct or remove what a label was taken to mean; imports from now on follow it."""
    found = get_object_or_404(RememberedLabel.objects.visible_to(request.user), pk=pk)
    target = f"label:{found.pk}"
    if request.POST.get("remove"):
        found.delete()
        record("import.label_removed", request=request, target=target, detail={"text": found.text, "code": found.code})
        messages.success(
            request, _("“%(text)s” is forgotten; the next file with it is asked about again.") % {"text": found.text}
        )
        return redirect("exchange:labels")
    form = LabelForm(request.POST, label=found)
    if form.is_valid():
        before, found.code, found.set_by = found.code, form.cleaned_data["code"], request.user
        found.save(update_fields=["code", "set_by"])
        record(
            "import.label_changed",
            request=request,
            target=target,
            detail={"text": found.text, "before": before, "code": found.code},
        )
        messages.success(
            request,
            _("Saved. Imports from now on read “%(text)s” so; what was imported before stays.") % {"text": found.text},
        )
    else:
        messages.error(request, _("Choose one of the offered meanings."))
    return redirect("exchange:labels")
