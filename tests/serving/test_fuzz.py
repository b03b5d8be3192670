"""Ten thousand requests that are none: the local server goes on, answers with the right codes, and keeps its memory."""

from __future__ import annotations

import collections
import os
import random
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf.message import DecodeError

from serving.server import LocalModelServer
from serving.server.protocol import model_pb2, predict_pb2, tensor_pb2
from tests.serving.models import write_corners
from zoo.keras import tf

METHOD = "/tensorflow.serving.PredictionService/Predict"
REQUESTS, AT_ONCE = 10_000, 8
SIGNATURES = ["floats", "whole", "text", "half", "complex", "half_plus_two", "nothing", "echo", "unset", "end", "none", ""]
FIELDS = ["float_val", "double_val", "int_val", "int64_val", "string_val", "bool_val", "half_val", "uint64_val"]
CODES = grpc.StatusCode
# The graph's own errors, those of the request, and names that are not there.
RIGHT = {CODES.OK, CODES.INVALID_ARGUMENT, CODES.NOT_FOUND, CODES.FAILED_PRECONDITION, CODES.OUT_OF_RANGE}


def tensor(chance: random.Random):
    """A TensorProto whose type, shape and values were each drawn without a look at the others."""
    proto = tensor_pb2.TensorProto(dtype=chance.choice([*range(26), 101, 12345]))
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3, 40, 300])):
        proto.tensor_shape.dim.add(size=chance.choice([0, 1, 1, 2, 3, -1, 1 << 16, 1 << 40, 1 << 62, -(1 << 63)]))
    proto.tensor_shape.unknown_rank = chance.random() < 0.05
    if chance.random() < 0.5:
        proto.tensor_content = chance.randbytes(chance.choice([0, 1, 4, 8, 12, 400]))
    for field in chance.sample(FIELDS, chance.randint(0, 2)):
        value = chance.randbytes(3) if field == "string_val" else field == "bool_val" or chance.randint(0, 100)
        getattr(proto, field).extend([value] * chance.randint(0, 4))
    return proto


def malformed(chance: random.Random) -> bytes:
    """A request that is wrong as tensors, as a message, or as both."""
    name = "corners" if chance.random() < 0.95 else "unknown"
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name, signature_name=chance.choice(SIGNATURES)))
    for name in chance.sample(["x", "x", "x", "y"], chance.randint(1, 2)):
        request.inputs[name].CopyFrom(tensor(chance))
    serialized = bytearray(request.SerializeToString())
    if chance.random() < 0.25:
        for _ in range(chance.randint(1, 8)):
            serialized[chance.randrange(len(serialized))] = chance.randrange(256)
        if chance.random() < 0.3:
            del serialized[chance.randrange(len(serialized)):]
    return bytes(serialized)


def is_message(data: bytes) -> bool:
    try:
        predict_pb2.PredictRequest.FromString(data)
    except DecodeError:
        return False
    return True


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")
def test_ten_thousand_malformed_requests(tmp_path):
    base = tmp_path / "corners"
    base.mkdir()
    write_corners(base / "1")
    chance, counts = random.Random(20), collections.Counter()
    with LocalModelServer({"corners": base}, poll_seconds=600) as server, \
            grpc.insecure_channel(server.target, [("grpc.max_receive_message_length", -1)]) as channel:
        call = channel.unary_unary(METHOD)
        for number in range(0, REQUESTS, AT_ONCE):
            sent = [malformed(chance) for _ in range(AT_ONCE)]
            for data, future in [(data, call.future(data, timeout=60)) for data in sent]:
                code = future.code()
                counts[code] += 1
                # gRPC itself says INTERNAL where the bytes are no message.
                assert code in RIGHT or (code == CODES.INTERNAL and not is_message(data)), (code, future.details(), data)
            if number == REQUESTS // 5 // AT_ONCE * AT_ONCE:
                before = resident_bytes()
        grown = resident_bytes() - before
        good = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="corners", signature_name="floats"))
        good.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([1.5], np.float32)))
        answer = predict_pb2.PredictResponse.FromString(call(good.SerializeToString(), timeout=60))
    assert list(answer.outputs["y"].float_val) == [1.5]
    assert sum(counts.values()) == REQUESTS and counts[CODES.INVALID_ARGUMENT] > REQUESTS // 2, counts
    assert grown < 64 << 20, f"{grown >> 20} MiB more after the last 8,000 requests"
