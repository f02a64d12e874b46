"""One cell: from the text found to the value stored, with every fault named (DOMAIN §3.8).

These functions are the reference. `exchange.columns` gives clean cells a fast path by whole columns and comes here
with each different dirty text once. All of them are pure.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from exchange.limits import NAME_CHARS, NUMBER_CHARS, TEXT_CHARS
from poverty import idnumber

# How a cell came: as text, as a number, truth value, date, time of day; or written by the person who answered.
TEXT, NUMBER, BOOL, DATE, TIME, ANSWER = 1, 2, 3, 4, 5, 7

AUTO, NOTE, ASK, STOP = "auto", "note", "ask", "stop"

INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
BLANKS = re.compile("[\t\r\n\x0b\x0c\u00a0\u1680\u2000-\u200a\u202f\u205f]")
WRAPPED = re.compile(r'\s*=\s*"(.*)"\s*', re.S)
ERRORS = re.compile(r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA|DATA!|FIELD!|BLOCKED!)")
SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[Ee]\+?\d{1,3}")
DASHES = {"-", "--", "---", "—", "——", "–", "/", "//", "\\", "―", "－", "／", "一一", "*", "."}
BRACKETED = re.compile(r"[(（\[【〔〈<《{]([^()（）\[\]【】〔〕〈〉<>《》{}]*)[)）\]】〕〉>》}]")
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af〇"
HAN_NAME = re.compile(rf"[{HAN}·\s]+")
DAMAGED = re.compile(
    rf"[?？□�■▯\ue000-\uf8ff\U000f0000-\U0010ffff]|[{HAN}][a-zāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü]+|[a-z]+[{HAN}]"
)
MIDDLE_DOTS = re.compile(rf"(?<=[{HAN}])\s*[.．•・‧∙⋅･●。｡]\s*(?=[{HAN}])")
MOBILE = re.compile(r"1[3-9]\d{9}")
LANDLINE = re.compile(r"0\d{2,3}-?\d{7,8}")


@dataclass(frozen=True)
class Found:
    """A fault of one cell. `asks` is "cell" or "label" where a person has to answer; `label` is the text asked about."""

    code: str
    action: str
    params: Mapping = field(default_factory=dict)
    asks: str = ""
    label: str = ""
    suggestion: str = ""


@dataclass(frozen=True)
class Cell:
    """A read cell: its value (None: blank), its faults, and of a date the precision, "d" or "m"."""

    value: object = None
    faults: tuple[Found, ...] = ()
    precision: str = ""


def ask(code: str, suggestion: str = "", **params) -> Found:
    return Found(code, ASK, params, "cell", "", suggestion)


def auto(code: str, **params) -> Found:
    return Found(code, AUTO, params)


def strip(text: str) -> tuple[str, bool]:
    """Return the text without wrapping and invisible characters (D3), and whether more than outer blanks went."""
    found = text
    if match := WRAPPED.fullmatch(text):
        text = match[1].replace('""', '"')
    text = INVISIBLE.sub("", text)
    text = BLANKS.sub(" ", text).strip(" ")
    if text[:1] in "'’‘`" and len(text) > 1:
        text = text[1:].strip(" ")
    return text, text != found.strip(" ")


def is_error(text: str) -> bool:
    """Return whether the cell holds a spreadsheet error such as #REF! (D14)."""
    return ERRORS.fullmatch(text.strip().upper()) is not None


def label_key(text: str) -> str:
    """Return a label as it is looked up: half-width, without blanks, invisible characters and closing points."""
    text = unicodedata.normalize("NFKC", strip(text)[0])
    return re.sub(r"\s", "", text).rstrip("。.;,、!")


def number_text(value: float) -> str:
    """Return a numeric cell as text: whole numbers below 10^15 without exponent or point (D2)."""
    if value == value and abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return repr(value)


# --- official numbers --------------------------------------------------------------------------------------------


def _digits_lost(text: str, tag: int) -> bool:
    """Return whether Excel has thrown digits away: a number cell of 16 digits and more, or an exponent (D1)."""
    if tag == NUMBER:
        try:
            return abs(float(text)) >= 1e15
        except ValueError:
            return False
    return tag != ANSWER and SCIENTIFIC.fullmatch(text) is not None


