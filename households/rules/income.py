"""Data rules over income: the year's figures, and the monthly ledger (IN).

Yearly rules look at the newest year not after the check. What is left blank is not zero; where a sheet of the year has
any income at all (`ENTERED`), an item it leaves blank was not received. Exit-test income leaves out basic pension,
class-C allowance and temporary aid: the first stands in the year's sheet, the others only in the ledger.
"""

from django.utils.translation import gettext_noop as _

from households.checked import EXITED
from households.ledger import codes, passes  # noqa: F401 - declares what the rules of the ledger read
from households.rules.common import E, W, found, least, rules
from poverty.declarations import Facet, Rule, Severity, Sql

PERCENT, YUAN, MONTHS, TIMES = "%", _("yuan"), _("months"), _("times")
HOUSEHOLDS, DAY, AMOUNTS = _("houses"), _("day of the month"), _("amounts")
T_ITEMS = ("t_family_yuan", "t_dibao_yuan", "t_tekun_yuan", "t_pension_yuan", "t_eco_yuan", "t_other_yuan")
P_ITEMS = ("p_asset_yuan", "p_other_yuan")
CLASSES = {"wage_yuan": "工资性", "business_yuan": "经营性", "property_yuan": "财产性", "transfer_yuan": "转移性"}
ENTERED = (
    "coalesce(c.wage_yuan, c.business_yuan, c.property_yuan, c.transfer_yuan, c.gross_yuan, c.net_yuan) IS NOT NULL"
)
# Transfers by item, as the year's sheet has them.
SHEET_ITEM = {
    "01": "t_family_yuan",
    "02": "t_dibao_yuan",
    "03": "t_tekun_yuan",
    "04": "t_pension_yuan",
    "05": "t_eco_yuan",
}
YEAR_OF = "make_date(c.year - 1, 10, 1)", "make_date(c.year, 9, 1)"  # first and last month of the statistical year
AID = f"""(SELECT e.household_id, sum(e.amount) AS amount FROM ledger_entry e JOIN checked_house c ON c.id = e.household_id
            WHERE e.counts AND e.category IN ('40203', '411') AND e.month BETWEEN {YEAR_OF[0]} AND {YEAR_OF[1]}
            GROUP BY e.household_id)"""
SIZE = "coalesce(nullif(c.size, 0), nullif(c.living, 0))"
EXIT_INCOME = f"""round(coalesce(c.net_yuan / {SIZE}, c.net_pc_yuan)
                  - (coalesce(c.t_pension_yuan, 0) + coalesce(aid.amount, 0)) / {SIZE}, 2)"""
# The line of the year, and what it is called: without an exit line of the year the national one.
LINE = "coalesce(c.exit_growth_line, c.national_current_line)"
LINE_NAME = "CASE WHEN c.exit_growth_line IS NOT NULL THEN '6%%增长线' ELSE '国家现行线' END"


def yuan(value: str) -> str:
    """SQL: an amount as text, without zeros behind the point."""
    return f"coalesce(trim_scale(round({value}, 2))::text, '—')"


def total(*names: str) -> str:
    return "(" + " + ".join(f"coalesce(c.{name}, 0)" for name in names) + ")"


def any_of(*names: str) -> str:
    return f"coalesce({', '.join(f'c.{name}' for name in names)}) IS NOT NULL"


def house(
    seen: str, where: str, *, expected: str = "''", joined: str = "", before: str = "", basis: str = "NULL"
) -> Sql:
    return found(
        f"checked_house c {joined}", of="c", seen=seen, where=where, expected=expected, before=before, basis=basis
    )


def several(*cases: tuple[str, str]) -> tuple[str, str]:
    """Return (seen, where) of cases [(condition, words)]: the words of those that hold, joined."""
    words = ", ".join(f"CASE WHEN {condition} THEN {said} END" for condition, said in cases)
    return f"concat_ws('；', {words})", " OR ".join(f"({condition})" for condition, _said in cases)


# --- arithmetic -----------------------------------------------------------------------------------------------------------


