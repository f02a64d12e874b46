"""What people do with findings: dispatch, field checks, verdicts, the second look, appeals; races, and what is refused."""

import datetime as dt
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.roles import Role
from poverty import scope, sealedfiles
from tests.households import factories as make
from validation import actions, engine
from validation.models import Finding, FindingEvent, FindingPhoto

pytestmark = pytest.mark.django_db(transaction=True)
JPEG = b"\xff\xd8\xff\xe0" + b"picture of nothing" * 10
V, NEXT = "459901100201", "459901100202"


@pytest.fixture
def people(regions, make_user):
    """The people of one town and their county, and a cadre and an office of elsewhere."""
    return {
        "cadre": make_user(Role.VILLAGE_CADRE, V),
        "next": make_user(Role.VILLAGE_CADRE, NEXT),
        "town": make_user(Role.TOWN_OFFICE, "459901100"),
        "other_town": make_user(Role.TOWN_OFFICE, "459901101"),
        "county": make_user(Role.COUNTY_OFFICE, "459901"),
        "second": make_user(Role.COUNTY_OFFICE, "459901"),
        "auditor": make_user(Role.AUDITOR, "459901"),
    }


@pytest.fixture
def clue(regions):
    return make.finding(make.household(V), "XD-01", severity="W", source="vehicles", seen="桂Z 小型轿车", basis="b1")


@pytest.fixture
def fault(regions):
    """A household that declares four and has one: HH-03 finds it."""
    household = make.household(V)
    make.year(household, 2020, size=4)
    engine.run(["HH-03"], households=f"SELECT {household.pk}")
    with scope.system("test"):
        return Finding.objects.get(household_id=household.pk, rule="HH-03")


def do(action, by, finding, **more):
    with scope.acting(by):
        return action(finding=finding, by=by, **more)


def checked(people, finding, by="cadre", **more):
    given = {
        "text": "车是借来的",
        "statement": "车是侄子的",
        "photos": [(JPEG, "image/jpeg")],
        "lon": 108.3,
        "lat": 23.1,
    }
    return do(actions.check, people[by], finding, **{**given, **more})


def log(finding) -> list[str]:
    with scope.system("test"):
        return list(FindingEvent.objects.filter(finding=finding).order_by("id").values_list("kind", flat=True))


# --- dispatch -------------------------------------------------------------------------------------------------------------


def send(by, to=None, **filters):
    with scope.acting(by):
        found = Finding.objects.visible_to(by).filter(**filters)
        return actions.dispatch(findings=found, by=by, to=to, due_on=dt.date(2099, 1, 1))


def test_dispatch_by_village_gives_each_to_its_own_cadre(people):
    mine = [make.finding(make.household(V)) for _ in range(3)]
    other = make.finding(make.household(NEXT))
    nobody = make.finding(make.household("459901101201"))
    wide = make.finding(make.household(V), "ID-12", reach="459901")
    done = send(people["county"])
    assert (done.done, done.people, done.left) == (4, 2, 2)
    assert {make.fresh(one).owner_id for one in mine} == {people["cadre"].pk}
    row = make.fresh(other)
    assert (row.owner_id, row.state, row.due_on) == (people["next"].pk, "dispatched", dt.date(2099, 1, 1))
    assert make.fresh(nobody).owner_id is None
    assert make.fresh(wide).owner_id is None  # it speaks of another town: a village cadre could not open it
    assert log(other) == ["dispatched"] and log(nobody) == []


def test_nobody_gets_what_he_could_not_open(people):
    make.finding(make.household(V)), make.finding(make.household(NEXT))
    done = send(people["town"], people["cadre"])
    assert (done.done, done.left) == (1, 1)
    assert send(people["county"], people["other_town"]).done == 0


def test_a_cadre_dispatches_nothing(people):
    make.finding(make.household(V))
    with pytest.raises(PermissionDenied):
        send(people["cadre"], people["cadre"])


def test_a_clue_with_a_verdict_is_not_dispatched(people, clue):
    checked(people, clue)
    do(actions.give_verdict, people["town"], clue, verdict="upheld", text="确有其车")
    assert send(people["county"], people["cadre"]).done == 0


# --- rules' findings ------------------------------------------------------------------------------------------------------


