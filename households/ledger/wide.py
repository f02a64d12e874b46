"""The ledger as counties print it: a sheet per household and year, lines down, months across.

This runs in the process that reads uploads: no Django here. Each filled month of a line becomes a row of its own, with
the place of its cell, so that faults, questions and marks point at what the clerk sees. Sums that the form carries (the
column 合计, and lines above others) are compared with what they sum up, and not stored.
"""

import json
import re
from collections import defaultdict
from decimal import Decimal, InvalidOperation

import polars as pl

from exchange.assemble import FAULTS
from exchange.cells import TEXT, label_key
from exchange.header import key
from households.ledger import codes
from poverty.declarations import Sheet

NUMBERS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
NUMBERS |= {"十": 10, "十一": 11, "十二": 12}
MONTH = re.compile(r"(?:\d{4}年)?(\d{1,2}|[一二三四五六七八九十]{1,2})月份?(?:\(.*\))?")
TOTALS = {"合计", "全年合计", "年合计", "合计(元)", "全年", "累计", "小计", "总计"}
LINE_WORDS = {"收支类别", "收支项目", "项目", "类别", "收入项目", "收入类别", "科目", "收支科目", "指标"}
HEADS, AMOUNTS = {"人数", "务工人数", "人"}, {"金额", "金额(元)", "收入", "元", "数额"}
LEAST_MONTHS = 6
TOP_ROWS = 12
# Sums of the form that belong to no category.
SUMS = re.compile(
    r"[①-⑳\d、.\s]*(?:总收入|年?毛收入|收入合计|总计|合计|小计|纯收入|年?纯收入|净收入|人均纯收入|家庭人口数?|人均.*)(?:\(.*\))?"
)
FACTS = {
    "户编号": "household_no",
    "户号": "household_no",
    "户主姓名": "head_name",
    "户主": "head_name",
    "姓名": "head_name",
    "户主证件号码": "head_cert_no",
    "户主身份证号": "head_cert_no",
    "户主身份证号码": "head_cert_no",
    "证件号码": "head_cert_no",
    "身份证号": "head_cert_no",
    "身份证号码": "head_cert_no",
    "年度": "year",
    "统计年度": "year",
    "年份": "year",
    "采集人": "recorded_by",
    "填表人": "recorded_by",
    "采集日期": "recorded_on",
    "填表日期": "recorded_on",
    "采集时间": "recorded_on",
}
LABELLED = re.compile(rf"({'|'.join(sorted(FACTS, key=len, reverse=True))})\s*[:：]\s*([^\s:：]+)")
YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")
WITH_HEADS = re.compile(r"(?:(\d{1,3})人[/、,，;；\s]*([\d.,，万元]+)|([\d.,，万元]+)[\s/、]*\(?(\d{1,3})人\)?)")
SPELLINGS = {label_key(text): code for text, code in codes.CATEGORY.spellings().items()}
SUFFIX = {"5": "支出", "6": "支出"}
CARRIED = ("household_no", "head_name", "head_cert_no", "recorded_by", "recorded_on")
SCHEMA = {
    "_row": pl.Int64,
    "_sheet": pl.String,
    "_sheet_no": pl.Int64,
    "_key": pl.Int64,
    "_header": pl.String,
    **{f"c_{name}": pl.String for name in (*CARRIED, "month", "category", "amount", "heads")},
    "t_amount": pl.UInt8,
    "t_heads": pl.UInt8,
    "t_recorded_on": pl.UInt8,
    "h_amount": pl.String,
    "h_heads": pl.String,
    "h_category": pl.String,
}


def month_of(text: str | None) -> int:
    """Return the month that a heading names, 0 for none."""
    match = MONTH.fullmatch(key(text)) if text else None
    if not match:
        return 0
    number = NUMBERS.get(match[1]) or (int(match[1]) if match[1].isdigit() else 0)
    return number if 1 <= number <= 12 else 0


