"""The figures of the register and its ledger, numbered as in DOMAIN 9: what is added up, and what is shown of it.

Shares count what is on file: a household whose water nobody has asked for is in neither number of "safe water". Each
indicator says so in its `source`. Those of rooms that are not there yet (projects, funds, cadres) are missing.
"""

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from households import codes, exit8
from households.measured import (
    ABLE,
    AT_SCHOOL,
    BINS,
    COVERED,
    EXITED_SQL,
    INSURED,
    INSURED_KNOWN,
    NOT_AT_SCHOOL,
    POOR_SQL,
    SCHOOL_AGE,
)  # fmt: skip
from poverty.declarations import Indicator, Parts, Series, Sum, indicators, sums

HOUSEHOLDS, PERSONS, YUAN, MONTHS, VILLAGES = _("households"), _("persons"), _("yuan"), _("months"), _("villages")
HOUSE, PERSON, MONTH, VILLAGE, MOVE = "figure_house", "figure_person", "figure_month", "figure_village", "figure_move"


def add(name: str, rows: str, where: str = "true", value: str = "", by: str = "") -> str:
    """Declare a sum and return its name."""
    sums.add(name, Sum(name, rows, where, value, by, unit=_unit(rows, value)))
    return name


def _unit(rows: str, value: str) -> str:
    """Return what is added up: amounts say so in their columns' names."""
    if "yuan" in value or rows == MONTH and value:
        return YUAN
    if rows == MONTH or "months" in value:
        return MONTHS
    if rows == VILLAGE:
        return "" if value else VILLAGES
    return PERSONS if rows == PERSON or value == "living" else HOUSEHOLDS


def show(key: str, title: str, unit: str, numerator: str, denominator: str = "", **more) -> None:
    indicators.add(key, Indicator(key, title, unit, numerator, denominator, **more))


def items(*given: tuple[str, str, str]) -> Parts:
    return Parts(items=given)


def number(edge: int) -> str:
    return f"{edge:,}"


def bins(prefix: str = "") -> Mapping[str, tuple[float, float]]:
    """Return {part: (from, to)} of the bins of income per head; part 00 is below zero, the last one has no end."""
    edges = [-BINS[1], *BINS, 2 * BINS[-1]]
    return {f"{prefix}{place:02d}": (edges[place], edges[place + 1]) for place in range(len(BINS) + 1)}


def bin_labels() -> dict[str, str]:
    found = {"00": "< 0", f"{len(BINS):02d}": f"≥ {number(BINS[-1])}"}
    for place in range(1, len(BINS)):
        found[f"{place:02d}"] = f"{number(BINS[place - 1])}–{number(BINS[place])}"
    return dict(sorted(found.items()))


# --- K01 to K08: how many, where ---------------------------------------------------------------------------------------

