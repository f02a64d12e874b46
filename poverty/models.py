"""The dated configuration table: thresholds, poverty lines and rule switches never live in code."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _


class ConfigQuerySet(models.QuerySet):
    def in_force(self, key: str, *, region: str, on):
        """Return the values of `key` in force at `region` on the day `on`, the nearest region first."""
        ancestors = [region[:length] for length in (12, 9, 6, 4, 2) if len(region) >= length] + [""]
        return self.filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=on), key=key, region__in=ancestors, valid_from__lte=on
        ).order_by(models.functions.Length("region").desc(), "-valid_from")


class ConfigValue(models.Model):
    """A value with the time and the area it holds for. Rows are never changed: a new value closes the old one.

    `region` is a region code, empty for the whole country. `valid_to` is exclusive: a value that was replaced on its
    own first day ends on it, and so holds at no time.
    """

    key = models.CharField(_("key"), max_length=80)
    region = models.CharField(_("region"), max_length=15, blank=True, default="", db_collation="C")
    value = models.DecimalField(_("value"), max_digits=16, decimal_places=4)
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to (exclusive)"), null=True, blank=True)
    note = models.CharField(_("source or reason"), max_length=300, blank=True)
    set_by = models.CharField(_("set by"), max_length=150, default="system")
    set_at = models.DateTimeField(_("set at"), auto_now_add=True)

    objects = ConfigQuerySet.as_manager()

    class Meta:
        verbose_name = _("dated setting")
        verbose_name_plural = _("dated settings")
        ordering = ["key", "region", "-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="configvalue_ends_no_earlier_than_it_begins",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
            ),
            ExclusionConstraint(
                name="configvalue_one_value_at_a_time",
                expressions=[
                    ("key", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    (
                        Func(
                            "valid_from",
                            "valid_to",
                            RangeBoundary(),
                            function="DATERANGE",
                            output_field=DateRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self):
        return f"{self.key} = {self.value}"

    @property
    def replaced(self) -> bool:
        """Tell whether the value was corrected before its first day was over."""
        return self.valid_to == self.valid_from


class Canary(models.Model):
    """A sealed sentence, opened after a restore: it proves that keys and data belong together."""

    uid = models.UUIDField(unique=True)
    sealed = models.BinaryField()
    made_at = models.DateTimeField(auto_now_add=True)
