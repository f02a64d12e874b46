"""Data rules over the register (identity and household structure): declarations for the validation engine.

Each takes a queryset limited to the subjects under check and gives the offending rows with `seen` and `expected`.
They work on plain derived columns and blind indexes; no sealed value is opened. The first ones run at every import and
read the register's own tables; the others read the flat tables of `households.checked`.
"""

from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    When,
)
from django.db.models.functions import Cast, Coalesce, Left, Length, NullIf, TruncMonth
from django.utils.translation import gettext_noop as _

from exchange import cells
from households.codes import RELATION, SEX
from households.models import HouseholdYear, Lifecycle, Member
from households.rules import common
from households.rules.common import (
    COMPARED,
    EVERYBODY,
    NOTHING,
    REGISTERED,
    E,
    W,
    common_region,
    least,
    near,
    shown,
    text,
)
from poverty import crypto
from poverty.declarations import Facet, Rule, rules

HEAD = next(code for code, label in RELATION.labels.items() if label == "户主")


def present(members):
    """Keep members who live in a household of the register."""
    return members.filter(
        departed_on__isnull=True, withdrawn_at__isnull=True, household__withdrawn_at__isnull=True
    ).exclude(household__lifecycle=Lifecycle.CANCELLED)


def registered(households):
    return households.filter(withdrawn_at__isnull=True).exclude(lifecycle=Lifecycle.CANCELLED)


def with_fault(*faults: str):
    """Return the finder of members whose number has one of `faults` (words of `id_fault`)."""

    def find(members, check):
        wanted = Q()
        for fault in faults:
            wanted |= Q(id_fault__contains=fault)
        return present(members).filter(wanted).annotate(seen=F("id_fault"))

    return find


def of_wrong_length(members, check):
    return present(members).filter(id_fault="length").annotate(seen=text("?"), expected=text("15/18/20/22"))


def of_fifteen_digits(members, check):
    return present(members).filter(id_kind="15").annotate(seen=text("15"), expected=text("18"))


def of_other_sex(members, check):
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


def of_other_birth(members, check):
    """A month-only birth date agrees with any day of that month."""
    month = Q(birth_precision="m", birth_on=Cast(TruncMonth("id_birth_on"), output_field=Member.birth_on.field))
    return (
        present(members)
        .filter(id_birth_on__isnull=False, birth_on__isnull=False)
        .exclude(birth_on=F("id_birth_on"))
        .exclude(month)
        .annotate(seen=Cast("birth_on", CharField()), expected=Cast("id_birth_on", CharField()))
    )


def twice_in_household(members, check):
    return common.found(
        f"""(SELECT m.id, m.household_id, m.village, {COMPARED} AS compared,
                    count(*) OVER (PARTITION BY m.household_id, m.id_index) AS n
               FROM {EVERYBODY} WHERE m.id_index IS NOT NULL AND {check.limit("m.household_id", "m.village")}) p""",
        where="p.n > 1 AND p.compared",
        of="p",
        seen="p.n::text",
        expected="'1'",
    )


def in_two_households(members, check):
    """`reach` is the smallest region that holds both households: nobody below it learns of the other.

    Joined once, and not looked up person by person: where whole tables are joined, each look-up would read one.
    """
    shared = " ".join(f"WHEN left(o.village, {n}) = left(p.village, {n}) THEN {n}" for n in (12, 9, 6, 4, 2))
    return common.found(
        before=f"""
          WITH mine AS MATERIALIZED (
            SELECT m.id, m.household_id, m.village, m.id_index FROM {EVERYBODY}
             WHERE {COMPARED} AND {check.limit("m.household_id", "m.village")})""",
        source=f"""(SELECT p.id, p.household_id, p.village, count(DISTINCT o.household_id) + 1 AS n,
                           max(CASE {shared} ELSE 0 END) AS length
                      FROM mine p JOIN (SELECT m.id_index, m.household_id, m.village FROM {EVERYBODY}
                                         WHERE m.id_index IS NOT NULL{near(check, "m.id_index", "mine")}) o
                        ON o.id_index = p.id_index AND o.household_id <> p.household_id
                     GROUP BY p.id, p.household_id, p.village) p""",
        of="p",
        reach="left(p.village, p.length)",
        seen="p.n::text",
        expected="'1'",
    )


LIVING = Q(members__departed_on__isnull=True, members__withdrawn_at__isnull=True)


def living(**more):
    """Return the number of present members, as a count over one join and not a look-up per household."""
    return Count("members", filter=LIVING & Q(**more))


