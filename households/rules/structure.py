"""Data rules over the structure of households: heads, relations, splits, doubles.

HH-01, HH-02 and HH-03 run at every import and are declared in `identity`.
"""

from django.db.models import Q
from django.utils.translation import gettext_noop as _

from households.codes import JOINING
from households.models import Lifecycle
from households.rules.common import (
    COMPARED,
    EVERYBODY,
    REGISTERED,
    E,
    W,
    common_region,
    declare,
    found,
    least,
    near,
    shown,
)
from poverty.declarations import Facet

MALE_KIN = ("03", "06", "07", "09", "11", "13", "15", "17", "19")
FEMALE_KIN = ("04", "05", "08", "10", "12", "14", "16", "18", "20")
CHILDREN, PARENTS = ("03", "04"), ("11", "12")
SPLIT, NEWBORN = "09", "06"
SPECIAL_SUPPORT = "3"
ABLE = "('01', '02', '05')"
YEARS, MONTHS = _("years of age"), _("months")


def empty(houses, check):
    return shown(houses.filter(living=0), "living", expected="≥ 1")


def of_other_sex_than_kin(persons, check):
    """The sex on the sheet counts; where it is missing, that of the identity number."""
    wrong = Q(relation__in=MALE_KIN, known_sex="2") | Q(relation__in=FEMALE_KIN, known_sex="1")
    return shown(persons.filter(wrong), "relation", "known_sex")


def couple_of_one_sex(houses, check):
    """With one head only: of several it is not known whose spouse it is."""
    same = Q(head_sex="1", spouses_male__gt=0) | Q(head_sex="2", spouses_female__gt=0)
    return shown(houses.filter(same, heads=1), "head_sex")


def with_two_spouses(houses, check):
    return shown(houses.filter(spouses__gt=1), "spouses", expected="1")


def of_wrong_generation(persons, check):
    """A son or daughter less than {min_gap} years younger than the head, a parent less than {min_gap} years older.

    Of a household with one head. Parents-in-law and children-in-law may be of any age.
    """
    least_years = "make_interval(years => %s)"
    # One reading of the persons: joined with themselves, in a preview, the planner misjudges how many heads there are.
    return found(
        f"""(SELECT id, household_id, village, relation, born, count(*) FILTER (WHERE relation = '01') OVER house AS heads,
                    min(born) FILTER (WHERE relation = '01') OVER house AS head_born
               FROM checked_person WHERE relation = '01' OR relation IN {CHILDREN} OR relation IN {PARENTS}
             WINDOW house AS (PARTITION BY household_id)) p""",
        where=f"""p.heads = 1 AND ((p.relation IN {CHILDREN} AND p.born < p.head_born + {least_years})
                  OR (p.relation IN {PARENTS} AND p.head_born < p.born + {least_years}))""",
        of="p",
        seen="""CASE WHEN p.relation IN ('03', '04') THEN date_part('year', age(p.born, p.head_born))
                ELSE date_part('year', age(p.head_born, p.born)) END::text""",
        expected="'≥ ' || %s::text",
        basis="concat_ws('|', p.relation, p.born, p.head_born)",
        params=(f"{check['min_gap']:.0f}", int(check["min_gap"]), int(check["min_gap"])),
    )


def with_child_as_head(houses, check):
    return shown(
        houses.filter(heads=1, head_age__lt=check["min_age"], adults__gt=0),
        "head_age", expected=f"≥ {check['min_age']:.0f}", more=("heads", "adults"),
    )  # fmt: skip


