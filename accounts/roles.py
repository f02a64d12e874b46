"""Roles and permissions, in code, so that they are reviewed and tested."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    PROVINCE_OFFICE = "province_office", _("province office")
    CITY_OFFICE = "city_office", _("city office")
    COUNTY_OFFICE = "county_office", _("county office")
    TOWN_OFFICE = "town_office", _("town office")
    VILLAGE_CADRE = "village_cadre", _("village cadre")
    HELPER = "helper", _("paired helper")
    LEADER = "leader", _("leader")
    AUDITOR = "auditor", _("discipline auditor")
    DEPARTMENT = "department", _("line department")
    SYSTEM_ADMIN = "system_admin", _("system administrator")
    SECURITY_ADMIN = "security_admin", _("security administrator")
    AUDIT_ADMIN = "audit_admin", _("audit administrator")
    RESIDENT = "resident", _("resident")


class Permission(StrEnum):
    HOME_VIEW = "home.view"
    SELF_SERVICE = "self.service"  # own password, own jobs, language
    FIGURES_VIEW = "figures.view"
    HOUSEHOLD_VIEW = "household.view"
    HOUSEHOLD_EDIT = "household.edit"  # identity, membership, income, status: directly
    HOUSEHOLD_PROPOSE = "household.propose"
    PROPOSAL_CONFIRM = "proposal.confirm"
    CONTACT_EDIT = "contact.edit"  # phone, position, photos, needs: where the household is known
    FIELD_REVEAL = "field.reveal"
    IMPORT_RUN = "import.run"
    EXPORT_RUN = "export.run"
    EXPORT_FULL = "export.full"
    EXPORT_APPROVE = "export.approve"  # of one's own level, and never an own one
    CONFIG_EDIT = "config.edit"
    USER_MANAGE = "user.manage"
    LOCK_MANAGE = "lock.manage"
    AUDIT_READ = "audit.read"
    REGION_PICK = "region.pick"
    RULES_VIEW = "rules.view"  # which rules there are, their numbers, runs and precision
    RULES_RUN = "rules.run"  # check one's own area now
    REPORT_MAKE = "report.make"
    LEDGER_EDIT = "ledger.edit"  # the lines of an open month
    LEDGER_CLOSE = "ledger.close"
    LEDGER_REOPEN = "ledger.reopen"  # and never on an own request
    LIST_VIEW = "list.view"  # departments' lists and what they found
    LIST_UPLOAD = "list.upload"  # of a department: its own, and nothing but those is shown
    LIST_MATCH = "list.match"  # match now, and report to the senders
    FINDING_VIEW = "finding.view"
    FINDING_DISPATCH = "finding.dispatch"
    FINDING_CHECK = "finding.check"  # field checks, statements, remarks
    FINDING_VERDICT = "finding.verdict"
    FINDING_CONFIRM = "finding.confirm"  # the second look at the verdict on a clue, and never at an own one
    SCREEN_EDIT = "screen.edit"  # compose war-room screens of one's own area
    SCREEN_SHARE = "screen.share"  # links with which a wall shows one of them without a log-in


P = Permission
_EVERYBODY = {P.HOME_VIEW, P.SELF_SERVICE}
_OFFICE = _EVERYBODY | {
    P.FIGURES_VIEW,
    P.HOUSEHOLD_VIEW,
    P.FIELD_REVEAL,
    P.EXPORT_RUN,
    P.REGION_PICK,
    P.FINDING_VIEW,
    P.RULES_VIEW,
    P.RULES_RUN,
    P.REPORT_MAKE,
    P.SCREEN_EDIT,
}
_CADRE = _EVERYBODY | {P.FIGURES_VIEW, P.HOUSEHOLD_VIEW, P.HOUSEHOLD_PROPOSE, P.CONTACT_EDIT, P.REGION_PICK}
_CADRE |= {P.FINDING_VIEW, P.FINDING_CHECK, P.LEDGER_EDIT}
_SETTLES = {P.FINDING_DISPATCH, P.FINDING_CHECK, P.FINDING_VERDICT}

ROLE_PERMISSIONS: dict[str, set[Permission]] = {
    Role.PROVINCE_OFFICE: _OFFICE | {P.LIST_VIEW, P.EXPORT_FULL, P.EXPORT_APPROVE, P.CONFIG_EDIT, P.SCREEN_SHARE},
    Role.CITY_OFFICE: _OFFICE | {P.LIST_VIEW, P.EXPORT_FULL, P.EXPORT_APPROVE, P.CONFIG_EDIT, P.SCREEN_SHARE},
    Role.COUNTY_OFFICE: _OFFICE
    | {P.HOUSEHOLD_EDIT, P.PROPOSAL_CONFIRM, P.CONTACT_EDIT, P.IMPORT_RUN}
    | {P.EXPORT_FULL, P.EXPORT_APPROVE, P.CONFIG_EDIT}
    | _SETTLES
    | {P.LEDGER_EDIT, P.LEDGER_CLOSE, P.LEDGER_REOPEN}
    | {P.FINDING_CONFIRM, P.SCREEN_SHARE}
    | {P.LIST_VIEW, P.LIST_UPLOAD, P.LIST_MATCH},
    Role.TOWN_OFFICE: _OFFICE
    | _SETTLES
    | {P.HOUSEHOLD_PROPOSE, P.PROPOSAL_CONFIRM, P.CONTACT_EDIT, P.IMPORT_RUN, P.LEDGER_EDIT, P.LEDGER_CLOSE},
    Role.VILLAGE_CADRE: _CADRE,
    Role.HELPER: _CADRE,
    Role.LEADER: _EVERYBODY | {P.FIGURES_VIEW, P.REGION_PICK},
    Role.AUDITOR: _EVERYBODY
    | {P.LIST_VIEW}
    | {P.FIGURES_VIEW, P.HOUSEHOLD_VIEW, P.FIELD_REVEAL, P.AUDIT_READ, P.EXPORT_RUN, P.REGION_PICK}
    | {P.FINDING_VIEW, P.RULES_VIEW, P.REPORT_MAKE},
    Role.DEPARTMENT: _EVERYBODY | {P.LIST_UPLOAD},
    Role.SYSTEM_ADMIN: _EVERYBODY | {P.USER_MANAGE, P.REGION_PICK},
    Role.SECURITY_ADMIN: _EVERYBODY | {P.LOCK_MANAGE},
    Role.AUDIT_ADMIN: _EVERYBODY | {P.AUDIT_READ},
    Role.RESIDENT: _EVERYBODY | {P.HOUSEHOLD_VIEW},
}

# The three administrators see no household; a leader sees figures only. None of them is given rows of the register.
ROLES_WITHOUT_ROWS = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.DEPARTMENT}
# What level of region a role's area has; None: none at all, or single households.
ROLE_LEVELS: dict[str, tuple[str, ...]] = {
    Role.PROVINCE_OFFICE: ("province",),
    Role.CITY_OFFICE: ("city",),
    Role.COUNTY_OFFICE: ("county",),
    Role.TOWN_OFFICE: ("town",),
    Role.VILLAGE_CADRE: ("village",),
    Role.HELPER: (),
    Role.LEADER: ("province", "city", "county", "town"),
    Role.AUDITOR: ("province", "city", "county"),
    Role.DEPARTMENT: ("province", "city", "county"),
    Role.SYSTEM_ADMIN: ("province", "city", "county"),
    Role.SECURITY_ADMIN: ("province", "city", "county"),
    Role.AUDIT_ADMIN: ("province", "city", "county"),
    Role.RESIDENT: (),
}
