"""Blank templates, exports and marked workbooks: they open in LibreOffice, and a template alone imports nobody."""

import datetime as dt
import io
import shutil
import subprocess

import openpyxl
import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts.roles import Role
from exchange import batches, marking, reading, templates_out
from exchange.models import ImportBatch
from households import sheets  # noqa: F401 - declares them
from poverty import declarations, scope
from tests.exchange.importing import id_number, person, run, workbook

KINDS = ["persons", "households"]


def read(data: bytes, kind: str, name="t.xlsx"):
    return reading.read(data, name, declarations.sheets[kind], today=dt.date(2026, 11, 23))


def open_in_libreoffice(data: bytes, folder, name="book.xlsx") -> list[list[str]]:
    """Return the first sheet as LibreOffice reads it; it must be installed (script/test does)."""
    import csv

    office = shutil.which("soffice") or shutil.which("localc")
    assert office, "LibreOffice Calc is missing: apt-get install libreoffice-calc-nogui"
    path = folder / name
    path.write_bytes(data)
    csv_filter = "csv:Text - txt - csv (StarCalc):44,34,76,1"
    command = [office, "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", csv_filter]
    done = subprocess.run([*command, "--outdir", str(folder), str(path)], capture_output=True, text=True, timeout=180)
    out = path.with_suffix(".csv")
    assert out.exists(), done.stdout + done.stderr
    return list(csv.reader(io.StringIO(out.read_text("utf-8"))))


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_template_imports_nobody(kind):
    found = read(templates_out.blank_workbook(kind), kind)
    assert found.frame.height == 0
    assert found.meta["skipped"] == 1
    assert found.faults.select("code", "action", "value").rows() == [("D8", "auto", "示例")]


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_row_would_be_read_without_a_fault(kind):
    book = openpyxl.load_workbook(io.BytesIO(templates_out.blank_workbook(kind)))
    book.worksheets[0]["A4"] = "1"
    stream = io.BytesIO()
    book.save(stream)
    found = read(stream.getvalue(), kind)
    assert found.frame.height == 1
    assert found.faults.rows() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_offers_lists_notes_and_text_columns(kind):
    declared = declarations.sheets[kind]
    sheet = openpyxl.load_workbook(io.BytesIO(templates_out.blank_workbook(kind))).worksheets[0]
    headers = {cell.value: cell for cell in sheet[3]}
    exported = [column for column in declared.columns if column.export]
    assert list(headers) == [column.header for column in exported]
    listed = {str(rule.sqref).split(":")[0].rstrip("0123456789") for rule in sheet.data_validations.dataValidation}
    for column in exported:
        cell = headers[column.header]
        assert column.note in cell.comment.text
        if column.kind in (declarations.Kind.CODE, declarations.Kind.YES_NO):
            assert cell.column_letter in listed
        if column.kind in (declarations.Kind.ID_NUMBER, declarations.Kind.CARD, declarations.Kind.OPAQUE):
            assert sheet.cell(4, cell.column).number_format == "@"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_template_opens_in_libreoffice(kind, tmp_path):
    lines = open_in_libreoffice(templates_out.blank_workbook(kind), tmp_path)
    assert lines[2] == [column.header for column in declarations.sheets[kind].columns if column.export]
    assert lines[3][0] == "示例"
    assert "459901196803151019" in lines[3]


@pytest.mark.django_db(transaction=True)
def test_the_pages_give_templates_to_those_who_import(client, make_user, regions):
    url = reverse("exchange:template", args=["persons"])
    client.force_login(make_user(Role.TOWN_OFFICE, "459901100"))
    assert client.get(url).content[:2] == b"PK"
    assert client.get(reverse("exchange:template", args=["nothing"])).status_code == 404
    client.force_login(make_user(Role.VILLAGE_CADRE, "459901100201"))
    assert client.get(url).status_code == 403


