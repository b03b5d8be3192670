"""Files of tf.Examples as batches of Arrow, read by TensorFlow in batches, where Beam's own reader goes record by record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx.types import Artifact, artifact_utils
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from zoo import files
from zoo.keras import tf
from zoo.processes import most_processes
from zoo.stores import FileError

ROWS = 2_048
# Requests with thousands of candidates make smaller batches.
_BATCH_BYTES = 32 << 20
_READ_ROWS = 64
_BUFFER_BYTES = 1 << 20
# What one process is done with before another one has begun.
_ALONE_BYTES = 16 << 20


def split_files(examples: Sequence[Artifact], split: str) -> list[str]:
    """Paths of the files of a split, in order."""
    return [path for folder in artifact_utils.get_split_uris(list(examples), split) for path in files.glob(folder, "*.gz")]


def processes(paths: Sequence[str]) -> int:
    """How many processes of this machine work on some files; one where others would take longer to begin."""
    total = sum(tf.io.gfile.stat(path).length for path in paths)
    return min(len(paths), most_processes()) if total > _ALONE_BYTES else 1


def serialized_batches(path: str, share: float = 1.0) -> Iterator[list[bytes]]:
    """The serialized examples of a gzipped TFRecord, in order, in batches of `ROWS`, or of fewer that are large.

    Args:
        path: the file.
        share: of the examples, the first one and others evenly over the file; what is left out is not decoded.

    Raises:
        FileError: the file can't be read to its end.
    """
    dataset = tf.data.TFRecordDataset(path, compression_type="GZIP", buffer_size=_BUFFER_BYTES).batch(_READ_ROWS)
    rows: list[bytes] = []
    size = read = 0
    try:
        for batch in dataset.prefetch(2):
            more = batch.numpy().tolist()
            read, before = read + len(more), read
            if share < 1:
                more = [one for place, one in enumerate(more, before)
                        if math.ceil((place + 1) * share) > math.ceil(place * share)]
            rows, size = rows + more, size + sum(map(len, more))
            if len(rows) >= ROWS or size >= _BATCH_BYTES:
                yield rows
                rows, size = [], 0
        if rows:
            yield rows
    except tf.errors.DataLossError as error:
        raise FileError(f"{path}: no gzipped TFRecord, or one that was cut off or changed: {error.message}; make the log "
                              "anew") from None


class ReadRecordBatches(beam.PTransform):
    """A PCollection of the record batches of some files; each file is one element of work.

    Args:
        paths: of gzipped TFRecords.
        schema: a serialized TFMD schema, which declares the columns; without one they are those that a batch has.
        share: of the examples, as `serialized_batches` has it.
    """

    def __init__(self, paths: Sequence[str], schema: bytes | None = None, share: float = 1.0):
        super().__init__()
        self.paths, self.schema, self.share = list(paths), schema, share

    def expand(self, pipeline: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (pipeline | beam.Create(self.paths) | beam.Reshuffle()
                | beam.ParDo(_Read(self.schema, self.share)).with_output_types(pa.RecordBatch))


class _Read(beam.DoFn):
    def __init__(self, schema: bytes | None, share: float):
        self.schema, self.share = schema, share
        self._decoder: Any = None

    def setup(self) -> None:
        self._decoder = ExamplesToRecordBatchDecoder(self.schema) if self.schema else ExamplesToRecordBatchDecoder()

    def process(self, element: str) -> Iterator[pa.RecordBatch]:
        for batch in serialized_batches(element, self.share):
            yield self._decoder.DecodeBatch(batch)
