"""The road to a real county, without the sample: the steps of the README in their order, each by its own command."""

import io
import json
import os
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from accounts.models import AuditEvent, User
from households.models import Household, Member
from poverty import crypto, scope
from regions.models import Region
from tests.exchange.importing import id_number, person, workbook

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent
TREE = {
    "provinces.csv": 'code,name\n45,"广西壮族自治区"\n',
    "cities.csv": 'code,name,provinceCode\n4599,"桂川市",45\n',
    "areas.csv": 'code,name,cityCode,provinceCode\n459901,"云岭县",4599,45\n459902,"清江县",4599,45\n',
    "streets.csv": 'code,name,areaCode,provinceCode,cityCode\n459901100,"云岭镇",459901,45,4599\n',
    "villages.csv": "code,name,streetCode,provinceCode,cityCode,areaCode\n"
    '459901100201,"龙溪村村民委员会",459901100,45,4599,459901\n'
    '459901100202,"竹坪村村民委员会",459901100,45,4599,459901\n',
}
PEOPLE = [
    ("用户名", "姓名", "角色", "区划代码", "区划名称", "单位", "电话", "结对户编号"),
    ("xianban", "韦县办", "县级扶贫办", "459901", "", "云岭县扶贫办", "", ""),
    ("zhenzhan", "覃镇站", "乡镇扶贫站", "", "云岭镇", "云岭镇扶贫站", "", ""),
    ("cunganbu", "蒙村干", "村干部", "459901100201", "", "龙溪村", "", ""),
    ("cuowu", "黄错误", "村干部", "459901", "", "", "", ""),  # a county is no village
]
NEW_PASSWORD = "Stone-Water-Mill-58"


def run(command: str, *arguments) -> dict:
    """Run a command as a person would type it; return the JSON object of its last line."""
    out = io.StringIO()
    try:
        call_command(command, *[str(argument) for argument in arguments], stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        assert end.code in (0, 1), out.getvalue()
    lines = out.getvalue().strip().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def first_log_in(username: str, password: str) -> Client:
    """Log in through the page with a one-time password, and choose a new one as one is made to."""
    client = Client()
    answer = client.post(reverse("accounts:login"), {"username": username, "password": password})
    assert answer.status_code == 302, answer.content.decode()
    assert client.get(reverse("dashboard:home")).headers["Location"] == reverse("accounts:password_change")
    page = client.get(reverse("accounts:password_change"))
    given = {name: password if name == "old" else NEW_PASSWORD for name in page.context["form"].fields}
    answer = client.post(reverse("accounts:password_change"), given)
    assert answer.status_code == 302, answer.context["form"].errors
    assert client.get(reverse("dashboard:home")).status_code == 200
    return client


def test_an_empty_database_becomes_a_county_with_its_first_import(tmp_path, settings):
    assert not User.objects.exclude(username="system").exists() and not Region.objects.exists()

    # 1. Three administrators, who see no household
    made = run("create_admins", "--system", "guanliyuan", "--security", "anquanyuan", "--audit", "shenjiyuan", "--json")
    passwords = {one["username"]: one["password"] for one in made["administrators"]}
    assert {one["role"] for one in made["administrators"]} == {"system_admin", "security_admin", "audit_admin"}
    with pytest.raises(CommandError):
        run("create_admins", "--system", "guanliyuan", "--security", "b", "--audit", "c", "--json")

    # 2. The region tree
    folder = tmp_path / "regions"
    folder.mkdir()
    for name, text in TREE.items():
        (folder / name).write_text(text, encoding="utf-8")
    run("load_regions", folder, "--json")
    assert Region.objects.count() == 7
    run("load_regions", folder, "--json")
    assert Region.objects.count() == 7, "repeating it adds nothing"

    # 3. Users in bulk from a sheet: the good rows go on, the bad one says why
    book = Workbook()
    for row in PEOPLE:
        book.active.append(row)
    book.save(tmp_path / "users.xlsx")
    found = run(
        "load_users",
        tmp_path / "users.xlsx",
        "--by",
        "guanliyuan",
        "--passwords",
        tmp_path / "passwords.xlsx",
        "--json",
    )
    assert (found["rows"], found["made"], found["refused"]) == (4, 3, 1)
    assert found["faults"][0]["row"] == 5 and "passwords" not in found
    assert stat.S_IMODE((tmp_path / "passwords.xlsx").stat().st_mode) == 0o600
    for row in load_workbook(tmp_path / "passwords.xlsx").active.iter_rows(min_row=2, values_only=True):
        passwords[row[0]] = row[-1]

    # 4. Keys of one's own, never overwritten, readable by nobody else; and a backup command that is there
    keys = tmp_path / "keys" / "keys.json"
    run("make_keys", keys)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    with pytest.raises(CommandError):
        run("make_keys", keys)
    settings.FIELD_KEYS_FILE = str(keys)
    crypto._keys.cache_clear()
    for name in ("backup", "restore"):
        assert os.access(ROOT / "script" / name, os.X_OK), name

    try:
        # 5. The county's person logs in and imports; nobody of the sample is there
        client = first_log_in("xianban", passwords["xianban"])
        rows = [
            person("H1", "P1", "韦明", id_number(1), 人数=2, 联系电话="15400000001"),
            person("H1", "P2", "韦花", id_number(2, male=False), 人数=2, 与户主关系="配偶"),
            person("H2", "P3", "覃山", id_number(3), 人数=1, 行政村="竹坪村"),
            person("H3", "P4", "黄远", id_number(4), 人数=1, **{"县(市、区、旗)": "清江县"}, 行政村="远村"),
        ]
        (tmp_path / "persons.xlsx").write_bytes(workbook(rows))
        said = run("import_sheet", "persons", tmp_path / "persons.xlsx", "--year", 2020, "--by", "xianban", "--json")
        assert {name: said[name] for name in ("state", "rows", "new", "rejected", "asked")} == {
            "state": "merged", "rows": 4, "new": 3, "rejected": 1, "asked": 0,
        }  # fmt: skip
        again = run("import_sheet", "persons", tmp_path / "persons.xlsx", "--year", 2020, "--by", "xianban", "--json")
        assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 3)

        # What is on file is what people see, in the name of who imported it, sealed with the new keys
        with scope.system("look"):
            assert (Household.objects.count(), Member.objects.count()) == (2, 3)
            first = Household.objects.get(household_no="H1")
            assert first.events.first().pgh_context["username"] == "xianban"
        assert crypto.unseal("households_household.phone", first.uid, first.phone_sealed) == "15400000001"
        home = client.get(reverse("dashboard:home"))
        assert home.context["board"].totals["households"] == 2
        listed = client.get(reverse("households:list"))
        assert listed.context["households"] == 2 and listed.context["persons"] == 3
        assert AuditEvent.objects.filter(action="login", actor="xianban").exists()

        # The cadre of one village sees that one; the system administrator sees none
        cadre = first_log_in("cunganbu", passwords["cunganbu"])
        assert cadre.get(reverse("households:list")).context["households"] == 1
        administrator = first_log_in("guanliyuan", passwords["guanliyuan"])
        assert administrator.get(reverse("households:list")).status_code == 403
        assert administrator.get(reverse("accounts:users")).status_code == 200
    finally:
        crypto._keys.cache_clear()
