"""Person rosters and household sheets become households, members and their years.

`prepare` turns what was read into two staged tables, persons ("p", roster only) and households ("h"); `match`,
`compare` and `merge` are set-based SQL over them. A household is known by its number, or where there is none by the
identity of its head; a person by the person number, else by identity inside the household, else by name.
"""

from dataclasses import dataclass

import polars as pl
from django.db import connection

from exchange import staging
from exchange.upsert import Target, Value
from households import codes
from households.models import Household, HouseholdYear, Member, MemberYear
from poverty import crypto
from poverty.declarations import Kind, Sheet
from poverty.uids import uuid7_texts

MODELS = {"household": Household, "household_year": HouseholdYear, "member": Member, "member_year": MemberYear}
LIFECYCLE = {"02": "RETURNED", "03": "EXITED", "04": "POOR", "05": "EXITED"}
BOOKKEEPING = {
    *("id", "uid", "village", "household_id", "member_id", "year", "stamp", "field_stamps", "source_batch_id"),
    *("source_sheet", "source_row", "withdrawn_at", "version", "created_at", "lifecycle", "position"),
    *("position_accuracy_m", "position_at", "departed_on", "departed_as", "birth_precision"),
    *("phone_sealed", "phone_valid", "card_sealed", "card_valid", "cert_no_sealed", "id_index", "id_kind", "id_fault"),
    *("id_area", "id_birth_on", "id_sex"),
}
SEALED = {
    # stored value: (compared, what goes with it)
    "phone": ("phone_index", ("phone_sealed", "phone_valid")),
    "card": ("card_index", ("card_sealed", "card_valid")),
    "cert_no": (
        "cert_no_index",
        ("cert_no_sealed", "id_index", "id_kind", "id_fault", "id_area", "id_birth_on", "id_sex"),
    ),
}
BYTEA = {"phone_index", "phone_sealed", "card_index", "card_sealed", "cert_no_index", "cert_no_sealed", "id_index"}
PLACES = {
    "phone_sealed": "households_household.phone",
    "card_sealed": "households_household.card",
    "cert_no_sealed": "households_member.cert_no",
}


# What became of a staged row; `new_…` columns stand in for a staged value that the merge had to replace.
HOUSEHOLD_STATE = (
    "household_id bigint, household_year_id bigint, is_new boolean, verdict text, changed text[] DEFAULT '{}',"
    " problem text DEFAULT ''"
)
PERSON_STATE = f"{HOUSEHOLD_STATE.replace('household_year_id', 'member_id')}, member_year_id bigint"
HOUSEHOLD_OVERRIDES = {
    "village": 'text COLLATE "C"',
    "household_no": "text",
    "phone_sealed": "bytea",
    "card_sealed": "bytea",
}
PERSON_OVERRIDES = {"village": 'text COLLATE "C"', "person_no": "text", "cert_no_sealed": "bytea"}


def _names(state: str) -> str:
    """Return the column names of a state's definition, as columns of `m`."""
    return ", ".join(f"m.{definition.split()[0]}" for definition in state.split(", "))


