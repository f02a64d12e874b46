"""The API's regions: the tree of one's own area."""

from django import forms
from django.db.models import Q
from django.urls import path
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from poverty.api import REGION, Asked, Found, ListView, OneView, Point, sliced
from poverty.doors import policy
from regions import picker
from regions.models import Level, VillageProfile
from regions.views import _region


class RegionRow(serializers.Serializer):
    code = serializers.CharField(help_text=_("code"))
    name = serializers.CharField(help_text=_("name"))
    short_name = serializers.CharField(help_text=_("short name"))
    level = serializers.ChoiceField(Level.choices, help_text=_("level"))
    parent = serializers.CharField(source="parent_code", help_text=_('code of the region above, "" for a province'))
    valid_to = serializers.DateField(allow_null=True, help_text=_("valid to"))
    successor = serializers.CharField(source="successor_id", allow_null=True, help_text=_("successor"))


class Profile(serializers.Serializer):
    total_households = serializers.IntegerField(allow_null=True, help_text=_("households in all"))
    total_population = serializers.IntegerField(allow_null=True, help_text=_("population in all"))
    rural_population = serializers.IntegerField(allow_null=True, help_text=_("rural registered population"))
    poor_village = serializers.BooleanField(allow_null=True, help_text=_("poor village"))
    broadband = serializers.BooleanField(allow_null=True, help_text=_("broadband"))
    year = serializers.IntegerField(allow_null=True, help_text=_("year"))


class Region(RegionRow):
    path = serializers.CharField(help_text=_("names of the regions above"))
    centroid = Point(allow_null=True, help_text=_("centre, EPSG:4326"))
    profile = Profile(allow_null=True, help_text=_("official facts of a village"))


class RegionFilterForm(forms.Form):
    under = forms.CharField(label=_("At or under this region"), required=False, max_length=15)
    level = forms.ChoiceField(label=_("level"), required=False, choices=[("", _("all")), *Level.choices])
    q = forms.CharField(label=_("Name or code"), required=False, max_length=100)

    def filter(self, regions):
        """Apply the filters that were filled in; a form with errors finds nothing."""
        if not self.is_valid():
            return regions.none()
        asked = self.cleaned_data
        if asked["under"]:
            regions = regions.under(asked["under"])
        if asked["level"]:
            regions = regions.at(asked["level"])
        if text := asked["q"].strip():
            regions = regions.filter(Q(name__contains=text) | Q(short_name__contains=text) | Q(code__startswith=text))
        return regions


class Regions(ListView):
    operation, title = "regions_list", _("Regions of one's own area")
    form_class = RegionFilterForm
    patterns = {"under": REGION}
    serializer_class = RegionRow

    def find(self, user, asked: Asked) -> Found:
        found = asked.form.filter(picker.regions_for(user).valid().defer("boundary", "centroid"))
        return sliced(found.order_by("code"), asked)


class OneRegion(OneView):
    operation, title = "regions_one", _("One region")
    path_patterns = {"code": REGION}
    serializer_class = Region

    def find(self, user, asked: Asked, code):
        region = _region(user, code)
        centre = region.centroid
        return {
            **{name: getattr(region, name) for name in ("code", "name", "short_name", "level", "valid_to")},
            "parent_code": region.parent_code,
            "successor_id": region.successor_id,
            "path": picker.with_path([region])[0].path,
            "centroid": {"lon": centre.x, "lat": centre.y} if centre else None,
            "profile": VillageProfile.objects.filter(village=region.pk).first(),
        }


urlpatterns = [
    path("regions/", policy("region.pick")(Regions.as_view()), name="regions"),
    path("regions/<str:code>/", policy("region.pick")(OneRegion.as_view()), name="region"),
]
