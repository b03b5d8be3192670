"""Transformed request logs as batches of inputs, labels and weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.data import parsing
from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.machine import cores
from zoo.schema import REQUEST_TIME, Schema

# Parsing keeps ahead of a step with half of the cores; more of them take cores from the step.
_PARSERS = max(2, cores() // 2)


class Share(NamedTuple):
    """Every `of`-th batch, from number `index` on; the index may be a tensor."""

    of: int
    index: Any


def read_dataset(schema: Schema, files: Sequence[str], batch_size: int, *, shuffle_buffer: int = 0, seed: int = 0,
                 epoch: int = 0, skip: int = 0, share: Share | None = None, keys: bool = False, after: int | None = None,
                 until: int | None = None) -> tf.data.Dataset:
    """Batches from TFRecords of transformed examples, one epoch.

    Sequences and candidates are padded to the longest of their batch, not to the schema's maximum.

    Args:
        schema: declares the columns.
        files: gzipped TFRecords.
        batch_size: requests a batch.
        shuffle_buffer: requests held for shuffling; 0 keeps the order.
        seed: of the shuffling.
        epoch: each number is an order of its own, the same in every run.
        skip: begin after so many batches, which are not parsed.
        share: only some of the batches, of which the others are not parsed.
        after: only requests later than this, seconds since 1970.
        until: only requests not later than this.
        keys: also give, as a second element, `{key: string [R]}` and the true probabilities `{truth_…: [R, N]}`.

    Returns:
        A dataset of `Batch`, or of `(Batch, extras)`.

    Raises:
        FileNotFoundError: `files` is empty.
    """
    if not files:
        raise FileNotFoundError(f"no transformed examples of {schema.name!r} were given to read")
    dataset = tf.data.TFRecordDataset(list(files), compression_type="GZIP", num_parallel_reads=None)
    if after is not None:
        dataset = dataset.filter(lambda serialized: _time(serialized) > after)
    if until is not None:
        dataset = dataset.filter(lambda serialized: _time(serialized) <= until)
    if shuffle_buffer:
        dataset = dataset.shuffle(shuffle_buffer, seed=_order(seed, epoch), reshuffle_each_iteration=False)
    dataset = dataset.batch(batch_size).skip(skip)
    if share is not None:
        dataset = dataset.shard(*share)
    # Fixed, not tuned: the tuner's thread sleeps twice as long each time and is waited for where an epoch ends, which
    # made epochs up to twice as long (docs/results.md).
    return dataset.map(_parser(schema.model_dump_json(), keys), num_parallel_calls=_PARSERS).prefetch(2).with_options(untuned())


@functools.lru_cache(maxsize=16)
def _parser(schema: str, keys: bool) -> Callable[[tf.Tensor], tuple]:
    """From serialized examples to what a dataset gives; traced once, for all epochs that read this schema (as JSON)."""
    declared = Schema.model_validate_json(schema)
    spec = parsing.transformed_spec(declared) | parsing.label_spec(declared)
    if keys:
        spec |= parsing.key_spec(declared) | parsing.truth_spec(declared)

    def parse(serialized: tf.Tensor) -> tuple:
        parsed = tf.io.parse_example(serialized, spec)
        batch = Batch(parsing.to_dense(declared, parsed), *parsing.labels_and_weights(declared, parsed),
                      parsing.marks(declared, parsed))
        if not keys:
            return batch
        extras = {key: parsed[key] for key in parsing.key_spec(declared)}
        return batch, extras | {name: parsed[name].to_tensor() for name in parsing.truth_spec(declared)}

    return tf.function(parse, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def untuned() -> tf.data.Options:
    """Options of a dataset whose parallelism is given and not tuned while it runs."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def read_times(files: Sequence[str]) -> np.ndarray:
    """`[n]` the times of all requests, seconds since 1970."""
    dataset = tf.data.TFRecordDataset(list(files), compression_type="GZIP").batch(4096)
    return np.concatenate([tf.io.parse_example(batch, _TIME)[REQUEST_TIME].numpy() for batch in dataset])


def _order(seed: int, epoch: int) -> int:
    """A seed of an epoch's order; neighbouring seeds share no epoch."""
    return int(np.random.SeedSequence([seed % 2**32, epoch]).generate_state(1)[0])


_TIME = {REQUEST_TIME: tf.io.FixedLenFeature([], tf.int64)}


def _time(serialized: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_single_example(serialized, _TIME)[REQUEST_TIME]
