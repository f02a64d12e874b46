"""The workbook that comes back with its faulty cells marked and commented.

An .xlsx of moderate size comes back as it was sent, with colours and comments; of anything else the faulty rows come
back in a new workbook in the same layout, with a column that says what is wrong. Formulas come back as their last
values: a workbook that was saved without Excel has none, and could not be imported again. Macros never come back.
"""

import io
from collections import defaultdict
from collections.abc import Iterator

import openpyxl
from django.utils.translation import override
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill

from exchange import faults as fault_rows
from exchange import rawrows, store, xlsx
from exchange.header import Aliases, detect
from exchange.messages import fault_text
from exchange.models import ImportBatch, ImportFault
from poverty import crypto, declarations

WHOLE_WORKBOOK_ROWS = 20_000
COMMENTS = 20_000  # repaired cells beyond this many are coloured only
ROWS_BACK = 100_000
FIRST = "说明"
NO_VALUE = "#N/A"
MEANING = {
    "stop": ("退回", "FFC7CE", "整行没有导入。请改正后重新导入。"),
    "ask": ("待答", "FFEB9C", "整行暂缓导入，等待回答。可在系统“待答问题”中回答，也可改正后重新导入。"),
    "note": ("提示", "DDEBF7", "已按原样保存，请核对。"),
    "auto": ("已修正", "E2EFDA", "系统已自动处理，不用再改。"),
}
ORDER = list(MEANING)  # the worst first: it gives a cell its colour


def marked_workbook(batch: ImportBatch) -> bytes:
    """Return the marked workbook of `batch`; call inside the batch's scope. FileNotFoundError when the file is gone."""
    data = store.content(batch.file)
    with override("zh-hans"):
        if data[:4] == b"PK\x03\x04" and batch.meta.get("rows", batch.rows) <= WHOLE_WORKBOOK_ROWS:
            return _whole(batch, data)
        return _faulty_rows(batch, data)


def file_name(batch: ImportBatch) -> str:
    """Return what the marked workbook is called."""
    return f"{batch.file_name.rpartition('.')[0] or batch.file_name}_标注.xlsx"


def faults_of(batch: ImportBatch, *, only: tuple[str, ...] = tuple(ORDER)) -> Iterator[tuple[ImportFault, str]]:
    """Give the faults with their sentences, the worst first."""
    rank = {action: place for place, action in enumerate(ORDER)}
    found = ImportFault.objects.in_scope().filter(batch=batch, action__in=only).order_by("sheet", "row", "id")
    for action in sorted(only, key=rank.__getitem__):
        for fault in found.filter(action=action).iterator():
            value = crypto.unseal(fault_rows.VALUE, fault.uid, fault.value_sealed)
            yield fault, str(fault_text(fault.code, fault.action, fault.params, value=value))


def _summary(batch: ImportBatch, *, whole: bool) -> list[tuple]:
    """Return the lines of the first sheet: [(text, …)]."""
    lines = [
        ("导入结果标注",),
        (f"文件：{batch.file_name}",),
        (f"共 {batch.rows} 行：新增 {batch.new}，变更 {batch.changed}，未变 {batch.unchanged}，退回 {batch.rejected}，待答 {batch.asked}",),
        (f"另有：跳过 {batch.skipped} 行（标题、合计、重复等），登记册中有而本表没有的 {batch.missing} 条",),
        (),
        ("颜色", "含义", "处数", "怎么办"),
    ]  # fmt: skip
    counts: dict[str, int] = defaultdict(int)
    for action in ImportFault.objects.in_scope().filter(batch=batch).order_by().values_list("action", flat=True):
        counts[action] += 1
    lines += [("", MEANING[action][0], counts[action], MEANING[action][2]) for action in ORDER]
    lines.append(())
    if whole:
        lines.append(("把鼠标移到有颜色的单元格上，可以看到具体说明。改正后把本文件重新导入即可，本页不会被导入。",))
    else:
        lines.append(("下一页只列出有问题的行和原来的行号。改正后可以直接导入这个文件，“问题说明”一栏不会被导入。",))
    return lines


def _whole(batch: ImportBatch, data: bytes) -> bytes:
    """Mark the uploaded workbook itself."""
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=True, keep_vba=False, keep_links=False)
    declared = declarations.sheets[batch.kind]
    places = {
        found["name"]: _positions(book[found["name"]], found["header_rows"], declared)
        for found in batch.meta.get("sheets", ())
        if found["name"] in book.sheetnames
    }
    fills = {action: PatternFill("solid", fgColor=colour) for action, (_name, colour, _do) in MEANING.items()}
    texts: dict = defaultdict(list)
    first: dict = {}
    uncomputed = set()
    for fault, text in faults_of(batch):
        at = places.get(fault.sheet)
        if at is None:
            continue
        place = (fault.sheet, fault.row, at.get(fault.field) or at.get(fault.column) or 1)
        first.setdefault(place, fault.action)
        if _uncomputed(fault):
            uncomputed.add(place)
        texts[place].append(f"【{MEANING[fault.action][0]}】{text}")
    for number, (place, found) in enumerate(texts.items()):
        sheet, row, column = place
        cell = book[sheet].cell(row, column)
        if isinstance(cell, openpyxl.cell.cell.MergedCell):
            cell = _corner(book[sheet], cell)
        if place in uncomputed:
            cell.value = NO_VALUE
            cell.data_type = "s"
        cell.fill = fills[first[place]]
        if number < COMMENTS:
            cell.comment = _comment("\n".join(dict.fromkeys(found)), cell.comment)
    _first_sheet(book.create_sheet(_free_name(book), 0), _summary(batch, whole=True), fills)
    book.active = 0
    for sheet in book.worksheets[1:]:
        sheet.sheet_view.tabSelected = False
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _uncomputed(fault: ImportFault) -> bool:
    """Return whether the cell is a formula without a value: left blank, the row would pass at the next import."""
    return fault.code == "D22" and fault.action == "stop"


