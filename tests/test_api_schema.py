"""The description of the API holds: asked at random by the description, every role gets answers as described.

Bounded: so many questions for each address and role, and the same ones where a change is judged.
"""

# ruff: noqa: F811 - fixtures come by import

import os

import pytest
import schemathesis
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi

from accounts import tokens
from accounts.roles import Role
from tests.access_world import PAIRED, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("API_EXAMPLES", "8"))  # of each kind, for each address and role
ROLES = [Role.COUNTY_OFFICE, Role.VILLAGE_CADRE, Role.HELPER, Role.AUDITOR, Role.LEADER, Role.DEPARTMENT]
OBJECTS = {
    "households": "household",
    "members": "person",
    "findings": "finding",
    "jobs": "job",
    "regions": "village",
    "figures": "figure",
}
CHECKS = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
]
# The token is given by the test, not made up; NUL is refused before any view, and tested in test_inputs.py.
CONFIG = {"generation": {"with-security-parameters": False, "allow-x00": False, "codec": "utf-8"}}
SETTINGS = hypothesis_settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_the_description_is_valid_and_complete(tmp_path):
    call_command(
        "spectacular", file=str(tmp_path / "schema.json"), format="openapi-json", validate=True, fail_on_warn=True
    )


def token(world, role) -> str:
    _token, text = tokens.make(user=world.users[role], name="问答", days=7)
    return text


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_no_address_is_described_that_writes(world):
    schema = load(world, Role.COUNTY_OFFICE)
    assert {method for item in schema.raw_schema["paths"].values() for method in item} == {"get"}


def load(world, role, text=""):
    headers = bearer(text or token(world, role))
    config = schemathesis.Config.from_dict(CONFIG)
    return schemathesis.openapi.from_wsgi("/api/v1/schema/", get_wsgi_application(), config=config, headers=headers)


def strategies(operation, world, role):
    """Yield what an address is asked: as described, not as described, and of something that the person sees."""
    yield operation.as_strategy(GenerationMode.POSITIVE)
    yield operation.as_strategy(GenerationMode.NEGATIVE)
    kind = OBJECTS.get(operation.path.split("/")[3])
    if kind and operation.path.endswith("}/") and not (kind == "village" and role in PAIRED):
        given = world.object(kind, role, "own")
        name = operation.path.rpartition("{")[2].rstrip("}/")
        yield operation.as_strategy(GenerationMode.POSITIVE, path_parameters={name: str(given[name])})


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_asked_is_answered_as_described(world, role, settings):
    settings.API_RATE = ""
    text, asked = token(world, role), 0
    headers = bearer(text)
    for found in load(world, role, text).get_all_operations():
        operation = found.ok()
        for strategy in strategies(operation, world, role):

            @SETTINGS
            @given(case=strategy)
            def answers(case):
                nonlocal asked
                asked += 1
                case.call_and_validate(headers=headers, checks=CHECKS)

            answers()
    assert asked > EXAMPLES * 10
