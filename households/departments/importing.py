"""A department's list becomes a dated snapshot: who each row is about, and what the matching rules need of it.

Nothing here looks at the register, and nothing that is said of the file tells who is in it. A row is compared with the
sender's former list only: unchanged (it says the same), changed (the person was in it, with other words) or new.
"""

import datetime as dt

import polars as pl
from django.db import connection
from django.utils import timezone

from accounts.roles import Role
from exchange import staging
from households.departments import codes, sheets
from poverty import config, crypto, scope
from poverty.declarations import Kind, Sheet
from poverty.uids import uuid7, uuid7_texts
from regions.resolve import Resolver
from validation.models import Snapshot

PLACE = "validation_sourcerow.id_number"
KEEP_DAYS = "department.keep_days"
LEGAL_BASIS = "《社会救助暂行办法》及县级数据共享目录，用于扶贫对象数据比对"
LOCK = "SELECT pg_advisory_xact_lock(hashtext('department list'), hashtext(%s))"
TYPES = {"id_sealed": "bytea", "id_index": "bytea", "other_index": "bytea", "village": 'text COLLATE "C"'}
# Whether two rows speak of the same person: by number, else by name and birth. `r` is a stored row, `s` a staged one.
PERSON = "coalesce(encode({0}.id_index, 'hex'), {0}.name || '|' || coalesce({0}.birth_on::text, ''))"


def sender_of(batch) -> str:
    """Return who sent the list: as named at the upload, else the unit of who uploaded, else the usual department."""
    by = batch.created_by
    # A department's account without a unit speaks for itself: its list never stands for another department's.
    usual = by.get_username() if by.role == Role.DEPARTMENT else sheets.declarations.sheets[batch.kind].department
    return (batch.meta.get("sender") or by.unit or usual)[:200]


