"""Several values and text: Beam's transformation and a serving call give a model the same inputs, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model_inputs import real_inputs
from tests.tfx_pipelines.transforming import analyzed, serving, training_inputs, transformed
from tests.toy import TAGS, rich_request, rich_requests, rich_schema
from tfx_pipelines.preprocessing import vocabulary_sizes
from zoo.data.example import to_example
from zoo.export.inputs import example_inputs
from zoo.keras import tf

pytestmark = pytest.mark.slow
SCHEMA = rich_schema()


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return analyzed(SCHEMA, rich_requests(80), tmp_path_factory.mktemp("transform"))


def test_all_ways_give_the_same_inputs(output):
    rng = np.random.default_rng(7)
    requests = [rich_request(rng, SCHEMA, name=f"r{i}", history=i % 12, candidates=1 + i % 5) for i in range(40)]
    requests[3].features["interests"][:] = ["never seen", "t1"]
    requests[3].features["interests_weight"][:] = [1.0, 2.0]
    expected = real_inputs(SCHEMA, training_inputs(SCHEMA, transformed(SCHEMA, output, requests, batch=16)))
    layer = output.transform_features_layer()
    served = serving(SCHEMA, layer)
    assert real_inputs(SCHEMA, served(requests)) == expected
    assert real_inputs(SCHEMA, example_inputs(SCHEMA, layer, tf.constant([
        to_example(SCHEMA, request, labelled=False) for request in requests]))) == expected
    for request, alone in list(zip(requests, expected, strict=True))[::5]:
        assert real_inputs(SCHEMA, served([request])) == [alone]
    dtype, ids = expected[3]["interests"][0]
    assert np.frombuffer(ids, dtype)[0] == 1 < np.frombuffer(ids, dtype)[1]


def test_every_one_of_several_values_counts_for_the_vocabulary(output):
    """Those above the maximum are in no example, so they count nowhere."""
    assert vocabulary_sizes(SCHEMA, output)["tag"] == TAGS
    counts: dict[str, int] = {}
    for request in rich_requests(80):
        for column in SCHEMA.columns():
            for tag in [tag for several in request.values(column) for tag in several] if column.feature.space == "tag" else ():
                counts[tag] = counts.get(tag, 0) + 1
    vocabulary = [tag.decode() for tag in output.vocabulary_by_name("vocabulary_tag")]
    assert [counts[tag] for tag in vocabulary] == sorted(counts.values(), reverse=True)
