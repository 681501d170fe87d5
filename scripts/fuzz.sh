#!/usr/bin/env bash
# Feeds the fuzzers of fuzz/, one after the other, each for a while and from all that is known of it: its corpus in
# fuzz/corpus, the drivers, the recordings, and what earlier runs on this machine found.
#
#   fuzz.sh [TARGET…]     ETIQA_FUZZ_SECONDS=60 for each one
#                         ETIQA_FUZZ_KEEP=1 puts what reaches code that the corpus does not into fuzz/corpus
#                         ETIQA_FUZZ_SANITIZER=none or address; without it address, where this Rust has its runtime
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# The newest that was tried with the Rust of Cargo.toml.
CARGO_FUZZ=0.13.2

seconds=${ETIQA_FUZZ_SECONDS:-60}
found="$ROOT/target/fuzz-corpus"

# The switches for coverage and sanitizers are nightly's own; this lets the stable compiler take them, so that what is
# fuzzed is built by the compiler that builds the release.
export RUSTC_BOOTSTRAP=1

install_cargo_fuzz() {
  local installed
  installed=$(PATH="$TOOLS/bin:$PATH" cargo fuzz --version 2>/dev/null || true)
  [ "$installed" != "cargo-fuzz $CARGO_FUZZ" ] || return 0
  say "Installing cargo-fuzz $CARGO_FUZZ (once, about a minute)"
  cargo install cargo-fuzz --version "$CARGO_FUZZ" --locked --root "$TOOLS" --target-dir "$TOOLS/build" --force --quiet
  rm -rf "$TOOLS/build"
}

# Our own code has no `unsafe`; AddressSanitizer watches that of others.
sanitizer() {
  local host libraries
  host=$(rustc -vV | awk '$1 == "host:" { print $2 }')
  libraries="$(rustc --print sysroot)/lib/rustlib/$host/lib"
  if compgen -G "$libraries/*rt.asan*" >/dev/null; then echo address; else echo none; fi
}

# What a fuzzer begins with besides its corpus.
seeds() {
  case $1 in
    driver) echo drivers ;;
    device) echo drivers/recordings ;;
  esac
}

# fuzz TARGET FOLDER… [-- OPTION…]
fuzz() { cargo fuzz run --sanitizer "$sanitizer" --target-dir "$ROOT/target/fuzz" "$@"; }

run() {
  local target=$1 options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1)
  local folders=("fuzz/corpus/$target")
  # shellcheck disable=SC2046 # no name or one, without spaces
  folders+=($(seeds "$target"))
  [ ! -f "fuzz/dictionaries/$target.dict" ] || options+=(-dict="fuzz/dictionaries/$target.dict")
  mkdir -p "$found/$target"
  say "Fuzzing $target for $seconds s"
  fuzz "$target" "$found/$target" "${folders[@]}" -- "${options[@]}" 2>&1 |
    grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|RELOAD|pulse)' || [ "${PIPESTATUS[0]}" -eq 0 ] || return 1
  [ -z "${ETIQA_FUZZ_KEEP:-}" ] || keep "$target" "${folders[@]}"
}

# The few inputs that together reach what all of them reach; what the seeds reach needs no other.
keep() {
  local target=$1 few="$found/few/$target" before file
  shift
  before=$(ls "fuzz/corpus/$target" | wc -l)
  rm -rf "$few" && mkdir -p "$few"
  for file in $(seeds "$target"); do find "$file" -maxdepth 1 -type f -exec cp {} "$few" \; ; done
  ls "$few" >"$few.seeds"
  fuzz "$target" "$few" "$@" "$found/$target" -- -set_cover_merge=1 >/dev/null 2>&1
  rm -rf "fuzz/corpus/$target" && mkdir -p "fuzz/corpus/$target"
  find "$few" -type f -printf '%f\n' | grep -vxFf "$few.seeds" | while read -r file; do
    mv "$few/$file" "fuzz/corpus/$target/"
  done
  say "fuzz/corpus/$target had $before files and has $(ls "fuzz/corpus/$target" | wc -l)"
}

scripts/check-prerequisites.sh
install_cargo_fuzz
export PATH="$TOOLS/bin:$PATH"
sanitizer=${ETIQA_FUZZ_SANITIZER:-$(sanitizer)}
[ "$#" -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
[ "$#" -eq 0 ] || targets=("$@")
say "Building ${targets[*]} (sanitizer: $sanitizer)"
for target in "${targets[@]}"; do
  cargo fuzz build --sanitizer "$sanitizer" --target-dir "$ROOT/target/fuzz" "$target"
done
failures=0
for target in "${targets[@]}"; do run "$target" || failures=$((failures + 1)); done
[ "$failures" -eq 0 ] || fail "$failures of the fuzzers above found something: the input is in fuzz/artifacts, and 'cargo fuzz run TARGET FILE' shows it again."
say "Nothing found"
