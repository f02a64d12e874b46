"""Promises that hold for every room, checked on the code itself, so that later pages are covered unasked."""

import ast
import json
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from poverty import security
from poverty.scope import ScopedModel

ROOT = Path(__file__).resolve().parent.parent
ROOMS = [
    "poverty",
    "regions",
    "accounts",
    "jobs",
    "exchange",
    "validation",
    "dashboard",
    "households",
    "projects",
    "funds",
]
ROOMS += ["cadres", "public"]
FLOORS = {
    "poverty": 0,
    "regions": 1,
    "accounts": 2,
    "jobs": 3,
    "exchange": 3,
    "validation": 3,
    "dashboard": 3,
    "households": 4,
    "projects": 5,
    "funds": 5,
    "cadres": 5,
    "public": 5,
}
# The project package is also where everything is put together.
ASSEMBLY = {"poverty/urls.py", "poverty/settings.py", "poverty/apps.py"}
# The engines on one floor may lean on each other in this direction only.
ENGINES = {("exchange", "jobs"), ("exchange", "validation"), ("validation", "jobs"), ("dashboard", "jobs")}


def sources():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path


def imported_rooms(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from (name.split(".")[0] for name in names if name.split(".")[0] in FLOORS)


def test_imports_run_downwards_only():
    wrong = []
    for name, path in sources():
        room = name.split("/")[0]
        for target in imported_rooms(path):
            allowed = target == room or name in ASSEMBLY or FLOORS[target] < FLOORS[room] or (room, target) in ENGINES
            if not allowed:
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def patterns(resolver=None, prefix=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern), entry


def test_every_address_declares_who_may_call_it():
    open_ones = [route for route, entry in patterns() if not getattr(entry.callback, "policy", None)]
    assert open_ones == []


@pytest.mark.django_db
def test_every_table_with_a_village_or_region_column_has_forced_row_security_or_is_a_named_exception():
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c
                 JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public' AND NOT a.attisdropped
                  AND a.attname IN ('village', 'region', 'village_id', 'region_id', 'area_id', 'reach')"""
        )
        found = dict(cursor.fetchall())
    assert {table for table, forced in found.items() if not forced} == set(security.EXCEPTIONS) & set(found)
    scoped = {model._meta.db_table for model in security.scoped_models() + security.event_models()}
    assert scoped <= {table for table, forced in found.items() if forced}


@pytest.mark.django_db
def test_the_database_has_exactly_the_policies_that_the_models_ask_for():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")
        found = set(cursor.fetchall())
    assert found == {(table, name) for table, wanted in security.policies().items() for name, _c, _b in wanted}


@pytest.mark.django_db
def test_the_application_can_neither_delete_from_the_register_nor_change_its_history():
    with connection.cursor() as cursor:
        for table, privileges in security.revoked().items():
            for privilege in privileges.split(", "):
                cursor.execute("SELECT has_table_privilege('app', %s, %s)", [table, privilege])
                assert cursor.fetchone() == (False,), f"app may {privilege} {table}"


@pytest.mark.django_db
def test_the_application_reaches_a_partition_only_through_the_whole_table():
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT part.relname, part.relrowsecurity AND part.relforcerowsecurity,
                      has_table_privilege('app', part.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
                 FROM pg_class part WHERE part.relispartition AND part.relkind = 'r'"""
        )
        found = cursor.fetchall()
    assert len(found) > 20
    assert [name for name, forced, reached in found if not forced or reached] == []


@pytest.mark.django_db
def test_lines_of_the_ledger_cannot_be_overwritten():
    with connection.cursor() as cursor:
        for table, columns in security.updatable().items():
            cursor.execute(
                """SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0
                      AND has_column_privilege('app', attrelid, attnum, 'UPDATE')""",
                [table],
            )
            assert {name for (name,) in cursor.fetchall()} == set(columns.split(", "))


@pytest.mark.django_db
def test_tests_run_as_the_unprivileged_role():
    security.refuse_powerful_role(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("app",)


def test_every_register_table_keeps_its_history():
    register = {"Household", "HouseholdYear", "Member", "MemberYear"}
    assert {
        model.__name__ for model in apps.get_app_config("households").get_models() if hasattr(model, "pgh_event_model")
    } == register


def test_every_scoped_model_names_a_column_that_exists():
    for model in apps.get_models():
        if issubclass(model, ScopedModel):
            assert security.column(model, model.scope_column)


def test_no_stub_is_left():
    words = re.compile(r"\b(TODO|FIXME)\b|# *XXX|raise NotImplementedError")
    found = [name for name, path in sources() if words.search(path.read_text())]
    assert found == []


def test_no_address_to_download_from_is_committed():
    forbidden = re.compile(
        r'"resolved":\s*"http|https?://[^\s"]+\.(?:tgz|whl|tar\.gz)|--(?:extra-)?index-url|\bregistry\s*='
    )
    found = []
    for pattern in (
        "*.lock",
        "*.json",
        "*.toml",
        "*.txt",
        "*.in",
        "*.yml",
        "script/*",
        "script/lib/*",
        ".npmrc",
        "Dockerfile",
    ):
        for path in ROOT.glob(pattern):
            if path.is_file() and forbidden.search(path.read_text(errors="ignore")):
                found.append(path.name)
    assert found == []


def test_lock_files_carry_hashes():
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "--hash=sha256:" in (ROOT / name).read_text()
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)
