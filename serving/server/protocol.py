"""TF Serving's messages and stubs, for the server; they bring TensorFlow, so `zoo.keras` comes first and decides on Keras."""

import zoo.keras  # noqa: F401  # pyright: ignore[reportUnusedImport]

# isort: split
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

__all__ = [
    "get_model_metadata_pb2", "get_model_status_pb2", "model_management_pb2", "model_pb2", "model_server_config_pb2",
    "model_service_pb2_grpc", "predict_pb2", "prediction_log_pb2", "prediction_service_pb2_grpc", "saved_model_pb2",
    "tensor_pb2",
]
