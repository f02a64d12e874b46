"""A form field for a region of the user's area, and the forms of the region pages."""

from django import forms
from django.core.exceptions import ValidationError
from django.forms.widgets import Script
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from regions import picker
from regions.models import Region, VillageProfile


class RegionPicker(forms.TextInput):
    """A plain list where few regions are to choose from, else a text field that suggests as one types.

    Without scripts the text field takes an official code or a full name.
    """

    class Media:
        css = {"all": ["css/region-picker.css"]}
        js = [Script("js/region-picker.js", defer=True)]

    levels: tuple[str, ...] = ()
    user = None

    def render(self, name, value, attrs=None, renderer=None):
        chosen = self._chosen(value)
        few = picker.few(self.user, levels=self.levels) if self.user else None
        context = {
            "name": name,
            "value": chosen.pk if chosen else (value or ""),
            "label": chosen.name if chosen else (value or ""),
            "attrs": {**self.attrs, **(attrs or {})},
            "regions": few,
            "levels": ",".join(self.levels),
            "url": reverse("regions:search"),
        }
        return render_to_string("regions/_picker.html", context)

    def _chosen(self, value) -> Region | None:
        code = str(getattr(value, "pk", value) or "")
        if not (self.user and code.isascii() and code.isdigit()):
            return None
        return picker.regions_for(self.user).only(*picker.BRIEF).filter(pk=code).first()


class RegionField(forms.Field):
    """A valid region of the user's area, of one of `levels`. `user` may be given later: `form.fields[…].user = user`."""

    widget = RegionPicker
    default_error_messages = {
        "none": _("There is no such place in your area. Choose one from the list, or write its official code."),
        "many": _("Several places have this name. Choose one from the list, or write its official code."),
    }

    def __init__(self, *, levels=(), user=None, **kwargs):
        super().__init__(**kwargs)
        self.levels = tuple(levels)
        self.widget.levels = self.levels
        self.user = user

    def __deepcopy__(self, memo):
        copy = super().__deepcopy__(memo)
        copy.widget.levels = self.levels
        copy.widget.user = self._user
        return copy

    @property
    def user(self):
        return self._user

    @user.setter
    def user(self, user):
        self._user = self.widget.user = user

    def prepare_value(self, value):
        return getattr(value, "pk", value)

    def clean(self, value) -> Region | None:
        text = str(value or "").strip()[:200]
        if not text:
            self.validate(None)
            return None
        found = picker.exact(self.user, text, levels=self.levels) if self.user else []
        if not found:
            raise ValidationError(self.error_messages["none"], code="none")
        if len(found) > 1:
            raise ValidationError(self.error_messages["many"], code="many")
        return found[0]

    def has_changed(self, initial, data):
        return str(getattr(initial, "pk", initial) or "") != str(data or "").strip()


YES_NO = [("", "—"), ("true", _("yes")), ("false", _("no"))]


class VillageProfileForm(forms.ModelForm):
    """The official facts of a village; a blank means unknown."""

    poor_village = forms.TypedChoiceField(
        label=_("Poor village"), choices=YES_NO, required=False, coerce=lambda text: text == "true", empty_value=None
    )
    broadband = forms.TypedChoiceField(
        label=_("Broadband"), choices=YES_NO, required=False, coerce=lambda text: text == "true", empty_value=None
    )
    year = forms.IntegerField(label=_("Year of these figures"), required=False, min_value=1949, max_value=2100)

    class Meta:
        model = VillageProfile
        fields = ["total_households", "total_population", "rural_population", "poor_village", "broadband", "year"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("total_households", "total_population", "rural_population"):
            self.fields[name].max_value = 1_000_000
            self.fields[name].widget.attrs.update(min=0, max=1_000_000, inputmode="numeric")
        for name in ("poor_village", "broadband"):
            value = self.initial.get(name)
            self.initial[name] = "" if value is None else str(value).lower()

    def clean(self):
        data = super().clean()
        total, rural = data.get("total_population"), data.get("rural_population")
        if total is not None and rural is not None and rural > total:
            self.add_error("rural_population", _("There cannot be more rural people than people in all."))
        for name in ("total_households", "total_population", "rural_population"):
            if (data.get(name) or 0) > 1_000_000:
                self.add_error(name, _("This is more than any village has. Please check the figure."))
        return data


class HamletForm(forms.Form):
    name = forms.CharField(label=_("Name of the hamlet"), max_length=100)