class DepartmentImport:
    """The handler of departments' lists; `exchange.batches` calls it in this order."""

    undo_models = ()
    deciding = (
        *("_sheet", "_sheet_no", "_row", "_verdict_hint", "region_county", "region_town", "region_village"),
        *("name", "cert_no_identity"),
    )

    def __init__(self, sheet: Sheet, batch):
        self.sheet, self.batch = sheet, batch
        self.rows = staging.table(batch.pk, "rows")
        self.raw = staging.table(batch.pk, "raw")

    def run(self, sql: str, params=()) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.rowcount

    def fetch(self, sql: str, params=()):
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.fetchall()

    # --- reading -------------------------------------------------------------------------------------------------

    def classify(self, frame: pl.DataFrame, answers, places, found: list) -> pl.DataFrame:
        """Add `village` and `_verdict`. A row needs a name or a number; a place nobody knows stays unknown."""
        hint = {"stop": "rejected", "ask": "asked"}
        frame = frame.with_columns(pl.col("_verdict_hint").replace_strict(hint, default="").alias("_verdict"))
        frame = frame.join(self._villages(frame), on=["region_county", "region_town", "region_village"], how="left",
                           nulls_equal=True, maintain_order="left")  # fmt: skip
        odd = frame.filter(pl.col("village").is_null() & pl.col("region_village").is_not_null())
        for sheet_name, row, text in odd.select("_sheet", "_row", "region_village").iter_rows():
            found.append(
                places.fault(sheet_name, row, "region_village", "D17", "note", value=text, params={"problem": "left"})
            )
        nobody = pl.col("name").is_null() & (pl.col("cert_no_identity").fill_null("") == "")
        for place in frame.filter((pl.col("_verdict") == "") & nobody).select("_sheet", "_row").iter_rows():
            found.append(places.fault(*place, "name", "ID-14", "stop"))
        verdict = pl.when((pl.col("_verdict") == "") & nobody).then(pl.lit("rejected")).otherwise(pl.col("_verdict"))
        return frame.with_columns(verdict.alias("_verdict"))

    def _villages(self, frame: pl.DataFrame) -> pl.DataFrame:
        names = ["region_county", "region_town", "region_village"]
        resolver = Resolver(self.batch.region_id)
        lo, hi = scope.code_range(self.batch.region_id)
        rows = []
        for county, town, village in frame.select(names).unique(maintain_order=True).iter_rows():
            code = resolver.find(county, town, village).code if village else ""
            rows.append((county, town, village, code if code and lo <= code < hi else None))
        return pl.DataFrame(rows, schema=dict.fromkeys([*names, "village"], pl.Utf8), orient="row")

    def prepare(self, parts, light: pl.DataFrame, on_rows=None) -> None:
        """Stage what was read: `parts()` gives the frames in order, `light` what `classify` said of each row."""
        verdicts = light.select("_verdict", "village").with_row_index("_no")
        start, made, done = 0, False, 0
        for part in parts():
            frame = self._sealed(part.hstack(verdicts.slice(start, part.height)))
            start += part.height
            if not made:
                staging.create(self.raw, frame, types=TYPES)
                made = True
            staging.copy(self.raw, frame)
            done += frame.height
            if on_rows:
                on_rows(done)
        self._digest()

    def _sealed(self, frame: pl.DataFrame) -> pl.DataFrame:
        uids = uuid7_texts(frame.height)
        identity = frame["cert_no_identity"].fill_null("").to_list()
        # What the number itself says stands in where the list is silent.
        born = pl.coalesce(pl.col("birth_on"), pl.col("cert_no_birth_on")).alias("birth_on")
        columns = [
            *[frame[name] for name in ("_no", "_sheet", "_row", "_verdict", "village", "name")],
            pl.Series("uid", uids, dtype=pl.Utf8),
            pl.Series("id_sealed", staging.hexed(crypto.seal_many(PLACE, uids, identity)), dtype=pl.Utf8),
            pl.Series("id_index", staging.hexed(crypto.blind_many("id", identity)), dtype=pl.Utf8),
            pl.Series("id_fault", _fault(frame), dtype=pl.Utf8),
            *frame.select(born, "birth_on_precision").get_columns(),
        ]
        other = [None] * frame.height
        if "other_cert_no" in frame.columns:
            other = frame["other_cert_no_identity"].fill_null("").to_list()
            columns.append(frame["other_name"])
        else:
            columns.append(pl.Series("other_name", other, dtype=pl.Utf8))
        columns.append(pl.Series("other_index", staging.hexed(crypto.blind_many("id", other)), dtype=pl.Utf8))
        for column in sheets.data_columns(self.sheet):
            columns.append(self._value(frame, column).alias(f"d_{column.field}"))
        return pl.DataFrame(columns)

    def _value(self, frame: pl.DataFrame, column) -> pl.Series:
        values = frame[column.field]
        if column.codes is codes.RELATION_GB4761:
            own = {code: codes.own_relation(code) for code in codes.GB4761}
            return values.replace_strict(own, default=None, return_dtype=pl.Utf8)
        if column.field in ("dis_type", "dis_level"):
            at, known = (18, "1234567") if column.field == "dis_type" else (19, "1234")
            certificate = frame["cert_no_kind"].is_in(["20", "22"])
            digit = frame["cert_no"].str.slice(at, 1)
            digit = pl.select(pl.when(certificate & digit.is_in(list(known))).then(digit)).to_series()
            return pl.select(pl.coalesce(values, digit)).to_series()
        return values

    def _digest(self) -> None:
        """Write the rows as they will be stored, with what they say as one JSON value and its digest."""
        pairs = []
        for column in sheets.data_columns(self.sheet):
            value = f'"d_{column.field}"'
            value = f"trim_scale({value})" if column.kind in (Kind.AMOUNT, Kind.DECIMAL) else value
            pairs.append(f"'{column.field}', {value}")
        self.run(f"DROP TABLE IF EXISTS {self.rows}")
        self.run(
            f"""CREATE TABLE {self.rows} AS
                SELECT _no, _sheet, _row, uid, id_sealed, id_index, coalesce(id_fault, '') AS id_fault,
                       coalesce(name, '') AS name, birth_on, birth_on_precision AS birth_precision, village, other_index,
                       coalesce(other_name, '') AS other_name, data, _verdict, NULL::text AS verdict,
                       md5(concat_ws('|', encode(id_index, 'hex'), name, birth_on, village, encode(other_index, 'hex'),
                                     other_name, data)) AS digest
                  FROM (SELECT r.*, jsonb_strip_nulls(jsonb_build_object({", ".join(pairs)})) AS data
                          FROM {self.raw} r WHERE _verdict IS DISTINCT FROM 'skipped') x"""
        )
        self.run(f"DROP TABLE {self.raw}")
        self.run(f"ANALYZE {self.rows}")

    # --- comparing -----------------------------------------------------------------------------------------------

    def lock(self) -> None:
        self.run(LOCK, [self._key()])

    def _key(self) -> str:
        return f"{self.batch.kind}|{self.batch.region_id}|{sender_of(self.batch)}"

    def former(self) -> Snapshot | None:
        """Return the list that this one takes the place of; its rows are the sender's own, whoever uploaded them."""
        with scope.system("the sender's former list"):
            found = Snapshot.objects.filter(
                kind=self.batch.kind, region_id=self.batch.region_id, sender=sender_of(self.batch)
            )
            # The rows of a batch that goes on after answers are compared with what was there before it.
            own = found.filter(batch=self.batch).first()
            return own.replaced if own else found.filter(current=True).first()

    def match(self) -> None:
        """Set every row's verdict."""
        former = self.former()
        key = former.pk if former else 0
        with scope.system("compare with the sender's former list"):
            self.run(
                f"""UPDATE {self.rows} s SET verdict = CASE WHEN _verdict IN ('asked', 'rejected') THEN _verdict
                           WHEN EXISTS (SELECT 1 FROM validation_sourcerow r
                                         WHERE r.snapshot_id = {key} AND r.digest = s.digest) THEN 'unchanged'
                           WHEN {PERSON.format("s")} IN (SELECT {PERSON.format("r")} FROM validation_sourcerow r
                                                          WHERE r.snapshot_id = {key}) THEN 'changed'
                           ELSE 'new' END"""
            )

    def unmask(self) -> list[tuple]:
        return []

    def compare(self) -> dict[str, int]:
        return dict(self.fetch(f"SELECT verdict, count(*) FROM {self.rows} GROUP BY verdict"))

    def counts_of(self, places: list[list]) -> dict[str, int]:
        sheet_names, rows = [place[0] for place in places], [place[1] for place in places]
        return dict(
            self.fetch(
                f"""SELECT verdict, count(*) FROM {self.rows} s JOIN unnest(%s::text[], %s::int[]) x(sheet, row)
                    ON s._sheet = x.sheet AND s._row = x.row GROUP BY verdict""",
                [sheet_names, rows],
            )
        )

    def asked_rows(self) -> list[list]:
        found = self.fetch(f"SELECT _sheet, _row FROM {self.rows} WHERE verdict = 'asked' ORDER BY _no")
        return [list(place) for place in found]

    def missing(self) -> int:
        """Return how many persons of the former list are not in this one."""
        former = self.former()
        if former is None:
            return 0
        with scope.system("compare with the sender's former list"):
            return self.fetch(
                f"""SELECT count(DISTINCT {PERSON.format("r")}) FROM validation_sourcerow r WHERE r.snapshot_id = %s
                     AND {PERSON.format("r")} NOT IN (SELECT {PERSON.format("s")} FROM {self.rows} s)""",
                [former.pk],
            )[0][0]

    def reconcile(self) -> list[dict]:
        return []

    def refused_places(self, problem: str) -> list[tuple]:
        return []

    def findings(self) -> list[tuple]:
        return []

    def rows_at(self, places: list[tuple]) -> dict:
        """Nothing is shown beside a question: the row's own cells are in the sender's file."""
        return {}

    # --- merging -------------------------------------------------------------------------------------------------

    def merge(self) -> dict[str, int]:
        """Make the snapshot, or go on with it after answers, in the place of the sender's former list."""
        snapshot, batch = self._snapshot(), self.batch
        with scope.system("store a department's list", by=batch.created_by):
            self.run("DELETE FROM validation_sourcerow WHERE snapshot_id = %s", [snapshot.pk])
            written = self.run(
                f"""INSERT INTO validation_sourcerow (uid, snapshot_id, region, uploaded_by_id, sheet, row, id_sealed,
                           id_index, id_fault, name, birth_on, birth_precision, village, other_index, other_name, data,
                           digest)
                    SELECT uid::uuid, %s, %s, %s, left(_sheet, 100), _row, id_sealed, id_index, id_fault, left(name, 100),
                           birth_on, birth_precision, village, other_index, left(other_name, 100), data, digest
                      FROM {self.rows} WHERE verdict IN ('new', 'changed', 'unchanged') ORDER BY _no""",
                [snapshot.pk, batch.region_id, snapshot.uploaded_by_id],
            )
            snapshot.rows = written
            snapshot.save(update_fields=["rows"])
        return {"rows": written}

    def _snapshot(self) -> Snapshot:
        batch, now = self.batch, timezone.now()
        with scope.system("store a department's list", by=batch.created_by):
            own = Snapshot.objects.filter(batch=batch).first()
            if own is not None:
                return own
            former = self.former()
            newer = former is not None and former.as_of > batch.as_of  # an older list does not push a newer one aside
            if former is not None and not newer:
                Snapshot.objects.filter(pk=former.pk).update(current=False, replaced_at=now)
            days = config.integer(KEEP_DAYS, batch.region_id)
            return Snapshot.objects.create(
                uid=uuid7(),
                kind=batch.kind,
                region_id=batch.region_id,
                as_of=batch.as_of,
                sender=sender_of(batch),
                legal_basis=(batch.meta.get("legal_basis") or LEGAL_BASIS)[:300],
                batch=batch,
                sha256=batch.sha256,
                current=not newer,
                replaced=None if newer else former,
                replaced_at=now if newer else None,
                # Of an old list that arrives today, too, something is to be found out first.
                keep_until=max(batch.as_of, timezone.localdate()) + dt.timedelta(days=days),
                uploaded_by=batch.created_by,
            )

    def undo(self) -> dict:
        """Take the list back; the sender's former one, if its rows are still kept, counts again."""
        with scope.system("take a department's list back", by=self.batch.created_by):
            snapshot = Snapshot.objects.filter(batch=self.batch).first()
            if snapshot is None:
                return {"withdrawn": 0}
            rows, was_current, now = snapshot.rows, snapshot.current, timezone.now()
            Snapshot.objects.filter(pk=snapshot.pk).update(current=False, rows=0, deleted_at=now, replaced_at=now)
            self.run("DELETE FROM validation_sourceverdict WHERE snapshot_id = %s", [snapshot.pk])
            self.run("DELETE FROM validation_sourcerow WHERE snapshot_id = %s", [snapshot.pk])
            former = snapshot.replaced
            if was_current and former is not None and former.deleted_at is None:
                Snapshot.objects.filter(pk=former.pk).update(current=True, replaced_at=None)
        return {"withdrawn": rows}


def _fault(frame: pl.DataFrame) -> list[str]:
    """Return "" for a sound number, "none" for no number at all, else what is wrong with it."""
    blank = frame["cert_no"].fill_null("") == ""
    return pl.select(pl.when(blank).then(pl.lit("none")).otherwise(frame["cert_no_fault"])).to_series().to_list()
