"""Rules over what departments know: a list compared with the register. A match is a clue, never a verdict.

Each rule is SQL over the passes `matched` and `covered` (`households.departments.passes`). Everything is judged on the
list's own as-of date. `seen` tells what the list says, never a number; `basis` is made of the digests of the rows and of
the facts of the register that were used, so that an unchanged new list opens nothing again and a changed one does.
"""

from django.utils.translation import gettext_noop as _

from households.checked import age_sql, school_day
from households.codes import DIBAO, RELATION, STUDENT_STATUS
from households.departments import codes, passes
from poverty.declarations import CodeList, Facet, Rule, Severity, Sql, Threshold, rules

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741 - the letters of the rule catalogue
SEP = "；"
# A weak match says so, with its score.
WEAK = "CASE WHEN m.weak THEN '（按姓名、出生日期弱匹配，' || m.score || '分）' ELSE '' END"


def says(field: str) -> str:
    """SQL: a field of the list's row as text."""
    return f"m.data->>'{field}'"


def words(field: str, *any_of: str) -> str:
    """SQL: the field holds one of these words; no field, no word."""
    return f"coalesce({says(field)} ~ '{'|'.join(any_of)}', false)"


def label(field: str, of: CodeList) -> str:
    """SQL: the label of a coded field."""
    return label_of(says(field), of)


def label_of(value: str, of: CodeList) -> str:
    cases = " ".join(f"WHEN '{code}' THEN '{text}'" for code, text in of.labels.items())
    return f"CASE {value} {cases} ELSE {value} END"


def dated(field: str, word: str) -> str:
    return f"'{word}' || ({says(field)})"


def yuan(field: str, word: str = "", unit: str = "元") -> str:
    return f"'{word}' || ({says(field)}) || '{unit}'"


def joined(*parts: str) -> str:
    return f"concat_ws('，', {', '.join(parts)})"


def still(field: str = "gone_on") -> str:
    """SQL: not yet sold, left or ended on the list's day."""
    return f"coalesce(({says(field)})::date > m.as_of, true)"


def by_then(field: str) -> str:
    return f"coalesce(({says(field)})::date <= m.as_of, true)"


# --- what counts as owning: the conditions of V2 to V5 --------------------------------------------------------------------

CAR = " AND ".join(
    (
        f"NOT {words('vehicle_type', '摩托', '三轮', '拖拉机', '手扶', '电动自行车', '电瓶车')}",
        f"NOT {words('status', '报废', '注销', '转出', '转移', '过户', '灭失', '被盗')}",
        by_then("register_on"),
        still(),
    )
)
# A member of a co-operative runs nothing; its head does.
RUNS = words("role", "法定代表", "法人", "负责人", "理事长", "股东", "投资人", "合伙人", "出资人", "董事", "经营者")
FIRM = " AND ".join(
    (
        f"NOT {words('status', '注销', '吊销', '撤销', '迁出')}",
        f"NOT ({words('role', '社员', '成员')} AND NOT {words('role', '法定代表', '负责人', '理事长')})",
        f"NOT ({words('firm_type', '合作社')} AND NOT {RUNS})",
        by_then("register_on"),
        still(),
    )
)
STALL = f"({words('firm_type', '个体')} OR {words('role', '个体', '^经营者$')})"
HOME = " AND ".join(
    (
        "coalesce((m.data->>'relocation')::boolean, false) = false",
        f"NOT {words('estate_type', '易地', '搬迁', '宅基地', '自建', '农房', '农村')}",
        f"NOT {words('use', '易地', '搬迁', '宅基地', '车库', '车位', '储藏', '林地', '耕地', '农用', '承包')}",
        f"NOT {words('place', '农村', '乡村')}",
        f"NOT {words('status', '注销', '历史', '转移', '失效')}",
        still(),
    )
)
PAID = f"{says('pay_kind')} IN ('staff', 'retired', 'village') AND {still('until_on')} AND {by_then('from_on')}"
MACHINE = f"NOT {words('status', '报废', '注销', '转让', '转移')} AND {by_then('bought_on')} AND {still()}"
SAID = {
    "vehicles": joined(says("vehicle_type"), dated("register_on", "登记于"), says("status"), yuan("value_yuan", "价值")),
    "enterprises": joined(says("firm"), says("firm_type"), says("role"), says("status")),
    "estate": joined(says("use"), says("estate_type"), says("place"), yuan("area_m2", "", "平方米"), dated("register_on", "登记于")),
    "payroll": joined(label("pay_kind", codes.PAY_KIND), says("unit"), yuan("amount_yuan", "月发放")),
    "machinery": joined(says("machine_type"), yuan("value_yuan", "购置价"), dated("bought_on", "购于")),
}  # fmt: skip


