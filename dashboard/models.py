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
