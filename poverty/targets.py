"""What the targets of the audit trail are called, for whoever may see them: "import:5" is nothing for a reader.

Rooms declare it in their `indicators.py`. A namer gets the reader and the keys of one page, and answers for those that
the reader may see; of the others the trail shows the kind alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class Target:
    """A target in words, and its page where the reader may open it."""

    name: str | Promise
    url: str = ""


namers: dict[str, Callable] = {}


def namer(kind: str):
    """Declare a function (user, keys) -> {key: Target} for targets "kind:key"."""

    def declare(function):
        namers[kind] = function
        return function

    return declare
