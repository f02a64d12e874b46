"""The life of an import: stored file, staged rows, preview, merge, answers.

Every step may be run again after a crash: staging is made anew from the stored file, and a merge is one transaction
that compares first. `scope_of(batch)` is how all of it acts: as the person who uploaded, named in every history row.
"""

import contextlib
import datetime as dt
import functools
from dataclasses import dataclass

import polars as pl
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import masks
from accounts.roles import ROLES_WITHOUT_ROWS
from exchange import faults as fault_rows
from exchange import reading, staging, store
from exchange.models import BatchState, ImportBatch, RememberedLabel
from jobs.models import Job
from poverty import declarations, scope
from poverty.second import second_connection
from regions.resolve import Resolver
from validation import engine

UNDER_WAY = (BatchState.UPLOADED, BatchState.READING, BatchState.PREVIEWED, BatchState.MERGING)


class Repeated(Exception):
    """The same file is being imported; `batch` is the one under way."""

    def __init__(self, batch):
        super().__init__(batch.pk)
        self.batch = batch


@dataclass
class Progress:
    """Says how far the work is; commands and tests need not listen."""

    say: object = None

    def __call__(self, stage: str, done: int = 0, total: int = 0):
        if self.say:
            self.say(stage, done, total)


def acting(user, **context):
    """Act as `user`; the system user, in whose name commands run, sees all."""
    if user.username == "system":
        return scope.system(context.pop("reason", "import"), by=user, **context)
    return scope.acting(user, **context)


def scope_of(batch: ImportBatch, user=None):
    reason = f"import {batch.file_name}"
    return acting(user or batch.created_by, reason=reason, context_id=batch.uid, batch=batch.pk)


def handler(batch: ImportBatch):
    sheet = declarations.sheets[batch.kind]
    return import_string(sheet.handler)(sheet, batch)


def create(
    *, kind: str, name: str, data: bytes, region: str, year: int | None, as_of: dt.date, by, mode="good", meta=None
) -> ImportBatch:
    """Keep the file and open a batch; raises Repeated when the same file is being imported into the same area.

    A long number in the file's name may be somebody's: it goes no further, neither into history nor a job's title.
    """
    name = masks.mask_numbers(name)
    with acting(by, reason=f"upload {name}"):
        stored = store.keep(name, data)
        try:
            with transaction.atomic():
                return ImportBatch.objects.create(
                    kind=kind, region_id=region, file=stored, file_name=name[-255:], sha256=stored.sha256, year=year,
                    as_of=as_of, mode=mode, created_by=by, owner=by if by.role in ROLES_WITHOUT_ROWS else None, meta=meta or {},
                )  # fmt: skip
        except IntegrityError:
            store.delete(stored)
            with scope.system("name the import under way", by=by):
                found = ImportBatch.objects.filter(
                    kind=kind, region_id=region, sha256=stored.sha256, state__in=UNDER_WAY
                ).first()
            if found is None:
                raise
            raise Repeated(found) from None


@contextlib.contextmanager
def working_on(batch: ImportBatch):
    """Hold the batch while a command works on it; gives False when somebody else does."""
    with second_connection().cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('import batch'), %s)", [batch.pk])
        mine = cursor.fetchone()[0]
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('import batch'), %s)", [batch.pk])


def give_up_if_left(batch: ImportBatch) -> bool:
    """Discard a batch that a command left behind (a trial run, or one that was cut off); False: it is being worked on."""
    with working_on(batch) as mine:
        if not mine or Job.objects.filter(
            subject=batch.pk, task__startswith="exchange.", state__in=["queued", "running"]
        ):
            return False
        discard(batch)
    return True


