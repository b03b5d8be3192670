"""Requests that are read from a log as columns are those that were written."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.toy import rich_requests, rich_schema
from tests.zoo.data.test_columnar import from_requests
from zoo.data.columnar import arrow_schema
from zoo.data.log_reader import decoder, read_batches
from zoo.data.request_log import RequestLog, RequestLogWriter
from zoo.keras import tf

SCHEMA, REQUESTS = rich_schema(), rich_requests(40)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> RequestLog:
    with RequestLogWriter(tmp_path_factory.mktemp("log") / "log", SCHEMA, source={}, shard_size=15) as writer:
        for request in REQUESTS:
            writer.write("train", request)
        for split in ("validation", "test"):
            writer.write(split, REQUESTS[0])
    return RequestLog(writer.path)


def joined(batches) -> pa.Table:
    return pa.Table.from_batches(list(batches))


@pytest.mark.parametrize("size", [7, 100])
def test_batches_are_the_requests_as_columns(log, size):
    expected = pa.Table.from_batches([from_requests(SCHEMA, REQUESTS)])
    # By text: NaN is not equal to itself.
    assert repr(joined(read_batches(log, "train", size=size)).to_pylist()) == repr(expected.to_pylist())


def test_a_part_is_taken_evenly_from_each_file(log):
    found = [name for name, in joined(read_batches(log, "train", every=10))["request_id"].to_pylist()]
    assert found == [f"r{number}".encode() for number in (0, 10, 15, 25, 30)]


def test_a_column_that_an_example_lacks_has_no_values():
    example = tf.train.Example()
    example.features.feature["request_id"].bytes_list.value.append(b"bare")
    batch = decoder(SCHEMA)([example.SerializeToString()])
    assert batch.schema == arrow_schema(SCHEMA)
    assert batch.to_pylist() == [{name: [b"bare"] if name == "request_id" else [] for name in batch.schema.names}]
