"""Exports in the layouts of the import sheets: what goes out can come back in and changes nothing.

Masked by default after the table of roles and fields. The full form needs the permission, a reason and, above the
limit, a second person; it goes to the audit trail with its row count. Rows are streamed: memory stays flat.
"""

import contextvars
import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from types import SimpleNamespace

from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import masks
from accounts.audit import record
from accounts.masks import View
from accounts.roles import Permission, Role
from exchange.cells import neutralise
from poverty import config, declarations, scope, xlsx
from poverty.declarations import Column, Kind
from regions.models import Region

BY_KIND = {
    Kind.ID_NUMBER: "id_number",
    Kind.PHONE: "phone",
    Kind.CARD: "card",
    Kind.NAME: "core",
    Kind.AMOUNT: "income",
}
NUMBERS = (Kind.AMOUNT, Kind.DECIMAL, Kind.INTEGER, Kind.YEAR)
YES, NO = "是", "否"
FLUSH_BYTES = 1 << 16
FORMATS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


class Incomplete(RuntimeError):
    """The rows written are not the rows that were promised: the file is broken off rather than silently short."""


def viewer(user):
    """Return who looks: commands in the system user's name see what a county office sees."""
    return SimpleNamespace(role=Role.COUNTY_OFFICE) if user.username == "system" else user


def row_of(column: Column) -> str:
    """Return the row of the role table that a column follows; "" for what everybody in the area may see."""
    return column.mask or BY_KIND.get(column.kind, "")


def view_of(user, column: Column, *, full: bool = False) -> View:
    """Return what `user` gets of a column in a file: whole, masked or nothing.

    A value that is shown only after a reveal and has no mask of its own stays out.
    """
    name = row_of(column)
    view = masks.view_of(viewer(user), name) if name else View.FULL
    if view is View.FULL or (full and view is View.REVEAL):
        return View.FULL
    if view is View.NOTHING or column.kind not in (Kind.ID_NUMBER, Kind.PHONE, Kind.CARD, Kind.NAME):
        return View.NOTHING
    return View.MASKED


def text_of(column: Column, value) -> str | int | Decimal:
    """Return a stored value as the sheet writes it: labels, 是/否, ISO dates, plain numbers; "" for nothing."""
    if value is None or value == "":
        return ""
    if column.kind == Kind.CODE:
        return column.codes.label(str(value))
    if column.kind == Kind.CODES:
        return "、".join(column.codes.label(code) for code in value)
    if column.kind == Kind.YES_NO:
        return {"True": YES, "true": YES, "False": NO, "false": NO}.get(str(value), str(value))
    if isinstance(value, dt.date):
        return f"{value:%Y-%m}" if column.kind == Kind.MONTH else value.isoformat()
    if isinstance(value, Decimal):
        return value.to_integral_value() if value == value.to_integral_value() else value.normalize()
    return value if isinstance(value, int) else str(value)