H = add("H", HOUSE)
P = add("P", HOUSE, value="living")
add("H.size", HOUSE, "living > 0", by="living")  # how many persons can be of how few households
POOR_P = add("P.poor", HOUSE, f"status IN {POOR_SQL}", "living")
show(
    "K01", _("Poverty rate"), "%",
    add("P.poor.known", HOUSE, f"status IN {POOR_SQL} AND rural_known", "living"),
    add("village.rural", VILLAGE, value="coalesce(rural_population, 0)"),
    chart="choropleth", good="down", thresholds=(1, 2, 3, 5, 10),
    source=_("poor persons ÷ rural registered population, of villages whose population is on file"),
)  # fmt: skip
# DOMAIN 4; the founding document's Table 1 and the published national figures of 2012 and 2017.
show(
    "K02", _("National poverty rate and number"), "%", "", chart="line+bar", good="down", listed=False,
    source=_("founding document, Table 1; standard of 2,300 yuan at 2010 prices; 2012 and 2017 as published"),
    series=Series(
        _("founding document, Table 1; standard of 2,300 yuan at 2010 prices; 2012 and 2017 as published"),
        (
            (1978, 97.5, 77039), (1980, 96.2, 76542), (1985, 78.3, 66101), (1990, 73.5, 65849), (1995, 60.5, 55463),
            (2000, 49.8, 46224), (2005, 30.2, 28662), (2010, 17.2, 16567), (2012, 10.2, 9899), (2014, 7.2, 7017),
            (2015, 5.7, 5575), (2016, 4.4, 4335), (2017, 3.1, 3046),
        ),
    ),
)  # fmt: skip
show(
    "K03", _("Households by status"), HOUSEHOLDS, add("H.status", HOUSE, by="status"), chart="stacked",
    parts=Parts("H.status", codes.STATUS.labels), source=_("registered households, not cancelled"),
)  # fmt: skip
show(
    "K03P", _("Persons by status"), PERSONS, add("P.status", HOUSE, value="living", by="status"), chart="stacked",
    parts=Parts("P.status", codes.STATUS.labels), source=_("members who live in registered households"),
)  # fmt: skip
show(
    "K04", _("Exited share"), "%", add("P.exited", HOUSE, f"status IN {EXITED_SQL}", "living"), P, chart="gauge",
    good="up", thresholds=(50, 70, 80, 90, 98), source=_("exited persons ÷ all registered persons"),
)  # fmt: skip
show(
    "K05", _("Persons exited by year"), PERSONS,
    add("P.exit_year", HOUSE, f"status IN {EXITED_SQL} AND exit_year IS NOT NULL", "living", "exit_year"),
    chart="bar+line", good="up", parts=Parts("P.exit_year"), source=_("exited persons by the year of their exit"),
)  # fmt: skip
show(
    "K06", _("Return to poverty"), "%", add("P.returned", HOUSE, "status = '02'", "living"),
    add("P.ever_exited", HOUSE, f"status IN {EXITED_SQL} OR status = '02'", "living"), chart="line", good="down",
    thresholds=(0.1, 0.5, 1, 2), source=_("returned persons ÷ persons who ever exited"),
)  # fmt: skip
show(
    "K07", _("Poor persons per km²"), _("persons per km²"),
    add("P.poor.area", HOUSE, f"status IN {POOR_SQL} AND area_known", "living"),
    add("village.km2", VILLAGE, value="coalesce(km2, 0)"), chart="heat", good="down",
    source=_("poor persons ÷ area, of villages whose outline is on file"),
)  # fmt: skip
show(
    "K08", _("Households on the map by status"), HOUSEHOLDS,
    add("H.placed", HOUSE, "placed", by="status"), chart="points", parts=Parts("H.placed", codes.STATUS.labels),
    mask="position", source=_("households whose position is on file"),
)  # fmt: skip

# --- K09 to K19: who ------------------------------------------------------------------------------------------------------

CAUSES = Parts("H.cause", codes.CAUSE.labels, ranked=True)
add("H.cause", HOUSE, by="main_cause")
for key, title, chart in (("K09", _("Main causes of poverty"), "bar"), ("K10", _("Causes by place"), "heatgrid")):
    show(key, title, HOUSEHOLDS, "H.cause", chart=chart, parts=CAUSES, source=_("households by main cause"))
