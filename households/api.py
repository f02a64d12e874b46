"""The API's households and members: the register as the pages show it to the same person.

Every value goes through `Viewer`, the one table of who sees what. Values that somebody's role is not shown whole come
masked or not at all, and their names stand under `masked`; full sealed values are shown on pages only, with a reason.
"""

from django import forms
from django.db.models import F
from django.http import Http404
from django.urls import path
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.decorators import policy
from accounts.masks import View
from accounts.roles import Permission
from households import files, listing, sections
from households.forms import HouseholdFilterForm
from households.models import Household as HouseholdRow
from households.models import HouseholdYear, Lifecycle, MemberYear
from households.models import Member as MemberModel
from households.present import Viewer, age_on, born, opened, plain_of
from households.sections import Field
from poverty import scope
from poverty.api import REGION, Asked, Found, ListView, OneView, Point

POSITION = Field("household", "position")


# --- how a field of the register looks ------------------------------------------------------------------------------------


class Code(serializers.Serializer):
    code = serializers.CharField(help_text=_("code"))
    label = serializers.CharField(help_text=_("in words"))


class Meta:
    ref_name = "Position"


class Place(serializers.Serializer):
    code = serializers.CharField(help_text=_("code"))
    name = serializers.CharField(help_text=_("name"))


def field_of(of: Field) -> serializers.Field:
    """Return how a field of the register is sent; null is not stated, or not for this reader (`masked` says which)."""
    told = {"allow_null": True, "help_text": of.label}
    match of.kind:
        case "code":
            return Code(**told)
        case "codes":
            return Code(many=True, **told)
        case "yes_no":
            return serializers.BooleanField(**told)
        case "yuan" | "decimal":
            model = of.model_field
            return serializers.DecimalField(model.max_digits, model.decimal_places, **told)
        case "integer":
            return serializers.IntegerField(**told)
        case "date":
            return serializers.DateField(**told)
        case "point":
            return Point(**told)
        case _:
            return serializers.CharField(**told)


def value_of(viewer: Viewer, of: Field, row, member=None):
    """Return (value as it is sent, whether the reader sees less than is stored)."""
    if row is None or getattr(row, of.attribute) in (None, "", []):
        return None, False
    view = viewer.of(of, member)
    if view is View.FULL:
        return _sent(of, plain_of(row, of)), False
    if view is not View.NOTHING and (of.sealed or of.name == "name"):
        return viewer.words(of, opened(row, of.name) if of.sealed else row.name, member), True
    return None, True


def _sent(of: Field, plain):
    if plain is None:
        return None
    if of.kind == "code":
        return {"code": plain, "label": str(of.codes.label(plain))}
    if of.kind == "codes":
        return [{"code": code, "label": str(of.codes.label(code))} for code in plain]
    if of.kind == "point":
        return {"lon": round(plain.x, 6), "lat": round(plain.y, 6)}
    return plain


def values_of(viewer: Viewer, fields, row, member=None) -> dict:
    """Return {field: value} of a row, and under `masked` the names of what is not shown whole."""
    found, masked = {}, []
    for of in fields:
        found[of.name], hidden = value_of(viewer, of, row, member)
        if hidden:
            masked.append(of.name)
    return {**found, "masked": masked}


def _masked():
    return serializers.ListField(child=serializers.CharField(), help_text=_("fields that are not shown whole"))


def serializer(name: str, fields, **more) -> type[serializers.Serializer]:
    """Return a serializer that sends the fields of the register, and what is named beside them."""
    return type(
        name, (serializers.Serializer,), {**more, **{of.name: field_of(of) for of in fields}, "masked": _masked()}
    )


# --- members --------------------------------------------------------------------------------------------------------------

PERSON = (*sections.MEMBER.fields, *sections.DEPARTURE)
OF_MEMBER = {
    "uid": serializers.UUIDField(help_text=_("key")),
    "household": serializers.UUIDField(help_text=_("key of the household")),
    "household_no": serializers.CharField(help_text=_("household number")),
    "person_no": serializers.CharField(help_text=_("person number")),
    "village": serializers.CharField(help_text=_("village's code")),
    "age": serializers.IntegerField(allow_null=True, help_text=_("age")),
}
Member = serializer("Member", PERSON, **OF_MEMBER)
MemberOfYear = serializer(
    "MemberOfYear", sections.MEMBER_YEAR_FIELDS, year=serializers.IntegerField(help_text=_("year"))
)
MemberFile = type(
    "MemberFile",
    (Member,),
    {"years": MemberOfYear(many=True, help_text=_("schooling, health, work and insurance, the newest year first"))},
)


