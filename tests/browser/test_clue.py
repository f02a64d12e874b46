"""The whole way of a clue, by each role in turn: a department's list, the match, the field check on the phone, verdict,
second look, the report to the sender, an appeal, and the sender's answer."""

import re
from types import SimpleNamespace

import pytest
from django.db import connections

from tests.exchange.importing import workbook

PHONE = 390
SEEN = "在县二小三年级就读，班主任证实"
ANSWER = "已核对，该生 9 月转学，学籍未及时转出"


@pytest.fixture
def child(county, django_db_blocker):
    """The youngest of the sample cadre's village, whom the register has as "not at school", and the number."""
    from households.models import Household, Member, MemberYear
    from poverty import crypto, scope

    with django_db_blocker.unblock():
        with scope.system("look"):
            one = (
                Member.objects.filter(
                    village=county.village, departed_on=None, withdrawn_at=None, id_fault="", cert_no_sealed__isnull=False,
                )
                .order_by("-id_birth_on")
                .first()
            )  # fmt: skip
            newest = MemberYear.objects.filter(member=one).order_by("-year").first()
            MemberYear.objects.filter(pk=newest.pk).update(student_status="01")
            household = Household.objects.get(pk=one.household_id)
            number = crypto.unseal(crypto.place(Member, "cert_no"), one.uid, one.cert_no_sealed)
        connections.close_all()
    return SimpleNamespace(name=one.name, number=number, household=household)


def upload(page, child) -> None:
    """Send a school roll of two pupils, as the education bureau does, and have it stored."""
    page.goto("/departments/")
    page.click("main a[href$='/departments/upload/']")
    rows = [
        {
            "学生姓名": "韦外来",
            "学生身份证号": "459901201001011234",
            "学段": "小学",
            "年级": "四年级",
            "学籍状态": "在读",
        },
        {"学生姓名": child.name, "学生身份证号": child.number, "学段": "小学", "年级": "三年级", "学籍状态": "在读"},
    ]
    file = {
        "name": "学籍.xlsx",
        "mimeType": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "buffer": workbook(rows),
    }
    page.set_input_files("#id_file", file)
    page.fill("#id_as_of", "2020-12-31")
    page.fill("#id_legal_basis", "控辍保学比对")
    page.click("#upload .btn-primary")
    page.click(".ex-confirm .btn-primary", timeout=60_000)
    page.click("a.btn[href^='/departments/0']", timeout=60_000)


def settle(page) -> None:
    """Wait until the match that was asked for is done."""
    for _attempt in range(120):
        page.reload()
        if not page.locator(".note", has_text="正在比对").count():
            return
        page.wait_for_timeout(500)
    raise AssertionError("the match does not end")


def check_on_the_spot(page, address: str) -> None:
    page.goto(address)
    page.click("a[href$='/check/']")
    shot = {"name": "door.jpg", "mimeType": "image/jpeg", "buffer": page.screenshot(type="jpeg")}
    page.set_input_files("#id_photos", shot)
    page.wait_for_selector(".fi-place.fi-ok")
    page.fill("#id_text", SEEN)
    page.fill("#id_statement", "孩子一直在上学，是册子记错了")
    page.select_option("#id_proposes", "upheld")
    page.click("#check-form .save-bar .btn-primary")
    page.wait_for_url(address)


def judge(page, address: str, verdict: str, text: str) -> None:
    page.goto(address)
    page.fill("#verdict-form [name=text]", text)
    page.click(f"#verdict-form button[value={verdict}]")
    page.wait_for_selector(".note-success")


def agree(page, address: str) -> None:
    page.goto(address)
    page.click("#second-form button[value='1']")
    page.wait_for_selector(".note-success")


