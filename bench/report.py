"""What was measured, against what, and whether it is enough."""

import dataclasses
import datetime as dt
import json
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Row:
    """One line: `ratio` is measured / baseline, or baseline / measured where `faster` is wanted.

    `target` bounds the ratio, from above, or from below with `faster`. With `plain` it bounds `measured` itself; with
    `exact` the ratio has to be the target. Without a target the line only reports.
    """

    work: str
    measured: float
    baseline: float | None
    unit: str
    target: float | None
    against: str = ""
    faster: bool = False
    plain: bool = False
    exact: bool = False
    detail: dict = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        if self.plain:
            return self.measured
        return self.baseline / self.measured if self.faster else self.measured / self.baseline

    @property
    def met(self) -> bool:
        if self.target is None:
            return True
        if self.exact:
            return self.ratio == self.target
        return self.ratio >= self.target if self.faster else self.ratio <= self.target

    def cells(self) -> tuple[str, ...]:
        sign = "=" if self.exact else "≥" if self.faster else "≤"
        limit = (
            ""
            if self.target is None
            else f"{sign} {self.target:g} {self.unit if self.plain else '×'}".replace(" ×", "×")
        )
        baseline = "" if self.baseline is None else f"{number(self.baseline)} {self.unit}"
        ratio = "" if self.plain else f"{self.ratio:.2f}×"
        met = "" if self.target is None else "yes" if self.met else "NO"
        return self.work, f"{number(self.measured)} {self.unit}", baseline, ratio, limit, met

    def as_json(self) -> dict:
        return {**dataclasses.asdict(self), "ratio": round(self.ratio, 3), "met": self.met}


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


HEAD = ("work", "measured", "baseline", "ratio", "target", "met")


def table(rows: list[Row]) -> str:
    """Return the rows as text, in columns."""
    lines = [HEAD, *[row.cells() for row in rows]]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.rjust(width) if 0 < place < 5 else cell.ljust(width) for place, (cell, width) in
                  enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip


def write(path: Path, rows: list[Row], facts: dict) -> None:
    """Write the rows as JSON; the machine is told by its number of cores only."""
    path.write_text(
        json.dumps(
            {
                "measured_at": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
                "machine": f"{os.cpu_count()} cores",
                **facts,
                "rows": [row.as_json() for row in rows],
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )
