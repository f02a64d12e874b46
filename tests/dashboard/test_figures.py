"""Figures: every number is what its list shows, for every indicator, level and role, however it has come about."""

import datetime as dt
import json
from decimal import Decimal
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.gis.geos import Point
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from dashboard import figures, figuring
from dashboard.models import DirtyFigure, FigureMonth, RegionFigure
from households import listing
from households.forms import HouseholdFilterForm
from households.ledger.models import LedgerLine
from households.models import Household, Member
from poverty import scope
from poverty.declarations import indicators
from regions.models import VillageProfile
from tests.dashboard.conftest import FOREIGN_VILLAGE, NEXT_VILLAGE, THIRD_VILLAGE, TOWN, VILLAGE
from tests.households import factories as make
from validation.forms import FindingFilterForm
from validation.models import Finding

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = dt.date(2020, 12, 1)
# Published figures and a profile of other figures have no list of their own.
WITHOUT_LIST = {"K02", "K66"}


def line(of, month, category, amount):
    with scope.system("test"):
        LedgerLine.objects.create(
            household=of, village_id=of.village_id, month=month, category=category, amount_yuan=amount
        )


@pytest.fixture
def filled(mapped):
    """Households of all kinds in four villages: years, members, ledger, findings that reach far, and a move."""
    VillageProfile.objects.filter(village_id=VILLAGE).update(rural_population=100, broadband=True)
    VillageProfile.objects.update_or_create(village_id=FOREIGN_VILLAGE, defaults={"rural_population": 50})
    rows = [
        (VILLAGE, {"status": "04", "main_cause": "01", "position": Point(107.1, 23.1)}, {"net_pc_yuan": 3500}),
        (VILLAGE, {"status": "12", "exit_year": 2018, "main_cause": "02"}, {"net_pc_yuan": 4100, "house_grade": "A"}),
        (VILLAGE, {"status": "02", "household_type": "2", "main_cause": None}, {"net_pc_yuan": -20, "tv": True}),
        (NEXT_VILLAGE, {"status": "05", "exit_year": 2020}, {"net_pc_yuan": 9000, "water_safe": True, "house_m2": 20}),
        (NEXT_VILLAGE, {"status": None}, {}),
        (THIRD_VILLAGE, {"status": "04"}, {"house_dangerous": True, "road_type": "01", "power_home": False}),
        (THIRD_VILLAGE, {"status": "11"}, {"mon_type": "UNSTABLE", "wage_yuan": 8000, "water_hard": True}),
        (FOREIGN_VILLAGE, {"status": "12", "exit_year": 2019}, {"mon_type": "MARGINAL", "risk_removed": True}),
        (FOREIGN_VILLAGE, {"status": "04"}, {"net_pc_yuan": 3999, "road_type": "03", "power_home": True, "tv": True}),
    ]
    homes = []
    for place, (village, own, year) in enumerate(rows):
        home = make.household(village, **own)
        make.year(home, 2020, **year)
        if "net_pc_yuan" in year:
            make.year(home, 2019, net_pc_yuan=3000)
        worker = make.member(home, birth_on=dt.date(1985, 3, 4), sex="2", relation="02")
        make.member_year(
            worker, labour="01", work_area="0" + str(1 + place % 4) if place % 2 else None, work_months=place,
            med_resident=place % 3 > 0, critical_illness=True, health=["01"] if place % 2 else ["02", "04"],
            dis_type=None if place % 2 else "4", dis_level=None if place % 2 else "2", education="03",
        )  # fmt: skip
        child = make.member(home, birth_on=dt.date(2010, 5, 6), sex="1")
        make.member_year(
            child, student_status="03" if place % 3 else "01", dropout_reason=None if place % 3 else "03", labour="04"
        )
        for number in range(place % 4):
            line(home, dt.date(2020, 9 - number, 1), "101", 800)
            line(home, dt.date(2020, 9 - number, 1), "5", 100)
            line(home, dt.date(2020, 9 - number, 1), "501", 100)
        homes.append(home)
    make.finding(homes[0], "HH-03")
    make.finding(homes[0], "IN-01", severity="W")
    make.finding(homes[1], "ID-12", reach=TOWN)
    make.finding(homes[3], "ID-12", reach="4599", source="deaths", verdict="upheld")
    make.finding(homes[5], "XD-01", severity="I", source="vehicles")
    make.finding(
        homes[6], "XD-01", severity="I", source="vehicles", closed_at="2026-01-02T00:00Z", verdict="not_upheld"
    )
    with scope.system("test"):
        Household.objects.filter(pk=homes[4].pk).update(village=VILLAGE)
        Member.objects.filter(household=homes[4]).update(village=VILLAGE)
    figuring.refresh()
    return homes


