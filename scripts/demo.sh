#!/usr/bin/env bash
# Serves a demo: simulated devices of every type, imported, with a backup every minute.
# Its data is in target/demo; ./data is not touched. Arguments go to `etiqa serve`.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

user=demo
password=demo-demo-demo
export ETIQA_DATA_DIR="$ROOT/target/demo"
export ETIQA_LISTEN=${ETIQA_LISTEN:-127.0.0.1:8000}
inventory="$ETIQA_DATA_DIR/inventory.csv"
etiqa="$ROOT/target/release/etiqa"
started=()
# Everything we start, and nothing else, ends with us.
trap 'stop ${started[@]+"${started[@]}"}' EXIT
trap 'exit 130' INT TERM

start_devices() {
  mkdir -p "$ETIQA_DATA_DIR"
  chmod 700 "$ETIQA_DATA_DIR"
  rm -f "$inventory"
  target/release/etiqa-simulator --devices 24 --types mixed --listen 127.0.0.1 --port 2222 \
    --change-every 60s --inventory "$inventory" >"$ETIQA_DATA_DIR/simulator.log" 2>&1 &
  started+=($!)
  # The inventory is written once every device answers.
  until [ -s "$inventory" ]; do
    kill -0 "${started[0]}" 2>/dev/null || fail "the simulated devices did not start: $(tail -n 1 "$ETIQA_DATA_DIR/simulator.log")"
    sleep 0.1
  done
}

# True when the list that `etiqa $1 list` prints names $2.
is_known() { "$etiqa" "$1" list | grep -qF -- "$2"; }

fill() {
  is_known user "$user" || printf '%s\n' "$password" | "$etiqa" user add "$user" --role admin --password-stdin
  is_known credential "Simulated devices" ||
    printf 'admin\nadmin\n' | "$etiqa" credential add "Simulated devices" --username admin --password-stdin --enable-stdin
  "$etiqa" import-devices "$inventory" --update
  is_known backup-config "Demo backup" ||
    "$etiqa" backup-config add "Demo backup" --type full --frequency cron --cron '* * * * *' --max-backups 10
}

scripts/build-release.sh -p etiqa-simulator
say "Starting the simulated devices"
start_devices
fill
"$etiqa" serve "$@" &
started+=($!)
wait_for_url "http://$ETIQA_LISTEN/readyz" 30 || fail "the server did not get ready; its message is above."
cat >&2 <<END

    The demo is at http://$ETIQA_LISTEN
    User: $user    Password: $password
    The first backup starts within a minute. Ctrl-C ends the demo; 'make clean-demo' forgets its data.

END
wait "${started[1]}"
