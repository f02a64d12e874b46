"""Findings and what becomes of them, runs of the rules, rules of the staff's own, and departments' lists."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from poverty.crypto import BlindField, SealedField
from poverty.fields import village_field
from poverty.scope import ScopedModel, ScopedQuerySet
from poverty.uids import uuid7


def region_field(**kwargs):
    return models.ForeignKey(
        "regions.Region",
        models.PROTECT,
        db_column="region",
        db_index=False,
        related_name="+",
        verbose_name=_("area"),
        **kwargs,
    )


def user_field(**kwargs):
    return models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+", **kwargs)


class FindingState(models.TextChoices):
    NEW = "new", _("new")
    DISPATCHED = "dispatched", _("dispatched")
    VERIFIED = "verified", _("verified")
    CORRECTED = "corrected", _("corrected")
    CLOSED = "closed", _("closed")


class Verdict(models.TextChoices):
    """What a person found out. The first three are of data rules, the others of clues from departments' lists."""

    ERROR = "error", _("true error")
    SPECIAL = "special", _("real special case")
    FALSE_ALARM = "false_alarm", _("false alarm")
    UPHELD = "upheld", _("upheld")
    NOT_UPHELD = "not_upheld", _("not upheld")
    SOURCE_WRONG = "source_wrong", _("the department's list is wrong")
    APPROVED = "approved", _("special approval")


TRUE = (Verdict.ERROR, Verdict.UPHELD)  # what counts as a hit in a rule's precision
MUTING = (Verdict.SPECIAL, Verdict.FALSE_ALARM, Verdict.NOT_UPHELD, Verdict.SOURCE_WRONG, Verdict.APPROVED)


class ClosedAs(models.TextChoices):
    GONE = "gone", _("no longer found")
    MUTED = "muted", _("settled until the data change")
    OFF = "off", _("rule switched off")


class FindingQuerySet(ScopedQuerySet):
    def open(self):
        return self.filter(closed_at__isnull=True)

    def overdue(self, today):
        return self.open().filter(due_on__lt=today)


