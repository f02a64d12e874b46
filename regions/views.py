"""Pages of the tree: search for pickers, a region with its children and village profile."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Sum
from django.db.models.functions import Left
from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from poverty.doors import policy, record
from regions import actions, picker
from regions.forms import HamletForm, VillageProfileForm
from regions.models import LEVEL_LENGTHS, Level, Region, VillageProfile

LEVELS = list(LEVEL_LENGTHS)


def _levels(request) -> list[str]:
    return [level for level in request.GET.get("levels", "").split(",") if level in LEVEL_LENGTHS]


@policy("region.pick")
@require_safe
@vary_on_headers("HX-Request")
def search(request):
    """Places of the user's area whose name or code fits, as JSON for scripts or as a list for htmx."""
    found = picker.search(request.user, request.GET.get("q", ""), levels=_levels(request))
    if request.htmx:
        return render(request, "regions/_options.html", {"results": found})
    return JsonResponse({"results": [_brief(region) for region in found]})


def _brief(region) -> dict:
    return {
        "code": region.pk,
        "name": region.name,
        "level": region.level,
        "level_label": str(Level(region.level).label),
        "path": getattr(region, "path", ""),
    }


@policy("region.pick")
@require_safe
def children(request):
    """The regions right below one of the user's area; without a code the top of the area."""
    code = request.GET.get("code", "")
    if code:
        found = _below(request.user, _region(request.user, code)).valid()
    else:
        found = picker.regions_for(request.user).valid().filter(pk=request.user.area_code)
    return JsonResponse({"results": [_brief(region) for region in found.only(*picker.BRIEF)[:2000]]})


def _region(user, code: str) -> Region:
    """Return a region of the user's area; outside of it and absent are the same."""
    found = picker.regions_for(user).defer("boundary").filter(pk=code[:15]).first()
    if found is None:
        raise Http404
    return found


def _below(user, region: Region):
    """Return the regions right below; where a level is left out (cities without counties), those of the next one."""
    found = picker.regions_for(user).under(region.pk)
    for level in LEVELS[LEVELS.index(region.level) + 1 :]:
        if found.filter(level=level).exists():
            return found.filter(level=level)
    return found.none()


@policy("region.pick")
@require_safe
def villages(request):
    """The page of the user's own area."""
    if request.user.area_code and picker.regions_for(request.user).filter(pk=request.user.area_code).exists():
        return redirect("regions:detail", request.user.area_code)
    return render(request, "regions/none.html")


@policy("region.pick")
@require_safe
def detail(request, code):
    region = _region(request.user, code)
    return render(request, "regions/detail.html", _context(request, region))


def _context(request, region, **more) -> dict:
    user = request.user
    rows = list(
        _below(user, region)
        .defer("boundary", "centroid")
        .annotate(has_boundary=Q(boundary__isnull=False))
        .select_related("profile")
    )
    if rows and rows[0].level in (Level.CITY, Level.COUNTY, Level.TOWN):
        _add_totals(region, rows)
    for row in rows:
        if row.level == Level.VILLAGE:
            profile = getattr(row, "profile", None)
            row.households = profile.total_households if profile else None
            row.population = profile.total_population if profile else None
            row.poor = profile.poor_village if profile else None
    return {
        "region": region,
        "crumbs": _crumbs(user, region),
        "rows": rows,
        "level_label": Level(rows[0].level).label if rows else "",
        "profile": VillageProfile.objects.filter(village=region).first() if region.level == Level.VILLAGE else None,
        "has_boundary": Region.objects.filter(pk=region.pk, boundary__isnull=False).exists(),
        "may_edit": region.level == Level.VILLAGE and user.may("household.edit"),
        "may_add_hamlet": region.level == Level.VILLAGE
        and (user.may("household.edit") or user.may("household.propose")),
        "hamlet_form": HamletForm(),
        **more,
    }


def _add_totals(region, rows) -> None:
    """Give the children the sums of the village profiles below them; one query."""
    length = len(rows[0].pk)
    found = (
        VillageProfile.objects.filter(village__in=Region.objects.under(region.pk).valid().values("pk"))
        .annotate(above=Left("village_id", length))
        .values("above")
        .annotate(
            households=Sum("total_households"),
            population=Sum("total_population"),
            poor=Count("pk", filter=Q(poor_village=True)),
        )
    )
    sums = {each["above"]: each for each in found}
    for row in rows:
        each = sums.get(row.pk, {})
        row.households, row.population = each.get("households"), each.get("population")
        row.poor = each.get("poor", 0)


def _crumbs(user, region) -> list[dict]:
    """Return the path; regions above the user's area are named, not linked."""
    codes = [*region.ancestor_codes(), region.pk]
    known = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
    own = set(picker.regions_for(user).filter(pk__in=codes).values_list("pk", flat=True))
    return [
        {"name": known[code], "url": reverse("regions:detail", args=[code]) if code in own else ""}
        for code in codes
        if code in known and (len(code) > 2 or code in own)
    ]


@policy("household.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def profile_edit(request, code):
    region = _region(request.user, code)
    if region.level != Level.VILLAGE:
        raise Http404
    profile = VillageProfile.objects.filter(village=region).first() or VillageProfile(village=region)
    form = VillageProfileForm(request.POST or None, instance=profile)
    if request.method == "POST" and form.is_valid():
        changed = form.changed_data
        form.save()
        if changed:
            detail = {name: form.cleaned_data[name] for name in changed}
            record("village.profile_changed", request=request, target=f"region:{region.pk}", detail=detail)
        messages.success(request, _("The village profile of %(name)s is saved.") % {"name": region.name})
        return redirect("regions:detail", region.pk)
    status = 422 if form.is_bound else 200
    return render(request, "regions/profile.html", _context(request, region, form=form), status=status)


@policy("household.edit", "household.propose")
@require_POST
def hamlet_add(request, code):
    region = _region(request.user, code)
    form = HamletForm(request.POST)
    if form.is_valid():
        try:
            hamlet = actions.add_hamlet(village=region, name=form.cleaned_data["name"])
        except ValidationError as error:
            form.add_error("name", error)
        else:
            record("hamlet.added", request=request, target=f"region:{hamlet.pk}", detail={"name": hamlet.name})
            messages.success(
                request, _("The hamlet %(name)s has the number %(code)s.") % {"name": hamlet.name, "code": hamlet.pk}
            )
            return redirect("regions:detail", region.pk)
    return render(request, "regions/detail.html", _context(request, region, hamlet_form=form), status=422)
