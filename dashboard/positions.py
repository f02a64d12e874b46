"""Where households stand, for the map: cells with their numbers for any area, single points for one village.

Cells are counted by the database and kept until the register of the area changes: the size of an answer depends on the
area's shape, not on how many households stand in it. Points are given of one village only, and to who may see exact
positions (`accounts.masks`); everybody else sees cells there too.
"""

from collections.abc import Callable

from django.core.cache import cache
from django.db.models import Count, F, FloatField, Func, IntegerField
from django.db.models.functions import Cast, Floor

from accounts.masks import View, view_of
from dashboard import counts
from dashboard.board import in_area
from poverty import scope
from regions.models import LEVEL_LENGTHS

ACROSS = 60  # cells from one side of an area to the other
SIZES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # degrees; the smallest is about 500 m
MOST_POINTS = 3000
KEEP_SECONDS = 6 * 3600
EMPTY = {"kind": "cells", "size": SIZES[0], "cells": []}

_declared: list[Callable] = []


def declare(placed: Callable) -> Callable:
    """`placed()` is the queryset of households that have a position, with `position`, `uid`, `household_no`, `status`.

    `placed.label(code)` says what a status is called, `placed.tone(code)` its colour, `placed.address(uid)` its page.
    """
    if _declared:
        raise ValueError("positions are declared twice")
    _declared.append(placed)
    return placed


def sees_points(user, code: str) -> bool:
    """Return whether the user is shown single households of a region."""
    return len(code) == LEVEL_LENGTHS["village"] and view_of(user, "position") is View.FULL


def points(user, code: str) -> dict:
    """Return the households of a village that the user sees: [longitude, latitude, number, status, tone, address]."""
    source = _declared[0]
    rows = (
        source()
        .visible_to(user)
        .filter(scope.under("village", code))
        .order_by("pk")
        .values_list("position", "uid", "household_no", "status")[:MOST_POINTS]
    )
    found = [
        [round(at.x, 6), round(at.y, 6), number, source.label(status), source.tone(status), source.address(uid)]
        for at, uid, number, status in rows
    ]
    return {"kind": "points", "points": found}


def cells(user, code: str, bounds) -> dict:
    """Return the households of an area by cells, [longitude and latitude of the middle, number]; `bounds` is its extent.

    The area is checked first: who sees figures only has no rows, and is told how many stand in a cell and no more.
    """
    if not _declared or bounds is None or not in_area(user, code):
        return EMPTY
    west, south, east, north = bounds
    wanted = max(east - west, north - south) / ACROSS
    size = next((size for size in SIZES if size >= wanted), SIZES[-1])
    key = f"cells:{code}:{size}:{counts.state_for(user, code)}"
    found = cache.get(key)
    if found is None:
        with scope.system("cells of the map"):
            found = _counted(code, size)
        cache.set(key, found, KEEP_SECONDS)
    return {"kind": "cells", "size": size, "cells": found}


def _counted(code: str, size: float) -> list[list]:
    def place(function):
        at = Func(F("position"), function=function, output_field=FloatField())
        return Cast(Floor(at / size), IntegerField())

    rows = (
        _declared[0]()
        .in_scope()
        .filter(scope.under("village", code))
        .order_by()
        .annotate(x=place("ST_X"), y=place("ST_Y"))
        .values_list("x", "y")
        .annotate(number=Count("pk"))
    )
    return [[round((x + 0.5) * size, 5), round((y + 0.5) * size, 5), number] for x, y, number in rows]
