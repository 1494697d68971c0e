#!/usr/bin/env bash
# Speed and memory beside grep, zcat, tcpdump and tshark, and whether the answers are right. Prints a table in Markdown.
#
#   bench/run.sh [--rounds N] [--size 300M] [--big] [--wide] [--logs DIR]
#
#   --rounds N   rounds of each pair, run in turn; medians are printed (default 7)
#   --big        memory at ten times the size as well (needs 3 GB of disk)
#   --wide       memory with 100 000 names as well (needs 500 MB of disk)
#   --pcap       captures as well, beside tcpdump and tshark where they are installed (needs 600 MB of disk)
#   --logs DIR   where the logs are made and kept; default: a temporary folder that is removed
#
# Logs and captures come from generators in the folder `shared` beside the clone; without it there is nothing to measure.
set -eu
cd "$(dirname "$0")/.."

rounds=7 size=300M big= wide= pcap= logs=
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --size) size=$2; shift 2 ;;
        --big) big=1; shift ;;
        --wide) wide=1; shift ;;
        --pcap) pcap=1; shift ;;
        --logs) logs=$2; shift 2 ;;
        *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done

generator=../shared/bench/genlog.py
if [ ! -f "$generator" ] || ! command -v python3 >/dev/null; then
    echo "bench: skipped: needs python3 and $generator"
    exit 0
fi
if [ -z "$logs" ]; then
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
fi
mkdir -p "$logs"

make_log() { # make_log NAME ARGUMENTS…
    local name=$1
    shift
    [ -s "$logs/$name.json" ] && return
    echo "bench: making $name.log" >&2
    python3 "$generator" "$@" -o "$logs/$name.log" --truth "$logs/$name.json" >&2
}
make_capture() { # make_capture NAME SIZE
    [ -s "$logs/$1-pcap.json" ] && return
    echo "bench: making $1.pcap" >&2
    python3 ../shared/bench/genpcap.py -s "$2" -o "$logs/$1.pcap" --truth "$logs/$1-pcap.json" >&2
}
make_log vpn -s "$size"
make_log noisy -s "$size" --seed 3 --noise 0.95
make_log dense -s "$size" --seed 4 --noise 0 --debug none --stamp iso --protocol both
[ -z "$big" ] || make_log big -s 3G --seed 2
[ -z "$wide" ] || make_log wide -s 500M --noise 0 --debug none --fail 0.95 --flat --users 200000 --addresses 200000
if [ -n "$pcap" ] && command -v tcpdump >/dev/null; then make_capture big 500M; fi
if [ -n "$pcap" ] && command -v tshark >/dev/null; then make_capture small 50M; fi
[ -s "$logs/vpn.log.gz" ] || gzip -6 -k "$logs/vpn.log"
if command -v zstd >/dev/null && [ ! -s "$logs/vpn.log.zst" ]; then zstd -q -3 -k "$logs/vpn.log"; fi

cargo build --release --locked >&2
target=$(cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
LC_ALL=C python3 bench/measure.py "$target/release/tunlog" "$logs" "$rounds"
