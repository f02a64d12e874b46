"""The register as columns for analysis: a row per household of one year, fetched by one COPY in the caller's scope.

Row-level security shows only what the user may see. Nothing here holds a name or a sealed value.
"""

import datetime as dt
import io
import re
from collections.abc import Iterable
from decimal import Decimal

import polars as pl
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Length

from households.checked import EXITED
from poverty import config, scope
from poverty.models import ConfigValue

FIRST_YEAR, LAST_YEAR = 1978, 2200
NUMBER, WHOLE, TEXT, FLAG = pl.Float64, pl.Int32, pl.String, pl.Int8
DANGEROUS = "y.house_grade IN ('C', 'D')"


def _any(one: str, other: str) -> str:
    """SQL: either is true; unknown only where both are."""
    return f"CASE WHEN {one} OR {other} THEN true WHEN coalesce({one}, {other}) IS NULL THEN NULL ELSE false END"


# column: (SQL, type). `y` is the household's year, `b` the year before, `p` its present members.
COLUMNS: dict[str, tuple] = {
    "id": ("h.id", pl.Int64),
    "village": ("h.village", TEXT),
    "status": ("h.status", TEXT),
    "household_type": ("h.household_type", TEXT),
    "main_cause": ("h.main_cause", TEXT),
    "exit_year": ("h.exit_year", WHOLE),
    "persons": (
        "CASE WHEN y.size BETWEEN 1 AND 99 THEN y.size ELSE greatest(1, least(99, (SELECT count(*)"
        " FROM households_member m WHERE m.household_id = h.id AND m.departed_on IS NULL AND m.withdrawn_at IS NULL))) END",
        WHOLE,
    ),
    "living": ("coalesce(p.living, 0)", WHOLE),
    "income": ("y.net_pc_yuan", NUMBER),
    "income_before": ("b.net_pc_yuan", NUMBER),
    "net": ("y.net_yuan", NUMBER),
    "gross": ("y.gross_yuan", NUMBER),
    "wage": ("y.wage_yuan", NUMBER),
    "transfer": ("y.transfer_yuan", NUMBER),
    "own_medical": ("y.self_paid_medical_yuan - coalesce(y.claims_yuan, 0)", NUMBER),
    "mon_type": ("y.mon_type", TEXT),
    "risk_removed": ("y.risk_removed::int", FLAG),
    "mon_before": ("b.mon_type", TEXT),
    "dangerous": (f"({_any('y.house_dangerous', DANGEROUS)})::int", FLAG),
    "water": (f"({_any('NOT y.water_safe', 'y.water_hard')})::int", FLAG),
    "uninsured": ("CASE WHEN p.insurance_known > 0 THEN p.uninsured END", WHOLE),
    "dropouts": ("CASE WHEN p.with_year > 0 THEN p.dropouts END", WHOLE),
    "ill": ("CASE WHEN p.health_known > 0 THEN p.ill END", WHOLE),
    "disabled": ("CASE WHEN p.health_known > 0 THEN p.disabled END", WHOLE),
    "able": ("CASE WHEN p.labour_known > 0 THEN p.able END", WHOLE),
    "workers": ("CASE WHEN p.with_year > 0 THEN p.workers END", WHOLE),
    "work_months": ("CASE WHEN p.with_year > 0 THEN p.work_months END", NUMBER),
    "senior_pupils": ("CASE WHEN p.with_year > 0 THEN p.senior_pupils END", WHOLE),
    "coop": ("y.coop::int", FLAG),
    "leading_firm": ("y.leading_firm::int", FLAG),
    "rich_leader": ("y.rich_leader::int", FLAG),
    "post": ("CASE WHEN p.with_year > 0 THEN (p.posts > 0)::int END", FLAG),
    "work": ("CASE WHEN p.with_year > 0 THEN (p.workers > 0)::int END", FLAG),
    "dibao": ("CASE WHEN p.with_year > 0 THEN (p.dibao > 0)::int END", FLAG),
    "tekun": ("CASE WHEN p.with_year > 0 THEN (p.tekun > 0)::int END", FLAG),
    "all_insured": ("CASE WHEN p.insurance_known > 0 THEN (p.uninsured = 0)::int END", FLAG),
    "illness_cover": ("CASE WHEN p.cover_known > 0 THEN (p.covered > 0)::int END", FLAG),
    "eco": ("(y.t_eco_yuan > 0)::int", FLAG),
    "dividends": ("(y.p_asset_yuan > 0)::int", FLAG),
}
BORN = (
    "CASE WHEN m.id_birth_on IS NOT NULL AND m.id_fault IN ('', 'certificate') THEN m.id_birth_on"
    " ELSE coalesce(m.birth_on, m.id_birth_on) END"
)
# Children of school age out of school, as the data rules have it (`households.checked.COUNTS`).
DROPOUTS = (
    f"count(*) FILTER (WHERE {BORN} > make_date(%(year)s - 16, 8, 31) AND {BORN} <= make_date(%(year)s - 6, 8, 31)"
    " AND coalesce(v.student_status, '01') IN ('01', '') AND v.id IS NOT NULL"
    " AND coalesce(v.education, '') NOT IN ('03', '04', '05', '07', '08')"
    " AND coalesce(v.dropout_reason, '') NOT IN ('01', '02', '06', '07', '08'))"
)
# What is counted of a household's present members `m` and their year `v`; only what a column asks for.
OF_MEMBERS = {
    "living": "count(*)",
    "with_year": "count(v.id)",
    "insurance_known": "count(*) FILTER (WHERE v.med_resident IS NOT NULL OR v.med_employee IS NOT NULL)",
    "uninsured": "count(*) FILTER (WHERE v.med_resident IS FALSE AND v.med_employee IS NOT TRUE)",
    "cover_known": "count(v.critical_illness)",
    "covered": "count(*) FILTER (WHERE v.critical_illness)",
    "dropouts": DROPOUTS,
    "health_known": "count(*) FILTER (WHERE cardinality(v.health) > 0)",
    "ill": "count(*) FILTER (WHERE v.health && ARRAY['02', '03']::varchar[])",
    "disabled": "count(*) FILTER (WHERE v.health && ARRAY['04']::varchar[])",
    "labour_known": "count(*) FILTER (WHERE v.labour <> '')",
    "able": "count(*) FILTER (WHERE v.labour IN ('01', '02', '05'))",
    "workers": "count(*) FILTER (WHERE coalesce(v.work_area, '') <> '' OR coalesce(v.work_months, 0) > 0)",
    "work_months": "coalesce(sum(v.work_months), 0)",
    "senior_pupils": "count(*) FILTER (WHERE v.student_status BETWEEN '07' AND '98')",
    "posts": "count(*) FILTER (WHERE v.post <> '' OR v.post_months > 0)",
    "dibao": "count(*) FILTER (WHERE v.dibao IN ('rural', 'city', 'yes'))",
    "tekun": "count(*) FILTER (WHERE v.tekun)",
}
MEMBERS = """
LEFT JOIN (SELECT m.household_id, {counts}
             FROM households_member m
             LEFT JOIN households_memberyear v ON v.member_id = m.id AND v.year = %(year)s AND v.withdrawn_at IS NULL
            WHERE m.departed_on IS NULL AND m.withdrawn_at IS NULL AND m.village >= %(lo)s AND m.village < %(hi)s
              AND (%(ids)s::bigint[] IS NULL OR m.household_id = ANY (%(ids)s))
            GROUP BY m.household_id) p ON p.household_id = h.id
"""
BASE = ("id", "village", "status", "household_type", "main_cause", "persons", "income")
BEFORE = (
    "LEFT JOIN households_householdyear b ON b.household_id = h.id AND b.year = %(year)s - 1 AND b.withdrawn_at IS NULL"
)
FRAME = """
COPY (
SELECT {columns}
  FROM households_household h
  JOIN households_householdyear y ON y.household_id = h.id AND y.year = %(year)s AND y.withdrawn_at IS NULL
  {joins}
 WHERE h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED' AND h.village >= %(lo)s AND h.village < %(hi)s
   AND (%(ids)s::bigint[] IS NULL OR h.id = ANY (%(ids)s))
) TO STDOUT (FORMAT csv)
"""


