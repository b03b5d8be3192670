"""The messages of ModelServer's configuration files, by the names of its public protocol: they are written in text form, and
TensorFlow, which would bring some of them, is not needed for that."""

from __future__ import annotations

from google.protobuf import descriptor_pool, wrappers_pb2

from serving.protocol.declare import file_of, message_class

_PACKAGE = "tensorflow.serving"
_FILE = file_of(
    _PACKAGE,
    {
        "VersionPolicy": [
            "oneof policy_choice: .tensorflow.serving.VersionPolicy.Latest latest = 100",
            "oneof policy_choice: .tensorflow.serving.VersionPolicy.Specific specific = 102",
        ],
        "VersionPolicy.Latest": ["uint32 num_versions = 1"],
        "VersionPolicy.Specific": ["repeated int64 versions = 1"],
        "ModelConfig": [
            "string name = 1",
            "string base_path = 2",
            "string model_platform = 4",
            ".tensorflow.serving.VersionPolicy model_version_policy = 7",
            "map<string, int64> version_labels = 8",
        ],
        "ModelConfigList": ["repeated .tensorflow.serving.ModelConfig config = 1"],
        "ModelServerConfig": [".tensorflow.serving.ModelConfigList model_config_list = 1"],
        "ReloadConfigRequest": [".tensorflow.serving.ModelServerConfig config = 1"],
        "StatusProto": ["int32 error_code = 1", "string error_message = 2"],
        "ReloadConfigResponse": [".tensorflow.serving.StatusProto status = 1"],
        "BatchingParameters": [
            ".google.protobuf.Int64Value max_batch_size = 1",
            ".google.protobuf.Int64Value batch_timeout_micros = 2",
            ".google.protobuf.Int64Value max_enqueued_batches = 3",
            ".google.protobuf.Int64Value num_batch_threads = 4",
            ".google.protobuf.StringValue thread_pool_name = 5",
            "repeated int64 allowed_batch_sizes = 6",
            "bool pad_variable_length_inputs = 7",
        ],
        "PrometheusConfig": ["bool enable = 1", "string path = 2"],
        "MonitoringConfig": [".tensorflow.serving.PrometheusConfig prometheus_config = 1"],
    },
    imports=["google/protobuf/wrappers.proto"],
)


_POOL = descriptor_pool.DescriptorPool()
for _file in (wrappers_pb2.DESCRIPTOR.serialized_pb, _FILE.SerializeToString()):
    _POOL.AddSerializedFile(_file)

ModelServerConfig = message_class(_POOL, f"{_PACKAGE}.ModelServerConfig")
ReloadConfigRequest = message_class(_POOL, f"{_PACKAGE}.ReloadConfigRequest")
ReloadConfigResponse = message_class(_POOL, f"{_PACKAGE}.ReloadConfigResponse")
BatchingParameters = message_class(_POOL, f"{_PACKAGE}.BatchingParameters")
MonitoringConfig = message_class(_POOL, f"{_PACKAGE}.MonitoringConfig")
