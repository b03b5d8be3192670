"""SIM's two units: a search that shortens a long history for each candidate, and attention over what it found."""

from __future__ import annotations

from typing import NamedTuple

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, MatchLogits, match_flags
from zoo.layers.dense import MLP
from zoo.layers.masking import masked_softmax


class Found(NamedTuple):
    """What a search says: `selected [R, N, T]`, 1 for the events found, and `relevance [R, N, T]`, 0 on padding."""

    selected: tf.Tensor
    relevance: tf.Tensor


class HardSearch(keras.layers.Layer):
    """The most recent k events of the candidate's category: `r_nt = 1[category_t = category_n]`.

    An event of another category is never found, an unknown category finds nothing.

    Args:
        count: k.
        field: place of the category among the matched fields.

    Source: Pi et al., Search-based User Interest Modeling, CIKM 2020, section 3.1.
    """

    def __init__(self, count: int, field: int, **kwargs):
        super().__init__(**kwargs)
        self.count, self.field = count, field

    def call(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> Found:
        field = slice(self.field, self.field + 1)
        same = match_flags(candidates.ids[..., field], behaviours.ids[..., field])[..., 0]
        relevance = same * tf.expand_dims(behaviours.mask, 1)
        return Found(top_events(relevance, relevance, self.count), relevance)


class SoftSearch(keras.layers.Layer):
    """The k events nearest to the candidate: `r_nt = (W_b e_t) · (W_a v_n)`.

    The choice of the k best can't be differentiated, so the search learns from a head of its own (`logits`). Exactly k are
    chosen, also among equal ones.

    Args:
        count: k.
        width: of the space in which events and candidates meet.
        units: widths of the head's MLP.
        tasks: logits of the head.

    Source: Pi et al., Search-based User Interest Modeling, CIKM 2020, section 3.1.
    """

    def __init__(self, count: int, width: int, units: tuple[int, ...], tasks: int, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.of_event, self.of_candidate = (keras.layers.Dense(width, use_bias=False) for _ in range(2))
        self.mlp, self.output_layer = MLP(units, "prelu"), keras.layers.Dense(tasks)

    def call(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> Found:
        mask = tf.expand_dims(behaviours.mask, 1)
        relevance = tf.matmul(self.of_candidate(candidates.query), self.of_event(behaviours.keys), transpose_b=True) * mask
        return Found(top_events(relevance, mask * tf.ones_like(relevance), self.count), relevance)

    def logits(self, found: Found, candidates: EmbeddedCandidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, tasks]` of the search's own head: an MLP over `U_n = Σ_t r_nt e_t` and the candidate."""
        interest = tf.matmul(found.relevance, behaviours.keys)
        return self.output_layer(self.mlp([interest, candidates.query]))


def top_events(relevance: tf.Tensor, allowed: tf.Tensor, count: int) -> tf.Tensor:
    """`[R, N, T]` 1 for the `count` most relevant allowed places of each row; of equal ones, the latest win."""
    length = tf.shape(relevance)[2]
    # top_k keeps the first of equal values, so the most recent events go first.
    scores = tf.reverse(tf.where(allowed > 0, relevance, relevance.dtype.min), [2])
    _, best = tf.math.top_k(tf.stop_gradient(scores), tf.minimum(count, length))
    rows = tf.range(tf.reduce_prod(tf.shape(relevance)[:2]))
    places = tf.reshape(tf.expand_dims(rows, 1) * length + tf.reshape(length - 1 - best, [-1, tf.shape(best)[2]]), [-1, 1])
    chosen = tf.scatter_nd(places, tf.ones(tf.shape(places)[0]), tf.expand_dims(tf.size(relevance), 0))
    return tf.reshape(chosen, tf.shape(relevance)) * allowed


class ExactSearch(keras.layers.Layer):
    """Multi-head target attention over the events found.

    `a^h_nt = softmax_t(W_b^h z_t · W_a^h v_n / √d + w·match_nt)`, `head^h_n = Σ_t a^h_nt z_t`, `z_t` an event with its time
    gap; the heads side by side, and how many events were found, `log(1 + n)`.

    Args:
        heads: H.
        width: d of each head.
        match: also tell attention which ids of the event equal the candidate's. Ours.

    Source: Pi et al., Search-based User Interest Modeling, CIKM 2020, section 3.2.
    """

    def __init__(self, heads: int, width: int, match: bool, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.width = heads, width
        self.of_event = keras.layers.Dense(heads * width, use_bias=False)
        self.of_candidate = keras.layers.Dense(heads * width, use_bias=False)
        self.matches = MatchLogits(heads) if match else None

    def call(self, candidates: EmbeddedCandidates, behaviours: Behaviours, selected: tf.Tensor) -> tf.Tensor:
        """`[R, N, H·(D + C) + 1]`; zero where nothing was found."""
        events = behaviours.events
        logits = tf.einsum("rnhd,rthd->rnht", self._split(self.of_candidate(candidates.query)),
                           self._split(self.of_event(events))) / self.width ** 0.5
        if self.matches is not None:
            logits += self.matches(candidates, behaviours)
        weights = masked_softmax(logits, tf.expand_dims(selected, 2))
        heads = tf.einsum("rnht,rtd->rnhd", weights, events)
        shape = tf.shape(heads)
        heads = tf.reshape(heads, [shape[0], shape[1], self.heads * events.shape[-1]])
        return tf.concat([heads, tf.math.log1p(tf.reduce_sum(selected, 2, keepdims=True))], -1)

    def _split(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(values, tf.concat([tf.shape(values)[:2], [self.heads, self.width]], 0))
