"""Links of the Amazon product graph by the split that GATNE published.

    python -m benchmarks.graphs.amazon FOLDER [--models metapath2vec hin] [--seeds 1 2 3]

FOLDER has `train.txt.gz` (type, product, product) and `valid.txt.gz`, `test.txt.gz` (type, product, product, whether there is
such an edge): products that were bought together, and that were viewed together. A pair's score is the cosine of its vectors;
areas are taken for each type of edge and averaged, as the paper does.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.graphs.links import LinkConfig, link_scores
from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from zoo.graph import Edges, Graph, WalkConfig, write_graph
from zoo.graph.metapath2vec import metapath2vec
from zoo.graph.metapath2vec_config import MetaPath2VecConfig
from zoo.optimizers import OptimizerConfig

TYPES = ("type1", "type2")
PATHS = tuple(f"product-({kind})-product" for kind in TYPES)
DATASET, OUT = "gatne_amazon", "docs/results/graphs.json"
MODELS = ["metapath2vec", "hin"]
PROTOCOL = ("published split; areas averaged over the two types of edges, scores by cosine; one epoch of 20 walks of 10 "
            "products, window 5, 64 numbers a product")


def read(folder: Path, name: str) -> np.ndarray:
    """`[n, columns]` of a file, as texts."""
    with gzip.open(folder / f"{name}.txt.gz", "rt", encoding="utf-8") as file:
        return np.array([line.split() for line in file])


def make_graph(folder: Path, edges: np.ndarray) -> Graph:
    """Edges have no direction: each stands there both ways round."""
    kinds = []
    for number, name in enumerate(TYPES, 1):
        of_type = edges[edges[:, 0] == str(number)]
        kinds.append(Edges(name, "product", "product", pa.table({
            "source": np.r_[of_type[:, 1], of_type[:, 2]], "target": np.r_[of_type[:, 2], of_type[:, 1]]})))
    write_graph(folder, kinds)
    return Graph(folder)


def vectors(graph: Graph, seed: int, learning_rate: float = 0.005) -> np.ndarray:
    """Of the products, in the order of their numbers, by metapath2vec."""
    config = MetaPath2VecConfig(paths=PATHS, walks=WalkConfig(walks=20, length=10), dim=64, window=5, seed=seed,
                                optimizer=OptimizerConfig(name="lazy_adam", learning_rate=learning_rate))
    model = metapath2vec(graph, config, lambda line: print(f"seed {seed}: {line}", flush=True))
    return model.vectors("product", graph.description.nodes["product"])


def pairs_of(graph: Graph, rows: np.ndarray) -> np.ndarray:
    """`[n, 2]` numbers of products; -1 where the training graph has none."""
    number = {raw: place for place, raw in enumerate(graph.ids("product"))}
    return np.array([[number.get(raw, -1) for raw in row[1:3]] for row in rows])


def cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`[n]` of the rows of two tables."""
    sizes = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return (left * right).sum(1) / np.maximum(sizes, 1e-12)


def areas(rows: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """ROC-AUC and PR-AUC, averaged over the types of edges."""
    found = {"roc_auc": roc_auc_score, "pr_auc": average_precision_score}
    kinds = sorted(set(rows[:, 0]))
    return {name: float(np.mean([area(rows[rows[:, 0] == kind, 3].astype(int), scores[rows[:, 0] == kind]) for kind in kinds]))
            for name, area in found.items()}


def measure(folder: Path, models: Sequence[str], seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """By model and split the areas of one seed."""
    trained, splits = read(folder, "train"), {split: read(folder, split) for split in ("valid", "test")}
    with tempfile.TemporaryDirectory() as room:
        graph = make_graph(Path(room), trained)
        of_products = vectors(graph, seed)
        score: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
            "metapath2vec": lambda pairs, _: cosine(*(of_products[pairs[:, side]] for side in range(2)))}
        if "hin" in models:
            score["hin"] = link_scores(graph, TYPES, pairs_of(graph, trained), trained[:, 0].astype(int) - 1, of_products,
                                       LinkConfig(seed=seed))
        found: dict[str, dict[str, dict[str, float]]] = {model: {} for model in models}
        for split, rows in splits.items():
            pairs = pairs_of(graph, rows)
            known = (pairs >= 0).all(1)  # a pair with a product of no edge has the score 0
            for model in models:
                scores = np.zeros(len(rows))
                scores[known] = score[model](pairs[known], rows[known, 0].astype(int) - 1)
                found[model][split] = areas(rows, scores)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", choices=MODELS, nargs="+", default=MODELS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--out", default=OUT)
    options = parser.parse_args()
    found = []
    for seed in options.seeds:
        found.append(measure(options.folder, options.models, seed))
        print(f"seed {seed}: {found[-1]}", flush=True)
    only = "" if options.models == MODELS else f" --models {' '.join(options.models)}"
    rows = [{"dataset": DATASET, "model": model, "protocol": PROTOCOL, "seeds": len(options.seeds),
             "command": f"python -m benchmarks.graphs.amazon FOLDER{only}{with_seeds(options.seeds)}",
             "metrics": {name: mean_std([of_seed[model]["test"][name] for of_seed in found]) for name in ("roc_auc", "pr_auc")}}
            for model in options.models]
    others = [one for one in read_rows(options.out) if (one["dataset"], one["model"]) not in {
        (DATASET, model) for model in options.models}]
    write_rows(options.out, [*others, *rows])


if __name__ == "__main__":
    main()
