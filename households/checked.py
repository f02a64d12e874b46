"""What data rules look at: one row per person, household and village, with the newest year beside it.

The engine makes these tables once for all rules of a run (`poverty.declarations.Pass`). Only who is present is in
them: members neither departed nor withdrawn, of households in the register. A year is the newest not after the check
date's. Ages count full years on the day of the check; where the year's data are older, on the day of the data: a child
of a roster of 2020 has not left school by growing older in our calendar. School rules count on 31 August.
A person is born when a sound identity number says so, and of the sex that the sheet says; each stands in where the
other is silent.
"""

from django.db import models
from django.utils.translation import gettext_noop as _

from households import codes
from households.checked_labels import LABELS
from households.models import Household, HouseholdYear, Member, MemberYear
from poverty.declarations import Pass, Subject, passes, subjects
from poverty.fields import village_field

EXITED = ("03", "05", "12")  # status: exited before, newly exited, exited
POOR = ("02", "04", "11")  # returned, not exited, pre-exit
IN_DIBAO = ("rural", "city", "yes")
WORKS = "(coalesce(y.work_area, '') <> '' OR coalesce(y.work_months, 0) > 0)"


def _own_columns(model, *without: str) -> list[str]:
    """Return the columns of a year's row that say something of the year."""
    skip = {"id", "household_id", "member_id", "village", "year", "withdrawn_at", "stamp", "field_stamps"}
    skip |= {"source_batch_id", "source_sheet", "source_row", *without}
    return [field.column for field in model._meta.concrete_fields if field.column not in skip]


def newest(table: str, key: str, year: int) -> str:
    """SQL: the rows of a year table that are the newest of their `key`, not after `year`."""
    return (
        f"(SELECT a.* FROM {table} a LEFT JOIN {table} b ON b.{key} = a.{key} AND b.year > a.year"
        f" AND b.year <= {year} AND b.withdrawn_at IS NULL"
        f" WHERE b.{key} IS NULL AND a.year <= {year} AND a.withdrawn_at IS NULL)"
    )


def age_sql(born: str, on: str) -> str:
    return f"date_part('year', age({on}, {born}))::int"


def school_day(on: str) -> str:
    """SQL: 31 August at or before the day `on`."""
    return (
        f"make_date(date_part('year', {on})::int - CASE WHEN date_part('month', {on}) > 8"
        f" OR (date_part('month', {on}) = 8 AND date_part('day', {on}) = 31) THEN 0 ELSE 1 END, 8, 31)"
    )


def persons(check) -> tuple[str, tuple]:
    on = f"'{check.on.isoformat()}'::date"
    years = ", ".join(f"y.{column}" for column in _own_columns(MemberYear))
    return (
        f"""SELECT x.*, {age_sql("x.born", "x.data_on")} AS age, {age_sql("x.born", on)} AS age_now,
                   {age_sql("x.born", school_day("x.data_on"))} AS school_age
              FROM (
            SELECT m.id, m.household_id, m.village, m.person_no, m.name, m.sex, m.birth_on, m.birth_precision,
                   m.cert_type, m.cert_no_index IS NOT NULL AS has_cert, m.id_index, m.id_kind, m.id_fault, m.id_area,
                   m.id_birth_on, m.id_sex, m.relation, m.political, m.soldier, m.person_recog_on,
                   CASE WHEN m.id_birth_on IS NOT NULL AND m.id_fault IN ('', 'certificate') THEN m.id_birth_on
                        ELSE coalesce(m.birth_on, m.id_birth_on) END AS born,
                   CASE WHEN m.sex IN ('1', '2') THEN m.sex
                        WHEN m.id_fault IN ('', 'certificate') THEN m.id_sex ELSE '' END AS known_sex,
                   h.household_no, h.household_type, h.status, h.lifecycle, h.main_cause,
                   least({on}, coalesce(left(nullif(y.stamp, ''), 10)::date, {on})) AS data_on,
                   y.id AS year_id, y.year, {WORKS} AS works, {years}
              FROM households_member m
              JOIN households_household h ON h.id = m.household_id
              LEFT JOIN {newest("households_memberyear", "member_id", check.on.year)} y ON y.member_id = m.id
             WHERE m.departed_on IS NULL AND m.withdrawn_at IS NULL AND h.withdrawn_at IS NULL
               AND h.lifecycle <> 'CANCELLED' AND {check.limit("m.household_id", "m.village")}) x""",
        (),
    )


