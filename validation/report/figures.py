"""The figures of a data-quality report: one region and month, counted in the present scope, in a fixed number of queries."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Q
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.masks import mask_name
from poverty import scope
from poverty.declarations import rules
from regions.models import LEVEL_LENGTHS, Region
from validation import composed, presenting, score
from validation.models import TRUE, Finding, FindingEvent, FixBatch, QualityMonth, RuleRun

LENGTHS = [length for level, length in LEVEL_LENGTHS.items() if level != "hamlet"]
TOP_VILLAGES, CASES = 15, 8
SEVERITIES = {"E": "错误", "W": "警告", "I": "提示"}


@dataclass
class Figures:
    region: Region
    path: str
    month: dt.date
    as_of: dt.datetime
    records: int = 0
    score: Decimal | None = None
    hit: dict = field(default_factory=dict)
    subs: dict = field(default_factory=dict)
    before: Decimal | None = None
    rank: tuple[int, int] | None = None
    trend: list = field(default_factory=list)  # (month, score)
    rules: list = field(default_factory=list)  # code, title, severity, open, new, closed
    places: list = field(default_factory=list)  # name, score, records, E, W, I, open, new, closed, overdue
    villages: list = field(default_factory=list)  # town, village, open, errors
    open: int = 0
    new: int = 0
    closed: int = 0
    overdue: int = 0
    new_before: int = 0
    closed_before: int = 0
    by_severity: dict = field(default_factory=dict)
    cases: list = field(default_factory=list)  # rule, title, who, place, seen, expected
    departments: list = field(default_factory=list)  # code, title, open, upheld, not upheld
    verdicts: dict = field(default_factory=dict)  # true, other
    batches: tuple[int, int] = (0, 0)  # corrections made together: batches, findings
    gone: int = 0  # closed because the data were corrected
    runs: int = 0
    last_run: dt.datetime | None = None

    @property
    def change(self) -> Decimal | None:
        return None if self.score is None or self.before is None else self.score - self.before


def month_span(month: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return the first moment of the month and of the next one, in local time."""
    following = (month + dt.timedelta(days=32)).replace(day=1)
    zone = timezone.get_current_timezone()
    return tuple(dt.datetime(day.year, day.month, 1, tzinfo=zone) for day in (month, following))


def gather(region: Region, month: dt.date, *, named: bool, user=None) -> Figures:
    """Count. `named` cases bear names as an office sees them; without, only what identifies nobody."""
    begin, end = month_span(month)
    now = timezone.now()
    above = dict(Region.objects.filter(pk__in=region.ancestor_codes()).values_list("pk", "name"))
    found = Figures(region, "".join(above[code] for code in sorted(above)) + region.name, month, min(end, now))
    length = next((length for length in LENGTHS if length > len(region.pk)), LENGTHS[-1])
    # The file is read by everybody of this region: what speaks of a place outside it is not theirs.
    inside = scope.under("village_id", region.pk) & scope.under("reach", region.pk)
    here = Finding.objects.in_scope().filter(inside).order_by()
    stood = Q(first_seen_at__lt=found.as_of) & (Q(closed_at__isnull=True) | Q(closed_at__gte=found.as_of))
    came = Q(first_seen_at__gte=begin, first_seen_at__lt=end)
    went = Q(closed_at__gte=begin, closed_at__lt=end)
    late = stood & Q(due_on__lt=timezone.localdate(found.as_of))
    counts = {
        "open": Count("pk", filter=stood), "new": Count("pk", filter=came), "closed": Count("pk", filter=went),
        "overdue": Count("pk", filter=late),
    }  # fmt: skip
    earlier, _end = month_span((month - dt.timedelta(days=1)).replace(day=1))
    whole = here.aggregate(
        **counts,
        new_before=Count("pk", filter=Q(first_seen_at__gte=earlier, first_seen_at__lt=begin)),
        closed_before=Count("pk", filter=Q(closed_at__gte=earlier, closed_at__lt=begin)),
        gone=Count("pk", filter=went & Q(closed_as="gone")),
    )
    for name, value in whole.items():
        setattr(found, name, value)
    found.by_severity = {severity: here.filter(stood, severity=severity).count() for severity in SEVERITIES}
    _scores(found, region, month, length, now >= end)
    _rules(found, here, counts)
    _places(found, here, length, counts)
    _villages(found, here, stood)
    _cases(found, here, stood, named, user)
    _work(found, region, begin, end)
    return found


