"""The pages of an import, as an office uses them: upload, preview, questions, merge, result, undo."""

import datetime as dt
import io

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.roles import Role
from exchange import batches
from exchange.models import BatchState, ImportBatch, RememberedLabel
from households.models import Member
from jobs import engine
from jobs.models import Job
from poverty import scope
from tests.exchange.importing import counts, id_number, person, run, start, workbook

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]
UPLOAD = reverse("exchange:upload")
FAMILY = [
    person("H1", "P1", "韦明", id_number(1), 人数=2, 联系电话="13800000001"),
    person("H1", "P2", "韦花", id_number(2, male=False), 人数=2, 与户主关系="配偶"),
    person("H2", "P3", "覃山", id_number(3), 人数=1, 行政村="竹坪村"),
]
ODD = [*FAMILY, person("H3", "P4", "蒙天", id_number(4), 健康状况="有点小病", 人数=1)]


@pytest.fixture
def clerk(make_user):
    return make_user(Role.COUNTY_OFFICE, "459901")


@pytest.fixture
def office(client, clerk):
    client.force_login(clerk)
    return client


def post_file(client, data, name="花名册.xlsx", **fields):
    given = {"kind": "persons", "year": 2020, "as_of": "2020-12-31", "region": "459901", **fields}
    return client.post(UPLOAD, {**given, "file": SimpleUploadedFile(name, data)})


def work():
    """Run the jobs that wait, as a worker would."""
    for job in Job.objects.filter(state__in=engine.UNDER_WAY):
        engine.run_now(job)
        assert Job.objects.get(pk=job.pk).state == "done", Job.objects.get(pk=job.pk).message


def latest() -> ImportBatch:
    with scope.system("look"):
        return ImportBatch.objects.select_related("created_by", "file").latest("pk")


def remembered() -> list[RememberedLabel]:
    with scope.system("look"):
        return list(RememberedLabel.objects.all())


def url(name, batch=None):
    return reverse(f"exchange:{name}", args=[(batch or latest()).uid])


def test_a_roster_goes_from_upload_to_the_register_and_back(office):
    assert office.get(UPLOAD).status_code == 200
    answer = post_file(office, workbook(FAMILY))
    assert answer.url == url("batch")
    assert "hx-get" in office.get(answer.url).text  # the progress asks for itself
    work()
    assert office.get(url("status")).headers["HX-Refresh"] == "true"
    page = office.get(url("batch"))
    assert page.context["batch"].new == 3
    assert counts()["Member"] == 0
    assert office.post(url("merge"), {"mode": "good"}).status_code == 302
    work()
    assert latest().state == BatchState.MERGED
    assert counts()["Member"] == 3
    page = office.get(url("undo"))
    assert page.context["forecast"]["withdrawn"] == sum(counts().values())
    assert office.post(url("undo"), {"reason": ""}).status_code == 422
    assert office.post(url("undo"), {"reason": "导错了文件"}).url == url("batch")
    work()
    assert latest().state == BatchState.UNDONE
    assert counts()["Member"] == 0
    assert AuditEvent.objects.filter(action="import.undone", reason="导错了文件").exists()


@pytest.mark.parametrize("name", ["batch", "faults", "rows", "changes", "missing", "reconciliation", "questions"])
def test_every_page_of_an_import_opens(office, clerk, name):
    run(workbook(FAMILY))
    changed = [{**row, "健康状况": "大病"} for row in ODD[1:]]
    run(workbook(changed), by=clerk, dry=True)
    page = office.get(url(name))
    assert page.status_code == 200
    assert "韦" in office.get(url("changes")).text


def test_the_reconciliation_prints_with_villages_and_totals(office, clerk):
    run(workbook(FAMILY), by=clerk)
    page = office.get(url("reconciliation") + "?print=1").text
    assert "龙溪村" in page and "竹坪村" in page
    context = office.get(url("reconciliation")).context
    assert context["total"]["file_persons"] == 3
    assert context["total"]["gap_households"] in (0, 2)


