"""Reports about the register: numbers are the figures', the balance closes, and who may read what."""

import datetime as dt
import zipfile
from io import BytesIO, StringIO

import docx
import openpyxl
import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from dashboard import figures, figuring
from households import actions
from households.models import Household, Member, MemberChange
from households.reports import balance
from households.reports.book import Book, Office
from jobs import engine as long_work
from poverty import scope
from regions.models import Region
from tests.conftest import _owner
from tests.households import factories as make
from validation import report, tasks
from validation.models import QualityReport

pytestmark = pytest.mark.django_db(transaction=True)
COUNTY, TOWN, VILLAGE, NEXT, FOREIGN = "459901", "459901100", "459901100201", "459901101201", "459902100201"
OURS = ("overview", "exits", "income", "causes")


def month():
    return timezone.localdate().replace(day=1)


def before(on: dt.date) -> dt.date:
    return (on - dt.timedelta(days=1)).replace(day=1)


@pytest.fixture
def register(regions):
    """Four households with incomes; what is on file counts as there since long ago."""
    homes = [
        make.household(VILLAGE, status="04", main_cause="01", head="岑山水"),
        make.household(VILLAGE, status="12", exit_year=2018, main_cause="02"),
        make.household(NEXT, status="12", exit_year=2019, main_cause="01"),
        make.household(FOREIGN, status="04"),
    ]
    for number, home in enumerate(homes):
        make.year(home, 2020, net_pc_yuan=3500 + 1000 * number, wage_yuan=8000, house_grade="D" if not number else "A")
    age()
    figuring.refresh()
    return homes


def age() -> None:
    """Put the history of the register back by more than a year. As its owner: the application cannot change it."""
    with _owner(connection.settings_dict["NAME"]) as owner:
        for table in ("households_householdevent", "households_memberevent"):
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            owner.execute(f"UPDATE {table} SET pgh_created_at = pgh_created_at - interval '400 days'")
            owner.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def written(kind, code=COUNTY, when=None, **more):
    with scope.system("test"):
        return report.make(Region.objects.get(pk=code), when or month(), named=False, kind=kind, **more)


def text_of(made) -> str:
    found = docx.Document(BytesIO(made.word))
    cells = [cell.text for table in found.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in found.paragraphs] + cells)


def sheet(made, name) -> dict:
    rows = list(openpyxl.load_workbook(BytesIO(made.annex))[name].values)
    return {row[0]: row[1:] for row in rows}


def balanced(when=None, code=COUNTY):
    with scope.system("test"):
        book = Book(Region.objects.get(pk=code), when or month())
        return balance.of(book, when or month())


def flows(found) -> dict:
    return {key: {group: n for group, n in flow.items() if n} for key, flow in found.flows.items()}


@pytest.mark.parametrize("kind", OURS)
def test_a_report_has_its_title_its_date_native_charts_and_an_annex(register, kind):
    made = written(kind)
    document = docx.Document(BytesIO(made.word))
    assert document.paragraphs[0].text == report.title(Region.objects.get(pk=COUNTY), month(), kind)
    assert document.paragraphs[1].text.startswith("数据时点：")
    names = zipfile.ZipFile(BytesIO(made.word)).namelist()
    assert "word/charts/chart1.xml" in names and "word/embeddings/chart1.xlsx" in names
    assert any(name.startswith("xl/charts/") for name in zipfile.ZipFile(BytesIO(made.annex)).namelist())
    assert "岑山水" not in text_of(made)


def test_its_numbers_are_the_figures(register):
    office = Office(COUNTY)
    with scope.system("test"):
        shown = figures.many(office, ["K03", "K03P", "K04", "K27"], [COUNTY])
        places = figures.children(office, "K03", COUNTY)
    found = sheet(written("overview"), "主要指标")
    assert found["户数（按脱贫属性）"][1] == int(shown["K03"][COUNTY].value) == 3
    assert found["人数（按脱贫属性）"][1] == int(shown["K03P"][COUNTY].value) == 3
    assert found["脱贫率"][1] == pytest.approx(float(shown["K04"][COUNTY].value), abs=0.01)
    assert found["人均纯收入（平均）"][1] == pytest.approx(float(shown["K27"][COUNTY].value), abs=0.01)
    towns = sheet(written("overview"), "各地情况")
    assert {towns[name][0] for name in towns if name != "地区"} == {int(value.value) for value in places.values()}
    assert sheet(written("causes"), "主要致贫原因")["因病"][0] == 2
    assert sheet(written("income"), "收入构成")["工资性收入"][0] == 24000
    assert sheet(written("exits"), "未达标原因")["危房（C、D级）"][0] == 1
    assert "在册1户" in text_of(written("causes", "459902"))


