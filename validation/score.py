"""The data-quality score of an area, live or as it stood at the end of each month.

Score = 100 × (1 − Σ w·distinct records hit ÷ records), never below 0, with w = 1 for errors, 0.4 for warnings and 0.1
for hints. Precisely:

- *Records* are the persons and households that stand in the register in the area: persons neither departed nor
  withdrawn of registered households, and those households themselves (`Subject.registered`).
- A *record hit* is one of them with at least one open finding about itself. However many rules hit it, it counts once,
  with the weight of its heaviest open finding. Findings about villages are about no record and do not count; nor do
  settled ones (special case, false alarm), which are closed until the data change.
- A *sub-score* is the same over the findings of one facet's rules (`Rule.facet`) alone: a record hit by an error of
  validity and a warning of timeliness weighs 1 in validity, 0.4 in timeliness, and 1 in the whole.

An area without records has no score. Records of children add up to those of their parent, because each lies in exactly
one village; so do the weights, and a parent's score is never an average of scores.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from django.apps import apps
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from poverty import scope
from poverty.declarations import Facet, Severity, rules, subjects
from validation.models import QualityMonth

WEIGHTS = {Severity.ERROR: Decimal(1), Severity.WARNING: Decimal("0.4"), Severity.INFO: Decimal("0.1")}
HEAVIEST_FIRST = list(WEIGHTS)
FACETS = {
    Facet.COMPLETENESS: _("Completeness"),
    Facet.TIMELINESS: _("Timeliness"),
    Facet.UNIQUENESS: _("Uniqueness"),
    Facet.CONSISTENCY: _("Consistency"),
    Facet.VALIDITY: _("Validity"),
}
LENGTHS = (2, 4, 6, 9, 12)
KINDS = ("member", "household")
WHOLE = ""  # beside the facets: all rules together

# Each record once, with its heaviest finding: over all rules, and over those of each facet.
HIT = """
SELECT {place} AS place, coalesce(x.facet, '') AS facet, rank, count(*) AS n
  FROM (SELECT f.village, r.facet, min(position(f.severity IN 'EWI')) AS rank
          FROM validation_finding f
          JOIN (SELECT unnest(%s::text[]) AS rule, unnest(%s::text[]) AS facet) r ON r.rule = f.rule
         WHERE f.closed_at IS NULL AND f.subject_kind = ANY (%s) AND f.village >= %s AND f.village < %s
         GROUP BY GROUPING SETS ((f.village, f.subject_kind, f.subject), (f.village, f.subject_kind, f.subject, r.facet))
       ) x
 GROUP BY 1, 2, 3
"""


@dataclass
class Quality:
    """What was counted of an area: records, and records hit by facet ("" for all rules) and severity."""

    records: int = 0
    hits: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, facet: str = WHOLE) -> Decimal | None:
        """Return the score, 0 to 100 with two decimals; None without records."""
        if not self.records:
            return None
        hits = self.hits.get(facet, {}).items()
        lost = sum((WEIGHTS[Severity(severity)] * count for severity, count in hits), Decimal(0))
        score = 100 * (1 - lost / self.records)
        return max(score, Decimal(0)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

    @property
    def score(self) -> Decimal | None:
        return self.of()

    @property
    def subs(self) -> dict[str, Decimal | None]:
        return {str(facet): self.of(facet) for facet in Facet}

    @property
    def hit(self) -> dict[str, int]:
        """Return the records hit by severity, and "all"."""
        found = self.hits.get(WHOLE, {})
        return {**{str(severity): found.get(severity, 0) for severity in WEIGHTS}, "all": sum(found.values())}

    def add(self, other: "Quality") -> None:
        self.records += other.records
        for facet, counts in other.hits.items():
            mine = self.hits.setdefault(facet, {})
            for severity, count in counts.items():
                mine[severity] = mine.get(severity, 0) + count


def _facets() -> tuple[list[str], list[str]]:
    """Return the rules and the facet of each, those that staff composed too, whoever may see these."""
    from validation import composed

    own = [rule for rule in composed.active("") if rule.id not in rules]
    every = [*rules.values(), *own]
    return [rule.id for rule in every], [str(rule.facet) for rule in every]


def by_place(code: str, length: int) -> dict[str, Quality]:
    """Return the quality of every region of the code length `length` in the area `code`, in the present scope.

    Two statements, whatever the number of regions: records, and records hit.
    """
    lo, hi = scope.code_range(code)
    found: dict[str, Quality] = {}
    place = f"left(t.village, {int(length)})" if length < 12 else "t.village"
    counted = []
    for kind in KINDS:
        declared = subjects[kind]
        table = apps.get_model(declared.model)._meta.db_table
        counted.append(
            f"SELECT {place} AS place, count(*) AS n FROM {table} t"
            f" WHERE t.village >= %s AND t.village < %s AND {declared.registered or 'true'} GROUP BY 1"
        )
    ids, facets = _facets()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT place, sum(n)::int FROM ({' UNION ALL '.join(counted)}) x GROUP BY 1", [lo, hi] * len(KINDS)
        )
        for where, records in cursor.fetchall():
            found[where] = Quality(records)
        hit = HIT.format(place=f"left(x.village, {int(length)})" if length < 12 else "x.village")
        cursor.execute(hit, [ids, facets, list(KINDS), lo, hi])
        for where, facet, rank, count in cursor.fetchall():
            of_place = found.setdefault(where, Quality()).hits.setdefault(facet, {})
            of_place[str(HEAVIEST_FIRST[rank - 1])] = count
    return found


def total(qualities: Iterable[Quality]) -> Quality:
    """Return the quality of several areas together."""
    whole = Quality()
    for one in qualities:
        whole.add(one)
    return whole


def of(code: str) -> Quality:
    """Return the quality of one area in the present scope; "" is all that the scope shows."""
    length = max((length for length in LENGTHS if length <= len(code)), default=2)
    return total(by_place(code, length).values())


def month_of(day: dt.date) -> dt.date:
    return day.replace(day=1)


def keep(area: str = "", on: dt.date | None = None) -> int:
    """Write this month's values of every region in the area that has records; return how many.

    Run every night: what stands at the end of a month stays. A second run replaces the first one's values.
    """
    month, now = month_of(on or timezone.localdate()), timezone.now()
    with scope.system("data-quality score"):
        villages = by_place(area, 12)
        places: dict[str, Quality] = {}
        for village, quality in villages.items():
            for length in LENGTHS:
                if length >= len(area):
                    places.setdefault(village[:length], Quality()).add(quality)
        rows = [
            QualityMonth(
                region_id=code, month=month, score=quality.score, records=quality.records, hits=quality.hit, made_at=now,
                subs={name: float(value) for name, value in quality.subs.items()},
            )
            for code, quality in places.items()
            if quality.records
        ]  # fmt: skip
        QualityMonth.objects.bulk_create(
            rows, batch_size=5000, update_conflicts=True, unique_fields=["region", "month"],
            update_fields=["score", "subs", "records", "hits", "made_at"],
        )  # fmt: skip
    return len(rows)


def trend(user, code: str, months: int = 13) -> list[QualityMonth]:
    """Return the kept values of the region, the oldest first."""
    kept = QualityMonth.objects.visible_to(user).filter(region_id=code).order_by("-month")[:months]
    return list(reversed(kept))
