"""A small register on a map: three towns' worth of squares, households of several kinds."""

import pytest
from django.contrib.gis.geos import MultiPolygon, Point, Polygon

from households.models import Household, Member
from poverty import scope
from regions.models import Region, VillageProfile

TOWN, OTHER_TOWN = "459901100", "459901101"
VILLAGE, NEXT_VILLAGE, THIRD_VILLAGE = "459901100201", "459901100202", "459901101201"
FOREIGN_VILLAGE = "459902100201"
# village, status, type, cause, exit year, placed, members
HOUSEHOLDS = [
    (VILLAGE, "04", "1", "01", None, True, 3),
    (VILLAGE, "04", "2", "03", None, False, 2),
    (VILLAGE, "05", "1", "01", 2020, True, 4),
    (NEXT_VILLAGE, "03", "1", "07", 2018, True, 5),
    (NEXT_VILLAGE, "02", "3", None, 2018, True, 1),
    (THIRD_VILLAGE, None, None, None, None, True, 2),
    (THIRD_VILLAGE, "03", "1", "01", 2018, False, 3),
    (FOREIGN_VILLAGE, "04", "1", "01", None, True, 6),
]


def square(x, y, size=1.0):
    x, y = 107 + x, 23 + y
    return MultiPolygon(Polygon([(x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y)]))


def add_household(village, number, status=None, kind=None, cause=None, year=None, placed=True, members=0):
    """Write a household and its members, as the system."""
    with scope.system("test"):
        household = Household.objects.create(
            village_id=village,
            household_no=number,
            status=status,
            household_type=kind,
            main_cause=cause,
            exit_year=year,
            position=Point(107.1, 23.1) if placed else None,
        )
        for place in range(members):
            Member.objects.create(household=household, village_id=village, person_no=f"{number}-{place}", name="韦小花")
    return household


@pytest.fixture
def mapped(regions):
    """Give every region a square and every village but the third its number of all households."""
    shapes = {
        "459901": square(0, 0, 4),
        TOWN: square(0, 0, 2),
        OTHER_TOWN: square(2, 0, 2),
        VILLAGE: square(0, 0),
        NEXT_VILLAGE: square(1, 0),
        THIRD_VILLAGE: square(2, 0),
    }
    for code, shape in shapes.items():
        Region.objects.filter(code=code).update(boundary=shape)
    VillageProfile.objects.create(village_id=VILLAGE, total_households=30)
    VillageProfile.objects.create(village_id=NEXT_VILLAGE, total_households=10)
    return regions


@pytest.fixture
def register(mapped):
    """Write HOUSEHOLDS; return them."""
    return [add_household(village, f"H{number}", *rest) for number, (village, *rest) in enumerate(HOUSEHOLDS)]
