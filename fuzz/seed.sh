#!/usr/bin/env bash
# Puts first inputs into fuzz/corpus: the example logs, the dialect files and, where it is beside the clone, the hostile corpus.
set -eu
cd "$(dirname "$0")"
for target in template framing journal_export decode dialect_file attempts source capture packet_pptp packet_gre packet_ppp packet_l2tp packet_ike packet_radius packet_icmp evtx windows_events audit incident frames position; do mkdir -p "corpus/$target"; done
head -c 4000 ../examples/gateway/vpn1/syslog >corpus/framing/vpn1
head -c 4000 ../examples/gateway/vpn2/syslog >corpus/framing/vpn2
cat >corpus/framing/nps <<'END'
"GW1","RAS",03/07/2024,13:04:33,3,,"EXAMPLE\anna",,,,,,,,,,,,,,,,,4,,36,"311 1 192.0.2.9 12",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"0x00453D36393120523D3020563D33",,,
192.0.2.1,anna,06/04/2024,14:42:19,IAS,NPS1,4136,1,61,5,64,1,31,203.0.113.7,25,311 1 192.0.2.9
<Event><Timestamp data_type="4">05/19/2024 15:21:44.008</Timestamp><User-Name data_type="1">a &amp; b</User-Name><MS-CHAP-Error data_type="2">00453D</MS-CHAP-Error><Packet-Type data_type="0">3</Packet-Type></Event>
<Event>
  <Timestamp data_type="4">05/19/2024 15:21:45.000</Timestamp>
  <Packet-Type data_type="0">1</Packet-Type>
</Event>
END
cat >corpus/framing/pfirewall <<'END'
#Version: 1.5
#Time Format: Local
#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path
2024-04-11 08:05:57 DROP 47 203.0.113.7 192.0.2.1 - - 60 - - - - - - - RECEIVE
2024-04-11 08:06:57 INFO-EVENTS-LOST - - - - - - - - - - - - 59 -
#Fields: path action date time protocol src-ip dst-ip
SEND DROP 2024-04-11 08:07:57 47 192.0.2.1 203.0.113.7
END
cp corpus/framing/{nps,pfirewall} corpus/attempts/
cp corpus/framing/vpn* corpus/attempts/
for file in ../crates/decode/dialects/*.toml; do
    name=$(basename "$file" .toml)
    head -c 3000 "$file" >"corpus/dialect_file/$name"
    # a template and an example of its own
    sed -n "s/^template = '\(.*\)'$/\1/p" "$file" | head -n 40 | while IFS= read -r text; do
        printf '%s\n%s' "$text" "${text//[<>]/}" >"corpus/template/$name-$(printf '%s' "$text" | cksum | cut -d' ' -f1)"
    done
    sed -n "s/^line *= '\(.*\)'$/\1/p" "$file" | head -n 40 | while IFS= read -r text; do
        printf '\0%s' "$text" >"corpus/decode/$name-$(printf '%s' "$text" | cksum | cut -d' ' -f1)"
    done
done
printf '{"head":[[64,1],[256,2]],"before":[64,3],"offset":640},"lines":10,"hole":0,"skipping":true' >corpus/position/middle
gzip -c corpus/framing/vpn1 >corpus/source/vpn1.gz
# a capture with the byte of its stretches in front; of the packets a first one each: direction and length, then the packet
for file in ../crates/pipeline/tests/fixtures/capture/*.pcap; do
    { printf '\377'; cat "$file"; } >"corpus/capture/$(basename "$file")"
done
printf '\200\000\234\000\001\032\053\074\115\000\001\000\000' >corpus/packet_pptp/start
printf '\054\060\001\210\013\000\012\000\001\000\000\000\001\377\003\300\041\001\001\000\006\007\002' >corpus/packet_gre/lcp
printf '\034\377\003\302\043\004\001\000\012E=691 R=1' >corpus/packet_ppp/chap
printf '\050\310\002\000\024\000\000\000\000\000\000\000\000\200\010\000\000\000\000\000\001' >corpus/packet_l2tp/sccrq
head -c 60 /dev/zero >corpus/packet_ike/zeros
printf '\064\001\001\000\032AAAAAAAAAAAAAAAA\001\006anna' >corpus/packet_radius/request
printf '\110\003\004\000\000\000\000\005\170\105\000\000\074\000\000\000\000\100\057\000\000\313\000\161\001\306\063\144\001\060\001' >corpus/packet_icmp/mtu
# event logs without the eight bytes that the target puts in front; of a chunk and of texts the choice and all of it
windows=$(mktemp -d)
(cd .. && cargo run -q -p tunlog-testkit --example windows_events -- "$windows")
tail -c +9 "$windows/events.evtx" >corpus/evtx/events
{ printf '\0'; tail -c +4097 "$windows/events.evtx" | head -c 65536; } >corpus/windows_events/chunk
for name in lines pretty; do { printf '\1'; cat "$windows/$name.xml"; } >"corpus/windows_events/$name"; done
{ printf '\2'; cat "$windows/powershell.json"; } >corpus/windows_events/powershell
cp "$windows"/*.ndjson "$windows/snare.log" corpus/framing/
cp "$windows"/* corpus/source/
rm -r "$windows"
printf "6 <30>ab7 <30>abc<30>line\n999999999 x" >corpus/frames/mixed
hostile=../../shared/corpus/hostile
if [ -d "$hostile" ]; then
    for file in "$hostile"/*; do
        if [ "$(wc -c <"$file")" -lt 20000 ]; then
            for target in framing attempts source; do cp -f "$file" "corpus/$target/"; done
        fi
    done
    for file in "$hostile"/1[2-5]*.pcap*; do { printf '\377'; cat "$file"; } >"corpus/capture/$(basename "$file")"; done
fi
chmod -R u+w corpus
# configuration: the files of the variants, with the byte of each name in front
number=0
for file in ../crates/audit/src/checks/*.variants; do
    for byte in $(seq 0 22); do
        number=$((number + 1))
        { printf "\\x$(printf %02x "$byte")"; head -c 3000 "$file"; } >"corpus/audit/$number"
    done
done
# of an incident an act, a manifest, a case
printf '{"type":"act","number":1,"time":"2026-10-29T08:00:00Z","by":"a@b","act":"open","arguments":[],"result":"","previous":"%064d"}\n' 0 >corpus/incident/acts
printf 'tunlog.incident/v1 vpn1\nincident INC-1\nmade 2026-10-29T08:00:00Z\nacts 0 %064d\nprevious -\nfiles 1\n%064d 0 a\n' 0 0 >corpus/incident/manifest
printf 'id = "INC-1"\ntitle = ""\nseverity = "high"\nopened = "2026-10-29T08:00:00Z"\nopened_by = ""\nsince = "2026-10-28T08:00:00Z"\nuntil = "2026-10-29T08:00:00Z"\n[[address]]\naddress = "192.0.2.1"\nrole = "attacker"\n' >corpus/incident/case
