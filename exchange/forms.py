"""Forms of imports and exports."""

from pathlib import PurePath

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.models import BatchState
from poverty import declarations
from poverty.declarations import Kind
from regions.forms import RegionField

ENDINGS = (".xlsx", ".xls", ".csv", ".txt")
FIRST_YEAR = 2010


def kinds() -> list[tuple[str, str]]:
    """Return the register's own sheets; departments' lists have pages of their own."""
    own = (sheet for sheet in declarations.sheets.values() if sheet.handler and not sheet.department)
    return [(sheet.kind, sheet.title) for sheet in own]


class UploadForm(forms.Form):
    """A file with what the file itself does not say: which sheet it is, of which year and day, for which area."""

    kind = forms.ChoiceField(label=_("Which sheet is it?"), choices=kinds, widget=forms.RadioSelect)
    file = forms.FileField(
        label=_("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.xls,.csv"}),
        help_text=_("Excel (.xlsx, .xls) or CSV, at most 50 MB. The column order is free."),
        error_messages={"required": _("Choose the file."), "empty": _("The file is empty. Choose it again.")},
    )
    year = forms.IntegerField(
        label=_("Year"),
        min_value=FIRST_YEAR,
        max_value=2100,
        help_text=_("The year the figures belong to. A year column in the file counts before it."),
    )
    as_of = forms.DateField(
        label=_("As-of date"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The day the data describe. Where two files differ, the newer day wins."),
    )
    region = RegionField(
        label=_("Area"),
        levels=("city", "county", "town", "village"),
        help_text=_("Rows outside this area are refused."),
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["region"].user = user
        self.fields["region"].initial = user.area_code
        today = timezone.localdate()
        self.fields["year"].initial = today.year if today.month >= 10 else today.year - 1
        self.fields["as_of"].initial = today
        if len(kinds()) == 1:
            self.fields["kind"].initial = kinds()[0][0]

    def clean_file(self):
        found = self.cleaned_data["file"]
        name = PurePath(found.name.replace("\\", "/")).name
        if found.size > settings.UPLOAD_LIMIT_BYTES:
            raise ValidationError(
                _("The file is larger than %(most)s MB. Split it, for example by town, and import the parts."),
                params={"most": settings.UPLOAD_LIMIT_BYTES >> 20},
            )
        if name.lower().endswith((".xlsm", ".xltm", ".xlsb")):
            raise ValidationError(_("The workbook can hold macros, which are never opened here. Save it as .xlsx."))
        if not name.lower().endswith(ENDINGS):
            raise ValidationError(_("This is no table. Choose an .xlsx, .xls or .csv file."))
        found.name = name[-255:]
        return found

    def clean_as_of(self):
        day = self.cleaned_data["as_of"]
        if day > timezone.localdate():
            raise ValidationError(_("This day has not come yet. Enter the day the data describe."))
        if day.year < FIRST_YEAR:
            raise ValidationError(_("This day is too long ago. Enter the day the data describe."))
        return day


class ModeForm(forms.Form):
    mode = forms.ChoiceField(choices=[("good", _("good rows")), ("all", _("all or nothing"))])


class UndoForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It stands in the history of every value that is put back."),
        error_messages={"required": _("Say why the import is undone.")},
    )

    def clean_reason(self):
        return " ".join(self.cleaned_data["reason"].split())


class BatchFilterForm(forms.Form):
    """Filters of the list of imports."""

    kind = forms.ChoiceField(label=_("Sheet"), required=False, choices=lambda: [("", _("all")), *kinds()])
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("all")), ("open", _("to be dealt with")), *BatchState.choices]
    )

    def filter(self, found):
        if not self.is_valid():
            return found.none()
        if self.cleaned_data["kind"]:
            found = found.filter(kind=self.cleaned_data["kind"])
        if self.cleaned_data["state"] == "open":
            return found.filter(state__in=OPEN) | found.filter(state=BatchState.MERGED, asked__gt=0)
        return found.filter(state=self.cleaned_data["state"]) if self.cleaned_data["state"] else found


OPEN = [BatchState.UPLOADED, BatchState.READING, BatchState.PREVIEWED, BatchState.MERGING, BatchState.HELD]


class ExportForm(forms.Form):
    """What is taken away, and in which form. `rows` is the number that was shown when it was confirmed."""

    kind = forms.ChoiceField(choices=kinds)
    format = forms.ChoiceField(choices=[("xlsx", _("Excel (.xlsx)")), ("csv", _("CSV (.csv)"))])
    full = forms.BooleanField(required=False)
    rows = forms.IntegerField(min_value=0)
    reason = forms.CharField(label=_("Reason"), max_length=500, required=False)

    def clean_reason(self):
        return " ".join(self.cleaned_data["reason"].split())

    def clean(self):
        data = super().clean()
        if data.get("full") and not data.get("reason"):
            self.add_error("reason", _("Say what the full data are needed for."))
        return data


class LabelForm(forms.Form):
    """What a remembered label means."""

    code = forms.ChoiceField(label=_("Means"), required=False)

    def __init__(self, *args, label, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].choices = [("", _("leave blank")), *choices_of(label.sheet, label.field)]


def choices_of(kind: str, name: str) -> list[tuple[str, str]]:
    """Return the codes a label of this field can mean."""
    sheet = declarations.sheets.get(kind)
    column = next((column for column in sheet.columns if column.field == name), None) if sheet else None
    if column is None:
        return []
    return [("是", _("yes")), ("否", _("no"))] if column.kind == Kind.YES_NO else list(column.codes.choices)
