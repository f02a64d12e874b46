"""A new number is tried on the register before it holds: what it would add and take away is shown first."""

import datetime as dt
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.roles import Role
from jobs.models import Job
from poverty.models import ConfigValue
from tests.households import factories as make
from validation import effects, engine

pytestmark = pytest.mark.django_db
COUNTY = "459901"


@pytest.fixture
def clerk(make_user, regions):
    return make_user(Role.COUNTY_OFFICE, COUNTY)


def test_a_switch_shows_what_it_closes_and_is_set_at_the_second_step(client, clerk):
    household = make.household()
    make.year(household, size=9)
    engine.run_all(["HH-03"], area=COUNTY)
    client.force_login(clerk)
    url = reverse("regions:setting", args=["rule.HH-03.on"])
    sent = {"value": "0", "valid_from": "2026-01-01", "note": "县里另有台账"}
    first = client.post(url, sent)
    effect = first.context["effects"][0]
    assert (effect.rule, effect.found, effect.added, effect.removed) == ("HH-03", 0, 0, 1)
    assert not ConfigValue.objects.filter(region=COUNTY).exists()
    assert client.post(url, {**sent, "value": "1", "seen": first.context["seen"]}).status_code == 200  # another value
    assert client.post(url, {**sent, "seen": first.context["seen"]}).status_code == 302
    assert ConfigValue.objects.get(region=COUNTY).value == 0
    assert Job.objects.get(task="validation.run").arguments["rules"] == ["HH-03"]


def test_a_poverty_line_names_the_rules_that_read_it_and_nothing_stays_set(clerk):
    key = "poverty_line.exit_growth"
    day = dt.date(2026, 11, 1)
    assert all(rule.find for rule in effects.affected(key, day))
    effects.effects(key, Decimal(9999), COUNTY, day, clerk)
    assert not ConfigValue.objects.filter(region=COUNTY).exists()


def test_other_settings_are_set_at_once(client, clerk):
    client.force_login(clerk)
    url = reverse("regions:setting", args=["export.approval_rows"])
    assert client.post(url, {"value": "70", "valid_from": "2026-01-01", "note": "规定"}).status_code == 302
