"""One loaded SavedModel: its signatures, and calls of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from serving.server.faults import Fault, fault_of, invalid, not_found, precondition
from serving.server.protocol import prediction_log_pb2, saved_model_pb2
from serving.server.tensors import check_names, serialized, to_tensor
from serving.tensors import Array
from zoo.keras import tf
from zoo.model_files import WARMUP_FILE

DEFAULT_SIGNATURE = "serving_default"
_MOST_WARMUP_RECORDS = 1000


class Servable:
    """A SavedModel ready to answer; calls are safe from many threads.

    Args:
        path: the version's folder.

    Raises:
        Fault: the folder holds no complete SavedModel, or a warm-up record fails.
    """

    def __init__(self, path: Path):
        self.path = path
        self.signatures = _signature_defs(path)
        try:
            self._model = tf.saved_model.load(str(path))
        except Exception as error:  # a damaged file can raise anything, and must not stop the server
            cause = fault_of(error)
            raise Fault(cause.code, f"could not load {path}: {cause.message}") from error
        self.warmup_records = self._warm_up()

    def signature(self, name: str) -> Any:
        """The SignatureDef of this name; the empty name means `serving_default`.

        Raises:
            Fault: FAILED_PRECONDITION: the model has no such signature.
        """
        name = name or DEFAULT_SIGNATURE
        # The load itself has a signature too, which is no call.
        callable_ = {known for known in self.signatures if not known.startswith("__")}
        if name not in callable_:
            raise precondition(f"Serving signature key \"{name}\" not found. The model has: {', '.join(sorted(callable_))}.")
        return self.signatures[name]

    def predict(self, signature: str, inputs: Mapping[str, Any], outputs: Iterable[str] = ()) -> dict[str, Array]:
        """Calls a signature.

        Args:
            signature: its name; empty means `serving_default`.
            inputs: serialized TensorProtos by input name.
            outputs: names of the outputs wanted; none means all.

        Returns:
            Arrays by output name.

        Raises:
            Fault: the call does not fit the signature, or the graph refuses it.
        """
        definition = self.signature(signature)
        check_names(definition, inputs)
        wanted = _wanted(definition, list(outputs))
        given = serialized(getattr(definition, "defaults", {})) | dict(inputs)
        tensors = {name: to_tensor(name, content, definition.inputs[name]) for name, content in given.items()}
        results = self._model.signatures[signature or DEFAULT_SIGNATURE](**tensors)
        return {name: results[name].numpy() for name in wanted}

    def _warm_up(self) -> int:
        """Replays the recorded requests, so that the first real one finds everything initialised."""
        path, count = self.path / WARMUP_FILE, 0
        if not path.is_file():
            return 0
        try:
            for record in tf.data.TFRecordDataset(str(path)):
                log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
                count += 1
                if count > _MOST_WARMUP_RECORDS:
                    raise invalid(f"more than {_MOST_WARMUP_RECORDS} records, which ModelServer refuses too")
                if log.WhichOneof("log_type") != "predict_log":
                    raise invalid(f"a {log.WhichOneof('log_type')} record; only predict_log is replayed")
                request = log.predict_log.request
                self.predict(request.model_spec.signature_name, serialized(request.inputs), request.output_filter)
        except Exception as error:
            cause = fault_of(error)
            raise Fault(cause.code, f"{path}: warm-up record {count}: {cause.message}") from error
        return count


def _signature_defs(path: Path) -> dict[str, Any]:
    file = path / "saved_model.pb"
    if not file.is_file():
        raise not_found(f"no saved_model.pb in {path}: not a SavedModel, or one that is still being written")
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except DecodeError as error:
        raise Fault(fault_of(tf.errors.DataLossError(None, None, "")).code,
                    f"{file} is damaged or half-written: {error}") from None
    for graph in saved_model.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return dict(graph.signature_def)
    raise not_found(f"{file} has no graph with the tag 'serve'")


def _wanted(definition: Any, outputs: list[str]) -> list[str]:
    for name in outputs:
        if name not in definition.outputs:
            raise invalid(f"output tensor alias not found in signature: {name} Outputs expected to be in the set "
                          f"{{{','.join(sorted(definition.outputs))}}}.")
        if outputs.count(name) > 1:
            raise invalid(f"duplicate output tensor alias: {name}")
    outputs = outputs or sorted(definition.outputs)
    fed = {info.name for info in definition.inputs.values()}
    for name in outputs:
        if definition.outputs[name].name in fed:
            raise invalid(f"{definition.outputs[name].name} is both fed and fetched: the output {name!r} is an input as it is")
    return outputs