def _scores(found: Figures, region: Region, month: dt.date, length: int, over: bool) -> None:
    """Of a month that is over, what was kept on its last night; of the running one, what is now."""
    kept = QualityMonth.objects.in_scope()
    own = kept.filter(region_id=region.pk, month=month).first() if over else None
    if own is not None:
        found.score, found.records, found.hit, found.subs = own.score, own.records, own.hits, own.subs
        children = {row.region_id: row for row in kept.filter(scope.under("region_id", region.pk), month=month)}
        found.places = [
            (row.region_id, row.score, row.records, row.hits)
            for row in children.values()
            if len(row.region_id) == length
        ]
    else:
        children = score.by_place(region.pk, length)
        whole = score.total(children.values())
        found.score, found.records, found.hit, found.subs = whole.score, whole.records, whole.hit, whole.subs
        found.places = [(code, one.score, one.records, one.hit) for code, one in children.items() if one.records]
    months = list(kept.filter(region_id=region.pk, month__lt=month).order_by("-month")[:11])
    found.trend = [(row.month, row.score) for row in reversed(months)]
    if found.score is not None:
        found.trend.append((month, found.score))
    if months and months[0].month == (month - dt.timedelta(days=1)).replace(day=1):
        found.before = months[0].score
    with scope.system("the rank among the neighbours, without their names"):
        parent = region.parent_code
        if parent and found.score is not None:
            others = QualityMonth.objects.filter(scope.under("region_id", parent), month=month).exclude(
                region_id=region.pk
            )
            values = [row.score for row in others if len(row.region_id) == len(region.pk)]
            if values:
                found.rank = (1 + sum(1 for value in values if value > found.score), len(values) + 1)


def _title(code: str, own: dict) -> tuple[str, str]:
    declared = rules.get(code)
    if declared is not None:
        return _(declared.title), str(declared.severity)
    return (own[code].title, own[code].severity) if code in own else (code, "")


def _rules(found: Figures, here, counts) -> None:
    with scope.system("titles of the rules composed by staff"):
        own = {rule.code: rule for rule in composed.ComposedRule.objects.all()}
    for row in here.values("rule").annotate(**counts):
        title, severity = _title(row["rule"], own)
        if row["open"] or row["new"] or row["closed"]:
            found.rules.append((row["rule"], title, severity, row["open"], row["new"], row["closed"]))
    found.rules.sort(key=lambda row: (-row[3], row[0]))
    verdicts = FindingEvent.objects.in_scope().filter(kind="verdict", rule__startswith="XD-").exclude(verdict="")
    verdicts = verdicts.filter(scope.under("reach", found.region.pk)).order_by().values("rule")
    given = {
        row["rule"]: (row["yes"], row["no"])
        for row in verdicts.annotate(
            yes=Count("pk", filter=Q(verdict__in=TRUE)), no=Count("pk", filter=~Q(verdict__in=TRUE))
        )
    }
    for code, title, _severity, count, new, _closed in found.rules:
        if code.startswith("XD-"):
            found.departments.append((code, title, count, new, *given.get(code, (0, 0))))


def _places(found: Figures, here, length: int, counts) -> None:
    by_place = {
        row["place"]: row for row in here.annotate(place=Left("village_id", length)).values("place").annotate(**counts)
    }
    names = dict(Region.objects.filter(pk__in=[code for code, *_rest in found.places]).values_list("pk", "name"))
    rows = []
    for code, value, records, hit in found.places:
        counted = by_place.get(code, {})
        rows.append(
            (
                names.get(code, code), value, records, *(hit.get(severity, 0) for severity in SEVERITIES),
                *(counted.get(name, 0) for name in ("open", "new", "closed", "overdue")),
            )
        )  # fmt: skip
    found.places = sorted(rows, key=lambda row: (-(row[1] or 0), row[0]))


def _villages(found: Figures, here, stood) -> None:
    rows = here.filter(stood).values("village_id").annotate(n=Count("pk"), errors=Count("pk", filter=Q(severity="E")))
    rows = list(rows.order_by("-n", "village_id")[:TOP_VILLAGES])
    codes = {code for row in rows for code in (row["village_id"], row["village_id"][:9])}
    names = dict(Region.objects.filter(pk__in=codes).values_list("pk", "name"))
    found.villages = [
        (names.get(row["village_id"][:9], ""), names.get(row["village_id"], ""), row["n"], row["errors"])
        for row in rows
    ]


