"""Django's admin under our policies; the commands by which an empty installation gets its people."""

import io
import json

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from openpyxl import load_workbook

from accounts import actions, sample
from accounts.adminsite import PolicyAdminSite, PolicyModelAdmin
from accounts.models import AuditEvent, ScopeRange, User
from accounts.roles import ROLES_WITHOUT_ROWS, Permission, Role
from poverty.models import ConfigValue

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_admin_is_ours_and_closed_to_others(client, make_user, regions):
    assert isinstance(admin.site._wrapped if hasattr(admin.site, "_wrapped") else admin.site, PolicyAdminSite)
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/")["Location"].startswith("/login/")
    for role in (Role.VILLAGE_CADRE, Role.AUDIT_ADMIN, Role.LEADER):
        client.force_login(make_user(role, "459901"))
        for address in ("/admin/", "/admin/accounts/user/", "/admin/no/such/"):
            assert client.get(address).status_code == 403, (role, address)


def test_the_system_administrator_corrects_safe_fields_only(client, make_user, regions):
    clerk = make_user(Role.COUNTY_OFFICE, "459901", username="clerk")
    other = make_user(Role.COUNTY_OFFICE, "459902", username="other")
    client.force_login(make_user(Role.SYSTEM_ADMIN, "459901"))
    page = client.get("/admin/accounts/user/")
    assert page.status_code == 200
    assert b"clerk" in page.content and b"other" not in page.content
    data = {
        "unit": "扶贫办",
        "phone": "0771",
        "language": "",
        "role": "audit_admin",
        "username": "taken",
        "password": "x",
    }
    assert client.post(f"/admin/accounts/user/{clerk.pk}/change/", data).status_code == 302
    clerk.refresh_from_db()
    assert (clerk.unit, clerk.role, clerk.username) == ("扶贫办", "county_office", "clerk")
    event = AuditEvent.objects.get(action="admin.changed")
    assert event.target == f"accounts.user:{clerk.pk}"
    assert client.get("/admin/accounts/user/add/").status_code == 403
    assert client.get(f"/admin/accounts/user/{clerk.pk}/delete/").status_code == 403
    assert client.get(f"/admin/accounts/user/{other.pk}/change/").status_code == 302  # as absent


def test_a_county_office_sees_no_users_in_it(client, make_user, regions):
    client.force_login(make_user(Role.COUNTY_OFFICE, "459901"))
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/accounts/user/").status_code == 403


def test_an_admin_class_asks_for_its_permission(rf, make_user, regions):
    class Values(PolicyModelAdmin):
        permission = Permission.CONFIG_EDIT

    made = Values(ConfigValue, admin.site)
    request = rf.get("/")
    for role, allowed in ((Role.COUNTY_OFFICE, True), (Role.SYSTEM_ADMIN, False)):
        request.user = make_user(role, "459901")
        assert made.has_view_permission(request) is allowed
        assert made.has_change_permission(request) is allowed
        assert made.has_add_permission(request) is allowed
        assert made.has_module_permission(request) is allowed
        assert made.has_delete_permission(request) is False


def test_three_administrators_of_an_empty_installation(capsys):
    arguments = ["--system", "guanli", "--security", "anquan", "--audit", "shenji"]
    call_command("create_admins", *arguments, "--json")
    made = json.loads(capsys.readouterr().out)["administrators"]
    assert [one["role"] for one in made] == ["system_admin", "security_admin", "audit_admin"]
    client = Client()
    assert client.post("/login/", {"username": "guanli", "password": made[0]["password"]}).status_code == 302
    assert client.get("/me/")["Location"] == "/password/"
    assert AuditEvent.objects.filter(action="user.created", actor="system").count() == 3
    with pytest.raises(CommandError):
        call_command("create_admins", *arguments)
    with pytest.raises(CommandError, match="three"):
        call_command("create_admins", "--system", "a", "--security", "a", "--audit", "b")
    assert User.objects.filter(username__in=["a", "b"]).count() == 0
    call_command("create_admins", "--reset", "guanli", "--json")
    again = json.loads(capsys.readouterr().out)["administrators"][0]["password"]
    assert again != made[0]["password"]
    with pytest.raises(CommandError):
        call_command("create_admins", "--reset", "system")


