"""Rows of the register for tests, made in system scope."""

import itertools

from households.models import Household, HouseholdYear, Member
from poverty import scope

_numbers = itertools.count(1)


def household(village: str = "459901100201", **fields) -> Household:
    """Make a household with a head in `village`."""
    number = next(_numbers)
    with scope.system("test data"):
        made = Household.objects.create(
            **{"village_id": village, "household_no": f"T{number:06d}", "status": "04", "household_type": "1", **fields}
        )
        Member.objects.create(
            household=made, village_id=village, person_no=f"T{number:06d}01", name=f"户主{number}", relation="01"
        )
        HouseholdYear.objects.create(household=made, village_id=village, year=2020, size=1)
    return made
