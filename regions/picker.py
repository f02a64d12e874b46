"""Find regions inside a user's area: what pickers, forms and addresses ask."""

import re

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Length

from regions import names
from regions.models import Level, Region

LIMIT = 12
SMALL = 40  # so many regions fit a plain drop-down list
BRIEF = ("code", "name", "short_name", "level")


def regions_for(user):
    """Return the regions a user may choose: those of the area, for administrators those under their own region."""
    if user.scope_ranges():
        return Region.objects.in_area_of(user)
    return Region.objects.under(user.region_id) if user.region_id and user.is_active else Region.objects.none()


def search(user, text: str, *, levels=(), limit: int = LIMIT) -> list[Region]:
    """Return the valid regions whose name holds `text` or whose code begins with it, the best first, with `path`."""
    text = re.sub(r"\s+", " ", text).strip()[:100]
    if not text:
        return []
    found = regions_for(user).valid()
    if levels:
        found = found.filter(level__in=levels)
    if text.isascii() and text.isdigit():
        code = names.cut(text)
        found = found.under(code) if len(code) < 15 else found.filter(code=code)
        found = found.order_by(Length("code"), "code")
    else:
        # "云岭镇 龙溪": every word must be in the name or in the name of a region above.
        *above, last = text.split(" ")
        found = found.filter(Q(name__contains=last) | Q(short_name__contains=last))
        rank = Case(
            When(Q(name=last) | Q(short_name=last), Value(0)),
            When(name__startswith=last, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
        found = found.order_by(rank, Length("code"), "code")
        if above:
            limited = with_path(found.only(*BRIEF)[: limit * 20])
            return [region for region in limited if all(word in region.path for word in above)][:limit]
    return with_path(found.only(*BRIEF)[:limit])


def with_path(regions) -> list[Region]:
    """Give every region the names of the regions above it, from the county down, as `path`; one query for all."""
    regions = list(regions)
    codes = {code for region in regions for code in region.ancestor_codes() if len(code) >= 6}
    above = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
    for region in regions:
        region.path = " / ".join(above[code] for code in region.ancestor_codes() if code in above)
    return regions


def exact(user, text: str, *, levels=()) -> list[Region]:
    """Return the regions a written text may mean: a code, or a name; more than one is for the person to decide."""
    text = text.strip()
    first = text.split(" ", 1)[0]
    found = regions_for(user).valid()
    if levels:
        found = found.filter(level__in=levels)
    if first.isascii() and first.isdigit():
        found = found.filter(pk__in={first, names.cut(first)})
    else:
        found = found.filter(Q(name=text) | Q(short_name=text))
    return list(found.only(*BRIEF)[:6])


def few(user, *, levels=()) -> list[Region] | None:
    """Return all regions to choose from when they fit a plain list, else None."""
    found = regions_for(user).valid().filter(level__in=levels or [Level.TOWN, Level.VILLAGE])
    found = list(found.only(*BRIEF)[: SMALL + 1])
    return with_path(found) if len(found) <= SMALL else None
