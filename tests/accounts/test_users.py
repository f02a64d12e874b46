"""The system administrator's pages: accounts, one by one and from a sheet."""

import io
import json
import re
from html import unescape

import pytest
from django.test import Client
from openpyxl import Workbook, load_workbook

from accounts import loading
from accounts.models import AuditEvent, ScopeRange, User
from accounts.roles import Role
from poverty.scope import code_range

pytestmark = pytest.mark.django_db(transaction=True)
NEW = {
    "username": "zhang",
    "full_name": "张伟",
    "role": "village_cadre",
    "region": "459901100201 龙溪村",
    "unit": "龙溪村委会",
}


@pytest.fixture
def admin(client, make_user, regions):
    client.user = make_user(Role.SYSTEM_ADMIN, "459901", username="admin", full_name="管理员甲")
    client.force_login(client.user)
    return client


def ranges(username):
    return list(ScopeRange.objects.filter(user__username=username).values_list("lo", "hi", "household_id"))


def password_in(response):
    return re.search(r"<code>([^<]+)</code>", response.content.decode()).group(1)


def test_a_new_account_has_its_area_and_a_password_that_works_once(admin):
    response = admin.post("/users/add/", NEW)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    user = User.objects.get(username="zhang")
    assert user.must_change_password and user.created_by == admin.user
    assert ranges("zhang") == [(*code_range("459901100201"), None)]
    visitor = Client()
    assert visitor.post("/login/", {"username": "zhang", "password": password_in(response)}).status_code == 302
    assert visitor.get("/me/")["Location"] == "/password/"
    assert AuditEvent.objects.get(action="user.created").detail["area"] == "459901100201"


def test_a_region_may_be_named_when_the_name_is_alone(admin):
    assert admin.post("/users/add/", {**NEW, "region": "竹坪村"}).status_code == 200
    for region in ("没有村", "459902100201", "柳湾村", "459901100"):  # unknown, another county twice, a town
        response = admin.post("/users/add/", {**NEW, "username": "zhang2", "full_name": "李强", "region": region})
        assert response.status_code == 422, region


def test_roles_without_rows_get_none(admin):
    assert admin.post("/users/add/", {**NEW, "role": "department", "region": "459901"}).status_code == 200
    assert ranges("zhang") == []


def test_moving_an_account_takes_the_former_area_away(admin):
    admin.post("/users/add/", NEW)
    pk = User.objects.get(username="zhang").pk
    data = {**NEW, "role": "town_office", "region": "459901101"}
    assert admin.post(f"/users/{pk}/", data).status_code == 302
    assert ranges("zhang") == [(*code_range("459901101"), None)]
    event = AuditEvent.objects.get(action="user.area")
    assert event.detail["before"]["area"] == "459901100201"
    assert AuditEvent.objects.get(action="user.changed").detail["role"] == "town_office"


def test_accounts_of_other_counties_are_not_there(admin, make_user):
    other = make_user(Role.COUNTY_OFFICE, "459902", username="qingjiang")
    assert b"qingjiang" not in admin.get("/users/").content
    for where in ("", "password/", "switch/"):
        assert admin.post(f"/users/{other.pk}/{where}", {"reason": "because"}).status_code == 404


def test_nobody_makes_an_administrator_or_changes_the_own_role(admin, make_user):
    for role in ("system_admin", "security_admin", "audit_admin"):
        assert admin.post("/users/add/", {**NEW, "role": role, "region": "459901"}).status_code == 422
    own = {"full_name": "管理员甲", "role": "county_office", "region": "459901"}
    assert admin.post(f"/users/{admin.user.pk}/", own).status_code == 422
    assert (
        admin.post("/users/add/", {**NEW, "full_name": "管理员甲"}).status_code == 422
    )  # a second account of one's own
    auditor = make_user(Role.AUDIT_ADMIN, "459901", username="shenji")
    admin.post(f"/users/{auditor.pk}/password/")
    auditor.refresh_from_db()
    assert not auditor.has_usable_password()
    assert User.objects.get(pk=admin.user.pk).role == Role.SYSTEM_ADMIN


def test_a_reset_password_ends_the_log_ins(admin, make_user):
    clerk = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    inside = Client()
    inside.force_login(clerk)
    assert inside.get("/me/").status_code == 200
    response = admin.post(f"/users/{clerk.pk}/password/")
    assert inside.get("/me/").status_code == 302
    assert Client().post("/login/", {"username": "clerk", "password": password_in(response)}).status_code == 302


def test_switching_off_needs_a_reason_and_works_at_once(admin, make_user):
    clerk = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    inside = Client()
    inside.force_login(clerk)
    admin.post(f"/users/{clerk.pk}/switch/", {"reason": ""})
    assert inside.get("/me/").status_code == 200
    admin.post(f"/users/{clerk.pk}/switch/", {"reason": "调离"})
    assert inside.get("/me/").status_code == 302
    assert AuditEvent.objects.get(action="user.off").reason == "调离"
    admin.post(f"/users/{clerk.pk}/switch/", {"reason": "调回"})
    assert User.objects.get(pk=clerk.pk).is_active
    admin.post(f"/users/{admin.user.pk}/switch/", {"reason": "oneself"})
    assert User.objects.get(pk=admin.user.pk).is_active


def test_lists_filter_page_and_ask_few_queries(admin, django_assert_max_num_queries):
    User.objects.bulk_create(
        User(username=f"u{i:03}", full_name=f"用户{i}", role="village_cadre", region_id="459901100201")
        for i in range(60)
    )
    admin.get("/users/")
    with django_assert_max_num_queries(9):
        page = admin.get("/users/")
    assert page.content.count(b"<tr data-href") == 50
    assert admin.get("/users/?page=2").content.count(b"<tr data-href") == 11
    assert admin.get("/users/?q=u00&role=village_cadre").content.count(b"<tr data-href") == 10
    assert admin.get("/users/?state=off").content.count(b"<tr data-href") == 0


