"""gRPC front: PredictionService, ModelService and health on one port."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from serving.protocol import messages
from serving.server.addresses import joined, refusal
from serving.server.calls import Calls
from serving.server.faults import fault_of
from serving.server.protocol import get_model_metadata_pb2, model_service_pb2_grpc, predict_pb2
from serving.tls import ServerTls

log = logging.getLogger("serving.server")
_health_grpc: Any = health_pb2_grpc  # it has no types
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Without this, a second server on the same port takes half of the calls instead of failing to start.
    ("grpc.so_reuseport", 0),
]
# ModelServer's health service knows them without their package.
_SERVICES = ("", "PredictionService", "ModelService")


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, calls: Calls):
        self._calls = calls

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._calls.status, request, context)

    def HandleReloadConfigRequest(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._calls.reload, request, context)


class GrpcFront:
    """The gRPC port of a server.

    Args:
        calls: what answers.
        address: interface to bind.
        port: TCP port; 0 lets the system choose.
        threads: calls answered at once; more of them wait.
        tls: the server's certificate; None: in the clear.
        channel_arguments: of gRPC's core, beside our own.

    Raises:
        OSError: the system does not let it be bound; says why.
    """

    def __init__(self, calls: Calls, address: str, port: int, threads: int, tls: ServerTls | None = None,
                 channel_arguments: Mapping[str, int | str] | None = None):
        self._health = health.HealthServicer()
        options = [*_OPTIONS, *(channel_arguments or {}).items()]
        self._server = grpc.server(futures.ThreadPoolExecutor(threads, "grpc"), options=options)
        self._server.add_generic_rpc_handlers((_prediction_service(calls),))
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(calls), self._server)
        _health_grpc.add_HealthServicer_to_server(self._health, self._server)
        try:
            self.port = (self._server.add_secure_port(joined(address, port), tls.credentials()) if tls
                         else self._server.add_insecure_port(joined(address, port)))
        except RuntimeError:
            self.port = 0
        if not self.port:
            raise OSError(f"can't listen on {joined(address, port)}: {refusal(address, port) or 'gRPC refuses it'}.")

    def start(self) -> None:
        self._server.start()

    def set_health(self, ready: bool) -> None:
        """Sets what health checks are told."""
        kinds = health_pb2.HealthCheckResponse
        for service in _SERVICES:
            self._health.set(service, kinds.SERVING if ready else kinds.NOT_SERVING)

    def stop(self, grace_seconds: float) -> None:
        """Refuses new calls and waits for those that run."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_seconds).wait()


def _prediction_service(calls: Calls) -> grpc.GenericRpcHandler:
    """Predict, its tensors unread (TensorFlow's own service would make Python objects of them), and GetModelMetadata.

    gRPC answers UNIMPLEMENTED to Classify, Regress and MultiInference.
    """
    def method(call: Callable[[Any], Any], request: Any, response: Any) -> Any:
        def answer(sent: Any, context: grpc.ServicerContext) -> Any:
            return _answer(call, sent, context)

        return grpc.unary_unary_rpc_method_handler(answer, request.FromString, response.SerializeToString)

    metadata = get_model_metadata_pb2
    return grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {
        "Predict": method(calls.predict, messages.UnreadPredictRequest, predict_pb2.PredictResponse),
        "GetModelMetadata": method(calls.metadata, metadata.GetModelMetadataRequest, metadata.GetModelMetadataResponse)})


def _answer(call: Callable[[Any], Any], request: Any, context: grpc.ServicerContext) -> Any:
    try:
        return call(request)
    except Exception as error:  # no request may end the server; the caller gets the code
        fault = fault_of(error)
        if fault.code == grpc.StatusCode.INTERNAL:
            log.exception("event=call-failed message=%r", fault.message)
    context.abort(fault.code, fault.message)