def without_head(households, check):
    """A household without any member is the empty household of another rule, not one without a head."""
    return (
        registered(households)
        .annotate(heads=living(members__relation=HEAD), living=living())
        .filter(heads=0, living__gt=0)
        .annotate(seen=text("0"), expected=text("1"))
    )


def with_two_heads(households, check):
    return (
        registered(households)
        .annotate(heads=living(members__relation=HEAD))
        .filter(heads__gt=1)
        .annotate(seen=Cast("heads", CharField()), expected=text("1"))
    )


def of_wrong_size(households, check):
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


def declare(id, severity, subject, title, find, suggestion, field, facet=Facet.VALIDITY, fields=(), fix=""):
    fields = fields or (field,)
    rules.add(
        id,
        Rule(
            id, severity, subject, title, find, suggestion, field, on_import=True, facet=facet, fields=fields, fix=fix
        ),
    )


declare("ID-02", E, "member", _("The certificate number has a wrong number of characters"), of_wrong_length,
        _("Enter it again from the card"), "cert_no")  # fmt: skip
declare("ID-03", W, "member", _("The certificate number has 15 digits and needs the new form"), of_fifteen_digits,
        _("Take over the computed 18-digit number after seeing the card"), "cert_no",
        fix="households.fixes.upgraded_number")  # fmt: skip
declare("ID-04", E, "member", _("The certificate number holds characters that cannot be in one"), with_fault("characters"),
        _("Enter it again from the card"), "cert_no")  # fmt: skip
declare("ID-05", E, "member", _("The check digit of the identity number is wrong"), with_fault("check"),
        _("Compare with the card; the number is never replaced by itself"), "cert_no")  # fmt: skip
declare("ID-06", E, "member", _("The birth date inside the certificate number is not valid"), with_fault("birth"),
        _("Enter it again from the card"), "cert_no")  # fmt: skip
declare("ID-09", W, "member", _("The sex differs from the certificate number"), of_other_sex,
        _("Take it from the number after seeing the card"), "sex", fix="households.fixes.sex_of_number")  # fmt: skip
declare("ID-10", W, "member", _("The birth date differs from the certificate number"), of_other_birth,
        _("Take it from the number after seeing the card"), "birth_date", fix="households.fixes.birth_of_number")  # fmt: skip
declare("ID-11", E, "member", _("The same certificate number stands twice in the household"), twice_in_household,
        _("Remove or correct one of them"), "cert_no")  # fmt: skip
declare("ID-12", E, "member", _("The same certificate number stands in different households"), in_two_households,
        _("Keep the household of residence"), "cert_no")  # fmt: skip
declare(
    "HH-01",
    E,
    "household",
    _("The household has no head"),
    without_head,
    _("Choose the head"),
    "household_no",
    fields=("relation",),
)
declare(
    "HH-02",
    E,
    "household",
    _("The household has more than one head"),
    with_two_heads,
    _("Keep one"),
    "household_no",
    fields=("relation",),
)
declare("HH-03", E, "household", _("The declared size differs from the members on file"), of_wrong_size,
        _("Correct the size or record the change of members"), "household_no", fields=("size",),
        fix="households.fixes.size_of_members")  # fmt: skip


# --- over the flat tables: the numbers and names of persons --------------------------------------------------------------

# The first two digits of area codes: the 34 provinces, autonomous regions, municipalities and special administrative
# regions. Source: GB/T 2260.
PROVINCES = (
    *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43"),
    *("44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82"),
)
STRANGE = "0-9０-９A-Za-zＡ-Ｚａ-ｚÀ-ɏ?？□�"
UNIQUE, COMPLETE, VALID = Facet.UNIQUENESS, Facet.COMPLETENESS, Facet.VALIDITY
SHARED = """
SELECT {index}, count(*) AS households, min(village) AS lo, max(village) AS hi
  FROM households_household h WHERE {registered} AND {index} IS NOT NULL{near} GROUP BY {index} HAVING count(*) > {most}"""


def without_number(persons, check):
    return persons.filter(has_cert=False).annotate(seen=text(NOTHING), basis=text("none"))


