#!/usr/bin/env bash
# Installs, each once, what turns the front into WebAssembly: rustc's wasm32 target, wasm-bindgen, wasm-opt.
# With --target-only the first alone, which is all that clippy needs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

install_wasm_target() {
  [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ] || return 0
  have rustup || fail "this Rust has no wasm32-unknown-unknown target and there is no rustup to add it: install Rust with rustup (https://rustup.rs), or your system's package of that target."
  say "Adding Rust's wasm32 target"
  rustup target add wasm32-unknown-unknown
}

# wasm-bindgen refuses a module made by any other version of itself, so the one of Cargo.lock it must be.
install_wasm_bindgen() {
  local wanted
  wanted=$(locked_version wasm-bindgen)
  [ -n "$wanted" ] || fail "Cargo.lock names no wasm-bindgen: restore it with 'git checkout Cargo.lock'."
  if [ "$("$TOOLS/bin/wasm-bindgen" --version 2>/dev/null)" = "wasm-bindgen $wanted" ]; then
    return 0
  fi
  if [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $wanted" ]; then
    mkdir -p "$TOOLS/bin"
    ln -sf "$(command -v wasm-bindgen)" "$TOOLS/bin/wasm-bindgen"
    return 0
  fi
  say "Installing wasm-bindgen $wanted (once, two to three minutes)"
  # opt-level 1 is quicker to build and still links our module in a blink.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install wasm-bindgen-cli --version "$wanted" --bin wasm-bindgen \
    --root "$TOOLS" --target-dir "$TOOLS/build" --force --quiet
  rm -rf "$TOOLS/build"
}

# wasm-opt comes with npm's binaryen: what distributions ship is often too old for what rustc emits.
install_wasm_opt() {
  cmp -s frontend/package-lock.json "$TOOLS/npm/installed-lock.json" && return 0
  say "Installing wasm-opt (once)"
  mkdir -p "$TOOLS/npm"
  cp frontend/package.json frontend/package-lock.json frontend/.npmrc "$TOOLS/npm/"
  npm ci --prefix "$TOOLS/npm" --loglevel=error >&2
  # Written last: an install that was cut short is done again.
  cp frontend/package-lock.json "$TOOLS/npm/installed-lock.json"
}

mkdir -p "$TOOLS"
install_wasm_target
[ "${1:-}" != --target-only ] || exit 0
install_wasm_bindgen
install_wasm_opt
