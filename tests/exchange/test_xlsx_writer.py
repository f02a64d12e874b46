"""The xlsx writer: what goes in comes back, whatever the text, in constant memory."""

import datetime as dt
import io
import tracemalloc
import warnings
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from poverty.xlsx import Cell, Style, Workbook, column_letters


def written(*rows, **options) -> io.BytesIO:
    target = io.BytesIO()
    with Workbook(target) as book, book.sheet("表", **options) as sheet:
        for row in rows:
            sheet.row(row)
    target.seek(0)
    return target


def read(target) -> list[list]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # openpyxl warns of parts it has to make up
        sheet = openpyxl.load_workbook(target).active
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_it_keeps_numbers_as_numbers_and_long_digits_as_text():
    (row,) = read(written(["459901197001011234", 4, 12.5, Decimal("1200.50"), None, "", True, dt.date(2020, 12, 31)]))
    assert row == ["459901197001011234", 4, 12.5, 1200.5, None, None, True, dt.datetime(2020, 12, 31)]


# Carriage returns and the like are spelt _xHHHH_ in the file, which openpyxl leaves to its user.
@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@example("_x0041_")
@example("a\r\nb\x00\ufffe")
@example(" <&>\"' ")
def test_any_text_comes_back(text):
    ((found,),) = read(written([text]))
    assert unescape(found) == text


def test_a_lone_surrogate_does_not_break_the_file():
    assert read(written(["a\ud800b"])) == [["a_xD800_b"]]


def test_text_that_looks_like_a_formula_stays_text():
    assert openpyxl.load_workbook(written(["=1+1", "+a", "@b"])).active["A1"].data_type == "s"


def test_formulas_and_errors_are_written_on_purpose_only():
    target = written([Cell(formula="1+2"), Cell(3, formula="1+2"), Cell("#REF!", error=True), Cell("x", Style.MARKED)])
    sheet = openpyxl.load_workbook(target, data_only=True).active
    assert [cell.value for cell in sheet[1]] == [None, 3, "#REF!", "x"]
    assert sheet["C1"].data_type == "e" and sheet["D1"].fill.fgColor.rgb == "FFFFE699"


def test_header_panes_widths_merges_and_hidden_rows():
    target = io.BytesIO()
    with Workbook(target) as book:
        with book.sheet("一", widths=[8, 20], freeze=1, freeze_columns=1) as sheet:
            assert sheet.header(["甲", "乙"]) == 1
            sheet.row(["1", "2"], hidden=True)
            sheet.merge(1, 0, 2, 0)
        with book.sheet("二 & <三>") as sheet:
            sheet.row(["x"])
    found = openpyxl.load_workbook(target)
    first = found["一"]
    assert first["A1"].font.b and first.freeze_panes == "B2" and first.column_dimensions["B"].width == 20
    assert first.row_dimensions[2].hidden and [str(r) for r in first.merged_cells.ranges] == ["A1:A2"]
    assert found.sheetnames == ["一", "二 & <三>"]
    target.seek(0)
    assert CalamineWorkbook.from_filelike(target).get_sheet_by_index(1).to_python() == [["x"]]


def test_the_same_rows_give_the_same_bytes():
    assert written(["a", 1], ["b", 2]).getvalue() == written(["a", 1], ["b", 2]).getvalue()


def test_what_a_sheet_cannot_hold_is_refused():
    for value in (float("nan"), float("inf"), "x" * 32_768):
        with pytest.raises(ValueError):
            written([value])
    with pytest.raises(TypeError):
        written([object()])
    with pytest.raises(ValueError):
        written([1] * 16_385)
    book = Workbook(io.BytesIO())
    for name in ("", "a/b", "x" * 32):
        with pytest.raises(ValueError):
            book.sheet(name)


def test_a_broken_off_workbook_does_not_open():
    target = io.BytesIO()
    with pytest.raises(RuntimeError), Workbook(target) as book:
        book.sheet("表").row(["half"])
        raise RuntimeError
    with pytest.raises(Exception):  # noqa: B017 - any refusal will do
        openpyxl.load_workbook(target)
    assert zipfile.is_zipfile(target)


def test_an_empty_workbook_has_a_sheet():
    target = io.BytesIO()
    Workbook(target).close()
    assert openpyxl.load_workbook(target).sheetnames == ["Sheet1"]


def test_column_letters():
    assert [column_letters(i) for i in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    peaks = []
    for count in (1000, 20_000):
        tracemalloc.start()
        with Workbook(tmp_path / "t.xlsx") as book, book.sheet("表") as sheet:
            for number in range(count):
                sheet.row([f"{number:018}", "壮族", number, 1.5])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000
