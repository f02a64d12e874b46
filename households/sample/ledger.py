"""The monthly ledger of the statistical year: October to September, in keeping with the year's figures.

Every household has at least one line in every month, about twelve in the year. Each item of the year's sheet stands in
as many months as there is room for, and adds up to the year's amount. The number of all lines is exact:
903,255 in a register of 75,337 households.
"""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

from households.sample.economy import Household
from households.sample.families import YEAR
from poverty.xlsx import Workbook

LINES, HOUSEHOLDS = 903_255, 75_337
MONTHS = tuple(f"{YEAR - 1}-{month}" for month in (10, 11, 12)) + tuple(f"{YEAR}-{month:02}" for month in range(1, 10))
HEADERS = (
    *(
        "户编号",
        "户主姓名",
        "户主证件号码",
        "年月",
        "收支类别",
        "金额(元)",
        "人数",
        "数量",
        "单价",
        "说明",
        "凭证照片",
        "采集人",
    ),
    "采集日期",
)
CATEGORIES = {
    "business": "种植收入",
    "biz_cost": "种植支出",
    "p_asset": "资产收益分红",
    "p_other": "土地流转收入",
    "t_family": "计划生育金",
    "t_dibao": "低保金",
    "t_tekun": "特困供养金",
    "t_pension": "基础养老金",
    "t_eco": "生态补偿金",
    "t_other": "其他长期政策性收入",
}
WAGE = {"01": "务工(乡内)", "02": "务工(县内)", "03": "务工(区内)", "04": "务工(区外)"}
FOOD = "食品支出"
TRANSFERS = ("t_family", "t_dibao", "t_tekun", "t_pension", "t_eco", "t_other")
COPIED = (7, "种植收入", 800_00)  # May: what was copied from house to house
GAP = range(2, 11)  # the months that are missing where some are
MOST_MORE = 8


@dataclass(slots=True)
class Line:
    month: str
    category: str
    fen: int
    heads: int | None = None
    item: str = ""  # of the year's sheet
    note: str = ""


def total_lines(households: int) -> int:
    return (2 * households * LINES + HOUSEHOLDS) // (2 * HOUSEHOLDS)


def of_household(home: Household) -> list[Line]:
    """Return the household's lines, with what is planted in them."""
    rng = random.Random(f"ledger/{home.household_no}")
    income = dict(home.income)
    months = [n for n in range(12) if not (home.ledger == "gap" and n in GAP)]
    lines = []
    if home.ledger == "copied":
        month, category, fen = COPIED
        income["business"] -= fen
        months.remove(month)
        lines.append(Line(MONTHS[month], category, fen, item="business"))
    items = [item for item in CATEGORIES if income[item] > 0]
    wage = income["wage"]
    if wage > 0:
        lines += _with_wage(rng, home, items, income, months)
    else:
        places: dict[str, list[int]] = {item: [] for item in items}
        for number in range(max(len(months), len(items))):
            places[items[number % len(items)]].append(months[number % len(months)])
        for item, chosen in places.items():
            lines += _spread(rng, item, CATEGORIES[item], income[item], chosen)
    if home.ledger == "twice":
        lines += [Line(MONTHS[4], FOOD, 365_00), Line(MONTHS[4], FOOD, 365_00)]
    if home.ledger == "future":
        lines.append(Line(f"{YEAR + 1}-02", FOOD, 410_00))
    return sorted(lines, key=lambda line: (line.month, line.category))


def _with_wage(rng, home: Household, items, income, months) -> list[Line]:
    """Wages stand in every month that no other item has; those never lie side by side."""
    workers = [one for one in home.people if one.work_months]
    category = WAGE.get(workers[0].work_area if workers else "01", "其他工资性收入")
    others = months[1::2]
    order = rng.sample(others, len(others)) + months[0::2]
    lines = []
    for number, item in enumerate(items):
        lines += _spread(rng, item, CATEGORIES[item], income[item], [order[number % len(order)]])
    taken = set(order[: len(items)])
    free = [month for month in months if month not in taken]
    found = _spread(rng, "wage", category, income["wage"], free)
    for line in found:
        line.heads = max(len(workers), 1)
    if home.ledger == "jump":
        late = len(found) - 2
        more = sum(line.fen for line in found) * 6 // 10
        for line in found:
            line.fen = line.fen * 4 // 10
        found[late].fen += more + income["wage"] - more - sum(line.fen for line in found)
    return lines + found


