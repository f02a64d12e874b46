"""What people do with findings, each in one transaction, with one line in the finding's log.

A finding is locked, and looked at again under the lock: of two people who decide at once the second is told so. The
log is append-only; decisions go to the audit trail as well.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import ScopeRange, User
from accounts.roles import ROLE_PERMISSIONS, Permission, Role
from poverty import config, declarations, scope, sealedfiles
from validation import engine, presenting
from validation.models import MUTING, Finding, FindingEvent, FindingPhoto, FindingState, FixBatch, Verdict

OF_RULES = (Verdict.ERROR, Verdict.SPECIAL, Verdict.FALSE_ALARM)
OF_CLUES = (Verdict.UPHELD, Verdict.NOT_UPHELD, Verdict.SOURCE_WRONG, Verdict.APPROVED)
HANDLERS = (Role.VILLAGE_CADRE, Role.TOWN_OFFICE, Role.COUNTY_OFFICE, Role.HELPER)
FOLDER, PLACE = "photos", "validation_findingphoto.content"
MOST_FIXES = 500


class Refused(Exception):
    """It cannot be done as things stand; the text says why."""


def verdicts_of(finding: Finding) -> tuple[Verdict, ...]:
    """Return the verdicts that can be given: a clue is upheld or not, a rule's finding is an error or none."""
    return OF_CLUES if finding.source else OF_RULES


def was_checked(finding: Finding) -> bool:
    """Tell whether somebody was on the spot since the finding was opened."""
    return finding.checked_at is not None and finding.checked_at >= finding.first_seen_at


def deadline(region: str = "") -> dt.date:
    return timezone.localdate() + dt.timedelta(days=config.integer("finding.deadline_days", region))


def _locked(finding: Finding, by, *permissions: Permission) -> Finding:
    if not any(by.may(permission) for permission in permissions):
        raise PermissionDenied
    rows = Finding.objects.visible_to(by).select_for_update(of=("self",))
    found = rows.filter(pk=finding.pk).first()
    if found is None:
        raise Refused(_("This finding is no longer in your area."))
    return found


def _log(finding: Finding, kind: str, by, text: str = "", verdict: str = "", **data) -> FindingEvent:
    return FindingEvent.objects.create(
        finding=finding, rule=finding.rule, source=finding.source, reach=finding.reach,
        household_id=finding.household_id, kind=kind, verdict=verdict, text=text.strip()[:1000], data=data, by=by,
    )  # fmt: skip


def _audit(finding: Finding, action: str, by, text: str = "", **detail) -> None:
    audit.record(f"finding.{action}", user=by, target=f"finding:{finding.uid}", reason=text, detail=detail)


def _settle(finding: Finding) -> None:
    """Close the finding until the data that it rests on change; the engine opens it again then."""
    basis = finding.basis or hashlib.md5(f"{finding.seen}|{finding.expected}".encode()).hexdigest()  # noqa: S324
    finding.muted_basis, finding.closed_at = basis, timezone.now()
    finding.closed_as, finding.state = "muted", FindingState.CLOSED


def _open_again(finding: Finding) -> None:
    finding.verdict, finding.verdict_by, finding.verdict_at, finding.confirmed_by = "", None, None, None
    finding.muted_basis, finding.closed_at, finding.closed_as = "", None, ""
    finding.state = FindingState.DISPATCHED if finding.owner_id else FindingState.NEW
    finding.due_on = deadline(finding.village_id)


def _refuse_closed(finding: Finding) -> None:
    if finding.closed_at is not None:
        raise Refused(_("This finding is closed already."))


# --- dispatch -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dispatched:
    """How many were dispatched, to how many persons, and how many had nobody to go to."""

    done: int
    people: int
    left: int


def handlers(by, region: str = "") -> list[User]:
    """Return the people a finding may go to: cadres, helpers and offices inside the area of `by` and at or under
    `region`, town offices before cadres. Nobody is offered who could not open it."""
    if not by.area_code:
        return []  # without an area nobody is seen, and nobody offered
    lo, hi = scope.code_range(region or by.area_code)
    users = User.objects.filter(is_active=True, role__in=HANDLERS)
    inside = ScopeRange.objects.filter(lo__gte=lo, hi__lte=hi) if hi != "~" else ScopeRange.objects.all()
    above = ScopeRange.objects.filter(lo__lte=lo, hi__gte=hi, household_id__isnull=True)
    own = by.area_code
    ids = set(inside.values_list("user_id", flat=True)) | set(
        above.filter(lo__gte=own).values_list("user_id", flat=True)
    )
    found = list(users.filter(pk__in=ids).select_related("region").defer("region__boundary", "region__centroid"))
    for user in found:
        user.place = user.region.name if user.region else ""
    return sorted(found, key=lambda user: (HANDLERS.index(user.role), user.region_id or "~", user.username))[:500]


