#!/usr/bin/env bash
# Makes the Debian package of a program, installs it into an empty folder, looks at it there, removes it and purges it.
# Usage: packaging/deb/try.sh PROGRAM     (needs dpkg; no rights of root)
set -u
program=${1:?usage: packaging/deb/try.sh PROGRAM}
cd "$(dirname "$0")/../.." || exit 2
command -v dpkg-deb >/dev/null 2>&1 || { echo 'dpkg-deb is not installed: no package is tried'; exit 0; }

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
fail() { printf 'try.sh: %s\n' "$1" >&2; exit 1; }

cargo run -q -p xtask --locked -- deb --binary "$program" --to "$work" || fail 'no package'
package=$(ls "$work"/*.deb) || fail 'no package'
dpkg-deb --info "$package" >/dev/null || fail 'dpkg-deb cannot read it'

root=$work/root
mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/triggers"
: >"$root/var/lib/dpkg/status"
: >"$root/var/lib/dpkg/available"
# dependencies are the machine's, not the folder's
say() {
    dpkg --root="$root" --log="$work/log" --force-not-root --force-script-chrootless --force-depends --force-bad-path "$@" \
        >"$work/out" 2>&1 || { cat "$work/out"; fail "dpkg $*"; }
}

say --install "$package"
version=$("$root/usr/bin/tunlog" --version) || fail 'the program does not run'
"$root/usr/bin/tunlog" check-config --quiet "$root/etc/tunlog/tunlog.toml" || fail 'its own configuration is refused'
(cd "$root" && md5sum --quiet -c var/lib/dpkg/info/tunlog.md5sums) || fail 'sums differ'
for path in usr/share/man/man1/tunlog.1.gz usr/share/man/man1/tunlog-serve.1.gz usr/lib/systemd/system/tunlog.service \
    usr/share/bash-completion/completions/tunlog usr/share/doc/tunlog/copyright usr/share/lintian/overrides/tunlog; do
    [ -s "$root/$path" ] || fail "$path is missing"
done
[ -z "$(find "$root/etc/systemd" -name 'tunlog*' 2>/dev/null)" ] || fail 'it was enabled'

# the same again is an upgrade: what the administrator wrote stays
echo '# ours' >>"$root/etc/tunlog/tunlog.toml"
say --force-confold --install "$package"
tail -n 1 "$root/etc/tunlog/tunlog.toml" | grep -q '^# ours$' || fail 'the configuration was overwritten'
say --remove tunlog
[ ! -e "$root/usr/bin/tunlog" ] || fail 'the program is left'
[ -e "$root/etc/tunlog/tunlog.toml" ] || fail 'the configuration went with the program'
say --purge tunlog
left=$(find "$root" -path "$root/var/lib/dpkg" -prune -o -type f -print)
[ -z "$left" ] || fail "left: $left"

size=$(stat -c %s "$package")
printf '%s: %s, %d KiB\n' "$(basename "$package")" "$version" $((size / 1024))
if command -v lintian >/dev/null 2>&1; then
    lintian --allow-root --fail-on error "$package" || fail 'lintian'
fi
