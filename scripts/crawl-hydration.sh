#!/usr/bin/env bash
# Looks at every page of a build in which leptos tells of every mismatch between server and browser, and at forms that
# came back refused before the program was there; what a browser says of a page there, were it a warning, fails. The first time everything is compiled anew, which takes as long as the first
# `make test`: that is why it is no part of that.
#
# What is built is a copy of the project under target/hydration, because the server takes in the site of its own folder.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

scripts/check-prerequisites.sh
scripts/install-build-tools.sh

copy="$ROOT/target/hydration"
say "Copying the project to target/hydration"
mkdir -p "$copy/target"
find "$copy" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
# Times are kept, so that cargo builds only what has changed.
tar -c --exclude=.git --exclude=target --exclude=node_modules --exclude=./data . | tar -x -C "$copy"
ln -sfn "$TOOLS" "$copy/target/tools"

# The first as in .cargo/config.toml, which this overrides.
export RUSTFLAGS="--cfg erase_components --cfg leptos_debuginfo"
(
  cd "$copy"
  export CARGO_TARGET_DIR="$copy/target" ETIQA_ANY_SIZE=1
  scripts/build-site.sh
  cargo build --profile ci -p etiqa-server -p etiqa-simulator
)

export ETIQA_BIN="$copy/target/ci/etiqa" ETIQA_SIMULATOR_BIN="$copy/target/ci/etiqa-simulator"
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
cd end2end
npm ci --loglevel=error
npx playwright test every-page --grep "at 1440 px|comes alive as it was typed"
