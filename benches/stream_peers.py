"""How fast do other learners learn the log of `stream.rs`, one pass, parsing included?

POINTSMAN_BENCH_LOG=/tmp/log.jsonl cargo bench --workspace --bench stream
python benches/stream_peers.py /tmp/log.jsonl     # pip install vowpalwabbit fasttext-wheel scikit-learn

Vowpal Wabbit and fastText read files of their own format, which are written beforehand and not
counted. Prints examples a second, microseconds of processor time per example, and microseconds per
prediction.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

BITS = 18


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(name, examples, learn, predict, prompts):
    wall, used = time.perf_counter(), cpu()
    learner = learn()
    wall, used = time.perf_counter() - wall, cpu() - used
    start = time.perf_counter()
    for prompt in prompts:
        predict(learner, prompt)
    micros = (time.perf_counter() - start) / len(prompts) * 1e6
    print(f"{name}: {examples / wall:.0f} examples/s, {used / examples * 1e6:.1f} µs of processor time "
          f"per example, {micros:.1f} µs per prediction")


def vowpal_wabbit(rows, home):
    from vowpalwabbit import Workspace
    path = home / "vw.txt"
    path.write_text("".join(f"{row['score']} | {row['prompt']}\n" for row in rows))

    def learn():
        learner = Workspace(f"-d {path} -b {BITS} --ngram 2 --no_stdin --quiet")
        learner.run_parser()
        return learner

    return learn, lambda learner, prompt: learner.predict(f"| {prompt}")


def fasttext(rows, home):
    from fasttext import train_supervised
    path = home / "fasttext.txt"
    path.write_text("".join(f"__label__{row['score']} {row['prompt']}\n" for row in rows))

    def learn():
        return train_supervised(str(path), epoch=1, wordNgrams=2, bucket=1 << BITS, thread=2, verbose=0)

    return learn, lambda learner, prompt: learner.f.predict(prompt, 1, 0.0, "strict")


def scikit_learn(log):
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    words = HashingVectorizer(n_features=1 << BITS, ngram_range=(1, 2))

    def learn():
        learner = SGDClassifier(loss="log_loss")
        block = []
        with open(log) as lines:
            for line in lines:
                block.append(json.loads(line))
                if len(block) == 5000:
                    texts = words.transform([row["prompt"] for row in block])
                    learner.partial_fit(texts, [row["score"] for row in block], classes=[0, 1])
                    block.clear()
        return learner

    return learn, lambda learner, prompt: learner.predict_proba(words.transform([prompt]))


def main():
    log = sys.argv[1]
    with open(log) as lines:
        rows = [json.loads(line) for line in lines]
    prompts = [row["prompt"] for row in rows[:2000]]
    with tempfile.TemporaryDirectory() as home:
        peers = {
            "Vowpal Wabbit": vowpal_wabbit(rows, Path(home)),
            "fastText": fasttext(rows, Path(home)),
            "scikit-learn": scikit_learn(log),
        }
        for name, (learn, predict) in peers.items():
            timed(name, len(rows), learn, predict, prompts)


main()
