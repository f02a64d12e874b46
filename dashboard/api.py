"""The API's figures: what the battle map shows, with its age and the address of the rows behind each number."""

import datetime as dt
from decimal import ROUND_HALF_UP

from django import forms
from django.http import Http404
from django.urls import path
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.decorators import policy
from accounts.roles import Permission
from dashboard import figures
from dashboard.board import whole_area
from dashboard.charts import unit_text
from poverty import scope
from poverty.api import REGION, Asked, Found, ListView, OneView
from poverty.declarations import indicators
from regions.models import LEVEL_LENGTHS, Region

MOST_MONTHS = 24


def number(help_text, **more) -> serializers.Field:
    return serializers.DecimalField(24, 4, rounding=ROUND_HALF_UP, normalize_output=True, help_text=help_text, **more)


class Measured(serializers.Serializer):
    numerator = number(_("numerator"))
    denominator = number(_("denominator"), allow_null=True)
    value = number(_("what is shown; null: unknown"), allow_null=True)
    made_at = serializers.DateTimeField(allow_null=True, help_text=_("as of"))
    rows = serializers.CharField(
        source="url", help_text=_("address of the rows behind it, where the reader may see them")
    )


class FigureRow(serializers.Serializer):
    key = serializers.CharField(help_text=_("figure"))
    title = serializers.CharField(help_text=_("title"))
    unit = serializers.CharField(help_text=_("unit"))
    good = serializers.CharField(help_text=_("up: more is better, down: less is"))
    source = serializers.CharField(help_text=_("what is counted, of which year"))
    region = serializers.CharField(help_text=_('region\'s code, "" for the country or single households'))
    month = serializers.CharField(help_text=_("month, such as 2020-12"))
    now = Measured(allow_null=True, help_text=_("the figure; null: none is kept of this month"))


class FigureOfRegion(Measured):
    region = serializers.CharField(help_text=_("region's code"))
    name = serializers.CharField(help_text=_("name"))


class FigureOfMonth(Measured):
    month = serializers.CharField(help_text=_("month, such as 2020-12"))


class FigurePart(serializers.Serializer):
    part = serializers.CharField(help_text=_("part"))
    label = serializers.CharField(help_text=_("in words"))
    number = number(_("number"))
    rows = serializers.CharField(help_text=_("address of the rows behind it, where the reader may see them"))


class FigureFlow(serializers.Serializer):
    start = serializers.CharField(help_text=_("from"))
    end = serializers.CharField(help_text=_("to"))
    number = number(_("number"))
    rows = serializers.CharField(help_text=_("address of the rows behind it, where the reader may see them"))


class FigureFile(FigureRow):
    children = FigureOfRegion(many=True, help_text=_("the regions one level below"))
    parts = FigurePart(many=True, help_text=_("what it consists of"))
    flows = FigureFlow(many=True, help_text=_("who moved from where to where"))
    series = FigureOfMonth(many=True, help_text=_("the last months, the oldest first"))


class FigureFilterForm(forms.Form):
    region = forms.CharField(label=_("Area"), required=False, max_length=15)
    month = forms.CharField(label=_("Month, such as 2020-12"), required=False, max_length=7)

    def clean_region(self):
        return self.cleaned_data["region"][: LEVEL_LENGTHS["village"]]

    def clean_month(self):
        text = self.cleaned_data["month"]
        return dt.date(int(text[:4]), int(text[5:7]), 1) if text else None


PATTERNS = {"region": REGION, "month": r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$"}


def place_of(user, asked: str) -> str:
    """Return the region to look at, by default the user's whole area; Http404 outside of it."""
    if not asked:
        return whole_area(user)
    lo, hi = scope.code_range(asked)
    if not any(part.lo < hi and lo < part.hi for part in user.scope_ranges()):
        raise Http404
    if not Region.objects.filter(pk=asked).exists():
        raise Http404
    return asked


def _row(key: str, region: str, month: dt.date, value) -> dict:
    declared = indicators[key]
    return {
        "key": key,
        "title": _now(str(declared.title)),
        "unit": unit_text(str(declared.unit)),
        "good": declared.good,
        "source": _now(str(declared.source)) if declared.source else "",
        "region": region,
        "month": f"{month:%Y-%m}",
        "now": value,
    }


def _measured(value: figures.Value) -> dict:
    return {name: getattr(value, name) for name in ("numerator", "denominator", "value", "made_at", "url")}


class Figures(ListView):
    operation, title = "figures_list", _("All figures of one region")
    form_class = FigureFilterForm
    patterns = PATTERNS
    serializer_class = FigureRow
    may_be_absent = True

    def find(self, user, asked: Asked) -> Found:
        region = place_of(user, asked.form.cleaned_data["region"])
        month = asked.form.cleaned_data["month"] or figures.latest()
        keys = [key for key, declared in indicators.items() if declared.series is None]
        shown = keys[(asked.page - 1) * asked.size :][: asked.size]
        found = figures.many(user, shown, [region], month)
        return Found(len(keys), [_row(key, region, month, found[key].get(region)) for key in shown])


class OneFigure(OneView):
    operation, title = "figures_one", _("One figure of a region: below it, its parts, and its months")
    path_patterns = {"key": r"^[A-Za-z0-9]{1,10}$"}
    form_class = FigureFilterForm
    patterns = PATTERNS
    serializer_class = FigureFile

    def find(self, user, asked: Asked, key):
        if key not in indicators:
            raise Http404
        region = place_of(user, asked.form.cleaned_data["region"])
        month = asked.form.cleaned_data["month"] or figures.latest()
        declared = indicators[key]
        below = {} if declared.series is not None else figures.children(user, key, region, month)
        names = dict(Region.objects.filter(pk__in=below).values_list("pk", "name")) if below else {}
        series = figures.series(user, key, region, None if declared.series else figures.months(region)[:MOST_MONTHS])
        return {
            **_row(
                key, region, month, None if declared.series else figures.values(user, key, [region], month).get(region)
            ),
            "children": [
                {"region": code, "name": names.get(code, code), **_measured(value)} for code, value in below.items()
            ],
            "parts": [
                {"part": part, "label": label, "number": count, "rows": url}
                for part, label, count, url in ([] if declared.series else figures.parts(user, key, region, month))
            ],
            "flows": [
                {"start": start, "end": end, "number": count, "rows": url}
                for start, end, count, url in (figures.flows(user, key, region, month) if declared.flow else ())
            ],
            "series": [{"month": f"{day:%Y-%m}", **_measured(value)} for day, value in series],
        }


urlpatterns = [
    path("figures/", policy(Permission.FIGURES_VIEW)(Figures.as_view()), name="figures"),
    path("figures/<str:key>/", policy(Permission.FIGURES_VIEW)(OneFigure.as_view()), name="figure"),
]
