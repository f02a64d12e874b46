"""The dated settings: which values are in force in one's area, what held before, and a new value from a day on."""

import datetime

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from poverty import config as dated
from poverty.doors import policy, record
from poverty.models import ConfigValue
from regions.models import Region


class ValueForm(forms.Form):
    """A new value for one's own area."""

    value = forms.CharField(
        label=gettext_lazy("New value"), max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    valid_from = forms.DateField(
        label=gettext_lazy("In force from"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    note = forms.CharField(
        label=gettext_lazy("Source or reason"),
        min_length=2,
        max_length=300,
        help_text=gettext_lazy(
            "The document and its number, or why the value is changed. Everybody can read it later."
        ),
    )

    # The key of a value that begins on the same day: the page offers it once that has been found out.
    replaces = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def clean_value(self):
        return dated.parse(self.cleaned_data["value"])

    def clean_valid_from(self):
        day = self.cleaned_data["valid_from"]
        if not datetime.date(1949, 1, 1) <= day <= datetime.date(2100, 1, 1):
            raise ValidationError(_("Please check the year."), code="year")
        return day


def _names(rows) -> dict[str, str]:
    codes = {row.region for row in rows if row.region}
    return {"": _("whole country"), **dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))}


@policy("config.edit")
@require_safe
def config(request):
    """Every setting with the value in force here today."""
    today, area = timezone.localdate(), request.user.area_code
    rows = list(dated.concerning(request.user))
    places = _names(rows)
    by_key: dict[str, list[ConfigValue]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    groups = []
    for title, settings in (
        (_("Poverty lines and monitoring range"), dated.LINES),
        (_("Thresholds of the data rules and limits"), dated.THRESHOLDS),
    ):
        items = []
        for setting in settings:
            found = by_key.get(setting.key, [])
            now = [
                row
                for row in found
                if row.valid_from <= today
                and (row.valid_to is None or row.valid_to > today)
                and area.startswith(row.region)
            ]
            row = max(now, key=lambda row: len(row.region), default=None)
            last = max(found, key=lambda row: (row.valid_from, row.pk), default=None)
            items.append(
                {
                    "setting": setting,
                    "row": row,
                    "last": None if row else last,
                    "place": places.get(row.region, row.region) if row else "",
                    "count": len(found),
                }
            )
        groups.append({"title": title, "rows": items})
    return render(request, "regions/config.html", {"groups": groups, "today": today})


@policy("config.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def setting(request, key):
    """One setting with its history, and a new value for the user's own area."""
    chosen = dated.SETTINGS.get(key)
    if chosen is None:
        raise Http404
    area = request.user.area_code
    form = ValueForm(request.POST or None, initial={"value": request.GET.get("value", "")[:20]})
    taken, effects, seen = None, [], ""
    if request.method == "POST" and form.is_valid() and area:
        data = form.cleaned_data
        seen = f"{data['value']} {data['valid_from']}"
        if request.POST.get("seen") != seen:
            effects = _effects(chosen, data, area, request.user, form)
    if request.method == "POST" and form.is_valid() and area and not effects:
        try:
            row = dated.set_value(
                key, data["value"], area, data["valid_from"], request.user, data["note"], replaces=data["replaces"]
            )
        except ValidationError as error:
            taken = error.code == "taken" and data["valid_from"]
            form.add_error("valid_from" if taken else "value", error)
        else:
            record(
                "config.set",
                request=request,
                target=f"config:{key}",
                reason=data["note"],
                detail={"region": area, "value": str(row.value.normalize()), "valid_from": str(row.valid_from)},
            )
            for _effects_of, changed in dated.watchers:
                changed(key, area, data["valid_from"], request.user)
            messages.success(
                request,
                _("From %(day)s on the new value holds in your area. The values before stay on file.")
                % {"day": row.valid_from},
            )
            return redirect("regions:setting", key)
    rows = list(dated.concerning(request.user).filter(key=key).order_by("-valid_from", "-region", "-pk"))
    places = _names(rows)
    for row in rows:
        row.place = places.get(row.region, row.region)
    today = timezone.localdate()
    there = (row for row in rows if row.valid_from == taken and row.region == area and not row.replaced)
    context = {"setting": chosen, "rows": rows, "form": form, "area_code": area, "today": today}
    context.update(there=next(there, None), effects=effects, seen=seen)
    return render(request, "regions/setting.html", context, status=422 if form.is_bound and not effects else 200)


def _effects(chosen, data, area: str, user, form) -> list:
    """Return what the value would change; a value that does not fit the key is told on the form instead."""
    try:
        chosen.check(data["value"])
    except ValidationError as error:
        form.add_error("value", error)
        return []
    found = []
    for effects, _changed in dated.watchers:
        found += effects(chosen.key, data["value"], area, data["valid_from"], user)
    return found