def test_one_person_is_not_two_administrators(regions):
    actions.create_user(username="one", full_name="王一", role=Role.SYSTEM_ADMIN)
    for role in (Role.AUDIT_ADMIN, Role.SECURITY_ADMIN):
        with pytest.raises(actions.ValidationError):
            actions.create_user(username="two", full_name="王一", role=role)
    with pytest.raises(actions.ValidationError):
        actions.create_user(username="two", full_name="王一", role=Role.COUNTY_OFFICE, region=regions["459901"])


def test_users_are_loaded_at_the_server_row_by_row(tmp_path, regions, capsys):
    sheet = tmp_path / "users.csv"
    sheet.write_text(
        "用户名,姓名,角色,区划代码,区划名称,单位,电话\n"
        "zhang,张伟,村干部,459901100201,,龙溪村委会,\n"
        "li,李强,乡镇扶贫站,,云岭镇,,\n"
        "wu,吴审,审计管理员,,,,\n"
        "bad,错误,村干部,459901,,,\n",
        encoding="utf-8-sig",
    )
    out = tmp_path / "passwords.xlsx"
    with pytest.raises(SystemExit) as exit_:
        call_command("load_users", str(sheet), "--passwords", str(out), "--json")
    assert exit_.value.code == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rows"], answer["made"], answer["refused"], answer["faults"][0]["row"]) == (4, 3, 1, 5)
    assert "passwords" not in answer
    assert out.stat().st_mode & 0o077 == 0
    rows = list(load_workbook(io.BytesIO(out.read_bytes())).active.iter_rows(values_only=True))
    assert Client().post("/login/", {"username": "li", "password": rows[2][4]}).status_code == 302
    with pytest.raises(CommandError):
        call_command("load_users", str(sheet), "--passwords", str(out))
    with pytest.raises(CommandError, match="is not|no|没有|列"):
        call_command("load_users", str(tmp_path / "absent.csv"), "--json")


def test_the_sample_log_ins_work_and_keep_every_rule(regions, settings, capsys):
    settings.MLPS = True
    from django.contrib.auth.password_validation import validate_password

    for _twice in range(2):
        users = sample.make_sample_users("459901", households=[(7, "459901101201"), (9, "459901101201")])
    assert {user.role for user in users} == set(Role.values)
    for user in users:
        validate_password(sample.PASSWORD, user)
        assert user.check_password(sample.PASSWORD) and not user.must_change_password
        if user.role in ROLES_WITHOUT_ROWS:
            assert not ScopeRange.objects.filter(user=user).exists()
    found = {user.username: user for user in users}
    assert found["cun"].region_id == "459901101201" and found["zhen"].region_id == "459901101"
    helper = ScopeRange.objects.filter(user=found["bangfu"]).values_list("household_id", flat=True)
    assert sorted(helper) == [7, 9]
    assert found["jumin"].household_id == 7
    call_command("sample_logins", "--json")
    assert len(json.loads(capsys.readouterr().out)["logins"]) == len(sample.LOG_INS)


def test_the_sample_never_takes_a_real_account(regions):
    actions.create_user(username="xian", full_name="真人", role=Role.COUNTY_OFFICE, region=regions["459901"])
    with pytest.raises(ValueError, match="real account"):
        sample.make_sample_users("459901")


def test_the_admins_headings_are_in_the_language_of_the_page(client, make_user, regions):
    client.force_login(make_user(Role.COUNTY_OFFICE, "459901", full_name="韦主任"))
    page = client.get("/admin/").text
    assert "行政区划</" in page and "阈值与贫困标准" in page and "韦主任" in page
    assert "Regions" not in page and "Poverty" not in page and "Accounts" not in page
    client.force_login(make_user(Role.SYSTEM_ADMIN, "459901"))
    assert "Accounts" not in client.get("/admin/").text
