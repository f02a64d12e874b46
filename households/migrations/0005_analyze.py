"""Let imports refresh the planner's statistics: a bulk load makes those of the tables it fills useless at once."""

from django.db import migrations

ANALYZE = """
CREATE FUNCTION analyze_register() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  ANALYZE households_household, households_householdyear, households_member, households_memberyear, validation_finding;
END $$;
REVOKE ALL ON FUNCTION analyze_register() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_register() TO app;
"""


class Migration(migrations.Migration):
    dependencies = [("households", "0004_destitute_support_yes_no"), ("validation", "0001_initial")]

    operations = [migrations.RunSQL(ANALYZE, "DROP FUNCTION analyze_register()")]
