"""The filter form of the register: one for the list, its export and the API."""

from urllib.parse import urlencode

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard import figures
from households import codes
from households.models import HouseholdYear, Member
from poverty import scope
from regions.models import LEVEL_LENGTHS
from validation.models import Finding

NONE = "none"  # the word for "nothing stated"
FIRST_YEAR = 2014
SORTS = {
    "": ("village_id", "household_no"),
    "number": ("household_no",),
    "-number": ("-household_no",),
    "village": ("village_id", "household_no"),
    "-village": ("-village_id", "-household_no"),
    "head": ("head_name", "household_no"),
    "-head": ("-head_name", "-household_no"),
    "exit_year": ("exit_year", "village_id", "household_no"),
    "-exit_year": ("-exit_year", "-village_id", "-household_no"),
    "net": ("net", "village_id", "household_no"),
    "-net": ("-net", "-village_id", "-household_no"),
}
SORT_LABELS = {
    "": _("village and household number"),
    "number": _("household number"),
    "-number": _("household number, downwards"),
    "village": _("village"),
    "-village": _("village, downwards"),
    "head": _("head's name"),
    "-head": _("head's name, downwards"),
    "exit_year": _("exit year"),
    "-exit_year": _("exit year, latest first"),
    "net": _("net income per head, lowest first"),
    "-net": _("net income per head, highest first"),
}
# Kept sums per village know these; any other filter is counted on the rows themselves.
COUNTED = {"region", "status", "type", "cause", "exit_year", "sort", "page"}


def years() -> list[int]:
    return list(range(timezone.localdate().year, FIRST_YEAR - 1, -1))


class AnyOf(forms.CharField):
    """A choice among offered values that lets others through: a faulty value that is stored can be filtered for."""

    def __init__(self, offered, empty, **kwargs):
        self.offered, self.empty = offered, empty
        super().__init__(required=False, max_length=40, widget=forms.Select, **kwargs)

    def offer(self, chosen: str) -> None:
        choices = [(str(value), label) for value, label in self.offered()]
        if self.empty:
            choices.append((NONE, self.empty))
        if chosen and chosen not in dict(choices):
            choices.append((chosen, chosen))
        self.widget.choices = [("", _("all")), *choices]


