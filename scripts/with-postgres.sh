#!/usr/bin/env bash
# Runs a command beside a PostgreSQL of its own, which is gone afterwards:
#
#   with-postgres.sh COMMAND…      with ETIQA_TEST_POSTGRES=postgres://…/postgres
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# Debian keeps one folder per version, outside of PATH.
bin=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
bin=$(dirname "${bin:-$(command -v initdb || echo missing/initdb)}")
[ -x "$bin/initdb" ] || fail "PostgreSQL is missing: run scripts/install-test-tools.sh, or install it with your system's package manager."

# PostgreSQL refuses to run as root, and its own user may not see a checkout under /root: hence a folder in /tmp.
home=$(mktemp -d "${TMPDIR:-/tmp}/etiqa-postgres.XXXXXX")
server=
cleanup() {
  # SIGINT is PostgreSQL's fast shutdown: it waits for nobody.
  [ -z "$server" ] || { kill -INT "$server" 2>/dev/null && wait "$server"; } || true
  rm -rf "$home"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

as_postgres=()
if [ "$(id -u)" -eq 0 ]; then
  id postgres >/dev/null 2>&1 || fail "PostgreSQL will not run as root and there is no user 'postgres': run this as another user."
  chown postgres "$home"
  as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

# A language's own sort order, as most servers have, shows where a query forgot to say COLLATE "C".
locale=(--locale=C.UTF-8)
if "$bin/initdb" --help | grep -q -- --icu-locale; then
  locale=(--locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US)
fi
cd "$home"
${as_postgres[@]+"${as_postgres[@]}"} "$bin/initdb" -D "$home/data" -U postgres --auth=trust --encoding=UTF8 "${locale[@]}" \
  --no-sync >"$home/initdb.log" 2>&1 || fail "initdb refused: $(tail -n 2 "$home/initdb.log")"

# What the tests ask is what is stored, not whether it outlives a power cut: hence no fsync.
start() {
  port=$(free_port)
  ${as_postgres[@]+"${as_postgres[@]}"} "$bin/postgres" -D "$home/data" -p "$port" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off >"$home/postgres.log" 2>&1 &
  server=$!
  while kill -0 "$server" 2>/dev/null; do
    "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && return 0
    sleep 0.1
  done
  return 1
}
# Somebody else may take the port between our asking for one and PostgreSQL's taking it.
start || start || start || fail "PostgreSQL did not start: $(tail -n 2 "$home/postgres.log")"

cd "$ROOT"
export ETIQA_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
"$@"
