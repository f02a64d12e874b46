"""Rows of an uploaded file as they were found, for giving faulty ones back: read in a throw-away child process.

`python -m exchange.rawrows` is the child; `raw_rows()` is the parent side.
"""

import io
import json
import os
import pickle
import struct
import subprocess
import sys

from exchange import child

TIMEOUT_S = 180


def raw_rows(data: bytes, filename: str, max_sheets: int, wanted: dict[str, list[int]]) -> dict[str, dict[int, list]]:
    """Return {sheet: {row: texts from the first column on}} of the wanted rows; what cannot be read is left out."""
    from exchange.reading import memory_file, start

    request = pickle.dumps({"filename": filename, "max_sheets": max_sheets, "wanted": wanted})
    with memory_file(struct.pack("<Q", len(request)), request, data) as source:
        process = start(source, "exchange.rawrows")
    try:
        answer, _nothing = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {}
    try:
        found = json.loads(answer)
    except ValueError:
        return {}
    return {name: dict(rows) for name, rows in found.items()}


def main() -> None:
    child.bare_package()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    child.limit_self(*json.loads(os.environ.pop("READER_LIMITS")))
    size = struct.unpack("<Q", sys.stdin.buffer.read(8))[0]
    request = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301 from our own parent, never from the file
    found = read(sys.stdin.buffer.read(), request)
    answer.write(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    answer.flush()


def read(data: bytes, request: dict) -> dict[str, list]:
    from exchange.container import inspect

    container = inspect(data, request["filename"], max_sheets=request["max_sheets"])
    if container.kind == "text":
        from exchange.grid import from_text

        grid, _facts = from_text(data, lambda rows: None)
        return {name: _pick(grid, rows) for name, rows in request["wanted"].items()}
    import python_calamine

    from exchange.grid import from_calamine

    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    names = set(book.sheet_names)
    found = {}
    for name, rows in request["wanted"].items():
        if name in names:
            found[name] = _pick(from_calamine(book.get_sheet_by_name(name), lambda rows: None), rows)
    return found


def _pick(grid, rows: list[int]) -> list:
    import polars as pl

    names = [name for name in grid.frame.columns if name.startswith("c")]
    picked = grid.frame.filter(pl.col("_row").is_in(rows)).select("_row", *names)
    before = [None] * grid.offset
    return [[row[0], before + [_shown(text) for text in row[1:]]] for row in picked.iter_rows()]


def _shown(text: str | None) -> str | None:
    """Return a date without the midnight it was stored with."""
    return text.removesuffix(" 00:00:00") if text else text


if __name__ == "__main__":
    main()
