"""The faults of the household and income sheet."""

from households import codes
from households.sample.economy import Household
from households.sample.faults import (
    ASK,
    AUTO,
    NOTE,
    STOP,
    Block,
    catalogue,
    choose,
    full_width,
    han_name,
    hide,
    in_ten_thousands,
    lost_village,
    repeat_header,
    scientific,
    spaced,
    stem,
    subtotal,
    two_phones,
    village_office,
    write,
)
from poverty.xlsx import Cell

KINDS, add = catalogue("households")

add(
    "lost digits",
    "D1",
    ASK,
    choose(write("head_cert_no", scientific), write("card_no", float)),
)
add("number cell", "D2", AUTO, write("household_no", int, float))
add(
    "wrapped",
    "D3",
    AUTO,
    choose(
        write("head_cert_no", lambda text: f'="{text}"'),
        write("region_village", lambda text: text + "\u00a0"),
        write("household_no", lambda text: text + "\t"),
        write("head_name", lambda text: text + "\u200b"),
    ),
)
add("odd characters", "D4", AUTO, write("head_cert_no", full_width))
add(
    "spaced name",
    "D5",
    AUTO,
    write("head_name", " ".join),
    need=lambda p, _r: 0 if han_name(p[0]) else None,
)
add("subtotal", "D8", AUTO, subtotal)
add("header again", "D9", AUTO, repeat_header)


def _other_cause(block: Block, row: int, variant: int, home: Household) -> str:
    label = codes.CAUSE.labels[home.main_cause]
    if variant % 2 == 0 and label + "致贫" in codes.CAUSE.synonyms:
        block.put(row, "main_cause", label + "致贫")
        return "main_cause"
    block.put(row, "fuel", {"04": "液化气", "01": "柴火"}[home.fuel])
    return "fuel"


add("another label", "D13", AUTO, _other_cause)
add(
    "unknown label",
    "D13",
    ASK,
    choose(write("fuel", lambda _v: "松明"), write("main_cause", lambda _v: "因赌")),
)
add(
    "amount in words",
    "D14",
    AUTO,
    choose(
        write("gross", lambda v: f"{v:,.2f}", lambda v: f"{v}元", in_ten_thousands, lambda v: full_width(f"{v:,.2f}")),
        write("t_tekun", lambda v: v or "-", lambda v: v or "无", lambda v: v or "/"),
    ),
    need=lambda people, _rng: 0 if any(p.age < 60 for p in people) else None,  # then t_tekun is 0
)
add(
    "error value",
    "D14",
    STOP,
    write("wage", lambda _v: Cell("#REF!", error=True), lambda _v: "#N/A"),
)


def _ten_thousands(block: Block, row: int, _variant, home: Household) -> str:
    # Two decimals: a third would be rounded, which is a fault of its own.
    block.put(row, "net_pc", round(home.income["net_pc"] / 1_000_000, 2))
    return "net_pc"


add("unit mixed", "D15", ASK, _ten_thousands)
add("village spelt otherwise", "D17", AUTO, write("region_village", stem, village_office))
add(
    "village unknown",
    "D17",
    ASK,
    lost_village,
)


def _land_line(home: Household, _place, _ids, variant: int) -> None:
    if variant % 3 == 2:
        home.phone = f"0789{2_000_000 + home.index % 6_000_000}"


add(
    "phone",
    "D18",
    AUTO,
    choose(two_phones, write("phone", spaced), write("phone", lambda text: text[1:])),
    shape=_land_line,
)
add("hidden row", "D22", NOTE, hide)
add(
    "formula without a value",
    "D22",
    STOP,
    write("gross", lambda _v: Cell(formula="SUM(Q4:T4)")),
)