def test_what_was_on_file_at_the_beginning_is_the_opening_and_nothing_is_unexplained(register):
    found = balanced()
    assert (found.opening, found.closing) == ({"P": 1, "E": 2, "O": 0}, {"P": 1, "E": 2, "O": 0})
    assert found.closed and not found.flows and found.closing_kept and not found.opening_kept


def test_every_change_stands_in_its_line_and_the_balance_closes(register, make_user):
    poor, exited, other, _foreign = register
    clerk = make_user(Role.COUNTY_OFFICE, COUNTY)
    today = timezone.localdate()
    child = make.member(poor)
    with scope.system("test"):
        MemberChange.objects.create(
            member=child, household=poor, village_id=VILLAGE, kind="06", happened_on=today, recorded_by=clerk
        )
    event = {"kind": "01", "on": today.isoformat(), "member": str(make.head_of(exited).uid), "reason": "病故"}
    actions.save(household=exited, by=clerk, event=event)
    with scope.system("test"):
        Household.objects.filter(pk=other.pk).update(status="02", lifecycle="RETURNED")
    make.household(VILLAGE, first_recog_on=today)
    make.household(VILLAGE, first_recog_on=dt.date(2016, 1, 1))
    leaving = make.household(VILLAGE)
    figuring.refresh()
    found = balanced()
    assert flows(found) == {
        "join.06": {"P": 1}, "left.01": {"E": -1}, "returned": {"E": -1, "P": 1}, "new": {"P": 1}, "filed": {"P": 2},
    }  # fmt: skip
    assert found.closed and found.closing == {"P": 6, "E": 0, "O": 0}
    made = written("exits")
    assert "平衡" in sheet(made, "概况")["人口变动平衡（本月）"][0]
    rows = sheet(made, f"人口变动（{month().month}月）")
    assert rows["期初"][-1] + sum(v[-1] for k, v in rows.items() if k[0] in "+−±") == rows["期末"][-1] == 6
    assert rows["无法说明（应为0）"] == (0, 0, 0, 0) and rows["− 自然减少：死亡"] == (0, -1, 0, -1)
    # What came and went within the month never stood at either end.
    with scope.system("test"):
        Household.objects.filter(pk=leaving.pk).update(lifecycle="CANCELLED", status="13")
        Household.objects.filter(pk=poor.pk).update(lifecycle="CANCELLED", status="13")
    figuring.refresh()
    found = balanced()
    assert flows(found)["cancelled"] == {"P": -1} and found.closed


def test_a_household_that_moves_away_leaves_one_balance_and_enters_the_other(register):
    with scope.system("test"):
        Household.objects.filter(pk=register[0].pk).update(village=FOREIGN)
        Member.objects.filter(household=register[0]).update(village=FOREIGN)
    figuring.refresh()
    ours, theirs = balanced(), balanced(code="459902")
    assert flows(ours) == {"out": {"P": -1}} and flows(theirs) == {"in": {"P": 1}} and ours.closed and theirs.closed


def test_a_member_without_any_recorded_change_is_shown_as_unexplained_and_never_fudged(register):
    make.member(register[0])
    figuring.refresh()
    found = balanced()
    assert not found.closed and found.unexplained == {"P": 1, "E": 0, "O": 0} and found.added == 1
    made = written("exits")
    assert sheet(made, f"人口变动（{month().month}月）")["无法说明（应为0）"] == (1, 0, 0, 1)
    assert "无法说明" in sheet(made, "概况")["人口变动平衡（本月）"][0] and "没有变动登记" not in text_of(made)


def test_a_month_before_the_register_began_says_that_it_has_no_figures(register):
    made = written("income", when=dt.date(2019, 5, 1))
    assert "未留存2019年5月的指标" in text_of(made)


