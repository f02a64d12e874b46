"""A county clerk's morning: a dirty roster, from the upload to the household, its history and the map."""

import io

import openpyxl
import pytest

from tests.exchange.importing import id_number, person, workbook

UNKNOWN = "有点小病"


@pytest.fixture
def dirty(county):
    """A roster of three families with faults: no name (row 5), an unknown label (row 4), a wrong check character (row 6)."""
    places = {
        "县(市、区、旗)": county.names["459901"],
        "乡(镇)": county.names[county.town],
        "行政村": county.names[county.village],
    }
    wrong = id_number(93)[:-1] + ("0" if id_number(93)[-1] != "0" else "1")
    rows = [
        person("B900001", "B90000101", "覃小满", id_number(91), 人数=2, **places),
        person(
            "B900001",
            "B90000102",
            "黄立夏",
            id_number(92, male=False),
            **places,
            人数=2,
            与户主关系="配偶",
            健康状况=UNKNOWN,
        ),
        person("B900002", "B90000201", "", id_number(94), 人数=1, **places),
        person("B900003", "B90000301", "韦谷雨", wrong, 人数=1, **places),
    ]
    return workbook(rows)


def upload(page, name: str, data: bytes):
    page.goto("/exchange/")
    page.click("a.btn-primary[href*='/exchange/upload/']")
    page.check("input[name=kind][value=persons]")
    page.set_input_files("input[type=file]", {"name": name, "mimeType": "application/octet-stream", "buffer": data})
    page.fill("[name=year]", "2020")
    page.fill("[name=as_of]", "2020-12-31")
    page.click("#upload .btn-primary")
    page.wait_for_selector(".ex-numbers", timeout=90_000)


def numbers(page) -> list[int]:
    """Return new, changed, unchanged, refused, to answer."""
    return [int(text.replace(",", "")) for text in page.locator(".ex-numbers strong").all_inner_texts()]


def corrected(marked: bytes) -> bytes:
    """Return the marked workbook with the missing name filled in and the label put right, as somebody does in Excel."""
    book = openpyxl.load_workbook(io.BytesIO(marked))
    sheet = book["名册"]
    heads = {cell.value: cell.column for cell in sheet[2]}
    for row in sheet.iter_rows(min_row=3):
        if row[heads["人编号"] - 1].value == "B90000201":
            row[heads["姓名"] - 1].value = "蓝小雪"
        if row[heads["健康状况"] - 1].value == UNKNOWN:
            row[heads["健康状况"] - 1].value = "健康"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_dirty_roster_becomes_households_whose_history_and_map_agree(open_as, county, dirty, tmp_path):
    page = open_as("xian")
    page.goto("/")
    before = int(page.locator(".board-totals strong").first.inner_text().replace(",", ""))

    # upload → preview: nothing is written yet
    upload(page, "名册.xlsx", dirty)
    assert numbers(page) == [2, 0, 0, 1, 1]
    assert "姓名" in page.locator(".ex-groups").inner_text() and UNKNOWN in page.locator(".ex-groups").inner_text()
    page.goto("/households/?q=B900001")
    assert page.locator("tr[data-href]").count() == 0
    page.go_back()

    # the marked workbook opens and says what is wrong where
    with page.expect_download() as coming:
        page.click("a.btn-primary[href$='/marked/']")
    coming.value.save_as(tmp_path / "marked.xlsx")
    marked = (tmp_path / "marked.xlsx").read_bytes()
    sheet = openpyxl.load_workbook(io.BytesIO(marked))["名册"]
    noted = {cell.row for row in sheet.iter_rows() for cell in row if cell.comment}
    assert {4, 5} <= noted

    # fix it and import it again
    page.click("button[formaction$='/discard/']")
    page.wait_for_selector(".ex-state-discarded")
    upload(page, "名册-已改.xlsx", corrected(marked))
    assert numbers(page) == [4, 0, 0, 0, 0]
    page.click(".ex-confirm .btn-primary")
    page.wait_for_selector(".ex-state-merged", timeout=90_000)
    page.click(".note-success a")
    page.wait_for_url("**/households/?region=459901")

    # open a household, correct a member, see it in the history
    page.fill("[name=q] >> nth=-1", "覃小满")
    page.press("[name=q] >> nth=-1", "Enter")
    page.click("td.hh-name a:text-is('覃小满')")
    assert "B900001" in page.locator(".hh-head").inner_text()
    address = page.url
    page.click(".hh-actions a >> nth=1")
    page.check("input[name$='-health'][value='02']")
    page.uncheck("input[name$='-health'][value='01']")
    wanted = page.locator("label:has(input[name$='-health'][value='02'])").inner_text().strip()
    page.fill("#reason", "医院诊断证明")
    page.click(".save-bar .btn-primary")
    page.wait_for_url(address + "**")
    newest = page.locator(".hh-history > li").first.inner_text()
    assert wanted in newest and "县扶贫办" in newest and "医院诊断证明" in newest
    assert "名册-已改.xlsx" in page.locator(".hh-history").inner_text()

    # the map's number is the list's, at every level
    page.goto("/")
    assert int(page.locator(".board-totals strong").first.inner_text().replace(",", "")) == before + 3
    for code in (county.town, county.village):
        row = page.locator(f"tr[data-code='{code}']")
        shown = row.locator(".child-count a").inner_text()
        with page.context.expect_page() as opening:
            row.locator(".child-count a").click(modifiers=["Control"])
        listed = opening.value
        assert listed.locator(".hh-totals strong").first.inner_text() == shown
        listed.close()
        page.click(f"[data-drill='{code}']")
        page.wait_for_url(f"**area={code}**")
        page.wait_for_selector(f".board-title:has-text('{county.names[code]}')")
        assert page.locator(".board-totals strong").first.inner_text() == shown
