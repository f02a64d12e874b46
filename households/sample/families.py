"""Who lives together: families by type, with ages and relations that fit each other.

A family is a list of `Person`s, the head first. All ages are full years on 31 December 2020, so a person of age a was
born in 2020 - a.
"""

import datetime as dt
import random
from dataclasses import dataclass

from households import codes
from households.sample import names

YEAR = 2020
AS_OF = dt.date(YEAR, 12, 31)

HEAD, SPOUSE, SON, DAUGHTER, SON_WIFE = "01", "02", "03", "04", "05"
GRANDSON, GRANDDAUGHTER, FATHER, MOTHER, OTHER = "07", "08", "11", "12", "99"
MALE, FEMALE = "1", "2"


@dataclass(slots=True)
class Person:
    """A member; coded values are codes of `households.codes`, "" where the sheet's cell stays blank."""

    relation: str
    sex: str
    born: dt.date
    name: str = ""
    cert_no: str = ""
    person_no: str = ""
    ethnicity: str = "08"
    political: str = "13"
    education: str = ""
    student_status: str = "01"
    health: tuple[str, ...] = ("01",)
    dis_type: str = ""
    dis_level: str = ""
    labour: str = "04"
    work_area: str = ""
    work_months: int = 0
    work_firm: str = ""
    work_wage: int = 0  # yuan a month, net of the cost of living away
    post: str = ""
    post_months: int = 0
    employee_insured: bool = False
    pension: bool = False
    dibao: bool = False
    tekun: bool = False
    person_recog: dt.date | None = None

    @property
    def age(self) -> int:
        return YEAR - self.born.year

    @property
    def in_school(self) -> bool:
        return self.student_status != "01"

    @property
    def able(self) -> bool:
        return self.labour in ("01", "02", "05")


def person(rng: random.Random, relation: str, sex: str, age: int) -> Person:
    return Person(relation, sex, dt.date(YEAR - age, 1, 1) + dt.timedelta(days=rng.randrange(365)))


def family(rng: random.Random) -> list[Person]:
    """Return a family of a type drawn at random, with names and peoples; about four persons on average."""
    people = rng.choices(_TYPES, cum_weights=_CUMULATED)[0](rng)
    _name(rng, people)
    return people


def _child_sex(rng) -> str:
    return MALE if rng.random() < 0.53 else FEMALE


def _couple(rng, youngest: int, oldest: int) -> list[Person]:
    age = rng.randint(youngest, oldest)
    if rng.random() < 0.94:
        wife = max(20, age - rng.choice((-2, -1, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6)))
        return [person(rng, HEAD, MALE, age), person(rng, SPOUSE, FEMALE, wife)]
    return [person(rng, HEAD, FEMALE, age), person(rng, SPOUSE, MALE, max(22, age + rng.randint(-1, 4)))]


def _children(rng, parents: list[Person], count: int) -> list[Person]:
    """Return up to `count` unmarried children at home, the eldest first; the mother was 20 to 38 at each birth."""
    mother = min(p.age for p in parents)
    ages = set()
    for _child in range(count):
        ages.add(mother - rng.randint(20, 38))
    return [
        person(rng, SON if (sex := _child_sex(rng)) == MALE else DAUGHTER, sex, age)
        for age in sorted(ages, reverse=True)
        if 0 <= age <= 27
    ]


def _nuclear(rng) -> list[Person]:
    parents = _couple(rng, 27, 55)
    return parents + _children(rng, parents, rng.choice((1, 2, 2, 2, 3, 3)))


def _three_generations(rng) -> list[Person]:
    people = _nuclear(rng)
    head = people[0]
    choice = rng.random()
    if choice < 0.6:
        people.append(person(rng, FATHER, MALE, min(92, head.age + rng.randint(20, 34))))
    if choice > 0.35:
        people.append(person(rng, MOTHER, FEMALE, min(92, head.age + rng.randint(20, 32))))
    return people


