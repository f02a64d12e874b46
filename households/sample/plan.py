"""Which household carries which fault or rule case, and the making of one household after another."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from households.sample import economy, families, household_faults, ledger, people, person_faults, rule_cases
from households.sample.economy import Household, Wish
from households.sample.families import FATHER, MALE, SPOUSE, Person
from households.sample.faults import ASK, STOP, Case, Kind, phone
from households.sample.geography import Map

KINDS = (*person_faults.KINDS, *household_faults.KINDS)
CASES = rule_cases.CASES
WRONGLY_IN, GAPS = rule_cases.WRONGLY_IN, rule_cases.GAPS
ROWS_PER_HOUSEHOLD = 5  # about four persons and the household itself
FAULTS_PER_ROW = 0.0125
CASES_PER_HOUSEHOLD = 0.02
# Persons whose identity as poor was wrong, by the reference county's own count.
WRONG_PERSONS, REFERENCE = 1742, 75_337
ATTEMPTS = 2000


def wrong_persons(households: int) -> int:
    """Return how many persons of a register of that size stand in it wrongly."""
    return (2 * WRONG_PERSONS * households + REFERENCE) // (2 * REFERENCE)


class Stream:
    """An endless series of kinds in rounds: each kind once, in an order of its own, before any comes again."""

    def __init__(self, name: str, seed: int, kinds: tuple):
        self._name, self._seed, self._kinds, self._number = name, seed, kinds, 0
        self._order: list = []

    def next(self):
        """Return the next kind and how often it came before."""
        turn, place = divmod(self._number, len(self._kinds))
        if place == 0:
            self._order = random.Random(f"{self._seed}/{self._name}/{turn}").sample(self._kinds, len(self._kinds))
        self._number += 1
        return self._order[place], turn


class Plan:
    """Spreads faults and rule cases evenly over the register: every one at least twice where there is room enough.

    Ask for the households in order; memory does not grow with their number. Each of the three sorts (dirty cells, data
    rules, persons wrongly admitted) has its own share of the places.
    """

    def __init__(self, households: int, seed: int, *, clean: bool):
        faults = max(2 * len(KINDS), round(households * ROWS_PER_HOUSEHOLD * FAULTS_PER_ROW))
        cases = max(2 * len(CASES), round(households * CASES_PER_HOUSEHOLD) // len(CASES) * len(CASES))
        wrong = wrong_persons(households)
        # A plant may concern the next households too, so there is one for every second household at most.
        room = households // 2
        faults = min(faults, room)
        wrong = min(wrong, room - faults)
        cases = min(cases, room - faults - wrong)
        # The ledgers of these lack months, so that the number of all lines comes out right.
        gaps = households // 500 + (2 if households >= 100 else households * 12 > ledger.total_lines(households))
        self._counts = (0, 0, 0, gaps) if clean else (faults, cases, wrong, gaps)
        self._total = sum(self._counts)
        self._streams = tuple(
            Stream(name, seed, kinds)
            for name, kinds in (("order", KINDS), ("cases", CASES), ("wrong", WRONGLY_IN), ("gaps", GAPS))
        )
        self._given = [0, 0, 0, 0]
        # What waits for a fitting household finds one at the end.
        self._room = max(households * 19 // 20, 1)
        self._seed = seed
        self._number = -1
        self._advance()

    def _advance(self) -> None:
        self._number += 1
        if self._number >= self._total:
            self._index = -1
            return
        start = self._number * self._room // self._total
        room = (self._number + 1) * self._room // self._total - start
        rng = random.Random(f"{self._seed}/plan/{self._number}")
        self._index = start + rng.randrange(max(room, 1))
        # The sort that lags farthest behind its share comes next.
        which = max(range(4), key=lambda n: self._counts[n] * (self._number + 1) - self._given[n] * self._total)
        self._given[which] += 1
        self._kind, self._turn = self._streams[which].next()

    def take(self, index: int) -> list[tuple[Kind | Case, int]]:
        """Return what is planned for the household with this index: kinds, and how often each came before."""
        found = []
        while self._index == index:
            found.append((self._kind, self._turn))
            self._advance()
        return found


def households(map_: Map, count: int, seed: int, *, clean: bool) -> Iterator[tuple]:
    """Yield every household with the kind of its fault or its case, the turn of that, and the member concerned.

    The place is -1 for a household that belongs to the plant of the one before; the kind is then that of a case.
    """
    plan = Plan(count, seed, clean=clean)
    ids = people.IdNumbers()
    offset = random.Random(f"{seed}/numbers").randrange(10**9)
    waiting: deque[tuple[Kind | Case, int]] = deque()
    guest: Person | None = None
    left, first = 0, None  # households that still belong to the plant of the first
    index = 0
    for village in map_.villages:
        for number in range(village.households):
            waiting.extend(plan.take(index))
            kind, turn = None, 0
            if not left:
                kind, turn = _fitting(waiting, village.households - number)
            case = kind or (first[0] if left else None)
            rng, members, place = _members(seed, index, kind, guest, first if left else None)
            for one in members:
                one.cert_no = one.cert_no or ids.take(one.born, one.sex)
            home = Household(
                index=index,
                household_no=f"4599{(index * 387_420_489 + offset) % 10**9:09}",
                village=village,
                hamlet=rng.randrange(len(village.hamlets)),
                people=members,
                phone=phone(index),
                card_no=card(index, offset),
                bank_name=f"{village.path[2]}农村信用合作联社{village.path[3][:2]}信用社",
            )
            if guest:
                home.lists["elsewhere"] = [guest.cert_no]
            if case:
                home.wish = _wish(case, place)
            if kind and kind.shape:
                kind.shape(home, place, ids, turn)
            for member, one in enumerate(home.people, 1):
                one.person_no = f"100{home.household_no}{member:02}"
            economy.settle(rng, home)
            if left:
                left -= 1
                if isinstance(first[0], Case) and first[0].join:
                    first[0].join(home, first[2])
                yield home, first[0], first[1], -1
                guest = None
            else:
                if isinstance(kind, Case) and kind.after:
                    kind.after(home, place, random.Random(f"{seed}/case/{index}"), turn)
                yield home, kind, turn, place or 0
                if kind and kind.size > 1:
                    left, first = kind.size - 1, (kind, turn, home)
                guest = home.people[place] if kind and kind.code == "ID-12" else None
            index += 1


def _fitting(waiting: deque, room: int):
    """Take the first of what waits that has room among the households that remain in the village."""
    for place, (kind, turn) in enumerate(waiting):
        if kind.size <= room:
            del waiting[place]
            return kind, turn
    return None, 0


def _wish(kind: Kind | Case, place: int | None) -> Wish:
    """Return what the household must be like for the plant to have no other consequences than its own."""
    if isinstance(kind, Case):
        return replace(kind.wish)
    held = kind.action in (ASK, STOP)
    return Wish(absent=place if held and kind.sheet == "persons" else None, idle=held and kind.sheet == "households")


def _members(seed: int, index: int, kind, guest: Person | None, first):
    """Return the household's random numbers, its members, and the member the plant concerns."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"{seed}/{index}/{attempt}")
        members = families.family(rng)
        for one in members:
            people.describe(rng, one)
        if guest:
            if _takes_in(members, guest):
                return rng, members, None
        elif first:
            if not isinstance(first[0], Case) or not first[0].also_need or first[0].also_need(members, rng) is not None:
                return rng, members, None
        elif not kind:
            return rng, members, None
        elif not kind.need:
            return rng, members, 0
        elif (place := kind.need(members, rng)) is not None:
            return rng, members, place
    raise AssertionError(f"no family suits {kind or guest}")


def _takes_in(members: list[Person], guest: Person) -> bool:
    """Add a parent who already stands in another household, as happens between brothers; False where it cannot be."""
    head = members[0]
    fits = head.sex == MALE and 18 <= guest.age - head.age <= 40 and len(members) > 1 and members[1].relation == SPOUSE
    if (
        not fits
        or any(one.relation == guest.relation for one in members)
        or any(one.name == guest.name for one in members)
    ):
        return False
    if guest.relation == FATHER:
        old = head.name[0]
        for one in members:
            if one.name[0] == old and one.relation != SPOUSE:
                one.name = guest.name[0] + one.name[1:]
    members.append(replace(guest, person_no="", dibao=False, tekun=False))
    return len({one.name for one in members}) == len(members)


def card(index: int, offset: int) -> str:
    """Return a card number of 19 digits that passes Luhn, of a bank that does not exist; one per index."""
    body = f"629999{(index * 387_420_489 + offset) % 10**12:012}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)
