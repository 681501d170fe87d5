#!/usr/bin/env bash
# Makes what is released, in target/package: the program as one static file, packed with its units and documents, and the
# Debian package of the same program, and what an image of it is built of.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

package="$ROOT/target/package"
scripts/check-prerequisites.sh
scripts/install-package-tools.sh
scripts/build-site.sh
say "Building the static program (the first time as long as a release takes)"
CC_x86_64_unknown_linux_musl=musl-gcc cargo build --release -p etiqa-server --target "$STATIC_TARGET" --locked
program="target/$STATIC_TARGET/release/etiqa"
is_static "$program" || fail "$program asks for libraries of the system: 'ldd $program' names them."

version=$("$program" --version | awk '{ print $2 }')
name="etiqa-$version-x86_64-linux"
rm -rf "$package"
mkdir -p "$package/$name"
scripts/deb.sh "$program" --target "$STATIC_TARGET"

# The same files for systems that have no Debian packages.
cp "$program" LICENSE "$package/$name/"
cp -r packaging/systemd packaging/container "$package/$name/"
cp packaging/debian/etiqa.toml "$package/$name/"
cp -r "$package/share" "$package/$name/share"
# Equal files give an equal archive, whoever packs them and when.
commit_time=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$commit_time" -C "$package" -cf - "$name" |
  gzip -n -9 >"$package/$name.tar.gz"
rm -rf "${package:?}/$name" "$package/share"
(cd "$package" && sha256sum ./*.tar.gz ./*.deb >SHA256SUMS)

scripts/image.sh "$program"

say "Made:"
ls -l "$package" >&2
say "As root, in a machine that can be thrown away, 'scripts/test-packages.sh $program $package/*.deb' tries them"
