#!/usr/bin/env bash
# Rebuilds and reloads the page while you edit. For those who have cargo-leptos.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

have cargo-leptos || fail "'make watch' needs cargo-leptos: 'cargo install cargo-leptos' (about 15 minutes), or use 'make run' after each change."
scripts/install-build-tools.sh
exec cargo leptos watch "$@"
