"""Writes about accounts: who may do what where. Each leaves a line in the audit trail.

`by` is the system administrator who acts; None is the operator at the server (commands), who makes the first three.
"""

import secrets
import unicodedata

from django.apps import apps
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import tokens
from accounts.audit import record
from accounts.models import ScopeRange, User
from accounts.roles import ROLE_LEVELS, ROLES_WITHOUT_ROWS, Role
from poverty import scope
from regions.models import Region

ADMINISTRATORS = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
# No 0/O, 1/l/I: one-time passwords are read out and copied from paper.
_LETTERS, _CAPITALS, _DIGITS = "abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"


def normal_username(text: str) -> str:
    """Return a user name as it is stored: one spelling, no outer spaces."""
    return unicodedata.normalize("NFKC", text or "").strip()


def _who(by: User | None) -> User:
    return by or User.objects.system()


def one_time_password(user=None) -> str:
    """Return a password for the first log-in, such as `kXt7-Wm4p-9hRz`: 12 random signs of three kinds, over 65 bits."""
    while True:
        signs = "".join(secrets.choice(_LETTERS + _CAPITALS + _DIGITS) for _ in range(12))
        password = "-".join((signs[:4], signs[4:8], signs[8:]))
        kinds = [any(sign in kind for sign in signs) for kind in (_LETTERS, _CAPITALS, _DIGITS)]
        try:
            validate_password(password, user)
        except ValidationError:
            continue
        if all(kinds):
            return password


def manageable(by: User | None):
    """Return the users whom the administrator `by` looks after: those of the own area, without the system user."""
    users = User.objects.exclude(username="system")
    if by is None or not by.area_code:
        return users
    lo, hi = scope.code_range(by.area_code)
    paired = ScopeRange.objects.filter(household_id__isnull=False, lo__gte=lo, lo__lt=hi).values("user_id")
    return users.filter(Q(region_id__gte=lo, region_id__lt=hi) | Q(region_id=None, pk__in=paired))