def frame(code: str, year: int, more: Iterable[str] | None = None, ids: list[int] | None = None) -> pl.DataFrame:
    """Return the registered households of the area that have data of `year`, in the present scope.

    `more` names the columns wanted beside BASE (all of them by default): members are counted only where one needs it.
    `ids` limits it to some households.
    """
    lo, hi = scope.code_range(code)
    wanted = dict.fromkeys((*BASE, *(COLUMNS if more is None else more)))
    schema = {name: COLUMNS[name][1] for name in wanted}
    sql = {name: COLUMNS[name][0] for name in wanted}
    counted = [name for name in OF_MEMBERS if any(re.search(rf"\bp\.{name}\b", one) for one in sql.values())]
    counts = ", ".join(f"{OF_MEMBERS[name]} AS {name}" for name in counted)
    joins = [MEMBERS.replace("{counts}", counts)] if counted else []
    joins += [BEFORE] if any(one.startswith("b.") for one in sql.values()) else []
    statement = FRAME.format(columns=", ".join(f"{one} AS {name}" for name, one in sql.items()), joins=" ".join(joins))
    taken = io.BytesIO()
    with connection.cursor() as cursor:
        if ids is None:
            # Whole areas are joined as sets: of a year that came in just now the planner knows nothing, and takes it for
            # a handful of rows, for each of which it would count the members anew.
            cursor.execute("SET LOCAL enable_nestloop = off")
        # Put together by the driver: Django's cursor of debug mode copies without parameters.
        with cursor.copy(cursor.mogrify(statement, {"year": int(year), "lo": lo, "hi": hi, "ids": ids})) as source:
            for block in source:
                taken.write(block)
        if ids is None:
            cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
    taken.seek(0)
    if not taken.getbuffer().nbytes:
        return pl.DataFrame(schema={name: pl.Boolean if kind == FLAG else kind for name, kind in schema.items()})
    found = pl.read_csv(taken, has_header=False, new_columns=list(schema), schema_overrides=list(schema.values()))
    return found.with_columns(pl.col(name).cast(pl.Boolean) for name, kind in schema.items() if kind == FLAG)


