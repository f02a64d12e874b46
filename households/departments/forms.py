"""Forms of departments' lists."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role
from exchange.forms import UploadForm
from households.departments import sheets
from households.departments.importing import LEGAL_BASIS
from poverty import declarations

# Words of a unit's name that tell which department it is, beside the department's own name.
SHORT = {
    "市场监督管理局": ("市场监管", "市监局", "工商"),
    "人力资源和社会保障局": ("人社", "社保"),
    "医疗保障局": ("医保",),
    "住房和城乡建设局": ("住建", "住房城乡建设"),
    "残疾人联合会": ("残联",),
    "自然资源局": ("不动产", "国土"),
    "农业农村局": ("农机", "农业局"),
    "公安局": ("公安", "派出所"),
    "教育局": ("教育", "教体局"),
    "民政局": ("民政",),
    "财政局": ("财政",),
    "司法局": ("司法",),
}


def kinds_of(user) -> list[str]:
    """Return the kinds of lists that `user` may send.

    An office may send all. A line department sends those of its own department, told by its unit or name (教育局: school
    rolls); where these tell nothing it may send none until the system administrator has filled in its unit.
    """
    if user.role != Role.DEPARTMENT:
        return list(sheets.KINDS)
    name = f"{user.unit} {user.full_name}"
    own = [
        kind
        for kind in sheets.KINDS
        for department in [declarations.sheets[kind].department]
        if any(word in name for word in (department, *SHORT.get(department, ())))
    ]
    return own


class ListForm(forms.Form):
    """A department's list with what the file does not say: which list, as of which day, from whom, on what basis."""

    kind = forms.ChoiceField(label=_("Which list is it?"))
    file = forms.FileField(
        label=_("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.xls,.csv"}),
        help_text=_("Excel (.xlsx, .xls) or CSV, at most 50 MB. The column order is free."),
        error_messages={"required": _("Choose the file."), "empty": _("The file is empty. Choose it again.")},
    )
    as_of = forms.DateField(
        label=_("As-of date"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The day the list describes. A newer list takes the place of the former one."),
    )
    sender = forms.CharField(
        label=_("Sender"), max_length=200, required=False,
        help_text=_("The department the list comes from; by default the usual one of such lists."),
    )  # fmt: skip
    legal_basis = forms.CharField(
        label=_("Purpose and legal basis"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What the list is used for, and what allows it."),
        error_messages={"required": _("Say what the list may be used for.")},
    )
    clean_file = UploadForm.clean_file
    clean_as_of = UploadForm.clean_as_of

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        kinds = kinds_of(user)
        self.fields["kind"].choices = [(kind, declarations.sheets[kind].title) for kind in kinds]
        self.fields["kind"].initial = kinds[0] if len(kinds) == 1 else None
        self.fields["as_of"].initial = timezone.localdate()
        self.fields["legal_basis"].initial = LEGAL_BASIS
        if user.role == Role.DEPARTMENT:
            del self.fields["sender"]  # it is the department itself

    def clean_sender(self):
        return " ".join(self.cleaned_data["sender"].split())

    def clean_legal_basis(self):
        return " ".join(self.cleaned_data["legal_basis"].split())


class AnswerForm(forms.Form):
    """The sender's answer where the list was found wrong."""

    text = forms.CharField(
        label=_("Answer"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Write what your own records say.")},
    )

    def clean_text(self):
        return self.cleaned_data["text"].strip()
