"""One's own long work: a page, and the line that stays in sight while it goes on."""

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.audit import record
from accounts.decorators import policy
from accounts.roles import Permission
from jobs import engine
from jobs.models import Job, State

STOP_POLLING = 286  # htmx: swap this in and ask no more
SHOW_ENDED_SECONDS = 90
SHOWN = 3  # on the line; the page shows all


def own(user):
    return Job.objects.filter(created_by=user)


def _dress(jobs):
    """Give each job the seconds it took or has left, as far as they can be told."""
    now = timezone.now()
    for job in jobs:
        job.under_way = job.state in engine.UNDER_WAY
        job.left = ""
        if job.state == State.RUNNING and job.started_at and 3 <= job.progress < 100:
            spent = (now - job.started_at).total_seconds()
            job.left = _span(int(spent * (100 - job.progress) / job.progress) + 1)
        job.seconds = (
            int((job.finished_at - job.started_at).total_seconds()) if job.finished_at and job.started_at else None
        )
    return jobs


def _span(seconds: int) -> str:
    if seconds < 100:
        text = ngettext("about %(count)d second left", "about %(count)d seconds left", seconds)
        return text % {"count": seconds}
    minutes = round(seconds / 60)
    return ngettext("about %(count)d minute left", "about %(count)d minutes left", minutes) % {"count": minutes}


@policy(Permission.SELF_SERVICE)
@require_safe
@vary_on_headers("HX-Request")
def job_list(request):
    """My jobs; asked for again every two seconds while one of them is under way."""
    page = Paginator(own(request.user).order_by("-id"), 30).get_page(request.GET.get("page"))
    _dress(page.object_list)
    active = any(job.under_way for job in page.object_list)
    context = {"page": page, "active": active}
    if request.htmx and not request.htmx.history_restore_request:
        status = 200 if active or request.headers.get("X-Background") != "1" else STOP_POLLING
        return render(request, "jobs/_list.html", context, status=status)
    return render(request, "jobs/list.html", context)


@policy(Permission.SELF_SERVICE)
@require_safe
def line(request):
    """What goes on or has just ended, for the foot of every page."""
    just_now = Q(finished_at__gt=Now() - timedelta(seconds=SHOW_ENDED_SECONDS))
    jobs = _dress(list(own(request.user).filter(Q(state__in=engine.UNDER_WAY) | just_now).order_by("-id")[:SHOWN]))
    active = any(job.under_way for job in jobs)
    polled = request.headers.get("X-Background") == "1"
    status = STOP_POLLING if polled and not active else 200
    return render(request, "jobs/_line.html", {"jobs": jobs, "active": active}, status=status)


def _own_job(user, uid) -> Job:
    job = own(user).filter(uid=uid).first()
    if job is None:
        raise Http404
    return _dress([job])[0]


@policy(Permission.SELF_SERVICE)
@require_safe
@vary_on_headers("HX-Request")
def detail(request, uid):
    """One job; its fragment for pages that wait for it."""
    job = _own_job(request.user, uid)
    context = {"job": job, "active": job.under_way}
    if request.htmx and not request.htmx.history_restore_request:
        return render(request, "jobs/_job.html", context, status=200 if job.under_way else STOP_POLLING)
    return render(request, "jobs/detail.html", context)


@policy(Permission.SELF_SERVICE)
@require_POST
def cancel(request, uid):
    """Stop a job: it ends at its next step, and nothing of it is kept by halves."""
    job = _own_job(request.user, uid)
    if job.under_way:
        state = engine.cancel(job)
        record("job.cancelled", request=request, target=f"job:{job.pk}", detail={"task": job.task})
        text = (
            _("The work is stopped.")
            if state == State.CANCELLED
            else _("The work stops at its next step; this may take a few seconds.")
        )
        if not request.htmx:
            messages.info(request, text)
    if request.htmx:
        job = _own_job(request.user, uid)
        return render(request, "jobs/_job.html", {"job": job, "active": job.under_way})
    return redirect("jobs:list")
