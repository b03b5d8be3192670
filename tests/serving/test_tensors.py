"""The client's tensors are what TensorFlow reads and writes."""

from __future__ import annotations

import numpy as np
import pytest

from serving.errors import ServingError
from serving.protocol.messages import TensorProto
from serving.server.tensors import write_output
from serving.tensors import read_tensor, write_tensor
from zoo.keras import tf

ARRAYS = [np.array([[1.5, -2.0]], np.float32), np.array([3, 4], np.int64), np.zeros((0, 2), np.float32),
          np.array([["é".encode(), b"", b"a\0"]], object), np.array(2.0, np.float64), np.array([True, False]),
          np.zeros((0,), object)]
ARRAYS += [np.array([[0, 3], [100, 1]], name) for name in
           ("int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64", "float16")]
FROM_TENSORFLOW = tf.make_tensor_proto(0.0).__class__


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and bool((one == other).all())


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{list(array.shape)}")
def test_tensorflow_reads_what_the_client_writes(array):
    proto = TensorProto()
    write_tensor(array, proto)
    assert same(tf.make_ndarray(FROM_TENSORFLOW.FromString(proto.SerializeToString())), array)
    assert same(read_tensor(proto), array)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{list(array.shape)}")
def test_the_client_reads_what_tensorflow_writes(array):
    assert same(read_tensor(tf.make_tensor_proto(array)), array)


@pytest.mark.parametrize("array", [*ARRAYS, np.linspace(-1, 1, 40_000, dtype=np.float32).reshape(2, -1), np.linspace(0, 1, 63),
                                   np.array([1 + 2j], np.complex64)],
                         ids=lambda array: f"{array.dtype}{list(array.shape)}")
def test_outputs_of_the_server_stand_value_by_value(array):
    proto = FROM_TENSORFLOW()
    write_output(array, proto)
    assert same(tf.make_ndarray(proto), array) and not proto.tensor_content
    if array.dtype in (np.float32, np.float64):
        assert list(proto.float_val or proto.double_val) == array.ravel().tolist()


@pytest.mark.parametrize("fields", [
    {"dtype": 1, "float_val": [1.5, 2.5], "shape": [2, 1]}, {"dtype": 1, "float_val": [1.5], "shape": [2, 3]},
    {"dtype": 9, "int64_val": [4, 5], "shape": [3]}, {"dtype": 9, "shape": [2]},
    {"dtype": 19, "half_val": [15360], "shape": [2]},
    {"dtype": 7, "string_val": [b"a", b"b"], "shape": [3]},
    {"dtype": 10, "bool_val": [True], "shape": []},
    {"dtype": 4, "int_val": [255], "shape": [1]}, {"dtype": 23, "uint64_val": [2 ** 63], "shape": [1]},
])
def test_values_one_by_one_are_read_as_tensorflow_reads_them(fields):
    shape = {"dim": [{"size": size} for size in fields["shape"]]}
    values = {name: value for name, value in fields.items() if name != "shape"}
    read = read_tensor(TensorProto(tensor_shape=shape, **values))
    assert same(read, tf.make_ndarray(FROM_TENSORFLOW(tensor_shape=shape, **values)))


@pytest.mark.parametrize("fields, message", [
    ({"dtype": 1, "float_val": [1, 2, 3]}, r"the shape \[2\], and 3 values"),
    ({"dtype": 1, "tensor_content": b"1234"}, r"the shape \[2\], and 1 values"),
    ({"dtype": 1, "tensor_content": b"12345"}, r"the shape \[2\], and 1 values"),
    ({"dtype": 8}, "DataType 8"),
])
def test_tensors_that_can_t_be_read_are_refused(fields, message):
    with pytest.raises(ServingError, match=message):
        read_tensor(TensorProto(tensor_shape={"dim": [{"size": 2}]}, **fields))


@pytest.mark.parametrize("array, message", [
    (np.array(["text"], object), "bytes objects alone"), (np.array(["text"]), "array of <U4"), (np.array([1j]), "complex128"),
])
def test_arrays_that_can_t_be_written_are_refused(array, message):
    with pytest.raises(ServingError, match=message):
        write_tensor(array, TensorProto())
