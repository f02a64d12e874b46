"""What the pages of an import show of the register: changes value by value, rows by verdict, who is missing.

Nothing here writes. Values come as they are stored; what of them a person may see, the page decides.
"""

import contextlib
from dataclasses import dataclass, field

from django.db import connection
from django.utils.translation import gettext as _

from exchange import staging
from exchange.models import BatchState
from households.importing import MODELS, PLACES, SEALED
from households.merging import RegisterMerge
from households.models import Household, Member
from poverty import crypto
from poverty.declarations import Column, Kind

KEYS = {"household": "household_id", "household_year": "household_year_id", "member": "member_id"}
KEYS["member_year"] = "member_year_id"
OF_HOUSEHOLD = ("household", "household_year")


@dataclass
class Change:
    """One value that an import changes. `column` is None for what no column of the sheet holds."""

    name: str
    label: str
    column: Column | None = None
    old: object = None
    new: object = None


@dataclass
class Row:
    """A row of the file as pages name it: where it stands, who it is, and what it changes."""

    sheet: str
    row: int
    name: str = ""
    number: str = ""
    village: str = ""
    verdict: str = ""
    uid: str = ""  # of the household, for the link
    first: list[Change] = field(default_factory=list)
    rest: list[Change] = field(default_factory=list)
    place: str = ""
    link: str = ""
    changes: list[Change] = field(default_factory=list)


def _opened(place: str, sealed, *uids) -> str:
    """Open a sealed value that is bound to one of `uids`: a merge binds staged values to the row they went to."""
    for uid in uids:
        with contextlib.suppress(crypto.Unreadable):
            return crypto.unseal(place, uid, sealed)
    return "?"


