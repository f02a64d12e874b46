"""One measured step in a process of its own, so that nothing of the others is in its memory or its caches.

`python -m bench.steps NAME JSON` prints one JSON object as its last line.
"""

import datetime as dt
import io
import json
import subprocess
import sys
import time
from pathlib import Path

from bench import place
from bench.memory import Watch


def run(name: str, **given) -> dict:
    """Run the step; return what it says, and "peaks": the memory of its processes in kilobytes."""
    command = [sys.executable, "-m", "bench.steps", name, json.dumps(given)]
    process = subprocess.Popen(command, cwd=place.ROOT, stdout=subprocess.PIPE, text=True)
    with Watch(process.pid) as watch:
        output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{name} ended with status {process.returncode}; its last words are above")
    return {**json.loads(output.strip().splitlines()[-1]), "peaks": watch.peaks}


def import_sheet(*, kind: str, file: str, region: str, year: int | None, as_of: str, meta=None) -> dict:
    """Import as the command does: from the file on disk to the committed register, with checks, sealing and history."""
    import exchange.tasks  # noqa: F401 — what a worker has in memory besides
    from accounts.models import User
    from exchange import batches

    by, seen = User.objects.system(), []
    begun = time.perf_counter()

    def say(stage, done, total):
        if not seen or seen[-1][0] != stage:
            seen.append((stage, time.perf_counter() - begun))

    batch = batches.create(
        kind=kind, name=Path(file).name, data=Path(file).read_bytes(), region=region, year=year,
        as_of=dt.date.fromisoformat(as_of), by=by, meta=meta or {},
    )  # fmt: skip
    with batches.working_on(batch):
        progress = batches.Progress(say)
        if not batches.stage(batch, progress):
            raise RuntimeError(f"{file} was refused")
        state = batches.merge(batch, progress)
    whole = time.perf_counter() - begun
    with batches.scope_of(batch):
        batch.refresh_from_db()
    ends = [at for _stage, at in seen[1:]] + [whole]
    counts = {name: getattr(batch, name) for name in ("rows", "new", "changed", "unchanged", "rejected", "asked")}
    return {
        "seconds": whole,
        "state": state,
        "phases": {stage: round(end - at, 2) for (stage, at), end in zip(seen, ends, strict=True)},
        **counts,
    }


def import_sheets(*, sheets) -> dict:
    """Import one file after another in one process: where nothing is measured, starting one each would take longer."""
    return {"found": [import_sheet(**sheet) for sheet in sheets]}


def floor(*, file: str) -> dict:
    """Read the file into a polars frame with calamine and COPY its cells: the least that taking it in has to do."""
    import python_calamine
    from django.db import connection, transaction

    from exchange import grid

    begun = time.perf_counter()
    sheet = python_calamine.CalamineWorkbook.from_path(file).get_sheet_by_index(0)
    found = grid.from_calamine(sheet, lambda rows: None)
    read = time.perf_counter() - begun
    cells = found.frame.select([name for name in found.frame.columns if name.startswith("c")])
    with transaction.atomic(), connection.cursor() as cursor:
        _copy_cells(cursor, "staging.bench_floor", cells)
    whole = time.perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE staging.bench_floor")
    return {"seconds": whole, "rows": cells.height, "read": round(read, 2)}


def rival(*, file: str, region: str, year: int, as_of: str, bulk: bool) -> dict:
    from bench import rival

    return rival.measure(Path(file), region=region, year=year, as_of=as_of, bulk=bulk)


def load_regions(*, folder: str) -> dict:
    from bench import tree

    return tree.measure(Path(folder))


def ledger_floor(*, files: list[str]) -> dict:
    """Read a ledger's files as the import's reader does and COPY their cells: the least that taking them in has to do."""
    from django.db import connection, transaction

    from exchange import grid

    seconds = read = 0.0
    rows = 0
    for file in files:
        begun = time.perf_counter()
        found, _facts = grid.from_text(Path(file).read_bytes(), lambda rows: None)
        read += time.perf_counter() - begun
        cells = found.frame.select([name for name in found.frame.columns if name.startswith("c")])
        with transaction.atomic(), connection.cursor() as cursor:
            _copy_cells(cursor, "staging.bench_ledger", cells)
        seconds += time.perf_counter() - begun
        rows += cells.height
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE staging.bench_ledger")
    return {"seconds": seconds, "rows": rows, "read": round(read, 2)}


def _copy_cells(cursor, table: str, cells) -> None:
    """Make a table of text without index and COPY a polars frame of text into it."""
    cursor.execute(f"CREATE TABLE {table} ({', '.join(f'{name} text' for name in cells.columns)})")
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as target:
        for at in range(0, cells.height, 50_000):
            buffer = io.BytesIO()
            cells.slice(at, 50_000).write_csv(buffer, include_header=False)
            target.write(buffer.getbuffer())


def full_run(*, on: str, kinds=None) -> dict:
    from bench import rules

    return rules.full_run(on=dt.date.fromisoformat(on), kinds=kinds)


def scans(*, on: str) -> dict:
    from bench import rules

    return rules.scans(on=dt.date.fromisoformat(on))


def previews(*, on: str) -> dict:
    from bench import rules

    return rules.previews(on=dt.date.fromisoformat(on))


def recheck() -> dict:
    from bench import rules

    return rules.recheck()


def joins(*, kinds) -> dict:
    from bench import rules

    return rules.joins(kinds=kinds)


def rule_loop(*, on: str, households: int) -> dict:
    from bench import loop

    return loop.measure(on=dt.date.fromisoformat(on), households=households)


def figures(*, month: str) -> dict:
    from bench import map as maps

    return maps.figures(month=month)


def figure_scans(*, month: str) -> dict:
    from bench import map as maps

    return maps.figure_scans(month=month)


def one_village(*, county: str, month: str) -> dict:
    from bench import map as maps

    return maps.one_village(county=county, month=month)


def browser(*, address: str, cookie: str, rounds: int) -> dict:
    from bench import map as maps

    return maps.browser(address=address, cookie=cookie, rounds=rounds)


STEPS = {
    step.__name__: step
    for step in (
        *(import_sheet, import_sheets, floor, rival, load_regions, ledger_floor),
        *(full_run, scans, previews, recheck, joins, rule_loop),
        *(figures, figure_scans, one_village, browser),
    )
}

if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(STEPS[sys.argv[1]](**json.loads(sys.argv[2]))))
