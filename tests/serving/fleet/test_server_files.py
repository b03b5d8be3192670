"""ModelServer's files: its own protocol reads them, and they say what was described."""

from __future__ import annotations

import zoo.keras  # noqa: F401

# isort: split
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.fleet import server_files
from serving.fleet.description import Batching
from serving.fleet.messages import BatchingParameters, ModelServerConfig, MonitoringConfig
from serving.server.model_spec import specs_from_proto
from tests.serving.fleet.descriptions import FULL, described


def test_the_model_config_is_tf_servings():
    read = text_format.Parse(server_files.model_config(described(base=FULL)), model_server_config_pb2.ModelServerConfig())
    specs = specs_from_proto(read)
    assert list(specs) == ["din", "two_towers", "rerank"]
    assert specs["din"].policy.specific == (3, 4) and specs["din"].labels == {"stable": 3, "canary": 4}
    assert str(specs["din"].base_path) == "/models/din"
    assert specs["two_towers"].policy.latest == 2 and specs["rerank"].policy.latest == 1


def test_our_messages_have_the_numbers_of_tf_servings():
    """Text needs names alone; that the numbers are the same, too, says that the fields are."""
    text = server_files.model_config(described(base=FULL))
    ours = text_format.Parse(text, ModelServerConfig()).SerializeToString(deterministic=True)
    theirs = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).SerializeToString(deterministic=True)
    assert ours == theirs


def test_batching_follows_the_shape_of_requests():
    def read(**settings):
        return text_format.Parse(server_files.model_batching(Batching(**settings)), BatchingParameters())

    wide, narrow = read(max_batch_size=12), read(inputs="[R]", max_batch_size=64, allowed_batch_sizes=(8, 64), timeout_us=0)
    assert wide.pad_variable_length_inputs and list(wide.allowed_batch_sizes) == [1, 2, 4, 8, 12]
    assert wide.max_batch_size.value == wide.allowed_batch_sizes[-1]
    assert not narrow.pad_variable_length_inputs and list(narrow.allowed_batch_sizes) == [8, 64]
    assert narrow.HasField("batch_timeout_micros") and narrow.batch_timeout_micros.value == 0, "zero is said, not left out"
    assert list(read(max_batch_size=16).allowed_batch_sizes) == [1, 2, 4, 8, 16] and list(
        read(max_batch_size=1).allowed_batch_sizes
    ) == [1]


def test_threads_are_shared_and_metrics_are_on():
    shared = text_format.Parse(server_files.threads_config(described(base=FULL)), BatchingParameters())
    assert shared.num_batch_threads.value == 4 and not shared.HasField("max_batch_size")
    monitoring = text_format.Parse(server_files.monitoring_config(), MonitoringConfig())
    assert monitoring.prometheus_config.enable and monitoring.prometheus_config.path == server_files.METRICS_PATH