class HouseholdFilterForm(forms.Form):
    """Filters of the register. Its parameters are addresses that the home page and the map link to."""

    region = forms.CharField(label=_("Area"), required=False, max_length=15)
    status = AnyOf(lambda: codes.STATUS.choices, _("not stated"), label=_("Status"))
    type = AnyOf(lambda: codes.HOUSEHOLD_TYPE.choices, _("not stated"), label=_("Household type"))
    cause = AnyOf(lambda: codes.CAUSE.choices, _("not stated"), label=_("Main cause"))
    exit_year = AnyOf(lambda: [(y, y) for y in years()], _("no exit year"), label=_("Exit year"))
    year = AnyOf(lambda: [(y, y) for y in years()], "", label=_("Has data of"))
    unplaced = forms.BooleanField(label=_("Without position"), required=False)
    findings = forms.BooleanField(label=_("With findings"), required=False)
    q = forms.CharField(label=_("Name or household number"), required=False, max_length=100)
    figure = forms.CharField(label=_("Behind the figure"), required=False, max_length=10, widget=forms.HiddenInput)
    part = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    sort = forms.ChoiceField(label=_("Sorted by"), choices=[], required=False)
    page = forms.CharField(required=False, max_length=10)

    def __init__(self, data=None, *args, reader=None, **kwargs):
        """`reader` is who asks, where `filter` is not told: what is behind a figure not everybody may know."""
        super().__init__(data, *args, **kwargs)
        self.reader = reader
        self.fields["sort"].choices = [(key, SORT_LABELS.get(key, key)) for key in SORTS]
        for name, field in self.fields.items():
            if isinstance(field, AnyOf):
                field.offer((self.data.get(name) or "").strip())

    def clean_region(self):
        code = self.cleaned_data["region"]
        if code and not (code.isascii() and code.isdigit() and len(code) in LEVEL_LENGTHS.values()):
            raise forms.ValidationError(_("Choose a place from the list."))
        # Households stand at villages: a hamlet shows those of its village.
        return code[: LEVEL_LENGTHS["village"]]

    def clean_year(self):
        return self._year("year")

    def clean_exit_year(self):
        return self._year("exit_year")

    def _year(self, name: str):
        text = self.cleaned_data[name]
        if text in ("", NONE):
            return text
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 6):
            raise forms.ValidationError(_("A year is four digits."))
        return int(text)

    def clean(self):
        asked = super().clean()
        if asked.get("figure") and figures.listed(asked["figure"], asked.get("part", "")) is None:
            self.add_error("figure", _("This filter cannot be read."))
        elif asked.get("part") and not asked.get("figure"):
            asked["part"] = ""
        return asked

    def clean_sort(self):
        return self.cleaned_data["sort"]

    @property
    def active(self) -> dict[str, object]:
        """Return the filters that were filled in."""
        if not self.is_valid():
            return {}
        return {k: v for k, v in self.cleaned_data.items() if v not in ("", None, False) and k not in ("sort", "page")}

    @property
    def query(self) -> str:
        """Return the filters as a query string: what an export of exactly this list is asked with."""
        return urlencode({name: 1 if value is True else value for name, value in self.active.items()})

    def without(self, name: str) -> str:
        """Return the query string without one filter."""
        left = {name, "part"} if name == "figure" else {name}
        kept = {key: 1 if value is True else value for key, value in self.active.items() if key not in left}
        if self.cleaned_data.get("sort"):
            kept["sort"] = self.cleaned_data["sort"]
        return "?" + urlencode(kept)

    @property
    def counted(self) -> bool:
        """Tell whether kept sums know the number of rows."""
        return self.is_valid() and set(self.active) <= COUNTED

    def may_be_asked_by(self, user) -> bool:
        """Tell whether `user` may know which rows are behind the figure that is asked for."""
        key = self.cleaned_data.get("figure")
        return not key or (user is not None and figures.may_open(user, figures.indicators[key]))

    def filter(self, households, user=None):
        """Apply the filters that were filled in; a form with errors finds nothing.

        Without a user, what filters compare with is what row-level security shows (exports and other engine work).
        What is behind a figure is found by the reader's scope in the database: such a list is asked for inside it.
        """

        def seen(model):
            return model.objects.visible_to(user) if user is not None else model.objects.in_scope()

        if not self.is_valid():
            return households.none()
        asked = self.cleaned_data
        if asked["region"]:
            households = households.filter(scope.under("village_id", asked["region"]))
        for name, column in (("status", "status"), ("type", "household_type"), ("cause", "main_cause")):
            if asked[name] == NONE:
                households = households.filter(Q(**{f"{column}__isnull": True}) | Q(**{column: ""}))
            elif asked[name]:
                households = households.filter(**{column: asked[name]})
        if asked["exit_year"] == NONE:
            households = households.filter(Q(exit_year__isnull=True) | Q(exit_year=0))
        elif asked["exit_year"] != "":
            households = households.filter(exit_year=asked["exit_year"])
        if asked["year"] not in ("", NONE):
            households = households.filter(
                Exists(
                    seen(HouseholdYear).filter(
                        household_id=OuterRef("pk"), year=asked["year"], withdrawn_at__isnull=True
                    )
                )
            )
        if asked["unplaced"]:
            households = households.filter(position__isnull=True)
        if asked["findings"]:
            households = households.filter(pk__in=seen(Finding).filter(closed_at__isnull=True).values("household_id"))
        if asked["figure"]:
            if not self.may_be_asked_by(user or self.reader):
                return households.none()
            households = households.filter(
                pk__in=figures.households_behind(asked["figure"], asked["part"], asked["region"])
            )
        if asked["q"]:
            households = households.filter(self._matching(asked["q"].strip(), asked["region"], seen(Member)))
        return households

    @staticmethod
    def _matching(text: str, region: str, people) -> Q:
        """Households whose number holds `text`, or one of whose members' names does; the range comes first."""
        people = people.filter(withdrawn_at__isnull=True, name__contains=text)
        if region:
            people = people.filter(scope.under("village_id", region))
        found = Q(pk__in=people.values("household_id"))
        if text.isascii():
            found |= Q(household_no__contains=text.upper()) | Q(household_no__contains=text)
        return found
