"""Dated settings: the nearest region wins, history stays, one's own area only."""

import datetime
import threading
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from poverty import config, scope
from poverty.models import ConfigValue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("regions")]
DAY = datetime.date(2026, 1, 1)
KEY = "rule.ID-15.max_age"


def sure(client, url, sent):
    """Send the form as one who has seen what the value would change."""
    return client.post(url, {**sent, "seen": f"{sent['value']} {sent['valid_from']}"})


@pytest.fixture
def clerk(make_user):
    return make_user(Role.COUNTY_OFFICE, "459901")


@pytest.fixture(autouse=True)
def shipped_values_stay():
    yield
    ConfigValue.objects.exclude(set_by="system").delete()


@pytest.mark.parametrize(
    ("year", "kind", "yuan"),
    [(2010, "national_current", 2300), (2014, "exit_growth", 2800), (2019, "exit_growth", 3747)]
    + [(2019, "national_current", 3218), (2020, "marginal", 5000), (2021, "monitoring", 6000)],
)
def test_the_published_lines_are_shipped(year, kind, yuan):
    assert config.poverty_line(year, "459901", kind) == yuan


def test_a_line_belongs_to_its_year_and_place():
    with pytest.raises(config.NotSet):
        config.poverty_line(2021)
    assert config.poverty_line(2023, "520100", "monitoring") == 7300
    with pytest.raises(config.NotSet):
        config.poverty_line(2023, "459901", "monitoring")


def test_every_declared_threshold_has_a_value():
    for setting in config.THRESHOLDS:
        assert config.value(setting.key) >= 0


def test_the_nearest_region_wins_from_its_day_on(clerk):
    config.set_value(KEY, Decimal(105), "459901", DAY, clerk, "resolution 7")
    assert config.integer(KEY, "459901100201", DAY) == 105
    assert config.integer(KEY, "459901", DAY - datetime.timedelta(1)) == 110
    assert config.integer(KEY, "459902", DAY) == 110


def test_a_new_value_ends_the_old_one_and_keeps_it(clerk):
    config.set_value(KEY, Decimal(105), "459901", DAY, clerk, "a")
    config.set_value(KEY, Decimal(103), "459901", datetime.date(2026, 6, 1), clerk, "b")
    earlier = config.set_value(KEY, Decimal(104), "459901", datetime.date(2026, 3, 1), clerk, "c")
    rows = ConfigValue.objects.filter(key=KEY, region="459901").order_by("valid_from")
    assert [(int(row.value), str(row.valid_from), str(row.valid_to), row.note, row.set_by) for row in rows] == [
        (105, "2026-01-01", "2026-03-01", "a", clerk.username),
        (104, "2026-03-01", "2026-06-01", "c", clerk.username),
        (103, "2026-06-01", "None", "b", clerk.username),
    ]
    assert earlier.pk == rows[1].pk


@pytest.mark.parametrize("value", [Decimal("-1"), Decimal("1.5"), Decimal(10) ** 13])
def test_values_that_do_not_fit_are_refused(clerk, value):
    with pytest.raises(ValidationError):
        config.set_value(KEY, value, "459901", DAY, clerk, "x")


def test_unknown_keys_are_refused(clerk):
    with pytest.raises(ValidationError):
        config.set_value("rule.XX-99", Decimal(1), "459901", DAY, clerk, "x")


@pytest.mark.django_db(transaction=True)
def test_of_two_people_setting_a_value_at_once_one_is_told(clerk):
    outcomes = []
    barrier = threading.Barrier(2)

    def set_it(value):
        barrier.wait()
        try:
            config.set_value(KEY, Decimal(value), "459901", DAY, clerk, "x")
            outcomes.append("set")
        except ValidationError as error:
            outcomes.append(error.code)
        connection.close()

    threads = [threading.Thread(target=set_it, args=(value,)) for value in (101, 102)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes) == ["set", "taken"]
    assert ConfigValue.objects.filter(key=KEY, region="459901").count() == 1