def listed(
    source: str, where: str, said: str, *, severity: str = "NULL::text", facts: str = "''", expected: str = "''",
    joins: str = "", having: str = "true", params: tuple = (),
) -> Sql:  # fmt: skip
    """Return the clue of every member whom rows of `source` speak of, those rows that fit `where`, told in one line.

    `facts` are values of the register that the clue rests on; `severity` is of all the member's rows together.
    """
    return Sql(
        f"""SELECT m.member_id AS subject, m.household_id AS household, m.village, m.village AS reach,
                   string_agg({said} || {WEAK}, '{SEP}' ORDER BY m.digest, m.row_id) AS seen, min({expected}) AS expected,
                   {severity} AS severity,
                   string_agg(DISTINCT m.digest, ',' ORDER BY m.digest) || '|' || coalesce(min({facts}), '') AS basis
              FROM matched m {joins}
             WHERE m.source = '{source}' AND ({where})
             GROUP BY m.member_id, m.household_id, m.village HAVING {having}""",
        params,
    )


def also(*parts: Sql) -> Sql:
    """Return one clue a member of several kinds of findings: what each saw, together."""
    together = " UNION ALL ".join(f"({part.text})" for part in parts)
    return Sql(
        f"""SELECT subject, min(household) AS household, min(village) AS village, min(reach) AS reach,
                   string_agg(seen, '{SEP}' ORDER BY basis) AS seen, coalesce(string_agg(nullif(expected, ''), '{SEP}'), '') AS expected,
                   min(severity) AS severity, string_agg(basis, ';' ORDER BY basis) AS basis
              FROM ({together}) parts GROUP BY subject""",
        tuple(param for part in parts for param in part.params),
    )


def absent(source: str, where: str, seen: str, facts: str = "''", row: str = "true") -> Sql:
    """Return the members, of villages that a list covers, of whom no row of it that fits `row` speaks."""
    return Sql(
        f"""SELECT p.id AS subject, p.household_id AS household, p.village, p.village AS reach, {seen} AS seen,
                   '' AS expected, NULL::text AS severity, 'absent|' || coalesce({facts}, '') AS basis
              FROM checked_person p JOIN covered c ON c.source = '{source}' AND c.village = p.village
             WHERE ({where}) AND NOT EXISTS (SELECT 1 FROM matched m WHERE m.source = '{source}' AND m.member_id = p.id
                                                AND ({row}))"""
    )


# Whether a row of a list is of somebody in the register, at any place of it.
REGISTERED = (
    "EXISTS (SELECT 1 FROM households_member m JOIN households_household h ON h.id = m.household_id"
    " WHERE m.id_index = {0} AND m.departed_on IS NULL AND m.withdrawn_at IS NULL AND h.withdrawn_at IS NULL"
    " AND h.lifecycle <> 'CANCELLED')"
)
NOBODY = f"NOT {REGISTERED.format('s.id_index')} AND NOT EXISTS (SELECT 1 FROM matched k WHERE k.row_id = s.id)"
MASKED = "left(s.name, 1) || '*'"


# --- the rules --------------------------------------------------------------------------------------------------------


def cars(rows, check):
    return listed("vehicles", CAR, SAID["vehicles"])


def firms(rows, check):
    return listed("enterprises", FIRM, SAID["enterprises"], severity=f"CASE WHEN bool_and({STALL}) THEN 'I' END")


