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
    MONTH = "month"  # gives the first day of the month
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
    page: str = "exchange:batch"  # address (by name) of the page of one import
    department: str = ""  # the department that sends such lists, by default; "" for the register's own sheets
    needed: tuple[str, ...] = ()  # fields without whose columns a sheet is not of this kind
    # Dotted path of a class that reads sheets of another shape than rows under one header (see `exchange.assemble`).
    # It runs in the process that reads uploads, so its module imports neither Django nor settings.
    reshape: str = ""
    forms: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # {form: (title, dotted path of its template)}

    def column(self, field_name: str) -> Column:
        return next(column for column in self.columns if column.field == field_name)


class Severity(StrEnum):
    ERROR = "E"
    WARNING = "W"
    INFO = "I"


class Facet(StrEnum):
    """What kind of quality a rule looks at: the sub-scores of the data-quality score."""

    COMPLETENESS = "completeness"
    TIMELINESS = "timeliness"
    UNIQUENESS = "uniqueness"
    CONSISTENCY = "consistency"
    VALIDITY = "validity"


@dataclass(frozen=True)
class Threshold:
    """A number that a rule compares with: its key in the dated table is "rule.<rule>.<name>".

    `default` is what a new installation is shipped with; what holds is what the table says.
    """

    name: str
    default: float
    title: str = ""
    unit: str = ""
    whole: bool = True


@dataclass(frozen=True)
class Sql:
    """Offending rows as SQL: columns subject, household, village, reach, seen, expected, severity, basis.

    For rules that a queryset cannot say. `severity` and `basis` may be NULL: the rule's own, and a digest of what was
    seen and expected. `%` stands doubled where the text has parameters.
    """

    text: str
    params: tuple = ()


@dataclass(frozen=True)
class Pass:
    """A table made once for all rules of a run: one row per subject with everything the rules look at.

    `sql(check)` gives its SELECT and parameters, limited to the households under check; it may read the passes named
    in `needs`. `model` is the unmanaged model over it. In a full run it becomes a temporary table, in the preview of a
    single rule a common table expression: the planner then leaves out what that rule does not read.
    """

    name: str
    sql: Callable
    model: str = ""
    needs: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()  # columns that rules join it on


@dataclass(frozen=True)
class Subject:
    """What a finding is about: the model of its rows, and how a room shows and corrects one."""

    kind: str  # "member", "household" or "village"
    title: str
    model: str
    number: str = ""  # column with the official number
    presenter: str = ""  # dotted path of the class that shows a finding's record and takes corrections
    registered: str = ""  # SQL condition on its table `t`: counts as a record of the register


@dataclass(frozen=True)
class Rule:
    """A data rule: an id as in the rule catalogue, and a function giving the offending rows.

    `find(rows, check)` takes a queryset of the subject's rows that is already limited to those under check, and the
    check (day, thresholds); it returns the offending ones annotated with text columns `seen` and `expected`, which
    must not hold any sealed value. It may add `reach` (see `validation.Finding`), `row_severity` where it varies, and
    `basis`, a text that says which data a confirmed special case rests on (by default what was seen and expected).
    A rule that is better said in SQL gives `Sql`. `reads` names the passes it looks at, its subject's first; without
    any it gets the subject's own table. `field` names the sheet field a finding is shown at, `fields` those that its
    page offers for correction. `source` is the kind of department list a matching rule speaks of, `lists` are those it
    looks at beside it.
    """

    id: str
    severity: Severity
    subject: str  # "member", "household" or "village"
    title: str
    find: Callable | None
    suggestion: str = ""
    field: str = ""
    thresholds: tuple[Threshold, ...] = ()
    on_import: bool = False  # run over the touched households at every import
    reads: tuple[str, ...] = ()
    facet: Facet = Facet.CONSISTENCY
    fields: tuple[str, ...] = ()
    source: str = ""
    lists: tuple[str, ...] = ()
    fix: str = ""  # dotted path of the function that proposes a correction
    impossible: str = ""  # why nothing can ever be found: the structure of the register excludes it
    on: bool = True  # switched on in a new installation

    @property
    def group(self) -> str:
        return self.id.split("-")[0]


