#!/usr/bin/env bash
# Run once by the database image, in an empty cluster: roles with passwords, the database, extensions, grants.
set -euo pipefail
as() { psql -X -q -v ON_ERROR_STOP=1 --username "$1" --dbname "$2" "${@:3}"; }

as "$POSTGRES_USER" postgres -f /fupin-sql/roles.sql
as "$POSTGRES_USER" postgres <<'SQL'
\getenv owner OWNER_PASSWORD
\getenv app APP_PASSWORD
\getenv public PUBLIC_PASSWORD
\getenv backup BACKUP_PASSWORD
ALTER ROLE owner PASSWORD :'owner';
ALTER ROLE app PASSWORD :'app';
ALTER ROLE public_ro PASSWORD :'public';
ALTER ROLE backup PASSWORD :'backup';
CREATE DATABASE fupin OWNER owner TEMPLATE template0 ENCODING 'UTF8';
SQL
as "$POSTGRES_USER" template1 -f /fupin-sql/extensions.sql
as "$POSTGRES_USER" fupin -f /fupin-sql/extensions.sql
{ echo 'SET ROLE owner;'; cat /fupin-sql/database_grants.sql; } | as "$POSTGRES_USER" fupin
