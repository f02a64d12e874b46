"""Load the administrative tree in bulk, column by column: compare with what is there, COPY what is new.

Codes that vanish from a newer file are never deleted: households may still hang on them. `closing` gives them an end.
"""

import contextlib
from datetime import date
from pathlib import Path

import polars as pl
from django.db import connection, transaction
from psycopg import sql

from poverty.scope import code_range
from regions import names, tables
from regions.models import LEVEL_LENGTHS, Region

# The public layout, one file per level; `hamlets.csv` is ours.
FILES = {
    "provinces.csv": "province",
    "cities.csv": "city",
    "areas.csv": "county",
    "streets.csv": "town",
    "villages.csv": "village",
    "hamlets.csv": "hamlet",
}
HEADERS = {"code": ("code", "区划代码", "统计用区划代码", "代码"), "name": ("name", "名称", "区划名称")}
COLUMNS = ("code", "name", "short_name", "level")
NAME_LENGTH = 100


def find_files(paths: list[Path]) -> list[Path]:
    """Return the files to read, upper levels first; of a folder those with the public names."""
    found = []
    for path in paths:
        if path.is_dir():
            inside = [path / name for name in FILES if (path / name).is_file()]
            if not inside:
                raise tables.Unreadable(f"{path}: no {', '.join(FILES)} in this folder")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise tables.Unreadable(f"{path}: no such file or folder")
    order = list(FILES)
    return sorted(found, key=lambda path: order.index(path.name) if path.name in FILES else -1)


# --- reading -----------------------------------------------------------------------------------------------------


def _read(path: Path, report: tables.Report) -> pl.DataFrame:
    """Return the file's regions; bad rows go to the report."""
    frame = _read_clean(path)
    if frame is None:
        frame = _read_rows(path, report)
    else:
        report.add(rows=frame.height)
    if frame.is_empty():
        return frame.with_columns(short_name=pl.col("name"))
    parts = [
        part.with_columns(short_name=pl.col("name").str.replace(names.PATTERNS[level], "${1}"))
        for (level,), part in frame.group_by("level", maintain_order=True)
    ]
    return pl.concat(parts)


def _read_clean(path: Path) -> pl.DataFrame | None:
    """Return the regions of a file in which every row is good; None when a row must be looked at by itself."""
    level = FILES.get(path.name)
    if level is None:
        return None
    content = tables.utf8(path.read_bytes(), path.name)
    with contextlib.suppress(pl.exceptions.PolarsError):
        frame = pl.read_csv(content, infer_schema=False)
        if not {"code", "name"} <= set(frame.columns):
            return None
        frame = frame.select(
            pl.col("code").str.strip_chars(),
            pl.col("name").str.strip_chars(),
            pl.lit(level).alias("level"),
        )
        good = (
            pl.col("code").str.contains(rf"^[0-9]{{{LEVEL_LENGTHS[level]}}}$")
            & pl.col("name").str.len_chars().is_between(1, NAME_LENGTH)
            & ~pl.col("name").str.contains(r"[\x00-\x1f\x7f]")
        )
        if frame.select(good.fill_null(False).all()).item() and frame["code"].n_unique() == frame.height:
            return frame
    return None


