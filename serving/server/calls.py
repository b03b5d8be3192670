"""The calls of TF Serving's protocol, the same for gRPC and REST."""

from __future__ import annotations

from typing import Any

from serving.server.faults import invalid
from serving.server.manager import ModelManager
from serving.server.metrics import Metrics
from serving.server.model_spec import specs_from_proto
from serving.server.protocol import get_model_metadata_pb2, get_model_status_pb2, model_management_pb2, predict_pb2
from serving.server.servable import DEFAULT_SIGNATURE
from serving.server.tensors import write_output

SIGNATURES = "signature_def"


class Calls:
    """Answers protocol messages with protocol messages; faults are raised.

    Args:
        manager: the loaded models.
    """

    def __init__(self, manager: ModelManager):
        self.manager, self.metrics = manager, Metrics()

    def predict(self, request: Any) -> Any:
        """PredictionService.Predict; the request is a `messages.UnreadPredictRequest`."""
        with self.metrics.call(request.model_spec.name, "GRPC"):
            return self._predict(request)

    def _predict(self, request: Any) -> Any:
        _needs_model_spec(request)
        with self.manager.version(request.model_spec) as version:
            outputs = version.loaded.predict(request.model_spec.signature_name, request.inputs, request.output_filter)
            response = predict_pb2.PredictResponse()
            _echo(response.model_spec, request.model_spec, version.number)
        for name, array in outputs.items():
            write_output(array, response.outputs[name])
        return response

    def metadata(self, request: Any) -> Any:
        """PredictionService.GetModelMetadata; the only field that there is, is `signature_def`."""
        _needs_model_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != SIGNATURES:
                raise invalid(f"Metadata field {name} is not supported; the only one is {SIGNATURES}")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self.manager.version(request.model_spec) as version:
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = version.number
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, definition in version.loaded.signatures.items():
                signatures.signature_def[name].CopyFrom(definition)
        response.metadata[SIGNATURES].Pack(signatures)
        return response

    def status(self, request: Any) -> Any:
        """ModelService.GetModelStatus."""
        _needs_model_spec(request)
        response = get_model_status_pb2.GetModelStatusResponse()
        for number, state, fault in self.manager.states(request.model_spec):
            status = response.model_version_status.add(version=number, state=state)
            status.status.error_code = fault.number if fault else 0
            status.status.error_message = fault.message if fault else ""
        return response

    def reload(self, request: Any) -> Any:
        """ModelService.HandleReloadConfigRequest."""
        self.manager.reload(specs_from_proto(request.config))
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response


def _needs_model_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


def _echo(answer: Any, asked: Any, number: int) -> None:
    answer.name = asked.name
    answer.signature_name = asked.signature_name or DEFAULT_SIGNATURE
    answer.version.value = number
