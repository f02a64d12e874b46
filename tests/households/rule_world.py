"""A world for the tests of the data rules: sound families, in each of which one thing is changed.

`Cases` collects them as (rule, found or not, what is changed); the world is built once per module, all rules run once
over it at a check date, and each case looks for its subject among the findings.
"""

import datetime as dt
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from django.db import connection

from households.models import Household, MemberChange
from households.rules.common import rules
from poverty import scope, second
from tests.conftest import TREE, empty_tables
from tests.households import factories as make
from validation import engine
from validation.models import Finding

ON = dt.date(2020, 12, 31)
HERE, NEXT, OTHER_TOWN, OTHER_COUNTY = "459901100201", "459901100202", "459901101201", "459902100201"
MEMBER = {"name", "sex", "relation", "cert_no", "person_no", "political", "birth_on", "departed_on", "departed_as"}
MEMBER |= {"birth_precision", "person_recog_on", "soldier"}
ADULT = {
    "education": "03", "student_status": "01", "health": ["01"], "labour": "01", "med_resident": True,
    "med_employee": False, "critical_illness": True, "dibao": "no", "tekun": False,
}  # fmt: skip
PUPIL = {**ADULT, "education": None, "student_status": "03", "labour": "04"}
OLD = {**ADULT, "education": "02", "labour": "04"}
HOUSE = {"first_recog_on": dt.date(2014, 12, 1), "main_cause": "07"}
YEAR = {
    "house_m2": 80, "house_dangerous": False, "house_grade": "A", "water_safe": True, "water_hard": False, "road_km": 1,
    "arable_mu": 3, "forest_mu": 10, "pasture_mu": 0, "orchard_mu": 0, "water_mu": 0, "grain_to_green_mu": 2,
}  # fmt: skip
_order = itertools.count(1)
_sequences = defaultdict(itertools.count)  # a number of nobody else for each, by day of birth and sex


def number(born: str, sex: str = "1", area: str = "459901") -> str:
    """Return the identity number of somebody born on the day "1975-03-01"."""
    order = next(_sequences[born, sex]) % 500  # no module has so many of one day, and each has a register of its own
    return make.id_number(area=area, born=born.replace("-", ""), sequence=f"{order * 2 + (1 if sex == '1' else 0):03d}")


def adult(born="1975-03-01", **values) -> dict:
    return {"born": born, **ADULT, **values}


def pupil(born="2011-03-01", **values) -> dict:
    return {"born": born, "relation": "03", **PUPIL, **values}


def old(born="1945-03-01", **values) -> dict:
    return {"born": born, **OLD, **values}


def wife(born="1977-05-01", **values) -> dict:
    return adult(born, relation="02", sex="2", **values)


def person(house: Household, *, born="1975-03-01", years=(2020,), **values):
    """Enter a person with a number that fits and the rows of `years`."""
    of_person = {name: values.pop(name) for name in list(values) if name in MEMBER}
    sex = of_person.setdefault("sex", "1")
    of_person.setdefault("name", f"岑{'一二三四五六七八九'[next(_order) % 9]}山")
    of_person.setdefault("cert_no", number(born, sex))
    of_person.setdefault("birth_on", dt.date.fromisoformat(born))
    if of_person["cert_no"] is None:
        of_person.pop("cert_no")
    made = make.member(house, **of_person)
    for year in years:
        own = values.get("by_year", {}).get(year, {})
        make.member_year(made, year, **{**{k: v for k, v in values.items() if k != "by_year"}, **own})
    return made


def family(*others, head: dict | None = None, village=HERE, year: dict | None = None, rounds=(2020,), **house):
    """Enter a sound family: a head, the `others`, and a year of their house. `head={}` changes the head."""
    made = make.household(village, head=None, **{**HOUSE, **house})
    people = [{**adult(relation="01"), **(head or {})}, *others] if head is not False else list(others)
    members = [person(made, **{"years": rounds, **one}) for one in people]
    if year is not False:
        make.year(made, 2020, **{**YEAR, "size": len(members), **(year or {})})
    return SimpleNamespace(
        house=made, members=members, head=members[0] if members else None, last=(members or [None])[-1]
    )


def change(member, kind: str, on: str):
    from accounts.models import User

    with scope.system("test"):
        MemberChange.objects.create(
            member=member, household_id=member.household_id, village_id=member.village_id, kind=kind,
            happened_on=dt.date.fromisoformat(on), recorded_by=User.objects.get(username="system"),
        )  # fmt: skip


@dataclass
class Cases:
    """Cases of a group of rules: `add(rule, found, words, build)`, where `build()` makes rows and gives the subject."""

    found: list = field(default_factory=list)

    def add(self, rule: str, hit: bool, words: str, build):
        self.found.append((rule, hit, words, build))

    def hits(self, rule, **builders):
        for words, build in builders.items():
            self.add(rule, True, words, build)

    def misses(self, rule, **builders):
        for words, build in builders.items():
            self.add(rule, False, words, build)

    def params(self):
        return [
            pytest.param(at, rule, hit, id=f"{rule}-{words}{'' if hit else '-not'}")
            for at, (rule, hit, words, _build) in enumerate(self.found)
        ]


def build(cases: Cases, prepare=None, clean=None, groups=("ID", "HH", "CD")):
    """Build all cases, run all rules of the register, and return what was found."""
    from regions.models import Region

    empty_tables()
    Region.objects.bulk_create(
        Region(code=code, name=name, short_name=name[:-1], level=level) for code, name, level in TREE
    )
    if prepare:
        prepare()
    subjects = []
    for _rule, _hit, _words, make_case in cases.found:
        made = make_case()
        subjects.append(made)
    sound = clean() if clean else []
    _record, outcomes = engine.run_all([one for one in rules if rules[one].group in groups], on=ON)
    with scope.system("test"):
        findings = {(one.rule, one.subject_kind, one.subject): one for one in Finding.objects.open()}
    return SimpleNamespace(
        subjects=subjects, findings=findings, sound=sound, outcomes={one.rule: one for one in outcomes}
    )


def world_of(cases: Cases, prepare=None, clean=None, **more):
    """Return the module's fixture."""

    @pytest.fixture(scope="module")
    def world(django_db_setup, django_db_blocker):
        with django_db_blocker.unblock():
            yield build(cases, prepare, clean, **more)
            second.close()
            connection.close()
            empty_tables()

    return world


def look(world, at: int, rule: str):
    """Return the finding of the case, or None."""
    subject = world.subjects[at]
    kind = rules[rule].subject
    if kind == "village":
        return world.findings.get((rule, kind, int(subject)))
    if kind == "household":
        of = subject if isinstance(subject, Household) else getattr(subject, "house", None) or subject.household
        return world.findings.get((rule, kind, of.pk))
    return world.findings.get((rule, kind, subject.pk))