def test_changes_show_what_is_on_file_and_what_the_file_says(office, clerk):
    run(workbook(FAMILY))
    changed = [{**FAMILY[0], "联系电话": "13900000009", "健康状况": "大病"}, *FAMILY[1:]]
    run(workbook(changed), by=clerk, dry=True)
    page = office.get(url("changes")).text
    assert "13800000001" in page and "13900000009" in page and "大病" in page
    only = office.get(url("changes") + "?field=member_year.health")
    assert only.context["page"].paginator.count == 1
    office.post(url("merge"), {"mode": "good"})
    work()
    after = office.get(url("changes")).text
    assert "13800000001" in after and "13900000009" in after


def test_identity_numbers_are_masked_in_changes(office, clerk):
    run(workbook(FAMILY))
    run(workbook([{**FAMILY[0], "证件号码": id_number(9), "出生日期": "1970-01-01"}, *FAMILY[1:]]), by=clerk, dry=True)
    page = office.get(url("changes")).text
    assert id_number(9) not in page and id_number(1) not in page
    assert f"459901********{id_number(9)[-4:]}" in page


def test_all_or_nothing_holds_everything_back(office):
    post_file(office, workbook(ODD))
    work()
    office.post(url("merge"), {"mode": "all"})
    work()
    assert latest().state == BatchState.HELD
    assert counts()["Member"] == 0
    assert office.get(url("batch")).status_code == 200


def test_a_label_is_answered_once_applied_and_remembered(office):
    post_file(office, workbook([*ODD, person("H4", "P5", "罗水", id_number(5), 健康状况="有点小病", 人数=1)]))
    work()
    office.post(url("merge"), {"mode": "good"})
    work()
    assert (latest().asked, counts()["Member"]) == (2, 3)
    page = office.get(url("questions"))
    question = page.context["questions"][0]
    assert (question.sort, question.count) == ("label", 2)
    assert office.post(url("answer"), {"question": question.key, "choice": "99"}).status_code == 302
    assert latest().asked == 2  # no such code
    office.post(url("answer"), {"question": question.key, "choice": "02"})
    work()
    assert (latest().asked, latest().state, counts()["Member"]) == (0, BatchState.MERGED, 5)
    assert [(label.text, label.code) for label in remembered()] == [("有点小病", "02")]
    assert "有点小病" in office.get(reverse("exchange:labels")).text
    correct = reverse("exchange:label", args=[remembered()[0].pk])
    office.post(correct, {"code": "03"})
    assert remembered()[0].code == "03"
    office.post(correct, {"remove": "1"})
    assert remembered() == []


def test_a_remembered_label_holds_in_its_county_and_its_towns_only(office, make_user, client):
    """What one county took a word to mean decided on every other county's rows, and anybody could change it."""
    post_file(office, workbook(ODD))
    work()
    question = office.get(url("questions")).context["questions"][0]
    office.post(url("answer"), {"question": question.key, "choice": "02"})
    work()
    (label,) = remembered()
    assert label.region_id == "459901"
    place = {"县(市、区、旗)": "清江县", "乡(镇)": "清江镇", "行政村": "柳湾村"}
    word = {"健康状况": "有点小病", "人数": 1}
    next_county = make_user(Role.COUNTY_OFFICE, "459902")
    elsewhere = run(
        workbook([person("H8", "P8", "罗火", id_number(8), **word, **place)]), by=next_county, region="459902"
    )
    assert elsewhere["asked"] == 1
    town = make_user(Role.TOWN_OFFICE, "459901100")
    inside = run(workbook([person("H9", "P9", "罗土", id_number(9), **word)]), by=town, region="459901100")
    assert inside["asked"] == 0
    page, correct = reverse("exchange:labels"), reverse("exchange:label", args=[label.pk])
    client.force_login(town)
    assert client.get(page).context["page"].paginator.count == 1
    client.force_login(next_county)
    assert client.get(page).context["page"].paginator.count == 0
    assert client.post(correct, {"remove": "1"}).status_code == 404
    with scope.acting(next_county), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM exchange_rememberedlabel")
        assert cursor.fetchone() == (0,)
    with scope.acting(town), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM exchange_rememberedlabel")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("number", [id_number(7), "45010219700101001X", "６２２２０２０２０００００００"])
