"""A database, keys and folders of the bench's own: it never touches the register of this checkout.

Imported before Django is set up: the settings read what is put into the environment here.
"""

import io
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"


def database_name() -> str:
    return "bench_" + urlsplit(os.environ["DATABASE_OWNER_URL"]).path.lstrip("/").removeprefix("bench_")


def prepare() -> Path:
    """Point the environment, and so every process started from here, at the bench's own places; return their folder."""
    folder = Path(os.environ.get("BENCH_FOLDER", RUN / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("media", "keys.json"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    os.environ["BENCH_BASE"] = urlsplit(os.environ["DATABASE_OWNER_URL"]).path.lstrip("/")
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        os.environ[name] = urlunsplit(urlsplit(os.environ[name])._replace(path="/" + database_name()))
    os.environ.update(
        DJANGO_SETTINGS_MODULE="bench.settings",
        MEDIA_ROOT=str(folder / "media"),
        FIELD_KEYS_FILE=str(folder / "keys.json"),
        DEBUG="False",
        HTTPS="False",
    )
    return folder


def owner(name: str = ""):
    """Return an autocommit connection of the owner, in system scope; `name` is another database than the bench's."""
    import psycopg
    from django.db import connections

    target = connections["owner"].settings_dict
    made = psycopg.connect(
        host=target["HOST"], port=target["PORT"] or None, user=target["USER"], password=target["PASSWORD"] or None,
        dbname=name or target["NAME"], autocommit=True,
    )  # fmt: skip
    # Row-level security binds the owner too. This connection is made and closed here and pooled by nobody.
    made.execute(
        "SELECT set_config('app.system', 'bench', false), set_config('app.lo', ' ', false),"
        " set_config('app.hi', '~', false), set_config('app.whole', 'on', false)"
    )
    return made


def make_database() -> None:
    """Make the database anew, with the tables and policies of this checkout."""
    from django.core.management import call_command

    drop_database()
    with owner(os.environ["BENCH_BASE"]) as base:
        base.execute(f'CREATE DATABASE "{database_name()}"')
    with owner() as made:
        made.execute((ROOT / "poverty/sql/database_grants.sql").read_text())
    call_command("make_keys", os.environ["FIELD_KEYS_FILE"], stdout=io.StringIO())
    call_command("migrate", database="owner", verbosity=0)


def drop_database() -> None:
    import psycopg
    from django.db import connections

    for alias in ("default", "owner"):
        connections[alias].close()
    with owner(os.environ["BENCH_BASE"]) as base:
        drop = f'DROP DATABASE IF EXISTS "{database_name()}"'
        try:
            base.execute(f"{drop} WITH (FORCE)")
        except psycopg.errors.InsufficientPrivilege:
            # By force means whoever is there, and autovacuum is not ours to end; without, it is sent away and waited for.
            base.execute(drop)
