"""Check the households of ledger lines once a statement: a foreign key asks for each of 900,000 lines one by one.

The promise stays the same: a line's household exists and lies in the line's village, households are locked against
moving while lines are written, and who moves takes the lines along, those of closed months, too.
"""

from django.db import migrations

FORWARDS = """
ALTER TABLE households_ledgerline DROP CONSTRAINT ledgerline_parent;

CREATE OR REPLACE FUNCTION ledger_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
  place record;
BEGIN
  PERFORM 1 FROM households_household h WHERE h.id IN (SELECT DISTINCT n.household_id FROM new_lines n) FOR KEY SHARE;
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT n.household_id, n.village FROM new_lines n) n
              WHERE NOT EXISTS (SELECT 1 FROM households_household h WHERE h.id = n.household_id AND h.village = n.village)) THEN
    RAISE EXCEPTION 'a ledger line needs a household in its village'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledgerline_parent';
  END IF;
  FOR place IN
    SELECT DISTINCT left(n.village, 9) AS town, n.month FROM new_lines n ORDER BY 1, 2
  LOOP
    PERFORM ledger_lock(place.town, place.month, false);
    IF EXISTS (SELECT 1 FROM ledger_closed(ARRAY[place.town]) c WHERE c.month = place.month) THEN
      RAISE EXCEPTION 'the ledger of % is closed for %', place.town, to_char(place.month, 'YYYY-MM')
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_month_open';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

GRANT UPDATE (village) ON households_ledgerline TO definer;
CREATE FUNCTION ledger_follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE households_ledgerline SET village = NEW.village WHERE household_id = NEW.id;
  RETURN NULL;
END $$;
ALTER FUNCTION ledger_follow() OWNER TO definer;
REVOKE ALL ON FUNCTION ledger_follow() FROM PUBLIC;
CREATE TRIGGER ledger_follow AFTER UPDATE OF village ON households_household
  FOR EACH ROW WHEN (OLD.village IS DISTINCT FROM NEW.village) EXECUTE FUNCTION ledger_follow();
"""
BACKWARDS = """
DROP TRIGGER ledger_follow ON households_household;
DROP FUNCTION ledger_follow();
ALTER TABLE households_ledgerline ADD CONSTRAINT ledgerline_parent FOREIGN KEY (household_id, village)
  REFERENCES households_household (id, village) ON UPDATE CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("households", "0013_certificates_read_anew")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