def parts_and_whole(houses, check):
    """The parts that are filled in add up to their class; in the ledger, too, where both stand in a month."""
    uneven = """LEFT JOIN (SELECT household_id, string_agg(to_char(month, 'YYYY-MM'), '、' ORDER BY month) AS months
                  FROM ledger_window WHERE uneven IS NOT NULL GROUP BY household_id) l ON l.household_id = c.id"""
    tolerance = check["tolerance"]
    cases = [
        (
            f"{any_of(*parts)} AND c.{whole} IS NOT NULL AND abs({total(*parts)} - c.{whole}) > {tolerance}",
            f"'{words}' || {yuan(f'c.{whole}')} || '，分项合计' || {yuan(total(*parts))}",
        )
        for whole, parts, words in (("transfer_yuan", T_ITEMS, "转移性收入"), ("property_yuan", P_ITEMS, "财产性收入"))
    ]
    seen, where = several(*cases, ("l.months IS NOT NULL", "'台账' || l.months"))
    return house(seen, where, joined=uneven)


def gross_and_net(houses, check):
    tolerance, classes = check["tolerance"], total(*CLASSES)
    gross = "coalesce(c.gross_yuan, 0)"
    cost = "coalesce(c.biz_cost_yuan, 0)"
    seen, where = several(
        (
            f"c.gross_yuan IS NOT NULL AND {any_of(*CLASSES)} AND abs(c.gross_yuan - {classes}) > {tolerance}",
            f"'总收入' || {yuan('c.gross_yuan')} || '，应为' || {yuan(classes)}",
        ),
        (
            f"c.net_yuan IS NOT NULL AND c.gross_yuan IS NOT NULL AND abs(c.net_yuan - ({gross} - {cost})) > {tolerance}",
            f"'纯收入' || {yuan('c.net_yuan')} || '，应为' || {yuan(f'{gross} - {cost}')}",
        ),
    )
    return house(seen, where)


def per_head(houses, check):
    return house(
        yuan("c.net_pc_yuan"),
        f"c.net_pc_yuan IS NOT NULL AND c.net_yuan IS NOT NULL AND c.size > 0"
        f" AND abs(c.net_pc_yuan - c.net_yuan / c.size) > {check['tolerance']}",
        expected=yuan("c.net_yuan / nullif(c.size, 0)"),
    )


def negative_or_odd(houses, check):
    cases = [
        (f"c.{name} < 0", f"'{words}收入' || {yuan(f'c.{name}')}")
        for name, words in {**CLASSES, "biz_cost_yuan": "经营性支出不能为负，"}.items()
        if name != "biz_cost_yuan"
    ]
    cases += [(f"c.{name} < 0", f"'{words}' || {yuan(f'c.{name}')}") for name, words in (("p_asset_yuan", "资产收益分红"),
              ("p_other_yuan", "其他财产性收入"), ("t_other_yuan", "其他转移性收入"))]  # fmt: skip
    cases.append((f"c.net_pc_yuan <= 0 OR c.net_pc_yuan > {check['most']}", f"'人均纯收入' || {yuan('c.net_pc_yuan')}"))
    seen, where = several(*cases)
    return house(seen, where)


# --- against the lines ------------------------------------------------------------------------------------------------------


def below_the_line(houses, check):
    exited = ", ".join(f"'{code}'" for code in EXITED)
    return house(
        f"{EXIT_INCOME} || '（退出测算收入，' || c.year || '年度）'",
        f"(c.status IN ({exited}) OR c.lifecycle = 'EXITED') AND {EXIT_INCOME} < {LINE}",
        expected=f"'≥ ' || {yuan(LINE)} || '（' || {LINE_NAME} || '，' || c.year || '年）'",
        joined=f"LEFT JOIN {AID} aid ON aid.household_id = c.id",
        basis=f"{EXIT_INCOME} || '|' || {LINE}",
    )


def not_monitored(houses, check):
    """Who may be monitored at all is exited, or was never registered: a household that is still poor is helped as such."""
    line = "coalesce(c.monitoring_line, c.marginal_line)"
    name = "CASE WHEN c.monitoring_line IS NOT NULL THEN '监测范围' ELSE '边缘户线' END"
    return house(
        f"{yuan('c.net_pc_yuan')} || '（' || c.year || '年度）'",
        f"(coalesce(c.mon_type, '') = '' OR c.risk_removed) AND coalesce(c.status, '') NOT IN ('02', '04', '11')"
        f" AND c.net_pc_yuan < {line}",
        expected=f"'≥ ' || {yuan(line)} || '（' || {name} || '，' || c.year || '年）'",
    )