def _cadres_of(villages) -> dict[str, int]:
    """Return {village: key of its cadre}: of several the one who has the fewest open findings, then the longest known."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT v.code, (SELECT u.id FROM accounts_user u JOIN accounts_scoperange s ON s.user_id = u.id
                                WHERE u.role = %s AND u.is_active AND s.household_id IS NULL
                                  AND s.lo <= v.code AND v.code < s.hi
                                ORDER BY (SELECT count(*) FROM validation_finding f
                                           WHERE f.owner_id = u.id AND f.closed_at IS NULL), u.id LIMIT 1)
                 FROM unnest(%s::text[]) AS v (code)""",
            [str(Role.VILLAGE_CADRE), sorted(set(villages))],
        )
        return {code: user for code, user in cursor.fetchall() if user is not None}


def can_see(user: User, finding) -> bool:
    """Tell whether somebody could open a finding: its reach lies in one of the ranges, or it is of an own household."""
    return any(
        area.lo <= finding.reach < area.hi and area.household_id in (None, finding.household_id)
        for area in user.scope_ranges()
    )


def dispatch(*, findings, by, to: User | None, due_on: dt.date, text: str = "") -> Dispatched:
    """Give open findings to `to`, or each to the cadre of its village; those that person could not open are left.

    `findings` is a queryset in the sight of `by`. One statement writes them, one their log.
    """
    if not by.may(Permission.FINDING_DISPATCH):
        raise PermissionDenied
    if to is not None and not (to.is_active and Permission.FINDING_CHECK in ROLE_PERMISSIONS.get(to.role, ())):
        raise Refused(_("This person handles no findings."))
    with transaction.atomic():
        rows = findings.open().order_by("pk").select_for_update(of=("self",)).only(
            "pk", "reach", "household_id", "village_id", "rule", "source", "state", "verdict"
        )  # fmt: skip
        # A clue whose verdict is given waits for the second look, and a muted finding for nobody.
        rows = [row for row in rows if not (row.source and row.verdict)]
        if to is None:
            cadres = _cadres_of(row.village_id for row in rows)
            pairs = [(row, cadres.get(row.village_id)) for row in rows if row.reach == row.village_id]
        else:
            pairs = [(row, to.pk) for row in rows if can_see(to, row)]
        pairs = [(row, owner) for row, owner in pairs if owner is not None]
        _write_owners(pairs, due_on)
        FindingEvent.objects.bulk_create(
            [
                FindingEvent(
                    finding=row, rule=row.rule, source=row.source, reach=row.reach, household_id=row.household_id,
                    kind="dispatched", text=text.strip()[:1000], data={"to": owner, "due_on": due_on.isoformat()}, by=by,
                )
                for row, owner in pairs
            ],
            batch_size=2000,
        )  # fmt: skip
        done = Dispatched(len(pairs), len({owner for _row, owner in pairs}), len(rows) - len(pairs))
        audit.record("finding.dispatched", user=by, reason=text, detail={"done": done.done, "left": done.left})
    return done


