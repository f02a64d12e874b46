"""What a household lives on: type, status, causes, house, land and the year's income, in keeping with its members.

Amounts are whole fen (1/100 yuan), so that parts add up exactly.
"""

import datetime as dt
import random
from dataclasses import dataclass, field

from households.sample import people as persons
from households.sample.families import DAUGHTER, SON, YEAR, Person

LINE = 4000_00  # the exit line of 2020, fen a head
SECURE = 6_100_00  # above every line in use
EXIT_YEARS = ((2014, 2015, 2016, 2017, 2018, 2019, 2020), (3, 9, 27, 47, 71, 91, 100))
NOT_EXITED, RETURNED, EXITED_BEFORE, EXITED_NOW = "04", "02", "03", "05"
GENERAL, DIBAO, TEKUN = "1", "2", "3"
INCOMES = (
    *("wage", "business", "property", "transfer", "t_family", "t_dibao", "t_tekun", "t_pension", "t_eco", "t_other"),
    *("p_asset", "p_other", "biz_cost", "self_paid_medical", "claims", "gross", "net", "net_pc"),
)


@dataclass(slots=True)
class Wish:
    """What a planted household must be like, so that the plant breaks the rules it should and no others.

    Where it is None, chance decides. The causes of poverty are such as need no member to bear them out.
    """

    type: str = GENERAL
    exited: bool = True
    years: tuple[int, int] = (2016, 2019)  # of exit
    monitored: bool = False
    idle: bool = False  # nobody works for wages
    works: bool = False  # somebody does
    absent: int | None = None  # the place of the member whose row waits or is refused: nothing may hang on that one


@dataclass(slots=True)
class Household:
    """A household and its year; codes as in `households.codes`, income in fen, land in mu."""

    index: int
    household_no: str
    village: object
    hamlet: int
    people: list[Person]
    phone: str
    card_no: str
    bank_name: str
    size: int = 0  # as declared
    type: str = GENERAL
    status: str = EXITED_BEFORE
    exit_year: int | None = None
    first_recog: dt.date | None = None
    main_cause: str = "99"
    other_causes: tuple[str, ...] = ()
    only_child: bool = False
    two_daughters: bool = False
    dangerous: bool = False
    grade: str = "A"
    water_safe: bool = True
    house_m2: int = 0
    income: dict[str, int] = field(default_factory=dict)
    land: dict[str, float] = field(default_factory=dict)
    mon_type: str = ""
    risk_found: dt.date | None = None
    risk_removed: bool = False
    risk_removed_on: dt.date | None = None
    fuel: str = "04"
    road_km: float = 0.5
    road_type: str = "03"
    cooperative: bool = False
    enterprise: bool = False
    leader: bool = False
    wish: Wish | None = None
    ledger: str = ""  # what is planted in its monthly ledger
    lists: dict = field(default_factory=dict)  # what departments' lists say of it otherwise than it is
    rounds: dict = field(default_factory=dict)  # earlier years whose sheets hold it: {year: what differs}
    # Of members: (place, kind, day, reason, size and income a head from then on)
    changes: list = field(default_factory=list)
    position_of: int | None = None  # index of the household in whose house it is said to live

    @property
    def exited(self) -> bool:
        return self.status in (EXITED_BEFORE, EXITED_NOW)


def settle(rng: random.Random, home: Household) -> None:
    """Fill in everything beside the members; `home.size` may differ from their number when that is planted."""
    home.size = home.size or len(home.people)
    wish = home.wish
    _type(rng, home)
    exited = home.type == TEKUN or rng.random() > 0.015 + 0.3 * home.village.share
    if wish:
        exited = wish.exited
    for place, one in enumerate(home.people):
        if home.type != TEKUN and not (wish and (wish.idle or place == wish.absent)):
            persons.send_to_work(rng, one, well_off=exited, certainly=bool(wish and wish.works))
    _land(rng, home)
    _marks(rng, home)
    _transfers(rng, home)
    if exited or not _earn_little(rng, home):
        exited = True
        _earn_enough(rng, home)
    _add_up(home)
    _status(rng, home, exited)
    _house(rng, home)
    _causes(rng, home)
    low = home.exited and home.exit_year < 2019 and home.income["net_pc"] < 7_600_00
    if wish:
        if wish.monitored:
            _watch(home)
    elif low and any(p.able for p in home.people) and rng.random() < 0.25:
        _monitor(rng, home)
    for one in home.people:
        persons.recognise(one, home.first_recog)


def _type(rng, home: Household) -> None:
    members = home.people
    if home.wish:
        _wished_type(home)
        return
    adults = [p for p in members if p.age >= 16]
    chance = rng.random()
    if all(p.age >= 60 for p in members) and chance < 0.5:
        home.type = TEKUN
        for one in members:
            one.tekun, one.labour = True, "04"
        return
    weak = [p for p in members if p.health != ("01",)]
    able = sum(p.able for p in adults)
    if chance < (0.1 + 0.16 * len(weak) + (0.25 if able * 2 < len(members) else 0)) * 0.75:
        home.type = DIBAO
        whole = rng.random() < 0.5 or not weak
        for one in members if whole else weak:
            one.dibao = True


