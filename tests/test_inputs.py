"""Whatever is sent to whichever address: an answer, never an error of the server.

Every address of the URLconf is asked, in the name of who may call it, with what no field can hold: NUL, lone surrogates,
over-long and over-deep values, numbers that are none, broken and mislabelled bodies, odd headers.
"""

# ruff: noqa: F811 - fixtures come by import

import itertools
import json
import random
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings

from accounts.roles import Role
from tests.access_table import PUBLIC, TABLE
from tests.access_world import PAIRED, ROUTES, address, ask, world  # noqa: F401

pytestmark = pytest.mark.slow
NUL, SURROGATE, LONG = "%00", "%ED%A0%80", "A" * 25_000
QUERY = (
    "q", "page", "region", "area", "year", "status", "type", "cause", "exit_year", "sort", "unplaced", "findings", "field",
    "section", "member", "verdict", "column", "action", "code", "levels", "before", "who", "target", "since", "until", "kind",
    "format", "full", "state", "mine", "list", "print", "joining", "v", "next", "o", "p", "_to_field", "_popup", "e", "role",
)  # fmt: skip
FORM = (
    *QUERY, "username", "password", "old", "new", "new2", "full_name", "unit", "phone", "language", "households", "reason",
    "row", "rows", "sheet", "id_number", "name", "base", "h-phone", "h-status", "h-household_type", "y-size", "y-net_pc_yuan",
    "y-road_km", "m-TOTAL_FORMS", "m-n0-name", "m-n0-cert_no", "m-n0-birth_on", "which", "l-member", "l-kind",
    "l-happened_on", "j-name", "j-kind", "j-birth_on", "j-happened_on", "lon", "lat", "system", "accuracy", "confirm", "uids",
    "uid", "choice", "answer", "decision", "mode", "step", "question", "typed", "same", "remove", "value", "valid_from", "note",
    "total_households", "total_population", "village", "household_no", "head", "for", "kept", "kept_whose", "as_of", "file",
)  # fmt: skip
# Valid for no field, and storable: forms have to say so in words.
ODD = (
    "NaN", "Infinity", "-1", "99999999999999999999", "1e400", "１２３", "٣", "0x10", "1_000", "2020-02-31", "9999-12-31",
    "0000-00-00", "' OR 1=1 --", "%", "\\", "../../etc/passwd", "<script>", "null", "[]", "{}", "\u202e\ufeff", "\t\n", "😀" * 50,
    "00000000-0000-0000-0000-00000000000g", "45990110020", "persons\n", "=1+1", "18446744073709551616", "1.7976931348623157e309",
)  # fmt: skip
DEEP = "[" * 5_000 + "]" * 5_000
BROKEN_MULTIPART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\nPK\x03\x04 and no end'


@pytest.fixture(autouse=True)
def _media(world, settings):
    settings.MEDIA_ROOT = world.media


def who(key: str):
    """Return a role that may call the address: the county office wherever it may."""
    line = TABLE[key]
    if PUBLIC in line.permissions:
        return Role.COUNTY_OFFICE
    able = [role for role in Role if line.allows(role) and role not in PAIRED]
    return Role.COUNTY_OFFICE if Role.COUNTY_OFFICE in able or not able else able[0]


def broken(world, requests) -> str:
    """Send (key, method, url, arguments) and say which were answered by an error of the server."""
    found = []
    for key, method, url, more in requests:
        # Asked as a script asks, a refusal is one sentence and not a page: quicker to make.
        more = {"headers": {"Accept": "application/json"}, **more}
        try:
            if isinstance(more.get("data"), bytes):  # as it stands, whatever it says of itself
                status = ask(world, who(key), "generic", method.upper(), **more, path=url).status_code
            else:
                status = ask(world, who(key), method, url, **more).status_code
        except Exception as error:  # what the handlers did not catch
            status = type(error).__name__
        if not isinstance(status, int) or status >= 500:
            shown = {name: str(value)[:150] for name, value in more.items()}
            found.append(f"{method} {key} {url[:200]} {shown}: {status}")
    return "\n".join(found)


def plain_address(key: str, world) -> str:
    return address(key, world, who(key), "own")[0].partition("?")[0]


def encoded(values: dict) -> str:
    """Return the pairs as a query; values that begin with % stand for themselves."""
    return "&".join(f"{name}={value if value in (NUL, SURROGATE) else quote(value)}" for name, value in values.items())


