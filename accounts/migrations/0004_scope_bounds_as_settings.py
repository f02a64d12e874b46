"""Bounds of a scope as settings of the transaction, so that the planner knows them."""

from django.db import migrations

from accounts.migrations_sql import SCOPE_FUNCTIONS


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_seal_snapshot")]

    operations = [migrations.RunSQL(SCOPE_FUNCTIONS, migrations.RunSQL.noop)]