def _wished_type(home: Household) -> None:
    home.type = home.wish.type
    for one in home.people:
        if home.type == TEKUN:
            one.tekun, one.labour = True, "04"
        one.dibao = home.type == DIBAO


def _marks(rng, home: Household) -> None:
    children = [p for p in home.people if p.relation in (SON, DAUGHTER)]
    if home.people[0].age < 50 and rng.random() < 0.12:
        home.only_child = len(children) == 1
        home.two_daughters = len(children) == 2 and all(p.relation == DAUGHTER for p in children)


def _land(rng, home: Household) -> None:
    heads = len(home.people)
    forest = round(heads * rng.uniform(0, 5), 1) if rng.random() < 0.7 else 0.0
    green = round(min(forest, rng.uniform(1, 6)), 1) if forest > 2 and rng.random() < 0.35 else 0.0
    home.land = {
        "arable": round(heads * rng.uniform(0.3, 1.5), 1),
        "forest": forest,
        "grain_to_green": green,
        "orchard": round(heads * rng.uniform(0.2, 1.5), 1) if rng.random() < 0.25 else 0.0,
        "pasture": 0.0,
        "water": round(rng.uniform(0.2, 2), 1) if rng.random() < 0.06 else 0.0,
    }


def _yuan(rng, low: int, high: int) -> int:
    """Return an amount in fen between two amounts in yuan; one in four is not a round sum."""
    amount = rng.randint(low, high)
    return amount * 100 + rng.randrange(100) if rng.random() < 0.25 else amount // 10 * 1000


def _transfers(rng, home: Household) -> None:
    income = dict.fromkeys(INCOMES, 0)
    members = home.people
    absent = home.wish and home.wish.absent
    pensioners = sum(p.age >= 60 for place, p in enumerate(members) if place != absent)
    income["t_pension"] = pensioners * rng.randint(116, 150) * 1200
    if (home.only_child or home.two_daughters) and rng.random() < 0.8:
        income["t_family"] = rng.choice((720, 960, 1200)) * 100
    income["t_dibao"] = sum(p.dibao for p in members) * rng.randint(185, 330) * 1200
    income["t_tekun"] = sum(p.tekun for p in members) * rng.randint(655, 880) * 1200
    if home.land["grain_to_green"]:
        income["t_eco"] = round(home.land["grain_to_green"] * 125 + 180) * 100
    income["t_other"] = round(home.land["arable"] * 95 + 60) * 100
    if any("04" in p.health for p in members):
        income["t_other"] += 960_00
    income["t_other"] += sum(p.in_school and p.student_status not in ("02", "03") for p in members) * 1500_00
    if rng.random() < 0.6:
        income["p_asset"] = _yuan(rng, 200, 650)
    if rng.random() < 0.15:
        income["p_other"] = _yuan(rng, 200, 1500)
    if any(p.health != ("01",) for p in members) and rng.random() < 0.6:
        income["self_paid_medical"] = _yuan(rng, 300, 6000)
        income["claims"] = income["self_paid_medical"] // 2 if rng.random() < 0.5 else 0
    home.income = income


def _given(home: Household) -> int:
    income = home.income
    return sum(value for key, value in income.items() if key.startswith(("t_", "p_")))


def _earn_enough(rng, home: Household) -> None:
    """Let the household earn what brings it safely above the lines, pensions and allowances left aside."""
    income = home.income
    workers = [p for p in home.people if p.work_months]
    income["wage"] = sum(p.work_months * p.work_wage for p in workers) * 100
    hands = sum(p.able and not p.in_school for p in home.people)
    if hands:
        income["business"] = _yuan(rng, 1200, 5200) * hands
        income["biz_cost"] = income["business"] * rng.randint(30, 45) // 100
    heads = max(home.size, len(home.people))
    counted = income["wage"] + income["business"] - income["biz_cost"] + _given(home) - income["t_pension"]
    if counted - income["t_dibao"] < heads * LINE * 118 // 100 or counted + income["t_pension"] < heads * SECURE:
        enough = heads * (SECURE + rng.randint(0, 2200_00))
        missing = max(enough - counted + income["t_dibao"], 0)
        if hands:
            more = missing * 100 // 60 + 100
            income["business"] += more
            income["biz_cost"] += more * 2 // 5
        else:
            income["t_other"] += missing // 100 * 100 + 100  # support by children who live elsewhere