def stage(batch: ImportBatch, progress: Progress | None = None) -> bool:
    """Read the batch's file into staging tables and write its faults; False when the file was refused.

    Runs in a transaction of its own, inside the batch's scope.
    """
    progress = progress or Progress()
    sheet = declarations.sheets[batch.kind]
    with scope_of(batch):
        ImportBatch.objects.in_scope().filter(pk=batch.pk).update(state=BatchState.READING)
        answers = fault_rows.answers_of(batch)
        synonyms: dict[str, dict[str, str]] = {}
        labels = RememberedLabel.objects.in_scope().filter(sheet=batch.kind, region_id=batch.region_id[:6])
        for label in labels:
            synonyms.setdefault(label.field, {})[label.text] = label.code
        data = store.content(batch.file)
    progress("read", 0, 0)
    try:
        read = reading.read(
            data, batch.file_name, sheet, answers=answers, synonyms=synonyms, year=batch.year, as_of=batch.as_of,
            today=timezone.localdate(), on_progress=lambda said: progress("read", said.get("done", 0), said.get("total", 0)),
        )  # fmt: skip
    except reading.Refused as refused:
        with scope_of(batch):
            batch.state, batch.refusal_code = BatchState.REFUSED, refused.code
            batch.refusal = {"key": refused.key, "params": refused.params}
            batch.save(update_fields=["state", "refusal_code", "refusal"])
        return False
    del data
    with scope_of(batch):
        places = fault_rows.Places(read.meta, sheet)
        found = fault_rows.from_reading(read.faults)
        # What decides on rows looks at a few columns of all of them; the rest is never whole in memory.
        work = handler(batch)
        light = pl.concat(
            [part.select([name for name in work.deciding if name in part.columns]) for part in read.batches()]
        )
        progress("check", 0, light.height)
        judge = getattr(work, "classify", None) or functools.partial(classify, batch, sheet)
        light = judge(light, answers, places, found)
        doubled = int((light["_verdict"] == "skipped").sum())
        work.prepare(read.batches, light, lambda rows: progress("stage", rows, light.height))
        batch.skipped = read.meta.get("skipped", 0) + doubled
        batch.meta = {**batch.meta, **read.meta, "data_rows": light.height - doubled}
        batch.staged = True
        batch.save(update_fields=["skipped", "meta", "staged"])
        fault_rows.write(batch, found)
    return True


def classify(batch, sheet, frame: pl.DataFrame, answers, places, found: list) -> pl.DataFrame:
    """Add `village`, `year`, `stamp` and `_verdict`: "", "asked", "rejected" or "skipped" (an earlier double).

    A row needs a village in the importer's area, a household key and a name (DESIGN: import verdicts).
    """
    hint = {"stop": "rejected", "ask": "asked"}
    frame = frame.with_columns(pl.col("_verdict_hint").replace_strict(hint, default="").alias("_verdict"))
    frame = _villages(batch, frame, answers, places, found)
    name = "name" if sheet.person_key else "head_name"
    nameless = (pl.col("_verdict") == "") & pl.col(name).is_null() if sheet.person_key else pl.lit(False)
    for row in frame.filter(nameless).select("_sheet", "_row").iter_rows():
        found.append(places.fault(*row, name, "ID-14", "stop"))
    frame = frame.with_columns(
        pl.when(nameless).then(pl.lit("rejected")).otherwise(pl.col("_verdict")).alias("_verdict")
    )
    as_of = pl.col("as_of") if "as_of" in frame.columns else pl.lit(None, dtype=pl.Date)
    stamp = pl.coalesce(as_of, pl.lit(batch.as_of)).dt.strftime("%Y-%m-%d") + pl.lit(f"/{sheet.rank}")
    year = pl.col("year") if "year" in frame.columns else pl.lit(None, dtype=pl.Int64)
    frame = frame.with_columns(
        stamp.alias("stamp"), pl.coalesce(year, pl.lit(batch.year or batch.as_of.year)).alias("year")
    )
    if sheet.person_key:
        _interleaved(sheet, frame, places, found)
    return _doubles(sheet, frame, places, found)


def _interleaved(sheet, frame, places, found: list) -> None:
    """Log households whose rows do not stand together (they are grouped all the same), at their first row."""
    key = pl.col(sheet.household_key)
    runs = (
        frame.filter(key.is_not_null())
        .with_columns((key != key.shift()).fill_null(True).cum_sum().alias("_run"))
        .group_by(sheet.household_key, maintain_order=True)
        .agg(pl.col("_run").n_unique(), pl.col("_sheet").first(), pl.col("_row").first())
        .filter(pl.col("_run") > 1)
    )
    for place in runs.select("_sheet", "_row").iter_rows():
        found.append(places.fault(*place, sheet.household_key, "D11", "auto"))


