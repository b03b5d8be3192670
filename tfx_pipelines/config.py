"""The configuration of a run: data, model, training, gate, serving, pipeline, Beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from tfx_pipelines.config_cluster import ClusterConfig, StepConfig
from tfx_pipelines.config_daily import DailyConfig, DriftConfig
from tfx_pipelines.config_files import CONFIGS, Source, model_name, name_in, read_sources, shipped
from tfx_pipelines.config_graph import LogGraphConfig
from tfx_pipelines.config_neighbours import NeighboursConfig
from tfx_pipelines.config_optimizers import over_own_optimizers
from tfx_pipelines.config_teacher import TeacherConfig
from zoo.config import Config, ConfigError, merged, nearest, parse
from zoo.graph.metapath2vec_config import MetaPath2VecConfig
from zoo.models import registry
from zoo.training.config import TrainingConfig

if TYPE_CHECKING:
    from zoo.export.model_description import Precision

__all__ = ["CONFIGS", "GATED", "ClusterConfig", "DailyConfig", "DataConfig", "DriftConfig", "ExportConfig",
           "FilterConfig", "GateConfig", "LogGraphConfig",
           "ModelConfig", "NeighboursConfig", "PipelineConfig", "RunConfig", "ServingConfig", "StepConfig", "TeacherConfig",
           "item_table", "load_run_config", "shipped", "with_floors"]

# Another model, or another optimizer, keeps nothing of the settings of the one before it.
CHOICES = ("model", "training.optimizers.*")
# The metrics of the gate.
GATED = ("auc", "gauc")

# Beam's default pickler (dill) sets the level of a logger at each call, and with it empties the caches of all loggers: a fifth
# of the data stages' time on a small log.
PICKLER = "--pickle_library=cloudpickle"


class DataConfig(Config):
    """Args:
        log: folder of the request log; the command line may name it instead. With `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}`, in
            its name there is a log of each span.
        cluster_log: the same log as a cluster reaches it (`gs://…`), for compiled pipelines; `log` by default.
        raw: in place of `log`, raw files that the pipeline imports first: files, folders or patterns; with `{SPAN}`, or
            `{YYYY}`, `{MM}` and `{DD}`, in their names (and `{VERSION}`), those of the newest span.
        prior: raw files with earlier events of the sessions, for histories alone.
        config: of the import: a YAML file, or the name of one that comes with the package.
        span: of `raw` to import, or of `log` to read, not the newest one; a date counts in days since 1970.
        labels: of the log that are learned; all of them by default. With one alone, a model of several tasks has one.
        statistics_share: of the requests that StatisticsGen looks at, evenly over the log. A large log's statistics are the
            same by a tenth of it, but what is wrong with single requests may go unseen.
    """

    log: str | None = None
    cluster_log: str | None = None
    raw: tuple[str, ...] = ()
    prior: tuple[str, ...] = ()
    config: str | None = None
    span: int | None = pydantic.Field(default=None, ge=0)
    labels: tuple[str, ...] = ()
    statistics_share: float = pydantic.Field(default=1.0, gt=0, le=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> DataConfig:
        if self.raw and (self.log or self.cluster_log):
            raise ValueError("either a request log is named (`log`), or the raw files that one is made of (`raw`)")
        if self.raw and not self.config:
            raise ValueError("`raw` needs `config`, the import configuration of the files: a YAML file, or the name of one "
                             "that comes with the package")
        if not self.raw and (self.prior or self.config):
            raise ValueError("`prior` and `config` are for `raw`, which names no files")
        if not self.raw and self.span is not None and self.log is not None and "{" not in self.log:
            raise ValueError("`span` says which of several logs is read, and `log` names one alone; such as days/{SPAN}")
        return self


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


class RunConfig(Config):
    """A run of the pipeline; a first one needs to name only the data and the model.

    With a `graph`, the training split becomes one; `pretraining` learns vectors of its nodes, the model's assets
    `vectors_<type>`, and `neighbours` finds those along meta-paths, its assets `neighbours_<name>`.

    Example:
        >>> RunConfig(data=DataConfig(log="runs/demo/log"), model=ModelConfig(name="din"))
    """

    data: DataConfig = DataConfig()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    daily: DailyConfig | None = None
    teacher: TeacherConfig | None = None
    graph: LogGraphConfig | None = None
    pretraining: MetaPath2VecConfig | None = None
    neighbours: NeighboursConfig | None = None
    gate: GateConfig = GateConfig()
    filter: FilterConfig | None = None
    export: ExportConfig = ExportConfig()
    serving: ServingConfig = ServingConfig()
    pipeline: PipelineConfig = PipelineConfig()
    beam: BeamConfig = BeamConfig()
    cluster: ClusterConfig = ClusterConfig()

    @pydantic.model_validator(mode="after")
    def _graph_is_made_and_read(self) -> RunConfig:
        for name in ("pretraining", "neighbours"):
            if getattr(self, name) is not None and self.graph is None:
                raise ValueError(f"`{name}` is of a graph, and there is none: say in `graph` what it is made of")
        if self.graph is not None and self.pretraining is None and self.neighbours is None:
            raise ValueError("nothing reads the `graph`: add `pretraining` or `neighbours`, or leave it away")
        return self

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        if self.data.config:
            data = Path(self.data.config).stem
        elif "{" in self.log:  # logs of spans: what stands before the span
            data = Path(self.log.partition("{")[0]).name.strip("-_. ")
        else:
            data = Path(self.log).parent.name
        return self.pipeline.name or f"{data or 'log'}-{self.model.name}"

    @property
    def root(self) -> str:
        """Folder of everything that the pipeline makes; may be remote."""
        return self.pipeline.root or f"runs/{self.name}"

    @property
    def log(self) -> str:
        """Folder of the request log.

        Raises:
            ConfigError: neither the configuration nor the command line names it.
        """
        if self.data.log is None:
            raise ConfigError("no request log is named: give data.log in the configuration, or --log on the command line")
        return self.data.log

    @property
    def served_name(self) -> str:
        """Name under which servers know the model."""
        return self.serving.model_name or self.model.name

    @property
    def beam_arguments(self) -> list[str]:
        """Beam's command line."""
        # TFX packs itself up for remote workers, 5 seconds a stage, where no image is said to hold it. Nothing is remote here.
        local = [f"--sdk_container_image={self.pipeline.image}"] if self.beam.runner == "DirectRunner" else []
        return [f"--runner={self.beam.runner}", PICKLER, *local, *self.beam.arguments]


