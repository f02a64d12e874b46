"""Backup and restore: one file that holds the database, the stored files and the field keys, readable by one recipient only.

The file is a plain tar. Its members are `ID/database`, `ID/files`, `ID/keys` and, last, `ID/manifest.json`; ID is random
and new for each backup. The first three are sealed for the recipient's X25519 key (an ephemeral key, HKDF, AES-256-GCM in
chunks), with ID and part name in the derived key, so that a part of another backup does not open. The manifest records size
and SHA-256 of every part and the rows of every table, and carries a MAC under a key derived from the field keys: whoever
can write to the backup disk has the public key, but not those.

Nothing here needs Django, because a restore begins on a machine with no register. script/backup and script/restore call it.
"""

import argparse
import contextlib
import datetime
import getpass
import hashlib
import hmac
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("database", "files", "keys")
MANIFEST = "manifest.json"
MAGIC = b"fupin-sealed-1\n"
CHUNK = 1 << 20  # bytes
TAG = 16  # bytes that AES-GCM adds to a chunk
PASSPHRASE_MINIMUM = 12  # characters


class Refused(Exception):
    """Work was refused; the text says why, and what to do next."""


# --- sealing a stream for a recipient --------------------------------------------------------------------------------


def _stream_key(shared: bytes, ephemeral: bytes, recipient: bytes, context: str) -> AESGCM:
    derived = HKDF(hashes.SHA256(), 32, salt=ephemeral + recipient, info=b"fupin backup " + context.encode())
    return AESGCM(derived.derive(shared))


def _nonce(counter: int, last: bool) -> bytes:
    # The key serves one stream only, so the counter alone keeps nonces apart; the flag makes a cut stream fail to open.
    return counter.to_bytes(11, "big") + bytes([last])


