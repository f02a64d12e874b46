-- Who may do what in one database. Run by its owner before the first migration, in every database (the tests' too); safe to repeat.
-- Default privileges reach tables made later only: a migration that takes a right away again is never overruled from here.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO app', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO public_ro, backup', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app, public_ro, backup;
-- CREATE, because a function can only be handed to a role that could have made it.
GRANT USAGE, CREATE ON SCHEMA public TO definer;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT ON TABLES TO backup;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT ON SEQUENCES TO backup;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO definer;

-- Imports stage their rows in tables that the workers make and drop themselves.
CREATE SCHEMA IF NOT EXISTS staging;
GRANT USAGE, CREATE ON SCHEMA staging TO app;
GRANT USAGE ON SCHEMA staging TO backup;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA staging GRANT SELECT ON TABLES TO backup;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA staging GRANT SELECT ON SEQUENCES TO backup;
