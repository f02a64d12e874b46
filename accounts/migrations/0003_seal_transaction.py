"""The sealing transaction's number on every seal: it tells an event that came late from one that was slipped in."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_scope_functions")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_auditseal ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id()",
            "ALTER TABLE accounts_auditseal DROP COLUMN txid",
        ),
    ]
