"""The faults that are planted, each with the code, the place and the action that an import must answer with.

A `Kind` is one sort of fault. `need` picks the member it is planted on (or says that the family does not suit),
`shape` changes the family before its rows are made, `spoil` changes the rows. One household carries one fault, so
that every consequence can be told: a row that is held or refused leaves its household one member short (HH-03).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from households.sample import names
from households.sample.economy import Household, Wish
from households.sample.families import Person
from poverty.idnumber import check_character

AUTO, NOTE, ASK, STOP = "auto", "note", "ask", "stop"


@dataclass(slots=True)
class Fault:
    """A planted fault; `row` is the place in the block, 0 the first. What the cell holds is read when it is written."""

    row: int
    field: str
    code: str
    action: str
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
    size: int = 1  # households of one village, one after another, that it takes


@dataclass(frozen=True)
class Case:
    """A case for a data rule, planted so that it breaks that rule and, but for what `follows`, no other.

    `shape` changes the members before the household's year is settled, `after` what was settled, `cells` the rows of
    both sheets. `tell` gives further (rule, subject) that necessarily follow. `join` makes a household beside the first
    part of the case; `also_need` says which families may be that.
    """

    rule: str
    subject: str = "h"  # "h" household, "p" the person concerned, "" told by `tell` alone
    need: Callable | None = None
    wish: Wish = field(default_factory=Wish)
    shape: Callable | None = None  # (home, place, ids, turn)
    after: Callable | None = None  # (home, place, rng, turn)
    cells: Callable | None = None  # (persons, households, place, home, turn)
    follows: Callable | None = None  # (home, place) -> [(rule, subject)]
    join: Callable | None = None  # (home, first)
    also_need: Callable | None = None
    also: str = ""  # the subject in the households that join: "h", "p" or "" for none
    size: int = 1
    code: str = ""

    @property
    def name(self) -> str:
        return self.rule


def catalogue(sheet: str) -> tuple[list[Kind], Callable]:
    """Return the list of a sheet's kinds and the function that adds one: (name, code, action, spoil, **more)."""
    kinds: list[Kind] = []

    def add(name: str, code: str, action: str, spoil: Callable | None = None, **more) -> None:
        kinds.append(Kind(name, sheet, code, action, spoil, **more))

    return kinds, add


# --- whom a fault is planted on ----------------------------------------------------------------------------------


def someone(*tests, head: bool = False) -> Callable:
    """Return a `need`: a member that passes all tests; the head, whose loss would change more, only if `head`."""

    def need(people: list[Person], rng: random.Random) -> int | None:
        found = [i for i, one in enumerate(people) if (i or head) and all(test(one) for test in tests)]
        return rng.choice(found) if found else None

    return need


def beside(need: Callable, test: Callable) -> Callable:
    """Return `need`, of families in which another member passes the test: a list then speaks of their village at all."""

    def both(people: list[Person], rng: random.Random) -> int | None:
        place = need(people, rng)
        if place is None or not any(test(one) for number, one in enumerate(people) if number != place):
            return None
        return place

    return both


def pupil(one: Person) -> bool:
    return one.in_school


def anybody(_one: Person) -> bool:
    return True


def han_name(one: Person) -> bool:
    return "·" not in one.name


def able(one: Person) -> bool:
    return 18 <= one.age < 60 and one.able and not one.in_school


MEMBER = someone()
ANYONE = someone(head=True)


def first(_people, _rng) -> int:
    return 0


def two(people, _rng) -> int | None:
    return 0 if len(people) > 1 else None


# --- how a cell is spoilt: (block, row, variant, home) -------------------------------------------------------------


def write(name: str, *values: Callable) -> Callable:
    """Return a `spoil` that rewrites the cell `name`, with one of several functions of its text in turn."""

    def spoil(block: Block, row: int, variant: int, _home) -> str:
        block.put(row, name, values[variant % len(values)](block.get(row, name)))
        return name

    return spoil


def choose(*spoils: Callable) -> Callable:
    """Return a `spoil` that takes the given ones in turn."""
    return lambda block, row, variant, home: spoils[variant % len(spoils)](block, row, variant // len(spoils), home)


FULL_WIDTH = str.maketrans("0123456789X,.", "０１２３４５６７８９Ｘ，．")


def full_width(text: str) -> str:
    return text.translate(FULL_WIDTH)


def scientific(text: str) -> str:
    return f"{int(text[:17] + '0'):.5E}"


def numeric(text: str) -> float:
    return float(text[:17] + "0")


def stem(village: str) -> str:
    return village.removesuffix("社区").removesuffix("村")


def village_office(village: str) -> str:
    return village + ("居委会" if village.endswith("社区") else "委会")


def bad_check(text: str) -> str:
    return text[:17] + ("1" if text[17] == "X" else str((int(text[17]) + 1) % 10))


def rebody(text: str, start: int, digits: str) -> str:
    body = text[:start] + digits + text[start + len(digits) : 17]
    return body + check_character(body)


def in_ten_thousands(value: float) -> str:
    return f"{round(value * 100) / 1_000_000:.6f}".rstrip("0").rstrip(".") + "万"


def lost_village(block: Block, row: int, variant: int, _home) -> str:
    block.put(row, "region_village", names.LOST_VILLAGES[variant % len(names.LOST_VILLAGES)])
    return "region_village"


# --- what both sheets can show --------------------------------------------------------------------------------------


def subtotal(block: Block, *_rest) -> None:
    block.subtotal = True  # the fault is noted where the row is written


def repeat_header(block: Block, *_rest) -> None:
    block.repeat_header = True


def hide(block: Block, row: int, *_rest) -> str:
    block.hidden.add(row)
    return "household_no"


def two_phones(block: Block, row: int, variant: int, home: Household) -> str:
    other = second_phone(home.index)
    block.put(row, "phone", home.phone + ("、", "/")[variant % 2] + other)
    return "phone"


def spaced(text: str) -> str:
    return f"{text[:3]} {text[3:7]} {text[7:]}"


def second_phone(index: int) -> str:
    return phone(index + 50_000_000)


def phone(index: int) -> str:
    """Return a mobile number of the right form with a prefix that was never given to an operator; one per index."""
    return f"154{(index * 70_000_027 + 31_415_926) % 100_000_000:08}"
