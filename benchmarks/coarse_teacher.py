"""The teacher of the coarse rankers: trained once a log, its scores kept beside the examples and the pools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.settings import settings
from tfx_pipelines.config_teacher import TeacherConfig
from tfx_pipelines.scores import SCORES, read_columns, write_scores
from tfx_pipelines.transformed import Transformed
from zoo.data.layout import POOLS
from zoo.data.log_shard import open_shard
from zoo.keras import tf
from zoo.schema import Schema
from zoo.training import Scored, read_dataset, score_dataset, train

# By the log: DIN beside what counting says, in the kind that docs/results.md has of it.
NAMES = {"cascade": "din-detailed", "rees46": "din-statistics"}
# Requests that are scored at a time; pools have thousands of candidates.
_REQUESTS = {POOLS: 4}
_MANY = 512


class Teacher:
    """What the teacher says of a log; made below `root` where it is not there yet.

    Args:
        data: the transformed log.
        log: its name.
        root: of its folder, which is called as it is.
        seed: of the training.
        name: of another teacher than the log's own.

    Attributes:
        name: of the model, as the tables call it.
        folder: for its scores, for the examples with soft labels and for what is measured by them.
        measured: the teacher's own metrics on the test split, and its seconds.
        schema: with its opinion of the click as a soft label.
        files: the transformed examples with that label, by split.
    """

    def __init__(self, data: Transformed, log: str, root: Path, seed: int, name: str | None = None):
        self.task = data.schema.labels[0].name
        self.name = name or NAMES.get(log, "din")
        self.schema: Schema = TeacherConfig(name=settings(log, self.name)[0]).taught(data.schema)
        self.label = self.schema.labels[-1]
        self.folder = root / self.name
        self.done = self.folder / "done.json"
        self.files = {split: [str(self.folder / f"{split}.gz")] for split in data.files}
        if not self.done.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.done.write_text(json.dumps(self._made(data, log, seed), indent=1), encoding="utf-8")
        self.measured: dict[str, Any] = json.loads(self.done.read_text(encoding="utf-8"))

    def pools(self) -> Scored:
        """The candidates of the pools, as it scored them."""
        return Scored(**read_columns(str(self.folder / SCORES)))

    def _made(self, data: Transformed, log: str, seed: int) -> dict[str, Any]:
        model, model_config, training = settings(log, self.name)
        result = train(model, data.schema, data.files["train"], data.files["validation"],
                       config=training.model_copy(update={"seed": seed}), model_config=model_config,
                       on_progress=lambda line: print(f"  {line}", flush=True))
        measured = {}
        for split, (path,) in self.files.items():
            scored = score_split(result.model, data.schema, data.files, split)
            self._write(data, split, path, scored.scores[self.task])
            if split == POOLS:
                write_scores(str(self.folder), scored)
            if split == "test":
                measured = scored.metrics(data.schema.group_key, self.task)
        return {"test": measured, "seconds": sum(epoch["seconds"] for epoch in result.history)}

    def _write(self, data: Transformed, split: str, path: str, scores: np.ndarray) -> None:
        """The examples of a split with the scores as one column more."""
        first = 0
        with open_shard(path) as writer:
            for serialized, count in _counted(data, split):
                example = tf.train.Example()
                example.features.feature[self.label.column].float_list.value.extend(scores[first:first + count])
                # Messages one after the other are one message with the fields of both.
                writer.write(serialized + example.SerializeToString())
                first += count
        if first != len(scores):
            raise ValueError(f"{split}: {len(scores)} candidates were scored, and {first} are in the examples")


def score_split(model: Any, schema: Schema, files: dict[str, list[str]], split: str) -> Scored:
    """Every candidate of a split, scored by a model over the schema."""
    return score_dataset(model, read_dataset(schema, files[split], _REQUESTS.get(split, _MANY), keys=True))


def _counted(data: Transformed, split: str) -> Iterator[tuple[bytes, int]]:
    """The examples of a split, and how many candidates each has."""
    column = data.schema.labels[0].column
    spec = {column: tf.io.RaggedFeature(tf.float32)}
    for batch in tf.data.TFRecordDataset(data.files[split], compression_type="GZIP").batch(_MANY):
        counts = tf.io.parse_example(batch, spec)[column].row_lengths().numpy()
        yield from zip(batch.numpy().tolist(), counts.tolist(), strict=True)