def test_a_special_case_is_muted_until_its_data_change(people, fault):
    do(actions.give_verdict, people["town"], fault, verdict="special", text="三人外嫁未迁户口")
    row = make.fresh(fault)
    assert (row.state, row.closed_as, row.muted_basis) == ("closed", "muted", row.basis)
    engine.recheck(fault.household_id, rule_ids=["HH-03"])
    assert make.fresh(fault).closed_at is not None
    with scope.system("test"):
        fault_years = make.HouseholdYear.objects.get(household_id=fault.household_id)
    fault_years.size = 5
    with scope.system("test"):
        fault_years.save()
    engine.recheck(fault.household_id, rule_ids=["HH-03"])
    row = make.fresh(fault)
    assert (row.closed_at, row.verdict, row.state) == (None, "", "new")


def test_a_true_error_stays_open_until_it_is_gone(people, fault):
    do(actions.give_verdict, people["town"], fault, verdict="error")
    assert make.fresh(fault).state == "verified"
    with scope.system("test"):
        make.HouseholdYear.objects.filter(household_id=fault.household_id).update(size=1)
    engine.recheck(fault.household_id, rule_ids=["HH-03"])
    row = make.fresh(fault)
    assert (row.state, row.closed_as, row.verdict) == ("closed", "gone", "error")


def test_a_special_case_needs_a_reason_and_a_fitting_verdict(people, fault):
    for verdict, text in (("special", " "), ("upheld", "属实")):
        with pytest.raises(actions.Refused):
            do(actions.give_verdict, people["town"], fault, verdict=verdict, text=text)
    assert make.fresh(fault).verdict == ""


def test_a_verdict_is_taken_back_with_a_reason(people, fault):
    do(actions.give_verdict, people["town"], fault, verdict="false_alarm", text="已核对")
    do(actions.reopen, people["county"], fault, text="核对有误")
    row = make.fresh(fault)
    assert (row.closed_at, row.verdict, row.muted_basis) == (None, "", "")
    assert log(fault) == ["verdict", "reopened"]


def test_what_is_gone_is_opened_by_the_rule_alone(people, fault):
    with scope.system("test"):
        make.HouseholdYear.objects.filter(household_id=fault.household_id).update(size=1)
    engine.recheck(fault.household_id, rule_ids=["HH-03"])
    with pytest.raises(actions.Refused):
        do(actions.reopen, people["county"], fault, text="再看")


def test_a_cadre_gives_no_verdict(people, fault):
    with pytest.raises(PermissionDenied):
        do(actions.give_verdict, people["cadre"], fault, verdict="special", text="特殊")


def test_another_towns_office_does_not_reach_it(people, fault):
    with pytest.raises(actions.Refused):
        do(actions.give_verdict, people["other_town"], fault, verdict="error")
    assert make.fresh(fault).verdict == ""


def test_of_two_verdicts_at_once_the_second_is_told(people, fault):
    answers, start = [], threading.Barrier(2)

    def decide(who, verdict):
        try:
            start.wait(5)
            do(actions.give_verdict, people[who], fault, verdict=verdict, text="核实")
            answers.append(verdict)
        except actions.Refused:
            answers.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=one) for one in (("town", "special"), ("county", "error"))]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert sorted(answers).count("refused") == 1
    assert make.fresh(fault).verdict in answers
    assert log(fault) == ["verdict"]


# --- clues ----------------------------------------------------------------------------------------------------------------


def test_a_match_alone_gets_no_verdict(people, clue):
    with pytest.raises(actions.Refused):
        do(actions.give_verdict, people["town"], clue, verdict="upheld", text="名单上有")


def test_a_check_of_a_clue_needs_a_photo(people, clue):
    with pytest.raises(actions.Refused):
        checked(people, clue, photos=[])
    assert log(clue) == []


def test_the_way_of_a_clue(people, clue):
    checked(people, clue)
    row = make.fresh(clue)
    assert (row.state, row.owner_id, row.verdict) == ("dispatched", people["cadre"].pk, "")
    do(actions.give_verdict, people["town"], clue, verdict="not_upheld", text="车属侄子")
    row = make.fresh(clue)
    assert (row.state, row.closed_at) == ("verified", None)  # before the second look nothing is settled
    do(actions.take_second_look, people["county"], clue, agree=True)
    row = make.fresh(clue)
    assert (row.closed_as, row.confirmed_by_id, row.muted_basis) == ("muted", people["county"].pk, "b1")
    assert log(clue) == ["checked", "statement", "verdict", "confirmed"]
    assert AuditEvent.objects.filter(action="finding.verdict", target=f"finding:{clue.uid}").exists()


