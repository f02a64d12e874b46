"""Reading an uploaded spreadsheet: the parent side.

`read()` hands the bytes to a throw-away child process and returns a `Reading`. The worker never parses the file
itself, never sees a stack trace of a parser, and survives whatever the file does to the child.
"""

import contextlib
import datetime as dt
import io
import json
import os
import pickle
import selectors
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from exchange import child, limits
from exchange.limits import Refused
from poverty.declarations import Sheet

__all__ = ["Reading", "Refused", "read"]

ROOT = Path(__file__).resolve().parent.parent


class Reading:
    """What was read of a file.

    frame: a polars DataFrame, one row per data row. `_sheet`, `_sheet_no` (1-based among the work sheets), `_row`
    (1-based row of the sheet), `_hidden`, `_verdict_hint` ("", "ask" or "stop": the worst fault of the row), `_seq`,
    `_extra` (JSON text of the unknown columns, or null), then every declared field but running numbers:
    regions, numbers, names, texts, codes String; several codes List(String); dates Date with `<field>_precision` "d"
    or "m"; years and integers Int64; areas and months Decimal(12, 3); amounts Decimal(14, 2) yuan; yes/no Boolean.
    An identity number has `<field>_kind, _fault, _area, _birth_on, _sex, _identity` beside it, equal to
    `poverty.idnumber.facts`. Columns the file lacks are null.

    faults: a DataFrame sheet, sheet_no, row, column (header as written), field, code (D1…D24), action (auto, note,
    ask, stop), value (as found), params (JSON), question, suggestion. Repairs and notes are listed up to 20,000 per
    column and code; `meta["fault_counts"]` has all of them.

    meta: kind, sheets (name, no, hidden, header_rows, columns, unknown, doubled, missing, rows), without_header,
    totals (sheet, row, label, numbers by header), skipped, hidden_rows, rows, unit_notes, notes, fault_counts.

    The rows are kept packed and unpacked on demand: `batches()` gives frames of 50,000 rows, `frame` all of them.
    """

    def __init__(self, packed: list[bytes], faults: pl.DataFrame, meta: dict):
        self.packed, self.faults, self.meta = packed, faults, meta

    def batches(self) -> Iterator[pl.DataFrame]:
        """Give the rows in frames of at most 50,000, one in memory at a time."""
        for blob in self.packed:
            yield pl.read_ipc_stream(io.BytesIO(blob))

    @property
    def frame(self) -> pl.DataFrame:
        """All rows in one frame, unpacked anew at every call."""
        return pl.concat(list(self.batches()), rechunk=False)


def read(
    data: bytes,
    filename: str,
    sheet: Sheet,
    *,
    today: dt.date,
    answers: list[dict] = (),
    synonyms: dict[str, dict[str, str]] | None = None,
    year: int | None = None,
    as_of: dt.date | None = None,
    on_progress: Callable[[dict], None] | None = None,
    timeout_s: float = 180,
) -> Reading:
    """Read `data` as `sheet` declares, in a child process; Refused says why the file was not read.

    answers: [{"question": key, "value": text}]; a label's value is a code or "" for blank, a cell's the corrected text,
    "" for blank or "=" to keep what was found, a column's "yuan" or "wan". synonyms: {field: {text: code}} remembered
    from earlier answers. on_progress gets {"phase", "done", "total"} (rows); what it raises ends the child too.
    `year` and `as_of` are the upload's; only a sheet of another shape that names none takes the year from there.
    """
    if len(data) > limits.UPLOAD_BYTES:
        raise Refused("limit", "upload", {"most_mb": limits.UPLOAD_BYTES >> 20})
    request = pickle.dumps(
        {
            "sheet": sheet,
            "filename": filename,
            "answers": list(answers),
            "synonyms": synonyms or {},
            "today": today,
            "year": year,
        }
    )
    with memory_file(struct.pack("<Q", len(request)), request, data) as source:
        process = start(source)
    try:
        return _answer(process, on_progress, time.monotonic() + timeout_s)
    finally:
        with contextlib.suppress(OSError):
            process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait()


def start(source, module: str = "exchange.child") -> subprocess.Popen:
    """Start the child with an empty environment, in a directory that holds only our code."""
    own = [limits.CHILD_ADDRESS_SPACE, limits.CHILD_CPU_SECONDS, limits.CHILD_OPEN_FILES]
    environment = {
        "READER_LIMITS": json.dumps(own),
        "POLARS_MAX_THREADS": "2",
        "MALLOC_ARENA_MAX": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=ROOT,
        close_fds=True,
        start_new_session=True,
    )


@contextlib.contextmanager
def memory_file(*parts: bytes):
    """Give a file in memory that holds `parts`: uploads hold personal data, so nothing goes to a disk in plain."""
    if hasattr(os, "memfd_create"):
        stream = os.fdopen(os.memfd_create("upload", os.MFD_CLOEXEC), "w+b")
    else:  # pragma: no cover - Linux has it
        stream = tempfile.SpooledTemporaryFile(max_size=1 << 30)
    with stream:
        for part in parts:
            stream.write(part)
        stream.flush()
        stream.seek(0)
        yield stream


def _answer(process: subprocess.Popen, on_progress, deadline: float) -> Reading:
    packed, faults, meta, ended = [], None, None, False
    for sort, body in _messages(process, deadline):
        if sort == child.PROGRESS:
            if on_progress:
                on_progress(json.loads(body))
        elif sort == child.REFUSED:
            found = json.loads(body)
            raise Refused(found["code"], found["key"], found["params"])
        elif sort == child.META:
            meta = json.loads(body)
        elif sort == child.FAULTS:
            faults = pl.read_ipc_stream(io.BytesIO(body))
        elif sort == child.ROWS:
            packed.append(bytes(body))
        elif sort == child.END:
            ended = True
            break
    if not ended or meta is None or faults is None:
        raise Refused("limit", "died")
    return Reading(packed, faults, meta)


def _messages(process: subprocess.Popen, deadline: float) -> Iterator[tuple[bytes, bytes]]:
    """Give the child's messages as they come; Refused when time is up or it says too much. Its stderr is dropped."""
    buffer, total = bytearray(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Refused("limit", "timeout")
            for ready, _ in selector.select(left):
                chunk = os.read(ready.fd, 1 << 20)
                if ready.fileobj is process.stderr:
                    if not chunk:
                        selector.unregister(process.stderr)
                    continue
                if not chunk:
                    return
                total += len(chunk)
                if total > limits.CHILD_ANSWER_BYTES:
                    raise Refused("limit", "died")
                buffer += chunk
                while len(buffer) >= child.FRAME.size:
                    sort, size = child.FRAME.unpack_from(buffer)
                    if len(buffer) < child.FRAME.size + size:
                        break
                    body = bytes(buffer[child.FRAME.size : child.FRAME.size + size])
                    del buffer[: child.FRAME.size + size]
                    yield sort, body
