"""Figures: sums per village, kept ready, and the log of villages whose sums are out of date."""

from django.db import models

from poverty.fields import village_field
from poverty.scope import ScopedModel


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