def of_unknown_area(persons, check):
    """The area digits name no county.

    An unknown province pair is an error. Beyond it we know what the tree of regions knows: its counties, those that
    are no longer valid included, and cities without counties. A province without any county in the tree cannot be
    judged. A county of the sample area is in the tree like any other.
    """
    from regions.models import Region

    counties = Region.objects.filter(level="county")
    cities = Region.objects.filter(level="city")
    plain_cities = [
        f"{code}00"
        for code in cities.exclude(code__in=counties.values(part=Left("code", 4))).values_list("code", flat=True)
    ]
    provinces = list(counties.values_list(Left("code", 2), flat=True).order_by().distinct())
    known = Q(id_area__in=counties.values("code")) | Q(id_area__in=plain_cities)
    nowhere = ~Q(pair__in=PROVINCES)
    return (
        persons.exclude(id_area="")
        .annotate(pair=Left("id_area", 2))
        .filter(nowhere | Q(pair__in=provinces) & ~known)
        .annotate(
            seen=F("id_area"),
            expected=text(""),
            row_severity=Case(When(nowhere, then=text("E")), default=text("W"), output_field=CharField()),
        )
    )


def of_faulty_certificate(persons, check):
    """A disability certificate of 20 characters: its last two digits, or the identity before them."""
    return persons.filter(id_kind="20").exclude(id_fault="").annotate(seen=F("id_fault"), expected=text("1-7 · 1-4"))


def folded(name: str) -> str:
    """SQL: a name as it is compared: NFKC, without spaces, every middle dot the same."""
    return f"translate(normalize({name}, NFKC), '.•・‧∙⋅ ', '······')"


def of_other_name(persons, check):
    """The number stands under another name elsewhere in the register, or in a department's current list.

    Names are counted, not told. A department's name is compared with the register's only.
    """
    return common.found(
        before=f"""
          WITH dup AS (SELECT m.id_index FROM {EVERYBODY} WHERE {COMPARED}{near(check, "m.id_index", "checked_person")}
                   GROUP BY m.id_index HAVING count(*) > 1),
          named AS (SELECT m.id_index, count(DISTINCT {folded("m.name")}) AS names, min(m.village) AS lo,
                           max(m.village) AS hi
                      FROM {EVERYBODY} JOIN dup ON dup.id_index = m.id_index
                     GROUP BY m.id_index HAVING count(DISTINCT {folded("m.name")}) > 1),
          listed AS (SELECT p.id, count(DISTINCT {folded("r.name")}) AS names
                       FROM checked_person p JOIN validation_sourcerow r ON r.id_index = p.id_index AND r.name <> p.name
                       JOIN validation_snapshot s ON s.id = r.snapshot_id AND s.current AND s.deleted_at IS NULL
                      WHERE r.name <> '' AND {folded("r.name")} <> {folded("p.name")} GROUP BY p.id)""",
        source="""checked_person p LEFT JOIN named n ON n.id_index = p.id_index AND p.id_kind NOT IN ('', '?')
                  AND p.id_fault <> 'characters' LEFT JOIN listed l ON l.id = p.id""",
        where="n.id_index IS NOT NULL OR l.id IS NOT NULL",
        of="p",
        reach=f"CASE WHEN n.id_index IS NULL THEN p.village ELSE {common_region('n.lo', 'n.hi')} END",
        seen="greatest(n.names, l.names + 1)::text",
        expected="'1'",
        basis="concat_ws('|', p.name, n.names, l.names)",
    )


def of_strange_name(persons, check):
    """Only the strange characters are shown, or the length: who may see the name sees it on the person's page."""
    strange = Q(name__regex=f"[{STRANGE}]") | Q(length__lt=check["min_length"]) | Q(length__gt=check["max_length"])
    characters = Func("name", text(f"[^{STRANGE}]"), text(""), text("g"), function="regexp_replace")
    seen = Coalesce(NullIf(characters, text("")), Cast("length", CharField()), output_field=CharField())
    return persons.annotate(length=Length("name")).filter(strange).annotate(seen=seen, basis=F("name"))


def too_old(persons, check):
    return shown(persons.filter(age_now__gt=check["max_age"]), "age_now", expected=f"≤ {check['max_age']:.0f}")


# --- telephone and bank card of a household -------------------------------------------------------------------------------


def of_faulty_phone(houses, check):
    found = houses.filter(has_phone=True, phone_valid=False)
    return found.annotate(seen=text("?"), expected=text("1xxxxxxxxxx / 0xx-xxxxxxxx"), basis=F("phone_index"))


def cadre_phones() -> list[bytes]:
    """Return the blind indexes of the telephones of those who work here; a resident's own number is no cadre's."""
    from accounts.models import User
    from accounts.roles import Role

    phones = User.objects.filter(is_active=True).exclude(role=Role.RESIDENT).exclude(phone="")
    read = [cells.phone(phone).value for phone in phones.values_list("phone", flat=True)]
    return [index for index in crypto.blind_many("phone", read) if index]


