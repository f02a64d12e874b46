"""Edit forms of the register, built from the table of sections, and the comparison that two editors need.

A form carries the values it was made from (`base`, signed); what is sent back is compared with them, so that only
what this person changed is written, and what somebody else has changed meanwhile is shown, not overwritten.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal

from django import forms
from django.core import signing
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.masks import View
from households import sections
from households.keys import Key, parse
from households.models import Household
from households.present import Viewer, plain_of
from households.sections import Field
from poverty import idnumber
from poverty.fields import YuanFormField

SALT = "households.edit"
MAX_AGE_S = 24 * 3600
KEEP = object()  # a sealed field that was left blank
DECIMAL = re.compile(r"-?\d{1,9}(\.\d{1,3})?", re.ASCII)
INTEGER = re.compile(r"-?\d{1,9}", re.ASCII)


class TypedField(forms.Field):
    """A field typed as text that becomes something else; nothing typed is None."""

    def __init__(self, *, max_length=20, **kwargs):
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("maxlength", max_length)

    def to_python(self, value):
        text = str(value or "").strip()
        return self.read(text) if text else None


class DecimalTextField(TypedField):
    """A number of up to three decimals, in ASCII digits."""

    def read(self, text):
        if not DECIMAL.fullmatch(text):
            raise forms.ValidationError(_("Write a number in digits, with at most three decimals."))
        return Decimal(text)


class IntegerTextField(TypedField):
    def read(self, text):
        if not INTEGER.fullmatch(text):
            raise forms.ValidationError(_("Write a whole number in digits."))
        return int(text)


class PlainDateField(TypedField):
    """A day as 2020-12-31; the browser's own calendar is offered."""

    widget = forms.DateInput(attrs={"type": "date"})

    def read(self, text):
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or day.year < 1800 or len(text) != 10:
            raise forms.ValidationError(_("Write the date as year-month-day, such as 2020-12-31."))
        return day


YES_NO = [("", "—"), ("1", _("yes")), ("0", _("no"))]


def form_field(of: Field, stored, viewer: Viewer) -> forms.Field:
    """Return the form field for a field; a stored code outside the list stays choosable."""
    common = {"label": of.label, "required": False}
    if of.kind == "sealed":
        widget = forms.TextInput(attrs={"autocomplete": "off", "data-nodraft": True, "inputmode": "text"})
        return forms.CharField(max_length=64, widget=widget, **common)
    if of.kind == "yuan":
        return YuanFormField(**common)
    if of.kind == "decimal":
        return DecimalTextField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
    if of.kind == "integer":
        return IntegerTextField(max_length=10, widget=forms.TextInput(attrs={"inputmode": "numeric"}), **common)
    if of.kind == "date":
        return PlainDateField(max_length=10, **common)
    if of.kind == "yes_no":
        return forms.ChoiceField(choices=YES_NO, **common)
    if of.codes:
        known = [stored] if isinstance(stored, str) else list(stored or ())
        extra = [(code, code) for code in known if code not in of.codes.labels]
        if of.kind == "codes":
            return forms.MultipleChoiceField(
                choices=[*of.codes.choices, *extra], widget=forms.CheckboxSelectMultiple, **common
            )
        return forms.ChoiceField(choices=[("", "—"), *of.codes.choices, *extra], **common)
    if of.name == "name":
        common["required"] = True
    return forms.CharField(max_length=of.model_field.max_length, **common)


def raw(of: Field, plain) -> list[str]:
    """Return what a browser sends for a plain value."""
    if plain is None:
        return [] if of.kind == "codes" else [""]
    if of.kind == "yes_no":
        return ["1" if plain else "0"]
    return [str(item) for item in plain] if of.kind == "codes" else [str(plain)]


def seal_mark(row, of: Field) -> str | None:
    """Return what stands for a sealed value in a form's base: its blind index, never the value."""
    index = getattr(row, of.compared, None) if row is not None else None
    return f"#{bytes(index).hex()}" if index else None


