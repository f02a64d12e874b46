"""A backup comes back whole for its recipient, and is refused when cut, mixed, altered or for another key."""

import io
import json
import os
import subprocess
import tarfile
import uuid

import psycopg
import pytest

from poverty import backup

PASSPHRASE = b"correct horse battery staple"
ADMIN = os.environ.get("RESTORE_ADMIN_URL", "")
OWNER = os.environ.get("DATABASE_OWNER_URL", "")

pytestmark = pytest.mark.skipif(not (ADMIN and OWNER), reason="needs a superuser of the cluster: run script/test")


def url(role_url, database):
    return backup.libpq_url(backup.with_database(role_url, database))


@pytest.fixture(scope="module")
def admin():
    with psycopg.connect(backup.libpq_url(ADMIN), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def names(admin):
    names = {kind: f"test_backup_{kind}_{uuid.uuid4().hex[:8]}" for kind in ("from", "to")}
    yield names
    for name in names.values():
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def source(names):
    """A small database with what a dump easily loses: policies, grants, an owner of a function, a staging table."""
    with psycopg.connect(url(OWNER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {names['from']}")
    backup.apply_grants(backup.with_database(OWNER, names["from"]))
    with psycopg.connect(url(OWNER, names["from"])) as connection:
        connection.execute("""
            CREATE TABLE household (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, village text, at geometry(Point, 4326));
            ALTER TABLE household ENABLE ROW LEVEL SECURITY;
            ALTER TABLE household FORCE ROW LEVEL SECURITY;
            CREATE POLICY scope ON household TO app USING (village = current_setting('x.village', true)) WITH CHECK (true);
            CREATE FUNCTION households() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public
                AS 'SELECT count(*) FROM household';
            ALTER FUNCTION households() OWNER TO definer;
        """)
    with psycopg.connect(url(os.environ["DATABASE_URL"], names["from"])) as connection:
        connection.execute("INSERT INTO household (village) SELECT v::text FROM generate_series(1, 500) AS v")
        connection.execute("CREATE TABLE staging.batch AS SELECT 1 AS row")
    return names["from"]


@pytest.fixture(scope="module")
def recipients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipients")
    for name in ("county", "other"):
        backup.new_recipient(name, folder, PASSPHRASE)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("register")
    (folder / "media" / "a").mkdir(parents=True)
    (folder / "media" / "a" / "upload").write_bytes(os.urandom(2_500_000))
    (folder / "media" / "empty").touch()
    (folder / "keys.json").write_text('{"current": 1}')
    return folder


@pytest.fixture(scope="module")
def made(source, recipients, place):
    """Two backups of the same register."""
    paths = place / "one.tar", place / "two.tar"
    for path in paths:
        backup.make(
            path,
            recipient_path=recipients / "county.pub",
            backup_url=backup.with_database(os.environ["DATABASE_BACKUP_URL"], source),
            media=place / "media",
            keys_path=place / "keys.json",
        )
    return paths


def key_of(recipients, name):
    return backup.load_recipient_key(recipients / f"{name}.key", PASSPHRASE)


@pytest.fixture
def restore(names, recipients, tmp_path):
    def restore(path, recipient="county", checks=lambda name: None):
        return backup.restore(
            path,
            key=key_of(recipients, recipient),
            admin_url=ADMIN,
            into=names["to"],
            media=tmp_path / "media",
            keys_path=tmp_path / "keys.json",
            checks=checks,
        )

    return restore


def assert_nothing_left(admin, names, tmp_path):
    assert not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [names["to"]]).fetchone()
    assert not (tmp_path / "keys.json").exists()
    assert not list((tmp_path / "media").glob("*"))


def test_it_brings_everything_back(made, restore, admin, names, place, tmp_path):
    checked = []
    manifest = restore(made[0], checks=checked.append)
    assert checked == [names["to"]]
    assert manifest["rows"] == {"public.household": 500, "staging.batch": 1}
    assert (tmp_path / "media" / "a" / "upload").read_bytes() == (place / "media" / "a" / "upload").read_bytes()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    with psycopg.connect(url(os.environ["DATABASE_URL"], names["to"])) as connection:
        assert connection.execute("SELECT count(*), households() FROM household").fetchone() == (
            0,
            500,
        )  # policies are back

    def schema(name):
        dump = [backup._client("pg_dump"), "--schema-only", url(ADMIN, name)]
        lines = subprocess.run(dump, capture_output=True, text=True, check=True).stdout.splitlines()
        return [line for line in lines if "restrict" not in line]

    assert schema(names["from"]) == schema(names["to"])
    with pytest.raises(backup.Refused, match="never overwrites"):
        restore(made[0])
    admin.execute(f"DROP DATABASE {names['to']}")


@pytest.mark.parametrize("left", [0, 700, 0.5, 0.999])
def test_it_refuses_a_cut_backup(left, made, restore, admin, names, tmp_path):
    whole = made[0].read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[: int(left * len(whole)) if left < 1 else left])
    with pytest.raises(backup.Refused, match="cut or damaged"):
        restore(cut)
    assert_nothing_left(admin, names, tmp_path)


def mixed(one, two, taken, out, *, disguised):
    """Write backup one with the part `taken` of backup two; disguised: renamed, and recorded in the manifest."""
    with tarfile.open(one) as first, tarfile.open(two) as second, tarfile.open(out, "w") as archive:
        ids = [opened.getnames()[0].partition("/")[0] for opened in (first, second)]
        manifest = json.load(first.extractfile(f"{ids[0]}/manifest.json"))
        others = json.load(second.extractfile(f"{ids[1]}/manifest.json"))
        for position, name in enumerate(["database", "files", "keys", "manifest.json"]):
            opened, identity = (second, ids[1]) if name == taken else (first, ids[0])
            content = opened.extractfile(f"{identity}/{name}").read()
            if name == taken and disguised:
                identity = ids[0]
                manifest["parts"][position] |= {k: others["parts"][position][k] for k in ("size", "sha256")}
            if name == "manifest.json" and disguised:
                content = json.dumps(manifest).encode()
            info = tarfile.TarInfo(f"{identity}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out


@pytest.mark.parametrize("part", ["database", "files", "keys"])
@pytest.mark.parametrize("disguised", [False, True])
def test_it_refuses_parts_of_two_backups(part, disguised, made, restore, admin, names, tmp_path):
    with pytest.raises(backup.Refused, match="does not open|was altered" if disguised else "parts of 2 backups"):
        restore(mixed(*made, part, tmp_path / "mixed.tar", disguised=disguised))
    assert_nothing_left(admin, names, tmp_path)


def test_it_refuses_a_changed_byte(made, restore, admin, names, tmp_path):
    content = bytearray(made[0].read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed.tar").write_bytes(content)
    with pytest.raises(backup.Refused, match="not the one that this backup's manifest records"):
        restore(tmp_path / "changed.tar")
    assert_nothing_left(admin, names, tmp_path)


def test_it_refuses_another_key(made, restore, recipients):
    with pytest.raises(backup.Refused, match="made for recipient county"):
        restore(made[0], recipient="other")
    with pytest.raises(backup.Refused, match="does not open with this passphrase"):
        backup.load_recipient_key(recipients / "county.key", b"not this one, no")


def test_it_takes_everything_away_when_the_application_objects(made, restore, admin, names, tmp_path):
    def object_(name):
        raise backup.Refused("the audit chain is broken")

    with pytest.raises(backup.Refused, match="audit chain"):
        restore(made[0], checks=object_)
    assert_nothing_left(admin, names, tmp_path)


def test_it_refuses_a_role_that_sees_only_part(source, recipients, place, tmp_path):
    with pytest.raises(backup.Refused, match="only part of the rows"):
        backup.make(
            tmp_path / "out.tar",
            recipient_path=recipients / "county.pub",
            backup_url=backup.with_database(os.environ["DATABASE_URL"], source),
            media=place / "media",
            keys_path=place / "keys.json",
        )
    assert not list(tmp_path.iterdir())


def test_nothing_of_the_register_is_readable_in_it(made):
    content = made[0].read_bytes()
    assert (
        b"PGDMP" not in content
        and b'"current"' not in content
        and b"household" not in content.replace(b"public.household", b"")
    )
