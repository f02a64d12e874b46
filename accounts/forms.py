"""Forms of accounts: logging in, passwords, users, and the filters of lists."""

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts import tokens
from accounts.actions import ADMINISTRATORS, find_region, normal_username
from accounts.models import User
from accounts.roles import ROLE_LEVELS, Role


class LoginForm(forms.Form):
    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_username(self):
        return normal_username(self.cleaned_data["username"])


class PasswordForm(forms.Form):
    """Set one's own password: the present one, and the new one twice."""

    old = forms.CharField(
        label=_("Present password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("New password once more"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, user, *args, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_old(self):
        if not self.user.check_password(self.cleaned_data["old"]):
            raise ValidationError(_("This is not your present password."))
        return self.cleaned_data["old"]

    def clean_new(self):
        new = self.cleaned_data["new"]
        password_validation.validate_password(new, self.user)
        return new

    def clean(self):
        data = super().clean()
        if data.get("new") and data.get("again") is not None and data["new"] != data["again"]:
            self.add_error("again", _("The two new passwords differ."))
        if data.get("new") and data.get("new") == data.get("old"):
            self.add_error("new", _("The new password is the old one."))
        return data


class OwnPasswordForm(forms.Form):
    """Confirm with one's password."""

    password = forms.CharField(
        label=_("Your password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user, *args, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self):
        if not self.user.check_password(self.cleaned_data["password"]):
            raise ValidationError(_("This is not your present password."))
        return self.cleaned_data["password"]


class TokenForm(OwnPasswordForm):
    """A new token: what for, how long, and one's password, for it opens what the password opens."""

    name = forms.CharField(
        label=_("What it is for"),
        max_length=60,
        min_length=2,
        help_text=_("Such as the name of the program and of the computer on which it runs."),
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=[(days, ngettext_lazy("%d day", "%d days", days) % days) for days in tokens.DAYS],
        initial=30,
    )
    field_order = ["name", "days", "password"]

    def clean(self):
        asked = super().clean()
        name = (asked.get("name") or "").strip()
        names = list(tokens.valid(self.user).values_list("name", flat=True))
        if name and name in names:
            self.add_error("name", _("You have a token of this name. Revoke it first, or choose another name."))
        if len(names) >= tokens.MOST:
            raise ValidationError(
                _("You have %(most)s tokens already. Revoke one of them first."), params={"most": tokens.MOST}
            )
        return asked


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["phone", "language"]

    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("as chosen on this device")), *settings.LANGUAGES], required=False
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, min_length=2)


class RegionField(forms.CharField):
    """A region by its official code, or by a name that only one region of the administrator's area has."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, max_length=200, **kwargs)
        self.within = ""

    def clean(self, value):
        text = super().clean(value)
        return find_region(text, within=self.within) if text else None


class UserForm(forms.Form):
    """A new or changed account. What an account may see follows from its role and area alone."""

    username = forms.CharField(label=_("User name"), max_length=150)
    full_name = forms.CharField(label=_("Full name"), max_length=100)
    role = forms.ChoiceField(label=_("Role"))
    region = RegionField(
        label=_("Area"),
        required=False,
        help_text=_("Type a name or an official code and choose from the list."),
        widget=forms.TextInput(attrs={"list": "region-options", "autocomplete": "off"}),
    )
    households = forms.CharField(
        label=_("Paired households"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For paired helpers and residents: household numbers, separated by spaces or commas."),
    )
    unit = forms.CharField(label=_("Unit"), max_length=200, required=False)
    phone = forms.CharField(label=_("Office phone"), max_length=20, required=False)

    def __init__(self, *args, by, user=None, **kwargs):
        self.by, self.user = by, user
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", "—"), *((r.value, r.label) for r in Role if r not in ADMINISTRATORS)]
        self.fields["region"].within = by.area_code
        self.fields["region"].widget.attrs.update(
            {
                "hx-get": reverse("accounts:region_options"),
                "hx-trigger": "input changed delay:250ms",
                "hx-target": "#region-options",
                "hx-swap": "innerHTML",
            }
        )
        if user is not None:
            del self.fields["username"]
            if user.role in ADMINISTRATORS:
                self.fields["role"].choices = [(user.role, user.get_role_display())]
                del self.fields["region"], self.fields["households"]

    def clean_username(self):
        name = normal_username(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError(_("This user name is taken. Add the town or a number to it."))
        return name

    def clean(self):
        data = super().clean()
        role = data.get("role")
        if role and "region" in data and not self.errors:
            if ROLE_LEVELS[role] and not data["region"]:
                self.add_error("region", _("This role needs an area."))
            if not ROLE_LEVELS[role] and not data["households"].strip():
                self.add_error("households", _("This role needs at least one household."))
        return data


class UserFilterForm(forms.Form):
    q = forms.CharField(label=_("User name, name or unit"), required=False, max_length=100)
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("all roles")), *Role.choices])
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("all")), ("active", _("active")), ("off", _("switched off")), ("first", _("never logged in"))],
    )

    def filter(self, users):
        """Apply the filters that were filled in; a form with errors finds nothing."""
        if not self.is_valid():
            return users.none()
        if text := self.cleaned_data["q"].strip():
            users = users.filter(Q(username__icontains=text) | Q(full_name__icontains=text) | Q(unit__icontains=text))
        if role := self.cleaned_data["role"]:
            users = users.filter(role=role)
        states = {"active": Q(is_active=True), "off": Q(is_active=False), "first": Q(last_login=None)}
        return users.filter(states.get(self.cleaned_data["state"], Q()))


class AuditFilterForm(forms.Form):
    who = forms.CharField(label=_("Who"), required=False, max_length=150)
    action = forms.ChoiceField(label=_("What"), required=False)
    since = forms.DateField(label=_("From the day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To the day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    target = forms.CharField(label=_("Target"), required=False, max_length=200)

    def __init__(self, *args, actions, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = [("", _("everything")), *actions]


class SheetForm(forms.Form):
    sheet = forms.FileField(
        label=_("Sheet of users (xlsx or csv)"), widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"})
    )
