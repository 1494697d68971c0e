#!/usr/bin/env bash
# Puts first inputs into fuzz/corpus: the example logs, the dialect files and, where it is beside the clone, the hostile corpus.
set -eu
cd "$(dirname "$0")"
for target in template framing journal_export decode dialect_file attempts source; do mkdir -p "corpus/$target"; done
head -c 4000 ../examples/gateway/vpn1/syslog >corpus/framing/vpn1
head -c 4000 ../examples/gateway/vpn2/syslog >corpus/framing/vpn2
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
gzip -c corpus/framing/vpn1 >corpus/source/vpn1.gz
hostile=../../shared/corpus/hostile
if [ -d "$hostile" ]; then
    for file in "$hostile"/*; do
        if [ "$(wc -c <"$file")" -lt 20000 ]; then
            for target in framing attempts source; do cp -f "$file" "corpus/$target/"; done
        fi
    done
fi
chmod -R u+w corpus
