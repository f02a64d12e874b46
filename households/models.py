"""The register: households, members, their yearly snapshots, changes of members, and proposals.

Structure is constrained, quality is not: every faulty value that real registers hold can be stored, and data rules
find it. Nothing is deleted: what an undone import created is withdrawn.

`stamp` is "as-of date/rank" of the file or person a row's values come from ("2020-12-31/1" person roster, "/2"
household sheet, "/3" typed by a person), compared as text; `field_stamps` holds the exceptions, {column: stamp}.
"""

import pghistory
import pgtrigger
from django.contrib.gis.db import models as gis
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from households import codes
from poverty.crypto import BlindField, SealedField
from poverty.fields import YuanField, village_field
from poverty.scope import ScopedModel, ScopedQuerySet
from poverty.uids import uuid7

BOOKKEEPING = ("stamp", "field_stamps", "source_batch", "source_sheet", "source_row")


def history_of(*more):
    """Return the decorator that keeps the history of every row of a register table.

    A change of bookkeeping alone (a newer file that says the same) is no change of the register.
    """
    return pghistory.track(
        pghistory.InsertEvent(),
        pghistory.UpdateEvent(condition=pgtrigger.AnyChange(exclude=[*BOOKKEEPING, *more])),
        exclude=["field_stamps", *more],
    )