def homes(rows, check):
    return listed("estate", HOME, SAID["estate"])


def paid(rows, check):
    severity = f"CASE WHEN bool_and({says('pay_kind')} = 'village') THEN 'W' END"
    return listed("payroll", PAID, SAID["payroll"], severity=severity)


def dead(rows, check):
    said = joined(f"coalesce({dated('died_on', '死亡日期')}, '死亡日期不详')", says("evidence"))
    return listed("deaths", by_then("died_on"), said)


def hukou(rows, check):
    """Moved out, cancelled, at home elsewhere, not in the list; or others of the same booklet are not in the register."""
    normal = "coalesce({0}.data->>'state', 'normal') = 'normal'"
    at_home = (
        "EXISTS (SELECT 1 FROM matched n WHERE n.source = 'hukou' AND n.member_id = m.member_id"
        f" AND coalesce(n.row_village, n.village) = n.village AND {normal.format('n')})"
    )
    gone = f"{says('state')} IN ('moved', 'dead', 'cancelled')"
    said = joined(
        f"CASE WHEN {gone} THEN '户籍' || {label('state', codes.HUKOU_STATE)} END",
        f"CASE WHEN {gone} THEN {says('moved_on')} END",
        dated("moved_to", "迁往"),
        "CASE WHEN m.row_village <> m.village THEN '户籍在' || coalesce(g.name, '外村') END",
    )
    own = listed(
        "hukou", f"({gone} OR m.row_village <> m.village) AND NOT {at_home}", said, facts="m.village",
        joins="LEFT JOIN regions_region g ON g.code = m.row_village",
    )  # fmt: skip
    relation = label_of("s.data->>'relation'", RELATION)
    others = Sql(
        f"""SELECT a.member_id AS subject, a.household_id AS household, a.village, a.village AS reach,
                   '同一户口簿另有' || count(*) || '人不在册：' || string_agg({MASKED} || coalesce('（' || {relation} || '）', ''),
                   '、' ORDER BY s.digest) AS seen, '' AS expected, NULL::text AS severity,
                   string_agg(s.digest, ',' ORDER BY s.digest) AS basis
              FROM (SELECT DISTINCT ON (m.snapshot_id, m.data->>'book_no') m.snapshot_id, m.data->>'book_no' AS book,
                           m.member_id, m.household_id, m.village
                      FROM matched m JOIN checked_person p ON p.id = m.member_id
                     WHERE m.source = 'hukou' AND NOT m.weak AND m.data ? 'book_no' AND {normal.format("m")}
                     ORDER BY m.snapshot_id, m.data->>'book_no', (p.relation = '01') DESC NULLS LAST, m.row_id) a
              JOIN validation_sourcerow s ON s.snapshot_id = a.snapshot_id AND s.data->>'book_no' = a.book
             WHERE {normal.format("s")} AND {NOBODY}
             GROUP BY a.member_id, a.household_id, a.village"""
    )
    return also(own, others, absent("hukou", "true", "'户籍信息中没有此人'", "p.village"))


def insured(rows, check):
    """Contributing as an employee, drawing an employee's pension, or more than a farmer's pension a month."""
    ended = words("state", "暂停", "中断", "终止", "停保", "停发", "退休", "死亡", "转出")
    now = f"coalesce(({says('paid_to')})::date > m.as_of - interval '12 months', true)"
    where = (
        f"{says('pension_kind')} IN ('employee', 'office') AND NOT {ended} AND {now}"
        f" OR {says('pension_kind')} = 'retired' AND NOT {words('state', '停发', '终止', '死亡', '暂停')}"
        f" OR ({says('amount_yuan')})::numeric > %s"
    )
    said = joined(
        label("pension_kind", codes.PENSION_KIND), says("state"), says("unit"), dated("paid_to", "缴至"),
        yuan("amount_yuan", "月待遇"),
    )  # fmt: skip
    return listed("pension", where, said, params=(check["farm_level"],))


