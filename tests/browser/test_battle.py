"""The battle map in a browser: down to the list, along the months, from figure to figure, and back by the address."""

import re

import pytest

SHAPES = "#battle-map path.leaflet-interactive"
FILLS = """() => [...document.querySelectorAll("#battle-map path.leaflet-interactive")].map((one) => one.getAttribute("fill"))"""
WIDER = "() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - document.documentElement.clientWidth"
KINDS = {
    "K03": "stack",
    "K12": "pyramid",
    "K23": "radar",
    "K24": "funnel",
    "K25": "pareto",
    "K28": "hist",
    "K59": "gauge",
}


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def title(page) -> str:
    return page.locator(".battle-title").inner_text()


def test_it_drills_from_the_county_to_the_list_whose_count_is_the_number(open_as, county):
    page = open_as("xian")
    page.goto("/map/?k=K03")
    page.wait_for_selector(SHAPES)
    assert county.names[county.code] in title(page)
    page.click(f"[data-drill='{county.town}']")
    page.wait_for_url(f"**area={county.town}**")
    page.wait_for_selector(f".battle-title:has-text('{county.names[county.town]}')")
    page.wait_for_selector(SHAPES)
    page.click(f"[data-drill='{county.village}']")
    page.wait_for_selector(f".battle-title:has-text('{county.names[county.village]}')")
    shown = digits(page.locator(".battle-now strong").inner_text())
    assert shown == sum(one.village == county.village for one in county.households)
    page.click(".battle-now strong a")
    page.wait_for_url("**/households/**")
    assert page.locator("tr[data-href]").count() == shown
    page.go_back()
    page.wait_for_selector(f".battle-title:has-text('{county.names[county.village]}')")


def test_a_click_on_the_map_goes_down_and_escape_goes_up(open_as, county):
    page = open_as("xian")
    page.goto("/map/?k=K03")
    page.wait_for_selector(SHAPES)
    page.locator(SHAPES).first.dispatch_event("click")
    page.wait_for_url("**area=*")
    page.wait_for_function("() => document.querySelectorAll('.battle-head .crumbs li').length === 2")
    page.locator("main").focus()
    page.keyboard.press("Escape")
    page.wait_for_selector(f".battle-title:has-text('{county.names[county.code]}')")


def test_another_figure_keeps_the_place_and_changes_the_map_and_the_charts(open_as, county):
    page = open_as("lingdao")
    page.goto("/map/?k=K03")
    page.wait_for_selector(SHAPES)
    page.locator("details:not([open]) > summary", has_text="收入").click()
    page.click("[data-figure='K27']")
    page.wait_for_url("**k=K27**")
    page.wait_for_selector("#chart-K28-hist", state="attached")
    page.locator("#chart-K28-hist").scroll_into_view_if_needed()
    page.wait_for_selector("#chart-K28-hist[data-drawn]")
    assert len(set(page.evaluate(FILLS))) > 1
    page.reload()
    page.wait_for_selector("[data-figure='K27'][aria-current='true']")


def test_the_time_slider_changes_month_and_numbers_and_plays(open_as):
    page = open_as("xian")
    page.goto("/map/?k=K03")
    page.wait_for_selector(SHAPES)
    now = page.locator(".battle-age").inner_text()
    page.focus("#battle-slider")
    page.keyboard.press("Home")
    page.wait_for_function("(now) => document.querySelector('.battle-age').innerText !== now", arg=now)
    page.wait_for_url("**m=20*")
    first = page.locator("#battle-month option").last.get_attribute("value")
    assert f"m={first}" in page.url
    page.click("#battle-play")
    page.wait_for_function("(first) => !location.search.includes(`m=${first}`)", arg=first)
    page.click("#battle-play")
    assert page.locator("#battle-play").get_attribute("aria-pressed") == "false"


def test_the_legend_is_changed_and_the_address_opens_the_same_view(open_as):
    page = open_as("xian")
    page.goto("/map/?k=K04")
    page.wait_for_selector(SHAPES)
    before = set(page.evaluate(FILLS))
    page.click(".battle-options summary >> nth=0")
    page.select_option("#battle-palette", "orange")
    page.wait_for_url("**palette=orange**")
    page.wait_for_function(
        "(before) => ![...document.querySelectorAll('#battle-map path.leaflet-interactive')].some((one) => before.includes(one.getAttribute('fill')) && one.getAttribute('fill').startsWith('#'))",
        arg=list(before),
    )
    address, fills = page.url, page.evaluate(FILLS)
    again = open_as("xian")
    again.goto(address)
    again.wait_for_selector(SHAPES)
    assert sorted(again.evaluate(FILLS)) == sorted(fills)


def test_two_months_stand_side_by_side(open_as):
    page = open_as("xian")
    page.goto("/map/?k=K04")
    page.wait_for_selector(SHAPES)
    page.click(".battle-options summary >> nth=1")
    page.select_option("#battle-than-month", index=1)
    page.wait_for_selector("#battle-map-2 path.leaflet-interactive")
    assert page.locator(".battle-compare tbody tr").count() > 20


def test_the_search_goes_to_a_village(open_as, county):
    page = open_as("xian")
    page.goto("/map/")
    page.fill("#battle-find", county.names[county.village])
    page.wait_for_selector("#battle-found a")
    page.keyboard.press("Enter")
    page.wait_for_selector(f".battle-title:has-text('{county.names[county.village]}')")
    assert f"area={county.village}" in page.url


def test_households_are_points_in_a_village_that_open_their_file(open_as, county):
    page = open_as("xian")
    page.goto(f"/map/?area={county.village}")
    page.wait_for_selector("#battle-map[data-shown='points']")
    assert page.locator(SHAPES).count() >= 1
    leader = open_as("lingdao")
    with leader.expect_response("**/positions/") as told:
        leader.goto(f"/map/?area={county.village}")
    assert told.value.json()["kind"] == "cells"


@pytest.mark.parametrize("key", KINDS)
def test_each_kind_of_chart_is_drawn_has_a_table_and_a_picture(open_as, key):
    page = open_as("xian")
    page.goto(f"/map/?k={key}")
    chart = f"#chart-{key}-{KINDS[key]}"
    page.wait_for_selector(chart, state="attached")
    page.locator(chart).scroll_into_view_if_needed()
    page.wait_for_selector(f"{chart}[data-drawn] canvas")
    page.click(f"{chart} [data-chart-table]")
    assert page.locator(f"{chart} table").is_visible() and page.locator(f"{chart} tbody tr").count() >= 1
    with page.expect_download() as picture:
        page.click(f"{chart} [data-chart-png]")
    assert picture.value.suggested_filename.endswith(".png")
    with page.expect_download() as book:
        page.click(f"{chart} a[download]")
    assert book.value.suggested_filename.endswith(".xlsx")


def test_the_phone_shows_cards_first_and_the_map_behind_a_button(open_as):
    page = open_as("lingdao", 390, 844)
    page.goto("/map/")
    assert not page.locator("#battle-map").is_visible()
    assert page.locator(".battle-chooser details[open] .card-value").first.is_visible()
    page.click(".battle-map .map-button")
    page.wait_for_selector(SHAPES)
    assert page.evaluate(WIDER) <= 1
