"""Writes to the register by people: corrections, new members and households, changes of members, positions.

Every action is one transaction with one reason, bumps the household's version, keeps the stamps that decide between
a typed value and a later file, and runs the data rules again.
"""

import re
from dataclasses import dataclass, field

from django.contrib.gis.geos import Point
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts import audit
from accounts.models import ScopeRange
from households import codes
from households.importing import PHONE_PATTERN, lifecycle_of, luhn
from households.keys import Key, parse
from households.listing import HEAD
from households.models import Household, HouseholdYear, Member, MemberChange, MemberYear
from households.present import plain_of
from households.sections import PLACES, Field
from poverty import crypto, idnumber, scope
from poverty.declarations import rules
from validation import engine
from validation.models import Finding

RANK = 3  # of a value typed by a person, above every sheet of the same day


class Overtaken(Exception):
    """Somebody else has changed what was to be changed; `keys` are the values that differ."""

    def __init__(self, keys):
        super().__init__(keys)
        self.keys = keys


class NumberTaken(Exception):
    """An official number is in use; nothing is said of where."""


@dataclass
class Result:
    """What an action did: values written, findings opened and closed by the rules."""

    household: Household
    written: list[str] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    members: list[Member] = field(default_factory=list)


@dataclass
class Sheet:
    """The rows of one household under one transaction, changed value by value and then written at once."""

    household: Household
    by: object
    stamp: str
    members: dict[str, Member]
    years: dict[int, HouseholdYear]
    member_years: dict[tuple[str, int], MemberYear]
    dirty: dict[tuple, set] = field(default_factory=dict)
    identities: set = field(default_factory=set)

    @classmethod
    def open(cls, household: Household, by, *, lock: bool = True) -> "Sheet":
        """Lock the household and read what belongs to it; without `lock` only to look at it."""
        rows = Household.objects.visible_to(by)
        locked = (rows.select_for_update(of=("self",)) if lock else rows).get(pk=household.pk)
        members = {str(m.uid): m for m in Member.objects.visible_to(by).filter(household_id=locked.pk)}
        uids = {m.pk: uid for uid, m in members.items()}
        years = HouseholdYear.objects.visible_to(by).filter(household_id=locked.pk)
        member_years = MemberYear.objects.visible_to(by).filter(household_id=locked.pk)
        return cls(
            locked,
            by,
            f"{timezone.localdate().isoformat()}/{RANK}",
            members,
            {row.year: row for row in years},
            {(uids[row.member_id], row.year): row for row in member_years if row.member_id in uids},
        )

    def row(self, key: Key, *, make: bool = False):
        """Return the row that holds a value; None, or a new one, when there is none."""
        if key.field.target == "household":
            return self.household
        if key.field.target == "member":
            return self.members.get(key.member)
        place = {"household_id": self.household.pk, "village_id": self.household.village_id, "year": key.year}
        if key.field.target == "year":
            if key.year not in self.years and make:
                self.years[key.year] = HouseholdYear(**place, stamp=self.stamp)
            return self.years.get(key.year)
        if (key.member, key.year) not in self.member_years and make and key.member in self.members:
            row = MemberYear(**place, member=self.members[key.member], stamp=self.stamp)
            self.member_years[(key.member, key.year)] = row
        return self.member_years.get((key.member, key.year))

    def plain(self, key: Key):
        row = self.row(key)
        return None if row is None or row.withdrawn_at else plain_of(row, key.field)

    def put(self, key: Key, plain) -> None:
        row = self.row(key, make=True)
        changed = put(row, key.field, plain)
        self.identities |= changed.pop("identities", set())
        if row.withdrawn_at and key.field.target in ("year", "member_year"):
            row.withdrawn_at = None
            changed["withdrawn_at"] = None
        if row.pk:
            row.field_stamps = {**row.field_stamps, key.field.compared: self.stamp}
            # The row no longer comes from one file; what did is told by its history.
            row.source_batch, row.source_sheet, row.source_row = None, "", None
            changed.update(dict.fromkeys(("field_stamps", "source_batch", "source_sheet", "source_row")))
        self.dirty.setdefault((key.field.target, key.member, key.year), set()).update(changed)

    def write(self) -> None:
        for (target, member, year), names in self.dirty.items():
            if target == "household":
                row = self.household
            elif target == "member":
                row = self.members[member]
            else:
                row = self.years[year] if target == "year" else self.member_years[(member, year)]
            row.save(update_fields=sorted(names) if row.pk else None)
        self.household.version += 1
        self.household.save(update_fields=["version"])


