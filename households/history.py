"""The history of a household, read from the event rows: who changed what, when, why, from what to what.

One entry is one save or one import: all events that share a context. Nothing here is kept apart from the events, so
bulk loads and corrections by hand look alike.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

from accounts.models import User
from exchange.models import ImportBatch
from households.models import Household, HouseholdYear, Member, MemberYear
from households.present import Viewer, opened
from households.sections import HISTORY, TARGETS, Field
from poverty import scope

FIELDS = {target: [of for of in HISTORY if of.target == target] for target in TARGETS}
SHOWN = 8  # values of one entry that are not folded away
SEALED_COLUMNS = {"household": ("phone_sealed", "card_sealed"), "member": ("cert_no_sealed",)}


@dataclass
class Rows:
    """The rows of one household with their events: {target: {row key: [event, …]}}, oldest first."""

    household: Household
    members: dict[int, Member]
    member_years: dict[int, MemberYear]
    years: dict[int, HouseholdYear]
    events: dict[str, dict[int, list]]

    def key(self, target: str, row: int) -> str:
        """Return what a row is called in pages: "household", "year.2020", "member.<uid>", "member_year.<uid>.2020"."""
        if target == "household":
            return target
        if target == "year":
            return f"year.{self.years[row].year}"
        if target == "member":
            return f"member.{self.members[row].uid}"
        found = self.member_years[row]
        return f"member_year.{self.members[found.member_id].uid}.{found.year}"

    def member_of(self, target: str, row: int) -> Member | None:
        if target == "member":
            return self.members[row]
        return self.members[self.member_years[row].member_id] if target == "member_year" else None

    def year_of(self, target: str, row: int) -> int | None:
        if target == "year":
            return self.years[row].year
        return self.member_years[row].year if target == "member_year" else None


def load(household: Household, user, *, sealed: bool) -> Rows:
    """Read all rows of a household, withdrawn ones too, and their events; `sealed` reads sealed values along."""

    def by_key(model):
        return {row.pk: row for row in model.objects.visible_to(user).filter(household_id=household.pk)}

    members, years, member_years = by_key(Member), by_key(HouseholdYear), by_key(MemberYear)
    member_years = {pk: row for pk, row in member_years.items() if row.member_id in members}
    keys = {"household": [household.pk], "year": years, "member": members, "member_year": member_years}
    events: dict[str, dict[int, list]] = {}
    for target, model in TARGETS.items():
        found: dict[int, list] = defaultdict(list)
        rows = model.pgh_event_model.objects.filter(pgh_obj_id__in=list(keys[target])).order_by("pgh_id")
        if not sealed:
            rows = rows.defer(*SEALED_COLUMNS.get(target, ()))
        for event in rows:
            found[event.pgh_obj_id].append(event)
        events[target] = found
    return Rows(household, members, member_years, years, events)


@dataclass
class Origin:
    """Where a set of values comes from: a person, and the file and row if it was an import."""

    at: dt.datetime
    who: str = ""
    reason: str = ""
    file: str = ""
    sheet: str = ""
    row: int | None = None
    as_of: dt.date | None = None
    undone: bool = False
    proposed_by: str = ""


class Origins:
    """Names people and files behind events; each is looked up once.

    The name of a file is read in system scope: who may see a value may know the file it came in, though the import
    as a whole belongs to a larger area.
    """

    def __init__(self, events):
        contexts = [event.pgh_context or {} for event in events]
        people = {context.get(part) for context in contexts for part in ("user", "proposed_by")} - {None}
        batches = {event.source_batch_id for event in events} | {context.get("batch") for context in contexts}
        batches -= {None}
        self.people = dict(User.objects.filter(pk__in=people).values_list("pk", "full_name")) if people else {}
        self.batches = {}
        if batches:
            with scope.system("name the files behind a household's values"):
                found = ImportBatch.objects.filter(pk__in=batches).values_list("pk", "file_name", "as_of")
                self.batches = {pk: (name, as_of) for pk, name, as_of in found}

    def of(self, event) -> Origin:
        context = event.pgh_context or {}
        who = self.people.get(context.get("user")) or context.get("username", "")
        origin = Origin(event.pgh_created_at, who, context.get("reason", ""))
        origin.proposed_by = self.people.get(context.get("proposed_by"), "")
        batch = context.get("batch")
        origin.undone = bool(context.get("undone_batch"))
        if batch in self.batches:
            origin.file, origin.as_of = self.batches[batch]
            origin.reason = ""
            if event.source_batch_id == batch and not origin.undone:
                origin.sheet, origin.row = event.source_sheet, event.source_row
        return origin


@dataclass
class Change:
    """One value that changed; `person` and `year` say whose and of when."""

    label: str
    old: str
    new: str
    person: str = ""
    year: int | None = None


@dataclass
class Entry:
    """One save or import, newest first on the page. `added` counts rows that came in, by what they are."""

    origin: Origin
    changes: list[Change] = field(default_factory=list)
    added: dict[str, list[str]] = field(default_factory=dict)

    @property
    def first(self) -> list[Change]:
        return self.changes[:SHOWN]

    @property
    def rest(self) -> list[Change]:
        return self.changes[SHOWN:]


def differs(of: Field, before, after) -> bool:
    """Tell whether a field differs between two events (None: there was none before)."""
    old = getattr(before, of.compared) if before is not None else None
    new = getattr(after, of.compared)
    if of.sealed:
        return bytes(old or b"") != bytes(new or b"")
    if of.kind == "point":
        return old != new
    return of.plain(old) != of.plain(new)


def value(of: Field, event):
    """Return the plain value of a field in an event."""
    if event is None:
        return None
    if of.sealed:
        return opened(event, of.name) or None
    return of.plain(getattr(event, of.name))


def entries(household: Household, user, *, only: str = "") -> list[Entry]:
    """Return the household's history, newest first; `only` narrows it to one value, by its key on the page."""
    viewer = Viewer(user)
    rows = load(household, user, sealed=True)
    everything = [event for found in rows.events.values() for events in found.values() for event in events]
    origins = Origins(everything)
    made: dict[object, Entry] = {}
    newest: dict[object, tuple] = {}
    for target, found in rows.events.items():
        for row, events in found.items():
            name = rows.key(target, row)
            if only and not only.startswith(f"{name}."):
                continue
            member, year = rows.member_of(target, row), rows.year_of(target, row)
            person = viewer.name(member) if member is not None else ""
            before = None
            for event in events:
                key = event.pgh_context_id or (target, event.pgh_id)
                entry = made.get(key) or Entry(origins.of(event))
                changes = [
                    Change(
                        str(of.label),
                        viewer.words(of, value(of, before), member),
                        viewer.words(of, value(of, event), member),
                        person,
                        year,
                    )
                    for of in FIELDS[target]
                    if (not only or only == f"{name}.{of.name}") and differs(of, before, event)
                ]
                if before is None and not only:
                    entry.added.setdefault(target, []).append(person or str(year or ""))
                    entry.origin = origins.of(event) if entry.origin.row is None else entry.origin
                else:
                    entry.changes += changes
                if entry.changes or entry.added:
                    made[key] = entry
                    newest[key] = max(newest.get(key, (event.pgh_created_at, 0)), (event.pgh_created_at, event.pgh_id))
                before = event
    return [made[key] for key in sorted(made, key=lambda key: newest[key], reverse=True)]
