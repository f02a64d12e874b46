"""Staging: one typed table per batch in the schema `staging`, reached only by the batch, holding ciphertext.

The tables belong to the application, have no policy (rows are classified by area before they go anywhere), and are
dropped when the batch is over. COPY is used because nothing is faster, and it cannot write to tables with policies.
"""

import io

import polars as pl
from django.db import connection

CHUNK = 50_000
POSTGRES_TYPES = {
    pl.Utf8: "text",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Int64: "bigint",
    pl.Int32: "integer",
    pl.UInt32: "bigint",
    pl.Float64: "double precision",
}


def table(batch_id: int, name: str) -> str:
    return f'staging."b{batch_id}_{name}"'


def postgres_type(dtype) -> str:
    """Return the column type for a polars type: decimals become numeric, lists varchar arrays."""
    if isinstance(dtype, pl.Decimal) or dtype == pl.Decimal:
        return "numeric"
    if isinstance(dtype, pl.List) or dtype == pl.List:
        return "varchar[]"
    return POSTGRES_TYPES.get(dtype.base_type() if hasattr(dtype, "base_type") else dtype, "text")


def create(name: str, frame: pl.DataFrame, *, types: dict[str, str], extra: str = "") -> None:
    """Make the table `name` for the columns of `frame`; `types` overrides, `extra` adds column definitions."""
    columns = [f'"{column}" {types.get(column) or postgres_type(dtype)}' for column, dtype in frame.schema.items()]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
        cursor.execute(f"CREATE TABLE {name} ({', '.join(columns)}{', ' + extra if extra else ''})")


def copy(name: str, frame: pl.DataFrame, on_rows=None) -> None:
    """Write `frame` into the table `name` by COPY, in chunks, so that memory stays flat.

    Empty text becomes NULL; lists become array literals; bytea columns come as text "\\x…".
    """
    prepared = frame.with_columns(
        [
            pl.when(pl.col(column).list.len() > 0)
            .then(pl.lit("{") + pl.col(column).list.join(",") + pl.lit("}"))
            .otherwise(None)
            .alias(column)
            for column, dtype in frame.schema.items()
            if isinstance(dtype, pl.List)
        ]
    )
    names = ", ".join(f'"{column}"' for column in prepared.columns)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {name} ({names}) FROM STDIN (FORMAT csv)") as target:
            for start in range(0, prepared.height, CHUNK):
                buffer = io.BytesIO()
                prepared.slice(start, CHUNK).write_csv(buffer, include_header=False, quote_style="necessary")
                target.write(buffer.getvalue())
                if on_rows:
                    on_rows(min(start + CHUNK, prepared.height))


def drop(batch_id: int) -> None:
    """Drop the staging tables of a batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'staging' AND tablename LIKE %s", [f"b{batch_id}\\_%"]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TABLE IF EXISTS staging."{name}" CASCADE')


def exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return cursor.fetchone()[0]


def hexed(values: list[bytes | None]) -> list[str | None]:
    """Return bytes as PostgreSQL's hex text."""
    return [None if value is None else "\\x" + value.hex() for value in values]
