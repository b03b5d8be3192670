"""Ratings of Douban Book from user, book, author, publisher, year and location: of known users, and of users without a rating.

    python -m benchmarks.graphs.books FOLDER [--seeds 1 2 3]

FOLDER has MetaHIN's files: ratings by user (`meta_training`, `warm_up`, `user_cold_testing`, each with `_y`) and edges
(`book_author.dat.gz`, …). Learned is from `meta_training` alone, a twentieth of which chooses the epoch. `warm_up` has other
ratings of the same users; of the users of `user_cold_testing` no rating is known, only friends and a location.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.metrics import ndcg_score

from benchmarks.graphs.ratings import BOOK, USER, RatingConfig, Ratings, counted, learn
from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from zoo.graph import Edges, Graph, WalkConfig, write_graph
from zoo.graph.metapath2vec import metapath2vec
from zoo.graph.metapath2vec_config import MetaPath2VecConfig

DATASET, OUT = "douban_book", "docs/results/graphs.json"
PROTOCOL = ("learned from meta_training; warm: warm_up, other ratings of the same users; cold: users without a rating; RMSE, "
            "and NDCG@5 over each user's ratings, of users with 5 or more")
TABLES = {"friend": ("user_user", "user", "user"), "lives": ("user_location", "user", "location"),
          "by": ("book_author", "book", "author"), "printed": ("book_publisher", "book", "publisher"),
          "came": ("book_year", "book", "year")}
WALKED = ("user-(rated)-book-user", "user-(friend)-user", "user-location-user", "book-author-book", "book-publisher-book")


def read_ratings(folder: Path, name: str) -> tuple[list[str], list[str], np.ndarray]:
    """Users, books and ratings of a file, one a rating."""
    books, values = (json.loads(gzip.decompress((folder / f"{name}{part}.json.gz").read_bytes())) for part in ("", "_y"))
    pairs = [(user, str(book), value) for user in books for book, value in zip(books[user], values[user], strict=True)]
    users, of_users, given = zip(*pairs, strict=True)
    return list(users), list(of_users), np.array(given, np.float32)


def make_graph(folder: Path, data: Path, users: list[str], books: list[str]) -> Graph:
    """The edges of the files, and the ratings that are learned from; friends both ways round."""
    edges = [Edges("rated", "user", "book", pa.table({"source": users, "target": books}))]
    for name, (file, source, target) in TABLES.items():
        with gzip.open(data / f"{file}.dat.gz", "rt", encoding="utf-8") as lines:
            pairs = [line.split()[:2] for line in lines]
        if source == target:
            pairs += [pair[::-1] for pair in pairs]
        edges.append(Edges(name, source, target, pa.table({"source": [a for a, _ in pairs], "target": [b for _, b in pairs]})))
    write_graph(folder, edges)
    return Graph(folder)


def ndcg(users: np.ndarray, ratings: np.ndarray, scores: np.ndarray, top: int = 5) -> float:
    """NDCG of each user's ratings in the order of the scores, of users with as many as `top`; their mean."""
    order = np.argsort(users, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(users[order])) + 1)
    found = [ndcg_score(ratings[None, group], scores[None, group], k=top) for group in groups if len(group) >= top]
    return float(np.mean(found))


def measure(data: Path, seed: int) -> dict[str, dict[str, float]]:
    """By model, `rmse` and `ndcg` of the warm and of the cold part."""
    users, books, values = read_ratings(data, "meta_training")
    kept = np.random.default_rng(seed).random(len(values)) >= 0.05
    with tempfile.TemporaryDirectory() as room:
        learned = [[one for one, keep in zip(part, kept, strict=True) if keep] for part in (users, books)]
        graph = make_graph(Path(room), data, *learned)
        walked = MetaPath2VecConfig(paths=WALKED, walks=WalkConfig(walks=10, length=9), dim=32, window=3, seed=seed)
        vectors = metapath2vec(graph, walked, lambda line: print(f"seed {seed}: {line}", flush=True))
        start = {kind: vectors.vectors(kind, graph.description.nodes[kind]) for kind in ("user", "book")}
        numbers = {kind: {raw: place for place, raw in enumerate(graph.ids(kind))} for kind in ("user", "book")}

        def of(part: tuple[list[str], list[str], np.ndarray]) -> Ratings:
            users, books = (np.array([numbers[kind].get(raw, -1) for raw in ids])
                            for kind, ids in zip(("user", "book"), part[:2], strict=True))
            return Ratings(users, books, part[2])

        everything = of((users, books, values))
        train, chosen = (Ratings(*(part[rows] for part in everything)) for rows in (kept, ~kept))
        config = RatingConfig(seed=seed)
        predict = learn(graph, start, train, chosen, config)
        found: dict[str, dict[str, float]] = {"hin": {}, "biases": {}}
        for name, file in (("warm", "warm_up"), ("cold", "user_cold_testing")):
            part = of(read_ratings(data, file))
            guesses = {"hin": predict(part), "biases": biases(train, part, config.prior)}
            for model, guess in guesses.items():
                found[model][f"{name}_rmse"] = float(np.sqrt(np.mean((np.clip(guess, 1, 5) - part.values) ** 2)))
                found[model][f"{name}_ndcg"] = ndcg(part.users, part.values, guess)
        return found


def biases(train: Ratings, part: Ratings, prior: float) -> np.ndarray:
    """What counting alone guesses: the mean, and what a book and a user get and give beyond it, 0 of those without a rating."""
    guess = np.full(len(part.values), train.values.mean())
    asked = {USER: part.users, BOOK: part.books}
    sizes = {kind: int(max(ids.max(), asked[kind].max())) + 1 for kind, ids in ((USER, train.users), (BOOK, train.books))}
    for kind, beyond in counted(train, sizes, prior).items():
        guess = guess + np.where(asked[kind] >= 0, beyond[asked[kind]], 0.0)
    return guess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--out", default=OUT)
    options = parser.parse_args()
    found = []
    for seed in options.seeds:
        found.append(measure(options.folder, seed))
        print(f"seed {seed}: {found[-1]}", flush=True)
    rows = [{"dataset": DATASET, "model": model, "protocol": PROTOCOL, "seeds": len(options.seeds),
             "command": f"python -m benchmarks.graphs.books FOLDER{with_seeds(options.seeds)}",
             "metrics": {name: mean_std([of_seed[model][name] for of_seed in found]) for name in found[0][model]}}
            for model in ("hin", "biases")]
    write_rows(options.out, [*(one for one in read_rows(options.out) if one["dataset"] != DATASET), *rows])


if __name__ == "__main__":
    main()
