#!/usr/bin/env bash
# Installs the Debian package into this machine, runs the service as its unit says, upgrades, removes and purges the package;
# and runs what the image has in it, from a root directory of its own that nobody can write to. As root, on Debian or Ubuntu;
# everything that it made is gone afterwards.
#
#   test-packages.sh [PROGRAM DEB]     without them: the program of the tests, packed for this
set -euo pipefail
source "$(dirname "$0")/lib.sh"

have dpkg || fail "packages are tried on Debian or Ubuntu: there is no dpkg here."
[ "$(id -u)" -eq 0 ] || fail "packages are installed by root: run this as root, in a machine that you can throw away."
if dpkg-query --show etiqa >/dev/null 2>&1 || [ -e /var/lib/etiqa ] || [ -e /etc/etiqa ]; then
  fail "Etiqa Auto Backup is on this machine already, and these tests would remove it: run them elsewhere."
fi

passed=0
failed=0
# check SENTENCE COMMAND…: one test.
check() {
  local sentence=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$sentence"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$sentence"
    sed 's/^/        /' "$work/said"
  fi
}
# What must not succeed.
refused() { ! "$@"; }
says() { grep -qF -- "$1" "$2"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/etiqa-packages.XXXXXX")
had_user=$(getent passwd etiqa || true)
container=
cleanup() {
  [ -z "$container" ] || stop "$container"
  dpkg --purge etiqa >/dev/null 2>&1 || true
  rm -rf "$work" /var/lib/etiqa
  if [ -z "$had_user" ] && getent passwd etiqa >/dev/null; then
    # A user's own group goes along, or is none of theirs.
    userdel etiqa 2>/dev/null || true
    ! getent group etiqa >/dev/null || groupdel etiqa 2>/dev/null || true
  fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

program=${1:-target/ci/etiqa}
deb=${2:-}
if [ -z "$deb" ]; then
  say "Packing $program"
  rm -f target/package/*.deb
  # Packed lightly: it is thrown away.
  scripts/deb.sh "$program" --profile ci --fast
  deb=$(echo target/package/*.deb)
fi
deb=$(realpath "$deb")
unit=/usr/lib/systemd/system/etiqa.service
worker=/usr/lib/systemd/system/etiqa-worker@.service

# --- installed
install_package() {
  apt-get install -y -qq --no-install-recommends -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$deb"
}
is() { # is FILE MODE OWNER
  local found
  found=$(stat --format '%a %U' "$1")
  [ "$found" = "$2 $3" ] || { echo "$1 is $found"; return 1; }
}
same_version() { [ "$(dpkg-query --show --showformat '${Version}' etiqa | sed 's/-[^-]*$//')" = "$(etiqa --version | awk '{ print $2 }')" ]; }
# Units of sites have names that nothing else finds.
restarts_workers() {
  says "systemctl try-restart 'etiqa-worker@*.service'" /var/lib/dpkg/info/etiqa.postinst &&
    says "systemctl stop 'etiqa-worker@*.service'" /var/lib/dpkg/info/etiqa.prerm &&
    says 'deb-systemd-invoke stop etiqa.service' /var/lib/dpkg/info/etiqa.prerm
}
has_conffiles() {
  local file
  for file in /etc/etiqa/etiqa.toml /etc/default/etiqa /etc/default/etiqa-worker; do
    dpkg-query --show --showformat '${Conffiles}' etiqa | grep -q " $file " || { echo "$file is none"; return 1; }
  done
}
is_user_of_its_own() { getent passwd etiqa | grep -q ':/var/lib/etiqa:/usr/sbin/nologin$'; }
documents_are_there() {
  local page
  for page in README installing start; do
    [ -s "/usr/share/doc/etiqa/$page.md" ] || [ -s "/usr/share/doc/etiqa/$page.md.gz" ] || { echo "no $page.md"; return 1; }
  done
  [ -s /usr/share/man/man1/etiqa.1.gz ] && [ -s /usr/share/bash-completion/completions/etiqa ] &&
    [ -s /usr/share/zsh/vendor-completions/_etiqa ] && [ -s /usr/share/fish/vendor_completions.d/etiqa.fish ]
}

check "the package installs" install_package
check "the program in it is the one that the package is named after" same_version
check "its user can sign in nowhere" is_user_of_its_own
check "its data directory is nobody else's to read" is /var/lib/etiqa 700 etiqa
check "what may hold a password is root's to read" is /etc/default/etiqa 640 root
check "the settings are everybody's to read" is /etc/etiqa/etiqa.toml 644 root
check "what people edit is kept by upgrades" has_conffiles
check "documents, manual and completions are there" documents_are_there
check "an upgrade starts the workers of all sites again, and a removal stops them" restarts_workers

# --- the units
quiet() { "$@" >"$work/quiet" 2>&1 && [ ! -s "$work/quiet" ] || { cat "$work/quiet"; return 1; }; }
check "systemd finds nothing wrong with the unit" quiet systemd-analyze verify "$unit"
check "nor with that of workers" quiet systemd-analyze verify "${worker%@.service}@graz.service"
# 0.0 is a service that can do nothing, 10.0 one that can do everything.
check "the service can do little else than its work" systemd-analyze security --offline=true --threshold=20 "$unit"
check "and so can a worker" systemd-analyze security --offline=true --threshold=20 "$worker"

# --- run as the unit says
port=$(free_port)
printf 'ETIQA_LISTEN=127.0.0.1:%s\nETIQA_START_DELAY=0\n' "$port" >>/etc/default/etiqa
while_it_runs() {
  scripts/run-as-service.py "$unit" bash -euo pipefail -c "
    source scripts/lib.sh
    wait_for_url http://127.0.0.1:$port/readyz 10
    ETIQA_LISTEN=127.0.0.1:$port etiqa healthcheck
    etiqa backup-config add Nightly --type data --frequency daily --at 02:00 --zone UTC
    etiqa run-backups --config Nightly --force
    etiqa verify --all
  "
}
belongs_to_the_user() {
  local others
  others=$(find /var/lib/etiqa ! -user etiqa)
  [ -z "$others" ] || { echo "not etiqa's: $others"; return 1; }
}
check "the service starts as its unit says, works, is backed up by commands of root, and stops" while_it_runs
check "a command of root leaves nothing that is root's" belongs_to_the_user
check "there is an archive" compgen -G '/var/lib/etiqa/backups/nightly_*.zip'
check "without a server, a check says that nothing answers" refused env ETIQA_LISTEN="127.0.0.1:$port" etiqa healthcheck

# --- upgraded, removed, purged
echo '# edited here' >>/etc/etiqa/etiqa.toml
check "the package is installed over itself" dpkg --install "$deb"
check "edited settings are kept" says '# edited here' /etc/etiqa/etiqa.toml
check "the service starts again on what was there" scripts/run-as-service.py "$unit" etiqa verify --all
check "the package is removed" dpkg --remove etiqa
check "the program is gone" refused test -e /usr/bin/etiqa
check "the settings are still there" says '# edited here' /etc/etiqa/etiqa.toml
check "and so is the key" test -s /var/lib/etiqa/secret.key
purge() { dpkg --purge etiqa | tee "$work/purged"; }
check "the package is purged" purge
check "and says where the backups still are" says 'still in /var/lib/etiqa.' "$work/purged"
check "which they are" compgen -G '/var/lib/etiqa/backups/nightly_*.zip'
check "the settings are gone" refused test -e /etc/etiqa
check "the unit is gone" refused test -e "$unit"

# --- the image's content, in a root directory of its own
image=target/package/image
scripts/image.sh "$program"
root="$work/root"
mkdir -p "$root"
# The last word of the lines of this instruction.
instruction() { sed -n "s/^$1 //p" "$image/Dockerfile"; }
# As the lines of the Dockerfile say, in order.
lay_out() {
  local line word chown chmod words
  while read -r line; do
    chown=0:0 chmod='' words=()
    for word in $line; do
      case "$word" in
        --chown=*) chown=${word#--chown=} ;;
        --chmod=*) chmod=${word#--chmod=} ;;
        *) words+=("$word") ;;
      esac
    done
    mkdir -p "$root$(dirname "${words[1]}")"
    cp -r "$image/${words[0]}" "$root${words[1]}"
    chown "$chown" "$root${words[1]}"
    [ -z "$chmod" ] || chmod "$chmod" "$root${words[1]}"
  done < <(instruction COPY)
}
lay_out
# The program of the tests asks for libraries; that of a release has all of them inside.
if ! is_static "$program"; then
  while read -r library; do
    install -D "$library" "$root$library"
  done < <(ldd "$program" | grep -oE '/[^ ]+')
fi
mkdir -p "$root/proc" "$root/dev"
port=$(free_port)
# An engine gives it /proc and /dev, the volume, a root that is read-only, and no rights.
# shellcheck disable=SC2016 # the inner shell's own
as_engine='
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin
  root=$1 user=$2
  shift 2
  mount --make-rprivate /
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --bind "$root/data" "$root/data"
  mount -o remount,bind,ro "$root"
  exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid chroot --userspec="$user" "$root" "$@"'
in_image=(env -i ETIQA_DATA_DIR=/data ETIQA_LISTEN="127.0.0.1:$port" unshare --mount bash -euc "$as_engine" bash "$root")
user=$(instruction USER)
serves() {
  "${in_image[@]}" "$user" /usr/bin/etiqa serve >"$work/container" 2>&1 &
  container=$!
  wait_for_url "http://127.0.0.1:$port/readyz" 30 "$container" || { cat "$work/container"; return 1; }
}
has_variables() { [ "$(instruction ENV)" = "ETIQA_DATA_DIR=/data ETIQA_LISTEN=0.0.0.0:8000" ]; }
has_page() {
  node -e 'fetch(process.argv[1]).then((answer) => answer.text()).then((page) => process.exit(/<!doctype html>/i.test(page) ? 0 : 1))' "$1"
}
# Not even root could write there.
is_read_only() {
  ! "${in_image[@]}" 0:0 /usr/bin/etiqa --data-dir /elsewhere backup-status 2>"$work/refusal" &&
    says 'Read-only file system' "$work/refusal"
}
belongs_to_its_user() { [ "$(stat --format %u:%g "$root/data/etiqa.db")" = "$user" ]; }
has_ended_well() { stop_and_wait "$container"; }
stop_and_wait() { kill "$1" && wait "$1"; }
if unshare --mount true 2>/dev/null; then
  check "the image's variables are those that are tried here" has_variables
  check "the image's content serves, by a user without rights, from a root that nobody can write to" serves
  check "its pages answer" has_page "http://127.0.0.1:$port/setup"
  check "its own check says that it is well" "${in_image[@]}" "$user" /usr/bin/etiqa healthcheck
  check "its root is read-only" is_read_only
  check "what it keeps is its user's" belongs_to_its_user
  check "it ends when it is told to" has_ended_well
  container=
  check "its check says that it is gone" refused "${in_image[@]}" "$user" /usr/bin/etiqa healthcheck
else
  say "This machine makes no mount namespaces: the image's content is not tried"
fi

printf '\n  %d passed\n' "$passed"
[ "$failed" -eq 0 ] || printf '  %d failed\n' "$failed"
[ "$failed" -eq 0 ]