ODD = [
    person("H1", "P1", "韦明", id_number(1), 人数=2, 联系电话="138 0000 0001"),
    person("H1", "P2", "韦花", id_number(2, male=False), 人数=2, 与户主关系="干女婿"),
    person("H2", "P3", "覃山", id_number(3), 人数=1, 行政村="无名村"),
    person("H3", "P4", "=蒙天", id_number(4), 人数=1, 务工月收入="#REF!"),
]


def marked(data: bytes, name="名册.xlsx", whole=marking.WHOLE_WORKBOOK_ROWS, monkeypatch=None):
    run(data, name=name, dry=True)
    if monkeypatch:
        monkeypatch.setattr(marking, "WHOLE_WORKBOOK_ROWS", whole)
    with scope.system("mark"):
        batch = ImportBatch.objects.select_related("file").latest("pk")
        return batch, marking.marked_workbook(batch)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("regions")
def test_a_marked_workbook_keeps_the_table_and_says_what_is_wrong_where(tmp_path):
    _batch, data = marked(workbook(ODD))
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book["名册"]
    column = {cell.value: cell.column for cell in sheet[2]}
    relation, village, wage = (
        sheet.cell(row, column[name]) for row, name in ((4, "与户主关系"), (5, "行政村"), (6, "务工月收入"))
    )
    assert "干女婿" in relation.comment.text and relation.fill.fgColor.rgb.endswith("FFEB9C")
    assert village.fill.fgColor.rgb.endswith("FFEB9C")
    assert wage.fill.fgColor.rgb.endswith("FFC7CE") and "【退回】" in wage.comment.text
    assert sheet.cell(3, column["姓名"]).value == "韦明"
    assert sheet.cell(6, column["姓名"]).data_type == "s"  # not a formula
    assert book.sheetnames[0] == "说明"
    assert "导入结果标注" in open_in_libreoffice(data, tmp_path)[0][0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize("source", ["csv", "large"])
def test_other_files_come_back_as_a_workbook_of_their_faulty_rows(source, monkeypatch, tmp_path):
    if source == "csv":
        headers = list(dict.fromkeys(key for row in ODD for key in row))
        lines = [",".join(headers), *(",".join(str(row.get(key, "")) for key in headers) for row in ODD)]
        _batch, data = marked("\n".join(lines).encode("gb18030"), name="名册.csv")
        first = 2
    else:
        _batch, data = marked(workbook(ODD), whole=2, monkeypatch=monkeypatch)
        first = 3
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[1]
    lines = list(sheet.iter_rows(values_only=True))
    assert lines[0][:2] == ("问题说明", "原行号")
    # The first row is there because its household lacks the member who waits.
    assert [line[1] for line in lines[1:]] == [first, first + 1, first + 2, first + 3]
    assert "干女婿" in lines[2][0]
    again = run(data, name="again.xlsx", dry=True)
    assert (again["rows"], again["rejected"], again["asked"]) == (4, 1, 2)
    assert open_in_libreoffice(data, tmp_path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("regions")
def test_a_marked_workbook_imports_like_the_file_it_was_made_from():
    first = run(workbook(ODD), dry=True)
    with scope.system("mark"):
        batch = ImportBatch.objects.select_related("file").latest("pk")
        data = marking.marked_workbook(batch)
    batches.discard(batch)
    second = run(data, name="marked.xlsx", dry=True)
    assert {k: first[k] for k in ("rows", "new", "rejected", "asked")} == {
        k: second[k] for k in ("rows", "new", "rejected", "asked")
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("regions")
@pytest.mark.slow
def test_an_export_opens_in_libreoffice(tmp_path):
    run(workbook(ODD[:1]))
    path = tmp_path / "out.xlsx"
    call_command("export_sheet", "persons", str(path), region="459901")
    lines = open_in_libreoffice(path.read_bytes(), tmp_path)
    assert "贫困人口信息" in lines[0][0]
    assert "韦明" in lines[4]
