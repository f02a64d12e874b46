"""What a rule declares about its numbers becomes rows of the dated table: a default for each threshold and switch.

A rule of a new release needs no migration: after every `migrate` the keys that have no row of the whole country get
one. What is there already, also what an office has set or a migration has shipped, stays as it is.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import translation
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from poverty import config
from poverty.declarations import Rule, rules

NOTE = "默认值，各地可另定"
SINCE = "2000-01-01"
SWITCH = gettext_lazy("on (1) or off (0)")


@dataclass(frozen=True)
class Switch(config.Setting):
    """A key that is 1 or 0."""

    def check(self, value: Decimal) -> None:
        if value not in (0, 1):
            raise ValidationError(_("Write 1 for on or 0 for off."), code="switch")


def key(rule_id: str, name: str) -> str:
    return f"rule.{rule_id}.{name}"


def rule_of(setting_key: str) -> str:
    """Return the rule that the key belongs to; "" for other settings."""
    parts = setting_key.split(".")
    return parts[1] if parts[0] == "rule" and len(parts) == 3 else ""


def settings_of(rule: Rule) -> list[config.Setting]:
    """Return the rule's switch and thresholds as settings."""
    found: list[config.Setting] = [Switch(key(rule.id, "on"), format_lazy("{}: {}", rule.id, SWITCH))]
    for threshold in rule.thresholds:
        title = gettext_lazy(threshold.title) if threshold.title else threshold.name
        unit = gettext_lazy(threshold.unit) if threshold.unit else ""
        whole = threshold.whole
        found.append(
            config.Setting(key(rule.id, threshold.name), format_lazy("{}: {}", rule.id, title), unit, whole=whole)
        )
    return found


def register() -> None:
    """Make the settings of all declared rules known; those that the kernel names itself keep its words."""
    for rule in rules.values():
        for setting in settings_of(rule):
            config.SETTINGS.setdefault(setting.key, setting)


def ship(using: str) -> int:
    """Give every declared threshold and switch without a row its default; return how many were added."""
    wanted = []
    with translation.override("zh-hans"):
        for rule in rules.values():
            wanted.append((key(rule.id, "on"), Decimal(rule.on), ""))
            for threshold in rule.thresholds:
                unit = str(gettext_lazy(threshold.unit))[:20] if threshold.unit else ""
                wanted.append((key(rule.id, threshold.name), Decimal(str(threshold.default)), unit))
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('poverty_configvalue') IS NOT NULL")
        if not wanted or not cursor.fetchone()[0]:
            return 0  # an early, partial migrate
        keys, values, units = zip(*wanted, strict=True)
        cursor.execute(
            """INSERT INTO poverty_configvalue (key, region, value, unit, valid_from, note, set_by, set_at)
               SELECT w.key, '', w.value, w.unit, %s::date, %s, 'system', now()
                 FROM unnest(%s::text[], %s::numeric[], %s::text[]) AS w(key, value, unit)
                WHERE NOT EXISTS (SELECT 1 FROM poverty_configvalue c WHERE c.key = w.key AND c.region = '')""",
            [SINCE, NOTE, list(keys), list(values), list(units)],
        )
        return cursor.rowcount