def of_shared_phone(houses, check):
    """More than {max_households} households with one telephone, or one that is a cadre's."""
    only = near(check, "phone_index", "checked_house")
    shared = SHARED.format(index="phone_index", registered=REGISTERED, most="%s", near=only)
    return common.found(
        before=f"WITH shared AS ({shared}), cadre AS (SELECT DISTINCT unnest(%s::bytea[]) AS phone_index)",
        source="""checked_house p LEFT JOIN shared s ON s.phone_index = p.phone_index
                  LEFT JOIN cadre c ON c.phone_index = p.phone_index""",
        where="s.phone_index IS NOT NULL OR c.phone_index IS NOT NULL",
        of="p",
        reach=f"CASE WHEN s.phone_index IS NULL THEN p.village ELSE {common_region('s.lo', 's.hi')} END",
        seen="concat_ws('；', s.households::text, CASE WHEN c.phone_index IS NOT NULL THEN '干部电话' END)",
        expected="'≤ ' || %s::text",
        basis="encode(p.phone_index, 'hex')",
        params=(int(check["max_households"]), cadre_phones(), f"{check['max_households']:.0f}"),
    )


def of_faulty_card(houses, check):
    """Not 16 to 19 digits, or the Luhn check fails.

    The account number of a passbook fails, too: that is why this is a warning only, to be confirmed as special.
    """
    found = houses.filter(has_card=True, card_valid=False)
    return found.annotate(seen=text("?"), expected=text("16-19"), basis=F("card_index"))


def of_shared_card(houses, check):
    only = near(check, "card_index", "checked_house")
    shared = SHARED.format(index="card_index", registered=REGISTERED, most="1", near=only)
    return common.found(
        before=f"WITH shared AS ({shared})",
        source="checked_house p JOIN shared s ON s.card_index = p.card_index",
        of="p",
        reach=common_region("s.lo", "s.hi"),
        seen="s.households::text",
        expected="'1'",
        basis="encode(p.card_index, 'hex')",
    )


def without_bank(houses, check):
    """A card without its bank. Whose name the account is in is not recorded, so that half is not checked."""
    return houses.filter(has_card=True).filter(Q(bank_name__isnull=True) | Q(bank_name="")).annotate(seen=text(NOTHING))


common.declare("ID-01", E, "member", _("The certificate number is missing"), without_number,
        _("Collect it from the household booklet"), "cert_no", facet=COMPLETE)  # fmt: skip
common.declare("ID-07", W, "member", _("The area code of the certificate number does not exist"), of_unknown_area,
        _("Compare with the card"), "cert_no", facet=VALID)  # fmt: skip
common.declare("ID-08", E, "member", _("The last two digits of the disability certificate are not valid"),
        of_faulty_certificate, _("Compare with the certificate"), "cert_no dis_type dis_level", facet=VALID)  # fmt: skip
common.declare("ID-13", W, "member", _("The same certificate number stands under different names"), of_other_name,
        _("Compare with the police's data"), "name cert_no")  # fmt: skip
common.declare("ID-14", W, "member", _("The name holds strange characters"), of_strange_name,
        _("Enter it again; the dot in a minority's name stays"), "name", facet=VALID,
        thresholds=(least("min_length", 2, _("shortest plausible name"), _("characters")),
                    least("max_length", 15, _("longest plausible name"), _("characters"))))  # fmt: skip
common.declare("ID-15", W, "member", _("The person is older than 110 years"), too_old,
        _("Compare with the pension office's proof of life"), "birth_date cert_no", facet=VALID,
        thresholds=(least("max_age", 110, _("highest plausible age"), _("years of age")),))  # fmt: skip
common.declare("ID-16", W, "household", _("The telephone number has a wrong form"), of_faulty_phone,
        _("Ask for it again"), "phone", facet=VALID)  # fmt: skip
common.declare("ID-17", W, "household", _("Several households use the same telephone number"), of_shared_phone,
        _("Ask for the household's own number"), "phone", facet=UNIQUE,
        thresholds=(least("max_households", 3, _("households that may share one telephone"), _("households")),))  # fmt: skip
common.declare("ID-18", W, "household", _("The bank card number fails its check"), of_faulty_card,
        _("Copy it from the card; mark a passbook"), "card_no bank_name", facet=VALID)  # fmt: skip
common.declare("ID-19", E, "household", _("The same bank card number stands in several households"), of_shared_card,
        _("Compare with the bank"), "card_no", facet=UNIQUE)  # fmt: skip
common.declare("ID-20", W, "household", _("The bank is missing, or the account is not in a member's name"), without_bank,
        _("Complete it"), "bank_name card_no", facet=COMPLETE)  # fmt: skip