@pytest.mark.parametrize(
    "address", ["/users/", "/users/add/", "/users/sheet/", "/users/sheet/template.xlsx", "/users/regions/?q=x"]
)
def test_others_are_refused(client, make_user, regions, address):
    for role in (Role.COUNTY_OFFICE, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.VILLAGE_CADRE):
        client.force_login(make_user(role, "459901"))
        assert client.get(address).status_code == 403


def test_regions_are_offered_from_the_own_area(admin):
    assert [one["code"] for one in admin.get("/users/regions/?q=村").json()["results"]] == [
        "459901100201", "459901100202", "459901101201",
    ]  # fmt: skip
    assert admin.get("/users/regions/?q=清江").json()["results"] == []


# --- sheets ------------------------------------------------------------------------------------------------------------


def sheet(*rows, header=("用户名", "姓名", "角色", "区划代码", "区划名称", "单位", "电话", "结对户编号")):
    book = Workbook()
    book.active.append(header)
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    buffer.seek(0)
    buffer.name = "users.xlsx"
    return buffer


def hidden(response):
    return [unescape(value) for value in re.findall(r'name="row" value="([^"]*)"', response.content.decode())]


def test_a_sheet_is_previewed_then_its_good_rows_are_made(admin):
    rows = [
        ("zhang", "张伟", "村干部", 459901100201, None, "龙溪村委会", "", None),
        ("li", "李强", "乡镇扶贫站", None, "石桥镇", "", "", None),
        ("wang", "王芳", "村干部", "459902100201", "", "", "", ""),
        ("zhang", "张三", "村干部", "459901100202", "", "", "", ""),
        ("zhao", "赵六", "县长", "459901", "", "", "", ""),
        ("shen", "沈审", "审计管理员", "459901", "", "", "", ""),
        ("bang", "班帮", "帮扶责任人", "", "", "", "", ""),
        ("", "无名", "村干部", "459901100202", "", "", "", ""),
    ]
    preview = admin.post("/users/sheet/", {"sheet": sheet(*rows)})
    assert User.objects.filter(username__in=["zhang", "li"]).count() == 0
    assert [row.row for row in preview.context["rows"] if row.error] == [4, 5, 6, 7, 8, 9]
    posted = hidden(preview)
    assert len(posted) == 2
    result = admin.post("/users/sheet/", {"row": posted})
    assert ranges("li") == [(*code_range("459901101"), None)]
    assert ranges("zhang") == [(*code_range("459901100201"), None)]
    book = admin.post("/users/sheet/passwords.xlsx", {"row": hidden(result)})
    cells = list(load_workbook(io.BytesIO(book.content)).active.iter_rows(values_only=True))
    assert [row[0] for row in cells] == ["用户名", "zhang", "li"]
    assert Client().post("/login/", {"username": "zhang", "password": cells[1][4]}).status_code == 302
    assert not AuditEvent.objects.filter(detail__icontains=cells[1][4]).exists()


def test_the_posted_rows_are_checked_anew(admin):
    row = json.dumps([2, {"username": "x1", "full_name": "甲", "role": "audit_admin", "code": "459901"}])
    outside = json.dumps([3, {"username": "x2", "full_name": "乙", "role": "county_office", "code": "459902"}])
    response = admin.post("/users/sheet/", {"row": [row, outside, "7", '"x"']})
    assert len(response.context["failed"]) == 4
    assert not User.objects.filter(username__in=["x1", "x2"]).exists()


def test_the_template_can_come_back(admin):
    content = admin.get("/users/sheet/template.xlsx").content
    rows = loading.check_rows(loading.read_rows("users.xlsx", content), by=admin.user)
    assert [(row.values["username"], row.error) for row in rows] == [("longxi-zhangwei", "")]


def test_csv_in_both_encodings_is_read():
    text = "用户名,姓名,角色,区划名称\r\nzhang,张伟,村干部,龙溪村\r\n"
    for encoding in ("utf-8-sig", "gb18030"):
        assert loading.read_rows("u.csv", text.encode(encoding))[0].values["region"] == "龙溪村"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02",
        b"PK\x03\x04 broken",
        "姓名,角色\n甲,领导\n".encode(),
        "用户名,姓名,角色\n".encode(),
        b"\xff\xfe\x80\x81" * 9,
    ],
)
def test_an_unreadable_sheet_says_why(admin, content):
    upload = io.BytesIO(content)
    upload.name = "users.csv"
    assert admin.post("/users/sheet/", {"sheet": upload}).status_code == 422


def test_bombs_are_not_opened(admin):
    import zipfile

    def book(**parts):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in parts.items():
                archive.writestr(name.replace("__", "/"), data)
        return buffer.getvalue()

    doctype = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    for hostile in (
        book(a="0" * 50_000_000),
        book(**{"xl__workbook.xml": doctype}),
        book(**{"xl__vbaProject.bin": b"1"}),
    ):
        with pytest.raises(loading.UnreadableSheet):
            loading.read_rows("x.xlsx", hostile)
    far = Workbook()
    far.active["XFD1048576"] = "far"
    far.active["A1"] = "用户名"
    buffer = io.BytesIO()
    far.save(buffer)
    with pytest.raises(loading.UnreadableSheet):
        loading.read_rows("x.xlsx", buffer.getvalue())


def test_passwords_in_the_workbook_are_text_never_formulas():
    book = load_workbook(io.BytesIO(loading.passwords_book([["=1+1", "@x", "+1", "-1", "=cmd()"]])))
    assert {cell.data_type for cell in book.active[2]} == {"s"}
