"""What the data rules are compared with: the same conditions in Python, household after household, over prefetched objects.

Written as one would write it well without an engine: a household with its members, their years and its ledger is fetched
once and every rule looks at these objects; only a rule that compares with other households asks the database again. What
is found is kept as findings: opened, refreshed and closed one by one. Everything is taken back at the end.
"""

import re
import time
from collections import Counter
from types import SimpleNamespace

from django.db import connection, transaction
from django.db.models import Prefetch
from django.utils import timezone

from households.models import Household, HouseholdYear, Lifecycle, Member, MemberYear
from poverty import scope

HEAD, SPOUSE, CHILDREN, PARENTS = "01", "02", ("03", "04"), ("11", "12")
STRANGE = re.compile("[0-9０-９A-Za-zＡ-Ｚａ-ｚÀ-ɏ?？□\ufffd]")
CLASSES = ("wage_yuan", "business_yuan", "property_yuan", "transfer_yuan")


def years(born, on):
    """Return full years of age."""
    return None if born is None else on.year - born.year - ((on.month, on.day) < (born.month, born.day))


class Look:
    """A household as the rules see it: `year` of its newest sheet, `people` present, each with year, age and sex."""

    def __init__(self, home, on):
        self.home = home
        self.year = max((y for y in home.years.all() if y.year <= on.year), key=lambda y: y.year, default=None)
        self.people = [self._person(member, on) for member in home.members.all()]
        self.heads = [one for one in self.people if one.m.relation == HEAD]
        self.lines = list(home.ledger.all())

    @staticmethod
    def _person(m, on):
        y = max((y for y in m.years.all() if y.year <= on.year), key=lambda y: y.year, default=None)
        sound = m.id_fault in ("", "certificate")
        born = m.id_birth_on if m.id_birth_on and sound else m.birth_on or m.id_birth_on
        sex = m.sex if m.sex in ("1", "2") else m.id_sex if sound else ""
        day = min(on, timezone.datetime.fromisoformat(y.stamp[:10]).date()) if y and y.stamp else on
        works = y is not None and (bool(y.work_area) or (y.work_months or 0) > 0)
        return SimpleNamespace(
            m=m, y=y or MemberYear(), born=born, sex=sex, works=works, age=years(born, day), age_now=years(born, on)
        )


def _persons(test):
    """Turn a test of a person into a rule over a household."""
    return lambda look, limit: [(one.m.pk, seen) for one in look.people if (seen := test(one, limit))]


def _house(test):
    return lambda look, limit: [(look.home.pk, seen)] if (seen := test(look, limit)) else []


def _year(test):
    return lambda look, limit: (
        [(look.home.pk, seen)] if look.year is not None and (seen := test(look.year, limit)) else []
    )


def _compared(m) -> bool:
    return m.id_index is not None and m.id_kind not in ("", "?") and m.id_fault != "characters"


def other_birth(one, limit):
    m = one.m
    if not m.id_birth_on or not m.birth_on or m.birth_on == m.id_birth_on:
        return None
    if m.birth_precision == "m" and m.birth_on == m.id_birth_on.replace(day=1):
        return None
    return str(m.birth_on)


def twice_in_household(look, limit):
    number = Counter(bytes(one.m.id_index) for one in look.people if one.m.id_index is not None)
    return [
        (one.m.pk, str(number[bytes(one.m.id_index)]))
        for one in look.people
        if _compared(one.m) and number[bytes(one.m.id_index)] > 1
    ]


def in_two_households(look, limit):
    mine = [one.m for one in look.people if _compared(one.m)]
    others = (
        Member.objects.in_scope()
        .filter(id_index__in=[m.id_index for m in mine], departed_on__isnull=True, withdrawn_at__isnull=True,
                household__withdrawn_at__isnull=True)
        .exclude(household=look.home)
        .exclude(household__lifecycle=Lifecycle.CANCELLED)
        .values_list("id_index", "household_id")
    )  # fmt: skip
    found: dict[bytes, set] = {}
    for index, household in others:
        found.setdefault(bytes(index), set()).add(household)
    return [(m.pk, str(len(found[bytes(m.id_index)]) + 1)) for m in mine if bytes(m.id_index) in found]


