"""The command and the nightly run: exact output, the same findings however they are interrupted, repeated or doubled."""

import json
import os
import signal
from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.roles import Role
from jobs import engine as long_work
from poverty import scope
from poverty.declarations import Rule, Severity, rules
from tests.conftest import _owner
from tests.households import factories as make
from tests.validation.processes import manage, wait_for
from validation import engine, tasks
from validation.models import Finding, RuleRun

pytestmark = pytest.mark.django_db(transaction=True)
RULES = "HH-01,HH-02,HH-03"


@pytest.fixture
def register(regions):
    """A household without head, one with two, one of a wrong declared size, one in order."""
    none = make.household(head=None)
    make.member(none)
    two = make.household()
    make.member(two, relation="01")
    wrong = make.household()
    for household, size in ((none, 1), (two, 2), (wrong, 5), (make.household(), 1)):
        make.year(household, size=size)
    return {"none": none, "two": two}


def state():
    with scope.system("test"):
        rows = Finding.objects.order_by("rule", "subject")
        return list(rows.values_list("rule", "subject", "severity", "seen", "expected", "state", "closed_as"))


def validate(*arguments):
    out = StringIO()
    call_command("validate", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def test_the_last_line_is_one_json_object_of_the_agreed_shape(register):
    said = json.loads(validate("--rules", "HH-01,HH-02", "--json", "--subjects", "--as-of", "2020-12-31")[-1])
    assert set(said) == {"as_of", "rules"} and said["as_of"] == "2020-12-31"
    assert [set(line) for line in said["rules"]] == [
        {"rule", "checked", "found", "new", "closed", "ms", "subjects"}
    ] * 2
    first = said["rules"][0]
    ms = first.pop("ms")
    number = register["none"].household_no
    assert first == {"rule": "HH-01", "checked": 4, "found": 1, "new": 1, "closed": 0, "subjects": [number]}
    assert isinstance(ms, int)


def test_without_subjects_none_are_named(register):
    said = json.loads(validate("--rules", "HH-01", "--json")[-1])
    assert set(said["rules"][0]) == {"rule", "checked", "found", "new", "closed", "ms"}


def test_a_second_run_finds_the_same_and_nothing_new(register):
    first = json.loads(validate("--rules", RULES, "--json")[-1])["rules"]
    before = state()
    second = json.loads(validate("--rules", RULES, "--json")[-1])["rules"]
    assert [line["found"] for line in first] == [line["found"] for line in second]
    assert sum(line["new"] for line in first) > 0 and sum(line["new"] + line["closed"] for line in second) == 0
    assert state() == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--rules", "HH-99"], "HH-99"), (["--region", "9"], "9"), (["--as-of", "soon"], "2020-12-31")],
)
def test_what_cannot_be_read_is_named_and_nothing_is_run(register, arguments, word):
    with pytest.raises(CommandError) as told:
        validate(*arguments)
    assert word in str(told.value)
    assert not RuleRun.objects.exists()


def test_a_rule_that_breaks_is_named_and_the_others_run(register, monkeypatch):
    def burst(rows, check):
        raise ValueError("450124198001010011")

    monkeypatch.setitem(rules, "QQ-01", Rule("QQ-01", Severity.ERROR, "household", "bursts", burst))
    with pytest.raises(CommandError) as told:
        validate("--rules", "QQ-01,HH-01")
    assert "QQ-01" in str(told.value) and "1980" not in str(told.value)
    run = RuleRun.objects.get()
    assert run.state == "partly" and run.found == 1
    assert dict(run.results.values_list("rule", "error")) == {"QQ-01": "ValueError", "HH-01": ""}


@pytest.mark.slow
def test_a_run_killed_half_way_is_made_good_by_the_next(register):
    validate("--rules", RULES)
    wanted = state()
    with _owner(settings.DATABASES["default"]["NAME"]) as owner:
        owner.execute("TRUNCATE validation_finding, validation_rulerun CASCADE")
    validate("--rules", "HH-02")
    target = connection.settings_dict
    # Somebody holds the row that the second rule wants to refresh: the run waits there and is killed.
    with psycopg.connect(host=target["HOST"], port=target["PORT"], user=target["USER"], dbname=target["NAME"]) as other:
        with scope.system("test"):
            row = Finding.objects.get(rule="HH-02").pk
        other.execute("SELECT scope_enter(NULL, 'test', '', '')")
        other.execute("SELECT 1 FROM validation_finding WHERE id = %s FOR UPDATE", [row])
        process = manage("validate", "--rules", RULES, "--json")
        wait_for(lambda: RuleRun.objects.filter(state="running", results__rule="HH-01").exists())
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        other.rollback()
    killed = RuleRun.objects.get(state="running")
    said = json.loads(validate("--rules", RULES, "--json")[-1])["rules"]
    assert [(line["rule"], line["found"], line["new"]) for line in said] == [
        ("HH-01", 1, 0), ("HH-02", 1, 0), ("HH-03", 1, 1)
    ]  # fmt: skip
    assert state() == wanted
    killed.refresh_from_db()
    assert killed.state == "broken" and killed.ended_at


@pytest.mark.slow
def test_two_runs_at_once_find_what_one_finds(register):
    both = [manage("validate", "--rules", RULES, "--json") for _number in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    lines = [json.loads(out.splitlines()[-1])["rules"] for out, _err in said]
    assert [line["found"] for line in lines[0]] == [line["found"] for line in lines[1]] == [1, 1, 1]
    assert sorted(sum(line["new"] for line in one) for one in lines) == [0, 3]
    assert RuleRun.objects.filter(state="done").count() == 2
    once = state()
    validate("--rules", RULES)
    assert state() == once


def test_the_nightly_run_is_a_job_that_goes_on_behind_the_last_rule_done(register, monkeypatch):
    monkeypatch.setattr(engine, "everything", lambda area: [rules[one] for one in RULES.split(",")])
    tasks.nightly()
    assert tasks.nightly()["job"] == tasks.nightly()["job"]
    job = long_work.Job.objects.get()
    ran, truth = [], engine._run_rule

    def dies_at_the_third(rule, *args, **kwargs):
        if len(ran) == 2:
            ran.append("killed")
            raise KeyboardInterrupt
        ran.append(rule.id)
        return truth(rule, *args, **kwargs)

    monkeypatch.setattr(engine, "_run_rule", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        tasks.run(job)
    tasks.run(job)
    run = RuleRun.objects.get()
    assert run.state == "done" and run.trigger == "nightly" and run.area == ""
    assert [one for one in ran if one != "killed"] == RULES.split(",")
    assert run.results.count() == 3


def test_a_check_of_ones_own_area_leaves_the_neighbours_findings_alone(register, make_user):
    next_door = make.household("459902100201", head=None)
    make.member(next_door)
    clerk = make_user(Role.COUNTY_OFFICE, "459901")
    job = tasks.ask(clerk, "459901")
    assert tasks.ask(clerk, "459901").pk == job.pk
    long_work.run_now(job)
    assert job.state == "done" and job.link.endswith(f"/{RuleRun.objects.get().uid}/")
    with scope.system("test"):
        assert not Finding.objects.filter(village_id="459902100201").exists()
        assert Finding.objects.filter(rule="HH-01").count() == 1
