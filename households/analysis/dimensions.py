"""What counts as deprived, and which measures of the register answer which cause.

Dimensions are those of the two no-worries and three guarantees, and water: a household wholly without worry meets all
five. They weigh the same unless somebody writes other weights.
"""

from dataclasses import dataclass

import polars as pl
from django.utils.translation import gettext_lazy as _

CUT_OFF = 34  # percent of the weights: two of five


@dataclass(frozen=True)
class Dimension:
    title: str
    text: str  # when a household is deprived
    weight: int = 20


DIMENSIONS = {
    "income": Dimension(_("Food and clothing"), _("net income per head below the line")),
    "education": Dimension(_("Education of children"), _("a child of 6 to 15 years is not at school")),
    "insurance": Dimension(_("Basic medical care"), _("a member has no basic medical insurance")),
    "housing": Dimension(_("Housing safety"), _("dangerous house, or house of grade C or D")),
    "water": Dimension(_("Safe water"), _("water is not safe, or hard to get")),
}


NEEDED = ("dropouts", "uninsured", "dangerous", "water")  # columns of `frames` beside its base


def deprivations(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `…_d` for every dimension, true where a household is deprived; unknown where the register does not say."""
    return rows.with_columns(
        income_d=pl.col("income") < pl.col("line"),
        education_d=pl.col("dropouts") > 0,
        insurance_d=pl.col("uninsured") > 0,
        housing_d=pl.col("dangerous"),
        water_d=pl.col("water"),
    )


def column(key: str) -> str:
    return f"{key}_d"


@dataclass(frozen=True)
class Measure:
    """Support that the register knows of; `column` of `frames` is true where a household has it."""

    title: str
    column: str


MEASURES = {
    "post": Measure(_("Public-welfare post"), "post"),
    "work": Measure(_("Somebody in work"), "work"),
    "coop": Measure(_("In a co-operative"), "coop"),
    "leading_firm": Measure(_("Led by a firm"), "leading_firm"),
    "rich_leader": Measure(_("Led by an entrepreneur"), "rich_leader"),
    "dividends": Measure(_("Asset dividends"), "dividends"),
    "eco": Measure(_("Ecological compensation"), "eco"),
    "dibao": Measure(_("Minimum living allowance"), "dibao"),
    "tekun": Measure(_("Destitute support"), "tekun"),
    "insured": Measure(_("All members insured"), "all_insured"),
    "illness": Measure(_("Critical-illness cover"), "illness_cover"),
}
MEASURED = ("income_before", *(one.column for one in MEASURES.values()))  # columns of `frames` beside its base
# Which of them answer a cause; a cause without any is answered by what the register does not hold yet.
ANSWERS = {
    "01": ("illness", "dibao"),
    "02": ("dibao", "tekun", "post"),
    "03": (),
    "04": ("dibao",),
    "05": ("dividends", "eco", "post", "work"),
    "06": (),
    "07": ("coop", "leading_firm", "rich_leader", "work"),
    "08": ("dibao", "tekun", "dividends"),
    "09": ("coop", "leading_firm", "dividends"),
    "10": (),
    "11": ("rich_leader", "coop", "post", "work"),
    "12": ("dibao", "work"),
    "13": ("dibao", "work"),
}
NOT_THERE = (
    _("support by projects and payments of funds, household by household"),
    _("study grants, school subsidies and boarding support"),
    _("micro-credit and its use"),
    _("rebuilding of houses, relocation, water works"),
    _("visits, pairing and what helpers did"),
    _("training courses and jobs found through them"),
)


def matched() -> pl.Expr:
    """Return whether a household has a measure that answers its main cause; unknown for causes without any here."""
    found = pl.when(pl.lit(value=False)).then(None)
    for cause, keys in ANSWERS.items():
        if keys:
            has = pl.any_horizontal([pl.col(MEASURES[key].column).fill_null(value=False) for key in keys])
            found = found.when(pl.col("main_cause") == cause).then(has)
    return found.otherwise(None)
