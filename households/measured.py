"""What the register's figures are taken over: persons, households, months of the ledger, villages, moved households.

One row per person or household that stands in the register on the last day of the month, with the newest year not after
it beside it. Everything counts as of that day, so a figure and the list behind it find the same rows whenever in the
month they are asked for:

- A household that has exited in a later year had not exited then: its status reads 未脱贫.
- Ages are full years on the day of the data, as in `households.checked`: a child of a roster of 2020 has not left school
  by growing older in our calendar. School age counts on the 31 August before it.
- What the exit test asks for in figures is the value in force on that day, a county's own before its province's.
- The poverty line is that of the year the income is of: the line of exit where there is one, else the national one; a
  county's own before its province's. From 2021 on there is none unless the province has set one.
"""

import datetime as dt

from django.db import connection
from django.db.models import Q

from households import exit8
from households.checked import EXITED, IN_DIBAO, POOR, age_sql, school_day
from households.ledger import codes as ledger
from households.ledger.figures import shifted
from poverty import config
from poverty.declarations import Rows, row_sets
from poverty.models import ConfigValue
from poverty.scope import code_range

LINE_KINDS = ("exit_growth", "national_current")  # the first that is there; as the ledger compares
FIRST_YEAR, BINS = 2010, (0, 1000, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 6000, 7000, 8000, 10_000, 12_000, 15_000)
LEDGER_MONTHS = 12
DECIDING = ("exit.", "poverty_line.")  # dated values that decide on figures
YEAR = (
    *("size", "wage_yuan", "business_yuan", "property_yuan", "transfer_yuan", "biz_cost_yuan", "net_yuan"),
    *("net_pc_yuan", "house_dangerous", "house_grade", "house_m2", "water_safe", "water_hard", "power_production"),
    *("power_home", "tv", "toilet", "road_type", "coop", "leading_firm", "rich_leader", "arable_mu", "forest_mu"),
    *("orchard_mu", "mon_type", "risk_removed", "risk_found_on", "risk_removed_on"),
)
PERSON_YEAR = (
    *("education", "student_status", "dropout_reason", "health", "dis_type", "dis_level", "labour", "work_area"),
    *("work_months", "post", "med_resident", "med_employee", "med_extra", "critical_illness", "pension_resident"),
    *("dibao", "tekun"),
)


def _listed(codes) -> str:
    return "(" + ", ".join(f"'{code}'" for code in codes) + ")"


POOR_SQL, EXITED_SQL, DIBAO_SQL = _listed(POOR), _listed(EXITED), _listed(IN_DIBAO)


def newest(table: str, key: str, columns, frame) -> str:
    """SQL: the newest row of each household or person in a table of years, as of the frame's day."""
    household = "a.household_id"
    return (
        f"(SELECT DISTINCT ON (a.{key}) a.{key}, a.year, a.stamp, {', '.join(f'a.{name}' for name in columns)}"
        f" FROM {table} a WHERE a.withdrawn_at IS NULL AND a.year <= {frame.on.year}"
        f" AND {frame.limit(household, 'a.village')} ORDER BY a.{key}, a.year DESC)"
    )


def registered(frame, household: str = "h") -> str:
    """SQL: the household stands in the register on the frame's day."""
    return (
        f"{household}.withdrawn_at IS NULL AND {household}.lifecycle <> 'CANCELLED'"
        f" AND ({household}.first_recog_on IS NULL OR {household}.first_recog_on <= {frame.day})"
        f" AND {frame.limit(household + '.id', household + '.village')}"
    )


def status_then(frame, household: str = "h") -> str:
    """SQL: the household's status as of the frame's day."""
    return (
        f"CASE WHEN {household}.status IN {EXITED_SQL} AND {household}.exit_year > {frame.on.year}"
        f" THEN '04' ELSE {household}.status END"
    )