@dataclass
class Export:
    """One export: what of, for whom, in which form. Call it inside the user's scope."""

    kind: str
    user: object
    region: str = ""
    query: str = ""
    year: int | None = None
    full: bool = False
    reason: str = ""
    _sheet: declarations.Sheet = field(init=False, repr=False)

    def __post_init__(self):
        self._sheet = declarations.sheets[self.kind]

    @cached_property
    def source(self):
        """The room's own class that knows the rows."""
        return import_string(self._sheet.exporter)(
            self._sheet, self.user, region=self.region, query=self.query, year=self.year
        )

    @property
    def title(self) -> str:
        return self._sheet.title

    @cached_property
    def count(self) -> int:
        return self.source.count()

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.source.columns

    @cached_property
    def views(self) -> dict[str, View]:
        return {column.field: view_of(self.user, column, full=self.full) for column in self.columns}

    def headers_with(self, view: View) -> list[str]:
        """Return the headers of the columns that are masked, or left out."""
        return [column.header for column in self.columns if self.views[column.field] is view]

    @cached_property
    def area_name(self) -> str:
        code = self.region or getattr(self.user, "area_code", "")
        return Region.objects.filter(code=code).values_list("name", flat=True).first() or ""

    def needs_second_person(self) -> bool:
        return self.full and self.count > config.integer("export.approval_rows", self.region)

    def file_name(self, form: str) -> str:
        parts = [self.title, self.area_name, f"{self.source.year}年度" if self.source.year else ""]
        parts += ["完整" if self.full else "脱敏", f"{timezone.localtime():%Y%m%d-%H%M}"]
        return "_".join(part for part in parts if part) + f".{form}"

    def heading(self) -> list[str]:
        """Return the lines above the header: title, watermark, unit. The reader takes them for what they are."""
        what = "完整信息，含敏感个人信息，严禁外传" if self.full else "敏感信息已脱敏"
        year = f" {self.source.year}年度" if self.source.year else ""
        who = self.user.full_name or self.user.username
        unit = getattr(self.user, "unit", "") or self.area_name
        reason = f"；用途：{' '.join(self.reason.split())[:100]}" if self.reason else ""
        made = f"{timezone.localtime():%Y-%m-%d %H:%M}"
        return [
            f"{self.title}（{self.area_name}{year}）",
            f"导出人：{unit} {who}（{self.user.username}）；导出时间：{made}；共 {self.count} 行；{what}{reason}",
            "金额单位：元",
        ]

    def rows(self) -> Iterator[list]:
        """Give the rows as written; Incomplete when they are not as many as were promised."""
        columns, views = self.columns, self.views
        hidden = frozenset(name for name, view in views.items() if view is View.NOTHING)
        masked = [(at, self._mask(column)) for at, column in enumerate(columns) if views[column.field] is View.MASKED]
        writers = [_writer(column) for column in columns]
        minors = self._minors()
        number = 0
        for values, minor in self.source.rows(hidden):
            number += 1
            row = [write(value) for write, value in zip(writers, values, strict=True)]
            row = [number if column.kind == Kind.IGNORE else cell for column, cell in zip(columns, row, strict=True)]
            for at, mask in masked:
                row[at] = mask(row[at])
            if minor:
                for at, mask in minors:
                    row[at] = mask(row[at])
            yield row
        if number != self.count:
            raise Incomplete(f"{number} rows were written, {self.count} were promised")

    @staticmethod
    def _mask(column: Column) -> Callable[[str], str]:
        mask = masks.MASKS[row_of(column)]
        return lambda text: mask(text) if text else ""

    def _minors(self) -> list[tuple[int, Callable[[str], str]]]:
        """Return what is done to a minor's name, for roles that do not see it."""
        if self.full or masks.view_of(viewer(self.user), "minor") is View.FULL:
            return []
        names = [at for at, column in enumerate(self.columns) if row_of(column) == "core" and column.kind == Kind.NAME]
        return [(at, lambda text: masks.mask_name(text) if text and "*" not in text else text) for at in names]

    def chunks(self, form: str) -> Iterator[bytes]:
        """Give the file piece by piece."""
        return self._csv() if form == "csv" else self._xlsx()

    def _csv(self) -> Iterator[bytes]:
        buffer = io.StringIO()
        out = csv.writer(buffer)
        texts = [column.kind not in NUMBERS and column.kind != Kind.IGNORE for column in self.columns]
        buffer.write("\ufeff")
        for line in self.heading():
            out.writerow([neutralise(line)])
        out.writerow([neutralise(column.header) for column in self.columns])
        for row in self.rows():
            # A number of ours is a number and computes nothing; any other text may be what somebody typed.
            out.writerow([
                neutralise(cell) if text and cell else format(cell, "f") if isinstance(cell, Decimal) else cell
                for text, cell in zip(texts, row, strict=True)
            ])  # fmt: skip
            if buffer.tell() > FLUSH_BYTES:
                yield buffer.getvalue().encode()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue().encode()

    def _xlsx(self) -> Iterator[bytes]:
        pipe = _Pipe()
        lines = self.heading()
        widths = [min(max(len(column.header) * 2.2, WIDTHS.get(column.kind, 10)), 28) for column in self.columns]
        with xlsx.Workbook(pipe, compression=1) as book:
            with book.sheet(self.title[:31], widths=widths, freeze=len(lines) + 1) as sheet:
                sheet.row([lines[0]], style=xlsx.Style.TITLE)
                for line in lines[1:]:
                    sheet.row([line], style=xlsx.Style.TEXT)
                sheet.header([column.header for column in self.columns])
                for row in self.rows():
                    sheet.row(row)
                    if pipe.size > FLUSH_BYTES:
                        yield pipe.take()
        yield pipe.take()

    def note_in_audit(self, request=None) -> None:
        """Write who takes what away; on the second connection, for what was read stays read after a rollback."""
        record(
            "export.full" if self.full else "export.masked", user=self.user, request=request,
            target=f"{self.kind}:{self.region or self.user.area_code}", reason=self.reason,
            detail={"rows": self.count, "year": self.source.year, "query": self.query[:500]}, surely=True,
        )  # fmt: skip


WIDTHS = {Kind.ID_NUMBER: 21, Kind.OPAQUE: 21, Kind.CARD: 22, Kind.PHONE: 14, Kind.DATE: 12, Kind.TEXT: 16}


def _writer(column: Column) -> Callable:
    """Return `text_of` for one column, with what is asked for every row looked up once."""
    if column.kind == Kind.CODE:
        labels = column.codes.labels
        return lambda value: labels.get(value, value) if value else ""
    if column.kind in (Kind.CODES, Kind.YES_NO, Kind.DATE, Kind.MONTH, *NUMBERS):
        return lambda value: text_of(column, value)
    return lambda value: "" if value is None else value


class _Pipe:
    """A file that is written at one end and taken away at the other; it cannot be wound back."""

    def __init__(self):
        self._parts: list[bytes] = []
        self.size = 0
        self._position = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts, self.size = [], 0
        return data


def stream(export: Export, form: str) -> Iterator[bytes]:
    """Give the file piece by piece after the request is over: in a transaction and a scope of its own."""

    def pieces():
        with acting(export.user, "export"):
            yield from export.chunks(form)

    # The scope is kept in a context of its own: between two pieces nobody else must find it set.
    context, generator = contextvars.copy_context(), pieces()
    try:
        while True:
            try:
                piece = context.run(next, generator)
            except StopIteration:
                return
            yield piece
    finally:
        context.run(generator.close)


def acting(user, reason: str):
    """Act as `user`; the system user, in whose name commands run, sees all."""
    return scope.system(reason, by=user) if user.username == "system" else scope.acting(user, reason=reason)


def may_export_full(user) -> bool:
    return user.username == "system" or user.may(Permission.EXPORT_FULL)
