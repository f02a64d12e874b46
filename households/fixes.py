"""Corrections that rules propose: what would be written, for one finding or for many at once, and how it is undone.

A fix is named by its rule (`Rule.fix`) and answers, from the rows of one household, with the values it would write;
an empty answer proposes nothing. Nothing is written without a person who has said so.
"""

from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from households import actions, editing
from households.actions import Sheet
from households.keys import parse
from households.models import Household, HouseholdYear, Member, MemberYear
from households.present import Viewer
from poverty import crypto, idnumber, scope
from poverty.declarations import Rule
from validation.presenting import Fix

NO_LABOUR = "04"
DANGEROUS, SOUND = ("C", "D"), ("A", "B")
FEN = Decimal("0.01")


# --- the fixes: (sheet, uid of the member or "") -> {key: new plain value} ------------------------------------------------


def upgraded_number(sheet: Sheet, member: str) -> dict:
    """The 18-digit form of a 15-digit number."""
    key = f"member.{member}.cert_no"
    number = sheet.plain(parse(key)) or ""
    return {key: idnumber.upgrade(number)} if len(number) == 15 and number.isascii() and number.isdigit() else {}


def sex_of_number(sheet: Sheet, member: str) -> dict:
    row = sheet.members.get(member)
    return {f"member.{member}.sex": row.id_sex} if row is not None and row.id_sex in ("1", "2") else {}


def birth_of_number(sheet: Sheet, member: str) -> dict:
    row = sheet.members.get(member)
    return {f"member.{member}.birth_on": row.id_birth_on.isoformat()} if row is not None and row.id_birth_on else {}


def size_of_members(sheet: Sheet, member: str) -> dict:
    """The size of the newest year that states one: the members who live there now."""
    living = [m for m in sheet.members.values() if m.departed_on is None and m.withdrawn_at is None]
    year = _newest(sheet.years, lambda row: row.size is not None)
    return {f"year.{year}.size": len(living)} if year is not None and living else {}


def danger_of_grade(sheet: Sheet, member: str) -> dict:
    year = _newest(sheet.years, lambda row: True)
    grade = sheet.years[year].house_grade if year is not None else None
    return {f"year.{year}.house_dangerous": grade in DANGEROUS} if grade in (*DANGEROUS, *SOUND) else {}


def no_labour_of_children(sheet: Sheet, member: str) -> dict:
    years = {year: row for (uid, year), row in sheet.member_years.items() if uid == member}
    year = _newest(years, lambda row: True)
    return {f"member_year.{member}.{year}.labour": NO_LABOUR} if year is not None else {}


def income_per_head(sheet: Sheet, member: str) -> dict:
    year = _newest(sheet.years, lambda row: True)
    row = sheet.years.get(year)
    if row is None or row.net_yuan is None or not row.size:
        return {}
    return {f"year.{year}.net_pc_yuan": f"{(row.net_yuan / row.size).quantize(FEN, ROUND_HALF_UP):.2f}"}


def other_causes_once(sheet: Sheet, member: str) -> dict:
    """The main cause is no other cause beside itself."""
    household = sheet.household
    left = [code for code in household.other_causes or [] if code != household.main_cause]
    return {"household.other_causes": sorted(left) or None} if len(left) <= 2 else {}


def _newest(rows: dict, wanted) -> int | None:
    this_year = timezone.localdate().year
    known = [year for year, row in rows.items() if year <= this_year and row.withdrawn_at is None and wanted(row)]
    return max(known, default=None)


# --- one proposal ---------------------------------------------------------------------------------------------------------


def proposed(rule: Rule | None, sheet: Sheet, member: str) -> dict[str, list]:
    """Return {key: [old, new]} of what the rule's fix would change."""
    if rule is None or not rule.fix:
        return {}
    found = {}
    for key, new in import_string(rule.fix)(sheet, member).items():
        old = sheet.plain(parse(key))
        if old != new:
            found[key] = [old, new]
    return found


def in_words(changes: dict[str, list], sheet: Sheet, viewer: Viewer) -> Fix | None:
    words = []
    names = {uid: viewer.name(member) for uid, member in sheet.members.items()}
    for text, (old, new) in changes.items():
        key = parse(text)
        member = sheet.members.get(key.member)
        words.append(
            (
                editing.label_of(key, names),
                viewer.words(key.field, old, member),
                viewer.words(key.field, new, member),
            )
        )
    return Fix(words) if words else None


# --- many at once ---------------------------------------------------------------------------------------------------------


def open_many(keys, by, *, lock: bool) -> dict[int, Sheet]:
    """Return the sheets of households, in four queries; locked in the order of their keys."""
    rows = Household.objects.visible_to(by).in_register().filter(pk__in=set(keys)).order_by("pk")
    households = {row.pk: row for row in (rows.select_for_update(of=("self",)) if lock else rows)}
    stamp = f"{timezone.localdate().isoformat()}/{actions.RANK}"
    sheets = {pk: Sheet(row, by, stamp, {}, {}, {}) for pk, row in households.items()}
    uids = {}
    for member in Member.objects.visible_to(by).filter(household_id__in=households):
        sheets[member.household_id].members[str(member.uid)] = member
        uids[member.pk] = str(member.uid)
    for year in HouseholdYear.objects.visible_to(by).filter(household_id__in=households):
        sheets[year.household_id].years[year.year] = year
    for row in MemberYear.objects.visible_to(by).filter(household_id__in=households):
        if row.member_id in uids:
            sheets[row.household_id].member_years[(uids[row.member_id], row.year)] = row
    return sheets