def query_of(url: str) -> dict:
    return {name: found[0] for name, found in parse_qs(urlsplit(url).query).items()}


def behind(user, url: str) -> Decimal:
    """Return the number that the list behind an address shows."""
    asked = query_of(url)
    if urlsplit(url).path == reverse("validation:list"):
        form = FindingFilterForm(asked, user=user)
        assert form.is_valid(), form.errors
        return Decimal(form.filter(Finding.objects.visible_to(user)).count())
    if urlsplit(url).path == reverse("dashboard:figure_villages"):
        found = figures.by_village(user, asked["figure"], asked.get("part", ""), asked["region"], figures.latest())
        return sum(number for _village, number in found)
    form = HouseholdFilterForm(asked)
    assert form.is_valid(), (url, form.errors)
    found = listing.make(form, user)
    key, part = asked["figure"], asked.get("part", "")
    sum_ = figures.listed(key, part)
    if sum_.rows == "figure_house" and not sum_.value:
        assert found.households == found.number, url
    if sum_.value == "living":
        assert found.persons == found.number, url
    return found.number


def shown(user, code):
    """Yield (key, part, number, address) of all figures of a region."""
    for key, indicator in indicators.items():
        value = figures.values(user, key, [code]).get(code)
        if value is None:
            continue
        if key != "K59":  # its own number is no count; its parts are
            yield key, "", value.numerator, value.url
        for part, _label, number, url in figures.parts(user, key, code):
            if indicator.parts.profile is None or not indicator.parts.profile:
                yield key, part, number, url


ROLES = [
    ("province_office", "45", "45"),
    ("city_office", "4599", "459902"),
    ("county_office", "459901", "459901"),
    ("county_office", "459901", TOWN),
    ("county_office", "459901", VILLAGE),
    ("town_office", TOWN, TOWN),
    ("town_office", TOWN, VILLAGE),
    ("village_cadre", VILLAGE, VILLAGE),
    ("auditor", "459901", "459901"),
    ("leader", "459901", "459901"),
]


@pytest.mark.parametrize(("role", "area", "code"), ROLES)
def test_every_figure_is_the_number_of_the_list_behind_it(filled, make_user, role, area, code):
    user = make_user(role, area)
    with scope.acting(user):
        found = list(shown(user, code))
        linked = [row for row in found if row[3]]
        assert [(*row, behind(user, row[3])) for row in linked if behind(user, row[3]) != row[2]] == []
    assert {key for key, *_rest in found} - {key for key, *_rest in linked} <= WITHOUT_LIST
    assert len(linked) > 60
    # A leader sees figures only, an auditor not who is ill or where a house stands: these open the villages.
    pages = {key for key, _part, _number, url in linked if urlsplit(url).path == reverse("dashboard:figure_villages")}
    if role == "leader":
        assert pages == {key for key, *_rest in linked}
    else:
        assert pages == {"K26"} | ({"K08", "K13", "K14", "K17", "K18"} if role == "auditor" else set())


