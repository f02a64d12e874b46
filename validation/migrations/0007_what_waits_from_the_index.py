"""What waits in an area, and which villages a list speaks of, from indexes alone."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("regions", "0002_cheaper_loading"),
        ("validation", "0006_matching_without_numbers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["reach"],
                include=(
                    "owner",
                    "due_on",
                    "source",
                    "verdict",
                    "confirmed_by",
                    "verdict_by",
                    "household_id",
                    "checked_at",
                    "first_seen_at",
                ),
                name="finding_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="sourcerow",
            index=models.Index(fields=["snapshot", "village"], name="sourcerow_village"),
        ),
    ]
