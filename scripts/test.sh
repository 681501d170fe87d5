#!/usr/bin/env bash
# Runs the tests: all of them, or the suites named (rust, browser, packages). Every suite runs, whatever failed before it;
# at the end a table says how long each took, and the last line counts tests.
#
#   test.sh [rust] [browser] [packages]       ETIQA_TEST_LONG=1 runs the whole of what is otherwise sampled
#
# What installs packages into the machine runs where it is named, and where nobody named anything on a machine that is
# thrown away (CI=true).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

suites=" ${*:-rust browser${CI:+ packages}} "
logs="$ROOT/target/test-logs"
mkdir -p "$logs"
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1

# One profile for the Rust tests and for the program that the browser drives: the dependencies are built once,
# and both test the same binary.
host=(--profile ci --workspace --exclude etiqa-frontend)
# A test that waits for ever fails its own program, not the whole run.
within="target.'cfg(unix)'.runner = ['timeout', '--verbose', '${ETIQA_TEST_LONG:+1}20m']"

table=()
passed=0
failed=0

# step NAME COMMAND…: runs the command, keeps its output, adds a row to the table and to the counts.
step() {
  local name=$1 log began=$SECONDS result=ok step_passed step_failed
  log="$logs/${name// /-}.log"
  shift
  say "$name"
  if "$@" 2>&1 | tee "$log"; then :; else result=FAILED; fi
  read -r step_passed step_failed < <(count_tests "$log")
  [ "$step_failed" -eq 0 ] || result=FAILED
  # A suite that broke without a failed test (it did not compile, say) is one failure.
  if [ "$result" = FAILED ] && [ "$step_failed" -eq 0 ]; then step_failed=1; fi
  passed=$((passed + step_passed))
  failed=$((failed + step_failed))
  table+=("$(printf '%-28s %5.1f min  %5d passed  %4d failed  %s' "$name" \
    "$(awk "BEGIN { print ($SECONDS - $began) / 60 }")" "$step_passed" "$step_failed" "$result")")
  [ "$result" = ok ]
}

# Adds up cargo's "test result:" lines and Playwright's closing lines: "12 passed (40.1s)", "1 failed".
count_tests() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    /^test result:/ { passed += $4; failed += $6 }
    /^ +[0-9]+ passed( |$)/ { passed += $1 }
    /^ +[0-9]+ (failed|flaky|interrupted|did not run)( |$)/ { failed += $1 }
    END { print passed + 0, failed + 0 }'
}

browser_tests() {
  (cd end2end && npm ci --loglevel=error && npx playwright test)
}

broken=0
step "build the site" scripts/build-site.sh || broken=1
step "build the tests" cargo build "${host[@]}" --tests --bins || broken=1
if [ "$broken" -eq 0 ]; then
  case "$suites" in *" rust "*)
    step "Rust tests" scripts/with-postgres.sh cargo test "${host[@]}" --config "$within" --no-fail-fast || broken=1 ;;
  esac
  case "$suites" in *" browser "*)
    export ETIQA_BIN="$ROOT/target/ci/etiqa" ETIQA_SIMULATOR_BIN="$ROOT/target/ci/etiqa-simulator"
    step "browser tests" browser_tests || broken=1 ;;
  esac
  case "$suites" in *" packages "*)
    step "packages" scripts/test-packages.sh || broken=1 ;;
  esac
fi

printf '\n'
printf '%s\n' "${table[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$broken" -eq 0 ]
