# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used by the scripts that source this
#
# Sourced by every script here: where the project is, and how we speak to the person who called.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1

# The server embeds target/site by its path, so a target directory elsewhere would leave it with an old page.
export CARGO_TARGET_DIR="$ROOT/target"

TOOLS="$ROOT/target/tools"
SITE="$ROOT/target/site"
# The kind of program that needs nothing of the system that it runs on.
STATIC_TARGET=x86_64-unknown-linux-musl

# Says what is happening, on stderr, so that results on stdout stay clean.
say() { printf '==> %s\n' "$*" >&2; }

# Ends the script with one sentence that says what to do.
fail() {
  printf 'Cannot go on: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# True when program $1 needs no library of the system.
is_static() {
  have readelf || fail "readelf is missing, which tells whether $1 needs libraries: install your system's package binutils."
  ! LC_ALL=C readelf -d "$1" | grep -q '(NEEDED)'
}

# True when dotted version $1 is at least $2.
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

# The version of package $1 in Cargo.lock.
locked_version() {
  awk -v name="\"$1\"" '$1 == "name" && $3 == name { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# A TCP port of 127.0.0.1 that nobody listens on right now.
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# Waits until URL $1 answers with success: at most $2 seconds, and only while process $3 lives, if one is named.
wait_for_url() {
  node -e '
    const [url, seconds, pid] = process.argv.slice(1);
    const deadline = Date.now() + seconds * 1000;
    const isAlive = () => { try { return process.kill(pid, 0); } catch { return false; } };
    (async () => {
      while (!(await fetch(url).then((answer) => answer.ok, () => false))) {
        if (Date.now() >= deadline || (pid && !isAlive())) process.exit(1);
        await new Promise((done) => setTimeout(done, 20));
      }
    })();' "$1" "$2" ${3:+"$3"}
}

# Ends the processes given, those of them that still run, and waits until they are gone.
stop() {
  local pid
  for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
  for pid in "$@"; do wait "$pid" 2>/dev/null || true; done
}
