# What set-up does, step by step; each step is skipped when nothing it depends on has changed. Sourced after services.sh.

# --- system packages -------------------------------------------------------------------------------------------------
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
python_found() { # a Python of 3.11 or newer that can make a virtual environment
  local candidate
  for candidate in ${FUPIN_PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
}
node_found() { command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 18 ]; }

# packages_install [dev]
packages_install() {
  local missing=() postgis=
  if [ -z "${DATABASE_URL:-}" ] && [ -z "$(newest_postgres)" ]; then postgis=yes; fi
  if [ -z "${REDIS_URL:-}" ] && ! command -v redis-server >/dev/null; then missing+=(redis-server); fi
  command -v msgfmt >/dev/null || missing+=(gettext)
  [ -n "$(python_found)" ] || missing+=(python3-venv)
  node_found || missing+=(nodejs npm)
  if command -v dpkg-query >/dev/null; then
    installed fonts-noto-cjk || missing+=(fonts-noto-cjk)
  fi
  # Backups are taken and read back with the client programs, wherever the database is.
  command -v pg_dump >/dev/null || [ -n "$postgis" ] || missing+=(postgresql-client)
  if [ "${1:-}" = dev ]; then
    command -v chromium >/dev/null || missing+=(chromium)
    command -v soffice >/dev/null || missing+=(libreoffice-calc-nogui)
    if command -v dpkg-query >/dev/null; then
      installed libreoffice-writer || installed libreoffice-writer-nogui || missing+=(libreoffice-writer-nogui)
    fi
  fi
  [ -n "$postgis" ] || [ "${#missing[@]}" -gt 0 ] || return 0

  command -v apt-get >/dev/null || die "Missing on this machine: ${postgis:+PostgreSQL with PostGIS }${missing[*]}. Install them, then run this again."
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    die "Missing on this machine: ${postgis:+PostgreSQL with PostGIS }${missing[*]}. Have an administrator run script/setup once, then run this again."
  apt_get update
  if [ -n "$postgis" ]; then
    # The newest version that has PostGIS; one that is installed already goes first.
    postgis=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | awk '{print $1}' | sort -rV |
      while read -r name; do
        version=${name#postgresql-} version=${version%%-*}
        if installed "postgresql-$version"; then echo "0 $version"; else echo "1 $version"; fi
      done | sort -s -k1,1n | head -1 | cut -d' ' -f2)
    [ -n "$postgis" ] || die "This distribution offers no PostGIS package. Give a server in DATABASE_URL and DATABASE_OWNER_URL instead."
    missing+=("postgresql-$postgis" "postgresql-$postgis-postgis-3")
  fi
  say "Installing ${missing[*]}"
  apt_get install "${missing[@]}"
}
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 "$1" --no-install-recommends "${@:2}" >/dev/null ||
    die "apt-get $* failed; the lines above say why. Correct that, then run this again."
}

# --- Python ----------------------------------------------------------------------------------------------------------
# python_install [dev]: the environment holds exactly what the lock file says, every file checked against its hash
python_install() {
  local lock=requirements.lock stamp base
  # The development set contains the other one, so an environment that has it keeps it.
  if [ "${1:-}" = dev ] || [ -f "$ROOT/.venv/dev" ]; then lock=requirements-dev.lock; fi
  base=$(python_found)
  [ -n "$base" ] || die "No Python 3.11 or newer with venv was found."
  "$PYTHON" -c '' 2>/dev/null || { say "Making .venv with $base"; "$base" -m venv --clear "$ROOT/.venv"; }
  stamp=$(fingerprint "$ROOT/$lock" "$ROOT/script/lib/installer.lock")
  [ "$(cat "$ROOT/.venv/stamp" 2>/dev/null)" != "$stamp" ] || return 0
  say "Installing Python packages from $lock"
  python_pip "$ROOT/script/lib/installer.lock"
  # uv is ten times faster; pip is asked when only pip has been told where this site's packages are.
  "$ROOT/.venv/bin/uv" pip sync --quiet --python "$PYTHON" --require-hashes "$ROOT/$lock" 2>"$RUN/log/uv" ||
    python_pip "$ROOT/$lock"
  case $lock in *dev*) touch "$ROOT/.venv/dev" ;; esac
  echo "$stamp" >"$ROOT/.venv/stamp"
}

python_pip() {
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1" >"$RUN/log/pip" 2>&1 ||
    { tail -20 "$RUN/log/pip" >&2; die "pip failed; its last words are above."; }
}