show(
    "K11", _("Household types"), HOUSEHOLDS, add("H.type", HOUSE, by="household_type"), chart="donut",
    parts=Parts("H.type", codes.HOUSEHOLD_TYPE.labels), source=_("households by type"),
)  # fmt: skip
AGES = {f"{band:02d}": f"{band * 5}–{band * 5 + 4}" for band in range(20)} | {"20": "≥ 100"}
show(
    "K12", _("Age and sex"), PERSONS,
    add(
        "person.age", PERSON, "known_sex IN ('1', '2') AND age IS NOT NULL",
        by="known_sex || '.' || lpad(least(greatest(age, 0) / 5, 20)::text, 2, '0')",
    ),
    chart="pyramid",
    parts=Parts("person.age", {f"{sex}.{band}": f"{codes.SEX.labels[sex]} {text}" for sex in "12" for band, text in AGES.items()}),
    source=_("persons whose sex and age are known; full years on the day of the data"),
)  # fmt: skip
PERSONS_ALL = add("person", PERSON)
show(
    "K13", _("Ill or disabled persons"), "%",
    add("health.not", PERSON, "health && ARRAY['02', '03', '04']::varchar[]"),
    add("health.known", PERSON, "cardinality(health) > 0"), chart="bar", good="down", mask="health",
    parts=items(*[
        (code, codes.HEALTH.labels[code], add(f"health.{code}", PERSON, f"'{code}' = ANY (health)"))
        for code in ("01", "02", "03", "04")
    ]),
    source=_("persons ÷ persons whose health is on file; one person can be both ill and disabled"),
)  # fmt: skip
LEVEL = {**codes.DISABILITY_LEVEL.labels, "none": "—"}
show(
    "K14", _("Disabilities by kind and level"), PERSONS,
    add(
        "disability", PERSON, "coalesce(dis_type, '') <> ''",
        by="dis_type || '.' || coalesce(nullif(dis_level, ''), 'none')",
    ),
    chart="heatgrid", mask="health",
    parts=Parts("disability", {
        f"{kind}.{level}": f"{text} {grade}"
        for kind, text in codes.DISABILITY_TYPE.labels.items() for level, grade in LEVEL.items()
    }),
    source=_("persons with a kind of disability on file"),
)  # fmt: skip
show(
    "K15", _("Education of those of 16 and above"), PERSONS,
    add("education", PERSON, f"age >= 16 AND NOT ({AT_SCHOOL})", by="education"), chart="bar",
    parts=Parts("education", codes.EDUCATION.labels), source=_("persons of 16 and above who are not at school"),
)  # fmt: skip
show(
    "K16", _("Able to work"), "%", add("labour", PERSON, ABLE, by="labour"), PERSONS_ALL, chart="bar",
    parts=Parts("labour", codes.LABOUR.labels), source=_("ordinary, skilled and half labour ÷ persons"),
)  # fmt: skip
show(
    "K17", _("Children at school"), "%", add("school.in", PERSON, f"{SCHOOL_AGE} AND {AT_SCHOOL}"),
    add("school.age", PERSON, SCHOOL_AGE), chart="choropleth", good="up", thresholds=(90, 95, 98, 99.5), mask="minor",
    source=_("on the roll ÷ all of 6 to 15, on the 31 August before the data"),
)  # fmt: skip
show(
    "K18", _("Children not at school, by reason"), PERSONS,
    add("school.out", PERSON, NOT_AT_SCHOOL, by="dropout_reason"), chart="bar", good="down", mask="minor",
    parts=Parts("school.out", codes.DROPOUT_REASON.labels, ranked=True),
    source=_("of 6 to 15, neither on the roll nor through with compulsory school"),
)  # fmt: skip
show(
    "K19", _("Medically insured"), "%", add("insured", PERSON, INSURED),
    add("insured.known", PERSON, INSURED_KNOWN), chart="bar", good="up", thresholds=(90, 95, 98, 99.5),
    source=_("insured persons ÷ persons whose insurance is on file"),
)  # fmt: skip
show(
    "K19C", _("Covered for critical illness"), "%", add("covered", PERSON, COVERED),
    add("covered.known", PERSON, f"critical_illness IS NOT NULL OR {COVERED}"), chart="bar", good="up",
    thresholds=(90, 95, 98, 99.5), source=_("covered persons ÷ persons whose cover is on file"),
)  # fmt: skip

# --- K20 to K26: how they live, the exit test ----------------------------------------------------------------------------

