"""The data-quality report: its numbers, what it shows of whom, and that office programs open it."""

import datetime as dt
import shutil
import subprocess
import zipfile
from io import BytesIO

import docx
import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from jobs import engine as long_work
from poverty import scope
from regions.models import Region
from tests.households import factories as make
from validation import report, tasks
from validation.models import Finding, QualityReport
from validation.report import figures

pytestmark = pytest.mark.django_db
COUNTY, VILLAGE, NEXT = "459901", "459901100201", "459901101201"


@pytest.fixture
def register(regions):
    now = timezone.now()
    first, second = make.household(VILLAGE, head="岑山水"), make.household(NEXT)
    make.finding(first, rule="HH-03", seen="5", expected="1", due_on=dt.date(2020, 1, 1))
    make.finding(second, rule="HH-01", severity="W")
    make.finding(make.household(VILLAGE), rule="HH-01", closed_at=now, closed_as="gone")
    with scope.system("test"):
        Finding.objects.update(first_seen_at=now)
    return regions


def month():
    return timezone.localdate().replace(day=1)


def gather(code=COUNTY, named=True):
    with scope.system("test"):
        return figures.gather(Region.objects.get(pk=code), month(), named=named)


def test_the_figures_are_those_of_the_region_and_month(register):
    found = gather()
    assert (found.records, found.open, found.closed, found.overdue, found.gone) == (6, 2, 1, 1, 1)
    assert found.by_severity == {"E": 1, "W": 1, "I": 0}
    assert {row[0]: row[3:] for row in found.rules} == {"HH-03": (1, 1, 0), "HH-01": (1, 2, 1)}
    assert {row[0]: row[6] for row in found.places} == {"云岭镇": 1, "石桥镇": 1}
    assert gather("459902").open == 0


def test_an_empty_region_gets_a_report_too(register):
    with scope.system("test"):
        made = report.make(Region.objects.get(pk="459902"), month(), named=False)
    assert made.found.score is None and docx.Document(BytesIO(made.word)).paragraphs
    assert openpyxl.load_workbook(BytesIO(made.annex))


def test_cases_name_nobody_unless_the_reader_may_know(register, make_user):
    assert all(case[2] == "—" and case[4] in ("", "***") for case in gather(named=False).cases)
    clerk = make_user(Role.COUNTY_OFFICE, COUNTY)
    with scope.acting(clerk):
        made = report.make(register[COUNTY], month(), named=True, user=clerk)
    word, annex = made.word, made.annex
    text = zipfile.ZipFile(BytesIO(word)).read("word/document.xml").decode()
    assert "岑山水" not in text and "岑**" in text
    assert "岑山水" not in "".join(
        str(cell) for row in openpyxl.load_workbook(BytesIO(annex))["典型问题"].values for cell in row
    )


def test_charts_are_native_and_carry_their_data(register):
    with scope.system("test"):
        made = report.make(register[COUNTY], month(), named=False)
    word, annex = made.word, made.annex
    names = zipfile.ZipFile(BytesIO(word)).namelist()
    assert "word/charts/chart1.xml" in names and "word/embeddings/chart1.xlsx" in names
    assert "云岭镇" in zipfile.ZipFile(BytesIO(word)).read("word/charts/chart1.xml").decode()
    assert any(name.startswith("xl/charts/") for name in zipfile.ZipFile(BytesIO(annex)).namelist())


def test_the_command_writes_both_files(register, tmp_path):
    out, annex = tmp_path / "r.docx", tmp_path / "r.xlsx"
    call_command(
        "report", "data_quality", "--region", COUNTY, "--month", f"{month():%Y-%m}", "--out", str(out), "--annex", str(annex)
    )  # fmt: skip
    assert docx.Document(out).paragraphs[0].text.startswith("云岭县数据质量分析报告")
    assert "概况" in openpyxl.load_workbook(annex).sheetnames
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["r.docx", "r.xlsx"]


@pytest.mark.parametrize(("region", "when"), [("9", "2026-01"), (COUNTY, "2026-13"), (COUNTY, "2099-01")])
def test_the_command_names_what_it_cannot_read(register, tmp_path, region, when):
    with pytest.raises(CommandError):
        call_command("report", "data_quality", "--region", region, "--month", when, "--out", str(tmp_path / "r.docx"))


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_opens_it(register, tmp_path):
    with scope.system("test"):
        made = report.make(register[COUNTY], month(), named=False)
    word, annex = made.word, made.annex
    (tmp_path / "r.docx").write_bytes(word), (tmp_path / "a.xlsx").write_bytes(annex)
    for name, pdf in (("r.docx", "r.pdf"), ("a.xlsx", "a.pdf")):
        done = subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf"]
            + ["--outdir", str(tmp_path), str(tmp_path / name)],
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        if name == "r.docx" and "could not be loaded" in done.stderr:
            pytest.skip("LibreOffice Writer is not installed")
        assert (tmp_path / pdf).read_bytes().startswith(b"%PDF")


@pytest.mark.django_db(transaction=True)
def test_each_county_gets_its_monthly_report_once_and_leaders_may_read_it(register, make_user, client):
    tasks.monthly()
    job = long_work.Job.objects.get()
    assert tasks.write_monthly_reports(job)["written"] == len(report.kinds)
    assert tasks.write_monthly_reports(job)["written"] == 0
    with scope.system("test"):
        assert set(QualityReport.objects.values_list("kind", flat=True)) == set(report.kinds)
        kept = QualityReport.objects.get(kind="data_quality")
    assert kept.monthly and not kept.named and kept.region_id == COUNTY
    client.force_login(make_user(Role.LEADER, COUNTY))
    answer = client.get(reverse("validation:report_file", args=[kept.uid, "word"]))
    assert answer.status_code == 200 and docx.Document(BytesIO(answer.content)).paragraphs
    client.force_login(make_user(Role.TOWN_OFFICE, "459901100"))
    assert client.get(reverse("validation:report_file", args=[kept.uid, "word"])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_an_office_asks_for_a_report_on_the_page_and_leaders_do_not_see_its_names(register, make_user, client):
    clerk = make_user(Role.COUNTY_OFFICE, COUNTY)
    client.force_login(clerk)
    client.post(reverse("validation:reports"), {"region": COUNTY, "month": f"{month():%Y-%m}"})
    long_work.run_now(long_work.Job.objects.get(task="validation.report"))
    with scope.system("test"):
        kept = QualityReport.objects.get()
    assert kept.named and client.get(reverse("validation:report_file", args=[kept.uid, "annex"])).status_code == 200
    client.force_login(make_user(Role.LEADER, COUNTY))
    assert client.get(reverse("validation:report_file", args=[kept.uid, "annex"])).status_code == 404
