"""The faults that are planted, each with the code, the place and the action that an import must answer with.

A `Kind` is one sort of fault. `need` picks the member it is planted on (or says that the family does not suit),
`shape` changes the family before its rows are made, `spoil` changes the rows. One household carries one fault, so
that every consequence can be told: a row that is held or refused leaves its household one member short (HH-03).
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from exchange.xlsx import EPOCH, Cell
from households import codes
from households.sample import names
from households.sample.economy import Household
from households.sample.families import DAUGHTER, FATHER, HEAD, MOTHER, OTHER, SON, SPOUSE, Person
from households.sample.people import IdNumbers
from households.sample.rows import P
from poverty.idnumber import check_character

AUTO, NOTE, ASK, STOP = "auto", "note", "ask", "stop"


@dataclass(slots=True)
class Fault:
    """A planted fault: `row` is the place in the block (0 first; -1 the header row), `value` what the cell holds."""

    row: int
    field: str
    code: str
    action: str
    value: object = None
    follows: str = ""  # the code of the fault that this one is a consequence of


@dataclass(slots=True)
class Block:
    """The rows of one household in one sheet, as they are going to be written."""

    rows: list[list]
    places: dict[str, int]  # field -> column
    faults: list[Fault] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)
    merged: bool = False  # household columns on the first row only, merged downwards
    repeat_header: bool = False
    subtotal: bool = False
    hold_back: bool = False  # the last row is written after the next household

    def put(self, row: int, name: str, value: object) -> None:
        self.rows[row][self.places[name]] = value

    def get(self, row: int, name: str):
        return self.rows[row][self.places[name]]

    def fault(self, row: int, name: str, code: str, action: str, **more) -> None:
        """Note a fault; what the cell holds is read when it is written."""
        self.faults.append(Fault(row, name, code, action, **more))

    def held(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.action in (ASK, STOP) and fault.row >= 0]


@dataclass(frozen=True)
class Kind:
    name: str
    sheet: str  # persons, households
    code: str
    action: str
    spoil: Callable | None = None  # (block, row, variant, home)
    need: Callable | None = None  # (people, rng) -> place of the member, or None
    shape: Callable | None = None  # (home, place, ids, variant)
    column: str = ""  # of the fault, where `spoil` does not say it
    pair: bool = False  # concerns the next household too


KINDS: list[Kind] = []


def _kind(name, sheet, code, action, spoil=None, **more) -> None:
    KINDS.append(Kind(name, sheet, code, action, spoil, **more))


# --- whom a fault is planted on ----------------------------------------------------------------------------------


def someone(*tests, head: bool = False) -> Callable:
    """Return a `need`: a member that passes all tests; the head, whose loss would change more, only if `head`."""

    def need(people: list[Person], rng: random.Random) -> int | None:
        found = [i for i, one in enumerate(people) if (i or head) and all(test(one) for test in tests)]
        return rng.choice(found) if found else None

    return need


def _han_name(one: Person) -> bool:
    return "·" not in one.name


def _able(one: Person) -> bool:
    return 18 <= one.age < 60 and one.able and not one.in_school


MEMBER = someone()
ANYONE = someone(head=True)


def _first(_people, _rng) -> int:
    return 0


def _two(people, _rng) -> int | None:
    return 0 if len(people) > 1 else None


# --- how a cell is spoilt: (block, row, variant, home) -------------------------------------------------------------


def _write(name: str, *values: Callable) -> Callable:
    """Return a `spoil` that rewrites the cell `name`, with one of several functions of its text in turn."""

    def spoil(block: Block, row: int, variant: int, _home) -> str:
        block.put(row, name, values[variant % len(values)](block.get(row, name)))
        return name

    return spoil


def _choose(*spoils: Callable) -> Callable:
    """Return a `spoil` that takes the given ones in turn."""
    return lambda block, row, variant, home: spoils[variant % len(spoils)](block, row, variant // len(spoils), home)


FULL_WIDTH = str.maketrans("0123456789X,.", "０１２３４５６７８９Ｘ，．")


def _full_width(text: str) -> str:
    return text.translate(FULL_WIDTH)


def _scientific(text: str) -> str:
    return f"{int(text[:17] + '0'):.5E}"


def _numeric(text: str) -> float:
    return float(text[:17] + "0")


def _stem(village: str) -> str:
    return village.removesuffix("社区").removesuffix("村")


def _village_office(village: str) -> str:
    return village + ("居委会" if village.endswith("社区") else "委会")


def _bad_check(text: str) -> str:
    return text[:17] + ("1" if text[17] == "X" else str((int(text[17]) + 1) % 10))


def _rebody(text: str, start: int, digits: str) -> str:
    body = text[:start] + digits + text[start + len(digits) : 17]
    return body + check_character(body)


def _in_ten_thousands(value: float) -> str:
    return f"{round(value * 100) / 1_000_000:.6f}".rstrip("0").rstrip(".") + "万"


def _lost_village(block: Block, row: int, variant: int, _home) -> str:
    block.put(row, "region_village", names.LOST_VILLAGES[variant % len(names.LOST_VILLAGES)])
    return "region_village"


# --- the person roster ---------------------------------------------------------------------------------------------

_kind("lost digits", "persons", "D1", ASK, _write("cert_no", _scientific, _numeric), need=MEMBER)
_kind("number cell", "persons", "D2", AUTO, _write("household_no", int, float), need=ANYONE)
_kind(
    "wrapped",
    "persons",
    "D3",
    AUTO,
    _choose(
        _write("cert_no", lambda text: f'="{text}"', lambda text: "'" + text),
        _write("name", lambda text: "\ufeff" + text, lambda text: text[0] + "\u200b" + text[1:]),
        _write("region_village", lambda text: text + "\u00a0", lambda text: text + "\n"),
        _write("household_no", lambda text: text + "\t", lambda text: "\u200b" + text),
    ),
    need=ANYONE,
)


def _end_with_x(home: Household, place: int, ids: IdNumbers, variant: int) -> None:
    if variant % 4 in (1, 2):
        one = home.people[place]
        one.cert_no = ids.take(one.born, one.sex, ending="X")


_kind(
    "odd characters",
    "persons",
    "D4",
    AUTO,
    _write(
        "cert_no",
        _full_width,
        str.lower,
        lambda text: text.replace("X", "Ｘ"),
        lambda text: text[:4] + "O" + text[5].replace("1", "l") + text[6:],
    ),
    need=ANYONE,
    shape=_end_with_x,
)
_kind(
    "letters, digits wrong",
    "persons",
    "D4",
    ASK,
    _write("cert_no", lambda t: _bad_check(t).replace("0", "O", 1)),
    need=MEMBER,
)
_kind("spaced name", "persons", "D5", AUTO, _write("name", " ".join), need=someone(_han_name, head=True))
_kind(
    "remark in the name",
    "persons",
    "D5",
    NOTE,
    _write("name", lambda text: text + "(外出务工)", lambda text: text + "(小名阿山)"),
    need=someone(_han_name, head=True),
)


def _serial(text: str) -> int:
    return (dt.date.fromisoformat(text) - EPOCH).days


_kind(
    "other dates",
    "persons",
    "D6",
    AUTO,
    _choose(
        _write("birth_date", _serial, lambda text: f"{text[:4]}年{int(text[5:7])}月"),
        _write(
            "person_recog", lambda text: f"{text[:4]}.{int(text[5:7])}.{int(text[8:])}", lambda t: t.replace("-", "")
        ),
    ),
    need=someone(head=True),
)
_kind(
    "two readings of a date",
    "persons",
    "D6",
    ASK,
    _write("birth_date", lambda text: f"{text[5:7]}/{text[8:]}/{text[:4]}"),
    need=someone(lambda one: one.born.day <= 12 and one.born.day != one.born.month),
)


def _merge(block: Block, _row, _variant, _home) -> str:
    block.merged = True
    return "household_no"


def _subtotal(block: Block, *_rest) -> None:
    block.subtotal = True  # the fault is noted where the row is written


def _repeat_header(block: Block, *_rest) -> None:
    block.repeat_header = True


def _hold_back(block: Block, *_rest) -> str:
    block.hold_back = True
    return "household_no"


_kind("merged cells", "persons", "D7", AUTO, _merge, need=_two)
_kind("subtotal", "persons", "D8", AUTO, _subtotal, need=_first)
_kind("header again", "persons", "D9", AUTO, _repeat_header, need=_first)
_kind("interleaved", "persons", "D11", AUTO, _hold_back, need=_two, pair=True)

_OTHER_LABELS = (
    ("ethnicity", "壮族", "壮"),
    ("relation", "之女", "女儿"),
    ("relation", "之子", "儿子"),
    ("education", "初中", "初中毕业"),
    ("work_area", "省外", "省外务工"),
    ("labour", "普通劳动力", "有劳动能力"),
    ("ethnicity", "瑶族", "瑶"),
    ("ethnicity", "汉族", "汉"),
    ("health", "健康", "良好"),
)
_UNKNOWN_LABELS = (("education", "扫盲班结业"), ("relation", "干亲"), ("labour", "能干轻活"), ("health", "腰腿不便"))


def _other_label(block: Block, row: int, variant: int, _home) -> str:
    fitting = [(name, word) for name, label, word in _OTHER_LABELS if block.get(row, name) == label]
    name, word = fitting[variant % len(fitting)]
    block.put(row, name, word)
    return name


def _unknown_label(block: Block, row: int, variant: int, _home) -> str:
    name, word = _UNKNOWN_LABELS[variant % len(_UNKNOWN_LABELS)]
    block.put(row, name, word)
    return name


_kind(
    "another label",
    "persons",
    "D13",
    AUTO,
    _other_label,
    need=someone(lambda one: one.ethnicity in ("08", "13", "01"), head=True),
)
_kind("unknown label", "persons", "D13", ASK, _unknown_label, need=MEMBER)
_kind(
    "amount in words",
    "persons",
    "D14",
    AUTO,
    _write("net_pc", lambda v: f"{v}元", lambda v: f"{v:,}", _in_ten_thousands, lambda v: _full_width(f"{v:,}")),
    need=ANYONE,
)
_kind(
    "error value",
    "persons",
    "D14",
    STOP,
    _write("work_wage", lambda _v: Cell("#REF!", error=True), lambda _v: "#N/A"),
    need=MEMBER,
)
_kind("village spelt otherwise", "persons", "D17", AUTO, _write("region_village", _stem, _village_office), need=ANYONE)
_kind(
    "village unknown",
    "persons",
    "D17",
    ASK,
    _lost_village,
    need=MEMBER,
)


def _two_phones(block: Block, row: int, variant: int, home: Household) -> str:
    other = second_phone(home.index)
    block.put(row, "phone", home.phone + ("、", "/")[variant % 2] + other)
    return "phone"


def _spaced(text: str) -> str:
    return f"{text[:3]} {text[3:7]} {text[7:]}"


_kind("phone", "persons", "D18", AUTO, _choose(_write("phone", _spaced), _two_phones), need=ANYONE)


def _certificate(block: Block, row: int, variant: int, home: Household) -> str:
    one = home.people[row]
    block.put(row, "cert_no", one.cert_no + one.dis_type + one.dis_level + ("B1" if variant % 3 == 2 else ""))
    block.put(row, "cert_type", "残疾人证")
    return "cert_no"


_kind("disability certificate", "persons", "D19", AUTO, _certificate, need=someone(lambda one: one.dis_type))


def _twice(block: Block, row: int, _variant, _home) -> str:
    """Put an older copy of the row above it: the later one counts."""
    older = block.rows[row].copy()
    older[P["political"]] = None
    block.rows.insert(row, older)
    block.skipped.add(row)
    return "person_no"


_kind("same number twice", "persons", "D20", AUTO, _twice, need=MEMBER)
_kind(
    "damaged name",
    "persons",
    "D21",
    ASK,
    _write(
        "name",
        lambda text: text[0] + "?" + text[2:],
        lambda text: text[0] + "□" + text[2:],
        lambda text: text[0] + "\ue5f1",
    ),
    need=someone(_han_name),
)


def _hide(block: Block, row: int, *_rest) -> str:
    block.hidden.add(row)
    return "household_no"


_kind("hidden row", "persons", "D22", NOTE, _hide, need=MEMBER)
_kind(
    "formula without a value",
    "persons",
    "D22",
    STOP,
    _write("work_wage", lambda _v: Cell(formula="1200+800")),
    need=MEMBER,
)

# --- rule cases on persons -----------------------------------------------------------------------------------------

_kind(
    "length",
    "persons",
    "ID-02",
    NOTE,
    _write("cert_no", lambda t: t[:9] + t[10:], lambda t: t[:12] + "0" + t[12:]),
    need=MEMBER,
)
_kind(
    "fifteen digits",
    "persons",
    "ID-03",
    NOTE,
    _write("cert_no", lambda text: text[:6] + text[8:17]),
    need=someone(lambda one: one.born.year < 2000),
)
_kind(
    "characters",
    "persons",
    "ID-04",
    NOTE,
    _write("cert_no", lambda t: t[:15] + "A" + t[16:], lambda t: "K" + t[1:]),
    need=MEMBER,
)
_kind("check digit", "persons", "ID-05", NOTE, _write("cert_no", _bad_check), need=MEMBER)
_kind(
    "impossible birthday",
    "persons",
    "ID-06",
    NOTE,
    _write("cert_no", lambda t: _rebody(t, 10, f"{int(t[10:12]) + 12}"), lambda t: _rebody(t, 6, f"{int(t[6:8]) + 2}")),
    need=MEMBER,
)


def _other_sex(home: Household, place: int, ids: IdNumbers, _variant) -> None:
    one = home.people[place]
    one.cert_no = ids.take(one.born, "2" if one.sex == "1" else "1")


def _other_birthday(home: Household, place: int, ids: IdNumbers, _variant) -> None:
    """Take a number of another day of the same month, so that the age stays what it is."""
    one = home.people[place]
    one.cert_no = ids.take(one.born.replace(day=one.born.day % 28 + 1), one.sex)


_kind("sex", "persons", "ID-09", NOTE, column="sex", need=MEMBER, shape=_other_sex)
_kind("birthday", "persons", "ID-10", NOTE, column="birth_date", need=MEMBER, shape=_other_birthday)


def _member_twice(home: Household, place: int, _ids, _variant) -> None:
    home.people.insert(place + 1, replace(home.people[place]))


def _both_rows(block: Block, row: int, _variant, _home) -> str:
    block.fault(row + 1, "cert_no", "ID-11", NOTE)
    return "cert_no"


_kind(
    "twice in a household",
    "persons",
    "ID-11",
    NOTE,
    _both_rows,
    need=someone(lambda one: one.relation in (SON, DAUGHTER) and one.age < 16),
    shape=_member_twice,
)
_kind(
    "in two households",
    "persons",
    "ID-12",
    NOTE,
    column="cert_no",
    need=someone(lambda one: one.relation in (FATHER, MOTHER) and one.age <= 82),
    pair=True,
)


def _no_head(block: Block, *_rest) -> str:
    block.put(0, "relation", codes.RELATION.labels[OTHER])
    return "household_no"


def _second_head(block: Block, row: int, *_rest) -> str:
    block.put(row, "relation", codes.RELATION.labels[HEAD])
    return "household_no"


def _wrong_size(home: Household, _place, _ids, variant: int) -> None:
    home.size = len(home.people) + (1 if variant % 2 or len(home.people) == 1 else -1)


_kind("no head", "persons", "HH-01", NOTE, _no_head, need=_two)
_kind("two heads", "persons", "HH-02", NOTE, _second_head, need=someone(_able, lambda one: one.relation != SPOUSE))
_kind("size", "persons", "HH-03", NOTE, column="household_no", need=_first, shape=_wrong_size)

# --- the household sheet -------------------------------------------------------------------------------------------

_kind(
    "lost digits (household)",
    "households",
    "D1",
    ASK,
    _choose(_write("head_cert_no", _scientific), _write("card_no", float)),
)
_kind("number cell (household)", "households", "D2", AUTO, _write("household_no", int, float))
_kind(
    "wrapped (household)",
    "households",
    "D3",
    AUTO,
    _choose(
        _write("head_cert_no", lambda text: f'="{text}"'),
        _write("region_village", lambda text: text + "\u00a0"),
        _write("household_no", lambda text: text + "\t"),
        _write("head_name", lambda text: text + "\u200b"),
    ),
)
_kind("odd characters (household)", "households", "D4", AUTO, _write("head_cert_no", _full_width))
_kind(
    "spaced name (household)",
    "households",
    "D5",
    AUTO,
    _write("head_name", " ".join),
    need=lambda p, _r: 0 if _han_name(p[0]) else None,
)
_kind("subtotal (household)", "households", "D8", AUTO, _subtotal)
_kind("header again (household)", "households", "D9", AUTO, _repeat_header)


def _other_cause(block: Block, row: int, variant: int, home: Household) -> str:
    label = codes.CAUSE.labels[home.main_cause]
    if variant % 2 == 0 and label + "致贫" in codes.CAUSE.synonyms:
        block.put(row, "main_cause", label + "致贫")
        return "main_cause"
    block.put(row, "fuel", {"04": "液化气", "01": "柴火"}[home.fuel])
    return "fuel"


_kind("another label (household)", "households", "D13", AUTO, _other_cause)
_kind(
    "unknown label (household)",
    "households",
    "D13",
    ASK,
    _choose(_write("fuel", lambda _v: "松明"), _write("main_cause", lambda _v: "因赌")),
)
_kind(
    "amount in words (household)",
    "households",
    "D14",
    AUTO,
    _choose(
        _write(
            "gross", lambda v: f"{v:,.2f}", lambda v: f"{v}元", _in_ten_thousands, lambda v: _full_width(f"{v:,.2f}")
        ),
        _write("t_tekun", lambda v: v or "-", lambda v: v or "无", lambda v: v or "/"),
    ),
    need=lambda people, _rng: 0 if any(p.age < 60 for p in people) else None,  # then t_tekun is 0
)
_kind(
    "error value (household)",
    "households",
    "D14",
    STOP,
    _write("wage", lambda _v: Cell("#REF!", error=True), lambda _v: "#N/A"),
)


def _ten_thousands(block: Block, row: int, _variant, home: Household) -> str:
    block.put(row, "net_pc", round(home.income["net_pc"] / 1_000_000, 4))
    return "net_pc"


_kind("unit mixed (household)", "households", "D15", ASK, _ten_thousands)
_kind(
    "village spelt otherwise (household)", "households", "D17", AUTO, _write("region_village", _stem, _village_office)
)
_kind(
    "village unknown (household)",
    "households",
    "D17",
    ASK,
    _lost_village,
)


def _land_line(home: Household, _place, _ids, variant: int) -> None:
    if variant % 3 == 2:
        home.phone = f"0789{2_000_000 + home.index % 6_000_000}"


_kind(
    "phone (household)",
    "households",
    "D18",
    AUTO,
    _choose(_two_phones, _write("phone", _spaced), _write("phone", lambda text: text[1:])),
    shape=_land_line,
)
_kind("hidden row (household)", "households", "D22", NOTE, _hide)
_kind(
    "formula without a value (household)",
    "households",
    "D22",
    STOP,
    _write("gross", lambda _v: Cell(formula="SUM(Q4:T4)")),
)


def second_phone(index: int) -> str:
    return phone(index + 50_000_000)


def phone(index: int) -> str:
    """Return a mobile number of the right form with a prefix that was never given to an operator; one per index."""
    return f"154{(index * 70_000_027 + 31_415_926) % 100_000_000:08}"