def split_up(houses, check):
    """Only old people or only minors, while somebody of working age of the same house is outside the register.

    Outside is, as far as our own data tell: who left this household by a split (分户) not more than {split_months}
    months ago and is present in no other registered household; and a household at the same address in the village that
    is not registered as poor (an ordinary farm household, a cancelled one). Children who never stood in our data are
    known to the police only: matching with their list finds them.
    """
    address = "nullif(regexp_replace(normalize({0}, NFKC), '[[:space:],.，。;；]', '', 'g'), '')"
    outside = f"o.lifecycle IN ('{Lifecycle.ORDINARY}', '{Lifecycle.CANCELLED}') OR o.status IN ('13', '14')"
    return found(
        before=f"""
          WITH alone AS (SELECT id, village, {address.format("address")} AS address FROM checked_house
                          WHERE aged = living AND living > 0 AND (youngest >= %s OR oldest < 18)),
          left_by_split AS (
            SELECT m.household_id, max(m.departed_on) AS departed_on FROM households_member m
              JOIN alone a ON a.id = m.household_id
             WHERE m.departed_as = '{SPLIT}' AND m.withdrawn_at IS NULL AND m.departed_on <= %s::date
               AND m.departed_on >= %s::date - make_interval(months => %s)
               AND date_part('year', age(m.departed_on, coalesce(m.id_birth_on, m.birth_on))) BETWEEN 18 AND 59
               AND (m.id_index IS NULL OR m.id_index NOT IN (
                    SELECT m.id_index FROM {EVERYBODY} WHERE {COMPARED} AND m.id_index IN (
                    SELECT id_index FROM households_member WHERE departed_as = '{SPLIT}')))
             GROUP BY m.household_id),
          beside AS (
            SELECT a.id, min(o.household_no) AS household_no FROM alone a
              JOIN households_household o ON o.village = a.village AND o.id <> a.id AND o.withdrawn_at IS NULL
               AND ({outside}) AND {address.format("o.address")} = a.address
              JOIN households_member m ON m.household_id = o.id AND m.departed_on IS NULL AND m.withdrawn_at IS NULL
               AND date_part('year', age(%s::date, coalesce(m.id_birth_on, m.birth_on))) BETWEEN 18 AND 59
             GROUP BY a.id)""",
        source="""checked_house p LEFT JOIN left_by_split l ON l.household_id = p.id LEFT JOIN beside b ON b.id = p.id""",
        where="l.household_id IS NOT NULL OR b.id IS NOT NULL",
        of="p",
        seen="concat_ws('；', '分户 ' || l.departed_on, b.household_no)",
        params=(int(check["old_age"]), check.on, check.on, int(check["split_months"]), check.on),
    )


def appeared_or_vanished(persons, check):
    """In one year's roster and not in the next, or the other way round, and no change of members says why.

    The rounds of a household are the years of which a roster holds rows of it; a year in which single persons were
    typed in (stamp "/3") is no round. Somebody who left is no longer among the persons checked: leaving is the event.
    """
    year = check.on.year
    homes = "(SELECT id, household_id FROM households_member WHERE household_id IN (SELECT household_id FROM checked_person)) h"
    rows = f"households_memberyear WHERE withdrawn_at IS NULL AND year <= {year}{near(check, 'member_id', homes, 'id')}"
    return found(
        before=f"""
          WITH rounds AS (SELECT household_id, year FROM {rows} AND stamp NOT LIKE '%%/3' GROUP BY household_id, year),
          house AS (SELECT household_id, array_agg(year ORDER BY year) AS years, min(year) AS first, max(year) AS last
                      FROM rounds GROUP BY household_id HAVING count(*) > 1),
          mine AS (SELECT y.member_id, min(y.year) AS first, max(y.year) AS last, count(*) AS number,
                          count(*) FILTER (WHERE r.year IS NOT NULL) AS in_rounds
                     FROM (SELECT member_id, household_id, year FROM {rows}) y JOIN house h ON h.household_id = y.household_id
                     LEFT JOIN rounds r ON r.household_id = y.household_id AND r.year = y.year GROUP BY y.member_id),
          moved AS (SELECT member_id, bool_or(kind IN {JOINING}) AS joined, bool_or(kind NOT IN {JOINING}) AS departed
                      FROM households_memberchange GROUP BY member_id)""",
        source="""checked_person p JOIN house h ON h.household_id = p.household_id JOIN mine x ON x.member_id = p.id
                  LEFT JOIN moved c ON c.member_id = p.id""",
        where="""(x.first > h.first AND c.joined IS NOT TRUE) OR (x.last < h.last AND c.departed IS NOT TRUE)
                 OR (x.in_rounds < (SELECT count(*) FROM unnest(h.years) one WHERE one BETWEEN x.first AND x.last)
                     AND c.member_id IS NULL)""",
        of="p",
        seen="x.first || CASE WHEN x.last > x.first THEN '-' || x.last ELSE '' END",
        expected="h.first || '-' || h.last",
    )


