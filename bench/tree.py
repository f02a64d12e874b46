"""The administrative tree of the whole country in the public CSV layout, invented, and how long it takes to load."""

import csv
import time
from pathlib import Path

VILLAGES = 620_573
PROVINCES, CITIES, COUNTIES, TOWNS = 31, 11, 9, 14  # per region above
FIRST_PROVINCE = 50  # the sample's 45 stays free
COLUMNS = ("code", "name", "streetCode", "areaCode", "cityCode", "provinceCode")
LEVELS = (("provinces", 2), ("cities", 4), ("areas", 6), ("streets", 9), ("villages", 12))
SUFFIXES = ("省", "市", "县", "镇", "村")
SYLLABLES = "云石桥龙溪竹坪柳湾清江平泉古榕那岭桂川阳东西南北上中下大小新老金银花木水火土山河田林"


def make(folder: Path, villages: int = VILLAGES) -> None:
    """Write the five files."""
    folder.mkdir(parents=True, exist_ok=True)
    towns = [
        f"{province:02}{city:02}{county:02}{town:03}"
        for province in range(FIRST_PROVINCE, FIRST_PROVINCE + PROVINCES)
        for city in range(1, CITIES + 1)
        for county in range(1, COUNTIES + 1)
        for town in range(100, 100 + TOWNS)
    ]
    share, more = divmod(villages, len(towns))
    codes = [
        f"{town}{number:03}"
        for place, town in enumerate(towns)
        for number in range(201, 201 + share + (place < more))
    ]  # fmt: skip
    lengths = [length for _name, length in LEVELS]
    for depth, (name, length) in enumerate(LEVELS):
        above = list(reversed(lengths[:depth]))
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*COLUMNS[:2], *COLUMNS[len(COLUMNS) - depth :]])
            for code in dict.fromkeys(code[:length] for code in (codes if depth == 4 else towns)):
                writer.writerow([code, _name(int(code)) + SUFFIXES[depth], *[code[:cut] for cut in above]])


def _name(number: int) -> str:
    size = len(SYLLABLES)
    return SYLLABLES[number % size] + SYLLABLES[number // 7 % size] + SYLLABLES[number // 311 % size]


def measure(folder: Path) -> dict:
    """Load the files as `load_regions` does, and COPY them as they are into tables without indexes."""
    from django.db import connection, transaction

    from regions import loading

    begun = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for depth, (name, _length) in enumerate(LEVELS):
            columns = ", ".join(f"c{number} text" for number in range(2 + depth))
            cursor.execute(f"CREATE TABLE staging.bench_{name} ({columns})")
            with cursor.copy(f"COPY staging.bench_{name} FROM STDIN (FORMAT csv, HEADER)") as target:
                target.write((folder / f"{name}.csv").read_bytes())
    bare = time.perf_counter() - begun
    with connection.cursor() as cursor:
        for name, _length in LEVELS:
            cursor.execute(f"DROP TABLE staging.bench_{name}")
    begun = time.perf_counter()
    report = loading.load([folder])
    whole = time.perf_counter() - begun
    if report.rejected or report.counts["new"] != report.counts["rows"]:
        raise RuntimeError(f"the tree was not loaded whole: {report.counts}")
    return {"seconds": whole, "bare": bare, "rows": report.counts["rows"]}
