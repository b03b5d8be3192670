"""tf.Examples by columns: the same messages as a library makes value by value."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from zoo.data import wire
from zoo.data.wire import examples
from zoo.keras import tf

KINDS = {"id": (pa.binary(), st.binary(max_size=300)), "number": (pa.float32(), st.floats(width=32)),
         "whole": (pa.int64(), st.integers(-2**63, 2**63 - 1))}


@st.composite
def batches(draw) -> pa.RecordBatch:
    """Batches of list columns, cut out of longer ones."""
    rows = draw(st.integers(1, 5))
    columns = {}
    for number, name in enumerate(draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))):
        kind, values = KINDS[name]
        lists = st.lists(st.lists(values, max_size=4), min_size=rows, max_size=rows)
        columns[f"{name}_{'long' * 50 * (number == 1)}{number}"] = pa.array(draw(lists), pa.list_(kind))
    whole = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    start = draw(st.integers(0, rows - 1))
    return whole.slice(start, draw(st.integers(1, rows - start)))


def parsed(serialized: list[bytes]) -> list:
    # By deterministic bytes, as NaN is not equal to itself.
    return [tf.train.Example.FromString(one).SerializeToString(deterministic=True) for one in serialized]


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(batches())
def test_examples_are_those_of_the_library(batch):
    assert parsed(examples(batch).to_pylist()) == parsed(RecordBatchToExamplesEncoder(None).encode(batch))


def test_a_known_example():
    batch = pa.RecordBatch.from_pydict({"a": pa.array([[b"xy", b""]], pa.list_(pa.binary())),
                                        "n": pa.array([[300]], pa.list_(pa.int64()))})
    # Two entries: bytes_list of "xy" and "", int64_list of the varint ac 02, packed.
    expected = b"\n\x1c" + b"\n\x0d\n\x01a\x12\x08\n\x06\n\x02xy\n\x00" + b"\n\x0b\n\x01n\x12\x06\x1a\x04\n\x02\xac\x02"
    assert examples(batch).to_pylist() == [expected]


def test_what_is_too_large_for_one_text_of_arrow_is_made_in_parts(monkeypatch):
    batch = pa.RecordBatch.from_pydict({"a": pa.array([[b"x" * 100, str(row).encode()] for row in range(9)],
                                                      pa.list_(pa.binary()))})
    whole = examples(batch).to_pylist()
    monkeypatch.setattr(wire, "_MOST_BYTES", 300)
    assert examples(batch).to_pylist() == whole and len(whole) == 9
    assert examples(batch.slice(0, 0)).to_pylist() == []


@pytest.mark.parametrize("column", [pa.array(["a"]), pa.array([[1.0]], pa.list_(pa.float64()))])
def test_other_columns_are_refused(column):
    with pytest.raises(TypeError, match="column 'a' (is no column of lists|holds double)"):
        examples(pa.RecordBatch.from_arrays([column], names=["a"]))


def test_varints_of_edges():
    values = np.array([0, 127, 128, 2**14 - 1, 2**14, 2**63 - 1, -1], np.int64)
    lengths, _ = wire._varints(values)
    assert lengths.tolist() == [1, 1, 2, 2, 3, 9, 10]
