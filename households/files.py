"""A household's file (一户一档): everything its page and its printed form show, as the reader may see it."""

from dataclasses import dataclass, field

from django.conf import settings
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.masks import View, view_of
from accounts.roles import Permission
from households import history, listing, sections
from households.findings import veiled
from households.importing import lifecycle_of
from households.ledger import figures
from households.models import (
    Household,
    HouseholdYear,
    Lifecycle,
    Member,
    MemberChange,
    MemberYear,
    Proposal,
    ProposalState,
)
from households.present import HIDDEN, Shown, Viewer, age_on, born, is_minor, opened
from households.sections import Field
from poverty.declarations import rules
from validation.models import Finding

MOST_YEARS = 4
RECENT = 5  # entries of the history on the file itself


def get(user, uid, **more) -> Household:
    """Return the household, or answer as if it did not exist when it lies outside the user's area."""
    found = Household.objects.visible_to(user).in_register().filter(uid=uid, **more).first()
    if found is None:
        raise Http404
    return found


@dataclass
class Person:
    """A member as the file shows them, with what one year says."""

    member: Member
    name: str
    age: int | None
    values: dict[str, Shown]
    minor: bool = False
    year: MemberYear | None = None
    findings: list = field(default_factory=list)

    @property
    def flags(self) -> list[str]:
        """Return the insurances and allowances that the year says yes to."""
        return [str(of.label) for of in INSURANCES if self.year is not None and of.plain(getattr(self.year, of.name))]


INSURANCES = [of for of in sections.MEMBER_YEAR_SECTIONS[3].fields if of.kind == "yes_no"]


@dataclass
class Found:
    """A finding with its rule's words."""

    finding: Finding
    title: str
    suggestion: str
    seen: str
    expected: str
    subject: str = ""


def people_of(household, user, viewer, year: int | None, members=None) -> list[Person]:
    """Return all members that are not withdrawn, the head first, those who left last."""
    if members is None:
        members = Member.objects.visible_to(user).filter(household_id=household.pk, withdrawn_at__isnull=True)
        members = sorted(members, key=lambda m: (m.departed_on is not None, m.relation or "~", m.person_no))
    rows = {}
    if year:
        years = MemberYear.objects.visible_to(user)
        years = years.filter(household_id=household.pk, year=year, withdrawn_at__isnull=True)
        rows = {row.member_id: row for row in years}
    found = []
    for member in members:
        row = rows.get(member.pk)
        values = {
            of.name: viewer.shown(of, member, member, f"member.{member.uid}.{of.name}")
            for of in (*sections.MEMBER.fields, *sections.DEPARTURE)
        }
        for of in sections.MEMBER_YEAR_FIELDS:
            values[of.name] = viewer.shown(of, row, member, f"member_year.{member.uid}.{year}.{of.name}")
        age = age_on(born(member), viewer.today)
        found.append(Person(member, viewer.name(member), age, values, is_minor(member, viewer.today), row))
    return found


def findings_of(household, user, people, viewer) -> list[Found]:
    """Return the household's open findings, errors first."""
    rows = Finding.objects.visible_to(user).filter(household_id=household.pk, closed_at__isnull=True)
    rows = rows.select_related("owner")
    if not user.may(Permission.FINDING_VIEW):
        rows = rows.filter(source="")  # a clue is no verdict, and nothing to be read by whom it is about
    by_member = {person.member.pk: person for person in people}
    found = []
    for row in sorted(rows, key=lambda row: ("EWI".find(row.severity), row.rule, row.subject)):
        rule = rules.get(row.rule)
        person = by_member.get(row.subject) if row.subject_kind == "member" else None
        seen, expected = row.seen, row.expected
        if rule is not None and rule.field == "cert_no" and not expected:
            # Such a rule says only which part is wrong; the reader is shown the number, masked as ever.
            seen = person.values["cert_no"].text if person else ""
        elif rule is not None and row.seen == "?" and person:
            length = len(opened(person.member, "cert_no"))
            seen = _("%(number)s characters") % {"number": length}
        elif veiled(rule, viewer, person.member if person else None):
            seen, expected = (HIDDEN if text else "" for text in (seen, expected))
        told = Found(
            row,
            _(rule.title) if rule is not None else row.rule,
            _(rule.suggestion) if rule is not None and rule.suggestion else "",
            seen,
            expected,
            person.name if person else "",
        )
        if person:
            person.findings.append(told)
        found.append(told)
    return found


def chosen_years(request, available: list[int]) -> list[int]:
    """Return the years to stand side by side, at most four, newest last."""
    asked = {int(text) for text in request.GET.getlist("years")[:20] if text.isascii() and text.isdigit()}
    wanted = [year for year in available if year in asked] or available[:MOST_YEARS]
    return sorted(wanted[:MOST_YEARS])


def year_table(rows: dict[int, HouseholdYear], years: list[int], viewer: Viewer) -> list[dict]:
    """Return the sections of the years side by side; lines that no year fills are left out and counted."""
    found = []
    for section in sections.YEAR_SECTIONS:
        lines, empty = [], 0
        for of in section.fields:
            if not viewer.sees(of):
                continue
            cells = [viewer.shown(of, rows.get(year), None, f"year.{year}.{of.name}") for year in years]
            if any(cell.filled for cell in cells):
                lines.append({"field": of, "cells": cells, "part": of.name in sections.PARTS_OF_SUM})
            else:
                empty += 1
        found.append({"section": section, "lines": lines, "empty": empty})
    return found


