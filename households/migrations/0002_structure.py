"""Composite foreign keys, so that a child's village can never drift from its parent's; look-ups of taken numbers."""

from django.db import migrations

KEYS = (
    ("householdyear", "(household_id, village)", "households_household (id, village)"),
    ("member", "(household_id, village)", "households_household (id, village)"),
    ("memberyear", "(member_id, household_id, village)", "households_member (id, household_id, village)"),
    ("memberchange", "(household_id, village)", "households_household (id, village)"),
    ("proposal", "(household_id, village)", "households_household (id, village)"),
)
ADD = "".join(
    f"ALTER TABLE households_{table} ADD CONSTRAINT {table}_parent FOREIGN KEY {columns}"
    f" REFERENCES {parent} ON UPDATE CASCADE;\n"
    for table, columns, parent in KEYS
)
DROP = "".join(f"ALTER TABLE households_{table} DROP CONSTRAINT {table}_parent;\n" for table, _c, _p in KEYS)

EVENTS = "".join(
    f"CREATE INDEX {table}event_context ON households_{table}event (pgh_context_id) WHERE pgh_context_id IS NOT NULL;\n"
    for table in ("household", "householdyear", "member", "memberyear")
)

# Unique keys see all rows, whoever asks. An importer is told which of its numbers are taken outside its area, and
# nothing else of them; the function belongs to a role without log-in that passes by row-level security.
TAKEN = """
CREATE FUNCTION register_numbers_elsewhere(household_nos text[], person_nos text[])
RETURNS TABLE (kind text, number text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  WITH bounds AS MATERIALIZED (
    SELECT scope_user() AS who, scope_lo() COLLATE "C" AS lo, scope_hi() COLLATE "C" AS hi, scope_whole() AS whole
  )
  SELECT 'household', h.household_no
    FROM unnest(household_nos) asked(no) JOIN households_household h ON h.household_no = asked.no, bounds b
   WHERE NOT coalesce(h.village >= b.lo AND h.village < b.hi AND (b.whole OR EXISTS (
         SELECT 1 FROM accounts_scoperange s WHERE s.user_id = b.who AND s.household_id IS NULL
            AND h.village >= s.lo AND h.village < s.hi)), false)
  UNION ALL
  SELECT 'person', m.person_no
    FROM unnest(person_nos) asked(no) JOIN households_member m ON m.person_no = asked.no, bounds b
   WHERE NOT coalesce(m.village >= b.lo AND m.village < b.hi AND (b.whole OR EXISTS (
         SELECT 1 FROM accounts_scoperange s WHERE s.user_id = b.who AND s.household_id IS NULL
            AND m.village >= s.lo AND m.village < s.hi)), false)
$$;
ALTER FUNCTION register_numbers_elsewhere(text[], text[]) OWNER TO definer;
REVOKE ALL ON FUNCTION register_numbers_elsewhere(text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION register_numbers_elsewhere(text[], text[]) TO app;
"""


class Migration(migrations.Migration):
    dependencies = [("households", "0001_initial"), ("accounts", "0002_scope_functions")]

    operations = [
        migrations.RunSQL(ADD, DROP),
        migrations.RunSQL(EVENTS, migrations.RunSQL.noop),
        migrations.RunSQL(TAKEN, "DROP FUNCTION register_numbers_elsewhere(text[], text[])"),
    ]
