"""Text inside of a model: words, looked up in a vocabulary that is an asset, as the mean of their vectors."""

from __future__ import annotations

from zoo.assets import Assets
from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.schema import FIRST_ID, UNKNOWN_ID


def words(text: tf.Tensor) -> tf.RaggedTensor:
    """`[n, (W)]` the words of each text `[n]`: runs of letters and digits of any script, in lower case.

    Example:
        >>> words(tf.constant(["Crème brûlée, 2 pcs."]))
        <tf.RaggedTensor [[b'cr\\xc3\\xa8me', b'br\\xc3\\xbbl\\xc3\\xa9e', b'2', b'pcs']]>
    """
    lower = tf.strings.lower(text, encoding="utf-8")
    return tf.strings.split(tf.strings.regex_replace(lower, r"[^\pL\pM\pN]+", " "))


class TextEmbedding(keras.layers.Layer):
    """A text as the mean of its words' vectors; zero where there is no word.

    Words that the vocabulary lacks share one row. The vocabulary is a look-up table in the graph, whose file becomes an asset
    of the SavedModel.

    Args:
        assets: of the model.
        vocabulary: of the words: the asset `vocabulary_<vocabulary>`, one word a line, as `words` gives them.
        dim: width.
        scale: standard deviation of the initial values.

    Raises:
        ConfigError: there is no such asset.

    Example:
        >>> TextEmbedding(assets, "words", 16)(candidates["candidate_title"])      # [R, N] -> [R, N, 16]
    """

    def __init__(self, assets: Assets, vocabulary: str, dim: int, scale: float = 0.05, **kwargs):
        super().__init__(**kwargs)
        lines = tf.lookup.TextFileInitializer(assets.path(f"vocabulary_{vocabulary}"),
                                              tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                                              tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
        self.lines = tf.lookup.StaticHashTable(lines, UNKNOWN_ID - FIRST_ID)
        self.table = EmbeddingTable(FIRST_ID + len(assets.vocabulary(vocabulary)), dim, scale, name=f"words_{vocabulary}")

    def call(self, text: tf.Tensor) -> tf.Tensor:
        """Strings `[...]` to `[..., dim]`."""
        found = words(tf.reshape(text, [-1]))
        vectors = self.table(FIRST_ID + self.lines.lookup(found.values))
        means = tf.math.unsorted_segment_mean(vectors, found.value_rowids(), found.nrows())
        return tf.reshape(means, tf.concat([tf.shape(text), [self.table.dim]], 0))
