"""Changes of the tree by hand."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from regions import names
from regions.models import Level, Region

HAMLETS = range(1, 1000)


@transaction.atomic
def add_hamlet(*, village: Region, name: str) -> Region:
    """Return the hamlet `name` of a village, made when it is not there: fifteen digits, the last three our own.

    Hamlets have no national code. Numbers are never used again.
    """
    if village.level != Level.VILLAGE:
        raise ValidationError(_("Hamlets belong to villages."), code="level")
    name = name.strip()
    if not name:
        raise ValidationError(_("The hamlet needs a name."), code="name")
    # The village's row is locked, so that two people do not take one number.
    Region.objects.select_for_update(of=("self",)).only("code").get(pk=village.pk)
    hamlets = Region.objects.under(village.pk).at(Level.HAMLET)
    known = hamlets.filter(name=name).first()
    if known is not None:
        if known.valid_to is not None:
            known.valid_to = None
            known.save(update_fields=["valid_to"])
        return known
    taken = set(hamlets.values_list("code", flat=True))
    code = next((code for number in HAMLETS if (code := f"{village.pk}{number:03d}") not in taken), None)
    if code is None:
        raise ValidationError(_("This village has no free hamlet numbers left."), code="full")
    return Region.objects.create(
        code=code, name=name, short_name=names.short_name(name, Level.HAMLET), level=Level.HAMLET
    )
