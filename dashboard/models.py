"""Figures: sums per village, kept ready, and the log of villages whose sums are out of date."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from poverty.fields import village_field
from poverty.scope import ScopedModel, ScopedQuerySet
from poverty.uids import uuid7


class VillageCount(ScopedModel):
    """Counts of a village by status, type, main cause and exit year: what the home page and the map add up."""

    deletable = True  # a recomputed village replaces its rows

    village = village_field(db_constraint=False)
    status = models.CharField(max_length=20, default="")
    household_type = models.CharField(max_length=20, default="")
    main_cause = models.CharField(max_length=20, default="")
    exit_year = models.IntegerField(default=0)
    households = models.IntegerField()
    persons = models.IntegerField()
    unplaced = models.IntegerField()  # households without position
    counted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["village", "status", "household_type", "main_cause", "exit_year"], name="villagecount_once"
            )
        ]


class DirtyVillage(models.Model):
    """A village whose sums are out of date. Append-only by triggers: a unique key would make writers wait."""

    deletable = True

    village = models.CharField(max_length=12, db_collation="C")
    at = models.DateTimeField(auto_now_add=True, db_default=models.functions.Now())


class DirtyFigure(models.Model):
    """A village whose figures are out of date: what has been counted hands its marks on, and what only figures read
    marks here directly. Append-only, as `DirtyVillage`."""

    deletable = True

    village = models.CharField(max_length=12, db_collation="C")
    at = models.DateTimeField(auto_now_add=True, db_default=models.functions.Now())


class FigureMonth(models.Model):
    """A month of which figures are kept. The newest one follows the register; the others stand as they were.

    `ledger_to` is the newest month of the ledger that its twelve months end with.
    """

    month = models.DateField(primary_key=True)  # its first day
    ledger_to = models.DateField(null=True)
    made_at = models.DateTimeField(db_default=models.functions.Now())


class RegionFigure(ScopedModel):
    """The sums of a region in a month, at every level: {name of a declared sum: number}, nothing for zero.

    A region's sums are those of its villages added up. See `dashboard.figures`.
    """

    deletable = True  # a region that has nothing left to be counted
    scope_column = "region_id"

    region = models.ForeignKey(
        "regions.Region", models.PROTECT, db_column="region", db_index=False, db_constraint=False, related_name="+"
    )
    length = models.SmallIntegerField()  # of the region's code: those right below a region lie side by side
    month = models.DateField()  # its first day
    sums = models.JSONField(default=dict)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "length", "region"], name="regionfigure_once")]


class RegionSum(ScopedModel):
    """The same households added up for villages, towns and counties: a page reads tens of rows, not thousands.

    `group` is "" for all households, or the column they are broken down by; `value` is that column's value as text.
    Larger regions add up their counties: their rows would make the counties of a province wait for each other.
    """

    deletable = True  # a recomputed region replaces its rows
    scope_column = "region_id"

    length = models.SmallIntegerField()  # of the region's code: 12, 9 or 6
    region = models.ForeignKey(
        "regions.Region", models.PROTECT, db_column="region", db_index=False, db_constraint=False, related_name="+"
    )
    group = models.CharField(max_length=20, default="")
    value = models.CharField(max_length=20, default="")
    households = models.IntegerField()
    persons = models.IntegerField()
    unplaced = models.IntegerField()
    counted_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["length", "region", "group", "value"], name="regionsum_once")]


class ScreenQuerySet(ScopedQuerySet):
    def kept(self):
        return self.filter(removed_at__isnull=True)


class Screen(ScopedModel):
    """A war-room screen (大屏) of an office: slides of figures that follow each other on the wall.

    `layout` is checked by `dashboard.screens.clean`. `version` tells whether somebody has saved in the meantime.
    """

    scope_column = "region_id"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    region = models.ForeignKey(
        "regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+", verbose_name=_("area")
    )
    title = models.CharField(_("title"), max_length=60)
    layout = models.JSONField()
    seconds = models.SmallIntegerField(_("seconds per slide"), default=20)
    version = models.IntegerField(default=1)
    owner = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    saved_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    saved_at = models.DateTimeField(auto_now=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ScreenQuerySet.as_manager()

    class Meta:
        verbose_name = _("screen")
        verbose_name_plural = _("screens")
        ordering = ["region", "title", "id"]
        indexes = [models.Index(fields=["region"], name="screen_region")]
        constraints = [
            models.CheckConstraint(name="screen_seconds_in_reason", condition=Q(seconds__gte=5, seconds__lte=600)),
        ]

    def __str__(self):
        return self.title


class DisplayLink(ScopedModel):
    """A key with which a wall shows one screen without a log-in: its figures, and nothing else.

    The text is `fpw_<key>_<secret>`, shown once; only the SHA-256 digest of the secret is kept, as of `ApiToken`. It ends
    by itself, and it can be revoked.
    """

    scope_column = "region_id"

    screen = models.ForeignKey(Screen, models.PROTECT, related_name="links")
    region = models.ForeignKey("regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+")
    name = models.CharField(_("where it hangs"), max_length=60)
    key = models.CharField(max_length=12, unique=True, db_collation="C")
    digest = models.BinaryField()
    made_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_address = models.GenericIPAddressField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)  # when its use after its end was last noted

    class Meta:
        verbose_name = _("display link")
        verbose_name_plural = _("display links")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="displaylink_ends_after_it_begins", condition=Q(expires_at__gt=F("created_at"))
            ),
        ]

    def __str__(self):
        return self.name
