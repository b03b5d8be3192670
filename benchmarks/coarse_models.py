"""A coarse ranker and its teacher on one simulated log, exported in several precisions, for the benchmark of their latency."""

from __future__ import annotations

import dataclasses
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serving.asked import asked
from serving.encoding import encode_requests
from tfx_pipelines.config import load_run_config
from tfx_pipelines.transformed import Transformed, transformed
from zoo.data.catalogue import ITEM, VALID_FROM, Catalogue, arrow_schema
from zoo.data.request import Request
from zoo.data.request_log import RequestLog
from zoo.export import add_items, export_model
from zoo.export.item_table import IDS_FILE
from zoo.keras import keras, tf
from zoo.metrics import gauc

LABEL = "click"
ITEMS, REQUESTS, EVENTS = 6_000, 30_000, 50


@dataclass(frozen=True)
class Prepared:
    """The log, its transformed twin, and the exported models below `root`."""

    root: Path
    log: RequestLog
    data: Transformed

    @property
    def dataset(self) -> str:
        return f"simulator, {self.log.catalogue().item_count:,} items"

    @property
    def teacher(self) -> Path:
        return self.root / "din" / "1"

    def student(self, precision: str) -> Path:
        return self.root / f"dssm-{precision}" / "1"

    def request(self, candidates: int, events: int) -> Request:
        """A request of the log with so many different items of the catalogue, and a history of so many events."""
        request = next(self.log.requests("test"))
        rng = np.random.default_rng(0)
        catalogue = self.log.catalogue()
        items = next(catalogue.batches(catalogue.item_count))
        chosen = rng.choice(catalogue.item_count, candidates, replace=False)
        known = {name: [values[place] for place in chosen] for name, values in items.items()}
        others = {f.name: rng.exponential(1.0, candidates).tolist() for f in self.log.schema.candidates if f.name not in known}
        past = rng.choice(catalogue.item_count, events)
        fields = self.log.schema.sequences[0].fields
        history = {f.name: [items[f.name][place] for place in past] if f.name in items
                   else rng.exponential(1e4, events).tolist() for f in fields}
        return dataclasses.replace(request, candidates=known | others, sequences={self.log.schema.sequences[0].name: history},
                                   labels={}, truth={}, marks={})

    @staticmethod
    def table_bytes(path: Path) -> int:
        """What the items take in a model: their rows and their ids."""
        reader = tf.train.load_checkpoint(str(path / "variables/variables"))
        shapes, kinds = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        return sum(int(np.prod(shapes[name])) * kinds[name].size for name in shapes if name.startswith("items/")) + (
            path / "assets" / IDS_FILE).stat().st_size


def _settings() -> dict[str, dict[str, Any]]:
    """Of the models that `zoo run coarse` trains; what a student learned from does not change what it costs."""
    run = load_run_config("coarse", model="dssm")
    assert run.teacher is not None and run.teacher.name is not None
    student = {name: value for name, value in run.model.config.items() if name != "distillation"}
    return {"dssm": student, run.teacher.name: run.teacher.config}


def prepare(root: Path) -> Prepared:
    """Makes the log and the models below `root`; what is there already is taken as it is."""
    import tensorflow_transform as tft

    from zoo.assets import Assets
    from zoo.data.simulator import SimulatorConfig, write_simulated_log
    from zoo.training import TrainingConfig, train

    if not (root / "log").is_dir():
        write_simulated_log(SimulatorConfig(requests=REQUESTS, items=ITEMS, history=EVENTS, labels=[LABEL]), root / "log")
    log = RequestLog(root / "log")
    data = transformed(log.path, root / "pipeline")
    prepared = Prepared(root, log, data)
    transform = tft.TFTransformOutput(data.transform_graph)
    for name, settings in _settings().items():
        paths = [prepared.student(one) for one in ("float32", "float16", "int8")] if name == "dssm" else [prepared.teacher]
        if all(path.is_dir() for path in paths):
            continue
        keras.utils.set_random_seed(1)
        result = train(name, data.schema, data.files["train"], data.files["validation"], assets=Assets(), model_config=settings,
                       config=TrainingConfig(epochs=6, patience=2), on_progress=lambda line: print(line, flush=True))
        for path in paths:
            precision: Any = path.parent.name.removeprefix("dssm-") if name == "dssm" else None
            export_model(result.model, transform.transform_features_layer(), path, precision,
                         log.catalogue() if precision else None)
    return prepared


def evaluate(path: Path, prepared: Prepared, requests: int = 2_000) -> dict[str, float]:
    """GAUC of the test split by the exported model's answers to ids alone."""
    rank = tf.saved_model.load(str(path)).signatures["rank"]
    labels, scores, groups = [], [], []
    schema = prepared.data.schema
    for request, _ in zip(prepared.log.requests("test"), range(requests), strict=False):
        inputs = encode_requests(schema.by_id(), [asked(schema, request, by_id=True)]).inputs
        answer = rank(**{name: tf.constant(value) for name, value in inputs.items()})
        scores.append(answer[LABEL].numpy()[0])
        labels.append(np.asarray(request.labels[LABEL]))
        groups.append(np.full(request.candidate_count, request.features[schema.group_key], object))
    return {"gauc": gauc(*(np.concatenate(one) for one in (groups, labels, scores))).value}


def million(prepared: Prepared, precision: str, items: int = 1_000_000) -> tuple[Path, float]:
    """A copy of the student with a million made-up items in its table, and how many seconds these took."""
    known = prepared.log.catalogue()
    rng = np.random.default_rng(2)
    chosen = known.table.take(pa.array(rng.choice(len(known), items)))
    columns = {ITEM: pa.array([f"m{number}" for number in range(items)]), VALID_FROM: pa.array(np.zeros(items, np.int64))}
    expected = arrow_schema(prepared.log.schema)
    table = pa.table([columns.get(name, chosen[name]) for name in expected.names], schema=expected).sort_by(ITEM)
    path = prepared.root / f"million-{precision}" / "1"
    shutil.rmtree(path.parent, ignore_errors=True)
    shutil.copytree(prepared.student(precision), path)
    started = time.perf_counter()
    add_items(path, Catalogue(prepared.log.schema, table), replace=True)
    return path, time.perf_counter() - started