def _person(viewer: Viewer, member, household_uid, household_no) -> dict:
    return {
        "uid": member.uid,
        "household": household_uid,
        "household_no": household_no,
        "person_no": member.person_no,
        "village": member.village_id,
        "age": age_on(born(member), viewer.today),
        **values_of(viewer, PERSON, member, member),
    }


class MemberFilterForm(HouseholdFilterForm):
    """Members of the households that the filters of the register find; only those who live there, unless asked."""

    household = forms.UUIDField(label=_("key of the household"), required=False)
    departed = forms.BooleanField(label=_("those who have left, instead"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.fields["sort"]

    def members(self, user):
        """Return the members that the form asks for; a form with errors finds nobody."""
        found = MemberModel.objects.visible_to(user).filter(withdrawn_at__isnull=True)
        if not self.is_valid():
            return found.none()
        asked = self.cleaned_data
        found = found.filter(departed_on__isnull=not asked["departed"])
        if asked["region"]:
            found = found.filter(scope.under("village_id", asked["region"]))
        households = self.filter(HouseholdRow.objects.visible_to(user).in_register(), user)
        if asked["household"]:
            households = households.filter(uid=asked["household"])
        return found.filter(household_id__in=households.order_by().values("pk"))


YEARS = {"exit_year": r"^(none|-?[0-9]{1,5})$", "year": r"^(none|-?[0-9]{1,5})$"}


class Members(ListView):
    operation, title = "members_list", _("Members of the households that the filters find")
    form_class = MemberFilterForm
    patterns = {"region": REGION, **YEARS}
    serializer_class = Member
    noted = True

    def find(self, user, asked: Asked) -> Found:
        if not user.scope_ranges():
            return Found(0, [])
        form, viewer = asked.form, Viewer(user)
        found = form.members(user)
        count = listing.kept_totals(form, user)[1] if listing.knows_totals(form, user) else found.count()
        first = (asked.page - 1) * asked.size
        found = found.annotate(household_uid=F("household__uid"), household_no=F("household__household_no"))
        rows = found.order_by("village_id", "household_id", "pk")[first : first + asked.size]
        return Found(count, [_person(viewer, row, row.household_uid, row.household_no) for row in rows])


class OneMember(OneView):
    operation, title = "members_one", _("One member with what each year says")
    serializer_class = MemberFile

    def find(self, user, asked: Asked, uid):
        found = MemberModel.objects.visible_to(user).filter(withdrawn_at__isnull=True, uid=uid)
        member = found.select_related("household").filter(household__withdrawn_at__isnull=True).first()
        if member is None:
            raise Http404
        viewer = Viewer(user)
        years = MemberYear.objects.visible_to(user).filter(member_id=member.pk, withdrawn_at__isnull=True)
        return {
            **_person(viewer, member, member.household.uid, member.household.household_no),
            "years": [
                {"year": row.year, **values_of(viewer, sections.MEMBER_YEAR_FIELDS, row, member)}
                for row in years.order_by("-year")
            ],
        }


# --- households -----------------------------------------------------------------------------------------------------------

BRIEF = tuple(
    Field("household", name) for name in ("hamlet_name", "household_type", "status", "main_cause", "exit_year")
)
OF_HOUSEHOLD = {
    "uid": serializers.UUIDField(help_text=_("key")),
    "household_no": serializers.CharField(help_text=_("household number")),
    "village": Place(help_text=_("village")),
    "town": Place(allow_null=True, help_text=_("Town")),
    "head_name": serializers.CharField(help_text=_("Head's name")),
    "size": serializers.IntegerField(help_text=_("members who live there")),
    "page": serializers.CharField(help_text=_("address of its page")),
}
HouseholdLine = serializer(
    "HouseholdLine",
    BRIEF,
    **OF_HOUSEHOLD,
    net_pc_yuan=serializers.DecimalField(14, 2, allow_null=True, help_text=_("net income per head")),
    income_year=serializers.IntegerField(allow_null=True, help_text=_("year of the income")),
    open_findings=serializers.IntegerField(allow_null=True, help_text=_("open findings")),
)
HouseholdOfYear = serializer(
    "HouseholdOfYear", sections.YEAR_FIELDS, year=serializers.IntegerField(help_text=_("year"))
)


class HouseholdFinding(serializers.Serializer):
    uid = serializers.UUIDField(source="finding.uid", help_text=_("key"))
    rule = serializers.CharField(source="finding.rule", help_text=_("rule"))
    severity = serializers.CharField(source="finding.severity", help_text=_("severity"))
    title = serializers.CharField(help_text=_("the rule in one sentence"))
    suggestion = serializers.CharField(help_text=_("suggested correction"))
    seen = serializers.CharField(help_text=_("value seen"))
    expected = serializers.CharField(help_text=_("value expected"))
    subject = serializers.CharField(help_text=_("Person or household"))


Household = serializer(
    "Household",
    (*sections.HOUSEHOLD_FIELDS, POSITION),
    **OF_HOUSEHOLD,
    lifecycle=Code(help_text=_("life cycle")),
    members=Member(many=True, help_text=_("members, those who left last")),
    years=HouseholdOfYear(many=True, help_text=_("income, housing, land and monitoring, the newest year first")),
    findings=HouseholdFinding(many=True, help_text=_("open findings")),
)


def _places(village: str, names: dict[str, str]) -> dict:
    town = village[:9]
    return {
        "village": {"code": village, "name": names.get(village, village)},
        "town": {"code": town, "name": names[town]} if town in names else None,
    }


class Households(ListView):
    operation, title = "households_list", _("Households of one's own area")
    form_class = HouseholdFilterForm
    patterns = {"region": REGION, **YEARS}
    serializer_class = HouseholdLine
    noted = True

    def find(self, user, asked: Asked) -> Found:
        found, viewer = listing.make(asked.form, user, asked.size), Viewer(user)
        return Found(found.households, [self._line(row, found.names, viewer) for row in found.page.object_list])

    @staticmethod
    def _line(row, names, viewer) -> dict:
        values = values_of(viewer, BRIEF, row)
        name = viewer.head_name(row.head)
        if row.head and name != row.head["name"]:
            values["masked"].append("head_name")
        income = row.income
        if income and viewer.view("income") is not View.FULL:
            income, values["masked"] = None, [*values["masked"], "net_pc_yuan"]
        return {
            "uid": row.uid,
            "household_no": row.household_no,
            "head_name": name,
            "size": row.size,
            "page": row.address,
            "net_pc_yuan": str(income["net_pc"]) if income else None,
            "income_year": income["year"] if income else None,
            "open_findings": row.findings if viewer.user.may(Permission.FINDING_VIEW) else None,
            **_places(row.village_id, names),
            **values,
        }


class OneHousehold(OneView):
    operation, title = "households_one", _("One household with its members, years and open findings")
    serializer_class = Household

    def find(self, user, asked: Asked, uid):
        row, viewer = files.get(user, uid), Viewer(user)
        people = files.people_of(row, user, viewer, None)
        head = next((p for p in people if p.member.relation == listing.HEAD and p.member.departed_on is None), None)
        years = HouseholdYear.objects.visible_to(user).filter(household_id=row.pk, withdrawn_at__isnull=True)
        known = row.lifecycle in Lifecycle.values
        return {
            "uid": row.uid,
            "household_no": row.household_no,
            "head_name": head.name if head else "",
            "size": sum(person.member.departed_on is None for person in people),
            "page": row.get_absolute_url(),
            "lifecycle": {
                "code": row.lifecycle,
                "label": str(Lifecycle(row.lifecycle).label) if known else row.lifecycle,
            },
            "members": [_person(viewer, person.member, row.uid, row.household_no) for person in people],
            "years": [
                {"year": of.year, **values_of(viewer, sections.YEAR_FIELDS, of)} for of in years.order_by("-year")
            ],
            "findings": files.findings_of(row, user, people, viewer),
            **_places(row.village_id, listing.place_names([row.village_id])),
            **values_of(viewer, (*sections.HOUSEHOLD_FIELDS, POSITION), row),
        }


def _seen(view):
    return policy(Permission.HOUSEHOLD_VIEW)(view.as_view())


urlpatterns = [
    path("households/", _seen(Households), name="households"),
    path("households/<uuid:uid>/", _seen(OneHousehold), name="household"),
    path("members/", _seen(Members), name="members"),
    path("members/<uuid:uid>/", _seen(OneMember), name="member"),
]
