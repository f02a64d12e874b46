"""Parts of the battle map as rendered, kept until a figure in them changes.

Leaders of one office open the same views over and over. What they see depends on their role, their area, their language,
the address, and the figures of the region shown: these make the name under which a part is kept, so nothing ever has to
be thrown away. The region's row is written anew whenever anything below it changes, and row-level security shows it only
to whom it belongs; a view for which there is no such row is made anew every time. Names of regions may be old by
`SECONDS`.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from dashboard import figures
from dashboard.board import whole_area
from poverty.templatetags.figures import ago

SECONDS = 600
STAMP = """
SELECT m.newest,
       (SELECT max(made_at)::text || count(*) FROM dashboard_figuremonth WHERE month < m.newest),
       (SELECT array_agg(made_at::text ORDER BY region) FROM dashboard_regionfigure
         WHERE month = m.newest AND length = ANY (%(lengths)s) AND region = ANY (%(codes)s)),
       (SELECT max(xmin::text::bigint)::text || '.' || count(*) FROM poverty_configvalue)
  FROM (SELECT max(month) AS newest FROM dashboard_figuremonth) m
"""
AGE = re.compile(r'<time datetime="([^"]+)" title="[^"]*">[^<]*</time>')


def _release() -> int:
    """Return what changes with the program: a part made by another one may not fit the page's scripts."""
    here = Path(__file__).resolve().parent
    folders = (here, settings.BASE_DIR / "templates" / "dashboard", settings.BASE_DIR / "locale")
    return max(int(path.stat().st_mtime) for folder in folders for path in folder.rglob("*") if path.is_file())


RELEASE = _release()


@dataclass
class Part:
    """A rendered part, and `head`: what the page around it shows of the same view."""

    html: SafeString
    head: SimpleNamespace = field(default_factory=SimpleNamespace)


def part(request, state, template: str, make: Callable[[], Part | None]) -> Part | None:
    """Return the part that the request asks for, as it is kept or as `make` makes it with the template."""
    key = None if settings.DEBUG else _key(request, state, template)
    if key is None:
        return make()
    found = cache.get(key)
    if found is None:
        made = make()
        if made is not None:
            cache.set(key, (str(made.html), vars(made.head)), SECONDS)
        return made
    html, head = found
    # How old a figure is goes on while the figure stands.
    html = AGE.sub(lambda age: ago(datetime.fromisoformat(age[1])) if "T" in age[1] else age[0], html)
    return Part(mark_safe(html), SimpleNamespace(**head))  # noqa: S308 — rendered by our own templates


def _key(request, state, template: str) -> str | None:
    """Return the name of the part, None where it cannot be kept."""
    user = request.user
    code = state.area or whole_area(user)
    codes = [one for one in (code, state.cr) if one]
    # What may be published depends on every region of the area, not on the one shown.
    if getattr(state, "public", "") or figures.sees_households_only(user) or not all(
        one.isascii() and one.isdigit() and figures.in_area(user, one) for one in codes
    ):  # fmt: skip
        return None
    with connection.cursor() as cursor:
        cursor.execute(STAMP, {"codes": codes, "lengths": [len(one) for one in codes]})
        stamp = cursor.fetchone()
    if stamp is None or not codes or len(stamp[2] or ()) < len(set(codes)):
        return None
    ranges = sorted((one.lo, one.hi) for one in user.scope_ranges())
    said = (
        *(RELEASE, template, request.path, state.query(), bool(request.htmx), user.role, user.region_id, ranges),
        *(get_language(), timezone.localdate(), stamp),
    )
    return "battle:" + hashlib.sha256(repr(said).encode()).hexdigest()