def just_above_the_line(houses, check):
    top = f"{LINE} * (1 + {check['margin']}::numeric / 100)"
    return house(
        f"{EXIT_INCOME} || '（退出测算收入，' || c.year || '年度）'",
        f"{EXIT_INCOME} >= {LINE} AND {EXIT_INCOME} <= {top}",
        expected=f"'> ' || {yuan(top)} || '（' || {LINE_NAME} || '上浮{check['margin']:.0f}%%，' || c.year || '年）'",
        joined=f"LEFT JOIN {AID} aid ON aid.household_id = c.id",
        basis=f"{EXIT_INCOME} || '|' || {LINE}",
    )


def jump(houses, check):
    rise, fall, least_ = check["rise"], check["fall"], check["least"]
    change = "c.net_pc_yuan - p.net_pc_yuan"
    return house(
        f"{yuan('p.net_pc_yuan')} || '（' || p.year || '）→ ' || {yuan('c.net_pc_yuan')} || '（' || c.year || '）'",
        f"p.net_pc_yuan > 0 AND abs({change}) >= {least_} AND ({change} > p.net_pc_yuan * {rise} / 100"
        f" OR {change} < -p.net_pc_yuan * {fall} / 100)",
        expected=f"'-{fall:.0f}%% ～ +{rise:.0f}%%'",
        joined="JOIN households_householdyear p ON p.household_id = c.id AND p.year = c.year - 1 AND p.withdrawn_at IS NULL",
    )


# --- wages and business -----------------------------------------------------------------------------------------------------

IN_POSTS = """(SELECT household_id, count(*) AS n FROM checked_person WHERE coalesce(post, '') NOT IN ('', '无', '否')
                OR post_months > 0 GROUP BY household_id)"""


def wage_and_workers(houses, check):
    """A public-welfare post is work, too."""
    seen, where = several(
        (
            "c.wage_yuan > 0 AND c.workers = 0 AND p.n IS NULL AND c.living > 0",
            f"'工资性收入' || {yuan('c.wage_yuan')} || '，无务工成员'",
        ),
        (
            f"c.work_months_sum > 0 AND coalesce(c.wage_yuan, 0) = 0 AND {ENTERED}",
            "'务工' || trim_scale(c.work_months_sum) || '个月，工资性收入0'",
        ),
    )
    return house(seen, where, joined=f"LEFT JOIN {IN_POSTS} p ON p.household_id = c.id")


def odd_wage(houses, check):
    month = "c.wage_yuan / nullif(c.work_months_sum, 0)"
    seen, where = several(
        (
            f"c.wage_yuan > 0 AND c.work_months_sum > 0 AND ({month} < {check['least_month']} OR {month} > {check['most_month']})",
            f"'月均' || {yuan(month)}",
        ),
        (
            f"c.wage_yuan > 0 AND c.wage_yuan < {check['least_year']} OR c.wage_yuan > {check['most_year']}",
            f"'全年' || {yuan('c.wage_yuan')}",
        ),
    )
    expected = f"'月均{check['least_month']:.0f}-{check['most_month']:.0f}，全年{check['least_year']:.0f}-{check['most_year']:.0f}'"
    return house(seen, where, expected=expected)


def business_and_cost(houses, check):
    seen, where = several(
        (
            "c.business_yuan > 0 AND coalesce(c.biz_cost_yuan, 0) = 0",
            f"'经营性收入' || {yuan('c.business_yuan')} || '，支出0'",
        ),
        (
            "c.biz_cost_yuan > coalesce(c.business_yuan, 0) AND p.biz_cost_yuan > coalesce(p.business_yuan, 0)",
            "'连续两年支出大于收入（' || p.year || '、' || c.year || '）'",
        ),
    )
    return house(
        seen,
        where,
        joined="LEFT JOIN households_householdyear p ON p.household_id = c.id AND p.year = c.year - 1 AND p.withdrawn_at IS NULL",
    )


# --- transfers ----------------------------------------------------------------------------------------------------------------