class RegisterPreview(RegisterMerge):
    """The handler of the register's sheets, with what its pages ask."""

    @property
    def head(self) -> str:
        """SQL: what names a row beside its place: (name, number, village, household), by staged alias s."""
        return "s.name, h.household_no, s.village, h.household_id" if self.persons else self._of_household()

    def _of_household(self) -> str:
        name = "s.head_name" if "head_name" in self._columns(self.h) else "NULL"
        return f"{name}, s.household_no, s.village, s.household_id"

    def _columns(self, table: str) -> set[str]:
        sql = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
        return {name for (name,) in self.fetch(sql, [table])}

    @property
    def source(self) -> str:
        """SQL: the staged rows as s, with their household as h."""
        return f"{self.p} s LEFT JOIN {self.h} h ON h.h = s.h" if self.persons else f"{self.h} s"

    @property
    def order(self) -> str:
        return "s._no" if self.persons else "s.h"

    # --- rows by verdict -----------------------------------------------------------------------------------------

    def rows_with(self, verdict: str, offset: int, limit: int) -> list[Row]:
        """Return rows of one verdict, in the order of the file."""
        sql = f"SELECT s._sheet, s._row, {self.head}, s.verdict FROM {self.source} WHERE s.verdict = %s"
        if not self.persons:
            spare = staging.table(self.batch.pk, "rest")
            sql += (
                f" UNION ALL SELECT _sheet, _row, NULL, household_no, village, NULL, _verdict FROM {spare}"
                " WHERE _verdict = %s ORDER BY 1, 2"
            )
        else:
            sql += f" ORDER BY {self.order}"
        found = self.fetch(f"{sql} OFFSET %s LIMIT %s", [verdict] * (1 if self.persons else 2) + [offset, limit])
        return self._dressed(found)

    def rows_at(self, places: list[tuple[str, int]]) -> dict[tuple[str, int], Row]:
        """Return the rows at places [(sheet, row)]."""
        if not places:
            return {}
        at = "JOIN unnest(%s::text[], %s::int[]) x(sheet, row) ON s._sheet = x.sheet AND s._row = x.row"
        sql = f"SELECT s._sheet, s._row, {self.head}, s.verdict FROM {self.source} {at}"
        given = [[place[0] for place in places], [place[1] for place in places]]
        if not self.persons:
            spare = staging.table(self.batch.pk, "rest")
            sql += f" UNION ALL SELECT s._sheet, s._row, NULL, s.household_no, s.village, NULL, s._verdict FROM {spare} s {at}"
            given = given * 2
        return {(row.sheet, row.row): row for row in self._dressed(self.fetch(sql, given))}

    def _dressed(self, found: list[tuple]) -> list[Row]:
        uids = self._uids([line[5] for line in found if line[5]])
        return [
            Row(sheet, row, name or "", number or "", village or "", verdict, uids.get(household, ""))
            for sheet, row, name, number, village, household, verdict in found
        ]

    def _uids(self, keys: list[int]) -> dict[int, str]:
        return {
            key: str(uid) for key, uid in Household.objects.in_scope().filter(pk__in=set(keys)).values_list("pk", "uid")
        }

    # --- changes -------------------------------------------------------------------------------------------------

    def label(self, name: str) -> tuple[str, Column | None]:
        """Return what a changed value is called, and its column."""
        target, _dot, field_name = name.partition(".")
        fixed = {
            "household.village": _("village"),
            "household.revived": _("taken up again"),
            "household_year.new": _("first figures of the year"),
            "member.household": _("moves to this household"),
            "member.revived": _("taken up again"),
            "member.person_no": _("person number"),
            "member_year.new": _("first particulars of the year"),
        }
        if name in fixed:
            return fixed[name], None
        column = next((c for c in self.sheet.columns if c.field == field_name and c.to.startswith(f"{target}.")), None)
        return (column.header, column) if column else (field_name, None)

    def change_counts(self) -> list[tuple[str, str, int]]:
        """Return [(name, label, rows)] of the values that change, the commonest first."""
        found = self.fetch(
            f"SELECT c, count(*) FROM {self.rows}, unnest(changed) c WHERE verdict = 'changed' GROUP BY c ORDER BY 2 DESC, 1"
        )
        return [(name, self.label(name)[0], number) for name, number in found]

    def change_rows(self, name: str, offset: int, limit: int) -> list[Row]:
        """Return changed rows with their changes, old and new; with `name` those that change this value."""
        keys = (
            "h.household_id, h.household_year_id, s.member_id, s.member_year_id, s._no, s.h"
            if self.persons
            else "s.household_id, s.household_year_id, NULL, NULL, s.h, s.h"
        )
        found = self.fetch(
            f"""SELECT s._sheet, s._row, {self.head}, s.verdict, s.changed, {keys} FROM {self.source}
                 WHERE s.verdict = 'changed' AND (%s = '' OR %s = ANY(s.changed)) ORDER BY {self.order} OFFSET %s LIMIT %s""",
            [name, name, offset, limit],
        )
        rows = self._dressed([line[:7] for line in found])
        old = {target: self._stored(target, [line[8 + at] for line in found]) for at, target in enumerate(KEYS)}
        new = {
            "member": self._staged(self.p, "_no", [line[12] for line in found]) if self.persons else {},
            "household": self._staged(self.h, "h", [line[13] for line in found]),
        }
        for row, line in zip(rows, found, strict=True):
            keyed = dict(zip(KEYS, line[8:12], strict=True))
            for changed in line[7]:
                row.changes.append(self._change(changed, line, keyed, old, new))
        return rows

    def _change(self, name: str, line: tuple, keyed: dict, old: dict, new: dict) -> Change:
        target = name.partition(".")[0]
        label, column = self.label(name)
        change = Change(name, label, column)
        before = old[target].get(keyed[target], {})
        staged = new["household"].get(line[13], {}) if target in OF_HOUSEHOLD else new["member"].get(line[12], {})
        if column is None:
            stored = {"household.village": "village", "member.person_no": "person_no"}.get(name)
            if stored:
                change.old, change.new = before.get(stored), staged.get(stored)
            return change
        stored = column.to.partition(".")[2]
        if stored in SEALED:
            place = PLACES[f"{stored}_sealed"]
            change.old = _opened(place, before.get(f"{stored}_sealed"), before.get("uid"))
            change.new = _opened(place, staged.get(f"{stored}_sealed"), staged.get("uid"), before.get("uid"))
        else:
            change.old, change.new = before.get(stored), staged.get(column.field)
        return change

    def _stored(self, target: str, keys: list) -> dict[int, dict]:
        """Return stored rows by key; of a merged import as they were before it, from the history."""
        keys = [key for key in keys if key]
        if not keys:
            return {}
        model = MODELS[target]
        if self.batch.state != BatchState.MERGED:
            return self._dicts(f"SELECT * FROM {model._meta.db_table} WHERE id = ANY(%s)", [keys], "id")
        event = model.pgh_event_model._meta.db_table
        found = self._dicts(
            f"""SELECT DISTINCT ON (e.pgh_obj_id) e.* FROM {event} e
                  JOIN (SELECT pgh_obj_id, min(pgh_id) AS first FROM {event}
                         WHERE pgh_obj_id = ANY(%s) AND pgh_context_id = %s GROUP BY 1) mine USING (pgh_obj_id)
                 WHERE e.pgh_id < mine.first ORDER BY e.pgh_obj_id, e.pgh_id DESC""",
            [keys, self.batch.uid],
            "pgh_obj_id",
        )
        if target in ("household", "member"):
            # What is sealed is bound to the row's uid.
            keeper = {"household": Household, "member": Member}[target]
            for key, uid in keeper.objects.in_scope().filter(pk__in=list(found)).values_list("pk", "uid"):
                found[key]["uid"] = uid
        return found

    def _staged(self, table: str, key: str, keys: list) -> dict[int, dict]:
        keys = [one for one in keys if one is not None]
        return self._dicts(f"SELECT * FROM {table} WHERE {key} = ANY(%s)", [keys], key) if keys else {}

    def _dicts(self, sql: str, params: list, key: str) -> dict[int, dict]:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {row[key]: row for row in rows}

    # --- who is not in the file ----------------------------------------------------------------------------------

    def missing_rows(self, offset: int, limit: int) -> list[Row]:
        """Return who is in the register and not in the file; `number` is the person's, or the household's."""
        found = self.fetch(f"SELECT * FROM ({self.missing_sql()}) x ORDER BY 3, 5 OFFSET %s LIMIT %s", [offset, limit])
        uids = self._uids([line[1] for line in found])
        return [
            Row("", 0, name or "", number, village, uid=uids.get(household, ""))
            for _member, household, village, name, number in found
        ]

    # --- totals stated in the file ---------------------------------------------------------------------------------

    def sum_of(self, sheet: str, column: Column, after: int, before: int):
        """Return the sum of a column's read values between two rows of a sheet, or None where it is not kept.

        On a roster the size of the households is the number of persons, which are its rows.
        """
        between = "WHERE _sheet = %s AND _row > %s AND _row < %s"
        if self.persons and column.kind is Kind.INTEGER and column.household_wide:
            return self.fetch(f"SELECT count(*) FROM {self.p} {between}", [sheet, after, before])[0][0]
        table = self.p if self.persons and column.to.startswith(("member.", "member_year.")) else self.h
        if column.field not in self._columns(table):
            return None
        return self.fetch(f'SELECT sum("{column.field}") FROM {table} {between}', [sheet, after, before])[0][0]

    def held_between(self, sheet: str, column: Column, after: int, before: int) -> bool:
        """Return whether rows between two rows of a sheet wait or are refused, so that their values are not kept."""
        if self.persons and column.to.startswith(("member.", "member_year.")):
            return False
        name = self.p_data if self.persons else staging.table(self.batch.pk, "rest")
        sql = f"SELECT EXISTS (SELECT 1 FROM {name} WHERE _sheet = %s AND _row > %s AND _row < %s AND _verdict <> '')"
        return self.fetch(sql, [sheet, after, before])[0][0]
