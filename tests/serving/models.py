"""Small real SavedModels: one of the zoo, and one that loads in a moment and shows its version in every score."""

from __future__ import annotations

from pathlib import Path

from serving.server.protocol import saved_model_pb2
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


class Corners(tf.Module):
    """Signatures in which servers may differ: types, declared shapes, codes of the graph's own errors."""

    @tf.function
    def half_plus_two(self, x):
        return {"y": x / 2.0 + 2.0}

    @tf.function
    def same(self, x):
        return {"y": tf.identity(x)}

    @tf.function
    def end(self, x):
        return {"y": next(iter(tf.data.Dataset.from_tensors(x).take(0)))}

    @tf.function
    def unset(self, x):
        variable = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="never_set")
        return {"y": x + tf.raw_ops.ReadVariableOp(resource=variable, dtype=tf.float32)}

    @tf.function
    def nothing(self):
        return {"y": tf.constant([1.0])}


def write_corners(path: Path) -> Path:
    """Saves `Corners` as one version; `echo` gives its input back as it is, which no signature of TensorFlow 2 would."""
    module = Corners()

    def of(function, dtype=tf.float32, shape=(None,)):
        return function.get_concrete_function(tf.TensorSpec(shape, dtype, "x"))

    kinds = {"floats": tf.float32, "whole": tf.int32, "text": tf.string, "half": tf.float16, "brain": tf.bfloat16,
             "short": tf.uint16, "complex": tf.complex64, "double": tf.float64, "long": tf.int64, "bool": tf.bool}
    signatures = {name: of(module.same, dtype) for name, dtype in kinds.items()}
    signatures |= {"half_plus_two": of(module.half_plus_two, shape=(None, 1)), "end": of(module.end), "unset": of(module.unset),
                   "nothing": module.nothing.get_concrete_function()}
    tf.saved_model.save(module, str(path), signatures=signatures)
    file = path / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    known = saved.meta_graphs[0].signature_def
    known["echo"].CopyFrom(known["floats"])
    known["echo"].outputs["y"].CopyFrom(known["echo"].inputs["x"])
    file.write_bytes(saved.SerializeToString())
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
