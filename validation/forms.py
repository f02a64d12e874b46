"""The filter of the worklists, and the forms of what people do with a finding."""

import datetime as dt
from urllib.parse import urlencode

from django import forms
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from poverty import declarations, scope, sealedfiles
from regions.models import LEVEL_LENGTHS
from validation import score
from validation.models import FindingState, Verdict

GROUPS = {
    "ID": _("ID · identity"),
    "HH": _("HH · household structure"),
    "CD": _("CD · consistency"),
    "IN": _("IN · income"),
    "AS": _("AS · assistance"),
    "PF": _("PF · projects and funds"),
    "XD": _("XD · departments' lists"),
    "MO": _("MO · monitoring"),
    "ZD": _("ZD · rules of our own"),
}
SEVERITIES = {"E": _("E · error"), "W": _("W · warning"), "I": _("I · hint")}
STATES = {
    "": _("open"),
    **{value: label for value, label in FindingState.choices if value != FindingState.CLOSED},
    "closed": _("closed"),
    "muted": _("settled until the data change"),
    "all": _("all states"),
}
STEPS = {
    "": _("all"),
    "check": _("clues to check on the spot"),
    "decide": _("checked, no verdict yet"),
    "second": _("waiting for a second look"),
    "follow": _("true, to be corrected"),
}
VERDICTS = {"": _("all"), "any": _("with a verdict"), **dict(Verdict.choices)}
OWNERS = {"": _("all"), "me": _("me"), "nobody": _("nobody yet")}
MOST_PHOTOS = 6
SOON = dt.timedelta(days=3)


def checked() -> Q:
    """Return the condition "checked on the spot since it was opened"."""
    return Q(checked_at__isnull=False, checked_at__gte=F("first_seen_at"))


def step(name: str) -> Q:
    """Return the condition of a step of STEPS, of open findings."""
    clue = ~Q(source="")
    return {
        "check": clue & Q(verdict="") & ~checked(),
        "decide": Q(verdict="") & checked(),
        "second": clue & ~Q(verdict="") & Q(confirmed_by__isnull=True),
        "follow": Q(verdict=Verdict.ERROR) | Q(verdict=Verdict.UPHELD, confirmed_by__isnull=False),
    }[name]


def rank() -> Case:
    """Return how heavy a finding is as a number, errors first."""
    cases = [When(severity=name, then=Value(number)) for number, name in enumerate(SEVERITIES, 1)]
    return Case(*cases, default=Value(len(SEVERITIES) + 1))


def one_of_each_record(findings, severity: str):
    """Return of every person and household the heaviest of `findings`; only those of `severity`, unless it is "all".

    This is the list behind the numbers of the data-quality score, which counts records and not findings.
    """
    heavier = findings.annotate(rank=rank()).filter(subject_kind=OuterRef("subject_kind"), subject=OuterRef("subject"))
    heavier = heavier.filter(Q(rank__lt=OuterRef("rank")) | Q(rank=OuterRef("rank"), pk__lt=OuterRef("pk")))
    found = findings.filter(subject_kind__in=score.KINDS).annotate(rank=rank()).filter(~Exists(heavier.order_by()))
    return found if severity == "all" else found.filter(severity=severity)


def sources() -> dict[str, str]:
    """Return the kinds of department lists that rules speak of, with their titles."""
    kinds = sorted({rule.source for rule in declarations.rules.values() if rule.source})
    return {kind: declarations.sheets[kind].title if kind in declarations.sheets else kind for kind in kinds}