def test_a_clue_goes_from_a_departments_list_to_a_report_and_back(open_as, county, child):
    sender = open_as("bumen")
    upload(sender, child)
    own = sender.url
    assert sender.locator("main .note").count() == 1  # nothing is told before the county releases its report
    assert child.household.household_no not in sender.content()

    office = open_as("xian")
    office.goto("/departments/")
    office.click("form[action$='/departments/match/'] button")
    office.goto("/departments/")
    settle(office)
    office.goto("/findings/?source=school&rule=XD-11")
    row = office.locator("tr[data-href]", has_text=child.household.household_no).filter(has_text=re.compile("在籍"))
    assert row.count() == 1
    path = row.get_attribute("data-href")
    office.click(f"tr[data-href='{path}'] .fi-title a")
    address = office.url
    office.click("a[href*='/dispatch/?id=']")
    office.click("main form .btn-primary")
    office.wait_for_url(address)
    assert "村干部" in office.locator("main").inner_text()

    cadre = open_as("cun", PHONE, 844)
    cadre.context.grant_permissions(["geolocation"])
    cadre.context.set_geolocation({"longitude": 108.0, "latitude": 23.0, "accuracy": 12})
    cadre.goto("/")
    cadre.click("a.wait[href*='step=check']")
    cadre.wait_for_url("**/findings/**")
    cadre.locator(f"tr[data-href='{path}']").first.wait_for()
    assert cadre.locator(f"tr[data-href='{path}']").count() == 1
    check_on_the_spot(cadre, address)
    assert cadre.evaluate("() => document.documentElement.scrollWidth") <= PHONE
    assert SEEN in cadre.locator("main").inner_text()
    cadre.goto("/findings/?step=check")
    assert cadre.locator(f"tr[data-href='{path}']").count() == 0

    town = open_as("zhen")
    town.goto("/")
    town.click("a.wait[href*='step=decide']")
    assert town.locator(f"tr[data-href='{path}']").count() == 1
    town.goto(address)
    assert town.locator("img[src*='/findings/photos/']").first.evaluate(
        "img => img.decode().then(() => img.naturalWidth)"
    )
    judge(town, address, "upheld", "学校与家长均证实在读")
    assert town.locator("#second-form").count() == 0  # nobody takes the second look at an own verdict

    office.goto("/")
    office.click("a.wait[href*='step=second']")
    agree(office, address)
    assert office.locator("#follow a.btn").count() > 0  # what is upheld is entered by hand
    office.goto(own)
    office.click("form[action$='/release/'] .btn-primary")
    office.wait_for_selector(".note-success")

    sender.goto(own)
    assert sender.locator("#told tbody tr").count() == 1
    line = sender.locator("#told tbody tr").inner_text()
    assert "属实" in line and "4" in line and child.household.household_no not in sender.content()
    with sender.expect_download() as took:
        sender.click("a[href$='/report/']")
    assert took.value.suggested_filename.endswith(".xlsx")

    # The household objects: somebody looks again, and finds the list wrong.
    cadre.goto(address)
    cadre.click("details:has(#appeal-form) summary")
    cadre.fill("#appeal-form [name=text]", "孩子去年就转走了")
    cadre.click("#appeal-form button")
    cadre.wait_for_selector(".note-success")
    judge(town, address, "source_wrong", "已转学，名单未更新")
    agree(office, address)
    office.goto(own)
    office.click("form[action$='/release/'] .btn-primary")
    office.wait_for_selector(".note-success")
    sender.goto("/departments/")
    assert sender.locator(".note-warning").count() == 1
    sender.goto(own)
    sender.fill(".dep-answer textarea", ANSWER)
    sender.click(".dep-answer button")
    sender.wait_for_selector(".note-success")
    office.goto(address)
    log = office.locator("main").inner_text()
    for text in (SEEN, "孩子去年就转走了", "已转学，名单未更新", ANSWER):
        assert text in log
    assert child.household.household_no in log

    # The register was changed by nobody: a match and a verdict write nothing.
    office.goto(f"/households/{child.household.uid}/history/")
    assert "学籍" not in office.locator("main").inner_text()
