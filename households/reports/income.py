"""Income: how high, how spread, from what, and who stands just above the line."""

from decimal import Decimal

from dashboard import figures
from households.reports.book import Book, finish, people, share, yuan
from poverty import config
from validation.report.paper import Chart, Heading, Table, Text

KEYS = ("K27", "K31", "K33", "K34", "K36", "K36J")


def lines(book) -> list[tuple[str, Decimal]]:
    """Return the poverty lines in force for the income year."""
    found = []
    for kind, name in (("national_current", "国家扶贫标准（现价）"), ("exit_growth", "退出标准线"), ("province", "省定标准"), ("monitoring", "防返贫监测范围")):  # fmt: skip
        try:
            found.append((name, config.poverty_line(book.month.year, book.code, kind)))
        except config.NotSet:
            continue
    return found


def make(region, month, *, title, named, user, tell):
    book = Book(region, month)
    paper = book.start()
    now = book.many(KEYS)
    mean, growth = (now[key].value if key in now else None for key in ("K27", "K31"))
    counted = now["K27"].denominator if "K27" in now else None
    median = figures.median(book.office, "K28", book.code, month) if book.kept else None
    paper.front += [("人均纯收入（元）", mean), ("人均纯收入中位数（元，按组内插值）", median)]
    paper.add(
        Heading("一、收入水平"),
        Text(
            f"{book.path}有收入记录的{people(counted)}人，人均纯收入{yuan(mean)}，按户的中位数{yuan(median)}（由分组内插），"
            f"比上年增长{share(growth)}（只计两年均有记录的户）。"
        ),
        book.compared("收入指标", KEYS),
        Table(
            "标准线", ["标准", "元/人·年"], lines(book), 1,
        ) if lines(book) else Text(f"{month.year}年在本地区没有生效的标准线。"),
        book.line("人均纯收入逐月", "K27", "元"),
    )  # fmt: skip
    tell(25)
    near = now["K33"].value if "K33" in now else None
    paper.add(
        Heading("二、收入分布"),
        book.split("人均纯收入分布", "K28", "人均纯收入（元）", "户", kind="column"),
        Text(f"人均纯收入在标准线以上5%以内的有{people(near)}户，收入稍减即低于标准线，应作为重点关注对象。"),
        Heading("三、收入构成"),
        book.split("收入构成", "K29", "来源", "元"),
        Heading("四、各地收入"),
        book.by_place(
            "各地收入",
            [("K27", "人均纯收入（元）"), ("K31", "比上年增长（%）"), ("K33", "临界户"), ("K34", "记账率（%）"), ("K36J", "有劳力未就业（人）")],
            ("K27", "各地人均纯收入", "元"),
        ),
    )  # fmt: skip
    tell(45)
    paper.add(Heading("五、逐月收支台账"), *_ledger(book))
    paper.add(Heading("六、务工"), book.split("务工地点", "K35", "务工地点", "人"))
    return finish(paper, title, tell)


def _ledger(book):
    income = {part: number for part, _label, number in book.parts("K30")}
    cost = {part: number for part, _label, number in book.parts("K30C")}
    filled = {part: number for part, _label, number in book.parts("K34")}
    months = sorted({*income, *cost, *filled} - {figures.NONE})
    zero = Decimal(0)
    rows = [(m, filled.get(m, zero), income.get(m, zero), cost.get(m, zero), income.get(m, zero) - cost.get(m, zero)) for m in months]  # fmt: skip
    chart = Chart("line", "台账收入逐月", "元", [(row[0], row[2]) for row in rows]) if len(rows) > 1 else None
    yield Table("逐月收支", ["月份", "有记录的户", "收入（元）", "生产支出（元）", "结余（元）"], rows, 4, chart=chart)