def medical(rows, check):
    """Insured elsewhere, twice, or not at all, in the newest year that the list speaks of."""
    good = f"NOT {words('state', '停保', '终止', '未参保', '暂停', '中断', '退保')}"
    newest = (
        "JOIN (SELECT snapshot_id, max((data->>'year')::int) AS year FROM matched WHERE source = 'medical' GROUP BY 1) y"
        " ON y.snapshot_id = m.snapshot_id AND coalesce((m.data->>'year')::int = y.year, true)"
    )

    def not_in(place: str) -> str:
        return f"position(coalesce(nullif({place}.short_name, ''), {place}.name, '') in {says('place')}) = 0"

    places = (
        f"{newest} LEFT JOIN regions_region county ON county.code = left(m.village, 6)"
        " LEFT JOIN regions_region city ON city.code = left(m.village, 4)"
    )
    away = f"coalesce((m.data->>'elsewhere')::boolean, false) OR ({not_in('county')} AND {not_in('city')})"
    said = joined(label("med_kind", codes.MED_KIND), says("place"), says("year"))
    return also(
        listed("medical", f"{good} AND ({away})", f"'异地参保：' || {said}", joins=places),
        listed("medical", good, f"'重复参保：' || {said}", joins=newest, having="count(*) > 1"),
        absent("medical", "true", "'参保名单中没有此人'", row=good),
    )


def allowance(rows, check):
    """In the list and not so marked, marked and not in the list, or of a household in the list and not in the register."""
    running = f"{still('until_on')} AND {by_then('since_on')}"
    kind = says("allow_kind")
    differs = (
        f"({kind} = 'rural' AND coalesce(p.dibao, '') NOT IN ('rural', 'yes')"
        f" OR {kind} = 'city' AND coalesce(p.dibao, '') NOT IN ('city', 'yes') OR {kind} = 'tekun' AND p.tekun IS NOT TRUE)"
    )
    marks = (
        f"'在册标注：低保' || coalesce(nullif({label_of('p.dibao', DIBAO)}, ''), '未填') || '，特困'"
        " || CASE p.tekun WHEN true THEN '是' WHEN false THEN '否' ELSE '未填' END"
    )
    facts = "concat_ws('|', coalesce(p.dibao, ''), p.tekun)"
    named = "'名单中有：' || " + joined(label("allow_kind", codes.ALLOW_KIND), yuan("amount_yuan", "每月"))
    mine = listed(
        "dibao", f"{running} AND {differs}", named, facts=facts, expected=marks,
        joins="JOIN checked_person p ON p.id = m.member_id",
    )  # fmt: skip
    marked = "p.dibao IN ('rural', 'city', 'yes') OR p.tekun"
    unlisted = absent("dibao", marked, f"{marks} || '，名单中没有此人'", facts, running)
    of_household = Sql(
        f"""SELECT p.id AS subject, p.household_id AS household, p.village, p.village AS reach,
                   '名单中与其同户的' || count(*) || '人不在册：' || string_agg({MASKED}, '、' ORDER BY s.digest) AS seen,
                   '' AS expected, NULL::text AS severity, string_agg(s.digest, ',' ORDER BY s.digest) AS basis
              FROM ({passes.lists(check)}) l JOIN validation_sourcerow s ON s.snapshot_id = l.id
              JOIN checked_person p ON p.id_index = s.other_index AND p.village >= l.region COLLATE "C"
                   AND p.village < l.hi COLLATE "C"
             WHERE l.kind = 'dibao' AND s.other_index IS NOT NULL AND s.other_index IS DISTINCT FROM s.id_index
               AND coalesce((s.data->>'until_on')::date > l.as_of, true) AND {NOBODY}
             GROUP BY p.id, p.household_id, p.village"""
    )
    return also(mine, unlisted, of_household)