def strange_name(one, limit):
    found = "".join(STRANGE.findall(one.m.name))
    wrong = found or not limit["min_length"] <= len(one.m.name) <= limit["max_length"]
    return (found or str(len(one.m.name))) if wrong else None


def _sharing(column: str, most):
    def rule(look, limit):
        value = getattr(look.home, column)
        if value is None:
            return []
        number = (
            Household.objects.in_scope()
            .filter(**{column: value}, withdrawn_at__isnull=True)
            .exclude(lifecycle=Lifecycle.CANCELLED)
            .count()
        )
        return [(look.home.pk, str(number))] if number > most(limit) else []

    return rule


def wrong_size(look, limit):
    sized = [y for y in look.home.years.all() if y.size is not None]
    size = max(sized, key=lambda y: y.year).size if sized else None
    return None if size is None or size == len(look.people) else str(size)


def generations(look, limit):
    if len(look.heads) != 1 or (head := look.heads[0].born) is None:
        return []
    found, gap = [], int(limit["min_gap"])
    for one in look.people:
        pairs = {**dict.fromkeys(CHILDREN, (head, one.born)), **dict.fromkeys(PARENTS, (one.born, head))}
        older, younger = pairs.get(one.m.relation, (None, None))
        if older and younger and younger < _later(older, gap):
            found.append((one.m.pk, str(years(older, younger))))
    return found


def _later(day, number: int):
    try:
        return day.replace(year=day.year + number)
    except ValueError:
        return day.replace(year=day.year + number, day=28)


def young_head(look, limit):
    heads = look.heads
    if len(heads) == 1 and heads[0].age is not None and heads[0].age < limit["min_age"]:
        return str(heads[0].age) if any(one.age is not None and one.age >= 18 for one in look.people) else None
    return None


def young_spouse(one, limit):
    least = limit["male_age"] if one.sex == "1" else limit["female_age"]
    young = one.m.relation == SPOUSE and one.sex in ("1", "2") and one.age is not None and one.age < least
    return f"{one.sex}；{one.age}" if young else None


def education_or_school(one, limit):
    education, status = one.y.education or "", one.y.student_status or ""
    at_school = status not in ("", "01")
    both = education and at_school and not (education == "06" and status == "02")
    return f"{education}；{status}" if both or (not education and not status) else None


def area_without_months(one, limit):
    months, area = (one.y.work_months or 0) > 0, bool(one.y.work_area)
    return f"{one.y.work_area}；{one.y.work_months}" if months != area else None


def insured(one, limit):
    both = one.y.med_resident and one.y.med_employee
    return f"{one.y.med_resident}；{one.y.med_employee}" if both or not (
        one.y.med_resident or one.y.med_employee) else None  # fmt: skip


def danger_against_grade(y, limit):
    wrong = (y.house_dangerous is True and y.house_grade in ("A", "B")) or (
        y.house_dangerous is False and y.house_grade in ("C", "D")
    )
    return f"{y.house_dangerous}；{y.house_grade}" if wrong else None


def gross_and_net(y, limit):
    found, given = [], [getattr(y, name) for name in CLASSES]
    whole = sum(amount or 0 for amount in given)
    if (
        y.gross_yuan is not None
        and any(a is not None for a in given)
        and abs(y.gross_yuan - whole) > limit["tolerance"]
    ):
        found.append(f"总收入{y.gross_yuan}，应为{whole}")
    if y.net_yuan is not None and y.gross_yuan is not None:
        net = y.gross_yuan - (y.biz_cost_yuan or 0)
        if abs(y.net_yuan - net) > limit["tolerance"]:
            found.append(f"纯收入{y.net_yuan}，应为{net}")
    return "；".join(found)


def per_head(y, limit):
    if y.net_pc_yuan is None or y.net_yuan is None or not (y.size or 0) > 0:
        return None
    return str(y.net_pc_yuan) if abs(y.net_pc_yuan - y.net_yuan / y.size) > limit["tolerance"] else None


