"""What was running when events were sealed: it tells an event that came late from one that was slipped in."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_scope_functions")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_auditseal ADD COLUMN snapshot pg_snapshot",
            "ALTER TABLE accounts_auditseal DROP COLUMN snapshot",
        ),
    ]
