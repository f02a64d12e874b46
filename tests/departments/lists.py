"""Helpers of the tests: departments' lists written on the fly, and who sends them."""

import datetime as dt

from households.departments import importing
from poverty import scope
from tests.exchange.importing import run, workbook
from validation.models import Snapshot, SourceRow

__all__ = ["importing", "load", "rows_of", "snapshots"]
AS_OF = dt.date(2020, 12, 31)


def load(kind: str, rows: list[dict], *, dry=False, **options) -> dict:
    """Import a list of `kind`; rows are {header: cell}. Return the summary, with the values found."""
    options = {"year": None, "as_of": AS_OF, **options}
    return run(workbook(rows, options.pop("headers", None)), kind=kind, dry=dry, name=f"{kind}.xlsx", **options)


def snapshots(**wanted) -> list[Snapshot]:
    with scope.system("test"):
        return list(Snapshot.objects.filter(**wanted).order_by("pk"))


def rows_of(kind: str) -> list[SourceRow]:
    """Return the rows of the current lists of `kind`, in the order of the file."""
    with scope.system("test"):
        found = SourceRow.objects.filter(snapshot__kind=kind, snapshot__current=True)
        return list(found.order_by("snapshot_id", "row"))
