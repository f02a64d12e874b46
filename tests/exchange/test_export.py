"""Exports: masked by role, in full only with a reason and a second person, defused, and importable without a change."""

import csv
import io
import re

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from exchange import exporting
from exchange.models import ExportRequest
from households.models import Household, HouseholdYear, Member
from poverty import config, scope
from regions.models import Region
from tests.exchange.importing import id_number, person, run, workbook

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]
EXPORT = reverse("exchange:export")
OFFICES = {Role.PROVINCE_OFFICE: "45", Role.CITY_OFFICE: "4599", Role.COUNTY_OFFICE: "459901"}
CARD = "6222020000000000000"
FAMILY = [
    person(
        "H1",
        "P1",
        "韦明",
        id_number(1),
        人数=3,
        联系电话="13800000001",
        银行卡号=CARD,
        开户银行="农信社",
        危房级别="C级",
    ),
    person(
        "H1", "P2", "韦花", id_number(2, male=False), 人数=3, 与户主关系="配偶", 健康状况="大病、残疾", 残疾类别="肢体"
    ),
    person("H1", "P5", "韦小宝", id_number(5, birth="20150601"), 人数=3, 与户主关系="之子", 在校生状况="小学"),
    person("H2", "P3", "覃山", id_number(3), 人数=1, 行政村="竹坪村", 务工月收入="2600.50"),
]
INCOME = [
    {"县(市、区、旗)": "云岭县", "乡(镇)": "云岭镇", "行政村": "龙溪村", "户编号": "H1", "户主姓名": "韦明", "户主证件号码": id_number(1),
     "年度": 2020, "家庭人口数": 3, "工资性收入": "12000", "生产经营性收入": "-350.25", "人均纯收入": "4883.25", "耕地面积": "2.5",
     "是否有卫生厕所": "是", "主要致贫原因": "因病"},
]  # fmt: skip


@pytest.fixture
def register():
    run(workbook(FAMILY))


@pytest.fixture
def incomes(register):
    run(workbook(INCOME), kind="households")


@pytest.fixture
def clerk(make_user):
    return make_user(Role.COUNTY_OFFICE, "459901", username="clerk")


def export(tmp_path, kind="persons", form="xlsx", **options) -> bytes:
    path = tmp_path / f"out.{form}"
    call_command("export_sheet", kind, str(path), region="459901", **options)
    return path.read_bytes()


def rows_of(data: bytes) -> list[dict]:
    if data[:2] == b"PK":
        lines = [list(row) for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)]
    else:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    at = next(number for number, line in enumerate(lines) if "户编号" in line)
    return [dict(zip(lines[at], line, strict=False)) for line in lines[at + 1 :]]


def download(client, kind="persons", form="xlsx", query="", **fields):
    page = client.get(f"{EXPORT}?kind={kind}&{query}")
    given = {"kind": kind, "format": form, "rows": page.context["export"].count, **fields}
    answer = client.post(f"{EXPORT}?kind={kind}&{query}", given)
    return b"".join(answer.streaming_content) if answer.streaming else answer


