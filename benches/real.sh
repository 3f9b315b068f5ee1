#!/usr/bin/env bash
# Trains, predicts and evaluates on every real log in a directory (see datasets/README.md for where
# such logs are to be had). Prints one line per log; reports stand in runs/real.
#
#   bash benches/real.sh DIR
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:?usage: bash benches/real.sh DIR}
if [ ! -d "$dir" ]; then
    echo "skipped: $dir is not there" >&2
    exit 0
fi
cargo build --release --bin pointsman --quiet
pointsman=target/release/pointsman

for log in "$dir"/*.parquet; do
    name=$(basename "$log" .parquet)
    out=runs/real/$name
    mkdir -p "$out"
    catalog=()
    [ -f "$dir/$name.prices.toml" ] && catalog=(--catalog "$dir/$name.prices.toml")
    case $name in
    *pairs*)
        # Preference pairs carry neither costs nor prices: they are imported, and that is all.
        "$pointsman" import routellm-pairs "$log" "$out/rows.jsonl.zst" 2>"$out/import.log" ||
            { echo "$name: import failed, see $out/import.log"; continue; }
        echo "$name: $(tail -n 1 "$out/import.log")"
        continue
        ;;
    esac
    /usr/bin/env time -f '%e s, %M kB' -o "$out/train.time" \
        "$pointsman" train --logs "$log" "${catalog[@]}" --holdout 0.2 --out "$out/router" 2>"$out/train.log"
    "$pointsman" predict --router "$out/router" --prompts "$log" --out "$out/predictions.parquet" 2>"$out/predict.log"
    "$pointsman" evaluate --router "$out/router" --logs "$log" --out "$out/report" --title "$name" \
        >"$out/table.txt" 2>"$out/evaluate.log"
    echo "$name: trained in $(cat "$out/train.time"); $(sed -n 1p "$out/table.txt")"
done
