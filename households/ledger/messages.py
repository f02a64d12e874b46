"""What people read about faults of a ledger file. Not beside the layouts: those are read where there is no Django."""

from django.utils.translation import gettext_lazy as _

from exchange.messages import FAULTS

FAULTS.update(
    {
        ("L1", "stop", ""): _(
            "The ledger of %(month)s is closed in this town, so the line was not taken in. "
            "Ask the county office to open the month again, then import it once more."
        ),
        ("L2", "stop", ""): _(
            "There is no household of this number in the area of this import. Compare it with the register; "
            "a new household has to be registered before its ledger."
        ),
        ("L3", "stop", "household"): _(
            "The line names no household. Fill in the household number, or the head's ID number."
        ),
        ("L3", "stop", "month"): _("The line names no month. Fill it in as in 2020-05 and import the line again."),
        ("L3", "stop", "category"): _("The line names no category. Fill it in and import the line again."),
        ("L4", "note", ""): _(
            "The sheet states %(stated)s here, but what it sums up comes to %(summed)s. Sums are not stored; "
            "check the amounts."
        ),
        ("L5", "ask", ""): _(
            "The head's ID number is masked, and there is no household number. Fill in the household number."
        ),
        ("L6", "note", ""): _("%(more)s more lines were refused for the same reason and are not listed one by one."),
    }
)
