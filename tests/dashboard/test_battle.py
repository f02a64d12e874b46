"""The battle map: what each reader sees, numbers that open their lists, a state that is all in the address."""

import datetime as dt
import io
import json

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from dashboard import battle as battles
from dashboard import charts, figures, figuring
from dashboard.models import FigureMonth, RegionFigure
from households.models import Household
from poverty import scope
from poverty.declarations import Indicator, indicators
from tests.dashboard.conftest import NEXT_VILLAGE, OTHER_TOWN, TOWN, VILLAGE

pytestmark = pytest.mark.django_db(transaction=True)
COUNTY = "459901"


@pytest.fixture
def figured(register):
    """The small register with its figures of this month, and of the month before with one number less."""
    month = figuring.this_month()
    before = (month - dt.timedelta(days=1)).replace(day=1)
    figuring.work_out(before)
    figuring.work_out(month)
    with scope.system("an earlier month"):
        for one in RegionFigure.objects.filter(month=before):
            one.sums = {**one.sums, "H.status": max(0, one.sums.get("H.status", 0) - 1)}
            one.save()
    assert FigureMonth.objects.count() == 2
    return before, month


@pytest.fixture
def county(client, figured, make_user):
    client.force_login(make_user("county_office", COUNTY))
    return client


def open_map(client, **params):
    return client.get(reverse("dashboard:map"), params)


def battle(client, **params):
    response = open_map(client, **params)
    assert response.status_code == 200
    return response.context["battle"]


def test_it_shows_the_area_with_the_regions_below_and_their_numbers(county):
    found = battle(county, k="K03")
    assert found.now.text == "7"
    assert {child.code: child.text for child in found.children if child.text != "—"} == {TOWN: "5", OTHER_TOWN: "2"}
    assert [layer["key"] for layer in found.layers][0] == "count"
    data = found.data["maps"][0]
    assert {child["code"]: child["size"] for child in data["children"]}[TOWN] == 5
    assert data["address"].startswith(reverse("dashboard:boundaries", args=[COUNTY]))


def test_a_count_is_never_drawn_as_colours(county):
    assert battle(county, k="K03", layer="rate").data["fills"] is False
    assert battle(county, k="K04", layer="rate").data["fills"] is True


def test_every_number_opens_a_list_of_the_same_count(county):
    for params in ({"k": "K03"}, {"k": "K03", "area": TOWN}, {"k": "K03", "area": VILLAGE}):
        found = battle(county, **params)
        assert str(county.get(found.now.url).context["households"]) == found.now.text
        for child in found.children:
            if child.url and child.top != "0":
                assert str(county.get(child.url).context["households"]) == child.top


def test_the_address_holds_the_whole_view(county):
    params = {"k": "K04", "area": TOWN, "method": "natural", "n": "3", "palette": "orange", "layer": "count"}
    found = battle(county, **params)
    assert {key: str(getattr(found.state, key)) for key in params} == params
    assert dict(item.split("=") for item in found.state.query().split("&")) == params
    assert battle(county, n="99", method="magic", layer="sky", k="K999", m="2020-13").state == battles.State()


def test_it_says_what_moved_since_last_month(county, figured):
    found = battle(county, k="K03")
    assert found.now.change == "▲1"
    assert found.since
    town = next(child for child in found.children if child.code == TOWN)
    assert town.change == "▲1"
    earlier = battle(county, k="K03", m=f"{figured[0]:%Y-%m}")
    assert earlier.now.text == "6"
    # The list follows the register of today: what has ended opens the villages that made the number then.
    assert earlier.now.url.startswith(reverse("dashboard:figure_villages")) and "month=" in earlier.now.url
    assert earlier.place == 0 and found.place == 1


def test_the_worst_come_first(county):
    found = battle(county, k="K04")  # more is better
    known = [child.now.value for child in found.children if child.now.value is not None]
    assert known == sorted(known)
    assert [line["code"] for line in found.panels[0]["lines"]] == [
        child.code for child in found.children if child.now.value is not None
    ]


def test_two_months_and_two_regions_stand_side_by_side(county, figured):
    found = battle(county, k="K03", cm=f"{figured[0]:%Y-%m}")
    assert [one["code"] for one in found.data["maps"]] == [COUNTY, COUNTY]
    line = next(line for line in found.comparison["lines"] if "k=K03&" in line["drill"] + "&")
    assert (line["first"], line["second"], line["change"]) == ("7", "6", "▲1")
    found = battle(county, k="K03", area=TOWN, cr=OTHER_TOWN)
    assert [one["code"] for one in found.data["maps"]] == [TOWN, OTHER_TOWN]
    assert battle(county, k="K03", area=TOWN, cr="459902100").comparison is None


def test_a_town_sees_its_own_area_only(client, figured, make_user):
    client.force_login(make_user("town_office", TOWN))
    found = battle(client, k="K03")
    assert found.code == TOWN and found.now.text == "5" and found.parent == ""
    assert {child.code for child in found.children} <= {VILLAGE, NEXT_VILLAGE, *[c.code for c in found.children]}
    assert all(child.code.startswith(TOWN) for child in found.children)
    for address in ("dashboard:map", "dashboard:charts", "dashboard:chart_sheet"):
        assert client.get(reverse(address), {"area": OTHER_TOWN}).status_code == 404
        assert client.get(reverse(address), {"area": COUNTY}).status_code == 404
    assert client.get(reverse("dashboard:positions", args=[OTHER_TOWN])).status_code == 404