class FindingFilterForm(forms.Form):
    """Filters of the worklists; its parameters are addresses that the home page and other pages link to."""

    region = forms.CharField(label=_("Area"), required=False, max_length=15)
    group = forms.ChoiceField(label=_("Kind of rule"), required=False)
    rule = forms.RegexField(label=_("rule"), regex=r"^[A-Z]{2}[-0-9A-Z]{1,8}$", required=False, max_length=10)
    severity = forms.ChoiceField(label=_("severity"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False)
    owner = forms.CharField(label=_("handled by"), required=False, max_length=12, widget=forms.Select)
    overdue = forms.BooleanField(label=_("Overdue"), required=False)
    soon = forms.BooleanField(label=_("Due within three days"), required=False, widget=forms.HiddenInput)
    source = forms.CharField(label=_("department's list"), required=False, max_length=30, widget=forms.Select)
    step = forms.ChoiceField(label=_("Next step"), required=False)
    verdict = forms.ChoiceField(
        label=_("verdict"), required=False, widget=forms.HiddenInput, choices=list(VERDICTS.items())
    )
    opened_run = forms.IntegerField(
        label=_("opened by the run"), required=False, min_value=1, max_value=2**31, widget=forms.HiddenInput
    )
    closed_run = forms.IntegerField(
        label=_("closed by the run"), required=False, min_value=1, max_value=2**31, widget=forms.HiddenInput
    )
    heaviest = forms.ChoiceField(
        label=_("One line a record, its heaviest"), required=False, widget=forms.HiddenInput,
        choices=[("", _("all")), ("all", _("all")), *SEVERITIES.items()],
    )  # fmt: skip
    at = forms.CharField(label=_("Open at"), required=False, max_length=40, widget=forms.HiddenInput)
    page = forms.CharField(required=False, max_length=10)

    def __init__(self, data=None, *args, user=None, **kwargs):
        super().__init__(data, *args, **kwargs)
        self.user = user
        for name, offered in (("group", GROUPS), ("severity", SEVERITIES)):
            self.fields[name].choices = [("", _("all")), *offered.items()]
        self.fields["state"].choices = list(STATES.items())
        self.fields["step"].choices = list(STEPS.items())
        self.fields["source"].widget.choices = [("", _("all")), ("any", _("any list")), *sources().items()]
        chosen = (self.data.get("owner") or "").strip()
        more = [(chosen, _("somebody chosen"))] if chosen.isdigit() else []
        self.fields["owner"].widget.choices = [*OWNERS.items(), *more]

    def clean_region(self):
        code = self.cleaned_data["region"]
        if code and not (code.isascii() and code.isdigit() and len(code) in LEVEL_LENGTHS.values()):
            raise forms.ValidationError(_("Choose a place from the list."))
        return code[: LEVEL_LENGTHS["village"]]

    def clean_owner(self):
        text = self.cleaned_data["owner"]
        if text and text not in OWNERS and not (text.isascii() and text.isdigit()):
            raise forms.ValidationError(_("Choose somebody from the list."))
        return text

    def clean_at(self):
        text = self.cleaned_data["at"]
        if not text:
            return ""
        try:
            moment = dt.datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError as error:
            raise forms.ValidationError(_("This filter cannot be read.")) from error
        if moment.tzinfo is None:
            raise forms.ValidationError(_("This filter cannot be read."))
        return moment.isoformat()

    @property
    def active(self) -> dict[str, object]:
        """Return the filters that were filled in."""
        if not self.is_valid():
            return {}
        return {name: value for name, value in self.cleaned_data.items() if value and name != "page"}

    def query_of(self, **instead) -> str:
        kept = {name: 1 if value is True else value for name, value in {**self.active, **instead}.items() if value}
        return urlencode(kept)

    @property
    def query(self) -> str:
        return self.query_of()

    def label_of(self, name: str) -> str:
        value = self.cleaned_data[name]
        if name == "at":
            return f"{timezone.localtime(dt.datetime.fromisoformat(value)):%Y-%m-%d %H:%M}"
        choices = getattr(self.fields[name], "choices", None) or getattr(self.fields[name].widget, "choices", ())
        return "" if value is True else str(dict(choices).get(value, value))

    def filter(self, findings):
        """Apply the filters that were filled in; a form with errors finds nothing."""
        if not self.is_valid():
            return findings.none()
        asked = self.cleaned_data
        state = asked["state"]
        if state == "closed":
            findings = findings.filter(closed_at__isnull=False)
        elif state == "muted":
            findings = findings.filter(closed_as="muted")
        elif asked["at"]:
            moment = dt.datetime.fromisoformat(asked["at"])
            findings = findings.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=moment), first_seen_at__lte=moment)
        elif state != "all":
            findings = findings.filter(closed_at__isnull=True)
            findings = findings.filter(state=state) if state else findings
        if asked["region"]:
            findings = findings.filter(scope.under("village_id", asked["region"]))
        if asked["group"]:
            lo, hi = scope.code_range(asked["group"])
            findings = findings.filter(rule__gte=lo, rule__lt=hi)
        if asked["closed_run"]:
            findings = findings.filter(closed_at__isnull=False)
        for name in ("rule", "severity", "opened_run", "closed_run"):
            if asked[name]:
                findings = findings.filter(**{name: asked[name]})
        if asked["owner"] == "me":
            findings = findings.filter(owner=self.user)
        elif asked["owner"] == "nobody":
            findings = findings.filter(owner__isnull=True)
        elif asked["owner"]:
            findings = findings.filter(owner_id=int(asked["owner"]))
        if asked["overdue"]:
            findings = findings.overdue(timezone.localdate())
        if asked["soon"]:
            today = timezone.localdate()
            findings = findings.open().filter(due_on__gte=today, due_on__lte=today + SOON)
        if asked["source"] == "any":
            findings = findings.exclude(source="")
        elif asked["source"]:
            findings = findings.filter(source=asked["source"])
        if asked["verdict"] == "any":
            findings = findings.exclude(verdict="")
        elif asked["verdict"]:
            findings = findings.filter(verdict=asked["verdict"])
        if asked["step"]:
            findings = findings.open().filter(step(asked["step"]))
        if asked["step"] == "second":
            findings = findings.exclude(verdict_by=self.user)  # nobody takes the second look at an own verdict
        return one_of_each_record(findings, asked["heaviest"]) if asked["heaviest"] else findings


