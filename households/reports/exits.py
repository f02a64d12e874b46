"""Exit results: the population balance, the exit test item by item, why households fail it, and how the poor have fared."""

from django.db import connection

from accounts.masks import mask_name
from dashboard import figures, figuring
from households import exit8
from households.models import Household, Member
from households.reports import balance, causes, income
from households.reports.book import Book, finish, people, share, yuan
from poverty.declarations import indicators
from regions.models import Region
from validation.report.paper import Chart, Heading, Table, Text

MAIN = ("K03P", "K01", "K04", "K06", "K23", "K26", "K27", "K38", "K39")
ITEMS = {"x5": "有安全饮水"}  # the other eight are called so everywhere
MOST = 5000  # households in the annex


def make(region, month, *, title, named, user, tell):
    book = Book(region, month)
    paper = book.start()
    now = {key: value.value for key, value in book.many(MAIN).items()}
    paper.add(
        Heading("一、总体情况"),
        Text(
            f"截至数据时点，{book.path}在册{people(now.get('K03P'))}人，贫困发生率{share(now.get('K01'))}，已脱贫人口占"
            f"{share(now.get('K04'))}，返贫率{share(now.get('K06'))}，人均纯收入{yuan(now.get('K27'))}；退出标准各项全部达标的户占"
            f"{share(now.get('K23'))}。"
        ),
        book.compared("主要指标", MAIN),
        Heading("二、人口变动平衡表"),
    )
    monthly = balance.of(book, month)
    tell(20)
    year = month.replace(month=1)
    yearly = balance.of(book, year) if year != month else None
    paper.front += [("人口变动平衡（本月）", _verdict(monthly))]
    paper.add(*_balance(f"人口变动（{month.month}月）", f"{month.year}年{month.month}月", monthly))
    if yearly:
        paper.add(*_balance(f"人口变动（1—{month.month}月）", f"{month.year}年1—{month.month}月", yearly))
    tell(40)
    lines = income.lines(book)
    paper.add(
        Text("期初、期末为在册且未注销的常住成员。变动按登记入库的时间归期，9月发生、10月登记的，计入10月；"
             "同一人一期内有多次变动的，只计期初与期末之差。台账不区分错评清退与自然销户，两者合计为一行。"),
        Heading("三、标准线"),
        Table("标准线", ["标准", "元/人·年"], lines, 1) if lines else Text(f"{month.year}年在本地区没有生效的标准线。"),
        Heading("四、户退出标准（八有一超）"),
        _items(book),
        Text("未登记的不算达标。“全部达标”指九项均有登记且达标。"),
        book.split("达标项数", "K24", "达标项数", "户"),
        Heading("五、未达标原因"),
        _failures(book),
        *_list(book, named),
        Heading("六、村退出标准"),
        _villages(book),
        Heading("七、各地成效"),
        book.by_place(
            "各地成效",
            [("K03P", "在册人"), ("K04#", "已脱贫人"), ("K04", "已脱贫占比（%）"), ("K06", "返贫率（%）"),
             ("K23", "全部达标户（%）"), ("K26", "达标村（%）"), ("K27", "人均纯收入（元）")],
            ("K04", "各地已脱贫占比", "%"),
        ),
        book.split("历年脱贫人口", "K05", "脱贫年度", "人", kind="column"),
        Heading("八、致贫原因与收入构成"),
        book.split("主要致贫原因", "K09", "致贫原因", "户"),
        book.split("收入构成", "K29", "来源", "元"),
        Heading("九、风险与监测"),
        book.compared("风险与监测", ("K33", "K38", "K39", "K20D", "K18", "K36J")),
        book.split("监测对象", "K38", "监测类别", "户"),
    )  # fmt: skip
    return finish(paper, title, tell)


def _verdict(found: balance.Balance) -> str:
    return "平衡" if found.closed else f"有{sum(map(abs, found.unexplained.values())):,}人次无法说明"


