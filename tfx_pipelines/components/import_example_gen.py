"""TFX's ImportExampleGen, which takes the files of a request log, or of the logs of some days, as they are."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import wrappers_pb2
from tfx import v1 as tfx
from tfx.components.example_gen.import_example_gen import executor
from tfx.components.util import examples_utils
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from tfx_pipelines.config_daily import DailyConfig
from tfx_pipelines.imported_log import imported_log
from tfx_pipelines.learned_days import DAYS, learned_days
from tfx_pipelines.span_paths import has_span, of_span
from zoo import files
from zoo.config import ConfigError, parse
from zoo.data.catalogue import CATALOGUE_FILE
from zoo.data.layout import POOLS, SHARDS, SPLITS
from zoo.data.request_log import MANIFEST_FILE, SCHEMA_FILE

_DAILY, _LOGS = "daily", "logs"


class Executor(executor.Executor):
    """Copies each split's files. A log is written in splits and packed already: no record has to be looked at."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        said = _custom(exec_properties)
        if _DAILY not in said:
            hand_over(exec_properties["input_base"], examples)
            return
        logs, span = said[_LOGS], int(exec_properties["span"])
        hand_over_days(logs, span, parse(DailyConfig, said[_DAILY], where="daily"), examples)


class ImportExampleGen(tfx.components.ImportExampleGen):
    """Hands a request log's files on as Examples: gzipped TFRecords of tf.Examples, a folder for each split.

    Args:
        log: folder of the request log, as the runner sees it.
        digest: of what the log holds: a cache that does not look into the folder goes by it.
        daily: where `log` is a pattern of the logs of all spans: which of them are learned.
        span: that is tested; the newest one by default.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, log: str, digest: str = "", daily: DailyConfig | None = None, span: int | None = None):
        base, below = _divided(log) if daily else (log, "")
        splits = [example_gen_pb2.Input.Split(name=split, pattern=f"{below}{split}/{SHARDS}") for split in SPLITS]
        chosen = tfx.proto.RangeConfig(static_range=tfx.proto.StaticRange(
            start_span_number=span, end_span_number=span)) if daily and span is not None else None
        super().__init__(input_base=base, input_config=example_gen_pb2.Input(splits=splits), range_config=chosen)
        said: dict[str, Any] = {"digest": digest} if digest else {}
        if daily:
            said |= {_DAILY: daily.model_dump(mode="json", include={"test", "days"}), _LOGS: log}
            if span is not None and not files.scheme(log):
                # The driver looks at the files of one span alone.
                said["learned"] = [io_utils.generate_fingerprint(split, files.join(of_span(log, day), split, SHARDS))
                                   for day, split in learned_days(span, daily)["train"]]
        if said:
            custom = example_gen_pb2.CustomConfig()
            custom.custom_config.Pack(wrappers_pb2.StringValue(value=json.dumps(said) if daily else digest))
            self.spec.exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY] = proto_utils.proto_to_json(custom)


def hand_over(log: str, examples: Artifact) -> None:
    """Copies the files of a request log into an artifact, and says there what they are."""
    there = [*SPLITS, *([POOLS] if files.glob(files.join(log, POOLS), SHARDS) else [])]
    _declare(examples, there)
    for split in there:
        folder = artifact_utils.get_split_uri([examples], split)
        files.make_dirs(folder)
        for path in files.glob(files.join(log, split), SHARDS):
            files.copy(path, files.join(folder, files.name(path)))


def hand_over_days(logs: str, span: int, daily: DailyConfig, examples: Artifact) -> None:
    """Copies the files of the logs of some spans into an artifact, by what of them is learned and what tested.

    Args:
        logs: pattern of the logs' folders.
        span: that is tested.
        daily: how many spans are learned.
        examples: gets the files, and says which `days` each split is of.

    Raises:
        ConfigError: there is no log of a span that is to be learned.
    """
    parts = learned_days(span, daily)
    for day in sorted({day for of_split in parts.values() for day, _ in of_split}):
        if not files.is_file(files.join(of_span(logs, day), MANIFEST_FILE)):
            raise ConfigError(f"span {span} learns span {day}, and there is no request log in {of_span(logs, day)}; make it, "
                              "or begin with a later span")
    if files.glob(files.join(of_span(logs, span), POOLS), SHARDS):
        parts[POOLS] = [(span, POOLS)]
    _declare(examples, list(parts))
    for split, of_split in parts.items():
        folder = artifact_utils.get_split_uri([examples], split)
        files.make_dirs(folder)
        for place, (day, name) in enumerate(of_split):
            for path in files.glob(files.join(of_span(logs, day), name), SHARDS):
                files.copy(path, files.join(folder, f"part-{place:03d}-{files.name(path)}"))
    # What stages read of the log beside its requests: schema, counts, catalogue.
    for name in (SCHEMA_FILE, MANIFEST_FILE, CATALOGUE_FILE):
        if files.is_file(files.join(of_span(logs, span), name)):
            files.make_dirs(imported_log(examples.uri))
            files.copy(files.join(of_span(logs, span), name), files.join(imported_log(examples.uri), name))
    examples.set_string_custom_property(DAYS, json.dumps({split: sorted({day for day, _ in of_split})
                                                          for split, of_split in parts.items()}))


def _declare(examples: Artifact, splits: list[str]) -> None:
    examples.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")


def _divided(log: str) -> tuple[str, str]:
    """The folder that the logs of all spans lie in, and the pattern of one below it, with a slash at its end."""
    parts = files.normal(log).split("/")
    place = next((number for number, part in enumerate(parts) if has_span(part)), None)
    if place is None:
        raise ConfigError(f"{log}: a daily run needs a log of each span, whose folder names it by {{SPAN}}, or by {{YYYY}}, "
                          "{MM} and {DD}")
    return "/".join(parts[:place]) or ".", "/".join(parts[place:]) + "/"


def _custom(exec_properties: dict[str, Any]) -> dict[str, Any]:
    """What our settings say; nothing where they are a digest alone."""
    text = exec_properties.get(standard_component_specs.CUSTOM_CONFIG_KEY)
    if not text:
        return {}
    custom, value = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(text, custom)
    custom.custom_config.Unpack(value)
    return json.loads(value.value) if value.value.startswith("{") else {}
