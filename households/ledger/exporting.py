"""The ledger as it goes out: the long form of its import sheet, so that what goes out can come back in."""

from collections.abc import Iterator

from django.core.exceptions import EmptyResultSet
from django.db import connection

from households.exporting import FETCH, HEADS, RegisterExport
from households.importing import PLACES
from households.ledger.importing import VALUES
from poverty import crypto
from poverty.declarations import Column

OWN = {"household_no": "h.household_no", "head_name": "head.name", "head_cert_no": "head.cert_no_sealed"}


class LedgerExport(RegisterExport):
    """The live lines of a list of households; `year` is that of the months, by default the latest with any line."""

    def _latest_year(self) -> int | None:
        keys, params = self._keys()
        with connection.cursor() as cursor:
            # From the newest month down: the tables of older years are not looked at once a line is found.
            cursor.execute(
                f"""SELECT extract(year FROM month)::int FROM households_ledgerline
                     WHERE superseded = 0 AND household_id IN ({keys}) ORDER BY month DESC LIMIT 1""",
                params,
            )
            found = cursor.fetchone()
        return found[0] if found else None

    def _lines(self) -> tuple[str, list]:
        """SQL: the lines from table to condition, with parameters."""
        try:
            keys, params = self._keys()
        except EmptyResultSet:
            keys, params = "SELECT NULL::bigint WHERE false", ()
        year = self.year or 1
        return (
            f"""households_ledgerline t JOIN households_household h ON h.id = t.household_id
                 WHERE t.superseded = 0 AND t.month BETWEEN DATE '{year:04d}-01-01' AND DATE '{year:04d}-12-01'
                   AND t.household_id IN ({keys})""",
            list(params),
        )

    def count(self) -> int:
        """Return the number of lines."""
        lines, params = self._lines()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {lines}", params)
            return cursor.fetchone()[0]

    def _value(self, column: Column) -> str:
        return OWN.get(column.field) or f"t.{VALUES.get(column.field, column.field)}"

    def rows(self, hidden: frozenset[str] = frozenset()) -> Iterator[tuple[list, bool]]:
        """Give (values in the order of `columns`, False); a head is no minor."""
        columns = [column if column.field not in hidden else None for column in self.columns]
        values = [self._value(column) if column else "NULL" for column in columns]
        sealed = [at for at, column in enumerate(columns) if column and column.field == "head_cert_no"]
        lines, params = self._lines()
        lines = lines.replace("WHERE t.superseded", f"{HEADS} WHERE t.superseded", 1)
        sql = f"SELECT head.uid, {', '.join(values)} FROM {lines} ORDER BY h.village, h.household_no, t.month, t.category, t.ordinal"
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql, params)
            while chunk := cursor.fetchmany(FETCH):
                for head, *row in chunk:
                    for at in sealed:
                        if row[at] is not None:
                            row[at] = crypto.unseal(PLACES["cert_no_sealed"], head, row[at])
                    yield row, False
