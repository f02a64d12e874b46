"""Undo an import: put back every value not edited since, list those that were, withdraw what the import created.

The history holds all that is needed: the events that bear the batch's key, and the event before each. Nothing is
deleted; a re-import revives what was withdrawn.
"""

from django.db import connection, transaction
from django.utils import timezone

from exchange import batches, staging
from exchange.models import BatchState, ImportBatch
from validation import engine

SKIP = {"id", "uid", "version", "field_stamps", "created_at"}


class CannotUndo(Exception):
    """The batch is not one that can be undone: the text says why."""


def undo(batch: ImportBatch, *, by, reason: str = "") -> dict:
    """Undo `batch` in one transaction; return {"restored", "withdrawn", "kept": [{table, row, columns}], …}."""
    from exchange.batches import acting

    context = {"undone_batch": batch.pk, "batch": batch.pk}
    with acting(by, reason=reason or f"undo import {batch.file_name}", **context), transaction.atomic():
        batch = ImportBatch.objects.in_scope().select_for_update(of=("self",)).get(pk=batch.pk)
        if batch.state != BatchState.MERGED:
            raise CannotUndo(batch.state)
        work = batches.handler(batch)
        work.lock()
        report = {"restored": 0, "withdrawn": 0, "kept": []}
        for model in work.undo_models:
            _undo_table(model, batch, report)
        if hasattr(work, "undo"):
            report.update(work.undo())
        else:
            engine.run(engine.import_rules(), households=_touched(work.undo_models, batch))
        batch.state, batch.undone_at = BatchState.UNDONE, timezone.now()
        batch.undo_report = report
        batch.save(update_fields=["state", "undone_at", "undo_report"])
        staging.drop(batch.pk)
    return report


def forecast(batch: ImportBatch, *, by) -> dict:
    """Return what `undo` would report now: it is done and taken back."""
    context = {"undone_batch": batch.pk, "batch": batch.pk}
    report = {"restored": 0, "withdrawn": 0, "kept": []}
    with batches.acting(by, reason="what an undo would do", **context), transaction.atomic():
        work = batches.handler(batch)
        for model in work.undo_models:
            _undo_table(model, batch, report)
        if hasattr(work, "undo"):
            report.update(work.undo())
        transaction.set_rollback(True)
    report["kept"], report["kept_count"] = report["kept"][:200], len(report["kept"])
    return report


def _touched(models, batch) -> str:
    """SQL: households that the batch wrote to."""
    parts = []
    for model in models:
        event = model.pgh_event_model._meta.db_table
        column = "pgh_obj_id" if model.scope_household == "pk" else "household_id"
        parts.append(f"SELECT {column} FROM {event} WHERE pgh_context_id = '{batch.uid}'::uuid")
    return " UNION ".join(parts)


def _undo_table(model, batch, report: dict) -> None:
    """Undo one table. `before` is the last event ahead of the batch's first, `after` the batch's last."""
    table, event = model._meta.db_table, model.pgh_event_model._meta.db_table
    columns = [
        field.column
        for field in model._meta.concrete_fields
        if field.column not in SKIP and _has_column(model.pgh_event_model, field.column)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE TEMPORARY TABLE undo_rows ON COMMIT DROP AS
                SELECT mine.pgh_obj_id AS id, mine.first, mine.last, mine.created,
                       (SELECT max(e.pgh_id) FROM {event} e
                         WHERE e.pgh_obj_id = mine.pgh_obj_id AND e.pgh_id < mine.first) AS before
                  FROM (SELECT pgh_obj_id, min(pgh_id) AS first, max(pgh_id) AS last,
                               bool_or(pgh_label = 'insert') AS created
                          FROM {event} WHERE pgh_context_id = %s GROUP BY pgh_obj_id) mine""",
            [batch.uid],
        )
        values = [column for column in columns if column not in ("stamp", "withdrawn_at")]
        edited = ", ".join(
            f'CASE WHEN t."{c}" IS DISTINCT FROM a."{c}" AND a."{c}" IS DISTINCT FROM b."{c}" THEN \'{c}\' END'
            for c in values
            if not c.startswith("source_")
        )
        cursor.execute(
            f"""SELECT t.uid_or_id, x.columns FROM (
                  SELECT t.id, array_remove(ARRAY[{edited}]::text[], NULL) AS columns FROM undo_rows u
                    JOIN {table} t ON t.id = u.id JOIN {event} a ON a.pgh_id = u.last
                    JOIN {event} b ON b.pgh_id = u.before WHERE NOT u.created) x
                  JOIN (SELECT id, {_name(model)} AS uid_or_id FROM {table}) t ON t.id = x.id
                 WHERE x.columns <> '{{}}'"""
        )
        report["kept"] += [
            {"table": model._meta.model_name, "row": str(row), "columns": changed} for row, changed in cursor.fetchall()
        ]
        sets = ", ".join(
            f'"{c}" = CASE WHEN t."{c}" IS NOT DISTINCT FROM a."{c}" THEN b."{c}" ELSE t."{c}" END' for c in columns
        )
        cursor.execute(
            f"""UPDATE {table} t SET {sets}, field_stamps = '{{}}'::jsonb FROM undo_rows u
                  JOIN {event} a ON a.pgh_id = u.last JOIN {event} b ON b.pgh_id = u.before
                 WHERE t.id = u.id AND NOT u.created"""
        )
        report["restored"] += cursor.rowcount
        # What the batch created is withdrawn, unless somebody has worked on it since.
        cursor.execute(
            f"""SELECT {_name(model, "t.")} FROM undo_rows u JOIN {table} t ON t.id = u.id
                 WHERE u.created AND EXISTS (SELECT 1 FROM {event} e WHERE e.pgh_obj_id = u.id AND e.pgh_id > u.last)
                   AND t.withdrawn_at IS NULL"""
        )
        worked_on = [str(row) for (row,) in cursor.fetchall()]
        report["kept"] += [{"table": model._meta.model_name, "row": row, "columns": []} for row in worked_on]
        cursor.execute(
            f"""UPDATE {table} t SET withdrawn_at = now() FROM undo_rows u
                 WHERE t.id = u.id AND u.created AND t.withdrawn_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM {event} e WHERE e.pgh_obj_id = u.id AND e.pgh_id > u.last)"""
        )
        report["withdrawn"] += cursor.rowcount
        cursor.execute("DROP TABLE undo_rows")


def _has_column(event_model, column: str) -> bool:
    return any(field.column == column for field in event_model._meta.concrete_fields)


def _name(model, prefix: str = "") -> str:
    """SQL: what a row is called in the report: its uid, or its key where it has none."""
    names = {field.column for field in model._meta.concrete_fields}
    return f"{prefix}uid::text" if "uid" in names else f"{prefix}id::text"
