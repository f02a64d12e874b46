"""What the exit test asks for in figures: floor, land and months of work, as the autonomous region's standard has them."""

from datetime import date
from decimal import Decimal

from django.db import migrations

SHIPPED = {
    "exit.floor_m2": ("13", "平方米"),
    "exit.arable_mu": ("1", "亩"),
    "exit.orchard_mu": ("1.5", "亩"),
    "exit.forest_mu": ("5", "亩"),
    "exit.months_away": ("6", "个月"),
}


def ship(apps, schema_editor):
    values = apps.get_model("poverty", "ConfigValue").objects.using(schema_editor.connection.alias)
    for key, (value, unit) in SHIPPED.items():
        values.get_or_create(
            key=key,
            region="",
            defaults={
                "value": Decimal(value),
                "unit": unit,
                "valid_from": date(2000, 1, 1),
                "note": "自治区退出标准，各地可另定",
            },
        )


class Migration(migrations.Migration):
    dependencies = [("poverty", "0004_days_to_keep_departments_lists")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
