"""Forms beside the edit page: a new household, a change of members, a position, a reason."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from households import codes
from households.editing import PlainDateField
from households.listing import HEAD
from poverty import idnumber
from regions.coordinates import wgs84_from_bd09, wgs84_from_gcj02
from regions.forms import RegionField

OPAQUE = r"[0-9A-Za-z\-]{1,32}"
CHINA = (73.4, 3.8, 135.1, 53.6)  # west, south, east, north


def _choice(code_list, label, **more):
    return forms.ChoiceField(label=label, required=False, choices=[("", "—"), *code_list.choices], **more)


class PersonFields(forms.Form):
    """Who a person is: what a new member is entered with."""

    name = forms.CharField(label=_("name"), max_length=100)
    cert_no = forms.CharField(
        label=_("certificate number"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-nodraft": True}),
        help_text=_("Sex and birth date are read off it when left blank."),
    )
    sex = _choice(codes.SEX, _("sex"))
    birth_on = PlainDateField(label=_("born on"), required=False, max_length=10)
    ethnicity = _choice(codes.ETHNICITY, _("ethnicity"))

    def person(self) -> dict:
        """Return the person's plain values."""
        asked = self.cleaned_data
        found = {
            "name": asked["name"].strip(),
            "cert_no": idnumber.normalise(asked["cert_no"]) or None,
            "sex": asked["sex"] or None,
            "birth_on": asked["birth_on"].isoformat() if asked["birth_on"] else None,
            "ethnicity": asked["ethnicity"] or None,
        }
        if "relation" in asked:
            found["relation"] = asked["relation"] or None
        return found


class AddHouseholdForm(PersonFields):
    """A household as it is first entered: where, which number, whose, and why it is on the register."""

    village = RegionField(label=_("village"), levels=("village",))
    hamlet_name = forms.CharField(label=_("hamlet"), max_length=100, required=False)
    household_no = forms.RegexField(
        OPAQUE,
        label=_("household number"),
        max_length=32,
        required=False,
        help_text=_("As the national system gave it. Leave blank where there is none yet: a local number is given."),
        error_messages={"invalid": _("Digits and letters, at most 32.")},
    )
    household_type = _choice(codes.HOUSEHOLD_TYPE, _("type"))
    status = _choice(codes.STATUS, _("status"))
    main_cause = _choice(codes.CAUSE, _("main cause"))
    first_recog_on = PlainDateField(label=_("first recognised on"), required=False, max_length=10)
    phone = forms.CharField(
        label=_("phone"), max_length=40, required=False, widget=forms.TextInput(attrs={"data-nodraft": True})
    )
    address = forms.CharField(label=_("address"), max_length=300, required=False)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("Such as the decision or list by which the household was recognised."),
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["village"].user = user
        self.fields["name"].label = _("Head's name")

    def clean_household_no(self):
        number = self.cleaned_data["household_no"].strip()
        if number.upper().startswith("L"):
            raise forms.ValidationError(_("Numbers that begin with L are given by the system."))
        return number

    def values(self) -> dict:
        asked = self.cleaned_data
        plain = {
            name: asked[name] or None for name in ("hamlet_name", "household_type", "status", "main_cause", "address")
        }
        plain["phone"] = idnumber.normalise(asked["phone"]) or None
        plain["first_recog_on"] = asked["first_recog_on"].isoformat() if asked["first_recog_on"] else None
        return {
            "village": asked["village"].pk,
            "household_no": asked["household_no"],
            "values": {name: value for name, value in plain.items() if value is not None},
            "head": {"member": {**self.person(), "relation": HEAD}},
            "reason": asked["reason"].strip(),
        }


