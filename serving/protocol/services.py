"""TF Serving's services, as callables of a gRPC channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from serving.protocol import messages

Method = Callable[..., Any]


class Services:
    """The methods that a client calls; each takes its request and `timeout=` in seconds.

    Args:
        channel: to the server's gRPC port.
    """

    def __init__(self, channel: grpc.Channel):
        self.predict = _method(channel, "PredictionService/Predict", messages.PredictResponse)
        self.metadata = _method(channel, "PredictionService/GetModelMetadata", messages.GetModelMetadataResponse)
        self.status = _method(channel, "ModelService/GetModelStatus", messages.GetModelStatusResponse)


def _method(channel: grpc.Channel, name: str, response: Any) -> Method:
    return channel.unary_unary(f"/tensorflow.serving.{name}", request_serializer=_serialized,
                               response_deserializer=response.FromString)


def _serialized(request: Any) -> bytes:
    return request.SerializeToString()
