"""The sample county under all data rules: each finds every case that was planted for it, and nothing else."""

import io
import json

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bench import truth
from households.sample.ledger import total_lines
from households.sample.plan import wrong_persons
from households.sample.write import make
from poverty.declarations import rules
from tests.conftest import empty_tables

pytestmark = pytest.mark.slow
HOUSEHOLDS = 900
GROUPS = ("ID", "HH", "CD", "IN", "XD")


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    folder = tmp_path_factory.mktemp("county")
    make(folder, households=HOUSEHOLDS, seed=5)
    return folder


@pytest.fixture(scope="module")
def scores(county, tmp_path_factory, django_db_setup, django_db_blocker):
    """Load the county with its ledgers and lists as script/server does, matched and validated; {rule: score}."""
    kept, settings.MEDIA_ROOT = settings.MEDIA_ROOT, tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock():
        empty_tables()
        call_command("load_sample", county, stdout=io.StringIO(), stderr=io.StringIO())
        yield {score.rule: score for score in truth.score(county)}
        connection.close()
        empty_tables()
    settings.MEDIA_ROOT = kept


def shipped() -> list[str]:
    """Return the rules that can find anything, as they are shipped."""
    return [
        code
        for code, rule in rules.items()
        if code.split("-")[0] in GROUPS and rule.find and not rule.impossible and rule.on
    ]


def test_the_catalogue_holds_all_rules_of_the_five_groups():
    numbers = dict.fromkeys(("ID", "HH", "CD", "IN", "XD"))
    for group, last in zip(GROUPS, (20, 17, 34, 23, 18), strict=True):
        numbers[group] = [code for code in rules if code.startswith(group + "-")]
        assert sorted(numbers[group]) == [f"{group}-{number:02}" for number in range(1, last + 1)]


def test_every_rule_has_at_least_two_cases(county):
    planted = truth.planted(county)
    assert [code for code in shipped() if len(planted.get(code, ())) < 2] == []


def test_every_rule_finds_what_was_planted_and_nothing_else(scores):
    differing = [
        f"{code}: not found {', '.join(score.missed) or '–'}; not planted {', '.join(score.surplus) or '–'}"
        for code, score in sorted(scores.items())
        if score.missed or score.surplus
    ]
    assert "\n".join(differing) == ""
    assert set(shipped()) <= {code for code, score in scores.items() if score.recall == score.precision == 1.0}


def test_everybody_wrongly_registered_is_found_by_the_list_that_tells_it(scores, county):
    planted, found = truth.wrong_identity(county)
    assert planted == found == wrong_persons(HOUSEHOLDS)
    assert wrong_persons(75_337) == 1742


def test_the_ledger_has_as_many_lines_as_the_reference_county_has_for_its_size(county):
    index = json.loads((county / "index.json").read_text())
    assert sum(file["rows"] for file in index["ledgers"]) == index["ledger_lines"] == total_lines(HOUSEHOLDS)
    assert total_lines(75_337) == 903_255