@pytest.mark.parametrize("value", [NUL, SURROGATE, LONG], ids=["NUL", "surrogate", "long"])
def test_what_cannot_be_stored_is_refused_in_the_address(world, value):
    wrong = []
    for key in ROUTES:
        answer = ask(world, who(key), "get", f"{plain_address(key, world)}?{encoded({'q': value})}")
        # A surrogate in an address is read as U+FFFD, which can be stored.
        if answer.status_code >= 500 or (value != SURROGATE and answer.status_code != 400):
            wrong.append(f"{key}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("value", ["\x00", "\ud800", LONG], ids=["NUL", "surrogate", "long"])
def test_what_cannot_be_stored_is_refused_in_a_form(world, value):
    wrong = []
    body = b"reason=%ED%A0%80" if value == "\ud800" else f"reason={value.replace(chr(0), '%00')}".encode()
    for key in ROUTES:
        for method in ("post", "put", "patch"):
            answer = ask(
                world, who(key), method, plain_address(key, world), data=body,
                content_type="application/x-www-form-urlencoded",
            )  # fmt: skip
            # Django reads forms of posts only: what else is sent so is not looked at.
            refused = answer.status_code in (400, 403)
            if answer.status_code >= 500 or (method == "post" and value != "\ud800" and not refused):
                wrong.append(f"{method} {key}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_odd_values_in_the_address_never_break_a_page(world):
    chance = random.Random(7)
    requests = []
    for key in ROUTES:
        url = plain_address(key, world)
        for _time in range(4):
            values = {name: chance.choice(ODD) for name in chance.sample(QUERY, 12)}
            requests.append((key, "get", f"{url}?{encoded(values)}", {}))
    assert not (found := broken(world, requests)), found


def test_odd_values_one_by_one_never_break_the_pages_that_filter(world):
    pages = ("dashboard:home", "dashboard:map", "households:list", "households:history", "households:edit", "exchange:list",
             "exchange:export", "exchange:rows", "exchange:changes", "exchange:faults", "exchange:missing", "exchange:questions",
             "households:proposals", "regions:search", "jobs:list")  # fmt: skip
    odd = itertools.cycle(ODD)
    requests = [
        (key, "get", f"{plain_address(key, world)}?{encoded({name: next(odd)})}", {})
        for key, name in itertools.product(pages, QUERY[:20])
    ]
    assert not (found := broken(world, requests)), found


def test_odd_values_in_a_form_never_break_a_page(world):
    chance = random.Random(8)
    requests = []
    for key in ROUTES:
        url = plain_address(key, world)
        for _time in range(5):
            names = FORM if _time == 0 else chance.sample(FORM, 30)
            requests.append((key, "post", url, {"data": {name: chance.choice(ODD) for name in names}}))
    assert not (found := broken(world, requests)), found


def test_json_that_is_broken_deep_or_of_another_shape_never_breaks_a_page(world):
    texts = [
        DEEP,
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": "\\u0000"}',
        "",
        "null",
        "[1, 2]",
        '"text"',
        '{"username": []}',
        "{",
        "\xff",
    ]
    requests = [
        (key, method, plain_address(key, world), {"data": text, "content_type": "application/json"})
        for key in ROUTES
        for text in texts
        for method in (("post", "put") if text == DEEP else ("post",))
    ]
    assert not (found := broken(world, requests)), found


def test_what_json_cannot_hold_is_refused(world):
    for text in (DEEP, '{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', "{"):
        answer = ask(world, Role.COUNTY_OFFICE, "post", "/session/keep/", data=text, content_type="application/json")
        assert answer.status_code == 400, text[:20]


def test_bodies_that_are_not_what_they_say_never_break_a_page(world):
    kinds = [
        ("multipart/form-data; boundary=x", BROKEN_MULTIPART),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=" + "é" * 10, b"x"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a\x00"\r\n\r\n\x00\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xed\xa0\x80\x00.xlsx"\r\n\r\nA\r\n--x--\r\n',
        ),
        ("application/x-www-form-urlencoded; charset=nonsense", b"a=1"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(6_000))),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff%fe&%="),
        ("application/json; charset=utf-16", json.dumps({"a": 1}).encode("utf-16")),
        ("text/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        ("application/octet-stream", bytes(range(256))),
        ("", b"x"),
        ("nonsense", b"x"),
    ]
    requests = [
        (key, method, plain_address(key, world), {"data": body, "content_type": kind})
        for key in ROUTES
        for number, (kind, body) in enumerate(kinds)
        for method in (("post", "put", "patch", "delete") if number == 0 else ("post",))
    ]
    assert not (found := broken(world, requests)), found


def test_odd_headers_and_cookies_never_break_a_page(world):
    headers = [
        {"HX-Request": "true", "HX-Current-URL": "\x00", "HX-Target": "<>", "X-Background": "1"},
        {"Accept-Language": "x" * 5_000, "Accept": "application/json", "If-None-Match": '"\xff"'},
        {
            "X-Forwarded-For": "not an address, 1",
            "Referer": "http://[::1",
            "If-Modified-Since": "NaN",
            "Range": "bytes=9-1",
        },
        {"Accept-Encoding": "gzip;q=NaN", "Content-Length": "NaN", "X-Upload": "1", "X-Session-Dialog": "1"},
    ]
    requests = [(key, "get", plain_address(key, world), {"headers": each}) for key in ROUTES for each in headers]
    assert not (found := broken(world, requests)), found
    for cookie in ("\xff\xfe", "x" * 4_000, "../../x", "\x01"):
        client = world.client(Role.COUNTY_OFFICE)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        odd = f"{django_settings.LANGUAGE_COOKIE_NAME}={cookie}; messages={cookie}; csrftoken={cookie}"
        # As a header: newer Pythons refuse to make such cookies themselves.
        assert client.get("/", headers={"Cookie": f"sessionid={session}; {odd}"}).status_code < 500
        assert client.get("/", headers={"Cookie": f"sessionid={cookie}; {odd}"}).status_code == 302


def test_odd_pieces_of_an_address_never_break_a_page(world):
    pieces = [
        "%00",
        "%ED%A0%80",
        "..%2f..",
        "9" * 40,
        "%EF%BC%91",
        "NaN",
        "-1",
        "a" * 3_000,
        "%0a",
        "00000000-0000-0000-0000-000000000000",
    ]
    requests = []
    for key in ROUTES:
        line, whole = TABLE[key], plain_address(key, world)
        given = address(key, world, who(key), "own")[1]
        for piece in pieces:
            urls = [whole.replace(str(value), piece) for value in given.values()]
            urls += [line.address.format(object=piece)] if line.address else []
            requests += [(key, "post" if line.get == 405 else "get", url, {}) for url in urls]
    assert not (found := broken(world, requests)), found
