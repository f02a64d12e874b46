"""What the pages of a ledger import show: lines by verdict, changes value by value, what the file does not have."""

from exchange.models import BatchState
from households.ledger import codes
from households.ledger.importing import VALUES, LedgerImport
from households.models import Household
from households.previewing import Change, Row
from poverty.declarations import Column

HEAD = "s._sheet, s._row, s.head_name, s.household_no, s.village, s.household_id, s.verdict"


class LedgerPreview(LedgerImport):
    """The handler of the ledger sheet, with what its pages ask."""

    def rows_with(self, verdict: str, offset: int, limit: int) -> list[Row]:
        """Return lines of one verdict, in the order of the file."""
        sql = f"SELECT {HEAD} FROM {self.rows} s WHERE s.verdict = %s ORDER BY s._no OFFSET %s LIMIT %s"
        return self._dressed(self.fetch(sql, [verdict, offset, limit]))

    def rows_at(self, places: list[tuple[str, int]]) -> dict[tuple[str, int], Row]:
        """Return the lines at places [(sheet, row)]."""
        if not places:
            return {}
        found = self.fetch(
            f"SELECT {HEAD} FROM {self.rows} s WHERE (s._sheet, s._row) IN (SELECT * FROM unnest(%s::text[], %s::int[]))",
            [[place[0] for place in places], [place[1] for place in places]],
        )
        return {(row.sheet, row.row): row for row in self._dressed(found)}

    def _dressed(self, found: list[tuple]) -> list[Row]:
        keys = {line[5] for line in found if line[5]}
        uids = dict(Household.objects.in_scope().filter(pk__in=keys).values_list("pk", "uid"))
        return [
            Row(sheet, row, name or "", number or "", village or "", verdict, str(uids.get(household, "")))
            for sheet, row, name, number, village, household, verdict in found
        ]

    # --- changes -------------------------------------------------------------------------------------------------

    def label(self, name: str) -> tuple[str, Column]:
        column = self.sheet.column(name)
        return column.header, column

    def change_counts(self) -> list[tuple[str, str, int]]:
        """Return [(name, label, lines)] of the values that change, the commonest first."""
        found = self.fetch(
            f"SELECT c, count(*) FROM {self.state}, unnest(changed) c WHERE verdict = 'changed' GROUP BY c ORDER BY 2 DESC, 1"
        )
        return [(name, self.label(name)[0], number) for name, number in found]

    def change_rows(self, name: str, offset: int, limit: int) -> list[Row]:
        """Return changed lines with their changes, old and new; with `name` those that change this value."""
        stored = ", ".join(f"t.{column}" for column in VALUES.values())
        staged = ", ".join(f"s.{column}" for column in VALUES)
        before = "superseded = s.version" if self.batch.state == BatchState.MERGED else "superseded = 0"
        found = self.fetch(
            f"""SELECT {HEAD}, s.changed, s.month, s.category, {stored}, {staged} FROM {self.rows} s
                  JOIN households_ledgerline t ON t.household_id = s.household_id AND t.month = s.month
                   AND t.category = s.category AND t.ordinal = s.ordinal AND t.{before} AND {self._pruned("t")}
                 WHERE s.verdict = 'changed' AND (%s = '' OR %s = ANY(s.changed)) ORDER BY s._no OFFSET %s LIMIT %s""",
            [name, name, offset, limit],
        )
        rows = self._dressed([line[:7] for line in found])
        for row, line in zip(rows, found, strict=True):
            changed, month, category = line[7:10]
            old = dict(zip(VALUES, line[10 : 10 + len(VALUES)], strict=True))
            new = dict(zip(VALUES, line[10 + len(VALUES) :], strict=True))
            row.name = f"{row.name} {codes.CATEGORY.label(category)} {month:%Y-%m}".strip()
            for each in changed:
                label, column = self.label(each)
                row.changes.append(Change(each, label, column, old[each], new[each]))
        return rows

    # --- what the file does not have -----------------------------------------------------------------------------

    def missing_rows(self, offset: int, limit: int) -> list[Row]:
        """Return the lines that are on file for the file's households and months, and not in the file."""
        found = self.fetch(
            f"SELECT * FROM ({self.missing_sql()}) x ORDER BY 3, 5, 4 OFFSET %s LIMIT %s", [offset, limit]
        )
        uids = dict(Household.objects.in_scope().filter(pk__in={line[1] for line in found}).values_list("pk", "uid"))
        rows = []
        for _member, household, village, name, number in found:
            category, _space, month = name.partition(" ")
            shown = f"{codes.CATEGORY.label(category)} {month}"
            rows.append(Row("", 0, shown, number, village, uid=str(uids.get(household, ""))))
        return rows

    # --- totals stated in the file -------------------------------------------------------------------------------

    def sum_of(self, sheet: str, column: Column, after: int, before: int):
        """Return the sum of a column's read values between two rows of a sheet, or None where it is not kept."""
        if column.field not in ("amount", "heads", "quantity"):
            return None
        between = "WHERE _sheet = %s AND _row > %s AND _row < %s"
        return self.fetch(f'SELECT sum("{column.field}") FROM {self.data} {between}', [sheet, after, before])[0][0]

    def held_between(self, sheet: str, column: Column, after: int, before: int) -> bool:
        """Return whether lines between two rows of a sheet wait or are refused."""
        sql = f"SELECT EXISTS (SELECT 1 FROM {self.data} WHERE _sheet = %s AND _row > %s AND _row < %s AND _verdict <> '')"
        return self.fetch(sql, [sheet, after, before])[0][0]