def of_strange_arrival(persons, check):
    """A newborn entered more than {max_months} months after birth, or anybody who came before being born."""
    return found(
        before=f"""
          WITH change AS (SELECT DISTINCT ON (c.member_id) c.member_id, c.kind, c.happened_on
                            FROM households_memberchange c JOIN checked_person p ON p.id = c.member_id
                           WHERE (c.kind IN {JOINING} AND c.happened_on < p.born)
                              OR (c.kind = '{NEWBORN}' AND c.happened_on > p.born + make_interval(months => %s))
                           ORDER BY c.member_id, c.happened_on DESC)""",
        source="checked_person p JOIN change c ON c.member_id = p.id",
        of="p",
        seen="c.happened_on::text",
        expected="p.born::text",
        params=(int(check["max_months"]),),
    )


def of_young_spouse(persons, check):
    """Below the legal age of marriage. Source: Civil Code, article 1047: men 22, women 20."""
    young = Q(known_sex="1", age__lt=check["male_age"]) | Q(known_sex="2", age__lt=check["female_age"])
    expected = f"男 ≥ {check['male_age']:.0f}；女 ≥ {check['female_age']:.0f}"
    return shown(persons.filter(young, relation="02"), "known_sex", "age", expected=expected)


def entered_twice(houses, check):
    """The head's spouse is head or spouse of another household, too; or two households with one telephone and position.

    Positions are compared inside cells of the grid as wide as the distance and those around them, so that no two
    households far apart are ever looked at together.
    """
    metres = float(check["max_metres"])
    cell = max(metres, 0.5) / 111_320  # degrees of latitude; of longitude as wide on our parallels as makes no matter
    place = f"floor(ST_X(h.position) / {cell * 1.7}) AS x, floor(ST_Y(h.position) / {cell}) AS y"
    return found(
        before=f"""
          WITH couple AS (
            SELECT m.id_index, count(DISTINCT m.household_id) AS households, min(m.village) AS lo, max(m.village) AS hi
              FROM {EVERYBODY} WHERE m.relation IN ('01', '02') AND {COMPARED}{near(check, "m.id_index", "checked_person")}
             GROUP BY m.id_index HAVING count(DISTINCT m.household_id) > 1 AND bool_or(m.relation = '02')),
          wed AS (SELECT p.household_id AS id, max(c.households) AS households, min(c.lo) AS lo, max(c.hi) AS hi
                    FROM checked_person p JOIN couple c ON c.id_index = p.id_index WHERE p.relation IN ('01', '02')
                   GROUP BY p.household_id),
          phone AS (SELECT phone_index FROM households_household h WHERE {REGISTERED} AND phone_index IS NOT NULL
                       AND position IS NOT NULL{near(check, "phone_index", "checked_house")} GROUP BY phone_index HAVING count(*) > 1),
          placed AS (SELECT h.id, h.village, h.phone_index, h.position, {place} FROM households_household h
                       JOIN phone ON phone.phone_index = h.phone_index WHERE {REGISTERED} AND h.position IS NOT NULL),
          near AS (SELECT a.id, count(*) + 1 AS households, least(a.village, min(b.village)) AS lo,
                          greatest(a.village, max(b.village)) AS hi
                     FROM placed a CROSS JOIN generate_series(-1, 1) i CROSS JOIN generate_series(-1, 1) j
                     JOIN placed b ON b.phone_index = a.phone_index AND b.x = a.x + i AND b.y = a.y + j AND b.id <> a.id
                      AND ST_DistanceSphere(a.position, b.position) < %s
                    GROUP BY a.id, a.village)""",
        source="checked_house p LEFT JOIN wed w ON w.id = p.id LEFT JOIN near n ON n.id = p.id",
        where="w.id IS NOT NULL OR n.id IS NOT NULL",
        of="p",
        reach=common_region("least(w.lo, n.lo)", "greatest(w.hi, n.hi)"),
        seen="concat_ws('；', '配偶 ' || w.households, '位置 ' || n.households)",
        expected="'1'",
        params=(metres,),
    )