def years(code: str) -> dict[int, int]:
    """Return {year: households with an income of it}, the newest first."""
    lo, hi = scope.code_range(code)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT y.year, count(*) FROM households_householdyear y JOIN households_household h ON h.id = y.household_id
                WHERE y.village >= %s AND y.village < %s AND y.withdrawn_at IS NULL AND y.net_pc_yuan IS NOT NULL
                  AND h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED' AND y.year BETWEEN %s AND %s
                GROUP BY 1 ORDER BY 1 DESC""",
            [lo, hi, FIRST_YEAR, LAST_YEAR],
        )
        return dict(cursor.fetchall())


def usual_year(known: dict[int, int]) -> int | None:
    """Return the newest year with at least half as many households as the fullest one."""
    most = max(known.values(), default=0)
    return next((year for year, number in sorted(known.items(), reverse=True) if 2 * number >= most), None)


def registered(code: str) -> int:
    """Return how many households are registered in the area, whatever data they have."""
    lo, hi = scope.code_range(code)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM households_household WHERE withdrawn_at IS NULL AND lifecycle <> 'CANCELLED'
                AND village >= %s AND village < %s""",
            [lo, hi],
        )
        return cursor.fetchone()[0]


# --- poverty lines --------------------------------------------------------------------------------------------------------


def line_at(kind: str, year: int, code: str) -> Decimal | None:
    """Return the line of a kind that closes the year at a place; None where there is none."""
    try:
        return config.poverty_line(year, code, kind)
    except config.NotSet:
        return None


def with_line(rows: pl.DataFrame, kind: str, year: int, code: str, amount: Decimal | None = None) -> pl.DataFrame:
    """Add `line`: the typed amount for all, or each household's own line of that kind, the nearest region's first."""
    if amount is not None:
        return rows.with_columns(line=pl.lit(float(amount)))
    whole = line_at(kind, year, code)
    found = rows.with_columns(line=pl.lit(float(whole) if whole is not None else None, dtype=NUMBER))
    day = dt.date(year, 12, 31)
    nearer = (
        ConfigValue.objects.filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=day), scope.under("region", code), key=f"poverty_line.{kind}",
            valid_from__lte=day,
        )
        .exclude(region=code)
        .order_by(Length("region"))
        .values_list("region", "value")
    )  # fmt: skip
    for region, value in nearer:  # the lines of counties in a city: a handful, if any
        found = found.with_columns(
            line=pl.when(pl.col("village").str.starts_with(region)).then(pl.lit(float(value))).otherwise(pl.col("line"))
        )
    return found


def weighted(rows: pl.DataFrame, count: str) -> pl.DataFrame:
    """Add `weight`: each household's persons, or 1 where households are counted."""
    return rows.with_columns(weight=pl.col("persons").cast(NUMBER) if count == "persons" else pl.lit(1.0))


def exited(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("status").is_in(EXITED))