def find_region(text: str, *, within: str = "", levels=()) -> Region:
    """Return the one valid region under `within` with this code or name ("云岭镇", or "云岭镇/龙溪村" to be exact).

    Raises ValidationError that says whether nothing or too much was found.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    first = text.split(" ")[0]
    regions = Region.objects.under(within).valid().only("code", "name", "level")
    if levels:
        regions = regions.filter(level__in=levels)
    if first.isascii() and first.isdigit():
        found = list(regions.filter(code=first)[:2])
    else:
        *parents, name = [part.strip() for part in text.split("/") if part.strip()] or [""]
        found = list(regions.filter(Q(name=name) | Q(short_name=name))[:50])
        if parents:
            found = [one for one in found if _parents_are(one, parents)]
    if not found:
        raise ValidationError(_("There is no region “%(text)s” in your area.") % {"text": text[:60]}, code="no_region")
    if len(found) > 1:
        codes = ", ".join(one.code for one in found[:5])
        raise ValidationError(
            _("“%(text)s” is the name of several regions: write the code instead (%(codes)s).")
            % {"text": text[:60], "codes": codes},
            code="many_regions",
        )
    return found[0]


def _parents_are(region: Region, names: list[str]) -> bool:
    above = Region.objects.filter(code__in=region.ancestor_codes()).values_list("name", "short_name")
    known = {name for pair in above for name in pair}
    return all(name in known for name in names)


def find_households(numbers: list[str], *, within: str = "") -> list[tuple[int, str]]:
    """Return [(household id, village code)] of official household numbers; ValidationError names unknown ones."""
    households = apps.get_model("households", "Household").objects.filter(household_no__in=numbers)
    with scope.system("pairing households with a user"):
        if within:
            households = households.filter(scope.under("village_id", within))
        found = list(households.values_list("household_no", "pk", "village_id"))
    missing = sorted(set(numbers) - {number for number, _pk, _village in found})
    if missing:
        raise ValidationError(
            _("There is no household %(numbers)s in your area.") % {"numbers": ", ".join(missing[:5])},
            code="no_household",
        )
    return [(pk, village) for _number, pk, village in found]


def check_assignment(*, role: str, region: Region | None, by: User | None) -> None:
    """Raise ValidationError unless `by` may give the role in this area."""
    levels = ROLE_LEVELS[role]
    if by is not None:
        if role in ADMINISTRATORS:
            raise ValidationError(
                _("Administrators are made at the server, with create_admins: no administrator makes another."),
                code="separation",
            )
        if region is not None and by.area_code and not region.code.startswith(by.area_code):
            raise ValidationError(_("This area is not yours to give."), code="area")
    if levels and region is not None and region.level not in levels:
        raise ValidationError(
            _("“%(region)s” does not fit the role: its area is one of: %(levels)s.")
            % {
                "region": region.name,
                "levels": ", ".join(str(Region._meta.get_field("level").flatchoices[i][1]) for i in _positions(levels)),
            },
            code="level",
        )
    if levels and region is None and role not in ADMINISTRATORS:
        raise ValidationError(_("This role needs an area."), code="area")


def _positions(levels) -> list[int]:
    known = [value for value, _label in Region._meta.get_field("level").flatchoices]
    return [known.index(level) for level in levels]


def check_person(*, full_name: str, phone: str, role: str, by: User | None) -> None:
    """Raise ValidationError when the account would be a second one of somebody whose duties are to stay apart."""

    def same(user):
        return user.full_name == full_name and (not phone or not user.phone or user.phone == phone)

    apart = _(
        "%(name)s already is %(role)s: the three administrators are three persons, and hold no other account."
        " If this is another person of the same name, give both their office phones."
    )
    if by is not None and same(by):
        raise ValidationError(apart % {"name": full_name, "role": by.get_role_display()}, code="separation")
    others = User.objects.filter(full_name=full_name, is_active=True)
    if role not in ADMINISTRATORS:
        others = others.filter(role__in=ADMINISTRATORS)
    for other in others.only("full_name", "phone", "role"):
        if same(other):
            raise ValidationError(apart % {"name": full_name, "role": other.get_role_display()}, code="separation")


@transaction.atomic
def create_user(
    *,
    username: str,
    full_name: str,
    role: str,
    region: Region | None = None,
    households: list[tuple[int, str]] = (),
    unit: str = "",
    phone: str = "",
    by: User | None = None,
    request=None,
) -> tuple[User, str]:
    """Make an account; return it and its one-time password, which is kept nowhere and must be changed at log-in."""
    check_assignment(role=role, region=region, by=by)
    check_person(full_name=full_name, phone=phone, role=role, by=by)
    user = User(
        username=normal_username(username),
        full_name=full_name.strip(),
        role=role,
        unit=unit.strip(),
        phone=phone.strip(),
        created_by=by,
        must_change_password=True,
    )
    password = one_time_password(user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError(_("This user name is taken. Add the town or a number to it."), code="taken") from error
    write_area(user, region, households)
    record(
        "user.created",
        user=_who(by),
        request=request,
        target=f"user:{user.pk}",
        detail={"username": user.username, "role": role, "area": user.area_code, "households": len(households)},
    )
    return user, password


def write_area(user: User, region: Region | None, households) -> None:
    """Write the area by name, and the ranges that the database itself reads."""
    if not ROLE_LEVELS[user.role]:
        region = None
    user.region = region
    user.household_id = households[0][0] if user.role == Role.RESIDENT and households else None
    user.save(update_fields=["region", "household_id"])
    user.scope.all().delete()
    user.__dict__.pop("_ranges", None)
    if user.role in ROLES_WITHOUT_ROWS:
        return
    if ROLE_LEVELS[user.role]:
        ranges = [(*scope.code_range(region.code), None)] if region else []
    else:
        ranges = [(*scope.code_range(village), pk) for pk, village in households]
    ScopeRange.objects.bulk_create(
        ScopeRange(user=user, lo=lo, hi=hi, household_id=household) for lo, hi, household in ranges
    )


@transaction.atomic
def set_area(
    *,
    user: User,
    region: Region | None = None,
    households: list[tuple[int, str]] = (),
    by: User | None = None,
    request=None,
) -> None:
    """Give the user another area: a region, or single households as (id, village code). In force with the next request."""
    check_assignment(role=user.role, region=region, by=by)
    before = {"area": user.area_code, "households": user.scope.filter(household_id__isnull=False).count()}
    write_area(user, region, list(households))
    record(
        "user.area",
        user=_who(by),
        request=request,
        target=f"user:{user.pk}",
        detail={"before": before, "area": user.area_code, "households": len(households)},
    )


@transaction.atomic
def change_user(
    *,
    user: User,
    full_name: str,
    role: str,
    region: Region | None,
    households: list[tuple[int, str]] = (),
    unit: str = "",
    phone: str = "",
    by: User,
    request=None,
) -> None:
    """Correct an account, its role or its area. Nobody changes the own role, and administrators keep theirs."""
    if role != user.role:
        if user.pk == by.pk:
            raise ValidationError(_("Nobody changes the own role."), code="separation")
        if user.role in ADMINISTRATORS:
            raise ValidationError(
                _("An administrator keeps this role: switch the account off instead."), code="separation"
            )
        check_assignment(role=role, region=region, by=by)
    if (full_name, phone) != (user.full_name, user.phone) and user.pk != by.pk:
        check_person(full_name=full_name, phone=phone, role=role, by=by)
    if user.role in ADMINISTRATORS:
        region, households = user.region, []  # an administrator's reach is set at the server
    changed = [
        name
        for name, value in (("full_name", full_name), ("unit", unit), ("phone", phone), ("role", role))
        if getattr(user, name) != value
    ]
    before_role = user.role
    user.full_name, user.unit, user.phone, user.role = full_name, unit, phone, role
    user.save(update_fields=["full_name", "unit", "phone", "role"])
    if changed:
        detail = {"fields": changed}
        if "role" in changed:
            detail.update(before=before_role, role=role)
        record("user.changed", user=_who(by), request=request, target=f"user:{user.pk}", detail=detail)
    wanted = {pk for pk, _village in households}
    had = set(user.scope.filter(household_id__isnull=False).values_list("household_id", flat=True))
    if "role" in changed or (region.code if region else "") != user.area_code or wanted != had:
        set_area(user=user, region=region, households=households, by=by, request=request)


def check_not_administrator(user: User, by: User | None) -> None:
    if by is not None and user.role in ADMINISTRATORS:
        raise ValidationError(
            _("The accounts of administrators are kept at the server, with create_admins."), code="separation"
        )


@transaction.atomic
def reset_password(*, user: User, by: User | None = None, request=None) -> str:
    """Give a new one-time password and return it; all sessions and tokens of the user end with it."""
    check_not_administrator(user, by)
    password = one_time_password(user)
    user.set_password(password)
    user.must_change_password = True
    user.password_changed_at = None
    user.save(update_fields=["password", "must_change_password", "password_changed_at"])
    tokens.revoke(user.tokens, by=_who(by), request=request)
    record("password.reset", user=_who(by), request=request, target=f"user:{user.pk}")
    return password


@transaction.atomic
def change_password(*, user: User, new: str, request=None) -> None:
    """Set the user's own new password; other sessions of the user end."""
    user.set_password(new)
    user.must_change_password = False
    user.password_changed_at = timezone.now()
    user.save(update_fields=["password", "must_change_password", "password_changed_at"])
    record("password.changed", user=user, request=request, target=f"user:{user.pk}")


@transaction.atomic
def switch_off(*, user: User, reason: str, by: User | None = None, request=None) -> None:
    """Let the user in no more, from the next request on. Nobody is deleted."""
    if by is not None and user.pk == by.pk:
        raise ValidationError(_("Nobody switches the own account off."), code="self")
    user.is_active = False
    user.save(update_fields=["is_active"])
    tokens.revoke(user.tokens, by=_who(by), request=request)
    record("user.off", user=_who(by), request=request, target=f"user:{user.pk}", reason=reason)


@transaction.atomic
def switch_on(*, user: User, reason: str, by: User | None = None, request=None) -> None:
    """Let the user in again, with the password of before."""
    check_not_administrator(user, by)
    user.is_active = True
    user.save(update_fields=["is_active"])
    record("user.on", user=_who(by), request=request, target=f"user:{user.pk}", reason=reason)
