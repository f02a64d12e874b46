"""Indexes for rows of lists and members that have no sound number."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("regions", "0002_cheaper_loading"),
        ("validation", "0005_lists_of_several_senders"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="sourcerow",
            index=models.Index(fields=["birth_on", "name"], name="sourcerow_birth"),
        ),
        migrations.AddIndex(
            model_name="sourcerow",
            index=models.Index(
                condition=models.Q(("id_fault", ""), _negated=True),
                fields=["snapshot", "birth_on"],
                name="sourcerow_faulty",
            ),
        ),
    ]
