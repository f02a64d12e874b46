from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("poverty", "0002_poverty_lines_and_thresholds")]

    operations = [
        migrations.RemoveConstraint("configvalue", "configvalue_ends_after_it_begins"),
        migrations.AddConstraint(
            "configvalue",
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="configvalue_ends_no_earlier_than_it_begins",
            ),
        ),
    ]
