"""What may be published: sums are kept, nothing is of few households, nothing can be made out by subtraction."""

import datetime as dt
import io
import itertools
import json
import re
from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from dashboard import battle as battles
from dashboard import figures, figuring, public
from dashboard.models import FigureMonth, RegionFigure
from poverty import scope
from poverty.declarations import indicators, sums
from regions.models import Region
from tests.dashboard.conftest import NEXT_VILLAGE, OTHER_TOWN, TOWN, VILLAGE

COUNTY = "459901"
FLOOR = 3


# --- putting together: properties -------------------------------------------------------------------------------------

numbers = st.integers(0, 9) | st.integers(0, 400)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=14)
)


def total(rows):
    return [sum(column) for column in zip(*rows, strict=True)]


@given(tables, st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_every_row_is_in_one_group_and_the_sums_are_kept(rows, floor):
    groups = public.merge(rows, [floor] * len(rows[0]))
    assert sorted(itertools.chain(*groups)) == list(range(len(rows)))
    assert total([total([rows[at] for at in group]) for group in groups]) == total(rows)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)


@given(tables, st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_no_group_is_small_unless_the_whole_is(rows, floor):
    groups = public.merge(rows, [floor] * len(rows[0]))
    if any(0 < number < floor for number in total(rows)):
        return  # the whole is too small: nothing of it is published
    for group in groups:
        assert all(number == 0 or number >= floor for number in total([rows[at] for at in group]))


@given(tables, st.integers(1, 20))
@settings(max_examples=200, deadline=None)
def test_the_whole_less_any_published_groups_is_never_small(rows, floor):
    """Whoever takes some published cells from the total is left with other published cells."""
    if any(0 < number < floor for number in total(rows)):
        return
    groups = public.merge(rows, [floor] * len(rows[0]))[:8]
    cells = [total([rows[at] for at in group]) for group in groups]
    for size in range(len(cells)):
        for taken in itertools.combinations(cells, size):
            left = [sum(column) - sum(row[n] for row in taken) for n, column in enumerate(zip(*cells, strict=True))]
            assert all(number == 0 or number >= floor for number in left)


@given(tables)
@settings(max_examples=100, deadline=None)
def test_what_is_enough_stands_alone(rows):
    least = [FLOOR] * len(rows[0])
    if all(public.enough(row, least) for row in rows):
        assert public.merge(rows, least) == [[at] for at in range(len(rows))]


# --- a published tree of random sums -------------------------------------------------------------------------------------

TOWNS = [f"459901{n}" for n in (100, 101, 102)]
VILLAGES = {town: [f"{town}{n}" for n in (201, 202, 203, 204)] for town in TOWNS}
KEYS = ("K03", "K04", "K09", "K23", "K19", "K27", "K12")
STATUS = ("04", "05", "03", "02")


def sums_of(draw):
    """Return random sums of a village that fit together."""
    by_status = {f"H.status.{one}": draw(st.integers(0, 5)) for one in STATUS}
    homes = sum(by_status.values())
    persons = {"P": homes * 3, "P.exited": 3 * (by_status["H.status.05"] + by_status["H.status.03"])}
    causes = {"H.cause.01": draw(st.integers(0, homes))}
    causes["H.cause.07"] = homes - causes["H.cause.01"]
    insured = draw(st.integers(0, persons["P"]))
    found = {
        "H": homes, "H.status": homes, "H.cause": homes, "H.size.3": homes, **by_status, **persons, **causes,
        "insured": insured, "insured.known": persons["P"], "exit8.all": draw(st.integers(0, homes)),
        "exit8.x1": draw(st.integers(0, homes)), "income.net": persons["P"] * 5000, "income.persons": persons["P"],
    }  # fmt: skip
    found["person.age"] = persons["P"]
    found["person.age.1.03"] = draw(st.integers(0, persons["P"]))
    found["person.age.2.03"] = persons["P"] - found["person.age.1.03"]
    return {name: Decimal(number) for name, number in found.items() if number}


class Kept(public.Reader):
    """Reads a made-up tree instead of the database."""

    def __init__(self, tree):
        self.tree = tree
        self.user, self.root, self.month, self.floor = None, COUNTY, dt.date(2020, 12, 1), FLOOR
        self._rows, self._below, self._groups = {}, {}, {}
        self._columns, self._checks, self._published = {}, {}, {}
        self.largest = 3

    def _row(self, code):
        return added([self.tree[one] for one in code.split(public.JOIN)])

    def _made_at(self, code):
        return dt.datetime(2020, 12, 1, tzinfo=dt.UTC)

    def _children(self, code):
        return TOWNS if code == COUNTY else VILLAGES.get(code, [])


def added(rows):
    found = {}
    for row in rows:
        for name, number in row.items():
            found[name] = found.get(name, Decimal(0)) + number
    return found


@st.composite
def trees(draw):
    tree = {village: sums_of(draw) for villages in VILLAGES.values() for village in villages}
    tree |= {town: added([tree[village] for village in VILLAGES[town]]) for town in TOWNS}
    return tree | {COUNTY: added([tree[town] for town in TOWNS])}


def counted(reader, key, code):
    """Return {what: (number, from when on it is enough)} that the page of a region or group tells of households."""
    found = {}
    for check in reader.checks(key):
        found[check.name, check.less] = (check.of(reader._row(code)), check.least)
    part_sum = sums.get(getattr(indicators[key].parts, "of", ""))
    if part_sum is not None and not indicators[key].parts.items:
        least = public.least_of(part_sum, FLOOR, reader.largest, part=True)
        for part, _label, number, _url in reader.parts(None, key, code):
            found[part, ""] = (number, least)
    return found


@given(trees(), st.sampled_from(KEYS))
@settings(max_examples=120, deadline=None)
def test_no_published_cell_is_small_and_none_can_be_recovered_through_the_levels(tree, key):
    reader = Kept(tree)
    published = [COUNTY] if reader.published(key, COUNTY) else []
    for code in [COUNTY, *TOWNS]:
        groups = [public.JOIN.join(group) for group in reader.groups(key, code)]
        published += groups
        if not groups:
            continue
        assert sorted(public.JOIN.join(groups).split(public.JOIN)) == reader._children(code)
        whole = counted(reader, key, code)
        for size in range(len(groups)):
            for taken in itertools.combinations(groups, size):
                for what, (number, least) in whole.items():
                    some = [counted(reader, key, one).get(what, (Decimal(0), least))[0] for one in taken]
                    assert not 0 < number - sum(some) < least
    for code in published:
        for number, least in counted(reader, key, code).values():
            assert not 0 < number < least
        shown = reader.values(None, key, [code])[code]
        assert shown.numerator == reader._row(code).get(indicators[key].numerator, 0) and shown.url == ""
    # What stands only with others has no page with its number, and nothing below it has.
    for town in TOWNS:
        if town not in published:
            assert not reader.values(None, key, [town]) and not reader.groups(key, town)


@given(trees())
@settings(max_examples=60, deadline=None)
def test_parts_of_the_groups_add_up_to_those_of_the_whole(tree):
    reader = Kept(tree)
    for key in ("K03", "K09"):
        if reader.published(key, COUNTY):
            whole = {part: number for part, _label, number, _url in reader.parts(None, key, COUNTY)}
            groups = [public.JOIN.join(group) for group in reader.groups(key, COUNTY)]
            found = added([{p: n for p, _l, n, _u in reader.parts(None, key, one)} for one in groups])
            assert found == whole and sum(whole.values()) == tree[COUNTY].get("H", 0)


def test_an_amount_that_nobody_counts_the_households_of_is_not_published():
    every = {key: one for key, one in indicators.items() if one.series is None and one.numerator}
    reader = Kept({COUNTY: {}})
    for key, one in every.items():
        for name in figures._names(one):
            declared = sums[figures._declared_of(name)]
            if public.of_households(declared) and not public._counts(declared) and public.twin(declared) is None:
                assert reader.checks(key) is None
    assert [key for key in every if reader.checks(key) is None] == []


def test_an_amount_of_a_month_in_which_nobody_counted_its_households_is_not_published():
    row = {"H": 40, "P": 90, "H.size.3": 30, "income.gain": 900, "income.before": 9000}
    reader = Kept({COUNTY: {name: Decimal(number) for name, number in row.items()}})
    assert not reader.published("K31", COUNTY)
    reader = Kept({COUNTY: {name: Decimal(number) for name, number in {**row, "income.both": 40}.items()}})
    assert reader.published("K31", COUNTY)


# --- the pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def figured(register):
    month = figuring.this_month()
    figuring.work_out(month)
    assert FigureMonth.objects.count() == 1
    return month


@pytest.fixture
def county(client, figured, make_user):
    client.force_login(make_user("county_office", COUNTY))
    return client


def show(client, **params):
    response = client.get(reverse("dashboard:map"), {"public": "1", **params})
    assert response.status_code == 200
    return response


def set_sums(month, **by_region):
    """Give regions of a month sums of their own."""
    with scope.system("test"):
        for code, kept in by_region.items():
            code = code.removeprefix("r")
            RegionFigure.objects.filter(month=month, region=code).delete()
            RegionFigure.objects.create(month=month, region_id=code, length=len(code), sums=kept)


@pytest.mark.django_db(transaction=True)
def test_a_small_town_stands_with_its_neighbour_and_by_no_other_way(county, figured):
    kept = lambda n: {"H": n, "H.status": n, "H.status.04": n, "H.size.3": n}  # noqa: E731
    set_sums(figured, **{f"r{COUNTY}": kept(9), f"r{TOWN}": kept(7), f"r{OTHER_TOWN}": kept(2)})
    found = show(county, k="K03").context["battle"]
    names = "、".join(Region.objects.filter(pk__in=[TOWN, OTHER_TOWN]).order_by("pk").values_list("name", flat=True))
    shown = [child for child in found.children if child.text != "—" and child.text != "0"]
    assert [(child.name, child.text, child.drill, child.url) for child in shown] == [(names, "9", "", "")]
    drawn = {one["code"]: one for one in found.data["maps"][0]["children"]}
    assert drawn[TOWN]["name"] == drawn[OTHER_TOWN]["name"] == names
    assert drawn[TOWN]["size"] + drawn[OTHER_TOWN]["size"] == 9
    alone = show(county, k="K03", area=TOWN).context["battle"]
    assert alone.now.text == "—" and alone.children == [] and names in "".join(alone.notes)
    assert county.get(reverse("dashboard:map"), {"k": "K03", "area": TOWN}).context["battle"].now.text == "7"


@pytest.mark.django_db(transaction=True)
def test_nothing_on_the_public_page_leads_to_a_list_or_a_household(county):
    lists = [reverse(name) for name in ("households:list", "dashboard:figure_villages", "validation:list")]
    for key in sorted(indicators):
        page = show(county, k=key, area=TOWN).content.decode()
        charts = county.get(reverse("dashboard:charts"), {"k": key, "public": "1", "area": TOWN}).content.decode()
        for text in (page.partition('id="battle"')[2], charts.partition('class="battle-charts"')[2]):
            assert text and not [address for address in lists if f'href="{address}?' in text]
            assert "positions/" not in text
        data = json.loads(re.search(r'<script id="battle-data"[^>]*>(.*?)</script>', page)[1])
        assert all(one["positions"] == "" for one in data["maps"]) and "flows" not in data


@pytest.mark.django_db(transaction=True)
def test_the_workbook_of_a_chart_says_no_more_than_the_page(county, figured):
    parts = {"H.cause.01": 8, "H.cause.07": 1, "H.cause.03": 4}
    set_sums(figured, **{f"r{COUNTY}": {"H": 13, "H.cause": 13, "H.size.3": 13, **parts}})
    state = {"k": "K09", "public": "1"}
    answer = county.get(reverse("dashboard:chart_sheet"), {**state, "kind": "bar"})
    rows = list(load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True))
    found = {row[0]: row[1] for row in rows[3:-1]}
    assert sorted(found.values()) == [5, 8] and sum(found.values()) == 13
    assert any("、" in label for label in found)
    page = county.get(reverse("dashboard:charts"), state).content.decode()
    assert "public=1" in page, "the address of the workbook keeps the variant"