def test_a_value_is_corrected_on_its_own_first_day_and_the_wrong_one_stays_on_file(client, clerk):
    """A slip of the pen held for good: every new value of the same day was refused."""
    client.force_login(clerk)
    url = reverse("regions:setting", args=[KEY])
    sent = {"value": "15", "valid_from": "2026-01-01", "note": "县发〔2026〕7号"}
    sure(client, url, sent)
    config.set_value(KEY, Decimal(104), "459901", datetime.date(2026, 3, 1), clerk, "later")
    again = sure(client, url, {**sent, "value": "105"})
    wrong = ConfigValue.objects.get(key=KEY, value=15)
    assert again.status_code == 422 and f'name="replaces" value="{wrong.pk}"' in again.text
    assert sure(client, url, {**sent, "value": "105", "replaces": wrong.pk}).status_code == 302
    rows = ConfigValue.objects.filter(key=KEY, region="459901").order_by("pk")
    assert [(int(row.value), str(row.valid_from), str(row.valid_to), row.replaced) for row in rows] == [
        (15, "2026-01-01", "2026-01-01", True),
        (104, "2026-03-01", "None", False),
        (105, "2026-01-01", "2026-03-01", False),
    ]
    for day, value in ((DAY, 105), (DAY - datetime.timedelta(1), 110), (datetime.date(2026, 3, 1), 104)):
        config.forget()
        assert config.integer(KEY, "459901", day) == value
    # What was replaced meanwhile is not replaced once more: the page says what is there now.
    assert sure(client, url, {**sent, "value": "106", "replaces": wrong.pk}).status_code == 422
    assert AuditEvent.objects.filter(action="config.set", target=f"config:{KEY}").count() == 2


def test_values_are_read_once_per_scope_and_never_kept_longer(clerk, django_assert_num_queries):
    with scope.system("test"):
        config.value(KEY, "459901", DAY)
        with django_assert_num_queries(0):
            config.value(KEY, "459901", DAY)
            config.value("rule.HH-10.min_gap", "459901", DAY)
    ConfigValue.objects.create(key=KEY, region="459901", value=99, valid_from=DAY, set_by="elsewhere")
    with scope.system("test"):
        assert config.integer(KEY, "459901", DAY) == 99


def test_the_page_lists_values_and_their_history(client, clerk):
    client.force_login(clerk)
    page = client.get(reverse("regions:config")).content.decode()
    assert "ID-15" in page and "110" in page
    assert client.get(reverse("regions:setting", args=["poverty_line.exit_growth"])).status_code == 200
    assert client.get(reverse("regions:setting", args=["nonsense"])).status_code == 404


def test_staff_set_a_value_for_their_own_area(client, clerk):
    client.force_login(clerk)
    url = reverse("regions:setting", args=[KEY])
    sent = {"value": "105", "valid_from": "2026-01-01", "note": "县发〔2026〕7号"}
    assert sure(client, url, {**sent, "value": "NaN"}).status_code == 422
    assert sure(client, url, {**sent, "value": "1_0"}).status_code == 422
    assert sure(client, url, {**sent, "note": ""}).status_code == 422
    assert sure(client, url, sent).status_code == 302
    assert sure(client, url, sent).status_code == 422, "a value that begins on this day is there already"
    row = ConfigValue.objects.get(key=KEY, set_by=clerk.username)
    assert (row.region, int(row.value)) == ("459901", 105)
    assert AuditEvent.objects.filter(action="config.set", target=f"config:{KEY}").count() == 1
    assert "县发〔2026〕7号" in client.get(url).content.decode()


def test_other_counties_values_are_not_shown(client, clerk, make_user):
    other = make_user(Role.COUNTY_OFFICE, "459902")
    config.set_value(KEY, Decimal(99), "459902", DAY, other, "only theirs")
    client.force_login(clerk)
    assert "only theirs" not in client.get(reverse("regions:setting", args=[KEY])).content.decode()


@pytest.mark.parametrize("role", [Role.TOWN_OFFICE, Role.VILLAGE_CADRE, Role.LEADER])
def test_nobody_else_comes_in(client, make_user, role):
    client.force_login(make_user(role, "459901100"))
    assert client.get(reverse("regions:config")).status_code == 403
    assert client.post(reverse("regions:setting", args=[KEY]), {}).status_code == 403
