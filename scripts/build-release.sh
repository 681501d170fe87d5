#!/usr/bin/env bash
# Builds the program as people run it: target/release/etiqa, one file with the site inside it.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

scripts/check-prerequisites.sh
scripts/build-site.sh
cargo build --release -p etiqa-server "$@"
