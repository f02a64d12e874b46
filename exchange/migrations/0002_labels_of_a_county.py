"""A remembered label holds in one county: that of the person who answered.

What was answered in the system user's name has no county; it is forgotten, and asked about once more.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

FILL = """
DELETE FROM exchange_rememberedlabel l USING accounts_user u WHERE u.id = l.set_by_id AND u.region IS NULL;
UPDATE exchange_rememberedlabel l SET region = left(u.region, 6) FROM accounts_user u WHERE u.id = l.set_by_id;
SET CONSTRAINTS ALL IMMEDIATE;
"""


def region(**more):
    return models.ForeignKey(
        db_column="region", db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+",
        to="regions.region", **more,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_scope_bounds_as_settings"),
        ("exchange", "0001_initial"),
        ("regions", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint("rememberedlabel", "rememberedlabel_once"),
        migrations.AddField("rememberedlabel", "region", region(null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("rememberedlabel", "region", region()),
        migrations.AddConstraint(
            "rememberedlabel",
            models.UniqueConstraint(fields=("region", "sheet", "field", "text"), name="rememberedlabel_once"),
        ),
        migrations.AddConstraint(
            "rememberedlabel",
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("region_id"), 6), name="rememberedlabel_is_of_a_county_or_above"
            ),
        ),
    ]
