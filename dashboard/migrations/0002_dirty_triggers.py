"""Statement-level triggers that note the villages of changed households and members; bulk loads and raw SQL count too."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION dashboard_mark_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dashboard_dirtyvillage (village) SELECT DISTINCT village FROM new_rows;
    RETURN NULL;
END $$;

-- A household that moves changes two villages.
CREATE FUNCTION dashboard_mark_both() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dashboard_dirtyvillage (village) SELECT village FROM old_rows UNION SELECT village FROM new_rows;
    RETURN NULL;
END $$;
"""
TABLES = ("households_household", "households_member")
TRIGGERS = "".join(
    f"""
CREATE TRIGGER dashboard_dirty_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dashboard_mark_new();
CREATE TRIGGER dashboard_dirty_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dashboard_mark_both();
"""
    for table in TABLES
)
DROP = "".join(
    f"DROP TRIGGER IF EXISTS dashboard_dirty_{when} ON {table};" for table in TABLES for when in ("insert", "update")
) + "DROP FUNCTION IF EXISTS dashboard_mark_new(); DROP FUNCTION IF EXISTS dashboard_mark_both();"


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0001_initial"), ("households", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, DROP)]
