"""Row scope: who sees which rows, in three layers.

1. A URL declares its policy (`accounts.decorators.policy`); the policy enters the scope.
2. A queryset of a scoped model raises `Unscoped` when it is evaluated without `.visible_to(user)`, unless system work
   said so with `system("reason")`.
3. PostgreSQL row-level security (`poverty.security`) is the floor under both: no scope set shows no rows.

The scope lives in transaction-local settings (`set_config(…, true)`), never in session-level `SET`: a pooled
connection would carry the latter into the next person's request.
"""

import contextlib
import json
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.db import connection, models, transaction
from django.db.models import Q

from poverty.uids import uuid7


class Unscoped(RuntimeError):
    """A queryset of a scoped model was evaluated without saying for whom."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a user, or the system for a stated reason. `context` goes into every history row."""

    user_id: int | None = None
    system: str = ""
    context_id: str = ""
    context: dict = field(default_factory=dict)


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current() -> Actor | None:
    return _actor.get()


def in_system_scope() -> bool:
    actor = _actor.get()
    return bool(actor and actor.system)


SET_SQL = "SELECT scope_enter(%s, %s, %s, %s)"


def _apply(actor: Actor | None) -> None:
    """Write the actor into the running transaction."""
    if actor is None:
        values = [None, "", "", ""]
    else:
        values = [
            actor.user_id,
            actor.system,
            actor.context_id,
            json.dumps(actor.context, ensure_ascii=False) if actor.context_id else "",
        ]
    with connection.cursor() as cursor:
        cursor.execute(SET_SQL, values)


@contextlib.contextmanager
def _enter(actor: Actor):
    """Act as `actor` inside a transaction (an own one when none is open); the former scope comes back on exit."""
    with contextlib.ExitStack() as stack:
        if not connection.in_atomic_block:
            stack.enter_context(transaction.atomic())
        before = _actor.get()
        token = _actor.set(actor)
        try:
            _apply(actor)
            yield actor
        finally:
            _actor.reset(token)
            # An aborted transaction takes no further command; its rollback restores the settings by itself.
            if connection.in_atomic_block and not connection.needs_rollback and _usable():
                _apply(before)


def _usable() -> bool:
    raw = connection.connection
    return raw is not None and not raw.closed and raw.info.transaction_status.name != "INERROR"


def acting(user, *, reason: str = "", context_id: uuid.UUID | str | None = None, **context):
    """Act as `user`; every history row written inside names the user, the reason and `context`."""
    return _enter(
        Actor(
            user_id=user.pk,
            context_id=str(context_id or uuid7()),
            context={"user": user.pk, "username": user.get_username(), "reason": reason, **context},
        )
    )


def system(reason: str, *, by=None, context_id: uuid.UUID | str | None = None, **context):
    """See and write all rows, for `reason`; `by` is the user named in the history, if there is one."""
    if not reason:
        raise ValueError("system scope needs a reason")
    before = _actor.get()
    inherited = dict(before.context) if before else {}
    if by is not None:
        inherited.update(user=by.pk, username=by.get_username())
    return _enter(
        Actor(
            user_id=before.user_id if before else None,
            system=reason,
            context_id=str(context_id or (before.context_id if before and before.context_id else uuid7())),
            context={**inherited, "reason": inherited.get("reason") or reason, **context},
        )
    )


def code_range(code: str) -> tuple[str, str]:
    """Return (lo, hi) such that `code >= lo AND code < hi` is everything at or under the region `code`.

    The empty code is the whole country. Region codes are ASCII digits compared bytewise (collation C).
    """
    return code, (code[:-1] + chr(ord(code[-1]) + 1)) if code else "~"


def under(column: str, code: str) -> Q:
    """Return the condition "column lies at or under the region `code`"."""
    lo, hi = code_range(code)
    return Q(**{f"{column}__gte": lo, f"{column}__lt": hi})


def village_range(column: str, user, household: str = "", cut: int = 0) -> Q:
    """Return the condition "in the area of `user`": region ranges, and single households of a paired helper.

    `column` is the village column's field name, `household` the field holding the household's key, if the model has
    one. A user without an area sees nothing. `cut` is the model's `scope_cut`.
    """
    seen = Q(pk__in=[])
    for area in user.scope_ranges():
        if area.household_id is None:
            seen |= Q(**{f"{column}__gte": area.lo[: cut or None], f"{column}__lt": area.hi})
        elif household:
            own = Q(**{household: area.household_id})
            # What speaks of a place beyond the household's village is not the helper's, whatever lies between two pairings.
            seen |= own & Q(reach__gte=area.lo, reach__lt=area.hi) if column == "reach" else own
    return seen


class ScopedQuerySet(models.QuerySet):
    """A queryset that must be told for whom it looks. See the module's text."""

    _scoped = False

    def visible_to(self, user):
        """Keep the rows in the area of `user`."""
        model = self.model
        shown = village_range(model.scope_column, user, model.scope_household, model.scope_cut)
        if model.scope_owner:
            shown |= Q(**{model.scope_owner: user.pk})
        seen = self.filter(shown)
        seen._scoped = True
        return seen

    def in_scope(self):
        """Keep what row-level security shows whoever acts now; for engines, which run inside `acting` or `system`."""
        if current() is None:
            raise Unscoped(f"{self.model.__name__}: nobody acts here")
        seen = self._chain()
        seen._scoped = True
        return seen

    def _clone(self):
        clone = super()._clone()
        clone._scoped = self._scoped
        return clone

    def _check_scope(self):
        if not (self._scoped or in_system_scope()):
            raise Unscoped(f"{self.model.__name__}: say .visible_to(user), or enter scope.system(…)")

    def _fetch_all(self):
        if self._result_cache is None:
            self._check_scope()
        super()._fetch_all()

    def iterator(self, *args, **kwargs):
        self._check_scope()
        return super().iterator(*args, **kwargs)

    def count(self):
        if self._result_cache is None:
            self._check_scope()
        return super().count()

    def exists(self):
        if self._result_cache is None:
            self._check_scope()
        return super().exists()

    def aggregate(self, *args, **kwargs):
        self._check_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs):
        self._check_scope()
        return super().update(**kwargs)

    def delete(self):
        self._check_scope()
        return super().delete()


class ScopedModel(models.Model):
    """A row that belongs to a village. `scope_column` is the field holding its code."""

    scope_column = "village_id"
    scope_household = ""  # the field that holds the household's key, for paired helpers
    scope_cut = 0  # 6: what a county keeps is there for its towns too (rows of counties and above only)
    scope_owner = ""  # the field that holds who made the row and sees it without any area, for line departments

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True
