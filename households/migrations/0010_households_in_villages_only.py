"""A household lies in a village of the tree: the foreign key knows the region, the length says that it is a village."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("households", "0009_pairings_follow_a_moved_household")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE households_household ADD CONSTRAINT household_in_village CHECK (char_length(village) = 12)",
            "ALTER TABLE households_household DROP CONSTRAINT household_in_village",
        )
    ]
