"""`manage.py match` compares lists with the register and says per source and rule what it found."""

import json

import pytest
from django.core.management import CommandError, call_command

from poverty import scope
from tests.departments.lists import load, snapshots
from tests.departments.test_rules import car, person, row
from tests.exchange.importing import id_number
from validation.models import Finding

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]


def match(capsys, *options) -> dict:
    call_command("match", "--json", "--as-of", "2021-01-15", *options)
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_it_counts_rows_and_matches_and_opens_clues(capsys):
    person(1, "岑山水")
    person(2, "岑二")
    load("vehicles", [car("岑山水", id_number(1)), car("岑二", born="1970-01-01"), car("韦来", id_number(9))])
    load("deaths", [row(2, "岑二", 死亡日期="2020-03-01")])
    found = match(capsys, "--sources", "vehicles,deaths")
    assert found["as_of"] == "2021-01-15"
    lines = {line["source"]: line for line in found["matches"]}
    vehicles = {key: lines["vehicles"][key] for key in ("rule", "rows", "strong", "weak", "new", "closed")}
    assert vehicles == {"rule": "XD-01", "rows": 3, "strong": 1, "weak": 1, "new": 2, "closed": 0}
    assert (lines["deaths"]["rule"], lines["deaths"]["new"]) == ("XD-05", 1) and lines["deaths"]["ms"] >= 0
    vehicles_list = next(one for one in snapshots(kind="vehicles"))
    assert vehicles_list.counts == {"strong": 1, "weak": 1} and vehicles_list.matched_at is not None


def test_a_second_match_finds_nothing_new(capsys):
    person(1, "岑山水")
    load("vehicles", [car("岑山水", id_number(1))])
    assert sum(line["new"] for line in match(capsys)["matches"]) == 1
    again = match(capsys)
    assert len(again["matches"]) == 18
    assert sum(line["new"] + line["closed"] for line in again["matches"]) == 0


def test_a_region_limits_who_is_looked_at(capsys):
    person(1, "岑山水")
    person(2, "石桥人", "459901101201")
    load("vehicles", [car("岑山水", id_number(1)), car("石桥人", id_number(2))])
    match(capsys, "--region", "459901101")
    with scope.system("test"):
        assert [one.village_id for one in Finding.objects.all()] == ["459901101201"]
    assert snapshots()[0].matched_at is None  # it was not matched as a whole


def test_an_unknown_source_is_named(capsys):
    with pytest.raises(CommandError, match="ships"):
        call_command("match", "--sources", "ships")