def persons(frame) -> str:
    years = ", ".join(f"y.{name}" for name in PERSON_YEAR)
    return f"""
        SELECT x.*, {age_sql("x.born", "x.data_on")} AS age, {age_sql("x.born", school_day("x.data_on"))} AS school_age
          FROM (SELECT m.id, m.household_id, h.village, m.relation, {status_then(frame)} AS status, h.exit_year,
                       CASE WHEN m.id_birth_on IS NOT NULL AND m.id_fault IN ('', 'certificate') THEN m.id_birth_on
                            ELSE coalesce(m.birth_on, m.id_birth_on) END AS born,
                       CASE WHEN m.sex IN ('1', '2') THEN m.sex
                            WHEN m.id_fault IN ('', 'certificate') THEN m.id_sex ELSE '' END AS known_sex,
                       least({frame.day}, coalesce(left(nullif(y.stamp, ''), 10)::date, {frame.day})) AS data_on,
                       coalesce(y.work_area, '') <> '' OR coalesce(y.work_months, 0) > 0 AS works, {years}
                  FROM households_member m
                  JOIN households_household h ON h.id = m.household_id
                  LEFT JOIN {newest("households_memberyear", "member_id", PERSON_YEAR, frame)} y ON y.member_id = m.id
                 WHERE m.withdrawn_at IS NULL AND (m.departed_on IS NULL OR m.departed_on > {frame.day})
                   AND {frame.limit("m.household_id", "m.village")} AND {registered(frame)}) x"""


# Ill or disabled, entered later, resting for a while, taught at home: no drop-out (as the data rules have it).
AT_SCHOOL = "coalesce(student_status, '') NOT IN ('01', '')"
SCHOOL_AGE = "school_age BETWEEN 6 AND 15"
NOT_AT_SCHOOL = f"{SCHOOL_AGE} AND NOT ({AT_SCHOOL}) AND coalesce(education, '') NOT IN ('03', '04', '05', '07', '08')"
DROPOUT = f"{NOT_AT_SCHOOL} AND coalesce(dropout_reason, '') NOT IN ('01', '02', '06', '07', '08')"
INSURED = "(coalesce(med_resident, false) OR coalesce(med_employee, false) OR coalesce(med_extra, false))"
INSURED_KNOWN = f"({INSURED} OR med_resident IS NOT NULL OR med_employee IS NOT NULL)"
COVERED = "(coalesce(critical_illness, false) OR coalesce(med_employee, false) OR coalesce(med_extra, false))"
ABLE = "labour IN ('01', '02', '05')"
OF_MEMBERS = {
    "living": "count(*)",
    "able": f"count(*) FILTER (WHERE {ABLE})",
    "workers": "count(*) FILTER (WHERE works)",
    "longest_work": "coalesce(max(work_months), 0)",
    "in_support": f"count(*) FILTER (WHERE dibao IN {DIBAO_SQL} OR tekun)",
    "uninsured": f"count(*) FILTER (WHERE {INSURED_KNOWN} AND NOT {INSURED})",
    "insurance_unknown": f"count(*) FILTER (WHERE NOT {INSURED_KNOWN})",
    "uncovered": f"count(*) FILTER (WHERE critical_illness IS FALSE AND NOT {COVERED})",
    "cover_unknown": f"count(*) FILTER (WHERE critical_illness IS NULL AND NOT {COVERED})",
    "dropouts": f"count(*) FILTER (WHERE {DROPOUT})",
}


def line_sql(frame, village: str, year: str) -> str:
    """SQL: the poverty line of a household's year, from the dated table; NULL where none is set."""
    kinds = [f"poverty_line.{kind}" for kind in LINE_KINDS]
    rows = ConfigValue.objects.filter(key__in=kinds, valid_from__year__lte=frame.on.year)
    found: dict[str, dict[int, object]] = {}
    kept = sorted(rows, key=lambda row: (-kinds.index(row.key), row.valid_from))  # the stronger kind overwrites
    for row in kept:
        for year_ in range(max(FIRST_YEAR, row.valid_from.year), frame.on.year + 1):
            last = dt.date(year_, 12, 31)
            if row.valid_from <= last and (row.valid_to is None or row.valid_to > last):
                found.setdefault(row.region, {})[year_] = row.value
    cases = []
    for region in sorted(found, key=len, reverse=True):  # the nearest first
        lo, hi = code_range(region)
        years = " ".join(f"WHEN {year_} THEN {value}" for year_, value in sorted(found[region].items()))
        where = f"{village} >= '{lo}' COLLATE \"C\" AND {village} < '{hi}' COLLATE \"C\"" if region else "true"
        cases.append(f"CASE WHEN {where} THEN CASE {year} {years} END END")
    return f"coalesce({', '.join(cases)})::numeric" if cases else "NULL::numeric"


