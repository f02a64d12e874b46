"""For how long the rows of a department's list are kept."""

from datetime import date
from decimal import Decimal

from django.db import migrations


def ship(apps, schema_editor):
    values = apps.get_model("poverty", "ConfigValue").objects.using(schema_editor.connection.alias)
    values.get_or_create(
        key="department.keep_days",
        region="",
        defaults={
            "value": Decimal(180),
            "unit": "天",
            "valid_from": date(2000, 1, 1),
            "note": "默认值，各地可另定",
        },
    )


class Migration(migrations.Migration):
    dependencies = [("poverty", "0003_values_replaced_on_their_first_day")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
