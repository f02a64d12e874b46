"""The list of households in three queries: totals, one page of rows, the names of its places.

Keys of the page are found first and details are fetched for those alone, so that a list costs the same in a county
of 75,000 households as in a village.
"""

import hashlib
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from uuid import UUID

from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Count, F, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce, Collate, JSONObject
from django.urls import reverse

from dashboard import counts, figures, figuring
from dashboard.models import VillageCount
from households import exit8
from households.codes import RELATION
from households.forms import COUNTED, NONE, SORTS, HouseholdFilterForm
from households.models import Household, HouseholdYear, Member
from poverty import scope
from regions.models import LEVEL_LENGTHS, Region
from validation.models import Finding

PER_PAGE = 50
OF_EXIT_TEST = ("K22", "K23", "K24", "K25")  # figures whose list says why a household fails
KEEP_SECONDS = 3600
HEAD = next(code for code, label in RELATION.labels.items() if label == "户主")
PINYIN = "zh-x-icu"


@dataclass(slots=True)
class Row:
    """A household as lists show it. A page of fifty model instances costs more than all else that is read for it."""

    pk: int
    uid: UUID
    household_no: str
    village_id: str
    hamlet_name: str | None
    status: str | None
    household_type: str | None
    main_cause: str | None
    exit_year: int | None
    size: int  # members who live there
    head: dict | None  # {"name", "born"} of the head on file
    income: dict | None  # {"year", "net_pc"}: the newest known net income per head, yuan
    findings: int  # open ones
    address: str = ""  # of its file
    reasons: tuple[str, ...] = ()  # why it fails the exit test, where the list is behind a figure of that


SHOWN = [part.name for part in fields(Row) if part.name not in ("address", "reasons")]


@dataclass
class Listing:
    """One page of the register as a user filtered it."""

    page: object
    households: int
    persons: int
    names: dict[str, str] = field(default_factory=dict)
    number: Decimal | None = None  # of the figure that the list is behind


def living(user):
    """Members of the outer household who live there now."""
    return Member.objects.visible_to(user).active().filter(household_id=OuterRef("pk")).order_by()


def with_head(households, user):
    """Annotate `head`: {"name", "born"} of the head on file."""
    heads = living(user).filter(relation=HEAD).order_by("pk")
    return households.annotate(
        head=Subquery(heads.values(x=JSONObject(name="name", born=Coalesce("birth_on", "id_birth_on")))[:1])
    )


def rows_of(households, user, year: int | None = None) -> list[Row]:
    """Return the rows of `households` in their order, with what a list shows beside their own columns."""
    years = HouseholdYear.objects.visible_to(user).filter(household_id=OuterRef("pk"), withdrawn_at__isnull=True)
    if year:
        years = years.filter(year=year)
    sizes = living(user).values("household_id").annotate(n=Count("pk")).values("n")
    findings = Finding.objects.visible_to(user).filter(household_id=OuterRef("pk"), closed_at__isnull=True)
    open_findings = findings.order_by().values("household_id").annotate(n=Count("pk")).values("n")
    detailed = with_head(households, user).annotate(
        size=Coalesce(Subquery(sizes, output_field=IntegerField()), 0),
        income=Subquery(
            years.filter(net_pc_yuan__isnull=False)
            .order_by("-year")
            .values(x=JSONObject(year="year", net_pc="net_pc_yuan"))[:1]
        ),
        findings=Coalesce(Subquery(open_findings, output_field=IntegerField()), 0),
    )
    rows = [Row(*values) for values in detailed.values_list(*SHOWN)]
    if rows:
        address = reverse("households:detail", args=[rows[0].uid])
        for row in rows:
            row.address = address.replace(str(rows[0].uid), str(row.uid))
    return rows


