#!/usr/bin/env bash
# Measures the release build on this machine and prints each figure beside its budget. Judges nothing: exit 0.
#
#   run.sh [DEVICES] [BYTES]      500 simulated devices of 65536 bytes by default
set -euo pipefail
source "$(dirname "$0")/../scripts/lib.sh"

[ -r /proc/self/status ] || fail "'make bench' reads memory figures from /proc: run it on Linux."
scripts/build-release.sh -p etiqa-simulator
cargo build --release -p etiqa-engine --example diff_time --example hash_time --example seed
rm -rf target/bench
mkdir -p target/bench
# The peers need Python; without it the other figures still come.
if [ ! -e target/bench-venv/.ready ]; then
  say "Installing the peers that we compare with (once)"
  { rm -rf target/bench-venv && python3 -m venv target/bench-venv &&
    target/bench-venv/bin/pip install --quiet -r bench/requirements.txt && touch target/bench-venv/.ready; } ||
    say "Python 3 with venv and pip is missing: no comparison with peers"
fi
# Nor is a browser measured without the Playwright of its tests.
[ -d end2end/node_modules ] || (cd end2end && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --loglevel=error) ||
  say "Playwright is missing: no figures of a browser"
node bench/figures.mjs "${1:-500}" "${2:-65536}"