def disability(rows, check):
    """Which detail differs is told, not what it is: health is for those who may see it."""
    valid = f"NOT {words('status', '注销', '过期', '冻结', '作废')}"
    known = "('04' = ANY (coalesce(p.health, '{}')) OR coalesce(p.dis_type, '') <> '')"
    other_type = f"coalesce(p.dis_type, '') <> '' AND p.dis_type <> {says('dis_type')}"
    other_level = f"coalesce(p.dis_level, '') <> '' AND p.dis_level <> {says('dis_level')}"
    said = (
        f"CASE WHEN NOT {known} THEN '持有残疾人证，登记未标注残疾' ELSE '残疾人证与登记不一致：' ||"
        f" concat_ws('、', CASE WHEN {other_type} THEN '类别' END, CASE WHEN {other_level} THEN '等级' END) END"
    )
    facts = "concat_ws('|', array_to_string(p.health, ','), coalesce(p.dis_type, ''), coalesce(p.dis_level, ''))"
    mine = listed(
        "disability", f"{valid} AND (NOT {known} OR {other_type} OR {other_level})", said, facts=facts,
        joins="JOIN checked_person p ON p.id = m.member_id",
    )  # fmt: skip
    return also(mine, absent("disability", known, "'登记为残疾，持证名单中没有此人'", facts, valid))


def school(rows, check):
    """From 6 to 15 years on 31 August and on no roll, or on a roll and marked as not at school."""
    on_roll = (
        f"NOT {words('status', '退学', '毕业', '结业', '肄业', '辍学', '注销', '开除', '转出', '死亡')}"
        f" AND coalesce({says('stage')}, '') <> 'pre'"
    )
    age = age_sql("p.born", school_day("c.as_of"))
    lost = absent("school", f"{age} BETWEEN 6 AND 15", f"{age} || '周岁，不在任何学籍名单'", "p.born::text", on_roll)
    said = "'在籍：' || " + joined(label("stage", codes.STAGE), says("grade"), says("status"))
    marked = listed(
        "school", f"{on_roll} AND p.student_status = '01'", said, facts="p.student_status",
        expected=f"'在册标注：{STUDENT_STATUS.label('01')}'", joins="JOIN checked_person p ON p.id = m.member_id",
    )  # fmt: skip
    return also(lost, marked)


def bills(rows, check):
    """A year's own part above the threshold, of a household that nobody monitors; the newest such year."""
    year = (
        f"coalesce(({says('year')})::int, date_part('year', ({says('settled_on')})::date)::int,"
        " date_part('year', m.as_of)::int)"
    )
    return Sql(
        f"""SELECT DISTINCT ON (subject) subject, household, village, village AS reach,
                   year || '年个人自付' || total || '元' || weak AS seen, '' AS expected, NULL::text AS severity, basis
              FROM (SELECT m.member_id AS subject, m.household_id AS household, m.village, {year} AS year,
                           sum(({says("self_paid_yuan")})::numeric) AS total, min({WEAK}) AS weak,
                           string_agg(DISTINCT m.digest, ',' ORDER BY m.digest) AS basis
                      FROM matched m JOIN checked_house h ON h.id = m.household_id
                     WHERE m.source = 'bills' AND (coalesce(h.mon_type, '') = '' OR h.risk_removed)
                     GROUP BY m.member_id, m.household_id, m.village, {year}) y
             WHERE total > %s ORDER BY subject, year DESC""",
        (check["self_paid"],),
    )


def machines(rows, check):
    dear = f"{MACHINE} AND ({says('value_yuan')})::numeric >= %s"
    return listed("machinery", dear, SAID["machinery"], params=(check["value"],))


def rebuilt(rows, check):
    """Rebuilt in the list and dangerous in the register, or the reverse."""
    dangerous = "(h.house_dangerous OR h.house_grade IN ('C', 'D'))"
    safe = "(h.house_dangerous IS FALSE AND coalesce(h.house_grade, '') NOT IN ('C', 'D'))"
    done = f"{says('progress')} = 'done'"
    due = f"{says('progress')} IN ('building', 'planned')"
    said = joined(label("progress", codes.PROGRESS), dated("finished_on", "竣工"), yuan("year", "", "年度"))
    return Sql(
        f"""SELECT h.id AS subject, h.id AS household, h.village, h.village AS reach,
                   string_agg('危改名单：' || {said} || {WEAK}, '{SEP}' ORDER BY m.digest, m.row_id) AS seen,
                   min(CASE WHEN {dangerous} THEN '在册：危房' ELSE '在册：非危房' END) AS expected, NULL::text AS severity,
                   string_agg(DISTINCT m.digest, ',' ORDER BY m.digest) || '|' ||
                   min(concat_ws('|', h.house_dangerous, h.house_grade)) AS basis
              FROM matched m JOIN checked_house h ON h.id = m.household_id
             WHERE m.source = 'rebuild' AND ({done} AND {dangerous} OR {due} AND {safe})
             GROUP BY h.id, h.village"""
    )