def test_every_indicator_has_a_number_somewhere(filled, make_user):
    user = make_user("province_office", "45")
    with scope.acting(user):
        empty = [
            key
            for key, indicator in indicators.items()
            if indicator.series is None and not figures.values(user, key, ["45"])["45"].numerator
        ]
    # Nobody passes all nine items, and so no village does; nobody works in a place of none.
    assert set(empty) <= {"K22", "K23", "K26", "K66"}


def test_a_helper_has_the_figures_of_the_own_households(filled, make_user):
    user = make_user("helper", households=[filled[0], filled[6]])
    with scope.acting(user):
        found = list(shown(user, "459901"))
        linked = [row for row in found if row[3]]
        assert [(*row, behind(user, row[3])) for row in linked if behind(user, row[3]) != row[2]] == []
        assert figures.values(user, "K03", ["459901"])["459901"].numerator == 2
        assert figures.child_codes(user, "459901") == [TOWN, "459901101"]


def test_regions_add_up_to_those_above_them(filled, make_user):
    user = make_user("province_office", "45")
    with scope.acting(user):
        for key, indicator in indicators.items():
            if indicator.series is not None or key in ("K59", "K60", "K61"):
                continue
            for code in ("45", "4599", "459901", TOWN):
                whole = figures.values(user, key, [code])[code].numerator
                below = figures.children(user, key, code)
                assert sum(value.numerator for value in below.values()) == whole, (key, code)


def test_what_speaks_of_two_towns_is_counted_for_whom_it_is_shown(filled, make_user):
    seen = {}
    for role, area in (("village_cadre", VILLAGE), ("town_office", TOWN), ("city_office", "4599")):
        user = make_user(role, area)
        with scope.acting(user):
            seen[role] = figures.values(user, "K60", [VILLAGE])[VILLAGE].numerator
            parts = {part: number for part, _l, number, _u in figures.parts(user, "K60", VILLAGE)}
        assert parts.get("ID-12") == (None if role == "village_cadre" else 1)
    assert seen == {"village_cadre": 2, "town_office": 3, "city_office": 3}


def test_somebody_with_two_villages_of_one_town_has_the_sum_of_both(filled, make_user):
    user = make_user("village_cadre")
    for code in (VILLAGE, THIRD_VILLAGE):
        lo, hi = scope.code_range(code)
        user.scope.create(lo=lo, hi=hi)
    with scope.acting(user):
        value = figures.values(user, "K03", ["459901"])["459901"]
        assert value.numerator == behind(user, value.url) == 6
        assert set(figures.children(user, "K03", "459901")) == {TOWN, "459901101"}


def test_figures_of_other_areas_are_not_there(filled, make_user):
    user = make_user("county_office", "459901")
    with scope.acting(user):
        assert figures.values(user, "K03", ["459902", "45", FOREIGN_VILLAGE, "459901"]).keys() == {"45", "459901"}
        # Of what holds the own area only the part that is seen is told.
        assert figures.values(user, "K03", ["45"])["45"].numerator == 7
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM dashboard_regionfigure WHERE region LIKE '459902%' OR length < 6")
            assert cursor.fetchone() == (0,)


def test_the_list_behind_a_figure_is_refused_where_its_rows_would_tell_too_much(client, filled, make_user):
    client.force_login(make_user("auditor", "459901"))
    page = client.get(reverse("households:list"), {"figure": "K13", "part": "04"})
    assert page.context["households"] == 0
    page = client.get(reverse("households:list"), {"figure": "K27"})
    assert page.context["households"] == 4


def test_the_list_says_of_which_figure_it_is(client, filled, make_user, django_assert_max_num_queries):
    client.force_login(make_user("county_office", "459901"))
    with django_assert_max_num_queries(24):
        page = client.get(reverse("households:list"), {"figure": "K18", "part": "03", "region": "459901"})
    assert page.status_code == 200
    assert page.context["figure"]["number"] == 3
    assert "厌学" in page.content.decode()
    chip = next(chip for chip in page.context["chips"] if "K18" not in chip["url"] and "figure" not in chip["url"])
    assert chip["url"] == "?region=459901"
    narrower = client.get(reverse("households:list"), {"figure": "K18", "part": "03", "status": "04"})
    assert narrower.context["figure"]["number"] < 3 == page.context["figure"]["number"]


