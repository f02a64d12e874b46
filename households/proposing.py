"""Proposals: what a cadre or helper would correct, sealed until town or county confirms or refuses it."""

import json

from django.db import transaction
from django.utils import timezone

from accounts import audit
from households import actions
from households.keys import parse
from households.models import Proposal, ProposalState
from poverty import crypto
from validation import actions as findings

PLACE = "households_proposal.changes"


class OwnProposal(Exception):
    """Nobody decides on a proposal of one's own."""


class Decided(Exception):
    """Somebody has decided already."""


def kind_of(payload: dict) -> str:
    """Return what a proposal is about: "change" of members, "new_member", "member" or "household"."""
    if payload.get("event"):
        return "change"
    if payload.get("new") and not payload.get("changes"):
        return "new_member"
    targets = {key.split(".")[0] for key in payload.get("changes", {})}
    return "member" if targets and targets <= {"member", "member_year"} else "household"


def propose(*, household, payload: dict, by, reason: str) -> Proposal:
    """Keep a proposal. `payload` is {"changes": {key: [old, new]}, "new": […], "event": {…}}; see `actions.save`."""
    people = {parse(key).member for key in payload.get("changes", {})} - {""}
    people |= {payload["event"]["member"]} - {""} if payload.get("event") else set()
    member = None
    if len(people) == 1:
        member = household.members.visible_to(by).filter(uid=next(iter(people))).first()
    proposal = Proposal(
        household=household,
        member=member,
        village_id=household.village_id,
        kind=kind_of(payload),
        reason=reason,
        proposed_by=by,
    )
    proposal.changes_sealed = crypto.seal(PLACE, proposal.uid, json.dumps(payload, ensure_ascii=False))
    proposal.save(force_insert=True)
    audit.record("proposal.made", user=by, target=f"proposal:{proposal.uid}")
    return proposal


def payload_of(proposal: Proposal) -> dict:
    return json.loads(crypto.unseal(PLACE, proposal.uid, proposal.changes_sealed))


def _locked(proposal: Proposal, by) -> Proposal:
    found = Proposal.objects.visible_to(by).select_for_update(of=("self",)).get(pk=proposal.pk)
    if found.state != ProposalState.WAITING:
        raise Decided
    if found.proposed_by_id == by.pk:
        raise OwnProposal
    return found


def _close(proposal: Proposal, state: str, by, answer: str) -> None:
    proposal.state, proposal.decided_by, proposal.decided_at, proposal.decision = state, by, timezone.now(), answer
    proposal.save(update_fields=["state", "decided_by", "decided_at", "decision"])
    findings.proposal_decided(
        proposal=str(proposal.uid), household_id=proposal.household_id, by=by, text=answer,
        confirmed=state == ProposalState.CONFIRMED,
    )  # fmt: skip
    audit.record(f"proposal.{state}", user=by, target=f"proposal:{proposal.uid}", reason=answer)


def confirm(*, proposal: Proposal, by, answer: str = "") -> actions.Result | None:
    """Carry a proposal out; None when the register has moved on, and the proposal is marked as overtaken."""
    with transaction.atomic():
        found = _locked(proposal, by)
        payload = payload_of(found)
        try:
            result = actions.save(
                household=found.household,
                by=by,
                changes=payload.get("changes"),
                new_members=payload.get("new") or (),
                event=payload.get("event"),
                reason=found.reason,
                proposed_by=found.proposed_by_id,
            )
        except (actions.Overtaken, actions.NumberTaken):
            _close(found, ProposalState.STALE, by, answer)
            return None
        _close(found, ProposalState.CONFIRMED, by, answer)
    return result


def refuse(*, proposal: Proposal, by, answer: str) -> None:
    with transaction.atomic():
        _close(_locked(proposal, by), ProposalState.REFUSED, by, answer)
