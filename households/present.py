"""How a person of a role sees the register's values: whole, masked with a way to reveal, masked, or not at all.

Every output of the register goes through `Viewer`: pages, print, history, proposals, messages.
"""

import datetime as dt
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import masks
from accounts.masks import View
from households.models import Lifecycle
from households.sections import PLACES, Field
from poverty import crypto
from poverty.templatetags import figures
from regions.models import Region

ADULT_AT = 18
HIDDEN = "***"
UNREADABLE = "⚠"


def age_on(born: dt.date | None, day: dt.date) -> int | None:
    """Return full years on `day`; None when the birth date is unknown or lies after it."""
    if born is None or born > day:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def born(member) -> dt.date | None:
    return member.birth_on or member.id_birth_on


def is_minor(member, today: dt.date | None = None) -> bool:
    """Return whether the person is, or may be, under age: without a birth date nobody is taken for an adult."""
    age = age_on(born(member), today or timezone.localdate())
    return age is None or age < ADULT_AT


def opened(row, name: str) -> str:
    """Return the text of the sealed field `name` of a row or of an event of it; a damaged value shows a sign."""
    try:
        return crypto.unseal(PLACES[name], row.uid, getattr(row, f"{name}_sealed"))
    except crypto.Unreadable:
        return UNREADABLE


def plain_of(row, of: Field):
    """Return the plain value of a field of a row; sealed ones are opened."""
    if row is None:
        return None
    if of.sealed:
        return opened(row, of.name) or None
    return of.plain(getattr(row, of.name))


def yes_no(value: bool) -> str:
    return _("yes") if value else _("no")


def point_text(point) -> str:
    return f"{point.x:.6f}, {point.y:.6f}"


def wording(of: Field, plain) -> str:
    """Return the unmasked words for a plain value."""
    if plain is None:
        return figures.UNKNOWN
    if of.kind == "yes_no":
        return yes_no(plain)
    if of.kind == "yuan":
        return figures.yuan(plain)
    if of.kind == "decimal":
        return figures.number(plain)
    if of.kind == "point":
        return point_text(plain)
    if of.name == "lifecycle":
        return str(Lifecycle(plain).label) if plain in Lifecycle.values else plain
    if of.name == "village_id":
        name = Region.objects.filter(pk=plain).values_list("name", flat=True).first()
        return f"{name} {plain}" if name else plain
    if of.codes:
        return "、".join(of.codes.label(code) for code in plain) if isinstance(plain, list) else of.codes.label(plain)
    return str(plain)


@dataclass
class Shown:
    """A value as somebody sees it. `source` is the key that its origin is asked for with; `reveal` names the field
    that can be revealed with a reason, "" when there is nothing more to see."""

    field: Field
    text: str
    filled: bool
    source: str = ""
    reveal: str = ""
    subject: str = ""  # uid of the member, "" for the household

    @property
    def label(self):
        return self.field.label

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def numeric(self) -> bool:
        return self.field.kind in ("yuan", "decimal", "integer")


@dataclass
class Viewer:
    """Shows values to `user`, as the role table says."""

    user: object
    today: dt.date = field(default_factory=timezone.localdate)

    def __post_init__(self):
        self._views: dict[str, View] = {}

    def view(self, row: str) -> View:
        if row not in self._views:
            self._views[row] = masks.view_of(self.user, row)
        return self._views[row]

    def of(self, of: Field, member=None) -> View:
        """Return what the user sees of a field; of a minor's name and school the stricter of two rows."""
        view = self.view(of.mask)
        if of.of_minor and member is not None and self.view("minor") is not View.FULL and is_minor(member, self.today):
            return View.NOTHING if View.NOTHING in (view, self.view("minor")) else View.MASKED
        if of.name == "dropout_reason" and self.view("health") is not View.FULL:
            return View.MASKED if view is not View.NOTHING else view
        return view

    def sees(self, of: Field) -> bool:
        return self.of(of) is not View.NOTHING

    def words(self, of: Field, plain, member=None) -> str:
        """Return a plain value's words as the user may see them."""
        if plain is None:
            return figures.UNKNOWN
        view = self.of(of, member)
        if view is View.NOTHING:
            return HIDDEN
        if view is View.FULL:
            return wording(of, plain)
        if of.sealed:
            return plain if plain == UNREADABLE else masks.MASKS[of.mask](str(plain))
        if of.name == "name":
            return masks.mask_name(str(plain))
        return HIDDEN

    def shown(self, of: Field, row, member=None, source: str = "") -> Shown:
        """Return the value of a field of `row` (None: no row)."""
        filled = row is not None and bool(getattr(row, of.attribute) not in (None, "", []))
        text, reveal = figures.UNKNOWN, ""
        if filled:
            view = self.of(of, member)
            # A value nobody may see, or whose masked form says nothing, is not even opened.
            text = HIDDEN if view is View.NOTHING else self.words(of, plain_of(row, of), member)
            reveal = of.mask if view is View.REVEAL else ""
        subject = str(member.uid) if member is not None and reveal else ""
        return Shown(of, text, filled, source, reveal, subject)

    def name(self, member) -> str:
        return self.words(NAME, member.name, member)

    def head_name(self, head: dict | None) -> str:
        """Return the head's name from {"name", "born"}, as lists have it; None: no head on file."""
        if not head or not head.get("name"):
            return ""
        if self.view("core") is View.NOTHING:
            return HIDDEN
        if self.view("minor") is View.FULL:
            return head["name"]
        birth = dt.date.fromisoformat(head["born"]) if head.get("born") else None
        age = age_on(birth, self.today)
        return masks.mask_name(head["name"]) if age is None or age < ADULT_AT else head["name"]


NAME = Field("member", "name")
