"""What is done to the ledger beside importing: typing a month, closing it, opening it again, undoing an import."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.audit import record
from accounts.roles import Permission
from households.ledger.models import LedgerLine, LedgerMonth
from poverty import scope
from poverty.second import second_connection

TYPED = 3  # rank of what a person typed, in a line's stamp


class MonthClosed(Exception):
    """The month is closed in the household's town."""


class AlreadyClosed(Exception):
    """Somebody has closed the month before."""


def first_of(day: dt.date) -> dt.date:
    return day.replace(day=1)


def closed(town: str, months) -> set[dt.date]:
    """Return which of `months` are closed in the town, whoever asks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT month FROM ledger_closed(%s)", [[town[:9]]])
        return {month for (month,) in cursor.fetchall()} & set(months)


def make_years(first: int, last: int) -> None:
    """Make the tables of years beyond those that exist already; a year's lines have a table of their own.

    On the second connection: a new table locks the whole ledger until its transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT year FROM generate_series(%s, %s) year WHERE to_regclass('households_ledgerline_y' || year) IS NULL",
            [max(first, 1978), min(last, 2100)],
        )
        lacking = [year for (year,) in cursor.fetchall()]
    if lacking:
        with second_connection().cursor() as other:
            for year in lacking:
                other.execute("SELECT ledger_year(%s)", [year])


def _who() -> int | None:
    actor = scope.current()
    return (actor.context.get("user") or actor.user_id) if actor else None


# --- typing a month -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Typed:
    """One line as typed: `amount` None takes the line off the month. `version` is that which was shown, 0 for none."""

    category: str
    ordinal: int
    amount: Decimal | None
    heads: int | None = None
    note: str = ""
    version: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.category, self.ordinal


class Overtaken(Exception):
    """Somebody else has changed lines meanwhile: `keys` are theirs."""

    def __init__(self, keys):
        super().__init__(keys)
        self.keys = keys


@transaction.atomic
def save_month(*, household, month: dt.date, typed: list[Typed], by) -> int:
    """Write the typed lines that differ from what is on file; return how many.

    MonthClosed and Overtaken leave everything as it was. A line that stays the same is left alone.
    """
    make_years(month.year, month.year)
    with connection.cursor() as cursor:
        # Two people at one household's month follow each other; the second then sees the first one's versions.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger entry'), %s)", [household.pk % 2**31])
    mine = LedgerLine.objects.visible_to(by).filter(household=household, month=month)
    live = {(line.category, line.ordinal): line for line in mine.live()}
    changed = [line for line in typed if _differs(line, live.get(line.key))]
    overtaken = [line.key for line in changed if (live[line.key].version if line.key in live else 0) != line.version]
    if overtaken:
        raise Overtaken(overtaken)
    if not changed:
        return 0
    before = {}
    for category, ordinal, superseded in mine.filter(superseded__gt=0).values_list("category", "ordinal", "superseded"):
        before[category, ordinal] = max(superseded, before.get((category, ordinal), 0))
    now = timezone.now()
    try:
        with transaction.atomic():
            for line in changed:
                if line.key in live:
                    found = live[line.key]
                    mine.live().filter(category=found.category, ordinal=found.ordinal).update(
                        superseded=found.version, withdrawn_at=now, withdrawn_by=by
                    )
            LedgerLine.objects.bulk_create(
                [
                    _line(household, month, line, live.get(line.key), before.get(line.key, 0), by, now)
                    for line in changed
                    if line.amount is not None
                ]
            )
    except IntegrityError as error:
        if "is closed for" in str(error):
            raise MonthClosed from error
        raise
    return len(changed)


def _differs(line: Typed, found: LedgerLine | None) -> bool:
    if found is None:
        return line.amount is not None
    return (line.amount, line.heads, line.note) != (found.amount_yuan, found.heads, found.note or "")


def _line(household, month, line: Typed, found, before: int, by, now) -> LedgerLine:
    return LedgerLine(
        household=household, village_id=household.village_id, month=month, category=line.category, ordinal=line.ordinal,
        amount_yuan=line.amount, heads=line.heads, note=line.note or None, quantity=found.quantity if found else None,
        price_yuan=found.price_yuan if found else None, voucher=found.voucher if found else None,
        recorded_by=(by.full_name or by.username)[:100], recorded_on=timezone.localdate(),
        stamp=f"{timezone.localdate():%Y-%m-%d}/{TYPED}", version=(found.version if found else before) + 1, operator=by,
        at=now,
    )  # fmt: skip


# --- closing and opening months -------------------------------------------------------------------------------------