@pytest.mark.parametrize("form", ["xlsx", "csv"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", ["persons", "households"])
def test_what_goes_out_comes_in_and_changes_nothing(tmp_path, incomes, kind, full, form):
    data = export(tmp_path, kind, form, **({"full": True, "reason": "报送：单位：万元"} if full else {}))
    with scope.system("look"):
        before = (
            list(Member.objects.order_by("pk").values()),
            list(HouseholdYear.objects.order_by("pk").values("net_pc_yuan")),
        )
    found = run(data, kind=kind, name=f"out.{form}")
    assert {k: found[k] for k in ("new", "changed", "rejected", "asked", "missing")} == dict.fromkeys(
        ("new", "changed", "rejected", "asked", "missing"), 0
    )
    assert found["unchanged"] == found["rows"] == (4 if kind == "persons" else 2)
    with scope.system("look"):
        after = (
            list(Member.objects.order_by("pk").values()),
            list(HouseholdYear.objects.order_by("pk").values("net_pc_yuan")),
        )
    assert [{**row, "stamp": ""} for row in after[0]] == [{**row, "stamp": ""} for row in before[0]]
    assert after[1] == before[1]


def test_the_sheet_has_the_layout_of_the_import_with_labels_and_plain_numbers(tmp_path, incomes):
    first = rows_of(export(tmp_path))[0]
    assert (first["与户主关系"], first["脱贫属性"], first["主要致贫原因"], first["行政村"]) == (
        "户主",
        "未脱贫",
        "因病",
        "龙溪村",
    )
    assert first["出生日期"] == "1970-01-01"
    income = rows_of(export(tmp_path, "households"))
    assert (income[0]["工资性收入"], income[0]["生产经营性收入"], income[0]["耕地面积"]) == (12000, -350.25, 2.5)
    assert income[0]["是否有卫生厕所"] == "是"
    assert rows_of(export(tmp_path, "households", "csv"))[0]["生产经营性收入"] == "-350.25"


SEEN = {
    # role, area: (ID number, phone, card, name of the child, health of P2)
    (Role.COUNTY_OFFICE, "459901"): ("masked", "13800000001", "622202*****0000", "韦小宝", "大病、残疾"),
    (Role.TOWN_OFFICE, "459901100"): ("masked", "13800000001", "622202*****0000", "韦小宝", "大病、残疾"),
    (Role.AUDITOR, "459901"): ("masked", "138****0001", "622202*****0000", "韦**", None),
}


@pytest.mark.parametrize(("role", "area"), SEEN)
def test_a_masked_export_shows_what_the_role_may_see(client, make_user, register, role, area):
    client.force_login(make_user(role, area))
    rows = {row["人编号"]: row for row in rows_of(download(client))}
    number, phone, card, child, health = SEEN[role, area]
    assert rows["P1"]["证件号码"] == f"459901********{id_number(1)[-4:]}"
    assert (rows["P1"]["联系电话"], rows["P1"]["银行卡号"]) == (phone, card)
    assert (rows["P5"]["姓名"], rows["P2"]["健康状况"]) == (child, health)
    event = AuditEvent.objects.get(action="export.masked")
    assert (event.detail["rows"], event.role) == (4, role)


@pytest.mark.parametrize(
    ("role", "area"), [(Role.VILLAGE_CADRE, "459901100201"), (Role.LEADER, "459901"), (Role.SYSTEM_ADMIN, "459901")]
)
def test_who_may_not_export_is_refused(client, make_user, register, role, area):
    client.force_login(make_user(role, area))
    assert client.get(EXPORT).status_code == 403


def test_an_export_holds_the_area_of_its_maker_only(client, make_user, register):
    client.force_login(make_user(Role.COUNTY_OFFICE, "459902"))
    assert client.get(EXPORT).context["export"].count == 0
    assert client.get(f"{EXPORT}?region=459901").context["export"].count == 0
    client.force_login(make_user(Role.TOWN_OFFICE, "459901101"))
    assert client.get(f"{EXPORT}?kind=persons").context["export"].count == 0


def test_an_export_is_exactly_the_list_it_came_from(client, clerk, register):
    client.force_login(clerk)
    rows = rows_of(download(client, query="region=459901100202"))
    assert [row["人编号"] for row in rows] == ["P3"]
    assert client.get(f"{EXPORT}?kind=households&status=02").context["export"].count == 0
    assert client.get(f"{EXPORT}?kind=households&status=04").context["export"].count == 2


def test_a_list_that_changed_meanwhile_is_confirmed_again(client, clerk, register):
    client.force_login(clerk)
    answer = client.post(EXPORT, {"kind": "persons", "format": "xlsx", "rows": 3})
    assert not answer.streaming
    assert not AuditEvent.objects.filter(action="export.masked").exists()


def test_a_file_that_would_be_short_is_broken_off(clerk, register):
    with exporting.acting(clerk, "export"):
        found = exporting.Export("persons", clerk, region="459901")
        found.__dict__["count"] = 9
        with pytest.raises(exporting.Incomplete):
            list(found.chunks("csv"))


def test_full_exports_need_the_permission_and_a_reason(client, make_user, clerk, register):
    client.force_login(make_user(Role.TOWN_OFFICE, "459901100"))
    assert client.get(f"{EXPORT}?full=1").status_code == 403
    assert (
        client.post(EXPORT, {"kind": "persons", "format": "csv", "rows": 4, "full": "1", "reason": "x"}).status_code
        == 403
    )
    client.force_login(clerk)
    assert client.post(EXPORT, {"kind": "persons", "format": "csv", "rows": 4, "full": "1"}).status_code == 422
    rows = rows_of(download(client, form="csv", full="1", reason="核对发放名册"))
    assert (rows[0]["证件号码"], rows[0]["银行卡号"]) == (id_number(1), CARD)
    event = AuditEvent.objects.get(action="export.full")
    assert (event.reason, event.detail["rows"]) == ("核对发放名册", 4)


def test_the_file_says_who_made_it_when_and_for_what(client, clerk, register):
    client.force_login(clerk)
    text = download(client, form="csv", full="1", reason="核对发放名册").decode("utf-8-sig")
    assert re.search(rf"{clerk.full_name}.*\d{{4}}-\d\d-\d\d \d\d:\d\d.*共 4 行.*核对发放名册", text.splitlines()[1])


def test_a_large_full_export_needs_a_second_person_and_is_made_once(client, make_user, clerk, register, monkeypatch):
    monkeypatch.setattr(config, "integer", lambda *key, **more: 3)
    client.force_login(clerk)
    body = {"kind": "persons", "format": "csv", "rows": 4, "full": "1", "reason": "报送市局"}
    assert client.post(EXPORT, body).url == reverse("exchange:requests")
    client.post(EXPORT, body)
    with scope.system("look"):
        asked = ExportRequest.objects.get()
    assert not AuditEvent.objects.filter(action="export.full").exists()
    decide = reverse("exchange:decide", args=[asked.uid])
    assert client.post(decide, {"decision": "approve"}).status_code == 403  # one's own
    client.force_login(make_user(Role.COUNTY_OFFICE, "459902"))
    assert client.post(decide, {"decision": "approve"}).status_code == 404
    client.force_login(make_user(Role.TOWN_OFFICE, "459901100"))
    assert client.post(decide, {"decision": "approve"}).status_code == 403
    client.force_login(make_user(Role.COUNTY_OFFICE, "459901"))
    assert "报送市局" in client.get(reverse("exchange:requests")).text
    client.post(decide, {"decision": "approve"})
    client.force_login(clerk)
    assert client.get(reverse("exchange:requests")).status_code == 200
    assert len(rows_of(b"".join(client.post(EXPORT, body).streaming_content))) == 4
    assert not client.post(EXPORT, body).streaming


def test_an_office_decides_on_the_full_exports_of_its_own_level_by_another_person(client, make_user, regions):
    """A city's own list could be approved by nobody: the counties below do not see it."""
    asking = {role: make_user(role, area) for role, area in OFFICES.items()}
    with scope.system("plant"):
        for role, area in OFFICES.items():
            ExportRequest.objects.create(
                kind="persons", region_id=area, reason="核对", rows=9, requested_by=asking[role]
            )
        ExportRequest.objects.create(
            kind="persons", region_id="459901", reason="核对", rows=9, requested_by=asking[Role.CITY_OFFICE]
        )
        requests = list(ExportRequest.objects.order_by("pk"))
    decided = {}
    for role, area in OFFICES.items():
        for who, user in (("asker", asking[role]), ("another", make_user(role, area))):
            with scope.acting(user):
                found = ExportRequest.objects.visible_to(user).decidable_by(user).order_by("pk")
                decided[role, who] = [requests.index(one) for one in found]
    assert decided == {
        (Role.PROVINCE_OFFICE, "asker"): [],
        (Role.PROVINCE_OFFICE, "another"): [0],
        (Role.CITY_OFFICE, "asker"): [],
        (Role.CITY_OFFICE, "another"): [1, 3],
        (Role.COUNTY_OFFICE, "asker"): [3],
        (Role.COUNTY_OFFICE, "another"): [2, 3],
    }
    client.force_login(make_user(Role.CITY_OFFICE, "4599"))
    assert client.post(reverse("exchange:decide", args=[requests[2].uid]), {"decision": "approve"}).status_code == 403
    assert client.get(reverse("exchange:requests")).text.count('value="approve"') == 2
    client.post(reverse("exchange:decide", args=[requests[1].uid]), {"decision": "approve"})
    with scope.system("look"):
        assert [one.approved_by_id is not None for one in ExportRequest.objects.order_by("pk")] == [0, 1, 0, 0]


def test_text_that_a_spreadsheet_would_compute_is_defused_in_csv_and_text_in_xlsx(tmp_path, register):
    with scope.system("plant"):
        Household.objects.filter(household_no="H1").update(address='=HYPERLINK("http://x")', bank_name="＠SUM(1)")
        Member.objects.filter(person_no="P3").update(name="+cmd")
    rows = rows_of(export(tmp_path, form="csv"))
    assert (rows[0]["家庭住址"], rows[0]["开户银行"], rows[-1]["姓名"]) == (
        '\'=HYPERLINK("http://x")',
        "'＠SUM(1)",
        "'+cmd",
    )
    book = openpyxl.load_workbook(io.BytesIO(export(tmp_path)))
    cells = {
        cell.value: cell.data_type for row in book.active.iter_rows() for cell in row if isinstance(cell.value, str)
    }
    assert cells['=HYPERLINK("http://x")'] == cells["+cmd"] == "s"
    found = run(export(tmp_path, form="csv"), name="out.csv")
    assert (found["changed"], found["unchanged"]) == (0, 4)


def test_the_command_keeps_the_rules_of_the_pages(tmp_path, clerk, make_user, register, monkeypatch):
    with pytest.raises(CommandError, match="reason"):
        export(tmp_path, full=True)
    make_user(Role.TOWN_OFFICE, "459901100", username="town")
    with pytest.raises(CommandError, match="may not"):
        export(tmp_path, full=True, reason="x", by="town")
    monkeypatch.setattr(config, "integer", lambda *key, **more: 3)
    with pytest.raises(CommandError, match="another person"):
        export(tmp_path, full=True, reason="x", by="clerk")
    with scope.system("look"):
        assert ExportRequest.objects.get().rows == 4
    with pytest.raises(CommandError, match="--by USERNAME"):
        export(tmp_path, full=True, reason="x")
    assert not (tmp_path / "out.xlsx").exists() and not AuditEvent.objects.filter(action="export.full").exists()
    with pytest.raises(CommandError, match="xlsx"):
        export(tmp_path, form="pdf")
    assert not (tmp_path / "out.pdf").exists()


def test_departed_and_withdrawn_persons_stay_at_home(tmp_path, register):
    with scope.system("plant"):
        Member.objects.filter(person_no="P2").update(departed_on="2020-06-01", departed_as="01")
    assert [row["人编号"] for row in rows_of(export(tmp_path))] == ["P1", "P5", "P3"]


def test_an_auditors_export_with_a_masked_child_comes_back_without_a_change(client, make_user, register):
    client.force_login(make_user(Role.AUDITOR, "459901"))
    data = download(client)
    assert "韦**" in {row["姓名"] for row in rows_of(data)}
    found = run(data, name="out.xlsx")
    assert (found["changed"], found["new"], found["asked"], found["unchanged"]) == (0, 0, 0, 4)
    with scope.system("look"):
        assert Member.objects.get(person_no="P5").name == "韦小宝"


def test_a_masked_name_that_is_not_the_stored_ones_is_asked_about(client, make_user, register):
    client.force_login(make_user(Role.AUDITOR, "459901"))
    data = download(client)
    with scope.system("plant"):
        Member.objects.filter(person_no="P5").update(name="蒙小宝")
    found = run(data, name="out.xlsx")
    assert (found["changed"], found["asked"], found["unchanged"]) == (0, 1, 3)


def test_a_village_and_a_community_of_one_stem_are_told_apart(tmp_path, register):
    Region.objects.create(code="459901100203", name="龙溪社区", short_name="龙溪", level="village")
    found = run(export(tmp_path), name="out.xlsx")
    assert (found["asked"], found["unchanged"]) == (0, 4)
