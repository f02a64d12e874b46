"""Ledger sheets become lines: staged, matched with households, compared with what is on file, merged, undone.

A line is known by household, month, category and its place among equal ones (`ordinal`), so that the same file twice
changes nothing. Only the years that a file speaks of are looked at, whatever the size of the ledger.
"""

import functools

import polars as pl
from django.db import connection
from django.utils import timezone

from exchange import faults as fault_rows
from exchange import staging
from households.codes import RELATION
from households.ledger import actions
from poverty import crypto
from poverty.declarations import Sheet

HEAD = next(code for code, label in RELATION.labels.items() if label == "户主")
VALUES = {
    # staged: stored
    "amount": "amount_yuan",
    "heads": "heads",
    "quantity": "quantity",
    "price": "price_yuan",
    "note": "note",
    "voucher": "voucher",
    "recorded_by": "recorded_by",
    "recorded_on": "recorded_on",
}
STATE = "_no bigint, version smallint, verdict text, changed text[], problem text"
JOINED = "_no, h, month, category, ordinal, _verdict"  # what the planner is told about
LISTED = 2_000  # refused lines of one reason that are listed one by one
LARGE = 2_000


class LedgerImport:
    """The handler of the ledger sheet; `exchange.batches` calls it in this order."""

    undo_models = ()
    persons = False
    trial = False  # no rule of a ledger runs at every import: nothing to try out before the merge
    deciding = (
        *("_sheet", "_sheet_no", "_row", "_verdict_hint", "household_no", "head_cert_no", "head_cert_no_identity"),
        *("month", "category", "amount"),
    )

    def __init__(self, sheet: Sheet, batch):
        self.sheet, self.batch = sheet, batch
        self.rows = staging.table(batch.pk, "lines")
        self.data, self.state = staging.table(batch.pk, "lines_data"), staging.table(batch.pk, "lines_state")
        self.houses = staging.table(batch.pk, "houses")

    def run(self, sql: str, params=()) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.rowcount

    def fetch(self, sql: str, params=()):
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.fetchall()

    def lock(self) -> None:
        """Let imports into one county follow each other; the key of a line decides in any case."""
        self.run("SELECT pg_advisory_xact_lock(hashtext('ledger import'), hashtext(%s))", [self.batch.region_id[:6]])

    # --- reading -------------------------------------------------------------------------------------------------

    def classify(self, frame: pl.DataFrame, answers, places, found: list) -> pl.DataFrame:
        """Add `_verdict` and `_hkey`. A line needs a household, a month and a category; one without an amount was not
        entered and is passed over."""
        hint = {"stop": "rejected", "ask": "asked"}
        frame = frame.with_columns(pl.col("_verdict_hint").replace_strict(hint, default="").alias("_verdict"))
        masked = pl.col("head_cert_no").str.contains("*", literal=True).fill_null(False)
        identity = pl.when(~masked & (pl.col("head_cert_no_identity").str.len_chars() > 0)).then(
            "ID:" + pl.col("head_cert_no_identity")
        )
        frame = frame.with_columns(pl.coalesce("household_no", identity).alias("_hkey"))
        empty = (pl.col("_verdict") == "") & pl.col("amount").is_null()
        frame = frame.with_columns(
            pl.when(empty).then(pl.lit("skipped")).otherwise(pl.col("_verdict")).alias("_verdict")
        )
        for name, kind in (("_hkey", "household"), ("month", "month"), ("category", "category")):
            lacking = (pl.col("_verdict") == "") & pl.col(name).is_null()
            field = "household_no" if name == "_hkey" else name
            rows = frame.filter(lacking).select("_sheet", "_row").rows()
            found += [places.fault(*row, field, "L3", "stop", params={"kind": kind}) for row in rows[:LISTED]]
            frame = frame.with_columns(
                pl.when(lacking).then(pl.lit("rejected")).otherwise(pl.col("_verdict")).alias("_verdict")
            )
        return frame

    def prepare(self, parts, light: pl.DataFrame, on_rows=None) -> None:
        """Stage what was read: households once each, and the lines with the number of their household."""
        good = pl.col("_verdict") == ""
        light = light.with_row_index("_no").with_columns(
            pl.when(good).then(pl.int_range(1, pl.len() + 1).over("_hkey", "month", "category", good)).alias("ordinal")
        )
        keys = light.filter(pl.col("_hkey").is_not_null()).select("_hkey").unique(maintain_order=True)
        keys = keys.with_row_index("h")
        self._stage_houses(keys)
        judged = light.join(keys, on="_hkey", how="left", maintain_order="left").select(
            "_no", "h", "_verdict", pl.col("ordinal").cast(pl.Int32)
        )
        names = ["_sheet", "_row", "household_no", "head_name", "month", "category", *VALUES]
        start, done, made = 0, 0, False
        for part in parts():
            staged = part.select(names).hstack(judged.slice(start, part.height))
            start += part.height
            staged = staged.filter(pl.col("_verdict") != "skipped")
            if not made:
                staging.create(self.data, staged, types={"ordinal": "smallint", "category": 'text COLLATE "C"'})
                made = True
            staging.copy(self.data, staged)
            done += staged.height
            if on_rows:
                on_rows(done)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self.state} CASCADE")
            cursor.execute(f"CREATE TABLE {self.state} ({STATE})")
            cursor.execute(
                f"""CREATE VIEW {self.rows} AS
                    SELECT d.*, s.household_id, s.village, coalesce(m.version, 0::smallint) AS version,
                           coalesce(m.verdict, CASE WHEN d._verdict <> '' THEN d._verdict
                                    WHEN s.household_id IS NULL THEN 'rejected' ELSE 'new' END) AS verdict,
                           coalesce(m.changed, '{{}}') AS changed,
                           coalesce(m.problem, CASE WHEN d._verdict = '' AND s.household_id IS NULL THEN 'unknown'
                                    ELSE '' END) AS problem
                      FROM {self.data} d LEFT JOIN {self.houses} s ON s.h = d.h LEFT JOIN {self.state} m ON m._no = d._no"""
            )
            cursor.execute(f"ANALYZE {self.data} ({JOINED})")

    def _stage_houses(self, keys: pl.DataFrame) -> None:
        """Write each household that the file names once: its number, or the blind index of its head's identity."""
        by_head = pl.col("_hkey").str.starts_with("ID:")
        texts = keys.select(pl.when(by_head).then(pl.col("_hkey").str.slice(3)))["_hkey"].to_list()
        frame = keys.select(
            pl.col("h").cast(pl.Int64), pl.when(~by_head).then(pl.col("_hkey")).alias("household_no")
        ).with_columns(pl.Series("head_index", staging.hexed(crypto.blind_many("id", texts)), dtype=pl.Utf8))
        staging.create(
            self.houses, frame, types={"head_index": "bytea"}, extra='household_id bigint, village text COLLATE "C"'
        )
        staging.copy(self.houses, frame)

    # --- matching ------------------------------------------------------------------------------------------------

    @property
    def large(self) -> bool:
        return self.batch.meta.get("data_rows", 0) > LARGE

    def tune(self) -> None:
        """Plan the statements of a large import as joins of whole tables (see `households.merging`)."""
        if self.large:
            self.run(
                "SELECT set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true),"
                " set_config('work_mem', '192MB', true),"
                " set_config('jit', 'off', true), set_config('enable_partition_pruning', 'on', true)"
            )

    @functools.cached_property
    def months(self) -> tuple:
        """(first, last) month of the file's good lines, (None, None) where it has none."""
        return self.fetch(f"SELECT min(month), max(month) FROM {self.data} WHERE _verdict = ''")[0]

    def _pruned(self, alias: str) -> str:
        """SQL: limits the ledger to the file's months and area, written out so that no more of it is read, however large."""
        first, last = self.months
        if first is None:
            return "false"
        return f"{alias}.month BETWEEN DATE '{first}' AND DATE '{last}' AND {self._inside(f'{alias}.village')}"

    def match(self) -> None:
        """Find the household of every line, and the line that is on file; refuse what cannot be taken in."""
        self.tune()
        self.run(
            f"""UPDATE {self.houses} s SET household_id = t.id, village = t.village FROM households_household t
                 WHERE t.household_no = s.household_no AND t.withdrawn_at IS NULL
                   AND {self._inside("t.village")}"""
        )
        self.run(
            f"""UPDATE {self.houses} s SET household_id = f.id, village = f.village
                  FROM (SELECT m.id_index, min(t.id) AS id, min(t.village) AS village
                          FROM households_member m JOIN households_household t ON t.id = m.household_id
                         WHERE m.relation = '{HEAD}' AND m.departed_on IS NULL AND m.withdrawn_at IS NULL
                           AND t.withdrawn_at IS NULL AND {self._inside("t.village")}
                           AND m.id_index IN (SELECT head_index FROM {self.houses})
                         GROUP BY m.id_index HAVING count(DISTINCT t.id) = 1) f
                 WHERE s.household_no IS NULL AND f.id_index = s.head_index"""
        )
        self.run(f"ANALYZE {self.houses}")
        if self.fetch(
            f"SELECT EXISTS (SELECT 1 FROM {self.houses} GROUP BY household_id"
            " HAVING household_id IS NOT NULL AND count(*) > 1)"
        )[0][0]:
            # One household named in two ways: its equal lines are counted through.
            self.run(
                f"""UPDATE {self.data} d SET ordinal = n.nth FROM (
                      SELECT x._no, row_number() OVER (PARTITION BY s.household_id, x.month, x.category ORDER BY x._no) AS nth
                        FROM {self.data} x JOIN {self.houses} s ON s.h = x.h WHERE x._verdict = '') n
                     WHERE n._no = d._no AND d.ordinal <> n.nth"""
            )
        self._match_lines()

    def _inside(self, column: str) -> str:
        from poverty import scope

        lo, hi = scope.code_range(self.batch.region_id)
        return f"{column} >= '{lo}' AND {column} < '{hi}'"

    def _match_lines(self) -> None:
        live, gone = self._pruned("t"), self._pruned("g")
        # Ciphertexts and blanks aside, a line differs where the file says something else than is on file.
        differs = " ".join(
            f"CASE WHEN d.{staged} IS NOT NULL AND d.{staged} IS DISTINCT FROM t.{stored} THEN '{staged}' END,"
            for staged, stored in VALUES.items()
        ).rstrip(",")
        towns = f"(SELECT array_agg(DISTINCT left(village, 9)) FROM {self.houses} WHERE village IS NOT NULL)"
        self.run(f"TRUNCATE {self.state}")
        # A line that meets nothing on file and no closed month is new: the view says so without a row here.
        self.run(
            f"""INSERT INTO {self.state} (_no, version, verdict, changed, problem)
                SELECT x._no, x.version,
                       CASE WHEN x.on_file AND (x.changed = '{{}}' OR x.older) THEN 'unchanged'
                            WHEN x.closed THEN 'rejected' WHEN x.on_file THEN 'changed' ELSE 'new' END,
                       x.changed,
                       CASE WHEN x.closed AND NOT (x.on_file AND (x.changed = '{{}}' OR x.older)) THEN 'closed' ELSE '' END
                  FROM (SELECT d._no, coalesce(t.version, o.last, 0)::smallint AS version,
                               t.household_id IS NOT NULL AS on_file, coalesce(t.stamp > %s, false) AS older,
                               c.month IS NOT NULL AS closed,
                               CASE WHEN t.household_id IS NULL THEN '{{}}'::text[]
                                    ELSE array_remove(ARRAY[{differs}]::text[], NULL) END AS changed
                          FROM {self.data} d
                          JOIN {self.houses} s ON s.h = d.h AND s.household_id IS NOT NULL
                          LEFT JOIN households_ledgerline t ON t.household_id = s.household_id AND t.month = d.month
                               AND t.category = d.category AND t.ordinal = d.ordinal AND t.superseded = 0 AND {live}
                          LEFT JOIN (SELECT household_id, month, category, ordinal, max(superseded) AS last
                                       FROM households_ledgerline g WHERE superseded > 0 AND {gone} GROUP BY 1, 2, 3, 4) o
                               ON o.household_id = s.household_id AND o.month = d.month AND o.category = d.category
                               AND o.ordinal = d.ordinal
                          LEFT JOIN ledger_closed({towns}) c ON c.town = left(s.village, 9) AND c.month = d.month
                         WHERE d._verdict = ''
                           AND (t.household_id IS NOT NULL OR o.last IS NOT NULL OR c.month IS NOT NULL)) x""",
            [self.stamp],
        )
        self.run(f"CREATE INDEX IF NOT EXISTS b{self.batch.pk}_state ON {self.state} (_no)")
        self.run(f"CREATE INDEX IF NOT EXISTS b{self.batch.pk}_data ON {self.data} (_no)")
        self.run(f"ANALYZE {self.state}")

    @property
    def stamp(self) -> str:
        return f"{self.batch.as_of:%Y-%m-%d}/{self.sheet.rank}"

    def unmask(self) -> list[tuple]:
        return []

    def ask(self, places) -> None:
        """Nothing is asked after reading."""

    def compare(self) -> dict[str, int]:
        return dict(self.fetch(f"SELECT verdict, count(*) FROM {self.rows} GROUP BY verdict"))

    # --- merging -------------------------------------------------------------------------------------------------

    def merge(self) -> dict[str, int]:
        """Withdraw the lines that change and write new versions of them, and what is new."""
        first, last = self.months
        written = {"new": 0, "changed": 0}
        if first is None:
            return written
        actions.make_years(first.year, last.year)
        self.batch.meta["months"] = [first.isoformat(), last.isoformat()]
        mine = self._pruned("t")
        now = timezone.now()  # a line and what it replaces bear the same moment: by it an undo finds its way back
        written["changed"] = self.run(
            f"""UPDATE households_ledgerline t
                   SET superseded = t.version, withdrawn_at = %s, withdrawn_by_id = %s
                  FROM {self.rows} s
                 WHERE s.verdict = 'changed' AND t.household_id = s.household_id AND t.month = s.month
                   AND t.category = s.category AND t.ordinal = s.ordinal AND t.superseded = 0 AND {mine}""",
            [now, self.batch.created_by_id],
        )
        columns = ", ".join(VALUES.values())
        kept = ", ".join(f"coalesce(s.{staged}, t.{stored})" for staged, stored in VALUES.items())
        given = ", ".join(f"s.{staged}" for staged in VALUES)
        head = f"""INSERT INTO households_ledgerline (household_id, village, month, category, ordinal, {columns}, stamp,
                       source_batch_id, source_sheet, source_row, version, operator_id, at) SELECT s.household_id,
                       s.village, s.month, s.category, s.ordinal,"""
        tail = "%s, %s, s._sheet, s._row, s.version + 1, %s, %s"
        params = [self.stamp, self.batch.pk, self.batch.created_by_id, now]
        if written["changed"]:
            self.run(
                f"""{head} {kept}, {tail} FROM {self.rows} s JOIN households_ledgerline t
                        ON t.household_id = s.household_id AND t.month = s.month AND t.category = s.category
                       AND t.ordinal = s.ordinal AND t.superseded = s.version AND {mine}
                     WHERE s.verdict = 'changed'""",
                params,
            )
        written["new"] = self.run(f"{head} {given}, {tail} FROM {self.rows} s WHERE s.verdict = 'new'", params)
        if written["new"] > LARGE:
            self.run("SELECT analyze_ledger(%s)", [list(range(first.year, last.year + 1))])
        return written

    def undo(self) -> dict:
        """Withdraw what the batch wrote, and put back what it replaced; lines changed since stay, and so do those of
        months that were closed meanwhile. Nothing is overwritten: what is put back is a new version, too."""
        return actions.undo_batch(self.batch)

    # --- for the batch's pages -----------------------------------------------------------------------------------

    def write_faults(self) -> None:
        """Say of each refused line why, the first of each reason one by one."""
        fault_rows.write_own(self.batch, list(self._refused()), ("L1", "L2", "L6"))

    def _refused(self):
        places = fault_rows.Places(self.batch.meta, self.sheet)
        months = {sheet["name"]: sheet.get("months") for sheet in self.batch.meta.get("sheets", ())}
        for problem, code in (("closed", "L1"), ("unknown", "L2")):
            found = self.fetch(
                f"SELECT _sheet, _row, month, count(*) OVER () FROM {self.rows} WHERE problem = %s ORDER BY _no LIMIT %s",
                [problem, LISTED],
            )
            for sheet, row, month, _all in found:
                field = "month" if code == "L1" else "household_no"
                fault = places.fault(sheet, row, field, code, "stop", params={"month": f"{month:%Y-%m}"})
                if code == "L1" and months.get(sheet):
                    fault.column = months[sheet].get(str(month.month), fault.column)
                yield fault
            if found and found[0][3] > LISTED:
                sheet, row, _month, number = found[-1]
                yield places.fault(sheet, row, "household_no", "L6", "note", params={"more": number - LISTED})

    def checked_households(self) -> str:
        return f"SELECT DISTINCT household_id FROM {self.rows} WHERE verdict IN ('new', 'changed')"

    def findings(self) -> list[tuple]:
        return []

    def villages(self) -> list[str]:
        return [code for (code,) in self.fetch(f"SELECT DISTINCT village FROM {self.houses} WHERE village IS NOT NULL")]

    def missing_sql(self) -> str:
        """SQL: lines on file of the file's households and months that the file does not have."""
        return f"""SELECT NULL::bigint AS member, t.household_id, t.village, t.category || ' ' || to_char(t.month, 'YYYY-MM')
                          AS name, h.household_no AS number
                     FROM households_ledgerline t JOIN households_household h ON h.id = t.household_id
                    WHERE t.superseded = 0 AND {self._pruned("t")}
                      AND (t.household_id, t.month) IN (SELECT household_id, month FROM {self.rows} WHERE household_id IS NOT NULL)
                      AND NOT EXISTS (SELECT 1 FROM {self.rows} s WHERE s.household_id = t.household_id
                           AND s.month = t.month AND s.category = t.category AND s.ordinal = t.ordinal)"""

    def missing(self) -> int:
        return self.fetch(f"SELECT count(*) FROM ({self.missing_sql()}) x")[0][0]

    def refused_places(self, problem: str) -> list[tuple]:
        return []

    def asked_rows(self) -> list[list]:
        return [
            list(row)
            for row in self.fetch(f"SELECT _sheet, _row FROM {self.rows} WHERE verdict = 'asked' ORDER BY _no")
        ]

    def counts_of(self, places: list[list]) -> dict[str, int]:
        """Return the counts of verdicts of the lines at `places`."""
        sheets, rows = [place[0] for place in places], [place[1] for place in places]
        return dict(
            self.fetch(
                f"""SELECT s.verdict, count(*) FROM {self.rows} s
                     WHERE (s._sheet, s._row) IN (SELECT * FROM unnest(%s::text[], %s::int[])) GROUP BY s.verdict""",
                [sheets, rows],
            )
        )

    def reconcile(self) -> list[dict]:
        """Return the households per village that the file has lines of, against the register."""
        rows = self.fetch(
            f"""WITH file AS (SELECT village, count(DISTINCT household_id) AS n FROM {self.houses}
                               WHERE village IS NOT NULL GROUP BY village),
                     kept AS (SELECT village, count(*) AS n FROM households_household
                               WHERE village IN (SELECT village FROM file) AND withdrawn_at IS NULL
                                 AND lifecycle <> 'CANCELLED' GROUP BY village)
                SELECT f.village, r.name, f.n, 0, coalesce(k.n, 0), 0
                  FROM file f LEFT JOIN regions_region r ON r.code = f.village LEFT JOIN kept k ON k.village = f.village
                 ORDER BY f.village"""
        )
        names = ("village", "name", "file_households", "file_persons", "register_households", "register_persons")
        return [dict(zip(names, row, strict=True)) for row in rows]
