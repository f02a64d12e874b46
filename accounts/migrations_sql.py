"""The functions that row-level security reads; see `poverty.security`."""

SCOPE_FUNCTIONS = """
CREATE OR REPLACE FUNCTION scope_user() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user', true), '')::bigint $$;

CREATE OR REPLACE FUNCTION scope_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(current_setting('app.system', true), '') <> '' $$;

-- The bounds and whether they alone decide are worked out once, when a scope is entered, from the user's rows of
-- accounts_scoperange. As settings of the transaction they are known to the planner: bounds out of a sub-select would
-- count as half a per cent of every table, and large joins would become look-ups row by row.
-- No scope set: both bounds are NULL and every comparison with them is, so no row is seen.
CREATE OR REPLACE FUNCTION scope_lo() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.lo', true), '') $$;

CREATE OR REPLACE FUNCTION scope_hi() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.hi', true), '') $$;

CREATE OR REPLACE FUNCTION scope_whole() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(current_setting('app.whole', true), '') = 'on' $$;

-- Enter the scope of a user, or of the system for a stated reason, until the end of the transaction; both empty: none.
CREATE OR REPLACE FUNCTION scope_enter(who bigint, system text, context_id text, metadata text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE ranges record;
BEGIN
  SELECT min(lo) AS lo, max(hi) AS hi, count(*) = 1 AND bool_and(household_id IS NULL) AS whole INTO ranges
    FROM accounts_scoperange WHERE user_id = who;
  PERFORM set_config('app.user', coalesce(who::text, ''), true),
          set_config('app.system', system, true),
          set_config('app.lo', CASE WHEN system <> '' THEN ' ' ELSE coalesce(ranges.lo, '') END, true),
          set_config('app.hi', CASE WHEN system <> '' THEN '~' ELSE coalesce(ranges.hi, '') END, true),
          set_config('app.whole', CASE WHEN system <> '' OR ranges.whole THEN 'on' ELSE '' END, true),
          set_config('pghistory.context_id', context_id, true),
          set_config('pghistory.context_metadata', metadata, true);
END $$;

CREATE OR REPLACE FUNCTION scope_households() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(array_agg(household_id), '{}') FROM accounts_scoperange
      WHERE user_id = scope_user() AND household_id IS NOT NULL $$;
"""

AUDIT_TXID = """
ALTER TABLE accounts_auditevent ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
"""

SYSTEM_USER = """
INSERT INTO accounts_user (username, full_name, role, password, is_active, must_change_password, unit, phone,
                           second_factor, language, created_at)
VALUES ('system', '系统', 'county_office', '!', false, false, '', '', '', '', now())
ON CONFLICT (username) DO NOTHING
"""