GRADED = "coalesce(house_grade, '') <> '' OR house_dangerous IS NOT NULL"
DANGEROUS = "(house_grade IN ('C', 'D') OR (coalesce(house_grade, '') = '' AND house_dangerous))"
show(
    "K20", _("Safe houses"), "%", add("house.safe", HOUSE, f"({GRADED}) AND {DANGEROUS} IS NOT TRUE"),
    add("house.known", HOUSE, GRADED), chart="choropleth", good="up", thresholds=(90, 95, 98, 99.5), mask="income",
    source=_("households with grade A or B ÷ households whose house is graded"),
)  # fmt: skip
show(
    "K20D", _("Dangerous houses left"), HOUSEHOLDS, add("house.dangerous", HOUSE, DANGEROUS), chart="symbols",
    good="down", mask="income", source=_("households with grade C or D"),
)  # fmt: skip
show(
    "K21", _("Safe drinking water"), "%", add("water.safe", HOUSE, "water_safe AND water_hard IS NOT TRUE"),
    add("water.known", HOUSE, "water_safe IS NOT NULL OR water_hard IS NOT NULL"), chart="choropleth", good="up",
    thresholds=(90, 95, 98, 99.5), mask="income", source=_("households with safe water that is not hard to get ÷ known"),
)  # fmt: skip
show(
    "K22", _("Road, electricity and television"), "%",
    add("living.all", HOUSE, "x6 = 'pass' AND x7 = 'pass' AND x8 = 'pass'"), H, chart="radar", good="up", mask="income",
    parts=items(
        ("road", exit8.BY_KEY["x6"].title, add("living.road", HOUSE, "x6 = 'pass'")),
        ("power", exit8.BY_KEY["x7"].title, add("living.power", HOUSE, "x7 = 'pass'")),
        ("tv", exit8.BY_KEY["x8"].title, add("living.tv", HOUSE, "x8 = 'pass'")),
    ),
    source=_("households that have all three ÷ households"),
)  # fmt: skip
show(
    "K23", _("Exit test passed, by item"), "%", add("exit8.all", HOUSE, "items_passed = 9"), H, chart="radar", good="up",
    mask="income",
    parts=items(*[(item.key, item.title, add(f"exit8.{item.key}", HOUSE, f"{item.key} = 'pass'")) for item in exit8.ITEMS]),
    source=_("households that pass all nine items ÷ households; what is not on file is not passed"),
)  # fmt: skip
show(
    "K24", _("Number of items passed"), HOUSEHOLDS, add("exit8.passed", HOUSE, by="items_passed"), chart="funnel",
    mask="income", parts=Parts("exit8.passed", {str(n): str(n) for n in range(9, -1, -1)}),
    source=_("households by how many of the nine items of the exit test they pass"),
)  # fmt: skip
show(
    "K25", _("Households that fail the exit test, by reason"), HOUSEHOLDS,
    add("exit8.failed", HOUSE, "items_failed > 0"), chart="bar", good="down", mask="income",
    parts=items(*[
        (f"{item.key}.{reason.key}", reason.title,
         add(f"reason.{item.key}.{reason.key}", HOUSE, f"{item.key} = 'fail' AND ({reason.where})"))
        for item in exit8.ITEMS for reason in item.reasons
    ]),
    source=_("households that fail an item, by reason; one household can have several"),
)  # fmt: skip
VILLAGE_TEST = (
    ("housing", _("housing at least 98 %"), "housing >= 0.98"),
    ("insurance", _("medical insurance at least 98 %"), "insured >= 0.98"),
    ("school", _("no child dropped out of school"), "dropouts = 0"),
    ("water", _("safe water at least 98 %"), "water >= 0.98"),
    ("power", _("electricity at least 98 %"), "power >= 0.98"),
    ("tv", _("television at least 98 %"), "tv_share >= 0.98"),
    ("broadband", _("broadband"), "broadband"),
    ("rate", _("poverty rate below 3 %"), "poor < 0.03 * rural_population OR (coalesce(poor, 0) = 0 AND homes > 0)"),
)
show(
    "K26", _("Village exit test"), "%",
    add("village.passed", VILLAGE, " AND ".join(f"coalesce({where}, false)" for _key, _title, where in VILLAGE_TEST)),
    add("village", VILLAGE, "homes > 0"), chart="heatgrid", good="up", listed=False,
    parts=items(*[(key, title, add(f"village.{key}", VILLAGE, where)) for key, title, where in VILLAGE_TEST]),
    source=_("villages that pass the items on file (11 items, below 3 %) ÷ villages with registered households"),
)  # fmt: skip

# --- K27 to K36: income, work, the ledger ----------------------------------------------------------------------------------

KNOWN = "net_pc_yuan IS NOT NULL AND living > 0"
INCOME_P = add("income.persons", HOUSE, KNOWN, "living")
show(
    "K27", _("Mean net income per head"), YUAN, add("income.net", HOUSE, KNOWN, "net_pc_yuan * living"), INCOME_P,
    chart="line", good="up", mask="income",
    source=_("net income of the newest year ÷ persons, of households whose income is on file"),
)  # fmt: skip
show(
    "K28", _("Net income per head, distribution"), HOUSEHOLDS,
    add("income.bin", HOUSE, "income_bin IS NOT NULL", by="income_bin"), chart="histogram", mask="income",
    parts=Parts("income.bin", bin_labels(), bins=bins()),
    source=_("households by net income per head of their newest year, yuan"),
)  # fmt: skip
show(
    "K29", _("Where income comes from"), YUAN,
    add("income.gross", HOUSE, value="coalesce(wage_yuan, 0) + coalesce(business_yuan, 0) + coalesce(property_yuan, 0) + coalesce(transfer_yuan, 0)"),
    chart="stacked", mask="income",
    parts=items(
        ("wage", _("wage income"), add("income.wage", HOUSE, value="coalesce(wage_yuan, 0)")),
        ("business", _("business income"), add("income.business", HOUSE, value="coalesce(business_yuan, 0)")),
        ("property", _("property income"), add("income.property", HOUSE, value="coalesce(property_yuan, 0)")),
        ("transfer", _("transfer income"), add("income.transfer", HOUSE, value="coalesce(transfer_yuan, 0)")),
    ),
    source=_("income of the households' newest year, by its four parts"),
)  # fmt: skip
for key, title, name, column in (
    ("K30", _("Monthly income, from the ledger"), "ledger.income", "income"),
    ("K30C", _("Monthly cost of production, from the ledger"), "ledger.cost", "cost"),
):
    show(
        key, title, YUAN, add(name, MONTH, value=column, by="to_char(month, 'YYYY-MM')"), chart="line", mask="income",
        parts=Parts(name), source=_("the twelve months up to the newest one in the ledger"),
    )  # fmt: skip
