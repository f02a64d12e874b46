"""One cell at a time: what is read, what is left alone, and laws that hold for any text."""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange import cells, columns, dates, numbers
from exchange.cells import ANSWER, DATE, NUMBER, TEXT, Labels
from exchange.columns import Rules
from exchange.idfacts import id_facts
from households import codes
from households.sheets import HOUSEHOLDS, PERSONS
from poverty import idnumber
from tests.exchange.workbooks import TODAY, id_number

ANY = st.text(max_size=30)
NUMBERISH = st.text(alphabet="0123456789.,-+eE元万 ０１２，．¥%/约无", max_size=14)
IDISH = st.one_of(
    st.text(alphabet="0123456789Xx", min_size=0, max_size=23),
    st.from_regex(r"\A459901(19|20|18)[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}[0-9X]\Z"),
    st.from_regex(r"\A459901[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}\Z"),
    st.builds(
        lambda day, order, tail: id_number(f"{day:%Y%m%d}", f"{order:03}") + tail,
        st.dates(dt.date(1850, 1, 1), dt.date(2090, 1, 1)),
        st.integers(0, 999),
        st.sampled_from(["", "44", "44B1", "71", "9", "80", "05", "4X"]),
    ),
    ANY,
)
WRAPPED = st.builds(lambda text, way: way % text, IDISH, st.sampled_from(['="%s"', "'%s", "%s.0", " %s "]))


@given(st.lists(IDISH, max_size=30))
def test_columns_and_kernel_say_the_same_of_identity_numbers(texts):
    texts = [idnumber.normalise(text) for text in texts]
    found = id_facts(pl.Series(texts, dtype=pl.String), today=TODAY)
    for text, row in zip(texts, found.iter_rows(), strict=True):
        fact = idnumber.facts(text, today=TODAY)
        assert row == (fact.kind, fact.fault, fact.area, fact.birth_on, fact.sex, fact.identity)


@given(IDISH)
def test_a_read_identity_number_is_normalised_already(text):
    value = cells.id_number(text).value
    assert value is None or value == idnumber.normalise(value)


@given(ANY, st.sampled_from([TEXT, ANSWER]))
def test_no_text_breaks_a_reader_and_nothing_invisible_is_stored(text, tag):
    labels = Labels.of(codes.CAUSE)
    read = [cells.opaque, cells.card, cells.id_number, cells.phone, cells.name, cells.text, cells.region]
    read += [numbers.amount, numbers.decimal, numbers.integer, numbers.year, lambda t, g: dates.date(t, g, TODAY)]
    read += [lambda t, g: cells.code(t, g, labels), lambda t, g: cells.several_codes(t, g, labels)]
    for one in read:
        cell = one(text, tag)
        if isinstance(cell.value, str):
            assert not cells.INVISIBLE.search(cell.value)
            assert cell.value == cell.value.strip()
        if any(fault.action == "ask" for fault in cell.faults):
            assert cell.value is None or isinstance(cell.value, list)


@given(NUMBERISH)
def test_a_read_amount_is_storable_and_reads_as_itself(text):
    value = numbers.amount(text).value
    if value is not None:
        assert value == value.quantize(Decimal("0.01")) and abs(value) < 10**12
        assert numbers.amount(str(value)) == cells.Cell(value)


@given(st.decimals(-999_999_999, 999_999_999, places=2))
def test_exact_amounts_stay_exact_as_text_and_as_number_cells(amount):
    assert numbers.amount(str(amount)).value == amount
    assert numbers.amount(repr(float(amount)), NUMBER) == cells.Cell(amount)


@given(st.decimals(0, 99_999, places=3))
def test_a_third_decimal_is_rounded_half_up_and_logged(amount):
    cell = numbers.amount(str(amount))
    assert cell.value == amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert bool(cell.faults) == (cell.value != amount)