def _cases(found: Figures, here, stood, named: bool, user) -> None:
    """One finding of each of the commonest rules, errors first; who it is only for offices, and then masked."""
    chosen = []
    for code, *_rest in sorted(found.rules, key=lambda row: ("EWI".find(row[2]), -row[3]))[:CASES]:
        one = here.filter(stood, rule=code).order_by("first_seen_at", "pk").first()
        if one is not None:
            chosen.append(one)
    told = presenting.lines(chosen, user) if named and user is not None else {}
    names = dict(Region.objects.filter(pk__in={one.village_id for one in chosen}).values_list("pk", "name"))
    titles = {row[0]: row[1] for row in found.rules}
    for one in chosen:
        line = told.get(one.pk) or presenting.Line()
        seen = (one.seen if line.seen is None else line.seen) if named else ("***" if one.seen else "")
        found.cases.append(
            (one.rule, titles[one.rule], mask_name(line.title) if line.title else "—", names.get(one.village_id, ""), seen,
             one.expected if named and not line.hidden else "")
        )  # fmt: skip


def _work(found: Figures, region: Region, begin, end) -> None:
    events = FindingEvent.objects.in_scope().filter(scope.under("reach", region.pk), at__gte=begin, at__lt=end)
    found.verdicts = (
        events.filter(kind="verdict")
        .exclude(verdict="")
        .aggregate(true=Count("pk", filter=Q(verdict__in=TRUE)), other=Count("pk", filter=~Q(verdict__in=TRUE)))
    )
    batches = FixBatch.objects.in_scope().filter(
        scope.under("region_id", region.pk), state="applied", decided_at__gte=begin, decided_at__lt=end
    )
    done = list(batches.values_list("applied", flat=True))
    found.batches = (len(done), sum(done))
    area = region.pk
    near = Q(area__in=["", *region.ancestor_codes(), area]) | scope.under("area", area)
    runs = RuleRun.objects.filter(near, started_at__gte=begin, started_at__lt=end, state__in=["done", "partly"])
    found.runs = runs.count()
    found.last_run = runs.order_by("-started_at").values_list("started_at", flat=True).first()


def advice(found: Figures) -> list[str]:
    """Return sentences that follow from the numbers."""
    said = []
    if not found.records:
        return ["本地区台账中尚无记录，请先导入花名册。"]
    errors = [row for row in found.rules if row[2] == "E" and row[3]]
    if errors:
        top = "、".join(f"{row[0]}“{row[1]}”（{row[3]:,}条）" for row in errors[:3])
        said.append(f"优先整改错误级疑点：{top}。错误级疑点未消除的记录不得用于认定和退出。")
    if found.overdue:
        share = found.overdue / found.open if found.open else 0
        said.append(f"有{found.overdue:,}条疑点逾期未结，占未结疑点的{share:.1%}，建议由乡镇逐条明确责任人并限期办结。")
    if len(found.places) > 2:
        worst = [row for row in found.places[::-1] if row[1] is not None and row[1] < (found.score or 0)][:3]
        if worst:
            said.append("得分靠后的" + "、".join(f"{row[0]}（{row[1]}分）" for row in worst) + "应作为下月核查重点。")
    if found.villages and found.open:
        share = sum(row[2] for row in found.villages[:5]) / found.open
        if share > 0.2:
            said.append(f"疑点最多的前5个村集中了{share:.1%}的未结疑点，建议组织驻村工作队集中入户核实。")
    lowest = min(
        ((value, name) for name, value in found.subs.items() if value is not None),
        default=None,
        key=lambda x: float(x[0]),
    )
    if lowest and float(lowest[0]) < 99.5:
        said.append(f"分项得分最低的是{score.FACETS[lowest[1]]}（{float(lowest[0]):.2f}分），请针对性补正。")
    if found.new > found.closed:
        said.append(
            f"本月新增疑点（{found.new:,}条）多于办结（{found.closed:,}条），请核对近期导入的数据来源，从源头把关。"
        )
    waiting = sum(row[2] for row in found.departments)
    if waiting:
        said.append(f"部门比对线索尚有{waiting:,}条未结。线索不等于结论，须入户核实并听取农户说明后再作认定。")
    return said or ["本月未发现需要重点整改的问题，请继续按时核查、及时更新。"]
