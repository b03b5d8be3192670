"""TFX's ImportExampleGen, which takes the files of a request log as they are."""

from __future__ import annotations

from typing import Any

from google.protobuf import wrappers_pb2
from tfx import v1 as tfx
from tfx.components.example_gen.import_example_gen import executor
from tfx.components.util import examples_utils
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from zoo import files
from zoo.data.layout import POOLS, SHARDS, SPLITS


class Executor(executor.Executor):
    """Copies each split's files. A log is written in splits and packed already: no record has to be looked at."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        hand_over(exec_properties["input_base"], artifact_utils.get_single_instance(output_dict["examples"]))


class ImportExampleGen(tfx.components.ImportExampleGen):
    """Hands a request log's files on as Examples: gzipped TFRecords of tf.Examples, a folder for each split.

    Args:
        log: folder of the request log, as the runner sees it.
        digest: of what the log holds: a cache that does not look into the folder goes by it.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, log: str, digest: str = ""):
        splits = [example_gen_pb2.Input.Split(name=split, pattern=f"{split}/{SHARDS}") for split in SPLITS]
        super().__init__(input_base=log, input_config=example_gen_pb2.Input(splits=splits))
        if digest:
            custom = example_gen_pb2.CustomConfig()
            custom.custom_config.Pack(wrappers_pb2.StringValue(value=digest))
            self.spec.exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY] = proto_utils.proto_to_json(custom)


def hand_over(log: str, examples: Artifact) -> None:
    """Copies the files of a request log into an artifact, and says there what they are."""
    there = [*SPLITS, *([POOLS] if files.glob(files.join(log, POOLS), SHARDS) else [])]
    examples.split_names = artifact_utils.encode_split_names(there)
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    for split in there:
        folder = artifact_utils.get_split_uri([examples], split)
        files.make_dirs(folder)
        for path in files.glob(files.join(log, split), SHARDS):
            files.copy(path, files.join(folder, files.name(path)))