def needs_sql(frame, village: str) -> str:
    """SQL: what the exit test asks for in figures at a household's place on the frame's day, as columns (`exit8.NEEDS`)."""
    open_end = Q(valid_to__isnull=True) | Q(valid_to__gt=frame.on)
    keys = [key for key, _shipped in exit8.NEEDS.values()]
    rows = ConfigValue.objects.filter(open_end, key__in=keys, valid_from__lte=frame.on)
    found: dict[str, dict[str, object]] = {key: {} for key in keys}
    for row in rows:
        found[row.key][row.region] = row.value
    columns = []
    for column, (key, shipped) in exit8.NEEDS.items():
        cases = []
        for region in sorted(filter(None, found[key]), key=len, reverse=True):  # the nearest first
            lo, hi = code_range(region)
            cases.append(
                f"WHEN {village} >= '{lo}' COLLATE \"C\" AND {village} < '{hi}' COLLATE \"C\" THEN {found[key][region]}"
            )
        country = found[key].get("", shipped)
        columns.append(f"(CASE {' '.join([*cases, 'WHEN true THEN'])} {country} END)::numeric AS {column}")
    return ", ".join(columns)


def houses(frame) -> str:
    years = ", ".join(f"y.{name}" for name in YEAR)
    counted = ", ".join(f"{sql} AS {name}" for name, sql in OF_MEMBERS.items())
    shown = ", ".join(f"coalesce(p.{name}, 0) AS {name}" for name in OF_MEMBERS)
    edges = ", ".join(str(edge) for edge in BINS)
    return f"""
        SELECT x.*, {exit8.columns()},
               CASE WHEN net_pc_yuan IS NOT NULL
                    THEN lpad(width_bucket(net_pc_yuan, ARRAY[{edges}]::numeric[])::text, 2, '0') END AS income_bin
          FROM (SELECT h.id AS household_id, h.village, h.household_no, h.household_type, {status_then(frame)} AS status,
                       h.exit_year, h.main_cause, h.position IS NOT NULL AS placed,
                       f.rural_population IS NOT NULL AS rural_known, a.km2 IS NOT NULL AS area_known, y.year, {years},
                       b.net_pc_yuan AS net_before, {line_sql(frame, "h.village", "y.year")} AS line_yuan,
                       {needs_sql(frame, "h.village")}, {shown}
                  FROM households_household h
                  LEFT JOIN {newest("households_householdyear", "household_id", YEAR, frame)} y ON y.household_id = h.id
                  LEFT JOIN households_householdyear b ON b.household_id = h.id AND b.year = y.year - 1
                        AND b.withdrawn_at IS NULL AND {frame.limit("b.household_id", "b.village")}
                  LEFT JOIN regions_villageprofile f ON f.village = h.village
                  LEFT JOIN (SELECT code, 1 AS km2 FROM regions_region
                              WHERE level = 'village' AND boundary IS NOT NULL) a ON a.code = h.village
                  LEFT JOIN (SELECT household_id, {counted} FROM figure_person GROUP BY household_id) p
                         ON p.household_id = h.id
                 WHERE {registered(frame)}) x"""


