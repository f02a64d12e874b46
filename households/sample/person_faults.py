"""The faults of the person roster: dirty cells of every sort, and the cases that data rules must find."""

import datetime as dt
from dataclasses import replace

from households import codes
from households.sample.economy import Household
from households.sample.families import DAUGHTER, FATHER, HEAD, MOTHER, OTHER, SON, SPOUSE
from households.sample.faults import (
    ANYONE,
    ASK,
    AUTO,
    MEMBER,
    NOTE,
    STOP,
    Block,
    able,
    bad_check,
    catalogue,
    choose,
    first,
    full_width,
    han_name,
    hide,
    in_ten_thousands,
    lost_village,
    numeric,
    rebody,
    repeat_header,
    scientific,
    someone,
    spaced,
    stem,
    subtotal,
    two,
    two_phones,
    village_office,
    write,
)
from households.sample.people import IdNumbers
from households.sample.rows import P
from poverty.xlsx import EPOCH, Cell

KINDS, add = catalogue("persons")

# --- dirty cells ---------------------------------------------------------------------------------------------------

add("lost digits", "D1", ASK, write("cert_no", scientific, numeric), need=MEMBER)
add("number cell", "D2", AUTO, write("household_no", int, float), need=ANYONE)
add(
    "wrapped",
    "D3",
    AUTO,
    choose(
        write("cert_no", lambda text: f'="{text}"', lambda text: "'" + text),
        write("name", lambda text: "\ufeff" + text, lambda text: text[0] + "\u200b" + text[1:]),
        write("region_village", lambda text: text + "\u00a0", lambda text: text + "\n"),
        write("household_no", lambda text: text + "\t", lambda text: "\u200b" + text),
    ),
    need=ANYONE,
)


def _end_with_x(home: Household, place: int, ids: IdNumbers, variant: int) -> None:
    if variant % 4 in (1, 2):
        one = home.people[place]
        one.cert_no = ids.take(one.born, one.sex, ending="X")


add(
    "odd characters",
    "D4",
    AUTO,
    write(
        "cert_no",
        full_width,
        str.lower,
        lambda text: text.replace("X", "Ｘ"),
        lambda text: text[:4] + "O" + text[5].replace("1", "l") + text[6:],
    ),
    need=ANYONE,
    shape=_end_with_x,
)
add(
    "letters, digits wrong",
    "D4",
    ASK,
    write("cert_no", lambda t: bad_check(t).replace("0", "O", 1)),
    need=MEMBER,
)
add("spaced name", "D5", AUTO, write("name", " ".join), need=someone(han_name, head=True))
add(
    "remark in the name",
    "D5",
    NOTE,
    write("name", lambda text: text + "(外出务工)", lambda text: text + "(小名阿山)"),
    need=someone(han_name, head=True),
)


def _serial(text: str) -> int:
    return (dt.date.fromisoformat(text) - EPOCH).days


add(
    "other dates",
    "D6",
    AUTO,
    choose(
        write("birth_date", _serial, lambda text: f"{text[:4]}年{int(text[5:7])}月"),
        write(
            "person_recog", lambda text: f"{text[:4]}.{int(text[5:7])}.{int(text[8:])}", lambda t: t.replace("-", "")
        ),
    ),
    need=someone(head=True),
)
add(
    "two readings of a date",
    "D6",
    ASK,
    write("birth_date", lambda text: f"{text[5:7]}/{text[8:]}/{text[:4]}"),
    need=someone(lambda one: one.born.day <= 12 and one.born.day != one.born.month),
)


def _merge(block: Block, _row, _variant, _home) -> str:
    block.merged = True
    return "household_no"


def _hold_back(block: Block, *_rest) -> str:
    block.hold_back = True
    return "household_no"


add("merged cells", "D7", AUTO, _merge, need=two)
add("subtotal", "D8", AUTO, subtotal, need=first)
add("header again", "D9", AUTO, repeat_header, need=first)
add("interleaved", "D11", AUTO, _hold_back, need=two, size=2)

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


add(
    "another label",
    "D13",
    AUTO,
    _other_label,
    need=someone(lambda one: one.ethnicity in ("08", "13", "01"), head=True),
)
add("unknown label", "D13", ASK, _unknown_label, need=MEMBER)
add(
    "amount in words",
    "D14",
    AUTO,
    write("net_pc", lambda v: f"{v}元", lambda v: f"{v:,}", in_ten_thousands, lambda v: full_width(f"{v:,}")),
    need=ANYONE,
)
add(
    "error value",
    "D14",
    STOP,
    write("work_wage", lambda _v: Cell("#REF!", error=True), lambda _v: "#N/A"),
    need=MEMBER,
)
add("village spelt otherwise", "D17", AUTO, write("region_village", stem, village_office), need=ANYONE)
add(
    "village unknown",
    "D17",
    ASK,
    lost_village,
    need=MEMBER,
)


