#!/usr/bin/env bash
# Serves a demo: simulated devices of every type, imported, changing now and then, with a backup every minute.
# Its data is in target/demo; ./data is not touched. ETIQA_LISTEN moves it to another address.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

user=demo
demo="$ROOT/target/demo"
etiqa=target/release/etiqa
export ETIQA_DATA_DIR="$demo/data"
# The simulated appliances show certificates of an authority of their own.
export ETIQA_CA_FILE="$demo/ca.pem"
export ETIQA_LISTEN=${ETIQA_LISTEN:-127.0.0.1:8000}

# What we started, and nothing else, ends with us; the server first, so that it sees no device vanish.
server=
devices=
trap 'stop $server $devices' EXIT
trap 'exit 0' INT TERM

start_devices() {
  mkdir -p "$demo"
  rm -f "$demo/inventory.csv"
  target/release/etiqa-simulator --devices 24 --types mixed --listen 127.0.0.1 --enable-password enable \
    --backup-ms 3000 --ca "$demo/ca.pem" --change-every 60 --credential "Simulated devices" \
    --inventory "$demo/inventory.csv" >"$demo/devices.log" 2>&1 &
  devices=$!
  # The inventory appears once every device listens.
  until [ -e "$demo/inventory.csv" ]; do
    kill -0 "$devices" 2>/dev/null || fail "the simulated devices did not start: $(tail -n 1 "$demo/devices.log")"
    sleep 0.1
  done
}

# Sets $password: made once, and the demo's own, so that a demo that others can reach has none that everybody knows.
know_password() {
  local file="$demo/password"
  if [ ! -s "$file" ]; then
    mkdir -p "$demo"
    (umask 077 && head -c 12 /dev/urandom | base64 | tr '+/' '-_' >"$file")
    ! is_known user "$user" || "$etiqa" user passwd "$user" --password-stdin <"$file"
  fi
  password=$(cat "$file")
}

# True when the list that `etiqa $1 list` prints names $2.
is_known() { "$etiqa" "$1" list | grep -F -- "$2" >/dev/null; }

# Adds what is not there yet: the demo may have run before.
fill() {
  is_known user "$user" || printf '%s\n' "$password" | "$etiqa" user add "$user" --role admin --password-stdin
  is_known credential "Simulated devices" || printf 'admin\nenable\n' |
    "$etiqa" credential add "Simulated devices" --username admin --password-stdin --enable-stdin
  "$etiqa" import-devices "$demo/inventory.csv"
  is_known backup-config "Demo backup" ||
    "$etiqa" backup-config add "Demo backup" --type full --frequency cron --cron '* * * * *' --max-backups 10
}

start_server() {
  "$etiqa" serve &
  server=$!
  wait_for_url "http://$ETIQA_LISTEN/readyz" 30 "$server" || fail "the server did not get ready; its own message is above."
}

scripts/build-release.sh -p etiqa-simulator
if wait_for_url "http://$ETIQA_LISTEN/readyz" 0; then
  fail "something answers on $ETIQA_LISTEN already: stop it, or choose another address with ETIQA_LISTEN=127.0.0.1:9000 make demo."
fi
say "Starting the simulated devices"
start_devices
know_password
fill
start_server
cat >&2 <<END

    The demo is at http://$ETIQA_LISTEN
    User: $user    Password: $password
    The first backup starts within a minute. Ctrl-C ends the demo; 'make clean-demo' forgets its data.

END
wait "$server"