def _number(text: str, tag: int) -> tuple[str, list[Found]]:
    """Return an official number without dirt, and what was done: D2, D3, D4."""
    faults = []
    clean, stripped = strip(text)
    wide = unicodedata.normalize("NFKC", clean)
    close = re.sub(r"\s", "", wide)
    if stripped or close != wide.strip():
        faults.append(auto("D3"))
    if wide != clean:
        faults.append(auto("D4"))
    if tag == NUMBER or re.fullmatch(r"\d{1,15}\.0+", close):
        close = re.sub(r"\.0+$", "", close)
        faults.append(auto("D2"))
    return close, faults


def opaque(text: str, tag: int = TEXT) -> Cell:
    """Read an official number that is kept as text, at most 32 characters."""
    clean, faults = _number(text, tag)
    if tag in (DATE, TIME):
        return Cell(None, (ask("D6", kind="number"),))
    if _digits_lost(clean, tag):
        return Cell(None, (ask("D1"),))
    if clean in DASHES:
        return Cell(None, (auto("D14", blank=True),))
    if len(clean) > NUMBER_CHARS:
        return Cell(None, (*faults, ask("D3", kind="long", most=NUMBER_CHARS)))
    return Cell(clean or None, tuple(faults))


def card(text: str, tag: int = TEXT) -> Cell:
    """Read a bank card or passbook number; hyphens between groups go with the blanks."""
    found = opaque(text, tag)
    if found.value and re.fullmatch(r"\d+(?:-\d+)+", found.value):
        return Cell(found.value.replace("-", ""), (*found.faults, auto("D3")))
    return found


def id_number(text: str, tag: int = TEXT) -> Cell:
    """Read an identity or disability certificate number; what is wrong in it is stored, rules find it.

    O for 0 and l for 1 are put right only where the check digit then holds, otherwise a person is asked (D4).
    """
    if tag in (DATE, TIME):
        return Cell(None, (ask("D6", kind="number"),))
    clean, faults = _number(text, tag)
    if _digits_lost(clean, tag):
        return Cell(None, (ask("D1"),))
    if clean in DASHES or clean in ("无", "没有", "暂无", "未办"):
        return Cell(None, (auto("D14", blank=True),))
    upper = idnumber.normalise(clean)
    if upper != clean:
        faults.append(auto("D4"))
    if len(upper) > NUMBER_CHARS:
        return Cell(None, (*faults, ask("D3", kind="long", most=NUMBER_CHARS)))
    if re.search(r"[OIL|]", upper) and len(upper) in idnumber.LENGTHS:
        fixed = re.sub(r"[IL|]", "1", upper.replace("O", "0"))
        first = fixed[:18]
        if re.fullmatch(r"\d{17}[\dX]", first, re.A) and idnumber.check_character(first[:17]) == first[17]:
            upper = fixed
            faults.append(auto("D4", letters=True))
        elif tag != ANSWER and re.fullmatch(r"\d{15}|\d{17}[\dX].*", fixed, re.A):
            return Cell(None, (*faults, ask("D4", fixed)))
    if len(upper) in (20, 22) and re.fullmatch(r"\d{17}[\dX]", upper[:18], re.A):
        faults.append(auto("D19"))
    if len(faults) > 1:
        faults = list({fault.code: fault for fault in faults}.values())
    return Cell(upper or None, tuple(faults))


def phone(text: str, tag: int = TEXT) -> Cell:
    """Read a telephone number; of several the first is primary (D18). What fits no pattern is stored as it stands."""
    if tag in (DATE, TIME):
        return Cell(None, (ask("D6", kind="number"),))
    clean, _ = strip(text)
    if _digits_lost(clean.replace(" ", ""), tag):
        return Cell(None, (ask("D1"),))
    if clean in DASHES or clean in ("无", "没有", "暂无"):
        return Cell(None, (auto("D14", blank=True),))
    close, faults = _number(text, tag)
    close = re.sub(r"^(?:\+|00)?86-?(?=1[3-9][\d-]{9,11}$|0\d{2,3}-?\d{7,8}$)", "", close)
    joined = close.replace("-", "")
    if MOBILE.fullmatch(joined) or LANDLINE.fullmatch(close):
        value = joined if MOBILE.fullmatch(joined) else close
        dirty = [f for f in faults if f.code == "D4"] + ([auto("D18")] if value != clean and tag != NUMBER else [])
        return Cell(value, tuple([f for f in faults if f.code == "D2"] + dirty))
    if lost := _lost_zero(close):
        return Cell(lost, (auto("D18", zero=True),))
    several = _several(unicodedata.normalize("NFKC", clean))
    if several:
        return Cell(several[0], (auto("D18", count=len(several)),))
    if len(close) > NUMBER_CHARS:
        return Cell(None, (*faults, ask("D18")))
    return Cell(close or None, tuple(faults))


