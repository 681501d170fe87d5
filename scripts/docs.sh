#!/usr/bin/env bash
# Builds the book of docs/ into target/docs, and follows every link in it.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

have node || fail "Node.js is missing: install version 20 or newer from https://nodejs.org or from your system's packages."
scripts/install-docs-tools.sh
node scripts/check-links.mjs
rm -rf target/docs
# What it says of its own progress is of no use; a warning is.
RUST_LOG=warn "$TOOLS/bin/mdbook" build docs
node scripts/check-links.mjs target/docs
say "The book is in target/docs/index.html"
