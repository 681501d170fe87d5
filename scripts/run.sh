#!/usr/bin/env bash
# Builds what has changed and serves it. Arguments go to `etiqa serve`.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

scripts/build-release.sh
exec target/release/etiqa serve "$@"
