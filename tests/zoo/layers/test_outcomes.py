"""What a candidate is worth in all, and the settings of outcomes that a log does not allow."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import CATEGORIES, ITEMS, toy_batch, toy_model, toy_requests, toy_schema
from zoo.config import ConfigError, parse
from zoo.keras import tf
from zoo.layers.outcomes import OutcomesConfig, check_outcomes, final_value
from zoo.schema import Label, Schema

CLICK, ORDER = Label(name="click"), Label(name="order", given="click")


def schema_of(scale: str) -> Schema:
    return toy_schema((CLICK, Label(name="stay", kind="regression", scale=scale), ORDER))


def test_the_value_by_hand():
    served = {name: tf.constant([[value]]) for name, value in (("click", 0.25), ("stay", 3.0), ("order", 0.1))}
    powers = {"click": 1.0, "stay": 0.5, "order": 2.0}
    assert float(final_value(schema_of("non_negative"), powers, served)[0, 0]) == pytest.approx(0.25 * 4 ** 0.5 * 0.01)
    # Of log(1 + x) the exponent: 1 + x = e³.
    assert float(final_value(schema_of("log1p"), powers, served)[0, 0]) == pytest.approx(0.25 * np.exp(1.5) * 0.01)
    assert float(final_value(schema_of("log1p"), {"click": -1.0}, served)[0, 0]) == pytest.approx(4.0)


def test_any_model_answers_the_value_of_what_it_serves():
    """Trees and a network; a stay that was predicted below 0 is served as 0."""
    schema = schema_of("log1p").bind({"item": ITEMS, "category": CATEGORIES})
    inputs = toy_batch(schema, toy_requests(3, schema=schema)).inputs
    for name in ("lr", "gbdt", "embedding_mlp"):
        model = toy_model(name, schema, {"value": {"click": 1.0, "stay": 0.5, "order": 1.0}})
        served = model.predictions(model(inputs) | {"stay": tf.fill(tf.shape(model(inputs)["click"]), -2.0)})
        assert (served["stay"].numpy() == 0).all()
        np.testing.assert_allclose(served["value"], served["click"] * served["order"], rtol=1e-5)


def test_rows_of_the_first_label_weigh_by_the_others_in_a_models_loss():
    schema = schema_of("log1p").bind({"item": ITEMS, "category": CATEGORIES})
    batch = toy_batch(schema, toy_requests(6, schema=schema))
    model = toy_model("lr", schema, {"row_weights": {"order": 3.0}})
    weights = model.weights_of(batch)
    np.testing.assert_allclose(weights["click"], batch.weights["click"] * (1 + 3 * batch.labels["order"]))
    assert weights["order"] is batch.weights["order"]
    outputs = model(batch.inputs)
    assert float(model.loss(outputs, batch)) != pytest.approx(float(toy_model("lr", schema).loss(outputs, batch)), rel=1e-3)


@pytest.mark.parametrize(("settings", "scale", "message"), [
    ({"value": {"clik": 1.0}}, "log1p", r"model\.config\.value: 'clik' is no task of the schema 'toy'.*'click'"),
    ({"value": {"stay": 1.0}}, "linear", "'stay' may be below 0"),
    ({"row_weights": {"click": 1.0}}, "log1p", "'click' can't weigh the rows of 'click'"),
    ({"row_weights": {"stay": 1.0}}, "linear", "none of which may be below 0"),
])
def test_settings_that_the_log_does_not_allow(settings, scale, message):
    with pytest.raises(ConfigError, match=message):
        check_outcomes(schema_of(scale), parse(OutcomesConfig, settings))


def test_a_label_with_the_name_of_the_value():
    with pytest.raises(ConfigError, match="a label is named 'value'"):
        check_outcomes(toy_schema((CLICK, Label(name="value"))), OutcomesConfig(value={"click": 1.0}))
    with pytest.raises(ConfigError, match="row_weights.order"):
        parse(OutcomesConfig, {"row_weights": {"order": -1.0}}, where="model.config")
