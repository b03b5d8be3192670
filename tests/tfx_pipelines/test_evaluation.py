"""What the Evaluator is told to measure."""

from __future__ import annotations

import pytest
from tensorflow_model_analysis.proto import config_pb2

from tests.toy import rich_schema, toy_schema
from tfx_pipelines.config import GateConfig, load_run_config
from tfx_pipelines.evaluation import eval_config
from tfx_pipelines.pipeline import create_pipeline
from zoo.config import ConfigError
from zoo.schema import Label


def test_outcomes_are_measured_and_soft_labels_are_not():
    """A soft label has no AUC; a conditional one is measured where its weight says that it was observed."""
    config = eval_config(rich_schema(), GateConfig(auc=0.6, gauc=0.5, max_drop=0.125))
    assert [list(spec.output_names) for spec in config.metrics_specs] == [["click"], ["purchase"]]
    model, = config.model_specs
    assert model.example_weight_keys["purchase"] == "weight_purchase"
    gated = [spec.output_names[0] for spec in config.metrics_specs for metric in spec.metrics if metric.HasField("threshold")]
    assert set(gated) == {"click"}
    least = {}
    for metric in config.metrics_specs[0].metrics:
        if metric.HasField("threshold"):
            least[metric.class_name] = metric.threshold.value_threshold.lower_bound.value
            change = metric.threshold.change_threshold
            assert change.absolute.value == -0.125 and change.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER
    assert least == {"Auc": 0.6, "Gauc": 0.5}


@pytest.mark.parametrize(("label", "kind"), [(Label(name="teacher", soft=True), "soft"),
                                             (Label(name="dwell", kind="regression"), "a regression")])
def test_the_first_label_must_be_an_outcome(label, kind):
    with pytest.raises(ConfigError, match=f"the first label, '{label.name}', is {kind}; .* list a binary one"):
        create_pipeline(load_run_config("demo"), toy_schema((label, Label(name="click"))),
                        serving_dir="serving", metadata_path=None)
