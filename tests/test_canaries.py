"""Sealed values leave no plain trace: identity numbers, cards and phones of an import are looked for everywhere.

Fifty households with numbers of their own go through the pages as an office works: upload, preview, import, questions,
search, correction, proposal, reveal, export. Then every table, file, queue, log line, session and address is searched,
and what is inside simple wrappers (hexadecimal, base64, gzip, zlib).
"""

# ruff: noqa: F811 - fixtures come by import

import base64
import binascii
import gzip
import logging
import re
import tempfile
import zlib
from html import unescape
from urllib.parse import unquote

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from exchange.models import ImportBatch, ImportFault
from households import proposing
from households.models import Household, Member
from jobs import engine
from jobs.models import Job, Outbox
from poverty import scope
from tests.exchange.importing import id_number, person, workbook
from tests.jobs.test_worker import broker  # noqa: F401 - a Redis of the test's own

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions"), pytest.mark.slow]
HOUSEHOLDS = 50
ROOT_LOG = logging.getLogger()


def canaries(number: int) -> dict[str, str]:
    """Return the sealed values of household `number`: valid ones, and every fifth broken in its own way."""
    identity, phone, card = id_number(number, birth="19610203"), f"1547{number:03d}9631", f"62281977{number:03d}40625"
    match number % 5:
        case 0:
            identity = identity[:17] + ("2" if identity[17] != "2" else "3")  # wrong check digit
        case 1:
            phone = phone + "77"  # too long
        case 2:
            card = card + "AB"  # no card at all
        case 3:
            identity = identity + "43"  # a disability certificate's form
    return {"证件号码": identity, "联系电话": phone, "银行卡号": card}


PLANTED = [canaries(number) for number in range(1, HOUSEHOLDS + 1)]
MORE = {
    "searched": id_number(301, birth="19620304"),
    "typed": "15488812345",
    "proposed": id_number(302, birth="19630405"),
}
UNKNOWN = "15499912345"  # in a column that no sheet knows
VALUES = sorted({value for row in PLANTED for value in row.values()} | {*MORE.values(), UNKNOWN})


def wrapped(value: str) -> set[bytes]:
    """Return a value as text, UTF-16, hexadecimal and base64 at its three offsets."""
    raw = value.encode()
    found = {raw, value.encode("utf-16-le"), binascii.hexlify(raw), binascii.hexlify(raw).upper()}
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw)
        # The first and last characters depend on the neighbours.
        found.add(text[4 if offset else 0 : (len(raw) + offset) // 3 * 4])
    return found


NEEDLES = re.compile(b"|".join(re.escape(needle) for value in VALUES for needle in wrapped(value)))


def unpacked(data: bytes):
    """Yield the bytes and whatever gzip or zlib streams stand in them."""
    yield data
    for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", data):
        for opener in (lambda part: gzip.decompress(part), lambda part: zlib.decompressobj().decompress(part)):
            try:
                yield opener(data[start.start() :])
            except (OSError, EOFError, zlib.error):
                continue


def seen_in(data: bytes) -> list[str]:
    return sorted(
        {found.group().decode(errors="replace") for part in unpacked(data) for found in NEEDLES.finditer(part)}
    )


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'staging')"
            " AND NOT (SELECT relispartition FROM pg_class WHERE oid = format('%I.%I', schemaname, tablename)::regclass)"
        )
        return sorted(name for (name,) in cursor.fetchall() if "spatial_ref_sys" not in name)


