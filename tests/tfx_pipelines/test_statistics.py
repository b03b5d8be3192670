"""Statistics of files, each looked at by itself."""

from __future__ import annotations

import collections
import functools

import numpy as np
import pytest
from tensorflow_data_validation import StatsOptions

from tfx_pipelines.record_batches import ROWS, serialized_batches
from tfx_pipelines.statistics import file_statistics, joined_statistics
from zoo.data.log_shard import open_shard
from zoo.keras import tf
from zoo.processes import divided

SIZES = (20 * ROWS, 300, 1)  # so many batches that counts are summed up in between


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The files of a split with a text, a number that is missing now and then, and their values."""
    folder, rng = tmp_path_factory.mktemp("statistics"), np.random.default_rng(0)
    paths, words, numbers = [], [], []
    for place, size in enumerate(SIZES):
        paths.append(str(folder / f"{place}.gz"))
        with open_shard(paths[-1]) as writer:
            for word, number in zip((rng.zipf(1.2, size) % 5_000).tolist(), rng.random(size).tolist(), strict=True):
                example = tf.train.Example()
                example.features.feature["word"].bytes_list.value.append(b"w%d" % word)
                words.append(f"w{word}")
                if number > 0.1:
                    example.features.feature["number"].float_list.value.append(number)
                    numbers.append(np.float32(number))
                writer.write(example.SerializeToString())
    return paths, words, numbers


def statistics(paths, share=1.0, processes=1):
    options = StatsOptions()
    found = dict(divided(functools.partial(file_statistics, options=options, share=share), paths, processes))
    return joined_statistics([found[path] for path in paths], options)


def by_name(found):
    return {feature.path.step[0]: feature for feature in found.datasets[0].features}


def test_texts_are_counted_exactly(log):
    paths, words, _ = log
    word, counted = by_name(statistics(paths))["word"].string_stats, collections.Counter(words)
    # Of those that are equally frequent, TFDV takes the last ones by name.
    first = sorted(counted.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
    assert word.unique == len(counted)
    assert [(one.value, one.frequency) for one in word.top_values] == first[:20]
    assert [(one.label, one.sample_count) for one in word.rank_histogram.buckets] == first[:1000]


def test_numbers_are_those_of_all_files(log):
    paths, words, numbers = log
    found = statistics(paths)
    assert found.datasets[0].num_examples == len(words) == sum(SIZES)
    number = by_name(found)["number"].num_stats
    assert number.common_stats.num_non_missing == len(numbers)
    assert number.mean == pytest.approx(np.mean(numbers, dtype=float)) and number.max == max(numbers)
    middle = next(one for one in number.histograms if one.type == one.QUANTILES).buckets[4].high_value
    assert middle == pytest.approx(np.quantile(numbers, 0.5), abs=0.02)


@pytest.mark.slow
def test_it_does_not_matter_who_looks_at_a_file(log):
    paths = log[0]
    assert statistics(paths, processes=2).SerializeToString(deterministic=True) == statistics(paths).SerializeToString(
        deterministic=True)


def test_a_share_of_the_examples_is_spread_over_a_file(log):
    paths, words, _ = log
    assert statistics(paths[:2], share=0.25).datasets[0].num_examples == (SIZES[0] + SIZES[1]) // 4
    read = [one for batch in serialized_batches(paths[0], 0.5) for one in batch]
    assert [tf.train.Example.FromString(one).features.feature["word"].bytes_list.value[0].decode()
            for one in read] == words[0:SIZES[0]:2]