def ordered(households, sort: str, user, year: int | None = None):
    """Order by one of SORTS; what is unknown comes last."""
    key = sort.removeprefix("-")
    if key == "head":
        names = living(user).filter(relation=HEAD).order_by("pk").values("name")[:1]
        households = households.annotate(head_name=Collate(Subquery(names), PINYIN))
    elif key == "net":
        years = HouseholdYear.objects.visible_to(user).filter(
            household_id=OuterRef("pk"), withdrawn_at__isnull=True, net_pc_yuan__isnull=False
        )
        if year:
            years = years.filter(year=year)
        households = households.annotate(net=Subquery(years.order_by("-year").values("net_pc_yuan")[:1]))
    down = sort.startswith("-")
    order = [F(name.removeprefix("-")) for name in SORTS[sort]]
    return households.order_by(
        *[part.desc(nulls_last=True) if down else part.asc(nulls_last=True) for part in order]
        if key in ("head", "net", "exit_year")
        else SORTS[sort]
    )


def knows_totals(form: HouseholdFilterForm, user) -> bool:
    """Tell whether the kept sums hold the totals of a list."""
    return form.counted and not any(part.household_id for part in user.scope_ranges())


def _found(found, user, page: int, per_page: int) -> tuple[int, int, list[int]]:
    """Return (households, persons, keys of a page) of an ordered list: a filter that looks at every row looks once."""
    inner, inner_params = found.values_list("pk").query.sql_with_params()
    people, people_params = (
        Member.objects.visible_to(user).active().order_by().values_list("household_id").query.sql_with_params()
    )
    first = (page - 1) * per_page
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH f AS MATERIALIZED (SELECT x.id, row_number() OVER () AS n FROM ({inner}) AS x (id))"
            f" SELECT (SELECT count(*) FROM f),"
            f" (SELECT count(*) FROM ({people}) AS m (household) WHERE m.household IN (SELECT id FROM f)),"
            f" ARRAY(SELECT id FROM f WHERE n > %s AND n <= %s ORDER BY n)",
            [*inner_params, *people_params, first, first + per_page],
        )
        return cursor.fetchone()


def kept_totals(form, user) -> tuple[int, int]:
    """Return (households, persons) from the kept sums, for a form of which they know (`knows_totals`)."""
    asked = form.cleaned_data
    sums = VillageCount.objects.visible_to(user).order_by()
    if asked["region"]:
        sums = sums.filter(scope.under("village_id", asked["region"]))
    for name, column in (("status", "status"), ("type", "household_type"), ("cause", "main_cause")):
        if asked[name]:
            sums = sums.filter(**{column: "" if asked[name] == NONE else asked[name]})
    if asked["exit_year"] != "":
        sums = sums.filter(exit_year=0 if asked["exit_year"] == NONE else asked["exit_year"])
    ranges = counts.ranges_of(user, asked["region"])
    sql, params = sums.values_list("households", "persons").query.sql_with_params()
    dirty = (
        "EXISTS (SELECT 1 FROM unnest(%s::text[], %s::text[]) AS r (lo, hi) JOIN dashboard_dirtyvillage d"
        ' ON d.village >= r.lo COLLATE "C" AND d.village < r.hi COLLATE "C")'
    )
    statement = f"SELECT coalesce(sum(v.h), 0), coalesce(sum(v.p), 0), {dirty} FROM ({sql}) AS v (h, p)"
    bounds = [[lo for lo, _hi in ranges], [hi for _lo, hi in ranges]]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*bounds, *params])
        households, persons, stale = cursor.fetchone()
        if stale:
            counts.refresh_for(user, asked["region"])
            cursor.execute(statement, [*bounds, *params])
            households, persons, _stale = cursor.fetchone()
    return int(households), int(persons)


def _remembers(form: HouseholdFilterForm, user) -> bool:
    """Tell whether the totals of a list can be remembered: `counts.state_for` notices whatever could change them."""
    asked = set(form.active) <= COUNTED | {"year", "unplaced"}
    return asked and not any(part.household_id for part in user.scope_ranges())