class ChangeForm(forms.Form):
    """What all changes of members have in common."""

    happened_on = PlainDateField(label=_("happened on"), max_length=10)
    reason = forms.CharField(label=_("Reason"), max_length=300)
    document = forms.CharField(
        label=_("document"),
        max_length=200,
        required=False,
        help_text=_("Such as the number of the death certificate or of the household booklet."),
    )

    def clean_happened_on(self):
        day = self.cleaned_data["happened_on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("This day has not come yet."))
        return day


class LeavingForm(ChangeForm):
    kind = forms.ChoiceField(
        label=_("kind of change"),
        choices=[("", "—"), *[pair for pair in codes.MEMBER_CHANGE.choices if pair[0] not in codes.JOINING]],
    )
    member = forms.ChoiceField(label=_("Who leaves"))
    new_head = forms.ChoiceField(
        label=_("New head"), required=False, help_text=_("Only when the head leaves, or another member takes over.")
    )
    field_order = ["member", "kind", "happened_on", "reason", "document", "new_head"]

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        choices = [(str(person.member.uid), f"{person.name} · {person.values['relation'].text}") for person in people]
        self.fields["member"].choices = [("", "—"), *choices]
        self.fields["new_head"].choices = [("", "—"), *choices]

    def clean(self):
        asked = super().clean()
        if asked.get("new_head") and asked.get("new_head") == asked.get("member"):
            self.add_error("new_head", _("Who leaves cannot become the head."))
        return asked


class JoiningForm(ChangeForm, PersonFields):
    kind = forms.ChoiceField(
        label=_("kind of change"),
        choices=[("", "—"), *[pair for pair in codes.MEMBER_CHANGE.choices if pair[0] in codes.JOINING]],
    )
    relation = forms.ChoiceField(label=_("relation to head"), choices=[("", "—"), *codes.RELATION.choices])
    field_order = [
        *("kind", "happened_on", "name", "relation", "cert_no", "sex", "birth_on", "ethnicity", "reason", "document"),
    ]


SYSTEMS = [
    ("wgs84", _("GPS or CGCS2000")),
    ("gcj02", _("Amap or Tencent map (GCJ-02)")),
    ("bd09", _("Baidu map (BD-09)")),
]
SHIFTED = {"gcj02": wgs84_from_gcj02, "bd09": wgs84_from_bd09}


class PositionForm(forms.Form):
    """A position, typed, taken from the map or from the device."""

    lon = forms.FloatField(label=_("Longitude"), widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    lat = forms.FloatField(label=_("Latitude"), widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    system = forms.ChoiceField(label=_("Coordinates of"), choices=SYSTEMS, required=False)
    accuracy = forms.FloatField(required=False, min_value=0, max_value=100_000, widget=forms.HiddenInput)
    confirm = forms.BooleanField(required=False, label=_("The position is right; keep it."))

    def clean(self):
        asked = super().clean()
        lon, lat = asked.get("lon"), asked.get("lat")
        if lon is None or lat is None:
            return asked
        west, south, east, north = CHINA
        inside = west <= lon <= east and south <= lat <= north
        if not inside and west <= lat <= east and south <= lon <= north:
            self.swapped = True
            raise forms.ValidationError(
                _(
                    "Longitude and latitude look exchanged. They have been put in order below; check them and save again."
                )
            )
        if not inside:
            raise forms.ValidationError(
                _("This point lies outside China. A longitude here is about 73 to 135, a latitude about 4 to 53.")
            )
        if convert := SHIFTED.get(asked.get("system")):
            asked["lon"], asked["lat"] = (float(value) for value in convert(lon, lat))
        asked["lon"], asked["lat"] = round(asked["lon"], 6), round(asked["lat"], 6)
        return asked

    swapped = False


class MoveForm(forms.Form):
    """Where a household has moved to."""

    village = RegionField(label=_("New village"), levels=("village",))
    reason = forms.CharField(
        label=_("Reason"),
        min_length=2,
        max_length=500,
        help_text=_("Such as the relocation list, or what was mistaken."),
    )

    def __init__(self, *args, user, household, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["village"].user = user
        self.household = household

    def clean_village(self):
        found = self.cleaned_data["village"]
        if found.pk == self.household.village_id:
            raise forms.ValidationError(_("The household is on file in this village already."))
        return found


class NumbersForm(forms.Form):
    """The official numbers of a household and of its members, `person_<uid>`."""

    household_no = forms.RegexField(
        OPAQUE,
        label=_("household number"),
        max_length=32,
        error_messages={"invalid": _("Digits and letters, at most 32.")},
    )

    def __init__(self, *args, household, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.household = household
        self.fields["household_no"].initial = household.household_no
        for person in people:
            self.fields[f"person_{person.member.uid}"] = forms.RegexField(
                OPAQUE,
                label=_("person number of %(name)s") % {"name": person.name},
                max_length=32,
                initial=person.member.person_no,
                error_messages={"invalid": _("Digits and letters, at most 32.")},
            )
        self.fields["reason"] = forms.CharField(label=_("Reason"), min_length=2, max_length=500)

    def clean(self):
        asked = super().clean()
        for name, field in self.fields.items():
            number = asked.get(name)
            if name != "reason" and number and number != field.initial and number.upper().startswith("L"):
                self.add_error(name, _("Numbers that begin with L are given by the system."))
        numbers = [value for name, value in self.persons().items()]
        if len(set(numbers)) < len(numbers):
            raise forms.ValidationError(_("Two persons cannot have one number."))
        return asked

    def persons(self) -> dict[str, str]:
        """Return {member's uid: number}."""
        return {
            name.removeprefix("person_"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("person_")
        }


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), min_length=2, max_length=500)