def _read_rows(path: Path, report: tables.Report) -> pl.DataFrame:
    """Return the good rows of a file; the bad ones go to the report with their lines."""
    file_level = FILES.get(path.name, "")
    file_length = LEVEL_LENGTHS.get(file_level, 0)
    good: dict[str, tuple[str, str]] = {}
    count = 0
    for line, row, positions in tables.read(path, HEADERS, ("code", "name")):
        try:
            code, name = row[positions["code"]].strip(), row[positions["name"]].strip()
        except IndexError:
            if any(cell.strip() for cell in row):
                count += 1
                report.reject(path.name, line, row[0].strip(), "the line has too few columns")
            continue
        level = file_level
        if not level:
            code = names.cut(code)
            level = names.level_of(code)
        elif len(code) > file_length and not code[file_length:].strip("0"):
            code = code[:file_length]  # padded to twelve digits
        if not (code or name or any(cell.strip() for cell in row)):
            continue
        count += 1
        reason = _fault(code, name, level)
        if not reason and code in good:
            reason = "the code stands in this file twice; the first row was taken"
        if reason:
            report.reject(path.name, line, code, reason)
        else:
            good[code] = (name, level)
    report.add(rows=count)
    columns = {
        "code": list(good),
        "name": [name for name, _level in good.values()],
        "level": [level for _name, level in good.values()],
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _fault(code: str, name: str, level: str) -> str:
    """Return why a row cannot be a region, or ""."""
    # What nearly every row passes, in one go; the others are looked at for the reason.
    if level and len(code) == LEVEL_LENGTHS[level] and code.isdigit() and code.isascii():
        if name and len(name) <= NAME_LENGTH and name.isprintable():
            return ""
    if not (code.isascii() and code.isdigit()):
        return "the code is not made of digits" if code else "the code is missing"
    if level and len(code) != LEVEL_LENGTHS[level]:
        return f"a {level} code has {LEVEL_LENGTHS[level]} digits, this one has {len(code)}"
    if not level:
        return f"a code has 2, 4, 6, 9, 12 or (hamlets) 15 digits, this one has {len(code)}"
    if not name:
        return "the name is missing"
    if len(name) > NAME_LENGTH:
        return f"the name is longer than {NAME_LENGTH} characters"
    if tables.has_control_characters(name):
        return "the name holds control characters"
    return ""


# --- storing -----------------------------------------------------------------------------------------------------


def load(paths: list[Path], *, closing: date | None = None, area: str | None = None) -> tables.Report:
    """Load region files; return the counts. A second run with the same files changes nothing.

    With `closing` the files count as complete: regions of their levels that are not in them, inside `area` (what all
    their codes have in common, when not given), end on that day, and new ones begin on it.
    """
    report = tables.Report({"files": 0, "rows": 0, "new": 0, "changed": 0, "unchanged": 0, "closed": 0, "orphans": 0})
    frames = []
    for path in find_files(paths):
        frames.append(_read(path, report))
        report.add(files=1)
    incoming = pl.concat(frames)
    if len(frames) > 1:  # in two files: the later one wins, as if they had been loaded one after the other
        incoming = incoming.unique("code", keep="last", maintain_order=True)
    if incoming.is_empty():
        return report
    # Sorted, so that the index of the key grows at one end.
    incoming = incoming.sort("code")
    with transaction.atomic(), connection.cursor() as cursor:
        # One load at a time; what is compared here must not change meanwhile.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('regions.load'))")
        known = _known(cursor, incoming)
        new = incoming.join(known, on="code", how="anti")
        pairs = incoming.join(known, on="code", how="inner", suffix="_known")
        differs = (
            (pl.col("name") != pl.col("name_known"))
            | (pl.col("short_name") != pl.col("short_name_known"))
            | pl.col("ended")
        )
        changed = pairs.filter(differs)
        _insert(cursor, new, closing)
        _update(cursor, changed)
        report.add(new=new.height, changed=changed.height, unchanged=pairs.height - changed.height)
        if closing is not None:
            _close(cursor, incoming, report, closing, area)
        report.add(orphans=_orphans(cursor, incoming))
    return report


def _known(cursor, incoming: pl.DataFrame) -> pl.DataFrame:
    """Return what the tree holds between the first and the last of the incoming codes."""
    # COPY takes no parameters under DEBUG; the codes are digits by now.
    statement = sql.SQL(
        "COPY (SELECT code, name, short_name, (valid_to IS NOT NULL)::int AS ended FROM regions_region"
        " WHERE code >= {} AND code <= {}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
    ).format(sql.Literal(incoming["code"][0]), sql.Literal(incoming["code"][-1]))
    with cursor.copy(statement.as_string()) as copy:
        content = b"".join(bytes(block) for block in copy)
    schema = {"code": pl.String, "name": pl.String, "short_name": pl.String, "ended": pl.String}
    if not content:
        return pl.DataFrame(schema=schema).with_columns(ended=pl.lit(False))
    known = pl.read_csv(content, has_header=False, schema=schema)
    return known.with_columns(ended=pl.col("ended") == "1", short_name=pl.col("short_name").fill_null(""))


def _copy(cursor, target: str, frame: pl.DataFrame) -> None:
    with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)") as copy:
        for piece in frame.iter_slices(100_000):
            copy.write(piece.write_csv(include_header=False, quote_style="non_numeric"))


