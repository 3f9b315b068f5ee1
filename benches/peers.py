"""The cost-quality curve of Pointsman on a real log, beside routers that a team would build from known methods.

    python3 -m venv venv && venv/bin/pip install numpy scikit-learn polars pyarrow
    venv/bin/python benches/peers.py cascades.parquet --svg datasets/cascades-curve.svg

Five folds by the hash of the prompt's text; every prompt is predicted once, by a router that has not
seen it. Peers see the same folds and the text only:

- mixing: every request goes at random to one of two neighbouring single models (the zero router);
- k-means table: mean score per model in each of 32 clusters of 128 latent directions of TF-IDF, shrunk
  towards the model's mean as by ten prompts (Avengers-Pro, arXiv 2508.12631, has such a table);
- TF-IDF ridge: one linear model per LLM on words and pairs of words, alpha 10;
- kNN: the mean of the 100 nearest prompts by cosine of TF-IDF (arXiv 2505.12601).

Peers' costs are each model's mean in training. AIQ is the area under the upper hull over the range of
the single models' costs, divided by that range (RouterBench, arXiv 2403.12031).
"""

import argparse
import hashlib
import pathlib
import subprocess
import tempfile

import numpy as np
import polars as pl
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

FOLDS = 5
BINARY = pathlib.Path(__file__).resolve().parent.parent / "target/release/pointsman"


class Log:
    """The prompts that every model answered, with scores and costs of shape (prompts, models)."""

    def __init__(self, path):
        rows = pl.read_parquet(path).filter(pl.col("score").is_not_null() & pl.col("cost_usd").is_not_null())
        rows = rows.group_by("prompt_id", "model").agg(
            pl.col("prompt").first(), pl.col("score").mean(), pl.col("cost_usd").mean()
        )
        self.models = sorted(rows["model"].unique())
        counts = rows.group_by("prompt_id").len().filter(pl.col("len") == len(self.models))
        self.rows = rows.join(counts.select("prompt_id"), on="prompt_id").sort("prompt_id", "model")
        shape = (-1, len(self.models))
        self.score = self.rows["score"].to_numpy().astype(float).reshape(shape)
        self.cost = self.rows["cost_usd"].to_numpy().astype(float).reshape(shape)
        self.ids = self.rows["prompt_id"].to_list()[:: len(self.models)]
        self.texts = self.rows["prompt"].to_list()[:: len(self.models)]
        digest = lambda text: hashlib.sha256(text.encode()).digest()
        self.fold = np.array([digest(text)[0] % FOLDS for text in self.texts])


def pointsman(log, train, test):
    """Quality and cost by the default command."""
    ids = lambda rows: [log.ids[row] for row in rows]
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)
        log.rows.filter(pl.col("prompt_id").is_in(ids(train))).write_parquet(home / "train.parquet")
        prompts = log.rows.filter(pl.col("prompt_id").is_in(ids(test))).select("prompt_id", "prompt")
        prompts.unique("prompt_id", keep="first").write_parquet(home / "test.parquet")
        call = lambda *words: subprocess.run([BINARY, *map(str, words)], check=True, capture_output=True)
        call("train", "--logs", home / "train.parquet", "--out", home / "router")
        call("predict", "--router", home / "router", "--prompts", home / "test.parquet", "--out", home / "p.parquet")
        found = pl.read_parquet(home / "p.parquet")
    order = pl.DataFrame({"prompt_id": np.repeat(ids(test), len(log.models)), "model": log.models * len(test)})
    found = order.join(found, on=["prompt_id", "model"], how="left", maintain_order="left")
    shape = (len(test), len(log.models))
    return found["quality"].to_numpy().reshape(shape), found["cost_usd"].to_numpy().reshape(shape)


def peers(log, train, test):
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=200_000)
    seen = words.fit_transform([log.texts[row] for row in train])
    new = words.transform([log.texts[row] for row in test])
    score = log.score[train]
    mean = score.mean(0)
    svd = TruncatedSVD(128, random_state=0).fit(seen)
    clusters = KMeans(32, n_init=5, random_state=0).fit(normalize(svd.transform(seen)))
    sums = np.zeros((32, len(log.models)))
    np.add.at(sums, clusters.labels_, score - mean)
    table = mean + sums / (np.bincount(clusters.labels_, minlength=32)[:, None] + 10)
    near = NearestNeighbors(n_neighbors=100, metric="cosine").fit(seen).kneighbors(new, return_distance=False)
    return {
        "k-means table": table[clusters.predict(normalize(svd.transform(new)))],
        "TF-IDF ridge": Ridge(alpha=10).fit(seen, score).predict(new),
        "kNN": score[near].mean(1),
    }


def curve(log, quality, cost):
    """Mean true cost and score of argmax quality - lambda cost, at every lambda where a choice changes."""
    changes, start = [], np.zeros(2)
    for q, c, true in zip(quality, cost, np.stack([log.cost, log.score], 2)):
        at = max(range(len(q)), key=lambda model: (q[model], -c[model]))
        start += true[at]
        while True:
            cheaper = np.flatnonzero(c < c[at])
            if not len(cheaper):
                break
            steps = (q[at] - q[cheaper]) / (c[at] - c[cheaper])
            to = cheaper[np.lexsort((c[cheaper], steps))[0]]
            changes.append((steps.min(), *(true[to] - true[at])))
            at = to
    changes = np.array(sorted(changes))
    return np.vstack([start, start + np.cumsum(changes[:, 1:], 0)]) / len(quality)


