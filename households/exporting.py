"""The rows of the register's exports, in the layouts of its import sheets."""

from collections.abc import Iterator

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from households.codes import RELATION
from households.importing import PLACES
from households.models import Household, HouseholdYear, MemberYear
from poverty import crypto, scope
from poverty.declarations import Column, Sheet

HEAD = next(code for code, label in RELATION.labels.items() if label == "户主")
TABLES = {"household": "h", "household_year": "hy", "member": "m", "member_year": "my"}
LEVELS = {"province": "r2", "city": "r4", "county": "r6", "town": "r9", "village": "r12"}
SEALED = {"phone": ("h", "phone_sealed"), "card": ("h", "card_sealed"), "cert_no": ("m", "cert_no_sealed")}
REGIONS = " ".join(
    f"LEFT JOIN regions_region r{length} ON r{length}.code = left(h.village, {length})" for length in (2, 4, 6, 9, 12)
)
HEADS = f"""LEFT JOIN LATERAL (
    SELECT m.name, m.uid, m.cert_no_sealed, coalesce(m.birth_on, m.id_birth_on) AS born FROM households_member m
     WHERE m.household_id = h.id AND m.relation = '{HEAD}' AND m.departed_on IS NULL AND m.withdrawn_at IS NULL
     ORDER BY m.person_no LIMIT 1) head ON true"""
MEMBERS = """JOIN households_member m ON m.household_id = h.id AND m.departed_on IS NULL AND m.withdrawn_at IS NULL
    LEFT JOIN households_memberyear my ON my.member_id = m.id AND my.year = %s AND my.withdrawn_at IS NULL"""
FETCH = 2_000


class RegisterExport:
    """The rows of a list of households that `user` sees; call it inside the user's scope.

    `query` is the list's own query string. `year` picks the snapshot; by default the latest one on file.
    """

    def __init__(self, sheet: Sheet, user, *, region: str = "", query: str = "", year: int | None = None):
        self.sheet, self.user, self.region, self.query = sheet, user, region, query
        self.persons = bool(sheet.person_key)
        self.columns: tuple[Column, ...] = tuple(column for column in sheet.columns if column.export)
        self.year = year or self._latest_year()

    def households(self):
        """Return the queryset of households that the list shows."""
        found = Household.objects.in_scope() if scope.in_system_scope() else Household.objects.visible_to(self.user)
        found = found.in_register()
        if self.region:
            found = found.filter(scope.under("village_id", self.region))
        if self.query:
            from households.forms import HouseholdFilterForm

            found = HouseholdFilterForm(QueryDict(self.query), reader=self.user).filter(found)
        return found

    def _keys(self) -> tuple[str, tuple]:
        """SQL: the keys of the households, with its parameters."""
        try:
            return self.households().order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:  # filters that cannot be read, or nobody's area: no household
            return "SELECT NULL::bigint WHERE false", ()

    def _latest_year(self) -> int | None:
        model = MemberYear if self.persons else HouseholdYear
        keys, params = self._keys()
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT max(year) FROM {model._meta.db_table} WHERE withdrawn_at IS NULL AND household_id IN ({keys})",
                params,
            )
            return cursor.fetchone()[0]

    def count(self) -> int:
        """Return the number of rows."""
        keys, params = self._keys()
        sql = f"SELECT count(*) FROM ({keys}) x"
        if self.persons:
            sql = (
                "SELECT count(*) FROM households_member m WHERE m.departed_on IS NULL AND m.withdrawn_at IS NULL"
                f" AND m.household_id IN ({keys})"
            )
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchone()[0]

    def _value(self, column: Column) -> str:
        """SQL: the stored value of a column; NULL where the register has none."""
        target, _dot, stored = column.to.partition(".")
        if stored in SEALED:
            return "{}.{}".format(*SEALED[stored])
        if target in TABLES and (target in ("household", "household_year") or self.persons):
            return f'{TABLES[target]}."{stored}"'
        if column.level in LEVELS:
            return f"{LEVELS[column.level]}.name"
        if column.field == "year":
            return "%s::int"
        if column.field == "as_of":
            # The data are as old as the newest file they come from.
            stamps = ["h.stamp", "hy.stamp", *(["m.stamp", "my.stamp"] if self.persons else [])]
            return f"NULLIF(left(GREATEST({', '.join(stamps)}), 10), '')::date"
        return {"head_name": "head.name", "head_cert_no": "head.cert_no_sealed"}.get(column.field, "NULL")

    def rows(self, hidden: frozenset[str] = frozenset()) -> Iterator[tuple[list, bool]]:
        """Give (values in the order of `columns`, whether the person is a minor); sealed values are opened.

        Values of the fields in `hidden` stay closed and come as None.
        """
        keys, params = self._keys()
        columns = [column if column.field not in hidden else None for column in self.columns]
        values = [self._value(column) if column else "NULL" for column in columns]
        seals = self._seals(columns)
        person = (
            "m.uid, coalesce(m.birth_on, m.id_birth_on), m.birth_precision"
            if self.persons
            else "head.uid, head.born, NULL"
        )
        order = f"(m.relation = '{HEAD}') DESC NULLS LAST, m.person_no" if self.persons else "h.id"
        sql = f"""SELECT h.uid, {person}, {", ".join(values)}
            FROM households_household h
            LEFT JOIN households_householdyear hy ON hy.household_id = h.id AND hy.year = %s AND hy.withdrawn_at IS NULL
            {REGIONS} {MEMBERS if self.persons else HEADS}
            WHERE h.id IN ({keys}) ORDER BY h.village, h.household_no, {order}"""
        given = [self.year] * (values.count("%s::int") + 1 + self.persons) + list(params)
        birth = next((at for at, column in enumerate(columns) if column and column.to == "member.birth_on"), None)
        eighteen = _eighteen_years_ago()
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql, given)
            while chunk := cursor.fetchmany(FETCH):
                for household, who, born, precision, *row in chunk:
                    for at, place, of_household in seals:
                        if row[at] is not None:
                            row[at] = crypto.unseal(place, household if of_household else who, row[at])
                    if birth is not None and precision == "m" and row[birth]:
                        row[birth] = f"{row[birth]:%Y-%m}"
                    yield row, bool(born and born > eighteen)

    @staticmethod
    def _seals(columns) -> list[tuple[int, str, bool]]:
        """Return (position, place, whether it is the household's) of the sealed columns to be opened."""
        found = []
        for at, column in enumerate(columns):
            if column and column.sealed:
                stored = column.to.partition(".")[2] or "cert_no"
                table, name = SEALED[stored]
                found.append((at, PLACES[name], table == "h"))
        return found


def _eighteen_years_ago():
    today = timezone.localdate()
    return today.replace(year=today.year - 18, day=min(today.day, 28))
