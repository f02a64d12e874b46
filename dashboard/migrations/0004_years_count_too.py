"""Note the villages of changed household years, and when the sums of a region were made: by both, totals of lists that
ask for a year's data can be remembered.
"""

import django.db.models.functions.datetime
from django.db import migrations, models

TRIGGERS = """
CREATE TRIGGER dashboard_dirty_insert AFTER INSERT ON households_householdyear REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dashboard_mark_new();
CREATE TRIGGER dashboard_dirty_update AFTER UPDATE ON households_householdyear
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dashboard_mark_both();
"""
DROP = """
DROP TRIGGER IF EXISTS dashboard_dirty_insert ON households_householdyear;
DROP TRIGGER IF EXISTS dashboard_dirty_update ON households_householdyear;
"""


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0003_region_sums"), ("households", "0001_initial")]
    operations = [
        migrations.RunSQL(TRIGGERS, DROP),
        migrations.AddField(
            "regionsum", "counted_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())
        ),
    ]