@pytest.mark.django_db(transaction=True)
def test_the_address_keeps_the_variant_and_it_tells_no_changes(county):
    response = show(county, k="K03", cm="2020-01", cr=OTHER_TOWN, area=TOWN)
    found = response.context["battle"]
    assert found.state.public == "1" and "public=1" in found.state.query() and found.comparison is None
    assert {layer["key"] for layer in found.layers} <= {"rate", "count"}
    assert found.now.change == "" and all("public=1" in child.drill for child in found.children if child.drill)
    assert 'name="public" value="1"' in response.content.decode()
    assert battles.State.of({"public": "yes"}).public == ""


@pytest.mark.django_db(transaction=True)
def test_a_town_cannot_make_it_because_it_does_not_know_its_neighbours(client, figured, make_user):
    client.force_login(make_user("town_office", TOWN))
    assert client.get(reverse("dashboard:map"), {"public": "1"}).status_code == 404
    for name in ("charts", "chart_sheet"):
        assert client.get(reverse(f"dashboard:{name}"), {"public": "1"}).status_code == 404
    assert client.get(reverse("dashboard:map")).context["battle"].public_url == ""


@pytest.mark.django_db(transaction=True)
def test_places_of_households_are_not_told_in_the_public_variant(county):
    for code in (COUNTY, VILLAGE, NEXT_VILLAGE):
        answer = county.get(reverse("dashboard:positions", args=[code]), {"public": "1"}).json()
        assert answer["kind"] == "cells" and answer["cells"] == []
