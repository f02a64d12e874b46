# The private PostgreSQL and Redis under .run, on unix sockets only, so that servers on the usual ports are not disturbed.
# Sourced after common.sh, with RUN set by run_root.

PGPORT_PRIVATE=54329 # names the socket file; nothing listens on the network
DATABASE_NAME=fupin

private_paths() { PGDATA=$RUN/pg/data SOCK=$RUN/sock PGBIN=$(newest_postgres); }
newest_postgres() { # the newest server on this machine that also has PostGIS
  local version
  for version in $(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -rV); do
    if [ -x "/usr/lib/postgresql/$version/bin/initdb" ] && [ -f "/usr/share/postgresql/$version/extension/postgis.control" ]; then
      echo "/usr/lib/postgresql/$version/bin"
      return 0 # not a bare return: inside a trap that would give the status from before the trap
    fi
  done
}

# The servers refuse to run as root. A clean environment keeps a caller's PG* variables out.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    env -i PATH=/usr/bin:/bin LANG=C.UTF-8 HOME="$RUN/pg" setpriv --reuid="$(server_user)" --regid="$(server_user)" --init-groups -- "$@"
  else
    env -i PATH=/usr/bin:/bin LANG=C.UTF-8 HOME="$RUN/pg" "$@"
  fi
}
postgres_up() { "$PGBIN/pg_isready" -q -h "$SOCK" -p "$PGPORT_PRIVATE"; }
redis_cli() { redis-cli -s "$SOCK/redis.sock" "$@" >/dev/null 2>&1; }
redis_up() { redis_cli ping; }
# psql_as ROLE DATABASE ARGS… on the private cluster
psql_as() { (cd / && as_server "$PGBIN/psql" -h "$SOCK" -p "$PGPORT_PRIVATE" -U "$1" -d "$2" -XAtq -v ON_ERROR_STOP=1 "${@:3}"); }
private_url() { printf 'postgis://%s@/%s?host=%s&port=%s' "$1" "${2:-$DATABASE_NAME}" "$SOCK" "$PGPORT_PRIVATE"; }

wants_postgres() { [ -z "${DATABASE_URL:-}" ] || case $DATABASE_URL in *"host=$SOCK&"*) true ;; *) false ;; esac; }
wants_redis() { [ -z "${REDIS_URL:-}" ] || case $REDIS_URL in *"$SOCK/redis.sock"*) true ;; *) false ;; esac; }

# services_start: start what is needed and not up. STARTED then names what this call started, so that it can stop the same.
services_start() {
  STARTED=
  private_paths
  install -d -m 700 "$RUN/pg" "$SOCK" "$RUN/redis" "$RUN/media" "$RUN/log"
  # Whoever comes second waits, and then finds everything up. The servers must not inherit the lock.
  exec 9>"$RUN/lock"
  flock 9
  if wants_postgres; then
    [ -n "$PGBIN" ] || die "PostgreSQL with PostGIS is not installed. Run script/setup."
    [ "$(id -u)" != 0 ] || chown postgres: "$RUN/pg" "$SOCK"
    postgres_up || { postgres_start; STARTED="$STARTED postgres"; }
    database_make
  fi
  if wants_redis; then
    [ "$(id -u)" != 0 ] || chown "$(server_user):" "$RUN/redis" "$SOCK"
    redis_up || { redis_start; STARTED="$STARTED redis"; }
  fi
  env_make
  exec 9>&-
  load_env
}

postgres_start() {
  local pid try
  as_server test -w "$RUN/pg" || die "User postgres cannot reach $RUN. Set RUN_ROOT to a folder it can reach."
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    say "Making a private database cluster in $RUN/pg"
    (cd / && as_server "$PGBIN/initdb" -D "$PGDATA" -U postgres -E UTF8 --locale=C.UTF-8 -A trust --data-checksums) >"$RUN/log/initdb" 9>&-
    printf '%s\n' "listen_addresses = ''" "port = $PGPORT_PRIVATE" "unix_socket_directories = '$SOCK'" "unix_socket_permissions = 0700" \
      "shared_buffers = 512MB" "work_mem = 32MB" "maintenance_work_mem = 256MB" "max_wal_size = 4GB" "timezone = 'Asia/Shanghai'" |
      as_server tee -a "$PGDATA/postgresql.conf" >/dev/null
    # What is thrown away need not survive a power cut: tests that commit for real run three times as fast.
    [ -z "${THROW_AWAY:-}" ] || printf '%s\n' "fsync = off" "synchronous_commit = off" "full_page_writes = off" |
      as_server tee -a "$PGDATA/postgresql.conf" >/dev/null
  fi
  PGBIN=/usr/lib/postgresql/$(as_server cat "$PGDATA/PG_VERSION")/bin # a cluster stays with the version that made it
  # A killed postmaster may stay a zombie for a moment, and its children hold the shared memory until they notice: wait, and
  # never delete its lock file.
  pid=$(as_server head -1 "$PGDATA/postmaster.pid" 2>/dev/null || true)
  for try in $(seq 50); do
    { [ -n "$pid" ] && grep -qs '^State:.*Z' "/proc/$pid/status"; } || break
    sleep .2
  done
  for try in 1 2 3 4 5; do
    if (cd / && as_server "$PGBIN/pg_ctl" -D "$PGDATA" -w -t 120 -l "$RUN/pg/log" start) >/dev/null 2>&1 9>&-; then return 0; fi
    sleep 1
  done
  as_server tail -20 "$RUN/pg/log" >&2
  die "PostgreSQL did not start after $try tries; its last words are above (all of $RUN/pg/log)."
}

