"""Imports and exports: the batch, its stored file, its faults and questions, remembered answers, export requests."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from accounts.roles import Permission, Role
from poverty.crypto import SealedField
from poverty.scope import ScopedModel, ScopedQuerySet
from poverty.uids import uuid7


class BatchState(models.TextChoices):
    UPLOADED = "uploaded", _("waiting to be read")
    READING = "reading", _("being read")
    PREVIEWED = "previewed", _("ready to confirm")
    MERGING = "merging", _("being merged")
    MERGED = "merged", _("merged")
    HELD = "held", _("held: nothing merged")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("interrupted")
    UNDONE = "undone", _("undone")
    DISCARDED = "discarded", _("discarded")


class StoredFile(models.Model):
    """An uploaded file, sealed on disk under MEDIA_ROOT/uploads/<uid>; deleted when its keeping time is over."""

    uid = models.UUIDField(unique=True, default=uuid7)
    name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    keep_until = models.DateField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class ImportBatch(ScopedModel):
    """One import of one file: counts, choices, result. `region` is the area the import is limited to.

    rows = new + changed + unchanged + rejected + asked; `skipped` and `missing` are counted beside.
    """

    scope_column = "region_id"
    scope_owner = "owner_id"

    uid = models.UUIDField(unique=True, default=uuid7)
    kind = models.CharField(_("kind"), max_length=30)
    region = models.ForeignKey("regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+")
    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="batches")
    file_name = models.CharField(_("file"), max_length=255)
    sha256 = models.CharField(max_length=64)
    year = models.PositiveSmallIntegerField(_("year"), null=True, blank=True)
    as_of = models.DateField(_("as-of date"))
    mode = models.CharField(
        max_length=4, choices=[("good", _("good rows")), ("all", _("all or nothing"))], default="good"
    )
    state = models.CharField(_("state"), max_length=12, choices=BatchState.choices, default=BatchState.UPLOADED)
    rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    asked = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    meta = models.JSONField(default=dict, blank=True)  # headers, sheets, totals: no cell of a person
    reconciliation = models.JSONField(default=list, blank=True)
    refusal_code = models.CharField(max_length=40, blank=True)
    refusal = models.JSONField(default=dict, blank=True)
    staged = models.BooleanField(default=False)
    # A line department has no area of its own: whoever of it uploads sees the import, and nothing else.
    owner = models.ForeignKey("accounts.User", models.PROTECT, null=True, db_index=False, related_name="+")
    created_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(_("uploaded at"), auto_now_add=True)
    merged_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undo_report = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        indexes = [models.Index(fields=["region", "-id"], name="importbatch_region")]
        constraints = [
            models.UniqueConstraint(
                # The same file, twice at once, imports once: the second upload is told of the first.
                fields=["kind", "region", "sha256"],
                name="importbatch_file_under_way_once",
                condition=Q(state__in=["uploaded", "reading", "previewed", "merging"]),
            ),
            models.CheckConstraint(
                name="importbatch_rows_add_up",
                condition=Q(rows=F("new") + F("changed") + F("unchanged") + F("rejected") + F("asked")),
            ),
        ]


class ImportFault(ScopedModel):
    """A fault of a file: where, what, what was done. The value found is sealed (place "exchange_importfault.value").

    `uid` binds the sealed value; `region` is the batch's area.
    """

    scope_column = "region_id"
    scope_owner = "owner_id"
    deletable = True  # a batch that is read again writes its faults anew; retention deletes them

    uid = models.UUIDField()
    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="faults", db_index=False)
    region = models.ForeignKey("regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+")
    owner = models.ForeignKey("accounts.User", models.PROTECT, null=True, db_index=False, related_name="+")
    sheet = models.CharField(max_length=100)
    row = models.PositiveIntegerField()
    column = models.CharField(max_length=200, blank=True)
    field = models.CharField(max_length=60, blank=True)
    code = models.CharField(max_length=10)
    action = models.CharField(max_length=4)  # auto, note, ask, stop
    value_sealed = SealedField()
    params = models.JSONField(default=dict, blank=True)
    question = models.CharField(max_length=300, blank=True)
    suggestion_sealed = SealedField()
    answered = models.BooleanField(default=False)

    class Meta:
        ordering = ["sheet", "row", "id"]
        indexes = [
            models.Index(fields=["batch", "action", "code"], name="importfault_batch"),
            models.Index(fields=["batch", "sheet", "row"], name="importfault_place"),
        ]


class ImportAnswer(ScopedModel):
    """An answer to a question of one batch; the value is sealed (place "exchange_importanswer.value")."""

    scope_column = "region_id"
    scope_owner = "owner_id"

    uid = models.UUIDField(default=uuid7)
    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="answers")
    region = models.ForeignKey("regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+")
    owner = models.ForeignKey("accounts.User", models.PROTECT, null=True, db_index=False, related_name="+")
    question = models.CharField(max_length=300)
    value_sealed = SealedField()
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "question"], name="importanswer_once")]


class RememberedLabel(ScopedModel):
    """A label that somebody mapped to a code: the next file of the same county with it is not asked about.

    `region` is the county of the import, or the region above it to which an import of several counties was limited.
    """

    scope_column = "region_id"
    scope_cut = 6  # a town's imports follow what their county keeps
    deletable = True  # a label that was misread is asked about again

    region = models.ForeignKey("regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+")
    sheet = models.CharField(_("kind"), max_length=30)
    field = models.CharField(_("field"), max_length=60)
    text = models.CharField(_("label found"), max_length=200)
    code = models.CharField(_("code"), max_length=20, blank=True)
    set_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("remembered label")
        verbose_name_plural = _("remembered labels")
        constraints = [
            models.UniqueConstraint(fields=["region", "sheet", "field", "text"], name="rememberedlabel_once"),
            models.CheckConstraint(
                name="rememberedlabel_is_of_a_county_or_above", condition=LessThanOrEqual(Length("region_id"), 6)
            ),
        ]


class ExportRequestQuerySet(ScopedQuerySet):
    def decidable_by(self, user):
        """Keep the open requests that `user` may decide on: never an own one.

        The county decides on what is asked of its area; a city's or province's office on what was asked at its level.
        """
        found = self.filter(approved_at=None, refused_at=None).exclude(requested_by=user)
        if not user.may(Permission.EXPORT_APPROVE):
            return found.none()
        return found if user.role == Role.COUNTY_OFFICE else found.filter(requested_by__role=user.role)


class ExportRequest(ScopedModel):
    """A full (unmasked) export: reason, size, and above the limit a second person's approval."""

    scope_column = "region_id"

    uid = models.UUIDField(unique=True, default=uuid7)
    kind = models.CharField(max_length=30)
    region = models.ForeignKey("regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+")
    query = models.CharField(max_length=1000, blank=True)  # the list's filters; never an identity number
    reason = models.CharField(_("reason"), max_length=500)
    rows = models.PositiveIntegerField()
    requested_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, db_index=False, related_name="+")
    approved_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    objects = ExportRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="exportrequest_approved_by_another_person",
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")),
                violation_error_message=_("Somebody else has to approve this export."),
            )
        ]
