"""What a model serves: probabilities that are never certain, and regressions as they are."""

from __future__ import annotations

from tests.toy import CATEGORIES, ITEMS, toy_model, toy_schema
from zoo.keras import tf
from zoo.schema import Label


def test_probabilities_are_never_certain_and_regressions_are_themselves():
    schema = toy_schema((Label(name="click"), Label(name="stay", kind="regression")))
    model = toy_model("embedding_mlp", schema.bind({"item": ITEMS, "category": CATEGORIES}))
    logits = tf.constant([[-100.0, 0.0, 100.0]])
    served = model.predictions({"click": logits, "stay": logits, "click/search": logits})
    assert set(served) == {"click", "stay"}, "what is for the loss alone is not served"
    low, half, high = served["click"].numpy()[0]
    assert 0 < low < 1e-5 and half == 0.5 and 1 - 1e-5 < high < 1
    assert served["stay"].numpy().tolist() == [[-100, 0, 100]]


def test_layers_are_named_alike_whatever_was_made_before():
    """The graph's optimizer puts operations in order by name, and another order gives another last bit."""
    names = [[variable.name for variable in toy_model("deepfm").variables] for _ in range(2)]
    assert names[0] == names[1]
