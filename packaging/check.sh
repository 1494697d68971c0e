#!/usr/bin/env bash
# What must hold of what packages bring: the unit's exposure, and scripts that a shell can read.
set -u
cd "$(dirname "$0")" || exit 2
failed=0

for script in openrc/tunlog.initd openwrt/tunlog.init deb/postinst deb/prerm deb/postrm; do
    sh -n "$script" || failed=1
done
bash -n deb/try.sh || failed=1
bash -n optimise.sh || failed=1
bash -n scripts.sh || failed=1
if command -v shellcheck >/dev/null 2>&1; then
    # 2034: variables that the service manager reads
    shellcheck -s sh -e SC2034 openrc/tunlog.initd openrc/tunlog.confd openwrt/tunlog.init deb/postinst deb/prerm deb/postrm || failed=1
    shellcheck check.sh scripts.sh optimise.sh deb/try.sh || failed=1
else
    echo 'shellcheck is not installed: scripts are not judged'
fi
./scripts.sh || failed=1

if command -v systemd-analyze >/dev/null 2>&1; then
    # the threshold is ten times the exposure
    if told=$(systemd-analyze security --offline=yes --threshold=20 --no-pager systemd/tunlog.service 2>&1); then
        tail -n 1 <<<"$told"
    else
        printf '%s\n' "$told"
        failed=1
    fi
else
    echo 'systemd-analyze is not installed: the unit is not judged'
fi
exit "$failed"
