"""The requests of a log as columns of Arrow: the way back from `zoo.data.columnar.encode`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo import files
from zoo.data.columnar import NUMBER, TEXT, arrow_schema, lists
from zoo.data.request_log import RequestLog
from zoo.keras import tf
from zoo.schema import Schema

BATCH = 2_048


def decoder(schema: Schema) -> Callable[[Sequence[bytes]], pa.RecordBatch]:
    """What makes a batch, with the columns of `arrow_schema`, of serialized tf.Examples; a column that an example lacks has no
    values there."""
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    fields, declared = arrow_schema(schema), schema_pb2.Schema()
    kinds = {TEXT: schema_pb2.BYTES, NUMBER: schema_pb2.FLOAT}
    for field in fields:
        declared.feature.add(name=field.name, type=kinds.get(field.type, schema_pb2.INT))
    decode: Any = ExamplesToRecordBatchDecoder(declared.SerializeToString()).DecodeBatch

    def read(serialized: Sequence[bytes]) -> pa.RecordBatch:
        found = decode(list(serialized))
        columns = [_without_nulls(found.column(found.schema.get_field_index(field.name)).cast(field.type)) for field in fields]
        return pa.RecordBatch.from_arrays(columns, schema=fields)

    return read


def read_batches(log: RequestLog, split: str, every: int = 1, size: int = BATCH) -> Iterator[pa.RecordBatch]:
    """The requests of a split in order, in batches.

    Args:
        log: the log.
        split: of it.
        every: read each so-manieth request of a file alone, beginning with the first.
        size: requests a batch; the last one of a file may have fewer.
    """
    read = decoder(log.schema)
    for path in log.files(split):
        with contextlib.nullcontext(path) if files.tensorflow_reads(path) else files.local_copy(path) as local:
            # What is left out is never decoded, which is what takes the time.
            for batch in tf.data.TFRecordDataset(local, compression_type="GZIP").shard(every, 0).batch(size):
                yield read(batch.numpy().tolist())


def _without_nulls(column: pa.ListArray) -> pa.ListArray:
    if not column.null_count:
        return column
    return lists(column.flatten(), np.asarray(pc.fill_null(pc.list_value_length(column), 0)))
