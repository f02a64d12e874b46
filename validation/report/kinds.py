"""The kinds of reports. A room that has figures to tell of declares its own; the page, the command, the job and the
month's timetable know them all from here."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from poverty.declarations import Registry
from regions.models import Region

DATA_QUALITY = "data_quality"


@dataclass
class Made:
    """A report as written: what its figures are of, and its two files."""

    as_of: dt.datetime
    word: bytes
    annex: bytes
    found: object = None


@dataclass(frozen=True)
class Kind:
    """A kind of report.

    `stem` is what its title says after the region's name; papers are Chinese. `number` tells the kinds apart in the key of
    a job and never changes. `make(region, month, title=, named=, user=, tell=)` counts in the present scope and returns
    what was Made; `tell(percent)` says how far it is. `lists` tells whether single households stand in it: only then does
    it matter whether it may bear names.
    """

    key: str
    number: int
    label: str
    stem: str
    make: Callable[..., Made]
    lists: bool = False

    def title(self, region: Region, month: dt.date) -> str:
        return f"{region.name}{self.stem}（{month.year}年{month.month}月）"


kinds: Registry = Registry()


def declare(kind: Kind) -> Kind:
    if any(kind.number == other.number for other in kinds.values()):
        raise ValueError(f"{kind.key}: another kind of report has this number")
    return kinds.add(kind.key, kind)
