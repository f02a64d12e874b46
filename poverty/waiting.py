"""What waits for a user on the home page. Rooms and engines declare it in their `indicators.py`; the page only draws.

A provider names the permissions of which one is enough, and answers with a card, several, or None. It gets the user
and the totals of the user's whole area (None for who sees no figures), so that a number the page has anyway is not
counted twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class Card:
    """A number that waits. `tone`: "todo" for work to be done, "warn" for what gets worse, "info" for the rest."""

    title: str | Promise
    count: int
    url: str = ""
    icon: str = "clipboard-list"
    tone: str = "todo"


providers: list[tuple[tuple, Callable]] = []


def provider(*permissions):
    """Declare a function (user, totals) -> Card, list of cards, or None."""

    def declare(function):
        providers.append((permissions, function))
        return function

    return declare


def cards(user, totals: dict | None) -> list[Card]:
    """Return what waits for `user`, in the order of declaration."""
    found = []
    for permissions, function in providers:
        if not any(user.may(permission) for permission in permissions):
            continue
        answer = function(user, totals)
        if answer is not None:
            found.extend(answer if isinstance(answer, list) else [answer])
    return found
