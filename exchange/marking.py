"""The workbook that comes back with its faulty cells marked and commented.

An .xlsx of moderate size comes back as it was sent, with colours and comments; of anything else the faulty rows come
back in a new workbook in the same layout, with a column that says what is wrong. Formulas come back as their last
values: a workbook that was saved without Excel has none, and could not be imported again. Macros never come back.
"""

import io
from collections import defaultdict
from collections.abc import Iterator

from django.utils.translation import override

from exchange import faults as fault_rows
from exchange import painting, rawrows, store
from exchange.header import Aliases, detect
from exchange.messages import fault_text
from exchange.models import ImportBatch, ImportFault
from poverty import crypto, declarations, xlsx

WHOLE_WORKBOOK_ROWS = 20_000
ROWS_BACK = 100_000
FIRST = "说明"
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
            painted = _whole(batch, data)
            if painted:
                return painted
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


def _whole(batch: ImportBatch, data: bytes) -> bytes | None:
    """Mark the uploaded workbook itself, in a process of its own; None when that did not work."""
    marks = [
        (
            fault.sheet,
            fault.row,
            fault.field,
            fault.column,
            fault.action,
            f"【{MEANING[fault.action][0]}】{text}",
            _uncomputed(fault),
        )
        for fault, text in faults_of(batch)
    ]
    return painting.painted(
        data,
        {
            "declared": declarations.sheets[batch.kind],
            "sheets": [(found["name"], found["header_rows"]) for found in batch.meta.get("sheets", ())],
            "marks": marks,
            "colours": {action: colour for action, (_name, colour, _do) in MEANING.items()},
            "lines": _summary(batch, whole=True),
            "name": FIRST,
        },
    )


def _uncomputed(fault: ImportFault) -> bool:
    """Return whether the cell is a formula without a value: left blank, the row would pass at the next import."""
    return fault.code == "D22" and fault.action == "stop"


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
                    cells[fields[fault.field]] = painting.NO_VALUE
            said = "\n".join(
                dict.fromkeys(f"【{MEANING[fault.action][0]}】{fault.column}：{text}" for fault, text in found)
            )
            shown = [xlsx.Cell(text, xlsx.Style.MARKED) if place in bad else text for place, text in enumerate(cells)]
            sheet.row([said, row, *shown])
