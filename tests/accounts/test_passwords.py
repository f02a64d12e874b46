"""What a password must not be, and what hashing it costs."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.actions import one_time_password
from accounts.hashers import ModestArgon2Hasher
from accounts.models import User
from accounts.passwords import character_classes

USER = User(username="longxi-zw", full_name="张伟", phone="07712345678", unit="龙溪村委会")


@pytest.mark.parametrize(
    "password",
    [
        "short1A", "password123", "fupin2026!!", "FuPin-2026-x", "Nanning#2026", "1234567890", "abcdefghij", "Qwertyuiop1",
        "8888888888", "longxi-zw-1", "张伟张伟2026ab", "19901231199012", "admin-admin-", "P@ssword2026", "pinkunhu2020",
        "0987654321a", "zhen12345abc",
    ],
)  # fmt: skip
def test_guessable_passwords_are_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password, USER)


@pytest.mark.parametrize(
    "password", ["Tulip-Window-48", "orange kettle on the roof", "青山-绿水-下雨天晴了吗", "kXt7-Wm4p-9hRz"]
)
def test_good_ones_pass(password):
    validate_password(password, USER)


def test_three_classes_only_under_classified_protection(settings):
    validate_password("tulipwindowkettle", USER)
    settings.MLPS = True
    for password in ("tulipwindowkettle", "tulipwindow72713"):
        with pytest.raises(ValidationError):
            validate_password(password, USER)
    validate_password("Tulipwindow72713", USER)


def test_one_time_passwords_keep_the_strictest_rules(settings):
    settings.MLPS = True
    made = {one_time_password(USER) for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert character_classes(password) >= 3
        validate_password(password, USER)


def test_a_hash_takes_little_memory_and_reads_back():
    hasher = ModestArgon2Hasher()
    assert hasher.memory_cost <= 40 * 1024 and hasher.parallelism == 1
    encoded = hasher.encode("Tulip-Window-48", hasher.salt())
    assert hasher.verify("Tulip-Window-48", encoded) and not hasher.verify("tulip", encoded)
    assert not hasher.must_update(encoded)