class _Text(forms.Form):
    """A form with one text that says why."""

    text = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        min_length=2,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say why in a few words.")},
    )


class NoteForm(_Text):
    """A remark."""


class VerdictForm(forms.Form):
    """What was found out; only a true error needs no further word."""

    verdict = forms.ChoiceField(label=_("Verdict"), choices=Verdict.choices, widget=forms.RadioSelect)
    text = forms.CharField(label=_("Reason"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, data=None, *args, verdicts=Verdict.values, **kwargs):
        super().__init__(data, *args, **kwargs)
        self.fields["verdict"].choices = [(v, Verdict(v).label) for v in verdicts]

    def clean(self):
        asked = super().clean()
        quick = (Verdict.ERROR, "")
        if asked.get("verdict", "") not in quick and len(asked.get("text", "").strip()) < 2:
            self.add_error("text", _("Say why in a few words."))
        return asked


class SecondLookForm(forms.Form):
    """Another person's look at the verdict on a clue."""

    agree = forms.ChoiceField(choices=[("1", _("I agree")), ("0", _("Send it back"))], widget=forms.RadioSelect)
    text = forms.CharField(label=_("Reason"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self):
        asked = super().clean()
        if asked.get("agree") == "0" and len(asked.get("text", "").strip()) < 2:
            self.add_error("text", _("Say why in a few words."))
        return asked


class _Day(forms.DateField):
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **kwargs):
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)
        self.error_messages["invalid"] = _("Write the date as year-month-day, such as 2020-12-31.")


class AppealForm(_Text):
    """What the household's side says against a verdict, and when."""

    on = _Day(label=_("Said on"))

    def clean_on(self):
        day = self.cleaned_data["on"]
        if day > timezone.localdate() or day < timezone.localdate() - dt.timedelta(days=3660):
            raise forms.ValidationError(_("This day cannot be right."))
        return day