def _write_owners(pairs, due_on: dt.date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE validation_finding f SET owner_id = n.owner, due_on = %s, dispatched_at = now(),
                      state = CASE WHEN f.state = 'new' THEN 'dispatched' ELSE f.state END
                 FROM unnest(%s::bigint[], %s::bigint[]) AS n (id, owner) WHERE f.id = n.id""",
            [due_on, [row.pk for row, _owner in pairs], [owner for _row, owner in pairs]],
        )


# --- on the spot ----------------------------------------------------------------------------------------------------------


def check(
    *, finding: Finding, by, text: str, statement: str = "", proposes: str = "", photos=(), lon: float | None = None,
    lat: float | None = None, accuracy_m: float | None = None, taken_at=None, unplaced: str = "",
) -> FindingEvent:  # fmt: skip
    """Keep a field check: what was seen, what the household says, and the photos as sealed files.

    A clue needs a photo. `photos` are (content, media type). It decides nothing.
    """
    kept = []
    try:
        with transaction.atomic():
            found = _locked(finding, by, Permission.FINDING_CHECK)
            _refuse_closed(found)
            if found.source and not photos:
                raise Refused(_("A field check needs at least one photo."))
            if found.source and found.verdict:
                raise Refused(_("There is a verdict already; the household may appeal against it."))
            digests = [hashlib.sha256(content).hexdigest() for content, _kind in photos]
            _refuse_used(found, digests)
            data = {"proposes": proposes} if proposes in verdicts_of(found) else {}
            data |= {"photos": len(photos), **({"unplaced": unplaced.strip()} if lon is None and unplaced else {})}
            event = _log(found, "checked", by, text, **data)
            if statement.strip():
                _log(found, "statement", by, statement)
            for (content, kind), digest in zip(photos, digests, strict=True):
                photo = FindingPhoto(
                    event=event, reach=found.reach, household_id=found.household_id, sha256=digest, content_type=kind,
                    size=len(content), taken_at=taken_at, longitude=lon, latitude=lat, accuracy_m=accuracy_m,
                )  # fmt: skip
                kept.append(photo.uid)
                sealedfiles.keep(FOLDER, PLACE, photo.uid, content)
                photo.save(force_insert=True)
            found.checked_at = max(timezone.now(), found.first_seen_at)
            if found.state == FindingState.NEW:
                found.state = FindingState.DISPATCHED
            if found.owner_id is None:
                found.owner = by
            found.save(update_fields=["checked_at", "state", "owner"])
    except BaseException:
        for uid in kept:
            sealedfiles.delete(FOLDER, uid)
        raise
    return event


def _refuse_used(finding: Finding, digests: list[str]) -> None:
    """A picture that was handed in for another household was not taken on this spot."""
    with scope.system("a photo is handed in once"):
        used = FindingPhoto.objects.filter(sha256__in=digests).exclude(household_id=finding.household_id)
        if used.exists():
            raise Refused(_("One of these pictures was handed in for another household. Take a new one on the spot."))


def photo_content(photo: FindingPhoto) -> bytes:
    return sealedfiles.content(FOLDER, PLACE, photo.uid)


def note(*, finding: Finding, by, text: str) -> None:
    with transaction.atomic():
        found = _locked(finding, by, Permission.FINDING_CHECK, Permission.FINDING_VERDICT)
        _log(found, "note", by, text)


# --- verdicts -------------------------------------------------------------------------------------------------------------


def give_verdict(*, finding: Finding, verdict: str, by, text: str = "") -> Finding:
    """Say what it is. Of a rule's finding, what is no error is settled until its data change; a clue's verdict waits
    for a second look, and needs a field check before it."""
    with transaction.atomic():
        found = _locked(finding, by, Permission.FINDING_VERDICT)
        _refuse_closed(found)
        if found.verdict:
            raise Refused(_("Somebody has given a verdict already. Read it before you go on."))
        if verdict not in verdicts_of(found):
            raise Refused(_("This verdict does not fit the finding."))
        if found.source and not was_checked(found):
            raise Refused(_("A match alone is no proof: somebody has to check on the spot first."))
        if verdict != Verdict.ERROR and not text.strip():
            raise Refused(_("Say why in a few words."))
        found.verdict, found.verdict_by, found.verdict_at = verdict, by, timezone.now()
        found.confirmed_by, found.state = None, FindingState.VERIFIED
        if not found.source and verdict in MUTING:
            _settle(found)
        found.save()
        _log(found, "verdict", by, text, verdict)
        _audit(found, "verdict", by, text, verdict=str(verdict))
    return found


def take_second_look(*, finding: Finding, by, agree: bool, text: str = "") -> Finding:
    """Another person agrees with the verdict on a clue, or sends it back."""
    with transaction.atomic():
        found = _locked(finding, by, Permission.FINDING_CONFIRM)
        _refuse_closed(found)
        if not found.source or not found.verdict or found.confirmed_by_id:
            raise Refused(_("There is no verdict here that waits for a second look."))
        if found.verdict_by_id == by.pk:
            raise Refused(_("Somebody else has to take the second look."))
        if not agree and not text.strip():
            raise Refused(_("Say why in a few words."))
        verdict = found.verdict
        if agree:
            found.confirmed_by, found.due_on = by, deadline(found.village_id)
            if verdict in MUTING:
                _settle(found)
        else:
            _open_again(found)
        found.save()
        _log(found, "confirmed" if agree else "returned", by, text, verdict)
        _audit(found, "confirmed" if agree else "returned", by, text, verdict=str(verdict))
    return found


def appeal(*, finding: Finding, by, text: str, on: dt.date) -> Finding:
    """The household's side objects to a verdict on a clue: it is open again for a new one."""
    with transaction.atomic():
        found = _locked(finding, by, Permission.FINDING_CHECK)
        if not found.source or not found.verdict:
            raise Refused(_("There is no verdict here to appeal against."))
        verdict = found.verdict
        _open_again(found)
        found.save()
        _log(found, "appeal", by, text, verdict, on=on.isoformat())
        _audit(found, "appeal", by, text, verdict=str(verdict))
    return found


def reopen(*, finding: Finding, by, text: str) -> Finding:
    """Take a verdict back, or open what was settled."""
    with transaction.atomic():
        found = _locked(finding, by, Permission.FINDING_VERDICT)
        if not found.verdict and found.closed_as != "muted":
            raise Refused(_("There is nothing here to be opened again."))
        verdict = found.verdict
        _open_again(found)
        found.save()
        _log(found, "reopened", by, text, verdict)
        _audit(found, "reopened", by, text, verdict=verdict)
    return found


def follow_up_done(*, finding: Finding, by, text: str) -> Finding:
    """What an upheld clue asked for is in the register, entered by hand: settled until the data change."""
    with transaction.atomic():
        found = _locked(finding, by, Permission.FINDING_VERDICT)
        _refuse_closed(found)
        if found.verdict != Verdict.UPHELD or not found.confirmed_by_id:
            raise Refused(_("Only what was upheld and looked at twice can be followed up."))
        _settle(found)
        found.save()
        _log(found, "followed_up", by, text, found.verdict)
        _audit(found, "followed_up", by, text)
    return found


# --- corrections ----------------------------------------------------------------------------------------------------------


def correct(*, finding: Finding, presenter, by, write, reason: str):
    """Correct the record through `write` of its presenter, and look at once whether the rule still finds it.

    Return (what was done, the finding as it is now).
    """
    if not (by.may(Permission.HOUSEHOLD_EDIT) or by.may(Permission.HOUSEHOLD_PROPOSE)):
        raise PermissionDenied
    with transaction.atomic():
        # The record first, then the finding: everybody locks in this order.
        result = write()
        if result.state not in ("saved", "proposed"):
            return result, finding
        found = Finding.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=finding.pk).first()
        if found is None:
            return result, None
        if result.state == "proposed":
            # Corrected as far as it lies with this person; the office that decides on the proposal closes it.
            found.state = FindingState.CORRECTED
            found.save(update_fields=["state"])
            _log(found, "proposed", by, reason, proposal=result.proposal, values=result.values)
        else:
            _log(found, "corrected", by, reason, values=result.values)
            found = recheck(finding=found, by=by)
    return result, found


