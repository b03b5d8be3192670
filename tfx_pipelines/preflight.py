"""What can be known before the first stage, so that nobody waits for the last one to hear it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfx_pipelines.config import FilterConfig, RunConfig
from zoo import files
from zoo.config import ConfigError
from zoo.data.layout import POOLS
from zoo.data.request_log import RequestLog
from zoo.schema import Schema

_PATTERN = re.compile(r"[*?\[\]]")


class OneClassError(ValueError):
    """A split of the log on which AUC and GAUC can't be measured."""


def check_path(what: str, path: str) -> None:
    """Beam and TensorFlow must reach the folder; they read by patterns, in which a bracket can't be said to be one.

    Args:
        what: to call it in the message.
        path: of a folder that stages read from.

    Raises:
        ConfigError: the path holds `*`, `?`, `[` or `]`, or lies where TensorFlow does not read.
        FileError: nothing reaches it.
    """
    if not files.tensorflow_reads(path):
        raise ConfigError(f"the {what} {path!r} lies where the pipeline's stages do not read: TensorFlow does not know "
                          f"{files.scheme(path)}://; copy it, or mount it as a folder")
    found = _PATTERN.search(path)
    if found:
        raise ConfigError(f"the {what} {path!r} holds {found[0]!r}, which Beam and TensorFlow take for a pattern; "
                          "choose a path without * ? [ ]")


def check_teacher(config: RunConfig, schema: Schema) -> None:
    """A model whose settings say how to follow a teacher needs one.

    Args:
        config: of the run.
        schema: of the request log.

    Raises:
        ConfigError: nobody teaches.
    """
    follows = config.model.config.get("distillation") is not None
    if follows and config.teacher is None and not any(label.soft for label in schema.labels):
        raise ConfigError("model.config.distillation says how to follow a teacher, and there is none: name one (teacher.name, "
                          "a model of the zoo that this run trains first; or teacher.pushed, a folder), or take a log with a "
                          "soft label")


def check_pools(log: RequestLog, of_filter: FilterConfig | None) -> None:
    """Metrics of a filter need requests with more candidates than it keeps.

    Args:
        log: the request log; its manifest has the counts.
        of_filter: what is measured; None for nothing.

    Raises:
        ConfigError: the log has no pools, or its requests have too few candidates.
    """
    if of_filter is None:
        return
    if POOLS not in log.splits:
        raise ConfigError(f"`filter` asks for metrics of a coarse ranker as a filter, and {log.path} has no split {POOLS!r}; "
                          "leave `filter` out, or make a log with pools (docs/simulator.md)")
    count = log.manifest["splits"][POOLS]
    if count["candidates"] <= max(of_filter.kept) * count["requests"]:
        raise ConfigError(f"filter.kept: {max(of_filter.kept)} of the {count['candidates'] / count['requests']:.0f} candidates "
                          f"that requests of {POOLS!r} have would keep all of them; choose less")


def check_classes(log: RequestLog, splits: Sequence[str]) -> None:
    """AUC and GAUC, which choose the epoch and gate the model, need positives and negatives.

    Args:
        log: the request log; its manifest has the counts.
        splits: on which the first label's AUC is measured.

    Raises:
        OneClassError: a split has one class alone; names the split, the label and the count.
    """
    label = log.schema.labels[0].name
    for split in splits:
        count = log.manifest["splits"][split]
        positives = count["positives"][label]
        if 0 < positives < count["candidates"]:
            continue
        which = "positive" if positives == 0 else "negative"
        raise OneClassError(f"{log.path}: the {split} split has no {which} ({label!r} of {count['candidates']:,} candidates), "
                            "so AUC and GAUC can't be measured on it; check the times that divide the splits, and which events "
                            "are clicks")
