"""Data rules over codes that contradict each other, or the person they are written of (CD).

What is not filled in is not "another value": a rule that looks for what is missing says so in its title. School rules
count the age on 31 August (`school_age`), the others on the day of the data.
"""

from django.db.models import (
    Case,
    CharField,
    DecimalField,
    ExpressionWrapper,
    F,
    IntegerField,
    Q,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, ExtractYear, NullIf
from django.utils.translation import gettext_noop as _

from households.checked import EXITED
from households.models import Lifecycle
from households.rules.common import E, I, W, declare, found, least, number, said, shown, text
from poverty.declarations import Facet

ILLITERATE, PRIMARY, PRESCHOOL_CHILD = "01", "02", "06"
FROM_JUNIOR = ("03", "04", "05", "07", "08")  # education: junior school and above, so grade 9 is behind
AT_HOME, PRESCHOOL = "01", "02"  # student status
COMMON, SKILLED, LOST, NONE, WEAK = "01", "02", "03", "04", "05"  # labour ability
HEALTHY, GRAVELY_ILL, DISABLED = "01", "03", "04"
ILL, CRIPPLED, SCHOOLING, NO_LABOUR = "01", "02", "03", "08"  # main causes
ORDINARY_POOR, DIBAO_POOR, TEKUN_POOR = "1", "2", "3"
EXIT = Q(status__in=EXITED) | Q(lifecycle=Lifecycle.EXITED)
YEARS, MU, MONTHS = _("years of age"), _("mu"), _("months")

# Student status: the ages at which one is in it (school age; None: no end). The school for technicians (技师学院) takes
# pupils from junior school on and has no end of age.
GRADES = (
    (("03",), 6, 14),
    (("04", "05", "06"), 12, 17),
    (("07", "08", "09", "10", "11", "12"), 15, 20),
    (("17",), 15, None),
    (("13", "14", "15", "16", "18"), 18, None),
    (("19",), 20, None),
)
# Grades of one year each. Pre-school and primary school are one status for several years, college has none by year.
YEARLY = ("04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15")


def blank(name: str) -> Q:
    return Q(**{f"{name}__isnull": True}) | Q(**{name: ""})


def filled(name: str) -> Q:
    return ~blank(name)


NOT_AT_SCHOOL = blank("student_status") | Q(student_status=AT_HOME)


# --- school ---------------------------------------------------------------------------------------------------------------


def out_of_school(persons, check):
    hits = persons.filter(NOT_AT_SCHOOL, blank("dropout_reason"), school_age__range=(6, 15))
    hits = hits.exclude(education__in=FROM_JUNIOR)
    return shown(hits, "student_status", "school_age", more=("education", "dropout_reason"))


def out_of_preschool(persons, check):
    hits = persons.filter(NOT_AT_SCHOOL, blank("dropout_reason"), school_age__range=(3, 5))
    return shown(hits, "student_status", "school_age", more=("dropout_reason",))


def too_learned(persons, check):
    learned = Q(age__lte=6, education__in=FROM_JUNIOR)
    at_school = Q(age__lt=5) & filled("student_status") & ~Q(student_status__in=(AT_HOME, PRESCHOOL))
    return shown(persons.filter(learned | at_school), "education", "student_status", "age")


def preschool_child_too_old(persons, check):
    return shown(persons.filter(education=PRESCHOOL_CHILD, age__gte=7), "education", "age")


def grade_outside_age(persons, check):
    outside, expected = Q(pk__in=[]), []
    for codes, lo, hi in GRADES:
        wrong = Q(school_age__lt=lo) | (Q(school_age__gt=hi) if hi else Q(pk__in=[]))
        outside |= Q(student_status__in=codes) & wrong
        expected.append(When(student_status__in=codes, then=text(f"{lo}-{hi}" if hi else f"≥ {lo}")))
    hits = shown(persons.filter(outside), "student_status", "school_age")
    return hits.annotate(expected=Case(*expected, default=text(""), output_field=TextField()))


def same_grade(persons, check):
    """The same grade in the newest {rounds} yearly rounds. Pre-school, primary school and college last longer."""
    rounds = int(check["rounds"])
    return found(
        before=f"""
          WITH newest AS (
            SELECT p.id, y.student_status, y.year, row_number() OVER (PARTITION BY p.id ORDER BY y.year DESC) AS nth
              FROM checked_person p JOIN households_memberyear y ON y.member_id = p.id AND y.withdrawn_at IS NULL
               AND y.year <= {check.on.year}
             WHERE p.student_status IN {YEARLY}),
          same AS (SELECT id, min(student_status) AS status, min(year) AS first, max(year) AS last FROM newest
                    WHERE nth <= %s GROUP BY id
                   HAVING count(*) = %s AND min(student_status) = max(student_status) AND count(student_status) = %s)""",
        source="checked_person p JOIN same s ON s.id = p.id",
        of="p",
        seen=f"{_grade_label('s.status')} || '；' || s.first || '-' || s.last",
        params=(rounds, rounds, rounds),
    )


def _grade_label(column: str) -> str:
    from households.codes import STUDENT_STATUS

    whens = " ".join(f"WHEN '{code}' THEN '{STUDENT_STATUS.label(code)}'" for code in YEARLY)
    return f"CASE {column} {whens} END"


def education_or_school(persons, check):
    """Both empty, or both filled. Not being at school (非在校生) beside an education is one of the two."""
    both_empty = blank("education") & blank("student_status")
    small = Q(education=PRESCHOOL_CHILD, student_status=PRESCHOOL)  # a child in pre-school is a pre-school child
    both_filled = filled("education") & ~NOT_AT_SCHOOL & ~small
    return shown(persons.filter(both_empty | both_filled), "education", "student_status")


def young_and_unlearned(persons, check):
    hits = persons.filter(
        NOT_AT_SCHOOL,
        education__in=(ILLITERATE, PRIMARY),
        school_age__range=(int(check["min_age"]), int(check["max_age"])),
    )
    return shown(hits, "education", "school_age", more=("student_status",))


# --- work, labour, health -------------------------------------------------------------------------------------------------


def working_child(persons, check):
    hits = persons.filter(works=True, age__lt=check["min_age"])
    return shown(hits, "age", "work_area", "work_months", expected=f"≥ {check['min_age']:.0f}")


def able_child(persons, check):
    hits = persons.filter(filled("labour"), age__lt=check["min_age"]).exclude(labour=NONE)
    return shown(hits, "labour", "age", expected="无劳动力")


def able_old_person(persons, check):
    hits = persons.filter(age__gte=check["min_age"], labour__in=(COMMON, SKILLED, LOST))
    return shown(hits, "labour", "age", expected="弱劳动力或半劳动力 / 无劳动力")


def unable_healthy_person(persons, check):
    hits = persons.filter(
        NOT_AT_SCHOOL,
        age__range=(int(check["min_age"]), int(check["max_age"])),
        health=[HEALTHY],
        labour__in=(WEAK, LOST, NONE),
    )
    return shown(hits, "labour", "age", more=("health", "student_status"))


def working_without_labour(persons, check):
    return shown(persons.filter(labour__in=(LOST, NONE), works=True), "labour", "work_area", "work_months")


def months_out_of_range(persons, check):
    wrong = Q(work_months__lt=0) | Q(work_months__gt=12) | ~Q(work_months=Cast("work_months", IntegerField()))
    return shown(persons.filter(wrong, work_months__isnull=False), "work_months", expected="0-12")


def area_without_months(persons, check):
    months, area = Q(work_months__gt=0), filled("work_area")
    return shown(persons.filter((area & ~_true(months)) | (months & ~area)), "work_area", "work_months")


def _true(condition: Q) -> Q:
    """Return the condition as one that is false, not unknown, where a column is empty."""
    return condition & Q(work_months__isnull=False)


def disability_unclear(persons, check):
    """Disabled without type or level, or a type or level without being disabled. What is shown is which is missing."""
    disabled = Q(health__contains=[DISABLED])
    unknown = Q(health__isnull=True) | ~disabled
    lacking = blank("dis_type") | blank("dis_level")
    some = filled("dis_type") | filled("dis_level")
    hits = persons.filter((disabled & lacking) | (unknown & some))
    return hits.annotate(
        seen=Case(
            When(disabled & blank("dis_type") & blank("dis_level"), then=text("残疾类别 —；残疾等级 —")),
            When(disabled & blank("dis_type"), then=text("残疾类别 —")),
            When(disabled, then=text("残疾等级 —")),
            default=text("健康状况"),
            output_field=TextField(),
        ),
        basis=said(hits.model, ("health", "dis_type", "dis_level")),
    )


def illness_unnamed(persons, check):
    """Diseases and treatments are not recorded yet, so that everybody gravely ill is found: the rule is shipped off."""
    hits = persons.filter(health__contains=[GRAVELY_ILL])
    return hits.annotate(seen=text("—"), basis=said(hits.model, ("health",)))


# --- the household's type, causes, support ----------------------------------------------------------------------------------


def without_cause(houses, check):
    """An ordinary farm household, which is in our data for being watched, has no cause of poverty to tell."""
    hits = houses.filter(blank("main_cause")).exclude(lifecycle=Lifecycle.ORDINARY).exclude(status="14")
    return shown(hits, "main_cause")


def with_wrong_causes(houses, check):
    wrong = Q(other_causes__len__gt=2) | Q(other_causes__contains=_as_list("main_cause"))
    return shown(houses.filter(wrong), "main_cause", "other_causes", expected="≤ 2")


def _as_list(name: str):
    from django.contrib.postgres.fields import ArrayField
    from django.db.models import Func

    return Func(F(name), function="array", template="ARRAY[%(expressions)s]", output_field=ArrayField(CharField()))


def cause_not_borne_out(houses, check):
    """The main cause against the members: ill but all are healthy, disabled but nobody is, schooling but nobody at
    school, lack of labour but at least half are common or skilled labour (weak labour is what such a household has)."""
    wrong = (
        Q(main_cause=ILL, healthy=F("living"))
        | Q(main_cause=CRIPPLED, disabled=0, health_known__gt=0)
        | Q(main_cause=SCHOOLING, pupils=0)
        | Q(main_cause=NO_LABOUR, normal_labour__gte=F("living") / 2.0)
    )
    more = ("living", "healthy", "disabled", "pupils", "normal_labour")
    return shown(houses.filter(wrong, living__gt=0), "main_cause", more=more)


def type_against_allowance(houses, check):
    """Type and allowance of the members; where nothing is known of any member's, a type is not contradicted."""
    wrong = Q(household_type=DIBAO_POOR, dibao_members=0, dibao_known__gt=0) | Q(
        household_type=ORDINARY_POOR, dibao_members__gt=0
    )
    return shown(houses.filter(wrong), "household_type", "dibao_members")


def supported_twice(houses, check):
    wrong = Q(household_type=TEKUN_POOR, dibao_members__gt=0) | Q(t_dibao_yuan__gt=0, t_tekun_yuan__gt=0)
    return shown(houses.filter(wrong), "household_type", "dibao_members", "t_dibao_yuan", "t_tekun_yuan")


# --- dwelling, water, land ----------------------------------------------------------------------------------------------


def danger_against_grade(houses, check):
    wrong = Q(house_dangerous=True, house_grade__in=("A", "B")) | Q(house_dangerous=False, house_grade__in=("C", "D"))
    return shown(houses.filter(wrong), "house_dangerous", "house_grade")


def exited_without_guarantees(houses, check):
    """Exited, yet a dangerous house (by the yes or no; the grade stands in where it is missing), unsafe water, a child
    that dropped out of school without an excuse, or a member who is in no medical insurance."""
    dangerous = Q(house_dangerous=True) | Q(house_dangerous__isnull=True, house_grade__in=("C", "D"))
    lacking = (
        (dangerous, "危房"),
        (Q(water_safe=False), "饮水不安全"),
        (Q(dropouts__gt=0), "辍学"),
        (Q(uninsured__gt=0), "未参保"),
    )
    wrong = Q(pk__in=[])
    for one, _word in lacking:
        wrong |= one
    parts = [
        Case(When(one, then=text(word + "；")), default=text(""), output_field=TextField()) for one, word in lacking
    ]
    return houses.filter(EXIT).filter(wrong).annotate(seen=Concat(*parts, output_field=TextField()))


def water_against_itself(houses, check):
    return shown(houses.filter(water_safe=True, water_hard=True), "water_safe", "water_hard")


HEADS = Coalesce(NullIf(F("living"), Value(0)), F("size"), output_field=IntegerField())


def per_head(name: str):
    share = F(name) / NullIf(HEADS, Value(0))
    return ExpressionWrapper(share, output_field=DecimalField(max_digits=14, decimal_places=4))


def strange_house_size(houses, check):
    """Empty, nothing, or too large a head: of households of which a year is known at all."""
    hits = houses.filter(year_id__isnull=False).annotate(share=per_head("house_m2"))
    wrong = Q(house_m2__isnull=True) | Q(house_m2__lte=0) | Q(share__gt=check["max_m2"])
    return shown(hits.filter(wrong), "house_m2", "living", expected=f"≤ {check['max_m2']:.0f} m²/人")


def strange_land(houses, check):
    hits = houses.annotate(arable_share=per_head("arable_mu"), forest_share=per_head("forest_mu"))
    wrong = Q(arable_share__gt=check["arable_head"]) | Q(forest_share__gt=check["forest_head"])
    for name in ("arable_mu", "pasture_mu", "water_mu"):
        wrong |= Q(**{f"{name}__gt": check["field_house"]})
    for name in ("forest_mu", "orchard_mu"):
        wrong |= Q(**{f"{name}__gt": check["wood_house"]})
    return shown(hits.filter(wrong), "arable_mu", "forest_mu", "orchard_mu", "pasture_mu", "water_mu", "living")


def more_green_than_land(houses, check):
    zero = Value(0, output_field=DecimalField())
    land = Coalesce(F("forest_mu"), zero) + Coalesce(F("pasture_mu"), zero)
    hits = houses.annotate(land=ExpressionWrapper(land, output_field=DecimalField(max_digits=14, decimal_places=3)))
    hits = hits.filter(grain_to_green_mu__gt=F("land"))
    return shown(hits, "grain_to_green_mu", more=("forest_mu", "pasture_mu")).annotate(
        expected=Concat(text("≤ "), number("land"), output_field=TextField())
    )


def strange_road(houses, check):
    far = Case(When(road_km__gt=check["error_km"], then=text("E")), default=text("W"), output_field=TextField())
    hits = houses.filter(road_km__gt=check["max_km"])
    return shown(hits, "road_km", expected=f"≤ {check['max_km'].normalize():f}", row_severity=far)


# --- insurance, exit, party ---------------------------------------------------------------------------------------------


def insured_twice_or_not(persons, check):
    both = Q(med_resident=True, med_employee=True)
    neither = (Q(med_resident=False) | Q(med_resident__isnull=True)) & (
        Q(med_employee=False) | Q(med_employee__isnull=True)
    )
    severity = Case(When(both, then=text("W")), default=text("E"), output_field=TextField())
    return shown(persons.filter(both | neither), "med_resident", "med_employee", row_severity=severity)


def without_critical_cover(persons, check):
    hits = persons.filter(Q(critical_illness=False) | Q(critical_illness__isnull=True))
    return shown(hits, "critical_illness", expected="是")


def exit_before_entry(houses, check):
    missing = EXIT & Q(exit_year__isnull=True)
    hits = houses.annotate(entry_year=ExtractYear("first_recog_on"))
    hits = hits.filter(missing | Q(exit_year__lt=F("entry_year")))
    expected = Concat(text("≥ "), Cast("entry_year", TextField()), output_field=TextField())
    return shown(hits, "exit_year", more=("first_recog_on",)).annotate(expected=expected)


def young_party_member(persons, check):
    hits = persons.filter(political__in=("01", "02"), age__lt=check["min_age"])
    return shown(hits, "political", "age", expected=f"≥ {check['min_age']:.0f}")


# --- villages -----------------------------------------------------------------------------------------------------------


def village_incomplete(villages, check):
    """A village's facts are missing, or less than its registered households add up to.

    The profile holds households, population, poor village and broadband; land, clinic and road of a village are not in
    it, so what the rule says of those is not checked.
    """
    parts = (
        (Q(has_profile=False) | Q(total_households__isnull=True), text("总户数 —")),
        (Q(total_households=0), text("总户数 0")),
        (Q(has_profile=True, broadband__isnull=True), text("通宽带 —")),
        (
            Q(total_households__gt=0, registered__gt=F("total_households")),
            Concat(
                text("建档立卡户 "), Cast("registered", TextField()), text(" > "), Cast("total_households", TextField())
            ),
        ),
        (
            Q(total_households__gt=0, troubled__gt=F("total_households")),
            Concat(
                text("危房+饮水困难 "),
                Cast("troubled", TextField()),
                text(" > "),
                Cast("total_households", TextField()),
            ),
        ),
    )
    wrong = Q(pk__in=[])
    words = []
    for condition, word in parts:
        wrong |= condition
        words.append(Case(When(condition, then=Concat(word, text("；"))), default=text(""), output_field=TextField()))
    hits = villages.annotate(troubled=F("dangerous") + F("hard_water")).filter(wrong)
    return hits.annotate(seen=Concat(*words, output_field=TextField()))


COMPLETE, VALID, TIMELY = Facet.COMPLETENESS, Facet.VALIDITY, Facet.TIMELINESS

declare("CD-01", E, "member", _("Of the age of compulsory schooling, not at school, and no reason given"), out_of_school,
        _("Give the reason or the school; follow the drop-out up"), "student_status dropout_reason")  # fmt: skip
declare("CD-02", I, "member", _("A pre-school child not in pre-school, and no reason given"), out_of_preschool,
        _("Confirm"), "student_status dropout_reason")  # fmt: skip
declare("CD-03", E, "member", _("Work is filled in for somebody younger than 16"), working_child,
        _("Take it out; report child labour"), "work_area work_months",
        thresholds=(least("min_age", 16, _("youngest age of work"), YEARS),))  # fmt: skip
declare("CD-04", E, "member", _("Below 16 the labour ability has to be none"), able_child, _("Set it to none"), "labour",
        thresholds=(least("min_age", 16, _("youngest age of work"), YEARS),),
        fix="households.fixes.no_labour_of_children")  # fmt: skip
declare("CD-05", W, "member", _("The labour ability of somebody of 60 or older is not plausible"), able_old_person,
        _("Set it to weak, half or none"), "labour",
        thresholds=(least("min_age", 60, _("age from which labour is weak at most"), YEARS),))  # fmt: skip
declare("CD-06", W, "member", _("A healthy person of working age lacks labour ability"), unable_healthy_person,
        _("Correct labour ability or health"), "labour health",
        thresholds=(least("min_age", 16, _("working age from"), YEARS),
                    least("max_age", 59, _("working age to"), YEARS)))  # fmt: skip
declare("CD-07", W, "member", _("Works, without labour ability"), working_without_labour, _("Correct it"),
        "labour work_area work_months")  # fmt: skip
declare("CD-08", E, "member", _("The schooling of a pre-school child is too high"), too_learned,
        _("Set it to pre-school"), "education student_status")  # fmt: skip
declare("CD-09", E, "member", _("Still a pre-school child at 7 or older"), preschool_child_too_old, _("Correct it"),
        "education")  # fmt: skip
declare("CD-10", W, "member", _("The grade does not fit the age"), grade_outside_age, _("Compare with the school's roll"),
        "student_status")  # fmt: skip
declare("CD-11", W, "member", _("The school situation was not updated for three years"), same_grade, _("Update it"),
        "student_status", facet=TIMELY, thresholds=(least("rounds", 3, _("rounds with the same grade")),))  # fmt: skip
declare("CD-12", W, "member", _("Education and school situation are both empty, or both filled in"), education_or_school,
        _("Keep one of them"), "education student_status")  # fmt: skip
declare("CD-13", I, "member", _("Of 16 to 22 years with primary education at most"), young_and_unlearned,
        _("Look whether it was a drop-out"), "education student_status",
        thresholds=(least("min_age", 16, _("looked at from the age of"), YEARS),
                    least("max_age", 22, _("looked at to the age of"), YEARS)))  # fmt: skip
declare("CD-14", E, "member", _("The months of work are not 0 to 12"), months_out_of_range, _("Correct it"),
        "work_months", facet=VALID)  # fmt: skip
declare("CD-15", W, "member", _("Area of work and months of work do not fit"), area_without_months, _("Complete it"),
        "work_area work_months", facet=COMPLETE)  # fmt: skip
declare("CD-16", E, "member", _("Disability and disability certificate do not agree"), disability_unclear,
        _("Complete it"), "dis_type dis_level health")  # fmt: skip
declare("CD-17", W, "member", _("The grave illness is not named"), illness_unnamed, _("Complete it"), "health",
        facet=COMPLETE, on=False)  # fmt: skip
declare("CD-18", E, "household", _("The main cause of poverty is missing"), without_cause, _("Fill it in"), "main_cause",
        facet=COMPLETE)  # fmt: skip
declare("CD-19", E, "household", _("More than two other causes, or one that is the main cause"), with_wrong_causes,
        _("Correct it"), "other_causes main_cause", fix="households.fixes.other_causes_once")  # fmt: skip
declare("CD-20", W, "household", _("The cause of poverty does not fit the family"), cause_not_borne_out,
        _("Correct the cause or the member"), "main_cause")  # fmt: skip
declare("CD-21", E, "household", _("The type does not fit the members on minimum living allowance"),
        type_against_allowance, _("Compare with civil affairs"), "household_type dibao")  # fmt: skip
declare("CD-22", E, "household", _("Minimum living allowance and destitute support at the same time"), supported_twice,
        _("Stop one of them"), "household_type dibao t_dibao t_tekun")  # fmt: skip
declare("CD-23", E, "household", _("Dangerous house and house grade contradict each other"), danger_against_grade,
        _("Follow the appraisal"), "house_dangerous house_grade", fix="households.fixes.danger_of_grade")  # fmt: skip
declare("CD-24", E, "household", _("Exited without the three guarantees"), exited_without_guarantees,
        _("Correct the data, or help again"), "status house_dangerous water_safe")  # fmt: skip
declare("CD-25", E, "household", _("Safe water and water hard to get contradict each other"), water_against_itself,
        _("Correct it"), "water_safe water_hard")  # fmt: skip
declare("CD-26", W, "household", _("The floor of the house is not plausible"), strange_house_size, _("Measure it"),
        "house_m2", facet=VALID,
        thresholds=(least("max_m2", 200, _("largest plausible floor per head"), "m²", whole=False),))  # fmt: skip
declare("CD-27", W, "household", _("The area of land is not plausible"), strange_land,
        _("Look at the unit: square metres or mu"), "arable forest orchard pasture water", facet=VALID,
        thresholds=(least("arable_head", 50, _("most arable land per head"), MU, whole=False),
                    least("forest_head", 70, _("most forest per head"), MU, whole=False),
                    least("field_house", 100, _("most arable land, pasture or water of a household"), MU, whole=False),
                    least("wood_house", 200, _("most forest or orchard of a household"), MU, whole=False)))  # fmt: skip
declare("CD-28", W, "household", _("More land turned from grain to green than forest and pasture"), more_green_than_land,
        _("Correct it"), "grain_to_green forest pasture")  # fmt: skip
declare("CD-29", W, "household", _("The distance to the trunk road is not plausible"), strange_road,
        _("Look at the unit: metres or kilometres"), "road_km", facet=VALID,
        thresholds=(least("max_km", 5, _("farthest plausible road"), "km", whole=False),
                    least("error_km", 50, _("distance from which it is an error"), "km", whole=False)))  # fmt: skip
declare("CD-30", W, "member", _("In two medical insurances, or in none"), insured_twice_or_not,
        _("Compare with the medical insurer"), "med_resident med_employee")  # fmt: skip
declare("CD-31", W, "member", _("Without critical-illness cover"), without_critical_cover, _("Insure the person"),
        "critical_illness", facet=COMPLETE)  # fmt: skip
declare("CD-32", E, "household", _("The year of exit is missing, or before the recognition"), exit_before_entry,
        _("Correct it"), "exit_year first_recog")  # fmt: skip
declare("CD-33", W, "member", _("A party member younger than 18"), young_party_member, _("Correct it"),
        "political birth_date", thresholds=(least("min_age", 18, _("youngest party member"), YEARS),))  # fmt: skip
declare("CD-34", I, "village", _("Facts of the village are missing or contradict each other"), village_incomplete,
        _("Complete it"), "", facet=COMPLETE)  # fmt: skip