class RowForm(forms.Form):
    """Fields of one row: of the household, a year of it, a person, or a person's year."""

    def __init__(self, data, fields, row, viewer, *, prefix, key, member=None):
        super().__init__(data, prefix=prefix)
        self.key, self.specs, self.row = key, {}, row
        for of in fields:
            if viewer.of(of, member) is View.NOTHING or (
                of.kind != "sealed" and viewer.of(of, member) is not View.FULL
            ):
                continue  # nobody edits what they may not read
            self.specs[of.name] = of
            stored = None if row is None or of.sealed else of.plain(getattr(row, of.name))
            self.fields[of.name] = form_field(of, stored, viewer)
            if of.sealed:
                shown = viewer.shown(of, row, member)
                self.fields[of.name].widget.attrs["placeholder"] = shown.text if shown.filled else ""
                if shown.filled:
                    self.fields[of.name].help_text = _("Leave blank to keep what is on file.")
                    self.fields[f"{of.name}_clear"] = forms.BooleanField(
                        label=_("Remove what is on file"), required=False
                    )
            else:
                found = raw(of, stored)
                self.initial[of.name] = found if of.kind == "codes" else found[0]

    def at(self, of: Field) -> str:
        """Return the key of a field's value."""
        return self.key.format(of.name)

    def bases(self) -> dict:
        return {
            self.at(of): seal_mark(self.row, of)
            if of.sealed
            else (None if self.row is None else of.plain(getattr(self.row, of.name)))
            for of in self.specs.values()
        }

    def plains(self) -> dict[str, object]:
        """Return {key: plain value} of what was sent; KEEP for a sealed field left alone."""
        found = {}
        for name, of in self.specs.items():
            value = self.cleaned_data.get(name)
            if of.sealed:
                text = idnumber.normalise(value or "")
                found[self.at(of)] = text or (None if self.cleaned_data.get(f"{name}_clear") else KEEP)
            elif of.kind == "yes_no":
                found[self.at(of)] = {"1": True, "0": False}.get(value)
            elif isinstance(value, str):
                found[self.at(of)] = of.plain(value.strip())
            else:
                found[self.at(of)] = of.plain(value)
        return found

    def html_names(self) -> dict[str, str]:
        return {self.at(of): self.add_prefix(name) for name, of in self.specs.items()}

    @property
    def shown_fields(self) -> list[dict]:
        """Return bound fields for the template, each with its clearing box if there is one."""
        return [
            {
                "field": self[name],
                "spec": of,
                "clear": self[f"{name}_clear"] if f"{name}_clear" in self.fields else None,
                "wide": of.kind == "codes" or name in ("address",),
            }
            for name, of in self.specs.items()
        ]


@dataclass
class MemberForms:
    """The forms of one person: identity, and the sections of the chosen year."""

    uid: str
    name: str
    person: RowForm
    year: list[tuple[sections.Section, RowForm]] = field(default_factory=list)
    new: bool = False

    @property
    def forms(self):
        return [self.person, *[form for _section, form in self.year]]

    @property
    def bad(self) -> bool:
        return any(form.is_bound and form.errors for form in self.forms)


@dataclass
class Edit:
    """All forms of one edit page."""

    household: Household
    viewer: Viewer
    wanted: tuple[str, ...]
    year: int
    household_forms: list[tuple[sections.Section, RowForm]] = field(default_factory=list)
    year_forms: list[tuple[sections.Section, RowForm]] = field(default_factory=list)
    members: list[MemberForms] = field(default_factory=list)
    total: int = 0
    empty: MemberForms | None = None

    @property
    def existing(self):
        return [form for form in self.forms() if form.key]

    def forms(self):
        found = [form for _section, form in (*self.household_forms, *self.year_forms)]
        return found + [form for person in self.members for form in person.forms]

    def bases(self) -> dict:
        found = {}
        for person in self.members:
            if not person.new:
                for form in person.forms:
                    found.update(form.bases())
        for _section, form in (*self.household_forms, *self.year_forms):
            found.update(form.bases())
        return found

    def token(self) -> str:
        return signing.dumps([str(self.household.uid), self.household.version, self.bases()], salt=SALT, compress=True)

    def is_valid(self) -> bool:
        # Every form is asked, so that all mistakes are shown at once.
        return all([form.is_valid() for person in self.members if not self._blank(person) for form in person.forms]
                   + [form.is_valid() for _section, form in (*self.household_forms, *self.year_forms)])  # fmt: skip

    @staticmethod
    def _blank(person: MemberForms) -> bool:
        return person.new and not any(form.has_changed() for form in person.forms)

    def plains(self) -> dict:
        found = {}
        for _section, form in (*self.household_forms, *self.year_forms):
            found.update(form.plains())
        for person in self.members:
            if not person.new:
                for form in person.forms:
                    found.update(form.plains())
        return found

    def new_members(self) -> list[dict]:
        """Return the persons to be added; a nameless one is a mistake, told at its name."""
        found = []
        for person in self.members:
            if not person.new or self._blank(person):
                continue
            values = {key.rsplit(".", 1)[-1]: plain for key, plain in person.person.plains().items()}
            values = {name: None if plain is KEEP else plain for name, plain in values.items()}
            year = {}
            for _section, form in person.year:
                year.update({key.rsplit(".", 1)[-1]: plain for key, plain in form.plains().items()})
            found.append({"member": values, "years": {str(self.year): year}})
        return found

    def names(self) -> dict[str, str]:
        """Return {key: name of the form's field}."""
        return {key: name for form in self.forms() if form.key for key, name in form.html_names().items()}