def _member_of(finding, sheet: Sheet) -> str:
    if finding.subject_kind != "member":
        return ""
    return next((uid for uid, member in sheet.members.items() if member.pk == finding.subject), "")


def _proposals(findings, rule, sheets):
    """Give (finding, sheet, {key: [old, new]}); nothing proposed is an empty dictionary, as is a lost subject."""
    for finding in findings:
        sheet = sheets.get(finding.household_id)
        member = _member_of(finding, sheet) if sheet is not None else ""
        lost = sheet is None or (finding.subject_kind == "member" and not member)
        yield finding, sheet, {} if lost else proposed(rule, sheet, member)


def listed(findings, rule: Rule, user) -> list[dict]:
    """Return what would be written, as the reader may see it."""
    viewer = Viewer(user)
    sheets = open_many((finding.household_id for finding in findings), user, lock=False)
    found = []
    for finding, sheet, changes in _proposals(findings, rule, sheets):
        if changes:
            words = in_words(changes, sheet, viewer).words
            found.append({"finding": finding, "number": sheet.household.household_no, "words": words})
    return found


def apply_many(findings, rule: Rule, by, *, reason: str, batch: str) -> tuple[list[dict], list[str]]:
    """Write the rule's corrections of many findings in one transaction, and check again once.

    Return what was written (no sealed value: its blind indexes before and after), and the uids left as they were.
    """
    done, left = [], []
    with transaction.atomic(), scope.acting(by, reason=reason, fix_batch=batch):
        sheets = open_many((finding.household_id for finding in findings), by, lock=True)
        for finding, sheet, changes in _proposals(findings, rule, sheets):
            if not changes:
                left.append(str(finding.uid))
            for text, (old, new) in changes.items():
                key = parse(text)
                entry = {"finding": str(finding.uid), "household": sheet.household.pk, "key": text}
                before = editing.seal_mark(sheet.row(key), key.field) if key.field.sealed else old
                sheet.put(key, new)
                after = editing.seal_mark(sheet.row(key), key.field) if key.field.sealed else new
                done.append({**entry, "old": before, "new": after})
        _write(sheets, [rule.id])
    return done, left


def undo_many(done: list[dict], by, *, reason: str, batch: str) -> list[str]:
    """Put back what `apply_many` wrote wherever nobody has changed it since; return the uids left as they are."""
    left = []
    with transaction.atomic(), scope.acting(by, reason=reason, fix_batch=batch):
        sheets = open_many((entry["household"] for entry in done), by, lock=True)
        rules = {entry.get("rule") for entry in done} - {None}
        for entry in done:
            sheet, key = sheets.get(entry["household"]), parse(entry["key"])
            row = sheet.row(key) if sheet is not None else None
            if row is None or not _put_back(sheet, row, key, entry):
                left.append(entry["finding"])
        _write(sheets, rules)
    return left


def done_words(done: list[dict], user) -> list[dict]:
    """Return what was written in words; of a sealed value only that it was."""
    viewer, found = Viewer(user), []
    sheets = open_many((entry["household"] for entry in done), user, lock=False)
    for entry in done:
        sheet = sheets.get(entry["household"])
        if sheet is None:
            continue
        key = parse(entry["key"])
        member = sheet.members.get(key.member)
        names = {uid: viewer.name(one) for uid, one in sheet.members.items()}
        old, new = (
            (viewer.words(key.field, entry[part], member) if not key.field.sealed else "***") for part in ("old", "new")
        )
        household = sheet.household
        found.append(
            {
                "number": household.household_no, "url": household.get_absolute_url(),
                "label": editing.label_of(key, names), "old": old, "new": new,
            }
        )  # fmt: skip
    return found


def _put_back(sheet: Sheet, row, key, entry: dict) -> bool:
    if not key.field.sealed:
        if sheet.plain(key) != entry["new"]:
            return False
        sheet.put(key, entry["old"])
        return True
    if editing.seal_mark(row, key.field) != entry["new"]:
        return False
    # The one sealed value that is ever proposed is a number in its new form: the old one is read off it.
    number = sheet.plain(key) or ""
    old = number[:6] + number[8:17]
    if f"#{(crypto.blind('cert', old) or b'').hex()}" != entry["old"]:
        return False
    sheet.put(key, old)
    return True


def _write(sheets: dict[int, Sheet], rules) -> None:
    touched, identities = [], set()
    for sheet in sheets.values():
        if sheet.dirty:
            sheet.write()
            touched.append(sheet.household.pk)
            identities |= sheet.identities
    if touched:
        actions.check_households(touched, identities, rules)