def _chunks(read, size: int):
    """Yield (chunk, last): chunks of exactly size bytes, but for the last, which may be shorter or empty."""

    def fill():
        parts, missing = [], size
        while missing and (part := read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    chunk = fill()
    while True:
        following = fill() if len(chunk) == size else b""
        yield chunk, not following
        if not following:
            return
        chunk = following


def seal(read, write, recipient: X25519PublicKey, context: str) -> None:
    """Seal what read(n) gives and hand it to write(bytes); only recipient can open it, and only with the same context."""
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    cipher = _stream_key(ephemeral.exchange(recipient), public, recipient.public_bytes_raw(), context)
    write(MAGIC + public)
    for counter, (chunk, last) in enumerate(_chunks(read, CHUNK)):
        write(cipher.encrypt(_nonce(counter, last), chunk, None))


def unseal(read, write, recipient: X25519PrivateKey, context: str) -> None:
    """Open what seal() wrote; raise Refused when it is cut, altered, of another backup or for another recipient."""
    if read(len(MAGIC)) != MAGIC:
        raise Refused("A part is not in this program's format. Take another copy of the backup.")
    try:
        public = X25519PublicKey.from_public_bytes(read(32))
        own = recipient.public_key().public_bytes_raw()
        cipher = _stream_key(recipient.exchange(public), public.public_bytes_raw(), own, context)
        for counter, (chunk, last) in enumerate(_chunks(read, CHUNK + TAG)):
            write(cipher.decrypt(_nonce(counter, last), chunk, None))
    except (InvalidTag, ValueError):
        raise Refused(
            "A part does not open: it is damaged, cut, of another backup, or sealed for another recipient. "
            "Take another copy of the backup, or the key it was made for."
        ) from None


# --- recipients ------------------------------------------------------------------------------------------------------


def recipient_fingerprint(key: X25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def new_recipient(name: str, folder: Path, passphrase: bytes) -> tuple[Path, Path]:
    """Write NAME.pub and NAME.key (sealed by the passphrase) to folder and return their paths."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise Refused("A recipient's name is made of letters, digits, dots and dashes. Choose another.")
    if len(passphrase.decode()) < PASSPHRASE_MINIMUM:
        raise Refused(f"The passphrase has to have at least {PASSPHRASE_MINIMUM} characters. Choose a longer one.")
    key = X25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    files = {
        folder / f"{name}.key": key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(passphrase)
        ),
        folder / f"{name}.pub": key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        if path.exists():
            raise Refused(f"{path} exists already, and backups may depend on it. Choose another name or folder.")
        _write_private(path, content)
    (folder / f"{name}.pub").chmod(0o644)
    return folder / f"{name}.pub", folder / f"{name}.key"


def load_recipient(path: Path) -> X25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}). Give the recipient's .pub file.") from None
    except ValueError:
        key = None
    if not isinstance(key, X25519PublicKey):
        raise Refused(
            f"{path} is not a recipient's public key. Make one with: script/backup --new-recipient NAME FOLDER"
        )
    return key


def load_recipient_key(path: Path, passphrase: bytes) -> X25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}). Give the recipient's .key file.") from None
    except (ValueError, TypeError):
        raise Refused(f"{path} does not open with this passphrase. Try again with the right one.") from None
    if not isinstance(key, X25519PrivateKey):
        raise Refused(f"{path} is not a recipient's key. Give the .key file that belongs to this backup's recipient.")
    return key


# --- the manifest ----------------------------------------------------------------------------------------------------


def manifest_mac(manifest: dict, field_keys: bytes) -> str:
    """Return the MAC of a manifest (without its own mac) under a key derived from the field keys and the backup's ID."""
    body = json.dumps({k: v for k, v in manifest.items() if k != "mac"}, sort_keys=True, separators=(",", ":"))
    derived = HKDF(hashes.SHA256(), 32, salt=manifest["backup"].encode(), info=b"fupin backup manifest")
    return hmac.new(derived.derive(field_keys), body.encode(), hashlib.sha256).hexdigest()


def app_version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


# --- the database ----------------------------------------------------------------------------------------------------


def libpq_url(url: str) -> str:
    """Return a database address as libpq spells it, from the one that the settings read."""
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql"))


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/" + name))


def database_name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def _client(program: str) -> str:
    """Return the newest PostgreSQL client program here: an older pg_dump refuses a newer server."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: float(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(program)
    if not path:
        raise Refused(
            f"{program} is not installed. Install the PostgreSQL client programs (script/setup does), then try again."
        )
    return path


def _client_environment(url: str) -> dict[str, str]:
    """Return an environment that leads a client program to url, so that a password never stands in the process list."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    given = psycopg.conninfo.conninfo_to_dict(libpq_url(url))
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return bare | {names[key]: str(value) for key, value in given.items() if key in names}


_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1, 2
"""


def user_tables(connection) -> list[tuple[str, str]]:
    """Return (schema, table) of every table that no extension brought along."""
    return connection.execute(_TABLES).fetchall()


def row_counts(connection) -> dict[str, int]:
    """Return {schema.table: rows}."""
    counts = {}
    for schema, table in user_tables(connection):
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        counts[f"{schema}.{table}"] = connection.execute(query).fetchone()[0]
    return counts


# --- making a backup -------------------------------------------------------------------------------------------------


class _Member:
    """A tar member written as a stream, its size and hash known only at the end; the header is then put in its place."""

    def __init__(self, out, name: str):
        self.out, self.name, self.size, self.hash = out, name, 0, hashlib.sha256()
        self.header_at = out.tell()
        out.write(bytes(512))

    def write(self, data: bytes) -> None:
        self.out.write(data)
        self.hash.update(data)
        self.size += len(data)

    def close(self) -> dict:
        self.out.write(bytes(-self.size % 512))
        end = self.out.tell()
        info = tarfile.TarInfo(self.name)
        info.size, info.mode = self.size, 0o600
        header = info.tobuf(tarfile.GNU_FORMAT)
        assert len(header) == 512
        self.out.seek(self.header_at)
        self.out.write(header)
        self.out.seek(end)
        return {"name": self.name, "size": self.size, "sha256": self.hash.hexdigest()}


def _write_files(folder: Path, out) -> int:
    """Write a tar of every stored file to the stream out and return their number."""
    number = 0
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            # Retention may delete a file between listing and opening: then it is not part of this backup.
            with contextlib.suppress(FileNotFoundError):
                if path.is_symlink() or not path.is_file():
                    continue
                with path.open("rb") as source:
                    info = archive.gettarinfo(arcname=str(path.relative_to(folder)), fileobj=source)
                    archive.addfile(info, source)
                number += 1
    return number


def make(out_path: Path, *, recipient_path: Path, backup_url: str, media: Path, keys_path: Path) -> dict:
    """Write a backup to out_path and return its manifest. backup_url is a role that sees every row."""
    recipient = load_recipient(recipient_path)
    if out_path.exists():
        raise Refused(f"{out_path} exists already. Give another name, or move it away first.")
    try:
        field_keys = keys_path.read_bytes()
    except OSError as error:
        raise Refused(
            f"The field keys {keys_path} cannot be read ({error.strerror}). Correct FIELD_KEYS_FILE."
        ) from None
    backup = secrets.token_hex(16)
    manifest = {
        "format": 1,
        "backup": backup,
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "version": app_version(),
        "recipient": recipient_path.stem,
        "recipient_fingerprint": recipient_fingerprint(recipient),
        "parts": [],
    }
    unfinished = out_path.with_name(out_path.name + ".unfinished")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "w+b") as out:

            def part(name: str, read) -> None:
                member = _Member(out, f"{backup}/{name}")
                seal(read, member.write, recipient, f"{backup}/{name}")
                manifest["parts"].append(member.close() | {"backup": backup})

            with psycopg.connect(libpq_url(backup_url)) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                bypasses = "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user"
                if not connection.execute(bypasses).fetchone()[0]:
                    raise Refused(
                        "DATABASE_BACKUP_URL names a role that sees only part of the rows. Give the role backup."
                    )
                # Counted and dumped in one snapshot, or a busy register would never agree with its own manifest.
                snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()[0]
                manifest["rows"] = row_counts(connection)
                command = [_client("pg_dump"), "--format=custom", f"--snapshot={snapshot}", "--no-password"]
                with subprocess.Popen(command, stdout=subprocess.PIPE, env=_client_environment(backup_url)) as dump:
                    part("database", dump.stdout.read)
                if dump.returncode:
                    raise Refused("pg_dump failed; the lines above say why. No backup was made.")
            with tempfile.TemporaryFile(dir=out_path.parent) as packed:
                manifest["files"] = _write_files(media, packed)
                packed.seek(0)
                part("files", packed.read)
            part("keys", io.BytesIO(field_keys).read)
            manifest["mac"] = manifest_mac(manifest, field_keys)
            # Last, so that a backup that was cut short has none.
            member = _Member(out, f"{backup}/{MANIFEST}")
            member.write(json.dumps(manifest, indent=1, ensure_ascii=False).encode())
            member.close()
            out.write(bytes(1024))
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(out_path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return manifest


# --- reading a backup ------------------------------------------------------------------------------------------------


class Backup:
    """An opened backup whose parts all agree with the manifest, and the manifest with the field keys it carries."""

    def __init__(self, path: Path, key: X25519PrivateKey):
        self.path, self.key = path, key
        cut = f"{path} is cut or damaged. Take another copy of the backup."
        try:
            self.file = path.open("rb")
            with tarfile.open(fileobj=self.file, mode="r:") as archive:
                members = archive.getmembers()
            size = path.stat().st_size
        except OSError as error:
            raise Refused(f"{path} cannot be read ({error.strerror}).") from None
        except tarfile.TarError:
            raise Refused(cut) from None
        ids = {member.name.partition("/")[0] for member in members}
        if len(ids) > 1:
            raise Refused(f"{path} holds parts of {len(ids)} backups. Take an unmixed copy.")
        self.members = {member.name.partition("/")[2]: member for member in members}
        if (
            sorted(self.members) != sorted([*PARTS, MANIFEST])
            or len(members) != len(PARTS) + 1
            or any(not m.isreg() or m.offset_data + m.size > size for m in members)
        ):
            raise Refused(cut)
        [self.id] = ids
        try:
            self.manifest = json.loads(self._read(MANIFEST).read())
            recorded = {part["name"].partition("/")[2]: part for part in self.manifest["parts"]}
            wanted = self.manifest["recipient"], self.manifest["recipient_fingerprint"]
            mac, version = self.manifest["mac"], self.manifest["format"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(cut) from None
        if version != 1:
            raise Refused(
                f"This backup has format {version}; this program reads format 1. Use the program that made it."
            )
        if self.manifest.get("backup") != self.id or sorted(recorded) != sorted(PARTS):
            raise Refused(f"{path} holds the manifest of another backup. Take an unmixed copy.")
        if wanted[1] != recipient_fingerprint(key.public_key()):
            raise Refused(
                f"This backup was made for recipient {wanted[0]} ({wanted[1]}); the key given is another "
                f"({recipient_fingerprint(key.public_key())}). Give that recipient's key."
            )
        for name, record in recorded.items():
            digest = hashlib.sha256()
            stream = self._read(name)
            while block := stream.read(CHUNK):
                digest.update(block)
            if record.get("backup") != self.id or digest.hexdigest() != record["sha256"]:
                raise Refused(
                    f"The part “{name}” is not the one that this backup's manifest records: damaged, or of another backup. "
                    "Take another copy of the backup."
                )
        keys = io.BytesIO()
        self.open_part("keys", keys.write)
        self.field_keys = keys.getvalue()
        if not hmac.compare_digest(manifest_mac(self.manifest, self.field_keys), mac):
            raise Refused("The manifest was altered after the backup was made. Take another copy of the backup.")

    def _read(self, name: str) -> io.BufferedReader:
        return io.BufferedReader(_Slice(self.file, self.members[name].offset_data, self.members[name].size))

    def open_part(self, name: str, write) -> None:
        unseal(self._read(name).read, write, self.key, f"{self.id}/{name}")


class _Slice(io.RawIOBase):
    """A stretch of a file, as a stream."""

    def __init__(self, file, offset: int, size: int):
        self.file, self.offset, self.left = file, offset, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self.file.seek(self.offset)
        data = self.file.read(min(len(buffer), self.left))
        buffer[: len(data)] = data
        self.offset += len(data)
        self.left -= len(data)
        return len(data)


# --- restoring -------------------------------------------------------------------------------------------------------


def _require_empty(admin, name: str, media: Path, keys_path: Path, field_keys: bytes) -> None:
    if media.exists() and any(media.iterdir()):
        raise Refused(f"{media} is not empty, and a restore never overwrites. Give an empty MEDIA_ROOT.")
    if keys_path.exists() and keys_path.read_bytes() != field_keys:
        raise Refused(
            f"{keys_path} holds other field keys, and a restore never overwrites. Give another FIELD_KEYS_FILE."
        )
    missing = {"owner", "app", "public_ro", "backup", "definer"} - {
        row[0] for row in admin.execute("SELECT rolname FROM pg_roles").fetchall()
    }
    if missing:
        raise Refused(
            f"The target lacks the roles {', '.join(sorted(missing))}. Run poverty/sql/roles.sql there as a superuser first."
        )
    if not admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()[0]:
        raise Refused("Owners and policies can only be restored by a superuser. Give one in RESTORE_ADMIN_URL.")


def restore(
    path: Path, *, key: X25519PrivateKey, admin_url: str, into: str, media: Path, keys_path: Path, checks
) -> dict:
    """Restore a backup into the database named into (absent or without tables) and return its manifest.

    checks(name) asks the application itself, on the restored database, and raises Refused. Whatever fails, what was
    restored so far is taken away again, so that the next try finds an empty place.
    """
    opened = Backup(path, key)
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as admin, contextlib.ExitStack() as undo:
        _require_empty(admin, into, media, keys_path, opened.field_keys)
        target_url = with_database(admin_url, into)
        target = sql.Identifier(into)
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [into]).fetchone():
            with psycopg.connect(libpq_url(target_url)) as connection:
                if user_tables(connection):
                    raise Refused(
                        f"Database {into} has tables already, and a restore never overwrites. Use --into ANOTHER."
                    )
            # It has at most extensions in it, which would stand in the way of the dump's own.
            admin.execute(sql.SQL("DROP DATABASE {}").format(target))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER owner TEMPLATE template0 ENCODING 'UTF8'").format(target))
        undo.callback(admin.execute, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(target))

        command = [
            _client("pg_restore"),
            "--exit-on-error",
            "--single-transaction",
            "--no-password",
            f"--dbname={into}",
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=_client_environment(target_url)) as reader:
            # A reader that gave up says why itself; the broken pipe adds nothing.
            with contextlib.suppress(BrokenPipeError):
                opened.open_part("database", reader.stdin.write)
                reader.stdin.close()
        if reader.returncode:
            raise Refused("pg_restore failed; the lines above say why. Nothing was kept.")

        with psycopg.connect(libpq_url(target_url)) as connection:
            connection.execute("SET ROLE owner")
            connection.execute((ROOT / "poverty/sql/database_grants.sql").read_text())
            connection.execute("RESET ROLE")
            found = row_counts(connection)
            if found != opened.manifest["rows"]:
                recorded = opened.manifest["rows"]
                differing = sorted(t for t in found.keys() | recorded.keys() if found.get(t) != recorded.get(t))
                raise Refused(
                    f"Rows differ from the manifest in {', '.join(differing[:5])}. Nothing was kept; take another copy."
                )
            connection.commit()
            _check_indexes(connection)
            connection.rollback()
            connection.execute("ANALYZE")
            connection.commit()

        if not media.exists():
            media.mkdir(mode=0o700, parents=True)
        undo.callback(_empty_folder, media)
        if not keys_path.exists():
            keys_path.parent.mkdir(parents=True, exist_ok=True)
            _write_private(keys_path, opened.field_keys)
            undo.callback(keys_path.unlink)
        if (number := _read_files(opened, media)) != opened.manifest["files"]:
            raise Refused(
                f"{number} stored files instead of {opened.manifest['files']}. Nothing was kept; take another copy."
            )
        checks(into)
        undo.pop_all()
    return opened.manifest


def _check_indexes(connection) -> None:
    """Have PostgreSQL look through every B-tree index; the caller rolls back, so the extension does not stay."""
    if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'").fetchone():
        return
    connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
    connection.execute("""
        SELECT bt_index_check(i.indexrelid) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisvalid
    """)


def _read_files(opened: Backup, media: Path) -> int:
    number = 0
    with tempfile.TemporaryFile(dir=media) as packed:
        opened.open_part("files", packed.write)
        packed.seek(0)
        with tarfile.open(fileobj=packed, mode="r:") as archive:
            for member in archive:
                path = media / member.name
                if not member.isreg() or not path.resolve().is_relative_to(media.resolve()):
                    raise Refused(
                        f"The backup holds a file outside its folder ({member.name}). Do not trust this backup."
                    )
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with path.open("xb") as out:
                    shutil.copyfileobj(archive.extractfile(member), out, CHUNK)
                path.chmod(0o600)
                os.utime(path, (member.mtime, member.mtime))
                number += 1
    return number


def _empty_folder(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _write_private(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)


def application_checks(into: str, *, media: Path, keys_path: Path) -> None:
    """Ask the restored register itself: is its audit chain whole, and do its sealed fields open with the restored keys?"""
    environment = dict(os.environ, MEDIA_ROOT=str(media), FIELD_KEYS_FILE=str(keys_path))
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PUBLIC_URL", "DATABASE_BACKUP_URL"):
        if environment.get(name):
            environment[name] = with_database(environment[name], into)
    for command in ("verify_audit", "check_canary"):
        if subprocess.run([sys.executable, str(ROOT / "manage.py"), command], env=environment, cwd=ROOT).returncode:
            raise Refused(
                f"manage.py {command} failed on the restored register (above). Nothing was kept; take another copy."
            )


# --- what the set-up scripts ask -------------------------------------------------------------------------------------


def is_empty(url: str) -> bool:
    """Whether no region is loaded yet. The region tree is open to every role, so app can tell."""
    with psycopg.connect(libpq_url(url)) as connection:
        return not connection.execute("SELECT EXISTS (SELECT FROM regions_region)").fetchone()[0]


def apply_grants(owner_url: str) -> None:
    with psycopg.connect(libpq_url(owner_url)) as connection:
        connection.execute((ROOT / "poverty/sql/database_grants.sql").read_text())


# --- command line ----------------------------------------------------------------------------------------------------


def _setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise Refused(f"{name} is not set. Set it in the environment, then try again.")
    return value


def _passphrase(path: Path | None, twice: bool = False) -> bytes:
    """Return the passphrase: the first line of a file, or typed."""
    if path:
        return path.read_bytes().splitlines()[0]
    if not sys.stdin.isatty():
        raise Refused("There is nobody to ask for the passphrase. Give it in a file: --passphrase-file FILE")
    typed = getpass.getpass("Passphrase of the recipient's key: ")
    if twice and typed != getpass.getpass("Once more: "):
        raise Refused("The two are not the same. Try again.")
    return typed.encode()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="poverty.backup")
    commands = parser.add_subparsers(dest="command", required=True)
    recipient = commands.add_parser("new-recipient", help="make a recipient's key pair")
    recipient.add_argument("name")
    recipient.add_argument("folder", type=Path)
    recipient.add_argument("--passphrase-file", type=Path)
    maker = commands.add_parser("make", help="write a backup")
    maker.add_argument("out", type=Path)
    maker.add_argument("--recipient", type=Path, required=True, help="the recipient's .pub file")
    reader = commands.add_parser("restore", help="read a backup into an empty place")
    reader.add_argument("backup", type=Path)
    reader.add_argument("--recipient-key", type=Path, required=True, help="the recipient's .key file")
    reader.add_argument("--passphrase-file", type=Path)
    reader.add_argument("--into", help="database to restore into; the one of DATABASE_URL unless given")
    reader.add_argument("--media", type=Path, help="folder for the stored files; MEDIA_ROOT unless given")
    reader.add_argument("--keys", type=Path, help="where the field keys go; FIELD_KEYS_FILE unless given")
    commands.add_parser("empty", help="exit with 0 when no region is loaded yet")
    commands.add_parser("grants", help="apply poverty/sql/database_grants.sql")
    options = parser.parse_args(arguments)
    try:
        if options.command == "new-recipient":
            passphrase = _passphrase(options.passphrase_file, twice=True)
            public, private = new_recipient(options.name, options.folder, passphrase)
            print(f"{public}: for script/backup --recipient, on the server")
            print(
                f"{private}: for script/restore. Keep it and its passphrase away from the server and from each other."
            )
        elif options.command == "make":
            manifest = make(
                options.out,
                recipient_path=options.recipient,
                backup_url=_setting("DATABASE_BACKUP_URL"),
                media=Path(_setting("MEDIA_ROOT")),
                keys_path=Path(_setting("FIELD_KEYS_FILE")),
            )
            rows = sum(manifest["rows"].values())
            print(f"{options.out}: {rows} rows, {manifest['files']} stored files, for {manifest['recipient']}")
        elif options.command == "restore":
            key = load_recipient_key(options.recipient_key, _passphrase(options.passphrase_file))
            media = options.media or Path(_setting("MEDIA_ROOT"))
            keys_path = options.keys or Path(_setting("FIELD_KEYS_FILE"))
            into = options.into or database_name(_setting("DATABASE_URL"))
            manifest = restore(
                options.backup,
                key=key,
                admin_url=_setting("RESTORE_ADMIN_URL"),
                into=into,
                media=media,
                keys_path=keys_path,
                checks=lambda name: application_checks(name, media=media, keys_path=keys_path),
            )
            rows = sum(manifest["rows"].values())
            print(
                f"Database {into}: {rows} rows and {manifest['files']} stored files of {manifest['created_at']} restored and checked."
            )
        elif options.command == "empty":
            return 0 if is_empty(_setting("DATABASE_URL")) else 1
        else:
            apply_grants(_setting("DATABASE_OWNER_URL"))
    except (Refused, psycopg.Error) as refused:
        print(f"Refused: {refused}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