@transaction.atomic
def close_month(*, town, month: dt.date, by, request=None) -> LedgerMonth:
    """Close a month in a town; AlreadyClosed when it is. Waits for those who are writing into it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_lock(%s, %s, true)", [town.pk, month])
    try:
        with transaction.atomic():
            made = LedgerMonth.objects.create(town=town, month=month, closed_by=by)
    except IntegrityError as error:
        raise AlreadyClosed from error
    _note("ledger.closed", made, by, request)
    return made


@transaction.atomic
def ask_to_reopen(*, closing: LedgerMonth, reason: str, by, request=None) -> bool:
    """Ask the county to open the month again; False when it is open already. Asking anew replaces the older request."""
    closing = LedgerMonth.objects.visible_to(by).select_for_update(of=("self",)).get(pk=closing.pk)
    if closing.reopened_at:
        return False
    closing.ask_reason, closing.asked_at, closing.asked_by, closing.answer = reason[:500], timezone.now(), by, ""
    closing.save(update_fields=["ask_reason", "asked_at", "asked_by", "answer"])
    _note("ledger.reopen_asked", closing, by, request, reason)
    return True


@transaction.atomic
def decide_reopening(*, closing: LedgerMonth, approve: bool, answer: str, by, request=None) -> bool:
    """Open the month, or refuse; False when nobody asks (any more). PermissionDenied for an own request."""
    closing = LedgerMonth.objects.visible_to(by).select_for_update(of=("self",)).get(pk=closing.pk)
    if closing.reopened_at or closing.asked_by_id is None:
        return False
    if not by.may(Permission.LEDGER_REOPEN) or closing.asked_by_id == by.pk:
        raise PermissionDenied
    reason = closing.ask_reason
    closing.answer = answer[:500]
    if approve:
        closing.reopened_at, closing.reopened_by = timezone.now(), by
        closing.save(update_fields=["answer", "reopened_at", "reopened_by"])
    else:
        closing.asked_at = closing.asked_by = None
        closing.save(update_fields=["answer", "asked_at", "asked_by"])
    _note("ledger.reopened" if approve else "ledger.reopen_refused", closing, by, request, reason)
    return True


def _note(action: str, closing: LedgerMonth, by, request, reason: str = "") -> None:
    record(
        action, user=by, request=request, target=f"ledgermonth:{closing.pk}", reason=reason,
        detail={"town": closing.town_id, "month": f"{closing.month:%Y-%m}"},
    )  # fmt: skip


# --- undoing an import ------------------------------------------------------------------------------------------------

KEPT = 1_000  # lines that stay and are listed


def undo_batch(batch) -> dict:
    """Withdraw the lines that the batch wrote and put back those it replaced, as new versions; see the import."""
    months = batch.meta.get("months")
    if not months:
        return {"restored": 0, "withdrawn": 0, "kept": []}
    near = f"month BETWEEN DATE '{dt.date.fromisoformat(months[0])}' AND DATE '{dt.date.fromisoformat(months[1])}'"
    who = _who()
    same = "t.household_id = u.household_id AND t.month = u.month AND t.category = u.category AND t.ordinal = u.ordinal"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE TEMPORARY TABLE undo_lines ON COMMIT DROP AS
                SELECT t.household_id, t.month, t.category, t.ordinal, max(t.version) AS version,
                       max(t.at) FILTER (WHERE t.superseded = 0) AS at, bool_or(t.superseded = 0) AS live,
                       bool_or(c.month IS NOT NULL) AS closed
                  FROM households_ledgerline t
                  LEFT JOIN ledger_closed((SELECT array_agg(DISTINCT left(village, 9)) FROM households_ledgerline
                             WHERE source_batch_id = %s AND {near})) c ON c.town = left(t.village, 9) AND c.month = t.month
                 WHERE t.source_batch_id = %s AND t.{near} GROUP BY 1, 2, 3, 4""",
            [batch.pk, batch.pk],
        )
        cursor.execute("ANALYZE undo_lines")
        cursor.execute(
            f"""SELECT h.household_no || ' ' || to_char(u.month, 'YYYY-MM') || ' ' || u.category FROM undo_lines u
                 JOIN households_household h ON h.id = u.household_id
                WHERE u.live AND u.closed OR NOT u.live AND EXISTS (SELECT 1 FROM households_ledgerline t
                      WHERE {same} AND t.superseded = 0 AND t.{near}) ORDER BY 1 LIMIT %s""",
            [KEPT],
        )
        kept = [{"table": "ledgerline", "row": row, "columns": []} for (row,) in cursor.fetchall()]
        cursor.execute("DELETE FROM undo_lines WHERE closed OR NOT live")
        cursor.execute(
            f"""UPDATE households_ledgerline t SET superseded = t.version, withdrawn_at = %s, withdrawn_by_id = %s
                  FROM undo_lines u WHERE {same} AND t.superseded = 0 AND t.{near}""",
            [timezone.now(), who],
        )
        withdrawn = cursor.rowcount
        # What the batch replaced was withdrawn in the moment in which the batch's own line was written. It comes back
        # with the moment and the person of its own writing, so that undoing that import, too, finds what it replaced.
        columns = (
            "amount_yuan, heads, quantity, price_yuan, note, voucher, recorded_by, recorded_on, stamp, source_batch_id,"
            " source_sheet, source_row, operator_id"
        )
        given = ", ".join(f"t.{name.strip()}" for name in columns.split(","))
        cursor.execute(
            f"""INSERT INTO households_ledgerline (household_id, village, month, category, ordinal, {columns}, version, at)
                SELECT t.household_id, t.village, t.month, t.category, t.ordinal, {given}, u.version + 1, t.at
                  FROM undo_lines u JOIN households_ledgerline t ON {same} AND t.withdrawn_at = u.at
                       AND t.superseded BETWEEN 1 AND u.version - 1 AND t.{near}"""
        )
        restored = cursor.rowcount
        cursor.execute("DROP TABLE undo_lines")
    return {"restored": restored, "withdrawn": withdrawn - restored, "kept": kept}