def negative_or_odd(y, limit):
    low = [name for name in (*CLASSES, "p_asset_yuan", "p_other_yuan", "t_other_yuan") if (getattr(y, name) or 0) < 0]
    head = y.net_pc_yuan
    return str(low or head) if low or (head is not None and (head <= 0 or head > limit["most"])) else None


def odd_wage(look, limit):
    wage = look.year.wage_yuan if look.year else None
    if not wage or wage <= 0:
        return None
    months = sum(one.y.work_months or 0 for one in look.people)
    odd = months > 0 and not limit["least_month"] <= wage / months <= limit["most_month"]
    return str(wage) if odd or not limit["least_year"] <= wage <= limit["most_year"] else None


def wage_twice(look, limit):
    """The ledger holds an amount twice: equal lines of a category in a month."""
    seen = Counter((line.month, line.category, line.amount_yuan) for line in look.lines)
    doubled = [f"{month:%Y-%m} {category}" for (month, category, _amount), number in seen.items() if number > 1]
    return "；".join(sorted(doubled))


def _filled(value) -> bool:
    return value not in (None, "")


RULES = {
    "ID-01": _persons(lambda one, limit: "—" if one.m.cert_no_index is None else None),
    "ID-02": _persons(lambda one, limit: "?" if one.m.id_fault == "length" else None),
    "ID-03": _persons(lambda one, limit: "15" if one.m.id_kind == "15" else None),
    "ID-04": _persons(lambda one, limit: one.m.id_fault if "characters" in one.m.id_fault else None),
    "ID-05": _persons(lambda one, limit: one.m.id_fault if "check" in one.m.id_fault else None),
    "ID-06": _persons(lambda one, limit: one.m.id_fault if "birth" in one.m.id_fault else None),
    "ID-09": _persons(
        lambda one, limit: (
            one.m.sex if one.m.id_sex in ("1", "2") and one.m.sex in ("1", "2") and one.m.sex != one.m.id_sex else None
        )
    ),
    "ID-10": _persons(other_birth),
    "ID-11": twice_in_household,
    "ID-12": in_two_households,
    "ID-14": _persons(strange_name),
    "ID-15": _persons(
        lambda one, limit: str(one.age_now) if one.age_now is not None and one.age_now > limit["max_age"] else None
    ),
    "ID-16": _house(
        lambda look, limit: "?" if look.home.phone_index is not None and look.home.phone_valid is False else None
    ),
    "ID-18": _house(
        lambda look, limit: "?" if look.home.card_index is not None and look.home.card_valid is False else None
    ),
    "ID-19": _sharing("card_index", lambda limit: 1),
    "HH-01": _house(lambda look, limit: "0" if look.people and not look.heads else None),
    "HH-02": _house(lambda look, limit: str(len(look.heads)) if len(look.heads) > 1 else None),
    "HH-03": _house(wrong_size),
    "HH-04": _house(lambda look, limit: "0" if not look.people else None),
    "HH-09": _house(
        lambda look, limit: str(n) if (n := sum(one.m.relation == SPOUSE for one in look.people)) > 1 else None
    ),
    "HH-10": generations,
    "HH-11": _house(young_head),
    "HH-15": _persons(young_spouse),
    "CD-03": _persons(
        lambda one, limit: str(one.age) if one.works and one.age is not None and one.age < limit["min_age"] else None
    ),
    "CD-04": _persons(
        lambda one, limit: (
            one.y.labour
            if _filled(one.y.labour) and one.y.labour != "04" and one.age is not None and one.age < limit["min_age"]
            else None
        )
    ),
    "CD-05": _persons(
        lambda one, limit: (
            one.y.labour
            if one.age is not None and one.age >= limit["min_age"] and one.y.labour in ("01", "02", "03")
            else None
        )
    ),
    "CD-09": _persons(
        lambda one, limit: str(one.age) if one.y.education == "06" and one.age is not None and one.age >= 7 else None
    ),
    "CD-12": _persons(education_or_school),
    "CD-15": _persons(area_without_months),
    "CD-23": _year(danger_against_grade),
    "CD-25": _year(lambda y, limit: "是" if y.water_safe and y.water_hard else None),
    "CD-29": _year(lambda y, limit: str(y.road_km) if y.road_km is not None and y.road_km > limit["max_km"] else None),
    "CD-30": _persons(insured),
    "IN-02": _year(gross_and_net),
    "IN-03": _year(per_head),
    "IN-04": _year(negative_or_odd),
    "IN-10": _house(odd_wage),
    "IN-21": _house(wage_twice),
}


