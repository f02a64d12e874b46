"""The pages of the analysis: numbers open exactly their households, every role sees its own area and no more."""

import datetime as dt
import io
import re

import openpyxl
import pytest
from django.core.cache import cache
from django.db import ProgrammingError, transaction
from django.urls import reverse

from households.analysis import frames, risks, tasks
from households.analysis.models import RiskModel
from households.models import Household, HouseholdYear, Member, MemberYear
from jobs import engine
from jobs.models import Job
from poverty import scope
from poverty.models import ConfigValue
from regions.models import Region
from tests.households import factories

pytestmark = pytest.mark.django_db(transaction=True)

COUNTY, TOWN, OTHER_TOWN = "459901", "459901100", "459901101"
V1, V2, V3, FOREIGN = "459901100201", "459901100202", "459901101201", "459902100201"
# village, persons, income per head, status, type, cause, more of the year
HOUSEHOLDS = [
    (V1, 3, 2000, "12", "1", "01", {"house_dangerous": True, "water_safe": False, "water_hard": True}),
    (V1, 2, 3900, "12", "2", "02", {"house_dangerous": False, "water_safe": True, "water_hard": False}),
    (V1, 4, 9000, "03", "1", "07", {"house_dangerous": False, "water_safe": True, "coop": True}),
    (V2, 5, 12000, "12", "1", "07", {"house_dangerous": False, "water_safe": True, "coop": False}),
    (V2, 1, None, "12", "3", None, {"house_dangerous": True}),
    (V3, 2, 3000, "04", "1", "08", {"house_dangerous": True, "water_safe": True}),
    (V3, 6, 8000, "12", "1", None, {"house_dangerous": False, "water_safe": False}),
    (FOREIGN, 3, 1000, "12", "1", "01", {"house_dangerous": True, "water_safe": False}),
]


@pytest.fixture
def register(regions):
    """Write HOUSEHOLDS with heads whose insurance is known; return them."""
    cache.clear()
    made = []
    for village, persons, income, status, kind, cause, more in HOUSEHOLDS:
        one = factories.household(village, status=status, household_type=kind, main_cause=cause, exit_year=2018)
        factories.year(one, 2020, size=persons, net_pc_yuan=income, **more)
        factories.member_year(
            factories.head_of(one), 2020, med_resident=village != V3, labour="01", health=["01"], student_status="01"
        )
        made.append(one)
    return made


@pytest.fixture
def county(client, make_user, register):
    client.force_login(make_user("county_office", COUNTY))
    return client


def ask(client, name="analysis:poverty", **query):
    return client.get(reverse(name), query)


