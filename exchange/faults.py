"""Faults of a file as rows: where, what was done, what is asked. Values found are sealed like the fields they stand in."""

import json
from dataclasses import dataclass, field

from django.db import connection

from exchange.models import ImportAnswer, RememberedLabel
from poverty import crypto, declarations
from poverty.uids import uuid7_texts

VALUE = "exchange_importfault.value"
SUGGESTION = "exchange_importfault.suggestion"
ANSWER = "exchange_importanswer.value"

INSERT = """
INSERT INTO exchange_importfault (uid, batch_id, region, owner_id, sheet, row, "column", field, code, action, value_sealed, params,
                                  question, suggestion_sealed, answered)
SELECT uid::uuid, %s, %s, %s, sheet, row, "column", field, code, action, value, params::jsonb, question, suggestion, false
  FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[],
              %s::text[], %s::bytea[])
       x(uid, sheet, row, "column", field, code, action, value, params, question, suggestion)
"""


@dataclass
class Fault:
    """One fault; `value` and `suggestion` are plain here and sealed when written."""

    sheet: str
    row: int
    column: str
    field: str
    code: str
    action: str  # auto, note, ask, stop
    value: str = ""
    params: dict = field(default_factory=dict)
    question: str = ""
    suggestion: str = ""


class Places:
    """Names the column of a field as the file heads it."""

    def __init__(self, meta: dict, sheet: declarations.Sheet):
        self.sheet = sheet
        self.headers = {found["name"]: found.get("columns", {}) for found in meta.get("sheets", ())}

    def column(self, sheet_name: str, field_name: str) -> str:
        return self.headers.get(sheet_name, {}).get(field_name) or self.sheet.column(field_name).header

    def fault(self, sheet_name: str, row: int, field_name: str, code: str, action: str, **more) -> Fault:
        return Fault(sheet_name, row, self.column(sheet_name, field_name), field_name, code, action, **more)


def from_reading(frame) -> list[Fault]:
    """Return the reader's faults."""
    return [
        Fault(
            row["sheet"], row["row"], row["column"] or "", row["field"] or "", row["code"], row["action"],
            row["value"] or "", json.loads(row["params"] or "{}"), row["question"] or "", row["suggestion"] or "",
        )
        for row in frame.iter_rows(named=True)
    ]  # fmt: skip


def write(batch, found: list[Fault], *, anew: bool = True) -> None:
    """Write faults of `batch`; `anew` replaces all that stood before."""
    with connection.cursor() as cursor:
        if anew:
            cursor.execute("DELETE FROM exchange_importfault WHERE batch_id = %s", [batch.pk])
        if not found:
            return
        uids = uuid7_texts(len(found))
        cursor.execute(
            INSERT,
            [
                batch.pk,
                batch.region_id,
                batch.owner_id,
                uids,
                [fault.sheet[:100] for fault in found],
                [fault.row for fault in found],
                [fault.column[:200] for fault in found],
                [fault.field for fault in found],
                [fault.code for fault in found],
                [fault.action for fault in found],
                crypto.seal_many(VALUE, uids, [fault.value for fault in found]),
                [json.dumps(fault.params, ensure_ascii=False) for fault in found],
                [fault.question[:300] for fault in found],
                crypto.seal_many(SUGGESTION, uids, [fault.suggestion for fault in found]),
            ],
        )


def _replace(batch, found: list[Fault], where: str, params=()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM exchange_importfault WHERE batch_id = %s AND {where}", [batch.pk, *params])
    write(batch, found, anew=False)


def _places(batch) -> Places:
    return Places(batch.meta, declarations.sheets[batch.kind])


def write_masked(batch, places: list[tuple]) -> None:
    """Ask about masked cells that are not the mask of what is stored."""
    at = _places(batch)
    number = {found["name"]: found["no"] for found in batch.meta.get("sheets", ())}
    found = [
        at.fault(
            sheet,
            row,
            name,
            "D1",
            "ask",
            params={"problem": "masked"},
            question=f"cell:{number.get(sheet, 1)}:{row}:{name}",
        )  # fmt: skip
        for sheet, row, name in places
    ]
    _replace(batch, found, "params->>'problem' = 'masked'")


def write_taken(batch, work) -> None:
    """Refuse numbers taken elsewhere, in neutral words: nothing is said of where or whose."""
    at, sheet = _places(batch), declarations.sheets[batch.kind]
    found = [
        at.fault(*place, sheet.person_key or sheet.household_key, "ID-12", "stop", params={"problem": "taken"})
        for place in work.refused_places("taken")
    ]
    _replace(batch, found, "params->>'problem' = 'taken'")


def write_keyless(batch, work) -> None:
    """Refuse rows that belong to no household, or to one that the file names in two ways."""
    at, sheet = _places(batch), declarations.sheets[batch.kind]
    found = [
        at.fault(*place, sheet.household_key, "D11", "stop", params={"problem": problem})
        for problem in ("keyless", "double")
        for place in work.refused_places(problem)
    ]
    _replace(batch, found, "params->>'problem' IN ('keyless', 'double')")


def write_own(batch, found: list[Fault], codes: tuple[str, ...]) -> None:
    """Write what a sheet's own handler says of its rows, in the place of what it said with these codes before."""
    _replace(batch, found, "code = ANY(%s)", [list(codes)])


def write_rule_hits(batch, hits: list[tuple]) -> None:
    """Write what data rules found as noted faults, at the rule's own column."""
    at, sheet = _places(batch), declarations.sheets[batch.kind]
    fields = {column.field for column in sheet.columns}
    found = []
    for rule_id, sheet_name, row, seen, expected in hits:
        rule = declarations.rules[rule_id]
        name = rule.field if rule.field in fields else sheet.household_key
        found.append(at.fault(sheet_name, row, name, rule_id, "note", params={"seen": seen, "expected": expected}))
    _replace(batch, found, "action = 'note' AND code LIKE '__-__'")


def answers_of(batch) -> list[dict]:
    """Return the answers given to the batch, opened."""
    return [
        {"question": answer.question, "value": crypto.unseal(ANSWER, answer.uid, answer.value_sealed)}
        for answer in ImportAnswer.objects.in_scope().filter(batch=batch)
    ]


def keep_answers(batch, answers: list[dict], *, by) -> None:
    """Keep answers, a later one replacing an earlier; a mapped label is remembered for the county's next file."""
    for given in answers:
        question, value = str(given["question"])[:300], str(given.get("value") or "")
        answer, _made = ImportAnswer.objects.in_scope().get_or_create(
            batch=batch,
            question=question,
            defaults={"region_id": batch.region_id, "owner_id": batch.owner_id, "answered_by": by},
        )
        answer.value_sealed = crypto.seal(ANSWER, answer.uid, value)
        answer.answered_by = by
        answer.save()
        # A department has no area in which its answers could be remembered: they hold for its own upload.
        if question.startswith("label:") and batch.owner_id is None:
            _kind, name, text = question.split(":", 2)
            RememberedLabel.objects.in_scope().update_or_create(
                region_id=batch.region_id[:6],
                sheet=batch.kind,
                field=name,
                text=text[:200],
                defaults={"code": value[:20], "set_by": by},
            )
