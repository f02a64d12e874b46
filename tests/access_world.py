"""A small world for the access matrix: objects in everybody's own area, in the next one, and in none.

`build()` commits it once; tests ask `world.object(kind, user, place)` with place "own", "other" or "absent".
"""

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass, field

import pytest
from axes.models import AccessAttempt
from django.conf import settings as django_settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from accounts.roles import ROLES_WITHOUT_ROWS, Role
from dashboard import links
from dashboard.models import Screen
from exchange import batches
from exchange.models import ExportRequest, ImportBatch, RememberedLabel, StoredFile
from households import proposing
from households.models import Household, Member
from jobs.models import Job
from poverty import scope, second
from poverty.models import ConfigValue
from regions.models import Region, RegionAlias
from tests import factories
from tests.access_table import TABLE
from tests.conftest import TREE, empty_tables
from tests.exchange.importing import id_number, person, workbook
from tests.households.factories import finding as make_finding
from validation import actions as findings
from validation import report
from validation.models import ComposedRule, FixBatch, RuleRun, Snapshot, SourceVerdict

FAR = [("46", "海屿省", "province"), ("4601", "滨海市", "city"), ("460101", "东海县", "county")]
FAR += [("460101100", "东海镇", "town"), ("460101100201", "渔村", "village")]
V1, V2, V3, V4, V5 = "459901100201", "459901100202", "459901101201", "459902100201", "460101100201"
VILLAGES = (V1, V2, V3, V4, V5)
COUNTY, NEXT_COUNTY, TOWN, NEXT_TOWN = "459901", "459902", "459901100", "459901101"
# role: (own region, a village of the own area, the nearest village outside)
PLACES = {
    Role.PROVINCE_OFFICE: ("45", V1, V5),
    Role.CITY_OFFICE: ("4599", V1, V5),
    Role.COUNTY_OFFICE: (COUNTY, V1, V4),
    Role.TOWN_OFFICE: (TOWN, V1, V3),
    Role.VILLAGE_CADRE: (V1, V1, V2),
    Role.HELPER: (None, V1, V2),
    Role.LEADER: (COUNTY, V1, V4),
    Role.AUDITOR: (COUNTY, V1, V4),
    Role.DEPARTMENT: (COUNTY, V1, V4),
    Role.SYSTEM_ADMIN: (COUNTY, V1, V4),
    Role.SECURITY_ADMIN: (COUNTY, V1, V4),
    Role.AUDIT_ADMIN: (COUNTY, V1, V4),
    Role.RESIDENT: (None, V1, V2),
}
PAIRED = (Role.HELPER, Role.RESIDENT)  # they see one household of the village, and not its neighbour
NOWHERE = uuid.UUID("00000000-0000-7000-8000-000000000000")
_serial = itertools.count(1)


def make_user(role, region=None, households=(), **more) -> User:
    if role == Role.DEPARTMENT:
        more.setdefault("unit", "县公安局")  # a department that names none sends no list
    user = User(
        username=f"{role}-{next(_serial)}",
        full_name="某人",
        role=role,
        region_id=region,
        must_change_password=False,
        **more,
    )
    user.set_unusable_password()
    user.save()
    if households:
        for household in households:
            lo, hi = scope.code_range(household.village_id)
            user.scope.create(lo=lo, hi=hi, household_id=household.pk)
    elif region and role not in ROLES_WITHOUT_ROWS:
        lo, hi = scope.code_range(region)
        user.scope.create(lo=lo, hi=hi)
    return user


