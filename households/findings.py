"""Findings about the register: how a household's or member's record in question is shown, corrected and fixed."""

import functools
import math

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import Coalesce, JSONObject
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.masks import View
from accounts.roles import Permission
from households import actions, codes, editing, fixes, listing, proposing, sections
from households.keys import parse
from households.models import Household, HouseholdYear, Member, MemberYear
from households.present import HIDDEN, Viewer, age_on, born, opened
from households.sections import Field
from poverty import declarations, idnumber
from poverty.declarations import Rule
from validation.models import Finding
from validation.presenting import Corrected, Fix, Line, Presenter

OF_SHEETS = {"household": "household", "household_year": "year", "member": "member", "member_year": "member_year"}
EDITABLE = {
    field.key: field
    for field in (
        *sections.HOUSEHOLD_FIELDS, *sections.YEAR_FIELDS, *sections.MEMBER.fields, *sections.MEMBER_YEAR_FIELDS
    )
}  # fmt: skip
IN_QUESTION = sections.Section("question", gettext_noop("In question"), ())
EARTH_M = 6_371_000


@functools.cache
def _stored() -> dict[str, Field]:
    """Return {name of a sheet's field: the register's field that holds it}."""
    found = {}
    for sheet in declarations.sheets.values():
        for column in sheet.columns:
            target, _dot, name = column.to.partition(".")
            if target in OF_SHEETS:
                found.setdefault(column.field, Field(OF_SHEETS[target], name))
    return found


def fields_of(rule: Rule | None) -> list[Field]:
    """Return the fields that a rule speaks of and people may edit, each once."""
    if rule is None:
        return []
    names = rule.fields or (rule.field,)
    found: dict[str, Field] = {}
    first = ("member", "member_year") if rule.subject == "member" else ("year",)
    for name in names:
        choices = [f"{target}.{name}" for target in (*first, "household", "year", "member", "member_year")]
        key = next((key for key in choices if key in EDITABLE), None)
        if key is None and name in _stored():
            key = _stored()[name].key
        if key in EDITABLE:
            found[key] = EDITABLE[key]
    return list(found.values())


def veiled(rule: Rule | None, viewer: Viewer, member: Member | None) -> bool:
    """Tell whether the values seen are of a field that this person is not shown as it stands."""
    return any(viewer.of(of, member) is not View.FULL for of in fields_of(rule) if not of.sealed)


