"""The import of raw files (`zoo data import`) as an ExampleGen: the pipeline begins where the data does."""

from __future__ import annotations

import datetime
import glob
import json
import posixpath
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from google.protobuf import wrappers_pb2
from tfx import v1 as tfx
from tfx.components.example_gen import component
from tfx.components.example_gen.import_example_gen import executor
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils, proto_utils

from tfx_pipelines.beam_runner import on_this_machine
from tfx_pipelines.beam_shards import beam_samples, beam_shards
from tfx_pipelines.components.import_example_gen import hand_over
from tfx_pipelines.config_daily import DailyConfig
from tfx_pipelines.imported_log import imported_log
from tfx_pipelines.learned_days import DAYS
from tfx_pipelines.span_paths import has_span, of_span
from zoo import files
from zoo.config import ConfigError
from zoo.data.importer import (
    ImportConfig,
    SamplesConfig,
    import_events,
    import_samples,
    load_import_config,
    parse_import_config,
)
from zoo.data.importer.events import EventLogError
from zoo.data.importer.protocol import Splits
from zoo.data.importer.rejected import REJECTED
from zoo.data.request_log import RequestLog

if TYPE_CHECKING:  # a stage is made anew where code that it runs changed, which that of a whole run's settings is not
    from tfx_pipelines.config import DataConfig

NAME = "RawLogExampleGen"
EVENTS, PRIOR = "events", "prior"
# Of the day that a daily run is tested on.
_VALIDATION = datetime.timedelta(hours=3)


class Executor(executor.Executor):
    """Imports the files; the shards are made by this machine's processes, or by the Beam runner where it is another one."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        log = imported_log(examples.uri)
        said = _said(exec_properties)
        config = parse_import_config(said["config"], "import")
        if said.get("daily"):
            assert isinstance(config, ImportConfig)
            config, events, prior = days_of(config, said, int(exec_properties["span"]))
            examples.set_string_custom_property(DAYS, json.dumps(_days(said, int(exec_properties["span"]))))
        else:
            events, prior = (_found(exec_properties, kind) for kind in (EVENTS, PRIOR))
        try:
            more: dict[str, Any] = {"overwrite": True, "on_progress": _say}
            if isinstance(config, SamplesConfig):
                if not on_this_machine(self._beam_pipeline_args):
                    more["shards"] = beam_samples(self._make_beam_pipeline)
                check_schema(config, import_samples(config, events, log, **more))
            else:
                if not on_this_machine(self._beam_pipeline_args):
                    more["shards"] = beam_shards(self._make_beam_pipeline)
                import_events(config, events, log, prior=prior, **more)
        except EventLogError as error:
            # TFX removes the artifact's folder; what was rejected has to outlive it.
            report = f"{log}.{REJECTED}"
            if not files.is_file(report):
                raise
            kept = files.join(files.parent(files.parent(examples.uri)), REJECTED)
            files.copy(report, kept)
            raise EventLogError(str(error).replace(report, kept)) from None
        hand_over(log, examples)


class RawLogExampleGen(component.FileBasedExampleGen):
    """Makes a request log of raw files and hands its requests on as Examples; the log itself lies in the same artifact.

    The cache knows what is imported: the configuration, and sizes and times of the files and tables. Where files are named by
    a pattern with `{SPAN}` or `{YYYY}`, `{MM}` and `{DD}` (and `{VERSION}`), those of the newest span are imported, or of
    `data.span`; the artifact's properties `span` and `version` say which.

    Args:
        data: names the files and their import configuration.
        daily: of a run for each day, which is tested on a span and learns those before it; all their events are imported
            together, those of `prior` of the first of them.

    Raises:
        ConfigError: a file is absent, some files name a span and others do not, or the configuration is wrong.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, data: DataConfig, daily: DailyConfig | None = None):
        patterns = {f"{kind}-{number}": _pattern(path) for kind, paths in ((EVENTS, data.raw), (PRIOR, data.prior))
                    for number, path in enumerate(paths)}
        spans = [path for path in patterns.values() if has_span(path)]
        if spans and len(spans) < len(patterns):
            other = next(path for path in patterns.values() if not has_span(path))
            raise ConfigError(f"data.raw and data.prior: {spans[0]} names a span, and {other} does not; all do or none")
        if data.span is not None and not spans:
            raise ConfigError("data.span says which span is imported, but no file of data.raw names one; such as "
                              "events-{SPAN}.csv or events-{YYYY}{MM}{DD}.csv")
        base = _common_folder(patterns.values())
        splits = [example_gen_pb2.Input.Split(name=name, pattern=path.removeprefix(base).lstrip("/"))
                  for name, path in patterns.items()]
        span = tfx.proto.RangeConfig(static_range=tfx.proto.StaticRange(
            start_span_number=data.span, end_span_number=data.span)) if data.span is not None else None
        config = import_config(data)
        # The driver looks at the files of patterns alone; tables beside them are looked at here, for the cache to know them.
        tables = [io_utils.generate_fingerprint(path, _pattern(path)) for path in config.beside]
        custom, more = example_gen_pb2.CustomConfig(), {}
        if daily is not None:
            _check_days(config, daily, patterns.values())
            more = {"daily": daily.days, "patterns": patterns}
        custom.custom_config.Pack(wrappers_pb2.StringValue(
            value=json.dumps({"config": config.model_dump(mode="json"), "tables": tables, **more})))
        super().__init__(input_base=base, input_config=example_gen_pb2.Input(splits=splits), range_config=span,
                         custom_config=custom)


