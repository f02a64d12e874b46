"""Who is paired with a household goes on seeing it when it moves: by a correction, an import, an undo, whatever."""

from django.db import migrations

FOLLOW = """
CREATE FUNCTION pairings_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE accounts_scoperange
     SET lo = NEW.village, hi = left(NEW.village, -1) || chr(ascii(right(NEW.village, 1)) + 1)
   WHERE household_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER pairings_follow AFTER UPDATE OF village ON households_household
  FOR EACH ROW WHEN (OLD.village IS DISTINCT FROM NEW.village) EXECUTE FUNCTION pairings_follow();
"""
LEAVE = "DROP TRIGGER pairings_follow ON households_household; DROP FUNCTION pairings_follow();"


class Migration(migrations.Migration):
    dependencies = [("households", "0008_village_that_rules_look_at"), ("accounts", "0004_scope_bounds_as_settings")]

    operations = [migrations.RunSQL(FOLLOW, LEAVE)]
