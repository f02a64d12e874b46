"""What rooms declare and engines run: sheets, columns, rules and indicators.

The classes live in the kernel, so that a room declares without importing an engine. `sheets.py`, `rules.py` and
`indicators.py` of every app are found by `autodiscover_modules`, as Django finds `admin.py`; the module-level
registries below are what the engines read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How the cells of a column are read; each kind has one normaliser in `exchange.cells`."""

    REGION = "region"  # a place name; `level` says which
    OPAQUE = "opaque"  # official numbers: digits kept as text, never computed with
    NAME = "name"
    TEXT = "text"
    ID_NUMBER = "id_number"
    PHONE = "phone"
    CARD = "card"
    DATE = "date"  # gives the date and a `<field>_precision` of "d" or "m"
    YEAR = "year"
    INTEGER = "integer"
    DECIMAL = "decimal"  # areas, distances, months: up to 3 decimals
    AMOUNT = "amount"  # yuan, two decimals, half-up
    YES_NO = "yes_no"
    CODE = "code"  # one code of `codes`
    CODES = "codes"  # several codes of `codes` in one cell
    IGNORE = "ignore"  # a running number: recognised, not stored


@dataclass(frozen=True)
class CodeList:
    """A code list: codes in display order with their labels, and other spellings seen in sheets.

    `synonyms` maps a normalised spelling to a code. A label or a code is accepted as it stands.
    """

    name: str
    labels: Mapping[str, str]
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def label(self, code: str | None) -> str:
        """Return the label of `code`; an unknown code shows itself, nothing shows as an empty text."""
        return self.labels.get(code, code) if code else ""

    def spellings(self) -> dict[str, str]:
        """Return every accepted spelling, {normalised text: code}; labels win over synonyms."""
        found = dict(self.synonyms)
        found.update({code: code for code in self.labels})
        found.update({label: code for code, label in self.labels.items()})
        return found

    @property
    def choices(self) -> list[tuple[str, str]]:
        return list(self.labels.items())


@dataclass(frozen=True)
class Column:
    """A column of a sheet: how it is headed, read and stored.

    `aliases[0]` is the header that templates and exports write. `to` names the place in the register as
    "target.column"; an empty `to` means the value is used by the import only. A `household_wide` column may stand on
    the first row of a household only, or on all of them. `sealed` columns are stored encrypted.
    """

    field: str
    aliases: tuple[str, ...]
    kind: Kind
    to: str = ""
    codes: CodeList | None = None
    required: bool = False
    household_wide: bool = False
    sealed: bool = False
    level: str = ""  # of a REGION column: province, city, county, town, village, hamlet
    unit: str = ""  # of an AMOUNT column: "yuan"; a sheet's 万元 is converted when its header or note says so
    note: str = ""  # shown in the template's cell comment, Chinese
    example: str = ""  # the template's example row, Chinese
    export: bool = True
    mask: str = ""  # the row of `accounts.masks` that says who sees it; by default as its kind says

    @property
    def header(self) -> str:
        return self.aliases[0]


@dataclass(frozen=True)
class Sheet:
    """A spreadsheet layout that can be imported, exported, and given as a blank template."""

    kind: str  # the word of `manage.py import_sheet KIND`
    title: str
    columns: tuple[Column, ...]
    rank: int = 1  # of two sheets with one as-of date, the higher rank wins
    max_sheets: int = 50
    needs_year: bool = True  # the upload asks for the year; a `year` column, where present, wins
    household_key: str = "household_no"
    person_key: str = ""  # "person_no" where a row is a person
    handler: str = ""  # dotted path of the class that stages, compares and merges; see `exchange.batches`
    exporter: str = ""  # dotted path of the class that gives the rows of an export; see `exchange.exporting`

    def column(self, field_name: str) -> Column:
        return next(column for column in self.columns if column.field == field_name)


class Severity(StrEnum):
    ERROR = "E"
    WARNING = "W"
    INFO = "I"


@dataclass(frozen=True)
class Rule:
    """A data rule: an id as in the rule catalogue, and a function giving the offending rows.

    `find(model_queryset, on)` takes a queryset of the subject's model that is already limited to the subjects under
    check, and the check date; it returns the offending ones annotated with text columns `seen` and `expected`, which
    must not hold any sealed value. `field` names the sheet field a finding is shown at.
    """

    id: str
    severity: Severity
    subject: str  # "member" or "household"
    title: str
    find: Callable
    suggestion: str = ""
    field: str = ""
    thresholds: tuple[str, ...] = ()
    on_import: bool = False  # run over the touched households at every import


@dataclass(frozen=True)
class Indicator:
    """A figure: sums over villages, and the list that opens behind it."""

    key: str
    title: str
    unit: str
    numerator: str
    denominator: str = ""
    list_query: str = ""


class Registry(dict):
    """Declarations by key; declaring one key twice is a programming error."""

    def add(self, key: str, declared):
        if key in self:
            raise ValueError(f"{key} is declared twice")
        self[key] = declared
        return declared


sheets: Registry = Registry()
rules: Registry = Registry()
indicators: Registry = Registry()