class RegisterFinding(Presenter):
    """A finding about a household, or about one of its members."""

    template = "households/_finding_fields.html"
    beside = "households/_finding_beside.html"

    def __init__(self, finding: Finding, rule: Rule | None, user):
        super().__init__(finding, rule, user)
        self.viewer = Viewer(user)
        self.bound: editing.Edit | None = None

    # --- the record ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def household(self) -> Household | None:
        rows = Household.objects.visible_to(self.user).in_register()
        return rows.filter(pk=self.finding.household_id).first()

    @functools.cached_property
    def members(self) -> list[Member]:
        rows = Member.objects.visible_to(self.user).filter(
            household_id=self.finding.household_id, withdrawn_at__isnull=True
        )
        return sorted(rows, key=lambda m: (m.departed_on is not None, m.relation or "~", m.person_no))

    @functools.cached_property
    def member(self) -> Member | None:
        if self.finding.subject_kind != "member":
            return None
        return next((member for member in self.members if member.pk == self.finding.subject), None)

    @property
    def found(self) -> bool:
        return self.household is not None and (self.finding.subject_kind != "member" or self.member is not None)

    @functools.cached_property
    def head_name(self) -> str:
        head = next((m for m in self.members if m.relation == listing.HEAD and m.departed_on is None), None)
        return self.viewer.name(head) if head else _("no head on file")

    @property
    def title(self) -> str:
        if not self.found:
            return ""
        return self.viewer.name(self.member) if self.member is not None else self.head_name

    @property
    def number(self) -> str:
        return self.household.household_no if self.household else ""

    @property
    def url(self) -> str:
        return self.household.get_absolute_url() if self.household else ""

    @functools.cached_property
    def years(self) -> dict[int, HouseholdYear]:
        rows = HouseholdYear.objects.visible_to(self.user).filter(household_id=self.finding.household_id)
        return {row.year: row for row in rows.filter(withdrawn_at__isnull=True)}

    @functools.cached_property
    def member_years(self) -> dict[tuple[int, int], MemberYear]:
        rows = MemberYear.objects.visible_to(self.user).filter(household_id=self.finding.household_id)
        return {(row.member_id, row.year): row for row in rows.filter(withdrawn_at__isnull=True)}

    @functools.cached_property
    def year(self) -> int:
        """The year whose values are in question: the newest on file."""
        today = timezone.localdate().year
        if self.member is not None and any(of.target == "member_year" for of in self.fields):
            known = [year for member, year in self.member_years if member == self.member.pk and year <= today]
        else:
            known = [year for year in self.years if year <= today]
            known = known or [year for _member, year in self.member_years if year <= today]
        return max(known, default=today)

    @functools.cached_property
    def fields(self) -> list[Field]:
        return fields_of(self.rule)

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def seen(self) -> str:
        if self.rule is not None and self.rule.field == "cert_no" and not self.finding.expected:
            if self.member is None:
                return ""
            # Such a rule says only which part is wrong; the reader is shown the number, masked as ever.
            return self.viewer.shown(Field("member", "cert_no"), self.member, self.member).text
        if self.finding.seen == "?" and self.member is not None:
            return _("%(number)s characters") % {"number": len(opened(self.member, "cert_no"))}
        return HIDDEN if self.finding.seen and veiled(self.rule, self.viewer, self.member) else self.finding.seen

    @property
    def expected(self) -> str:
        return (
            HIDDEN if self.finding.expected and veiled(self.rule, self.viewer, self.member) else self.finding.expected
        )

    @property
    def shown(self) -> list[dict]:
        """Return the fields in question with their values, per person where they are several."""
        found = []
        for of in self.fields:
            if not self.viewer.sees(of):
                continue
            if of.target == "household":
                found.append({"who": "", "value": self.viewer.shown(of, self.household, None, "")})
            elif of.target == "year":
                row = self.years.get(self.year)
                found.append({"who": "", "year": self.year, "value": self.viewer.shown(of, row, None, "")})
            else:
                for member in self._people():
                    row, year = member, None
                    if of.target == "member_year":
                        row, year = self.member_years.get((member.pk, self.year)), self.year
                    who = self.viewer.name(member) if self.member is None else ""
                    found.append({"who": who, "year": year, "value": self.viewer.shown(of, row, member, "")})
        return found

    def _people(self) -> list[Member]:
        if self.member is not None:
            return [self.member]
        return [member for member in self.members if member.departed_on is None]

    @property
    def people(self) -> list[dict]:
        """Return the members beside the finding."""
        return [
            {
                "name": self.viewer.name(member),
                "relation": codes.RELATION.label(member.relation),
                "age": age_on(born(member), self.viewer.today),
                "departed": member.departed_on is not None,
                "subject": self.member is not None and member.pk == self.member.pk,
            }
            for member in self.members
        ]

    def metres_from(self, longitude, latitude):
        of = Field("household", "position")
        if self.household is None or self.household.position is None or self.viewer.of(of) is not View.FULL:
            return None
        lon, lat = math.radians(self.household.position.x), math.radians(self.household.position.y)
        lon2, lat2 = math.radians(longitude), math.radians(latitude)
        half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
        return round(2 * EARTH_M * math.asin(math.sqrt(half)))

    def follow_up(self):
        if self.household is None or not self._may():
            return []
        uid = self.household.uid
        member = f"?member={self.member.uid}" if self.member is not None else ""
        return [
            (_("Record a change of members"), reverse("households:member_change", args=[uid]) + member),
            (_("Correct type or status"), reverse("households:edit", args=[uid]) + "?section=register"),
            (_("Correct income"), reverse("households:edit", args=[uid]) + "?section=income"),
        ]

    # --- what stays hidden until it is asked for ----------------------------------------------------------------------

    @property
    def secret(self) -> bool:
        """The check character that a number should have is itself a part of the number."""
        if self.rule is None or self.rule.id != "ID-05" or self.member is None:
            return False
        return self.viewer.view("id_number") is View.REVEAL and self._body() is not None

    def _body(self) -> str | None:
        number = opened(self.member, "cert_no")
        body = number[:17]
        return body if len(number) >= 18 and body.isascii() and body.isdigit() else None

    def reveal(self) -> str:
        return _("The 18th character should be %(character)s.") % {
            "character": idnumber.check_character(self._body() or "")
        }

    # --- corrections --------------------------------------------------------------------------------------------------

    def _may(self) -> bool:
        return self.user.may(Permission.HOUSEHOLD_EDIT) or self.user.may(Permission.HOUSEHOLD_PROPOSE)

    @property
    def direct(self) -> bool:
        return self.user.may(Permission.HOUSEHOLD_EDIT)

    def form(self, data=None) -> editing.Edit | None:
        if not self.found or not self._may():
            return None
        edit = editing.Edit(self.household, self.viewer, ("question",), self.year)

        def of_target(target):
            return [of for of in self.fields if of.target == target]

        def row_form(fields, row, prefix, key, member=None):
            return editing.RowForm(data, fields, row, self.viewer, prefix=prefix, key=key, member=member)

        if own := of_target("household"):
            form = row_form(own, self.household, "h", "household.{}")
            edit.household_forms.append((IN_QUESTION, form))
        if yearly := of_target("year"):
            form = row_form(yearly, self.years.get(self.year), "y", f"year.{self.year}.{{}}")
            edit.year_forms.append((IN_QUESTION, form))
        personal, schooling = of_target("member"), of_target("member_year")
        for member in self._people() if personal or schooling else ():
            prefix = f"m-{member.uid}"
            person = editing.MemberForms(
                str(member.uid), self.viewer.name(member),
                row_form(personal, member, prefix, f"member.{member.uid}.{{}}", member),
            )  # fmt: skip
            if schooling:
                row = self.member_years.get((member.pk, self.year))
                key = f"member_year.{member.uid}.{self.year}.{{}}"
                person.year.append((IN_QUESTION, row_form(schooling, row, prefix, key, member)))
            edit.members.append(person)
        return edit if any(form.specs for form in edit.forms()) else None

    @functools.cached_property
    def edit(self) -> editing.Edit | None:
        """The form as the page shows it: the one that was sent, where it had mistakes."""
        return self.bound or self.form()

    def correct(self, data: QueryDict, *, reason: str) -> Corrected:
        token = editing.read_token(data.get("base", ""), self.household) if self.found else None
        edit = self.form(data)
        if token is None or edit is None:
            return Corrected("nothing")
        if not edit.is_valid():
            self.bound = edit
            return Corrected("invalid")
        _version, base = token
        mine = editing.changes(edit.plains(), base)
        if not mine:
            return Corrected("nothing")
        sheet = actions.Sheet.open(self.household, self.user)
        people = {uid: self.viewer.name(member) for uid, member in sheet.members.items()}
        differences = editing.compare(mine, base, sheet, self.viewer, people)
        others = [d for d in differences if d.collides or d.key not in mine]
        if others:
            return Corrected("overtaken", others=[str(d.label) for d in others])
        return self._write({key: [sheet.plain(parse(key)), new] for key, new in mine.items()}, reason)

    def _write(self, changes: dict[str, list], reason: str) -> Corrected:
        """Write what this person may write, and propose the rest."""
        own = changes if self.direct else {key: pair for key, pair in changes.items() if key in sections.CONTACT}
        rest = {key: pair for key, pair in changes.items() if key not in own}
        context = {"finding": str(self.finding.uid)}
        if own:
            actions.save(household=self.household, by=self.user, changes=own, reason=reason, **context)
        if rest:
            made = proposing.propose(
                household=self.household, payload={"changes": rest, "new": []}, by=self.user, reason=reason
            )
            return Corrected("proposed", len(rest), proposal=str(made.uid), household_id=self.household.pk)
        return Corrected("saved", len(own), household_id=self.household.pk)

    # --- proposed corrections -----------------------------------------------------------------------------------------

    def _proposed(self, sheet) -> dict[str, list]:
        """Return {key: [old, new]} of the rule's proposed correction; nothing where there is none."""
        uid = str(self.member.uid) if self.member is not None else ""
        return fixes.proposed(self.rule, sheet, uid)

    def fix(self) -> Fix | None:
        if not self.found or not self._may() or self.rule is None or not self.rule.fix:
            return None
        sheet = actions.Sheet.open(self.household, self.user, lock=False)
        return fixes.in_words(self._proposed(sheet), sheet, self.viewer)

    def apply_fix(self, *, reason: str) -> Corrected:
        if not self.found or self.rule is None or not self.rule.fix:
            return Corrected("nothing")
        sheet = actions.Sheet.open(self.household, self.user)
        changes = self._proposed(sheet)
        return self._write(changes, reason) if changes else Corrected("nothing")

    @classmethod
    def fix_many(cls, findings, rule, user):
        return fixes.listed(findings, rule, user)

    @classmethod
    def apply_many(cls, findings, rule, by, *, reason: str, batch: str):
        return fixes.apply_many(findings, rule, by, reason=reason, batch=batch)

    @classmethod
    def undo_many(cls, done, by, *, reason: str, batch: str):
        return fixes.undo_many(done, by, reason=reason, batch=batch)

    @classmethod
    def done_words(cls, done, user):
        return fixes.done_words(done, user)

    # --- in lists -----------------------------------------------------------------------------------------------------

    @classmethod
    def lines(cls, findings: list[Finding], user) -> dict[int, Line]:
        """Return the lines of a page: one query for the households, their heads and the persons spoken of."""
        viewer = Viewer(user)
        people = [finding.subject for finding in findings if finding.subject_kind == "member"]
        spoken = Member.objects.visible_to(user).filter(household_id=OuterRef("pk"), pk__in=people).order_by("pk")
        rows = Household.objects.visible_to(user).filter(pk__in={f.household_id for f in findings})
        rows = listing.with_head(rows, user).annotate(
            spoken=ArraySubquery(
                spoken.values(x=JSONObject(id="pk", name="name", born=Coalesce("birth_on", "id_birth_on")))
            )
        )
        rows = rows.only("uid", "household_no", "village_id")
        households = {row.pk: row for row in rows}
        found = {}
        for finding in findings:
            row = households.get(finding.household_id)
            if row is None:
                continue
            who = row.head
            if finding.subject_kind == "member":
                who = next((person for person in row.spoken if person["id"] == finding.subject), None)
            url = reverse("households:detail", args=[row.uid])
            seen = _seen_in_list(finding, viewer, who)
            found[finding.pk] = Line(viewer.head_name(who), row.household_no, url, seen, seen == HIDDEN)
        return found


def _seen_in_list(finding: Finding, viewer: Viewer, person: dict | None) -> str | None:
    """Return what a list shows as seen: None for what is stored."""
    rule = declarations.rules.get(finding.rule)
    if rule is None:  # composed by staff: it may look at anything
        views = {viewer.view("minor"), viewer.view("health"), viewer.view("income")}
        return None if views == {View.FULL} else HIDDEN
    if finding.seen == "?" or (rule.field == "cert_no" and not finding.expected):
        return ""
    fields = [of for of in fields_of(rule) if not of.sealed]
    if any(viewer.of(of) is not View.FULL for of in fields):
        return HIDDEN
    if viewer.view("minor") is not View.FULL and any(of.of_minor for of in fields):
        return HIDDEN
    return None