# column: what is counted of the household's present members
COUNTS = {
    "living": "count(*)",
    "heads": "count(*) FILTER (WHERE relation = '01')",
    "spouses": "count(*) FILTER (WHERE relation = '02')",
    "adults": "count(*) FILTER (WHERE age >= 18)",
    "minors": "count(*) FILTER (WHERE age < 18)",
    "over60": "count(*) FILTER (WHERE age >= 60)",
    "able": "count(*) FILTER (WHERE labour IN ('01', '02', '05'))",
    "workers": "count(*) FILTER (WHERE works)",
    "work_months_sum": "coalesce(sum(work_months), 0)",
    "with_months": "count(*) FILTER (WHERE work_months > 0)",
    "students": "count(*) FILTER (WHERE student_status NOT IN ('01', '02') AND student_status <> '')",
    "pupils": "count(*) FILTER (WHERE coalesce(student_status, '') NOT IN ('01', ''))",
    "healthy": "count(*) FILTER (WHERE health = ARRAY['01']::varchar[])",
    "health_known": "count(*) FILTER (WHERE cardinality(health) > 0)",
    "not_healthy": "count(*) FILTER (WHERE health && ARRAY['02', '03', '04']::varchar[])",
    "ill": "count(*) FILTER (WHERE health && ARRAY['02', '03']::varchar[])",
    "disabled": "count(*) FILTER (WHERE health && ARRAY['04']::varchar[])",
    "dibao_members": "count(*) FILTER (WHERE dibao IN ('rural', 'city', 'yes'))",
    "dibao_known": "count(*) FILTER (WHERE coalesce(dibao, '') <> '')",
    "tekun_members": "count(*) FILTER (WHERE tekun)",
    "uninsured": "count(*) FILTER (WHERE med_resident IS FALSE AND med_employee IS NOT TRUE)",
    # Ill or disabled, entered later, resting for a while, taught at home: no drop-out.
    "dropouts": "count(*) FILTER (WHERE school_age BETWEEN 6 AND 15 AND coalesce(student_status, '01') IN ('01', '')"
    " AND coalesce(education, '') NOT IN ('03', '04', '05', '07', '08')"
    " AND coalesce(dropout_reason, '') NOT IN ('01', '02', '06', '07', '08'))",
    "pension_members": "count(*) FILTER (WHERE pension_resident AND age >= 60)",
    "head_age": "min(age) FILTER (WHERE relation = '01')",
    "head_sex": "min(known_sex) FILTER (WHERE relation = '01')",
    "spouse_sex": "min(known_sex) FILTER (WHERE relation = '02')",
    "spouses_male": "count(*) FILTER (WHERE relation = '02' AND known_sex = '1')",
    "spouses_female": "count(*) FILTER (WHERE relation = '02' AND known_sex = '2')",
    "youngest": "min(age)",
    "oldest": "max(age)",
    "aged": "count(age)",
    "normal_labour": "count(*) FILTER (WHERE labour IN ('01', '02'))",
}
OF_ONE = {"head_age", "head_sex", "spouse_sex", "youngest", "oldest"}
HOUSEHOLD = (
    *("household_no", "household_type", "status", "lifecycle", "exit_year", "standard", "first_recog_on", "main_cause"),
    *("other_causes", "army_family", "only_child", "two_daughters", "phone_index", "phone_valid", "bank_name"),
    *("card_index", "card_valid", "address", "position"),
)


LINES = ("exit_growth", "national_current", "monitoring", "marginal")


