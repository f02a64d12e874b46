"""The blank form of the ledger as counties print it: one household, one year, months across."""

import io

import xlsxwriter

from households.ledger import codes

TITLE = "建档立卡户逐月收支台账"


def lines() -> list[tuple[str, int]]:
    """Return the lines of the form: (category, depth); a class stands above what belongs to it."""
    return [(code, codes.depth(code)) for code in codes.LABELS]


def wide_workbook() -> bytes:
    """Return the blank form as xlsx, on one A3 page, with the sums worked out by the sheet itself."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
        title = book.add_format(base | {"bold": True, "font_size": 16, "align": "center"})
        label = book.add_format(base | {"bold": True})
        text = book.add_format(base | {"num_format": "@", "bottom": 1})
        head = book.add_format(base | {"bold": True, "align": "center", "border": 1, "bg_color": "#E8EEF7"})
        names = [
            book.add_format(base | {"border": 1, "indent": depth, "bold": depth == 0, "num_format": "@"})
            for depth in range(3)
        ]
        amount = book.add_format(base | {"border": 1, "num_format": "0.00"})
        people = book.add_format(base | {"border": 1, "num_format": "0"})
        shut = book.add_format(base | {"border": 1, "bg_color": "#EEEEEE"})
        hint = book.add_format(base | {"font_color": "#555555"})
        sheet = book.add_worksheet("户1")
        last = 2 + 24
        sheet.merge_range(0, 0, 0, last - 1, TITLE, title)
        facts = (("户编号", 0), ("户主姓名", 4), ("户主证件号码", 8), ("年度", 14))
        for name, place in facts:
            sheet.write_string(1, place, name, label)
            sheet.write_blank(1, place + 1, None, text)
        sheet.merge_range(2, 0, 3, 0, "收支类别", head)
        for month in range(12):
            sheet.merge_range(2, 1 + 2 * month, 2, 2 + 2 * month, f"{month + 1}月", head)
            sheet.write_string(3, 1 + 2 * month, "人数", head)
            sheet.write_string(3, 2 + 2 * month, "金额(元)", head)
        sheet.merge_range(2, 25, 3, 25, "合计", head)
        row = 4
        for code, depth in lines():
            sheet.write_string(row, 0, codes.LABELS[code], names[min(depth, 2)])
            for month in range(12):
                wage = code[0] == codes.WAGE
                sheet.write_blank(row, 1 + 2 * month, None, people if wage else shut)
                sheet.write_blank(row, 2 + 2 * month, None, amount)
            amounts = ",".join(xlsxwriter.utility.xl_rowcol_to_cell(row, 2 + 2 * month) for month in range(12))
            sheet.write_formula(row, 25, f"=SUM({amounts})", amount, "")
            row += 1
        sheet.write_string(row, 0, "采集人", label)
        sheet.write_blank(row, 1, None, text)
        sheet.write_string(row, 4, "采集日期", label)
        sheet.write_blank(row, 5, None, text)
        sheet.write_string(
            row + 1, 0,
            "没有发生的填 0，没有采集的留空；填了细类就不用再填它的大类；合计只用于核对，不保存。一户一张表，复制本表可填下一户。",
            hint,
        )  # fmt: skip
        sheet.set_column(0, 0, 22)
        sheet.set_column(1, 24, 6.5)
        for month in range(12):
            sheet.set_column(1 + 2 * month, 1 + 2 * month, 4.5)
            sheet.set_column(2 + 2 * month, 2 + 2 * month, 9)
        sheet.set_column(25, 25, 11)
        sheet.freeze_panes(4, 1)
        sheet.set_landscape()
        sheet.set_paper(8)
        sheet.fit_to_pages(1, 1)
    return buffer.getvalue()
