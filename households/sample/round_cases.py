"""The cases that need earlier rounds, or a change of members: rosters of 2018 and 2019, changes recorded by hand."""

import random

from households.sample import families, people
from households.sample.departments import who
from households.sample.economy import Household, Wish
from households.sample.families import MALE, SON
from households.sample.faults import Case, someone

CASES: list[Case] = []


def case(rule: str, subject: str = "h", **more) -> None:
    CASES.append(Case(rule, subject, **more))


def settled(members, _rng) -> int | None:
    """A family in which nobody was born or came lately."""
    return 0 if all(one.age >= 3 for one in members) else None


def in_rounds(*years: int, **more):
    """Return an `after` that puts the household into earlier years' sheets, with what differs there."""

    def after(home: Household, place: int, _rng, _turn) -> None:
        home.rounds = {year: {"place": place, **more} for year in years}

    return after


def _grade(one) -> bool:
    return 13 <= one.age <= 15 and one.student_status in ("04", "05", "06")


case("CD-11", "p", need=lambda members, rng: someone(_grade)(members, rng) if settled(members, rng) == 0 else None,
     after=in_rounds(2018, 2019, grade="same"))  # fmt: skip
case("HH-13", "p", after=in_rounds(2019, missing=True),
     need=lambda members, rng: someone(lambda one: 23 <= one.age)(members, rng) if settled(members, rng) == 0 else None)  # fmt: skip
case(
    "IN-07",
    need=settled,
    after=lambda home, place, rng, turn: in_rounds(2019, scale=(35, 210)[turn % 2])(home, place, rng, turn),
)
# Nothing is wrong with these: all members in both years, income a little lower in the year before.
case("", "", need=settled, after=in_rounds(2019, scale=92))


def _grown_child(home: Household, _place, ids, _turn) -> None:
    """Add a son of working age, who is going to leave by a split of the household."""
    rng = random.Random(f"split/{home.index}")
    head = home.people[0]
    one = families.person(rng, SON, MALE, min(head.age - 26, 50))
    people.describe(rng, one)
    one.name = head.name[0] + "自立"
    one.ethnicity, one.cert_no = head.ethnicity, ids.take(one.born, one.sex)
    home.people.append(one)
    home.lists["elsewhere"] = [one.cert_no]


def _split(home: Household, _place, _rng, _turn) -> None:
    size = len(home.people) - 1
    per_head = (2 * home.income["net"] + size) // (2 * size)
    home.changes = [(size, "09", "2020-03-15", "分户", size, f"{per_head // 100}.{per_head % 100:02}")]


def _old_couple(members, _rng) -> int | None:
    return 0 if len(members) == 2 and all(one.age >= 60 for one in members) else None


case("HH-12", need=_old_couple, wish=Wish(idle=True), shape=_grown_child, after=_split)


def _worker_beside(members, _rng) -> int | None:
    """The head of a family that keeps somebody who can work when a grown child has left."""
    stays = any(23 <= one.age < 60 and one.able and not one.in_school for one in members)
    return 0 if members[0].age >= 46 and stays and all(one.age >= 3 for one in members) else None


def _owner_moved_out(home: Household, place: int, rng, turn: int) -> None:
    """Who has left the household owns a car: nobody of the household does."""
    _split(home, place, rng, turn)
    car = {"vehicle_type": "小型轿车", "status": "正常", "register_on": "2018-05-08", "value_yuan": 68_000}
    home.lists.setdefault("add", []).append(("vehicles", who(home.people[-1]) | car))


def _letter_for_a_digit(home: Household, place: int, _rng, _turn: int) -> None:
    """The police's list has the letter O for a 0 in a member's number: it is the member's all the same."""
    number = home.people[place].cert_no
    home.lists.setdefault("change", {})[("hukou", number)] = {"cert_no": number.replace("0", "O", 1)}


# Nothing is wrong with these either, whatever it looks like.
case("", "", need=_worker_beside, wish=Wish(idle=True), shape=_grown_child, after=_owner_moved_out)
case("", "", need=someone(lambda one: 23 <= one.age < 60), after=_letter_for_a_digit)


def _late_newborn(home: Household, place: int, _rng, turn: int) -> None:
    born = home.people[place].born
    late = born.replace(year=born.year + 2, day=min(born.day, 28))
    early = born.replace(year=born.year - 1, day=min(born.day, 28))
    home.changes = [(place, "06", (late, early)[turn % 2].isoformat(), "新生儿", None, None)]


case("HH-14", "p", need=someone(lambda one: 3 <= one.age <= 10), after=_late_newborn)
