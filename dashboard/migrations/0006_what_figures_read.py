"""Statement-level triggers that note the villages of what only figures read: years of persons, lines of the ledger,
findings, village profiles. Households, members and household years are noted in the log of the counts, which hands its
marks on (`dashboard.counts`).

A nightly run of the rules touches every open finding: only those that have become others count.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION dashboard_figures_new() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO dashboard_dirtyfigure (village) SELECT DISTINCT village FROM new_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION dashboard_figures_both() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO dashboard_dirtyfigure (village) SELECT village FROM old_rows UNION SELECT village FROM new_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION dashboard_figures_findings() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO dashboard_dirtyfigure (village)
    SELECT o.village FROM old_rows o JOIN new_rows n USING (id)
     WHERE (o.village, o.reach, o.severity, o.source, o.verdict, o.confirmed_by_id, o.closed_at IS NULL)
           IS DISTINCT FROM (n.village, n.reach, n.severity, n.source, n.verdict, n.confirmed_by_id, n.closed_at IS NULL)
    UNION
    SELECT n.village FROM old_rows o JOIN new_rows n USING (id)
     WHERE (o.village, o.reach, o.severity, o.source, o.verdict, o.confirmed_by_id, o.closed_at IS NULL)
           IS DISTINCT FROM (n.village, n.reach, n.severity, n.source, n.verdict, n.confirmed_by_id, n.closed_at IS NULL);
    RETURN NULL;
END $$;

-- A household that moves takes its ledger along by this role.
GRANT INSERT ON dashboard_dirtyfigure TO definer;
"""
TABLES = {
    "households_memberyear": "both",
    "households_ledgerline": "both",
    "regions_villageprofile": "both",
    "validation_finding": "findings",
}
TRIGGERS = "".join(
    f"""
CREATE TRIGGER dashboard_figures_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dashboard_figures_new();
CREATE TRIGGER dashboard_figures_update AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dashboard_figures_{kind}();
"""
    for table, kind in TABLES.items()
)
DROP = (
    "".join(
        f"DROP TRIGGER IF EXISTS dashboard_figures_{when} ON {table};"
        for table in TABLES
        for when in ("insert", "update")
    )
    + "DROP FUNCTION IF EXISTS dashboard_figures_new(); DROP FUNCTION IF EXISTS dashboard_figures_both();"
    + "DROP FUNCTION IF EXISTS dashboard_figures_findings();"
)


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0005_figures_by_region_and_month"),
        ("households", "0014_ledger_checked_by_statement"),
        ("regions", "0002_cheaper_loading"),
        ("validation", "0007_what_waits_from_the_index"),
    ]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, DROP)]