class Finding(ScopedModel):
    """A rule's finding about one subject: opened when first seen, closed when gone, opened again when it comes back.

    `subject` is the household's or member's key, or a village's code as a number; `household_id` is kept for scope and
    for the household's file. `seen` and `expected` never hold a sealed value. `reach` is the region a viewer's area
    must hold: the village itself, or, where the finding speaks of another place too (one identity in two towns), the
    region that holds both. `basis` is a digest of the data it rests on: a settled special case stays closed as long as
    `muted_basis` equals it.
    """

    scope_column = "reach"
    scope_household = "household_id"

    uid = models.UUIDField(
        unique=True, default=uuid7, editable=False, db_default=models.Func(function="gen_random_uuid")
    )
    rule = models.CharField(_("rule"), max_length=10)
    severity = models.CharField(_("severity"), max_length=1)
    subject_kind = models.CharField(max_length=10)  # "member", "household" or "village"
    subject = models.BigIntegerField()
    household_id = models.BigIntegerField(null=True, blank=True)
    village = village_field()
    reach = models.CharField(max_length=15, db_collation="C")
    seen = models.CharField(_("value seen"), max_length=300, blank=True)
    expected = models.CharField(_("value expected"), max_length=300, blank=True)
    basis = models.CharField(max_length=32, blank=True, default="", db_default="")
    source = models.CharField(_("department's list"), max_length=30, blank=True, default="", db_default="")
    state = models.CharField(
        _("state"), max_length=10, choices=FindingState.choices, default=FindingState.NEW, db_default="new"
    )
    verdict = models.CharField(
        _("verdict"), max_length=12, choices=Verdict.choices, blank=True, default="", db_default=""
    )
    verdict_by = user_field(null=True, blank=True)
    verdict_at = models.DateTimeField(_("verdict given"), null=True, blank=True)
    confirmed_by = user_field(null=True, blank=True)  # the second look at a clue's verdict
    owner = user_field(null=True, blank=True, verbose_name=_("handled by"))
    due_on = models.DateField(_("due on"), null=True, blank=True)
    dispatched_at = models.DateTimeField(_("dispatched"), null=True, blank=True)
    checked_at = models.DateTimeField(_("checked on the spot"), null=True, blank=True)  # before `first_seen_at`: of old
    muted_basis = models.CharField(max_length=32, blank=True, default="", db_default="")
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_as = models.CharField(max_length=6, choices=ClosedAs.choices, blank=True, default="", db_default="")
    opened_run = models.BigIntegerField(null=True, blank=True)
    closed_run = models.BigIntegerField(null=True, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        indexes = [
            models.Index(fields=["household_id"], name="finding_household"),
            models.Index(fields=["village", "rule"], name="finding_village", condition=Q(closed_at__isnull=True)),
            models.Index(fields=["rule", "reach"], name="finding_rule", condition=Q(closed_at__isnull=True)),
            models.Index(fields=["owner", "due_on"], name="finding_owner", condition=Q(closed_at__isnull=True)),
            models.Index(
                fields=["village", "state"],
                name="finding_clue",
                condition=Q(closed_at__isnull=True) & ~Q(source=""),
            ),
            # What waits in an area is counted on every opening of the home page: from the index alone.
            models.Index(
                fields=["reach"],
                include=[
                    "owner",
                    "due_on",
                    "source",
                    "verdict",
                    "confirmed_by",
                    "verdict_by",
                    "household_id",
                    "checked_at",
                    "first_seen_at",
                ],
                name="finding_waiting",
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(fields=["opened_run"], name="finding_opened_run"),
            models.Index(fields=["closed_run"], name="finding_closed_run"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject_kind", "subject"], name="finding_rule_and_subject_once"),
            models.CheckConstraint(
                name="finding_second_look_by_another_person",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("verdict_by")),
                violation_error_message=_("Somebody else has to take the second look."),
            ),
        ]

    def __str__(self):
        return self.rule

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("validation:finding", args=[self.uid])


class FindingEvent(ScopedModel):
    """What was done with a finding, append-only: dispatched, checked, statement, verdict, appeal, second look …

    `rule` and `source` stand here too: how right a rule has been is counted from the verdicts given, also those of
    findings that were opened again since. `data` holds choices and counts, never a sealed value.
    """

    append_only = True
    scope_column = "reach"
    scope_household = "household_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="events", db_constraint=False)
    rule = models.CharField(max_length=10)
    source = models.CharField(max_length=30, blank=True, default="")
    reach = models.CharField(max_length=15, db_collation="C")
    household_id = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=12)
    verdict = models.CharField(max_length=12, choices=Verdict.choices, blank=True, default="")
    text = models.CharField(_("remark"), max_length=1000, blank=True)
    data = models.JSONField(default=dict, blank=True)
    by = user_field(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["rule", "kind", "verdict"], name="findingevent_verdict")]


class FindingPhoto(ScopedModel):
    """A photo of a field check; the picture is a sealed file of its own (`poverty.sealedfiles`)."""

    scope_column = "reach"
    scope_household = "household_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    event = models.ForeignKey(FindingEvent, models.PROTECT, related_name="photos")
    reach = models.CharField(max_length=15, db_collation="C")
    household_id = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64)
    content_type = models.CharField(max_length=30)
    size = models.PositiveIntegerField()
    taken_at = models.DateTimeField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)  # WGS-84, of the phone
    latitude = models.FloatField(null=True, blank=True)
    accuracy_m = models.FloatField(null=True, blank=True)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["sha256"], name="findingphoto_sha256")]


class RuleRun(models.Model):
    """One run of rules over an area, with what each did (`RuleResult`).

    A run may cover more than its reader's area: pages show its day and cost, and count findings in the reader's scope.
    """

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    area = models.CharField(max_length=15, db_collation="C", blank=True, default="")  # "" is the whole register
    on = models.DateField(_("as of"))
    trigger = models.CharField(max_length=10)  # "nightly", "page", "command"
    state = models.CharField(max_length=10, default="running")  # running, done, partly, broken
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    by = user_field(null=True, blank=True)
    found = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    closed = models.IntegerField(default=0)

    class Meta:
        verbose_name = _("run of the rules")
        verbose_name_plural = _("runs of the rules")
        ordering = ["-id"]


class RuleResult(models.Model):
    """What one rule did in a run: counts without place or person."""

    run = models.ForeignKey(RuleRun, models.CASCADE, related_name="results", db_index=False)
    rule = models.CharField(max_length=10)
    checked = models.IntegerField()
    found = models.IntegerField()
    new = models.IntegerField()
    closed = models.IntegerField()
    ms = models.IntegerField()
    error = models.CharField(max_length=100, blank=True, default="", db_default="")  # what broke; nothing was counted

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "rule"], name="ruleresult_once")]


