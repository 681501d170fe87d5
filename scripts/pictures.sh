#!/usr/bin/env bash
# Takes the pictures of docs/pictures anew, of the program that the tests use, and makes them small.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

scripts/install-test-tools.sh
export ETIQA_BIN=${ETIQA_BIN:-"$ROOT/target/ci/etiqa"} ETIQA_SIMULATOR_BIN=${ETIQA_SIMULATOR_BIN:-"$ROOT/target/ci/etiqa-simulator"}
[ -x "$ETIQA_BIN" ] || fail "there is no $ETIQA_BIN: 'make e2e' builds it."
have pngquant || fail "pngquant is missing: install your system's package of that name."

taken=$(mktemp -d "${TMPDIR:-/tmp}/etiqa-pictures.XXXXXX")
trap 'rm -rf "$taken"' EXIT
(
  cd end2end
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --loglevel=error
  ETIQA_PICTURES="$taken" npx playwright test --config pictures.config.ts
)
mkdir -p docs/pictures
# A page has few colours: a quarter of the bytes, and no difference to see.
for picture in "$taken"/*.png; do
  pngquant --force --strip --speed 1 --quality 70-95 --output "docs/pictures/$(basename "$picture")" "$picture"
done
ls -l docs/pictures >&2