@dataclass(frozen=True)
class Rows:
    """What a family of sums is taken over, as SQL: one row per household, person, household and month, finding, village.

    `sql(frame)` selects at least `village` and `household_id` (NULL where there is none), limited by
    `frame.limit(household column, village column)`, as of `frame.on`; nothing but what the database says of that day
    may go in, so that the list behind a number finds the same rows later in the month. It may read the rows named in
    `needs` under their names. None: nothing is known of that month. `listed` tells whether the list of households can
    be filtered by these rows, `marked` that whatever they depend on marks its village as changed: then a kept sum without
    such a mark is the number.
    """

    name: str
    sql: Callable
    needs: tuple[str, ...] = ()
    listed: bool = True
    marked: bool = False


@dataclass(frozen=True)
class Sum:
    """A number that is added up over villages: rows that fulfil `where`, or what `value` says of them.

    With `by`, SQL for a text, it is kept for each value of that as "name.value" as well; what is not stated is "none".
    `seen` is the column that says from where a row is seen, as the length of a region's code. Of a column "reach" a reader
    adds up what is seen from the own area, the own length and longer; a column "level" has all of it at each length.
    """

    name: str
    rows: str
    where: str = "true"
    value: str = ""
    by: str = ""
    seen: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Parts:
    """What a number consists of: the values of a sum's `by`, or sums (or indicators) of their own.

    `labels` gives values in display order; others follow and show themselves. `items` are (value, label, sum's name),
    `profile` are (value, label, key of an indicator whose value is shown). `ranked`: by number instead of by value.
    `regions`: the values are codes of regions. `bins`: the values stand for ranges of numbers.
    """

    of: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    items: tuple[tuple[str, str, str], ...] = ()
    profile: tuple[tuple[str, str, str], ...] = ()
    ranked: bool = False
    regions: bool = False
    bins: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # {value: (from, to)}


@dataclass(frozen=True)
class Series:
    """Published figures that come with the programme: (year, rate, number), and where they were published."""

    source: str
    points: tuple[tuple[int, float | None, float | None], ...]


@dataclass(frozen=True)
class Indicator:
    """A figure: a sum over villages or the ratio of two, and the list that opens behind it. "a - b" is a difference.

    `unit` "%" shows the ratio times 100, any other unit the ratio or the sum itself. `chart` is the chart that suits it,
    `good` says whether more is better ("up"), worse ("down") or neither. `thresholds` are limits between colours, in
    the order of the values. `source` says what is counted, of which year and by which formula. `mask` is the row of
    `accounts.masks` that a reader needs in full to open the list. `rows(code, part)` gives the address of the list, by
    default that of the households filtered to the same rows; `listed` tells whether there is one.
    """

    key: str
    title: str
    unit: str
    numerator: str = ""
    denominator: str = ""
    chart: str = "bar"
    good: str = ""
    thresholds: tuple[float, ...] = ()
    parts: Parts | None = None
    source: str = ""
    mask: str = "core"
    rows: Callable | None = None
    listed: bool = True
    series: Series | None = None
    flow: str = ""  # "out": parts are where people of the region go; "in": where those of the region came from
    permission: str = "household.view"  # what the list behind it asks for


class Registry(dict):
    """Declarations by key; declaring one key twice is a programming error."""

    def add(self, key: str, declared):
        if key in self:
            raise ValueError(f"{key} is declared twice")
        self[key] = declared
        return declared


sheets: Registry = Registry()
rules: Registry = Registry()
subjects: Registry = Registry()
passes: Registry = Registry()
indicators: Registry = Registry()
row_sets: Registry = Registry()  # what sums are taken over, by name
sums: Registry = Registry()  # what is added up, by name
