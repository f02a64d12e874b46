"""Correcting a household: what is written, with which stamp and reason, and two people at once."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from households import actions
from households.models import HouseholdYear, Member, MemberYear, Proposal
from households.present import opened
from poverty import scope
from tests.households import factories as make
from tests.households.forms import fields, send
from validation.models import Finding

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def household(regions):
    made = make.household(phone="15412345678", card="6222020000000000000", address="老屋")
    make.year(made, net_pc_yuan="7142.50", house_grade="C", size=1)
    make.member_year(make.head_of(made), labour="01", health=["01"])
    return made


def edit_url(household, section="", **query) -> str:
    query = {"section": section, **query}
    text = "&".join(f"{key}={value}" for key, value in query.items() if value)
    return reverse("households:edit", args=[household.uid]) + (f"?{text}" if text else "")


def rows(model, household):
    with scope.system("test"):
        return list(model.objects.filter(household_id=household.pk).order_by("pk"))


def reason_of_last_event(row):
    return make.last_event(row).pgh_context["reason"]


def test_the_whole_form_sent_back_unchanged_changes_nothing(county, household):
    before = make.fresh(household).version
    response = send(county, edit_url(household))
    assert response.status_code == 302
    assert make.fresh(household).version == before
    with scope.system("test"):
        assert household.pgh_event_model.objects.filter(pgh_obj_id=household.pk).count() == 1


def test_the_county_saves_household_members_and_year_in_one_transaction(county, household):
    head = make.head_of(household)
    name = f"m-{head.uid}"
    response = send(
        county,
        edit_url(household),
        **{"h-main_cause": "08", f"{name}-ethnicity": "08", f"{name}-labour": "05", "y-net_pc_yuan": "8000.5"},
        **{"reason": "入户核实", f"{name}-health": ["02", "04"]},
    )
    assert response.status_code == 302
    assert make.fresh(household).main_cause == "08"
    assert make.fresh(head).ethnicity == "08"
    year, member_year = rows(HouseholdYear, household)[0], rows(MemberYear, household)[0]
    assert str(year.net_pc_yuan) == "8000.50"
    assert (member_year.labour, member_year.health) == ("05", ["02", "04"])
    contexts = {make.last_event(row).pgh_context_id for row in (household, head, year, member_year)}
    assert len(contexts) == 1
    assert reason_of_last_event(household) == "入户核实"
    assert make.fresh(household).version == household.version + 1


def test_typed_values_carry_their_own_stamp(county, household):
    send(county, edit_url(household, "register"), **{"h-main_cause": "08", "reason": "入户核实"})
    row = make.fresh(household)
    assert row.field_stamps == {"main_cause": f"{timezone.localdate()}/3"}
    assert row.stamp == "2020-12-31/1"
    assert (row.source_batch_id, row.source_row) == (None, None)


def test_a_change_of_status_needs_a_reason_and_keeps_what_was_typed(county, household):
    response = send(county, edit_url(household, "register"), **{"h-status": "03", "h-exit_year": "2020"})
    assert response.status_code == 422
    assert fields(response)["h-exit_year"] == ["2020"]
    assert make.fresh(household).status == "04"


def test_sealed_values_are_kept_when_blank_changed_when_typed_and_cleared_on_request(county, household):
    url = edit_url(household, "contact")
    send(county, url, **{"h-address": "新屋"})
    assert opened(make.fresh(household), "phone") == "15412345678"
    send(county, url, **{"h-phone": "１３９ 1234 5678"})
    row = make.fresh(household)
    assert (opened(row, "phone"), row.phone_valid) == ("13912345678", True)
    assert row.field_stamps["phone_index"] == f"{timezone.localdate()}/3"
    send(county, url, **{"h-phone_clear": "on"})
    row = make.fresh(household)
    assert (row.phone_sealed, row.phone_index, row.phone_valid) == (None, None, None)


def test_the_form_holds_no_sealed_value(county, household):
    text = county.get(edit_url(household)).content.decode()
    assert opened(make.head_of(household), "cert_no") not in text
    assert "6222020000000000000" not in text


@pytest.mark.parametrize(
    ("number", "kind", "fault"),
    [("45990119800101001X", "18", "check"), ("459901198001", "?", "length"), ("45990119801301001X", "18", "birth")],
)
def test_a_wrong_number_is_stored_and_told_not_refused(county, household, number, kind, fault):
    head = make.head_of(household)
    response = send(
        county, edit_url(household, "member", member=head.uid), **{f"m-{head.uid}-cert_no": number, "reason": "照证件"}
    )
    assert response.status_code == 302
    row = make.fresh(head)
    assert opened(row, "cert_no") == number
    assert row.id_kind == kind
    assert fault in row.id_fault
    page = county.get(household.get_absolute_url())
    assert page.context["findings"]


def test_a_correction_settles_findings_here_and_where_the_identity_stood_twice(county, household):
    head = make.head_of(household)
    twin = make.household()
    other = make.member(twin, name="岑双", cert_no=opened(head, "cert_no"))
    with scope.acting(county.user):
        actions.engine.run(["ID-12"], households=f"SELECT unnest(ARRAY[{household.pk}, {twin.pk}])")

    def still_open():
        with scope.system("test"):
            return Finding.objects.filter(rule="ID-12", closed_at__isnull=True).count()

    assert still_open() == 2
    url = edit_url(twin, "member", member=other.uid)
    send(county, url, **{f"m-{other.uid}-cert_no": make.id_number(sequence="555"), "reason": "照户口簿"})
    assert still_open() == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("y-wage_yuan", "一千"),
        ("y-wage_yuan", "1e5"),
        ("y-wage_yuan", "NaN"),
        ("y-wage_yuan", "1234567890123"),
        ("y-size", "2.5"),
        ("y-size", "99999999999"),
        ("y-arable_mu", "1.23456"),
        ("y-risk_found_on", "2020-02-30"),
        ("y-risk_found_on", "0001-01-01"),
        ("y-house_grade", "Z"),
    ],
)
def test_what_no_column_can_hold_is_told_at_its_field(county, household, name, text):
    response = send(county, edit_url(household), **{name: text})
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert text in response.content.decode() or name == "y-house_grade"


def test_odd_but_possible_values_are_stored(county, household):
    send(county, edit_url(household), **{"y-wage_yuan": "-50", "y-size": "0", "y-arable_mu": "99999"})
    row = rows(HouseholdYear, household)[0]
    assert (str(row.wage_yuan), row.size, str(row.arable_mu)) == ("-50.00", 0, "99999.000")


def test_a_stored_code_outside_the_list_survives_an_edit(county, household):
    with scope.system("test"):
        type(household).objects.filter(pk=household.pk).update(main_cause="77")
    send(county, edit_url(household, "register"), **{"h-standard": "1", "reason": "核实"})
    assert make.fresh(household).main_cause == "77"


def test_a_year_without_a_row_gets_one_when_something_is_typed(county, household):
    send(county, edit_url(household, "income", year=2021), **{"y-wage_yuan": "100"})
    assert [row.year for row in rows(HouseholdYear, household)] == [2020, 2021]
    send(county, edit_url(household, "income", year=2022))
    assert [row.year for row in rows(HouseholdYear, household)] == [2020, 2021]


def test_a_missing_member_is_added(county, household):
    response = send(
        county,
        edit_url(household, "members"),
        **{"m-TOTAL_FORMS": "1", "m-n0-name": "岑漏", "m-n0-relation": "04", "m-n0-labour": "04"},
        **{"m-n0-cert_no": make.id_number(born="20100203", sequence="022"), "reason": "补录"},
    )
    assert response.status_code == 302
    added = rows(Member, household)[-1]
    assert (added.name, added.sex, str(added.birth_on)) == ("岑漏", "2", "2010-02-03")
    assert added.person_no.startswith("L")
    assert rows(MemberYear, household)[-1].labour == "04"


def test_two_editors_of_one_value_choose(county, household, make_user, login):
    other = login(make_user(Role.COUNTY_OFFICE, "459901"))
    url = edit_url(household, "register")
    mine = county.get(url)
    send(other, url, **{"h-main_cause": "08", "h-standard": "2", "reason": "先到"})
    answer = send(county, url, opened=mine, **{"h-main_cause": "03", "h-exit_year": "2019", "reason": "后到"})
    assert answer.status_code == 409
    assert make.fresh(household).main_cause == "08"
    text = answer.content.decode()
    assert "缺劳动力" in text
    assert "因学" in text
    chosen = send(county, url, opened=answer, **{"pick:household.main_cause": "mine"})
    assert chosen.status_code == 302
    row = make.fresh(household)
    assert (row.main_cause, row.exit_year, row.standard) == ("03", 2019, "2")
    assert reason_of_last_event(household) == "后到"


def test_theirs_may_be_kept(county, household, make_user, login):
    other = login(make_user(Role.COUNTY_OFFICE, "459901"))
    url = edit_url(household, "register")
    mine = county.get(url)
    send(other, url, **{"h-main_cause": "08", "h-other_causes": ["01", "03"], "reason": "先到"})
    answer = send(
        county,
        url,
        opened=mine,
        **{"h-main_cause": "03", "h-other_causes": ["09"], "h-exit_year": "2019", "reason": "后到"},
    )
    send(county, url, opened=answer, **{"pick:household.main_cause": "theirs", "pick:household.other_causes": "theirs"})
    row = make.fresh(household)
    assert (row.main_cause, row.other_causes, row.exit_year) == ("08", ["01", "03"], 2019)


def test_a_sealed_value_of_two_editors_is_compared_without_being_shown(county, household, make_user, login):
    other = login(make_user(Role.COUNTY_OFFICE, "459901"))
    head = make.head_of(household)
    url = edit_url(household, "member", member=head.uid)
    theirs, own = make.id_number(sequence="701"), make.id_number(sequence="703")
    mine = county.get(url)
    send(other, url, **{f"m-{head.uid}-cert_no": theirs, "reason": "先到"})
    answer = send(county, url, opened=mine, **{f"m-{head.uid}-cert_no": own, "reason": "后到"})
    assert answer.status_code == 409
    assert theirs not in answer.content.decode()
    send(county, url, opened=answer, **{f"pick:member.{head.uid}.cert_no": "mine"})
    assert opened(make.fresh(head), "cert_no") == own


def test_editors_of_different_sections_do_not_disturb_each_other(county, household, make_user, login):
    other = login(make_user(Role.COUNTY_OFFICE, "459901"))
    mine = county.get(edit_url(household, "contact"))
    send(other, edit_url(household, "register"), **{"h-main_cause": "08", "reason": "先到"})
    answer = send(county, edit_url(household, "contact"), opened=mine, **{"h-address": "新屋"})
    assert answer.status_code == 302
    row = make.fresh(household)
    assert (row.main_cause, row.address) == ("08", "新屋")


@pytest.mark.parametrize("base", ["", "nonsense", None])
def test_a_form_that_is_not_ours_is_a_bad_request(county, household, base):
    other = make.household()
    if base is None:
        base = fields(county.get(edit_url(other, "contact")))["base"][0]
    response = county.post(edit_url(household, "contact"), {"base": base, "h-address": "x"})
    assert response.status_code == 400


def test_a_cadre_changes_contacts_at_once_and_proposes_the_rest(cadre, household):
    send(cadre, edit_url(household, "contact"), **{"h-phone": "13900001111", "h-address": "村口"})
    row = make.fresh(household)
    assert (opened(row, "phone"), row.address) == ("13900001111", "村口")
    assert make.proposals() == []
    send(cadre, edit_url(household, "register"), **{"h-main_cause": "08", "reason": "入户看到"})
    assert make.fresh(household).main_cause == "01"
    assert [p.state for p in make.proposals()] == ["waiting"]


def test_a_proposal_without_a_reason_is_asked_for_it(cadre, household):
    assert send(cadre, edit_url(household, "register"), **{"h-main_cause": "08"}).status_code == 422
    assert make.proposals() == []


@pytest.mark.parametrize(
    ("role", "area"),
    [(Role.AUDITOR, "459901"), (Role.RESIDENT, None), (Role.CITY_OFFICE, "4599"), (Role.PROVINCE_OFFICE, "45")],
)
def test_readers_and_offices_above_the_county_cannot_edit(regions, make_user, login, household, role, area):
    client = login(make_user(role, area, households=[household] if role == Role.RESIDENT else ()))
    assert client.get(edit_url(household)).status_code == 403


def test_a_household_is_added_with_its_head_and_a_local_number(county):
    values = {
        "village": "459901100201",
        "name": "蒙新",
        "cert_no": make.id_number(sequence="901"),
        "reason": "评议通过",
    }
    for _ in range(2):
        response = county.post(reverse("households:add"), {**values, "status": "04", "phone": "13900001111"})
        assert response.status_code == 302
    with scope.system("test"):
        found = list(Member.objects.filter(name="蒙新").select_related("household").order_by("pk"))
    assert [m.household.household_no for m in found] == ["L45990110020100001", "L45990110020100002"]
    assert [m.person_no for m in found] == ["L4599011002010000101", "L4599011002010000201"]
    assert {(m.relation, m.sex) for m in found} == {("01", "1")}


def test_a_taken_number_is_refused_with_the_same_words_wherever_it_is(county):
    make.household("459901100202", household_no="1111")
    make.household("459902100201", household_no="2222")
    values = {"village": "459901100201", "name": "蒙新", "reason": "评议通过"}

    def answer(number):
        response = county.post(reverse("households:add"), {**values, "household_no": number})
        assert response.status_code == 422
        return response.context["form"].errors["household_no"]

    assert answer("1111") == answer("2222")


def test_a_household_cannot_be_added_outside_the_area(county):
    response = county.post(reverse("households:add"), {"village": "459902100201", "name": "蒙新", "reason": "评议"})
    assert response.status_code == 422
    with scope.system("test"):
        assert not Proposal.objects.exists()
        assert not Member.objects.filter(name="蒙新").exists()
