"""Words of a text, and the mean of their vectors."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from zoo.assets import Assets
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.text import TextEmbedding, words


@pytest.fixture
def assets(tmp_path):
    (tmp_path / "vocabulary_title").write_text("red\nschuh\ngröße\n")
    return Assets.from_folder(tmp_path)


@pytest.mark.parametrize(("text", "expected"), [
    ("Red SHOES, size-42!", ["red", "shoes", "size", "42"]),
    ("GRÖẞE  größe", ["größe", "größe"]),
    ("चाय\u3000お茶", ["चाय", "お茶"]),
    (" ... ", []),
    ("", []),
])
def test_words_are_runs_of_letters_and_digits(text, expected):
    assert [word.decode() for word in words(tf.constant([text]))[0].numpy()] == expected


def test_a_text_is_the_mean_of_its_words(assets):
    layer = TextEmbedding(assets, "title", 2)
    assert layer.table.rows == 5
    layer.table.table.assign([[99, 99], [0, 8], [1, 0], [2, 0], [3, 4]])
    found = layer(tf.constant([["Red Schuh", "red red GRÖßE"], ["unknown schuh", ""]]))
    np.testing.assert_allclose(found, [[[1.5, 0], [5 / 3, 4 / 3]], [[1, 4], [0, 0]]], rtol=1e-6)
    np.testing.assert_allclose(layer(tf.constant(["größe"])), [[3, 4]])
    assert layer(tf.constant([["a"]])).shape == (1, 1, 2)


def test_only_the_words_of_the_batch_are_moved(assets):
    layer = TextEmbedding(assets, "title", 2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant(["schuh schuh", "red"])))
    gradient = tape.gradient(total, layer.table.table)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_allclose(tf.convert_to_tensor(gradient), [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0]])


def test_the_vocabulary_travels_in_the_saved_model(assets, tmp_path):
    class Servable(tf.Module):
        def __init__(self):
            super().__init__()
            self.layer = TextEmbedding(assets, "title", 2)

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string)])
        def serve(self, text):
            return self.layer(text)

    servable, text = Servable(), tf.constant([["red größe"]])
    expected = servable.serve(text)
    tf.saved_model.save(servable, str(tmp_path / "model"))
    (tmp_path / "vocabulary_title").unlink()
    shutil.move(tmp_path / "model", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "assets" / "vocabulary_title").exists()
    loaded = tf.saved_model.load(str(tmp_path / "elsewhere"))
    np.testing.assert_allclose(loaded.serve(text), expected)
    assert np.abs(expected).sum() > 0


def test_a_vocabulary_that_is_not_there(assets):
    with pytest.raises(ConfigError, match="no asset 'vocabulary_titel'; did you mean 'vocabulary_title'"):
        TextEmbedding(assets, "titel", 2)