# --- front-end files -------------------------------------------------------------------------------------------------
assets_install() {
  local packages files
  packages=$(fingerprint "$ROOT/package-lock.json")
  if [ "$(cat "$ROOT/node_modules/.stamp" 2>/dev/null)" != "$packages" ]; then
    say "Installing front-end packages"
    (cd "$ROOT" && npm ci --ignore-scripts --no-fund --no-audit --no-progress --loglevel=error) >"$RUN/log/npm" 2>&1 || { tail -20 "$RUN/log/npm" >&2; die "npm ci failed; its last words are above."; }
    echo "$packages" >"$ROOT/node_modules/.stamp"
  fi
  # The sprite holds the icons that pages mention, so it follows them.
  files=$({ echo "$packages"; cat "$ROOT/script/assets.mjs" "$ROOT/script/echarts.mjs" "$ROOT/script/icons.json"
    { grep -rhoE "icons(/|\.svg#)[a-z0-9-]+|\{% icon [\"'][a-z0-9-]+" "$ROOT/templates" "$ROOT/static" --include=*.html --include=*.js --exclude-dir=vendor || true; } | sort -u; } | sha256sum)
  [ "$(cat "$ROOT/static/vendor/.stamp" 2>/dev/null)" != "$files" ] || return 0
  node "$ROOT/script/assets.mjs"
  echo "$files" >"$ROOT/static/vendor/.stamp"
}

# --- the application -------------------------------------------------------------------------------------------------
manage() { (cd "$ROOT" && "$PYTHON" manage.py "$@"); }

# once NAME FINGERPRINT COMMAND…: run when the fingerprint differs from that of the last success
once() {
  [ "$(cat "$RUN/$1.stamp" 2>/dev/null)" != "$2" ] || return 0
  "${@:3}"
  echo "$2" >"$RUN/$1.stamp"
}

keys_make() {
  [ ! -f "${FIELD_KEYS_FILE:-}" ] || return 0
  [ -n "${FIELD_KEYS_FILE:-}" ] || die "FIELD_KEYS_FILE is not set: it names the file that holds the field keys, outside the database."
  say "Making field keys in $FIELD_KEYS_FILE. Without this file nobody can read ID numbers again: escrow it (docs/operations.md)."
  manage make_keys "$FIELD_KEYS_FILE"
}

messages_compile() {
  local source
  for source in "$ROOT"/locale/*/LC_MESSAGES/*.po; do
    [ -f "$source" ] || continue
    [ "${source%.po}.mo" -nt "$source" ] || msgfmt --check-format -o "${source%.po}.mo" "$source"
  done
}

database_migrate() {
  if [ -z "${DATABASE_OWNER_URL:-}" ]; then
    say "DATABASE_OWNER_URL is not set, so the tables are left as they are."
    return 0
  fi
  if ! wants_postgres; then
    # A private cluster got its grants when it was made; another server gets them here, before its first table.
    (cd "$ROOT" && "$PYTHON" -m poverty.backup grants) ||
      die "The database of DATABASE_OWNER_URL is not ready. A superuser has to run poverty/sql/roles.sql and poverty/sql/extensions.sql there first (docs/operations.md)."
    manage migrate --database owner --verbosity 0
    manage check_canary --write
    return 0
  fi
  # Models count too: row security is made from them after every migrate.
  once migrate "$(find "$ROOT" \( -path '*/migrations/*.py' -o -name models.py -o -path "$ROOT/poverty/security.py" \) -not -path '*/.venv/*' -not -path '*/node_modules/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum) $(cat "$ROOT/.venv/stamp") $(cat "$RUN/database.stamp")" \
    migrate_and_prove
}

# A new database gets the row that later proves that its keys are the right ones.
migrate_and_prove() {
  manage migrate --database owner --verbosity 0
  manage check_canary --write
}

static_collect() {
  once static "$(find "$ROOT"/static "$ROOT"/*/static -type f -printf '%P %s %T@\n' 2>/dev/null | sort | sha256sum) $(cat "$ROOT/.venv/stamp")" \
    manage collectstatic --noinput --verbosity 0
}

# setup_all [dev]: everything up to a migrated database. Leaves the services up; STARTED names those it started.
setup_all() {
  packages_install "${1:-}" # first: user postgres, who has to be able to reach .run, comes with a package
  run_root
  private_paths
  load_env
  mkdir -p "$RUN/log"
  exec 8>"$RUN/setup.lock" # two set-ups at once would trample on each other's packages
  flock 8
  python_install "${1:-}" 8>&-
  assets_install 8>&-
  services_start 8>&-
  messages_compile
  keys_make
  database_migrate
  static_collect
  exec 8>&-
}
