"""The functions that row-level security reads; see `poverty.security`."""

SCOPE_FUNCTIONS = """
CREATE OR REPLACE FUNCTION scope_user() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user', true), '')::bigint $$;

CREATE OR REPLACE FUNCTION scope_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(current_setting('app.system', true), '') <> '' $$;

-- No scope set: both bounds are NULL and every comparison with them is, so no row is seen.
CREATE OR REPLACE FUNCTION scope_lo() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN scope_system() THEN ''
      ELSE (SELECT min(lo) FROM accounts_scoperange WHERE user_id = scope_user()) END $$;

CREATE OR REPLACE FUNCTION scope_hi() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN scope_system() THEN '~'
      ELSE (SELECT max(hi) FROM accounts_scoperange WHERE user_id = scope_user()) END $$;

-- One unbroken range of regions and nothing else: the bounds alone decide.
CREATE OR REPLACE FUNCTION scope_whole() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT scope_system() OR coalesce(
      (SELECT count(*) = 1 AND bool_and(household_id IS NULL) FROM accounts_scoperange WHERE user_id = scope_user()),
      false) $$;

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
