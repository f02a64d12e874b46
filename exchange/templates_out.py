"""Blank templates: the import layout with drop-down lists, notes, text columns, and an example row that is skipped."""

import io

import xlsxwriter

from poverty import declarations
from poverty.declarations import Column, Kind, Sheet

LISTS = "选项"
GUIDE = "填写说明"
ROWS = 5_000  # rows that carry drop-down lists
NUMBERS = (Kind.AMOUNT, Kind.DECIMAL, Kind.INTEGER, Kind.YEAR)
WIDTHS = {Kind.ID_NUMBER: 22, Kind.OPAQUE: 22, Kind.CARD: 23, Kind.PHONE: 15, Kind.DATE: 13, Kind.TEXT: 18}
EXAMPLE = "示例"  # in place of the running number; the reader skips the row (`exchange.rows`)


def blank_workbook(kind: str) -> bytes:
    """Return the blank template of a sheet as xlsx."""
    sheet = declarations.sheets[kind]
    columns = [column for column in sheet.columns if column.export]
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        formats = _formats(book)
        table = book.add_worksheet(sheet.title[:31])
        _guide(book.add_worksheet(GUIDE), sheet, columns, formats)
        lists = _lists(book.add_worksheet(LISTS), columns)
        _table(table, sheet, columns, lists, formats)
        table.activate()
    return buffer.getvalue()


def _formats(book) -> dict:
    base = {"font_name": "宋体", "font_size": 11, "valign": "vcenter"}
    head = base | {"bold": True, "align": "center", "text_wrap": True, "border": 1, "num_format": "@"}
    return {
        "title": book.add_format(base | {"bold": True, "font_size": 16}),
        "hint": book.add_format(base | {"font_color": "#555555"}),
        "required": book.add_format(head | {"bg_color": "#FBE3C8"}),
        "header": book.add_format(head | {"bg_color": "#E8EEF7"}),
        "example": book.add_format(base | {"italic": True, "font_color": "#7F7F7F", "num_format": "@"}),
        "text": book.add_format(base | {"num_format": "@"}),
        "plain": book.add_format(base),
        "wrapped": book.add_format(base | {"text_wrap": True, "num_format": "@"}),
    }


def _options(column: Column) -> list[str]:
    """Return what may be chosen in a column; a column of several labels is typed, not chosen."""
    if column.kind == Kind.YES_NO:
        return ["是", "否"]
    return list(column.codes.labels.values()) if column.kind == Kind.CODE and column.codes else []


def _lists(sheet, columns) -> dict[str, str]:
    """Write the lists on a hidden sheet; return {field: reference}. Excel takes 255 characters of a list in place."""
    found: dict[str, str] = {}
    known: dict[tuple, str] = {}
    for column in columns:
        options = tuple(_options(column))
        if not options:
            continue
        if options not in known:
            place = len(known)
            for row, option in enumerate(options):
                sheet.write_string(row, place, option)
            letters = xlsxwriter.utility.xl_col_to_name(place, col_abs=True)
            known[options] = f"={LISTS}!{letters}$1:{letters}${len(options)}"
        found[column.field] = known[options]
    sheet.hide()
    return found


def _table(table, sheet: Sheet, columns, lists: dict[str, str], formats: dict) -> None:
    table.write_string(0, 0, sheet.title, formats["title"])
    table.write_string(
        1, 0,
        "橙色列为必填列；鼠标移到表头可看填写说明；“示例”一行导入时自动跳过，可以保留或删除；号码列已设为文本格式，请勿改动。",
        formats["hint"],
    )  # fmt: skip
    header = 2
    table.set_row(header, 34)
    for place, column in enumerate(columns):
        number = column.kind in NUMBERS or column.kind == Kind.IGNORE
        width = WIDTHS.get(column.kind, 0) or max(9, min(len(column.header) * 2.2, 24))
        table.set_column(place, place, width, formats["plain" if number else "text"])
        table.write_string(header, place, column.header, formats["required" if column.required else "header"])
        note = ("【必填】" if column.required else "") + column.note
        if note:
            table.write_comment(header, place, note, {"x_scale": 1.6, "y_scale": 1 + len(note) / 120, "author": ""})
        example = EXAMPLE if column.kind == Kind.IGNORE else column.example
        table.write_string(header + 1, place, example, formats["example"])
        if column.field in lists:
            table.data_validation(
                header + 1, place, header + ROWS, place,
                {
                    "validate": "list", "source": lists[column.field], "ignore_blank": True, "error_type": "warning",
                    "error_title": "不在选项内", "error_message": "请从下拉列表中选择；确需填写别的内容时，导入时会逐项询问。",
                },
            )  # fmt: skip

    table.freeze_panes(header + 1, 0)
    table.set_landscape()
    table.set_paper(8)
    table.fit_to_pages(1, 0)
    table.repeat_rows(header)


def _guide(guide, sheet: Sheet, columns, formats: dict) -> None:
    """Write every column with its note and example: what the comments say, for printing."""
    guide.write_string(0, 0, f"{sheet.title}：填写说明", formats["title"])
    for place, (text, width) in enumerate((("栏目", 30), ("是否必填", 10), ("怎样填写", 70), ("例子", 28))):
        guide.set_column(place, place, width)
        guide.write_string(2, place, text, formats["header"])
    for row, column in enumerate(columns, 3):
        texts = (column.header, "必填" if column.required else "", column.note, column.example)
        for place, text in enumerate(texts):
            guide.write_string(row, place, text, formats["wrapped"])
    guide.set_paper(9)
    guide.fit_to_pages(1, 0)
