"""The configuration of a run: data, model, training, gate, serving, pipeline, Beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from tfx_pipelines.config_cluster import ClusterConfig, StepConfig
from tfx_pipelines.config_daily import DailyConfig, DriftConfig
from tfx_pipelines.config_data import DataConfig
from tfx_pipelines.config_files import CONFIGS, Source, model_name, name_in, read_sources, shipped
from tfx_pipelines.config_graph import LogGraphConfig
from tfx_pipelines.config_neighbours import NeighboursConfig
from tfx_pipelines.config_optimizers import over_own_optimizers
from tfx_pipelines.config_search import SearchConfig, with_values
from tfx_pipelines.config_sections import (
    BeamConfig,
    ExportConfig,
    FilterConfig,
    GateConfig,
    ModelConfig,
    PipelineConfig,
    ServingConfig,
)
from tfx_pipelines.config_teacher import TeacherConfig
from zoo.config import Config, ConfigError, merged, nearest, parse
from zoo.graph.metapath2vec_config import MetaPath2VecConfig
from zoo.models import registry
from zoo.training.config import TrainingConfig

if TYPE_CHECKING:
    from zoo.export.model_description import Precision

__all__ = ["CONFIGS", "GATED", "ClusterConfig", "DailyConfig", "DataConfig", "DriftConfig", "ExportConfig",
           "FilterConfig", "GateConfig", "LogGraphConfig",
           "ModelConfig", "NeighboursConfig", "PipelineConfig", "RunConfig", "SearchConfig", "ServingConfig", "StepConfig",
           "TeacherConfig",
           "item_table", "load_run_config", "shipped", "with_floors"]

# Another model, or another optimizer, keeps nothing of the settings of the one before it.
CHOICES = ("model", "training.optimizers.*")
# The metrics of the gate.
GATED = ("auc", "gauc")

# Beam's default pickler (dill) sets the level of a logger at each call, and with it empties the caches of all loggers: a fifth
# of the data stages' time on a small log.
PICKLER = "--pickle_library=cloudpickle"


class RunConfig(Config):
    """A run of the pipeline; a first one needs to name only the data and the model.

    With a `graph`, the training split becomes one; `pretraining` learns vectors of its nodes, the model's assets
    `vectors_<type>`, and `neighbours` finds those along meta-paths, its assets `neighbours_<name>`. With a `search`, the
    model is trained by the best settings of several trials.

    Example:
        >>> RunConfig(data=DataConfig(log="runs/demo/log"), model=ModelConfig(name="din"))
    """

    data: DataConfig = DataConfig()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig | None = None
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
    _check_search(config, path)
    return config


def _check_search(config: RunConfig, path: str | Path) -> None:
    """That the model takes what a search tries."""
    sections = {"model": {"config": config.model.config}, "training": config.training.model_dump(mode="json")}
    for values in config.search.ends() if config.search else ():
        chosen, place = with_values(sections, values), f"{path}: search.space.{next(iter(values))}"
        parse(registry.get(config.model.name).Config, chosen["model"]["config"], where=place)
        parse(TrainingConfig, chosen["training"], where=place)


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
