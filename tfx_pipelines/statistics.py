"""TFDV's statistics of tf.Examples, file by file, so that processes of one machine share the work and Beam is not needed.

What a file adds is what TFDV's own accumulators hold, and how often each text occurs. Beam counts texts one by one in Python;
here they are counted in columns of Arrow, as exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_data_validation import StatsOptions
from tensorflow_data_validation.arrow import arrow_util
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.generators.stats_generator import CombinerStatsGenerator
from tensorflow_data_validation.utils import stats_util
from tensorflow_data_validation.utils import top_k_uniques_stats_util as top_k
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.arrow import array_util
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder
from tfx_bsl.statistics import merge_util

from tfx_pipelines.record_batches import serialized_batches

_STRING = statistics_pb2.DESCRIPTOR.message_types_by_name["FeatureNameStatistics"].enum_values_by_name["STRING"].number
# Blocks of counted texts that are summed up at a time.
_BLOCKS = 16
Path = tuple[str, ...]


class FileStatistics(NamedTuple):
    """What a file adds to the statistics.

    Args:
        accumulators: TFDV's, one for each generator.
        texts: by feature, `value` and `count`.
    """

    accumulators: list[Any]
    texts: dict[Path, pa.Table]


def file_statistics(path: str, options: StatsOptions, share: float = 1.0) -> tuple[str, FileStatistics]:
    """Looks at the examples of a file; gives its path, too.

    Args:
        path: a gzipped TFRecord.
        options: sizes of histograms; nothing of a schema.
        share: of the examples that are looked at.
    """
    generators = _generators(options)
    accumulators = [generator.create_accumulator() for generator in generators]
    blocks: dict[Path, list[pa.Table]] = {}
    decode = ExamplesToRecordBatchDecoder().DecodeBatch
    for serialized in serialized_batches(path, share):
        batch = decode(serialized)
        accumulators = [generator.add_input(accumulator, batch)
                        for generator, accumulator in zip(generators, accumulators, strict=True)]
        for feature, counted in _counted(batch):
            of_feature = blocks.setdefault(feature, [])
            of_feature.append(counted)
            if len(of_feature) > _BLOCKS:
                blocks[feature] = [_summed(of_feature)]
    accumulators = [generator.compact(accumulator) for generator, accumulator in zip(generators, accumulators, strict=True)]
    return path, FileStatistics(accumulators, {feature: _summed(tables) for feature, tables in blocks.items()})


def joined_statistics(parts: Sequence[FileStatistics], options: StatsOptions) -> Any:
    """The statistics of some files as a `DatasetFeatureStatisticsList`, the same whoever looked at them.

    Quantiles are approximate, and files are joined in the order in which they are given.
    """
    outputs = []
    for number, generator in enumerate(_generators(options)):
        outputs.append(generator.extract_output(generator.merge_accumulators(
            [generator.create_accumulator(), *(part.accumulators[number] for part in parts)])))
    for feature in dict.fromkeys(feature for part in parts for feature in part.texts):
        outputs += _of_texts(feature, _summed([part.texts[feature] for part in parts if feature in part.texts]), options)
    return merge_util.merge_dataset_feature_statistics(outputs)


def _generators(options: StatsOptions) -> list[CombinerStatsGenerator]:
    """All but what counts texts."""
    return [one for one in stats_impl.get_generators(options) if isinstance(one, CombinerStatsGenerator)]


def _counted(batch: pa.RecordBatch) -> Iterable[tuple[Path, pa.Table]]:
    """How often each text occurs in a batch, by feature."""
    for feature, array, _ in arrow_util.enumerate_arrays(batch, example_weight_map=None, enumerate_leaves_only=True):
        if stats_util.get_feature_type_from_arrow_type(feature, array.type) == _STRING:
            counted = array_util.flatten_nested(array, False)[0].value_counts()
            if len(counted):
                yield feature.steps(), pa.table({"value": counted.field("values"), "count": counted.field("counts")})


def _summed(tables: Sequence[pa.Table]) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    summed = pa.concat_tables(tables).group_by("value").aggregate([("count", "sum")])
    return pa.table({"value": summed["value"], "count": summed["count_sum"]})


def _of_texts(feature: Path, texts: pa.Table, options: StatsOptions) -> list[Any]:
    """The most frequent texts of a feature, of those that are equally frequent the last ones, and how many there are."""
    most = max(options.num_top_values, options.num_rank_histogram_buckets)
    order = pc.select_k_unstable(texts, min(most, len(texts)), [("count", "descending"), ("value", "descending")])
    first = texts.take(order)
    pairs = [top_k.FeatureValueCount(value, count)
             for value, count in zip(first["value"].to_pylist(), first["count"].to_pylist(), strict=True)]
    return [top_k.make_dataset_feature_stats_proto_topk_single(
                feature, pairs, False, options.num_top_values, options.frequency_threshold, options.num_rank_histogram_buckets),
            top_k.make_dataset_feature_stats_proto_unique_single(feature, len(texts))]