def proposal_decided(*, proposal: str, household_id: int, by, confirmed: bool, text: str = "") -> int:
    """Note on the findings that a proposal was to settle what became of it; return how many there are.

    One that is still open waits for a correction again. Call it in the transaction that decides.
    """
    found = Finding.objects.visible_to(by).filter(
        household_id=household_id, state__in=[FindingState.CORRECTED, FindingState.CLOSED]
    )
    found = found.filter(
        pk__in=FindingEvent.objects.visible_to(by).filter(kind="proposed", data__proposal=proposal).values("finding")
    )
    rows = list(found.select_for_update(of=("self",)).order_by("pk"))
    for row in rows:
        _log(row, "corrected" if confirmed else "refused", by, text, proposal=proposal)
        if row.closed_at is None and row.state == FindingState.CORRECTED:
            row.state = FindingState.VERIFIED if row.verdict else FindingState.DISPATCHED
            row.save(update_fields=["state"])
    return len(rows)


def recheck(*, finding: Finding, by) -> Finding | None:
    """Run the finding's rule over its household again, and note the answer.

    None: it speaks of a place outside the area of `by` now, and is theirs no longer.
    """
    if finding.household_id is not None:
        try:
            engine.recheck(finding.household_id, rule_ids=[finding.rule])
        except KeyError:  # a rule of the staff's own that is no more
            return finding
    found = Finding.objects.visible_to(by).filter(pk=finding.pk).first()
    if found is None:
        return None
    _log(found, "rechecked", by, "", found=found.closed_at is None)
    return found


