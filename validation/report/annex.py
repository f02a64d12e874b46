"""The Excel annex of a data-quality report: the tables in full, with native charts."""

from io import BytesIO

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from validation import score
from validation.report.charts import make
from validation.report.figures import SEVERITIES, Figures


def _safe(value):
    """Return a cell's value; text that begins like a formula stays text."""
    return value if value is None or isinstance(value, int | float) else str(value)


def write_sheet(book, name: str, heads: list[str], rows, widths: list[int]):
    sheet = book.create_sheet(name)
    sheet.append(heads)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE8F3")
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    last = 1
    for last, row in enumerate(rows, 2):
        sheet.append([_safe(value) for value in row])
        for column, value in enumerate(row, 1):
            # Looking at a cell costs little, at the last row of a sheet all that it has.
            if isinstance(value, str) and value[:1] in ("=", "#"):
                sheet.cell(last, column).data_type = "s"
            elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 1000:
                sheet.cell(last, column).number_format = "#,##0.##" if isinstance(value, float) else "#,##0"
    sheet.freeze_panes = "A2"
    if last > 1:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{last}"
    lay_out(sheet)
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    return sheet


def lay_out(sheet) -> None:
    """Let the sheet be printed as it is read: on A4 across, as wide as a page, its head on every one."""
    sheet.print_title_rows = "1:1"
    sheet.page_setup.paperSize, sheet.page_setup.orientation = sheet.PAPERSIZE_A4, "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddFooter.center.text = "&A  &P / &N"


def write(found: Figures, title: str) -> bytes:
    book = Workbook()
    front = book.active
    front.title = "概况"
    lines = [
        (title, None), ("地区", found.path), ("月份", f"{found.month:%Y-%m}"), ("数据时点", f"{timezone.localtime(found.as_of):%Y-%m-%d %H:%M}"),
        ("记录数", found.records), ("得分", None if found.score is None else float(found.score)),
        *((f"{label}得分", _float(found.subs.get(str(key)))) for key, label in score.FACETS.items()),
        ("未结疑点", found.open), ("本月新增", found.new), ("本月办结", found.closed), ("逾期未结", found.overdue),
        *((f"{label}级未结", found.by_severity.get(key, 0)) for key, label in SEVERITIES.items()),
    ]  # fmt: skip
    for name, value in lines:
        front.append([str(name), value])
    front["A1"].font = Font(bold=True, size=14)
    front.column_dimensions["A"].width, front.column_dimensions["B"].width = 24, 40
    places = [(row[0], _float(row[1]), *row[2:]) for row in found.places]
    heads = ["地区", "得分", "记录", "错误记录", "警告记录", "提示记录", "未结疑点", "本月新增", "本月办结", "逾期"]
    sheet = write_sheet(book, "各地得分", heads, places, [20, 10, 10, 10, 10, 10, 10, 10, 10, 10])
    named = [(row[0], row[1]) for row in places if row[1] is not None][:30]
    add_chart(book, sheet, "bar", "各地得分", "得分", named, "L2")
    rows = [(code, text, SEVERITIES.get(severity, ""), *rest) for code, text, severity, *rest in found.rules]
    sheet = write_sheet(
        book, "按规则", ["规则", "疑点", "级别", "未结", "本月新增", "本月办结"], rows, [10, 50, 8, 10, 10, 10]
    )
    add_chart(
        book, sheet, "bar", "未结疑点最多的规则", "条", [(f"{r[0]} {r[1]}"[:18], r[3]) for r in rows if r[3]][:12], "H2"
    )
    write_sheet(book, "村", ["乡镇", "村", "未结", "其中错误"], found.villages, [20, 20, 10, 10])
    write_sheet(
        book, "典型问题", ["规则", "疑点", "对象", "村", "实际值", "应为"], found.cases, [10, 40, 12, 16, 40, 30]
    )
    heads = ["规则", "线索", "未结", "本月新增", "属实", "不属实"]
    write_sheet(book, "部门比对", heads, found.departments, [10, 40, 10, 10, 10, 10])
    trend = [(f"{day:%Y-%m}", float(value)) for day, value in found.trend]
    sheet = write_sheet(book, "逐月得分", ["月份", "得分"], trend, [12, 10])
    if len(trend) > 1:
        add_chart(book, sheet, "line", "逐月得分", "得分", trend, "D2")
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _float(value):
    return None if value is None else float(value)


def add_chart(book, sheet, kind, title, unit, pairs, at) -> None:
    if not pairs:
        return
    # The chart's own numbers stand on a hidden sheet, so that sorting the table does not redraw it.
    data = book["图表数据"] if "图表数据" in book.sheetnames else book.create_sheet("图表数据")
    data.sheet_state = "hidden"
    chart, _book = make(kind, title, unit, [label for label, _value in pairs], [value for _label, value in pairs], data)
    chart.width, chart.height = 18, 9 if len(pairs) < 15 else 15
    sheet.add_chart(chart, at)
