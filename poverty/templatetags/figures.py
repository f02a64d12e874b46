"""Filters for figures, dates and code labels: one way to write each of them on every page (a builtin tag library).

Unknown is shown as "—", zero as 0. Every filter takes None.
"""

import datetime
import functools
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from importlib import import_module
from importlib.util import find_spec

from django import template
from django.apps import apps
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import get_language, npgettext_lazy, pgettext
from django.utils.translation import gettext as _

register = template.Library()

UNKNOWN = "—"
MILLION = 1_000_000
# Django's own Chinese for a span of days is 日, which reads as a day of the month.
SPANS = {
    "year": npgettext_lazy("span", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("span", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("span", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("span", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("span", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("span", "%(num)d minute", "%(num)d minutes", "num"),
}


def _decimal(value) -> Decimal | None:
    """Return `value` as a Decimal; None for nothing and for what is no finite number."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


@register.filter(is_safe=True)
def number(value, places=None):
    """1234567 → 1,234,567; decimals stay as they are, or are rounded to `places`."""
    found = _decimal(value)
    if found is None:
        return UNKNOWN
    if places is not None:
        return f"{_rounded(found, int(places)):,f}"
    whole = found == found.to_integral_value()
    return f"{found:,.0f}" if whole else f"{found.normalize():,f}"


@register.filter(is_safe=True)
def yuan(value):
    """An amount in a ledger: 1234.5 → 1,234.50."""
    return number(value, 2)


@register.filter(is_safe=True)
def wan(value):
    """An amount in an overview, with its unit: whole yuan, and 万元 from a million on."""
    found = _decimal(value)
    if found is None:
        return UNKNOWN
    if abs(found) < MILLION:
        return _("%(amount)s yuan") % {"amount": number(found, 0)}
    # Chinese counts large sums in units of ten thousand, English in millions.
    divisor = 10_000 if (get_language() or "").startswith("zh") else MILLION
    return _("%(amount)s million yuan") % {"amount": number(found / divisor, 2)}


@register.filter(is_safe=True)
def percent(value):
    """A ratio: 0.1534 → 15.3 %."""
    found = _decimal(value)
    return UNKNOWN if found is None else f"{number(found * 100, 1)}%"


@register.filter(is_safe=True)
def day(value):
    """A date, or a moment's local date: 2026-11-23."""
    if not isinstance(value, datetime.date):
        return UNKNOWN
    if isinstance(value, datetime.datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return f"{value:%Y-%m-%d}"


@register.filter(is_safe=True)
def minute(value):
    """A local moment: 2026-11-23 15:04."""
    if not isinstance(value, datetime.datetime):
        return UNKNOWN
    return f"{timezone.localtime(value) if timezone.is_aware(value) else value:%Y-%m-%d %H:%M}"


@register.filter(is_safe=True)
def month_zh(value):
    """A month, from a date or the text "2026-11": 2026年11月."""
    if isinstance(value, str):
        try:
            value = datetime.date.fromisoformat(f"{value[:7]}-01")
        except ValueError:
            return UNKNOWN
    if not isinstance(value, datetime.date):
        return UNKNOWN
    if isinstance(value, datetime.datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return format_date(value, pgettext("a month as a date format", "F Y"))


@register.filter
def ago(value):
    """How long ago a moment or day was, the full date on hover."""
    if not isinstance(value, datetime.date):
        return UNKNOWN
    if isinstance(value, datetime.datetime):
        moment = value if timezone.is_aware(value) else timezone.make_aware(value)
        title, machine = minute(moment), moment.isoformat()
        now = timezone.now()
        fresh = abs((now - moment).total_seconds()) < 60
        words = _("just now") if fresh else _distance(moment, now)
    else:
        title = machine = day(value)
        today = timezone.localdate()
        words = _("today") if value == today else _distance(value, today)
    return format_html('<time datetime="{}" title="{}">{}</time>', machine, title, words)


def _distance(moment, now) -> str:
    if moment > now:
        return _("in %(time)s") % {"time": timesince(now, moment, time_strings=SPANS, depth=1)}
    return _("%(time)s ago") % {"time": timesince(moment, now, time_strings=SPANS, depth=1)}


@functools.cache
def _code_lists() -> dict:
    """Return {name: code list} of every app that has a `codes` module; the kernel imports none of them by name."""
    found = {}
    for config in apps.get_app_configs():
        if find_spec(f"{config.name}.codes") is None:
            continue
        for item in vars(import_module(f"{config.name}.codes")).values():
            if hasattr(item, "label") and hasattr(item, "labels") and isinstance(getattr(item, "name", None), str):
                found[item.name] = item
    return found


@register.filter
def code_label(value, name):
    """Return the label of a code, or of several, in the code list `name`; an unknown code shows itself."""
    if not value:
        return UNKNOWN
    codes = _code_lists()[name]
    if isinstance(value, list | tuple | set):
        return "、".join(str(codes.label(code)) for code in value)
    return codes.label(value)
