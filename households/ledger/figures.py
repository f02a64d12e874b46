"""What the ledger adds up to: a household's statistical year, step by step, and how complete the ledger is."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from django.db import connection
from django.utils import timezone

from households.ledger import codes
from households.ledger.models import LedgerLine
from households.models import HouseholdYear, Member
from poverty import config, scope

CENT = Decimal("0.01")
LINE_KINDS = ("exit_growth", "national_current")


def months_of_year(year: int) -> list[dt.date]:
    """Return the months of the statistical year: October of the year before to September."""
    return [dt.date(year - 1, month, 1) for month in (10, 11, 12)] + [dt.date(year, month, 1) for month in range(1, 10)]


def year_of(month: dt.date) -> int:
    """Return the statistical year that the month belongs to."""
    return month.year + (month.month >= 10)


def shifted(month: dt.date, by: int) -> dt.date:
    number = month.year * 12 + month.month - 1 + by
    return dt.date(number // 12, number % 12 + 1, 1)


def leaves(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    """Return the categories of one month that count: a category whose parts stand beside it is a mere sum of them."""
    return {
        code: amount
        for code, amount in amounts.items()
        if not any(other != code and other.startswith(code) for other in amounts)
    }


@dataclass
class Year:
    """A household's statistical year as its ledger has it. Amounts are yuan; None where nothing is entered."""

    year: int
    by_class: dict[str, Decimal] = field(default_factory=dict)
    months: list[dt.date] = field(default_factory=list)  # with any line
    left_out: dict[str, Decimal] = field(default_factory=dict)  # of the exit test, by category
    size: int = 0
    size_declared: bool = False
    line: Decimal | None = None
    line_kind: str = ""
    stated: Decimal | None = None  # net income per head in the register

    def of(self, kind: str) -> Decimal:
        return self.by_class.get(kind, Decimal(0))

    @property
    def missing(self) -> list[dt.date]:
        return [month for month in months_of_year(self.year) if month not in self.months]

    @property
    def gross(self) -> Decimal:
        return sum((self.of(kind) for kind in codes.INCOME), Decimal(0))

    @property
    def cost(self) -> Decimal:
        return self.of(codes.COST)

    @property
    def last_year(self) -> int:
        return self.year - 1

    @property
    def net(self) -> Decimal:
        return self.gross - self.cost

    def per_head(self, amount: Decimal) -> Decimal | None:
        return (amount / self.size).quantize(CENT, ROUND_HALF_UP) if self.size else None

    @property
    def net_pc(self) -> Decimal | None:
        return self.per_head(self.net)

    @property
    def left_out_sum(self) -> Decimal:
        return sum(self.left_out.values(), Decimal(0))

    @property
    def exit_income(self) -> Decimal:
        return self.net - self.left_out_sum

    @property
    def exit_pc(self) -> Decimal | None:
        return self.per_head(self.exit_income)

    @property
    def above_line(self) -> Decimal | None:
        return self.exit_pc - self.line if self.line is not None and self.exit_pc is not None else None

    @property
    def difference(self) -> Decimal | None:
        return self.net_pc - self.stated if self.stated is not None and self.net_pc is not None else None

    @property
    def steps(self) -> list[tuple[str, Decimal]]:
        return [(codes.CLASSES[kind], self.of(kind)) for kind in codes.INCOME]

    @property
    def left_out_items(self) -> list[tuple[str, Decimal]]:
        return [(codes.CATEGORY.label(code), amount) for code, amount in sorted(self.left_out.items())]


def lines_of(household, user, first: dt.date, last: dt.date):
    """Return the live lines of the household's months, in the order of the form."""
    found = LedgerLine.objects.visible_to(user).live().filter(household=household).between(first, last)
    return found.order_by("month", "category", "ordinal")


def year_figures(household, user, year: int) -> Year:
    """Work out the household's income of the statistical year from its ledger."""
    found = Year(year)
    months = months_of_year(year)
    by_month: dict[dt.date, dict[str, Decimal]] = {}
    lines = lines_of(household, user, months[0], months[-1]).values_list("month", "category", "amount_yuan")
    for month, category, amount in lines:
        amounts = by_month.setdefault(month, {})
        amounts[category] = amounts.get(category, Decimal(0)) + amount
    for amounts in by_month.values():
        for code, amount in leaves(amounts).items():
            found.by_class[code[0]] = found.by_class.get(code[0], Decimal(0)) + amount
            if code in codes.NOT_IN_EXIT_TEST:
                found.left_out[code] = found.left_out.get(code, Decimal(0)) + amount
    found.months = sorted(by_month)
    sheet = HouseholdYear.objects.visible_to(user).filter(household=household, year=year, withdrawn_at=None).first()
    if sheet and sheet.size:
        found.size, found.size_declared = sheet.size, True
    else:
        found.size = Member.objects.visible_to(user).active().filter(household=household).count()
    found.stated = sheet.net_pc_yuan if sheet else None
    for kind in LINE_KINDS:
        try:
            found.line, found.line_kind = config.poverty_line(year, household.village_id, kind), kind
            break
        except config.NotSet:
            continue
    return found


def newest_year(household, user) -> int | None:
    """Return the statistical year of the household's newest month that has come."""
    today = timezone.localdate().replace(day=1)
    newest = LedgerLine.objects.visible_to(user).live().filter(household=household, month__lte=today)
    month = newest.order_by("-month").values_list("month", flat=True).first()
    return year_of(month) if month else None


# --- how complete the ledger is -----------------------------------------------------------------------------------------


def coverage(user, month: dt.date, prefix: str = "", length: int = 12) -> list[tuple[str, int, int]]:
    """Return [(region, households, those with a line in the month)] by regions of codes cut to `length`.

    Counts what row-level security shows the user: call it inside the user's scope.
    """
    lo, hi = scope.code_range(prefix)
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH entered AS (SELECT DISTINCT household_id FROM households_ledgerline
                                 WHERE superseded = 0 AND month = %s AND village >= %s AND village < %s)
               SELECT left(h.village, %s) AS region, count(*), count(e.household_id)
                 FROM households_household h LEFT JOIN entered e ON e.household_id = h.id
                WHERE h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED' AND h.village >= %s AND h.village < %s
                GROUP BY 1 ORDER BY 1""",
            [month, lo, hi, length, lo, hi],
        )
        return cursor.fetchall()


def entered_in(user, household_ids, month: dt.date) -> dict[int, tuple[int, Decimal, Decimal]]:
    """Return {household: (lines, income, cost)} of the month; sums of what counts are left to the household's page."""
    found: dict[int, dict[str, Decimal]] = {}
    numbers: dict[int, int] = {}
    lines = LedgerLine.objects.visible_to(user).live().filter(household_id__in=list(household_ids), month=month)
    for household, category, amount in lines.values_list("household_id", "category", "amount_yuan"):
        amounts = found.setdefault(household, {})
        amounts[category] = amounts.get(category, Decimal(0)) + amount
        numbers[household] = numbers.get(household, 0) + 1
    return {
        household: (
            numbers[household],
            sum((a for code, a in leaves(amounts).items() if codes.signed(code) > 0), Decimal(0)),
            sum((a for code, a in leaves(amounts).items() if codes.signed(code) < 0), Decimal(0)),
        )
        for household, amounts in found.items()
    }