def test_a_long_number_in_a_files_name_is_kept_nowhere(office, clerk, number):
    post_file(office, workbook(FAMILY), name=f"名册_{number}_20201231.xlsx")
    work()
    office.post(url("merge"), {"mode": "good"})
    work()
    assert latest().file_name.startswith(f"名册_{number[:6]}xxxxxxxx_20201231")
    with scope.system("look"), connection.cursor() as cursor:
        kept = {}
        for table in ("exchange_storedfile", "exchange_importbatch", "jobs_job", "jobs_outbox", "accounts_auditevent",
                      "households_householdevent", "households_memberevent"):  # fmt: skip
            cursor.execute(f"SELECT count(*), count(*) FILTER (WHERE t::text LIKE %s) FROM {table} t", [f"%{number}%"])
            kept[table] = cursor.fetchone()
    assert {table for table, (_all, found) in kept.items() if found} == set()
    assert all(kept[table][0] for table in ("exchange_storedfile", "jobs_job", "accounts_auditevent"))
    assert kept["households_householdevent"][0]


def test_a_village_is_chosen_from_the_area_only(office):
    post_file(office, workbook([*FAMILY, person("H5", "P6", "莫林", id_number(6), 行政村="龙溪新村", 人数=1)]))
    work()
    key = office.get(url("questions")).context["questions"][0].key
    assert key.startswith("region:")
    office.post(url("answer"), {"question": key, "choice": "other", "typed": "459902100201"})
    assert latest().asked == 1
    office.post(url("answer"), {"question": key, "choice": "other", "typed": "459901100201"})
    work()
    assert (latest().asked, latest().new) == (0, 4)


def test_one_answer_serves_all_cells_with_the_same_text(office):
    rows = [person("H1", f"P{n}", f"韦{name}", 出生日期="03/04/05", 与户主关系=relation, 人数=3)
            for n, name, relation in ((1, "明", "户主"), (2, "花", "配偶"), (3, "山", "之子"))]  # fmt: skip
    post_file(office, workbook(rows))
    work()
    question = office.get(url("questions")).context["questions"][0]
    assert (question.sort, question.same) == ("cell", 2)
    office.post(url("answer"), {"question": question.key, "choice": "typed", "typed": "2003-04-05", "same": "1"})
    work()
    office.post(url("merge"), {"mode": "good"})
    work()
    with scope.system("look"):
        assert {str(m.birth_on) for m in Member.objects.all()} == {"2003-04-05"}


def test_the_same_file_twice_leads_to_the_import_under_way(office):
    data = workbook(FAMILY)
    post_file(office, data)
    first = latest()
    answer = post_file(office, data)
    assert answer.url == url("batch", first)
    assert latest() == first
    told = office.post(UPLOAD, {
        "kind": "persons", "year": 2020, "as_of": "2020-12-31", "region": "459901",
        "file": SimpleUploadedFile("x.xlsx", data),
    }, headers={"X-Upload": "1"})  # fmt: skip
    assert told.json()["location"] == url("batch", first)


def test_a_refused_file_says_why_and_what_to_do(office):
    post_file(office, b"<html><table><tr><td>x</td></tr></table></html>", name="x.xls")
    work()
    assert latest().state == BatchState.REFUSED
    page = office.get(url("batch")).text
    assert ".xlsx" in page and UPLOAD in page


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("x.pdf", {}),
        ("x.xlsm", {}),
        ("x.xlsx", {"as_of": "2999-01-01"}),
        ("x.xlsx", {"region": "459902"}),
        ("x.xlsx", {"year": "abc"}),
    ],
)
def test_what_cannot_be_uploaded_is_said_at_the_field(office, name, fields):
    answer = post_file(office, workbook(FAMILY), name=name, **fields)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert Job.objects.count() == 0


def test_a_preview_can_be_given_up(office):
    post_file(office, workbook(FAMILY))
    work()
    office.post(url("discard"))
    assert latest().state == BatchState.DISCARDED
    assert office.get(url("batch")).status_code == 200
    assert post_file(office, workbook(FAMILY)).status_code == 302
    assert latest().state == BatchState.UPLOADED


