"""How right the data rules are: their open findings against what the sample's truth.json says was planted.

    from bench import truth
    for line in truth.score(folder): …      # per rule: planted, found, hit, recall, precision, and what differs

Reads the findings that `manage.py validate` and `manage.py match` left in the register; the sample is loaded before.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Score:
    """One rule: how many subjects were planted, found, and both; and the subjects that differ."""

    rule: str
    planted: int
    found: int
    hit: int
    missed: tuple[str, ...]
    surplus: tuple[str, ...]

    @property
    def recall(self) -> float:
        return self.hit / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        return self.hit / self.found if self.found else 1.0


def planted(folder: Path) -> dict[str, set[str]]:
    """Return {rule: subjects} of the sample in `folder`: person numbers, household numbers, village codes."""
    found = defaultdict(set)
    for fact in json.loads((Path(folder) / "truth.json").read_text())["rules"]:
        found[fact["rule"]].add(fact["subject"])
    return found


def found() -> dict[str, set[str]]:
    """Return {rule: subjects} of all open findings of shipped rules."""
    from poverty import scope
    from poverty.declarations import rules
    from validation.management.commands.validate import subjects_of
    from validation.models import Finding

    with scope.system("name the rules with findings"):
        codes = set(Finding.objects.in_scope().open().values_list("rule", flat=True).order_by().distinct())
    return {code: set(subjects_of(code, "")) for code in codes & set(rules)}


def score(folder: Path) -> list[Score]:
    """Return the score of every rule that has something planted or found, in the order of the rules' codes."""
    wanted, seen = planted(folder), found()
    scores = []
    for rule in sorted(set(wanted) | set(seen)):
        one, other = wanted.get(rule, set()), seen.get(rule, set())
        scores.append(
            Score(rule, len(one), len(other), len(one & other), tuple(sorted(one - other)), tuple(sorted(other - one)))
        )
    return scores


def wrong_identity(folder: Path) -> tuple[int, int]:
    """Return how many persons were planted as wrongly registered, and how many of them are found by their rule."""
    facts = json.loads((Path(folder) / "truth.json").read_text())["wrong_identity"]
    seen = found()
    return len(facts), sum(fact["person"] in seen.get(fact["rule"], ()) for fact in facts)