@pytest.mark.parametrize(
    "asked", [{"figure": "K99"}, {"figure": "K02"}, {"figure": "K60"}, {"figure": "K23", "part": "x10"}]
)
def test_a_figure_that_has_no_list_finds_nothing(client, filled, make_user, asked):
    client.force_login(make_user("county_office", "459901"))
    page = client.get(reverse("households:list"), asked)
    assert (page.status_code, page.context["households"]) == (200, 0)


@pytest.mark.parametrize("part", ["'; DROP TABLE x; --", "%s", "%", "{households}", "\\", "' OR true --"])
def test_a_part_that_is_no_part_finds_nothing(client, filled, make_user, part):
    client.force_login(make_user("county_office", "459901"))
    page = client.get(reverse("households:list"), {"figure": "K18", "part": part})
    assert (page.status_code, page.context["households"]) == (200, 0)


def test_a_change_reaches_all_levels_and_nothing_else_is_worked_out(filled, make_user):
    with scope.system("test"):
        before = dict(RegionFigure.objects.values_list("region_id", "made_at"))
        Household.objects.filter(pk=filled[0].pk).update(status="12", exit_year=2020)
    assert figuring.refresh() == {"villages": 1, "regions": 5}
    user = make_user("province_office", "45")
    with scope.acting(user):
        for code in (VILLAGE, TOWN, "459901", "4599", "45"):
            parts = {part: number for part, _label, number, _url in figures.parts(user, "K03", code)}
            value = figures.values(user, "K03", [code])[code]
            assert parts["12"] == behind(user, value.url + "&part=12")
            assert value.made_at > before[code]
    with scope.system("test"):
        after = dict(RegionFigure.objects.values_list("region_id", "made_at"))
    assert {code for code in after if after[code] != before[code]} == {VILLAGE, TOWN, "459901", "4599", "45"}
    assert figuring.refresh() == {"villages": 0, "regions": 0}


@pytest.mark.parametrize(
    "change",
    [
        lambda homes: make.member_year(make.head_of(homes[5]), 2020, labour="01"),
        lambda homes: make.finding(homes[5], "HH-04"),
        lambda homes: line(homes[5], dt.date(2020, 9, 1), "102", 5),
        lambda homes: VillageProfile.objects.create(village_id=THIRD_VILLAGE, rural_population=9),
        lambda homes: make.year(homes[5], 2018, tv=True),
    ],
)
def test_whatever_figures_read_marks_its_village(filled, change):
    change(filled)
    assert figuring.refresh()["villages"] == 1


def test_findings_that_are_seen_again_mark_nothing(filled):
    with scope.system("test"):
        Finding.objects.update(last_seen_at="2026-02-01T00:00Z")
        assert not DirtyFigure.objects.exists()
        Finding.objects.filter(rule="HH-03").update(closed_at="2026-02-01T00:00Z")
        assert list(DirtyFigure.objects.values_list("village", flat=True)) == [VILLAGE]


def test_a_village_that_is_left_empty_keeps_no_figures(filled):
    with scope.system("test"):
        for model in (Household, Member):
            model.objects.filter(village=THIRD_VILLAGE).update(withdrawn_at="2026-01-01T00:00Z")
        Finding.objects.filter(village=THIRD_VILLAGE).update(village=VILLAGE, reach=VILLAGE, household_id=None)
        LedgerLine.objects.filter(village=THIRD_VILLAGE).update(superseded=1, withdrawn_at="2026-01-01T00:00Z")
    figuring.refresh()
    with scope.system("test"):
        assert not RegionFigure.objects.filter(scope.under("region_id", "459901101")).exists()
        assert RegionFigure.objects.get(region="459901").sums["H"] == 5


