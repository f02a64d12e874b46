"""Loading the tree: levels, encodings, bad rows, repeats, endings, successors."""

import io
import json
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from regions import loading
from regions.models import Region

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def run(*arguments, command="load_regions"):
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *[str(argument) for argument in arguments], "--json", stdout=out, stderr=err)
    return json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "provinces.csv": 'code,name\n45,"广西壮族自治区"\n',
        "cities.csv": 'code,name,provinceCode\n4599,"桂川市",45\n',
        "areas.csv": 'code,name,cityCode,provinceCode\n459910,"云岭县",4599,45\n',
        "streets.csv": 'code,name,areaCode,provinceCode,cityCode\n459910100,"云岭镇",459910,45,4599\n',
        "villages.csv": "code,name,streetCode,provinceCode,cityCode,areaCode\n"
        '459910100001,"幸福社区居委会",459910100,45,4599,459910\n'
        '459910100200,"平山村民委员会",459910100,45,4599,459910\n',
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_of_the_public_files_is_loaded(folder):
    counts, err = run(folder)
    assert (counts["files"], counts["rows"], counts["new"], counts["rejected"], counts["orphans"]) == (5, 6, 6, 0, 0)
    assert err == ""
    found = {region.pk: (region.level, region.short_name) for region in Region.objects.all()}
    assert found == {
        "45": ("province", "广西"),
        "4599": ("city", "桂川"),
        "459910": ("county", "云岭"),
        "459910100": ("town", "云岭"),
        "459910100001": ("village", "幸福社区"),
        "459910100200": ("village", "平山"),
    }


def test_a_second_run_changes_nothing(folder):
    run(folder)
    counts, _err = run(folder)
    assert (counts["new"], counts["changed"], counts["unchanged"]) == (0, 0, 6)


def test_a_new_name_is_taken_over(folder):
    run(folder)
    (folder / "streets.csv").write_text("code,name\n459910100,云岭街道\n", encoding="utf-8")
    counts, _err = run(folder)
    assert (counts["new"], counts["changed"], counts["unchanged"]) == (0, 1, 5)
    town = Region.objects.get(pk="459910100")
    assert (town.name, town.short_name) == ("云岭街道", "云岭")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_other_encodings_are_read(folder, encoding):
    path = folder / "villages.csv"
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    counts, _err = run(folder)
    assert counts["new"] == 6
    assert Region.objects.get(pk="459910100200").name == "平山村民委员会"


@pytest.mark.parametrize(
    ("name", "code", "stored"),
    [
        ("areas.csv", "459910000000", "459910"),  # a county that ends in a zero keeps it
        ("other.csv", "459910000000", "459910"),
        ("other.csv", "450000", "45"),
        ("other.csv", "459900", "4599"),
        ("other.csv", "459910100000", "459910100"),
        ("areas.csv", "441900", "441900"),  # a city without counties stands in for one
        ("villages.csv", "459910100200", "459910100200"),
    ],
)
def test_padded_codes_are_cut_by_level_never_by_their_zeros(tmp_path, name, code, stored):
    (tmp_path / name).write_text(f"code,name\n{code},某地\n", encoding="utf-8")
    run(tmp_path / name)
    assert list(Region.objects.values_list("code", flat=True)) == [stored]


def test_bad_rows_are_named_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "villages.csv"
    path.write_text(
        "code,name\n459910100200,甲村\n45991010020,乙村\n,丙村\n459910100201,\nabc,丁村\n459910100200,戊村\n"
        f"459910100202,{'长' * 101}\n459910100203\n\n459910100204,己村\n",
        encoding="utf-8",
    )
    counts, err = run(path)
    assert (counts["rows"], counts["new"], counts["rejected"]) == (9, 2, 7)
    assert [(fault["row"], fault["code"]) for fault in counts["faults"]] == [
        (3, "45991010020"),
        (4, ""),
        (5, "459910100201"),
        (6, "abc"),
        (7, "459910100200"),
        (8, "459910100202"),
        (9, "459910100203"),
    ]
    assert all(fault["file"] == "villages.csv" and fault["reason"] for fault in counts["faults"])
    assert "villages.csv, line 3" in err
    assert counts["orphans"] == 1, "their town is still to be loaded"