def months(frame) -> str | None:
    """A row per household and month of the twelve that end with the newest one on file: income and cost.

    A category whose parts stand beside it is a mere sum of them and does not count (`ledger.figures.leaves`).
    """
    if frame.ledger_to is None:
        return None
    first = shifted(frame.ledger_to, 1 - LEDGER_MONTHS)
    return f"""
        SELECT g.household_id, g.village, g.month,
               coalesce(sum(g.amount) FILTER (WHERE g.counts AND left(g.category, 1) IN {_listed(ledger.INCOME)}), 0)
                   AS income,
               coalesce(sum(g.amount) FILTER (WHERE g.counts AND left(g.category, 1) = '{ledger.COST}'), 0) AS cost
          FROM (SELECT s.*, NOT coalesce(starts_with(lead(s.category) OVER (PARTITION BY s.household_id, s.month
                             ORDER BY s.category), s.category), false) AS counts
                  FROM (SELECT l.household_id, l.village, l.month, l.category, sum(l.amount_yuan) AS amount
                          FROM households_ledgerline l
                         WHERE l.superseded = 0 AND l.month BETWEEN DATE '{first}' AND DATE '{frame.ledger_to}'
                           AND {frame.limit("l.household_id", "l.village")} GROUP BY 1, 2, 3, 4) s) g
          JOIN households_household h ON h.id = g.household_id AND {registered(frame)}
         GROUP BY g.household_id, g.village, g.month"""


def villages(frame) -> str:
    """A row per village of the tree: its profile, its area, and how its registered households fare (village exit)."""
    return f"""
        SELECT r.code AS village, NULL::bigint AS household_id, f.rural_population, f.total_population,
               f.total_households, f.poor_village, f.broadband, a.km2, s.*
          FROM regions_region r
          LEFT JOIN regions_villageprofile f ON f.village = r.code
          LEFT JOIN (SELECT code, ST_Area(boundary::geography) / 1e6 AS km2 FROM regions_region
                      WHERE level = 'village' AND boundary IS NOT NULL AND {frame.limit("", "code")}) a ON a.code = r.code
          LEFT JOIN (SELECT village AS of_village, count(*) AS homes, sum(living) AS people,
                            sum(living) FILTER (WHERE status IN {POOR_SQL}) AS poor,
                            avg((x2 = 'pass')::int) FILTER (WHERE x2 <> 'unknown') AS housing,
                            1 - sum(uninsured) / nullif(sum(living - insurance_unknown), 0) AS insured,
                            sum(dropouts) AS dropouts,
                            avg((x5 = 'pass')::int) FILTER (WHERE x5 <> 'unknown') AS water,
                            avg((x7 = 'pass')::int) FILTER (WHERE x7 <> 'unknown') AS power,
                            avg((x8 = 'pass')::int) FILTER (WHERE x8 <> 'unknown') AS tv_share
                       FROM figure_house GROUP BY village) s ON s.of_village = r.code
         WHERE r.level = 'village' AND (r.valid_to IS NULL OR s.homes > 0)
           AND (f.village IS NOT NULL OR s.homes > 0) AND {frame.limit("", "r.code")}"""


def moves(frame) -> str:
    """A row per household that now stands in another village than when it came on file: where it came from."""
    return f"""
        SELECT h.id AS household_id, h.village, e.village AS from_village, coalesce(p.living, 0) AS living
          FROM households_household h
          JOIN LATERAL (SELECT e.village FROM households_householdevent e WHERE e.pgh_obj_id = h.id
                         ORDER BY e.pgh_id LIMIT 1) e ON e.village <> h.village
          LEFT JOIN (SELECT household_id, count(*) AS living FROM figure_person GROUP BY 1) p ON p.household_id = h.id
         WHERE {registered(frame)}"""


row_sets.add("figure_person", Rows("figure_person", persons, marked=True))
row_sets.add("figure_house", Rows("figure_house", houses, needs=("figure_person",)))
row_sets.add("figure_month", Rows("figure_month", months))
row_sets.add("figure_village", Rows("figure_village", villages, needs=("figure_house",), listed=False))
row_sets.add("figure_move", Rows("figure_move", moves, needs=("figure_person",), marked=True))


def _no_effects(*_args) -> list:
    """What a value would change in the figures is not listed before it is set: no finding opens or closes by it."""
    return []


def _mark(key, region, _valid_from, _user) -> None:
    """Have the figures of an area worked out anew when a line or what the exit test asks for has been set."""
    if not key.startswith(DECIDING):
        return
    lo, hi = code_range(region) if region else ("", "~")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dashboard_dirtyfigure (village) SELECT DISTINCT village FROM households_household"
            " WHERE village >= %s AND village < %s",
            [lo, hi],
        )


config.watchers.append((_no_effects, _mark))
