"""DMR's two relevance networks and the auxiliary loss of its matching part."""

from __future__ import annotations

from typing import Literal, NamedTuple

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, MatchLogits
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.masking import masked_softmax, masked_sum
from zoo.layers.randomness import Randomness
from zoo.losses import weighted_mean
from zoo.schema import FIRST_ID


class PositionalQuery(keras.layers.Layer):
    """What attention knows of an event beside its ids: how many events ago it was, and its context.

    `p_t = [position(length − 1 − t); context_t]`: counted from the most recent event, so that "the last one" is the same
    place in every history.

    Args:
        places: positions that have a row of their own; older events share the last one.
        dim: width of the table.
        position: False leaves the position away (an ablation of the paper).
    """

    def __init__(self, places: int, dim: int, position: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.places = places
        self.table = EmbeddingTable(places, dim) if position else None

    def call(self, context: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Context `[R, T, C]` and mask `[R, T]` to `[R, T, P + C]`."""
        if self.table is None:
            return context
        return tf.concat([self.table(self.ages(mask)), context], -1)

    def ages(self, mask: tf.Tensor) -> tf.Tensor:
        """`[R, T]` events since, 0 for the most recent one; padding gets some valid row."""
        lengths = tf.cast(tf.reduce_sum(mask, 1, keepdims=True), tf.int64)
        return tf.clip_by_value(lengths - 1 - tf.range(tf.shape(mask, out_type=tf.int64)[1]), 0, self.places - 1)


class UserToItem(keras.layers.Layer):
    """The user as one vector that meets the candidates in a table of their own: `r = uᵀ v'`.

    `a_t = zᵀ tanh(W_p p_t + W_e e_t + b)`, `u = PReLU(W_u Σ_t softmax(a)_t e_t)`. The candidate is not looked at, so u is
    computed once a request.

    Args:
        query: positions and context.
        hidden: width of the attention.
        dim: width of u and v'.

    Source: Lyu et al., Deep Match to Rank, AAAI 2020, section 3.2.
    """

    def __init__(self, query: PositionalQuery, hidden: int, dim: int, **kwargs):
        super().__init__(**kwargs)
        self.query = query
        self.project = keras.layers.Dense(hidden, activation="tanh")
        self.logit = keras.layers.Dense(1, use_bias=False)
        self.output_layer = keras.layers.Dense(dim)
        self.output_activation = keras.layers.PReLU()

    def call(self, events: tf.Tensor, context: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Events `[R, T, D]` with context `[R, T, C]` to `[R, dim]`; zero for an empty history."""
        projected = self.project(tf.concat([self.query(context, mask), events], -1))
        weights = masked_softmax(tf.squeeze(self.logit(projected), -1), mask)
        user = self.output_activation(self.output_layer(masked_sum(events, weights)))
        return user * tf.cast(tf.reduce_any(mask > 0, 1, keepdims=True), tf.float32)


class ItemToItem(keras.layers.Layer):
    """Attention of a candidate over the events; the sum of its raw logits is a relevance of its own.

    `â_nt = ẑᵀ tanh(Ŵ_c q_n + Ŵ_p p_t + Ŵ_e e_t + b̂)`, `r̂_n = Σ_t â_nt`, `û_n = Σ_t softmax(â_n)_t e_t`.

    Args:
        query: positions and context.
        hidden: width of the attention.
        match: also add a learned weight for every id of the event that equals the candidate's. Ours.

    Source: Lyu et al., Deep Match to Rank, AAAI 2020, section 3.3.
    """

    def __init__(self, query: PositionalQuery, hidden: int, match: bool, **kwargs):
        super().__init__(**kwargs)
        self.query = query
        self.of_event = keras.layers.Dense(hidden)
        self.of_candidate = keras.layers.Dense(hidden, use_bias=False)
        self.logit = keras.layers.Dense(1, use_bias=False)
        self.matches = MatchLogits() if match else None

    def call(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> tuple[tf.Tensor, tf.Tensor]:
        """`û [R, N, D]` and `r̂ [R, N]`; both zero for an empty history."""
        mask = tf.expand_dims(behaviours.mask, 1)
        logits = self._logits(candidates, behaviours)
        return tf.matmul(masked_softmax(logits, mask), behaviours.keys), tf.reduce_sum(logits * mask, -1)

    def weights_of(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, T]` the share of each event in û; zero on padding."""
        return masked_softmax(self._logits(candidates, behaviours), tf.expand_dims(behaviours.mask, 1))

    def _logits(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> tf.Tensor:
        event = self.of_event(tf.concat([self.query(behaviours.context, behaviours.mask), behaviours.keys], -1))
        hidden = tf.expand_dims(self.of_candidate(candidates.query), 2) + tf.expand_dims(event, 1)
        logits = tf.squeeze(self.logit(tf.tanh(hidden)), -1)
        return logits if self.matches is None else logits + self.matches(candidates, behaviours)


class Prefix(NamedTuple):
    """The history without its last event, and that event's id; `weight [R]` is 1 where there are two events or more."""

    mask: tf.Tensor
    following: tf.Tensor
    weight: tf.Tensor


def prefix(mask: tf.Tensor, ids: tf.Tensor) -> Prefix:
    """Divides histories `[R, T]` into all but the last event and the id of the last.

    The last event is found from the length, wherever the padding stands.
    """
    lengths = tf.cast(tf.reduce_sum(mask, 1), tf.int32)
    steps = tf.shape(mask)[1]
    last = tf.one_hot(lengths - 1, steps, dtype=ids.dtype)
    following = tf.reduce_sum(ids * last, 1)
    enough = tf.cast((lengths >= 2) & (following > 1), tf.float32)
    return Prefix(tf.sequence_mask(lengths - 1, steps, dtype=tf.float32), following, enough)


class NextItemLoss(keras.layers.Layer):
    """The auxiliary match: the user before the last event must find its item in the output table.

    `logistic`: `−mean[ log σ(uᵀv'_o) + Σ_{j=1..k} log σ(−uᵀv'_j) ]`; `softmax`: `−mean log softmax(uᵀv' − log kQ)_o` over
    the item and k samples. Samples are shared by the batch and drawn from Q(rank) ∝ log((rank + 2)/(rank + 1)), which is
    popularity where, as here, vocabularies are in the order of frequency. A sample that is the item itself is left out.

    Args:
        kind: `logistic` (paper) or `softmax` (published code).
        negatives: k.

    Source: Lyu et al., Deep Match to Rank, AAAI 2020, section 3.2; sampled softmax: Jean et al., 2015.
    """

    def __init__(self, kind: Literal["logistic", "softmax"], negatives: int, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.negatives, self.randomness = kind, negatives, Randomness()

    def sample(self, rows: int) -> tf.Tensor:
        """`[k]` ids of the table's real rows."""
        # The inverse of the distribution function log(rank + 2) / log(n + 1) − log(rank + 1) / log(n + 1), n real rows.
        drawn = tf.exp(self.randomness.uniform((self.negatives,)) * tf.math.log(float(rows - 1))) - 1
        return tf.minimum(tf.cast(drawn, tf.int64), rows - 3) + FIRST_ID

    def call(self, user: tf.Tensor, following: tf.Tensor, weight: tf.Tensor, table: EmbeddingTable,
             sampled: tf.Tensor) -> tf.Tensor:
        """The loss, a scalar.

        Args:
            user: `[R, D]` from the history before its last event.
            following: `[R]` id of the last event.
            weight: `[R]` 0 where there is none.
            table: the output table.
            sampled: `[k]` ids of the negatives.
        """
        positive = tf.reduce_sum(user * table(following), -1)
        negative = tf.matmul(user, table(sampled), transpose_b=True)
        hit = tf.expand_dims(following, 1) == tf.expand_dims(sampled, 0)
        if self.kind == "logistic":
            away = tf.where(hit, tf.zeros_like(negative), tf.nn.softplus(negative))
            return weighted_mean(tf.nn.softplus(-positive) + tf.reduce_sum(away, 1), weight)
        positive -= self._log_expected(following, table.rows)
        negative -= tf.expand_dims(self._log_expected(sampled, table.rows), 0)
        logits = tf.concat([tf.expand_dims(positive, 1), tf.where(hit, -1e9, negative)], 1)
        return weighted_mean(tf.reduce_logsumexp(logits, 1) - positive, weight)

    def _log_expected(self, ids: tf.Tensor, rows: int) -> tf.Tensor:
        """`log(k·Q)` of ids."""
        rank = tf.cast(tf.maximum(ids - 2, 0), tf.float32)
        return tf.math.log(self.negatives * tf.math.log1p(1 / (rank + 1)) / tf.math.log(float(rows - 1)))
