"""The TFMD schema: what ExampleValidator finds wrong in a log."""

from __future__ import annotations

import pytest
import tensorflow_data_validation as tfdv

from tests.toy import rich_requests, rich_schema, toy_requests, toy_schema
from tfx_pipelines.schema import schema_from_json, schema_to_json, tfmd_schema
from zoo.data.example import to_example
from zoo.keras import tf


def anomalies(tmp_path, change=lambda feature: None, schema=None, requests=()) -> dict:
    schema = schema or toy_schema()
    with tf.io.TFRecordWriter(str(tmp_path / "log")) as writer:
        for request in requests or toy_requests(20, schema=schema):
            example = tf.train.Example.FromString(to_example(schema, request))
            change(example.features.feature)
            writer.write(example.SerializeToString())
    statistics = tfdv.generate_statistics_from_tfrecord(str(tmp_path / "log"),
                                                        stats_options=tfdv.StatsOptions(schema=tfmd_schema(schema)))
    return dict(tfdv.validate_statistics(statistics, tfmd_schema(schema)).anomaly_info)


def test_a_good_log_has_no_anomalies(tmp_path):
    assert anomalies(tmp_path) == {}


def test_a_good_log_with_several_values_and_text_has_none_either(tmp_path):
    assert anomalies(tmp_path, schema=rich_schema(), requests=rich_requests(20)) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("column", "change"), [
    ("label_teacher", lambda f: f["label_teacher"].float_list.value.__setitem__(0, 1.5)),
    ("interests_count", lambda f: f["interests_count"].Clear()),
    ("candidate_tags_count", lambda f: f["candidate_tags_count"].int64_list.value.__setitem__(0, -1)),
    ("history_tags_count", lambda f: f["history_tags_count"].int64_list.value.extend([1] * 20)),
    ("candidate_tags_weight", lambda f: f["candidate_tags_weight"].float_list.value.append(-1.0)),
])
def test_a_wrong_column_of_a_rich_log_is_an_anomaly(tmp_path, column, change):
    assert column in anomalies(tmp_path, change, rich_schema(), rich_requests(20))


@pytest.mark.slow
@pytest.mark.parametrize(("column", "change"), [
    ("label_click", lambda f: f["label_click"].float_list.value.__setitem__(0, 7.0)),
    ("candidate_item", lambda f: f["candidate_item"].Clear()),
    ("surprise", lambda f: f["surprise"].float_list.value.append(1.0)),
    ("history_item", lambda f: f["history_item"].bytes_list.value.extend([b"i1"] * 20)),
])
def test_a_wrong_column_is_an_anomaly(tmp_path, column, change):
    assert column in anomalies(tmp_path, change)


def test_schema_survives_the_way_through_json():
    for schema in (toy_schema(), rich_schema()):
        assert schema_from_json(schema_to_json(schema)) == schema