OWNED = {
    "vehicles": ("车辆", CAR),
    "enterprises": ("工商登记", f"{FIRM} AND NOT {STALL}"),
    "estate": ("房产", HOME),
    "payroll": ("财政供养", f"{PAID} AND {says('pay_kind')} <> 'village'"),
    "machinery": ("农机", f"{MACHINE} AND ({says('value_yuan')})::numeric >= %s"),
}


def spouses(rows, check):
    """The spouse stands in no registered household and owns what V2 to V5 speak of; the pair's newest row counts."""
    owned = " UNION ALL ".join(
        f"""SELECT w.member_id, w.household_id, w.village, w.pair, '{word}：' || {SAID[kind]} AS what, m.digest
              FROM wed w JOIN (SELECT s.id_index, s.data, s.digest, l.as_of, l.region FROM ({passes.lists(check)}) l
                                 JOIN validation_sourcerow s ON s.snapshot_id = l.id
                                WHERE l.kind = '{kind}' AND s.id_fault IN {passes.COMPARED}) m
                ON m.id_index = w.spouse AND starts_with(w.village, m.region) WHERE {condition}"""
        for kind, (word, condition) in OWNED.items()
    )
    pairs = " UNION ALL ".join(
        f"""SELECT p.id AS member_id, p.household_id, p.village, s.{other} AS spouse, s.data, s.digest
              FROM ({passes.lists(check)}) l JOIN validation_sourcerow s ON s.snapshot_id = l.id
              JOIN checked_person p ON p.id_index = s.{own} AND p.village >= l.region COLLATE "C"
                   AND p.village < l.hi COLLATE "C"
             WHERE l.kind = 'marriage' AND s.{other} IS NOT NULL"""
        for own, other in (("id_index", "other_index"), ("other_index", "id_index"))
    )
    return Sql(
        f"""WITH wed AS MATERIALIZED (
                 SELECT member_id, household_id, village, spouse, digest AS pair
                   FROM (SELECT DISTINCT ON (member_id, spouse) * FROM ({pairs}) x
                          ORDER BY member_id, spouse, data->>'registered_on' DESC NULLS LAST, digest) newest
                  WHERE data->>'state' IS DISTINCT FROM 'divorced' AND NOT {REGISTERED.format("newest.spouse")})
            SELECT member_id AS subject, household_id AS household, village, village AS reach,
                   '配偶不在册，其名下有' || string_agg(what, '{SEP}' ORDER BY digest) AS seen, '' AS expected,
                   NULL::text AS severity, min(pair) || '|' || string_agg(DISTINCT digest, ',' ORDER BY digest) AS basis
              FROM ({owned}) o GROUP BY member_id, household_id, village""",
        (check["value"],),
    )


def detained(rows, check):
    where = f"NOT {words('detention', '社区', '缓刑', '假释', '监外', '释放')} AND {by_then('from_on')} AND {still('until_on')}"
    return listed("prison", where, joined(says("detention"), dated("from_on", "自"), dated("until_on", "至")))


