"""Locks and the audit trail, and who reads them."""

import pytest
from django.test import Client
from django.utils import translation

from accounts import sealing
from accounts.audit import record
from accounts.models import AuditEvent, User
from accounts.roles import Role
from poverty import declarations
from tests.exchange.importing import id_number, person, run, workbook
from tests.factories import household

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def as_role(make_user, regions):
    def make(role, region="459901"):
        client = Client()
        client.user = make_user(role, region)
        client.force_login(client.user)
        return client

    return make


def test_a_lock_is_listed_and_released_with_a_reason(as_role, make_user):
    clerk = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    clerk.set_password("Tulip-Window-48")
    clerk.save()
    for _ in range(5):
        Client().post("/login/", {"username": "clerk", "password": "wrong-wrong-1"})
    security = as_role(Role.SECURITY_ADMIN)
    page = security.get("/locks/")
    assert b"clerk" in page.content
    pk = page.context["rows"][0]["pk"]
    security.post(f"/locks/{pk}/release/", {"reason": ""})
    assert Client().post("/login/", {"username": "clerk", "password": "Tulip-Window-48"}).status_code == 429
    security.post(f"/locks/{pk}/release/", {"reason": "已电话核实本人"})
    assert Client().post("/login/", {"username": "clerk", "password": "Tulip-Window-48"}).status_code == 302
    event = AuditEvent.objects.get(action="lock.released")
    assert (event.target, event.reason) == (f"user:{clerk.pk}", "已电话核实本人")
    assert security.post(f"/locks/{pk}/release/", {"reason": "again"}).status_code == 404
    assert b"clerk" not in security.get("/locks/").content


def test_a_security_administrator_sees_the_locks_of_the_own_area(as_role, make_user):
    for name, region in (("near", "459901"), ("far", "459902"), ("helper", None)):
        make_user(Role.COUNTY_OFFICE if region else Role.HELPER, region, username=name)
    User.objects.get(username="helper").scope.create(lo="459901100201", hi="459901100202", household_id=1)
    for name in ("near", "far", "helper", "nobody-at-all"):
        for _ in range(5):
            Client().post("/login/", {"username": name, "password": "wrong-wrong-1"})

    def listed(region):
        return {
            row["username"]: row["pk"] for row in as_role(Role.SECURITY_ADMIN, region).get("/locks/").context["rows"]
        }

    everywhere = listed(None)
    assert set(everywhere) == {"near", "far", "helper", "nobody-at-all"}
    assert set(listed("459901")) == {"near", "helper"}
    assert set(listed("459902")) == {"far"}
    security = as_role(Role.SECURITY_ADMIN)
    for name, status in (("far", 404), ("nobody-at-all", 404), ("near", 302), ("helper", 302)):
        answer = security.post(f"/locks/{everywhere[name]}/release/", {"reason": "已电话核实本人"})
        assert answer.status_code == status, name
    assert set(listed(None)) == {"far", "nobody-at-all"}


def test_four_failures_are_no_lock(as_role):
    for _ in range(4):
        Client().post("/login/", {"username": "clerk", "password": "wrong-wrong-1"})
    assert as_role(Role.SECURITY_ADMIN).get("/locks/").context["rows"] == []


@pytest.mark.parametrize(("address", "allowed"), [
    ("/locks/", {Role.SECURITY_ADMIN}), ("/audit/", {Role.AUDIT_ADMIN, Role.AUDITOR}),
])  # fmt: skip
def test_only_those_whose_duty_it_is_may(as_role, address, allowed):
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.AUDITOR, Role.COUNTY_OFFICE):
        assert as_role(role).get(address).status_code == (200 if role in allowed else 403), role


def test_the_auditor_reads_the_area_and_the_administrator_all(as_role, make_user):
    for code in ("459901", "459901100201", "459902"):
        record("export.full", user=make_user(Role.COUNTY_OFFICE, code), target="list:x")
    record("login.failed", target="")
    auditor, administrator = as_role(Role.AUDITOR), as_role(Role.AUDIT_ADMIN)
    assert [row.area for row in auditor.get("/audit/?action=export.full").context["rows"]] == ["459901100201", "459901"]
    assert len(administrator.get("/audit/?action=export.full").context["rows"]) == 3
    assert [row.action for row in auditor.get("/audit/?action=login.failed").context["rows"]] == []


