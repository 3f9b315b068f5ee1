#!/usr/bin/env bash
# Trains on four fifths of every real log in a directory, predicts and evaluates on the rest, and
# prints one row per log of the table in RESULTS.md. Reports stand in runs/real. Where such logs are
# to be had stands in datasets/README.md; NAME.prices.toml beside NAME.parquet is its catalogue.
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

echo "| log | held-out prompts x models | zero router AIQ | router AIQ | gain [95 %] | oracle AIQ | gap share | QNC | training |"
echo "|---|---|---|---|---|---|---|---|---|"
for log in "$dir"/*.parquet; do
    name=$(basename "$log" .parquet)
    out=runs/real/$name
    mkdir -p "$out"
    if [[ $name == *pairs* ]]; then
        # Preference pairs carry neither costs nor prices, so there is no curve to draw.
        "$pointsman" import routellm-pairs "$log" "$out/rows.jsonl.zst" 2>"$out/import.log"
        echo "| $name | imported: $(tail -n 1 "$out/import.log" | cut -d' ' -f2) rows | | | | | | | |"
        continue
    fi
    catalog=()
    [ -f "$dir/$name.prices.toml" ] && catalog=(--catalog "$dir/$name.prices.toml")
    start=$(date +%s.%N)
    "$pointsman" train --logs "$log" "${catalog[@]}" --holdout 0.2 --out "$out/router" 2>"$out/train.log"
    seconds=$(echo "$(date +%s.%N) - $start" | bc)
    "$pointsman" predict --router "$out/router" --prompts "$log" --out "$out/predictions.parquet" 2>"$out/predict.log"
    "$pointsman" evaluate --router "$out/router" --logs "$log" --out "$out/report" --title "$name" --json \
        >"$out/report.json" 2>"$out/evaluate.log"
    python3 - "$out/report.json" "$name" "$seconds" <<'PY'
import json, sys

report, name, seconds = json.load(open(sys.argv[1])), sys.argv[2], float(sys.argv[3])
rows = {row["kind"]: row for row in report["rows"]}
aiq = lambda kind: f"{rows[kind]['measures']['aiq']:.4f}"
gain, router = rows["zero_router"]["router_gain"], rows["router"]
qnc = router["measures"]["qnc"]
print(f"| {name} | {report['prompts']} x {len(report['models'])} | {aiq('zero_router')} | {aiq('router')} | "
      f"{gain['estimate']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}] | {aiq('oracle')} | "
      f"{router['gap_share']:.3f} | {'never' if qnc is None else f'{qnc:.3f}'} | {seconds:.1f} s |")
PY
done
