"""Names of single values of a household: "household.status", "year.2020.wage_yuan", "member.<uid>.name",
"member_year.<uid>.2020.health". Forms, changes, proposals and the history speak of values by them.
"""

import uuid
from dataclasses import dataclass

from households.sections import BY_KEY, Field


@dataclass(frozen=True)
class Key:
    """One value: its field, and the person and year it belongs to."""

    field: Field
    member: str = ""
    year: int | None = None

    def __str__(self):
        return ".".join(
            part
            for part in (
                self.field.target,
                self.member,
                str(self.year) if self.year is not None else "",
                self.field.name,
            )
            if part
        )


def parse(text: str) -> Key:
    """Return the key; ValueError for anything that names no value."""
    target, *middle, name = text.split(".")
    field = BY_KEY.get(f"{target}.{name}")
    wanted = {"household": 0, "year": 1, "member": 1, "member_year": 2}.get(target)
    if field is None or len(middle) != wanted:
        raise ValueError(text)
    member = year = None
    if target.startswith("member"):
        member = str(uuid.UUID(middle.pop(0)))
    if target.endswith("year"):
        year = int(middle.pop(0))
    return Key(field, member or "", year)
