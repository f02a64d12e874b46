"""Ledger files of the tests, long and wide, and the steps of an import."""

import datetime as dt
import io

from openpyxl import Workbook

from accounts.models import User
from exchange import batches, results
from exchange.models import ImportBatch
from households.ledger.models import LedgerLine
from poverty import scope

LONG = ("户编号", "户主姓名", "年月", "收支类别", "金额(元)", "人数", "数量", "单价", "说明", "采集人", "采集日期")


def save(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def long(*lines, headers=LONG) -> bytes:
    """Return a file with one row a line; a line is a tuple in the order of `headers`, or a dictionary."""
    book = Workbook()
    sheet = book.active
    sheet.title = "台账"
    sheet.append(["逐月收支台账"])
    sheet.append(list(headers))
    for line in lines:
        cells = [line.get(name) for name in headers] if isinstance(line, dict) else list(line)
        sheet.append(cells)
    return save(book)


def wide(*forms) -> bytes:
    """Return a file with a sheet per form: {"no", "year", "lines": {label: {month: amount or (heads, amount)}}, "total"}."""
    book = Workbook()
    book.remove(book.active)
    for number, form in enumerate(forms, 1):
        sheet = book.create_sheet(f"户{number}")
        sheet.append([f"建档立卡户逐月收支台账（{form['year']}年度）"])
        sheet.append(["户编号", form["no"], None, "户主姓名", form.get("head", "岑山水"), "年度", form["year"]])
        upper, lower = ["收支类别"], [None]
        for month in range(1, 13):
            upper += [f"{month}月", None]
            lower += ["人数", "金额(元)"]
        sheet.append([*upper, "合计"])
        sheet.append([*lower, None])
        for month in range(12):
            sheet.merge_cells(start_row=3, end_row=3, start_column=2 + 2 * month, end_column=3 + 2 * month)
        for label, months in form["lines"].items():
            row = [label]
            for month in range(1, 13):
                value = months.get(month)
                row += list(value) if isinstance(value, tuple) else [None, value]
            sheet.append([*row, form.get("total", {}).get(label)])
        sheet.append(["采集人：罗春山", None, None, "采集日期：2020-12-31"])
    return save(book)


def run(data: bytes, *, by="system", as_of=dt.date(2020, 12, 31), region="459901", mode="good", year=None, dry=False):
    """Import `data` and return (batch, its result as commands print it)."""
    user = User.objects.get(username=by) if isinstance(by, str) else by
    batch = batches.create(
        kind="ledger", name="台账.xlsx", data=data, region=region, year=year, as_of=as_of, by=user, mode=mode
    )
    if batches.stage(batch):
        batches.preview(batch) if dry else batches.merge(batch)
    with scope.system("test"):
        batch = ImportBatch.objects.get(pk=batch.pk)
        return batch, results.summary(batch, show_values=True)


def lines(**filters) -> list[tuple]:
    """Return the live lines as (household number, month, category, ordinal, amount), in order."""
    with scope.system("test"):
        found = (
            LedgerLine.objects.live()
            .filter(**filters)
            .order_by("household__household_no", "month", "category", "ordinal")
        )
        return [
            (no, f"{month:%Y-%m}", category, ordinal, float(amount))
            for no, month, category, ordinal, amount in found.values_list(
                "household__household_no", "month", "category", "ordinal", "amount_yuan"
            )
        ]