def _villages(batch, frame, answers, places, found: list) -> pl.DataFrame:
    names = ["region_county", "region_town", "region_village"]
    chosen = {a["question"]: a["value"] for a in answers if a["question"].startswith("region:")}
    resolver = Resolver(batch.region_id, chosen)
    inside = scope.code_range(batch.region_id)
    distinct = frame.select(names).unique(maintain_order=True)
    rows = []
    for county, town, village in distinct.iter_rows():
        place = resolver.find(county, town, village)
        verdict = ""
        if place.outside or (place.code and not inside[0] <= place.code < inside[1]):
            verdict = "outside"
        elif not place.code:
            verdict = "unknown" if (village or "").strip() else "blank"
        elif not place.exact:
            verdict = "alias"
        rows.append((county, town, village, place.code or None, verdict, [list(c) for c in place.candidates]))
    known = pl.DataFrame(
        [row[:5] for row in rows], schema=dict.fromkeys([*names, "village", "_place"], pl.Utf8), orient="row"
    )
    frame = frame.join(known, on=names, how="left", nulls_equal=True, maintain_order="left")
    offered = {row[:3]: row[5] for row in rows}
    action = {"outside": "stop", "unknown": "ask", "blank": "stop", "alias": "auto"}
    odd = frame.filter(pl.col("_place") != "").select("_sheet", "_row", "_place", *names)
    for sheet_name, row, problem, county, town, village in odd.iter_rows():
        found.append(
            places.fault(
                sheet_name,
                row,
                "region_village",
                "D17",
                action[problem],
                value=village or "",
                params={"problem": problem, "candidates": offered[(county, town, village)]},
                question=resolver.question(county, town, village) if problem == "unknown" else "",
            )  # fmt: skip
        )
    worse = pl.col("_place").replace_strict(
        {"outside": "rejected", "blank": "rejected", "unknown": "asked"}, default=""
    )
    return frame.with_columns(
        pl.when((pl.col("_verdict") == "rejected") | (worse == ""))
        .then(pl.col("_verdict"))
        .otherwise(worse)
        .alias("_verdict")
    )


def _doubles(sheet, frame, places, found: list) -> pl.DataFrame:
    """Same person (or household) number: the later row wins. Same identity and name without numbers: one person."""
    key = sheet.person_key or sheet.household_key
    good = pl.col("_verdict") == ""
    frame = frame.with_row_index("_at")
    numbered = frame.filter(good & pl.col(key).is_not_null())
    earlier = numbered.filter(pl.col("_at") < pl.col("_at").max().over(key))
    doubles = dict.fromkeys(earlier["_at"], key)
    if sheet.person_key:
        loose = frame.filter(good & pl.col(key).is_null() & (pl.col("cert_no_identity").str.len_chars() > 0))
        same = [pl.col("household_no"), pl.col("cert_no_identity"), pl.col("name")]
        earlier = loose.filter(pl.col("_at") < pl.col("_at").max().over(same))
        doubles.update(dict.fromkeys(earlier["_at"], "cert_no"))
    if not doubles:
        return frame.drop("_at")
    for row in frame.filter(pl.col("_at").is_in(list(doubles))).select("_sheet", "_row", "_at").iter_rows():
        found.append(places.fault(row[0], row[1], doubles[row[2]], "D20", "auto"))
    skipped = pl.col("_at").is_in(list(doubles))
    return frame.with_columns(
        pl.when(skipped).then(pl.lit("skipped")).otherwise(pl.col("_verdict")).alias("_verdict")
    ).drop("_at")


def _compare(batch, work) -> None:
    """Match and compare, and write the counts on the batch (not saved)."""
    work.match()
    asked = work.unmask()
    if asked:
        work.ask(asked)
        fault_rows.write_masked(batch, asked)
    fault_rows.write_taken(batch, work)
    fault_rows.write_keyless(batch, work)
    if hasattr(work, "write_faults"):
        work.write_faults()
    counts = work.compare()
    before = batch.meta.get("merged_counts")
    if before:
        # Rows merged earlier keep the verdict they had then; only those that were asked are counted anew.
        counts = work.counts_of(batch.meta["asked_rows"])
        counts = {key: before.get(key, 0) * (key != "asked") + counts.get(key, 0) for key in {*before, *counts}}
    for verdict in ("new", "changed", "unchanged", "rejected", "asked"):
        setattr(batch, verdict, counts.get(verdict, 0))
    batch.rows = batch.new + batch.changed + batch.unchanged + batch.rejected + batch.asked
    batch.missing = work.missing()
    batch.reconciliation = work.reconcile()