def _balance(name: str, period: str, found: balance.Balance):
    opening, closing = sum(found.opening.values()), sum(found.closing.values())
    said = f"{period}：期初{opening:,}人，期末{closing:,}人。"
    if found.closed:
        said += "期初加减各项变动等于期末，表内平衡，无法说明为0。"
    else:
        said += (
            f"各项变动不能完全说明期末，无法说明的列于表中（{_verdict(found)}），须核对后补登变动，不得以其他项目冲抵。"
        )
    yield Text(said)
    # Both ends are years of the table of another period as well: each has a sheet of its own.
    yield Table(name, ["项目", *balance.GROUPS.values(), "合计"], found.rows(), 4)
    sources = ["期初取自上期留存指标" if found.opening_kept else "上期未留存指标，期初由变更历史还原"]
    sources.append("期末取自本月留存指标" if found.closing_kept else "本月未留存指标，期末由变更历史还原")
    if found.added or found.gone:
        sources.append(
            f"原有户新增成员而无变动登记的{found.added:,}人，离开而无记录可查的{found.gone:,}人，均计入无法说明"
        )
    if found.early and found.opening_kept:
        sources.append("期初早于台账建立，系统没有当时的变更记录，按台账现有的认定、离开日期和脱贫年度还原")
    elif found.early:
        sources.append("台账在期初尚未建立，此前的变动系统没有记录，首次入库的计入“补录建档”或“新识别”")
    yield Text("；".join(sources) + "。")


def _items(book) -> Table:
    rows = book.parts("K23")
    whole = book.many(["K03"])
    total = whole["K03"].value if "K03" in whole else None
    table = [(ITEMS.get(part, label), number, number / total * 100 if total else None) for part, label, number in rows]
    pairs = [(label, rate) for label, _number, rate in table if rate is not None]
    chart = Chart("bar", "各项达标率", "%", pairs, 9) if pairs else None
    return Table("户退出标准", ["项目", "达标户", "占在册户（%）"], table, 2, chart=chart)


def _failures(book) -> Table:
    table = causes.reasons(book)
    table.chart = Chart("bar", "未达标原因", "户", [(label, number) for label, number in table.rows][:12], 9)
    return table if table.rows else Table(table.name, table.heads, [], 1)


def _villages(book) -> Table:
    rows = [(label, number) for _part, label, number in book.parts("K26")]
    return Table("村退出标准", ["项目", "达标村"], rows, 1)


def _list(book, named: bool):
    """The households that fail an item and why, for the office that may see them; of the month that follows the register."""
    if not named or not book.newest:
        yield Text("未达标农户名单不在本报告中：名单只列入有权查看的机关就当前月份生成的报告。")
        return
    called = {
        part: figures.label("K25", part).partition(": ")[2] or str(title)
        for part, title, _name in indicators["K25"].parts.items
    }
    # One pass over the households, whatever the number of reasons.
    failing = figuring.select_sql("figure_house", figures.frame(book.code), f"household_id, {exit8.reasons()}")
    with connection.cursor() as cursor:
        cursor.execute(f"{failing} WHERE items_failed > 0")
        reasons = {key: [reason.partition(":")[0] for reason in found] for key, found in cursor.fetchall()}
    found = {key: [called[reason] for reason in some if reason in called] for key, some in reasons.items()}
    chosen = Household.objects.in_scope().filter(pk__in=found).order_by("village_id", "household_no")
    rows = list(chosen.values_list("pk", "village_id", "household_no")[:MOST])
    heads = Member.objects.in_scope().active().filter(household_id__in=[key for key, *_rest in rows], relation="01")
    names = dict(heads.values_list("household_id", "name"))
    places = {code for _key, village, _number in rows for code in (village, village[:9])}
    regions = dict(Region.objects.filter(pk__in=places).values_list("pk", "name"))
    table = [
        (regions.get(village[:9], ""), regions.get(village, village), number, mask_name(names.get(key, "")) or "—",
         "；".join(found[key]), len(found[key]))
        for key, village, number in rows
    ]  # fmt: skip
    more = f"，附表列前{MOST:,}户" if len(found) > MOST else ""
    yield Text(f"未达标农户共{len(found):,}户，名单见附表“未达标农户”{more}；户主姓名已脱敏。")
    yield Table("未达标农户", ["乡镇", "村", "户编号", "户主", "未达标原因", "原因数"], table, 1, top=None)