add("phone", "D18", AUTO, choose(write("phone", spaced), two_phones), need=ANYONE)


def _certificate(block: Block, row: int, variant: int, home: Household) -> str:
    one = home.people[row]
    block.put(row, "cert_no", one.cert_no + one.dis_type + one.dis_level + ("B1" if variant % 3 == 2 else ""))
    block.put(row, "cert_type", "残疾人证")
    return "cert_no"


add("disability certificate", "D19", AUTO, _certificate, need=someone(lambda one: one.dis_type))


def _twice(block: Block, row: int, _variant, _home) -> str:
    """Put an older copy of the row above it: the later one counts."""
    older = block.rows[row].copy()
    older[P["political"]] = None
    block.rows.insert(row, older)
    block.skipped.add(row)
    return "person_no"


add("same number twice", "D20", AUTO, _twice, need=MEMBER)
add(
    "damaged name",
    "D21",
    ASK,
    write(
        "name",
        lambda text: text[0] + "?" + text[2:],
        lambda text: text[0] + "□" + text[2:],
        lambda text: text[0] + "\ue5f1",
    ),
    need=someone(han_name),
)


add("hidden row", "D22", NOTE, hide, need=MEMBER)
add(
    "formula without a value",
    "D22",
    STOP,
    write("work_wage", lambda _v: Cell(formula="1200+800")),
    need=MEMBER,
)

# --- rule cases on persons -----------------------------------------------------------------------------------------

add(
    "length",
    "ID-02",
    NOTE,
    write("cert_no", lambda t: t[:9] + t[10:], lambda t: t[:12] + "0" + t[12:]),
    need=MEMBER,
)
add(
    "fifteen digits",
    "ID-03",
    NOTE,
    write("cert_no", lambda text: text[:6] + text[8:17]),
    need=someone(lambda one: one.born.year < 2000),
)
add(
    "characters",
    "ID-04",
    NOTE,
    write("cert_no", lambda t: t[:15] + "A" + t[16:], lambda t: "K" + t[1:]),
    need=MEMBER,
)
add("check digit", "ID-05", NOTE, write("cert_no", bad_check), need=MEMBER)
add(
    "impossible birthday",
    "ID-06",
    NOTE,
    write("cert_no", lambda t: rebody(t, 10, f"{int(t[10:12]) + 12}"), lambda t: rebody(t, 6, f"{int(t[6:8]) + 2}")),
    need=MEMBER,
)


def _other_sex(home: Household, place: int, ids: IdNumbers, _variant) -> None:
    one = home.people[place]
    one.cert_no = ids.take(one.born, "2" if one.sex == "1" else "1")


def _other_birthday(home: Household, place: int, ids: IdNumbers, _variant) -> None:
    """Take a number of another day of the same month, so that the age stays what it is."""
    one = home.people[place]
    one.cert_no = ids.take(one.born.replace(day=one.born.day % 28 + 1), one.sex)


def _alone(people, _rng) -> int | None:
    """A head without a spouse: nobody's relation to whom says what the own sex is."""
    return 0 if people[0].relation == HEAD and all(one.relation != SPOUSE for one in people) else None


add("sex", "ID-09", NOTE, column="sex", need=_alone, shape=_other_sex)
add("birthday", "ID-10", NOTE, column="birth_date", need=MEMBER, shape=_other_birthday)


def _member_twice(home: Household, place: int, _ids, _variant) -> None:
    home.people.insert(place + 1, replace(home.people[place]))


def _both_rows(block: Block, row: int, _variant, _home) -> str:
    block.fault(row + 1, "cert_no", "ID-11", NOTE)
    return "cert_no"


add(
    "twice in a household",
    "ID-11",
    NOTE,
    _both_rows,
    need=someone(lambda one: one.relation in (SON, DAUGHTER) and one.age < 16),
    shape=_member_twice,
)
add(
    "in two households",
    "ID-12",
    NOTE,
    column="cert_no",
    need=someone(lambda one: one.relation in (FATHER, MOTHER) and one.age <= 82),
    size=2,
)


def _no_head(block: Block, *_rest) -> str:
    block.put(0, "relation", codes.RELATION.labels[OTHER])
    return "household_no"


def _second_head(block: Block, row: int, *_rest) -> str:
    block.put(row, "relation", codes.RELATION.labels[HEAD])
    return "household_no"


def _wrong_size(home: Household, _place, _ids, variant: int) -> None:
    home.size = len(home.people) + (1 if variant % 2 or len(home.people) == 1 else -1)


add("no head", "HH-01", NOTE, _no_head, need=two)
add("two heads", "HH-02", NOTE, _second_head, need=someone(able, lambda one: one.relation != SPOUSE))
add("size", "HH-03", NOTE, column="household_no", need=first, shape=_wrong_size)