class DispatchForm(forms.Form):
    """To whom, and until when."""

    to = forms.ChoiceField(label=_("Who handles it"))
    due_on = _Day(label=_("due on"))
    text = forms.CharField(label=_("remark"), max_length=500, required=False)

    def __init__(self, data=None, *args, people=(), cadres=False, **kwargs):
        super().__init__(data, *args, **kwargs)
        first = [("cadre", _("the cadre of each village"))] if cadres else []
        self.fields["to"].choices = [*first, *[(str(one.pk), _who(one)) for one in people]]
        self.fields["to"].error_messages["invalid_choice"] = _("Choose somebody from the list.")

    def clean_due_on(self):
        day = self.cleaned_data["due_on"]
        if day < timezone.localdate() or day > timezone.localdate() + dt.timedelta(days=366):
            raise forms.ValidationError(_("Choose a day from today on, within a year."))
        return day


def _who(user) -> str:
    place = getattr(user, "place", "") or ""
    return " · ".join(part for part in (user.full_name or user.username, user.get_role_display(), place) if part)


class _Photos(forms.FileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Some pictures; what is none is refused by its content, whatever its name says."""

    def __init__(self, **kwargs):
        attrs = {"accept": "image/jpeg,image/png,image/webp", "capture": "environment", "multiple": True}
        super().__init__(widget=_Photos(attrs=attrs), **kwargs)

    def clean(self, data, initial=None):
        files = [one for one in (data if isinstance(data, list | tuple) else [data]) if one]
        if not files:
            return []
        if len(files) > MOST_PHOTOS:
            raise forms.ValidationError(_("Choose at most %(most)s pictures."), params={"most": MOST_PHOTOS})
        found = []
        for file in files:
            if file.size > sealedfiles.MAX_PICTURE:
                raise forms.ValidationError(_("A picture may have at most 8 MB."))
            content = file.read()
            kind = sealedfiles.picture_type(content)
            if not kind:
                raise forms.ValidationError(
                    _("“%(name)s” is no JPEG, PNG or WebP picture. Take the photo again."),
                    params={"name": str(file.name)[:60]},
                )
            found.append((content, kind))
        return found


class CheckForm(forms.Form):
    """A field check: what was seen, what the household says, photos with their position."""

    text = forms.CharField(
        label=_("What was seen on the spot"),
        max_length=1000,
        min_length=2,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write what was seen.")},
    )
    statement = forms.CharField(
        label=_("What the household says"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    proposes = forms.ChoiceField(label=_("In your view"), required=False)
    photos = PhotosField(label=_("Photos"), required=False)
    lon = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    lat = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    accuracy = forms.FloatField(required=False, min_value=0, max_value=1_000_000, widget=forms.HiddenInput)
    taken_at = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    unplaced = forms.CharField(
        label=_("Why there is no position"), max_length=200, required=False,
        help_text=_("Only when the phone finds none."),
    )  # fmt: skip

    def __init__(self, data=None, files=None, *, clue=False, verdicts=(), **kwargs):
        super().__init__(data, files, **kwargs)
        self.clue = clue
        self.fields["proposes"].choices = [("", _("not sure")), *[(v, Verdict(v).label) for v in verdicts]]
        if clue:
            self.fields["statement"].required = True
            self.fields["statement"].error_messages["required"] = _("Write what the household says to it.")

    def clean_taken_at(self):
        """Return the phone's time of the newest picture, if it tells a believable one."""
        try:
            moment = dt.datetime.fromisoformat(self.cleaned_data["taken_at"])
        except ValueError:
            return None
        if moment.tzinfo is None or not dt.timedelta(0) <= timezone.now() - moment < dt.timedelta(days=366):
            return None
        return moment

    def clean(self):
        asked = super().clean()
        placed = asked.get("lon") is not None and asked.get("lat") is not None
        if not placed:
            asked["lon"] = asked["lat"] = asked["accuracy"] = None
        if self.clue and "photos" not in self.errors and not asked.get("photos"):
            self.add_error("photos", _("A field check needs at least one photo."))
        if self.clue and not placed and len(asked.get("unplaced", "").strip()) < 2:
            self.add_error("unplaced", _("Take the position with the button, or say why there is none."))
        return asked