def page(request, household: Household) -> dict:
    """Return everything the file shows."""
    user = request.user
    viewer = Viewer(user)
    names = listing.place_names([household.village_id])
    years = HouseholdYear.objects.visible_to(user).filter(household_id=household.pk, withdrawn_at__isnull=True)
    rows = {row.year: row for row in years}
    member_years = set(
        MemberYear.objects.visible_to(user)
        .filter(household_id=household.pk, withdrawn_at__isnull=True)
        .values_list("year", flat=True)
        .distinct()
    )
    available = sorted({*rows, *member_years}, reverse=True)
    shown = chosen_years(request, available)
    year = shown[-1] if shown else None
    people = people_of(household, user, viewer, year)
    present = [person for person in people if person.member.departed_on is None]
    found = findings_of(household, user, people, viewer)
    head = next((person for person in present if person.member.relation == listing.HEAD), None)
    places = listing.path_of(household.village_id, names, user.area_code[:-1] if user.area_code else "")
    context = {
        "household": household,
        "viewer": viewer,
        "head": head,
        "head_name": head.name if head else _("no head on file"),
        "lifecycle": _lifecycle(household),
        "place": " ".join(name for _code, name in listing.path_of(household.village_id, names)[-2:]),
        "place_full": "".join(name for _code, name in listing.path_of(household.village_id, names)),
        "crumbs": _crumbs(places, household, head),
        "years": available,
        "shown_years": shown,
        "year": year,
        "present": present,
        "departed": [person for person in people if person.member.departed_on is not None],
        "year_sections": year_table(rows, shown, viewer),
        "declared_size": rows[max(rows)].size if rows else None,
        "sections": household_sections(household, viewer),
        "values": household_values(household, viewer),
        "findings": found,
        "changes": _changes(household, user, people),
        "history": history.entries(household, user)[:RECENT],
        "position": _position(household, viewer),
        "tiles": settings.LEAFLET_CONFIG.get("TILES") or [],
        "may": {
            "edit": user.may(Permission.HOUSEHOLD_EDIT),
            "propose": user.may(Permission.HOUSEHOLD_PROPOSE) and not user.may(Permission.HOUSEHOLD_EDIT),
            "contact": user.may(Permission.CONTACT_EDIT),
            "map": user.may(Permission.FIGURES_VIEW),
            "reveal": user.may(Permission.FIELD_REVEAL),
        },
    }
    if view_of(user, "income") is View.FULL:
        context["ledger"] = ledger_of(household, user, max(rows, default=None))
    if user.may(Permission.HOUSEHOLD_PROPOSE) or user.may(Permission.PROPOSAL_CONFIRM):
        waiting = Proposal.objects.visible_to(user).filter(household_id=household.pk, state=ProposalState.WAITING)
        context["proposals"] = list(waiting.select_related("proposed_by"))
    return context


def ledger_of(household, user, year: int | None):
    """Return the statistical year of the newest sheet as the ledger has it, else the newest that it speaks of."""
    found = figures.year_figures(household, user, year) if year else None
    if found is None or not found.months:
        newest = figures.newest_year(household, user)
        found = figures.year_figures(household, user, newest) if newest else None
    return found


def household_values(household, viewer) -> dict[str, Shown]:
    return {of.name: viewer.shown(of, household, None, f"household.{of.name}") for of in sections.HOUSEHOLD_FIELDS}


def household_sections(household, viewer) -> list[dict]:
    """Return the household's own sections with the values that the reader's role has any view of."""
    values = household_values(household, viewer)
    found = []
    for section in sections.HOUSEHOLD_SECTIONS:
        shown = [values[of.name] for of in section.fields if viewer.sees(of)]
        if shown:
            found.append({"section": section, "values": shown})
    return found


def _crumbs(places, household, head) -> list[dict]:
    address = reverse("households:list")
    crumbs = [{"name": _("Households"), "url": address}]
    crumbs += [{"name": name, "url": f"{address}?region={code}"} for code, name in places]
    return [*crumbs, {"name": head.name if head else household.household_no, "url": ""}]


def _lifecycle(household) -> dict:
    """Return {"now", "wanted"} in words when a status corrected by hand has left the life cycle behind, else {}.

    The life cycle is moved by actions only (a notice, a decision), so a corrected status does not carry it along.
    """
    wanted = lifecycle_of(household.status)
    if wanted in ("", household.lifecycle):
        return {}
    return {"now": household.get_lifecycle_display(), "wanted": Lifecycle(wanted).label}


def _changes(household, user, people) -> list[dict]:
    names = {person.member.pk: person.name for person in people}
    rows = MemberChange.objects.visible_to(user).filter(household_id=household.pk).select_related("recorded_by")
    return [{"change": row, "name": names.get(row.member_id, "")} for row in rows]


def _position(household, viewer) -> dict:
    """Return the point if the reader may see it at once, or how to reveal it."""
    of = Field("household", "position")
    view = viewer.of(of)
    shown = viewer.shown(of, household, None, "household.position")
    found = {"shown": shown, "known": household.position is not None, "village": household.village_id}
    if household.position is not None and view is View.FULL:
        found.update(lat=f"{household.position.y:.6f}", lon=f"{household.position.x:.6f}")
    return found
