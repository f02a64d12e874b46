"""What an analysis is asked: place, year, line, whom to count, groups, dimensions, and which set of households."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from households.analysis import dimensions
from households.analysis.risks import LINES

OWN = "own"
LINE_TITLES = {
    "exit_growth": _("exit line growing by 6 percent a year"),
    "national_current": _("national line, current prices"),
    "province": _("line of the province"),
    "monitoring": _("monitoring range"),
    "marginal": _("line of marginal households"),
    "low_income": _("line of low income"),
    OWN: _("own amount"),
}
COUNTS = {"persons": _("persons"), "households": pgettext_lazy("unit", "households")}
GROUPS = {
    "region": _("regions in it"),
    "household_type": _("household type"),
    "status": _("status"),
    "main_cause": _("main cause"),
}
SETS = {
    "all": _("with an income of the year"),
    "poor": _("below the line"),
    "unknown": _("with data of the year, without income"),
    "judged": _("that can be judged in all dimensions"),
    "unjudged": _("with something unknown"),
    "mpoor": _("multidimensionally poor"),
    "deprived": _("deprived in the dimension"),
    "censored": _("multidimensionally poor and deprived in the dimension"),
    "measure": _("with the measure"),
    "measured": _("of which the measure is known"),
    "matched": _("with a measure that answers the cause"),
    "cause": _("with data of the year"),
    "risk": _("that have exited, by risk"),
}
NOTHING = "none"  # a group's value where nothing is stated


class AnalysisForm(forms.Form):
    """The choices all pages share. What is left out takes its default; what is wrong is said beside the field."""

    year = forms.TypedChoiceField(label=_("Year"), coerce=int, empty_value=None, required=False)
    line = forms.ChoiceField(label=_("Poverty line"), choices=list(LINE_TITLES.items()), required=False)
    amount = forms.DecimalField(
        label=_("Own amount (yuan per head and year)"), min_value=1, max_value=10_000_000, max_digits=10,
        decimal_places=2, required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )  # fmt: skip
    count = forms.ChoiceField(label=_("Unit counted"), choices=list(COUNTS.items()), required=False)
    by = forms.ChoiceField(label=_("Groups"), choices=list(GROUPS.items()), required=False)

    def __init__(self, data, *, years, year, line_of, **kwargs):
        """`years` are {year: households}, `year` is looked at by default; line_of(kind, year) gives a line or None."""
        data = data.copy()
        self.line_of = line_of
        if not data.get("year") and year:
            data["year"] = str(year)
        self._defaults(data, year)
        super().__init__(data, **kwargs)
        self.fields["year"].choices = [(str(one), one) for one in years]

    def _defaults(self, data, year) -> None:
        chosen = data["year"] if data.get("year") else ""
        chosen = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) == 4 else year
        if data.get("amount") and not data.get("line"):
            data["line"] = OWN
        if not data.get("line"):
            data["line"] = next((kind for kind in LINES if chosen and self.line_of(kind, chosen) is not None), OWN)
        for name, value in (("count", "persons"), ("by", "region")):
            if not data.get(name):
                data[name] = value

    def clean(self):
        asked = super().clean()
        kind, year = asked.get("line"), asked.get("year")
        if kind == OWN:
            if asked.get("amount") is None and "amount" not in self.errors:
                self.add_error("amount", _("Write the amount of the line."))
        elif kind and year:
            asked["amount"] = None
            if self.line_of(kind, year) is None:
                self.add_error("line", _("No such line is set for this year. Choose another one, or write an amount."))
        return asked

    @property
    def yuan(self) -> Decimal | None:
        """Return the line as one number: the typed one, or the one in force at the place."""
        asked = self.cleaned_data
        return asked["amount"] if asked["line"] == OWN else self.line_of(asked["line"], asked["year"])

    @property
    def query(self) -> dict[str, str]:
        """Return the choices as parameters of an address."""
        asked = self.cleaned_data
        found = {"year": asked["year"], "line": asked["line"], "count": asked["count"], "by": asked["by"]}
        if asked["line"] == OWN:
            found["amount"] = f"{asked['amount'].normalize():f}"
        return {name: str(value) for name, value in found.items() if value}

    @property
    def mark(self) -> tuple:
        """Return what changes when the choices do, or the line in force."""
        return sorted(self.query.items()), str(self.yuan)


class DimensionsForm(AnalysisForm):
    """The weights of the dimensions (`w_…`, parts of whatever they add up to) and the cut-off k in percent."""

    k = forms.IntegerField(label=_("Poor from (k, percent of all weights)"), min_value=1, max_value=100, required=False)

    def __init__(self, data, **kwargs):
        super().__init__(data, **kwargs)
        self.data = self.data.copy()
        asked = any(f"w_{key}" in self.data for key in dimensions.DIMENSIONS)
        for key, one in dimensions.DIMENSIONS.items():
            self.fields[f"w_{key}"] = forms.IntegerField(
                label=one.title, min_value=0, max_value=100, required=False,
                widget=forms.NumberInput(attrs={"min": 0, "max": 100}),
            )  # fmt: skip
            if not asked:
                self.data[f"w_{key}"] = str(one.weight)
        if not self.data.get("k"):
            self.data["k"] = str(dimensions.CUT_OFF)

    def clean(self):
        asked = super().clean()
        if not self.errors and not any(self.weights.values()):
            raise forms.ValidationError(_("At least one dimension needs a weight above zero."))
        return asked

    @property
    def weights(self) -> dict[str, int]:
        return {key: self.cleaned_data.get(f"w_{key}") or 0 for key in dimensions.DIMENSIONS}

    @property
    def weight_fields(self):
        return [self[f"w_{key}"] for key in dimensions.DIMENSIONS]

    @property
    def query(self) -> dict[str, str]:
        found = super().query | {"k": str(self.cleaned_data["k"])}
        return found | {f"w_{key}": str(value) for key, value in self.weights.items()}


class CausesForm(AnalysisForm):
    cause = forms.CharField(label=_("Main cause"), max_length=20, required=False, widget=forms.Select)

    def __init__(self, data, *, causes, **kwargs):
        super().__init__(data, **kwargs)
        self.fields["cause"].widget.choices = [("", _("all")), *causes]

    @property
    def query(self) -> dict[str, str]:
        cause = self.cleaned_data["cause"]
        return super().query | ({"cause": cause} if cause else {})


class SetForm(DimensionsForm):
    """Which households: a set of SETS, of one group or cause, by a measure or a band of risk."""

    set = forms.ChoiceField(choices=list(SETS.items()), required=False)
    group = forms.ChoiceField(choices=[(key, key) for key in GROUPS], required=False)
    value = forms.CharField(max_length=40, required=False)
    cause = forms.CharField(max_length=20, required=False)
    dimension = forms.ChoiceField(
        choices=[(key, one.title) for key, one in dimensions.DIMENSIONS.items()], required=False
    )
    measure = forms.ChoiceField(choices=[(key, one.title) for key, one in dimensions.MEASURES.items()], required=False)
    has = forms.ChoiceField(choices=[("1", "1"), ("0", "0")], required=False)
    band = forms.ChoiceField(choices=[("high", ""), ("middle", ""), ("low", "")], required=False)
    item = forms.CharField(max_length=20, required=False)
