"""TF Serving's messages, as far as a client needs them: packages, names and numbers are those of its public protocol.

They live in a descriptor pool of their own. TensorFlow registers the same names in protobuf's default pool, which takes each
only once; so a client needs no TensorFlow, and bears it in the same process, whoever is imported first.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import any_pb2, descriptor_pool, wrappers_pb2

from serving.protocol.declare import file_of, message_class

_TENSORFLOW = file_of("tensorflow", {
    "TensorShapeProto": ["repeated .tensorflow.TensorShapeProto.Dim dim = 2", "bool unknown_rank = 3"],
    "TensorShapeProto.Dim": ["int64 size = 1", "string name = 2"],
    "TensorProto": [
        "int32 dtype = 1", ".tensorflow.TensorShapeProto tensor_shape = 2", "bytes tensor_content = 4",
        "repeated int32 half_val = 13", "repeated float float_val = 5", "repeated double double_val = 6",
        "repeated int32 int_val = 7", "repeated bytes string_val = 8", "repeated int64 int64_val = 10",
        "repeated bool bool_val = 11", "repeated uint32 uint32_val = 16", "repeated uint64 uint64_val = 17"],
    # What the server reads of a tensor before it knows whether TensorFlow's own parser takes the rest.
    "TensorHead": ["int32 dtype = 1", ".tensorflow.TensorShapeProto tensor_shape = 2", "bytes tensor_content = 4"],
    "TensorInfo": ["oneof encoding: string name = 1", "int32 dtype = 2", ".tensorflow.TensorShapeProto tensor_shape = 3"],
    "SignatureDef": ["map<string, .tensorflow.TensorInfo> inputs = 1", "map<string, .tensorflow.TensorInfo> outputs = 2",
                     "string method_name = 3", "map<string, .tensorflow.TensorProto> defaults = 4"],
})
_SERVING = file_of("tensorflow.serving", {
    "ModelSpec": ["string name = 1", "oneof version_choice: .google.protobuf.Int64Value version = 2",
                  "oneof version_choice: string version_label = 4", "string signature_name = 3"],
    "PredictRequest": [".tensorflow.serving.ModelSpec model_spec = 1", "map<string, .tensorflow.TensorProto> inputs = 2",
                       "repeated string output_filter = 3"],
    # The same on the wire, with tensors as they stand there: a list of 5,000 strings is made once, where it is needed.
    "UnreadPredictRequest": [".tensorflow.serving.ModelSpec model_spec = 1", "map<string, bytes> inputs = 2",
                             "repeated string output_filter = 3"],
    "PredictResponse": [".tensorflow.serving.ModelSpec model_spec = 2", "map<string, .tensorflow.TensorProto> outputs = 1"],
    "StatusProto": ["int32 error_code = 1", "string error_message = 2"],
    "ModelVersionStatus": ["int64 version = 1", "int32 state = 2", ".tensorflow.serving.StatusProto status = 3"],
    "GetModelStatusRequest": [".tensorflow.serving.ModelSpec model_spec = 1"],
    "GetModelStatusResponse": ["repeated .tensorflow.serving.ModelVersionStatus model_version_status = 1"],
    "GetModelMetadataRequest": [".tensorflow.serving.ModelSpec model_spec = 1", "repeated string metadata_field = 2"],
    "GetModelMetadataResponse": [".tensorflow.serving.ModelSpec model_spec = 1",
                                 "map<string, .google.protobuf.Any> metadata = 2"],
    "SignatureDefMap": ["map<string, .tensorflow.SignatureDef> signature_def = 1"],
}, imports=[any_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name, _TENSORFLOW.name])

_POOL: Any = descriptor_pool.DescriptorPool()
for _file in (any_pb2.DESCRIPTOR.serialized_pb, wrappers_pb2.DESCRIPTOR.serialized_pb,
              _TENSORFLOW.SerializeToString(), _SERVING.SerializeToString()):
    _POOL.AddSerializedFile(_file)


def _message(name: str) -> Any:
    return message_class(_POOL, name)


TensorProto = _message("tensorflow.TensorProto")
TensorHead = _message("tensorflow.TensorHead")
SignatureDef = _message("tensorflow.SignatureDef")
ModelSpec = _message("tensorflow.serving.ModelSpec")
PredictRequest = _message("tensorflow.serving.PredictRequest")
UnreadPredictRequest = _message("tensorflow.serving.UnreadPredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")

# ModelVersionStatus.State
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
