"""The canary proves that keys and data belong together."""

import json

import pytest
from django.core.management import CommandError, call_command

from poverty import canary, crypto
from poverty.models import Canary

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(tmp_path, settings):
    path = tmp_path / "keys.json"
    settings.FIELD_KEYS_FILE = str(path)

    def write(keys):
        path.write_text(json.dumps(keys))
        crypto._keys.cache_clear()

    write(crypto.new_keys())
    yield write
    crypto._keys.cache_clear()


def test_it_is_written_once_and_opens():
    Canary.objects.all().delete()
    with pytest.raises(CommandError, match="no canary"):
        call_command("check_canary")
    call_command("check_canary", write=True)
    canary.ensure()
    assert Canary.objects.count() == 1 and canary.check() == (1, [])


def test_a_new_key_gets_a_canary_of_its_own(keys):
    Canary.objects.all().delete()
    first = crypto.new_keys()
    keys(first)
    canary.ensure()
    second = crypto.new_keys()
    keys({**first, "current": 2, "keys": {"1": first["keys"]["1"], "2": second["keys"]["1"]}})
    canary.ensure()
    assert canary.check() == (2, [])


def test_the_wrong_key_is_told(keys):
    Canary.objects.all().delete()
    canary.ensure()
    keys(crypto.new_keys())
    with pytest.raises(CommandError, match="do not open this database"):
        call_command("check_canary")
