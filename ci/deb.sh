#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian package into a fresh root folder and uses it there. Last line: N passed, N failed.
# Needs: root, mmdebstrap (package of that name), a Debian mirror. About 1 GiB in $TMPDIR, a few minutes.
# usage: ci/deb.sh [PACKAGE.deb]      without a package, `make deb` makes it
#   SUITE (bookworm), MIRROR (http://deb.debian.org/debian)
set -u
cd "$(dirname "$0")/.."
suite=${SUITE:-bookworm} mirror=${MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" -eq 0 ] || { echo "ci/deb.sh: only root can change into a new root folder" >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo "ci/deb.sh: mmdebstrap is wanted: apt-get install mmdebstrap" >&2; exit 1; }
if [ $# -eq 0 ]; then
    make deb || exit 1
    set -- build-deb/cosmicman_*.deb
fi
package=$1
[ -f "$package" ] || { echo "ci/deb.sh: $package: no such file" >&2; exit 1; }

top=$(mktemp -d) root=
root=$top/root
mounted=
end() {
    for m in $mounted; do umount "$root/$m"; done
    rm -rf --one-file-system "$top"
}
trap end EXIT
mmdebstrap --variant=apt "$suite" "$root" "$mirror" >"$top/log" 2>&1 || { tail -5 "$top/log" >&2; exit 1; }
mount -t proc proc "$root/proc" && mounted=proc
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$package" "$root/root/cosmicman.deb"
cp docs/examples/generate.c "$root/root/generate.c"

passed=0 failed=0
# inside NAME COMMAND: a shell command in the new root
inside() {
    if chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
        sh -c "cd /root && $2" >"$top/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $1"
    else
        failed=$((failed + 1))
        echo "FAIL $1"
        tail -8 "$top/log" | sed 's/^/    /'
    fi
}
inside "apt reads its lists" "apt-get update -qq"
inside "the package is installed, with what it depends on" \
    "apt-get install -y -qq --no-install-recommends ./cosmicman.deb"
inside "nothing that it depends on is missing" "ldd /usr/bin/cosmicman >ldd && ! grep 'not found' ldd"
inside "doctor" "cosmicman doctor && cosmicman doctor --json | grep -q '\"folder\": \"/usr/share/cosmicman/core/models\"'"
inside "an image" "cosmicman generate --model nano:hq --prompt 'a woman in a red coat' --seed 7 --steps 10 --out coat.png"
inside "the image is a PNG" "head -c 4 coat.png | grep -q PNG"
inside "a man page for each command" \
    "cosmicman help --commands >commands && for c in \$(cat commands); do test -s /usr/share/man/man1/cosmicman-\$c.1.gz || exit 1; done"
inside "copyright" "grep -q Apache-2.0 /usr/share/doc/cosmicman/copyright"
inside "a compiler for the example" "apt-get install -y -qq --no-install-recommends gcc libc6-dev pkg-config"
inside "the example is built" "cc generate.c \$(pkg-config --cflags --libs cosmicman) -o generate"
inside "the example draws" "./generate nano:hq 'a woman in a red coat' 7 example.png"
inside "the same file as the program's" "cmp coat.png example.png"
inside "the package is removed" "apt-get remove -y -qq cosmicman && test ! -e /usr/share/cosmicman && test ! -e /usr/bin/cosmicman"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
