"""Pages of departments' lists: what the county sees, and what a department is and is not told."""

import datetime as dt
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from accounts.models import AuditEvent
from accounts.roles import Role
from exchange import batches
from exchange.models import ImportBatch, ImportFault
from households.departments import matching, tasks
from jobs import engine
from jobs.models import Job
from poverty import scope
from tests.departments.lists import load, rows_of, snapshots
from tests.departments.test_rules import car, person
from tests.exchange.importing import id_number, workbook
from tests.numbers import open_rows
from validation.models import Finding, FindingEvent, SourceRow, SourceVerdict

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]
DAY = dt.date(2021, 1, 15)


def login(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.user = user
    return client


@pytest.fixture
def county(make_user):
    return login(make_user(Role.COUNTY_OFFICE, "459901"))


@pytest.fixture
def police(make_user):
    return login(make_user(Role.DEPARTMENT, "459901", unit="云岭县公安局"))


@pytest.fixture
def education(make_user):
    return login(make_user(Role.DEPARTMENT, "459901", unit="云岭县教育局"))


def work() -> None:
    """Run the jobs that wait."""
    for job in Job.objects.filter(state="queued").order_by("pk"):
        engine.run_now(job)


def send(client, kind, rows, **data):
    file = io.BytesIO(workbook(rows))
    file.name = f"{kind}.xlsx"
    given = {"kind": kind, "file": file, "as_of": "2020-12-31", "legal_basis": "比对", **data}
    answer = client.post(reverse("departments:upload"), given)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    work()
    return answer.headers["Location"]


def store(client, kind, rows, **data):
    """Upload a list as a person does, and have it stored; return it."""
    page = send(client, kind, rows, **data)
    assert client.get(page).status_code == 200
    client.post(page + "merge/", {"mode": "good"})
    work()
    return snapshots(kind=kind)[-1]


def verdict(finding, given, by, second):
    with scope.system("test"):
        now = dt.datetime(2021, 2, 1, tzinfo=dt.UTC)
        Finding.objects.filter(pk=finding.pk).update(
            verdict=given, verdict_by=by, verdict_at=now, confirmed_by=second, state="verified"
        )
        FindingEvent.objects.create(
            finding=finding, rule=finding.rule, source=finding.source, reach=finding.reach, kind="verdict",
            verdict=given, household_id=finding.household_id, by=by,
        )  # fmt: skip


def clues() -> list[Finding]:
    with scope.system("test"):
        return list(Finding.objects.order_by("pk"))


def test_a_department_uploads_its_list_and_sees_it_and_no_other(police, education, county):
    stored = store(police, "vehicles", [car("岑山水", id_number(1)), car("韦来", id_number(2))])
    assert (stored.rows, stored.sender, stored.uploaded_by) == (2, "云岭县公安局", police.user)
    page = reverse("departments:snapshot", args=[stored.uid])
    assert police.get(page).status_code == county.get(page).status_code == 200
    assert education.get(page).status_code == 404
    assert "机动车" not in education.get(reverse("departments:index")).content.decode()
    assert "机动车登记信息" in police.get(reverse("departments:index")).content.decode()


def test_the_database_shows_a_department_only_its_own_rows(police, education):
    store(police, "vehicles", [car("岑山水", id_number(1))])
    for client, seen in ((police, 1), (education, 0)):
        with scope.acting(client.user):
            assert SourceRow.objects.in_scope().count() == seen
            assert ImportBatch.objects.in_scope().count() == seen
            assert ImportFault.objects.in_scope().filter(batch__kind="persons").count() == 0


def test_a_department_sends_the_lists_of_its_own_kind(police):
    page = police.get(reverse("departments:upload")).content.decode()
    assert "机动车登记信息" in page and "学籍信息" not in page
    assert police.get(reverse("departments:template", args=["school"])).status_code == 404
    assert police.get(reverse("departments:template", args=["vehicles"])).status_code == 200


def test_before_the_report_a_department_cannot_tell_who_is_in_the_register(police):
    """Two lists, one of a member and one of nobody: every page about them says the same."""
    person(1, "岑山水")
    pages = []
    for number in (1, 9):
        stored = store(police, "vehicles", [car("岑山水", id_number(number))])
        matching.match(["vehicles"], on=DAY)
        listed = police.get(reverse("departments:snapshot", args=[stored.uid])).content.decode()
        with scope.system("test"):
            batch = ImportBatch.objects.get(pk=stored.batch_id)
        for own in (str(stored.uid), stored.sha256, str(batch.uid)):
            listed = listed.replace(own, "…")
        listed = re.sub(r"\d\d:\d\d|\d+ (分钟|秒)前|刚刚", "…", listed)  # a minute may pass between the two
        pages.append(listed[listed.index("<main") : listed.index("</main>")])
        assert police.get(reverse("departments:report", args=[stored.uid])).status_code == 404
    assert pages[0] == pages[1]


def test_a_department_reaches_no_page_of_the_register_nor_of_its_imports(police):
    for name in ("households:list", "exchange:list", "exchange:upload", "validation:list"):
        assert police.get(reverse(name)).status_code == 403
    assert police.get(reverse("departments:source", args=["vehicles"])).status_code == 403
    assert police.post(reverse("departments:match")).status_code == 403


def test_lists_of_departments_are_not_among_the_imports_of_the_register(county):
    load("vehicles", [car("岑山水", id_number(1))], by=county.user)
    with scope.system("test"):
        batch = ImportBatch.objects.get()
    assert county.get(reverse("exchange:batch", args=[batch.uid])).status_code == 404
    assert "vehicles.xlsx" not in county.get(reverse("exchange:list")).content.decode()
    assert county.get(reverse("departments:batch", args=[batch.uid])).status_code == 200


def test_the_county_sees_how_old_and_how_right_each_source_is(county, make_user):
    person(1, "岑山水")
    person(2, "岑二")
    load("vehicles", [car("岑山水", id_number(1)), car("岑二", id_number(2)), car("韦来", id_number(3))])
    matching.match(["vehicles"], on=DAY)
    first, second = clues()
    verdict(first, "upheld", county.user, make_user(Role.COUNTY_OFFICE, "459901"))
    page = county.get(reverse("departments:index"))
    line = next(line for line in page.context["lines"] if line["kind"] == "vehicles")
    assert line["clues"] == {"open": 2, "checked": 1, "upheld": 1, "precision": 1.0}
    assert line["lists"][0].counts == {"strong": 2, "weak": 0} and second.source == "vehicles"
    assert ">100.0%<" in page.content.decode()
    assert county.get(reverse("departments:source", args=["vehicles"])).status_code == 200


def test_every_number_on_the_pages_of_lists_opens_exactly_its_rows(county, police, make_user):
    person(1, "岑山水")
    person(2, "岑二")
    person(3, "岑三")
    weak = car("岑三", born="1970-01-01")
    stored = store(
        police, "vehicles", [car("岑山水", id_number(1)), car("岑二", id_number(2)), car("韦来", id_number(9)), weak]
    )
    matching.match(["vehicles"], on=DAY)
    first, second, _third = clues()
    other = make_user(Role.COUNTY_OFFICE, "459901")
    verdict(first, "upheld", county.user, other)
    verdict(second, "source_wrong", county.user, other)
    county.post(reverse("departments:release", args=[stored.uid]))
    for name, given in (("index", []), ("source", ["vehicles"]), ("snapshot", [stored.uid])):
        open_rows(county, reverse(f"departments:{name}", args=given), at_least=3)
    page = police.get(reverse("departments:snapshot", args=[stored.uid])).content.decode()
    numbers = dict(re.findall(r'href="\?(?:verdict=)?([a-z_]*)#told"><strong>(\d+)<', page))
    assert numbers == {"": "2", "upheld": "1", "source_wrong": "1"}
    for chosen, number in numbers.items():
        shown = police.get(reverse("departments:snapshot", args=[stored.uid]), {"verdict": chosen})
        assert shown.context["page"].paginator.count == int(number)


def test_the_rows_that_matched_are_shown_to_offices_and_not_to_their_sender(county, police, make_user):
    person(1, "岑山水")
    stored = store(police, "vehicles", [car("韦来", id_number(9)), car("岑山水", id_number(1))])
    matching.match(["vehicles"], on=DAY)
    address = reverse("departments:matches", args=[stored.uid])
    page = county.get(address).content.decode()
    body = page[page.index("<tbody") : page.index("</tbody")]
    assert "岑山水" in body and "韦来" not in body and "XD-01" in body
    assert police.get(address).status_code == 403
    assert login(make_user(Role.COUNTY_OFFICE, "459902")).get(address).status_code == 404
    assert county.get(address, {"page": "9" * 5000}).status_code == 200
    # Whom a list of illnesses or sentences speaks of is not the auditor's to read off a row number.
    seen = login(make_user(Role.AUDITOR, "459901")).get(address).content.decode()
    body = seen[seen.index("<tbody") : seen.index("</tbody")]
    assert "***" in body and "岑" not in body and "/households/" not in body and "/findings/" not in body


def test_match_now_is_a_job_that_runs_over_the_own_area(county):
    person(1, "岑山水")
    load("vehicles", [car("岑山水", id_number(1))])
    assert county.post(reverse("departments:match"), {"kind": "vehicles"}).status_code == 302
    work()
    job = Job.objects.get(task="departments.match")
    assert (job.state, job.result["new"]) == ("done", 1)


def test_a_report_names_rows_and_verdicts_and_nothing_of_a_household(county, police, make_user):
    person(1, "岑山水")
    person(2, "岑二")
    stored = store(
        police, "vehicles", [car("韦来", id_number(3)), car("岑山水", id_number(1)), car("岑二", id_number(2))]
    )
    matching.match(["vehicles"], on=DAY)
    upheld, unseen = clues()
    verdict(upheld, "upheld", county.user, make_user(Role.COUNTY_OFFICE, "459901"))
    verdict(unseen, "upheld", county.user, None)  # nobody has taken the second look
    assert county.post(reverse("departments:release", args=[stored.uid])).status_code == 302
    page = police.get(reverse("departments:snapshot", args=[stored.uid]))
    assert (
        page.context["list"].matched,
        page.context["list"].told["checked"],
        page.context["list"].told["upheld"],
    ) == (2, 1, 1)
    book = load_workbook(io.BytesIO(police.get(reverse("departments:report", args=[stored.uid])).content))
    rows = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert len(rows) == 2 and rows[1][:2] == ["名册", 4] and rows[1][3].startswith("2021-02-01")
    event = AuditEvent.objects.get(action="department.reported")
    assert event.detail == {"kind": "vehicles", "rows": 1, "sender": "云岭县公安局"}


def test_a_sender_answers_where_its_list_was_wrong(county, police, education, make_user):
    person(1, "岑山水")
    stored = store(police, "vehicles", [car("岑山水", id_number(1))])
    matching.match(["vehicles"], on=DAY)
    (found,) = clues()
    verdict(found, "source_wrong", county.user, make_user(Role.COUNTY_OFFICE, "459901"))
    county.post(reverse("departments:release", args=[stored.uid]))
    page = police.get(reverse("departments:snapshot", args=[stored.uid])).content.decode()
    assert "岑**" in page and "岑山水" not in page
    with scope.system("test"):
        told = SourceVerdict.objects.get()
    address = reverse("departments:dispute", args=[told.uid])
    assert education.post(address, {"text": "x"}).status_code == 404
    assert county.post(address, {"text": "x"}).status_code == 404
    assert police.post(address, {"text": "该车已于2019年过户"}).status_code == 302
    with scope.system("test"):
        assert FindingEvent.objects.filter(finding=found, kind="reply").get().text == "该车已于2019年过户"
    assert "该车已于2019年过户" in county.get(reverse("departments:snapshot", args=[stored.uid])).content.decode()


def test_what_was_told_is_taken_back_with_the_verdict_and_an_answer_with_what_it_answered(county, police, make_user):
    person(1, "岑山水")
    person(2, "岑二")
    stored = store(police, "vehicles", [car("岑山水", id_number(1)), car("岑二", id_number(2))])
    matching.match(["vehicles"], on=DAY)
    first, second = clues()
    other = make_user(Role.COUNTY_OFFICE, "459901")
    verdict(first, "source_wrong", county.user, other)
    verdict(second, "upheld", county.user, other)
    release = reverse("departments:release", args=[stored.uid])
    county.post(release)
    with scope.system("test"):
        told = SourceVerdict.objects.get(verdict="source_wrong")
    police.post(reverse("departments:dispute", args=[told.uid]), {"text": "该车已于2019年过户"})
    verdict(first, "upheld", county.user, other)
    with scope.system("test"):
        Finding.objects.filter(pk=second.pk).update(verdict="", confirmed_by=None)
    county.post(release)
    with scope.system("test"):
        left = SourceVerdict.objects.get()
        assert (left.verdict, left.answer, left.answered_by) == ("upheld", "", None)
        assert FindingEvent.objects.filter(finding=first, kind="reply").exists()
    matching.match(["vehicles"], on=DAY)  # a match keeps what was reported
    assert snapshots(kind="vehicles")[-1].counts["checked"] == 1


def test_a_department_without_a_unit_sends_nothing_and_is_told_whom_to_ask(make_user):
    nobody = login(make_user(Role.DEPARTMENT, "459901", unit=""))
    page = nobody.get(reverse("departments:upload"))
    assert page.status_code == 200 and "您的账号没有写明所属部门" in page.content.decode()
    assert b'type="file"' not in page.content
    assert nobody.get(reverse("departments:template", args=["vehicles"])).status_code == 404
    file = SimpleUploadedFile("x.xlsx", b"PK")
    assert nobody.post(reverse("departments:upload"), {"kind": "vehicles", "file": file}).status_code == 422
    with scope.system("test"):
        assert not ImportBatch.objects.exists()


def test_of_two_who_store_one_upload_at_once_one_starts_the_merge(police):
    page = send(police, "vehicles", [car("岑山水", id_number(1))])
    with scope.system("test"):
        batch = ImportBatch.objects.get()
    assert batches.confirm(batch, "good") and not batches.confirm(batch, "all")
    assert not batches.discard(batch)
    police.post(page + "discard/")
    with scope.system("test"):
        assert ImportBatch.objects.get().state == "merging"


def test_a_question_about_a_label_is_answered_on_the_page(make_user):
    finance = login(make_user(Role.DEPARTMENT, "459901", unit="县财政局"))
    rows = [{**{key: car("岑山水")[key] for key in ("姓名",)}, "身份证号码": id_number(1), "人员类别": "某某岗"}]
    page = send(finance, "payroll", rows)
    with scope.system("test"):
        batch = ImportBatch.objects.get()
    assert batch.asked == 1
    assert finance.get(page + "questions/").status_code == 200
    finance.post(page + "questions/answer/", {"question": "label:pay_kind:某某岗", "choice": "other", "typed": "other"})
    finance.post(page + "questions/answer/", {"question": "label:pay_kind:某某岗", "choice": "staff"})
    work()
    finance.post(page + "merge/", {"mode": "good"})
    work()
    assert [row.data["pay_kind"] for row in rows_of("payroll")] in (["staff"], ["other"])


def test_a_list_is_taken_back_with_a_reason(police):
    stored = store(police, "vehicles", [car("岑山水", id_number(1))])
    with scope.system("test"):
        batch = ImportBatch.objects.get()
    page = reverse("departments:undo", args=[batch.uid])
    police.post(page, {"reason": ""})
    assert snapshots()[0].current
    police.post(page, {"reason": "发错了"})
    work()
    assert not snapshots()[0].current and rows_of("vehicles") == [] and stored.rows == 1


def test_rows_past_keeping_are_deleted_and_the_list_stays_on_file(county):
    load("vehicles", [car("岑山水", id_number(1))])
    assert tasks.retention() == {"lists": 0, "rows": 0}
    with scope.system("test"):
        type(snapshots()[0]).objects.update(keep_until=dt.date(2021, 1, 1))
    assert tasks.retention() == {"lists": 1, "rows": 1}
    (kept,) = snapshots()
    assert kept.deleted_at is not None and not kept.current
    assert county.get(reverse("departments:snapshot", args=[kept.uid])).status_code == 200