@pytest.mark.parametrize("content", [b"number;label\n1;x\n", b"", b"code,name\n45,\xff\xff\xff\n"])
def test_a_file_that_cannot_be_read_stores_nothing(folder, content):
    (folder / "villages.csv").write_bytes(content)
    with pytest.raises(CommandError, match="Nothing was stored"):
        run(folder)
    assert not Region.objects.exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CommandError, match="no such file"):
        run(tmp_path / "villages.csv")


def test_vanished_codes_stay_and_end_only_when_asked(folder):
    run(folder)
    (folder / "villages.csv").write_text(
        "code,name\n459910100200,平山村民委员会\n459910100201,新村\n", encoding="utf-8"
    )
    counts, _err = run(folder / "villages.csv")
    assert (counts["new"], counts["closed"]) == (1, 0)
    counts, _err = run(folder, "--closing", "2026-07-01", "--area", "459910")
    assert counts["closed"] == 1 and counts["closed_in"] == "459910"
    assert Region.objects.get(pk="459910100001").valid_to == date(2026, 7, 1)
    (folder / "villages.csv").write_text("code,name\n459910100001,幸福社区居委会\n", encoding="utf-8")
    run(folder / "villages.csv")
    assert Region.objects.get(pk="459910100001").valid_to is None, "it is back"


def test_ending_stays_inside_what_the_files_cover(regions, tmp_path):
    (tmp_path / "villages.csv").write_text("code,name\n459901100201,龙溪村\n459901101201,石桥村\n", encoding="utf-8")
    counts, _err = run(tmp_path / "villages.csv", "--closing", "2026-07-01")
    assert (counts["closed"], counts["closed_in"]) == (1, "459901")
    assert list(Region.objects.filter(valid_to__isnull=False).values_list("pk", flat=True)) == ["459901100202"]


def test_successors_are_noted(regions, tmp_path):
    path = tmp_path / "successors.csv"
    path.write_text(
        "code,successor\n459901100202,459901100201\n459901100201,459901100201\n459901100999,459901100201\n",
        encoding="utf-8",
    )
    counts, _err = run("--successors", path)
    assert (counts["succeeded"], counts["rejected"]) == (1, 2)
    assert Region.objects.get(pk="459901100202").successor_id == "459901100201"
    assert run("--successors", path)[0]["succeeded"] == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_seventy_thousand_villages_load_and_load_again_without_a_change(tmp_path):
    """A tenth of the country; how long it takes is measured by script/bench, never by a test."""
    towns = [
        f"45{city:02d}{county:02d}{town:03d}"
        for city in range(1, 15)
        for county in range(1, 9)
        for town in range(100, 130)
    ]
    rows = [
        f'{town}{number:03d},"{chr(0x4E00 + number * 7)}山村民委员会",{town},45,{town[:4]},{town[:6]}\n'
        for town in towns
        for number in range(200, 219)
    ]
    path = tmp_path / "villages.csv"
    path.write_text("code,name,streetCode,provinceCode,cityCode,areaCode\n" + "".join(rows), encoding="utf-8")
    assert loading.load([path]).counts["new"] == len(rows)
    assert loading.load([path]).counts["changed"] == 0


def test_loading_works_with_the_query_log_of_debug_too(folder):
    """Django's logging cursor takes COPY without parameters only; with DEBUG on, loading the tree failed."""
    with CaptureQueriesContext(connection):
        assert run(folder)[0]["new"] == 6
        (folder / "areas.csv").write_text("code,name\n459910,云山县\n", encoding="utf-8")
        assert run(folder, "--closing", "2026-01-01")[0]["changed"] == 1
