"""Which household carries which fault, and the making of one household after another."""

import random
from collections.abc import Iterator
from dataclasses import replace

from households.sample import economy, families, household_faults, people, person_faults
from households.sample.economy import Household
from households.sample.families import FATHER, MALE, SPOUSE, Person
from households.sample.faults import Kind, phone
from households.sample.geography import Map

KINDS = (*person_faults.KINDS, *household_faults.KINDS)
ROWS_PER_HOUSEHOLD = 5  # about four persons and the household itself
FAULTS_PER_ROW = 0.0125
ATTEMPTS = 500


class Plan:
    """Spreads the faults evenly over the register: every kind at least twice where there are households enough.

    Ask for the households in order; memory does not grow with their number.
    """

    def __init__(self, households: int, seed: int, *, clean: bool):
        wanted = max(2 * len(KINDS), round(households * ROWS_PER_HOUSEHOLD * FAULTS_PER_ROW))
        # A fault may concern the next household too, so each has two households to itself.
        self._total = 0 if clean else min(wanted, households // 2)
        self._households, self._seed = households, seed
        self._number = -1
        self._order: list[Kind] = []
        self._advance()

    def _advance(self) -> None:
        self._number += 1
        if self._number >= self._total:
            self._index = -1
            return
        start = self._number * self._households // self._total
        room = (self._number + 1) * self._households // self._total - start
        rng = random.Random(f"{self._seed}/plan/{self._number}")
        self._index = start + rng.randrange(room - 1)
        turn, place = divmod(self._number, len(KINDS))
        if place == 0:
            self._order = random.Random(f"{self._seed}/order/{turn}").sample(KINDS, len(KINDS))
        self._kind, self._turn = self._order[place], turn

    def take(self, index: int) -> tuple[Kind | None, int]:
        """Return the kind of fault for the household with this index, and how often the kind came before."""
        if index != self._index:
            return None, 0
        found = self._kind, self._turn
        self._advance()
        return found


def households(map_: Map, count: int, seed: int, *, clean: bool) -> Iterator[tuple[Household, Kind | None, int, int]]:
    """Yield every household with the kind of its fault, the turn of that kind, and the member concerned."""
    plan = Plan(count, seed, clean=clean)
    ids = people.IdNumbers()
    offset = random.Random(f"{seed}/numbers").randrange(10**9)
    guest: Person | None = None
    index = 0
    for village in map_.villages:
        last_of_county = village is _last(map_, village.code[:6])
        for number in range(village.households):
            kind, turn = plan.take(index)
            if kind and kind.pair and last_of_county and number == village.households - 1:
                kind = None  # the next household stands in another county's file
            if guest:
                kind, turn = None, 0
            rng, members, place = _members(seed, index, kind, guest)
            if kind and place is None:
                kind = None
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
            if kind and kind.shape:
                kind.shape(home, place, ids, turn)
            for member, one in enumerate(home.people, 1):
                one.person_no = f"100{home.household_no}{member:02}"
            economy.settle(rng, home)
            yield home, kind, turn, place if kind else -1 if guest else 0
            guest = home.people[place] if kind and kind.code == "ID-12" else None
            index += 1


def _last(map_: Map, county: str):
    return [v for v in map_.villages if v.code.startswith(county) and v.households][-1]


def _members(seed: int, index: int, kind: Kind | None, guest: Person | None):
    """Return the household's random numbers, its members, and the member the fault is planted on."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"{seed}/{index}/{attempt}")
        members = families.family(rng)
        for one in members:
            people.describe(rng, one)
        if guest:
            if _takes_in(members, guest):
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
