"""The functions that row-level security reads, the audit rows' transaction number, and the system user."""

from django.db import migrations

from accounts.migrations_sql import AUDIT_TXID, SCOPE_FUNCTIONS, SYSTEM_USER


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(SCOPE_FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(AUDIT_TXID, "ALTER TABLE accounts_auditevent DROP COLUMN txid"),
        migrations.RunSQL(SYSTEM_USER, migrations.RunSQL.noop),
    ]