class RuleOwner(ScopedModel):
    """Who looks after a rule in an area."""

    scope_column = "region_id"
    deletable = True

    rule = models.CharField(max_length=10)
    region = region_field()
    owner = user_field()
    set_by = user_field()
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "region"], name="ruleowner_once")]


class ComposedRule(ScopedModel):
    """A rule that staff composed: conditions over the fields of a pass, for an area. Its code begins with ZD.

    `conditions` is {"all": […]} or {"any": […]} of such or of {"field", "op", "value"}; see `validation.composed`.
    Nothing is changed in place once it has run: a new version is a new row, the old one is switched off.
    """

    scope_column = "region_id"

    code = models.CharField(_("code"), max_length=10, unique=True)
    region = region_field()
    title = models.CharField(_("title"), max_length=100)
    suggestion = models.CharField(_("suggested correction"), max_length=200, blank=True)
    severity = models.CharField(_("severity"), max_length=1)
    subject = models.CharField(max_length=10)
    conditions = models.JSONField()
    active = models.BooleanField(_("on"), default=True)
    created_by = user_field()
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("rule of our own")
        verbose_name_plural = _("rules of our own")
        ordering = ["code"]


class QualityMonth(ScopedModel):
    """The data-quality score of a region as it stood at the end of a month, of the running one last night.

    `hits` are distinct records hit, by the heaviest severity of each; `subs` the scores by facet. See `validation.score`.
    """

    scope_column = "region_id"

    region = region_field(db_constraint=False)
    month = models.DateField(_("month"))  # its first day
    score = models.DecimalField(_("score"), max_digits=5, decimal_places=2)
    subs = models.JSONField(default=dict)
    records = models.IntegerField(_("records"))
    hits = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "month"], name="qualitymonth_once")]


class QualityReport(ScopedModel):
    """A report that is kept: Word file and Excel annex, sealed (`poverty.sealedfiles`).

    `kind` is a key of `validation.report.kinds`; the first kind, data quality, gave the table its name. `named` tells
    whether its cases bear names as an office sees them; without, everybody who sees figures may read it.
    """

    scope_column = "region_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind of report"), max_length=20, default="data_quality")
    region = region_field()
    month = models.DateField(_("month"))  # its first day
    as_of = models.DateTimeField(_("figures of"))
    named = models.BooleanField(default=False)
    monthly = models.BooleanField(default=False)  # made by the timetable
    word_size = models.PositiveIntegerField(default=0)
    annex_size = models.PositiveIntegerField(default=0)
    made_by = user_field(verbose_name=_("made by"))
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "region", "month"], name="report_monthly_once", condition=Q(monthly=True)
            )
        ]

    def __str__(self):
        return f"{self.kind} {self.region_id} {self.month:%Y-%m}"

    @property
    def label(self) -> str:
        from validation.report import kinds

        return gettext(kinds[self.kind].label) if self.kind in kinds else self.kind


class FixBatch(ScopedModel):
    """Proposed corrections of one rule applied together: asked for by one person, approved by another, undone whole."""

    scope_column = "region_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    rule = models.CharField(max_length=10)
    region = region_field()
    findings = models.JSONField(default=list)  # uids of the findings to be corrected
    state = models.CharField(max_length=10, default="waiting")  # waiting, applied, refused, undone
    reason = models.CharField(_("reason"), max_length=500)
    asked_by = user_field()
    asked_at = models.DateTimeField(auto_now_add=True)
    decided_by = user_field(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    applied = models.IntegerField(default=0)
    left = models.JSONField(default=list, blank=True)  # uids that had changed meanwhile, or could not be corrected
    done = models.JSONField(default=list, blank=True)  # what was written where, without sealed values, for the undo
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="fixbatch_decided_by_another_person",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                violation_error_message=_("Somebody else has to approve this."),
            )
        ]


