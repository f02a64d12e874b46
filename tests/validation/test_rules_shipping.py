"""Every number that a rule declares stands in the dated table, with a title that people can read."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from poverty import config
from poverty.declarations import Rule, Severity, Threshold, rules
from poverty.models import ConfigValue
from validation import shipping

pytestmark = pytest.mark.django_db
NEW = Rule(
    "QQ-01",
    Severity.INFO,
    "member",
    "a rule of tomorrow",
    None,
    thresholds=(Threshold("max", 7.5, "most", "km", False),),
)


def test_every_threshold_and_switch_has_a_row_and_a_title():
    rows = dict(ConfigValue.objects.filter(region="", valid_to=None).values_list("key", "value"))
    for rule in rules.values():
        for setting in shipping.settings_of(rule):
            assert setting.key in rows and setting.key in config.SETTINGS
            assert str(config.SETTINGS[setting.key].title).startswith(f"{rule.id}")


def test_a_rule_of_a_new_release_gets_its_defaults_and_nothing_else_changes(monkeypatch):
    monkeypatch.setitem(rules, "QQ-01", NEW)
    before = set(ConfigValue.objects.values_list("pk", "value"))
    assert shipping.ship("default") == 2
    assert shipping.ship("default") == 0
    added = ConfigValue.objects.filter(key__startswith="rule.QQ-01.")
    assert set(added.values_list("key", "value", "unit", "note")) == {
        ("rule.QQ-01.on", 1, "", shipping.NOTE),
        ("rule.QQ-01.max", Decimal("7.5"), "km", shipping.NOTE),
    }
    assert before < set(ConfigValue.objects.values_list("pk", "value"))


def test_a_switch_takes_one_and_nought_only():
    switch = config.SETTINGS["rule.ID-05.on"]
    switch.check(Decimal(0))
    switch.check(Decimal(1))
    with pytest.raises(ValidationError):
        switch.check(Decimal(2))
