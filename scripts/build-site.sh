#!/usr/bin/env bash
# Builds target/site, which the server carries inside it: WebAssembly, its JavaScript, the CSS and public/.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

"$(dirname "$0")/install-build-tools.sh"
cargo build -p etiqa-frontend --target wasm32-unknown-unknown --profile wasm
wasm="target/wasm32-unknown-unknown/wasm/etiqa_frontend.wasm"

stamp=$(node scripts/content-hash.mjs "$wasm" style public frontend/package-lock.json scripts/build-site.sh scripts/assemble-site.mjs)
if [ "$(cat target/site.stamp 2>/dev/null)" = "$stamp" ] && [ -f "$SITE/pkg/etiqa_bg.wasm" ]; then
  say "The site is up to date"
  exit 0
fi

# A change that is interrupted halfway must not look finished.
rm -rf target/site.stamp target/site-parts
say "Making the JavaScript that loads the WebAssembly"
"$TOOLS/bin/wasm-bindgen" --target web --no-typescript --out-name etiqa --out-dir target/site-parts "$wasm"

say "Shrinking the WebAssembly"
# What rustc turns on for this target; wasm-opt refuses a module that uses more than it is told of.
"$TOOLS/npm/node_modules/.bin/wasm-opt" -Oz \
  --enable-bulk-memory --enable-bulk-memory-opt --enable-call-indirect-overlong --enable-multivalue \
  --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
  target/site-parts/etiqa_bg.wasm -o target/site-parts/etiqa_bg.wasm

node scripts/assemble-site.mjs target/site-parts "$SITE"
printf '%s\n' "$stamp" >target/site.stamp