BOTH = f"{KNOWN} AND net_before IS NOT NULL"
add("income.both", HOUSE, BOTH)
show(
    "K31", _("Growth of net income"), "%", add("income.gain", HOUSE, BOTH, "(net_pc_yuan - net_before) * living"),
    add("income.before", HOUSE, BOTH, "net_before * living"), chart="choropleth", good="up", thresholds=(0, 5, 10, 15),
    mask="income", source=_("against the year before, of households with both years on file"),
)  # fmt: skip
SIZES = {str(n): str(n) for n in range(1, 8)} | {"8": "≥ 8"}
show(
    "K32", _("Income and size"), HOUSEHOLDS,
    add(
        "income.size", HOUSE, "income_bin IS NOT NULL AND living > 0",
        by="least(living, 8)::text || '.' || income_bin",
    ),
    chart="scatter", mask="income",
    parts=Parts("income.size", {
        f"{size}.{place}": f"{text} · {label}" for size, text in SIZES.items() for place, label in bin_labels().items()
    }),
    source=_("households by number of persons and net income per head"),
)  # fmt: skip
show(
    "K33", _("Just above the line"), HOUSEHOLDS,
    add("income.near", HOUSE, "net_pc_yuan >= line_yuan AND net_pc_yuan <= line_yuan * 1.05"), chart="points",
    good="down", mask="income", source=_("net income per head from the line of its year to 5 % above"),
)  # fmt: skip
show(
    "K34", _("Ledger coverage"), "%", add("ledger.filled", MONTH, by="to_char(month, 'YYYY-MM')"),
    add("ledger.due", HOUSE, value="12"), chart="calendar", good="up", thresholds=(50, 80, 90, 98), mask="income",
    parts=Parts("ledger.filled"),
    source=_("months with an entry ÷ months due: twelve for each household, up to the newest one in the ledger"),
)  # fmt: skip
show(
    "K35", _("Migrant workers by where they work"), PERSONS,
    add("work.area", PERSON, "works", by="work_area"), chart="flow", flow="out", mask="income",
    parts=Parts("work.area", codes.WORK_AREA.labels), source=_("persons with a place or months of work on file"),
)  # fmt: skip
show(
    "K36", _("Mean months of work"), MONTHS, add("work.months", PERSON, "work_months > 0", "work_months"),
    add("work.with_months", PERSON, "work_months > 0"), chart="line", good="up", mask="income",
    source=_("months of work ÷ persons who worked"),
)  # fmt: skip
show(
    "K36J", _("Able to work, without work"), PERSONS,
    add("work.jobless", PERSON, f"{ABLE} AND age BETWEEN 16 AND 60 AND NOT works AND NOT ({AT_SCHOOL})"), chart="line",
    good="down", mask="income", source=_("able persons of 16 to 60, neither at work nor at school"),
)  # fmt: skip

# --- K37 to K39: relocation, monitoring ----------------------------------------------------------------------------------

show(
    "K37", _("Moved from another village"), HOUSEHOLDS, add("moved", MOVE, by="from_village"), chart="flow", flow="in",
    parts=Parts("moved", ranked=True, regions=True), source=_("households, from the village where they came on file"),
)  # fmt: skip
MONITORED = "coalesce(mon_type, '') <> ''"
show(
    "K38", _("Monitored households by kind"), HOUSEHOLDS,
    add("monitored", HOUSE, f"{MONITORED} AND risk_removed IS NOT TRUE", by="mon_type"), chart="bar", mask="income",
    parts=Parts("monitored", codes.MONITORED_TYPE.labels), source=_("monitored now: the risk is not removed"),
)  # fmt: skip
show(
    "K39", _("Risk removed"), "%", add("monitored.removed", HOUSE, f"{MONITORED} AND risk_removed"),
    add("monitored.ever", HOUSE, MONITORED), chart="line", good="up", mask="income",
    source=_("households whose risk is removed ÷ ever monitored"),
)  # fmt: skip

# --- K66: the profile ------------------------------------------------------------------------------------------------------

show(
    "K66", _("Profile of the area"), "%", "exit8.all", "H", chart="radar", good="up", listed=False,
    parts=Parts(profile=(
        ("targets", _("targets: data quality"), "K59"),
        ("measures", _("measures: medical insurance"), "K19"),
        ("guarantees", _("guarantees: safe houses"), "K20"),
        ("water", _("guarantees: safe water"), "K21"),
        ("cadres", _("cadres: ledger coverage"), "K34"),
        ("results", _("results: exited persons"), "K04"),
    )),
    source=_("what exists of the six dimensions; projects and funds follow with their rooms"),
)  # fmt: skip
