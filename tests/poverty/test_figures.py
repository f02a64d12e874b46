"""Figures, dates and labels are written in one way."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from poverty.templatetags import figures


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (0, "0"),
        (None, "—"),
        ("", "—"),
        (Decimal("1200.50"), "1,200.5"),
        (Decimal("1E+3"), "1,000"),
    ]
    + [("x", "—"), (float("nan"), "—"), (-1500, "-1,500")],
)
def test_number(value, shown):
    assert figures.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("1234.5", "1,234.50"), (0, "0.00"), (None, "—"), (Decimal("0.005"), "0.01")]
)
def test_yuan(value, shown):
    assert figures.yuan(value) == shown


def test_wan_counts_as_the_language_does():
    with translation.override("en"):
        assert figures.wan(999999) == "999,999 yuan"
        assert figures.wan(1234567) == "1.23 million yuan"
    with translation.override("zh-hans"):
        assert "123.46" in figures.wan(1234567)
        assert figures.wan(None) == "—"


@pytest.mark.parametrize(("value", "shown"), [(0.1534, "15.3%"), (0, "0.0%"), (1, "100.0%"), (None, "—")])
def test_percent_takes_a_ratio(value, shown):
    assert figures.percent(value) == shown


def test_a_day_is_the_local_one():
    late = datetime.datetime(2026, 11, 22, 20, 0, tzinfo=datetime.UTC)  # past midnight in Shanghai
    assert figures.day(late) == "2026-11-23"
    assert figures.minute(late) == "2026-11-23 04:00"
    assert figures.day(datetime.date(2026, 11, 23)) == "2026-11-23"
    assert figures.day(None) == figures.month_zh(None) == figures.month_zh("x") == figures.ago(None) == "—"


def test_months():
    with translation.override("en"):
        assert figures.month_zh("2026-11") == figures.month_zh(datetime.date(2026, 11, 23)) == "November 2026"


def test_how_long_ago_with_the_date_on_hover():
    with translation.override("en"):
        moment = timezone.now() - datetime.timedelta(days=3, minutes=1)
        html = figures.ago(moment).replace("\xa0", " ")
        assert ">3 days ago</time>" in html and f'title="{figures.minute(moment)}"' in html
        assert "just now" in figures.ago(timezone.now())
        assert "today" in figures.ago(timezone.localdate())
        assert "in 2\xa0days" in figures.ago(timezone.localdate() + datetime.timedelta(days=2))


def test_codes_show_their_labels():
    assert figures.code_label("05", "status") == "新脱贫"
    assert figures.code_label("zz", "status") == "zz"
    assert figures.code_label(["01", "99"], "cause") == "因病、其他"
    assert figures.code_label("", "status") == "—"