def preview(batch: ImportBatch, progress: Progress | None = None) -> None:
    """Compare, and run the data rules over what the merge would give: the merge is done and rolled back."""
    progress = progress or Progress()
    progress("compare")
    with scope_of(batch), transaction.atomic():
        work = handler(batch)
        _compare(batch, work)
        batch.save()
    progress("rules")
    with scope_of(batch):
        hits = []
        if getattr(work, "trial", True):  # a handler whose sheet no rule looks at on import need not try
            with transaction.atomic():
                work.lock()
                work.merge()
                hits = _rule_hits(work)
                transaction.set_rollback(True)
        fault_rows.write_rule_hits(batch, hits)
        batch.state = BatchState.PREVIEWED
        batch.save(update_fields=["state"])


def merge(batch: ImportBatch, progress: Progress | None = None, *, by=None) -> str:
    """Compare again and write the good rows in one transaction; return the batch's new state.

    In the mode "all" a rejected or asked row holds everything back: the state is then "held".
    """
    progress = progress or Progress()
    progress("compare")
    with scope_of(batch, by):
        batch = ImportBatch.objects.in_scope().select_for_update(of=("self",)).get(pk=batch.pk)
        if batch.state in (BatchState.UNDONE, BatchState.DISCARDED, BatchState.REFUSED):
            return batch.state
        work = handler(batch)
        work.lock()
        _compare(batch, work)
        if batch.mode == "all" and (batch.rejected or batch.asked):
            batch.state = BatchState.HELD
            batch.save()
            return batch.state
        progress("merge", 0, batch.rows)
        work.merge()
        progress("rules", batch.rows, batch.rows)
        fault_rows.write_rule_hits(batch, _rule_hits(work))
        batch.state, batch.merged_at = BatchState.MERGED, timezone.now()
        batch.meta["merged_counts"] = {
            key: getattr(batch, key) for key in ("new", "changed", "unchanged", "rejected", "asked")
        }
        batch.meta["asked_rows"] = work.asked_rows()
        batch.save()
    return batch.state


def _rule_hits(work) -> list[tuple]:
    """Run the import's rules and return their open findings that the importer may see, with places in the file."""
    if hasattr(work, "undo"):
        return []  # it keeps what it writes outside of the register
    with scope.system("data rules on import"):
        engine.run(engine.import_rules(), households=work.checked_households())
    return work.findings()


def answer(batch: ImportBatch, answers: list[dict], *, by, progress: Progress | None = None) -> str:
    """Keep answers ({"question", "value"}), remember those about labels, and go on with the rows that waited."""
    with scope_of(batch, by):
        fault_rows.keep_answers(batch, answers, by=by)
    # The state says "reading" when this goes on after a crash; that rows were merged before must not be forgotten.
    merged = batch.merged_at is not None and batch.undone_at is None
    if not stage(batch, progress):
        return batch.state
    if merged:
        return merge(batch, progress, by=by)
    preview(batch, progress)
    return batch.state


def confirm(batch: ImportBatch, mode: str) -> bool:
    """Mark a previewed import as being merged; False when somebody has decided on it meanwhile.

    The condition stands in the statement: of two who press at once, one starts the merge.
    """
    with scope_of(batch):
        own = ImportBatch.objects.in_scope().filter(pk=batch.pk, state__in=[BatchState.PREVIEWED, BatchState.HELD])
        return bool(own.update(state=BatchState.MERGING, mode=mode))


def discard(batch: ImportBatch) -> bool:
    """Give up an import that was not merged; False when its merge was begun meanwhile."""
    with scope_of(batch), transaction.atomic():
        waits = [BatchState.PREVIEWED, BatchState.HELD, BatchState.FAILED]
        own = ImportBatch.objects.in_scope().filter(pk=batch.pk, state__in=waits, merged_at__isnull=True)
        if not own.update(state=BatchState.DISCARDED):
            return False
        batch.state = BatchState.DISCARDED
        staging.drop(batch.pk)
    return True
