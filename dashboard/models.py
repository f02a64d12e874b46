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
