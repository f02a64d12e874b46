"""The pages of one finding: correct and check again, the field check on the phone, verdicts, photos, reveals."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from households import proposing
from households.models import HouseholdYear
from poverty import scope
from tests.households import factories as make
from tests.households.forms import fields
from validation import engine
from validation.models import Finding, FindingEvent, FindingPhoto

pytestmark = pytest.mark.django_db(transaction=True)
JPEG = b"\xff\xd8\xff\xe0" + b"picture of nothing" * 10


@pytest.fixture
def fault(regions):
    household = make.household()
    make.year(household, 2020, size=4)
    engine.run(["HH-03"], households=f"SELECT {household.pk}")
    with scope.system("test"):
        return Finding.objects.get(household_id=household.pk, rule="HH-03")


@pytest.fixture
def clue(regions):
    return make.finding(make.household(), "XD-01", severity="W", source="vehicles", seen="小型轿车", basis="b1")


def url(name, finding):
    return reverse(f"validation:{name}", args=[finding.uid])


def said(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def correct(client, finding, **changed):
    page = client.get(url("finding", finding))
    found = {name: values for name, values in fields(page).items() if name == "base" or name[:2] in ("h-", "y-", "m-")}
    return client.post(url("correct", finding), {**found, **changed}, follow=True)


def check(client, finding, **changed):
    photo = SimpleUploadedFile("a.jpg", JPEG, content_type="image/jpeg")
    given = {
        "text": "院内无车", "statement": "车是侄子的", "photos": photo, "lon": "108.3", "lat": "23.1", "accuracy": "12",
    }  # fmt: skip
    return client.post(url("check", finding), {**given, **changed})


# --- correct --------------------------------------------------------------------------------------------------------------


def test_the_county_corrects_and_the_rule_looks_again_at_once(county, fault):
    answer = correct(county, fault, **{"y-size": "1", "reason": "见户口簿"})
    assert "no longer found" in said(answer) or "已不再发现" in said(answer)
    row = make.fresh(fault)
    assert (row.state, row.closed_as) == ("closed", "gone")
    with scope.system("test"):
        assert HouseholdYear.objects.get(household_id=fault.household_id).size == 1
        kinds = list(FindingEvent.objects.filter(finding=fault).order_by("id").values_list("kind", flat=True))
    assert kinds == ["corrected", "rechecked"]


def test_a_correction_that_does_not_help_says_what_is_still_found(county, fault):
    correct(county, fault, **{"y-size": "3", "reason": "见户口簿"})
    row = make.fresh(fault)
    assert (row.closed_at, row.seen) == (None, "3")


def test_a_cadres_correction_is_a_proposal_and_settles_when_it_is_confirmed(cadre, town, fault):
    correct(cadre, fault, **{"y-size": "1", "reason": "入户看到"})
    assert make.fresh(fault).closed_at is None
    proposal = make.proposals()[0]
    with scope.acting(town.user):
        proposing.confirm(proposal=proposal, by=town.user)
    assert make.fresh(fault).closed_as == "gone"


def test_a_correction_says_what_it_rests_on(county, fault):
    answer = correct(county, fault, **{"y-size": "1", "reason": " "})
    assert answer.status_code == 422
    assert 'value="1"' in answer.content.decode()
    assert make.fresh(fault).closed_at is None


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(county, fault):
    page = county.get(url("finding", fault))
    found = {name: values for name, values in fields(page).items() if name == "base" or name.startswith("y-")}
    with scope.system("test"):
        HouseholdYear.objects.filter(household_id=fault.household_id).update(size=2)
    county.post(url("correct", fault), {**found, "y-size": "1", "reason": "见户口簿"})
    with scope.system("test"):
        assert HouseholdYear.objects.get(household_id=fault.household_id).size == 2


def test_a_correction_elsewhere_settles_it_as_well(county, fault):
    from households import actions

    with scope.system("test"):
        household = make.Household.objects.get(pk=fault.household_id)
    actions.save(household=household, by=county.user, changes={"year.2020.size": [4, 1]}, reason="核实")
    assert make.fresh(fault).closed_as == "gone"


# --- what is shown --------------------------------------------------------------------------------------------------------


def test_the_page_stands_with_record_household_and_log(county, fault):
    page = county.get(url("finding", fault)).content.decode()
    for text in ("HH-03", "岑山水", 'name="y-size"', 'value="special"', 'value="false_alarm"'):
        assert text in page


def test_the_auditor_reads_and_changes_nothing(auditor, fault):
    page = auditor.get(url("finding", fault)).content.decode()
    assert 'action="' + url("verdict", fault) not in page and 'id="correct-form"' not in page
    assert auditor.post(url("verdict", fault), {"verdict": "error"}).status_code == 403


def test_a_number_is_masked_on_the_page(cadre, county, regions):
    number = make.id_number()
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    household = make.household(head=None)
    person = make.member(household, relation="01", cert_no=wrong)
    finding = make.finding(household, "ID-05", subject_kind="member", subject=person.pk, seen="check")
    for client in (cadre, county):
        page = client.get(url("finding", finding)).content.decode()
        assert wrong not in page and wrong[:6] in page
        assert wrong not in client.get(reverse("validation:list")).content.decode()


def test_the_expected_digit_is_shown_with_a_reason_only(county, cadre, regions):
    number = make.id_number()
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    household = make.household(head=None)
    person = make.member(household, relation="01", cert_no=wrong)
    finding = make.finding(household, "ID-05", subject_kind="member", subject=person.pk, seen="check")
    assert county.post(url("reveal", finding), {"reason": ""}).status_code == 422
    answer = county.post(url("reveal", finding), {"reason": "核对证件"})
    assert answer.status_code == 200 and number[-1] in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(action="reveal", target=f"finding:{finding.uid}").count() == 1
    assert cadre.post(url("reveal", finding), {"reason": "核对证件"}).status_code == 403


def test_what_a_role_sees_masked_is_masked_in_a_finding_too(auditor, county, regions):
    household = make.household()
    person = make.head_of(household)
    make.finding(household, "CD-16", subject_kind="member", subject=person.pk, seen="残疾")
    from poverty.declarations import rules

    if "CD-16" in rules:
        assert "残疾</span>" not in auditor.get(reverse("validation:list")).content.decode()


# --- on the spot ----------------------------------------------------------------------------------------------------------


def test_cadre_checks_town_decides_county_looks_again(cadre, town, county, clue):
    assert check(cadre, clue).status_code == 302
    page = town.get(url("finding", clue)).content.decode()
    assert "院内无车" in page and "车是侄子的" in page
    town.post(url("verdict", clue), {"verdict": "not_upheld", "text": "车属侄子"})
    assert make.fresh(clue).verdict == "not_upheld"
    county.post(url("second", clue), {"agree": "1"})
    row = make.fresh(clue)
    assert (row.closed_as, row.confirmed_by_id) == ("muted", county.user.pk)


def test_what_is_no_picture_is_refused_whatever_its_name(cadre, clue):
    for content in (b"<html><script>1</script>", b"GIF89a" + b"x" * 50, b"%PDF-1.7", b"PK\x03\x04"):
        photo = SimpleUploadedFile("a.jpg", content, content_type="image/jpeg")
        answer = check(cadre, clue, photos=photo)
        assert answer.status_code == 422 and "photos" in answer.context["form"].errors
    with scope.system("test"):
        assert not FindingPhoto.objects.exists()


def test_a_picture_that_is_too_large_is_refused(cadre, clue):
    photo = SimpleUploadedFile("a.jpg", JPEG + bytes(8 * 2**20), content_type="image/jpeg")
    assert "photos" in check(cadre, clue, photos=photo).context["form"].errors


def test_without_a_position_it_says_why(cadre, clue):
    answer = check(cadre, clue, lon="", lat="")
    assert "unplaced" in answer.context["form"].errors
    assert check(cadre, clue, lon="", lat="", unplaced="山谷无信号").status_code == 302


def test_a_script_is_answered_in_json(cadre, clue):
    answer = cadre.post(url("check", clue), {"text": ""}, headers={"Accept": "application/json"})
    assert answer.status_code == 422 and set(answer.json()["errors"]) >= {"text", "statement", "photos"}


def test_photos_are_seen_as_the_houses_position_is(cadre, town, auditor, clue, make_user, login):
    check(cadre, clue)
    with scope.system("test"):
        address = reverse("validation:photo", args=[FindingPhoto.objects.get().uid])
    answer = town.get(address)
    assert answer.content == JPEG and answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert auditor.get(address).status_code == 403
    assert auditor.post(address, {"reason": "核查"}).status_code == 422
    assert auditor.post(address, {"reason": "信访核查"}).content == JPEG
    assert AuditEvent.objects.filter(action="reveal", actor=auditor.user.username).count() == 1
    elsewhere = login(make_user(Role.VILLAGE_CADRE, "459901100202"))
    assert elsewhere.get(address).status_code == 404
    assert login(make_user(Role.LEADER, "459901")).get(address).status_code == 403


def test_the_docket_lists_the_clues_of_a_village(cadre, county, clue):
    assert clue.get_absolute_url() in cadre.get(reverse("validation:docket")).content.decode()
    page = county.get(reverse("validation:docket"), {"region": "459901100201"})
    assert [row.finding.pk for row in page.context["rows"]] == [clue.pk]


# --- dispatch -------------------------------------------------------------------------------------------------------------


def test_the_chosen_are_dispatched_after_the_page_has_said_how_many(county, cadre, fault):
    address = reverse("validation:dispatch") + f"?id={fault.uid}"
    page = county.get(address)
    assert page.context["total"] == 1
    given = {name: values[-1] for name, values in fields(page).items()}
    county.post(address, {**given, "to": str(cadre.user.pk), "count": "2"})
    assert make.fresh(fault).owner_id is None  # the list had changed
    county.post(address, {**given, "to": str(cadre.user.pk), "count": "1"})
    assert make.fresh(fault).owner_id == cadre.user.pk


def test_nobody_outside_is_offered(town, make_user, fault):
    make_user(Role.VILLAGE_CADRE, "459901101201", full_name="邻镇村干部")
    page = town.get(reverse("validation:dispatch")).content.decode()
    assert "邻镇村干部" not in page


def test_the_household_file_links_to_its_findings(county, fault):
    with scope.system("test"):
        household = make.Household.objects.get(pk=fault.household_id)
    assert fault.get_absolute_url() in county.get(household.get_absolute_url()).content.decode()


def test_the_home_page_says_what_is_due(cadre, fault):
    with scope.system("test"):
        Finding.objects.filter(pk=fault.pk).update(owner=cadre.user, due_on="2020-01-01")
    cards = {card.url: card.count for card in cadre.get("/").context["waiting"]}
    assert cards[reverse("validation:list") + "?owner=me&overdue=1"] == 1
