"""Causes of poverty: which, where, of what households, and how many have what answers them."""

from decimal import Decimal

from households import codes
from households.reports.book import Book, finish
from poverty.declarations import indicators
from validation.report.paper import Heading, Table, Text


def make(region, month, *, title, named, user, tell):
    book = Book(region, month)
    paper = book.start()
    causes = book.parts("K09")
    before = {part: number for part, _label, number in book.parts("K09", book.last)}
    whole = sum((number for _part, _label, number in causes), Decimal(0))
    paper.front += [("在册户数", whole)]
    stated = [(label, number) for part, label, number in causes if part in codes.CAUSE.labels]
    first = "、".join(f"{label}（{int(number):,}户，占{number / whole:.1%}）" for label, number in stated[:3])
    unknown = whole - sum((number for _label, number in stated), Decimal(0))
    said = f"{book.path}在册{int(whole):,}户，" + (
        f"主要致贫原因居前的是{first}；" if first else "没有登记主要致贫原因；"
    )
    paper.add(
        Heading("一、主要致贫原因"),
        Text(said + f"未载明主要原因的{int(unknown):,}户。每户只计一个主要原因。"),
        book.split("主要致贫原因", "K09", "致贫原因", "户"),
    )
    if before:
        rows = [
            (label, number, before.get(part, Decimal(0)), number - before.get(part, Decimal(0)))
            for part, label, number in causes
        ]
        paper.add(Table("与上月比较", ["致贫原因", "本月（户）", "上月（户）", "增减"], rows, 3))
    tell(25)
    paper.add(Heading("二、各地致贫原因"), _grid(book, causes), *_leading(book))
    tell(45)
    paper.add(
        Heading("三、相关情况"),
        Text("以下从台账各项登记看致贫原因的来由；与上表口径不同，不能相互加减。"),
        book.split("健康状况", "K13", "健康状况", "人"),
        book.split("残疾类别与等级", "K14", "类别与等级", "人", top=15),
        book.split("劳动能力（有劳动能力者）", "K16", "劳动能力", "人"),
        book.split("未在校原因", "K18", "原因", "人"),
        book.compared("保障与劳动力", ("K13", "K16", "K17", "K19", "K19C", "K20", "K21", "K36J")),
        Heading("四、退出标准未达标原因"),
        reasons(book),
    )
    return finish(paper, title, tell)


def _grid(book, causes) -> Table:
    """Causes by place; the sheet has all of them, the page the six commonest and the others together."""
    order = [(part, label) for part, label, _number in causes]
    rows = []
    for place, parts in book.child_parts("K10"):
        found = {part: number for part, _label, number in parts}
        rows.append((place, *(found.get(part, Decimal(0)) for part, _label in order), sum(found.values(), Decimal(0))))
    heads = ["地区", *(label for _part, label in order), "合计"]
    return Table("致贫原因分地区（户）", heads, rows, len(order) + 1, top=0 if len(order) <= 8 else None)


def _leading(book):
    rows = []
    for place, parts in book.child_parts("K10"):
        whole = sum((number for _part, _label, number in parts), Decimal(0))
        if parts and whole:
            _part, label, number = max(parts, key=lambda row: row[2])
            rows.append((place, label, number, number / whole * 100))
    if rows:
        yield Table("各地首要原因", ["地区", "首要原因", "户", "占比（%）"], rows, 2)


def reasons(book) -> Table:
    titles = {part: label for part, label, _name in indicators["K25"].parts.items}
    rows = [(label, number) for part, label, number in book.parts("K25") if number and part in titles]
    rows.sort(key=lambda row: -row[1])
    return Table("未达标原因", ["原因", "户"], rows, 1)