# --- many corrections together --------------------------------------------------------------------------------------------


def ask_for_fixes(*, findings, rule: str, region: str, by, reason: str) -> FixBatch:
    """Ask another person to let the rule's proposed corrections be written for these findings."""
    if not by.may(Permission.PROPOSAL_CONFIRM):
        raise PermissionDenied
    declared = declarations.rules.get(rule)
    if declared is None or not declared.fix:
        raise Refused(_("This rule proposes no correction."))
    uids = [str(uid) for uid in findings.open().filter(rule=rule).order_by("id").values_list("uid", flat=True)]
    if not uids:
        raise Refused(_("There is nothing here to be corrected."))
    with transaction.atomic():
        batch = FixBatch.objects.create(
            rule=rule, region_id=region, findings=uids[:MOST_FIXES], reason=reason.strip()[:500], asked_by=by
        )
        audit.record(
            "fixes.asked", user=by, target=f"fixes:{batch.uid}", reason=reason, detail={"findings": len(batch.findings)}
        )
    return batch


def _locked_batch(batch: FixBatch, by, state: str) -> FixBatch:
    if not by.may(Permission.PROPOSAL_CONFIRM):
        raise PermissionDenied
    found = FixBatch.objects.visible_to(by).select_for_update(of=("self",)).get(pk=batch.pk)
    if found.state != state:
        raise Refused(_("Somebody has decided on this already."))
    return found


def findings_of(batch: FixBatch, user):
    return Finding.objects.visible_to(user).filter(uid__in=batch.findings).order_by("id")


def decide_fixes(*, batch: FixBatch, by, approve: bool, text: str = "") -> FixBatch:
    """Another person has the corrections written, or refuses them. What has changed meanwhile is left and listed."""
    with transaction.atomic():
        found = _locked_batch(batch, by, "waiting")
        if found.asked_by_id == by.pk:
            raise Refused(_("Somebody else has to approve this."))
        rule = declarations.rules[found.rule]
        if approve:
            rows = list(findings_of(found, by).open())
            handler = presenting.presenter_class(rule.subject)
            found.done, found.left = handler.apply_many(rows, rule, by, reason=found.reason, batch=str(found.uid))
            # What is settled or gone since the batch was asked for is left, too.
            open_uids = {str(row.uid) for row in rows}
            found.left += [uid for uid in found.findings if uid not in open_uids]
            written = {entry["finding"] for entry in found.done}
            found.applied = len(written)
            for row in rows:
                if str(row.uid) in written:
                    _log(row, "fixed", by, found.reason, batch=str(found.uid))
        found.state = "applied" if approve else "refused"
        found.decided_by, found.decided_at = by, timezone.now()
        found.save()
        audit.record(
            f"fixes.{found.state}", user=by, target=f"fixes:{found.uid}", reason=text,
            detail={"applied": found.applied, "left": len(found.left)},
        )  # fmt: skip
    return found


def undo_fixes(*, batch: FixBatch, by, reason: str) -> tuple[FixBatch, int]:
    """Put back what the batch wrote wherever nobody has changed it since; return the batch and how many were left."""
    with transaction.atomic():
        found = _locked_batch(batch, by, "applied")
        rule = declarations.rules[found.rule]
        handler = presenting.presenter_class(rule.subject)
        done = [{**entry, "rule": found.rule} for entry in found.done]
        left = handler.undo_many(done, by, reason=reason, batch=str(found.uid))
        found.state, found.undone_at, found.left = "undone", timezone.now(), left
        found.save()
        audit.record(
            "fixes.undone", user=by, target=f"fixes:{found.uid}", reason=reason,
            detail={"undone": len(found.done) - len(left), "left": len(left)},
        )  # fmt: skip
    return found, len(left)