redis_start() {
  (cd / && as_server redis-server --port 0 --unixsocket "$SOCK/redis.sock" --unixsocketperm 700 --dir "$RUN/redis" --daemonize yes \
    --pidfile "$RUN/redis/pid" --logfile "$RUN/redis/log" --save '' --appendonly yes --appendfsync everysec --maxmemory-policy noeviction) >/dev/null 9>&-
  for _ in $(seq 100); do
    ! redis_up || return 0
    sleep .1
  done
  die "Redis did not start; see $RUN/redis/log."
}

# services_stop NAME…: in the order that loses nothing
services_stop() {
  private_paths
  case " $* " in *" redis "*) redis_cli shutdown || true ;; esac
  case " $* " in *" postgres "*) (cd / && as_server "$PGBIN/pg_ctl" -D "$PGDATA" -w -m fast stop) >/dev/null || true ;; esac
}

roles_make() {
  psql_as postgres postgres -f - <"$ROOT/poverty/sql/roles.sql"
  psql_as postgres template1 -f - <"$ROOT/poverty/sql/extensions.sql"
}

# Roles, database, extensions and grants, when the cluster or their declarations are new. FUPIN_NO_DATABASE leaves the
# database itself to script/restore, which wants an empty place.
database_make() {
  local stamp
  stamp=$(fingerprint "$ROOT"/poverty/sql/{roles,extensions,database_grants}.sql)
  if [ "$(cat "$RUN/roles.stamp" 2>/dev/null)" != "$stamp" ]; then
    roles_make
    echo "$stamp" >"$RUN/roles.stamp"
  fi
  [ -z "${FUPIN_NO_DATABASE:-}" ] || return 0
  if [ "$(cat "$RUN/database.stamp" 2>/dev/null)" != "$stamp" ]; then
    [ -n "$(psql_as postgres postgres -c "SELECT 1 FROM pg_database WHERE datname = '$DATABASE_NAME'")" ] ||
      psql_as owner postgres -c "CREATE DATABASE $DATABASE_NAME"
    psql_as postgres "$DATABASE_NAME" -f - <"$ROOT/poverty/sql/extensions.sql"
    psql_as owner "$DATABASE_NAME" -f - <"$ROOT/poverty/sql/database_grants.sql"
    echo "$stamp" >"$RUN/database.stamp"
  fi
}

# env_make: .run/env, once: settings of this checkout's own services and secrets, for everything that runs here
env_make() {
  [ ! -f "$RUN/env" ] || return 0
  (
    umask 077
    cat >"$RUN/env.new" <<EOF
# Made by script/lib/services.sh for this checkout. Delete a line to have its default; delete the file to have all made anew,
# the secret key too (everybody is then logged out).
SECRET_KEY=$(head -c 48 /dev/urandom | base64 | tr -d '\n/+=')
DEBUG=False
ALLOWED_HOSTS='localhost,127.0.0.1,[::1]'
# For psql and manage.py dbshell by hand.
PGHOST='$SOCK'
PGPORT=$PGPORT_PRIVATE
DATABASE_URL='$(private_url app)'
DATABASE_OWNER_URL='$(private_url owner)'
DATABASE_PUBLIC_URL='$(private_url public_ro)'
DATABASE_BACKUP_URL='$(private_url backup)'
REDIS_URL='unix://$SOCK/redis.sock?db=0'
FIELD_KEYS_FILE='$RUN/keys.json'
MEDIA_ROOT='$RUN/media'
EOF
    mv "$RUN/env.new" "$RUN/env"
  )
}
