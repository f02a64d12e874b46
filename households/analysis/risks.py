"""Risk of return to poverty: what is looked at, the rule score, the model of a county and how it is trained.

The risks are those of return-prevention monitoring: illness, schooling, disability, natural disaster, accident, a
failed business, unsteady work, lack of labour, housing, water. Disasters, accidents and failed businesses are not in
the register (`MISSING`), and the page says so.

A household that had left poverty *returned* when in the year after its income per head was below that year's line, or
it was newly put under monitoring as unstable or suddenly in hardship. Who is scored: households that have exited.
Nothing follows from a score by itself: the list is for people who look.
"""

from dataclasses import dataclass
from decimal import Decimal

import polars as pl
from django.db import transaction
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.analysis import risk
from households.analysis import frames
from households.analysis.models import RiskModel
from poverty import config, scope

LINES = ("exit_growth", "national_current", "province", "monitoring")  # the first that is set for the year
MONITORED = ("UNSTABLE", "SUDDEN")
HEALTH = "health"  # the row of `accounts.masks` that says who may read such a reason


@dataclass(frozen=True)
class Item:
    """A plain rule of the score: it applies or not, and is worth points."""

    key: str
    title: str
    kind: str  # the kind of risk in monitoring
    points: int
    mask: str = ""


ITEMS = (
    Item("line", _("Income below the line, or at most {near} percent above it"), _("income"), 30),
    Item("near", _("Income less than {margin} percent above the line"), _("income"), 15),
    Item("monitored", _("Under monitoring, risk not removed"), _("monitoring"), 30),
    Item("fall", _("Income fell by more than {fall} percent since the year before"), _("income"), 15),
    Item("ill", _("A member is chronically or seriously ill"), _("illness"), 10, HEALTH),
    Item("medical", _("Own medical costs above {medical} percent of net income"), _("illness"), 15, HEALTH),
    Item("disabled", _("A member is disabled"), _("disability in the family"), 10, HEALTH),
    Item("school", _("A member is at school beyond compulsory education"), _("schooling"), 5),
    Item("dropout", _("A child of school age is not at school"), _("schooling"), 5),
    Item("work", _("Lives mainly of wages, and who works does so less than {months} months a year"), _("unsteady work"), 10),
    Item("labour", _("Nobody able to work"), _("lack of labour"), 15),
    Item("transfer", _("More than {transfer} percent of gross income are transfers"), _("lack of labour"), 10),
    Item("house", _("Dangerous house"), _("housing"), 10),
    Item("water", _("Water not safe or hard to get"), _("water"), 5),
    Item("insurance", _("A member without medical insurance"), _("illness"), 5),
)  # fmt: skip
OF_ITEM = {item.key: item for item in ITEMS}
# Kinds of risk in monitoring of which the register holds nothing yet.
MISSING = (_("natural disaster"), _("accident"), _("failed business project"))
LIMITS = {
    "near": (5, _("Risk score: how near to the line counts as at it (percent)"), "%"),
    "margin": (50, _("Risk score: how far above the line counts as near (percent)"), "%"),
    "fall": (30, _("Risk score: fall of income (percent)"), "%"),
    "medical": (30, _("Risk score: own medical costs (percent of net income)"), "%"),
    "months": (6, _("Risk score: months of work in a year"), _("months")),
    "transfer": (50, _("Risk score: transfers (percent of gross income)"), "%"),
    "high": (50, _("Risk score: high from (points)"), _("points")),
    "middle": (25, _("Risk score: middle from (points)"), _("points")),
    "high_chance": (20, _("Risk model: high from (percent in a year)"), "%"),
    "middle_chance": (8, _("Risk model: middle from (percent in a year)"), "%"),
}
BANDS = {"high": _("high"), "middle": _("middle"), "low": _("low")}


@dataclass(frozen=True)
class Feature:
    """A column of the model."""

    key: str
    title: str
    mask: str = ""


