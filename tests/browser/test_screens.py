"""What only a screen shows: nothing covers a row, no colour stands under another figure's legend, no heading breaks."""

import pytest

NOTE = (
    '<div class="note" id="job-line-box"><div class="flex-fill"><div class="job-line"><strong>读取 花名册.xlsx</strong>'
    '<progress max="100" value="40"></progress></div><div class="job-line"><strong>标注 花名册.xlsx</strong></div></div></div>'
)
COVERED = """() => {
  const note = document.querySelector(".app-jobs").getBoundingClientRect();
  return [...document.querySelectorAll("main tbody tr, main .pager")].map((row) => row.getBoundingClientRect())
    .filter((row) => row.width && row.bottom > note.top && row.top < note.bottom && row.right > note.left && row.left < note.right).length;
}"""
COLOURS = """() => [...new Set([...document.querySelectorAll("#map path.leaflet-interactive")].map((one) => one.getAttribute("fill")))]"""


@pytest.mark.parametrize("width", [1440, 390])
def test_work_in_progress_covers_no_row_for_good(open_as, batch, width):
    page = open_as("xian", width)
    page.route("**/jobs/line/**", lambda route: route.fulfill(status=200, content_type="text/html", body=NOTE))
    page.goto(f"{batch}faults/")
    page.wait_for_selector("#job-line-box")
    if width == 1440:
        assert page.evaluate(COVERED) == 0
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate(COVERED) == 0, "the last rows cannot be scrolled clear of it"


def test_while_outlines_are_fetched_the_map_shows_no_colour_of_the_former_figure(open_as):
    page = open_as("xian")
    page.goto("/")
    page.wait_for_selector("#map path.leaflet-interactive")
    assert len(page.evaluate(COLOURS)) > 1
    held = []
    page.route("**/boundaries/**", lambda route: held.append(route))
    page.evaluate("() => document.querySelector('tr[data-code] [data-drill]').click()")
    page.wait_for_selector("#map.map-busy")
    assert page.evaluate(COLOURS) == ["#eef1f4"]
    assert page.locator("#map .map-circles path").count() == page.locator("#map .map-label").count() == 0
    held[0].continue_()
    page.wait_for_selector("#map:not(.map-busy) .map-circles path, #map .map-label", state="attached")
    assert page.evaluate(COLOURS) != ["#eef1f4"]


def test_the_headings_of_the_faults_by_column_stand_on_one_line(open_as, batch):
    page = open_as("xian")
    page.goto(batch)
    heights = page.evaluate(
        "() => [...document.querySelectorAll('.ex-groups thead th')].map((one) => one.clientHeight)"
    )
    assert len(set(heights)) == 1 and heights[0] < 40
