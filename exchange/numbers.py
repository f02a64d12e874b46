"""Amounts, areas, counts and percentages: from the text of a cell to a number, and columns of mixed units."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from statistics import median

from exchange.cells import ANSWER, BOOL, DASHES, DATE, NUMBER, TEXT, TIME, Cell, Found, ask, auto, strip

CANONICAL = re.compile(r"-?\d{1,12}(?:\.\d{1,2})?", re.A)
PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d{1,3})?", re.A)
GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.A)
NOTHING = DASHES | {"无", "没有", "暂无", "空", "未填", "不适用", "N/A", "NA", "null", "NULL"}
UNITS = {"": None, "元": 1, "块": 1, "圆": 1, "百元": 100, "千元": 1000, "千": 1000, "万": 10_000, "万元": 10_000}
UNITS |= {"亿": 10**8, "亿元": 10**8, "百": 100}
MONEY = re.compile(r"(?:¥|￥|RMB|CNY|人民币)?(.*?)(亿元?|万元?|千元?|百元?|元|块|圆)?(?:整|正)?(?:/年|每年|/人)?", re.A)
MEASURES = r"(?:亩|公里|千米|km|KM|平方米|平方|平|㎡|m2|m²|M2|个?月|人|口|户|个|名|天|岁)"
CHINESE = {word: value for value, word in enumerate("零一二三四五六七八九十")} | {
    "〇": 0,
    "两": 2,
    "十一": 11,
    "十二": 12,
}
SPANS = {"半年": 6, "一年": 12, "全年": 12, "整年": 12, "1年": 12, "半个月": Decimal("0.5"), "一个月": 1}
FEN = Decimal("0.01")
NOISE = Decimal("0.000001")


def _plain(text: str) -> Decimal | None:
    """Return a number written with digits, grouped by thousands or not; None for anything else."""
    if GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not PLAIN.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _rounded(value: Decimal, step: Decimal) -> Decimal:
    """Round half away from zero; an absurdly long number stays as it is, so that the range check sees it."""
    try:
        return value.quantize(step, ROUND_HALF_UP)
    except InvalidOperation:
        return value


def amount(found: str, tag: int = TEXT, factor: int = 1) -> Cell:
    """Read an amount in yuan with two decimals (D14).

    `factor` is the column's unit in yuan (10,000 for 万元); a unit in the cell itself wins. A third decimal is rounded
    half-up and logged; the binary noise of a number cell (below 1e-6) is rounded in silence.
    """
    if tag in (DATE, TIME, BOOL):
        return Cell(None, (ask("D14", kind="number"),))
    clean, _ = strip(found)
    if tag == TEXT and factor == 1 and CANONICAL.fullmatch(clean) and clean == found.strip():
        return Cell(Decimal(clean).quantize(FEN))
    wide = re.sub(r"\s", "", unicodedata.normalize("NFKC", clean)).replace("−", "-")
    if wide in NOTHING or not wide:
        return Cell(None, (auto("D14", blank=True),) if wide else ())
    match = MONEY.fullmatch(wide)
    value = _plain(match[1]) if match else None
    if value is None:
        return Cell(None, (ask("D14"),))
    value *= UNITS[match[2] or ""] or factor
    rounded = _rounded(value, FEN)
    if abs(rounded) >= 10**12:
        return Cell(None, (ask("D14", kind="range"),))
    noise = tag == NUMBER and abs(rounded - value) <= NOISE * factor
    if rounded != value and not noise:
        return Cell(rounded, (auto("D14", rounded=str(rounded)),))
    silent = tag in (NUMBER, ANSWER) or PLAIN.fullmatch(found.strip()) and "e" not in found.lower()
    return Cell(rounded, () if silent else (auto("D14", to=str(rounded)),))


def decimal(found: str, tag: int = TEXT) -> Cell:
    """Read an area, distance or number of months, with up to three decimals; a unit behind it goes (D14)."""
    return _measure(found, tag, Decimal("0.001"), 10**9)


def integer(found: str, tag: int = TEXT) -> Cell:
    """Read a whole number of four bytes; the value is an int."""
    cell = _measure(found, tag, Decimal("0.001"), 2**31)
    if cell.value is None:
        return cell
    if cell.value != cell.value.to_integral_value():
        return Cell(None, (ask("D14", kind="whole"),))
    return Cell(int(cell.value), cell.faults)


def _measure(found: str, tag: int, step: Decimal, limit: int) -> Cell:
    if tag in (DATE, TIME, BOOL):
        return Cell(None, (ask("D14", kind="number"),))
    clean, _ = strip(found)
    wide = re.sub(r"\s", "", unicodedata.normalize("NFKC", clean)).replace("−", "-")
    if wide in NOTHING or not wide:
        return Cell(None, (auto("D14", blank=True),) if wide else ())
    bare = wide if wide in SPANS else re.sub(MEASURES + "$", "", wide)
    if bare in SPANS or bare in CHINESE:
        value = Decimal(SPANS.get(bare, CHINESE.get(bare)))
    else:
        value = _plain(bare)
    if value is None:
        return Cell(None, (ask("D14"),))
    rounded = _rounded(value, step)
    if not -limit < rounded < limit:
        return Cell(None, (ask("D14", kind="range"),))
    if rounded != value and not (tag == NUMBER and abs(rounded - value) <= NOISE):
        return Cell(rounded, (auto("D14", rounded=str(rounded.normalize())),))
    silent = tag in (NUMBER, ANSWER) or PLAIN.fullmatch(found.strip())
    return Cell(rounded, () if silent else (auto("D14", to=f"{rounded.normalize():f}"),))


def year(found: str, tag: int = TEXT, this_year: int = 2100) -> Cell:
    """Read a year; `2018年`, a date, and two digits with one reading are put right (D6). The value is an int."""
    clean, _ = strip(found)
    wide = re.sub(r"\s", "", unicodedata.normalize("NFKC", clean))
    if wide in NOTHING or not wide:
        return Cell(None, (auto("D14", blank=True),) if wide else ())
    if tag == DATE:
        return Cell(int(wide[:4]), (auto("D6", to=wide[:4]),))
    number = _plain(re.sub(r"年(?:度|底|末|初)?$", "", wide))
    if number is not None and number == number.to_integral_value() and abs(number) < 2**31:
        value = int(number)
        if 0 <= value < 100 and re.search(r"^\d\d(?:年|$)", wide) and tag != NUMBER:
            value += 2000 if value <= this_year % 100 + 1 else 1900
            return Cell(value, (auto("D6", to=str(value)),))
        if 190_001 <= value <= 210_012 and 1 <= value % 100 <= 12:
            return Cell(value // 100, (auto("D6", to=str(value // 100)),))
        if 19_000_101 <= value <= 21_001_231:
            return Cell(value // 10_000, (auto("D6", to=str(value // 10_000)),))
        silent = tag in (NUMBER, ANSWER) or wide == found.strip() and wide.isdigit()
        return Cell(value, () if silent else (auto("D6", to=str(value)),))
    if match := re.fullmatch(r"((?:19|20)\d\d)[-./年]\d{1,2}(?:[-./月]\d{1,2}日?|月)?(?:T?\d.*)?", wide, re.A):
        return Cell(int(match[1]), (auto("D6", to=match[1]),))
    return Cell(None, (ask("D6"),))


# --- whole columns -----------------------------------------------------------------------------------------------


def mixed_units(values: list[float], factor: int = 1) -> list[int]:
    """Return the places of values that are 10,000 times off the rest of their column (D15).

    `values` are yuan as read with the column's unit `factor`; blanks and zeros are None or 0. A value counts as off
    only if it is a thousand times away from the middle, would lie near it in the other unit, and there is a gap: fewer
    values stand between it and the rest than there are such values.
    """
    present = [abs(value) for value in values if value]
    if len(present) < 8:
        return []
    middle = median(present)

    def off(value: float) -> bool:
        size = abs(value)
        near = middle / 10 <= size * 10_000 <= middle * 10 and size < 100 * factor
        far = middle / 10 <= size / 10_000 <= middle * 10
        return size <= middle / 1000 and near or size >= middle * 1000 and far

    places = [place for place, value in enumerate(values) if value and off(value)]
    between = sum(middle / 1000 < value <= middle / 100 or middle * 100 <= value < middle * 1000 for value in present)
    return places if 2 * len(places) < len(present) and between < len(places) else []


def percents(values: list[tuple[str, int]]) -> list[Cell]:
    """Read a column of percentages as 0 to 100 (D16); each value is (text, tag).

    `80％`, `80%` and 80 are 80. Bare numbers up to 1 are shares (0.8 is 80) unless bare numbers above 1 stand in the
    same column: then the small ones have two readings and are asked about.
    """
    read: list[tuple[Decimal | None, bool]] = []
    for found, _tag in values:
        wide = re.sub(r"\s", "", unicodedata.normalize("NFKC", strip(found)[0]))
        signed = wide.endswith("%")
        read.append((_plain(wide.rstrip("%")), signed))
    bare = [value for value, signed in read if value is not None and not signed and value]
    mixed = any(abs(value) <= 1 for value in bare) and any(abs(value) > 1 for value in bare)
    cells = []
    for (found, tag), (value, signed) in zip(values, read, strict=True):
        if value is None:
            blank = not found.strip() or unicodedata.normalize("NFKC", found.strip()) in NOTHING
            cells.append(Cell(None, () if blank else (ask("D16"),)))
        elif not signed and value and abs(value) <= 1:
            if mixed and tag != ANSWER:
                readings = [f"{value * 100:f}", f"{value:f}"]
                cells.append(Cell(None, (Found("D16", "ask", {"readings": readings}, "cell"),)))
            else:
                cells.append(Cell(value * 100, (auto("D16", to=f"{value * 100:f}"),)))
        else:
            cells.append(Cell(value, (auto("D16", to=f"{value:f}"),) if signed and tag != NUMBER else ()))
    return cells