FEATURES = (
    Feature("f_margin", _("Income as a multiple of the line (logarithm)")),
    Feature("f_transfer", _("Share of transfers in gross income")),
    Feature("f_medical", _("Own medical costs as a share of net income"), HEALTH),
    Feature("f_ill", _("Share of members who are ill"), HEALTH),
    Feature("f_disabled", _("Share of members who are disabled"), HEALTH),
    Feature("f_able", _("Share of members able to work")),
    Feature("f_months", _("Months of work per member able to work")),
    Feature("f_school", _("Members at school beyond compulsory education")),
    Feature("f_house", _("Dangerous house")),
    Feature("f_water", _("Water not safe or hard to get")),
    Feature("f_insurance", _("Share of members without medical insurance")),
)
OF_FEATURE = {feature.key: feature for feature in FEATURES}
KEYS = [feature.key for feature in FEATURES]


# --- settings -------------------------------------------------------------------------------------------------------------


def title(item: Item, at: dict[str, float]) -> str:
    """Return the item in words, with the numbers in force."""
    return str(item.title).format(**{name: f"{value:g}" for name, value in at.items()})


def _plain(item: Item):
    """Return the item in words with the numbers that an installation is shipped with, in the reader's language."""
    return lazy(lambda: title(item, {name: value[0] for name, value in LIMITS.items()}), str)()


def settings() -> list[config.Setting]:
    """Return the dated values of the score: limits, and the points of each item."""
    found = [config.Setting(f"risk.{name}", title, unit) for name, (_default, title, unit) in LIMITS.items()]
    for item in ITEMS:
        words = format_lazy("{}: {}", _("Risk score, points"), _plain(item))
        found.append(config.Setting(f"risk.points.{item.key}", words, _("points")))
    return found


def defaults() -> dict[str, int]:
    """Return what a new installation is shipped with."""
    return {f"risk.{name}": value[0] for name, value in LIMITS.items()} | {
        f"risk.points.{item.key}": item.points for item in ITEMS
    }


for _setting in settings():
    config.SETTINGS.setdefault(_setting.key, _setting)


def limits(code: str) -> dict[str, float]:
    """Return the limits in force at a place."""
    return {
        name: float(config.value(f"risk.{name}", code, default=Decimal(value[0]))) for name, value in LIMITS.items()
    }


def worth(code: str) -> dict[str, float]:
    """Return the points of each item in force at a place."""
    return {
        item.key: float(config.value(f"risk.points.{item.key}", code, default=Decimal(item.points))) for item in ITEMS
    }


# --- what is looked at ----------------------------------------------------------------------------------------------------


def _share(part: str, whole: str) -> pl.Expr:
    """Return part ÷ whole between 0 and 1; nothing where the whole is not above zero."""
    return pl.when(pl.col(whole) > 0).then((pl.col(part) / pl.col(whole)).clip(0.0, 1.0))


def items(at: dict[str, float]) -> dict[str, pl.Expr]:
    """Return {item: whether it applies to a row with `line`}."""
    income, line = pl.col("income"), pl.col("line")
    at_line = income <= line * (1 + at["near"] / 100)
    return {
        "line": at_line,
        "near": ~at_line & (income < line * (1 + at["margin"] / 100)),
        "monitored": (pl.col("mon_type").fill_null("") != "") & ~pl.col("risk_removed").fill_null(value=False),
        "fall": (pl.col("income_before") > 0) & (income < pl.col("income_before") * (1 - at["fall"] / 100)),
        "ill": pl.col("ill") > 0,
        "medical": (pl.col("net") > 0) & (pl.col("own_medical") > pl.col("net") * at["medical"] / 100),
        "disabled": pl.col("disabled") > 0,
        "school": pl.col("senior_pupils") > 0,
        "dropout": pl.col("dropouts") > 0,
        "work": (pl.col("workers") > 0)
        & (pl.col("work_months") < pl.col("workers") * at["months"])
        & (pl.col("wage") * 2 > pl.col("gross")),
        "labour": pl.col("able") == 0,
        "transfer": (pl.col("gross") > 0) & (pl.col("transfer") > pl.col("gross") * at["transfer"] / 100),
        "house": pl.col("dangerous"),
        "water": pl.col("water"),
        "insurance": pl.col("uninsured") > 0,
    }