def put(row, of: Field, plain) -> dict:
    """Set a field of a row from its plain value; return what has to be saved, and identities touched."""
    if not of.sealed:
        setattr(row, of.name, of.python(plain))
        extra = {}
        if of.name == "birth_on":
            row.birth_precision = None if plain is None else "d"
            extra["birth_precision"] = None
        return {of.name: None, **extra}
    sealed, index = f"{of.name}_sealed", f"{of.name}_index"
    setattr(row, sealed, crypto.seal(PLACES[of.name], row.uid, plain))
    if of.name == "cert_no":
        facts = idnumber.facts(plain or "", today=timezone.localdate())
        touched = {bytes(row.id_index)} if row.id_index else set()
        row.cert_no_index = crypto.blind("cert", plain)
        row.id_index = crypto.blind("id", facts.identity)
        row.id_kind, row.id_fault, row.id_area = facts.kind, facts.fault, facts.area
        row.id_birth_on, row.id_sex = facts.birth_on, facts.sex
        touched |= {row.id_index} if row.id_index else set()
        names = (sealed, index, "id_index", "id_kind", "id_fault", "id_area", "id_birth_on", "id_sex")
        return {**dict.fromkeys(names), "identities": touched}
    setattr(row, index, crypto.blind(of.name, plain))
    valid = None
    if plain:
        valid = bool(re.match(PHONE_PATTERN, plain)) if of.name == "phone" else luhn(plain)
    setattr(row, f"{of.name}_valid", valid)
    return dict.fromkeys((sealed, index, f"{of.name}_valid"))


def save(
    *, household, by, changes=None, new_members=(), event=None, reason: str = "", version: int | None = None, **context
) -> Result:
    """Apply changes to a household in one transaction.

    `changes` is {key: [old, new]} in plain values; `new_members` a list of {"member": {…}, "years": {year: {…}}};
    `event` {"kind", "on", "reason", "document", "member": uid or "", "new_head": uid or ""} a change of members.
    `context` is kept beside user and reason in the history. Raises Overtaken when an old value is no longer the stored
    one, or `version` is no longer the household's.
    """
    with transaction.atomic(), scope.acting(by, reason=reason, **context):
        sheet = Sheet.open(household, by)
        wanted = {parse(text): (old, new) for text, (old, new) in (changes or {}).items()}
        other = [str(key) for key, (old, _new) in wanted.items() if sheet.plain(key) != old]
        if other or (version is not None and sheet.household.version != version):
            raise Overtaken(other)
        result = Result(sheet.household)
        for key, (_old, new) in wanted.items():
            sheet.put(key, new)
            result.written.append(str(key))
        for person in new_members:
            result.members.append(_add_member(sheet, person))
        if event:
            _record_change(sheet, event, result)
        sheet.write()
        _check(sheet, result)
    return result


def _check(sheet: Sheet, result: Result) -> None:
    for outcome in check_households([sheet.household.pk], sheet.identities):
        result.opened += outcome.new
        result.closed += outcome.closed


def check_households(keys, identities=(), rule_ids=()) -> list[engine.Outcome]:
    """Run the rules over households, and over those that share an identity with them, before or after.

    Beside the rules of every import those (and `rule_ids`) that have found something there: what was corrected is
    settled at once and not in the night.
    """
    households = "SELECT unnest(ARRAY[{}]::bigint[])".format(", ".join(str(int(key)) for key in keys))
    if identities:
        listed = ", ".join(f"'\\x{bytes(identity).hex()}'::bytea" for identity in identities)
        households += f" UNION SELECT household_id FROM households_member WHERE id_index IN ({listed})"
    with scope.system("data rules"):
        found = Finding.objects.filter(household_id__in=list(keys), closed_at__isnull=True)
        open_rules = {rule for rule in found.values_list("rule", flat=True).distinct() if rule in rules}
    wanted = dict.fromkeys([*engine.import_rules(), *sorted({*open_rules, *rule_ids})])
    return engine.run(list(wanted), households=households)


