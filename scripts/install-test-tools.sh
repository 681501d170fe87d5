#!/usr/bin/env bash
# Installs what the tests drive for real: Chromium, PostgreSQL, an SSH server and a router's command line (FRR).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# Debian keeps daemons where only root's PATH looks, and PostgreSQL's in a folder per version.
PATH="$PATH:/usr/sbin:/sbin:/usr/lib/frr"
has_emoji_font() { have fc-list && [ -n "$(fc-list ':charset=1f7e2' file)" ]; }

wanted=()
have chromium || wanted+=(chromium)
have sshd || wanted+=(openssh-server)
{ have vtysh && have zebra; } || wanted+=(frr)
{ have initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || wanted+=(postgresql)
have unzip || wanted+=(unzip)
have python3 || wanted+=(python3)
have fc-list || wanted+=(fontconfig)
has_emoji_font || wanted+=(fonts-noto-color-emoji)
[ "${#wanted[@]}" -gt 0 ] || exit 0

have apt-get || fail "the tests need ${wanted[*]} (these are Debian's names): install them with your system's package manager, then run this again."
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  have sudo || fail "the tests need ${wanted[*]}: as root run 'apt-get install ${wanted[*]}', then run this again."
  as_root=(sudo)
fi

# The tests start servers of their own; the packages' must not begin to listen on this machine because of us.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | ${as_root[@]+"${as_root[@]}"} tee "$policy" >/dev/null
  ${as_root[@]+"${as_root[@]}"} chmod 755 "$policy"
  trap '${as_root[@]+"${as_root[@]}"} rm -f "$policy"' EXIT
fi

say "Installing ${wanted[*]}"
${as_root[@]+"${as_root[@]}"} apt-get update -qq
${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >&2
