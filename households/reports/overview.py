"""The overview of a region: how many, who, how they live and what has changed since the month before."""

from households.reports.book import Book, finish, people, share, yuan
from validation.report.paper import Heading, Table, Text

MAIN = ("K03", "K03P", "K01", "K04", "K06", "K27", "K23", "K38")
PEOPLE = ("K13", "K15", "K16", "K17", "K19", "K19C")
LIVING = ("K20", "K20D", "K21", "K22", "K26")
WORK = ("K27", "K31", "K33", "K35", "K36", "K36J", "K34")
AGES = ("0–14岁", "15–59岁", "60岁及以上")


def ages(parts) -> list[tuple[str, int, int]]:
    """Return [(ages, men, women)] of the parts of the pyramid, children, of working age, old: the pyramid has bands of five years."""
    found = {age: [0, 0] for age in AGES}
    for part, _label, number in parts:
        sex, _dot, band = part.partition(".")
        if sex not in ("1", "2") or not band.isdigit():
            continue
        years = int(band) * 5
        age = AGES[0] if years < 15 else AGES[1] if years < 60 else AGES[2]
        found[age][int(sex) - 1] += int(number)
    return [(age, *numbers) for age, numbers in found.items()]


def make(region, month, *, title, named, user, tell):
    book = Book(region, month)
    paper = book.start()
    main = {key: value.value for key, value in book.many(MAIN).items()}
    paper.front += [("在册户数", main.get("K03")), ("在册人数", main.get("K03P"))]
    paper.add(
        Heading("一、基本情况"),
        Text(
            f"{book.path}在册{people(main.get('K03'))}户、{people(main.get('K03P'))}人，贫困发生率{share(main.get('K01'))}，"
            f"已脱贫人口占在册人口的{share(main.get('K04'))}，返贫率{share(main.get('K06'))}；人均纯收入"
            f"{yuan(main.get('K27'))}，退出标准各项全部达标的户占{share(main.get('K23'))}，"
            f"正在监测{people(main.get('K38'))}户。"
        ),
        book.compared("主要指标", MAIN),
    )
    tell(20)
    paper.add(
        Heading("二、按脱贫属性"),
        book.split("按脱贫属性（人）", "K03P", "脱贫属性", "人"),
        book.split("按脱贫属性（户）", "K03", "脱贫属性", "户", top=None),
        book.split("历年脱贫人口", "K05", "脱贫年度", "人", kind="column"),
        book.line("贫困发生率逐月", "K01", "%"),
        book.line("已脱贫占比逐月", "K04", "%"),
        Heading("三、各地情况"),
        book.by_place(
            "各地情况",
            [("K03", "在册户"), ("K03P", "在册人"), ("K01#", "贫困人口"), ("K01", "贫困发生率（%）"), ("K04", "已脱贫占比（%）"),
             ("K27", "人均纯收入（元）"), ("K23", "全部达标户（%）")],
            ("K01", "各地贫困发生率", "%"),
        ),
        Text("贫困人口只计农村户籍人口已登记的村，与贫困发生率的分子一致。"),
    )  # fmt: skip
    tell(40)
    paper.add(
        Heading("四、人口与健康"),
        book.split("户属性", "K11", "户属性", "户"),
        _ages(book),
        book.compared("人口指标", PEOPLE),
        book.split("健康状况", "K13", "健康状况", "人", top=None),
        book.split("文化程度", "K15", "文化程度", "人"),
        Heading("五、保障与居住"),
        book.compared("保障与居住", LIVING),
        Heading("六、收入与就业"),
        book.compared("收入与就业", WORK),
        book.split("务工地点", "K35", "务工地点", "人"),
        Heading("七、数据质量"),
        book.compared("数据质量", ("K59", "K60")),
        Text("各项比例只计已登记的记录：未登记的不计入分子，也不计入分母（口径见各指标说明）。"),
    )
    return finish(paper, title, tell)


def _ages(book):
    rows = [(age, men, women, men + women) for age, men, women in ages(book.parts("K12"))]
    return Table(
        "年龄与性别",
        ["年龄", "男", "女", "合计"],
        rows if any(row[3] for row in rows) else [],
        3,
    )