def test_a_newer_month_of_the_ledger_moves_the_year_of_everybody(filled, make_user):
    line(filled[0], dt.date(2020, 10, 1), "101", 5)
    assert figuring.refresh()["regions"] > 5
    assert FigureMonth.objects.get().ledger_to == dt.date(2020, 10, 1)


def test_a_month_that_has_ended_stands_as_it_was(filled, make_user, monkeypatch):
    user = make_user("county_office", "459901")
    ended = figures.latest()
    following = (ended.replace(day=28) + dt.timedelta(days=5)).replace(day=1)
    monkeypatch.setattr(figuring, "this_month", lambda: following)
    assert figuring.refresh()["regions"] > 5
    make.household(VILLAGE, status="04")
    figuring.refresh()
    assert figures.months() == [following, ended]
    with scope.acting(user):
        found = figures.series(user, "K03", "459901")
        assert [(month, value.numerator) for month, value in found] == [(ended, 7), (following, 8)]
        assert [query_of(value.url).get("month") for _month, value in found] == [f"{ended:%Y-%m}", None]
        past = figures.by_village(user, "K03", "", "459901", ended)
        assert sum(number for _village, number in past) == 7
        assert figures.children(user, "K03", "459901", ended)[TOWN].numerator == 5


def test_an_earlier_month_is_worked_out_as_the_register_tells_of_it(filled, make_user):
    said = StringIO()
    call_command("figures", month="2017-12", json=True, stdout=said)
    done = json.loads(said.getvalue())
    assert done["month"] == "2017-12" and done["regions"] > 5 and done["made_at"]
    user = make_user("county_office", "459901")
    with scope.acting(user):
        parts = {part: number for part, _l, number, _u in figures.parts(user, "K03", "459901", dt.date(2017, 12, 1))}
        assert parts["04"] == 4  # who exited in 2018 or 2020 had not exited then
        assert figures.values(user, "K59", ["459901"], dt.date(2017, 12, 1))["459901"].value is None
        assert figures.latest() == figuring.this_month()


def test_the_command_works_out_a_region_and_what_is_above_it(filled):
    said = StringIO()
    call_command("figures", region=TOWN, json=True, stdout=said)
    assert json.loads(said.getvalue())["regions"] == 6  # two villages, their town, county, city, province
    for wrong in ({"region": "4500"}, {"month": "2020"}, {"month": "2999-01"}, {"all": True, "region": TOWN}):
        with pytest.raises(CommandError):
            call_command("figures", **wrong)


def test_working_out_everything_gives_what_villages_one_by_one_gave(filled):
    with scope.system("test"):
        piecemeal = dict(RegionFigure.objects.values_list("region_id", "sums"))
    for home in filled:
        figuring.work_out(figures.latest(), [home.village_id])
    call_command("figures", all=True, stdout=StringIO())
    with scope.system("test"):
        assert dict(RegionFigure.objects.values_list("region_id", "sums")) == piecemeal


def test_an_empty_register_has_no_figures(regions, make_user):
    assert figuring.refresh() == {"villages": 0, "regions": 0}
    user = make_user("county_office", "459901")
    with scope.acting(user):
        assert figures.values(user, "K03", ["459901"]) == {}
        assert figures.parts(user, "K03", "459901") == []
        assert figures.child_codes(user, "459901") == []


def test_the_national_series_stands_on_its_own_years(regions, make_user):
    user = make_user("leader", "459901")
    with scope.acting(user):
        found = figures.series(user, "K02", "459901")
    assert found[0][0].year == 1978 and found[0][1].value == Decimal("97.5")
    rates = {month.year: (value.value, value.numerator) for month, value in found}
    assert rates[2016] == (Decimal("4.4"), 4335) and rates[2016][1] - rates[2015][1] == -1240


