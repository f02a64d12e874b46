"""Dates of a cell (D6): one plausible reading is taken, several are asked about."""

import datetime as dt
import re
import unicodedata

from exchange.cells import ANSWER, BOOL, DASHES, DATE, NUMBER, TEXT, TIME, Cell, Found, ask, auto, strip

MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
CHINESE_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
EARLIEST = dt.date(1900, 1, 1)
MIDNIGHT = re.compile(r"[T ]?(?:\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?:[AaPp][Mm])?$")
DAY, MONTH = "d", "m"


def date(found: str, tag: int = TEXT, today: dt.date = dt.date.max, date1904: bool = False) -> Cell:
    """Read a date; the value is a date and `precision` "d", or "m" for a month (its first day).

    `today` bounds what is plausible where there is more than one reading, such as years of two digits. Years of four
    digits are taken as written. Serial numbers count from 1900, or from 1904 where the workbook says so.
    """
    clean, stripped = strip(found)
    if tag == DATE:
        day = _real(*map(int, clean[:10].split("-")))
        return Cell(day, (), DAY) if day else Cell(None, (ask("D6"),))
    if tag in (TIME, BOOL):
        return Cell(None, (ask("D6"),))
    wide = unicodedata.normalize("NFKC", clean)
    if wide in DASHES or wide in ("", "无", "不详", "未知", "没有"):
        return Cell(None, (auto("D6", blank=True),) if wide else ())
    if re.fullmatch(r"\d{4}-\d\d-\d\d", wide, re.A) and not stripped and (day := _iso(wide)):
        return Cell(day, (), DAY)
    readings = _readings(wide, tag, today, date1904)
    if len(readings) == 1:
        day, precision = readings[0]
        shown = day.isoformat() if precision == DAY else f"{day:%Y-%m}"
        return Cell(day, (auto("D6", to=shown),) if tag != ANSWER else (), precision)
    shown = [day.isoformat() if precision == DAY else f"{day:%Y-%m}" for day, precision in readings]
    return Cell(None, (Found("D6", "ask", {"readings": shown}, "cell"),))


def month(found: str, tag: int = TEXT, today: dt.date = dt.date.max, date1904: bool = False) -> Cell:
    """Read a month, or a day of it; the value is its first day. Several readings of one month are one."""
    cell = date(found, tag, today, date1904)
    if cell.value is not None:
        first = cell.value.replace(day=1)
        faults = tuple(auto("D6", to=f"{first:%Y-%m}") if fault.params.get("to") else fault for fault in cell.faults)
        return Cell(first, faults)
    readings = {reading[:7] for fault in cell.faults for reading in fault.params.get("readings", ())}
    if len(readings) == 1:
        shown = readings.pop()
        return Cell(dt.date.fromisoformat(f"{shown}-01"), (auto("D6", to=shown),) if tag != ANSWER else ())
    if readings:
        return Cell(None, (Found("D6", "ask", {"readings": sorted(readings)}, "cell"),))
    return cell