def number_of(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def links(response) -> list[tuple[str, int]]:
    """Return [(address, number)] of all links to lists of households whose text is a whole number."""
    found = re.findall(r'<a href="(/map/analysis/households/[^"]*)">\s*([\d,]+)</a>', response.content.decode())
    return [(address.replace("&amp;", "&"), number_of(text)) for address, text in found]


def follow(client, response, at_least=1):
    opened = links(response)
    assert len(opened) >= at_least
    for address, number in opened:
        assert client.get(address).context["number"] == number, address
    return opened


# --- poverty --------------------------------------------------------------------------------------------------------------


def test_it_measures_the_persons_of_the_area_against_the_line(county):
    page = ask(county)
    whole = page.context["whole"]
    assert (whole.households, whole.poor_households, whole.weight, whole.poor) == (6, 3, 22, 7)
    assert whole.headcount == pytest.approx(7 / 22)
    assert whole.gap == pytest.approx((3 * 0.5 + 2 * 0.025 + 2 * 0.25) / 22)  # the exit line of 2020 is 4000
    assert page.context["unknown"] == 1


def test_the_line_can_be_chosen_or_written(county):
    assert ask(county, line="marginal").context["whole"].poor_households == 3
    assert ask(county, line="own", amount="8500").context["whole"].poor_households == 4
    assert ask(county, amount="8500").context["whole"].poor_households == 4
    assert ask(county, amount="8500", count="households").context["whole"].headcount == pytest.approx(4 / 6)


def test_a_line_that_is_not_set_is_said_and_nothing_is_worked_out(county):
    page = ask(county, line="low_income")
    assert "line" in page.context["form"].errors and "whole" not in page.context
    assert "amount" in ask(county, line="own").context["form"].errors


def test_a_countys_own_line_holds_for_its_households_in_a_larger_area(client, make_user, register):
    ConfigValue.objects.create(
        key="poverty_line.exit_growth", region="459902", value=500, valid_from=dt.date(2020, 1, 1), valid_to=dt.date(2021, 1, 1)
    )  # fmt: skip
    client.force_login(make_user("city_office", "4599"))
    assert ask(client).context["whole"].poor_households == 3  # the household of the next county has 1000
    assert ask(client, region="459902").context["whole"].poor_households == 0


def test_every_number_of_groups_opens_as_many_households(county):
    for by in ("region", "household_type", "status", "main_cause"):
        page = ask(county, by=by)
        follow(county, page, at_least=4)
        parts = [one.m for one, _width in page.context["groups"]]
        whole = page.context["whole"]
        assert sum(part.poor_households for part in parts) == whole.poor_households
        for at in range(4):
            assert round(sum(one.shares[at] for one, _width in page.context["groups"]), 6) == 100


def test_regions_lead_further_down_to_the_village(county):
    page = ask(county)
    towns = {one.key: one for one, _width in page.context["groups"]}
    assert set(towns) == {TOWN, OTHER_TOWN}
    below = county.get(towns[TOWN].url)
    assert {one.key for one, _width in below.context["groups"]} == {V1, V2}
    village = ask(county, region=V1)
    assert village.context["groups"] == [] and village.context["whole"].households == 3


def test_another_area_is_not_there(county, client, make_user):
    for name in ("poverty", "dimensions", "causes", "risk", "households"):
        for region in ("459902", FOREIGN, "4599", "x", "45990", "459999"):
            assert ask(county, f"analysis:{name}", region=region).status_code == 404
    client.force_login(make_user("village_cadre", V1))
    assert ask(client).context["whole"].households == 3
    assert ask(client, region=V2).status_code == 404


def test_a_helper_sees_the_own_households_only(client, make_user, register):
    client.force_login(make_user("helper", households=[register[0], register[7]]))
    assert ask(client).context["whole"].households == 2
    assert ask(client, "analysis:households", set="poor", year="2020", line="exit_growth").context["number"] == 2
    assert ask(client, "analysis:risk").context["counties"] == []  # of two counties: there is no model for both
    client.force_login(make_user("helper", households=register[:3]))
    assert ask(client, "analysis:risk").context["total"] == 3
    for name in ("poverty", "dimensions", "causes", "risk"):
        page = ask(client, f"analysis:{name}")
        assert page.status_code == 200
        for address in re.findall(r'href="(/map/analysis/[^"]*)"', page.content.decode()):
            assert client.get(address.replace("&amp;", "&")).status_code == 200, address


def test_a_leader_sees_figures_and_no_households(client, make_user, register):
    client.force_login(make_user("leader", COUNTY))
    for name in ("poverty", "dimensions", "causes", "risk"):
        page = ask(client, f"analysis:{name}").content.decode()
        assert "/map/analysis/households/" not in page and "/households/0" not in page and "岑山水" not in page
    assert ask(client, "analysis:households").status_code == 403
    assert ask(client, "analysis:risk").context.get("top") is None


def test_small_groups_are_put_together_for_who_sees_figures_only(client, make_user, register):
    client.force_login(make_user("leader", COUNTY))
    groups = {one.name: one.m.households for one, _width in ask(client, by="main_cause").context["groups"]}
    assert all(number >= 3 for number in groups.values()) and sum(groups.values()) == 6
    client.force_login(make_user("leader", TOWN))
    page = ask(client, region=V2)  # one household with an income
    assert page.context["too_few"] and "whole" not in page.context
    client.force_login(make_user("county_office", COUNTY))
    assert ask(client, region=V2).context["whole"].households == 1


def test_a_change_is_seen_at_once(county, register):
    assert ask(county).context["whole"].poor_households == 3
    with scope.system("test"):
        HouseholdYear.objects.filter(household=register[3]).update(net_pc_yuan=100)
    assert ask(county).context["whole"].poor_households == 4


def test_without_data_the_page_says_what_to_do(client, make_user, regions):
    client.force_login(make_user("county_office", COUNTY))
    for name in ("poverty", "dimensions", "causes", "risk"):
        assert ask(client, f"analysis:{name}").status_code == 200


def test_odd_choices_never_break_a_page(county):
    for name in ("poverty", "dimensions", "causes", "risk", "households"):
        for query in (
            {"year": "x"}, {"year": "99999"}, {"line": "x"}, {"amount": "NaN"}, {"amount": "1e99"}, {"k": "0"}, {"k": "x"},
            {"w_income": "0"}, {"w_income": "-1"}, {"by": "x"}, {"count": "x"}, {"cause": "\x00"}, {"cause": "'"}, {"set": "x"},
            {"set": "deprived"}, {"set": "measure"}, {"set": "risk", "item": "x"}, {"group": "status", "value": "x"}, {"page": "x"},
        ):  # fmt: skip
            assert ask(county, f"analysis:{name}", **query).status_code in (200, 400), (name, query)


def test_the_workbook_says_what_the_page_says(county):
    for name, sheets in (("poverty", 3), ("dimensions", 3), ("causes", 3), ("risk", 3)):
        answer = ask(county, f"analysis:{name}", format="xlsx")
        assert (
            answer.headers["Content-Type"].endswith("sheet") and "attachment" in answer.headers["Content-Disposition"]
        )
        assert len(openpyxl.load_workbook(io.BytesIO(answer.content)).sheetnames) == sheets
    book = openpyxl.load_workbook(io.BytesIO(ask(county, format="xlsx").content))
    last = [cell.value for cell in list(book.worksheets[1].rows)[-1]]
    assert last[1:5] == [6, 22, 3, 7] and last[5] == pytest.approx(100 * 7 / 22, abs=0.001)


# --- dimensions -----------------------------------------------------------------------------------------------------------


def test_it_judges_who_is_known_in_all_dimensions(county):
    page = ask(county, "analysis:dimensions")
    whole = page.context["whole"]
    # Left out: the household without income, whose water is unknown too.
    assert (whole.households, page.context["left_out"]) == (6, 1)
    # Two of five: the first (income, house, water); both of the third village (no insurance, and house or water).
    assert whole.poor_households == 3
    assert whole.adjusted == pytest.approx((3 * 0.6 + 2 * 0.6 + 6 * 0.4) / 22)
    assert round(sum(line["contribution"] for line, _width in page.context["lines"]), 6) == 100
    follow(county, page, at_least=8)


def test_weights_and_the_cut_off_are_the_users(county):
    only_house = {"w_income": 0, "w_education": 0, "w_insurance": 0, "w_housing": 5, "w_water": 0, "k": 100}
    page = ask(county, "analysis:dimensions", **only_house)
    assert page.context["whole"].poor_households == 3 and page.context["left_out"] == 0
    follow(county, page)
    nothing = ask(county, "analysis:dimensions", **dict.fromkeys(only_house, 0) | {"k": 40})
    assert nothing.context["form"].non_field_errors() and "whole" not in nothing.context


# --- causes ---------------------------------------------------------------------------------------------------------------


def test_causes_are_held_against_the_measures_that_answer_them(county):
    page = ask(county, "analysis:causes")
    lines = {one["cause"]: one for one in page.context["lines"]}
    skills = lines["07"]
    assert (skills["households"], skills["matched"], skills["unmatched"]) == (2, 1, 1)
    coop = next(cell for cell in skills["cells"] if cell["answers"] and cell["has"] == 1 and cell["known"] == 2)
    assert coop["share"] == 0.5
    assert lines[""]["households"] == 7
    follow(county, page, at_least=4)
    opened = 0
    for line in page.context["lines"]:
        cells = [(cell["rows"], cell["has"]) for cell in line["cells"]]
        for address, number in (*cells, (line["poor_rows"], line["poor"]), (line["unmatched_rows"], line["unmatched"])):
            if address:
                assert county.get(address).context["number"] == number, address
                opened += 1
    assert opened > 10


def test_one_causes_households_with_and_without_a_measure(county):
    page = ask(county, "analysis:causes", cause="07")
    sides = {one["key"]: one for one in page.context["sides"]}
    assert (sides["coop"]["with"]["income"], sides["coop"]["without"]["income"]) == (9000, 12000)
    follow(county, page, at_least=8)


# --- risk -----------------------------------------------------------------------------------------------------------------


def test_without_a_model_the_rules_score_with_reasons(county):
    page = ask(county, "analysis:risk")
    assert not page.context["scored"].logistic and page.context["total"] == 5  # exited, with an income
    first = page.context["top"][0]
    assert first.score == 30 + 10 + 5  # below the line, dangerous house, water
    assert [round(value) for _text, _mask, value in first.reasons] == [30, 10, 5]
    opened = follow(county, page, at_least=4)
    assert any("item=" in address for address, _number in opened)


def test_points_are_dated_values(county):
    with scope.system("test"):
        ConfigValue.objects.filter(key="risk.points.house").update(value=60)
    assert ask(county, "analysis:risk").context["top"][0].score == 95


def test_the_auditor_learns_nothing_of_health_from_reasons(client, make_user, register):
    with scope.system("test"):
        MemberYear.objects.filter(household=register[0]).update(health=["03"])
    for role, told in (("auditor", False), ("county_office", True)):
        client.force_login(make_user(role, COUNTY))
        page = ask(client, "analysis:risk")
        first = page.context["top"][0]
        assert first.hidden is not told and any("病" in str(text) for text, _mask, _value in first.reasons) is told
        number = ask(client, "analysis:households", set="risk", item="ill", year=2020).context["number"]
        assert number == (1 if told else 0)


def test_a_larger_area_leads_to_its_counties(client, make_user, register):
    client.force_login(make_user("city_office", "4599"))
    page = ask(client, "analysis:risk")
    assert len(page.context["counties"]) == 2 and "scored" not in page.context


def history(number=600):
    """Write two years of households: who was near the line in the first fell below it in the second, mostly."""
    made = [
        Household(
            village_id=V1,
            household_no=f"H{at:05d}",
            status="12",
            exit_year=2017,
            household_type="1",
            stamp="2020-12-31/1",
        )
        for at in range(number)
    ]
    with scope.system("test"):
        Household.objects.bulk_create(made)
        years, people = [], []
        for at, one in enumerate(made):
            near = at % 2 == 0
            fell = (at % 10 < 6) if near else (at % 10 == 1)
            before, after = (
                (4000 + at % 7 * 50, 3000 if fell else 6000) if near else (9000 + at, 3500 if fell else 9500)
            )
            common = {"household_id": one.pk, "village_id": V1, "size": 3, "stamp": "2020-12-31/2", "gross_yuan": 20000}
            years.append(HouseholdYear(year=2019, net_pc_yuan=before, transfer_yuan=at % 13 * 500, **common))
            years.append(HouseholdYear(year=2020, net_pc_yuan=after, transfer_yuan=at % 11 * 500, **common))
            people.append(
                Member(household_id=one.pk, village_id=V1, person_no=f"P{at:05d}", name="韦小花", relation="01")
            )
        HouseholdYear.objects.bulk_create(years)
        Member.objects.bulk_create(people)
        MemberYear.objects.bulk_create(
            MemberYear(
                member_id=one.pk,
                household_id=one.household_id,
                village_id=V1,
                year=year,
                labour="01",
                health=["01"],
                work_months=at % 12,
                med_resident=True,
            )  # fmt: skip
            for at, one in enumerate(people)
            for year in (2019, 2020)
        )


def test_a_model_is_trained_on_the_countys_own_history(client, make_user, regions):
    cache.clear()
    history()
    user = make_user("county_office", COUNTY)
    made = risks.train(COUNTY, user)
    assert (made.kind, made.years, made.rows, made.events) == ("logistic", [2019], 600, 240)
    client.force_login(user)
    page = ask(client, "analysis:risk", year=2019)
    scored = page.context["scored"]
    assert scored.logistic and 0.6 < scored.fitted.auc <= 1
    margin = next(at for at, key in enumerate(scored.fitted.features) if key == "f_margin")
    assert scored.fitted.coefficients[margin] < -0.5
    assert page.context["curve"] and page.context["coefficients"][0]["title"] == risks.OF_FEATURE["f_margin"].title
    assert page.context["top"][0].reasons and page.context["top"][0].score > 40
    follow(client, page, at_least=3)
    assert len(openpyxl.load_workbook(io.BytesIO(ask(client, "analysis:risk", format="xlsx").content)).sheetnames) == 4


def test_too_short_a_history_is_kept_as_such(client, make_user, register):
    user = make_user("county_office", COUNTY)
    made = risks.train(COUNTY, user)
    assert (made.kind, made.rows, made.events) == ("rules", 0, 0) and made.needed == 110
    client.force_login(user)
    page = ask(client, "analysis:risk")
    assert not page.context["scored"].logistic and page.context["scored"].model == made


def test_an_office_asks_for_its_countys_model(county, client, make_user):
    url = reverse("analysis:train")
    assert county.post(url, {"region": COUNTY}).status_code == 302
    for region in ("459902", "4599", "", "x" * 6):
        assert county.post(url, {"region": region}).status_code == 404
    client.force_login(make_user("town_office", TOWN))
    assert client.post(url, {"region": COUNTY}).status_code == 404  # a town has no model of its own
    client.force_login(make_user("leader", COUNTY))
    assert client.post(url, {"region": COUNTY}).status_code == 403


def test_models_are_trained_by_jobs_and_once_a_month(county, make_user):
    office = make_user("county_office", COUNTY)
    job = engine.run_now(tasks.ask(Region.objects.get(pk=COUNTY), office))
    assert (job.state, job.result["rows"]) == ("done", 0) and job.link.endswith(f"?region={COUNTY}")
    asked = Job.objects.get(pk=tasks.monthly()["job"])
    # The county asked has one of this month; the next one, which has a household, gets its own.
    assert engine.run_now(asked).result == {"trained": 1}
    with scope.system("test"):
        assert sorted(RiskModel.objects.values_list("region_id", flat=True)) == [COUNTY, "459902"]


def test_a_kept_model_is_never_changed_or_deleted(county, make_user):
    with scope.acting(make_user("county_office", COUNTY)):
        risks.train(COUNTY, make_user("county_office", COUNTY))
    for write in (lambda rows: rows.update(kind="logistic"), lambda rows: rows.delete()):
        with pytest.raises(ProgrammingError, match="permission denied"), scope.system("test"), transaction.atomic():
            write(RiskModel.objects.in_scope())


def test_a_model_of_another_county_is_not_shown(client, make_user, register):
    user = make_user("county_office", "459902")
    risks.train(COUNTY, user)
    client.force_login(user)
    assert ask(client, "analysis:risk").context["scored"].model is None
    with scope.acting(user):
        assert not RiskModel.objects.in_scope().exists()


def test_pages_ask_few_questions(county, django_assert_max_num_queries):
    for name, most in (("poverty", 36), ("dimensions", 36), ("causes", 36), ("risk", 44), ("households", 44)):
        cache.clear()
        with django_assert_max_num_queries(most):
            assert ask(county, f"analysis:{name}").status_code == 200


def test_the_frame_holds_what_rules_see(register, make_user):
    with scope.acting(make_user("county_office", COUNTY)):
        rows = frames.frame("", 2020)
    assert rows.height == 7  # the area's households with data of the year, and nobody else's
    assert rows["persons"].sum() == 23
    assert rows["uninsured"].to_list().count(1) == 2
