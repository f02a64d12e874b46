"""What of the findings waits for somebody on the home page, and what the audit trail calls them."""

import contextlib
import uuid

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.roles import Permission
from poverty import targets, waiting
from validation import figured  # noqa: F401 - the figures of findings are declared there
from validation.forms import SOON, step
from validation.models import Finding, FixBatch


@waiting.provider(Permission.FINDING_CHECK, Permission.FINDING_VERDICT, Permission.FINDING_CONFIRM)
def findings(user, totals):
    """The own findings and when they are due, clues to check, verdicts to give and to look at again; for who dispatches
    also what of the area is overdue and what nobody handles: one query."""
    today = timezone.localdate()
    mine = Q(owner=user)
    second = step("second") & ~Q(verdict_by=user)
    found = Finding.objects.visible_to(user).open()
    dispatches = user.may(Permission.FINDING_DISPATCH)
    if not dispatches:
        found = found.filter(mine | ~Q(source=""))
    counted = found.aggregate(
        mine=Count("pk", filter=mine),
        overdue=Count("pk", filter=mine & Q(due_on__lt=today)),
        soon=Count("pk", filter=mine & Q(due_on__gte=today, due_on__lte=today + SOON)),
        check=Count("pk", filter=step("check")),
        decide=Count("pk", filter=step("decide") & ~Q(source="")),
        second=Count("pk", filter=second),
        late=Count("pk", filter=Q(due_on__lt=today)),
        nobody=Count("pk", filter=Q(owner__isnull=True)),
    )
    address = reverse("validation:list")

    def card(title, name, query, icon, tone="todo"):
        return waiting.Card(title=title, count=counted[name], url=f"{address}?{query}", icon=icon, tone=tone)

    cards = [card(_("My findings"), "mine", "owner=me", "list-check")]
    if counted["overdue"]:
        cards.append(card(_("My findings, overdue"), "overdue", "owner=me&overdue=1", "alert-triangle", "warn"))
    if counted["soon"]:
        cards.append(card(_("My findings, due within three days"), "soon", "owner=me&soon=1", "clock", "warn"))
    if user.may(Permission.FINDING_CHECK) and counted["check"]:
        cards.append(card(_("Clues to check on the spot"), "check", "step=check", "camera"))
    if user.may(Permission.FINDING_VERDICT) and counted["decide"]:
        cards.append(card(_("Checked clues without a verdict"), "decide", "source=any&step=decide", "clipboard-check"))
    if user.may(Permission.FINDING_CONFIRM) and counted["second"]:
        cards.append(card(_("Verdicts for a second look"), "second", "step=second", "eye"))
    if dispatches and counted["late"]:
        cards.append(card(_("Overdue findings of the area"), "late", "overdue=1", "alert-triangle", "warn"))
    if dispatches and counted["nobody"]:
        cards.append(card(_("Findings nobody handles yet"), "nobody", "owner=nobody", "user-question"))
    return cards


@waiting.provider(Permission.PROPOSAL_CONFIRM)
def fixes(user, totals):
    """Corrections together that another person asked for."""
    waits = FixBatch.objects.visible_to(user).filter(state="waiting").exclude(asked_by=user).count()
    if not waits:
        return None
    return waiting.Card(_("Corrections together, to approve"), waits, reverse("validation:fixes"), "checks")


def _uids(keys) -> list[uuid.UUID]:
    found = []
    for key in keys:
        with contextlib.suppress(ValueError):
            found.append(uuid.UUID(key))
    return found


@targets.namer("finding")
def named_findings(user, keys):
    """Name findings by their rule."""
    found = Finding.objects.visible_to(user).filter(uid__in=_uids(keys)).values_list("uid", "rule")
    may_open = user.may(Permission.FINDING_VIEW)
    return {
        str(uid): targets.Target(rule, reverse("validation:finding", args=[uid]) if may_open else "")
        for uid, rule in found
    }


@targets.namer("fixes")
def named_fixes(user, keys):
    """Name corrections made together by their rule."""
    found = FixBatch.objects.visible_to(user).filter(uid__in=_uids(keys)).values_list("uid", "rule")
    may_open = user.may(Permission.PROPOSAL_CONFIRM)
    return {
        str(uid): targets.Target(rule, reverse("validation:fix", args=[uid]) if may_open else "") for uid, rule in found
    }