@dataclass
class World:
    users: dict = field(default_factory=dict)  # role: user
    cookies: dict = field(default_factory=dict)  # role: session key
    households: dict = field(default_factory=dict)  # village: [household, its neighbour]
    members: dict = field(default_factory=dict)  # household key: a member who departed
    proposals: dict = field(default_factory=dict)  # village, or role: proposal
    batches: dict = field(default_factory=dict)  # (region, state): batch
    requests: dict = field(default_factory=dict)  # county, or role of an office above: export request
    jobs: dict = field(default_factory=dict)  # user's key: job
    tokens: dict = field(default_factory=dict)  # user's key: a token
    others: dict = field(default_factory=dict)  # kind: key, of what has no area
    colleagues: dict = field(default_factory=dict)  # region: a user there
    config: dict = field(default_factory=dict)  # region: dated value
    findings: dict = field(default_factory=dict)  # household key: a finding on it
    photos: dict = field(default_factory=dict)  # household key: a photo of a field check
    fixes: dict = field(default_factory=dict)  # region: corrections that wait for approval
    lists: dict = field(default_factory=dict)  # (county, state): a department's upload
    snapshots: dict = field(default_factory=dict)  # county: a department's list, reported on
    disputes: dict = field(default_factory=dict)  # county: a row of it that was found wrong
    locks: dict = field(default_factory=dict)  # county: log-in that failed five times
    reports: dict = field(default_factory=dict)  # village: kept report
    composed: dict = field(default_factory=dict)  # (county, kind): composed rule
    screens: dict = field(default_factory=dict)  # village: a screen for its wall
    display_links: dict = field(default_factory=dict)  # village: a link to it
    labels: dict = field(default_factory=dict)  # county: remembered label
    media: object = None  # where the stored files are
    # One for all: each new client loads the middleware anew, which looks through all static files.
    browser: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def client(self, role) -> Client:
        """Return the client, going on with the role's session (None: nobody's)."""
        self.browser.cookies.clear()
        if role is not None:
            self.browser.cookies["sessionid"] = self.cookies[role]
        return self.browser

    def household(self, role, place) -> Household:
        _region, own, other = PLACES[role]
        if place == "own":
            return self.households[own][0]
        return self.households[own][1] if role in PAIRED else self.households[other][0]

    def object(self, kind: str, role, place: str) -> dict:
        """Return the arguments of an address."""
        role = role or Role.COUNTY_OFFICE
        if place == "absent":
            return self._absent(kind)
        own = place == "own"
        _region, village, other = PLACES[role]
        here = village if own else other
        match kind:
            case "household":
                return {"uid": self.household(role, place).uid}
            case "member":
                household = self.household(role, place)
                return {"uid": household.uid, "member": self.members[household.pk].uid}
            case "person":
                return {"uid": self.members[self.household(role, place).pk].uid}
            case "finding":
                return {"uid": self.findings[self.household(role, place).pk].uid}
            case "photo":
                return {"uid": self.photos[self.household(role, place).pk].uid}
            case "fixes":
                region = TOWN if role == Role.TOWN_OFFICE else COUNTY
                if not own:
                    region = COUNTY if role == Role.TOWN_OFFICE else NEXT_COUNTY
                return {"uid": self.fixes[region].uid}
            case "village" if role in PAIRED:
                return self._absent(kind)  # single households make no area
            case "village":
                return {"code": here, "object_id": here}
            case "proposal":
                found = self.proposals.get(role) if own else None
                if found is None:
                    found = self.proposals[here if role not in PAIRED else Role.VILLAGE_CADRE]
                return {"uid": found.uid}
            case "previewed" | "merged" | "failed":
                region = TOWN if role == Role.TOWN_OFFICE else COUNTY
                if not own:
                    region = COUNTY if role == Role.TOWN_OFFICE else NEXT_COUNTY
                return {"uid": self.batches[region, kind].uid}
            case "list_previewed" | "list_merged":
                return {"uid": self.lists[here[:6], kind.removeprefix("list_")].uid}
            case "list":
                return {"uid": self.snapshots[here[:6]].uid}
            case "dispute":
                return {"uid": self.disputes[here[:6]].uid}
            case "request":
                return {"uid": self.requests[role if role in self.requests and own else here[:6]].uid}
            case "label" | "lock":
                found = self.labels if kind == "label" else self.locks
                return {"pk": found[COUNTY if own else NEXT_COUNTY].pk}
            case "job":
                owner = self.users[role] if own else self.colleagues[COUNTY]
                return {"uid": self.jobs[owner.pk].uid}
            case "token":
                owner = self.users[role] if own else self.colleagues[COUNTY]
                return {"pk": self.tokens[owner.pk].pk}
            case "user":
                found = self.colleagues[COUNTY if own else NEXT_COUNTY]
                return {"pk": found.pk, "object_id": found.pk}
            case "report" if role in PAIRED:
                return self._absent(kind)  # single households make no area
            case "report":
                return {"uid": self.reports[here].uid, "part": "word"}
            case "screen" | "display_link" if role in PAIRED:
                return self._absent(kind)  # single households make no area
            case "screen":
                return {"uid": self.screens[here].uid}
            case "display_link":
                return {"pk": self.display_links[here].pk}
            case "composed" | "composed_off":
                return {"rule": self.composed[here[:6], kind].code}
            case "config_value":
                return {"object_id": self.config[here[:6]].pk}
            case "alias":
                return {"object_id": self.others["alias"] if own else self.others["aliases"][other]}
            case "foreign_key":
                household = self.household(role, "other")
                content_type = ContentType.objects.get_for_model(Household)
                return {"content_type_id": content_type.pk, "object_id": household.pk}
            case _:
                return dict(self.others[kind])

    def _absent(self, kind: str) -> dict:
        return {
            "village": {"code": "459999999999", "object_id": "459999999999"},
            "member": {"uid": NOWHERE, "member": NOWHERE},
            "user": {"pk": 2**40, "object_id": 2**40},
            "lock": {"pk": 2**40},
            "token": {"pk": 2**40},
            "label": {"pk": 2**40},
            "display_link": {"pk": 2**40},
            "setting": {"key": "no.such"},
            "rule": {"rule": "QQ-99"},
            "figure": {"key": "K999"},
            "report": {"uid": NOWHERE, "part": "word"},
            "composed": {"rule": "ZD-999"},
            "composed_off": {"rule": "ZD-999"},
            "kind": {"kind": "nothing"},
            "list_kind": {"kind": "nothing"},
            "config_value": {"object_id": 2**40},
            "alias": {"object_id": 2**40},
        }.get(kind, {"uid": NOWHERE})


