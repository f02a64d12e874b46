"""What the pages of an import ask: its faults by column, its questions, its reconciliation."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _

from accounts import masks
from accounts.masks import View
from exchange import batches, exporting, staging
from exchange import faults as fault_rows
from exchange.messages import fault_text
from exchange.models import ImportAnswer, ImportBatch, ImportFault
from exchange.results import masked
from poverty import crypto, declarations
from poverty.declarations import Column, Kind
from regions.models import Region

ACTIONS = ("stop", "ask", "note", "auto")
SAME_LIMIT = 3_000
PERSONAL = (Kind.ID_NUMBER, Kind.PHONE, Kind.CARD, Kind.OPAQUE, Kind.NAME)  # no two people share an answer


def column_of(batch: ImportBatch, name: str) -> Column | None:
    return next((column for column in declarations.sheets[batch.kind].columns if column.field == name), None)


def shown(user, column: Column | None, text: str) -> str:
    """Return a cell's text as `user` may see it; dirt has no form, so its outer characters stand for it."""
    if not text or column is None or not exporting.row_of(column):
        return text
    view = masks.view_of(exporting.viewer(user), exporting.row_of(column))
    if view is View.FULL:
        return text
    return "" if view is View.NOTHING else masked(text)


def value_shown(user, column: Column | None, value) -> str:
    """Return a stored or staged value as `user` may see it."""
    if column is None:
        return "" if value is None else str(value)
    text = str(exporting.text_of(column, value))
    view = exporting.view_of(user, column)
    if view is View.FULL or not text:
        return text
    return masks.MASKS[exporting.row_of(column)](text) if view is View.MASKED else "***"


# --- faults ----------------------------------------------------------------------------------------------------------


def faults_of(batch: ImportBatch, user):
    return ImportFault.objects.visible_to(user).filter(batch=batch)


def dress(batch: ImportBatch, user, faults) -> list[ImportFault]:
    """Give each fault `shown`, its value as the user may see it, and `text`, its sentence."""
    dressed = list(faults)
    for fault in dressed:
        fault.of_column = column_of(batch, fault.field)
        value = crypto.unseal(fault_rows.VALUE, fault.uid, fault.value_sealed)
        fault.shown = shown(user, fault.of_column, value)
        fault.text = fault_text(fault.code, fault.action, fault.params, value=fault.shown)
    return dressed


@dataclass
class Group:
    """The faults of one column of the file."""

    column: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACTIONS, 0))
    codes: list = field(default_factory=list)  # (count, first fault)
    examples: list = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def fault_groups(batch: ImportBatch, user, examples: int = 3) -> list[Group]:
    """Return the faults by column, the worst first, each with its commonest kinds as examples; two queries."""
    found = (
        faults_of(batch, user).order_by().values("column", "code", "action").annotate(n=Count("pk"), first=Min("pk"))
    )
    groups: dict[str, Group] = {}
    for line in found:
        group = groups.setdefault(line["column"], Group(line["column"]))
        group.counts[line["action"]] += line["n"]
        group.codes.append((ACTIONS.index(line["action"]), -line["n"], line["first"]))
    wanted = {}
    for group in groups.values():
        group.codes = sorted(group.codes)[:examples]
        wanted.update({first: -number for _rank, number, first in group.codes})
    dressed = {
        fault.pk: fault for fault in dress(batch, user, ImportFault.objects.visible_to(user).filter(pk__in=wanted))
    }
    for group in groups.values():
        group.examples = [dressed[first] for _rank, _number, first in group.codes if first in dressed]
        for fault in group.examples:
            fault.count = wanted[fault.pk]
    return sorted(groups.values(), key=lambda group: [-group.counts[action] for action in ACTIONS])


# --- questions -------------------------------------------------------------------------------------------------------


@dataclass
class Question:
    """One question of an import. `sort`: label, region, cell or column; `options` are [(value, text)]."""

    key: str
    sort: str
    fault: ImportFault
    count: int
    column: Column | None = None
    options: list[tuple[str, str]] = field(default_factory=list)
    suggestion: str = ""
    same: int = 0  # further rows that the same answer would serve
    row: object = None

    @property
    def suggested(self) -> list[tuple[str, str]]:
        return [option for option in self.options if option[0] == self.suggestion]

    @property
    def others(self) -> list[tuple[str, str]]:
        return [option for option in self.options if option[0] != self.suggestion]


def open_questions(batch: ImportBatch, user):
    """Return the keys of questions without an answer: {"question", "n", "first"}, those of most rows first."""
    answered = ImportAnswer.objects.visible_to(user).filter(batch=batch).values("question")
    return (
        faults_of(batch, user)
        .filter(action="ask")
        .exclude(question="")
        .exclude(question__in=answered)
        .order_by()
        .values("question")
        .annotate(n=Count("pk"), first=Min("pk"))
        .order_by("-n", "first")
    )


def question_counts(batch: ImportBatch, user) -> tuple[int, int]:
    """Return the numbers of (open, answered) questions; the answers of the latter are not yet applied."""
    asked = faults_of(batch, user).filter(action="ask").exclude(question="")
    answered = ImportAnswer.objects.visible_to(user).filter(batch=batch).values("question")
    found = asked.aggregate(
        all=Count("question", distinct=True),
        answered=Count("question", distinct=True, filter=Q(question__in=answered)),
    )
    return found["all"] - found["answered"], found["answered"]


def questions(batch: ImportBatch, user, lines) -> list[Question]:
    """Dress lines of `open_questions` for the page."""
    faults = ImportFault.objects.visible_to(user).filter(pk__in=[line["first"] for line in lines])
    dressed = {fault.pk: fault for fault in dress(batch, user, faults)}
    made = [_question(batch, user, line, dressed[line["first"]]) for line in lines if line["first"] in dressed]
    if batch.staged and staging.exists(batches.handler(batch).rows):
        rows = batches.handler(batch).rows_at([(one.fault.sheet, one.fault.row) for one in made])
        for one in made:
            one.row = rows.get((one.fault.sheet, one.fault.row))
    return made