def dibao(houses, check):
    """Whether somebody is on the allowance has to be known of at least one member."""
    seen, where = several(
        (
            "c.t_dibao_yuan > 0 AND c.dibao_members = 0 AND c.dibao_known > 0",
            f"'低保金' || {yuan('c.t_dibao_yuan')} || '，无低保对象'",
        ),
        (
            f"c.dibao_members > 0 AND coalesce(c.t_dibao_yuan, 0) = 0 AND {ENTERED}",
            "'低保对象' || c.dibao_members || '人，低保金0'",
        ),
    )
    return house(seen, where)


def tekun(houses, check):
    seen, where = several(
        (
            "c.t_tekun_yuan > 0 AND c.household_type <> '3'",
            f"'特困供养金' || {yuan('c.t_tekun_yuan')} || '，不是特困供养户'",
        ),
        (
            f"c.household_type = '3' AND coalesce(c.t_tekun_yuan, 0) = 0 AND {ENTERED}",
            "'特困供养户，特困供养金0'",
        ),
    )
    return house(seen, where)


def too_little(houses, check):
    seen, where = several(
        *[
            (f"c.{name} > 0 AND c.{name} < {check[limit]}", f"'{words}' || {yuan(f'c.{name}')}")
            for name, limit, words in (
                ("t_dibao_yuan", "dibao", "低保金"),
                ("t_tekun_yuan", "tekun", "特困供养金"),
                ("t_family_yuan", "family", "计划生育金"),
                ("t_pension_yuan", "pension", "养老金"),
            )
        ]
    )
    return house(seen, where)


def pension_and_age(houses, check):
    seen, where = several(
        (
            f"c.pension_members > 0 AND coalesce(c.t_pension_yuan, 0) = 0 AND {ENTERED}",
            "'60岁以上参保' || c.pension_members || '人，养老金0'",
        ),
        (
            "c.t_pension_yuan > 0 AND c.over60 = 0 AND c.living > 0",
            f"'养老金' || {yuan('c.t_pension_yuan')} || '，无60岁以上成员'",
        ),
    )
    return house(seen, where)


def without_ground(houses, check):
    """Ecological compensation is paid for land returned to forest, and for public forest, which is forest land."""
    seen, where = several(
        (
            "c.t_eco_yuan > 0 AND coalesce(c.grain_to_green_mu, 0) = 0 AND coalesce(c.forest_mu, 0) = 0",
            f"'生态补偿金' || {yuan('c.t_eco_yuan')} || '，无退耕还林和林地面积'",
        ),
        (
            "c.t_family_yuan > 0 AND c.only_child IS NOT TRUE AND c.two_daughters IS NOT TRUE",
            f"'计划生育金' || {yuan('c.t_family_yuan')} || '，无独生子女户或双女户标识'",
        ),
    )
    return house(seen, where)


# What was paid by card to the members in the statistical year, by item; a list speaks of the items and the area it holds.
PAID = f"""
  list AS (SELECT s.id, s.region, r.data->>'item' AS item FROM validation_snapshot s
             JOIN validation_sourcerow r ON r.snapshot_id = s.id
            WHERE s.kind = 'onecard' AND s.current AND s.deleted_at IS NULL
              AND r.data->>'item' ~ '^(0[1-9]|10)$' GROUP BY 1, 2, 3),
  paid AS (SELECT c.id, r.data->>'item' AS item, sum((r.data->>'amount_yuan')::numeric) AS amount, count(*) AS payments
             FROM checked_house c
             JOIN households_member m ON m.household_id = c.id AND m.withdrawn_at IS NULL AND m.id_index IS NOT NULL
             JOIN validation_sourcerow r ON r.id_index = m.id_index
             JOIN validation_snapshot s ON s.id = r.snapshot_id AND s.kind = 'onecard' AND s.current AND s.deleted_at IS NULL
              AND starts_with(c.village, s.region)
            WHERE r.data->>'item' ~ '^(0[1-9]|10)$' AND r.data->>'amount_yuan' ~ '^-?[0-9]{{1,12}}([.][0-9]+)?$'
              AND r.data->>'paid_on' ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'
              AND r.data->>'paid_on' >= {YEAR_OF[0]}::text AND r.data->>'paid_on' < make_date(c.year, 10, 1)::text
            GROUP BY 1, 2),
  kept AS (SELECT DISTINCT e.household_id FROM ledger_entry e JOIN checked_house c ON c.id = e.household_id
            WHERE e.month BETWEEN {YEAR_OF[0]} AND {YEAR_OF[1]}),
  entered AS (SELECT e.household_id AS id, substr(e.category, 2, 2) AS item, sum(e.amount) AS amount
                FROM ledger_entry e JOIN checked_house c ON c.id = e.household_id
               WHERE e.counts AND left(e.category, 1) = '4' AND length(e.category) >= 3 AND e.month BETWEEN {YEAR_OF[0]} AND {YEAR_OF[1]} GROUP BY 1, 2)"""
