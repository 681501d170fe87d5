#!/usr/bin/env bash
# Feeds the fuzzers of fuzz/, one after the other, each for a while and from all that is known of it: its corpus in
# fuzz/corpus, the drivers or the recordings, and what earlier runs on this machine found.
#
#   fuzz.sh [TARGET…]     ETIQA_FUZZ_SECONDS=60 for each one
#                         ETIQA_FUZZ_KEEP=1 puts what reaches code that the corpus does not into fuzz/corpus
#                         ETIQA_FUZZ_SANITIZER=none or address; without it address, where this Rust has its runtime
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# The newest one that was tried with the Rust of Cargo.toml.
CARGO_FUZZ=0.13.2

seconds=${ETIQA_FUZZ_SECONDS:-60}
found="$ROOT/target/fuzz-corpus"

# The switches for coverage and sanitizers are nightly's own; this lets the stable compiler take them, so that what is
# fuzzed is made by the compiler that makes the release.
export RUSTC_BOOTSTRAP=1
export PATH="$TOOLS/bin:$PATH"

install_cargo_fuzz() {
  [ "$(cargo fuzz --version 2>/dev/null)" != "cargo-fuzz $CARGO_FUZZ" ] || return 0
  say "Installing cargo-fuzz $CARGO_FUZZ (once, about a minute)"
  cargo install cargo-fuzz --version "$CARGO_FUZZ" --locked --root "$TOOLS" --target-dir "$TOOLS/build" --force --quiet
  rm -rf "$TOOLS/build"
}

# Our own code has no `unsafe`; AddressSanitizer watches that of others.
best_sanitizer() {
  local libraries
  libraries=$(rustc --print target-libdir)
  if compgen -G "$libraries/*rt.asan*" >/dev/null; then echo address; else echo none; fi
}

# fuzz run|build TARGET…
fuzz() {
  local what=$1
  shift
  cargo fuzz "$what" --sanitizer "$sanitizer" --target-dir "$ROOT/target/fuzz" "$@"
}

# The folder that a fuzzer begins with besides its corpus, in the array `seeds`.
find_seeds() {
  case $1 in
    driver) seeds=(drivers) ;;
    device) seeds=(drivers/recordings) ;;
    *) seeds=() ;;
  esac
}

# Runs fuzzer $1; what it found new is kept on this machine.
feed() {
  local options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1)
  find_seeds "$1"
  [ ! -f "fuzz/dictionaries/$1.dict" ] || options+=(-dict="fuzz/dictionaries/$1.dict")
  mkdir -p "$found/$1"
  say "Fuzzing $1 for $seconds s"
  fuzz run "$1" "$found/$1" "fuzz/corpus/$1" ${seeds[@]+"${seeds[@]}"} -- "${options[@]}" 2>&1 |
    grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|RELOAD|pulse)'
}

# Makes of fuzzer $1's corpus the few inputs that together reach what all known ones reach, the seeds aside.
keep() {
  local few="$found/few-$1" folder name
  find_seeds "$1"
  rm -rf "$few" && mkdir -p "$few"
  for folder in ${seeds[@]+"${seeds[@]}"}; do find "$folder" -maxdepth 1 -type f -exec cp {} "$few" \;; done
  fuzz run "$1" "$few" "fuzz/corpus/$1" "$found/$1" -- -set_cover_merge=1 >/dev/null 2>&1
  rm -rf "fuzz/corpus/$1" && mkdir -p "fuzz/corpus/$1"
  for name in "$few"/*; do
    for folder in ${seeds[@]+"${seeds[@]}"}; do [ ! -e "$folder/${name##*/}" ] || continue 2; done
    mv "$name" "fuzz/corpus/$1/"
  done
  say "fuzz/corpus/$1 has $(find "fuzz/corpus/$1" -type f | wc -l) files now"
}

scripts/check-prerequisites.sh
install_cargo_fuzz
sanitizer=${ETIQA_FUZZ_SANITIZER:-$(best_sanitizer)}
targets=("$@")
[ "$#" -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
say "Building the fuzzers (sanitizer: $sanitizer)"
for target in "${targets[@]}"; do fuzz build "$target"; done
failures=0
for target in "${targets[@]}"; do
  if ! feed "$target"; then
    failures=$((failures + 1))
  elif [ -n "${ETIQA_FUZZ_KEEP:-}" ]; then
    keep "$target"
  fi
done
[ "$failures" -eq 0 ] || fail "$failures of the fuzzers found something: its input is in fuzz/artifacts, and 'RUSTC_BOOTSTRAP=1 cargo fuzz run TARGET FILE' shows it again."
say "Nothing found"
