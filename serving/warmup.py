"""The warm-up file: real requests that a server replays before it answers its first call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tensorflow_serving.apis import prediction_log_pb2

from serving.encoding import encode_requests
from serving.model_dir import exported_model
from serving.server.protocol import predict_pb2
from serving.tensors import write_tensor
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.keras import tf
from zoo.model_files import WARMUP_FILE
from zoo.schema import Schema

MAX_RECORDS = 1000


def write_warmup(model_dir: str | Path, model_name: str, schema: Schema, requests: Sequence[Request]) -> int:
    """Writes `assets.extra/tf_serving_warmup_requests`: each request once by `rank` and once by `serving_default`.

    A model that keeps the items itself is asked for ids of candidates.

    Args:
        model_dir: an exported model (the folder with `saved_model.pb`).
        model_name: name under which servers know the model.
        schema: of the model.
        requests: real requests; at most 500, since TF Serving reads no more than 1,000 records.

    Returns:
        Number of records.

    Raises:
        ValueError: too many requests.
    """
    if 2 * len(requests) > MAX_RECORDS:
        raise ValueError(f"{len(requests)} warm-up requests make {2 * len(requests)} records; TF Serving reads at most "
                         f"{MAX_RECORDS}")
    path = Path(model_dir) / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    asked = schema.by_id() if exported_model(model_dir).by_id else schema
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            example = np.empty(1, object)
            example[0] = to_example(schema, request, labelled=False)
            for signature, inputs in (("rank", encode_requests(asked, [request]).inputs),
                                      ("serving_default", {"examples": example})):
                call = predict_pb2.PredictRequest()
                call.model_spec.name, call.model_spec.signature_name = model_name, signature
                for name, array in inputs.items():
                    write_tensor(array, call.inputs[name])
                record = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=call))
                writer.write(record.SerializeToString())
    return 2 * len(requests)
