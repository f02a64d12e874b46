"""Proposals: what waits, one side by side, confirm or refuse."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Value, When
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import policy
from accounts.roles import Permission
from households import actions, codes, listing, proposing
from households.editing import label_of
from households.keys import parse
from households.models import Household, Member, Proposal, ProposalState
from households.present import Viewer
from households.sections import BY_KEY, Field

KINDS = {
    "household": gettext_lazy("Household"),
    "member": gettext_lazy("Person"),
    "new_member": gettext_lazy("New member"),
    "change": gettext_lazy("Change of members"),
}
MOST_AT_ONCE = 200


def _seen_by(user):
    """Return the proposals a user may look at: who decides sees those of the area, others their own."""
    found = Proposal.objects.visible_to(user)
    return found if user.may(Permission.PROPOSAL_CONFIRM) else found.filter(proposed_by=user)


@policy(Permission.PROPOSAL_CONFIRM, Permission.HOUSEHOLD_PROPOSE)
@require_safe
def proposal_list(request):
    """The proposals of the area, waiting ones first, by village; for who proposes, the own ones with their answers."""
    user = request.user
    found = _seen_by(user)
    state = request.GET.get("state", "")
    mine = request.GET.get("mine") == "1"
    if mine:
        found = found.filter(proposed_by=user)
    if state in ProposalState.values:
        found = found.filter(state=state)
    waiting = _seen_by(user).filter(state=ProposalState.WAITING).count()
    rank = Case(When(state=ProposalState.WAITING, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = (
        found.select_related("proposed_by", "decided_by").defer("changes_sealed").order_by(rank, "village_id", "-id")
    )
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    households = listing.with_head(
        Household.objects.visible_to(user).filter(pk__in={row.household_id for row in rows}), user
    )
    by_key = {household.pk: household for household in households}
    names = listing.place_names({row.village_id for row in rows})
    viewer = Viewer(user)
    may = user.may(Permission.PROPOSAL_CONFIRM)
    shown = [
        {
            "proposal": row,
            "kind": KINDS.get(row.kind, row.kind),
            "head": viewer.head_name(by_key[row.household_id].head) or by_key[row.household_id].household_no,
            "place": " ".join(name for _code, name in listing.path_of(row.village_id, names)[-2:]),
            "selectable": may and row.state == ProposalState.WAITING and row.proposed_by_id != user.pk,
        }
        for row in rows
        if row.household_id in by_key
    ]
    context = {
        "page": page,
        "rows": shown,
        "waiting": waiting,
        "decides": may,
        "proposes": user.may(Permission.HOUSEHOLD_PROPOSE),
        "state": state,
        "mine": mine,
        "states": ProposalState.choices,
        "bulk": any(row["selectable"] for row in shown),
    }
    return render(request, "households/proposals.html", context)


@dataclass
class Line:
    """One value of a proposal: as it was, as it stands now, as it would be."""

    label: str
    old: str
    new: str
    now: str
    moved: bool


def lines_of(proposal, payload, user, viewer) -> list[Line]:
    sheet = actions.Sheet.open(proposal.household, user)
    names = {uid: viewer.name(member) for uid, member in sheet.members.items()}
    found = []
    for text, (old, new) in payload.get("changes", {}).items():
        key = parse(text)
        member = sheet.members.get(key.member)
        now = sheet.plain(key)
        found.append(
            Line(
                label_of(key, names),
                viewer.words(key.field, old, member),
                viewer.words(key.field, new, member),
                viewer.words(key.field, now, member),
                proposal.state == ProposalState.WAITING and now != old,
            )
        )
    return found


def added_of(payload, viewer) -> list[list[tuple[str, str]]]:
    """Return the new members of a proposal as labelled values."""
    found = []
    for person in payload.get("new") or ():
        values = [(Field("member", name), plain) for name, plain in person["member"].items()]
        for year in person.get("years", {}).values():
            values += [(Field("member_year", name), plain) for name, plain in year.items()]
        stand_in = Member(name="", birth_on=None)
        found.append(
            [
                (str(of.label), viewer.words(of, plain, stand_in))
                for of, plain in values
                if plain not in (None, [], "") and of.key in BY_KEY
            ]
        )
    return found


def event_of(proposal, payload, user, viewer) -> list[tuple[str, str]]:
    """Return the change of members that is proposed, as labelled values."""
    event = payload.get("event")
    if not event:
        return []
    people = {str(member.uid): viewer.name(member) for member in Member.objects.visible_to(user).filter(
        household_id=proposal.household_id)}  # fmt: skip
    told = []
    if event.get("member"):
        told.append((_("Person"), people.get(event["member"], "")))
    if event.get("back"):
        return [*told, (_("Change"), _("the departure was recorded wrongly and is taken back"))]
    told.append((_("Change"), codes.MEMBER_CHANGE.label(event["kind"])))
    told.append((_("Date"), event["on"]))
    if event.get("document"):
        told.append((_("Document"), event["document"]))
    if event.get("new_head"):
        told.append((_("New head"), people.get(event["new_head"], "")))
    return told


def _get(user, uid) -> Proposal:
    found = _seen_by(user).filter(uid=uid).select_related("household", "proposed_by", "decided_by").first()
    if found is None:
        raise Http404
    return found


@policy(Permission.PROPOSAL_CONFIRM, Permission.HOUSEHOLD_PROPOSE)
@require_safe
def proposal_detail(request, uid):
    """One proposal, old and new side by side, with the answer or the buttons to give it."""
    user = request.user
    proposal = _get(user, uid)
    viewer = Viewer(user)
    payload = proposing.payload_of(proposal)
    lines = lines_of(proposal, payload, user, viewer)
    names = listing.place_names([proposal.village_id])
    head = listing.with_head(Household.objects.visible_to(user).filter(pk=proposal.household_id), user).get().head
    context = {
        "proposal": proposal,
        "household": proposal.household,
        "head_name": viewer.head_name(head) or proposal.household.household_no,
        "place": " ".join(name for _code, name in listing.path_of(proposal.village_id, names)[-2:]),
        "kind": KINDS.get(proposal.kind, proposal.kind),
        "lines": lines,
        "added": added_of(payload, viewer),
        "event": event_of(proposal, payload, user, viewer),
        "moved": any(line.moved for line in lines),
        "waiting": proposal.state == ProposalState.WAITING,
        "own": proposal.proposed_by_id == user.pk,
        "decides": user.may(Permission.PROPOSAL_CONFIRM),
        "crumbs": [
            {"name": _("Proposals"), "url": reverse("households:proposals")},
            {"name": viewer.head_name(head), "url": ""},
        ],
    }
    return render(request, "households/proposal.html", context)


@policy(Permission.PROPOSAL_CONFIRM)
@require_POST
def proposal_decide(request, uid):
    """Confirm or refuse one proposal."""
    proposal = _get(request.user, uid)
    answer = request.POST.get("answer", "").strip()[:500]
    choice = request.POST.get("choice", "")
    here = redirect("households:proposal", uid=proposal.uid)
    try:
        if choice == "confirm":
            result = proposing.confirm(proposal=proposal, by=request.user, answer=answer)
            if result is None:
                messages.warning(
                    request,
                    _("The register has changed since: the proposal is marked as overtaken, nothing was written."),
                )
                return here
            messages.success(request, _("Confirmed. The register now holds the proposed values."))
            return redirect("households:proposals")
        if not answer:
            messages.error(request, _("Say why you refuse: the proposer reads it."))
            return here
        proposing.refuse(proposal=proposal, by=request.user, answer=answer)
        messages.success(request, _("Refused. The proposer sees your answer."))
        return redirect("households:proposals")
    except proposing.OwnProposal:
        messages.error(request, _("Somebody else has to decide on this proposal."))
    except proposing.Decided:
        messages.info(request, _("Somebody has decided on this proposal already."))
    return here


@policy(Permission.PROPOSAL_CONFIRM)
@require_POST
def proposal_confirm_many(request):
    """Confirm several proposals at once; those that cannot be are told."""
    uids = request.POST.getlist("uids")[:MOST_AT_ONCE]
    wanted = [uid for uid in uids if len(uid) == 36]
    try:
        found = list(
            _seen_by(request.user).filter(uid__in=wanted, state=ProposalState.WAITING).select_related("household")
        )
    except (ValueError, TypeError):
        found = []
    done = overtaken = own = 0
    for proposal in found:
        try:
            if proposing.confirm(proposal=proposal, by=request.user) is None:
                overtaken += 1
            else:
                done += 1
        except proposing.OwnProposal:
            own += 1
        except proposing.Decided:
            continue
    if done:
        messages.success(
            request, ngettext("%(count)s proposal confirmed.", "%(count)s proposals confirmed.", done) % {"count": done}
        )
    if overtaken:
        messages.warning(
            request,
            ngettext(
                "%(count)s proposal was overtaken: the register has changed since, nothing was written.",
                "%(count)s proposals were overtaken: the register has changed since, nothing was written.",
                overtaken,
            )
            % {"count": overtaken},
        )
    if own:
        messages.error(request, _("Your own proposals have to be decided on by somebody else."))
    if not (done or overtaken or own):
        messages.info(request, _("Tick at least one proposal that still waits."))
    return redirect("households:proposals")
