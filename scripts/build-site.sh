#!/usr/bin/env bash
# Builds target/site, which the server carries inside it: WebAssembly, its JavaScript, the CSS and public/.
#
#   build-site.sh          for people: as small as it gets
#   build-site.sh --quick  for tests: the same code, in a fraction of the time
set -euo pipefail
source "$(dirname "$0")/lib.sh"

profile=wasm
[ "${1:-}" != --quick ] || profile=ci

"$(dirname "$0")/install-build-tools.sh"
cargo build -p etiqa-frontend --target wasm32-unknown-unknown --profile "$profile"
wasm="target/wasm32-unknown-unknown/$profile/etiqa_frontend.wasm"

stamp=$(node scripts/content-hash.mjs "$wasm" style public frontend/package-lock.json scripts/build-site.sh scripts/assemble-site.mjs)
if [ "$(cat target/site.stamp 2>/dev/null)" = "$stamp" ] && [ -f "$SITE/pkg/etiqa_bg.wasm" ]; then
  say "The site is up to date"
  exit 0
fi

# A change that is interrupted halfway must not look finished.
rm -rf target/site.stamp target/site-parts
say "Making the JavaScript that loads the WebAssembly"
"$TOOLS/bin/wasm-bindgen" --target web --no-typescript --out-name etiqa --out-dir target/site-parts "$wasm"

if [ "$profile" = wasm ]; then
  say "Shrinking the WebAssembly"
  # What rustc turns on for this target; wasm-opt refuses a module that uses more than it is told of.
  "$TOOLS/npm/node_modules/.bin/wasm-opt" -Oz \
    --enable-bulk-memory --enable-bulk-memory-opt --enable-call-indirect-overlong --enable-multivalue \
    --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
    target/site-parts/etiqa_bg.wasm -o target/site-parts/etiqa_bg.wasm
fi

node scripts/assemble-site.mjs target/site-parts "$SITE" "$profile"
printf '%s\n' "$stamp" >target/site.stamp
