#!/usr/bin/env bash
# Builds target/site, which the server carries inside it: WebAssembly, its JavaScript, the CSS and public/.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

"$(dirname "$0")/install-build-tools.sh"
# The bundles of app/src/bundle.rs: a feature of the front end, and the name of its files.
declare -A bundles=(
  [daily]=etiqa [devices]=etiqa-devices [device]=etiqa-device [configs]=etiqa-configs [forms]=etiqa-forms
  [reach]=etiqa-reach [watch]=etiqa-watch [admin]=etiqa-admin
)
rm -rf target/wasm-bundles
mkdir -p target/wasm-bundles
for feature in "${!bundles[@]}"; do
  cargo build -p etiqa-frontend --target wasm32-unknown-unknown --profile wasm --features "$feature"
  cp target/wasm32-unknown-unknown/wasm/etiqa_frontend.wasm "target/wasm-bundles/${bundles[$feature]}.wasm"
done

stamp=$(node scripts/content-hash.mjs target/wasm-bundles style public frontend/package-lock.json scripts/build-site.sh scripts/assemble-site.mjs)
if [ "$(cat target/site.stamp 2>/dev/null)" = "$stamp" ] && [ -f "$SITE/pkg/etiqa_bg.wasm" ]; then
  say "The site is up to date"
  exit 0
fi

# A change that is interrupted halfway must not look finished.
rm -rf target/site.stamp target/site-parts
say "Making the JavaScript that loads the WebAssembly, and shrinking that"
shrink_bundle() {
  "$TOOLS/bin/wasm-bindgen" --target web --no-typescript --out-name "$1" --out-dir target/site-parts "target/wasm-bundles/$1.wasm"
  # What rustc turns on for this target; wasm-opt refuses a module that uses more than it is told of.
  "$TOOLS/npm/node_modules/.bin/wasm-opt" -Oz \
    --enable-bulk-memory --enable-bulk-memory-opt --enable-call-indirect-overlong --enable-multivalue \
    --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
    "target/site-parts/$1_bg.wasm" -o "target/site-parts/$1_bg.wasm"
}
export TOOLS
export -f shrink_bundle
# Each takes one processor.
printf '%s\n' "${bundles[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'shrink_bundle {}'

node scripts/assemble-site.mjs target/site-parts "$SITE"
printf '%s\n' "$stamp" >target/site.stamp
