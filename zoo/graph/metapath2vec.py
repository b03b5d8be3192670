"""metapath2vec: vectors of a typed graph's nodes, of random walks along meta-paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zoo import files
from zoo.data.batch import Batch
from zoo.graph.graph import Graph, GraphError
from zoo.graph.meta_path import MetaPath
from zoo.graph.metapath2vec_config import MetaPath2VecConfig
from zoo.graph.skip_gram import CENTER, CONTEXT, TYPE, SkipGram
from zoo.graph.visits import expected_visits
from zoo.graph.walks import BLOCK, ENDED, walk_blocks
from zoo.keras import keras, tf
from zoo.training.loop import TrainingLoop
from zoo.training.optimizers import GroupedOptimizer


def metapath2vec(graph: Graph, config: MetaPath2VecConfig, on_progress: Callable[[str], None] = lambda line: None) -> SkipGram:
    """Learns vectors of the nodes that the paths go through.

    Args:
        graph: to walk.
        config: paths, and how to learn.
        on_progress: called with one line an epoch.

    Returns:
        The model; `vectors(type, count)` are what it learned.

    Raises:
        GraphError: no walk has two nodes.
    """
    keras.utils.set_random_seed(config.seed)
    paths = [MetaPath.of(text, graph) for text in config.paths]
    model = SkipGram(_counts(graph, paths, config), config.dim, config.negatives)
    loop = TrainingLoop(model, GroupedOptimizer(model, {"embedding": config.optimizer}))
    for epoch in range(config.epochs):
        loop.reset()
        loop.run(_dataset(graph, paths, config, model, epoch))
        on_progress(f"epoch {epoch + 1}/{config.epochs}  loss {loop.losses()['loss']:.4f}")
    return model


def write_vectors(graph: Graph, model: SkipGram, folder: files.PathLike) -> dict[str, str]:
    """Writes `vectors_TYPE.parquet` with the columns `id` and `vector`, as `embedding.pretrained` reads them.

    Returns:
        The path of each type's file.
    """
    files.make_dirs(folder)
    paths = {}
    for kind in model.first:
        ids = graph.ids(kind)
        values = model.vectors(kind, len(ids))
        lists = pa.ListArray.from_arrays(np.arange(0, values.size + 1, values.shape[1], np.int32), values.ravel())
        paths[kind] = files.join(folder, f"vectors_{kind}.parquet")
        with files.local_draft(paths[kind]) as local:
            pq.write_table(pa.table({"id": pa.array(ids), "vector": lists}), local)
    return paths


def window_pairs(walks: np.ndarray, kinds: Sequence[int], window: int) -> Iterator[np.ndarray]:
    """The pairs of nodes of a walk that are no further apart than the window, both ways round.

    Args:
        walks: `[w, length]` numbers over all types; negative after a walk's end.
        kinds: the number of each place's type.
        window: the largest distance.

    Yields:
        `[n, 3]` node, context, and the context's type, for a place and a distance at a time.
    """
    length = walks.shape[1]
    for center in range(length):
        for context in range(max(0, center - window), min(length, center + window + 1)):
            if context == center:
                continue
            pairs = walks[:, [center, context]]
            pairs = pairs[(pairs >= 0).all(1)]
            yield np.concatenate([pairs, np.full((len(pairs), 1), kinds[context], pairs.dtype)], 1)


def _counts(graph: Graph, paths: Sequence[MetaPath], config: MetaPath2VecConfig) -> dict[str, np.ndarray]:
    """By type, how often the walks of an epoch are expected at each node.

    Raises:
        GraphError: no walk has two nodes.
    """
    counts = {kind: np.zeros(graph.description.nodes[kind]) for kind in sorted({kind for path in paths for kind in path.types})}
    goes_on = False
    for path in paths:
        for place, (kind, visits) in enumerate(expected_visits(graph, path, config.walks)):
            counts[kind] += visits
            goes_on |= place > 0 and bool(visits.any())
    if not goes_on:
        raise GraphError(f"the graph in {graph.path} has no walk of two nodes along {', '.join(config.paths)}: there is "
                         "nothing to learn from; look in graph.json whether its relations have edges")
    return counts


def _rounds(graph: Graph, paths: Sequence[MetaPath], config: MetaPath2VecConfig, epoch: int) -> Iterator[list[np.ndarray]]:
    """Some walks of each path at a time, the same share of all: of paths that are learned one after the other, the last one has
    the last word on the nodes that it shares with others."""
    walks = config.walks.model_copy(update={"seed": config.seed + epoch})
    totals = [graph.description.nodes[path.types[0]] * walks.walks for path in paths]
    rounds = -(-max(totals) * len(paths) // BLOCK)
    ends = [np.arange(1, rounds + 1) * total // rounds for total in totals]
    yield from map(list, zip(*(_cut(walk_blocks(graph, path, walks), np.diff(end, prepend=0).tolist())
                               for path, end in zip(paths, ends, strict=True)), strict=True))


def _cut(blocks: Iterator[np.ndarray], sizes: Sequence[int]) -> Iterator[np.ndarray]:
    """The rows of blocks, so many at a time."""
    rest = np.zeros((0, 1), np.int32)
    for size in sizes:
        parts = [rest[:0]]
        while size:
            if not len(rest):
                rest = next(blocks)
            parts.append(rest[:size])
            size -= len(parts[-1])
            rest = rest[len(parts[-1]):]
        yield np.concatenate(parts[1:] or parts)


def _dataset(graph: Graph, paths: Sequence[MetaPath], config: MetaPath2VecConfig, model: SkipGram,
             epoch: int) -> tf.data.Dataset:
    """Batches of pairs; those of a round of walks in an order of their own."""
    kinds = list(model.first)

    def pairs_of(path: MetaPath, walks: np.ndarray) -> Iterator[np.ndarray]:
        types = [path.type(place) for place in range(walks.shape[1])]
        numbered = np.where(walks == ENDED, ENDED, walks + np.array([model.first[kind] for kind in types]))
        return window_pairs(numbered, [kinds.index(kind) for kind in types], config.window)

    def batches() -> Iterator[Any]:
        order = np.random.default_rng([config.seed, epoch])
        for walks in _rounds(graph, paths, config, epoch):
            pairs = np.concatenate([found for path, part in zip(paths, walks, strict=True) for found in pairs_of(path, part)])
            order.shuffle(pairs)
            for first in range(0, len(pairs), config.batch_size):
                center, context, kind = pairs[first:first + config.batch_size].T
                yield {CENTER: center, CONTEXT: context, TYPE: kind}, {}, {}, {}

    signature = ({name: tf.TensorSpec([None], tf.int64) for name in (CENTER, CONTEXT, TYPE)}, {}, {}, {})
    return tf.data.Dataset.from_generator(lambda: (Batch(*batch) for batch in batches()), output_signature=Batch(*signature)
                                          ).prefetch(2)