def dump(table: str) -> bytes:
    """Return a whole table as text; bytea columns are hexadecimal in it, and are unpacked beside."""
    with scope.system("dump"), connection.cursor() as cursor:
        with cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:
            text = b"".join(bytes(part) for part in copy)
    blobs = b"\n".join(binascii.unhexlify(found) for found in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", text))
    return text + b"\n" + blobs


class Office:
    """A browser that remembers every address it was shown or sent to."""

    def __init__(self, user):
        self.client, self.addresses = Client(), []
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def note(self, response):
        body = b"".join(response.streaming_content) if response.streaming else response.content
        if "html" in response.headers.get("Content-Type", ""):
            # A number to be dialled (tel:) is a phone shown to those who may see it; it is sent and logged nowhere.
            self.addresses += re.findall(
                r'(?:href|src|action|hx-[a-z]+|content)="(?!tel:)([^"]*)"', unescape(body.decode())
            )
        self.addresses += [
            value for name, value in response.headers.items() if name in ("Location", "Content-Disposition", "ETag")
        ]
        self.addresses.append(response.request["PATH_INFO"])
        assert response.status_code < 500
        return response

    def get(self, name, /, *args, **query):
        return self.note(self.client.get(reverse(name, args=args), query))

    def post(self, name, /, *args, **data):
        return self.note(self.client.post(reverse(name, args=args), data))


def run_jobs():
    for job in Job.objects.filter(state__in=engine.UNDER_WAY):
        assert engine.run_now(job).state == "done", Job.objects.get(pk=job.pk).message


def roster() -> bytes:
    rows = []
    for number, cells in enumerate(PLANTED, 1):
        more = {name: value for name, value in cells.items() if name != "证件号码"}
        health = "说不清" if number % 10 == 0 else "健康"
        rows.append(
            person(
                f"C{number}",
                f"C{number}1",
                "韦明",
                人数=1,
                健康状况=health,
                备忘=UNKNOWN,
                证件号码=cells["证件号码"],
                **more,
            )
        )
    return workbook(rows)


def work_through(office: Office, county, cadre) -> None:
    """Do with the roster what an office does, and what people do to it later."""
    file = SimpleUploadedFile("花名册.xlsx", roster())
    office.post("exchange:upload", kind="persons", year=2020, as_of="2020-12-31", region="459901", file=file)
    run_jobs()
    with scope.system("look"):
        batch = ImportBatch.objects.get()
    for page in ("batch", "faults", "rows", "changes", "missing", "questions", "reconciliation", "status", "marked"):
        office.get(f"exchange:{page}", batch.uid)
    office.get("exchange:rows", batch.uid, verdict="asked")
    office.post("exchange:merge", batch.uid, mode="good")
    run_jobs()
    office.get("exchange:questions", batch.uid, list="1")
    with scope.system("look"):
        question = ImportFault.objects.filter(action="ask").first().question
    office.post("exchange:answer", batch.uid, question=question, choice="blank", same="1")
    run_jobs()
    with scope.system("look"):
        household = Household.objects.get(household_no="C7")
        member = Member.objects.get(household=household)
    assert household.phone_sealed and member.cert_no_sealed
    for page in ("detail", "print", "history", "sources", "edit", "member_change"):
        office.get(f"households:{page}", household.uid)
    for value in (PLANTED[0]["证件号码"], MORE["searched"]):
        office.post("households:id_search", id_number=value)
        office.get("households:list", q=value)
    shown = office.post(
        "households:reveal",
        household.uid,
        field="id_number",
        name="cert_no",
        member=str(member.uid),
        reason="核对身份证",
    )
    assert PLANTED[6]["证件号码"] in shown.content.decode()
    form = office.get("households:edit", household.uid, section="contact").context["edit"]
    office.note(
        office.client.post(
            reverse("households:edit", args=[household.uid]) + "?section=contact",
            {"base": form.token(), "h-phone": MORE["typed"], "reason": "电话换了"},
        )
    )
    with scope.acting(cadre):
        payload = {"changes": {f"member.{member.uid}.cert_no": [PLANTED[6]["证件号码"], MORE["proposed"]]}}
        proposal = proposing.propose(household=household, payload=payload, by=cadre, reason="看了户口簿")
    office.get("households:proposal", proposal.uid)
    office.post("households:proposal_decide", proposal.uid, choice="confirm")
    office.get("households:history", household.uid)
    export = office.get("exchange:export", kind="persons").context["export"]
    office.post("exchange:export", kind="persons", format="csv", rows=export.count)
    office.get("exchange:undo", batch.uid)


def test_no_sealed_value_is_left_in_plain_anywhere(broker, make_user, settings, caplog, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"unix://{broker.socket}"}
    }
    county, cadre = make_user(Role.COUNTY_OFFICE, "459901"), make_user(Role.VILLAGE_CADRE, "459901100201")
    office = Office(county)
    with caplog.at_level(logging.DEBUG):
        work_through(office, county, cadre)
        engine.relay()
    found = {f"table {table}": seen_in(dump(table)) for table in tables()}
    found |= {
        f"file {path.name}": seen_in(path.read_bytes() + path.name.encode())
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    keys = broker.client.keys("*")
    assert keys, "the broker was used"
    found |= {f"redis {key!r}": seen_in(key + b"\n" + _value(broker.client, key)) for key in keys}
    out, err = capfd.readouterr()
    found["log"] = seen_in(
        "\n".join([caplog.text, *(str(vars(record)) for record in caplog.records), out, err]).encode()
    )
    found["addresses"] = seen_in("\n".join(unquote(address) for address in office.addresses).encode())
    found["sessions"] = seen_in(repr([session.get_decoded() for session in Session.objects.all()]).encode())
    found["jobs"] = seen_in(repr([*Job.objects.values(), *Outbox.objects.values()]).encode())
    assert {place: values for place, values in found.items() if values} == {}


def _value(client, key: bytes) -> bytes:
    match client.type(key):
        case b"list":
            return b"\n".join(client.lrange(key, 0, -1))
        case b"hash":
            return b"\n".join(part for pair in client.hgetall(key).items() for part in pair)
        case b"set":
            return b"\n".join(client.smembers(key))
        case b"zset":
            return b"\n".join(client.zrange(key, 0, -1))
        case _:
            return client.get(key) or b""


def test_the_search_would_find_what_is_left_in_plain_or_simply_wrapped():
    value = PLANTED[3]["证件号码"].encode()
    for form in (
        value,
        b"x" + base64.b64encode(b"ab" + value + b"c"),
        value.hex().encode(),
        b"..." + gzip.compress(b"{" + value),
    ):
        assert seen_in(form), form
    assert seen_in(zlib.compress(b"session " + value)) and not seen_in(b"4599011961")