def _spread(rng, item: str, category: str, fen: int, months: list[int]) -> list[Line]:
    """Part an amount over months: nearly evenly, in whole yuan but for the last."""
    count = len(months)
    if fen < count * 100:
        months, count = months[:1], 1
    parts = []
    for number in range(count - 1):
        even = fen / count
        parts.append(max(int(even * rng.uniform(0.85, 1.15)) // 100 * 100, 100))
        if sum(parts) >= fen - (count - number) * 100:
            parts[-1] = int(even) // 100 * 100 or 100
    parts.append(fen - sum(parts))
    return [Line(MONTHS[month], category, part, item=item) for month, part in zip(months, parts, strict=True)]


def payments(lines: list[Line]) -> list[tuple[str, str, int]]:
    """Return what was paid by card: (item, month, fen)."""
    return [(line.item, line.month, line.fen) for line in lines if line.item in TRANSFERS]


class Count:
    """Keeps the number of all lines on its way to what it has to be at the end."""

    def __init__(self, households: int):
        self._goal, self._households = total_lines(households), households
        self.written = self._seen = 0

    def fill(self, home: Household, lines: list[Line]) -> None:
        """Add lines on food in the last households, when twelve for each would no longer make up the number."""
        self._seen += 1
        left = self._households - self._seen
        missing = self._goal - self.written - len(lines) - 12 * left
        if not home.ledger and left < max(self._households // 40, 3):
            rng = random.Random(f"food/{home.household_no}")
            for month in rng.sample(MONTHS, min(max(missing, 0), MOST_MORE)):
                lines.append(Line(month, FOOD, rng.randint(180, 900) * 100))
        self.written += len(lines)

    def check(self) -> None:
        if self.written != self._goal:
            raise AssertionError(f"{self.written} lines instead of {self._goal}")


class LedgerFile:
    """The ledger of one county: a CSV in the long form, and a workbook of a few households as counties print it."""

    WIDE = 4

    def __init__(self, out: Path, region: str, suffix: str):
        self.region, self.names = region, [f"ledger{suffix}.csv", f"ledger-wide{suffix}.xlsx"]
        self.rows = [0, 0]
        self._file = (out / self.names[0]).open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(HEADERS)
        self._book = Workbook(out / self.names[1])
        self._wide = 0

    def write(self, home: Household, lines: list[Line]) -> None:
        if self._wide < self.WIDE and not home.wish:
            self._wide += 1
            self.rows[1] += len(lines)
            self._sheets(home, lines)
            return
        self.rows[0] += len(lines)
        head = home.people[0]
        for line in lines:
            year, month = (int(part) for part in line.month.split("-"))
            after = f"{year + month // 12}-{month % 12 + 1:02}-03"
            self._writer.writerow(
                (
                    *(
                        home.household_no,
                        head.name,
                        head.cert_no,
                        line.month,
                        line.category,
                        _yuan(line.fen),
                        line.heads,
                    ),
                    *(None, None, line.note or None, None, "村级信息员", after),
                )
            )

    def _sheets(self, home: Household, lines: list[Line]) -> None:
        head = home.people[0]
        for year in sorted({line.month[:4] for line in lines}):
            mine = [line for line in lines if line.month.startswith(year)]
            sheet = self._book.sheet(f"{home.household_no[-6:]}-{year}")
            sheet.row([f"建档立卡户逐月收支台账（{year}年度）"])
            sheet.row(["户编号", home.household_no, "户主姓名", head.name, "户主证件号码", head.cert_no, "年度", year])
            upper, lower = ["收支类别"], [None]
            for month in range(1, 13):
                upper += [f"{month}月", None]
                lower += ["人数", "金额(元)"]
            sheet.row([*upper, "合计(元)"])
            sheet.row([*lower, None])
            for category in sorted({line.category for line in mine}):
                row = [category, *[None] * 24]
                for line in mine:
                    if line.category == category:
                        month = int(line.month[5:])
                        row[2 * month - 1] = line.heads
                        row[2 * month] = (row[2 * month] or 0) + line.fen / 100
                sheet.row([*row, round(sum(line.fen for line in mine if line.category == category) / 100, 2)])
            sheet.row(["采集人：村级信息员", None, None, None, f"采集日期：{int(year)}-12-20"])
            sheet.close()

    def close(self) -> None:
        self._file.close()
        self._book.close()


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}" if fen % 100 else str(fen // 100)