_SHEET = " UNION ALL ".join(
    f"SELECT c.id, '{item}' AS item, c.{name} AS amount FROM checked_house c WHERE c.{name} IS NOT NULL"
    for item, name in SHEET_ITEM.items()
)
# What counts as received: the ledger's where the household keeps one, else the year's sheet, which knows five items.
RECEIVED = f"""
  received AS (SELECT id, item, amount FROM entered
               UNION ALL SELECT x.id, x.item, x.amount FROM ({_SHEET}) x
                WHERE NOT EXISTS (SELECT 1 FROM kept k WHERE k.household_id = x.id))"""
ITEM_NAME = (
    "CASE x.item " + " ".join(f"WHEN '{item}' THEN '{codes.LABELS['4' + item]}'" for item in codes.ITEMS) + " END"
)


def against_payments(houses, check):
    """Item by item over the statistical year; an item or an area that no list speaks of is not compared."""
    return house(
        "x.words",
        "true",
        before=f"""WITH {PAID}, {RECEIVED},
          off AS (SELECT r.id, r.item, r.amount, p.amount AS paid FROM received r
                    JOIN checked_house c ON c.id = r.id LEFT JOIN paid p ON p.id = r.id AND p.item = r.item
                   WHERE r.amount > 0 AND EXISTS (SELECT 1 FROM list l WHERE l.item = r.item AND starts_with(c.village, l.region))
                     AND (p.amount IS NULL OR (abs(r.amount - p.amount) > {check["least"]}
                          AND abs(r.amount - p.amount) > p.amount * {check["share"]} / 100)))""",
        joined=f"""JOIN (SELECT x.id, string_agg({ITEM_NAME} || '：登记' || {yuan("x.amount")} || '，发放' ||
                          {yuan("coalesce(x.paid, 0)")}, '；' ORDER BY x.item) AS words FROM off x GROUP BY x.id) x ON x.id = c.id""",
    )


def paid_and_not_entered(houses, check):
    return house(
        "x.words",
        "true",
        before=f"""WITH {PAID}, {RECEIVED},
          off AS (SELECT p.id, p.item, p.amount FROM paid p JOIN checked_house c ON c.id = p.id
                   WHERE p.amount > 0 AND ({ENTERED} OR p.id IN (SELECT k.household_id FROM kept k))
                     AND NOT EXISTS (SELECT 1 FROM received r WHERE r.id = p.id AND r.item = p.item AND r.amount > 0)
                     AND (p.item IN ({", ".join(f"'{item}'" for item in SHEET_ITEM)})
                          OR p.id IN (SELECT k.household_id FROM kept k)))""",
        joined=f"""JOIN (SELECT x.id, string_agg({ITEM_NAME} || '发放' || {yuan("x.amount")}, '；' ORDER BY x.item) AS words
                     FROM off x GROUP BY x.id) x ON x.id = c.id""",
    )


def lives_of_transfers(houses, check):
    share = "c.transfer_yuan * 100 / nullif(c.gross_yuan, 0)"
    return house(
        f"'转移性收入占' || round({share}, 1) || '%%'",
        f"(c.status = '11' OR c.lifecycle = 'PRE_EXIT') AND c.able > 0 AND {share} > {check['share']}",
        expected=f"'≤ {check['share']:.0f}%%'",
    )


# --- the ledger ---------------------------------------------------------------------------------------------------------------