def _iso(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _real(year: int, month: int, day: int = 1) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _years(text: str, today: dt.date) -> list[int]:
    """Return the years a text can mean; two digits can mean two, where neither lies in the future."""
    number = int(text)
    if len(text) > 2:
        return [number]
    return [year for year in (1900 + number, 2000 + number) if EARLIEST.year <= year <= today.year]


def _readings(text: str, tag: int, today: dt.date, date1904: bool) -> list[tuple[dt.date, str]]:
    found: list[tuple[dt.date | None, str]] = []
    if tag == NUMBER or re.fullmatch(r"\d+(?:\.0+)?", text, re.A):
        found = _from_number(text, tag, today, date1904)
    else:
        found = _from_words(text, today)
    seen: dict[tuple[dt.date, str], None] = {}
    several = len([day for day, _ in found if day]) > 1
    for day, precision in found:
        if day and (not several or EARLIEST <= day <= today):
            seen[day, precision] = None
    return list(seen)


def _from_number(text: str, tag: int, today: dt.date, date1904: bool) -> list[tuple[dt.date | None, str]]:
    try:
        value = float(text)
    except ValueError:
        return []
    if not 0 < value < 1e9:
        return []
    digits = re.sub(r"\.0+$", "", text)
    found: list[tuple[dt.date | None, str]] = []
    if len(digits) == 8:
        return [(_real(int(digits[:4]), int(digits[4:6]), int(digits[6:])), DAY)]
    if "." in digits and tag == NUMBER and len(digits.partition(".")[2]) <= 2 and 1900 <= value < 2100:
        # 2017.3 typed as a number: .1 may have been .10
        month = digits.partition(".")[2]
        months = [1, 10] if month == "1" else [int(month)]
        return [(_real(int(value), month), MONTH) for month in months]
    if len(digits) == 6 and digits.isdigit():
        found.append((_real(int(digits[:4]), int(digits[4:])) if "1900" <= digits[:4] <= "2100" else None, MONTH))
        found += [(_real(year, int(digits[2:4]), int(digits[4:])), DAY) for year in _years(digits[:2], today)]
    if 61 <= value < 100_000 and not 1900 <= value <= 2100:
        day = dt.date(1904, 1, 1) if date1904 else dt.date(1899, 12, 30)
        day += dt.timedelta(days=int(value))
        found.append((day if day <= today.replace(month=12, day=31) else None, DAY))
    return found


def _from_words(text: str, today: dt.date) -> list[tuple[dt.date | None, str]]:
    text = MIDNIGHT.sub("", text.strip()).strip()
    text = _chinese(text)
    close = re.sub(r"\s*([-./年月日号,、~])\s*", r"\1", text)
    # year first: 2017.3.5, 2017年3月5日, 87/3/5, 2017 3 5
    if match := re.fullmatch(r"(\d{4}|\d{2})[-./年、,\s](\d{1,2})[-./月、,\s](\d{1,2})(?:[日号.]|号)?", close, re.A):
        year, month, day = match.groups()
        found = [(_real(y, int(month), int(day)), DAY) for y in _years(year, today)]
        if len(year) == 2 and "年" not in close:  # 05-03-17 can also be day or month first
            found += [(_real(y, int(month), int(year)), DAY) for y in _years(day.zfill(2), today)]
            found += [(_real(y, int(year), int(month)), DAY) for y in _years(day.zfill(2), today)]
        return found
    if match := re.fullmatch(r"(\d{4}|\d{2}(?=年))[-./年](\d{1,2})(?:月份?|\.)?", close, re.A):
        return [(_real(y, int(match[2])), MONTH) for y in _years(match[1], today)]
    if match := re.fullmatch(r"(\d{4})年?(\d{2})月?(\d{2})日?", close, re.A):
        return [(_real(*map(int, match.groups())), DAY)]
    # year last: 3/5/2017 is March 5 or 3 May
    if match := re.fullmatch(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})", close, re.A):
        first, second, year = map(int, match.groups())
        return [(_real(year, first, second), DAY), (_real(year, second, first), DAY)]
    return _with_month_name(close, today)


def _with_month_name(text: str, today: dt.date) -> list[tuple[dt.date | None, str]]:
    """Read what an English Excel shows: Mar-17, 5-Mar-17, March 5, 2017, 17-Mar."""
    words = re.findall(r"[A-Za-z]+|\d+", text)
    names = [word for word in words if word.isalpha()]
    numbers = [word for word in words if word.isdigit()]
    month = MONTHS.get(names[0][:3].lower()) if len(names) == 1 and len(names[0]) >= 3 else None
    if not month or re.search(r"[^A-Za-z\d\s,.\-/]", text):
        return []
    if len(numbers) == 1 and len(numbers[0]) in (2, 4):
        return [(_real(year, month), MONTH) for year in _years(numbers[0], today)]
    if len(numbers) == 2:
        day, year = numbers if len(numbers[1]) in (2, 4) else reversed(numbers)
        if len(day) <= 2:
            return [(_real(y, month, int(day)), DAY) for y in _years(year, today)]
    return []


def _chinese(text: str) -> str:
    """Return 二〇一七年三月十五日 with digits; other text stays as it is."""
    match = re.fullmatch(
        r"([〇○零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月(?:([一二三四五六七八九十]{1,3})[日号])?", text
    )
    if not match:
        return text

    def number(word: str) -> str:
        tens, ten, ones = word.partition("十")
        if not ten:
            return word.translate(CHINESE_DIGITS)
        return (tens.translate(CHINESE_DIGITS) or "1") + (ones.translate(CHINESE_DIGITS) or "0")

    year, month, day = match.groups()
    return f"{year.translate(CHINESE_DIGITS)}年{number(month)}月" + (f"{number(day)}日" if day else "")
