"""The throw-away process that reads an uploaded file: `python -m exchange.child`.

It gets the file and the question on its standard input, limits itself before it looks at either, and answers in
framed messages on its standard output. It imports neither Django nor settings, opens no file and no connection; when
it dies, the parent refuses the file and lives on.
"""

import contextlib
import ctypes
import io
import json
import os
import pickle
import resource
import signal
import struct
import sys
import time
import types
from pathlib import Path

FRAME = struct.Struct("<cQ")
PROGRESS, META, ROWS, FAULTS, REFUSED, END = b"p", b"m", b"d", b"f", b"r", b"e"
BATCH_ROWS = 50_000
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG: a killed worker leaves no reader behind
NEW_NETWORK = 0x40000000 | 0x10000000  # CLONE_NEWNET | CLONE_NEWUSER


def limit_self(address_space: int, cpu_seconds: int, open_files: int, file_bytes: int = 0) -> None:
    """Give up memory, time, files, core dumps and, where the system lets us, the network."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    with contextlib.suppress(OSError, AttributeError):
        system = ctypes.CDLL(None)
        system.prctl(DIE_WITH_PARENT, signal.SIGKILL)
        system.unshare(NEW_NETWORK)


class Answer:
    """Writes framed messages; progress at most five times a second."""

    def __init__(self, stream):
        self.stream, self.last = stream, 0.0

    def send(self, sort: bytes, body: bytes) -> None:
        self.stream.write(FRAME.pack(sort, len(body)))
        self.stream.write(body)
        self.stream.flush()

    def json(self, sort: bytes, body) -> None:
        self.send(sort, json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))

    def frame(self, sort: bytes, frame) -> None:
        buffer = io.BytesIO()
        frame.write_ipc_stream(buffer, compression="lz4")
        self.send(sort, buffer.getbuffer())

    def progress(self, phase: str, done: int, total: int) -> None:
        if time.monotonic() - self.last > 0.2:
            self.last = time.monotonic()
            self.json(PROGRESS, {"phase": phase, "done": done, "total": total})


def bare_package() -> None:
    """Stand in for the project package: its own start-up brings Celery and Django, which this process never needs."""
    package = types.ModuleType("poverty")
    package.__path__ = [str(Path(__file__).resolve().parent.parent / "poverty")]
    sys.modules["poverty"] = package


def main() -> None:
    bare_package()
    # Our answers keep the pipe for themselves: a library that prints cannot garble them.
    answer = Answer(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    limits = json.loads(os.environ.pop("READER_LIMITS"))
    limit_self(*limits)
    os.environ["POLARS_MAX_THREADS"] = "2"
    size = struct.unpack("<Q", sys.stdin.buffer.read(8))[0]
    request = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301 from our own parent, never from the file
    data = sys.stdin.buffer.read()
    from exchange.limits import Refused

    try:
        read(data, request, answer)
    except Refused as refused:
        answer.json(REFUSED, {"code": refused.code, "key": refused.key, "params": refused.params})
    except MemoryError:
        answer.json(REFUSED, {"code": "limit", "key": "memory", "params": {}})
    answer.send(END, b"")


def read(data: bytes, request: dict, answer: Answer) -> None:
    """Read the file and send rows, faults and meta; Refused where it is not to be read."""
    from exchange.container import inspect

    sheet = request["sheet"]
    answer.progress("check", 0, 0)
    container = inspect(data, request["filename"], max_sheets=sheet.max_sheets)
    from exchange.assemble import Answers, Assembly
    from exchange.limits import Refused

    assembly = Assembly(
        sheet, Answers.of(request["answers"], request["synonyms"]), request["today"], container.date1904,
        request.get("year"),
    )  # fmt: skip
    assembly.meta["kind"], assembly.meta["notes"] = container.kind, list(container.notes)
    if container.kind == "text":
        _text(data, container, assembly, answer)
    else:
        _workbook(data, container, assembly, answer)
    if assembly.empty:
        needed = assembly.missing or [column.header for column in sheet.columns if column.required]
        key = "missing_columns" if assembly.missing else "no_header"
        raise Refused("header", key, {"missing": needed, "found": assembly.best[:30]})
    answer.progress("values", 0, 0)
    frame, faults, meta = assembly.result()
    del assembly
    answer.json(META, meta)
    answer.frame(FAULTS, faults)
    for at in range(0, max(frame.height, 1), BATCH_ROWS):
        answer.frame(ROWS, frame.slice(at, BATCH_ROWS))


def _text(data: bytes, container, assembly, answer: Answer) -> None:
    from exchange.grid import from_text

    seen = [0]

    def count(rows: int) -> None:
        seen[0] += rows
        answer.progress("read", seen[0], 0)

    grid, facts = from_text(data, count)
    assembly.meta.update(facts)
    assembly.sheet(grid, container.sheets[0], 1)


def _workbook(data: bytes, container, assembly, answer: Answer) -> None:
    import python_calamine

    from exchange.grid import from_calamine
    from exchange.limits import Refused

    total = sum(part.scan.rows for part in container.sheets)
    seen = [0]

    def count(rows: int) -> None:
        seen[0] += rows
        answer.progress("read", seen[0], total)

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        listed = [
            (entry.name, entry.visible)
            for entry in book.sheets_metadata
            if entry.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        by_name = {part.name: part for part in container.sheets}
        for place, (name, visible) in enumerate(listed):
            part = by_name.get(name) or container.sheets[place]
            part.name, part.hidden = name, visible != python_calamine.SheetVisibleEnum.Visible
            sheet = book.get_sheet_by_name(name)
            grid = from_calamine(sheet, count)
            del sheet
            answer.progress("values", seen[0], total)
            assembly.sheet(grid, part, place + 1)
    except python_calamine.PasswordError as error:
        raise Refused("encrypted", "encrypted") from error
    except (python_calamine.CalamineError, IndexError, ValueError) as error:
        raise Refused("broken", "broken") from error


if __name__ == "__main__":
    main()