def category_of(text: str, inside: str) -> str:
    """Return the category that a line's label means, "" where nothing is known; `inside` is the class it stands in.

    Printed forms say 其他 or 种植 under each class: there the class decides.
    """
    found = label_key(
        re.sub(r"^(?:其中[:：]?|[①-⑳]|[（(]?[一二三四五六七八九十\d]{1,2}[)）、.．])\s*", "", text.strip())
    )
    if inside:
        suffix = SUFFIX.get(inside, "收入")
        for spelled in (f"{found}{suffix}", f"{found}金"):
            code = SPELLINGS.get(label_key(spelled), "")
            if code[:1] == inside:
                return code
        if found in ("其他", "其它"):
            return next((code for code in (f"{inside}09", f"{inside}10") if code in codes.LABELS), "")
    code = SPELLINGS.get(found, "")
    if code and inside and code[0] != inside and len(code) > 1:
        return next((other for other in (SPELLINGS.get(label_key(found + "支出"), ""),) if other[:1] == inside), code)
    return code


def number_of(text: str | None) -> Decimal | None:
    try:
        return Decimal(text.replace(",", "").replace("，", "").removesuffix("元").strip()) if text else None
    except InvalidOperation:
        return None


class Wide:
    """Collects the lines of all sheets of a file."""

    def __init__(self, sheet: Sheet, year: int | None = None):
        self.sheet, self.year = sheet, year
        self.taken = 0  # sheets
        self.lines: list[tuple] = []
        self.notes: list[tuple] = []

    # --- one sheet ---------------------------------------------------------------------------------------------------

    def take(self, grid, part, sheet_no: int, meta: dict) -> bool:
        """Read the sheet if it is such a form; False when it is none."""
        names = [name for name in grid.frame.columns if name.startswith("c")]
        if len(names) < LEAST_MONTHS:
            return False
        head = grid.frame.head(TOP_ROWS).select("_row", *names).rows()
        at = next((at for at, row in enumerate(head) if sum(map(bool, map(month_of, row[1:]))) >= LEAST_MONTHS), None)
        if at is None:
            return False
        months, total, first = self._months(head, at)
        tags = [f"t{name[1:]}" for name in names]
        lines = grid.frame.select("_row", *names).rows()
        kinds = grid.frame.select([tag for tag in tags if tag in grid.frame.columns])
        kinds = {tag: kinds[tag].to_list() for tag in kinds.columns}
        facts = self._facts(lines, at, first, part.name)
        depth = 2 if self._second(head, at) else 1
        form = _Form(part.name, sheet_no, facts, months, total, first)
        # The library gives cells with an error, and formulas without a stored result, as blank.
        form.errors = {(row + 1, place - grid.offset): text for row, place, text in part.scan.errors}
        form.uncomputed = {(row + 1, place - grid.offset) for row, place in part.scan.uncomputed}
        self.taken += 1
        before = len(self.lines)
        for number in range(at + depth, len(lines)):
            tagged = {place: kinds[f"t{place}"][number] for place in range(len(names)) if f"t{place}" in kinds}
            form.line(lines[number][0], lines[number][1:], tagged)
        self._finish(form)
        shown = {month: header for month, (_heads, _amount, header, _other) in months.items()}
        meta["sheets"].append(
            {
                "name": part.name,
                "no": sheet_no,
                "hidden": part.hidden,
                "tables": 1,
                "unknown": [],
                "doubled": [],
                "header_rows": [head[0][0], lines[at + depth - 1][0]],
                "columns": {"household_no": "户编号", "category": form.header, "amount": shown[min(shown)]},
                "months": {str(month): header for month, header in shown.items()},
                "missing": [],
                "rows": len(self.lines) - before,
            }
        )
        return True

    @staticmethod
    def _second(head: list, at: int) -> list:
        """Return the lower row of a header in two rows: it names persons and amounts."""
        lower = head[at + 1][1:] if at + 1 < len(head) else ()
        words = [key(text) for text in lower if text]
        return list(lower) if words and any(word in HEADS or word in AMOUNTS for word in words) else []

    def _months(self, head: list, at: int):
        """Return ({month: (place of heads or None, place of amount, header, header of heads)}, place of 合计, first place)."""
        upper, lower = list(head[at][1:]), self._second(head, at)
        starts = [(place, month_of(text)) for place, text in enumerate(upper) if month_of(text)]
        total = next(
            (place for place, text in enumerate(upper) if text and key(text) in TOTALS and place > starts[0][0]), None
        )
        ends = [place for place, _month in starts[1:]] + [total if total is not None else len(upper)]
        months = {}
        for (place, month), end in zip(starts, ends, strict=True):
            span = range(place, max(min(end, len(upper)), place + 1))
            words = [key((lower[at_] if lower and at_ < len(lower) else upper[at_]) or "") for at_ in span]
            heads = next((at_ for at_, word in zip(span, words, strict=True) if word in HEADS), None)
            amount = next((at_ for at_, word in zip(span, words, strict=True) if word in AMOUNTS), None)
            if amount is None:
                amount = next((at_ for at_ in span if at_ != heads), place)
            name = (upper[place] or "").strip()
            text, other = name, "人数"
            if lower:
                text = f"{name}/{(lower[amount] or '').strip()}" if lower[amount] else name
                other = f"{name}/{(lower[heads] or '').strip()}" if heads is not None else name
            months.setdefault(month, (heads, amount, text, other))
        return months, total, starts[0][0]

    def _facts(self, lines: list, at: int, first: int, name: str) -> dict:
        """Return whose ledger it is and of which year: from the rows above the header and the foot of the form."""
        found: dict = {}
        title = ""
        for number, row in enumerate(lines):
            if at <= number and not (
                number > at and row[1] and label_key(row[1] or "").rstrip(":")[:2] in ("采集", "填表")
            ):
                continue
            cells = [(place, text) for place, text in enumerate(row[1:]) if text]
            for position, (_place, text) in enumerate(cells):
                pairs = LABELLED.findall(text)
                for label, value in pairs:
                    found.setdefault(FACTS[label], value)
                label = key(text).rstrip(":")
                if not pairs and label in FACTS and position + 1 < len(cells):
                    value = cells[position + 1][1]
                    if key(value).rstrip(":") not in FACTS:
                        found.setdefault(FACTS[label], value)
                elif not pairs and number < at and not title and len(cells) == 1:
                    title = text
        given = YEAR.search(str(found.get("year") or "")) or YEAR.search(title) or YEAR.search(name)
        found["year"] = int(given[1]) if given else self.year
        return found

    def _finish(self, form: "_Form") -> None:
        """Take the form's lines over; sums are compared with what they sum up, and left out."""
        parts: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        filled: set[tuple[str, int]] = set()
        for line in form.lines:
            value = number_of(line["amount"])
            for size in range(1, len(line["code"]), 2):
                above = (line["code"][:size], line["month"])
                filled.add(above)
                parts[above] += value or 0
        for line in form.lines:
            place = (line["code"], line["month"])
            if line["code"] and place in filled:
                self._compare(form, line["row"], line["header"], line["amount"], parts[place], line["key"])
                continue
            self._take(form, line)
        for row, text, summed in form.totals:
            self._compare(form, row, form.total_header, text, summed, row * 16 + 15)

    def _compare(self, form, row: int, header: str, text: str, summed: Decimal, key_: int) -> None:
        stated = number_of(text)
        if stated is None or abs(stated - summed) > Decimal("0.01"):
            params = json.dumps({"stated": text, "summed": f"{summed:.2f}"}, ensure_ascii=False)
            self.notes.append((form.name, form.no, row, header, "amount", "L4", "note", text, params, "", "", key_))

    def _take(self, form, line: dict) -> None:
        facts = form.facts
        if line["uncomputed"]:
            what = ("amount", "D22", "stop", None, json.dumps({"kind": "formula"}), "", "", line["key"])
            self.notes.append((form.name, form.no, line["row"], line["header"], *what))
        month = f"{facts['year']}-{line['month']:02d}" if facts["year"] else None
        self.lines.append(
            (
                *(line["row"], form.name, form.no, line["key"], form.header),
                *[facts.get(name) for name in CARRIED],
                *(month, line["code"] or line["label"], line["amount"], line["heads"]),
                *(line["tag"], line["heads_tag"], TEXT),
                *(line["header"], line["heads_header"], form.header),
            )
        )

    # --- all of them ---------------------------------------------------------------------------------------------------

    def rows(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (the lines of all sheets, notes on sums that do not fit)."""
        frame = pl.DataFrame(self.lines, schema=SCHEMA, orient="row")
        notes = pl.DataFrame(self.notes, schema={**FAULTS, "key": pl.Int64}, orient="row")
        self.lines, self.notes = [], []
        return frame, notes


class _Form:
    """One sheet while it is read."""

    def __init__(self, name: str, no: int, facts: dict, months: dict, total: int | None, first: int):
        self.name, self.no, self.facts, self.months, self.total, self.first = name, no, facts, months, total, first
        self.header, self.total_header = "收支类别", "合计"
        self.lines: list[dict] = []
        self.errors: dict[tuple[int, int], str] = {}
        self.uncomputed: set[tuple[int, int]] = set()
        self.totals: list[tuple[int, str, Decimal]] = []
        self.inside, self.last = "", ""

    def line(self, row: int, cells: tuple, tags: dict[int, int]) -> None:
        """Read one line of the form; foot lines and sums of the whole form are passed over."""
        labels = [text for text in cells[: self.first] if text]
        label = next((text for text in reversed(labels) if not re.fullmatch(r"[\d①-⑳.、]+", text)), "")
        if not label or LABELLED.search(label) or key(label).rstrip(":") in FACTS or SUMS.fullmatch(label_key(label)):
            return
        heads_only = re.fullmatch(r"(.*?)[(（]?人数[)）]?", label_key(label))
        if heads_only:
            self._heads(row, heads_only[1], cells)
            return
        for text in labels[:-1]:
            above = category_of(text, "")
            if len(above) == 1:
                self.inside = above
        code = category_of(label, self.inside)
        if len(code) == 1:
            self.inside = code
        elif code:
            self.inside = code[0]
        self.last = code
        summed, any_ = Decimal(0), False
        for month, (heads, amount, header, heads_header) in self.months.items():
            text = cells[amount] if amount < len(cells) else None
            people = cells[heads] if heads is not None and heads < len(cells) else None
            text = text or self.errors.get((row, amount)) or None
            uncomputed = text is None and (row, amount) in self.uncomputed
            if text is None and not uncomputed:
                continue
            tag, people_tag = tags.get(amount, TEXT), tags.get(heads, TEXT) if heads is not None else TEXT
            match = WITH_HEADS.fullmatch(text.strip()) if text and code[:1] == codes.WAGE and "人" in text else None
            if match:
                people, text, tag, people_tag = match[1] or match[4], match[2] or match[3], TEXT, TEXT
            value = number_of(text)
            summed += value or 0
            any_ = any_ or value is not None
            self.lines.append(
                {
                    "row": row,
                    "key": row * 16 + month,
                    "month": month,
                    "code": code,
                    "label": label,
                    "amount": text,
                    "tag": tag,
                    "heads": people,
                    "heads_tag": people_tag,
                    "uncomputed": uncomputed,
                    "header": header,
                    "heads_header": heads_header,
                }
            )
        total = cells[self.total] if self.total is not None and self.total < len(cells) else None
        if total and any_:
            self.totals.append((row, total, summed))

    def _heads(self, row: int, label: str, cells: tuple) -> None:
        """Give the persons of a line "…人数" to the line of the same months above it."""
        code = category_of(label, self.inside) if label else self.last
        for line in self.lines:
            if line["heads"] is None and (line["code"] == code or line["code"] == self.last):
                amount = self.months[line["month"]][1]
                line["heads"] = cells[amount] if amount < len(cells) else None
