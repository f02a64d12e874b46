-- The database roles. Run once per cluster by a superuser, with psql; safe to repeat.
--
--   owner      owns the database and runs the migrations; may make databases, because the tests need their own
--   app        web, workers, tests: bound by row-level security
--   public_ro  public pages: sees only what a migration grants it
--   backup     the dump: has to see every row, so it bypasses row-level security, and may only read
--   definer    nobody logs in as it: owner of the few reviewed functions that must look past a user's area
--
-- Passwords are no part of this file: a private cluster is reached through a closed socket folder, and a shared one sets its own.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('owner',     'LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE'),
            ('app',       'LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE'),
            ('public_ro', 'LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE'),
            ('backup',    'LOGIN NOCREATEDB NOSUPERUSER BYPASSRLS NOCREATEROLE'),
            ('definer',   'NOLOGIN NOCREATEDB NOSUPERUSER BYPASSRLS NOCREATEROLE')
        ) AS roles (name, attributes)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I', wanted.name);
        END IF;
        EXECUTE format('ALTER ROLE %I %s', wanted.name, wanted.attributes);
    END LOOP;
END
$$;

-- Handing a function over to definer, and setting app's default privileges, both ask for membership. Membership gives
-- owner no BYPASSRLS of its own: role attributes are not inherited.
GRANT definer, app TO owner;
ALTER ROLE public_ro SET default_transaction_read_only = on;
ALTER ROLE backup SET default_transaction_read_only = on;