def _key(form: HouseholdFilterForm, user) -> str:
    asked = form.cleaned_data
    parts = [
        counts.state_for(user, asked["region"]),
        counts.ranges_of(user, asked["region"]),
        sorted((name, str(value)) for name, value in form.active.items()),
    ]
    return "list-totals:" + hashlib.sha256(repr(parts).encode()).hexdigest()


def make(form: HouseholdFilterForm, user, per_page: int = PER_PAGE) -> Listing:
    """Return the page that the form asks for."""
    everything = Household.objects.visible_to(user).in_register()
    found = form.filter(everything, user)
    if not form.is_valid() or not user.scope_ranges() or not form.may_be_asked_by(user):
        return Listing(Paginator([], per_page).get_page(1), 0, 0)
    asked = form.cleaned_data
    year = asked["year"] if isinstance(asked["year"], int) else None
    number = int(asked["page"]) if asked["page"].isascii() and asked["page"].isdigit() else 1
    found = ordered(found, asked["sort"], user, year)
    key = totals = None
    if knows_totals(form, user):
        totals = kept_totals(form, user)
    elif _remembers(form, user):
        key = _key(form, user)
        totals = cache.get(key)
    if totals:
        households, persons = totals
        page = Paginator(range(households), per_page).get_page(number)
        keys = found.values("pk")[page.start_index() - 1 if households else 0 :][:per_page]
    else:
        households, persons, keys = _found(found, user, min(max(number, 1), 1_000_000), per_page)
        page = Paginator(range(households), per_page).get_page(number)
        if page.number != number and households:
            keys = _found(found, user, page.number, per_page)[2]
        if key:
            cache.set(key, (households, persons), KEEP_SECONDS)
    here = ordered(Household.objects.visible_to(user).filter(pk__in=keys), asked["sort"], user, year)
    page.object_list = rows_of(here, user, year)
    names = place_names({row.village_id for row in page.object_list} | {asked["region"]})
    if not asked["figure"]:
        return Listing(page, households, persons, names)
    if asked["figure"] in OF_EXIT_TEST:
        _tell_reasons(page.object_list)
    return Listing(page, households, persons, names, _figure_number(form, everything, user, households))


def _tell_reasons(rows) -> None:
    """Set `reasons` on the rows of a page: why each household fails the exit test, with the value that shows it."""
    if not rows:
        return
    frame = replace(figures.frame(), households=tuple(row.pk for row in rows))
    with connection.cursor() as cursor:
        cursor.execute(figuring.select_sql("figure_house", frame, f"household_id, {exit8.reasons()}"))
        found = dict(cursor.fetchall())
    for row in rows:
        row.reasons = tuple(exit8.words(code) for code in found.get(row.pk, ()))


def _figure_number(form: HouseholdFilterForm, everything, user, households: int) -> Decimal:
    """Return the number that the rows of the list give; further filters narrow it."""
    asked = form.cleaned_data
    behind = figures.listed(asked["figure"], asked["part"])
    if behind.rows == "figure_house" and not behind.value:
        return Decimal(households)  # the rows are the households
    narrowed = set(form.active) - {"figure", "part", "region"}
    among = form.filter(everything, user) if narrowed else None
    return figures.number_behind(asked["figure"], asked["part"], asked["region"], among)


def place_names(region_codes) -> dict[str, str]:
    """Return {code: name} of regions and of all that hold them, in one query."""
    wanted = {
        code[:length] for code in region_codes if code for length in LEVEL_LENGTHS.values() if length <= len(code)
    }
    return dict(Region.objects.filter(code__in=wanted).values_list("code", "name")) if wanted else {}


def path_of(code: str, names: dict[str, str], above: str = "") -> list[tuple[str, str]]:
    """Return [(code, name)] from the region below `above` down to `code`."""
    codes = [code[:length] for length in LEVEL_LENGTHS.values() if len(above) < length <= len(code)]
    return [(part, names[part]) for part in codes if part in names]