def test_the_second_look_is_another_persons(people, clue):
    checked(people, clue)
    do(actions.give_verdict, people["county"], clue, verdict="upheld", text="属实")
    with pytest.raises(actions.Refused):
        do(actions.take_second_look, people["county"], clue, agree=True)
    with pytest.raises(PermissionDenied):
        do(actions.take_second_look, people["town"], clue, agree=True)
    do(actions.take_second_look, people["second"], clue, agree=True)
    row = make.fresh(clue)
    assert (row.closed_at, row.confirmed_by_id) == (None, people["second"].pk)  # upheld: now it is put right by hand


def test_the_database_refuses_a_second_look_by_the_same_person(people, clue):
    with pytest.raises(IntegrityError), scope.system("test"), transaction.atomic():
        Finding.objects.filter(pk=clue.pk).update(
            verdict="upheld", verdict_by=people["county"], confirmed_by=people["county"]
        )


def test_a_second_look_sends_back_with_a_reason(people, clue):
    checked(people, clue)
    do(actions.give_verdict, people["town"], clue, verdict="upheld", text="属实")
    with pytest.raises(actions.Refused):
        do(actions.take_second_look, people["county"], clue, agree=False)
    do(actions.take_second_look, people["county"], clue, agree=False, text="照片看不清")
    row = make.fresh(clue)
    assert (row.verdict, row.verdict_by_id, row.state) == ("", None, "dispatched")


def test_an_appeal_opens_the_clue_for_a_new_verdict(people, clue):
    checked(people, clue)
    do(actions.give_verdict, people["town"], clue, verdict="not_upheld", text="不属实")
    do(actions.take_second_look, people["county"], clue, agree=True)
    do(actions.appeal, people["cadre"], clue, text="户主不服", on=timezone.localdate())
    row = make.fresh(clue)
    assert (row.closed_at, row.verdict, row.confirmed_by_id, row.muted_basis) == (None, "", None, "")
    do(actions.give_verdict, people["town"], clue, verdict="upheld", text="复核属实")
    assert make.fresh(clue).verdict == "upheld"


def test_an_upheld_clue_is_settled_when_it_is_entered_by_hand(people, clue):
    checked(people, clue)
    do(actions.give_verdict, people["town"], clue, verdict="upheld", text="属实")
    with pytest.raises(actions.Refused):  # not before the second look
        do(actions.follow_up_done, people["town"], clue, text="已办")
    do(actions.take_second_look, people["county"], clue, agree=True)
    do(actions.follow_up_done, people["town"], clue, text="已按程序清退")
    row = make.fresh(clue)
    assert (row.closed_as, row.verdict, row.muted_basis) == ("muted", "upheld", "b1")


def test_a_check_of_an_earlier_opening_does_not_count(people, clue):
    checked(people, clue)
    with scope.system("test"):
        Finding.objects.filter(pk=clue.pk).update(first_seen_at=timezone.now() + dt.timedelta(seconds=1))
    with pytest.raises(actions.Refused):
        do(actions.give_verdict, people["town"], clue, verdict="upheld", text="属实")


# --- photos ---------------------------------------------------------------------------------------------------------------


def test_a_photo_is_sealed_on_disk_and_opens_again(people, clue):
    checked(people, clue)
    with scope.system("test"):
        photo = FindingPhoto.objects.get()
    path = sealedfiles.path_of(actions.FOLDER, photo.uid)
    assert JPEG not in path.read_bytes() and b"picture" not in path.read_bytes()
    assert actions.photo_content(photo) == JPEG
    assert (photo.longitude, photo.latitude, photo.size) == (108.3, 23.1, len(JPEG))


def test_a_picture_of_another_household_is_refused_and_leaves_no_file(people, clue, settings):
    checked(people, clue)
    other = make.finding(make.household(V), "XD-01", source="vehicles")
    with pytest.raises(actions.Refused):
        checked(people, other)
    assert len(list(settings.MEDIA_ROOT.rglob("*.sealed"))) == 1


def test_a_check_that_fails_leaves_no_file(people, clue, settings, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(FindingPhoto, "save", fail)
    with pytest.raises(RuntimeError):
        checked(people, clue)
    assert list(settings.MEDIA_ROOT.rglob("*.sealed")) == []
    assert log(clue) == []


def test_the_log_cannot_be_rewritten(people, clue):
    checked(people, clue)
    with pytest.raises(Exception, match="permission denied"), scope.system("test"), transaction.atomic():
        FindingEvent.objects.filter(finding=clue).update(text="别的")
