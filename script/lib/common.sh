# Shared by every script here: where things are, and how to speak. Sourced, never run.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
PYTHON=$ROOT/.venv/bin/python

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# fingerprint FILE…: one hash over their content, for "has anything changed since?"
fingerprint() { cat -- "$@" | sha256sum | cut -d' ' -f1; }

# run_root: where this checkout keeps its cluster, Redis, secrets and stored files. Sets RUN.
# .run in the checkout, unless a socket path there would be longer than the system allows (107 bytes) or needs escaping in a URL,
# or user postgres cannot walk there because a parent folder is closed to others. .run is then a link to a folder of our own
# under /var/tmp. RUN_NAME names another folder in the checkout: the tests have one of their own.
run_root() {
  local wanted=${RUN_ROOT:-$ROOT/${RUN_NAME:-.run}} away
  if [ ! -e "$wanted" ] && ! usable "$wanted"; then
    [ -z "${RUN_ROOT:-}" ] || die "RUN_ROOT=$RUN_ROOT cannot be used: its path is too long for a socket or has unusual characters, or user postgres cannot reach it."
    away=/var/tmp/fupin-$(printf '%s' "$ROOT${RUN_NAME:-}" | sha256sum | cut -c1-12)
    [ -d "$away" ] || mkdir -m 711 "$away"
    # Anybody may make folders in /var/tmp: one that somebody else put there in advance is not ours to trust.
    { [ -O "$away" ] && [ ! -L "$away" ]; } || die "$away belongs to somebody else. Set RUN_ROOT to a folder of your own with a short path."
    say "The database cannot live in $wanted (path too long or with unusual characters, or a closed parent folder); using $away instead."
    ln -s "$away" "$wanted"
  fi
  [ -d "$wanted/" ] || mkdir -p "$wanted"
  RUN=$(cd "$wanted" && pwd -P)
  chmod 711 "$RUN"
  usable "$RUN" || die "$RUN cannot hold a database socket (path too long, unusual characters, or a closed parent folder). Set RUN_ROOT to another."
}
usable() { [ "${#1}" -le 75 ] && [[ $1 =~ ^[A-Za-z0-9._/-]+$ ]] && reachable "$(dirname "$1")"; }

# reachable FOLDER: the user that will run PostgreSQL can walk there
reachable() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid="$(server_user)" --regid="$(server_user)" --init-groups -- test -x "$1"; else test -x "$1"; fi
}
# server_user: who runs the private servers when root asks for them
server_user() { if id -u postgres >/dev/null 2>&1; then echo postgres; else echo redis; fi; }

# load_env: the variables of .run/env, unless the caller has set them. A caller's DATABASE_URL stands for a server of
# its own, so none of the private cluster's other roles may slip in beside it: empty, because the settings read the file too.
load_env() {
  [ -f "$RUN/env" ] || return 0
  local line name own_database=
  [ -z "${DATABASE_URL:-}" ] || grep -qxF "DATABASE_URL='$DATABASE_URL'" "$RUN/env" || own_database=yes
  while IFS= read -r line; do
    case $line in ''|'#'*) continue ;; esac
    name=${line%%=*}
    case $name in DATABASE_* | PGHOST | PGPORT) [ -z "$own_database" ] || line=$name= ;; esac
    line=${line#*=} line=${line#\'} line=${line%\'}
    [ -n "${!name+set}" ] || export "$name=$line"
  done <"$RUN/env"
}
