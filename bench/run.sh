#!/usr/bin/env bash
# Measures the release build on this machine and prints each figure beside its budget. Judges nothing: exit 0.
#
#   run.sh [DEVICES] [BYTES]      500 simulated devices of 65536 bytes by default
set -euo pipefail
source "$(dirname "$0")/../scripts/lib.sh"

[ -r /proc/self/status ] || fail "'make bench' reads memory figures from /proc: run it on Linux."
scripts/build-release.sh -p etiqa-simulator
rm -rf target/bench
mkdir -p target/bench
node bench/figures.mjs "${1:-500}" "${2:-65536}"
