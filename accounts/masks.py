"""What a role sees of a sensitive field: one table, used by pages, exports, API, history and error texts."""

import re
from enum import StrEnum

from accounts.roles import Role


class View(StrEnum):
    FULL = "F"
    REVEAL = "R"  # masked; shown per record with a reason, limited and audited
    MASKED = "M"
    NOTHING = "-"


F, R, M, N = View.FULL, View.REVEAL, View.MASKED, View.NOTHING

# Columns of the table: offices, town, cadre, helper, leader, auditor, department, administrators, resident.
_COLUMNS: tuple[tuple[Role, ...], ...] = (
    (Role.PROVINCE_OFFICE, Role.CITY_OFFICE, Role.COUNTY_OFFICE),
    (Role.TOWN_OFFICE,),
    (Role.VILLAGE_CADRE,),
    (Role.HELPER,),
    (Role.LEADER,),
    (Role.AUDITOR,),
    (Role.DEPARTMENT,),
    (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN),
    (Role.RESIDENT,),
)
_ROWS: dict[str, tuple[View, ...]] = {
    "core": (F, F, F, F, N, F, M, N, F),  # name, village, type, status
    "id_number": (R, R, M, M, N, R, M, N, M),
    "phone": (F, F, F, F, N, R, N, N, F),
    "card": (R, M, N, N, N, R, N, N, M),
    "health": (F, F, F, F, N, R, N, N, F),
    "income": (F, F, F, F, N, F, N, N, F),
    "position": (F, F, F, F, N, R, N, N, F),
    "minor": (F, F, F, F, N, M, N, N, F),  # a minor's name and school
}
TABLE: dict[tuple[str, str], View] = {
    (field, role): view
    for field, views in _ROWS.items()
    for roles, view in zip(_COLUMNS, views, strict=True)
    for role in roles
}


def view_of(user, field: str) -> View:
    """Return what `user` sees of `field` (a row of the table); unknown roles see nothing."""
    return TABLE.get((field, getattr(user, "role", "")), View.NOTHING)


def mask_id(number: str) -> str:
    """450102********0011; anything too short to hide in shows stars only."""
    return f"{number[:6]}********{number[-4:]}" if len(number) >= 15 else "*" * len(number)


def mask_phone(number: str) -> str:
    """138****0011."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else "*" * len(number)


def mask_card(number: str) -> str:
    """622202*****0000."""
    return f"{number[:6]}*****{number[-4:]}" if len(number) >= 14 else "*" * len(number)


COMPOUND_SURNAMES = {"欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "司徒", "令狐", "夏侯"}


def mask_name(name: str) -> str:
    """张*, 欧阳**."""
    if not name:
        return ""
    kept = 2 if name[:2] in COMPOUND_SURNAMES and len(name) > 2 else 1
    return name[:kept] + "*" * max(len(name) - kept, 1)


LONG_NUMBER = re.compile(r"\d{14,}[Xx]?")  # an identity or card number, and no date or time


def mask_numbers(text: str) -> str:
    """Return a text, such as a file's name, with every long number cut to its first six digits: 450102xxxxxxxx."""
    return LONG_NUMBER.sub(lambda found: f"{found[0][:6]}xxxxxxxx", text)


MASKS = {"id_number": mask_id, "phone": mask_phone, "card": mask_card, "minor": mask_name, "core": mask_name}


def show(user, field: str, text: str) -> str:
    """Return `text` as `user` may see it: whole, masked, or "" for nothing at all."""
    view = view_of(user, field)
    if not text or view is View.FULL:
        return text or ""
    if view is View.NOTHING:
        return ""
    return MASKS.get(field, lambda hidden: "***")(text)