class Snapshot(ScopedModel):
    """A department's list as it stood on a day: who sent it, on what legal basis, how many rows.

    Only the newest snapshot of a kind, area and sender is matched: the same kind from another department (deaths, of
    the police and of health) stands beside it. `scope_owner`: the person who sent it sees it, too.
    """

    scope_column = "region_id"
    scope_owner = "uploaded_by_id"

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    kind = models.CharField(_("list"), max_length=30)
    region = region_field()
    as_of = models.DateField(_("as of"))
    sender = models.CharField(_("sender"), max_length=200)
    legal_basis = models.CharField(_("legal basis"), max_length=300)
    batch = models.ForeignKey("exchange.ImportBatch", models.PROTECT, null=True, related_name="+", db_constraint=False)
    sha256 = models.CharField(max_length=64)
    rows = models.IntegerField(_("rows"), default=0)
    current = models.BooleanField(default=True)
    keep_until = models.DateField(_("kept until"))
    replaced = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)  # the former list
    replaced_at = models.DateTimeField(null=True, blank=True)  # when a newer list took its place, or it was undone
    deleted_at = models.DateTimeField(null=True, blank=True)  # when its rows were deleted
    uploaded_by = user_field()
    uploaded_at = models.DateTimeField(auto_now_add=True)
    matched_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(_("reported to the sender"), null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)  # strong, weak, clues of the last matching

    class Meta:
        verbose_name = _("department list")
        verbose_name_plural = _("department lists")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "region", "sender"], name="snapshot_one_current", condition=Q(current=True)
            )
        ]


class SourceRow(ScopedModel):
    """A row of a department's list: who (blind index; name, birth and village for weak matches) and what matters of it.

    The identity number is sealed on arrival (place "validation_sourcerow.id_number"); `data` holds only the fields that
    the rules need. `id_fault` is "none" without a number, else as `poverty.idnumber.Facts`. `other_…` is the second
    person of a row: a spouse, the applicant of a household. `digest` tells whether the row says the same as another.
    """

    scope_column = "region_id"
    scope_owner = "uploaded_by_id"
    deletable = True  # retention

    uid = models.UUIDField(default=uuid7)
    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="source_rows", db_index=False)
    region = region_field(db_constraint=False)
    uploaded_by = user_field(db_constraint=False)
    sheet = models.CharField(max_length=100)
    row = models.IntegerField()
    id_sealed = SealedField()
    id_index = BlindField()
    id_fault = models.CharField(max_length=20, blank=True, default="", db_default="")
    name = models.CharField(max_length=100, blank=True, default="")
    birth_on = models.DateField(null=True)
    birth_precision = models.CharField(max_length=1, null=True)  # "m": only the month is known
    village = models.CharField(max_length=12, db_collation="C", null=True)
    other_index = BlindField()
    other_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    data = models.JSONField(default=dict)
    digest = models.CharField(max_length=32)

    class Meta:
        indexes = [
            models.Index(fields=["snapshot", "id_index"], name="sourcerow_snapshot"),
            models.Index(fields=["snapshot", "village"], name="sourcerow_village"),  # which villages it speaks of
            models.Index(fields=["birth_on", "name"], name="sourcerow_birth"),  # for those without a number
            models.Index(fields=["snapshot", "birth_on"], name="sourcerow_faulty", condition=~Q(id_fault="")),
        ]


class SourceVerdict(ScopedModel):
    """What the sender of a list is told of a row of it: row number, masked name, verdict, day; nothing of a household.

    Made when the county releases a report. Where the list was found wrong, the sender answers here.
    """

    scope_column = "region_id"
    scope_owner = "uploaded_by_id"
    deletable = True  # goes with the rows of its list

    uid = models.UUIDField(unique=True, default=uuid7, db_default=models.Func(function="gen_random_uuid"))
    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="verdicts", db_index=False)
    region = region_field(db_constraint=False)
    uploaded_by = user_field(db_constraint=False)
    sheet = models.CharField(max_length=100)
    row = models.IntegerField()
    name = models.CharField(max_length=100, blank=True, default="")
    rule = models.CharField(max_length=10)
    finding_id = models.BigIntegerField()
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict.choices)
    verdict_on = models.DateField(_("verdict given"))
    released_at = models.DateTimeField(db_default=Now())
    answer = models.CharField(_("answer"), max_length=1000, blank=True, default="", db_default="")
    answered_by = user_field(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["sheet", "row", "rule"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "sheet", "row", "rule"], name="sourceverdict_row_and_rule_once")
        ]
