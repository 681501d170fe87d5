#!/usr/bin/env bash
# Installs what the tests drive for real: Chromium, PostgreSQL, servers of SSH and telnet, a router's command line (FRR),
# Git, other programs that open archives, Prometheus's checker, what we are measured beside, and what holds the REST API
# against its description.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# Debian keeps daemons where only root's PATH looks, and PostgreSQL's in a folder per version.
PATH="$PATH:/usr/sbin:/sbin:/usr/lib/frr"
has_emoji_font() { have fc-list && [ -n "$(fc-list ':charset=1f7e2' file)" ]; }
has_telnetd() { have telnetd || have in.telnetd || [ -x "$TOOLS/telnetd/usr/sbin/telnetd" ]; }
# Lets a server ask passwords of the test's own instead of the machine's.
has_pam_wrapper() { { compgen -G '/usr/lib/*/libpam_wrapper.so' || compgen -G '/usr/lib*/libpam_wrapper.so'; } >/dev/null; }
has_promtool() { have promtool || [ -x "$TOOLS/prometheus/usr/bin/promtool" ]; }
has_faketime() { compgen -G '/usr/lib*/faketime/libfaketime.so.1' || compgen -G '/usr/lib/*/faketime/libfaketime.so.1'; } >/dev/null

wanted=()
have chromium || wanted+=(chromium)
have sshd || wanted+=(openssh-server)
has_pam_wrapper || wanted+=(libpam-wrapper)
{ have vtysh && have zebra; } || wanted+=(frr)
{ have initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || wanted+=(postgresql)
have unzip || wanted+=(unzip)
# Tells what the program did to its files, for the test of power cuts.
have strace || wanted+=(strace)
# Gives a program another clock.
has_faketime || wanted+=(libfaketime)
# Programs of others that open our archives.
{ have 7z || have 7zz; } || wanted+=(7zip)
{ have age && have age-keygen; } || wanted+=(age)
# Reads our mirrors, and is the other side of their pushes.
have git || wanted+=(git)
have python3 || wanted+=(python3)
# Examples of the REST API are commands of curl's.
have curl || wanted+=(curl)
python3 -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
# What searches are measured beside.
have rg || wanted+=(ripgrep)
have fc-list || wanted+=(fontconfig)
has_emoji_font || wanted+=(fonts-noto-color-emoji)
missing=("${wanted[@]}")
has_promtool || missing+=(prometheus)
has_telnetd || missing+=(inetutils-telnetd)
install_python_tools() {
  local venv="$TOOLS/test-python"
  cmp -s scripts/test-tools.txt "$venv/installed.txt" && return 0
  say "Installing schemathesis and aiosmtpd (once)"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/test-tools.txt >&2
  # Written last: an install that was cut short is done again.
  cp scripts/test-tools.txt "$venv/installed.txt"
}

if [ "${#missing[@]}" -eq 0 ]; then
  install_python_tools
  exit 0
fi

have apt-get || fail "the tests need ${missing[*]} (these are Debian's names): install them with your system's package manager, then run this again."
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  have sudo || fail "the tests need ${missing[*]}: as root run 'apt-get install ${missing[*]}', then run this again."
  as_root=(sudo)
fi

# The tests start servers of their own; the packages' must not begin to listen on this machine because of us.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | ${as_root[@]+"${as_root[@]}"} tee "$policy" >/dev/null
  ${as_root[@]+"${as_root[@]}"} chmod 755 "$policy"
  trap '${as_root[@]+"${as_root[@]}"} rm -f "$policy"' EXIT
fi

say "Installing ${missing[*]}"
${as_root[@]+"${as_root[@]}"} apt-get update -qq
if [ "${#wanted[@]}" -gt 0 ]; then
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >&2
fi
# Unpacked only: the package itself brings a server of servers that would begin to listen when the machine starts again.
if ! has_telnetd; then
  mkdir -p "$TOOLS/telnetd"
  (
    cd "$TOOLS/telnetd"
    # Root would else leave the download to a user that cannot write here.
    apt-get download -qq -o APT::Sandbox::User=root inetutils-telnetd >&2
    dpkg-deb -x inetutils-telnetd_*.deb .
    rm inetutils-telnetd_*.deb
  )
fi
# Of Prometheus the checker alone, for the same reason.
if ! has_promtool; then
  mkdir -p "$TOOLS/prometheus"
  (
    cd "$TOOLS/prometheus"
    apt-get download -qq -o APT::Sandbox::User=root prometheus >&2
    dpkg-deb -x prometheus_*.deb .
    rm prometheus_*.deb
  )
fi
install_python_tools
