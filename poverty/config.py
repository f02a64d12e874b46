"""Read and set dated values: thresholds and poverty lines, each with the time and the area it holds for.

    config.value("rule.ID-15.max_age", region="459901", on=day)   → Decimal("110.0000")
    config.integer("rule.ID-15.max_age")                          → 110
    config.poverty_line(2019, "459901", "exit_growth")            → Decimal("3747.0000") (yuan per head and year)

The nearest region wins: a county's own value goes before its province's, and that before the country's.
"""

import datetime
import re
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from poverty import scope
from poverty.models import ConfigValue

REGION_LENGTHS = (15, 12, 9, 6, 4, 2, 0)
NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)  # Decimal alone takes "NaN" and "1_000"


class NotSet(LookupError):
    """No value of this key is in force at this place on this day."""


@dataclass(frozen=True)
class Setting:
    """A key of the table: what it says, in which unit, whether it is a whole number."""

    key: str
    title: str
    unit: str = ""
    whole: bool = True

    def check(self, value: Decimal) -> None:
        if value < 0 or value >= 10**12:
            raise ValidationError(_("Write a number from 0 to 999,999,999,999."), code="range")
        if self.whole and value != value.to_integral_value():
            raise ValidationError(_("Write a whole number."), code="whole")
        if value != round(value, 4):
            raise ValidationError(_("Write at most four decimals."), code="decimals")


YUAN, YEARS, MONTHS, DAYS, PERSONS = _("yuan"), _("years of age"), _("months"), _("days"), _("persons")
LINES = (
    Setting("poverty_line.national_current", _("Poverty line: national, current prices"), YUAN, whole=False),
    Setting("poverty_line.exit_growth", _("Poverty line: exit line growing by 6 % a year"), YUAN, whole=False),
    Setting("poverty_line.province", _("Poverty line: of the province"), YUAN, whole=False),
    Setting("poverty_line.monitoring", _("Monitoring range against return to poverty"), YUAN, whole=False),
    Setting("poverty_line.marginal", _("Line of marginal households"), YUAN, whole=False),
    Setting("poverty_line.low_income", _("Line of low income"), YUAN, whole=False),
)
THRESHOLDS = (
    Setting("rule.ID-06.min_year", _("ID-06: earliest plausible year of birth")),
    Setting("rule.ID-14.min_length", _("ID-14: shortest plausible name"), _("characters")),
    Setting("rule.ID-14.max_length", _("ID-14: longest plausible name"), _("characters")),
    Setting("rule.ID-15.max_age", _("ID-15: highest plausible age"), YEARS),
    Setting(
        "rule.ID-17.max_households",
        _("ID-17: households that may share one telephone"),
        pgettext_lazy("unit", "households"),
    ),
    Setting("rule.HH-10.min_gap", _("HH-10: smallest plausible gap between parent and child"), YEARS),
    Setting("rule.HH-11.min_age", _("HH-11: youngest plausible head"), YEARS),
    Setting("rule.HH-12.old_age", _("HH-12: age from which all members count as old"), YEARS),
    Setting("rule.HH-12.split_months", _("HH-12: how far back a split is looked for"), MONTHS),
    Setting("rule.HH-14.max_months", _("HH-14: latest entry of a newborn"), MONTHS),
    Setting("rule.HH-15.male_age", _("HH-15: legal marriage age of men"), YEARS),
    Setting("rule.HH-15.female_age", _("HH-15: legal marriage age of women"), YEARS),
    Setting("rule.HH-16.max_metres", _("HH-16: distance at which two houses count as one"), _("metres"), whole=False),
    Setting("rule.HH-17.min_age", _("HH-17: working age from"), YEARS),
    Setting("rule.HH-17.max_age", _("HH-17: working age to"), YEARS),
    Setting("exit.floor_m2", _("Exit test: floor for each person"), _("m²"), whole=False),
    Setting("exit.arable_mu", _("Exit test: arable land for each person"), _("mu"), whole=False),
    Setting("exit.orchard_mu", _("Exit test: orchard for each person"), _("mu"), whole=False),
    Setting("exit.forest_mu", _("Exit test: forest for each person"), _("mu"), whole=False),
    Setting("exit.months_away", _("Exit test: months of work away that make a stable income"), MONTHS),
    Setting("finding.deadline_days", _("Days to settle a finding"), DAYS),
    Setting("department.keep_days", _("Days for which departments' lists are kept"), DAYS),
    Setting("export.approval_rows", _("Rows from which a full export needs a second person"), _("rows")),
    Setting("reveal.per_day", _("Full values that one person may open in a day"), _("values")),
    Setting("public.small_cell", _("Counts below this are merged on public pages"), PERSONS),
)
SETTINGS = {setting.key: setting for setting in (*LINES, *THRESHOLDS)}

