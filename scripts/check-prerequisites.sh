#!/usr/bin/env bash
# Checks for what we do not install ourselves, and says in one sentence each how to get it.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

missing=0
lacks() {
  printf '%s\n' "$*" >&2
  missing=1
}

rust_wanted=$(awk -F'"' '/^rust-version/ { print $2; exit }' Cargo.toml)
if ! have cargo || ! have rustc; then
  lacks "Rust is missing: install it with rustup (https://rustup.rs), then open a new terminal."
elif ! version_at_least "$(rustc --version | awk '{ print $2 }')" "$rust_wanted"; then
  lacks "Rust $rust_wanted or newer is needed and this is $(rustc --version | awk '{ print $2 }'): run 'rustup update stable'."
fi

if ! have node; then
  lacks "Node.js is missing: install version 20 or newer from https://nodejs.org or from your system's packages."
elif ! version_at_least "$(node --version | tr -d v)" 20; then
  lacks "Node.js 20 or newer is needed and this is $(node --version): update it from https://nodejs.org."
fi
have npm || lacks "npm is missing: it comes with Node.js; on Debian and Ubuntu install the package 'npm'."

if ! have cc && ! have gcc && ! have clang; then
  lacks "A C compiler is missing: on Debian and Ubuntu run 'sudo apt-get install build-essential', on macOS 'xcode-select --install'."
fi

[ "$missing" -eq 0 ] || fail "install what is named above, then run the same command again."
