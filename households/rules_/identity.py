"""Data rules over the register (identity and household structure): declarations for the validation engine.

Each takes a queryset limited to the subjects under check and gives the offending rows with `seen` and `expected`.
They work on plain derived columns and blind indexes; no sealed value is opened.
"""

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Left, TruncMonth
from django.utils.translation import gettext_noop as _

from households.codes import RELATION, SEX
from households.models import Household, HouseholdYear, Lifecycle, Member
from poverty.declarations import Rule, Severity, rules

HEAD = next(code for code, label in RELATION.labels.items() if label == "户主")
E, W = Severity.ERROR, Severity.WARNING


def text(value: str):
    return Value(value, output_field=CharField())


def present(members):
    """Keep members who live in a household of the register."""
    return members.filter(
        departed_on__isnull=True, withdrawn_at__isnull=True, household__withdrawn_at__isnull=True
    ).exclude(household__lifecycle=Lifecycle.CANCELLED)


def registered(households):
    return households.filter(withdrawn_at__isnull=True).exclude(lifecycle=Lifecycle.CANCELLED)


def with_fault(*faults: str):
    """Return the finder of members whose number has one of `faults` (words of `id_fault`)."""

    def find(members, on):
        wanted = Q()
        for fault in faults:
            wanted |= Q(id_fault__contains=fault)
        return present(members).filter(wanted).annotate(seen=F("id_fault"))

    return find


def of_wrong_length(members, on):
    return present(members).filter(id_fault="length").annotate(seen=text("?"), expected=text("15/18/20/22"))


def of_fifteen_digits(members, on):
    return present(members).filter(id_kind="15").annotate(seen=text("15"), expected=text("18"))


def of_other_sex(members, on):
    labels = [When(id_sex=code, then=text(label)) for code, label in SEX.labels.items()]
    own = [When(sex=code, then=text(label)) for code, label in SEX.labels.items()]
    return (
        present(members)
        .filter(id_sex__in=("1", "2"), sex__in=("1", "2"))
        .exclude(sex=F("id_sex"))
        .annotate(
            seen=Case(*own, default=F("sex"), output_field=CharField()),
            expected=Case(*labels, default=F("id_sex"), output_field=CharField()),
        )
    )


def of_other_birth(members, on):
    """A month-only birth date agrees with any day of that month."""
    month = Q(birth_precision="m", birth_on=Cast(TruncMonth("id_birth_on"), output_field=Member.birth_on.field))
    return (
        present(members)
        .filter(id_birth_on__isnull=False, birth_on__isnull=False)
        .exclude(birth_on=F("id_birth_on"))
        .exclude(month)
        .annotate(seen=Cast("birth_on", CharField()), expected=Cast("id_birth_on", CharField()))
    )


def twins(**same):
    """Return the present members with the identity of the outer one, other than it."""
    return present(Member.objects.all()).filter(id_index=OuterRef("id_index"), **same).exclude(pk=OuterRef("pk"))


def sound(members):
    """Keep members whose number is an 18-character identity: only such numbers are compared."""
    return present(members).filter(id_index__isnull=False).exclude(id_kind__in=("", "?")).exclude(id_fault="characters")


def twice_in_household(members, on):
    other = twins(household_id=OuterRef("household_id"))
    number = other.order_by().values("id_index").annotate(n=Count("pk") + 1).values("n")
    return (
        sound(members)
        .filter(Exists(other))
        .annotate(seen=Cast(Subquery(number, output_field=IntegerField()), CharField()), expected=text("1"))
    )


