"""Log-ins for the register's pages."""

import pytest
from django.test import Client

from accounts.roles import Role


@pytest.fixture
def login():
    """Return login(user): a client in whose name requests are made."""

    def make(user):
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def county(regions, make_user, login):
    user = make_user(Role.COUNTY_OFFICE, "459901")
    client = login(user)
    client.user = user
    return client


@pytest.fixture
def town(regions, make_user, login):
    user = make_user(Role.TOWN_OFFICE, "459901100")
    client = login(user)
    client.user = user
    return client


@pytest.fixture
def cadre(regions, make_user, login):
    user = make_user(Role.VILLAGE_CADRE, "459901100201")
    client = login(user)
    client.user = user
    return client


@pytest.fixture
def auditor(regions, make_user, login):
    user = make_user(Role.AUDITOR, "459901")
    client = login(user)
    client.user = user
    return client
