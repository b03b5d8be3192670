"""Small real SavedModels: one of the zoo, and one that loads in a moment and shows its version in every score."""

from __future__ import annotations

from pathlib import Path

from tests.toy import ToyTransform, toy_bound, toy_schema
from zoo.export import candidate_specs, export_model, request_specs
from zoo.keras import keras, tf
from zoo.models import registry

EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")


class VersionScorer(tf.Module):
    """Scores a candidate `version + price / 1000`; fails in the graph where a price is negative."""

    def __init__(self, version: int):
        super().__init__()
        self.version = tf.Variable(float(version))

    @tf.function
    def rank(self, **raw):
        price = raw["candidate_price"]
        with tf.control_dependencies([tf.debugging.assert_non_negative(price, message="a price is negative")]):
            return {"click": self.version + price / 1000.0}

    @tf.function
    def serve_examples(self, examples):
        parsed = tf.io.parse_example(examples, {"candidate_price": tf.io.RaggedFeature(tf.float32)})
        return {"click": self.version + parsed["candidate_price"].to_tensor() / 1000.0}

    @tf.function
    def two_outputs(self, name, value):
        return {"double": 2 * value, "name_bytes": name, "greeting": tf.strings.join(["hello ", name])}


def write_version(base: Path, version: int) -> Path:
    """Makes `base/version`, renamed into place as a pusher should."""
    module, path = VersionScorer(version), base / str(version)
    partial = base.parent / f".{base.name}-{version}.partial"
    signatures = {
        "rank": module.rank.get_concrete_function(**request_specs(toy_schema()), **candidate_specs(toy_schema())),
        "serving_default": module.serve_examples.get_concrete_function(EXAMPLES),
        "two_outputs": module.two_outputs.get_concrete_function(
            tf.TensorSpec([None], tf.string, "name"), tf.TensorSpec([None], tf.float32, "value")),
    }
    tf.saved_model.save(module, str(partial), signatures=signatures)
    (partial / "assets.extra").mkdir()
    toy_schema().save(partial / "assets.extra" / "schema.yaml")
    base.mkdir(exist_ok=True)
    partial.rename(path)
    return path


def write_din(base: Path) -> Path:
    """Exports an untrained DIN of the zoo as `base/1`."""
    keras.utils.set_random_seed(3)
    schema = toy_bound()
    model = registry.build("din", schema)
    from tests.toy import toy_batch, toy_requests
    model(toy_batch(schema, toy_requests(4, schema=schema))[0])
    export_model(model, ToyTransform(schema), base / "1")
    return base
