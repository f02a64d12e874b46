"""What the home page and the map count of the register, and what of it waits for somebody."""

import contextlib
import uuid

from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.roles import Permission
from dashboard import counts
from households import codes, figured, measured, reports  # noqa: F401 - declared there: figures and reports of the register
from households.models import Household, Proposal, ProposalState
from poverty import targets, waiting

STATUS_TONES = {
    "04": "poor",
    "11": "pre",
    "12": "exited",
    "03": "exited",
    "05": "exited",
    "02": "returned",
    "13": "other",
    "14": "other",
}


def counted(narrow):
    """Return one row a household that is in the register, in the order of `counts.COLUMNS`.

    `narrow` limits the households before they are counted. Persons are the members who live there now.
    """
    living = Q(members__departed_on__isnull=True, members__withdrawn_at__isnull=True)
    return (
        narrow(Household.objects.in_register())
        .order_by()
        .annotate(
            by_status=Coalesce("status", Value("")),
            by_type=Coalesce("household_type", Value("")),
            by_cause=Coalesce("main_cause", Value("")),
            by_year=Coalesce("exit_year", Value(0)),
            one=Value(1, output_field=IntegerField()),
            persons=Count("members", filter=living),
            missing=Case(When(position__isnull=True, then=Value(1)), default=Value(0), output_field=IntegerField()),
        )
        .values_list("village_id", "by_status", "by_type", "by_cause", "by_year", "one", "persons", "missing")
    )


counts.declare(
    counts.Register(
        rows=counted,
        list_url="households:list",
        groups=(
            counts.Group("status", "status", _("Status"), codes.STATUS.labels, STATUS_TONES, empty=_("not stated")),
            counts.Group(
                "household_type", "type", _("Household type"), codes.HOUSEHOLD_TYPE.labels, empty=_("not stated")
            ),
            counts.Group(
                "main_cause", "cause", _("Main cause"), codes.CAUSE.labels, ranked=True, empty=_("not stated")
            ),
            counts.Group("exit_year", "exit_year", _("Exit year"), empty=_("no exit year")),
        ),
    )
)


def _address(name: str, query: str = "") -> str:
    try:
        return reverse(name) + query
    except NoReverseMatch:
        return ""


@waiting.provider(Permission.PROPOSAL_CONFIRM, Permission.HOUSEHOLD_PROPOSE)
def proposals(user, totals):
    """Proposals that the user may decide on; for who can only propose, the own ones that still wait."""
    found = Proposal.objects.visible_to(user).filter(state=ProposalState.WAITING)
    decides = user.may(Permission.PROPOSAL_CONFIRM)
    if not decides:
        found = found.filter(proposed_by=user)
    return waiting.Card(
        title=_("Proposals to confirm") if decides else _("My proposals, not yet answered"),
        count=found.count(),
        url=_address("households:proposals"),
        icon="clipboard-check",
        tone="todo" if decides else "info",
    )


@targets.namer("household")
def named_households(user, keys):
    """Name households by their official numbers."""
    return _numbers(user, {key: key for key in keys})


@targets.namer("proposal")
def named_proposals(user, keys):
    """Name proposals by the household that they are about; who may not decide on them is led to that."""
    found = Proposal.objects.visible_to(user).filter(uid__in=_uids(keys))
    of = {str(uid): str(household) for uid, household in found.values_list("uid", "household__uid")}
    named = _numbers(user, of)
    if not (user.may(Permission.PROPOSAL_CONFIRM) or user.may(Permission.HOUSEHOLD_PROPOSE)):
        return named
    return {key: targets.Target(one.name, reverse("households:proposal", args=[key])) for key, one in named.items()}


def _numbers(user, of: dict[str, str]) -> dict[str, targets.Target]:
    """Return {key: Target} of {key: household uid}."""
    found = Household.objects.visible_to(user).in_register().filter(uid__in=_uids(of.values()))
    numbers = {str(uid): number for uid, number in found.values_list("uid", "household_no")}
    may_open = user.may(Permission.HOUSEHOLD_VIEW)
    return {
        key: targets.Target(numbers[uid], reverse("households:detail", args=[uid]) if may_open else "")
        for key, uid in of.items()
        if uid in numbers
    }


def _uids(texts) -> list[uuid.UUID]:
    found = []
    for text in texts:
        with contextlib.suppress(ValueError):
            found.append(uuid.UUID(text))
    return found