def _earn_little(rng, home: Household) -> bool:
    """Bring the household below the exit line by work and farming alone; return whether that is possible."""
    income = home.income
    workers = [p for p in home.people if p.work_months]
    hands = sum(p.able and not p.in_school for p in home.people)
    left = max(home.size, len(home.people)) * rng.randint(2_700_00, 3_850_00) - _given(home)
    months = sum(p.work_months for p in workers)
    if left < 600_00 or not hands or (months and left * 6 // 10 < months * 250_00):
        return False
    if months:
        monthly = left * 6 // 10 // months // 1000 * 10  # whole tens of yuan
        for one in workers:
            one.work_wage = monthly
        income["wage"] = monthly * months * 100
        left -= income["wage"]
    income["business"] = left * 100 // 60 // 100 * 100
    income["biz_cost"] = income["business"] * 2 // 5
    return True


def _add_up(home: Household) -> None:
    sums(home.income, home.size)


def sums(income: dict[str, int], size: int) -> dict[str, int]:
    """Reckon the sums of a year from its items, in place."""
    income["transfer"] = sum(income[key] for key in INCOMES if key.startswith("t_"))
    income["property"] = income["p_asset"] + income["p_other"]
    income["gross"] = income["wage"] + income["business"] + income["property"] + income["transfer"]
    income["net"] = income["gross"] - income["biz_cost"]
    income["net_pc"] = (2 * income["net"] + size) // (2 * size)  # half up
    return income


def _status(rng, home: Household, exited: bool) -> None:
    if exited:
        home.exit_year = rng.choices(EXIT_YEARS[0], cum_weights=EXIT_YEARS[1])[0]
        if home.wish:
            home.exit_year = rng.randint(*home.wish.years)
        home.status = EXITED_NOW if home.exit_year == YEAR else EXITED_BEFORE
        last = home.exit_year
    elif rng.random() < 0.18 and not home.wish:
        home.status, home.exit_year, last = RETURNED, rng.choice((2015, 2016, 2017)), 2015
    else:
        home.status, last = NOT_EXITED, 2018
    year = min(last, rng.choices((2014, 2015, 2016, 2017, 2018), cum_weights=(62, 76, 94, 98, 100))[0])
    # Those of 2014 stem from the first round in spring, later ones from the rounds at the end of a year.
    month = rng.randint(3, 5) if year == 2014 else rng.randint(10, 12)
    home.first_recog = dt.date(year, month, rng.randint(1, 28))


def _house(rng, home: Household) -> None:
    heads = max(home.size, len(home.people))
    chance = rng.random()
    home.grade = "A" if chance < 0.55 else "B"
    if not home.exited:
        home.grade = "D" if chance > 0.95 else "C" if chance > 0.82 else home.grade
        home.water_safe = rng.random() > 0.12
    home.dangerous = home.grade in "CD"
    home.house_m2 = heads * rng.randint(14, 30) + rng.randint(0, 30)
    home.fuel = "04" if rng.random() < 0.62 else "01"
    home.road_km = round(rng.uniform(0.05, 2.8), 2)
    home.road_type = rng.choices(
        ("03", "02", "04", "01"), cum_weights=(80, 93, 96, 100) if home.exited else (50, 80, 82, 100)
    )[0]
    home.cooperative, home.enterprise, home.leader = rng.random() < 0.38, rng.random() < 0.2, rng.random() < 0.25


def _causes(rng, home: Household) -> None:
    """Choose a main cause and up to two others that the members bear out."""
    members = home.people
    if home.wish:
        home.main_cause, home.other_causes = "07", ("09",)
        return
    found = []
    if any("02" in p.health or "03" in p.health for p in members):
        found.append("01")
    if any("04" in p.health for p in members):
        found.append("02")
    if any(p.student_status >= "04" for p in members):
        found.append("03")
    if sum(p.able for p in members) * 2 < len(members):
        found.append("08")
    common = rng.choices(("07", "09", "11", "10", "05", "04", "06"), cum_weights=(42, 72, 80, 88, 94, 97, 100), k=3)
    pool = list(dict.fromkeys([*rng.sample(found, len(found)), *common] if rng.random() < 0.75 else [*common, *found]))
    home.main_cause = pool[0]
    home.other_causes = tuple(pool[1 : 1 + rng.choice((0, 1, 1, 2))])


def _watch(home: Household) -> None:
    home.mon_type, home.risk_found = "UNSTABLE", dt.date(2020, 6, 10)


def add_up(home: Household) -> None:
    """Reckon the year's sums anew after an amount was changed."""
    _add_up(home)


def _monitor(rng, home: Household) -> None:
    home.mon_type = "UNSTABLE"
    early = rng.random() < 0.6
    home.risk_found = dt.date(2019, rng.randint(4, 12), rng.randint(1, 28)) if early else dt.date(2020, 5, 20)
    if early and rng.random() < 0.8:
        # Not within six months of recognition.
        home.risk_removed, home.risk_removed_on = True, dt.date(2020, rng.randint(7, 12), rng.randint(1, 20))
