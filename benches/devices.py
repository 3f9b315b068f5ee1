"""Does a GPU give the same router as the CPU, and how much sooner?

    cargo build --release --features cuda
    python benches/devices.py LOG PROMPTS [--catalog FILE] [--encoder minilm:DIR] [--runs 3]

Trains on LOG in turns on both devices and predicts PROMPTS with every router. With an encoder, the
router of the CPU also predicts with the encoder on the GPU. Embeddings are computed
anew by every run. Exits with 1 where two predictions of quality differ by more than 1e-4.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BOUND = 1e-4


def run(program, *arguments):
    start = time.perf_counter()
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program} {' '.join(map(str, arguments))}\n{done.stderr}")
    return time.perf_counter() - start


def train(options, device, router, cache):
    extra = [part for name in ("catalog", "encoder") if (value := getattr(options, name)) for part in (f"--{name}", value)]
    return run(
        options.program, "train", "--logs", options.log, "--out", router, "--device", device,
        "--embedding-cache", cache, *extra,
    )  # fmt: skip


def predictions(options, router, device, out):
    seconds = run(
        options.program, "predict", "--router", router, "--prompts", options.prompts, "--out", out, "--device", device
    )
    rows = map(json.loads, out.read_text().splitlines())
    return seconds, {(row["prompt_id"], row["model"]): row["quality"] for row in rows}


def apart(one, other):
    return max(abs(quality - other[cell]) for cell, quality in one.items())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("prompts")
    parser.add_argument("--catalog")
    parser.add_argument("--encoder")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gpu", default="cuda:0")
    parser.add_argument("--program", default="target/release/pointsman")
    return parser.parse_args()


def main():
    options = arguments()
    seconds, devices = {"cpu": [], options.gpu: []}, ("cpu", options.gpu)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        for turn in range(options.runs):
            for device in devices:
                seconds[device].append(train(options, device, place / device, place / f"{device}-{turn}"))
        found = {device: predictions(options, place / device, device, place / f"{device}.jsonl") for device in devices}
        moved = predictions(options, place / "cpu", options.gpu, place / "moved.jsonl")
    for device in devices:
        print(f"{device}: training {statistics.median(seconds[device]):.1f} s, prediction {found[device][0]:.1f} s")
    between_routers, between_devices = (apart(found["cpu"][1], other[1]) for other in (found[options.gpu], moved))
    print(f"trained on {options.gpu} instead of cpu: qualities differ by at most {between_routers:.2e}")
    print(f"one router, predicted on {options.gpu} instead of cpu: by at most {between_devices:.2e}")
    sys.exit(max(between_routers, between_devices) > BOUND)


if __name__ == "__main__":
    main()