def _positions(sheet, header_rows: list[int], declared) -> dict[str, int]:
    """Return {field: column number}, and the same by the header as written."""
    last = header_rows[1]
    rows = [
        (number, [None if cell is None else str(cell) for cell in cells])
        for number, cells in enumerate(
            sheet.iter_rows(min_row=header_rows[0], max_row=last, values_only=True), header_rows[0]
        )
    ]
    spans = [
        ((span.min_row, span.min_col - 1), (span.max_row, span.max_col - 1))
        for span in sheet.merged_cells.ranges
        if span.min_row <= last
    ]
    header = detect(rows, Aliases(declared), spans)
    if header is None:
        return {}
    found = {heading.text: place + 1 for place, heading in header.headings.items()}
    return found | {heading.column.field: place + 1 for place, heading in header.headings.items()}


def _corner(sheet, cell):
    """Return the cell that shows a merged block."""
    for span in sheet.merged_cells.ranges:
        if cell.coordinate in span:
            return sheet.cell(span.min_row, span.min_col)
    return cell


def _comment(text: str, before) -> Comment:
    if before is not None and before.text:
        text = f"{text}\n{before.text}"
    comment = Comment(text[:1500], "导入检查")
    comment.width, comment.height = 320, min(60 + 18 * (len(text) // 20 + text.count("\n")), 300)
    return comment


def _free_name(book) -> str:
    name, number = FIRST, 1
    while name in book.sheetnames:
        number += 1
        name = f"{FIRST}{number}"
    return name


def _first_sheet(sheet, lines: list[tuple], fills: dict) -> None:
    for number, line in enumerate(lines, 1):
        for place, value in enumerate(line, 1):
            cell = sheet.cell(number, place)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a file name that begins with "=" is a text
            cell.alignment = Alignment(wrap_text=place == 4, vertical="center")
    sheet["A1"].font = Font(bold=True, size=16)
    legend = next(number for number, line in enumerate(lines, 1) if line[:1] == ("颜色",))
    for place in range(1, 5):
        sheet.cell(legend, place).font = Font(bold=True)
    for offset, action in enumerate(ORDER, 1):
        sheet.cell(legend + offset, 1).fill = fills[action]
    for letter, width in zip("ABCD", (12, 12, 10, 90), strict=True):
        sheet.column_dimensions[letter].width = width


def _faulty_rows(batch: ImportBatch, data: bytes) -> bytes:
    """Write the rows with faults that need somebody into a new workbook."""
    declared = declarations.sheets[batch.kind]
    told: dict[str, dict[int, list]] = defaultdict(dict)
    for fault, text in faults_of(batch, only=("stop", "ask", "note")):
        if sum(map(len, told.values())) < ROWS_BACK or fault.row in told[fault.sheet]:
            told[fault.sheet].setdefault(fault.row, []).append((fault, text))
    heads = {found["name"]: found["header_rows"] for found in batch.meta.get("sheets", ())}
    wanted = {
        name: sorted({*rows, *range(heads[name][0], heads[name][1] + 1)})
        for name, rows in told.items()
        if name in heads
    }
    raw = rawrows.raw_rows(data, batch.file_name, declared.max_sheets, wanted)
    out = io.BytesIO()
    with xlsx.Workbook(out) as book:
        with book.sheet(FIRST, widths=(12, 12, 10, 90)) as sheet:
            for line in _summary(batch, whole=False):
                sheet.row([str(value) for value in line] or [""])
        used = {FIRST}
        for number, (name, rows) in enumerate(told.items(), 1):
            if name in heads:
                title = name[:31] if name[:31] not in used and _allowed(name) else f"{declared.title[:25]}{number}"
                used.add(title)
                _rows_sheet(book, title, heads[name], rows, raw.get(name, {}), declared)
    return out.getvalue()


def _allowed(name: str) -> bool:
    return not set(name) & set("[]:*?/\\") and len(name) <= 31


def _rows_sheet(book, title: str, header_rows, rows: dict[int, list], raw: dict[int, list], declared) -> None:
    top = [(number, list(raw.get(number, []))) for number in range(header_rows[0], header_rows[1] + 1)]
    width = max([len(cells) for cells in raw.values()] or [0])
    top = [(number, cells + [None] * (width - len(cells))) for number, cells in top]
    header = detect(top, Aliases(declared))
    fields = header.fields if header else {}
    with book.sheet(title, widths=[48, 8], freeze=len(top)) as sheet:
        for number, cells in top:
            last = number == header_rows[1]
            sheet.row(["问题说明" if last else "", "原行号" if last else "", *cells], style=xlsx.Style.HEADER)
        for row, found in sorted(rows.items()):
            if header_rows[0] <= row <= header_rows[1]:
                continue
            bad = {fields[fault.field] for fault, _text in found if fault.field in fields}
            cells = raw.get(row, []) + [None] * (width - len(raw.get(row, [])))
            for fault, _text in found:
                if _uncomputed(fault) and fault.field in fields:
                    cells[fields[fault.field]] = NO_VALUE
            said = "\n".join(
                dict.fromkeys(f"【{MEANING[fault.action][0]}】{fault.column}：{text}" for fault, text in found)
            )
            shown = [xlsx.Cell(text, xlsx.Style.MARKED) if place in bad else text for place, text in enumerate(cells)]
            sheet.row([said, row, *shown])