def test_a_town_sees_neither_the_countys_imports_nor_its_pages(client, make_user, clerk):
    run(workbook(FAMILY), by=clerk, dry=True)
    batch = latest()
    client.force_login(make_user(Role.TOWN_OFFICE, "459901100"))
    assert list(client.get(reverse("exchange:list")).context["page"]) == []
    for name in (
        "batch",
        "status",
        "faults",
        "rows",
        "changes",
        "missing",
        "reconciliation",
        "questions",
        "marked",
        "undo",
    ):
        assert client.get(url(name, batch)).status_code == 404, name
    for name in ("merge", "discard", "answer", "apply", "again"):
        assert client.post(url(name, batch), {"mode": "good"}).status_code == 404, name
    assert latest().state == BatchState.PREVIEWED


def test_a_town_imports_its_own_area_and_refuses_the_rest(client, make_user):
    town = make_user(Role.TOWN_OFFICE, "459901100")
    client.force_login(town)
    assert post_file(client, workbook(FAMILY), region="459901").status_code == 422
    rows = [*FAMILY, person("H9", "P9", "石头", id_number(8), **{"乡(镇)": "石桥镇", "行政村": "石桥村"})]
    post_file(client, workbook(rows), region="459901100")
    work()
    assert (latest().new, latest().rejected) == (3, 1)


@pytest.mark.parametrize(
    ("role", "area"), [(Role.VILLAGE_CADRE, "459901100201"), (Role.LEADER, "459901"), (Role.AUDITOR, "459901")]
)
def test_who_may_not_import_is_refused(client, make_user, clerk, role, area):
    run(workbook(FAMILY), by=clerk, dry=True)
    client.force_login(make_user(role, area))
    assert client.get(UPLOAD).status_code == 403
    assert client.get(url("batch")).status_code == 403
    assert client.post(url("merge"), {"mode": "good"}).status_code == 403


def test_another_county_gets_the_same_answer_as_for_nothing(client, make_user, clerk):
    run(workbook(FAMILY), by=clerk, dry=True)
    client.force_login(make_user(Role.COUNTY_OFFICE, "459902"))
    there = client.get(url("batch"))
    absent = client.get(reverse("exchange:batch", args=["0190d5a0-0000-7000-8000-000000000000"]))
    assert (there.status_code, absent.status_code) == (404, 404)


def test_the_marked_workbook_opens_with_colours_and_comments(office, clerk):
    run(workbook(ODD), by=clerk)
    answer = office.get(url("marked"))
    book = openpyxl.load_workbook(io.BytesIO(answer.getvalue()))
    assert book.sheetnames == ["说明", "名册"]
    sheet = book["名册"]
    told = {cell.coordinate: cell.comment.text for row in sheet.iter_rows() for cell in row if cell.comment}
    assert any("有点小病" in text for text in told.values())
    assert AuditEvent.objects.filter(action="import.marked").exists()


def test_a_file_past_its_keeping_time_is_deleted_with_what_was_found_in_it(office, clerk):
    from exchange import store
    from exchange.models import ImportFault
    from exchange.tasks import retention

    run(workbook(ODD), by=clerk, dry=True)
    batch = latest()
    path = store.path_of(batch.file)
    assert path.exists()
    type(batch.file).objects.filter(pk=batch.file_id).update(keep_until=dt.date(2020, 1, 1))
    assert retention()["files"] == 1
    assert not path.exists()
    with scope.system("look"):
        assert not ImportFault.objects.filter(batch=batch, value_sealed__isnull=False).exists()
    assert office.get(url("marked")).status_code == 302
    assert office.get(url("batch")).status_code == 200
    assert retention() == {"files": 0, "values": 0, "staged": 0}


def test_a_job_that_was_stopped_leaves_an_import_that_can_go_on(office, clerk):
    post_file(office, workbook(FAMILY))
    job = Job.objects.get()
    engine.cancel(job)
    assert latest().state == BatchState.DISCARDED
    post_file(office, workbook(FAMILY))
    work()
    office.post(url("merge"), {"mode": "good"})
    engine.cancel(Job.objects.latest("pk"))
    assert latest().state == BatchState.PREVIEWED
    assert counts()["Member"] == 0


def test_lists_cost_few_queries(office, clerk, django_assert_max_num_queries):
    for number in range(3):
        batch = start(workbook([*FAMILY, person(f"X{number}", f"Y{number}", "多多", id_number(20 + number))]), by=clerk)
        batches.stage(batch)
        batches.preview(batch)
    with django_assert_max_num_queries(14):
        office.get(reverse("exchange:list"))