def _stem(rng) -> list[Person]:
    """Return parents with a married son at home, his wife and their children."""
    people = _couple(rng, 48, 68)
    oldest = min(p.age for p in people) - 20
    son = person(rng, SON, MALE, max(22, min(oldest, 42) - rng.randint(0, 6)))
    wife = person(rng, SON_WIFE, FEMALE, max(20, son.age - rng.randint(-1, 4)))
    people += [son, wife]
    mother = min(son.age, wife.age)
    ages = {mother - rng.randint(20, 30) for _child in range(rng.choice((1, 1, 2, 2)))}
    for age in sorted(ages, reverse=True):
        if age >= 0:
            sex = _child_sex(rng)
            people.append(person(rng, GRANDSON if sex == MALE else GRANDDAUGHTER, sex, age))
    return people


def _single_elder(rng) -> list[Person]:
    return [person(rng, HEAD, MALE if rng.random() < 0.7 else FEMALE, rng.randint(60, 88))]


def _elder_couple(rng) -> list[Person]:
    return _couple(rng, 60, 84)


def _single_parent(rng) -> list[Person]:
    head = person(rng, HEAD, FEMALE if rng.random() < 0.6 else MALE, rng.randint(28, 50))
    return [head, *_children(rng, [head], rng.choice((1, 2, 2)))]


def _bachelor(rng) -> list[Person]:
    head = person(rng, HEAD, MALE, rng.randint(32, 56))
    if rng.random() < 0.6:
        return [head, person(rng, MOTHER, FEMALE, min(92, head.age + rng.randint(20, 34)))]
    return [head, person(rng, FATHER, MALE, min(92, head.age + rng.randint(20, 34)))]


def _skipped_generation(rng) -> list[Person]:
    """Return grandparents who bring up the children of parents living elsewhere."""
    people = _couple(rng, 56, 70)
    if rng.random() < 0.3:
        people = people[:1]
    youngest = min(p.age for p in people)
    for age in sorted({rng.randint(2, 14) for _child in range(rng.choice((1, 2)))}, reverse=True):
        if youngest - age >= 40:
            sex = _child_sex(rng)
            people.append(person(rng, GRANDSON if sex == MALE else GRANDDAUGHTER, sex, age))
    return people


_TYPES = (
    *(_nuclear, _three_generations, _stem, _single_elder),
    *(_elder_couple, _single_parent, _bachelor, _skipped_generation),
)
_CUMULATED = (34, 64, 83, 88, 91, 95, 98, 100)


def _name(rng: random.Random, people: list[Person]) -> None:
    """Give names and peoples: children carry the father's family name, wives and mothers bring their own."""
    family_name = names.surname(rng)
    head = people[0]
    of_family = next((p for p in people if p.relation == SPOUSE), head) if head.sex == FEMALE else head
    ethnicity = rng.choices(("08", "01", "13", "06", "12", "36", "32"), cum_weights=(78, 90, 95, 97, 98, 99, 100))[0]
    for one in people:
        own = one.relation in (SON_WIFE, MOTHER) or (one.relation in (HEAD, SPOUSE) and one is not of_family)
        one.ethnicity = ethnicity
        if own and rng.random() < 0.006:
            one.ethnicity, one.name = "07", names.dotted_name(rng)
            continue
        if own and rng.random() < 0.15:
            one.ethnicity = rng.choice(("01", "08", "13"))
        surname = names.surname(rng) if own else family_name
        one.name = surname + names.given_name(rng, male=one.sex == MALE, born=one.born.year)
    taken = set()
    for one in people:  # two members of one name could not be told apart
        while one.name in taken:
            one.name = one.name[0] + names.given_name(rng, male=one.sex == MALE, born=one.born.year)
        taken.add(one.name)


def labels(codes_: "codes.CodeList", found: tuple[str, ...]) -> str:
    """Return the labels of several codes as a sheet shows them."""
    return "、".join(codes_.labels[code] for code in found)
