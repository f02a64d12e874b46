"""The monthly ledger: lines of income and spending, and which months of a town are closed.

Ten million lines are kept in one table per year. A line is never overwritten: a changed one is withdrawn, with who did
it and when, and the new version stands beside it; the versions are the history. Copying every line into an event table,
as the register does, would double the largest table to say nothing more. The application may change no other column
(`updatable`), so the database keeps this promise.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from poverty.fields import YuanField, village_field
from poverty.scope import ScopedModel, ScopedQuerySet
from poverty.uids import uuid7


def _user(**kwargs):
    return models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="+",
        **kwargs,
    )  # fmt: skip


class LedgerLineQuerySet(ScopedQuerySet):
    def live(self):
        """Keep the lines that count: neither replaced nor withdrawn."""
        return self.filter(superseded=0)

    def between(self, first, last):
        """Keep the months from `first` to `last`; the other years' tables are then not looked at."""
        return self.filter(month__gte=first, month__lte=last)


class LedgerLine(ScopedModel):
    """One amount of a household in a month. No line: not entered; zero: entered as none.

    `ordinal` tells apart several lines of one category in a month, so that a file imported again finds its own lines and
    an amount entered twice can still be stored (and found). `superseded` is 0 for the line that counts, else the
    line's own version; with it, household, month, category and ordinal are the table's key, and `id` only a number
    (rows are looked up by their key). `stamp` and the source columns are those of the register's tables; no source
    batch: typed by the operator.
    """

    scope_household = "household_id"
    updatable = ("superseded", "withdrawn_at", "withdrawn_by_id")

    id = models.BigAutoField(primary_key=True)
    household = models.ForeignKey(
        "households.Household", models.PROTECT, related_name="ledger", db_index=False, db_constraint=False
    )
    village = village_field(db_constraint=False)
    month = models.DateField(_("month"))
    category = models.CharField(_("category"), max_length=6, db_collation="C")
    ordinal = models.PositiveSmallIntegerField(default=1, db_default=1)
    amount_yuan = YuanField(_("amount (yuan)"))
    heads = models.IntegerField(_("persons"), null=True, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3, null=True, blank=True)
    price_yuan = YuanField(_("unit price (yuan)"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=500, null=True, blank=True)
    voucher = models.CharField(_("voucher"), max_length=500, null=True, blank=True)
    recorded_by = models.CharField(_("recorded by"), max_length=100, null=True, blank=True)
    recorded_on = models.DateField(_("recorded on"), null=True, blank=True)
    stamp = models.CharField(max_length=12, blank=True, default="", db_default="", db_collation="C")
    source_batch = models.ForeignKey(
        "exchange.ImportBatch", models.PROTECT, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    source_sheet = models.CharField(max_length=100, null=True, blank=True)
    source_row = models.IntegerField(null=True, blank=True)
    version = models.PositiveSmallIntegerField(default=1, db_default=1)
    operator = _user()
    at = models.DateTimeField(_("written"), db_default=models.functions.Now())
    superseded = models.PositiveSmallIntegerField(default=0, db_default=0)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    withdrawn_by = _user()

    objects = LedgerLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger line")
        verbose_name_plural = _("ledger lines")
        indexes = [models.Index(fields=["village", "month"], name="ledgerline_village")]
        constraints = [
            models.UniqueConstraint(
                fields=["household", "month", "category", "ordinal", "superseded"], name="ledgerline_key"
            ),
            models.CheckConstraint(
                name="ledgerline_version",
                condition=Q(superseded=0, withdrawn_at__isnull=True)
                | Q(superseded=F("version"), withdrawn_at__isnull=False),
            ),
            models.CheckConstraint(name="ledgerline_first_of_month", condition=Q(month__day=1)),
        ]


class LedgerMonth(ScopedModel):
    """A closing of one month in one town. Its lines stand until somebody asks for, and another person grants, opening.

    Closing again makes a new row, so that every closing and opening stays on file.
    """

    scope_column = "town_id"
    scope_cut = 9  # village cadres see what their town has closed

    uid = models.UUIDField(unique=True, default=uuid7, editable=False)
    town = models.ForeignKey(
        "regions.Region", models.PROTECT, db_column="region", db_index=False, related_name="+", verbose_name=_("town")
    )
    month = models.DateField(_("month"))
    closed_at = models.DateTimeField(_("month closed"), auto_now_add=True)
    closed_by = _user()
    ask_reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    asked_at = models.DateTimeField(null=True, blank=True)
    asked_by = _user()
    answer = models.CharField(_("answer"), max_length=500, blank=True, default="")
    reopened_at = models.DateTimeField(_("opened again"), null=True, blank=True)
    reopened_by = _user()

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")
        ordering = ["-month", "town"]
        constraints = [
            models.UniqueConstraint(
                fields=["town", "month"], name="ledgermonth_closed_once", condition=Q(reopened_at__isnull=True)
            ),
            models.CheckConstraint(
                name="ledgermonth_reopened_by_another_person",
                condition=Q(reopened_by__isnull=True) | ~Q(reopened_by=F("asked_by")),
                violation_error_message=_("Somebody else has to open the month again."),
            ),
            models.CheckConstraint(
                name="ledgermonth_reopened_on_request",
                condition=Q(reopened_at__isnull=True) | Q(asked_by__isnull=False, reopened_by__isnull=False),
            ),
        ]


from households.ledger import messages  # noqa: E402, F401 - what is said of a ledger file's faults