# Engines that know what a value decides: (effects, changed). effects(key, value, region, valid_from, user) lists what a new
# value would change before it is set; changed(key, region, valid_from, user) is told when it was.
watchers: list[tuple] = []

# The values of the running scope (a request, a task's transaction) and of no other: {(region, day): {key: value}}.
_cache: ContextVar[tuple | None] = ContextVar("config", default=None)


def _ancestors(region: str) -> list[str]:
    return [region[:length] for length in REGION_LENGTHS if length <= len(region)]


def _in_force(region: str, on: datetime.date) -> dict[str, Decimal]:
    """Return all values in force, in one query; remembered as long as the present scope lasts."""
    actor = scope.current()
    cached = _cache.get()
    if actor is not None and (cached is None or cached[0] is not actor):
        cached = (actor, {})
        _cache.set(cached)
    known = cached[1] if actor is not None else {}
    if (region, on) not in known:
        rows = ConfigValue.objects.filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=on), region__in=_ancestors(region), valid_from__lte=on
        )
        # The nearest region comes last and overwrites the farther ones.
        known[region, on] = dict(rows.order_by(Length("region")).values_list("key", "value"))
    return known[region, on]


def forget() -> None:
    """Read anew from now on."""
    _cache.set(None)


def value(key: str, region: str = "", on: datetime.date | None = None, default=None) -> Decimal:
    """Return the value of `key` in force at the region `region` on the day `on` (today); NotSet when there is none."""
    found = _in_force(region or "", on or timezone.localdate()).get(key, default)
    if found is None:
        raise NotSet(f"{key} has no value at {region or 'any place'} on {on or 'this day'}")
    return found


def integer(key: str, region: str = "", on: datetime.date | None = None) -> int:
    """Return a whole value, as a count, an age or a number of days."""
    return int(value(key, region, on))


def poverty_line(year: int, region: str = "", kind: str = "national_current") -> Decimal:
    """Return the line of `kind` that closes the year, in yuan per head and year; NotSet when there is none."""
    return value(f"poverty_line.{kind}", region, datetime.date(year, 12, 31))


def parse(text: str) -> Decimal:
    """Return a value written by a person."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        raise ValidationError(_("Write a number in digits."), code="number")
    return Decimal(text)


def set_value(
    key: str, value: Decimal, region: str, valid_from: datetime.date, by, note: str, replaces: int | None = None
) -> ConfigValue:
    """Set `value` from the day `valid_from` on and return its row; the value before it ends there and stays on file.

    A later value stays as it is: the new one holds until then. ValidationError when the value does not fit the key, or
    when one that begins on the same day is there already, also one set by somebody else at this moment: to correct
    it, its key is given as `replaces`. It stays on file and holds at no time.
    """
    setting = SETTINGS.get(key)
    if setting is None:
        raise ValidationError(_("There is no setting of this name."), code="unknown")
    setting.check(value)
    try:
        with transaction.atomic():
            # One at a time: two at once would wait for each other's row in the exclusion constraint.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('config'), hashtext(%s))", [f"{key}@{region}"])
            rows = ConfigValue.objects.select_for_update().filter(key=key, region=region)
            rows.filter(
                Q(valid_to__isnull=True) | Q(valid_to__gt=valid_from), pk=replaces, valid_from=valid_from
            ).update(valid_to=valid_from)
            before = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=valid_from), valid_from__lt=valid_from)
            before.update(valid_to=valid_from)
            later = rows.filter(valid_from__gt=valid_from).order_by("valid_from").first()
            made = ConfigValue.objects.create(
                key=key,
                value=value,
                region=region,
                unit=str(setting.unit)[:20],
                valid_from=valid_from,
                valid_to=later.valid_from if later else None,
                note=note[:300],
                set_by=by.get_username(),
            )
    except IntegrityError as error:
        raise ValidationError(
            _("A value that begins on this day is there already. Read the list again, or choose another day."),
            code="taken",
        ) from error
    forget()
    return made


def concerning(user):
    """Return the values that concern `user`: of the own area, of what lies above it and of what lies in it."""
    area = user.area_code
    above = [area[:length] for length in REGION_LENGTHS if length <= len(area)] if area else [""]
    inside = Q(pk__in=[])
    for each in user.scope_ranges():
        inside |= Q(region__gte=each.lo, region__lt=each.hi)
    return ConfigValue.objects.filter(Q(region__in=above) | inside)
