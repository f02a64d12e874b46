"""The household exit test of Guangxi (八有一超), item by item, from what the register holds.

Each item is "pass", "fail" or "unknown" (nothing on file: blank is not "no"), and a failure has a reason. Source: the
autonomous region's exit standard as in DOMAIN 5.3; national minimum: two no-worries, three guarantees, safe water. What it
asks for in figures are dated values of an area (`NEEDS`), which the household's row carries beside it.
"""

from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

# {column of the row: (key of the dated value, as shipped)}. Paddy and dry land are not told apart on file.
NEEDS = {
    "need_m2": ("exit.floor_m2", "13"),
    "need_arable": ("exit.arable_mu", "1"),
    "need_orchard": ("exit.orchard_mu", "1.5"),
    "need_forest": ("exit.forest_mu", "5"),
    "need_months": ("exit.months_away", "6"),
}
LAND = {"arable_mu": "need_arable", "orchard_mu": "need_orchard", "forest_mu": "need_forest"}


@dataclass(frozen=True)
class Reason:
    """Why an item is failed: a condition over the household's row, and the value that shows it."""

    key: str
    title: str
    where: str
    value: str  # SQL for a text


@dataclass(frozen=True)
class Item:
    key: str
    title: str
    known: str  # SQL: something is on file
    reasons: tuple[Reason, ...]


_LAND = " OR ".join(f"{name} >= {need} * greatest(living, 1)" for name, need in LAND.items())
STABLE = (
    f"({_LAND} OR coalesce(business_yuan, 0) > 0 OR longest_work >= need_months OR coop OR leading_firm OR rich_leader"
    " OR (able = 0 AND in_support > 0))"
)
ITEMS = (
    Item(
        "x1",
        _("Stable income, food and clothing"),
        "year IS NOT NULL",
        (
            Reason(
                "income",
                _("no land, trade, work away or support on file"),
                f"{STABLE} IS NOT TRUE",
                "coalesce(arable_mu, 0)::text",
            ),
        ),
    ),
    Item(
        "x2",
        _("Safe housing"),
        "coalesce(house_grade, '') <> '' OR house_dangerous IS NOT NULL",
        (
            Reason(
                "grade",
                _("house of grade C or D"),
                "(house_grade IN ('C', 'D') OR (coalesce(house_grade, '') = '' AND house_dangerous))",
                "coalesce(nullif(house_grade, ''), '')",
            ),
            Reason(
                "floor",
                _("too little floor for each person, m²"),
                "house_m2 < need_m2 * living",
                "round(house_m2 / nullif(living, 0), 1)::text || ' < ' || trim_scale(need_m2)::text",
            ),
        ),
    ),
    Item(
        "x3",
        _("Basic medical insurance"),
        "living > 0 AND insurance_unknown = 0 AND cover_unknown = 0",
        (
            Reason("uninsured", _("members without insurance"), "uninsured > 0", "uninsured::text"),
            Reason("critical", _("members without critical-illness cover"), "uncovered > 0", "uncovered::text"),
        ),
    ),
    Item(
        "x4",
        _("Compulsory education"),
        "living > 0",
        (Reason("dropout", _("children not at school"), "dropouts > 0", "dropouts::text"),),
    ),
    Item(
        "x5",
        _("Safe drinking water"),
        "water_safe IS NOT NULL",
        (
            Reason("unsafe", _("water not safe"), "water_safe IS FALSE", "''"),
            Reason("hard", _("water hard to get"), "water_hard", "''"),
        ),
    ),
    Item(
        "x6",
        _("Road to the house"),
        "coalesce(road_type, '') <> ''",
        (Reason("earth", _("earth road"), "road_type = '01'", "''"),),
    ),
    Item(
        "x7",
        _("Electricity at home"),
        "power_home IS NOT NULL",
        (Reason("power", _("no electricity"), "power_home IS FALSE", "''"),),
    ),
    Item(
        "x8",
        _("Radio and television"),
        "tv IS NOT NULL",
        (Reason("tv", _("no television"), "tv IS FALSE", "''"),),
    ),
    Item(
        "x9",
        _("Income above the line"),
        "net_pc_yuan IS NOT NULL AND line_yuan IS NOT NULL",
        (Reason("line", _("income below the line of its year"), "net_pc_yuan < line_yuan", "net_pc_yuan::text"),),
    ),
)
BY_KEY = {item.key: item for item in ITEMS}


def failed(item: Item) -> str:
    return "(" + " OR ".join(f"({reason.where})" for reason in item.reasons) + ")"


def state(item: Item) -> str:
    """SQL: "fail" where a reason says so, "pass" where what is on file says so, else "unknown"."""
    known = failed(item)
    if item.key == "x1":  # nothing that speaks for it is a failure only where the year's sheet is there at all
        return f"CASE WHEN {STABLE} THEN 'pass' WHEN {item.known} THEN 'fail' ELSE 'unknown' END"
    return f"CASE WHEN {known} THEN 'fail' WHEN {item.known} THEN 'pass' ELSE 'unknown' END"


def columns() -> str:
    """SQL: the nine states, and how many items are passed and failed."""
    states = {item.key: state(item) for item in ITEMS}
    named = ", ".join(f"{sql} AS {key}" for key, sql in states.items())
    passed = " + ".join(f"(({sql}) = 'pass')::int" for sql in states.values())
    failures = " + ".join(f"(({sql}) = 'fail')::int" for sql in states.values())
    return f"{named}, {passed} AS items_passed, {failures} AS items_failed"


def reasons() -> str:
    """SQL: an array of "item.reason:value" of what a household fails."""
    found = [
        f"CASE WHEN {item.key} = 'fail' AND ({reason.where}) THEN '{item.key}.{reason.key}:' || coalesce({reason.value}, '') END"
        for item in ITEMS
        for reason in item.reasons
    ]
    return f"array_remove(ARRAY[{', '.join(found)}], NULL)"


def words(code: str) -> str:
    """Return what one of `reasons` says: why the household fails, and the value that shows it."""
    key, _colon, value = code.partition(":")
    item, _dot, reason = key.partition(".")
    title = gettext(next(one.title for one in BY_KEY[item].reasons if one.key == reason))
    return f"{title} ({value})" if value else title
