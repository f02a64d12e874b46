"""How a finding's subject is shown and corrected: what a room's presenter answers (`poverty.declarations.Subject`).

The room that owns the subject subclasses `Presenter` and names the class in its declaration; the engine knows neither
households nor members.
"""

from dataclasses import dataclass, field

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from poverty.declarations import Rule, rules, subjects
from regions.models import Region
from validation.models import ComposedRule, Finding


@dataclass
class Line:
    """A finding's subject in a list, as the reader may see it. `seen` may differ from what is stored."""

    title: str = ""
    number: str = ""
    url: str = ""
    seen: str | None = None
    hidden: bool = False  # what was seen is kept from the reader


@dataclass
class Fix:
    """A proposed correction: `words` are (label, old, new) as the reader may see them."""

    words: list[tuple[str, str, str]]


@dataclass
class Corrected:
    """What became of a correction: "saved", "proposed", "nothing", "invalid" or "overtaken" (by whom: `others`)."""

    state: str
    values: int = 0
    others: list[str] = field(default_factory=list)
    proposal: str = ""
    household_id: int | None = None


class Presenter:
    """Shows one finding's subject to one person. This one knows only the place; rooms know more."""

    template = ""  # the record's fields in question
    beside = ""  # the household beside it
    found = True

    def __init__(self, finding: Finding, rule: Rule | None, user):
        self.finding, self.rule, self.user = finding, rule, user

    @classmethod
    def lines(cls, findings: list[Finding], user) -> dict[int, Line]:
        """Return {key of the finding: its line}, in at most one query."""
        return {}

    @classmethod
    def fix_many(cls, findings: list[Finding], rule: Rule, user) -> list[dict]:
        """Return the proposed corrections: {"finding", "number", "words"}."""
        return []

    @classmethod
    def apply_many(cls, findings: list[Finding], rule: Rule, by, *, reason: str, batch: str):
        """Write proposed corrections; return ([what was written where], [uids left as they were])."""
        return [], [str(finding.uid) for finding in findings]

    @classmethod
    def undo_many(cls, done: list[dict], by, *, reason: str, batch: str) -> list[str]:
        """Put back what was written; return the uids of findings whose values were changed since."""
        return [entry["finding"] for entry in done]

    @classmethod
    def done_words(cls, done: list[dict], user) -> list[dict]:
        """Return what was written, as the reader may see it: {"number", "url", "label", "old", "new"}."""
        return []

    @property
    def title(self) -> str:
        names = dict(
            Region.objects.filter(code__in=(self.finding.village_id[:9], self.finding.village_id)).values_list(
                "code", "name"
            )
        )
        return " ".join(names[code] for code in sorted(names))

    number = url = ""

    @property
    def seen(self) -> str:
        return self.finding.seen

    @property
    def expected(self) -> str:
        return self.finding.expected

    @property
    def secret(self) -> bool:
        """Tell whether something is expected that is shown only with a reason."""
        return False

    def reveal(self) -> str:
        return ""

    def form(self, data=None):
        """Return the forms that correct the fields in question; None when this person corrects nothing."""
        return None

    def correct(self, data, *, reason: str) -> Corrected:
        return Corrected("nothing")

    def fix(self) -> Fix | None:
        return None

    def apply_fix(self, *, reason: str) -> Corrected:
        return Corrected("nothing")

    def follow_up(self) -> list[tuple[str, str]]:
        """Return (label, address) of what an upheld clue may lead to in the register."""
        return []

    def metres_from(self, longitude: float, latitude: float) -> int | None:
        """Return how far a point lies from the subject, if that is known and may be seen."""
        return None


def presenter_class(kind: str) -> type[Presenter]:
    subject = subjects.get(kind)
    return import_string(subject.presenter) if subject is not None and subject.presenter else Presenter


def of(finding: Finding, user) -> Presenter:
    return presenter_class(finding.subject_kind)(finding, words([finding.rule])[finding.rule].rule, user)


def lines(findings: list[Finding], user) -> dict[int, Line]:
    """Return the lines of a page of findings: one query per room."""
    by_class: dict[type, list] = {}
    for finding in findings:
        by_class.setdefault(presenter_class(finding.subject_kind), []).append(finding)
    found: dict[int, Line] = {}
    for presenter, some in by_class.items():
        found.update(presenter.lines(some, user))
    return found


@dataclass(frozen=True)
class Words:
    """A rule in words."""

    title: str
    suggestion: str
    rule: Rule | None


def words(codes) -> dict[str, Words]:
    """Return the words of rules, declared or composed; a rule that is no more shows its code."""
    found, others = {}, []
    for code in set(codes):
        if code in rules:
            rule = rules[code]
            found[code] = Words(_(rule.title), _(rule.suggestion) if rule.suggestion else "", rule)
        else:
            others.append(code)
    if others:
        from validation.composed import as_rule

        for composed in ComposedRule.objects.in_scope().filter(code__in=others):
            found[composed.code] = Words(composed.title, composed.suggestion, as_rule(composed))
    return {code: found.get(code) or Words(code, "", None) for code in set(codes)}
