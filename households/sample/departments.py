"""What departments' lists say of the sample county: of every member what is true, and of many others.

Most people in them do not stand in the register; nothing said of a member is a clue, but for what is planted. Among the
harmless are those that a careless comparison would take for one: people of one name and birth date, scrapped cars,
motorcycles, members of co-operatives, relocation homes, what was sold or transferred.

Outsiders have identity numbers with an area code of their own that was never assigned either.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from households.departments import sheets as layouts
from households.sample import names
from households.sample.economy import Household
from households.sample.families import AS_OF, FEMALE, MALE, SPOUSE, Person
from households.sample.people import IdNumbers
from poverty.declarations import Kind, Sheet

OUTSIDE = "459998"
LAYOUTS: dict[str, Sheet] = {
    value.kind: value
    for value in vars(layouts).values()
    if isinstance(value, Sheet) and any(column.to.startswith("data.") for column in value.columns)
}
SENDERS = {kind: sheet.department for kind, sheet in LAYOUTS.items()}
# GB/T 4761, as the police keep it
HUKOU_RELATION = {"01": "户主", "03": "子", "04": "女", "05": "儿媳", "11": "父", "12": "母"}
STAGES = {
    "02": "学前教育",
    "03": "小学",
    "04": "初中",
    "05": "初中",
    "06": "初中",
    "07": "高中",
    "08": "高中",
    "09": "高中",
}
STAGES |= {
    "10": "中职",
    "11": "中职",
    "12": "中职",
    "13": "大专及以上",
    "14": "大专及以上",
    "15": "大专及以上",
    "16": "大专及以上",
}
ITEMS = {"t_family": "计划生育金", "t_dibao": "低保金", "t_tekun": "特困供养金", "t_pension": "养老保险金"}
ITEMS |= {"t_eco": "生态补偿金", "t_other": "其他长期政策性收入"}

Said = tuple[str, dict]  # the list and one row of it, {field: value}


class Outsiders:
    """Makes people who do not stand in the register."""

    def __init__(self):
        self.ids = IdNumbers(OUTSIDE)

    def person(self, rng: random.Random, low: int = 18, high: int = 85) -> dict:
        sex = MALE if rng.random() < 0.5 else FEMALE
        born = AS_OF.replace(year=AS_OF.year - rng.randint(low, high), month=rng.randint(1, 12), day=rng.randint(1, 28))
        name = names.surname(rng) + names.given_name(rng, male=sex == MALE, born=born.year)
        return {"name": name, "cert_no": self.ids.take(born, sex), "birth_on": born.isoformat()}

    def namesake(self, one: Person) -> dict:
        """Somebody else of the same name and birth date."""
        return {"name": one.name, "cert_no": self.ids.take(one.born, one.sex), "birth_on": one.born.isoformat()}

    def twin(self, one: Person) -> dict:
        """A brother or sister born on the same day, with a name that differs in one character."""
        other = one.name[:-1] + ("明" if one.name[-1] != "明" else "亮")
        return self.namesake(one) | {"name": other}


def who(one: Person) -> dict:
    return {"name": one.name, "cert_no": one.cert_no, "birth_on": one.born.isoformat()}


def place(home: Household) -> dict:
    return dict(zip(("region_county", "region_town", "region_village"), home.village.path[2:], strict=True))


def of_household(home: Household, outsiders: Outsiders, payments: list[tuple[str, str, int]]) -> Iterator[Said]:
    """Yield what the lists say of a household's members and of others beside them.

    `payments` are (yearly item, month, fen): what the household's ledger says was paid by card.
    """
    rng = random.Random(f"lists/{home.household_no}")
    told = home.lists
    skip = told.get("skip", set())
    for kind, row in _of_members(home, rng, payments):
        if (kind, row.get("cert_no")) not in skip and kind not in skip:
            change = told.get("change", {}).get((kind, row.get("cert_no")), {})
            yield kind, row | change
    for kind, row in told.get("add", ()):
        yield kind, row
    if told.get("outsiders"):
        yield from told["outsiders"](outsiders)
    if not home.wish:
        yield from _traps(home, rng, outsiders)
    yield from _others(home, rng, outsiders)


def present(home: Household) -> list[Person]:
    """Return whom the lists know: each once, without the one whose row the import holds back."""
    found, seen = [], set(home.lists.get("elsewhere", ()))
    for number, one in enumerate(home.people):
        if one.cert_no not in seen and not (home.wish and home.wish.absent == number):
            seen.add(one.cert_no)
            found.append(one)
    return found


def _of_members(home: Household, rng, payments) -> Iterator[Said]:
    where = place(home)
    county = home.village.path[2]
    members = present(home)
    head = home.people[0]
    for one in members:
        own = who(one)
        relation = "夫" if one.relation == SPOUSE and one.sex == MALE else "妻" if one.relation == SPOUSE else None
        yield (
            "hukou",
            own
            | where
            | {
                "book_no": f"98{home.household_no[4:]}",
                "relation": relation or HUKOU_RELATION.get(one.relation),
                "state": "正常",
            },
        )
        yield (
            "medical",
            own
            | where
            | {
                "med_kind": "城镇职工" if one.employee_insured else "城乡居民",
                "year": 2020,
                "place": county,
                "elsewhere": "否",
                "state": "正常参保",
            },
        )
        if one.student_status in STAGES:
            yield "school", own | where | {"stage": STAGES[one.student_status], "status": "在读"}
        if one.age >= 60:
            yield "pension", own | where | {
                "pension_kind": "城乡居民", "state": "正常领取", "amount_yuan": rng.randint(116, 150),
            }  # fmt: skip
        for allowed, word in ((one.dibao, "农村低保"), (one.tekun, "特困供养")):
            if allowed:
                yield "dibao", own | where | {
                    "other_name": head.name, "other_cert_no": head.cert_no, "allow_kind": word,
                    "amount_yuan": rng.randint(185, 330) if one.dibao else 750, "since_on": "2018-01-01",
                }  # fmt: skip
        if one.dis_type:
            certificate = one.cert_no + one.dis_type + one.dis_level
            row = own | where | {"cert_no": certificate, "status": "有效", "issued_on": "2016-05-10"}
            yield "disability", row
    yield from _of_work(home, members, where)
    ill = next((one for one in members if one.health != ("01",)), None)
    if ill and home.income["self_paid_medical"]:
        paid = home.income["self_paid_medical"] / 100
        yield (
            "bills",
            who(ill)
            | {"year": 2020, "total_yuan": round(paid * 2.5, 2), "self_paid_yuan": paid, "settled_on": "2020-08-15"},
        )
    if not home.dangerous and home.grade == "B" and rng.random() < 0.3:
        yield (
            "rebuild",
            who(head)
            | where
            | {"progress": "已竣工", "grade_before": "D级", "year": 2018, "finished_on": "2018-11-20"},
        )
    couple = [one for one in members if one.relation == SPOUSE]
    if couple and rng.random() < 0.5:
        man, wife = (head, couple[0]) if head.sex == MALE else (couple[0], head)
        yield "marriage", who(man) | {
            "other_name": wife.name, "other_cert_no": wife.cert_no, "state": "结婚登记", "registered_on": "2008-10-01",
        }  # fmt: skip
    for item, month, fen in home.lists.get("paid", list)(payments):
        yield "onecard", who(members[0] if members else head) | where | {
            "item": ITEMS[item], "amount_yuan": fen / 100, "paid_on": f"{month}-20",
        }  # fmt: skip


def _of_work(home: Household, members, where) -> Iterator[Said]:
    """Who works away, and the power the house uses: as much as somebody being at home explains."""
    away = [
        (one, one.work_months if one.work_area in ("02", "03", "04") else 0)
        for place, one in enumerate(home.people)
        if not (home.wish and home.wish.absent == place)
    ]
    shortest = min((months for _one, months in away), default=0)
    for one, months in away:
        if months and one in members:
            yield (
                "labour",
                who(one)
                | where
                | {
                    "work_area": {"02": "乡镇外县内", "03": "县外省内", "04": "省外"}[one.work_area],
                    "months_away": months,
                    "power_months": 12 - shortest,
                    "power_kwh": 62.5,
                },
            )


def _traps(home: Household, rng, outsiders: Outsiders) -> Iterator[Said]:
    """What looks like a clue and is none; of one household in five."""
    one = rng.choice(home.people)
    if one.age < 18:
        return
    own = who(one)
    car = {"vehicle_type": "小型轿车", "register_on": "2012-04-09", "value_yuan": 52_000}
    options = (
        ("vehicles", own | {"vehicle_type": "普通二轮摩托车", "status": "正常", "register_on": "2015-03-02", "value_yuan": 4200}),
        ("vehicles", own | {"vehicle_type": "正三轮载货农用车", "status": "正常", "register_on": "2016-07-02", "value_yuan": 9800}),
        ("vehicles", own | car | {"status": "报废", "gone_on": "2018-06-30"}),
        ("vehicles", own | car | {"status": "转移登记", "gone_on": "2017-09-12"}),
        ("vehicles", outsiders.namesake(one) | car | {"status": "正常"}),
        ("vehicles", outsiders.twin(one) | car | {"status": "正常"}),
        ("enterprises", own | {"firm": "云岭茶叶专业合作社", "firm_type": "农民专业合作社", "role": "社员", "status": "存续", "register_on": "2016-01-05"}),
        ("enterprises", own | {"firm": "顺发百货店", "firm_type": "有限责任公司", "role": "法定代表人", "status": "注销", "register_on": "2013-01-05", "gone_on": "2016-12-30"}),
        ("enterprises", outsiders.namesake(one) | {"firm": "桂云建材有限公司", "firm_type": "有限责任公司", "role": "股东", "status": "存续", "register_on": "2014-05-06"}),
        ("estate", own | {"use": "住宅", "estate_type": "易地扶贫搬迁安置房", "place": "城镇", "relocation": "是", "area_m2": 75, "status": "现势", "register_on": "2018-12-01"}),
        ("estate", own | {"use": "住宅", "estate_type": "商品房", "place": "城镇", "relocation": "否", "area_m2": 90, "status": "历史", "register_on": "2010-03-01", "gone_on": "2015-03-01"}),
        ("estate", own | {"use": "住宅", "estate_type": "农村宅基地", "place": "农村", "relocation": "否", "area_m2": 110, "status": "现势", "register_on": "2012-03-01"}),
        ("payroll", own | {"pay_kind": "其他", "unit": "公益性岗位", "amount_yuan": 800, "from_on": "2019-01-01"}),
        ("payroll", outsiders.namesake(one) | {"pay_kind": "在职", "unit": "县水利局", "amount_yuan": 5200, "from_on": "2005-07-01"}),
        ("deaths", outsiders.namesake(one) | {"died_on": "2019-02-03", "evidence": "死亡医学证明"}),
        ("deaths", outsiders.twin(one) | {"died_on": "2020-05-23", "evidence": "注销户口"}),
        ("prison", own | {"detention": "社区矫正", "from_on": "2020-03-01"}),
        ("prison", own | {"detention": "有期徒刑", "from_on": "2014-03-01", "until_on": "2017-02-28"}),
        ("machinery", own | {"machine_type": "微耕机", "value_yuan": 3800, "status": "正常", "bought_on": "2018-03-18"}),
        ("machinery", own | {"machine_type": "联合收割机", "value_yuan": 86_000, "status": "报废", "bought_on": "2009-03-18", "gone_on": "2019-05-01"}),
        ("pension", own | {"pension_kind": "城镇职工", "state": "终止参保", "paid_to": "2013-05-01"}),
    )  # fmt: skip
    if rng.random() < 0.2:
        yield rng.choice(options)
    if home.mon_type and not home.risk_removed:
        # Great costs of one who is watched already.
        yield (
            "bills",
            who(home.people[0])
            | {"year": 2020, "total_yuan": 61_000, "self_paid_yuan": 15_300, "settled_on": "2020-09-09"},
        )


def _others(home: Household, rng, outsiders: Outsiders) -> Iterator[Said]:
    """About three and a half rows of people outside the register."""
    where = place(home)
    born = outsiders.person
    for kind, share, low, high, more in _OUTSIDERS:
        if rng.random() < share:
            yield kind, born(rng, low, high) | (where if rng.random() < 0.7 else {}) | more(rng)
    if rng.random() < 0.3:  # a family of the village that is not registered
        book = f"97{home.household_no[4:]}"
        for number in range(rng.randint(1, 3)):
            one = born(rng, 20, 70) | where
            if number == 0 and rng.random() < 0.05:
                one["cert_no"] = one["cert_no"].replace("0", "O", 1)
            yield "hukou", one | {"book_no": book, "relation": "户主" if number == 0 else None, "state": "正常"}
            yield (
                "medical",
                one
                | {
                    "med_kind": "城乡居民",
                    "year": 2020,
                    "place": home.village.path[2],
                    "elsewhere": "否",
                    "state": "正常参保",
                },
            )


_OUTSIDERS = (
    ("vehicles", 0.4, 20, 65, lambda rng: {"vehicle_type": rng.choice(("小型轿车", "小型普通客车", "轻型货车", "普通二轮摩托车")), "status": "正常", "register_on": f"{rng.randint(2006, 2020)}-04-16", "value_yuan": rng.randint(30, 160) * 1000}),
    ("enterprises", 0.2, 20, 68, lambda rng: {"firm": rng.choice(names.COUNTIES)[:2] + rng.choice(("百货店", "木业有限公司", "餐饮店", "建材有限公司")), "firm_type": rng.choice(("有限责任公司", "个体工商户")), "role": "法定代表人", "status": "存续", "register_on": f"{rng.randint(2004, 2020)}-09-06"}),
    ("estate", 0.2, 22, 80, lambda rng: {"use": "住宅", "estate_type": "商品房", "place": "城镇", "relocation": "否", "area_m2": rng.randint(60, 140), "status": "现势", "register_on": f"{rng.randint(2001, 2020)}-06-18"}),
    ("payroll", 0.15, 23, 80, lambda rng: {"pay_kind": rng.choice(("在职", "在职", "退休", "村干部")), "unit": rng.choice(("县第一中学", "县人民医院", "镇人民政府", "县水利局")), "amount_yuan": rng.randint(2500, 6800), "from_on": "2001-07-01"}),
    ("deaths", 0.12, 55, 98, lambda rng: {"died_on": f"20{rng.randint(16, 20)}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}", "evidence": "死亡医学证明"}),
    ("pension", 0.3, 20, 80, lambda rng: {"pension_kind": "城镇职工", "state": "正常缴费", "unit": "县糖厂", "paid_to": "2020-11-01"}),
    ("dibao", 0.05, 30, 85, lambda rng: {"allow_kind": "城市低保", "amount_yuan": rng.randint(300, 550), "since_on": "2017-01-01"}),
    ("disability", 0.08, 20, 85, lambda rng: {"dis_type": "肢体", "dis_level": rng.choice(("二级", "三级", "四级")), "status": "有效", "issued_on": "2015-05-10"}),
    ("school", 0.3, 7, 15, lambda rng: {"stage": "小学", "status": "在读"}),
    ("bills", 0.15, 20, 85, lambda rng: {"year": 2020, "total_yuan": rng.randint(9, 80) * 1000, "self_paid_yuan": rng.randint(2, 30) * 1000, "settled_on": "2020-07-07"}),
    ("machinery", 0.05, 30, 65, lambda rng: {"machine_type": rng.choice(("联合收割机", "大中型拖拉机")), "value_yuan": rng.randint(40, 160) * 1000, "status": "正常", "bought_on": "2017-03-18"}),
    ("rebuild", 0.05, 35, 80, lambda rng: {"progress": rng.choice(("已竣工", "在建")), "grade_before": "D级", "year": 2019}),
    ("prison", 0.02, 20, 60, lambda rng: {"detention": "有期徒刑", "from_on": "2018-04-01", "until_on": "2023-03-31"}),
    ("labour", 0.2, 20, 55, lambda rng: {"work_area": "省外", "months_away": rng.randint(6, 11), "power_months": 12, "power_kwh": 80}),
    ("onecard", 0.2, 30, 80, lambda rng: {"item": "农业补贴", "amount_yuan": rng.randint(80, 900), "paid_on": "2020-04-20"}),
)  # fmt: skip


# --- files -------------------------------------------------------------------------------------------------------------


class ListFiles:
    """The lists of one county, a CSV file for each department's list."""

    def __init__(self, out: Path, region: str, suffix: str):
        self.region, self._files, self.names = region, [], []
        self._writers, self._columns = {}, {}
        for kind, sheet in LAYOUTS.items():
            columns = [c for c in sheet.columns if c.kind != Kind.IGNORE and not c.field.startswith("region_hamlet")]
            name = f"list-{kind}{suffix}.csv"
            file = (out / name).open("w", encoding="utf-8-sig", newline="")
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow([column.header for column in columns])
            self._files.append(file)
            self._writers[kind], self._columns[kind] = writer, [column.field for column in columns]
            self.names.append((kind, name))

    def write(self, kind: str, row: dict) -> None:
        self._writers[kind].writerow([row.get(name) for name in self._columns[kind]])

    def close(self) -> None:
        for file in self._files:
            file.close()