def test_the_list_of_failing_households_is_for_the_office_and_masked(register, make_user):
    clerk = make_user(Role.COUNTY_OFFICE, COUNTY)
    with scope.acting(clerk):
        made = report.make(Region.objects.get(pk=COUNTY), month(), named=True, user=clerk, kind="exits")
    rows = list(openpyxl.load_workbook(BytesIO(made.annex))["未达标农户"].values)
    mine = next(row for row in rows if row[2] == register[0].household_no)
    assert mine[3] == "岑**" and "危房" in mine[4]
    assert "未达标农户" not in openpyxl.load_workbook(BytesIO(written("exits").annex)).sheetnames
    # A kind without lists bears no names, whoever asks for it.
    with scope.acting(clerk):
        kept = report.keep(Region.objects.get(pk=COUNTY), month(), named=True, by=clerk, user=clerk, kind="causes")
    assert not kept.named


def test_an_office_asks_on_the_page_and_other_areas_and_leaders_learn_nothing_of_its_list(register, make_user, login):
    clerk = make_user(Role.COUNTY_OFFICE, COUNTY)
    page, asked = login(clerk), {"kind": "exits", "region": COUNTY, "month": f"{month():%Y-%m}"}
    page.post(reverse("validation:reports"), asked)
    job = long_work.run_now(long_work.Job.objects.get(task="validation.report"))
    assert job.state == "done", job.message
    with scope.system("test"):
        kept = QualityReport.objects.get()
        assert (kept.kind, kept.named, kept.region_id) == ("exits", True, COUNTY)
        assert kept.as_of == Book(Region.objects.get(pk=COUNTY), month()).as_of and kept.made_by == clerk
    address = reverse("validation:report_file", args=[kept.uid, "word"])
    assert page.get(address).status_code == 200
    assert kept.label in page.get(reverse("validation:reports") + "?kind=exits").content.decode()
    assert [one.pk for one in page.get(reverse("validation:reports")).context["page"]] == [kept.pk]
    assert not page.get(reverse("validation:reports") + "?kind=income").context["page"].object_list
    assert login(make_user(Role.LEADER, COUNTY)).get(address).status_code == 404
    assert login(make_user(Role.COUNTY_OFFICE, "459902")).get(address).status_code == 404
    assert login(make_user(Role.TOWN_OFFICE, TOWN)).get(address).status_code == 404
    assert page.post(reverse("validation:reports"), {**asked, "region": "459902"}).status_code == 422
    assert page.post(reverse("validation:reports"), {**asked, "kind": "gossip"}).status_code == 422


@pytest.mark.parametrize("kind", OURS)
def test_the_command_writes_both_files(register, tmp_path, kind):
    out, annex = tmp_path / "r.docx", tmp_path / "r.xlsx"
    call_command(
        "report", kind, "--region", COUNTY, "--month", f"{month():%Y-%m}", "--out", str(out), "--annex", str(annex)
    )
    assert docx.Document(out).paragraphs[0].text.startswith("云岭县")
    assert "概况" in openpyxl.load_workbook(annex).sheetnames


def test_each_month_every_kind_is_written_once_for_each_county(register):
    tasks.monthly()
    job = long_work.Job.objects.get(task="validation.monthly_reports")
    assert tasks.write_monthly_reports(job)["written"] == 2 * len(report.kinds)
    assert tasks.write_monthly_reports(job)["written"] == 0
    with scope.system("test"):
        kept = list(QualityReport.objects.values_list("region", "kind", "named", "month"))
    last = before(month())
    assert sorted(kept) == sorted((code, kind, False, last) for code in (COUNTY, "459902") for kind in report.kinds)


def test_years_before_the_register_began_are_balanced_by_the_dates_on_file(register):
    for when in ("2018-12", "2019-12"):
        call_command("figures", "--month", when, stdout=StringIO())
    with scope.system("test"):
        found = balance.of(Book(Region.objects.get(pk=COUNTY), dt.date(2019, 12, 1)), dt.date(2019, 1, 1))
    assert found.early and found.opening_kept and found.closing_kept
    assert found.opening == {"P": 2, "E": 1, "O": 0} and flows(found) == {"exited": {"P": -1, "E": 1}} and found.closed
    assert "按台账现有的认定、离开日期和脱贫年度还原" in text_of(written("exits", when=dt.date(2019, 12, 1)))