def in_two_households(members, on):
    """`reach` is the smallest region that holds both households: nobody below it learns of the other."""
    elsewhere = twins().exclude(household_id=OuterRef("household_id"))

    def near(length: int):
        return Exists(
            elsewhere.annotate(part=Left("village_id", length)).filter(part=Left(OuterRef("village_id"), length))
        )

    reach = Case(
        *[When(near(length), then=Left("village_id", length)) for length in (12, 9, 6, 4, 2)],
        default=text(""),
        output_field=CharField(),
    )
    number = elsewhere.order_by().values("id_index").annotate(n=Count("household_id", distinct=True) + 1).values("n")
    return (
        sound(members)
        .filter(Exists(elsewhere))
        .annotate(
            reach=reach,
            seen=Cast(Subquery(number, output_field=IntegerField()), CharField()),
            expected=text("1"),
        )
    )


LIVING = Q(members__departed_on__isnull=True, members__withdrawn_at__isnull=True)


def living(**more):
    """Return the number of present members, as a count over one join and not a look-up per household."""
    return Count("members", filter=LIVING & Q(**more))


def without_head(households, on):
    """A household without any member is the empty household of another rule, not one without a head."""
    return (
        registered(households)
        .annotate(heads=living(members__relation=HEAD), living=living())
        .filter(heads=0, living__gt=0)
        .annotate(seen=text("0"), expected=text("1"))
    )


def with_two_heads(households, on):
    return (
        registered(households)
        .annotate(heads=living(members__relation=HEAD))
        .filter(heads__gt=1)
        .annotate(seen=Cast("heads", CharField()), expected=text("1"))
    )


def of_wrong_size(households, on):
    declared = HouseholdYear.objects.filter(
        household_id=OuterRef("pk"), size__isnull=False, withdrawn_at__isnull=True
    ).order_by("-year")
    return (
        registered(households)
        .annotate(declared=Subquery(declared.values("size")[:1]), living=living())
        .filter(declared__isnull=False)
        .exclude(declared=F("living"))
        .annotate(seen=Cast("declared", CharField()), expected=Cast("living", CharField()))
    )


def declare(id, severity, subject, title, find, suggestion, field):
    rules.add(id, Rule(id, severity, subject, title, find, suggestion, field, on_import=True))


declare("ID-02", E, "member", _("The certificate number has a wrong number of characters"), of_wrong_length,
        _("Enter it again from the card"), "cert_no")  # fmt: skip
declare("ID-03", W, "member", _("The certificate number has 15 digits and needs the new form"), of_fifteen_digits,
        _("Take over the computed 18-digit number after seeing the card"), "cert_no")  # fmt: skip
declare("ID-04", E, "member", _("The certificate number holds characters that cannot be in one"), with_fault("characters"),
        _("Enter it again from the card"), "cert_no")  # fmt: skip
declare("ID-05", E, "member", _("The check digit of the identity number is wrong"), with_fault("check"),
        _("Compare with the card; the number is never replaced by itself"), "cert_no")  # fmt: skip
declare("ID-06", E, "member", _("The birth date inside the certificate number is not valid"), with_fault("birth"),
        _("Enter it again from the card"), "cert_no")  # fmt: skip
declare("ID-09", W, "member", _("The sex differs from the certificate number"), of_other_sex,
        _("Take it from the number after seeing the card"), "sex")  # fmt: skip
declare("ID-10", W, "member", _("The birth date differs from the certificate number"), of_other_birth,
        _("Take it from the number after seeing the card"), "birth_date")  # fmt: skip
declare("ID-11", E, "member", _("The same certificate number stands twice in the household"), twice_in_household,
        _("Remove or correct one of them"), "cert_no")  # fmt: skip
declare("ID-12", E, "member", _("The same certificate number stands in different households"), in_two_households,
        _("Keep the household of residence"), "cert_no")  # fmt: skip
declare("HH-01", E, "household", _("The household has no head"), without_head, _("Choose the head"), "household_no")
declare(
    "HH-02", E, "household", _("The household has more than one head"), with_two_heads, _("Keep one"), "household_no"
)
declare("HH-03", E, "household", _("The declared size differs from the members on file"), of_wrong_size,
        _("Correct the size or record the change of members"), "household_no")  # fmt: skip

__all__ = ["Household"]
