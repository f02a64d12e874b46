"""Read plain CSV files with a header: UTF-8 (with or without a byte order mark) or GB18030, faults named by line."""

import codecs
import contextlib
import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

csv.field_size_limit(2**20)
SHOWN_FAULTS = 200
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class Unreadable(ValueError):
    """The file as a whole cannot be read; the text says why and what to do."""


@dataclass
class Report:
    """What a load did: counts, and the rows that were left out, each with file, line and reason."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[dict] = field(default_factory=list)
    rejected: int = 0
    notes: list[str] = field(default_factory=list)
    row_word: str = ""  # what the rows are, where they are no lines

    def reject(self, file: str, row: int, code: str, reason: str) -> None:
        self.rejected += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append({"file": file, "row": row, "code": code[:20], "reason": reason})

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def as_dict(self) -> dict:
        return {**self.counts, "rejected": self.rejected, "faults": self.faults}


def decode(content: bytes, name: str) -> str:
    """Return the text of a file; Unreadable when it is in neither encoding."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{name}: the text is neither UTF-8 nor GB18030; save it as CSV UTF-8 and load it again")


def utf8(content: bytes, name: str) -> bytes:
    """Return the content as UTF-8 without a byte order mark."""
    with contextlib.suppress(UnicodeDecodeError):
        content.decode("utf-8")
        return content.removeprefix(codecs.BOM_UTF8)
    return decode(content, name).encode()


def read(path: Path, wanted: dict[str, tuple[str, ...]], required: tuple[str, ...]):
    """Yield (line, row, positions) for every row with content.

    `wanted` maps a field to the headers it may stand under; `positions` maps the fields found to their column.
    """
    lines = io.StringIO(decode(path.read_bytes(), path.name), newline="")
    reader = csv.reader(lines)
    header = [cell.strip().lower() for cell in next(reader, [])]
    positions = {}
    for name, aliases in wanted.items():
        found = [header.index(alias) for alias in aliases if alias in header]
        if found:
            positions[name] = found[0]
    missing = [wanted[name][0] for name in required if name not in positions]
    if missing:
        raise Unreadable(f"{path.name}: the first line has no column {', '.join(missing)}")
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(f"{path.name}, line {line}: {error}") from error
        if row:
            yield line, row, positions


def has_control_characters(text: str) -> bool:
    return _CONTROL.search(text) is not None
