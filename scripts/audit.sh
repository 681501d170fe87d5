#!/usr/bin/env bash
# Asks for known holes in what we depend on: the crates of both lock files, and the packages that build the page and drive
# the browser in tests. It needs a network; what cannot be asked for is said, and is no failure of the project.
#
#   ETIQA_AUDIT_STRICT=1     what could not be asked for fails as well
set -euo pipefail
source "$(dirname "$0")/lib.sh"

found=0
unasked=0

# audit NAME SIGN COMMAND…: runs one audit. What it says tells apart a hole from a database that cannot be asked: SIGN is
# an expression that only the latter matches.
audit() {
  local name=$1 sign=$2 said
  shift 2
  say "$name"
  if said=$("$@" 2>&1); then
    printf '%s\n' "$said"
    return 0
  fi
  printf '%s\n' "$said"
  if grep -qE "$sign" <<<"$said"; then
    say "$name: NOT ASKED, for the database of advisories cannot be reached from here"
    unasked=$((unasked + 1))
  else
    say "$name: FOUND SOMETHING"
    found=$((found + 1))
  fi
}

crates() { "$TOOLS/bin/cargo-deny" --manifest-path "$1" --config deny.toml check advisories; }
packages() { (cd "$1" && npm audit --audit-level=low); }

scripts/check-prerequisites.sh
scripts/install-audit-tools.sh
no_database='failed to fetch advisory database'
no_registry='audit endpoint returned an error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN'
audit "Advisories for the program's crates" "$no_database" crates Cargo.toml
audit "Advisories for the fuzzers' crates" "$no_database" crates fuzz/Cargo.toml
audit "Advisories for what builds the page" "$no_registry" packages frontend
audit "Advisories for the browser tests" "$no_registry" packages end2end

[ "$found" -eq 0 ] || fail "$found of the audits above found something: update what is named, or write into deny.toml why it does not matter here."
if [ "$unasked" -gt 0 ]; then
  say "$unasked of 4 audits could not be made: run 'make audit' where the databases of advisories can be reached"
  [ -z "${ETIQA_AUDIT_STRICT:-}" ] || exit 1
else
  say "No advisory is known for what this depends on"
fi
