# `just --list` shows these; `just check` is what CI runs.

# everything that CI runs
check:
    bash tests/run

# format in place
format:
    cargo fmt --all

# lints, warnings denied
lint:
    cargo clippy --release --workspace --all-targets -- -D warnings

# all tests, with the program they start
test:
    cargo build --release --bin pointsman
    cargo test --release --workspace

# train, evaluate and serve on the bundled log
quickstart:
    cargo run --release -- quickstart

# make the bundled log anew; git shows whether it changed
synthetic:
    cargo run --release -- simulate --prompts 3500 --seed 7 --out datasets/synthetic.jsonl.zst --catalog-out datasets/synthetic.catalog.toml

# the picture of the README
picture:
    cargo run --release -- quickstart --no-serve --out runs/quickstart
    cp runs/quickstart/report/curve.png datasets/synthetic-curve.png

# how long a decision takes; how many a second the server makes
bench:
    cargo build --release --bin pointsman
    cargo bench -p pointsman-benches

# train, predict and evaluate on every real log in DIR; rows for benches/RESULTS.md
real dir="../shared/data":
    bash benches/real.sh {{dir}}
