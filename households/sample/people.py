"""What a person is and does: schooling, health, labour, work, insurance, all in keeping with the age."""

import datetime as dt
import random
from array import array

from households.sample.families import AS_OF, FEMALE, MALE, YEAR, Person
from poverty.idnumber import check_character

AREA = "459901"  # was never assigned: no number made with it can belong to anybody
FIRMS = (
    "桂云制衣厂",
    "岭南电子厂",
    "东江鞋业公司",
    "长林木业公司",
    "海湾建筑队",
    "云岭茶厂",
    "金果园合作社",
    "顺和餐馆",
)
POSTS = ("护林员", "保洁员", "护路员", "水利管护员")
VILLAGE_COMMITTEE = "村民委员会"


class IdNumbers:
    """Gives out valid identity numbers, each once, in constant memory.

    Up to 500 persons of one sex can be born on one day, which is enough for some ten million persons.
    """

    FIRST_DAY = dt.date(1900, 1, 1).toordinal()

    def __init__(self, area: str = AREA):
        self._area = area
        days = AS_OF.toordinal() - self.FIRST_DAY + 1
        self._taken = {MALE: array("H", bytes(2 * days)), FEMALE: array("H", bytes(2 * days))}

    def take(self, born: dt.date, sex: str, *, ending: str = "") -> str:
        """Return the next number of somebody born on that day; `ending` asks for a check character."""
        day = born.toordinal() - self.FIRST_DAY
        taken = self._taken[sex]
        while True:
            count = taken[day]
            if count >= 499:
                raise ValueError(f"all identity numbers of {born} are given out")
            taken[day] += 1
            # Steps through all 499 places of the day, in an order that looks like none.
            place = (count * 137 + day * 31) % 499
            sequence = 2 * place + (1 if sex == MALE else 2)
            body = f"{self._area}{born:%Y%m%d}{sequence:03}"
            character = check_character(body)
            if not ending or character == ending:
                return body + character


def describe(rng: random.Random, person: Person) -> None:
    """Fill in schooling, health, labour, insurance and party; work comes with the household's situation."""
    age = person.age
    _school(rng, person, age)
    _health(rng, person, age)
    _labour(rng, person, age)
    person.pension = age >= 60 or (age >= 16 and not person.in_school and rng.random() < 0.92)
    if age >= 25 and rng.random() < 0.035:
        person.political = "01"
    elif 14 <= age <= 26 and rng.random() < 0.3:
        person.political = "03"


def _school(rng, person: Person, age: int) -> None:
    """School rules look at the age on 31 August of the school year."""
    school_age = age if person.born.month <= 8 else age - 1
    status = "01"
    if age < 3:
        person.education = "06"
    elif school_age < 6:
        status = "02"
    elif school_age < 12:
        status = "03"
    elif school_age < 15:
        status = ("04", "05", "06")[school_age - 12]
    elif school_age < 18 and (school_age < 16 or rng.random() < 0.86):
        vocational = rng.random() < 0.45
        status = (("10", "11", "12") if vocational else ("07", "08", "09"))[school_age - 15]
    elif 18 <= school_age <= 21 and rng.random() < 0.42:
        vocational = school_age < 20 and rng.random() < 0.35
        status = ("13", "14")[school_age - 18] if vocational else "16"
    person.student_status = status
    if status != "01":
        person.education = ""
    elif age >= 3:
        person.education = _education(rng, min(age, max(school_age, 16)))


def _education(rng, age: int) -> str:
    chance = rng.random()
    if age >= 60:
        return "01" if chance < 0.28 else "02" if chance < 0.86 else "03"
    if age >= 40:
        return "01" if chance < 0.03 else "02" if chance < 0.45 else "03" if chance < 0.92 else "04"
    if age >= 23:
        return "02" if chance < 0.1 else "03" if chance < 0.74 else "04" if chance < 0.9 else "05"
    return "03" if chance < 0.72 or age < 18 else "04"


def _health(rng, person: Person, age: int) -> None:
    chance = rng.random()
    if age >= 60:
        bounds = (0.52, 0.83, 0.88, 0.98)
    elif age >= 16:
        bounds = (0.885, 0.945, 0.962, 0.998)
    else:
        bounds = (0.974, 0.981, 0.988, 1.0)
    if chance < bounds[0]:
        return
    person.health = (
        ("02",)
        if chance < bounds[1]
        else ("03",)
        if chance < bounds[2]
        else ("04",)
        if chance < bounds[3]
        else ("02", "04")
    )
    if "04" in person.health:
        person.dis_type = rng.choice("1234444567" if age < 60 else "11234444")
        person.dis_level = rng.choice("1223344")


def _labour(rng, person: Person, age: int) -> None:
    chance = rng.random()
    if age < 16:
        person.labour = "04"
    elif age >= 60:
        person.labour = "05" if person.health == ("01",) and age <= 73 and chance < 0.65 else "04"
    elif person.health == ("01",):
        person.labour = "02" if chance < 0.07 and age >= 18 and not person.in_school else "01"
    elif person.in_school:
        person.labour = "01"
    elif "04" in person.health:
        heavy = person.dis_level in ("1", "2")
        person.labour = ("03" if chance < 0.8 else "05") if heavy else ("05" if chance < 0.7 else "01")
    elif "03" in person.health:
        person.labour = "03" if chance < 0.5 else "05"
    else:
        person.labour = "05" if chance < 0.6 else "01"


def send_to_work(rng: random.Random, person: Person, *, well_off: bool, certainly: bool = False) -> None:
    """Give those who can a job, or a public-welfare post in the village; `well_off` works more and farther away."""
    age = person.age
    if person.work_months or not person.able or person.in_school or age < 17 or age > 68:
        return
    chance = 0.0 if certainly else rng.random()
    if person.labour == "05":
        if chance < 0.16:
            _post(rng, person)
        return
    if chance < (0.72 if age < 50 else 0.42) * (1 if well_off else 0.35):
        person.work_area = rng.choices(("04", "03", "02", "01"), cum_weights=(44, 68, 84, 100))[0]
        person.work_months = rng.randint(4, 11) if well_off else rng.randint(2, 5)
        away = person.work_area in ("03", "04")
        person.work_wage = 50 * (rng.randint(26, 60) if away else rng.randint(20, 42))
        person.work_firm = rng.choice(FIRMS) if rng.random() < 0.7 else ""
        if person.labour == "02" and rng.random() < 0.35:
            person.employee_insured, person.pension = True, False
    elif chance > 0.94:
        _post(rng, person)


def _post(rng, person: Person) -> None:
    person.post = rng.choice(POSTS)
    person.post_months = person.work_months = rng.randint(6, 12)
    person.work_area, person.work_firm = "01", VILLAGE_COMMITTEE
    person.work_wage = 50 * rng.randint(10, 16)


def recognise(person: Person, first: dt.date) -> None:
    """Set the day the person entered the register: with the family, or within months of a later birth."""
    day = first
    if person.born > first:
        day = min(AS_OF, person.born + dt.timedelta(days=40 + person.born.day * 3))
    person.person_recog = day


assert AS_OF.year == YEAR
