#!/usr/bin/env bash
# What the services' scripts ask of OpenRC and of procd, each function of which is played here and prints what it was asked.
set -u
cd "$(dirname "$0")" || exit 2
place=$(mktemp -d)
trap 'rm -r "$place"' EXIT
failed=0

# a program that finds a mistake in a configuration that says so
cat >"$place/tunlog" <<'END'
#!/bin/sh
[ "$1 $2" = "check-config --quiet" ] || exit 9
! grep -q mistake "$3"
END
chmod 755 "$place/tunlog"

# here SCRIPT: the script with its places in the sandbox
here() {
    sed -e "s#/usr/bin/tunlog#$place/tunlog#g" -e "s#/etc/tunlog#$place#g" \
        -e "s#/srv/tunlog#$place/store#g" -e "s#/var/lib/tunlog#$place/store#g" "$1"
}

# expect WHAT STATUS SAID WANTED: the status and the words of a run, without the name of the sandbox
expect() {
    local said
    said=$(printf '%s' "$3" | sed "s#$place#@#g")
    if [ "$2|$said" != "$4" ]; then
        printf '%s:\n  said   %s\n  wanted %s\n' "$1" "$2|$said" "$4"
        failed=1
    fi
}

cat >"$place/procd" <<'END'
procd_open_instance() { echo "instance"; }
procd_set_param() { echo "set $*"; }
procd_append_param() { echo "append $*"; }
procd_close_instance() { echo "close"; }
procd_send_signal() { echo "signal $*"; }
procd_add_reload_trigger() { echo "trigger $*"; }
END
here openwrt/tunlog.init >>"$place/procd"
# as rc.common does: what was opened is closed, unless the script has ended
procd() { sh -c ". $place/procd; $1; status=\$?; echo closed; exit \$status"; }

params='set respawn 3600 5 5
set term_timeout 90
set stderr 1
set no_new_privs 1
close
closed'
rm -f "$place/tunlog.toml"
said=$(procd start_service)
expect 'procd, no configuration' $? "$said" "0|instance
set command @/tunlog serve --store @/store
$params"
echo good >"$place/tunlog.toml"
said=$(procd start_service)
expect 'procd, a configuration' $? "$said" "0|instance
set command @/tunlog serve --store @/store
append command --config @/tunlog.toml
$params"
said=$(procd reload_service)
expect 'procd, reload' $? "$said" "0|signal tunlog * HUP
closed"
echo mistake >"$place/tunlog.toml"
said=$(procd start_service)
expect 'procd, a mistake: who runs is left alone' $? "$said" '1|'
said=$(procd reload_service)
expect 'procd, reload with a mistake' $? "$said" '1|closed'

cat >"$place/openrc" <<'END'
RC_SVCNAME=tunlog
checkpath() { echo "checkpath $*"; }
ebegin() { echo "begin $*"; }
eend() { return "$1"; }
supervise-daemon() { echo "supervise $*"; }
END
here openrc/tunlog.confd >>"$place/openrc"
here openrc/tunlog.initd >>"$place/openrc"
# not sh: OpenRC's own names have a hyphen, which dash does not take
openrc() { bash -c ". $place/openrc; ${2:+RC_CMD=$2;} $1; status=\$?; echo \"\$command \$command_args\"; exit \$status"; }

rm -f "$place/tunlog.toml"
said=$(openrc start_pre)
expect 'OpenRC, no configuration' $? "$said" '0|checkpath --directory --mode 0700 --owner tunlog:adm @/store
@/tunlog serve --store @/store '
echo good >"$place/tunlog.toml"
said=$(openrc start_pre)
expect 'OpenRC, a configuration' $? "$said" '0|checkpath --directory --mode 0700 --owner tunlog:adm @/store
@/tunlog serve --store @/store  --config @/tunlog.toml'
said=$(openrc reload)
expect 'OpenRC, reload' $? "$said" '0|begin Reloading tunlog
supervise tunlog --signal HUP
@/tunlog serve --store @/store '
echo mistake >"$place/tunlog.toml"
for asked in start_pre reload 'stop_pre restart'; do
    # shellcheck disable=SC2086 # two words
    said=$(openrc $asked)
    expect "OpenRC, $asked with a mistake" $? "$said" '1|@/tunlog serve --store @/store '
done
said=$(openrc stop_pre stop)
expect 'OpenRC, stop with a mistake' $? "$said" '0|@/tunlog serve --store @/store '

[ "$failed" = 0 ] && echo 'scripts of OpenRC and procd: as they should be'
exit "$failed"