def import_config(data: DataConfig) -> ImportConfig | SamplesConfig:
    """What the columns of the raw files mean.

    Raises:
        ConfigError: it is not there, or wrong; or there are prior events beside samples, which have none.
    """
    assert data.config is not None
    config = load_import_config(data.config)
    if data.prior and isinstance(config, SamplesConfig):
        raise ConfigError("data.prior is for logs of events; a table of samples has its histories in it")
    return config


def check_schema(config: SamplesConfig, log: RequestLog) -> None:
    """That a table of samples is what its configuration says; a run has gone by that before it saw the table.

    Raises:
        EventLogError: a feature turned out to be of another kind.
    """
    said = {column.name: column.feature for column in config.schema().columns()}
    for column in log.schema.columns():
        kind, expected = (f"{'several of ' * one.multiple}{one.kind}" for one in (column.feature, said[column.name]))
        if kind != expected:
            advice = f"kind: {column.feature.kind}" if not column.feature.multiple else 'separator: "|"'
            raise EventLogError(f"{column.name!r} turned out to be {kind}, where its configuration alone says {expected}; a "
                                f"run that begins at samples needs it said: `{advice}` of the feature {column.feature.name!r}")


def _pattern(path: str) -> str:
    """A file as a pattern that finds it alone; a folder as one that finds its files; a pattern, or a URI, as it is."""
    if files.scheme(path):
        return path
    path = files.absolute(path)
    if files.is_file(path):
        return glob.escape(path)
    if files.is_dir(path):
        return files.join(glob.escape(path), "*")
    if not (has_span(path) or glob.has_magic(path)):
        raise ConfigError(f"{path}: no such file")
    return path


def _common_folder(patterns: Iterable[str]) -> str:
    """The deepest folder that all files lie in, and that no pattern names."""
    folders = [posixpath.dirname(path).split("/") for path in patterns]
    common = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1 or any(mark in parts[0] for mark in "*?[{"):
            break
        common.append(parts[0])
    return "/".join(common) or "/"


def _say(what: str, done: int, total: int) -> None:
    print(f"{what} {done}/{total}", flush=True)


def days_of(config: ImportConfig, said: dict[str, Any], span: int) -> tuple[ImportConfig, list[str], list[str]]:
    """The import of the days of a daily run: its configuration, the files of events, and those of prior ones.

    What is learned lies before the day that is tested, whose first hours are the validation split.

    Args:
        config: of a day; its splits are replaced.
        said: the stage's settings: `daily`, how many days are learned, and `patterns` of files.
        span: that is tested, in days since 1970.

    Raises:
        EventLogError: a day has no file.
    """
    day = datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(days=span)
    splits = Splits(validation_from=day, test_from=day + _VALIDATION, until=day + datetime.timedelta(days=1))
    first = span - said["daily"]
    events = [path for one in range(first, span + 1) for path in _files_of(said["patterns"], EVENTS, one)]
    # Prior events are older than all that is imported.
    return config.model_copy(update={"splits": splits}), events, _files_of(said["patterns"], PRIOR, first)


def _files_of(patterns: dict[str, str], kind: str, span: int) -> list[str]:
    found = []
    for name, pattern in patterns.items():
        if name.startswith(kind):
            paths = sorted(fileio.glob(of_span(pattern, span)))
            if not paths:
                raise EventLogError(f"{of_span(pattern, span)}: no file has such a name; a daily run reads all days that it "
                                    "learns, and the one that it is tested on")
            found += paths
    return found


def _days(said: dict[str, Any], span: int) -> dict[str, list[int]]:
    return {"train": list(range(span - said["daily"], span)), "validation": [span], "test": [span]}


def _check_days(config: ImportConfig | SamplesConfig, daily: DailyConfig, patterns: Iterable[str]) -> None:
    if isinstance(config, SamplesConfig):
        raise ConfigError("a daily run of samples needs a request log of each day: import each (`zoo data import`), and name "
                          "them by data.log, such as days/{SPAN}")
    if daily.test != "next":
        raise ConfigError("daily.test: a daily run that imports events is tested on the next day; `same` needs a request log "
                          "of each day (data.log)")
    for path in patterns:
        if "{YYYY}" not in path or "{VERSION" in path:
            raise ConfigError(f"{path}: the events of a daily run are divided by time, so their files are named by dates: "
                              "{YYYY}, {MM} and {DD}, and no {VERSION}")


def _said(exec_properties: dict[str, Any]) -> dict[str, Any]:
    custom, text = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(exec_properties["custom_config"], custom)
    custom.custom_config.Unpack(text)
    return json.loads(text.value)


def _found(exec_properties: dict[str, Any], kind: str) -> list[str]:
    """The files of a kind, by the patterns in which the driver has filled in the span."""
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties["input_config"], config)
    found = []
    for split in config.splits:
        if split.name.startswith(kind):
            pattern = files.join(exec_properties["input_base"], split.pattern)
            paths = sorted(fileio.glob(pattern))
            if not paths:
                raise EventLogError(f"{pattern}: no file has such a name")
            found += paths
    return found