def test_a_leader_sees_figures_and_no_way_to_households(client, figured, make_user):
    client.force_login(make_user("leader", COUNTY))
    response = open_map(client, k="K03", area=VILLAGE)
    assert response.context["battle"].now.text == "3"
    assert response.context["battle"].now.url.startswith(reverse("dashboard:figure_villages"))
    assert reverse("households:list") not in response.content.decode()
    found = client.get(reverse("dashboard:positions", args=[VILLAGE])).json()
    assert found["kind"] == "cells" and sum(cell[2] for cell in found["cells"]) == 2
    assert set(found) == {"kind", "size", "cells"}


def test_households_are_points_in_a_village_and_cells_above(county):
    found = county.get(reverse("dashboard:positions", args=[VILLAGE])).json()
    assert found["kind"] == "points" and len(found["points"]) == 2
    x, y, number, status, tone, address = found["points"][0]
    assert (x, y, number, tone) == (107.1, 23.1, "H0", "poor") and status
    assert county.get(address).status_code == 200
    above = county.get(reverse("dashboard:positions", args=[COUNTY])).json()
    assert above["kind"] == "cells" and sum(cell[2] for cell in above["cells"]) == 5


def test_cells_follow_the_register(county):
    address = reverse("dashboard:positions", args=[COUNTY])
    assert sum(cell[2] for cell in county.get(address).json()["cells"]) == 5
    with scope.system("move out"):
        Household.objects.filter(household_no="H0").update(position=None)
    assert sum(cell[2] for cell in county.get(address).json()["cells"]) == 4


def test_who_is_paired_with_households_is_led_to_them(client, figured, make_user):
    with scope.system("pair"):
        household = Household.objects.filter(village_id=VILLAGE).first()
    client.force_login(make_user("helper", None, households=[household]))
    response = client.get(reverse("dashboard:map"))
    assert response.status_code == 200 and "battle" not in response.context
    assert client.get(reverse("dashboard:charts")).status_code == 404


def test_each_chart_has_title_unit_source_date_table_and_workbook(county):
    for key in sorted(indicators):
        response = county.get(reverse("dashboard:charts"), {"k": key}, headers={"HX-Request": "true"})
        assert response.status_code == 200, key
        for chart in response.context["charts"]:
            assert chart.title and chart.source and chart.date and chart.area, key
            assert chart.kind in charts.MAKERS, (key, chart.kind)
            assert all(len(row.cells) == len(chart.columns) for row in chart.rows), chart.key
        assert response.context["charts"] or key in charts.TOGETHER.values()


def test_a_chart_is_exported_with_its_numbers(county):
    found = county.get(reverse("dashboard:charts"), {"k": "K03"}).context["charts"][0]
    answer = county.get(found.sheet)
    assert answer.status_code == 200
    rows = list(load_workbook(io.BytesIO(answer.content)).active.values)
    assert rows[0][0] == found.title
    assert list(rows[2]) == [found.row_title, *[column.title for column in found.columns]]
    assert [row[0] for row in rows[3:-1]] == [row.label for row in found.rows]
    assert rows[-1][0]


def test_numbers_in_charts_open_lists_of_the_same_count(county):
    response = county.get(reverse("dashboard:charts"), {"k": "K03"})
    asked = 0
    for chart in response.context["charts"]:
        for row in chart.rows:
            for cell in row.cells:
                if "figure=K03&" in cell.url or "figure=K09" in cell.url:
                    asked += 1
                    assert county.get(cell.url).context["households"] == cell.value, cell.url
    assert asked >= 4


def test_the_first_view_is_small(county):
    import gzip

    assert len(gzip.compress(open_map(county).content)) < 40_000


def test_a_swapped_part_holds_no_frame(county):
    response = county.get(reverse("dashboard:map"), headers={"HX-Request": "true"})
    text = response.content.decode()
    assert "<html" not in text and "<title>" in text and 'id="battle-data"' in text
    assert "style=" not in text and "onclick" not in text
    assert json.loads(text.split('id="battle-data" type="application/json">')[1].split("</script>")[0])["maps"]


def test_a_drill_asks_few_queries(county, django_assert_max_num_queries):
    with django_assert_max_num_queries(40):
        county.get(reverse("dashboard:map"), {"area": TOWN}, headers={"HX-Request": "true"})


def months(*values):
    return [(dt.date(2020, place, 1), value) for place, value in enumerate(values, 1)]


DOWN = Indicator("T1", "t", "%", "x", "y", good="down", thresholds=(3, 5))


@pytest.mark.parametrize(
    ("values", "month"),
    [
        ((9, 8, 7, 6), dt.date(2020, 7, 1)),
        ((9, 9, 9), None),
        ((7, 8, 9), None),
        ((9, 8), None),
        ((9.0, 8.99, 8.98), None),
    ],
)
def test_the_month_of_the_target_is_foretold_from_the_pace(values, month):
    assert charts.forecast(DOWN, months(*values)) == month


def test_a_figure_without_a_month_is_unknown_and_no_error(client, mapped, make_user):
    client.force_login(make_user("county_office", COUNTY))
    assert figures.months(COUNTY) == []
    assert battle(client).now.text == "—"