def read_token(token: str, household) -> tuple[int, dict] | None:
    """Return (version, base values) of a form made for this household; None when it is not one of ours."""
    try:
        uid, version, base = signing.loads(token, salt=SALT, max_age=MAX_AGE_S)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return (version, base) if uid == str(household.uid) else None


def changes(plains: dict, base: dict) -> dict[str, object]:
    """Return {key: new plain value} of what this person changed."""
    return {key: new for key, new in plains.items() if new is not KEEP and new != base.get(key)}


@dataclass
class Difference:
    """One value on which two editors differ, in words. `collides`: both changed it."""

    key: str
    label: str
    theirs: str
    mine: str
    collides: bool


def label_of(key: Key, names: dict[str, str]) -> str:
    parts = [names.get(key.member, "")] if key.member else []
    parts.append(str(key.field.label))
    if key.year is not None:
        parts.append(str(key.year))
    return " · ".join(part for part in parts if part)


def compare(mine: dict, base: dict, sheet, viewer: Viewer, names: dict[str, str]) -> list[Difference]:
    """Return the values that changed since `base`, by this person or by others."""
    found = []
    for text, old in base.items():
        key = parse(text)
        row, member = sheet.row(key), sheet.members.get(key.member)
        now = seal_mark(row, key.field) if key.field.sealed else sheet.plain(key)
        theirs_changed, mine_changed = now != old, text in mine
        if not (theirs_changed or mine_changed):
            continue
        current = plain_of(row, key.field) if row is not None else None
        new = mine[text] if mine_changed else current
        if mine_changed and new == current:
            continue
        found.append(
            Difference(
                text,
                label_of(key, names),
                viewer.words(key.field, current, member),
                viewer.words(key.field, new, member),
                theirs_changed and mine_changed,
            )
        )
    return found


def merged_post(post: QueryDict, edit: Edit, differences, mine: dict, sheet) -> list[tuple[str, str]]:
    """Return the fields of the form that settles a difference: mine, and theirs where I changed nothing."""
    names = edit.names()
    others = {d.key for d in differences if d.key not in mine}
    taken = {names[key] for key in others if key in names}
    skip = {"csrfmiddlewaretoken", "base", *taken}
    fields = [
        (name, value)
        for name in post
        if name not in skip and not name.startswith("pick:")
        for value in post.getlist(name)
    ]
    for key in others:
        of = parse(key).field
        if key in names and not of.sealed:
            fields += [(names[key], value) for value in raw(of, sheet.plain(parse(key)))]
    return fields


def settled(post: QueryDict, base: dict, names: dict[str, str]) -> QueryDict:
    """Return the sent form with the other editor's value wherever this person chose it."""
    data = post.copy()
    for name, choice in post.items():
        key = name.removeprefix("pick:")
        if not name.startswith("pick:") or choice != "theirs" or key not in base or key not in names:
            continue
        of = parse(key).field
        if of.sealed:
            data[names[key]] = ""
            data.pop(f"{names[key]}_clear", None)
        else:
            data.setlist(names[key], raw(of, base[key]))
    return data