def _question(batch: ImportBatch, user, line: dict, fault: ImportFault) -> Question:
    sort = line["question"].partition(":")[0]
    made = Question(line["question"], sort, fault, line["n"], fault.of_column)
    suggestion = crypto.unseal(fault_rows.SUGGESTION, fault.uid, fault.suggestion_sealed)
    if sort == "label":
        column = fault.of_column
        made.options = [("是", _("yes")), ("否", _("no"))] if column.kind == Kind.YES_NO else list(column.codes.choices)
        made.suggestion = suggestion
    elif sort == "region":
        made.options = [tuple(candidate) for candidate in fault.params.get("candidates", ())]
        made.suggestion = made.options[0][0] if len(made.options) == 1 else ""
    elif sort == "column":
        made.options = [("yuan", _("yuan")), ("wan", _("ten thousand yuan"))]
        made.suggestion = suggestion
        made.count = fault.params.get("count", made.count)
    else:
        made.options = [(text, text) for text in fault.params.get("readings", ())]
        if suggestion:
            made.options.insert(0, ("suggestion", shown(user, fault.of_column, suggestion)))
            made.suggestion = "suggestion"
        made.same = len(_same(batch, user, fault))
    return made


def _same(batch: ImportBatch, user, fault: ImportFault) -> list[str]:
    """Return the other open questions about the same text in the same column."""
    column = column_of(batch, fault.field)
    if column is None or column.kind in PERSONAL or not fault.value_sealed:
        return []
    mine = crypto.unseal(fault_rows.VALUE, fault.uid, fault.value_sealed)
    answered = ImportAnswer.objects.visible_to(user).filter(batch=batch).values("question")
    others = faults_of(batch, user).filter(
        action="ask", field=fault.field, code=fault.code, question__startswith="cell:"
    )
    others = others.exclude(question=fault.question).exclude(question__in=answered)
    return [
        other.question
        for other in others[:SAME_LIMIT]
        if crypto.unseal(fault_rows.VALUE, other.uid, other.value_sealed) == mine
    ]


def answers_for(batch: ImportBatch, user, fault: ImportFault, value: str, *, same: bool) -> list[dict]:
    """Return the answers to keep for a question, and for all like it with `same`."""
    keys = [fault.question, *(_same(batch, user, fault) if same else [])]
    return [{"question": key, "value": value} for key in keys]


# --- reconciliation --------------------------------------------------------------------------------------------------


@dataclass
class Stated:
    """A total that the file states, beside what was counted."""

    sheet: str
    row: int
    label: str
    header: str
    stated: str
    counted: object = None
    fits: bool | None = None


def stated_totals(batch: ImportBatch) -> list[Stated]:
    """Check the totals of the file against the rows above them; a subtotal counts from the one before it."""
    if not (batch.staged and batch.meta.get("totals")):
        return []
    work = batches.handler(batch)
    if not staging.exists(work.rows):
        return []
    headers = {found["name"]: {text: name for name, text in found["columns"].items()} for found in batch.meta["sheets"]}
    began: dict[str, int] = defaultdict(int)
    lines = []
    for total in sorted(batch.meta["totals"], key=lambda total: (total["sheet"], total["row"])):
        sheet, row = total["sheet"], total["row"]
        whole = "小" not in (total["label"] or "") and "页" not in (total["label"] or "")
        for header, text in (total["numbers"] or {}).items():
            column = column_of(batch, headers.get(sheet, {}).get(header, ""))
            if column is None or column.kind not in (Kind.AMOUNT, Kind.INTEGER, Kind.DECIMAL):
                continue
            after = 0 if whole else began[sheet]
            line = Stated(sheet, row, total["label"], header, text, work.sum_of(sheet, column, after, row))
            if line.counted is not None:
                line.fits = _equal(text, line.counted)
            if line.fits is False and work.held_between(sheet, column, after, row):
                line.fits = None  # refused rows and rows that wait are not in the sum
            lines.append(line)
        if not whole:
            began[sheet] = row
    return lines


def _equal(text: str, counted) -> bool | None:
    try:
        return abs(Decimal(str(text).replace(",", "").replace("，", "").strip()) - Decimal(counted)) < Decimal("0.01")
    except InvalidOperation:
        return None


COUNTED = ("file_households", "register_households", "file_persons", "register_persons")


def reconciliation(batch: ImportBatch) -> dict:
    """Return the lines by village, with a subtotal behind each town where there are several, and the total."""
    villages = sorted(batch.reconciliation, key=lambda line: line["village"])
    towns = list(dict.fromkeys(line["village"][:9] for line in villages))
    names = dict(Region.objects.filter(pk__in=towns).values_list("pk", "name")) if len(towns) > 1 else {}
    lines = []
    for town in towns:
        mine = [_with_gaps(line) for line in villages if line["village"].startswith(town)]
        lines += mine
        if names:
            lines.append(_sum(mine) | {"town": town, "name": names.get(town, town)})
    return {
        "lines": lines,
        "villages": len(villages),
        "total": _sum(villages),
        "persons": bool(declarations.sheets[batch.kind].person_key),
    }


def _sum(lines) -> dict:
    return _with_gaps({name: sum(line[name] for line in lines) for name in COUNTED})


def _with_gaps(line: dict) -> dict:
    gaps = {f"gap_{what}": line[f"file_{what}"] - line[f"register_{what}"] for what in ("households", "persons")}
    return {**line, **gaps}
