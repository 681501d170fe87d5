#!/usr/bin/env bash
# Makes a Debian package of a program that is built already, in target/package, and prints its path.
#
#   deb.sh PROGRAM [OPTIONS OF cargo deb…]       such as --profile ci, or --target x86_64-unknown-linux-musl
set -euo pipefail
source "$(dirname "$0")/lib.sh"

program=$1
shift
[ -x "$program" ] || fail "there is no program $program: build it first."
scripts/install-package-tools.sh --deb-only

# What the package has besides the program and its units: documents, manual pages, completions.
share=target/package/share
rm -rf "$share"
mkdir -p "$share/doc/etiqa" "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/vendor-completions" \
  "$share/fish/vendor_completions.d"
cp README.md SECURITY.md docs/*.md docs/prometheus-alerts.yml docs/grafana-dashboard.json "$share/doc/etiqa/"
cp -r packaging/container "$share/doc/etiqa/container"
# The program tells them itself, so that they are of this very version.
"$program" man "$share/man/man1" >/dev/null || fail "$program writes no manual pages: see 'etiqa man --help'."
"$program" completions bash >"$share/bash-completion/completions/etiqa"
"$program" completions zsh >"$share/zsh/vendor-completions/_etiqa"
"$program" completions fish >"$share/fish/vendor_completions.d/etiqa.fish"

cd server
"$TOOLS/bin/cargo-deb" deb --no-build --no-strip --output "$ROOT/target/package/" "$@"
