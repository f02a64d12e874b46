"""Who may call what: every role against every address of the URLconf, in the own area, in another one and in none."""

# ruff: noqa: F811 - fixtures come by import

import csv
import random
import re

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import ROLE_PERMISSIONS, Role
from accounts.roles import Permission as P
from dashboard import figuring
from poverty import scope, second
from tests.access_table import OFFICES, PUBLIC, TABLE, WHO
from tests.access_world import (  # noqa: F401 - `world` is a fixture
    COUNTY,
    NEXT_COUNTY,
    PAIRED,
    PLACES,
    ROUTES,
    V1,
    V5,
    VILLAGES,
    address,
    ask,
    make_user,
    world,
)
from tests.exchange.importing import id_number

pytestmark = pytest.mark.slow
LOGIN = ("/login/?next=", "/admin/login/?next=")
# What differs between two answers to the same question: tokens, and the address itself.
NOISE = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*|(nonce=")[^"]*|("csrf[^"]*": ?")[^"]*')


@pytest.fixture(autouse=True)
def _media(world, settings):
    settings.MEDIA_ROOT = world.media


def plain(response, given: dict) -> str:
    """Return the body without what tells two requests apart in any case."""
    text = response.body.decode(errors="replace") + response.headers.get("Location", "")
    for value in given.values():
        text = text.replace(f"/{value}/" if isinstance(value, int) else str(value), "…")  # a "2" stands everywhere
    return NOISE.sub("…", text)


def test_every_address_stands_in_the_table():
    missing = sorted(set(ROUTES) - set(TABLE))
    assert not missing, f"add these to TABLE in tests/access_table.py, with who may call them: {missing}"
    assert not set(TABLE) - set(ROUTES), "these stand in TABLE and are no addresses any more"


def test_the_roles_have_the_permissions_that_the_rules_give_them():
    given = {(role, permission) for role, permissions in ROLE_PERMISSIONS.items() for permission in permissions}
    wanted = {(role, permission) for permission, roles in WHO.items() for role in roles}
    assert given == wanted


def test_the_code_declares_the_policies_of_the_table():
    wrong = []
    for key, line in TABLE.items():
        declared = set(ROUTES[key].callback.policy)
        if not key.startswith("admin") and declared != set(line.permissions):
            wrong.append(f"{key}: {declared} in the code, {line.permissions} in the table")
    assert not wrong, "\n".join(wrong)


def test_nobody_gets_in_without_a_log_in(world):
    wrong = []
    for key, line in TABLE.items():
        if PUBLIC in line.permissions:
            continue
        url, _given = address(key, world, None, "own")
        for method in ("get", "post", "put", "delete"):
            response = ask(world, None, method, url)
            # Scripts that ask are told so: a page to log in at is nothing for them.
            sent_away = response.status_code == 302 and response.headers["Location"].startswith(LOGIN)
            if not sent_away and response.status_code != 401:
                wrong.append(f"{method} {key}: {response.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("key", sorted(key for key, line in TABLE.items() if PUBLIC in line.permissions))
def test_public_addresses_answer_without_a_log_in(world, key):
    line = TABLE[key]
    url, _given = address(key, world, None, "own")
    assert ask(world, None, "get", url).status_code == (200 if key == "accounts:login" else line.get)
    assert ask(world, None, "post", url, line.data).status_code == line.post


@pytest.mark.parametrize("role", list(Role))
def test_without_the_permission_every_address_refuses(world, role):
    wrong = []
    for key, line in TABLE.items():
        if line.allows(role):
            continue
        url, _given = address(key, world, role, "own")
        for method, data in (("get", {}), ("post", line.data)):
            # Asked as a script asks, a refusal is one sentence and not a page: quicker to make.
            status = ask(world, role, method, url, data, headers={"Accept": "application/json"}).status_code
            if status != 403 and (status, method, key) != (405, "post", "admin:autocomplete"):
                wrong.append(f"{method} {key}: {status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", list(Role))
def test_with_the_permission_the_own_area_answers(world, role):
    wrong = []
    for key, line in TABLE.items():
        if not line.allows(role) or (line.of == "village" and role in PAIRED):
            continue
        url, _given = address(key, world, role, "own")
        for method, wanted in (("get", line.get), ("post", line.post)):
            wanted = line.but.get((method, role), wanted)
            status = ask(world, role, method, url, line.data if method == "post" else {}).status_code
            if status != wanted:
                wrong.append(f"{method} {key}: {status}, not {wanted}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", list(Role))
def test_another_area_answers_as_if_it_were_not_there(world, role):
    wrong = []
    for key, line in TABLE.items():
        if not line.of or not line.allows(role) or line.everywhere:
            continue
        for method, own in (("get", line.get), ("post", line.post)):
            data = line.data if method == "post" else None
            url, given = address(key, world, role, "other")
            nowhere, no_object = address(key, world, role, "absent")
            other, absent = ask(world, role, method, url, data), ask(world, role, method, nowhere, data)
            wanted = own if own in (403, 405) else line.absent
            if other.status_code != wanted or absent.status_code != wanted:
                wrong.append(
                    f"{method} {key}: {other.status_code} elsewhere, {absent.status_code} absent, not {wanted}"
                )
            elif plain(other, given) != plain(absent, no_object):
                wrong.append(f"{method} {key}: another area's object has another answer than an absent one")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", list(Role))
def test_other_methods_do_nothing(world, role):
    wrong = []
    for key, line in TABLE.items():
        if not line.allows(role):
            continue
        url, _given = address(key, world, role, "own")
        for method in ("put", "delete"):
            status = ask(world, role, method, url).status_code
            if status not in (200, 286, 302, 400, 403, 404, 405):
                wrong.append(f"{method} {key}: {status}")
    assert not wrong, "\n".join(wrong)


# --- what is shown is exactly one's own area -------------------------------------------------------------------------


def areas() -> dict[str, tuple]:
    """Return {who: (role, region, ranges, households seen singly)} of people with all sorts of areas."""
    chance = random.Random(11)
    people = {f"{role}": (role, PLACES[role][0], [PLACES[role][0]], 0) for role in OFFICES if role not in PAIRED}
    for number in range(3):
        people[f"helper {number}"] = (Role.HELPER, None, [], chance.randint(1, 4))
        ranges = chance.sample([*VILLAGES[:4], "459901102", NEXT_COUNTY], 2)
        people[f"cadre of two places {number}"] = (Role.VILLAGE_CADRE, None, ranges, 0)
    people["cadre with a place in the next county"] = (Role.VILLAGE_CADRE, V1, [V1, VILLAGES[3]], 0)
    people["cadre with a place in another province"] = (Role.VILLAGE_CADRE, V1, [V1, V5], 0)
    people["nobody's cadre"] = (Role.VILLAGE_CADRE, None, [], 0)
    return people


@pytest.fixture(params=sorted(areas()))
def person(request, world):
    """A person, made for this test and taken back after it: (user, condition on a village, keys or None)."""
    role, region, ranges, singles = areas()[request.param]
    with transaction.atomic():
        every = [household for pair in world.households.values() for household in pair]
        seen = random.Random(request.param).sample(every, singles)
        user = make_user(role, region, seen)
        if not singles:
            user.scope.all().delete()
            for code in ranges:
                lo, hi = scope.code_range(code)
                user.scope.create(lo=lo, hi=hi)
        world.cookies["person"] = _session(user)
        yield user, tuple(f"{code}%" for code in ranges), {household.pk for household in seen}
        transaction.set_rollback(True)
    second.close()


def _session(user) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value


def oracle(person, what: str, *conditions: str) -> list:
    """Ask the database, past all scoping, for a column of the households of a person's area."""
    _user, patterns, keys = person
    extra = "".join(f" AND {condition}" for condition in conditions)
    with scope.system("oracle"), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {what} FROM households_household h WHERE withdrawn_at IS NULL"
            f" AND (village LIKE ANY (%s) OR id = ANY (%s)){extra}",
            [list(patterns), sorted(keys)],
        )
        return [value for (value,) in cursor.fetchall()]


PERSONS = "(SELECT count(*) FROM households_member m WHERE m.household_id = h.id AND m.departed_on IS NULL)"


def listed(world, **query) -> tuple[set, int, int]:
    """Walk through all pages of the list; return the household numbers and the two totals."""
    numbers, page = set(), 1
    while True:
        context = ask(world, "person", "get", "/households/", {**query, "page": page}).context
        numbers |= {row["number"] for row in context["rows"]}
        if not context["page"].has_next():
            return numbers, context["households"], context["persons"]
        page += 1


def test_the_list_its_totals_and_its_filters_are_the_own_area(world, person):
    for query, conditions in (
        ({}, ()),
        ({"status": "04"}, ("status = '04'",)),
        ({"unplaced": "1"}, ("position IS NULL",)),
        ({"region": V1}, (f"village = '{V1}'",)),
        ({"region": V5}, (f"village = '{V5}'",)),
        (
            {"q": "韦"},
            ("EXISTS (SELECT 1 FROM households_member m WHERE m.household_id = h.id AND m.name LIKE '%%韦%%')",),
        ),
    ):
        numbers = set(oracle(person, "household_no", *conditions))
        persons = sum(oracle(person, PERSONS, *conditions))
        assert listed(world, **query) == (numbers, len(numbers), persons), query


def test_the_home_page_counts_the_own_area(world, person):
    board = ask(world, "person", "get", "/").context["board"]
    assert board.totals["households"] == len(oracle(person, "id"))
    assert board.totals["persons"] == sum(oracle(person, PERSONS))
    for child in board.children:
        assert child.households == len(oracle(person, "id", f"village LIKE '{child.code}%%'")), child.code
        assert child.persons == sum(oracle(person, PERSONS, f"village LIKE '{child.code}%%'")), child.code


def test_the_map_counts_the_own_area(world, person):
    figuring.work_out(figuring.this_month())
    battle = (ask(world, "person", "get", "/map/", {"k": "K03"}).context or {}).get("battle")
    if battle is None:  # who is paired with single households has no area
        return
    here = "lifecycle <> 'CANCELLED'"
    assert (battle.now.value or 0) == len(oracle(person, "id", here))
    for child in battle.children:
        count = len(oracle(person, "id", here, f"village LIKE '{child.code}%%'"))
        assert (child.now.value or 0) == count, child.code


def test_the_search_by_identity_finds_in_the_own_area_only(world, person):
    for number in (10, 20, 30):
        answer = ask(world, "person", "post", "/households/search/", {"id_number": id_number(number)})
        found = {row.household_no for row, *_rest in answer.context["hits"]}
        assert found == set(oracle(person, "household_no", f"household_no = 'B{number}1'"))


def test_an_export_holds_the_own_area(world, person):
    url = reverse("exchange:export")
    if person[0].role not in WHO[P.EXPORT_RUN]:
        assert ask(world, "person", "get", url).status_code == 403
        return
    for query, conditions in (("kind=households", ()), (f"kind=households&region={V5}", (f"village = '{V5}'",))):
        count = ask(world, "person", "get", f"{url}?{query}").context["export"].count
        answer = ask(world, "person", "post", f"{url}?{query}", {"kind": "households", "format": "csv", "rows": count})
        rows = list(csv.reader(answer.body.decode("utf-8-sig").splitlines()))
        at = next(number for number, row in enumerate(rows) if "户编号" in row)
        column = rows[at].index("户编号")
        assert {row[column].lstrip("'\t") for row in rows[at + 1 :] if len(row) > column} == set(
            oracle(person, "household_no", *conditions)
        ), query


def test_another_areas_map_and_region_pages_are_not_there(world, person):
    user, patterns, _keys = person
    for village in VILLAGES:
        own = any(village.startswith(pattern.rstrip("%")) for pattern in patterns)
        assert ask(world, "person", "get", f"/?area={village}").status_code == (200 if own else 404), village
        if user.may(P.REGION_PICK):
            found = ask(world, "person", "get", f"/regions/search/?q={village}").json()["results"]
            assert bool(found) == own


@pytest.mark.parametrize("role", [Role.COUNTY_OFFICE, Role.TOWN_OFFICE])
def test_the_missing_list_of_an_import_is_what_the_file_lacks(world, role):
    region = PLACES[role][0]
    batch = world.batches[region, "merged"]
    with scope.system("oracle"), connection.cursor() as cursor:
        cursor.execute(f'SELECT DISTINCT village, person_no FROM staging."b{batch.pk}_p"')
        staged = cursor.fetchall()
        cursor.execute(
            "SELECT person_no FROM households_member WHERE village = ANY (%s) AND NOT person_no = ANY (%s)"
            " AND departed_on IS NULL AND withdrawn_at IS NULL",
            [[village for village, _no in staged], [number for _village, number in staged if number]],
        )
        wanted = {number for (number,) in cursor.fetchall()}
    page = ask(world, role, "get", reverse("exchange:missing", args=[batch.uid])).context["page"]
    assert page.paginator.count == len(wanted) and wanted


# --- taken away, and gone with the next request ----------------------------------------------------------------------


def test_a_changed_role_area_or_account_holds_from_the_next_request(world):
    with transaction.atomic():
        user = make_user(Role.COUNTY_OFFICE, COUNTY)
        world.cookies["person"] = _session(user)
        household = world.households[V1][0]
        url = reverse("households:detail", args=[household.uid])
        assert ask(world, "person", "get", url).status_code == 200
        user.scope.all().delete()
        lo, hi = scope.code_range(NEXT_COUNTY)
        user.scope.create(lo=lo, hi=hi)
        User.objects.filter(pk=user.pk).update(region=NEXT_COUNTY)
        assert ask(world, "person", "get", url).status_code == 404
        assert listed(world)[1] == 3  # two households and the one that was imported there
        User.objects.filter(pk=user.pk).update(role=Role.SYSTEM_ADMIN)
        assert ask(world, "person", "get", url).status_code == 403
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert ask(world, "person", "get", url).headers["Location"].startswith(LOGIN)
        transaction.set_rollback(True)
    second.close()