def listed(where: str, words: str, order: str = "w.month") -> str:
    """SQL: households with the months of `ledger_window` w that hit, put in words; the first eight."""
    return f"""JOIN (SELECT household_id, string_agg(words, '；' ORDER BY nth) FILTER (WHERE nth <= 8)
                            || CASE WHEN max(nth) > 8 THEN ' 等' || max(nth) || '处' ELSE '' END AS words
                       FROM (SELECT w.household_id, {words} AS words, row_number() OVER (PARTITION BY w.household_id ORDER BY {order}) AS nth
                               FROM ledger_window w WHERE {where}) y GROUP BY household_id) x ON x.household_id = c.id"""


MONTH = "to_char(w.month, 'YYYY-MM')"


def odd_month(houses, check):
    """The median needs at least {known} months with a wage entered among the six before; blank is not zero."""
    spike = f"w.known >= {check['known']} AND w.usual > 0 AND w.wage > w.usual * {check['times']}"
    words = f"CASE WHEN w.idle THEN {MONTH} || '连续两月为0' ELSE {MONTH} || '工资' || {yuan('w.wage')} || '，前6月中位数' || {yuan('w.usual')} END"
    return house("x.words", "true", joined=listed(f"w.idle OR ({spike})", words))


def missing_or_future(houses, check):
    """A month is due after day {day} of the next. A household's ledger begins with its first month on file; one without
    any is due where its town has kept ledgers in the last year. Where a town has let two due months pass without a
    single line, it has stopped, or not yet sent its files: that is shown with the town's months, not at each household.
    """
    last = f"(date_trunc('month', DATE '{check.on}' - {int(check['day'])}) - interval '1 month')::date"
    this = f"DATE '{check.on.replace(day=1)}'"
    return house(
        "concat_ws('；', '漏月：' || x.missing, '超前：' || x.future)",
        "x.missing IS NOT NULL OR x.future IS NOT NULL",
        before=f"""WITH bounds AS (SELECT {last} AS last),
          towns AS (SELECT left(w.village, 9) AS town, min(w.month) FILTER (WHERE w.month > b.last - interval '12 months') AS first,
                           max(w.month) AS newest,
                           max(w.month) > (DATE '{check.on}' - interval '12 months')::date AS keeps
                      FROM ledger_window w, bounds b WHERE w.month <= b.last GROUP BY 1),
          owns AS (SELECT w.household_id, min(w.month) AS first FROM ledger_window w, bounds b WHERE w.month <= b.last GROUP BY 1),
          due AS (SELECT c.id, greatest(coalesce(o.first, t.first), date_trunc('month', c.first_recog_on)::date) AS first,
                         CASE WHEN t.newest >= (b.last - interval '1 month')::date THEN b.last ELSE t.newest END AS last
                    FROM checked_house c CROSS JOIN bounds b JOIN towns t ON t.town = left(c.village, 9)
                    LEFT JOIN owns o ON o.household_id = c.id
                   WHERE o.first IS NOT NULL OR t.keeps),
          gaps AS (SELECT d.id, m.month::date AS month FROM due d, generate_series(d.first, d.last, interval '1 month') m(month)
                    WHERE NOT EXISTS (SELECT 1 FROM ledger_window w WHERE w.household_id = d.id AND w.month = m.month::date)),
          said AS (SELECT id, 1 AS kind, month FROM gaps
                   UNION ALL SELECT w.household_id, 2, w.month FROM ledger_window w WHERE w.month > {this}),
          counted AS (SELECT s.*, row_number() OVER (PARTITION BY id, kind ORDER BY month) AS nth,
                             count(*) OVER (PARTITION BY id, kind) AS n FROM said s),
          worded AS (SELECT id, kind, string_agg(to_char(month, 'YYYY-MM'), '、' ORDER BY month) FILTER (WHERE nth <= 12)
                            || CASE WHEN max(n) > 12 THEN ' 等' || max(n) || '个月' ELSE '' END AS words FROM counted GROUP BY 1, 2)""",
        joined="""JOIN (SELECT id, max(words) FILTER (WHERE kind = 1) AS missing, max(words) FILTER (WHERE kind = 2) AS future
                          FROM worded GROUP BY id) x ON x.id = c.id""",
    )


def entered_twice(houses, check):
    label = "CASE split_part(w.doubled, ',', 1) " + " ".join(
        f"WHEN '{code}' THEN '{words}'" for code, words in codes.LABELS.items()
    )
    return house("x.words", "true", joined=listed("w.doubled IS NOT NULL", f"{MONTH} || ' ' || {label} END"))


