"""What the map is told of the register's positions."""

from django.urls import NoReverseMatch, reverse

from dashboard import positions
from households import codes
from households.indicators import STATUS_TONES
from households.models import Household


class Placed:
    """Households in the register that have a position."""

    def __call__(self):
        return Household.objects.in_register().filter(position__isnull=False)

    def label(self, status) -> str:
        return codes.STATUS.label(status)

    def tone(self, status) -> str:
        return STATUS_TONES.get(status or "", "other")

    def address(self, uid) -> str:
        try:
            return reverse("households:detail", args=[uid])
        except NoReverseMatch:
            return ""


positions.declare(Placed())
