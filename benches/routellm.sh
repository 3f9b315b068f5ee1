#!/usr/bin/env bash
# The two-model figures of RESULTS.md on RouteLLM's MMLU answers; what is measured, and how, stands
# at the head of routellm.rs.
#
#   bash benches/routellm.sh DIR
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:?usage: bash benches/routellm.sh DIR}
if [ ! -f "$dir/routellm.parquet" ] || [ ! -f "$dir/cascades.parquet" ]; then
    echo "skipped: $dir has no routellm.parquet or no cascades.parquet" >&2
    exit 0
fi
cargo bench --quiet --workspace --bench routellm -- "$(realpath "$dir")"
