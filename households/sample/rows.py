"""Households as rows of the two official layouts; the order and the headers come from `households.sheets`."""

import datetime as dt

from households import codes, sheets
from households.sample.economy import INCOMES, Household
from households.sample.economy import sums as add_up
from households.sample.families import Person, labels

AS_OF = dt.date(2020, 12, 31)

# The roster as counties keep it: what the household sheet carries too (housing, water) is left to that sheet.
_LEFT_OUT = {
    *("dropout_reason", "med_extra", "soldier", "army_family", "standard", "house_dangerous", "house_grade"),
    *("water_safe", "water_hard", "bank_name", "card_no", "address", "head_name", "head_cert_no", "as_of"),
}
_WIDE_ONLY = {
    *("region_hamlet", "cert_type", "political", "work_firm", "post", "post_months", "med_employee", "work_wage"),
    *("critical_illness", "pension_resident", "only_child", "two_daughters", "net_pc", "phone", "mon_type"),
    *("risk_found", "risk_removed", "risk_removed_date", "region_province", "region_city", "person_recog"),
}
PERSONS = tuple(column for column in sheets.PERSONS.columns if column.field not in _LEFT_OUT)
PERSONS_NARROW = tuple(column for column in PERSONS if column.field not in _WIDE_ONLY)  # 30 columns
HOUSEHOLDS = tuple(column for column in sheets.HOUSEHOLDS.columns if column.field != "as_of")

P = {column.field: place for place, column in enumerate(PERSONS)}
H = {column.field: place for place, column in enumerate(HOUSEHOLDS)}
NARROW = tuple(P[column.field] for column in PERSONS_NARROW)

YES_NO = ("否", "是")
_REGIONS = ("region_province", "region_city", "region_county", "region_town", "region_village")
_HOUSEHOLD_FIELDS = (
    *(*_REGIONS, "region_hamlet", "household_no", "household_size", "only_child", "two_daughters", "status"),
    *("exit_year", "household_type", "main_cause", "other_causes", "net_pc", "phone", "first_recog", "mon_type"),
    *("risk_found", "risk_removed", "risk_removed_date"),
)
_HOUSEHOLD_PLACES = [P[name] for name in _HOUSEHOLD_FIELDS]
# What a person's row says in the order of the sheet, apart from the number and the household's own columns.
_PERSON_PLACES = [
    P[name]
    for name in (
        *("person_no", "name", "sex", "birth_date", "cert_no", "cert_type", "relation", "ethnicity", "political"),
        *("education", "student_status", "health", "dis_type", "dis_level", "labour", "work_area", "work_months"),
        *("work_firm", "work_wage", "post", "post_months", "med_resident", "med_employee", "critical_illness"),
        *("pension_resident", "dibao", "tekun", "person_recog"),
    )
]


def yuan(fen: int) -> int | float:
    """Return fen as yuan, as a spreadsheet would hold the amount."""
    return fen / 100 if fen % 100 else fen // 100


def day(value: dt.date | None) -> str | None:
    return value.isoformat() if value else None


def person_rows(home: Household) -> list[list]:
    """Return a row for each member; the running number is filled in when the row is written."""
    base = [None] * len(PERSONS)
    common = (
        *home.village.path,
        home.village.hamlets[home.hamlet][0],
        home.household_no,
        home.size,
        YES_NO[home.only_child],
        YES_NO[home.two_daughters],
        codes.STATUS.labels[home.status],
        home.exit_year,
        codes.HOUSEHOLD_TYPE.labels[home.type],
        codes.CAUSE.labels[home.main_cause],
        labels(codes.CAUSE, home.other_causes) if home.other_causes else None,
        yuan(home.income["net_pc"]),
        home.phone,
        day(home.first_recog),
        codes.MONITORED_TYPE.labels[home.mon_type] if home.mon_type else None,
        day(home.risk_found),
        YES_NO[home.risk_removed] if home.mon_type else None,
        day(home.risk_removed_on),
    )
    for place, value in zip(_HOUSEHOLD_PLACES, common, strict=True):
        base[place] = value
    rows = []
    for one in home.people:
        row = base.copy()
        for place, value in zip(_PERSON_PLACES, _person(one), strict=True):
            row[place] = value
        rows.append(row)
    return rows


def _person(one: Person) -> tuple:
    return (
        one.person_no,
        one.name,
        "男" if one.sex == "1" else "女",
        one.born.isoformat(),
        one.cert_no,
        "居民身份证",
        codes.RELATION.labels[one.relation],
        codes.ETHNICITY.labels[one.ethnicity],
        codes.POLITICAL.labels[one.political],
        codes.EDUCATION.labels[one.education] if one.education else None,
        codes.STUDENT_STATUS.labels[one.student_status],
        labels(codes.HEALTH, one.health),
        codes.DISABILITY_TYPE.labels[one.dis_type] if one.dis_type else None,
        codes.DISABILITY_LEVEL.labels[one.dis_level] if one.dis_level else None,
        codes.LABOUR.labels[one.labour],
        codes.WORK_AREA.labels[one.work_area] if one.work_area else None,
        one.work_months or None,
        one.work_firm,
        one.work_wage or None,
        one.post,
        one.post_months or None,
        YES_NO[not one.employee_insured],
        YES_NO[one.employee_insured],
        "是",
        YES_NO[one.pension],
        "农村低保" if one.dibao else "否",
        YES_NO[one.tekun],
        day(one.person_recog),
    )


def household_row(home: Household, percent: int = 100) -> list:
    """Return the household's row; the running number is filled in when it is written.

    `percent` of the income are shown: what it may have been in another year.
    """
    head = home.people[0]
    income = home.income
    if percent != 100:
        income = add_up({name: value * percent // 100 for name, value in income.items()}, home.size)
    values = {
        **dict(zip(_REGIONS, home.village.path, strict=True)),
        "region_hamlet": home.village.hamlets[home.hamlet][0],
        "household_no": home.household_no,
        "head_person_no": head.person_no,
        "head_name": head.name,
        "head_cert_no": head.cert_no,
        "phone": home.phone,
        "bank_name": home.bank_name,
        "card_no": home.card_no,
        "year": AS_OF.year,
        "size": home.size,
        **{key: yuan(income[key]) for key in INCOMES},
        **home.land,
        "power_production": "是",
        "power_home": "是",
        "tv": "是",
        "toilet": YES_NO[home.exited or home.grade == "A"],
        "fuel": codes.FUEL.labels[home.fuel],
        "road_km": home.road_km,
        "road_type": codes.ROAD_TYPE.labels[home.road_type],
        "house_m2": home.house_m2,
        "house_dangerous": YES_NO[home.dangerous],
        "house_grade": codes.HOUSE_GRADE.labels[home.grade],
        "water_safe": YES_NO[home.water_safe],
        "water_hard": YES_NO[not home.water_safe],
        "coop": YES_NO[home.cooperative],
        "leading_firm": YES_NO[home.enterprise],
        "rich_leader": YES_NO[home.leader],
        "main_cause": codes.CAUSE.labels[home.main_cause],
        "other_causes": labels(codes.CAUSE, home.other_causes) if home.other_causes else None,
        "standard": "国定",
    }
    row = [None] * len(HOUSEHOLDS)
    for name, value in values.items():
        row[H[name]] = value
    return row