def copied(houses, check):
    """All categories and amounts of a month alike in several houses of a village. Transfers, rents, shares and posts that
    are paid alike by rule do not make them alike: the month must hold at least {own} other amounts that are not zero."""
    alike = f"w.same >= {check['households']} AND w.own >= {check['own']}"
    seen, where = several(("x.words IS NOT NULL", "x.words"), ("h.n IS NOT NULL", "'10分钟内录入' || h.n || '户'"))
    return house(
        seen,
        where,
        joined="LEFT "
        + listed(alike, f"{MONTH} || '与本村' || (w.same - 1) || '户完全相同'")
        + f""" LEFT JOIN (SELECT household_id, max(saved_with) AS n FROM ledger_window
                       WHERE saved_with > {check["saves"]} GROUP BY household_id) h ON h.household_id = c.id""",
    )


# --- declarations -------------------------------------------------------------------------------------------------------------


def declare(
    id, severity: Severity, title, find, suggestion, fields, *, thresholds=(), facet=Facet.CONSISTENCY, reads=()
):
    names = tuple(fields.split())
    rules.add(
        id,
        Rule(
            id, severity, "household", title, find, suggestion, names[0] if names else "", tuple(thresholds),
            reads=("checked_house", *reads), facet=facet, fields=names,
        ),
    )  # fmt: skip


LEDGER = ("ledger_entry",)
WINDOW = ("ledger_window",)
TOLERANCE = least("tolerance", 0.01, _("difference that is not looked at"), YUAN, whole=False)

declare("IN-01", E, _("Parts do not add up to their class of income"), parts_and_whole, _("Add the parts up again, and put right the amount that is wrong"),
        "transfer t_family t_dibao t_tekun t_pension t_eco t_other property p_asset p_other", thresholds=(TOLERANCE,), reads=WINDOW)  # fmt: skip
declare("IN-02", E, _("Gross or net income is worked out wrongly"), gross_and_net, _("Work out gross and net income again"),
        "gross net wage business property transfer biz_cost", thresholds=(TOLERANCE,))  # fmt: skip
declare("IN-03", E, _("Net income per head is worked out wrongly"), per_head, _("Work it out again, and check the size of the household"),
        "net_pc net size", thresholds=(least("tolerance", 0.5, _("difference that is not looked at"), YUAN, whole=False),))  # fmt: skip
declare("IN-04", E, _("Income is negative or out of all proportion"), negative_or_odd, _("Check the amounts: is the unit ten thousand yuan?"),
        "net_pc wage business property transfer", facet=Facet.VALIDITY,
        thresholds=(least("most", 100_000, _("highest plausible net income per head"), YUAN),))  # fmt: skip
declare("IN-05", E, _("An exited household's income is below the standard"), below_the_line, _("Verify on the spot, and take the household into monitoring"),
        "net_pc net status t_pension", facet=Facet.VALIDITY, reads=LEDGER)  # fmt: skip
declare("IN-06", W, _("Income is within the monitoring range, but the household is not monitored"), not_monitored,
        _("Visit the household and judge whether it has to be monitored"), "net_pc mon_type", facet=Facet.COMPLETENESS)  # fmt: skip
declare("IN-07", W, _("Income rose or fell abruptly against the year before"), jump, _("Explain the change with the household, or correct the year"),
        "net_pc", facet=Facet.VALIDITY, thresholds=(
            least("rise", 100, _("highest plausible rise in a year"), PERCENT), least("fall", 30, _("deepest plausible fall in a year"), PERCENT),
            least("least", 2000, _("least change per head that counts"), YUAN)))  # fmt: skip
declare("IN-08", W, _("Wages jump, or stop, from one month to the next"), odd_month, _("Explain the month; report who has lost work"),
        "wage", facet=Facet.VALIDITY, reads=WINDOW, thresholds=(
            least("times", 3, _("times the median of the last six months"), TIMES), least("known", 3, _("months of wages needed for a median"), MONTHS)))  # fmt: skip