def load_run_config(path: str | Path, overrides: Sequence[str] = (), *, model: str | None = None,
                    options: Mapping[str, Any] | None = None) -> RunConfig:
    """Reads the configuration of a run.

    Settings change each other in this order: the model's own defaults, the file (after those that it `extends`), the part of
    the chosen model in its `models`, overrides, options.

    Args:
        path: a YAML file, or the name of one of the configurations that come with the package.
        overrides: such as `training.epochs=1`; values are YAML.
        model: of the zoo; the file's `model.name` by default.
        options: further values by dotted path, taken as they are; None says nothing.

    Raises:
        ConfigError: no such file; an unknown model; a key or a value that is wrong, or that the model has no use for; the
            message names the setting and the place where it stands.

    Example:
        >>> load_run_config("rees46", ["training.optimizers.dense.learning_rate=0.01"], model="dcn")
    """
    sources, values = _read(path, overrides, {**(options or {}), "model.name": model})
    teacher = values.get("teacher")
    if isinstance(teacher, Mapping) and teacher.get("name") is not None:
        values["teacher"] = _as_its_file_trains_it(path, teacher, name_in(sources, ("teacher", "name"), path))
    config = parse(RunConfig, values, where=lambda setting: name_in(sources, setting, path))
    parse(registry.get(config.model.name).Config, config.model.config,
          where=lambda setting: name_in(sources, ("model", "config", *setting), path))
    if config.teacher is not None and config.teacher.name is not None:
        parse(registry.get(config.teacher.name).Config, config.teacher.config,
              where=lambda setting: name_in(sources, ("teacher", "config", *setting), path))
    return config


def _read(path: str | Path, overrides: Sequence[str], options: Mapping[str, Any]) -> tuple[list[Source], dict[str, Any]]:
    """Where the settings of a run stand, and what they come to."""
    sources = read_sources(path, overrides, options, RunConfig.model_fields)
    name = model_name(sources)
    if name is not None:
        _check_model(name, name_in(sources, ("model", "name"), path))
        sources = over_own_optimizers(sources, name)
    values: dict[str, Any] = {}
    for source in sources:
        values = merged(values, source.values, CHOICES)
    return sources, values


def _as_its_file_trains_it(path: str | Path, teacher: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A teacher's settings over those that the file has for a run of its own."""
    _check_model(teacher["name"], place)
    alone = _read(path, (), {"model.name": teacher["name"]})[1]
    own = {key: value for key, value in alone["model"].items() if key != "name"} | {"training": alone.get("training", {})}
    return merged(own, teacher, ("training.optimizers.*",))


def _check_model(name: Any, place: str) -> None:
    if name not in registry.MODELS:
        raise ConfigError(f"{place}: there is no model {name!r} in the zoo{nearest(str(name), registry.MODELS)}")


def item_table(config: RunConfig) -> Precision | None:
    """Precision of the item table of the run's model; None for a model that keeps no items."""
    chosen = config.export.item_table
    return None if chosen == "none" or not registry.get(config.model.name).traits.keeps_items else chosen


def with_floors(config: RunConfig, floors: Mapping[str, Mapping[str, float]]) -> RunConfig:
    """The same run with its gate raised to the floors of the log, as far above them as `gate.above_floors` says.

    Args:
        config: of the run.
        floors: by metric (`auc`, `gauc`, …) and name, from the log's manifest.
    """
    margin = config.gate.above_floors
    if margin is None:
        return config
    raised = {metric: max([getattr(config.gate, metric), *(floor + margin for floor in floors.get(metric, {}).values())])
              for metric in GATED}
    return config.model_copy(update={"gate": config.gate.model_copy(update=raised)})