def with_supporter(houses, check):
    """A special-support household with a member of working age who can work, weak labour included."""
    return found(
        before=f"""
          WITH able AS (SELECT household_id, count(*) AS members, string_agg(person_no, '|' ORDER BY id) AS who
                          FROM checked_person WHERE household_type = '{SPECIAL_SUPPORT}' AND labour IN {ABLE}
                           AND age BETWEEN %s AND %s GROUP BY household_id)""",
        source="checked_house p JOIN able a ON a.household_id = p.id",
        of="p",
        seen="a.members::text",
        expected="'0'",
        basis="a.who",
        params=(int(check["min_age"]), int(check["max_age"])),
    )


declare("HH-04", E, "household", _("The household is empty"), empty, _("Close it, or add its members"),
        "household_no", facet=Facet.COMPLETENESS)  # fmt: skip
declare("HH-05", E, "member", _("The person belongs to no household"), None, _("Link the person to a household"),
        "household_no", facet=Facet.VALIDITY,
        impossible=_("The database keeps no person without a household: a foreign key and a column that must be filled."),
        )  # fmt: skip
declare("HH-06", E, "household", _("The code of the village is not valid"), None, _("Choose the village"),
        "region_village", facet=Facet.VALIDITY,
        impossible=_("The database keeps no household outside a village of the tree: a foreign key, and a check of the"
                     " code's length."))  # fmt: skip
declare("HH-07", E, "member", _("The relation to the head and the sex contradict each other"), of_other_sex_than_kin,
        _("Correct either"), "relation sex")  # fmt: skip
declare("HH-08", E, "household", _("Head and spouse are of one sex"), couple_of_one_sex,
        _("Correct the sex or the number"), "relation sex cert_no")  # fmt: skip
declare("HH-09", E, "household", _("The head has more than one spouse"), with_two_spouses, _("Correct the relation"),
        "relation")  # fmt: skip
declare("HH-10", W, "member", _("The difference in age to the head is not plausible"), of_wrong_generation,
        _("Correct the relation"), "relation birth_date",
        thresholds=(least("min_gap", 15, _("smallest plausible gap between parent and child"), YEARS),))  # fmt: skip
declare("HH-11", W, "household", _("The head is younger than 16"), with_child_as_head, _("Choose another head"),
        "relation", thresholds=(least("min_age", 16, _("youngest plausible head"), YEARS),))  # fmt: skip
declare("HH-12", W, "household", _("Perhaps split up to receive benefits"), split_up,
        _("Compare with the police's register"), "household_no address",
        thresholds=(least("old_age", 60, _("age from which all members count as old"), YEARS),
                    least("split_months", 24, _("how far back a split is looked for"), MONTHS)))  # fmt: skip
declare("HH-13", W, "member", _("Somebody came or went and no change of members says why"), appeared_or_vanished,
        _("Record the change of members"), "person_no", facet=Facet.TIMELINESS)  # fmt: skip
declare("HH-14", W, "member", _("The date at which somebody came is not plausible"), of_strange_arrival,
        _("Correct the date"), "birth_date",
        thresholds=(least("max_months", 12, _("latest entry of a newborn"), MONTHS),))  # fmt: skip
declare("HH-15", W, "member", _("The spouse is below the legal age of marriage"), of_young_spouse,
        _("Look into it"), "relation birth_date",
        thresholds=(least("male_age", 22, _("legal marriage age of men"), YEARS),
                    least("female_age", 20, _("legal marriage age of women"), YEARS)))  # fmt: skip
declare("HH-16", W, "household", _("Perhaps one household entered twice"), entered_twice, _("Put them together"),
        "household_no phone", reads="checked_person", facet=Facet.UNIQUENESS,
        thresholds=(least("max_metres", 5, _("distance at which two houses count as one"), _("metres"), whole=False),),
        )  # fmt: skip
declare("HH-17", W, "household", _("A special-support household has a member who can work"), with_supporter,
        _("Look at the type again"), "household_type labour", reads="checked_person",
        thresholds=(least("min_age", 16, _("working age from"), YEARS),
                    least("max_age", 65, _("working age to"), YEARS)))  # fmt: skip
