#!/usr/bin/env bash
# Installs, each once, what packages are made with: cargo-deb, and, but with --deb-only, what links a static program: the
# musl C library, its compiler, and rustc's target of it.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

deb_version=3.8.0

install_cargo_deb() {
  [ "$("$TOOLS/bin/cargo-deb" --version 2>/dev/null | awk '{ print $NF }')" != "$deb_version" ] || return 0
  say "Installing cargo-deb $deb_version (once, about a minute)"
  # Without its own compressor: it calls xz, which every Debian has.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install cargo-deb --version "$deb_version" --locked --no-default-features \
    --root "$TOOLS" --target-dir "$TOOLS/build" --force --quiet
  rm -rf "$TOOLS/build"
}

# C code of libraries (SQLite, aws-lc, libgit2, zlib, zstd) is compiled by musl-gcc against musl's headers.
install_musl() {
  have musl-gcc && return 0
  have apt-get || fail "musl-gcc is missing: install your system's package of the musl C library and its compiler (musl-tools on Debian)."
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || fail "musl-gcc is missing: as root run 'apt-get install musl-tools', then run this again."
    as_root=(sudo)
  fi
  say "Installing musl-tools"
  ${as_root[@]+"${as_root[@]}"} apt-get update -qq
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends musl-tools >&2
}

install_musl_target() {
  [ ! -d "$(rustc --print sysroot)/lib/rustlib/$STATIC_TARGET/lib" ] || return 0
  have rustup || fail "this Rust has no $STATIC_TARGET target and there is no rustup to add it: install Rust with rustup (https://rustup.rs), or your system's package of that target."
  say "Adding Rust's musl target"
  rustup target add "$STATIC_TARGET"
}

mkdir -p "$TOOLS/bin"
{ have dpkg-deb && have dpkg-shlibdeps && have xz; } ||
  fail "a Debian package is made on Debian or Ubuntu, with the package 'dpkg-dev': install that first."
install_cargo_deb
[ "${1:-}" != --deb-only ] || exit 0
install_musl
install_musl_target