class Sourced(models.Model):
    """Where the values of a row come from: see the module's text."""

    stamp = models.CharField(max_length=12, blank=True, default="", db_collation="C")
    field_stamps = models.JSONField(default=dict, blank=True)
    source_batch = models.ForeignKey(
        "exchange.ImportBatch",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    source_sheet = models.CharField(max_length=100, blank=True, default="")
    source_row = models.IntegerField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        abstract = True


class HouseholdQuerySet(ScopedQuerySet):
    def in_register(self):
        """Keep households that are not withdrawn, cancelled ones included."""
        return self.filter(withdrawn_at__isnull=True)

    def active(self):
        """Keep what data rules look at: in the register and not cancelled."""
        return self.in_register().exclude(lifecycle=Lifecycle.CANCELLED)


class Lifecycle(models.TextChoices):
    APPLIED = "APPLIED", _("applied")
    SURVEYED = "SURVEYED", _("surveyed")
    NOTICE1 = "NOTICE1", _("first notice")
    TOWN_REVIEW = "TOWN_REVIEW", _("town review")
    NOTICE2 = "NOTICE2", _("second notice")
    COUNTY_REVIEW = "COUNTY_REVIEW", _("county review")
    REJECTED = "REJECTED", _("rejected")
    POOR = "POOR", _("poor")
    PRE_EXIT = "PRE_EXIT", _("pre-exit")
    EXITED = "EXITED", _("exited")
    RETURNED = "RETURNED", _("returned to poverty")
    CANCELLED = "CANCELLED", _("cancelled")
    ORDINARY = "ORDINARY", _("ordinary farm household")


@history_of("version")
class Household(Sourced, ScopedModel):
    """A registered household. `household_no` is the official number, opaque text; "L…" where there is none."""

    scope_household = "pk"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    village = village_field()
    hamlet_name = models.CharField(_("hamlet"), max_length=500, blank=True, null=True)
    household_no = models.CharField(_("household number"), max_length=32)
    head_person_no = models.CharField(_("head's person number"), max_length=32, blank=True, null=True)
    household_type = models.CharField(
        _("type"), max_length=20, choices=codes.HOUSEHOLD_TYPE.choices, null=True, blank=True
    )
    status = models.CharField(_("status"), max_length=20, choices=codes.STATUS.choices, null=True, blank=True)
    lifecycle = models.CharField(_("life cycle"), max_length=14, choices=Lifecycle.choices, default=Lifecycle.POOR)
    exit_year = models.IntegerField(_("exit year"), null=True, blank=True)
    standard = models.CharField(_("recognition standard"), max_length=500, null=True, blank=True)
    first_recog_on = models.DateField(_("first recognised on"), null=True, blank=True)
    main_cause = models.CharField(_("main cause"), max_length=20, choices=codes.CAUSE.choices, null=True, blank=True)
    other_causes = ArrayField(models.CharField(max_length=20), verbose_name=_("other causes"), null=True, blank=True)
    army_family = models.BooleanField(_("army family"), null=True, blank=True)
    only_child = models.BooleanField(_("one-child family"), null=True, blank=True)
    two_daughters = models.BooleanField(_("two-daughter family"), null=True, blank=True)
    phone_sealed = SealedField(verbose_name=_("phone"))
    phone_index = BlindField()
    phone_valid = models.BooleanField(null=True, editable=False)
    bank_name = models.CharField(_("bank"), max_length=500, null=True, blank=True)
    card_sealed = SealedField(verbose_name=_("bank card"))
    card_index = BlindField()
    card_valid = models.BooleanField(null=True, editable=False)
    address = models.CharField(_("address"), max_length=500, null=True, blank=True)
    position = gis.PointField(_("position"), null=True, blank=True, spatial_index=False)
    position_accuracy_m = models.FloatField(_("accuracy (m)"), null=True, blank=True)
    position_at = models.DateTimeField(_("position taken at"), null=True, blank=True)
    version = models.IntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = HouseholdQuerySet.as_manager()

    class Meta:
        verbose_name = _("household")
        verbose_name_plural = _("households")
        ordering = ["village", "household_no"]
        indexes = [
            models.Index(fields=["village", "household_no"], name="household_village_no"),
            models.Index(fields=["phone_index"], name="household_phone"),
            models.Index(fields=["card_index"], name="household_card"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["household_no"], name="household_no_once"),
            models.UniqueConstraint(fields=["id", "village"], name="household_id_village"),
        ]

    def __str__(self):
        return self.household_no

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("households:detail", args=[self.uid])


@history_of()
class HouseholdYear(Sourced, ScopedModel):
    """What a household's sheet says of one year. Income year Y runs from 1 October Y−1 to 30 September Y."""

    scope_household = "household_id"

    household = models.ForeignKey(Household, models.PROTECT, related_name="years", db_index=False, db_constraint=False)
    village = village_field(db_constraint=False)
    year = models.IntegerField(_("year"))
    size = models.IntegerField(_("declared size"), null=True, blank=True)
    wage_yuan = YuanField(_("wage income"), null=True, blank=True)
    business_yuan = YuanField(_("business income"), null=True, blank=True)
    property_yuan = YuanField(_("property income"), null=True, blank=True)
    transfer_yuan = YuanField(_("transfer income"), null=True, blank=True)
    t_family_yuan = YuanField(_("family-planning grant"), null=True, blank=True)
    t_dibao_yuan = YuanField(_("minimum living allowance paid"), null=True, blank=True)
    t_tekun_yuan = YuanField(_("destitute support paid"), null=True, blank=True)
    t_pension_yuan = YuanField(_("pension paid"), null=True, blank=True)
    t_eco_yuan = YuanField(_("ecological compensation"), null=True, blank=True)
    t_other_yuan = YuanField(_("other transfers"), null=True, blank=True)
    p_asset_yuan = YuanField(_("asset dividends"), null=True, blank=True)
    p_other_yuan = YuanField(_("other property income"), null=True, blank=True)
    biz_cost_yuan = YuanField(_("business cost"), null=True, blank=True)
    self_paid_medical_yuan = YuanField(_("self-paid medical cost"), null=True, blank=True)
    claims_yuan = YuanField(_("insurance claims"), null=True, blank=True)
    gross_yuan = YuanField(_("gross income"), null=True, blank=True)
    net_yuan = YuanField(_("net income"), null=True, blank=True)
    net_pc_yuan = YuanField(_("net income per head"), null=True, blank=True)
    house_dangerous = models.BooleanField(_("dangerous house"), null=True, blank=True)
    house_grade = models.CharField(
        _("house grade"), max_length=10, choices=codes.HOUSE_GRADE.choices, null=True, blank=True
    )
    house_m2 = models.DecimalField(_("house floor (m²)"), max_digits=12, decimal_places=3, null=True, blank=True)
    water_safe = models.BooleanField(_("safe water"), null=True, blank=True)
    water_hard = models.BooleanField(_("water hard to get"), null=True, blank=True)
    power_production = models.BooleanField(_("power for production"), null=True, blank=True)
    power_home = models.BooleanField(_("power at home"), null=True, blank=True)
    tv = models.BooleanField(_("radio and television"), null=True, blank=True)
    toilet = models.BooleanField(_("sanitary toilet"), null=True, blank=True)
    fuel = models.CharField(_("main fuel"), max_length=20, choices=codes.FUEL.choices, null=True, blank=True)
    road_km = models.DecimalField(
        _("distance to trunk road (km)"), max_digits=12, decimal_places=3, null=True, blank=True
    )
    road_type = models.CharField(
        _("road to the house"), max_length=20, choices=codes.ROAD_TYPE.choices, null=True, blank=True
    )
    coop = models.BooleanField(_("in a co-operative"), null=True, blank=True)
    leading_firm = models.BooleanField(_("led by a firm"), null=True, blank=True)
    rich_leader = models.BooleanField(_("led by an entrepreneur"), null=True, blank=True)
    arable_mu = models.DecimalField(_("arable land (mu)"), max_digits=12, decimal_places=3, null=True, blank=True)
    forest_mu = models.DecimalField(_("forest (mu)"), max_digits=12, decimal_places=3, null=True, blank=True)
    grain_to_green_mu = models.DecimalField(
        _("grain to green (mu)"), max_digits=12, decimal_places=3, null=True, blank=True
    )
    orchard_mu = models.DecimalField(_("orchard (mu)"), max_digits=12, decimal_places=3, null=True, blank=True)
    pasture_mu = models.DecimalField(_("pasture (mu)"), max_digits=12, decimal_places=3, null=True, blank=True)
    water_mu = models.DecimalField(_("water surface (mu)"), max_digits=12, decimal_places=3, null=True, blank=True)
    mon_type = models.CharField(
        _("monitoring type"), max_length=20, choices=codes.MONITORED_TYPE.choices, null=True, blank=True
    )
    risk_removed = models.BooleanField(_("risk removed"), null=True, blank=True)
    risk_found_on = models.DateField(_("risk found on"), null=True, blank=True)
    risk_removed_on = models.DateField(_("risk removed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("household year")
        verbose_name_plural = _("household years")
        indexes = [models.Index(fields=["village", "year"], name="householdyear_village")]
        constraints = [models.UniqueConstraint(fields=["household", "year"], name="householdyear_once")]


class MemberQuerySet(ScopedQuerySet):
    def active(self):
        """Keep members who live in the household: neither departed nor withdrawn."""
        return self.filter(departed_on__isnull=True, withdrawn_at__isnull=True)


@history_of()
class Member(Sourced, ScopedModel):
    """A member of a household.

    The certificate number is sealed; what data rules need of it stands beside it in plain (`poverty.idnumber.Facts`).
    `cert_no_index` is of the text as given, `id_index` of the 18-character identity: it is not unique, because one
    identity in two households is a finding, not an error of storage.
    """

    scope_household = "household_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    household = models.ForeignKey(
        Household, models.PROTECT, related_name="members", db_index=False, db_constraint=False
    )
    village = village_field(db_constraint=False)
    person_no = models.CharField(_("person number"), max_length=32)
    name = models.CharField(_("name"), max_length=100)
    sex = models.CharField(_("sex"), max_length=10, choices=codes.SEX.choices, null=True, blank=True)
    birth_on = models.DateField(_("born on"), null=True, blank=True)
    birth_precision = models.CharField(max_length=1, null=True, blank=True)  # "m": only the month is known
    cert_type = models.CharField(
        _("certificate"), max_length=20, choices=codes.CERT_TYPE.choices, null=True, blank=True
    )
    cert_no_sealed = SealedField(verbose_name=_("certificate number"))
    cert_no_index = BlindField()
    id_index = BlindField()
    id_kind = models.CharField(max_length=2, default="", blank=True, editable=False)
    id_fault = models.CharField(max_length=20, default="", blank=True, editable=False)
    id_area = models.CharField(max_length=6, default="", blank=True, editable=False)
    id_birth_on = models.DateField(null=True, editable=False)
    id_sex = models.CharField(max_length=1, default="", blank=True, editable=False)
    relation = models.CharField(
        _("relation to head"), max_length=20, choices=codes.RELATION.choices, null=True, blank=True
    )
    ethnicity = models.CharField(_("ethnicity"), max_length=20, choices=codes.ETHNICITY.choices, null=True, blank=True)
    political = models.CharField(
        _("political status"), max_length=20, choices=codes.POLITICAL.choices, null=True, blank=True
    )
    soldier = models.BooleanField(_("in military service"), null=True, blank=True)
    person_recog_on = models.DateField(_("recognised on"), null=True, blank=True)
    departed_on = models.DateField(_("departed on"), null=True, blank=True)
    departed_as = models.CharField(
        _("departed as"), max_length=20, choices=codes.MEMBER_CHANGE.choices, null=True, blank=True
    )

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["household", "relation", "person_no"]
        indexes = [
            models.Index(fields=["household"], name="member_household"),
            models.Index(fields=["village"], name="member_village"),
            models.Index(fields=["id_index"], name="member_id_index"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["person_no"], name="member_person_no_once"),
            models.UniqueConstraint(fields=["id", "household", "village"], name="member_id_household_village"),
        ]

    def __str__(self):
        return self.name


@history_of()
class MemberYear(Sourced, ScopedModel):
    """What a roster says of a person in one year: schooling, health, labour, work, insurance."""

    scope_household = "household_id"

    member = models.ForeignKey(Member, models.PROTECT, related_name="years", db_index=False, db_constraint=False)
    household = models.ForeignKey(Household, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    village = village_field(db_constraint=False)
    year = models.IntegerField(_("year"))
    education = models.CharField(_("education"), max_length=20, choices=codes.EDUCATION.choices, null=True, blank=True)
    student_status = models.CharField(
        _("at school"), max_length=20, choices=codes.STUDENT_STATUS.choices, null=True, blank=True
    )
    dropout_reason = models.CharField(_("reason for not being at school"), max_length=500, null=True, blank=True)
    health = ArrayField(models.CharField(max_length=20), verbose_name=_("health"), null=True, blank=True)
    dis_type = models.CharField(
        _("disability"), max_length=20, choices=codes.DISABILITY_TYPE.choices, null=True, blank=True
    )
    dis_level = models.CharField(
        _("disability level"), max_length=20, choices=codes.DISABILITY_LEVEL.choices, null=True, blank=True
    )
    labour = models.CharField(_("labour ability"), max_length=20, choices=codes.LABOUR.choices, null=True, blank=True)
    work_area = models.CharField(_("works in"), max_length=20, choices=codes.WORK_AREA.choices, null=True, blank=True)
    work_months = models.DecimalField(_("months of work"), max_digits=9, decimal_places=3, null=True, blank=True)
    work_firm = models.CharField(_("employer"), max_length=500, null=True, blank=True)
    work_wage_yuan = YuanField(_("monthly wage"), null=True, blank=True)
    post = models.CharField(_("public-welfare post"), max_length=500, null=True, blank=True)
    post_months = models.DecimalField(_("months in the post"), max_digits=9, decimal_places=3, null=True, blank=True)
    med_resident = models.BooleanField(_("residents' medical insurance"), null=True, blank=True)
    med_employee = models.BooleanField(_("employees' medical insurance"), null=True, blank=True)
    critical_illness = models.BooleanField(_("critical-illness cover"), null=True, blank=True)
    pension_resident = models.BooleanField(_("residents' pension insurance"), null=True, blank=True)
    med_extra = models.BooleanField(_("commercial medical cover"), null=True, blank=True)
    dibao = models.CharField(
        _("minimum living allowance"), max_length=20, choices=codes.DIBAO.choices, null=True, blank=True
    )
    tekun = models.BooleanField(_("destitute support"), null=True, blank=True)

    class Meta:
        verbose_name = _("member year")
        verbose_name_plural = _("member years")
        indexes = [models.Index(fields=["village", "year"], name="memberyear_village")]
        constraints = [models.UniqueConstraint(fields=["member", "year"], name="memberyear_once")]


class MemberChange(ScopedModel):
    """A person joins or leaves a household: birth, death, marriage … with date, reason and document."""

    scope_household = "household_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="changes", db_constraint=False)
    household = models.ForeignKey(Household, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    village = village_field()
    kind = models.CharField(_("kind of change"), max_length=20, choices=codes.MEMBER_CHANGE.choices)
    happened_on = models.DateField(_("happened on"))
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    document = models.CharField(_("document"), max_length=200, blank=True)
    recorded_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("member change")
        verbose_name_plural = _("member changes")
        ordering = ["-happened_on", "-id"]
        indexes = [models.Index(fields=["household"], name="memberchange_household")]


class ProposalState(models.TextChoices):
    WAITING = "waiting", _("waiting for confirmation")
    CONFIRMED = "confirmed", _("confirmed")
    REFUSED = "refused", _("refused")
    STALE = "stale", _("overtaken")


class Proposal(ScopedModel):
    """A cadre's or helper's proposal to correct identity, membership, income or status; town or county confirms.

    `changes_sealed` is sealed JSON (place "households_proposal.changes"): what would change, old and new.
    """

    scope_household = "household_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    household = models.ForeignKey(
        Household, models.PROTECT, related_name="proposals", db_index=False, db_constraint=False
    )
    member = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False)
    village = village_field()
    kind = models.CharField(max_length=12)  # "household", "member", "new_member", "change"
    changes_sealed = SealedField()
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=ProposalState.choices, default=ProposalState.WAITING)
    proposed_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, db_index=False, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(_("answer"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["household"], name="proposal_household"),
            models.Index(fields=["village", "state"], name="proposal_village"),
        ]
        constraints = [
            models.CheckConstraint(
                name="proposal_decided_by_another_person",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                violation_error_message=_("Somebody else has to decide on this proposal."),
            )
        ]


from households import checked  # noqa: E402, F401 - the unmanaged models that data rules read
from households.analysis import risks  # noqa: E402, F401 - the risk models, and the dated values that scores are made of
from households.ledger.models import LedgerLine, LedgerMonth  # noqa: E402, F401
