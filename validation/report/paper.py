"""A report as a list of blocks: written once, laid out as a Word file and as an Excel annex.

Numbers are kept as numbers: the Word file rounds them for reading, the annex holds them to be worked with.
"""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO

from django.utils import timezone
from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from openpyxl import Workbook
from openpyxl.styles import Font

from validation.report import annex, word
from validation.report.charts import Charts


@dataclass
class Heading:
    text: str


@dataclass
class Text:
    text: str


@dataclass
class Chart:
    """`kind` is "bar" (lying, for names), "column" (standing, for a distribution) or "line" (over time)."""

    kind: str
    title: str
    unit: str
    pairs: list[tuple[str, float]]
    height_cm: float = 7.5


@dataclass
class Table:
    """A table whose last `numeric` columns hold numbers.

    `name` is that of its sheet in the annex. Word shows the first `top` rows (0: all, None: none, the annex has them).
    """

    name: str
    heads: list[str]
    rows: list[tuple]
    numeric: int = 0
    top: int | None = 0
    chart: Chart | None = None


@dataclass
class Paper:
    as_of: dt.datetime
    front: list[tuple[str, object]] = field(default_factory=list)
    blocks: list = field(default_factory=list)

    def add(self, *blocks) -> None:
        self.blocks.extend(block for block in blocks if block is not None)


def plain(value):
    """Return a cell's value: whole numbers as such, others to two decimals."""
    if isinstance(value, Decimal | float):
        whole = int(value)
        return whole if whole == value else round(float(value), 2)
    return value


def document(paper: Paper, title: str) -> bytes:
    """Lay the report out as a Word file."""
    made = Document()
    word.set_fonts(made)
    made.core_properties.title, made.core_properties.author = title, ""
    made.add_heading(title, 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    when = timezone.localtime(paper.as_of)
    made.add_paragraph(f"数据时点：{when:%Y-%m-%d %H:%M}").alignment = WD_ALIGN_PARAGRAPH.CENTER
    charts = Charts(made)
    for block in paper.blocks:
        if isinstance(block, Heading):
            made.add_heading(block.text, 1)
        elif isinstance(block, Text):
            made.add_paragraph(block.text)
        elif isinstance(block, Chart):
            _draw(charts, block)
        elif isinstance(block, Table):
            if block.top is not None:
                rows = [tuple(map(plain, row)) for row in (block.rows[: block.top] if block.top else block.rows)]
                word.write_table(made, block.heads, rows, block.numeric)
                if block.top and len(block.rows) > block.top:
                    made.add_paragraph(f"共{len(block.rows):,}行，以上为前{block.top}行，全表见附表“{block.name}”。")
            if block.chart:
                _draw(charts, block.chart)
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def _draw(charts: Charts, chart: Chart) -> None:
    labels, values = [label for label, _value in chart.pairs], [plain(value) for _label, value in chart.pairs]
    charts.add(chart.kind, chart.title, chart.unit, labels, values, height_cm=chart.height_cm)


def workbook(paper: Paper, title: str) -> bytes:
    """Lay the report's tables out as an Excel file with native charts."""
    book = Workbook()
    front = book.active
    front.title = "概况"
    when = timezone.localtime(paper.as_of)
    for name, value in [(title, None), *paper.front, ("数据时点", f"{when:%Y-%m-%d %H:%M}")]:
        front.append([name, plain(value)])
    front["A1"].font = Font(bold=True, size=14)
    front.column_dimensions["A"].width, front.column_dimensions["B"].width = 30, 40
    for block in paper.blocks:
        if not isinstance(block, Table):
            continue
        words = len(block.heads) - block.numeric
        widths = [min(max(2 * len(head) + 2, 10, _longest(block, n) if n < words else 0), 50) for n, head in enumerate(block.heads)]  # fmt: skip
        sheet = annex.write_sheet(book, block.name, block.heads, [tuple(map(plain, row)) for row in block.rows], widths)
        if block.chart:
            pairs = [(label, plain(value)) for label, value in block.chart.pairs]
            at = f"{chr(ord('A') + len(block.heads) + 1)}2" if len(block.heads) < 24 else "A30"
            annex.add_chart(book, sheet, block.chart.kind, block.chart.title, block.chart.unit, pairs, at)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _longest(block: Table, column: int) -> int:
    return 2 * max((len(str(row[column])) for row in block.rows[:200]), default=0) + 2