def dwelling(rows, check):
    """Away by the list and power used as ever, or at home and none used, for {months} of twelve and more.

    A household is away as long as the one of its members who is away least; without a row of the list, a member is away
    as the register says. Without months of use, the monthly average says whether the house is lived in at all.
    """
    away = "least(coalesce(t.months_away, CASE WHEN p.work_area IN ('02', '03', '04') THEN p.work_months END, 0), 12)"
    return Sql(
        f"""WITH told AS (
                 SELECT m.member_id, max(({says("months_away")})::numeric) AS months_away,
                        max(({says("power_months")})::numeric) AS power_months,
                        max(({says("power_kwh")})::numeric) AS power_kwh,
                        max({WEAK}) AS weak, string_agg(DISTINCT m.digest, ',' ORDER BY m.digest) AS digest
                   FROM matched m WHERE m.source = 'labour' GROUP BY m.member_id),
                 house AS (
                 SELECT p.household_id, p.village, min({away}) AS away, max(t.weak) AS weak,
                        max(coalesce(least(t.power_months, 12), CASE WHEN t.power_kwh <= %s THEN 0
                                     WHEN t.power_kwh >= %s THEN 12 END)) AS power,
                        string_agg(t.digest, ',' ORDER BY t.digest) || '|' || min({away}) AS basis
                   FROM checked_person p LEFT JOIN told t ON t.member_id = p.id
                  WHERE p.household_id IN (SELECT household_id FROM matched WHERE source = 'labour')
                  GROUP BY p.household_id, p.village)
            SELECT household_id AS subject, household_id AS household, village, village AS reach,
                   '全家在外' || trim_scale(away) || '个月，正常用电' || trim_scale(power) || '个月' || coalesce(weak, '') AS seen,
                   '' AS expected, NULL::text AS severity, basis
              FROM house WHERE away + power - 12 >= %s OR 12 - away - power >= %s""",
        (check["idle_kwh"], check["normal_kwh"], check["months"], check["months"]),
    )


def unbooked(rows, check):
    """Paid by the one-card and in no line of the household's ledger of that month; of years that have a ledger."""
    return Sql(
        f"""WITH paid AS MATERIALIZED (
                 SELECT m.household_id, m.village, '4' || ({says("item")}) AS category, {label("item", codes.ITEM)} AS item,
                        date_trunc('month', ({says("paid_on")})::date)::date AS month, m.digest, {WEAK} AS weak,
                        ({says("amount_yuan")})::numeric AS amount
                   FROM matched m WHERE m.source = 'onecard' AND m.data ? 'item' AND m.data ? 'paid_on'),
                 booked AS MATERIALIZED (
                 SELECT DISTINCT l.household_id, l.month, l.category FROM households_ledgerline l
                  WHERE l.superseded = 0 AND l.household_id IN (SELECT household_id FROM paid)
                    AND l.month >= (SELECT date_trunc('year', min(month))::date FROM paid)
                    AND l.month <= (SELECT (date_trunc('year', max(month)) + interval '1 year')::date FROM paid))
            SELECT household_id AS subject, household_id AS household, village, village AS reach,
                   string_agg(to_char(month, 'YYYY-MM') || ' ' || item || coalesce(amount || '元', '') || weak, '{SEP}'
                              ORDER BY month, category, digest) AS seen, '' AS expected, NULL::text AS severity,
                   string_agg(DISTINCT digest, ',' ORDER BY digest) AS basis
              FROM paid p
             WHERE EXISTS (SELECT 1 FROM booked b WHERE b.household_id = p.household_id
                              AND date_trunc('year', b.month) = date_trunc('year', p.month))
               AND NOT EXISTS (SELECT 1 FROM booked b WHERE b.household_id = p.household_id AND b.month = p.month
                                  AND (starts_with(b.category, p.category) OR starts_with(p.category, b.category)))
             GROUP BY household_id, village"""
    )


# --- their declarations -------------------------------------------------------------------------------------------------

YUAN, MONTHS, KWH = _("yuan"), _("months"), _("kWh a month")
LISTED = ("matched",)
PERSONS = ("checked_person", "matched", "covered")
HOUSES = ("checked_house", "matched")


def declare(
    id, severity, source, title, find, suggestion, *, subject="member", reads=LISTED, fields=(), thresholds=(), lists=()
):
    rules.add(
        id,
        Rule(
            id, severity, subject, title, find, suggestion, fields[0] if fields else "", thresholds, reads=reads,
            facet=Facet.CONSISTENCY, fields=fields, source=source, lists=lists,
        ),
    )  # fmt: skip


