"""The result of an import as one JSON object, for commands; and its faults with their places."""

import json

from exchange import faults as fault_rows
from exchange.messages import fault_text, refusal_text
from exchange.models import ImportBatch, ImportFault
from poverty import crypto

COUNTS = ("rows", "new", "changed", "unchanged", "rejected", "asked", "skipped", "missing")


def masked(value: str) -> str:
    """Return a cell's text as messages may show it: the outer characters of anything longer than three."""
    if len(value) <= 3:
        return "*" * len(value)
    return value[:2] + "*" * (len(value) - 3) + value[-1]


def as_dict(fault: ImportFault, *, show_values: bool) -> dict:
    value = crypto.unseal(fault_rows.VALUE, fault.uid, fault.value_sealed)
    shown = value if show_values else masked(value)
    return {
        "sheet": fault.sheet,
        "row": fault.row,
        "column": fault.column,
        "code": fault.code,
        "action": fault.action,
        "value": shown,
        "message": str(
            fault_text(
                fault.code,
                fault.action,
                fault.params,
                sheet=fault.sheet,
                row=fault.row,
                column=fault.column,
                value=shown,
            )
        ),
        **({"question": fault.question} if fault.question else {}),
    }


def summary(batch: ImportBatch, *, show_values: bool = False, limit: int | None = 200) -> dict:
    """Return the batch as {"kind", "file", counts …, "batch", "state", "faults"}; call inside the batch's scope."""
    if batch.state == "refused":
        return {
            "kind": batch.kind,
            "file": batch.file_name,
            "state": "refused",
            "code": batch.refusal_code,
            "message": refusal_text(batch.refusal_code, batch.refusal.get("params", {})),
            "batch": None,
        }
    found = ImportFault.objects.in_scope().filter(batch=batch).order_by("sheet", "row", "id")
    return {
        "kind": batch.kind,
        "file": batch.file_name,
        **{name: getattr(batch, name) for name in COUNTS},
        "batch": batch.pk,
        "state": batch.state,
        "faults": [as_dict(fault, show_values=show_values) for fault in (found[:limit] if limit else found)],
    }


def line(found: dict) -> str:
    return json.dumps(found, ensure_ascii=False)
