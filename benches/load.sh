#!/usr/bin/env bash
# How many decisions a second does the server make, and how long do they take? On loopback, the
# load generator (wrk) on the same cores. Prints wrk's figures and the server's resident memory.
#
#   bash benches/load.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-15}
command -v wrk >/dev/null || { echo "wrk is missing: apt-get install wrk" >&2; exit 1; }
cargo build --release --bin pointsman --quiet
home=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$home"' EXIT
target/release/pointsman quickstart --no-serve --out "$home" >/dev/null 2>&1
POINTSMAN_LOG=warn target/release/pointsman serve --router "$home/router" --store "$home/store.db" \
    --bind 127.0.0.1:18080 2>"$home/server.log" &
server=$!
until curl -sf http://127.0.0.1:18080/readyz >/dev/null; do :; done

cat >"$home/route.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
local bodies = {}
for line in io.lines(os.getenv("PROMPTS")) do bodies[#bodies + 1] = line end
local next = 0
request = function()
    next = next % #bodies + 1
    return wrk.format(nil, "/v1/route", nil, bodies[next])
end
LUA
target/release/pointsman simulate --prompts 500 --seed 99 --out "$home/rows.jsonl" 2>/dev/null
python3 - "$home/rows.jsonl" >"$home/bodies.jsonl" <<'PY'
import json, sys
seen = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    seen[row["prompt_id"]] = row["prompt"]
for prompt in seen.values():
    print(json.dumps({"prompt": prompt}))
PY
export PROMPTS=$home/bodies.jsonl
echo "closed loop, 32 connections:"
wrk -t1 -c32 -d"${seconds}s" --latency -s "$home/route.lua" http://127.0.0.1:18080 | grep -E 'Requests/sec|50%|99%|Non-2xx|Socket errors' || true
grep -E 'VmRSS|VmHWM' /proc/$server/status
echo "decisions stored: $(ls -l "$home/store.db" | awk '{print $5}') bytes"