def lines(check) -> tuple[str, tuple]:
    """The poverty lines by county and year, the nearest region's own before those above it: a pass of its own."""
    pivot = ", ".join(f"max(value) FILTER (WHERE key = 'poverty_line.{kind}') AS {kind}_line" for kind in LINES)
    return (
        f"""SELECT county, year, {pivot} FROM (
                  SELECT k.county, k.year, c.key, c.value,
                         row_number() OVER (PARTITION BY k.county, k.year, c.key ORDER BY length(c.region) DESC) AS rank
                    FROM (SELECT DISTINCT left(village, 6) AS county, year FROM households_householdyear) k
                    JOIN poverty_configvalue c ON starts_with(c.key, 'poverty_line.') AND starts_with(k.county, c.region)
                     AND c.valid_from <= make_date(k.year, 12, 31)
                     AND (c.valid_to IS NULL OR c.valid_to > make_date(k.year, 12, 31))) r
                 WHERE rank = 1 GROUP BY county, year""",
        (),
    )


def houses(check) -> tuple[str, tuple]:
    years = ", ".join(f"y.{column}" for column in _own_columns(HouseholdYear))
    own = ", ".join(f"h.{column}" for column in HOUSEHOLD)
    counted = ", ".join(f"{sql} AS {name}" for name, sql in COUNTS.items())
    shown = ", ".join(f"p.{name}" if name in OF_ONE else f"coalesce(p.{name}, 0) AS {name}" for name in COUNTS)
    line = ", ".join(f"l.{kind}_line" for kind in LINES)
    return (
        f"""SELECT h.id, h.id AS household_id, h.village, {own}, h.phone_index IS NOT NULL AS has_phone,
                   h.card_index IS NOT NULL AS has_card, y.id AS year_id, y.year, {years}, {shown}, {line}
              FROM households_household h
              LEFT JOIN {newest("households_householdyear", "household_id", check.on.year)} y ON y.household_id = h.id
              LEFT JOIN (SELECT household_id, {counted} FROM checked_person GROUP BY household_id) p
                ON p.household_id = h.id
              LEFT JOIN checked_line l ON l.county = left(h.village, 6) AND l.year = y.year
             WHERE h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED' AND {check.limit("h.id", "h.village")}""",
        (),
    )


LAND = ("arable_mu", "forest_mu", "orchard_mu", "pasture_mu", "water_mu")
PROFILE = ("total_households", "total_population", "rural_population", "poor_village", "broadband")


def villages(check) -> tuple[str, tuple]:
    """The villages of the tree that have households in the register or a profile, with the sums of both."""
    profile = ", ".join(f"f.{name}" for name in PROFILE)
    land = " + ".join(f"coalesce({name}, 0)" for name in LAND)
    limit = "s.village IS NOT NULL" if check.households is not None else check.limit("", "v.code")
    return (
        f"""SELECT v.code::bigint AS id, v.code AS village, f.village IS NOT NULL AS has_profile, f.year AS profile_year,
                   {profile}, coalesce(s.registered, 0) AS registered, coalesce(s.persons, 0) AS persons,
                   coalesce(s.dangerous, 0) AS dangerous, coalesce(s.hard_water, 0) AS hard_water, s.land_mu
              FROM regions_region v
              LEFT JOIN regions_villageprofile f ON f.village = v.code
              LEFT JOIN (SELECT village, count(*) AS registered, sum(living) AS persons,
                                count(*) FILTER (WHERE house_dangerous) AS dangerous,
                                count(*) FILTER (WHERE water_hard) AS hard_water, sum({land}) AS land_mu
                           FROM checked_house GROUP BY village) s ON s.village = v.code
             WHERE v.level = 'village' AND v.valid_to IS NULL AND (f.village IS NOT NULL OR s.village IS NOT NULL)
               AND {limit}""",
        (),
    )


# --- the models over them ------------------------------------------------------------------------------------------------


def _copies(model, names) -> dict:
    """Return copies of a model's fields, free of what belongs to its table."""
    found = {}
    for field in model._meta.concrete_fields:
        if field.column in names:
            copy = field.clone()
            copy._unique = copy.db_index = False
            copy.null = True
            found[field.name] = copy
    return found


