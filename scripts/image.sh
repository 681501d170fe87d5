#!/usr/bin/env bash
# Lays out in target/package/image what packaging/container/Dockerfile copies, and that file itself.
#
#   image.sh PROGRAM
set -euo pipefail
source "$(dirname "$0")/lib.sh"

authorities=/etc/ssl/certs/ca-certificates.crt
[ -s "$authorities" ] || fail "there is no $authorities: install your system's package ca-certificates."
image=target/package/image
rm -rf "$image"
mkdir -p "$image/empty"
install -m 755 "$1" "$image/etiqa"
install -m 644 "$authorities" packaging/container/passwd packaging/container/Dockerfile "$image/"
