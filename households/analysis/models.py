"""The risk models that are kept: who trained which one when, on what, and every number in it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from poverty.scope import ScopedModel
from poverty.uids import uuid7


class RiskModel(ScopedModel):
    """A model of return to poverty of one county: coefficients, never a household's score.

    Scores are worked out when a page is read and stored nowhere: nobody carries a mark in the register. `kind` is
    "logistic", or "rules" where the history was too short to train on; `fitted` then is empty. Rows are only added, so
    that it can be told which model ordered a list of last month.
    """

    append_only = True
    scope_column = "region_id"
    scope_cut = 6  # a town's list is ordered by its county's model

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    region = models.ForeignKey(
        "regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+", verbose_name=_("area")
    )
    kind = models.CharField(max_length=10, choices=[("logistic", _("logistic model")), ("rules", _("rule score"))])
    fitted = models.JSONField(default=dict)  # dashboard.analysis.risk.Fitted
    years = models.JSONField(default=list)  # the years whose households were looked at a year later
    rows = models.IntegerField()
    events = models.IntegerField()
    needed = models.IntegerField()  # outcomes of either kind that a logistic model would need
    made_by = models.ForeignKey("accounts.User", models.PROTECT, db_index=False, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("risk model")
        verbose_name_plural = _("risk models")
        ordering = ["-id"]
        indexes = [models.Index(fields=["region", "-id"], name="riskmodel_region")]
