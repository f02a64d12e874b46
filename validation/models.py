"""Findings: what a data rule found about a household or a person."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from poverty.fields import village_field
from poverty.scope import ScopedModel


class Finding(ScopedModel):
    """A rule's finding about one subject: opened when first seen, closed when gone, opened again when it comes back.

    `subject` is the household's or member's key; `household_id` is kept for scope and for the household's file.
    `seen` and `expected` never hold a sealed value. `reach` is the region a viewer's area must hold: the village
    itself, or, where the finding speaks of another place too (one identity in two towns), the region that holds both.
    """

    scope_column = "reach"
    scope_household = "household_id"

    rule = models.CharField(_("rule"), max_length=10)
    severity = models.CharField(_("severity"), max_length=1)
    subject_kind = models.CharField(max_length=10)  # "member" or "household"
    subject = models.BigIntegerField()
    household_id = models.BigIntegerField()
    village = village_field()
    reach = models.CharField(max_length=15, db_collation="C")
    seen = models.CharField(_("value seen"), max_length=300, blank=True)
    expected = models.CharField(_("value expected"), max_length=300, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        indexes = [
            models.Index(fields=["household_id"], name="finding_household"),
            models.Index(fields=["village", "rule"], name="finding_village", condition=Q(closed_at__isnull=True)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject_kind", "subject"], name="finding_rule_and_subject_once")
        ]