def _model(name: str, table: str, fields: dict):
    meta = type("Meta", (), {"managed": False, "db_table": table, "app_label": "households"})
    household = models.ForeignKey(Household, models.DO_NOTHING, related_name="+", db_constraint=False)
    attrs = {"__module__": __name__, "Meta": meta, "household": household, "village": village_field(), **fields}
    return type(name, (models.Model,), attrs)


def _int():
    return models.IntegerField(null=True)


def _sex():
    return models.CharField(max_length=10, null=True, choices=codes.SEX.choices)


def _yes_no():
    return models.BooleanField(null=True)


MEMBER = (
    *("person_no", "name", "sex", "birth_on", "birth_precision", "cert_type", "id_index", "id_kind", "id_fault"),
    *("id_area", "id_birth_on", "id_sex", "relation", "political", "soldier", "person_recog_on"),
)
CheckedPerson = _model(
    "CheckedPerson",
    "checked_person",
    {
        **_copies(Member, MEMBER),
        **_copies(Household, ("household_no", "household_type", "status", "lifecycle", "main_cause")),
        **_copies(MemberYear, (*_own_columns(MemberYear), "year")),
        "has_cert": _yes_no(),
        "born": models.DateField(null=True),
        "known_sex": _sex(),
        "data_on": models.DateField(),
        "year_id": models.BigIntegerField(null=True),
        "works": _yes_no(),
        "age": _int(),
        "age_now": _int(),
        "school_age": _int(),
    },
)
CheckedHouse = _model(
    "CheckedHouse",
    "checked_house",
    {
        **_copies(Household, HOUSEHOLD),
        **_copies(HouseholdYear, (*_own_columns(HouseholdYear), "year")),
        "has_phone": _yes_no(),
        "has_card": _yes_no(),
        "year_id": models.BigIntegerField(null=True),
        **{name: _sex() if name.endswith("_sex") else _int() for name in COUNTS},
        "work_months_sum": models.DecimalField(max_digits=12, decimal_places=3, null=True),
        **{f"{kind}_line": models.DecimalField(max_digits=16, decimal_places=4, null=True) for kind in LINES},
    },
)


class CheckedVillage(models.Model):
    """A village's profile beside what its registered households add up to; the key is its code as a number."""

    id = models.BigIntegerField(primary_key=True)
    village = village_field()
    has_profile = _yes_no()
    profile_year = _int()
    total_households = _int()
    total_population = _int()
    rural_population = _int()
    poor_village = _yes_no()
    broadband = _yes_no()
    registered = _int()
    persons = _int()
    dangerous = _int()
    hard_water = _int()
    land_mu = models.DecimalField(max_digits=16, decimal_places=3, null=True)

    class Meta:
        managed = False
        db_table = "checked_village"


REGISTERED = "withdrawn_at IS NULL AND lifecycle <> 'CANCELLED'"
PRESENTER = "households.findings.RegisterFinding"
subjects.add(
    "member",
    Subject(
        "member",
        _("person"),
        "households.Member",
        "person_no",
        PRESENTER,
        registered="t.departed_on IS NULL AND t.withdrawn_at IS NULL AND t.household_id IN"
        f" (SELECT id FROM households_household WHERE {REGISTERED})",
    ),
)
subjects.add(
    "household",
    Subject("household", _("household"), "households.Household", "household_no", PRESENTER, registered=REGISTERED),
)
passes.add(
    "checked_person", Pass("checked_person", persons, "households.CheckedPerson", indexes=("id", "household_id"))
)
passes.add("checked_line", Pass("checked_line", lines))
passes.add(
    "checked_house",
    Pass("checked_house", houses, "households.CheckedHouse", needs=("checked_person", "checked_line"), indexes=("id",)),
)
subjects.add("village", Subject("village", _("village"), "regions.Region"))
passes.add("checked_village", Pass("checked_village", villages, "households.CheckedVillage", needs=("checked_house",)))

for _model_ in (CheckedPerson, CheckedHouse):
    for _field in _model_._meta.concrete_fields:
        _field.verbose_name = LABELS[_model_.__name__].get(_field.name, _field.verbose_name)