def hull(points):
    """The upper hull by cost, up to its greatest quality."""
    kept = []
    for x, y in sorted(map(tuple, points), key=lambda point: (point[0], -point[1])):
        while len(kept) > 1 and (kept[-1][1] - kept[-2][1]) * (x - kept[-2][0]) <= (y - kept[-2][1]) * (kept[-1][0] - kept[-2][0]):
            kept.pop()
        if not kept or y > kept[-1][1]:
            kept.append((x, y))
    return np.array(kept)


def aiq(points, least, most):
    x, y = hull(points).T
    grid = np.unique(np.clip(np.concatenate([x, [least, most]]), least, most))
    return np.trapezoid(np.interp(grid, x, y), grid) / (most - least)


COLOURS = {"Pointsman": "#0b6e4f", "k-means table": "#c8553d", "TF-IDF ridge": "#3d6fb6", "kNN": "#8a6fb0", "mixing single models": "#777777"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 900, 430, 64, 232, 44, 56


def picture(log, curves, name):
    singles = np.c_[log.cost.mean(0), log.score.mean(0)]
    low_x, high_x = 0.0, 1.04 * singles[:, 0].max()
    top = max(hull(points)[:, 1].max() for points in curves.values())
    low_y = singles[:, 1].max() - 0.11
    high_y = top + 0.008
    x = lambda cost: LEFT + (WIDTH - LEFT - RIGHT) * (cost - low_x) / (high_x - low_x)
    y = lambda score: HEIGHT - FOOT - (HEIGHT - TOP - FOOT) * (score - low_y) / (high_y - low_y)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold" fill="#222">{name}: {len(log.texts):,} prompts, {len(log.models)} models, five folds</text>',
        f'<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - FOOT}"/></clipPath>',
    ]
    for score in np.arange(np.ceil(low_y * 50) / 50, high_y, 0.02):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(score):.1f}" y2="{y(score):.1f}" stroke="#e6e6e6"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(score) + 4:.1f}" text-anchor="end" fill="#444">{score:.2f}</text>')
    step = 10 ** np.floor(np.log10(1000 * high_x / 4)) / 1000
    step *= min((1, 2, 5, 10), key=lambda factor: abs(high_x / (factor * step) - 6))
    for cost in np.arange(0, high_x, step):
        out.append(f'<text x="{x(cost):.1f}" y="{HEIGHT - FOOT + 20}" text-anchor="middle" fill="#444">${1000 * cost:.3g}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle" fill="#444">mean cost per 1,000 requests</text>')
    out.append(f'<text transform="translate(16 {(TOP + HEIGHT - FOOT) / 2}) rotate(-90)" text-anchor="middle" fill="#444">mean score</text>')
    for label, points in reversed(curves.items()):
        shown = hull(points)
        path = " ".join(f"{x(cost):.1f},{y(score):.1f}" for cost, score in np.vstack([shown, [high_x, shown[-1, 1]]]))
        width, dash = (3, "") if label == "Pointsman" else (1.6, ' stroke-dasharray="6 4"' if label.startswith("mixing") else "")
        out.append(f'<polyline clip-path="url(#plot)" points="{path}" fill="none" stroke="{COLOURS[label]}" stroke-width="{width}"{dash}/>')
    taken = []
    for (cost, score), model in sorted(zip(map(tuple, singles), log.models), key=lambda pair: -pair[0][1]):
        if score > low_y:
            out.append(f'<circle cx="{x(cost):.1f}" cy="{y(score):.1f}" r="4" fill="#777"/>')
            anchor, aside = ("end", -8) if cost > 0.8 * high_x else ("start", 8)
            at = x(cost) + aside, y(score) + 15
            while any(abs(at[0] - left) < 90 and abs(at[1] - height) < 12 for left, height in taken):
                at = at[0], at[1] + 4
            taken.append(at)
            out.append(f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="11" fill="#666">{model}</text>')
    least, most = singles[:, 0].min(), singles[:, 0].max()
    out.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 6}" font-size="12" fill="#666">area under the curve</text>')
    for row, (label, points) in enumerate(curves.items()):
        at = TOP + 28 + 22 * row
        weight = ' font-weight="bold"' if label == "Pointsman" else ""
        out.append(f'<line x1="{WIDTH - RIGHT + 12}" x2="{WIDTH - RIGHT + 28}" y1="{at}" y2="{at}" stroke="{COLOURS[label]}" stroke-width="3"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 34}" y="{at + 4}" fill="#222"{weight}>{aiq(points, least, most):.4f} {label}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("log", help="Parquet, with a cost in every row")
    arguments.add_argument("--svg", help="write the picture here")
    given = arguments.parse_args()
    log = Log(given.log)
    quality, cost = {}, {}
    for fold in range(FOLDS):
        train, test = np.flatnonzero(log.fold != fold), np.flatnonzero(log.fold == fold)
        own, own_cost = pointsman(log, train, test)
        mean_cost = np.tile(log.cost[train].mean(0), (len(test), 1))
        found = {"Pointsman": own, **peers(log, train, test)}
        for name, values in found.items():
            quality.setdefault(name, np.zeros_like(log.score))[test] = values
            cost.setdefault(name, np.zeros_like(log.cost))[test] = own_cost if name == "Pointsman" else mean_cost
    singles = np.c_[log.cost.mean(0), log.score.mean(0)]
    curves = {name: curve(log, quality[name], cost[name]) for name in quality}
    curves["mixing single models"] = singles
    least, most = singles[:, 0].min(), singles[:, 0].max()
    for name, points in curves.items():
        print(f"{name:22} AIQ {aiq(points, least, most):.4f}")
    if given.svg:
        pathlib.Path(given.svg).write_text(picture(log, curves, pathlib.Path(given.log).stem))


main()
