"""The register's fields as people meet them: in which section, of which kind, with which code list, seen by whom.

One table for the household's file, its edit forms, its history, proposals and the printed form. Kinds and labels come
from the models; what only people need to know stands here.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from households import codes
from households.models import Household, HouseholdYear, Member, MemberYear
from poverty.crypto import SealedField
from poverty.declarations import CodeList
from poverty.fields import YuanField

TARGETS = {"household": Household, "year": HouseholdYear, "member": Member, "member_year": MemberYear}
PLACES = {
    "phone": "households_household.phone",
    "card": "households_household.card",
    "cert_no": "households_member.cert_no",
}
CODES = {
    "household_type": codes.HOUSEHOLD_TYPE,
    "status": codes.STATUS,
    "main_cause": codes.CAUSE,
    "other_causes": codes.CAUSE,
    "standard": codes.STANDARD,
    "house_grade": codes.HOUSE_GRADE,
    "fuel": codes.FUEL,
    "road_type": codes.ROAD_TYPE,
    "mon_type": codes.MONITORED_TYPE,
    "sex": codes.SEX,
    "cert_type": codes.CERT_TYPE,
    "relation": codes.RELATION,
    "ethnicity": codes.ETHNICITY,
    "political": codes.POLITICAL,
    "departed_as": codes.MEMBER_CHANGE,
    "education": codes.EDUCATION,
    "student_status": codes.STUDENT_STATUS,
    "dropout_reason": codes.DROPOUT_REASON,
    "health": codes.HEALTH,
    "dis_type": codes.DISABILITY_TYPE,
    "dis_level": codes.DISABILITY_LEVEL,
    "labour": codes.LABOUR,
    "work_area": codes.WORK_AREA,
    "dibao": codes.DIBAO,
}
MASKED = {
    "phone": "phone",
    "card": "card",
    "cert_no": "id_number",
    "health": "health",
    "dis_type": "health",
    "dis_level": "health",
    "position": "position",
}
TEXT_YES_NO = {"tekun"}  # yes or no in a text column, as an import writes it: "t", "f"
# A minor's name and school; a reason for not being at school may be an illness, too.
OF_MINORS = {"name", "education", "student_status", "dropout_reason"}
SEALED_LABELS = {"phone": _("phone"), "card": _("bank card"), "cert_no": _("certificate number")}


@dataclass(frozen=True)
class Field:
    """A field of the register; `target` is one of TARGETS."""

    target: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.target}.{self.name}"

    @property
    def model(self):
        return TARGETS[self.target]

    @property
    def sealed(self) -> bool:
        return self.name in PLACES

    @property
    def attribute(self) -> str:
        """The attribute and column that holds the value."""
        return f"{self.name}_sealed" if self.sealed else self.name

    @property
    def compared(self) -> str:
        """The column by which two values are compared, and which carries the stamp."""
        return f"{self.name}_index" if self.sealed else self.name

    @cached_property
    def model_field(self):
        return self.model._meta.get_field(self.attribute)

    @property
    def label(self):
        return SEALED_LABELS.get(self.name) or self.model_field.verbose_name

    @property
    def codes(self) -> CodeList | None:
        return CODES.get(self.name)

    @property
    def mask(self) -> str:
        """The row of `accounts.masks` that says who sees it."""
        if self.name in MASKED:
            return MASKED[self.name]
        return "income" if self.target == "year" else "core"

    @property
    def of_minor(self) -> bool:
        return self.target in ("member", "member_year") and self.name in OF_MINORS

    @cached_property
    def kind(self) -> str:
        """text, code, codes, yes_no, yuan, decimal, integer, date, sealed, point."""
        field = self.model_field
        if isinstance(field, SealedField):
            return "sealed"
        if self.name == "position":
            return "point"
        if isinstance(field, models.BooleanField) or self.name in TEXT_YES_NO:
            return "yes_no"
        if isinstance(field, YuanField):
            return "yuan"
        if isinstance(field, models.DecimalField):
            return "decimal"
        if isinstance(field, models.IntegerField):
            return "integer"
        if isinstance(field, models.DateField):
            return "date"
        if isinstance(field, ArrayField):
            return "codes"
        return "code" if self.codes else "text"

    def plain(self, value):
        """Return `value` as JSON can hold it, equal for equal values; nothing is None."""
        if value is None or value == "" or value == []:
            return None
        if self.name in TEXT_YES_NO:
            return value if isinstance(value, bool) else str(value).lower() in ("t", "true", "1", "yes", "是")
        if self.kind == "yuan":
            return f"{Decimal(value):.2f}"
        if self.kind == "decimal":
            return f"{Decimal(value).normalize():f}"
        if self.kind == "codes":
            return sorted(value)
        if isinstance(value, dt.date):
            return value.isoformat()
        return value

    def python(self, plain):
        """Return what the model stores, from `plain`."""
        if plain is None:
            return [] if self.kind == "codes" and not self.model_field.null else None
        if self.name in TEXT_YES_NO:
            return "t" if plain else "f"
        if self.kind in ("yuan", "decimal"):
            return Decimal(plain)
        if self.kind == "date":
            return dt.date.fromisoformat(plain)
        return plain


def _fields(target: str, names: str) -> tuple[Field, ...]:
    return tuple(Field(target, name) for name in names.split())


@dataclass(frozen=True)
class Section:
    key: str
    title: str
    fields: tuple[Field, ...]
    unit: str = ""


HOUSEHOLD_SECTIONS = (
    Section(
        "register",
        _("Register"),
        _fields(
            "household",
            "household_type status exit_year standard first_recog_on main_cause other_causes army_family only_child"
            " two_daughters head_person_no",
        ),
    ),
    Section("contact", _("Contact"), _fields("household", "phone hamlet_name address")),
    Section("bank", _("Bank"), _fields("household", "bank_name card")),
)
YEAR_SECTIONS = (
    Section(
        "income",
        _("Income and spending"),
        _fields(
            "year",
            "size wage_yuan business_yuan property_yuan p_asset_yuan p_other_yuan transfer_yuan t_family_yuan t_dibao_yuan"
            " t_tekun_yuan t_pension_yuan t_eco_yuan t_other_yuan biz_cost_yuan gross_yuan net_yuan net_pc_yuan"
            " self_paid_medical_yuan claims_yuan",
        ),
        _("yuan"),
    ),
    Section(
        "housing",
        _("Housing and guarantees"),
        _fields(
            "year",
            "house_dangerous house_grade house_m2 water_safe water_hard power_home power_production tv toilet fuel"
            " road_type road_km",
        ),
    ),
    Section(
        "land",
        _("Land and production"),
        _fields(
            "year",
            "arable_mu forest_mu grain_to_green_mu orchard_mu pasture_mu water_mu coop leading_firm rich_leader",
        ),
    ),
    Section(
        "monitoring",
        _("Monitoring"),
        _fields("year", "mon_type risk_found_on risk_removed risk_removed_on"),
    ),
)
PARTS_OF_SUM = {
    *("p_asset_yuan", "p_other_yuan"),
    *("t_family_yuan", "t_dibao_yuan", "t_tekun_yuan", "t_pension_yuan", "t_eco_yuan", "t_other_yuan"),
}
MEMBER = Section(
    "member",
    _("Person"),
    _fields("member", "name relation sex birth_on cert_type cert_no ethnicity political soldier person_recog_on"),
)
MEMBER_YEAR_SECTIONS = (
    Section("school", _("Education"), _fields("member_year", "education student_status dropout_reason")),
    Section("health", _("Health"), _fields("member_year", "health dis_type dis_level")),
    Section(
        "work",
        _("Work"),
        _fields("member_year", "labour work_area work_months work_firm work_wage_yuan post post_months"),
    ),
    Section(
        "insurance",
        _("Insurance and allowances"),
        _fields(
            "member_year",
            "med_resident med_employee critical_illness pension_resident med_extra dibao tekun",
        ),
    ),
)

HOUSEHOLD_FIELDS = tuple(field for section in HOUSEHOLD_SECTIONS for field in section.fields)
YEAR_FIELDS = tuple(field for section in YEAR_SECTIONS for field in section.fields)
MEMBER_YEAR_FIELDS = tuple(field for section in MEMBER_YEAR_SECTIONS for field in section.fields)
DEPARTURE = _fields("member", "departed_on departed_as")
NUMBERS = (Field("household", "household_no"), Field("member", "person_no"))
HISTORY = (
    *HOUSEHOLD_FIELDS,
    *YEAR_FIELDS,
    *MEMBER.fields,
    *MEMBER_YEAR_FIELDS,
    *DEPARTURE,
    *NUMBERS,
    Field("household", "position"),
    Field("household", "lifecycle"),
    Field("household", "village_id"),
    Field("household", "withdrawn_at"),
    Field("member", "withdrawn_at"),
)
BY_KEY = {field.key: field for field in HISTORY}
# Phone, address and position are the cadre's own to change; everything else of a household is proposed.
CONTACT = {"household.phone", "household.hamlet_name", "household.address"}
# A change of these asks for a reason: identity, membership, status, income.
NEEDS_REASON = {field.key for field in HISTORY} - CONTACT - {"household.position"}
