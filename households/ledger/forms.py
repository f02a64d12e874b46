"""The grid in which a month of one household is typed, and the small forms around it."""

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from households.ledger import codes
from households.ledger.actions import Typed
from households.ledger.models import LedgerLine
from poverty.inputs import parse_amount

# What a household's month is asked for even where nothing was ever entered.
USUAL = ("101", "102", "201", "202", "209", "302", "402", "404", "407", "501", "502", "601", "602", "603")
MOST_LINES = 120
FIRST_MONTH = dt.date(2000, 1, 1)
CELL = re.compile(r"([ahnv])-(\d{1,6})-(\d{1,4})", re.ASCII)


def month_of(text: str) -> dt.date | None:
    """Return the first day of a month written as "2020-05"; None for anything else."""
    match = re.fullmatch(r"(\d{4})-(\d{2})", text or "", re.ASCII)
    if not match or not 1 <= int(match[2]) <= 12 or not FIRST_MONTH.year <= int(match[1]) <= 2100:
        return None
    return dt.date(int(match[1]), int(match[2]), 1)


@dataclass
class Cell:
    """A line of the grid: what is typed, beside last month and the same month a year ago."""

    category: str
    ordinal: int = 1
    version: int = 0
    amount: str = ""
    heads: str = ""
    note: str = ""
    before: Decimal | None = None
    year_ago: Decimal | None = None
    heads_before: int | None = None
    errors: list[str] = field(default_factory=list)
    now: Decimal | None = None  # what somebody else has saved meanwhile

    @property
    def key(self) -> str:
        return f"{self.category}-{self.ordinal}"

    @property
    def label(self) -> str:
        return codes.CATEGORY.label(self.category)

    @property
    def wage(self) -> bool:
        return self.category[0] == codes.WAGE

    @property
    def before_text(self) -> str:
        return "" if self.before is None else f"{self.before:.2f}".removesuffix(".00")


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}".removesuffix(".00")


class MonthGrid:
    """One household's month as it is typed. Blank is not entered, 0 is entered as none; two different things."""

    def __init__(self, now, before, year_ago, data=None):
        self.cells: dict[tuple[str, int], Cell] = {}
        for code in USUAL:
            self._cell(code, 1)
        for line in (*before, *year_ago, *now):
            self._cell(line.category, line.ordinal)
        for line in before:
            cell = self._cell(line.category, line.ordinal)
            cell.before, cell.heads_before = line.amount_yuan, line.heads
        for line in year_ago:
            self._cell(line.category, line.ordinal).year_ago = line.amount_yuan
        for line in now:
            cell = self._cell(line.category, line.ordinal)
            cell.version, cell.amount = line.version, _text(line.amount_yuan)
            cell.heads, cell.note = "" if line.heads is None else str(line.heads), line.note or ""
        self.typed: list[Typed] = []
        self.valid = True
        if data is not None:
            self._read(data)

    def _cell(self, category: str, ordinal: int) -> Cell:
        return self.cells.setdefault((category, ordinal), Cell(category, ordinal))

    def _read(self, data) -> None:
        """Take over what was typed; a line that is not in the grid yet comes from the choice of further lines."""
        shown = set(self.cells)
        for name in list(data)[: MOST_LINES * 5]:
            match = CELL.fullmatch(name)
            if match and match[2] in codes.LABELS and 1 <= int(match[3]) <= 99:
                cell = self._cell(match[2], int(match[3]))
                setattr(
                    cell, {"a": "amount", "h": "heads", "n": "note", "v": "version"}[match[1]], data[name].strip()[:500]
                )
        more = data.get("more", "")
        if more in codes.LABELS and data.get("more_amount", "").strip():
            ordinal = 1 + max(
                (key[1] for key, cell in self.cells.items() if key[0] == more and (key in shown and cell.amount)),
                default=0,
            )
            self._cell(more, ordinal).amount = data["more_amount"].strip()[:30]
        for key, cell in list(self.cells.items())[:MOST_LINES]:
            self._check(key, cell)

    def _check(self, key, cell: Cell) -> None:
        version = str(cell.version)
        cell.version = int(version) if version.isascii() and version.isdigit() and len(version) < 6 else 0
        amount = heads = None
        try:
            amount = parse_amount(cell.amount) if cell.amount else None
        except ValidationError as error:
            cell.errors += error.messages
        if cell.heads:
            if cell.heads.isascii() and cell.heads.isdigit() and int(cell.heads) <= 99:
                heads = int(cell.heads)
            else:
                cell.errors.append(_("Persons: write a whole number up to 99."))
        if heads is not None and amount is None and not cell.errors:
            cell.errors.append(_("Enter the amount, too, or 0."))
        if cell.errors:
            self.valid = False
            return
        self.typed.append(Typed(key[0], key[1], amount, heads, cell.note, cell.version))

    def overtaken(self, keys, live: dict[tuple[str, int], LedgerLine]) -> None:
        """Show what somebody else has saved beside what was typed; saving again takes the typed value."""
        self.valid = False
        for key in keys:
            cell, line = self._cell(*key), live.get(key)
            cell.now = line.amount_yuan if line else None
            cell.version = line.version if line else 0
            cell.errors.append(
                _("Somebody else has saved %(amount)s here meanwhile. Save again to put your value in its place.")
                % {"amount": _text(cell.now) or _("nothing")}
            )

    def sections(self) -> list[tuple[str, str, list[Cell]]]:
        """Return [(class, its name, lines)] in the order of the form."""
        found = []
        for kind, name in codes.CLASSES.items():
            cells = [self.cells[key] for key in sorted(self.cells) if key[0][0] == kind]
            if cells:
                found.append((kind, name, cells))
        return found

    def further(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return the categories that may be added, by class."""
        return [
            (name, [(code, label) for code, label in codes.LABELS.items() if code[0] == kind and len(code) > 1])
            for kind, name in codes.CLASSES.items()
        ]


class CloseForm(forms.Form):
    town = forms.CharField(max_length=9)
    month = forms.CharField(max_length=7)

    def clean_month(self):
        month = month_of(self.cleaned_data["month"])
        if month is None:
            raise ValidationError(gettext_lazy("Write the month as 2020-05."))
        return month


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500, error_messages={"required": gettext_lazy("Say why the month has to be opened again.")}
    )

    def clean_reason(self):
        return " ".join(self.cleaned_data["reason"].split())
