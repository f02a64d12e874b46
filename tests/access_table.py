"""Who may call which address: one table, written from the rules of the register and not from the code.

`test_access.py` holds every address of the URLconf, every role and every area against it. An address that is missing
here fails there: add a line to TABLE. `permissions`: whoever has one of them may; `of`: what stands in the address;
`get`, `post`: the answer for an object of one's own area.
"""

from dataclasses import dataclass, field

from accounts.roles import Permission as P
from accounts.roles import Role as R

OFFICES = {R.PROVINCE_OFFICE, R.CITY_OFFICE, R.COUNTY_OFFICE, R.TOWN_OFFICE}
CADRES = {R.VILLAGE_CADRE, R.HELPER}
WHO = {
    P.HOME_VIEW: set(R),
    P.SELF_SERVICE: set(R),
    P.FIGURES_VIEW: OFFICES | CADRES | {R.LEADER, R.AUDITOR},
    P.HOUSEHOLD_VIEW: OFFICES | CADRES | {R.AUDITOR, R.RESIDENT},
    P.HOUSEHOLD_EDIT: {R.COUNTY_OFFICE},
    P.HOUSEHOLD_PROPOSE: CADRES | {R.TOWN_OFFICE},
    P.PROPOSAL_CONFIRM: {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.CONTACT_EDIT: CADRES | {R.TOWN_OFFICE, R.COUNTY_OFFICE},
    P.FIELD_REVEAL: OFFICES | {R.AUDITOR},
    P.IMPORT_RUN: {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.EXPORT_RUN: OFFICES | {R.AUDITOR},
    P.EXPORT_FULL: OFFICES - {R.TOWN_OFFICE},
    P.EXPORT_APPROVE: OFFICES - {R.TOWN_OFFICE},
    P.CONFIG_EDIT: OFFICES - {R.TOWN_OFFICE},
    P.USER_MANAGE: {R.SYSTEM_ADMIN},
    P.LOCK_MANAGE: {R.SECURITY_ADMIN},
    P.AUDIT_READ: {R.AUDIT_ADMIN, R.AUDITOR},
    P.LIST_VIEW: OFFICES - {R.TOWN_OFFICE} | {R.AUDITOR},
    P.LIST_UPLOAD: {R.COUNTY_OFFICE, R.DEPARTMENT},
    P.LIST_MATCH: {R.COUNTY_OFFICE},
    P.REGION_PICK: OFFICES | CADRES | {R.LEADER, R.AUDITOR, R.SYSTEM_ADMIN},
    P.RULES_VIEW: OFFICES | {R.AUDITOR},
    P.RULES_RUN: OFFICES,
    P.REPORT_MAKE: OFFICES | {R.AUDITOR},
    P.LEDGER_EDIT: CADRES | {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.LEDGER_CLOSE: {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.LEDGER_REOPEN: {R.COUNTY_OFFICE},
    P.FINDING_VIEW: OFFICES | CADRES | {R.AUDITOR},
    P.FINDING_DISPATCH: {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.FINDING_CHECK: CADRES | {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.FINDING_VERDICT: {R.COUNTY_OFFICE, R.TOWN_OFFICE},
    P.FINDING_CONFIRM: {R.COUNTY_OFFICE},
    P.SCREEN_EDIT: OFFICES,
    P.SCREEN_SHARE: OFFICES - {R.TOWN_OFFICE},
}
NOBODY = "nobody"
PUBLIC = "public"  # without a log-in
STAFF = (P.CONFIG_EDIT, P.USER_MANAGE, P.LOCK_MANAGE)


@dataclass(frozen=True)
class Access:
    permissions: tuple = ()
    of: str = ""  # an object of the world (`access_world.py`); "" for none
    get: int = 200
    post: int = 405
    absent: int = 404  # for another area's object, and for one that does not exist
    data: dict = field(default_factory=lambda: {"nothing": "known"})  # what is posted
    but: dict = field(default_factory=dict)  # {(method, role): another answer}
    query: str = ""
    everywhere: bool = False  # the same for every area: there is no "other area"
    address: str = ""  # of an address without a name; {object} is filled in

    def allows(self, role) -> bool:
        return PUBLIC in self.permissions or any(role in WHO.get(permission, ()) for permission in self.permissions)


def may(*permissions, **more) -> Access:
    return Access(permissions, **more)


IMPORT = (P.IMPORT_RUN,)
LISTS = (P.LIST_VIEW, P.LIST_UPLOAD)
NOT_MINE = {("post", R.COUNTY_OFFICE): 404}  # only who sent a list answers for it
CHANGE = (P.HOUSEHOLD_EDIT, P.HOUSEHOLD_PROPOSE)
# Who reads reports without writing any.
REPORTS_READ = {("post", role): 403 for role in (*CADRES, R.LEADER)}
ADMIN_APP = {(method, role): 404 for method in ("get", "post") for role in R if role != R.SYSTEM_ADMIN}
TABLE = {
    "dashboard:home": may(P.HOME_VIEW),
    "dashboard:map": may(P.FIGURES_VIEW),
    "dashboard:charts": may(P.FIGURES_VIEW, but={("get", R.HELPER): 404}),
    "dashboard:chart_sheet": may(P.FIGURES_VIEW, but={("get", R.HELPER): 404}),
    "dashboard:positions": may(P.FIGURES_VIEW, of="village", but={("get", R.HELPER): 404}),
    "dashboard:figure_villages": may(P.FIGURES_VIEW, query="figure=K03"),
    "dashboard:screens": may(P.FIGURES_VIEW),
    "dashboard:screen_add": may(P.SCREEN_EDIT, post=422),
    "dashboard:screen_usual": may(P.FIGURES_VIEW, but={("get", R.HELPER): 404}),
    "dashboard:screen_usual_data": may(P.FIGURES_VIEW, but={("get", R.HELPER): 404}),
    "dashboard:screen": may(P.FIGURES_VIEW, of="screen", but={("get", R.HELPER): 404}),
    "dashboard:screen_data": may(P.FIGURES_VIEW, of="screen", but={("get", R.HELPER): 404}),
    "dashboard:screen_edit": may(P.SCREEN_EDIT, of="screen", post=422),
    "dashboard:screen_remove": may(P.SCREEN_EDIT, of="screen", get=405, post=302),
    "dashboard:screen_links": may(P.SCREEN_SHARE, of="screen", post=422),
    "dashboard:link_revoke": may(P.SCREEN_SHARE, of="display_link", get=405, post=302),
    "dashboard:wall": may(PUBLIC),
    "dashboard:wall_data": may(PUBLIC, get=401),
    "dashboard:wall_shapes": may(PUBLIC, of="village", get=401, everywhere=True, absent=401),
    "dashboard:boundaries": may(P.FIGURES_VIEW, of="village", everywhere=True, absent=200),
    "analysis:poverty": may(P.FIGURES_VIEW),
    "analysis:dimensions": may(P.FIGURES_VIEW),
    "analysis:causes": may(P.FIGURES_VIEW),
    "analysis:risk": may(P.FIGURES_VIEW),
    "analysis:train": may(P.RULES_RUN, get=405, post=404),  # without a county there is nothing to train
    "analysis:households": may(P.FINDING_VIEW),
    "accounts:login": may(PUBLIC, get=302, post=200),
    "accounts:logout": may(PUBLIC, get=405, post=302),
    "accounts:password_change": may(P.SELF_SERVICE, post=422),
    "accounts:me": may(P.SELF_SERVICE, post=302),
    "accounts:end_sessions": may(P.SELF_SERVICE, get=405, post=422),
    "accounts:token_add": may(P.SELF_SERVICE, get=405, post=422),
    "accounts:token_revoke": may(P.SELF_SERVICE, of="token", get=405, post=302),
    "accounts:set_language": may(PUBLIC, get=405, post=302),
    "accounts:session": may(P.SELF_SERVICE),
    "accounts:session_keep": may(P.SELF_SERVICE, get=405, post=200),
    "accounts:users": may(P.USER_MANAGE),
    "accounts:user_add": may(P.USER_MANAGE, post=422),
    "accounts:user_sheet": may(P.USER_MANAGE, post=422),
    "accounts:user_template": may(P.USER_MANAGE),
    "accounts:user_passwords": may(P.USER_MANAGE, get=405, post=200),
    "accounts:region_options": may(P.USER_MANAGE),
    "accounts:user_edit": may(P.USER_MANAGE, of="user", post=422),
    "accounts:user_password": may(P.USER_MANAGE, of="user", get=405, post=200),
    "accounts:user_switch": may(P.USER_MANAGE, of="user", get=405, post=302),
    "accounts:locks": may(P.LOCK_MANAGE),
    "accounts:lock_release": may(P.LOCK_MANAGE, of="lock", get=405, post=302),
    "accounts:audit": may(P.AUDIT_READ),
    "accounts:audit_verify": may(P.AUDIT_READ, get=405, post=200),
    "regions:villages": may(P.REGION_PICK, get=302, but={("get", R.HELPER): 200}),
    "regions:search": may(P.REGION_PICK, query="q=村"),
    "regions:children": may(P.REGION_PICK),
    "regions:config": may(P.CONFIG_EDIT),
    "regions:setting": may(P.CONFIG_EDIT, of="setting", post=422, everywhere=True),
    "regions:detail": may(P.REGION_PICK, of="village"),
    "regions:profile_edit": may(P.HOUSEHOLD_EDIT, of="village", post=302),
    "regions:hamlet_add": may(*CHANGE, of="village", get=405, post=422),
    "households:list": may(P.HOUSEHOLD_VIEW),
    "households:id_search": may(P.HOUSEHOLD_VIEW, get=302, post=200, data={"id_number": "459901197001010015"}),
    "households:ledger": may(P.HOUSEHOLD_VIEW),
    "households:ledger_close": may(P.LEDGER_CLOSE, get=405, post=404),
    "households:ledger_ask": may(P.LEDGER_CLOSE, get=405, post=404),
    "households:ledger_decide": may(P.LEDGER_REOPEN, get=405, post=404),
    "households:ledger_year": may(P.HOUSEHOLD_VIEW, of="household"),
    "households:ledger_month": may(P.LEDGER_EDIT, of="household", post=302),
    "households:add": may(P.HOUSEHOLD_EDIT, post=422),
    "households:proposals": may(P.PROPOSAL_CONFIRM, P.HOUSEHOLD_PROPOSE),
    "households:proposals_confirm": may(P.PROPOSAL_CONFIRM, get=405, post=302),
    "households:proposal": may(P.PROPOSAL_CONFIRM, P.HOUSEHOLD_PROPOSE, of="proposal"),
    "households:proposal_decide": may(P.PROPOSAL_CONFIRM, of="proposal", get=405, post=302, data={"choice": "confirm"}),
    "households:detail": may(P.HOUSEHOLD_VIEW, of="household"),
    "households:print": may(P.HOUSEHOLD_VIEW, of="household"),
    "households:sources": may(P.HOUSEHOLD_VIEW, of="household"),
    "households:history": may(P.HOUSEHOLD_VIEW, of="household"),
    "households:reveal": may(
        P.FIELD_REVEAL,
        of="household",
        get=405,
        post=422,
        data={"name": "card", "field": "card", "reason": ""},
        but={("post", R.TOWN_OFFICE): 403},  # a town sees bank cards masked only
    ),
    "households:edit": may(*CHANGE, P.CONTACT_EDIT, of="household", post=400),
    "households:lifecycle": may(P.HOUSEHOLD_EDIT, of="household", get=405, post=302),
    "households:move": may(P.PROPOSAL_CONFIRM, of="household", post=422),
    "households:numbers": may(P.HOUSEHOLD_EDIT, of="household", post=422),
    "households:position": may(P.CONTACT_EDIT, of="household", post=422),
    "households:member_change": may(*CHANGE, of="household", post=422, data={"which": "leaving"}),
    "households:member_return": may(*CHANGE, of="member", post=422),
    "exchange:list": may(*IMPORT),
    "exchange:upload": may(*IMPORT, post=422),
    "exchange:template": may(*IMPORT, P.EXPORT_RUN, of="kind", everywhere=True),
    "exchange:export": may(P.EXPORT_RUN, post=422),
    "exchange:requests": may(P.EXPORT_FULL, P.EXPORT_APPROVE),
    "exchange:decide": may(P.EXPORT_APPROVE, of="request", get=405, post=302, data={"decision": "approve"}),
    "exchange:labels": may(*IMPORT),
    "exchange:label": may(*IMPORT, of="label", get=405, post=302),
    "exchange:batch": may(*IMPORT, of="previewed"),
    "exchange:status": may(*IMPORT, of="merged", get=286),
    "exchange:merge": may(*IMPORT, of="previewed", get=405, post=302, data={"mode": "good"}),
    "exchange:discard": may(*IMPORT, of="previewed", get=405, post=302),
    "exchange:again": may(*IMPORT, of="failed", get=405, post=302),
    "exchange:undo": may(*IMPORT, of="merged", post=422),
    "exchange:faults": may(*IMPORT, of="previewed"),
    "exchange:rows": may(*IMPORT, of="previewed"),
    "exchange:changes": may(*IMPORT, of="merged"),
    "exchange:missing": may(*IMPORT, of="merged"),
    "exchange:reconciliation": may(*IMPORT, of="merged"),
    "exchange:questions": may(*IMPORT, of="previewed"),
    "exchange:answer": may(*IMPORT, of="previewed", get=405, post=302),
    "exchange:apply": may(*IMPORT, of="previewed", get=405, post=302),
    "exchange:marked": may(*IMPORT, of="merged", post=200),
    "validation:rules": may(P.RULES_VIEW),
    "validation:rule": may(P.RULES_VIEW, of="rule", everywhere=True),
    "validation:rule_preview": may(P.RULES_VIEW, of="rule", everywhere=True),
    "validation:rule_owner": may(P.CONFIG_EDIT, of="rule", get=405, post=302, everywhere=True),
    "validation:compose": may(P.CONFIG_EDIT, post=200),
    "validation:compose_edit": may(P.CONFIG_EDIT, of="composed", post=200),
    "validation:compose_off": may(P.CONFIG_EDIT, of="composed_off", get=405, post=302),
    "validation:runs": may(P.RULES_VIEW),
    "validation:check_now": may(P.RULES_RUN, get=405, post=302),
    "validation:run": may(P.RULES_VIEW, of="run", everywhere=True),
    "validation:quality": may(P.FIGURES_VIEW),
    "validation:reports": may(P.FIGURES_VIEW, post=422, but=REPORTS_READ),
    "validation:report_file": may(P.FIGURES_VIEW, of="report", but={("get", R.HELPER): 404}),
    "validation:list": may(P.FINDING_VIEW),
    "validation:export": may(P.EXPORT_RUN),
    "validation:finding": may(P.FINDING_VIEW, of="finding"),
    "validation:dispatch": may(P.FINDING_DISPATCH, post=422),
    "validation:docket": may(P.FINDING_VIEW),
    "validation:verdicts": may(P.FINDING_VIEW),
    "validation:fixes": may(P.PROPOSAL_CONFIRM),
    "validation:fix_ask": may(P.PROPOSAL_CONFIRM, get=302, post=302),  # without a rule there is nothing to ask for
    "validation:fix": may(P.PROPOSAL_CONFIRM, of="fixes"),
    "validation:fix_decide": may(P.PROPOSAL_CONFIRM, of="fixes", get=405, post=422),
    "validation:fix_undo": may(P.PROPOSAL_CONFIRM, of="fixes", get=405, post=422),
    "validation:photo": may(
        P.FINDING_VIEW,
        of="photo",
        post=422,
        but={("get", R.AUDITOR): 403},  # seen with a reason only, which is posted
    ),
    "validation:correct": may(*CHANGE, of="finding", get=405, post=422),
    "validation:apply_fix": may(*CHANGE, of="finding", get=405, post=422),
    "validation:recheck": may(P.FINDING_CHECK, of="finding", get=405, post=302),
    "validation:check": may(P.FINDING_CHECK, of="finding", post=422),
    "validation:verdict": may(P.FINDING_VERDICT, of="finding", get=405, post=422),
    "validation:second": may(P.FINDING_CONFIRM, of="finding", get=405, post=422),
    "validation:appeal": may(P.FINDING_CHECK, of="finding", get=405, post=422),
    "validation:reopen": may(P.FINDING_VERDICT, of="finding", get=405, post=422),
    "validation:followed": may(P.FINDING_VERDICT, of="finding", get=405, post=422),
    "validation:note": may(P.FINDING_CHECK, P.FINDING_VERDICT, of="finding", get=405, post=422),
    "validation:reveal": may(P.FIELD_REVEAL, of="finding", get=405, post=422),
    "departments:index": may(*LISTS),
    "departments:match": may(P.LIST_MATCH, get=405, post=302),
    "departments:upload": may(P.LIST_UPLOAD, post=422),
    "departments:source": may(P.LIST_VIEW, of="list_kind", everywhere=True),
    "departments:template": may(P.LIST_UPLOAD, of="list_kind", everywhere=True),
    "departments:batch": may(P.LIST_UPLOAD, of="list_previewed"),
    "departments:status": may(P.LIST_UPLOAD, of="list_merged", get=286),
    "departments:merge": may(P.LIST_UPLOAD, of="list_previewed", get=405, post=302, data={"mode": "good"}),
    "departments:discard": may(P.LIST_UPLOAD, of="list_previewed", get=405, post=302),
    "departments:undo": may(P.LIST_UPLOAD, of="list_merged", get=405, post=302),
    "departments:questions": may(P.LIST_UPLOAD, of="list_previewed"),
    "departments:answer": may(P.LIST_UPLOAD, of="list_previewed", get=405, post=302),
    "departments:marked": may(P.LIST_UPLOAD, of="list_previewed"),
    "departments:dispute": may(P.LIST_UPLOAD, of="dispute", get=405, post=302, data={"text": "核对无误"}, but=NOT_MINE),
    "departments:snapshot": may(*LISTS, of="list"),
    "departments:matches": may(P.LIST_VIEW, of="list"),
    "departments:release": may(P.LIST_MATCH, of="list", get=405, post=302),
    "departments:report": may(*LISTS, of="list"),
    "api:schema": may(P.SELF_SERVICE),
    "api:regions": may(P.REGION_PICK),
    "api:region": may(P.REGION_PICK, of="village"),
    "api:households": may(P.HOUSEHOLD_VIEW),
    "api:household": may(P.HOUSEHOLD_VIEW, of="household"),
    "api:members": may(P.HOUSEHOLD_VIEW),
    "api:member": may(P.HOUSEHOLD_VIEW, of="person"),
    "api:findings": may(P.FINDING_VIEW),
    "api:finding": may(P.FINDING_VIEW, of="finding"),
    "api:figures": may(P.FIGURES_VIEW),
    "api:figure": may(P.FIGURES_VIEW, of="figure", everywhere=True),
    "api:jobs": may(P.SELF_SERVICE),
    "api:job": may(P.SELF_SERVICE, of="job"),
    "jobs:list": may(P.SELF_SERVICE),
    "jobs:line": may(P.SELF_SERVICE),
    "jobs:detail": may(P.SELF_SERVICE, of="job"),
    "jobs:cancel": may(P.SELF_SERVICE, of="job", get=405, post=302),
    "admin:index": may(*STAFF, post=200),
    "admin:login": may(PUBLIC, get=302, post=302),
    "admin:logout": may(*STAFF, get=302, post=302),
    "admin:password_change": may(*STAFF, get=302, post=302),
    "admin:password_change_done": may(*STAFF),
    "admin:autocomplete": may(NOBODY),  # needs the permission of a model, and none offers it
    "admin:jsi18n": may(*STAFF),
    "admin:view_on_site": may(*STAFF, of="foreign_key", get=404, post=404, everywhere=True),
    "admin:app_list": may(*STAFF, of="app", post=200, everywhere=True, but=ADMIN_APP),
    "admin/(?P<url>.*)$": may(*STAFF, get=404, post=404, address="/admin/nothing/here/"),
}
# Models in Django's admin: who, the object's kind, and what may be done beside looking.
ADMIN = {
    "regions_region": (P.CONFIG_EDIT, "village", ()),
    "regions_regionalias": (P.CONFIG_EDIT, "alias", ("add", "change")),
    "poverty_configvalue": (P.CONFIG_EDIT, "config_value", ()),
    "accounts_user": (P.USER_MANAGE, "user", ("change",)),
}


def _admin(name: str, permission, of: str, actions: tuple) -> dict[str, Access]:
    """Return the lines of a model in the admin; nothing is ever deleted there."""
    gone = 302  # Django's admin sends people back to its index
    change = (302 if name == "accounts_user" else 200) if "change" in actions else 403
    address = f"/admin/{name.replace('_', '/', 1)}/{{object}}/"
    return {
        f"admin:{name}_changelist": may(permission, post=200),
        f"admin:{name}_add": may(permission if "add" in actions else NOBODY, post=200),
        f"admin:{name}_change": may(permission, of=of, post=change, absent=gone),
        f"admin:{name}_history": may(permission, of=of, post=200, absent=gone),
        f"admin:{name}_delete": may(NOBODY, of=of),
        address.strip("/").replace("{object}", "<path:object_id>") + "/": may(
            *STAFF, of=of, get=302, post=302, everywhere=True, absent=302, address=address
        ),
    }


for _name, _line in ADMIN.items():
    TABLE.update(_admin(_name, *_line))