@dataclass(frozen=True)
class Layout:
    """What of a sheet goes where: the targets with their values, by staged column."""

    sheet: Sheet
    rank: int

    def values(self, target: str) -> tuple[Value, ...]:
        found = []
        for column in self.sheet.columns:
            of, _dot, stored = column.to.partition(".")
            if of != target or stored in ("household_no", "person_no"):
                continue
            if stored in SEALED:
                compared, also = SEALED[stored]
                found.append(Value(column.field, compared, compared, tuple((name, name) for name in also)))
            elif column.kind is Kind.DATE and stored == "birth_on":
                pair = (("birth_precision", f"{column.field}_precision"),)
                found.append(Value(column.field, column.field, stored, pair))
            else:
                found.append(Value(column.field, column.field, stored))
        return tuple(found)

    def target(self, name: str) -> Target:
        model = MODELS[name]
        columns = tuple(f.column for f in model._meta.concrete_fields if f.column not in BOOKKEEPING)
        table = model._meta.db_table
        provenance = {"source_batch_id": "s.batch_id", "source_sheet": "s._sheet", "source_row": "s._row"}
        if name == "household":
            status = (
                f's."{self.field_of("household.status") or "status"}"' if self.field_of("household.status") else "NULL"
            )
            lifecycle = " ".join(f"WHEN '{code}' THEN '{stage}'" for code, stage in self.lifecycles().items())
            fixed = {
                "id": "s.household_id",
                "uid": "s.uid::uuid",
                "village": "s.village",
                "household_no": "s.household_no",
                "lifecycle": f"CASE {status} {lifecycle} ELSE 'POOR' END" if lifecycle else "'POOR'",
                "version": "1",
                "created_at": "now()",
                **provenance,
            }
            return Target(name, table, "household_id", self.values(name), fixed, columns=columns, bump="version")
        if name == "household_year":
            fixed = {"household_id": "s.household_id", "village": "s.village", "year": "s.year", **provenance}
            return Target(name, table, "household_year_id", self.values(name), fixed, columns=columns)
        if name == "member":
            values = self.values(name)
            fixed = {
                "id": "s.member_id",
                "uid": "s.uid::uuid",
                "village": "s.village",
                "household_id": "s.household_id",
                "person_no": "s.person_no",
                **provenance,
            }
            if not any(value.stored == "cert_no_index" for value in values):
                fixed.update(id_kind="''", id_fault="''", id_area="''", id_sex="''")
            return Target(name, table, "member_id", values, fixed, columns=columns)
        fixed = {
            "member_id": "s.member_id",
            "household_id": "s.household_id",
            "village": "s.village",
            "year": "s.year",
            **provenance,
        }
        return Target(name, table, "member_year_id", self.values(name), fixed, columns=columns)

    def field_of(self, to: str) -> str:
        return next((column.field for column in self.sheet.columns if column.to == to), "")

    @staticmethod
    def lifecycles() -> dict[str, str]:
        """Return {status code: stage of the life cycle} for new households."""
        by_label = {"预脱贫": "PRE_EXIT", "已脱贫": "EXITED", "注销": "CANCELLED", "一般农户": "ORDINARY"}
        found = dict(LIFECYCLE)
        for code, label in codes.STATUS.labels.items():
            if label in by_label:
                found.setdefault(code, by_label[label])
        return found


def lifecycle_of(status: str | None) -> str:
    """Return the stage of the life cycle that a status stands for; "" for none."""
    return Layout.lifecycles().get(status or "", "")


def luhn(number: str) -> bool:
    """Return whether a card number of 16 to 19 digits passes the Luhn check."""
    if not (16 <= len(number) <= 19 and number.isascii() and number.isdigit()):
        return False
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name).str.len_chars() > 0).then(pl.col(name))


PHONE_PATTERN = r"^(1[3-9]\d{9}|0\d{2,3}-?\d{7,8})$"