def roster(number: str, town: str, village: str, county: str = "云岭县") -> bytes:
    place = {"县(市、区、旗)": county, "乡(镇)": town, "行政村": village}
    rows = [
        person(f"{number}1", f"{number}11", "韦明", id_number(int(number[1:])), 人数=1, **place),
        person(f"{number}2", f"{number}21", "韦花", id_number(int(number[1:]) + 1), 人数=1, 健康状况="说不清", **place),
    ]
    return workbook(rows)


def _bring_in(world: World, region: str, by, number: int, *place: str) -> None:
    """Import two files into `region`: one is merged, one waits; a third one failed."""
    for state, data in (("merged", roster(f"B{number}", *place)), ("previewed", roster(f"B{number + 2}", *place))):
        options = {"year": 2020, "as_of": dt.date(2020, 12, 31), "by": by}
        batch = batches.create(kind="persons", name=f"{region}-{state}.xlsx", data=data, region=region, **options)
        assert batches.stage(batch)
        batches.merge(batch) if state == "merged" else batches.preview(batch)
        world.batches[region, state] = batch
    with scope.system("test"):
        stored = StoredFile.objects.create(name="x.xlsx", size=1, sha256="0" * 64, keep_until="2099-01-01")
        world.batches[region, "failed"] = ImportBatch.objects.create(
            kind="persons", region_id=region, file=stored, file_name="x.xlsx", sha256="0" * 64, year=2020,
            as_of=dt.date(2020, 12, 31), state="failed", created_by=by,
        )  # fmt: skip


