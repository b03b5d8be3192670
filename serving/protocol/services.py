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
        channel: to the server's gRPC port, of `grpc` or of `grpc.aio`; with the latter each call is awaited.
    """

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel):
        self.predict = method(channel, "PredictionService/Predict", messages.PredictResponse)
        self.metadata = method(channel, "PredictionService/GetModelMetadata", messages.GetModelMetadataResponse)
        self.status = method(channel, "ModelService/GetModelStatus", messages.GetModelStatusResponse)


def method(channel: Any, name: str, response: Any) -> Method:
    """A method of TF Serving's services, such as `ModelService/GetModelStatus`, on a channel.

    Args:
        channel: of `grpc` or of `grpc.aio`.
        name: service and method.
        response: class of the answer.
    """
    return channel.unary_unary(f"/tensorflow.serving.{name}", request_serializer=_serialized,
                               response_deserializer=response.FromString)


def _serialized(request: Any) -> bytes:
    return request.SerializeToString()