class RegisterImport:
    """The handler of the two register sheets; `exchange.batches` calls it in this order."""

    undo_models = (Household, HouseholdYear, Member, MemberYear)
    # The columns that decide what becomes of a row; only these are looked at for all rows at once.
    deciding = (
        *("_sheet", "_sheet_no", "_row", "_verdict_hint", "region_county", "region_town", "region_village"),
        *(
            "household_no",
            "person_no",
            "name",
            "relation",
            "cert_no_identity",
            "head_cert_no_identity",
            "as_of",
            "year",
        ),
    )

    def __init__(self, sheet: Sheet, batch):
        self.sheet, self.batch = sheet, batch
        self.layout = Layout(sheet, sheet.rank)
        self.persons = bool(sheet.person_key)
        self.p = staging.table(batch.pk, "p")
        self.h = staging.table(batch.pk, "h")
        self.p_data, self.p_state = staging.table(batch.pk, "p_data"), staging.table(batch.pk, "p_state")
        self.h_data, self.h_state = staging.table(batch.pk, "h_data"), staging.table(batch.pk, "h_state")
        self.rows = self.p if self.persons else self.h

    # --- from what was read to staged tables -------------------------------------------------------------------

    def household_keys(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `_hkey`: the household number, or the head's identity where there is none; null: neither."""
        number = pl.col("household_no")
        if self.persons:
            head = pl.when(pl.col("relation") == "01").then(pl.col("cert_no_identity"))
            # Without numbers a household runs from one head to the next, on one sheet.
            block = (pl.col("relation") == "01").fill_null(False).cum_sum().over("_sheet_no")
            frame = frame.with_columns(block.alias("_block"))
            identity = head.drop_nulls().first().over("_sheet_no", "_block")
            numbered = number.first().over("_sheet_no", "_block").is_not_null()
            identity = pl.when(~numbered).then(identity)
            identity = pl.coalesce(_filled("head_cert_no_identity"), pl.when(pl.col("_block") > 0).then(identity))
        else:
            identity = pl.col("head_cert_no_identity")
        identity = pl.when(identity.str.len_chars() > 0).then(identity)
        return frame.with_columns(pl.coalesce(number, pl.lit("ID:") + identity).alias("_hkey"))

    def prepare(self, parts, light: pl.DataFrame, on_rows=None) -> None:
        """Stage what was read.

        `parts()` gives the read frames in order, some ten thousand rows each; `light` has a row for each of theirs,
        with `_verdict` ("", "asked", "rejected", "skipped"), `village`, `stamp` and `year` beside the columns that
        decide on households.
        """
        light = self.household_keys(light).with_row_index("_no")
        keyless = (pl.col("_verdict") == "") & pl.col("_hkey").is_null()
        verdicts = light.select(
            *("_no", "_hkey", "village", "stamp", "year"),
            pl.lit(self.batch.pk).alias("batch_id"),
            keyless.alias("_keyless"),
            pl.when(keyless).then(pl.lit("rejected")).otherwise(pl.col("_verdict")).alias("_verdict"),
        )

        def judged():
            start = 0
            for part in parts():
                part = part.drop("year") if "year" in part.columns else part
                yield part.hstack(verdicts.slice(start, part.height)).filter(pl.col("_verdict") != "skipped")
                start += part.height

        households = self._households(judged())
        keys = households.select("_hkey", "h")
        self._create("h", "h", [self._seal_households(households)], HOUSEHOLD_STATE, HOUSEHOLD_OVERRIDES)
        if self.persons:
            persons = (
                self._seal_persons(part.join(keys, on="_hkey", how="left", maintain_order="left")) for part in judged()
            )
            self._create("p", "_no", persons, PERSON_STATE, PERSON_OVERRIDES, on_rows)
        else:
            rest = light.drop("_verdict", "year", "village", "_hkey", "stamp").hstack(verdicts.drop("_no"))
            rest = rest.filter(~pl.col("_verdict").is_in(["", "skipped"])).select(
                "_no", "_sheet", "_row", "_verdict", "_keyless", "household_no", "village", "batch_id"
            )
            spare = staging.table(self.batch.pk, "rest")
            staging.create(spare, rest, types={})
            staging.copy(spare, rest)

    def _households(self, parts) -> pl.DataFrame:
        """Return one row per household with `h`: of each value the first that is filled in, in the order of the file."""
        wide = [c.field for c in self.sheet.columns if c.to.startswith(("household.", "household_year."))]
        wide.remove("household_no")
        wide += [f"{c.field}_precision" for c in self.sheet.columns if c.field in wide and c.kind is Kind.DATE]
        places = ["_no", "_sheet", "_row", "household_no", "village", "year", "batch_id"]
        heads = [] if self.persons else ["head_cert_no_identity", "head_name"]

        def grouped(frame):
            return frame.group_by("_hkey", maintain_order=True).agg(
                *[pl.col(name).drop_nulls().first() for name in wide],
                *[pl.col(name).first() for name in (*places, *heads)],
                pl.col("stamp").max(),
            )

        found = grouped(pl.concat([grouped(part.filter(pl.col("_verdict") == "")) for part in parts]))
        if self.persons:
            by_head = pl.col("_hkey").str.starts_with("ID:")
            found = found.with_columns(pl.when(by_head).then(pl.col("_hkey").str.slice(3)).alias("head_identity"))
        else:
            found = found.rename({"head_cert_no_identity": "head_identity"})
        return found.with_row_index("h")

    def _create(self, name: str, key: str, frames, state: str, overrides: dict, on_rows=None) -> None:
        """Make the staged data, the narrow table of what became of each row, and the view that joins them.

        The data are written once: changing a state of 300,000 rows of fifty columns would copy them all.
        """
        data, kept = staging.table(self.batch.pk, f"{name}_data"), staging.table(self.batch.pk, f"{name}_state")
        done, names = 0, []
        for frame in frames:
            if not names:
                names = frame.columns
                staging.create(data, frame, types=self._types())
            staging.copy(data, frame)
            done += frame.height
            if on_rows:
                on_rows(done)
        columns = [
            f'COALESCE(m."new_{column}", d."{column}") AS "{column}"' if column in overrides else f'd."{column}"'
            for column in names
        ]
        new = "".join(f', "new_{column}" {kind}' for column, kind in overrides.items())
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {kept} CASCADE")
            cursor.execute(f'CREATE TABLE {kept} ("{key}" bigint, {state}{new})')
            cursor.execute(
                f"CREATE VIEW {staging.table(self.batch.pk, name)} AS SELECT {', '.join(columns)},"
                f' {_names(state)} FROM {data} d JOIN {kept} m ON m."{key}" = d."{key}"'
            )
            for table, of in ((data, key), (kept, key)):
                cursor.execute(f'CREATE INDEX ON {table} ("{of}")')
            if name == "p":
                cursor.execute(f"CREATE INDEX ON {data} (h)")
                cursor.execute(f"CREATE INDEX ON {data} (_sheet, _row)")
            cursor.execute(f"ANALYZE {data}")

    def _types(self) -> dict[str, str]:
        return {
            **dict.fromkeys(BYTEA | {"head_index"}, "bytea"),
            "stamp": 'text COLLATE "C"',
            "village": 'text COLLATE "C"',
        }

    def _sealed(self, frame: pl.DataFrame, source: str, sealed: str, purpose: str) -> list[pl.Series]:
        """Return the sealed column and its blind index; masked values (with stars) are left out, see `unmask`."""
        texts = frame[source].to_list()
        texts = [None if text and "*" in text else text for text in texts]
        uids = frame["uid"].to_list()
        index = sealed.replace("_sealed", "_index")
        return [
            pl.Series(sealed, staging.hexed(crypto.seal_many(PLACES[sealed], uids, texts)), dtype=pl.Utf8),
            pl.Series(index, staging.hexed(crypto.blind_many(purpose, texts)), dtype=pl.Utf8),
        ]

    def _seal_households(self, frame: pl.DataFrame) -> pl.DataFrame:
        frame = frame.with_columns(pl.Series("uid", uuid7_texts(frame.height), dtype=pl.Utf8))
        phones, cards = frame["phone"], frame["card_no"]
        added = [
            *self._sealed(frame, "phone", "phone_sealed", "phone"),
            *self._sealed(frame, "card_no", "card_sealed", "card"),
            phones.str.contains(PHONE_PATTERN).alias("phone_valid"),
            pl.Series("card_valid", [luhn(card) if card else None for card in cards.to_list()], dtype=pl.Boolean),
            pl.Series(
                "head_index", staging.hexed(crypto.blind_many("id", frame["head_identity"].to_list())), dtype=pl.Utf8
            ),
            *self._masks(frame, "phone", "card_no"),
        ]
        return frame.with_columns(added).drop("phone", "card_no", "head_identity", "_hkey")

    def _seal_persons(self, frame: pl.DataFrame) -> pl.DataFrame:
        keep = {
            "_no",
            "_sheet",
            "_sheet_no",
            "_row",
            "_hidden",
            "_verdict",
            "_keyless",
            "village",
            "stamp",
            "year",
            "batch_id",
            "h",
        }
        wanted = [c.field for c in self.sheet.columns if c.to.startswith(("member.", "member_year."))]
        wanted += [f"{name}_precision" for name in wanted]
        frame = frame.with_columns(pl.Series("uid", uuid7_texts(frame.height), dtype=pl.Utf8))
        identities = pl.when(~pl.col("cert_no").str.contains("*", literal=True)).then(pl.col("cert_no_identity"))
        identities = frame.select(identities.alias("x"))["x"].to_list()
        added = [
            *self._sealed(frame, "cert_no", "cert_no_sealed", "cert"),
            pl.Series("id_index", staging.hexed(crypto.blind_many("id", identities)), dtype=pl.Utf8),
            *[frame[f"cert_no_{part}"].alias(f"id_{part}") for part in ("kind", "fault", "area", "birth_on", "sex")],
            *self._masks(frame, "cert_no", "name"),
            pl.when(~pl.col("name").str.contains("*", literal=True)).then(pl.col("name")).alias("name"),
        ]
        frame = frame.with_columns(added)
        # Empty facts are '' in the register, and COPY writes '' as NULL: the insert puts them back.
        names = [
            name
            for name in frame.columns
            if name in keep or name in wanted or name.startswith("id_") or name.endswith("_mask")
            or name in ("uid", "cert_no_sealed", "cert_no_index")
        ]  # fmt: skip
        return frame.select([name for name in names if name != "cert_no"])

    @staticmethod
    def _masks(frame: pl.DataFrame, *names: str) -> list[pl.Series]:
        """Return the masked cells (an export that comes back): compared with the mask of what is stored."""
        found = [
            pl.when(pl.col(name).str.contains("*", literal=True)).then(pl.col(name)).alias(f"{name}_mask")
            for name in names
        ]
        return frame.select(found).get_columns()