def test_filters_and_pages(as_role, make_user, django_assert_max_num_queries):
    clerk = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    for number in range(120):
        record("field.revealed", user=clerk, target=f"household:{number}")
    reader = as_role(Role.AUDIT_ADMIN)
    reader.get("/audit/")
    with django_assert_max_num_queries(10):
        first = reader.get("/audit/")
    assert len(first.context["rows"]) == 50
    second = reader.get(f"/audit/?before={first.context['older']}")
    assert second.context["rows"][0].pk == first.context["rows"][-1].pk - 1
    assert len(reader.get("/audit/?who=clerk&target=household:7").context["rows"]) == 1
    assert reader.get("/audit/?until=2001-01-01").context["rows"] == []
    assert reader.get("/audit/?since=2001-01-01&before=99999999999999999999").status_code == 200
    assert reader.get("/audit/?since=nonsense").context["rows"] == []
    assert b"<html" not in reader.get("/audit/", headers={"HX-Request": "true"}).content


def test_targets_stand_in_words_with_a_link_where_the_reader_may_open_it(as_role, make_user):
    clerk = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    near, far = household("459901100201"), household("459902100201")
    batch = run(workbook([person("H1", "P1", "韦明", id_number(1), 人数=1)]), name="花名册.xlsx")["batch"]
    for target in (
        f"household:{near.uid}", f"household:{far.uid}", "household:nonsense", f"import:{batch}", "import:99999",
        "region:459901100201", "region:459902", "config:export.approval_rows", "persons:459901", "job:7", "poverty.configvalue:3",
        f"user:{clerk.pk}", "user:x",
    ):  # fmt: skip
        record("reveal", user=clerk, target=target)
    record("refused", user=clerk, target="households:edit")

    def shown(role):
        rows = as_role(role).get("/audit/?who=clerk").context["rows"]
        with translation.override("en"):
            return {
                row.target: (str(row.kind), row.about and str(row.about.name), row.about and row.about.url)
                for row in rows
            }

    found, all_seen = shown(Role.AUDITOR), shown(Role.AUDIT_ADMIN)
    page = as_role(Role.AUDITOR).get("/audit/?who=clerk").text
    assert found[f"household:{near.uid}"] == ("household", near.household_no, near.get_absolute_url())
    assert found[f"household:{far.uid}"][1:] == found["household:nonsense"][1:] == (None, None)
    assert found[f"import:{batch}"] == ("import", "花名册.xlsx", "")  # an auditor does not import
    assert found["region:459901100201"][1:] == ("龙溪村", "/regions/459901100201/")
    assert found["region:459902"][1:] == ("清江县", "")
    assert found["persons:459901"][1] == "云岭县" and found["persons:459901"][0] == declarations.sheets["persons"].title
    assert found["config:export.approval_rows"][1].startswith("Rows from which")
    assert found["poverty.configvalue:3"][0] == "dated setting"
    assert found[f"user:{clerk.pk}"][1].endswith("clerk")
    assert found["households:edit"] == ("page", None, None)
    assert (
        f'<a href="{near.get_absolute_url()}">{near.household_no}</a>' in page and f">{far.household_no}<" not in page
    )
    # The audit administrator sees no household and no file: the kind alone.
    assert all_seen[f"household:{near.uid}"][1:] == all_seen[f"import:{batch}"][1:] == (None, None)
    assert not any(url for _kind, _name, url in all_seen.values())


def test_the_page_shows_the_state_of_the_chain(as_role):
    reader = as_role(Role.AUDIT_ADMIN)
    record("x", user=reader.user)
    sealing.seal()
    page = reader.get("/audit/").content.decode()
    assert sealing.verify().head in page
    answer = reader.post("/audit/verify/")
    assert answer.context["verdict"].whole
    assert AuditEvent.objects.filter(action="audit.verified").count() == 1