def build() -> World:
    """Write the world into an empty database."""
    Region.objects.bulk_create(Region(code=c, name=n, short_name=n[:-1], level=level) for c, n, level in [*TREE, *FAR])
    world = World()
    for village in VILLAGES:
        world.households[village] = [factories.household(village), factories.household(village)]
        for household in world.households[village]:
            with scope.system("test"):
                world.members[household.pk] = Member.objects.create(
                    household=household, village_id=village, person_no=f"G{household.pk}", name="远行人",
                    relation="03", departed_on=dt.date(2020, 5, 1), departed_as="13",
                )  # fmt: skip
            world.findings[household.pk] = make_finding(household)
    first = world.households[V1][0]
    for role, (region, _own, _other) in PLACES.items():
        world.users[role] = make_user(role, region, [first] if role in PAIRED else ())
    world.users[Role.RESIDENT].household_id = first.pk
    world.users[Role.RESIDENT].save()
    for region in (COUNTY, NEXT_COUNTY):
        world.colleagues[region] = make_user(Role.AUDITOR, region)
    _ask_for_exports(world)
    for region in (COUNTY, NEXT_COUNTY, V5[:6]):
        world.config[region] = ConfigValue.objects.create(
            key="export.approval_rows", region=region, value=7, valid_from="2001-01-01"
        )
    for user in [*world.users.values(), world.colleagues[COUNTY]]:
        world.jobs[user.pk] = Job.objects.create(
            task="exchange.read", subject=10**6 + user.pk, created_by=user, title="读取"
        )
        world.tokens[user.pk], _text = tokens.make(user=user, name="核对", days=7)
    _propose(world)
    _check_on_the_spot(world)
    county, town = world.users[Role.COUNTY_OFFICE], world.users[Role.TOWN_OFFICE]
    _bring_in(world, COUNTY, county, 10, "石桥镇", "石桥村")
    _bring_in(world, TOWN, town, 20, "云岭镇", "竹坪村")
    next_county = make_user(Role.COUNTY_OFFICE, NEXT_COUNTY)
    _bring_in(world, NEXT_COUNTY, next_county, 30, "清江镇", "柳湾村", "清江县")
    _send_lists(world)
    for user in (county, next_county):
        world.locks[user.region_id] = AccessAttempt.objects.create(
            username=user.username, ip_address="10.0.0.9", failures_since_start=5, attempt_time=timezone.now()
        )
    with scope.system("test"):
        for region in (COUNTY, NEXT_COUNTY):
            world.labels[region] = RememberedLabel.objects.create(
                sheet="persons", field="health", text="弱", code="02", region_id=region, set_by=county
            )
    alias = RegionAlias.objects.create(parent=TOWN, name="老龙溪", region_id=V1)
    elsewhere = {v: RegionAlias.objects.create(parent=v[:9], name="老村", region_id=v).pk for v in (V4, V5)}
    with scope.system("test"):
        for village in VILLAGES:
            region, month = Region.objects.get(pk=village), dt.date(2026, 1, 1)
            world.reports[village] = report.keep(region, month, named=False, by=county)
    layout = {
        "slides": [
            {"title": "", "region": "", "tiles": [{"figure": "K01", "kind": "number", "x": 0, "y": 0, "w": 1, "h": 1}]}
        ]
    }
    with scope.system("test"):
        for village in VILLAGES:
            world.screens[village] = Screen.objects.create(
                region_id=village, title="大屏", layout=layout, owner=county, saved_by=county
            )
            world.display_links[village], _text = links.make(
                screen=world.screens[village], name="大厅", days=30, by=county
            )
    run = RuleRun.objects.create(on="2026-01-01", trigger="nightly", started_at=timezone.now(), state="done")
    with scope.system("test"):
        for number, (region, kind) in enumerate(itertools.product((V1, V4, V5), ("composed", "composed_off")), 1):
            world.composed[region[:6], kind] = ComposedRule.objects.create(
                code=f"ZD-{number:03d}", region_id=region[:6], title="人口多", severity="W", subject="household",
                conditions={"all": [{"field": "size", "op": "gte", "value": "9"}]}, created_by=county,
            )  # fmt: skip
    world.others = {
        "setting": {"key": "export.approval_rows"}, "rule": {"rule": "ID-05"}, "run": {"uid": run.uid}, "alias": alias.pk,
        "aliases": elsewhere, "kind": {"kind": "persons"}, "list_kind": {"kind": "vehicles"}, "app": {"app_label": "accounts"},
        "figure": {"key": "K01"},
    }  # fmt: skip
    for role, user in world.users.items():
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        world.cookies[role] = client.cookies["sessionid"].value
    return world


def _ask_for_exports(world: World) -> None:
    """A request of a colleague in every county, and of one in the offices above the first."""
    asking = {region: (Role.COUNTY_OFFICE, region) for region in (COUNTY, NEXT_COUNTY, V5[:6])}
    asking |= {role: (role, PLACES[role][0]) for role in (Role.PROVINCE_OFFICE, Role.CITY_OFFICE)}
    for key, (role, region) in asking.items():
        by = make_user(role, region)
        with scope.system("test"):
            world.requests[key] = ExportRequest.objects.create(
                kind="persons", region_id=region, reason="核对", rows=2, requested_by=by
            )


