"""Sealed fields, blind indexes, identity numbers, amounts: properties that must hold for any value."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.core.exceptions import BadRequest, ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts import masks
from accounts.roles import Role
from poverty import crypto, idnumber
from poverty.inputs import clean_text, parse_amount, parse_json

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)


@given(TEXT, st.uuids(), st.sampled_from(["AES-256-GCM", "SM4-GCM"]))
def test_what_is_sealed_opens_at_its_place_only(text, uid, cipher):
    from django.test import override_settings

    with override_settings(FIELD_CIPHER=cipher):
        sealed = crypto.seal("households_member.cert_no", uid, text)
    assert crypto.unseal("households_member.cert_no", uid, sealed) == text
    assert text.encode() not in sealed or len(text) < 4
    for place, other in (("households_member.name", uid), ("households_member.cert_no", uuid.uuid4())):
        with pytest.raises(crypto.Unreadable):
            crypto.unseal(place, other, sealed)


@given(TEXT, st.integers(0, 60))
def test_a_damaged_value_does_not_open(text, place):
    uid = uuid.uuid4()
    sealed = bytearray(crypto.seal("t.c", uid, text))
    sealed[place % len(sealed)] ^= 1
    with pytest.raises(crypto.Unreadable):
        crypto.unseal("t.c", uid, bytes(sealed))


def test_two_seals_of_one_text_differ_and_their_blind_indexes_agree():
    uid = uuid.uuid4()
    assert crypto.seal("t.c", uid, "一样") != crypto.seal("t.c", uid, "一样")
    assert crypto.blind("id", "45990119700101001x") == crypto.blind("id", " 45990119700101001X")
    assert crypto.blind("id", "1") != crypto.blind("phone", "1")


def test_a_new_key_opens_what_the_old_one_sealed(tmp_path, settings):
    import json

    keys = crypto.new_keys()
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(keys))
    settings.FIELD_KEYS_FILE = str(path)
    crypto._keys.cache_clear()
    try:
        uid = uuid.uuid4()
        old = crypto.seal("t.c", uid, "旧")
        keys["keys"]["2"], keys["current"] = crypto.new_keys()["keys"]["1"], 2
        path.write_text(json.dumps(keys))
        crypto._keys.cache_clear()
        new = crypto.seal("t.c", uid, "新")
        assert (old[1], new[1]) == (1, 2)
        assert (crypto.unseal("t.c", uid, old), crypto.unseal("t.c", uid, new)) == ("旧", "新")
    finally:
        settings.FIELD_KEYS_FILE = None
        crypto._keys.cache_clear()


def test_the_standards_example_has_its_check_character():
    assert idnumber.check_character("11010519491231002") == "X"
    found = idnumber.facts("11010519491231002X", today=dt.date(2026, 1, 1))
    assert (found.kind, found.fault, found.sex, found.birth_on) == ("18", "", "2", dt.date(1949, 12, 31))


@given(st.dates(dt.date(1900, 1, 1), dt.date(2026, 1, 1)), st.integers(0, 999), st.integers(1, 9))
def test_a_number_that_is_right_is_sound_and_any_wrong_digit_is_found(born, serial, step):
    body = f"459901{born:%Y%m%d}{serial:03d}"
    number = body + idnumber.check_character(body)
    found = idnumber.facts(number, today=dt.date(2026, 1, 1))
    assert (found.fault, found.birth_on, found.identity) == ("", born, number)
    place = serial % 17
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    if wrong != number:
        assert "check" in idnumber.facts(wrong, today=dt.date(2026, 1, 1)).fault


@given(st.dates(dt.date(1900, 1, 1), dt.date(1999, 12, 31)), st.integers(0, 999))
def test_an_old_number_upgrades_to_the_same_person(born, serial):
    old = f"459901{born:%y%m%d}{serial:03d}"
    found = idnumber.facts(old, today=dt.date(2026, 1, 1))
    assert (found.kind, found.birth_on) == ("15", born)
    assert found.identity == idnumber.upgrade(old)


@given(st.decimals(Decimal("-999999999999.99"), Decimal("999999999999.99"), places=2))
def test_every_amount_in_plain_digits_is_read(value):
    assert parse_amount(f" {value:f} ") == value


@pytest.mark.parametrize(
    "text", ["NaN", "1_000", "１２３", "٣", "1e3", "1.234", "+1", "", "1234567890123", "Infinity", "1,000"]
)
def test_anything_else_is_no_amount(text):
    with pytest.raises(ValidationError):
        parse_amount(text)


@pytest.mark.parametrize(
    "body", [b'{"a": NaN}', b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b"[" * 50 + b"]" * 50, b"\xff", b"{"]
)
def test_what_no_column_can_hold_is_a_bad_request(body):
    with pytest.raises(BadRequest):
        parse_json(body)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 20_001])
def test_text_that_cannot_be_stored_is_a_bad_request(text):
    with pytest.raises(BadRequest):
        clean_text(text)


def test_masks_hide_the_middle():
    assert masks.mask_id("450102199001010011") == "450102********0011"
    assert masks.mask_phone("13812340011") == "138****0011"
    assert masks.mask_card("6222020000000000000") == "622202*****0000"
    assert (masks.mask_name("张三"), masks.mask_name("欧阳小明")) == ("张*", "欧阳**")


def test_every_role_has_a_row_in_the_table_of_masks():
    assert {role for _field, role in masks.TABLE} == set(Role.values)