def claim(households=(), persons=()) -> None:
    """Raise NumberTaken when a number stands outside the caller's area."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM register_numbers_elsewhere(%s::text[], %s::text[])", [list(households), list(persons)]
        )
        if cursor.fetchone()[0]:
            raise NumberTaken


def _add_member(sheet: Sheet, person: dict) -> Member:
    """Add a member from plain values; without an official number a local one is given."""
    household = sheet.household
    values = dict(person["member"])
    number = values.pop("person_no", None)
    member = Member(household=household, village_id=household.village_id, stamp=sheet.stamp)
    for name, plain in values.items():
        sheet.identities |= put(member, Field("member", name), plain).get("identities", set())
    # As an import does: what the sheet leaves blank is read off the certificate number.
    member.sex = member.sex or member.id_sex or None
    member.birth_on = member.birth_on or member.id_birth_on
    if number:
        claim(persons=[number])
    member.person_no = number or _local_number(sheet)
    try:
        with transaction.atomic():
            member.save()
    except IntegrityError as error:
        raise NumberTaken from error
    sheet.members[str(member.uid)] = member
    for year, values in person.get("years", {}).items():
        filled = {name: plain for name, plain in values.items() if plain is not None}
        if filled:
            row = MemberYear(
                member=member,
                household=household,
                village_id=household.village_id,
                year=int(year),
                stamp=sheet.stamp,
            )
            for name, plain in filled.items():
                put(row, Field("member_year", name), plain)
            row.save()
    return member


def _local_number(sheet: Sheet) -> str:
    number = sheet.household.household_no
    prefix = number if number.startswith("L") else f"L{number[:25]}-"
    taken = {member.person_no for member in sheet.members.values()}
    return next(
        text for text in (f"{prefix}{nth:02d}" for nth in range(len(taken) + 1, len(taken) + 200)) if text not in taken
    )


def _record_change(sheet: Sheet, event: dict, result: Result) -> None:
    """Record that a person joined or left, and the new head if the change asks for one."""
    if event.get("back"):
        # A departure that was recorded wrongly: the person is a member again; the record of it stays.
        _clear_departure(sheet, sheet.members[event["member"]])
        return
    kind, on = event["kind"], parse_date(event["on"])
    member = sheet.members[event["member"]] if event.get("member") else result.members[0]
    if kind not in codes.JOINING:
        sheet.put(Key(Field("member", "departed_on"), str(member.uid)), event["on"])
        sheet.put(Key(Field("member", "departed_as"), str(member.uid)), kind)
    elif event.get("member"):
        _clear_departure(sheet, member)
    MemberChange.objects.create(
        member=member,
        household=sheet.household,
        village_id=sheet.household.village_id,
        kind=kind,
        happened_on=on,
        reason=event.get("reason", ""),
        document=event.get("document", ""),
        recorded_by=sheet.by,
    )
    if event.get("new_head"):
        for uid, other in sheet.members.items():
            if (
                uid != event["new_head"]
                and other.relation == HEAD
                and other.departed_on is None
                and other is not member
            ):
                sheet.put(Key(Field("member", "relation"), uid), None)
        sheet.put(Key(Field("member", "relation"), event["new_head"]), HEAD)


def _clear_departure(sheet: Sheet, member: Member) -> None:
    for name in ("departed_on", "departed_as"):
        sheet.put(Key(Field("member", name), str(member.uid)), None)


def add_household(*, village: str, by, values: dict, head: dict, household_no: str = "", reason: str = "") -> Result:
    """Enter a household with its head. Raises NumberTaken when the number is in use, wherever that is."""
    with transaction.atomic(), scope.acting(by, reason=reason):
        if household_no:
            claim(households=[household_no])
        stamp = f"{timezone.localdate().isoformat()}/{RANK}"
        household = Household(village_id=village, stamp=stamp)
        for name, plain in values.items():
            put(household, Field("household", name), plain)
        _insert(household, household_no, by)
        sheet = Sheet.open(household, by)
        result = Result(sheet.household)
        result.members.append(_add_member(sheet, head))
        sheet.write()
        _check(sheet, result)
    return result


def _insert(household: Household, number: str, by) -> None:
    """Insert a household; two people who are given one local number at once are told apart by trying again."""
    for attempt in range(5):
        household.household_no = number or _local_household_number(household.village_id, by)
        try:
            with transaction.atomic():
                household.save(force_insert=True)
            return
        except IntegrityError as error:
            if number or attempt == 4:
                raise NumberTaken from error


def _local_household_number(village: str, by) -> str:
    """Return the next local number of a village: "L", its code, five digits."""
    lo, hi = f"L{village}", f"L{village}:"
    used = Household.objects.visible_to(by).filter(village_id=village, household_no__gte=lo, household_no__lt=hi)
    last = max((int(no[13:18]) for no in used.values_list("household_no", flat=True) if no[13:18].isdigit()), default=0)
    return f"L{village}{last + 1:05d}"


def set_lifecycle(*, household, by, reason: str) -> Result:
    """Let the life cycle follow a status that was corrected by hand; nothing is written when they agree."""
    with transaction.atomic(), scope.acting(by, reason=reason):
        sheet = Sheet.open(household, by)
        row = sheet.household
        wanted = lifecycle_of(row.status)
        result = Result(row)
        if wanted in ("", row.lifecycle):
            return result
        row.lifecycle = wanted
        sheet.dirty[("household", "", None)] = {"lifecycle"}
        sheet.write()
        result.written.append("household.lifecycle")
        _check(sheet, result)
    return result


def move(*, household, village: str, by, reason: str) -> Result:
    """Move a household to another village of the mover's own area.

    What belongs to it follows by its composite foreign keys, and so does the area of those who are paired with it.
    """
    with transaction.atomic(), scope.acting(by, reason=reason):
        sheet = Sheet.open(household, by)
        row, before = sheet.household, sheet.household.village_id
        row.village_id = village
        row.field_stamps = {**row.field_stamps, "village": sheet.stamp}
        row.source_batch, row.source_sheet, row.source_row = None, "", None
        sheet.dirty[("household", "", None)] = {"village", "field_stamps", "source_batch", "source_sheet", "source_row"}
        sheet.write()
        for user in (
            ScopeRange.objects.filter(household_id=row.pk).order_by("user_id").values_list("user_id", flat=True)
        ):
            audit.record(
                "user.area", user=by, target=f"user:{user}", reason=reason, detail={"from": before, "to": village}
            )
        result = Result(row, ["household.village_id"])
        _check(sheet, result)
    return result


def correct_numbers(*, household, by, reason: str, household_no: str, persons: dict[str, str]) -> Result:
    """Correct official numbers: the household's, and {member's uid: number}. Raises NumberTaken, wherever that is."""
    with transaction.atomic(), scope.acting(by, reason=reason):
        sheet = Sheet.open(household, by)
        row = sheet.household
        wanted = {uid: number for uid, number in persons.items() if sheet.members[uid].person_no != number}
        changed = [household_no] if household_no != row.household_no else []
        claim(households=changed, persons=list(wanted.values()))
        result = Result(row)
        if changed:
            row.household_no = household_no
            sheet.dirty[("household", "", None)] = {"household_no"}
            result.written.append("household.household_no")
        for uid, number in wanted.items():
            member = sheet.members[uid]
            if row.head_person_no and row.head_person_no == member.person_no:
                row.head_person_no = number
                sheet.dirty.setdefault(("household", "", None), set()).add("head_person_no")
            member.person_no = number
            sheet.dirty[("member", uid, None)] = {"person_no"}
            result.written.append(f"member.{uid}.person_no")
        try:
            with transaction.atomic():
                sheet.write()
        except IntegrityError as error:
            raise NumberTaken from error
        _check(sheet, result)
    return result


def set_position(*, household, lon: float, lat: float, by, accuracy_m: float | None = None, version=None) -> Result:
    """Set where a household lives (EPSG:4326)."""
    with transaction.atomic(), scope.acting(by, reason=""):
        sheet = Sheet.open(household, by)
        if version is not None and sheet.household.version != version:
            raise Overtaken(["household.position"])
        row = sheet.household
        row.position = Point(lon, lat, srid=4326)
        row.position_accuracy_m, row.position_at = accuracy_m, timezone.now()
        row.field_stamps = {**row.field_stamps, "position": sheet.stamp}
        row.source_batch, row.source_sheet, row.source_row = None, "", None
        names = {"position", "position_accuracy_m", "position_at", "field_stamps"}
        sheet.dirty[("household", "", None)] = names | {"source_batch", "source_sheet", "source_row"}
        sheet.write()
    return Result(sheet.household, ["household.position"])