def _check_on_the_spot(world: World) -> None:
    """A field check with a photo of every finding, and corrections asked for in every county and one town."""
    for key, finding in world.findings.items():
        by = make_user(Role.VILLAGE_CADRE, finding.village_id)
        with scope.acting(by):
            photos = [(b"\xff\xd8\xff\xe0" + str(key).encode(), "image/jpeg")]
            event = findings.check(finding=finding, by=by, text="已入户", photos=photos)
        with scope.system("test"):
            world.photos[key] = event.photos.get()
    with scope.system("test"):
        for region in (COUNTY, TOWN, NEXT_COUNTY):
            world.fixes[region] = FixBatch.objects.create(
                rule="ID-03", region_id=region, reason="核对", asked_by=make_user(Role.COUNTY_OFFICE, region[:6])
            )


def _send_lists(world: World) -> None:
    """Two lists of a department in every county: one is stored and reported on, one waits."""
    senders = {COUNTY: world.users[Role.DEPARTMENT]}
    senders |= {region: make_user(Role.DEPARTMENT, region) for region in (NEXT_COUNTY, V5[:6])}
    for number, (region, by) in enumerate(senders.items()):
        for state, serial in (("merged", 50 + number), ("previewed", 60 + number)):
            data = workbook([{"姓名": "韦车", "身份证号码": id_number(serial), "车辆类型": "小型轿车"}])
            options = {"year": None, "as_of": dt.date(2020, 12, 31), "by": by}
            batch = batches.create(kind="vehicles", name=f"{region}-{state}.xlsx", data=data, region=region, **options)
            assert batches.stage(batch)
            batches.merge(batch) if state == "merged" else batches.preview(batch)
            world.lists[region, state] = batch
        with scope.system("test"):
            stored = world.snapshots[region] = Snapshot.objects.get(batch=world.lists[region, "merged"])
            Snapshot.objects.filter(pk=stored.pk).update(reported_at=timezone.now())
            world.disputes[region] = SourceVerdict.objects.create(
                snapshot=stored, region_id=region, uploaded_by=by, sheet="名册", row=3, name="韦*", rule="XD-01",
                finding_id=0, verdict="source_wrong", verdict_on=dt.date(2021, 2, 1),
            )  # fmt: skip


def _propose(world: World) -> None:
    """One proposal on a household of every village, made there; and one of everybody who may propose."""
    payload = {"changes": {"household.main_cause": [None, "01"]}}
    authors = {village: make_user(Role.VILLAGE_CADRE, village) for village in VILLAGES}
    for role in (Role.VILLAGE_CADRE, Role.HELPER):
        authors[role] = world.users[role]
    for key, author in authors.items():
        household = world.households[V1 if isinstance(key, Role) else key][0]
        with scope.acting(author):
            world.proposals[key] = proposing.propose(household=household, payload=payload, by=author, reason="核实")


# --- asking -----------------------------------------------------------------------------------------------------------


def routes(resolver=None, prefix="", namespace=""):
    """Yield (key in TABLE, pattern) of every address."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = ":".join(part for part in (namespace, entry.namespace) if part)
            yield from routes(entry, prefix + str(entry.pattern), inner)
        elif isinstance(entry, URLPattern):
            name = f"{namespace}:{entry.name}" if namespace else entry.name
            yield (name if entry.name else prefix + str(entry.pattern)), entry


ROUTES = dict(routes())


def address(key: str, world: World, role, place: str) -> tuple[str, dict]:
    """Return the address of a line of TABLE, and the arguments in it."""
    line, pattern = TABLE[key], ROUTES[key]
    given = world.object(line.of, role, place) if line.of else {}
    if line.address:
        found = line.address.format(object=given.get("object_id", ""))
    else:
        wanted = pattern.pattern.converters or pattern.pattern.regex.groupindex
        given = {name: given[name] for name in wanted if name in given}
        found = reverse(key, kwargs=given)
    return found + (f"?{line.query}" if line.query else ""), given


def ask(world: World, role, method: str, *args, **more):
    """Send a request in the role's session and take back whatever it wrote; `body` is the answer's."""
    client = world.client(role)
    with transaction.atomic():
        response = getattr(client, method)(*args, **more)
        response.body = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    return response


@pytest.fixture(scope="module")
def world(tmp_path_factory, django_db_setup, django_db_blocker):
    kept, django_settings.MEDIA_ROOT = django_settings.MEDIA_ROOT, tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock():
        empty_tables()
        found = build()
        found.media = django_settings.MEDIA_ROOT
        yield found
        second.close()
        connection.close()
        empty_tables()
    django_settings.MEDIA_ROOT = kept