def _insert(cursor, new: pl.DataFrame, closing: date | None) -> None:
    if new.is_empty():
        return
    _copy(cursor, f"regions_region ({', '.join(COLUMNS)})", new.select(COLUMNS))
    if closing is not None:
        codes = new["code"].to_list()
        cursor.execute("UPDATE regions_region SET valid_from = %s WHERE code = ANY (%s)", [closing, codes])


def _update(cursor, changed: pl.DataFrame) -> None:
    if changed.is_empty():
        return
    cursor.execute('CREATE TEMP TABLE changed_regions (code text COLLATE "C", name text, short_name text)')
    _copy(cursor, "changed_regions", changed.select("code", "name", "short_name"))
    cursor.execute(
        "UPDATE regions_region r SET name = c.name, short_name = c.short_name, valid_to = NULL"
        " FROM changed_regions c WHERE r.code = c.code"
    )
    cursor.execute("DROP TABLE changed_regions")


def _close(cursor, incoming: pl.DataFrame, report: tables.Report, closing: date, area: str | None) -> None:
    if area is None:
        low, high = incoming["code"][0], incoming["code"][-1]
        shortest = incoming["code"].str.len_chars().min()
        common = [low[:length] for length in (2, 4, 6, 9) if low[:length] == high[:length] and length < shortest]
        area = common[-1] if common else ""
    lo, hi = code_range(area)
    cursor.execute(
        "UPDATE regions_region SET valid_to = %s WHERE code >= %s AND code < %s AND level = ANY (%s)"
        " AND valid_to IS NULL AND NOT code = ANY (%s)",
        [closing, lo, hi, incoming["level"].unique().to_list(), incoming["code"].to_list()],
    )
    report.add(closed=cursor.rowcount)
    report.counts["closed_in"] = area or "the whole country"


def _orphans(cursor, incoming: pl.DataFrame) -> int:
    """Return how many parents of the loaded regions are not in the tree: their files are still to be loaded."""
    lengths = list(LEVEL_LENGTHS.values())
    parents: set[str] = set()
    for upper, lower in zip(lengths, lengths[1:], strict=False):
        children = incoming.filter(pl.col("code").str.len_chars() == lower)
        parents.update(children["code"].str.slice(0, upper).unique().to_list())
    cursor.execute("SELECT count(*) FROM regions_region WHERE code = ANY (%s)", [list(parents)])
    return len(parents) - cursor.fetchone()[0]


def load_successors(path: Path) -> tables.Report:
    """Read `code,successor` and note who took over a region that was merged or renamed."""
    report = tables.Report({"rows": 0, "succeeded": 0})
    wanted = {"code": ("code", "old", "原代码"), "successor": ("successor", "new", "successor_code", "新代码")}
    pairs: dict[str, tuple[int, str]] = {}
    for line, row, positions in tables.read(path, wanted, ("code", "successor")):
        report.add(rows=1)
        cells = [row[positions[name]].strip() if positions[name] < len(row) else "" for name in ("code", "successor")]
        code, successor = (names.cut(cell) for cell in cells)
        if code == successor:
            report.reject(path.name, line, code, "a region cannot succeed itself")
        elif code in pairs:
            report.reject(path.name, line, code, "the code stands in this file twice; the first row was taken")
        else:
            pairs[code] = (line, successor)
    with transaction.atomic():
        codes = {each for code, (_line, successor) in pairs.items() for each in (code, successor)}
        known = dict(Region.objects.filter(pk__in=codes).values_list("pk", "successor_id"))
        for code, (line, successor) in pairs.items():
            missing = [each for each in (code, successor) if each not in known]
            if missing:
                report.reject(path.name, line, code, f"{missing[0] or 'the successor'} is not in the tree")
            elif known[code] != successor:
                Region.objects.filter(pk=code).update(successor_id=successor)
                report.add(succeeded=1)
    return report