def _lost_zero(number: str) -> str:
    """Return a land line with the leading zero Excel took, or nothing; 10 is the only area code that begins with 1."""
    if re.fullmatch(r"(?:10|2\d)-?\d{8}|[3-9]\d{2}-?\d{7,8}", number) and 9 <= len(number.replace("-", "")) <= 11:
        return "0" + number
    return ""


def _several(text: str) -> list[str]:
    """Return the numbers of a cell that holds more than one, or one with a remark."""
    joined = re.sub(r"(?<=\d)[\s-](?=\d)", "", text)
    numbers = re.findall(r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8})(?!\d)", text)
    if not numbers and re.fullmatch(r"(?:1[3-9]\d{9}){2,3}", joined):
        numbers = [joined[at : at + 11] for at in range(0, len(joined), 11)]
    return numbers or re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", joined)


# --- words -------------------------------------------------------------------------------------------------------


def name(text: str, tag: int = TEXT) -> Cell:
    """Read a personal name: blanks in Han names and bracketed remarks go (D5); a damaged name is asked about (D21)."""
    clean, stripped = strip(text)
    faults = [auto("D3")] if stripped else []
    if clean in DASHES:
        return Cell(None, (auto("D14", blank=True),))
    remarks = [remark.strip() for remark in BRACKETED.findall(clean)]
    if remarks:
        rest = BRACKETED.sub("", clean).strip()
        if rest:
            clean = rest
            faults.append(Found("D5", NOTE, {"remark": "、".join(filter(None, remarks))}))
    if DAMAGED.search(clean) and tag != ANSWER:
        return Cell(None, (*faults, ask("D21")))
    folded = MIDDLE_DOTS.sub("·", unicodedata.normalize("NFKC", clean.replace("　", " ")))
    if folded != clean.replace("　", " "):
        faults.append(auto("D4"))
    close = re.sub(r"\s+", "" if HAN_NAME.fullmatch(folded) else " ", folded).strip()
    if close != folded or "　" in clean:
        faults.append(auto("D5"))
    if len(close) > NAME_CHARS:
        return Cell(None, (*faults, ask("D3", kind="long", most=NAME_CHARS)))
    if close[:1] in ("=", "+", "-", "@"):
        faults.append(Found("D24", NOTE))
    return Cell(close or None, tuple(faults))