def with_features(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of the model to rows with `line`; unknown stays unknown."""
    able = pl.when(pl.col("able") > 0)
    return rows.with_columns(
        f_margin=pl.when(pl.col("line") > 0).then((pl.col("income") / pl.col("line")).clip(0.25, 8.0).log()),
        f_transfer=_share("transfer", "gross"),
        f_medical=_share("own_medical", "net"),
        f_ill=_share("ill", "living"),
        f_disabled=_share("disabled", "living"),
        f_able=_share("able", "living"),
        f_months=able.then((pl.col("work_months") / pl.col("able")).clip(0.0, 12.0))
        .when(pl.col("able") == 0)
        .then(0.0),
        f_school=pl.col("senior_pupils").cast(pl.Float64),
        f_house=pl.col("dangerous").cast(pl.Float64),
        f_water=pl.col("water").cast(pl.Float64),
        f_insurance=_share("uninsured", "living"),
    )


def line_kind(year: int, code: str) -> str:
    """Return the kind of line that is set for the year; "" for none."""
    return next((kind for kind in LINES if frames.line_at(kind, year, code) is not None), "")


# --- training -------------------------------------------------------------------------------------------------------------


def history(code: str) -> tuple[pl.DataFrame, list[int]]:
    """Return (households that had exited with what came of them a year later, the years looked at), in scope."""
    known = frames.years(code)
    found, used = [], []
    for year in sorted(known):
        kind, later_kind = line_kind(year, code), line_kind(year + 1, code)
        if year + 1 not in known or not kind or not later_kind:
            continue
        rows = frames.with_line(frames.frame(code, year), kind, year, code)
        later = frames.with_line(frames.frame(code, year + 1), later_kind, year + 1, code)
        later = later.select("id", later_income="income", later_line="line", later_type="mon_type")
        pairs = rows.filter(
            pl.col("income") >= pl.col("line"),
            (pl.col("exit_year") <= year) | (pl.col("exit_year").is_null() & (pl.col("status") == "03")),
        ).join(later.filter(pl.col("later_income").is_not_null()), on="id")
        newly = pl.col("later_type").is_in(MONITORED) & ~pl.col("mon_type").is_in(MONITORED).fill_null(value=False)
        pairs = with_features(pairs).with_columns(
            outcome=(pl.col("later_income") < pl.col("later_line")) | newly.fill_null(value=False)
        )
        if pairs.height:
            found.append(pairs.select(*KEYS, "outcome"))
            used.append(year)
    columns = dict.fromkeys(KEYS, pl.Float64) | {"outcome": pl.Boolean}
    return (pl.concat(found) if found else pl.DataFrame(schema=columns)), used


def train(region_code: str, by) -> RiskModel:
    """Train the model of a county on its own history and keep it; with too little history keep that instead."""
    with transaction.atomic(), scope.system("train the risk model"):
        rows, used = history(region_code)
        kind, fitted = "rules", {}
        if risk.enough(rows, KEYS):
            kind, fitted = "logistic", risk.fit(rows, KEYS).as_json()
        return RiskModel.objects.create(
            region_id=region_code,
            kind=kind,
            fitted=fitted,
            years=used,
            rows=rows.height,
            events=int(rows["outcome"].sum() or 0),
            needed=risk.needed(KEYS),
            made_by=by,
        )


def models_of(counties: list[str]) -> dict[str, RiskModel]:
    """Return the newest model of each county: coefficients, the same for all who read them."""
    with scope.system("read the counties' risk models"):
        found = RiskModel.objects.filter(region__in=counties).order_by("region_id", "-id").distinct("region_id")
        return {model.region_id: model for model in found}


# --- scores ---------------------------------------------------------------------------------------------------------------


@dataclass
class Score:
    """How households of a county are scored in a year: its model where there is one, else the points of rules."""

    county: str
    year: int
    model: RiskModel | None
    fitted: risk.Fitted | None
    line_kind: str
    line: Decimal | None
    limits: dict[str, float]
    worth: dict[str, float]

    @property
    def logistic(self) -> bool:
        return self.fitted is not None

    @property
    def bounds(self) -> tuple[float, float]:
        """Return from which score on a risk is high, and middle."""
        names = ("high_chance", "middle_chance") if self.logistic else ("high", "middle")
        return self.limits[names[0]], self.limits[names[1]]

    @property
    def mark(self) -> tuple:
        """Return what changes when scores do, the register aside."""
        return self.model and self.model.pk, str(self.line), sorted(self.limits.items()), sorted(self.worth.items())

    def read(self, code: str, ids: list[int] | None = None) -> tuple[pl.DataFrame, int]:
        """Return (exited households of an area in the county, how many more have no income on file), in scope.

        The rows have `score` (points, or percent in a year) and `band`, the riskiest first.
        """
        everybody = frames.exited(frames.frame(code, self.year, ids=ids))
        rows = everybody.filter(pl.col("income").is_not_null())
        rows = with_features(frames.with_line(rows, self.line_kind or LINES[0], self.year, self.county))
        score = risk.probability(self.fitted) * 100 if self.fitted else risk.points(items(self.limits), self.worth)
        high, middle = self.bounds
        band = (
            pl.when(pl.col("score") >= high).then(pl.lit("high")).when(pl.col("score") >= middle).then(pl.lit("middle"))
        )
        rows = rows.with_columns(score=score).with_columns(band=band.otherwise(pl.lit("low")))
        return rows.sort(["score", "id"], descending=[True, False]), everybody.height - rows.height

    def reasons(self, rows: pl.DataFrame) -> dict[int, list[tuple[str, str, float]]]:
        """Return {household: [(reason, mask, what it adds)]} of a page, the weightiest first.

        Of a model: what lies above the mean of all and by how much it raises the log-odds; of the rules: the points.
        """
        if self.fitted:
            columns = risk.parts_of(self.fitted)
            known = {key: (self._words(key), OF_FEATURE[key].mask) for key in columns}
        else:
            columns = {
                key: item.fill_null(value=False).cast(pl.Float64) * self.worth[key]
                for key, item in items(self.limits).items()
            }
            known = {key: (title(OF_ITEM[key], self.limits), OF_ITEM[key].mask) for key in columns}
        found = {}
        values = {row["id"]: row for row in rows.select("id", *KEYS).iter_rows(named=True)}
        for row in rows.select("id", **columns).iter_rows(named=True):
            adding = [
                (words % {"value": f"{values[row['id']].get(key) or 0:.2f}"} if self.fitted else words, mask, row[key])
                for key, (words, mask) in known.items()
                if row[key] and row[key] > 0.005
            ]
            found[row["id"]] = sorted(adding, key=lambda one: -one[2])
        return found

    def _words(self, key: str) -> str:
        """Return a feature in words, with the mean of all and a place for the household's own value."""
        mean = self.fitted.means[self.fitted.features.index(key)]
        title = str(OF_FEATURE[key].title).replace("%", "%%")
        return gettext("%(title)s: %(value)s (mean %(mean)s)") % {
            "title": title,
            "value": "%(value)s",
            "mean": f"{mean:.2f}",
        }


def score_of(county: str, year: int) -> Score:
    """Return how the county's households are scored."""
    kind = line_kind(year, county)
    model = models_of([county]).get(county)
    fitted = risk.Fitted.of_json(model.fitted) if model is not None and model.kind == "logistic" else None
    if fitted is not None and (set(fitted.features) - set(KEYS) or not kind):
        fitted = None  # of an earlier release, or no line to measure by
    line = frames.line_at(kind, year, county) if kind else None
    return Score(county, year, model, fitted, kind, line, limits(county), worth(county))
