"""Ship the published poverty lines, each for its own year, and the default thresholds of the data rules."""

from datetime import date
from decimal import Decimal

from django.db import migrations

UNVERIFIED = "（未核实）"
STANDARD = "以2010年不变价2300元为基准"
COMPUTED = "2014年2800元按年增6%推算"
# kind: {(region, year): (yuan per head and year, note)}
LINES = {
    "national_current": {
        ("", 1986): ("206", "早期标准"),
        ("", 2007): ("785", "早期标准（绝对贫困）"),
        ("", 2009): ("1196", "早期标准"),
        ("", 2010): ("2300", "2010年标准"),
        ("", 2011): ("2536", STANDARD),
        ("", 2012): ("2625", STANDARD),
        ("", 2013): ("2736", STANDARD),
        ("", 2014): ("2800", f"{STANDARD}；建档立卡基准年"),
        ("", 2015): ("2855", STANDARD),
        ("", 2016): ("2952", STANDARD),
        ("", 2017): ("2952", STANDARD),
        ("", 2018): ("2995", STANDARD + UNVERIFIED),
        ("", 2019): ("3218", STANDARD),
        ("", 2020): ("4000", f"约数；{STANDARD}"),
    },
    "exit_growth": {
        ("", 2014): ("2800", "基准年"),
        ("", 2015): ("2968", COMPUTED),
        ("", 2016): ("3146", COMPUTED),
        ("", 2017): ("3335", COMPUTED),
        ("", 2018): ("3535", COMPUTED),
        ("", 2019): ("3747", COMPUTED),
        ("", 2020): ("4000", "约数；推算值3972"),
    },
    "low_income": {("", 2007): ("1067", "早期标准（低收入）")},
    "marginal": {
        ("", 2019): ("5000", "边缘易致贫户，约1.5倍"),
        ("", 2020): ("5000", "边缘易致贫户，约1.5倍"),
    },
    "monitoring": {
        ("", 2021): ("6000", "参考值，以省定为准" + UNVERIFIED),
        ("52", 2023): ("7300", "贵州省2023年监测范围"),
    },
}
DEFAULT = "默认值，各地可另定"
THRESHOLDS = {
    "rule.ID-06.min_year": (1900, ""),
    "rule.ID-14.min_length": (2, "字"),
    "rule.ID-14.max_length": (15, "字"),
    "rule.ID-15.max_age": (110, "岁"),
    "rule.ID-17.max_households": (3, "户"),
    "rule.HH-10.min_gap": (15, "岁"),
    "rule.HH-11.min_age": (16, "岁"),
    "rule.HH-12.old_age": (60, "岁"),
    "rule.HH-12.split_months": (24, "个月"),
    "rule.HH-14.max_months": (12, "个月"),
    "rule.HH-15.male_age": (22, "岁"),
    "rule.HH-15.female_age": (20, "岁"),
    "rule.HH-16.max_metres": (5, "米"),
    "rule.HH-17.min_age": (16, "岁"),
    "rule.HH-17.max_age": (65, "岁"),
    "finding.deadline_days": (15, "天"),
    "export.approval_rows": (500, "行"),
    "reveal.per_day": (50, "次"),
    "public.small_cell": (3, "人"),
}


def ship(apps, schema_editor):
    ConfigValue = apps.get_model("poverty", "ConfigValue")
    rows = [
        ConfigValue(
            key=f"poverty_line.{kind}",
            region=region,
            value=Decimal(yuan),
            unit="元",
            valid_from=date(year, 1, 1),
            valid_to=date(year + 1, 1, 1),
            note=note,
        )
        for kind, years in LINES.items()
        for (region, year), (yuan, note) in years.items()
    ]
    rows += [
        ConfigValue(key=key, value=number, unit=unit, valid_from=date(2000, 1, 1), note=DEFAULT)
        for key, (number, unit) in THRESHOLDS.items()
    ]
    ConfigValue.objects.using(schema_editor.connection.alias).bulk_create(rows)


class Migration(migrations.Migration):
    dependencies = [("poverty", "0001_initial")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