declare("XD-01", W, "vehicles", _("Has a vehicle to the name"), cars, _("Check veto 4 and the value of the vehicle"))
declare("XD-02", W, "enterprises", _("Has a firm to the name"), firms, _("Check veto 3"))
declare("XD-03", W, "estate", _("Has a bought home to the name"), homes, _("Check veto 2"))
declare("XD-04", E, "payroll", _("Paid from the public purse"), paid, _("Check veto 5"))
declare("XD-05", E, "deaths", _("Deceased and still in the register"), dead,
        _("Record the death and stop payments"))  # fmt: skip
declare("XD-06", W, "hukou", _("The household registration differs"), hukou, _("Correct it, or explain"), reads=PERSONS)
declare(
    "XD-07", W, "pension", _("Insured as an employee, or draws an employee's pension"), insured, _("Check the income"),
    thresholds=(Threshold("farm_level", 500, _("XD-07: pension a month above that of farmers"), YUAN, whole=False),),
)  # fmt: skip
declare("XD-08", W, "medical", _("Insured elsewhere, twice, or not at all"), medical, _("Put the insurance right"),
        reads=PERSONS, fields=("med_resident", "med_employee"))  # fmt: skip
declare("XD-09", W, "dibao", _("The list of allowances and destitute support differs"), allowance,
        _("Correct the mark, or tell the department"), reads=PERSONS, fields=("dibao", "tekun"))  # fmt: skip
declare("XD-10", W, "disability", _("The disability differs from the certificate list"), disability,
        _("Correct it from the certificate"), reads=PERSONS, fields=("dis_type", "dis_level", "health"))  # fmt: skip
declare("XD-11", E, "school", _("The school roll differs"), school, _("Send the drop-out team"), reads=PERSONS,
        fields=("student_status", "dropout_reason"))  # fmt: skip
declare(
    "XD-12", W, "bills", _("Warning of too high medical costs"), bills, _("Open a warning clue"), reads=HOUSES,
    thresholds=(Threshold("self_paid", 10000, _("XD-12: own part of medical costs in a year"), YUAN, whole=False),),
)  # fmt: skip
declare(
    "XD-13", W, "machinery", _("Has a large farm machine to the name"), machines, _("Check veto 4 for the machine"),
    thresholds=(Threshold("value", 30000, _("XD-13: value of a machine"), YUAN, whole=False),),
)  # fmt: skip
declare("XD-14", W, "rebuild", _("The list of rebuilt houses differs"), rebuilt, _("Correct the grade of the house"),
        subject="household", reads=HOUSES, fields=("house_dangerous", "house_grade"))  # fmt: skip
declare(
    "XD-15", W, "marriage", _("The spouse has property to the name"), spouses, _("Check the household as a whole"),
    reads=PERSONS, thresholds=(Threshold("value", 30000, _("XD-15: value of the spouse's machine"), YUAN, whole=False),),
    lists=tuple(OWNED),
)  # fmt: skip
declare("XD-16", W, "prison", _("Detained and still counted"), detained, _("Record the change of members"))
declare(
    "XD-17", W, "labour", _("Doubt about where the household lives"), dwelling, _("Visit the household"),
    subject="household", reads=("checked_house", "checked_person", "matched"), fields=("work_area", "work_months"),
    thresholds=(
        Threshold("months", 6, _("XD-17: months in which list and power use contradict each other"), MONTHS),
        Threshold("idle_kwh", 5, _("XD-17: power use up to which nobody lives there"), KWH),
        Threshold("normal_kwh", 30, _("XD-17: power use from which the house is lived in"), KWH),
    ),
)  # fmt: skip
declare("XD-18", I, "onecard", _("Payments are not in the ledger"), unbooked, _("Load them into the ledger"),
        subject="household", reads=HOUSES)  # fmt: skip


def of_sources(kinds) -> list[str]:
    """Return the ids of the rules that speak of these kinds of lists."""
    return [rule.id for rule in rules.values() if rule.source in kinds]