declare(
    "IN-09",
    E,
    _("Wages do not fit the number of members who work"),
    wage_and_workers,
    _("Complete the members' work, or the wages"),
    "wage",
)
declare("IN-10", W, _("Wages are not plausible"), odd_wage, _("Check wages and months of work"), "wage", facet=Facet.VALIDITY, thresholds=(
            least("least_month", 100, _("least plausible wage of a month of work"), YUAN), least("most_month", 30_000, _("highest plausible wage of a month of work"), YUAN),
            least("least_year", 300, _("least plausible wages of a household's year"), YUAN), least("most_year", 300_000, _("highest plausible wages of a household's year"), YUAN)))  # fmt: skip
declare(
    "IN-11",
    W,
    _("Business income does not fit its cost"),
    business_and_cost,
    _("Enter the cost, or take it from the table of ratios"),
    "biz_cost business",
)
declare(
    "IN-12",
    E,
    _("The allowance paid does not fit the members on it"),
    dibao,
    _("Compare with the civil affairs office"),
    "t_dibao",
)
declare(
    "IN-13",
    E,
    _("Destitute support paid does not fit the type of household"),
    tekun,
    _("Compare with the civil affairs office"),
    "t_tekun household_type",
)
declare("IN-14", W, _("A yearly subsidy is too small"), too_little, _("Check the unit, and whether one month was entered for twelve"),
        "t_dibao t_tekun t_family t_pension", facet=Facet.VALIDITY, thresholds=(
            least("dibao", 200, _("least plausible allowance of a year"), YUAN), least("tekun", 200, _("least plausible destitute support of a year"), YUAN),
            least("family", 100, _("least plausible family-planning grant of a year"), YUAN), least("pension", 88, _("least plausible pension of a year"), YUAN)))  # fmt: skip
declare(
    "IN-15",
    W,
    _("Pension does not fit the members' ages"),
    pension_and_age,
    _("Compare with the human resources office"),
    "t_pension",
)
declare("IN-16", W, _("Compensation has no area or entitlement behind it"), without_ground, _("Complete the area or the mark"),
        "t_eco t_family grain_to_green forest only_child two_daughters", facet=Facet.COMPLETENESS)  # fmt: skip
declare("IN-17", W, _("Transfer income does not fit what was paid out"), against_payments, _("Take the amount that was paid"), "transfer t_family t_dibao t_tekun t_pension t_eco",
        reads=LEDGER, thresholds=(least("share", 10, _("difference that is not looked at"), PERCENT), least("least", 100, _("difference that is not looked at"), YUAN)))  # fmt: skip
declare("IN-18", W, _("A subsidy that was paid is not counted as income"), paid_and_not_entered, _("Enter the payment in the ledger"),
        "transfer t_family t_dibao t_tekun t_pension t_eco", facet=Facet.COMPLETENESS, reads=LEDGER)  # fmt: skip
declare("IN-19", W, _("A household with labour lives mainly of transfers"), lives_of_transfers, _("Help with industry or employment before the exit"),
        "transfer gross status", facet=Facet.VALIDITY, thresholds=(least("share", 50, _("highest share of transfers"), PERCENT),))  # fmt: skip
declare("IN-20", W, _("Months of the ledger are missing, or lie ahead"), missing_or_future, _("Enter the missing months, or correct the month"), "",
        facet=Facet.TIMELINESS, reads=WINDOW, thresholds=(least("day", 10, _("day of the next month on which a month is due"), DAY),))  # fmt: skip
declare(
    "IN-21",
    W,
    _("The ledger holds an amount twice"),
    entered_twice,
    _("Take one of the two off the ledger"),
    "",
    facet=Facet.UNIQUENESS,
    reads=WINDOW,
)
declare("IN-22", W, _("The ledger looks copied from house to house"), copied, _("Visit the households again"), "", facet=Facet.UNIQUENESS, reads=WINDOW,
        thresholds=(least("households", 5, _("households of a village alike in a month"), HOUSEHOLDS), least("saves", 20, _("households that one person may enter within 10 minutes"), HOUSEHOLDS),
                    least("own", 1, _("amounts that must be alike, leaving out what is paid alike by rule"), AMOUNTS)))  # fmt: skip
declare("IN-23", W, _("Income is only just above the standard"), just_above_the_line, _("Check the household on the spot"), "net_pc net", facet=Facet.VALIDITY,
        reads=LEDGER, thresholds=(least("margin", 5, _("how far above the line still counts as just above"), PERCENT),))  # fmt: skip
