"""Refresh the statistics of the one table that a step of an import has filled."""

from django.db import migrations

ANALYZE = """
DROP FUNCTION analyze_register();
CREATE FUNCTION analyze_register(written text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF written IN ('households_household', 'households_householdyear', 'households_member', 'households_memberyear') THEN
    EXECUTE format('ANALYZE %I', written);
  END IF;
END $$;
REVOKE ALL ON FUNCTION analyze_register(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_register(text) TO app;
"""
BEFORE = """
DROP FUNCTION analyze_register(text);
CREATE FUNCTION analyze_register() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  ANALYZE households_household, households_householdyear, households_member, households_memberyear, validation_finding;
END $$;
REVOKE ALL ON FUNCTION analyze_register() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_register() TO app;
"""


class Migration(migrations.Migration):
    dependencies = [("households", "0011_fewer_event_indexes")]

    operations = [migrations.RunSQL(ANALYZE, BEFORE)]
