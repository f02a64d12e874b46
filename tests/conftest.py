"""Tests run on a real PostgreSQL as the unprivileged role `app`, with real commits where it matters.

The test database is made and migrated by `owner`; after a test that commits, `owner` empties the tables (the
application itself may not).
"""

import os
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A busy machine is slow, which is no failure. Where a change is judged, the same examples every time.
hypothesis_settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
hypothesis_settings.load_profile("house")

# Two test processes beside each other share the Redis server, not the database in it.
if worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    _base, _mark, _number = settings.CACHES["default"]["LOCATION"].rpartition(
        "=" if "?db=" in settings.REDIS_URL else "/"
    )
    settings.CACHES["default"]["LOCATION"] = f"{_base}{_mark}{(int(_number) - 1 - int(worker)) % 16}"

ROOT = Path(__file__).resolve().parent.parent
KEEP = {"django_migrations", "django_content_type", "auth_permission", "poverty_configvalue", "spatial_ref_sys"}
TREE = [
    ("45", "广西壮族自治区", "province"),
    ("4599", "桂川市", "city"),
    ("459901", "云岭县", "county"),
    ("459901100", "云岭镇", "town"),
    ("459901100201", "龙溪村", "village"),
    ("459901100202", "竹坪村", "village"),
    ("459901101", "石桥镇", "town"),
    ("459901101201", "石桥村", "village"),
    ("459902", "清江县", "county"),
    ("459902100", "清江镇", "town"),
    ("459902100201", "柳湾村", "village"),
]

# Dated values are shipped by a migration: a test that adds or ends one leaves them as they were shipped.
SHIPPED = "CREATE SCHEMA shipped; CREATE TABLE shipped.configvalue AS TABLE poverty_configvalue"
AS_SHIPPED = """
DO $$ BEGIN
  IF EXISTS (TABLE poverty_configvalue EXCEPT TABLE shipped.configvalue)
     OR EXISTS (TABLE shipped.configvalue EXCEPT TABLE poverty_configvalue) THEN
    DELETE FROM poverty_configvalue;
    INSERT INTO poverty_configvalue TABLE shipped.configvalue;
  END IF;
END $$
"""


def _owner(name: str):
    """Return an autocommit connection of the owner to the database `name`."""
    target = connections["owner"].settings_dict
    return psycopg.connect(
        host=target["HOST"], port=target["PORT"] or None, user=target["USER"], password=target["PASSWORD"] or None,
        dbname=name, autocommit=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    """Make the test database as owner, migrate it, and point the application's connection at it."""
    name = f"test_{settings.DATABASES['default']['NAME']}_{os.getpid()}"
    with _owner(connections["owner"].settings_dict["NAME"]) as owner:
        owner.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        owner.execute(f'CREATE DATABASE "{name}"')
    with _owner(name) as owner:
        owner.execute((ROOT / "poverty/sql/database_grants.sql").read_text())
    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name
        settings.DATABASES[alias]["NAME"] = name
    # Django's own flush would need rights that the application does not have.
    TransactionTestCase._fixture_teardown = lambda self: empty_tables()
    with django_db_blocker.unblock():
        call_command("migrate", database="owner", verbosity=0)
    connections["owner"].close()
    with _owner(name) as owner:
        owner.execute(SHIPPED)
    yield
    from poverty import second

    second.close()
    for alias in ("default", "owner"):
        connections[alias].close()
    base = settings.DATABASES["default"]["NAME"].removeprefix("test_").rsplit("_", 1)[0]
    with _owner(base) as owner:
        owner.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def empty_tables():
    from poverty import second

    second.close()
    with _owner(settings.DATABASES["default"]["NAME"]) as owner:
        tables = [
            name
            for (name,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            if name not in KEEP
        ]
        # Emptying a table that is empty costs as much as any other: only those with rows, seen in system scope.
        owner.execute(
            "SELECT set_config('app.system', 'tests', false), set_config('app.lo', ' ', false),"
            " set_config('app.hi', '~', false), set_config('app.whole', 'on', false)"
        )
        asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in tables)
        filled = [name for (name,) in owner.execute(asked)]
        if filled:
            owner.execute("TRUNCATE " + ", ".join(f'"{name}"' for name in filled) + " RESTART IDENTITY CASCADE")
        owner.execute(AS_SHIPPED)
        staged = [name for (name,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'")]
        for name in staged:
            owner.execute(f'DROP TABLE staging."{name}" CASCADE')
        from accounts.migrations_sql import SYSTEM_USER

        owner.execute(SYSTEM_USER)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, settings):
    """Give every test its own store and fresh caches."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def regions():
    """Make the sample tree; return {code: Region}."""
    from regions.models import Region

    made = [Region(code=code, name=name, short_name=name[:-1], level=level) for code, name, level in TREE]
    Region.objects.bulk_create(made)
    return {region.code: region for region in made}


@pytest.fixture
def make_user(db):
    """Return make(role, region_code=None, households=(), **fields): an active user who need not change the password."""
    from accounts.models import User
    from accounts.roles import ROLES_WITHOUT_ROWS
    from poverty.scope import code_range

    count = 0

    def make(role, region_code=None, households=(), **fields):
        nonlocal count
        count += 1
        defaults = {
            "username": f"{role}{count}",
            "full_name": f"用户{count}",
            "role": role,
            "region_id": region_code,
            "must_change_password": False,
            "is_active": True,
        }
        user = User(**{**defaults, **fields})
        user.set_unusable_password()
        user.save()
        if households:
            for household in households:
                lo, hi = code_range(household.village_id)
                user.scope.create(lo=lo, hi=hi, household_id=household.pk)
        elif region_code and role not in ROLES_WITHOUT_ROWS:
            lo, hi = code_range(region_code)
            user.scope.create(lo=lo, hi=hi)
        return user

    return make