def fetch(pk: int):
    """Return the household with all that the rules look at: five statements."""
    from households.ledger.models import LedgerLine

    kept = {"withdrawn_at__isnull": True}
    people = Member.objects.in_scope().filter(departed_on__isnull=True, **kept)
    return (
        Household.objects.in_scope()
        .prefetch_related(
            Prefetch("years", HouseholdYear.objects.in_scope().filter(**kept)),
            Prefetch("members", people),
            Prefetch("members__years", MemberYear.objects.in_scope().filter(**kept)),
            Prefetch("ledger", LedgerLine.objects.in_scope().filter(superseded=0)),
        )
        .get(pk=pk)
    )


def measure(*, on, households: int) -> dict:
    """Run the loop over every n-th household of the register; return seconds by part, and where it differs from us."""
    from poverty.declarations import rules
    from validation import engine
    from validation.models import Finding

    with scope.system("bench"), transaction.atomic():
        every = list(Household.objects.in_register().values_list("pk", flat=True).order_by("pk"))
        chosen = every[:: max(len(every) // households, 1)][:households]
        ours = set(
            Finding.objects.in_scope()
            .open()
            .filter(rule__in=RULES, household_id__in=chosen)
            .values_list("rule", "subject")
        )
        limits = {code: engine.numbers(rules[code], "", on) for code in RULES}
        parts, theirs, asked = Counter(), set(), len(connection.queries_log)
        begun = time.perf_counter()
        for pk in chosen:
            started = time.perf_counter()
            home = fetch(pk)
            fetched = time.perf_counter()
            look = Look(home, on)
            hits = {(code, subject): seen for code, rule in RULES.items() for subject, seen in rule(look, limits[code])}
            looked = time.perf_counter()
            _keep(home, hits)
            parts["fetch"] += fetched - started
            parts["conditions"] += looked - fetched
            parts["findings"] += time.perf_counter() - looked
            theirs.update(hits)
        seconds = time.perf_counter() - begun
        transaction.set_rollback(True)
    differ = Counter(code for code, _subject in ours ^ theirs)
    return {
        "seconds": seconds, "households": len(chosen), "rules": len(RULES), "queries": len(connection.queries_log) - asked,
        "parts": {name: round(value, 3) for name, value in parts.items()}, "found": len(theirs), "ours": len(ours),
        "differ": dict(differ),
    }  # fmt: skip


def _keep(home, hits: dict) -> None:
    """Open, refresh and close the household's findings, one by one."""
    from poverty.declarations import rules
    from validation.models import Finding, FindingState

    now = timezone.now()
    open_ones = Finding.objects.in_scope().filter(household_id=home.pk, rule__in=RULES, closed_at__isnull=True)
    there = {(finding.rule, finding.subject): finding for finding in open_ones}
    for (code, subject), seen in hits.items():
        finding = there.pop((code, subject), None)
        if finding:
            finding.seen, finding.last_seen_at = seen[:300], now
            finding.save(update_fields=["seen", "last_seen_at"])
        else:
            Finding.objects.create(
                rule=code, severity=str(rules[code].severity), subject_kind=rules[code].subject, subject=subject,
                household_id=home.pk, village_id=home.village_id, reach=home.village_id, seen=seen[:300],
                first_seen_at=now, last_seen_at=now,
            )  # fmt: skip
    for finding in there.values():
        finding.state, finding.closed_at = FindingState.CLOSED, now
        finding.save(update_fields=["state", "closed_at"])