def test_flows_go_from_villages_to_places_of_work_and_from_old_villages_to_new_ones(filled, make_user):
    user = make_user("county_office", "459901")
    with scope.acting(user):
        work = figures.flows(user, "K35", "459901")
        assert {start for start, *_rest in work} <= {TOWN, "459901101"} and all(row[1] for row in work)
        moved = figures.flows(user, "K37", TOWN)
        assert [(start, end, number) for start, end, number, _url in moved] == [(NEXT_VILLAGE, VILLAGE, 1)]
        assert behind(user, moved[0][3]) == 1


def test_the_median_is_that_of_the_bins(filled, make_user):
    user = make_user("county_office", "459901")
    with scope.acting(user):
        found = figures.bins(user, "K28", "459901")
        assert sum(number for _lo, _hi, number in found) == 4
        assert Decimal(3500) <= figures.median(user, "K28", "459901") <= Decimal(4500)


def test_a_leader_opens_the_villages_behind_a_figure(client, filled, make_user):
    client.force_login(make_user("leader", "459901"))
    page = client.get(reverse("dashboard:figure_villages"), {"figure": "K18", "part": "03", "region": "459901"})
    assert page.status_code == 200
    assert [row["number"] for row in page.context["rows"]] == [1, 1, 1] and page.context["total"] == 3
    villages = client.get(reverse("dashboard:figure_villages"), {"figure": "K26", "part": "broadband"})
    assert "1 村" in villages.content.decode()
    assert "岑" not in page.content.decode() and "/households/?" not in page.content.decode()
    for asked in (
        {"figure": "K99"},
        {"figure": "K02"},
        {"figure": "K03", "region": "459902"},
        {"figure": "K03", "region": "x"},
        {"figure": "K03", "month": "2020-13"},
        {"figure": "K03", "month": "1999-01"},
        {"figure": "K23", "part": "x10"},
    ):
        assert client.get(reverse("dashboard:figure_villages"), asked).status_code == 404, asked


def test_the_list_says_why_each_household_fails_the_exit_test(client, filled, make_user, django_assert_max_num_queries):
    client.force_login(make_user("county_office", "459901"))
    with django_assert_max_num_queries(24):
        page = client.get(reverse("households:list"), {"figure": "K25", "part": "x6.earth"})
    (row,) = page.context["rows"]
    assert row["number"] == filled[5].household_no
    assert {"泥土路", "未通电", "危房（C、D级）"} <= set(row["reasons"])
    assert "泥土路" in page.content.decode()
    below = client.get(reverse("households:list"), {"figure": "K25", "part": "x9.line"})
    assert any("收入低于当年标准线 (3500.00)" in row["reasons"] for row in below.context["rows"])


def test_what_the_exit_test_asks_for_is_set_by_the_county_and_changes_its_figures(client, filled, make_user):
    office = make_user("county_office", "459901")

    def failing() -> dict[str, Decimal]:
        with scope.acting(office):
            return {part: number for part, _label, number, _url in figures.parts(office, "K25", "459901")}

    assert failing()["x2.floor"] == 1  # a family on 20 m²
    client.force_login(office)
    page = client.post(
        reverse("regions:setting", args=["exit.floor_m2"]),
        {"value": "4.5", "valid_from": timezone.localdate().replace(day=1).isoformat(), "note": "县里的标准"},
    )
    assert page.status_code == 302
    figuring.refresh()
    assert failing()["x2.floor"] == 0
    listed = client.get(reverse("households:list"), {"figure": "K25", "part": "x2.floor"})
    assert listed.context["households"] == 0


def test_a_flood_of_changes_is_worked_out_once_a_minute(filled, monkeypatch):
    monkeypatch.setattr(figuring, "MANY", 0)
    make.household(VILLAGE)
    assert figuring.refresh() == {"villages": 0, "regions": 0}
    FigureMonth.objects.update(made_at="2026-01-01T00:00Z")
    assert figuring.refresh()["villages"] == 1
