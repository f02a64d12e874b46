"""What a new threshold, switch or poverty line would change, before anybody sets it; and the run after it was set."""

import datetime as dt
import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from poverty import config
from poverty.declarations import Rule, rules
from validation import engine
from validation.shipping import rule_of

LINE = "poverty_line."
MOST = 12  # rules tried for one line


@dataclass
class Effect:
    rule: str
    title: str
    found: int = 0
    added: int = 0
    removed: int = 0
    too_long: bool = False


def affected(key: str, on: dt.date) -> list[Rule]:
    """Return the rules that a value decides: the key's own, or those that look at this poverty line."""
    own = rules.get(rule_of(key))
    if own is not None:
        return [own] if own.find else []
    if not key.startswith(LINE):
        return []
    column = re.compile(rf"\b{key.removeprefix(LINE)}_line\b")
    found = []
    for rule in rules.values():
        if rule.find is None:
            continue
        check = engine.Check(on, None, "")
        said, params = engine.hits(rule, check, engine.Area("", (), engine.numbers(rule, "", on)))
        if column.search(said) or key in said or key in params:
            found.append(rule)
    return found[:MOST]


def effects(key, value, region, valid_from, user) -> list[Effect]:
    """Return what every rule concerned would find in `region` with the new value, against what stands open now."""
    today = timezone.localdate()
    chosen = affected(key, today)
    if not chosen:
        return []
    own = rule_of(key)
    override = {key.rsplit(".", 1)[1]: value} if own else None
    found = []
    with transaction.atomic():
        if not own:
            # A line is read by the pass itself, so it is set, tried and taken back.
            try:
                config.set_value(key, value, region, valid_from, user, "-")
            except ValidationError:
                transaction.set_rollback(True)
                return []  # the form itself tells what is wrong
        for rule in chosen:
            effect = Effect(rule.id, _(rule.title))
            try:
                with transaction.atomic():
                    result = engine.preview(rule, area=region, on=today, override=override, most=0)
            except engine.TooLong:
                effect.too_long = True
            else:
                effect.found, effect.added, effect.removed = result["found"], result["added"], result["removed"]
            found.append(effect)
        transaction.set_rollback(True)
    config.forget()
    return found


def changed(key, region, valid_from, user) -> None:
    """Run the rules that a value decides, once it holds."""
    from validation import tasks

    today = timezone.localdate()
    chosen = [rule.id for rule in affected(key, today)] if valid_from <= today else []
    if chosen:
        tasks.ask(user, region, rules=chosen, title=_("Data rules: %(place)s") % {"place": ", ".join(chosen)[:150]})


WATCHER = (effects, changed)