def text(found: str, tag: int = TEXT) -> Cell:
    """Read free text, at most 500 characters; text that a spreadsheet would compute is stored and noted (D24)."""
    clean, stripped = strip(found)
    faults = [auto("D3")] if stripped else []
    if clean in DASHES:
        return Cell(None, ())
    clean = re.sub(r"  +", " ", clean.strip("　 "))
    if len(clean) > TEXT_CHARS:
        return Cell(None, (*faults, ask("D3", kind="long", most=TEXT_CHARS)))
    if clean[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠"):
        faults.append(Found("D24", NOTE))
    return Cell(clean or None, tuple(faults))


def region(found: str, tag: int = TEXT) -> Cell:
    """Read a place name; which place it is, the region tree decides (D17)."""
    clean, stripped = strip(found)
    close = re.sub(r"\s", "", unicodedata.normalize("NFKC", clean))
    if close in DASHES:
        return Cell(None, ())
    if len(close) > NAME_CHARS:
        return Cell(None, (ask("D3", kind="long", most=NAME_CHARS),))
    return Cell(close or None, (auto("D3"),) if stripped else ())


# --- labels ------------------------------------------------------------------------------------------------------

YES_NO = dict.fromkeys(("是", "有", "1", "√", "Y", "已", "TRUE", "yes"), "1") | dict.fromkeys(
    ("否", "无", "0", "×", "N", "未", "FALSE", "no"), "0"
)
YES_NO_VARIANTS = dict.fromkeys(
    "对 ✓ ✔ ☑ y Yes YES true True T t 有的 是的 已参加 参加 已享受 享受 已消除 消除 已解决 解决 已通 通 已加入 加入 已有 "
    "已达标 达标 安全 已落实 已参保 参保 v V 1.0".split(),
    "1",
) | dict.fromkeys(
    "错 ✗ ✘ ✕ x X n No NO false False F f 没有 不是 未参加 没参加 不参加 未享受 不享受 未消除 没消除 未解决 没解决 未通 "
    "不通 未加入 没加入 未有 未达标 不安全 未落实 未参保 0.0".split(),
    "0",
)


@dataclass(frozen=True)
class Labels:
    """The accepted spellings of a column: exact ones, other known ones, and what people have answered before."""

    exact: Mapping[str, str]
    variants: Mapping[str, str]
    answered: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, codes, answered: Mapping[str, str] | None = None) -> "Labels":
        """Build the tables of a CodeList, or of yes and no where `codes` is None. Keys of `answered` are label keys."""
        answered = {label_key(text): code for text, code in (answered or {}).items()}
        if codes is None:
            answered = {text: {"yes": "1", "no": "0", "是": "1", "否": "0"}.get(c, c) for text, c in answered.items()}
            return cls(YES_NO, YES_NO_VARIANTS, answered)
        exact = {label_key(label): code for code, label in codes.labels.items()}
        exact = {code: code for code in codes.labels} | exact
        width = {len(code) for code in codes.labels if code.isdigit()}
        if width == {2}:  # a number cell has lost the zero of "04"
            exact |= {str(int(code)): code for code in codes.labels if code.isdigit() and str(int(code)) not in exact}
        return cls(exact, {label_key(text): code for text, code in codes.synonyms.items()}, answered)

    def find(self, key: str) -> tuple[str | None, bool]:
        """Return (code, as written): (None, False) where nobody knows the label."""
        if key in self.answered:
            return self.answered[key], False
        if key in self.exact:
            return self.exact[key], True
        if key in self.variants:
            return self.variants[key], False
        bare = BRACKETED.sub("", key)
        if bare and bare != key:
            return self.find(bare)[0], False
        return None, False

    def suggest(self, key: str) -> str:
        close = get_close_matches(key, [*self.exact, *self.variants], 1, 0.6)
        return self.find(close[0])[0] or "" if close else ""


def code(found: str, tag: int, labels: Labels) -> Cell:
    """Read a label or a code (D13); an unknown one is asked about, once for all rows that carry it."""
    key = label_key(re.sub(r"\.0+$", "", found) if tag == NUMBER else found)
    if not key or key in DASHES:
        return Cell(None, (auto("D13", blank=True),) if key else ())
    value, exact = labels.find(key)
    if value is None:
        return Cell(None, (Found("D13", ASK, {"label": key}, "label", key, labels.suggest(key)),))
    return Cell(value or None, () if exact else (auto("D13", to=value),))


def several_codes(found: str, tag: int, labels: Labels) -> Cell:
    """Read several labels of one cell, split on 、 ， , / ; + and 及 (D13). The value is a list without repeats."""
    whole = code(found, tag, labels)
    if not any(fault.action == ASK for fault in whole.faults):
        return Cell([whole.value] if whole.value else None, whole.faults)
    values, faults = [], []
    pieces = re.split(r"[、,/;+|&和及与\s]+", unicodedata.normalize("NFKC", strip(found)[0]))
    for piece in filter(None, pieces):
        cell = code(piece, TEXT, labels)
        faults += cell.faults
        if cell.value and cell.value not in values:
            values.append(cell.value)
    return Cell(values or None, tuple(faults))


def yes_no(found: str, tag: int, labels: Labels) -> Cell:
    """Read yes or no; blank means unknown, never no. The value is True, False or None."""
    if tag == BOOL:
        return Cell(found == "TRUE")
    cell = code(found, tag, labels)
    return Cell({"1": True, "0": False}.get(cell.value), cell.faults)


def neutralise(found: str) -> str:
    """Return the text so that no spreadsheet computes it when it opens a CSV file (D24)."""
    risky = re.match("[\ufeff\\s\x00-\x1f]*[=+\\-@|%＝＋－＠\t\r]", found)
    return "'" + found if risky else found
