"""The sections of a run's configuration that are short: model, gate, filter, export, serving, and where it runs."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.config import Config


class ModelConfig(Config):
    """Args:
        name: of the model in the zoo.
        config: its settings, checked by the model itself.
        assets: files that it reads when it is made (vectors for `embedding.pretrained`, vocabularies of texts), by the names
            that its settings call them; the vocabularies of the log's id spaces are there without that.
    """

    name: str
    config: dict[str, Any] = {}
    assets: dict[str, str] = {}


class GateConfig(Config):
    """What a model must reach to be pushed: what counting alone reaches on the log, and more where that is said here.

    Args:
        above_floors: how far AUC and GAUC must lie above the floors that the log names for them; null only reports the floors.
        auc: least AUC on the test split, whatever the floors.
        gauc: least GAUC on the test split, whatever the floors.
        filter: least values of metrics of the filter by name (`top50_in_600: 0.95`), where `filter` asks for them; of
            `unclicked_600` the largest.
        max_drop: how far they may fall below the model that serves today, the one that was pushed last.
    """

    above_floors: float | None = pydantic.Field(default=0.0, ge=0)
    auc: float = pydantic.Field(default=0.5, ge=0, le=1)
    gauc: float = pydantic.Field(default=0.5, ge=0, le=1)
    filter: dict[str, float] = {}
    max_drop: float = pydantic.Field(default=0.005, ge=0)


class FilterConfig(Config):
    """What is measured of a coarse ranker as a filter, on the log's split `pools` (docs/coarse.md).

    Args:
        kept: how many candidates the model lets through.
        top: how many of a teacher's best should be among them.
    """

    kept: tuple[int, ...] = (600,)
    top: tuple[int, ...] = (10, 50, 200, 600)


class ServingConfig(Config):
    """How the exported model is tried before it is pushed.

    Args:
        model_name: name under which servers know the model; the zoo's name of the model by default.
        replay_requests: real requests sent to a server that has loaded the model.
        max_abs_diff: largest difference allowed between a served score and the trainer's.
        warmup_requests: requests written into the model for servers to warm up with, by two signatures each; TF Serving
            reads no more than 1,000 records.
    """

    model_name: str | None = None
    replay_requests: int = pydantic.Field(default=256, ge=1)
    max_abs_diff: float = pydantic.Field(default=1e-5, gt=0)
    warmup_requests: int = pydantic.Field(default=16, ge=1, le=500)


class ExportConfig(Config):
    """How a coarse ranker whose items are computed ahead of time keeps them; other models have no use for it.

    Args:
        item_table: precision of what it keeps of the items of the log's catalogue, so that a call names candidates by their ids
            alone; `none` keeps nothing, and a call carries the candidates' features. A log without a catalogue has none.
        max_rounding: in place of `serving.max_abs_diff`, the largest difference allowed between the trainer's scores and those
            of a table in float16 or int8.
    """

    item_table: Literal["float32", "float16", "int8", "none"] = "float32"
    max_rounding: float = pydantic.Field(default=0.02, gt=0)


class PipelineConfig(Config):
    """Args:
        name: of the pipeline.
        root: where artifacts, metadata, the report and pushed models go; `runs/NAME` by default.
        cache: whether unchanged stages are taken from an earlier run.
        image: container image with this package, for Kubeflow and Vertex AI. Their caches know a step's code by it, so give
            each build a name of its own.
    """

    name: str | None = None
    root: str | None = None
    cache: bool = True
    image: str = "cascade-zoo:latest"


class BeamConfig(Config):
    """Args:
        runner: Beam runner.
        arguments: further Beam arguments, each a string as on a command line.
        temporary: folder that all workers reach (`gs://…`, or a volume that all mount), where a compiled pipeline's steps use
            another runner than the DirectRunner: the artifacts of a step lie in one pod alone.
    """

    runner: str = "DirectRunner"
    arguments: tuple[str, ...] = ()
    temporary: str | None = None