@given(st.dates(dt.date(1901, 1, 1), TODAY))
def test_every_way_of_writing_a_full_date_gives_that_date(day):
    serial = (day - dt.date(1899, 12, 30)).days
    ways = [f"{day}", f"{day:%Y.%m.%d}", f"{day.year}年{day.month}月{day.day}日", f"{day:%Y%m%d}", f"{day:%Y/%m/%d}"]
    for text in ways:
        assert dates.date(text, TEXT, TODAY).value == day
    if not 1900 <= serial <= 2100:
        assert dates.date(str(serial), NUMBER, TODAY).value == day
    assert dates.date(f"{day} 00:00:00", DATE, TODAY).value == day
    month = dates.date(f"{day.year}年{day.month}月", TEXT, TODAY)
    assert (month.value, month.precision) == (day.replace(day=1), "m")


@settings(max_examples=40)
@given(st.lists(st.one_of(ANY, NUMBERISH, IDISH, WRAPPED), max_size=25), st.data())
def test_columns_read_as_single_cells_do(texts, data):
    """The fast way by columns and the slow way by cells agree on every text, for every kind of column."""
    rules = Rules(TODAY)
    column = data.draw(st.sampled_from([*PERSONS.columns, *HOUSEHOLDS.columns]))
    stripped = [text.strip(" ") or None for text in texts]
    found = columns.read(column, pl.Series(stripped, dtype=pl.String), None, rules)
    one = columns._scalar(column, rules, 1)
    expected = [one(text, TEXT) if text else cells.Cell() for text in stripped]
    assert found.values.to_list() == [cell.value for cell in expected]
    listed = sorted(found.faults.select("at", "code", "action").rows())
    assert listed == sorted((at, f.code, f.action) for at, cell in enumerate(expected) for f in cell.faults)
    if found.precision is not None:
        assert found.precision.to_list() == [cell.precision or None for cell in expected]


@given(st.lists(st.floats(allow_nan=False, width=64), max_size=20))
def test_number_cells_by_columns_and_one_by_one(values):
    texts = [cells.number_text(value) for value in values]
    for name in ("wage", "arable", "size", "year", "household_no", "phone", "head_cert_no", "card_no"):
        column = HOUSEHOLDS.column(name)
        tag = pl.Series([NUMBER] * len(texts), dtype=pl.UInt8)
        found = columns.read(column, pl.Series(texts, dtype=pl.String), tag, Rules(TODAY))
        one = columns._scalar(column, Rules(TODAY), 1)
        assert found.values.to_list() == [one(text, NUMBER).value for text in texts]


@pytest.mark.parametrize("sheet", [PERSONS, HOUSEHOLDS])
def test_examples_of_the_declarations_are_clean(sheet):
    for column in sheet.columns:
        if column.example and column.kind != "ignore":
            found = columns.read(column, pl.Series([column.example]), None, Rules(TODAY))
            assert found.faults.is_empty(), (column.field, found.faults.to_dicts())
            assert found.values[0] is not None
    assert idnumber.facts(id_number(), today=TODAY).fault == ""


@pytest.mark.parametrize("name", [name for name in vars(codes) if isinstance(getattr(codes, name), codes.CodeList)])
def test_code_lists_are_sound(name):
    known = getattr(codes, name)
    labels = Labels.of(known)
    for code, label in known.labels.items():
        assert labels.find(code) == (code, True)
        assert labels.find(cells.label_key(label)) == (code, True)
    for text, code in known.synonyms.items():
        assert cells.label_key(text) == text, f"{text} is not written as it is looked up"
        assert code in known.labels or code == ""


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13900000000", "13900000000"),
        ("+86 139-0000-0000", "13900000000"),
        ("13900000000、13900000001", "13900000000"),
        ("13900000000(儿子)", "13900000000"),
        ("0771-5551234", "0771-5551234"),
        ("771-5551234", "0771-5551234"),
        ("1055512345", "01055512345"),
        ("1390000000", "1390000000"),
        ("无", None),
    ],
)
def test_telephones(text, phone):
    assert cells.phone(text).value == phone
