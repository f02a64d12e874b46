"""Rows of the register for tests, made in system scope: `household(village, …)`, `member(household, …)`, `year(…)`."""

import datetime as dt
import itertools

from households.actions import put
from households.models import Household, HouseholdYear, Member, MemberYear, Proposal
from households.sections import Field
from poverty import scope
from poverty.idnumber import check_character
from validation.models import Finding

_count = itertools.count(1)
SEALED = {"household": ("phone", "card"), "member": ("cert_no",)}


def id_number(*, area="459901", born="19800101", sequence="001") -> str:
    """Return a well-formed identity number of nobody."""
    body = f"{area}{born}{sequence}"
    return body + check_character(body)


def _split(target, values):
    sealed = {name: values.pop(name) for name in SEALED[target] if name in values}
    return sealed, values


def household(village="459901100201", *, head: str | None = "岑山水", **values) -> Household:
    """Make a household with its head (`head=None`: without)."""
    number = next(_count)
    sealed, values = _split("household", values)
    defaults = {"household_no": f"4599{number:09d}", "status": "04", "household_type": "1", "main_cause": "01"}
    with scope.system("test"):
        made = Household(village_id=village, stamp="2020-12-31/1", **{**defaults, **values})
        for name, text in sealed.items():
            put(made, Field("household", name), text)
        made.save()
        if head:
            member(made, name=head, relation="01", sex="1", cert_no=id_number(sequence=f"{number % 500 * 2 + 1:03d}"))
    return made


def member(of: Household, *, name="岑小山", **values) -> Member:
    sealed, values = _split("member", values)
    defaults = {"person_no": f"9{next(_count):014d}", "relation": "03", "sex": "1", "birth_on": dt.date(1980, 1, 1)}
    with scope.system("test"):
        made = Member(household=of, village_id=of.village_id, name=name, stamp="2020-12-31/1", **{**defaults, **values})
        for field, text in sealed.items():
            put(made, Field("member", field), text)
        made.save()
    return made


def year(of: Household, number=2020, **values) -> HouseholdYear:
    with scope.system("test"):
        return HouseholdYear.objects.create(
            household=of, village_id=of.village_id, year=number, stamp="2020-12-31/2", **values
        )


def member_year(of: Member, number=2020, **values) -> MemberYear:
    with scope.system("test"):
        return MemberYear.objects.create(
            member=of,
            household_id=of.household_id,
            village_id=of.village_id,
            year=number,
            stamp="2020-12-31/1",
            **values,
        )


def finding(of: Household, rule="HH-03", **values) -> Finding:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    defaults = {"severity": "E", "subject_kind": "household", "subject": of.pk, "reach": of.village_id}
    with scope.system("test"):
        return Finding.objects.create(
            rule=rule,
            household_id=of.pk,
            village_id=of.village_id,
            first_seen_at=now,
            last_seen_at=now,
            **{**defaults, **values},
        )


def fresh(row):
    """Return the row as it stands in the database now."""
    with scope.system("test"):
        return type(row).objects.get(pk=row.pk)


def head_of(of: Household) -> Member:
    with scope.system("test"):
        return Member.objects.get(household=of, relation="01")


def proposals() -> list[Proposal]:
    with scope.system("test"):
        return list(Proposal.objects.order_by("pk"))


def last_event(row):
    """Return the newest history row of a row of the register."""
    with scope.system("test"):
        return type(row).pgh_event_model.objects.filter(pgh_obj_id=row.pk).order_by("-pgh_id").first()
