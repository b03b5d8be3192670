"""Target attention: what a candidate means to this user depends on which past behaviours it resembles."""

from __future__ import annotations

import functools

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.activations import Dice, activate, activation
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, same_ids
from zoo.layers.masking import masked_softmax
from zoo.layers.pair_dense import EveryPair, PairDense, RealPairs, SomePairs
from zoo.layers.parts import InParts


class TargetAttentionConfig(Config):
    """Args:
        units: widths of the activation unit's hidden layers.
        activation: after each of them.
        softmax: False keeps the weights unnormalised, as in the paper, so that their sum carries intensity; True is the
            published code: softmax of logits scaled by 1/√D.
        match: also tell the unit which ids (item, category, …) of the event equal the candidate's. Ours.
    """

    units: tuple[int, ...] = pydantic.Field(default=(80, 40), min_length=1)
    activation: str = "sigmoid"
    softmax: bool = False
    match: bool = True


class TargetAttention(keras.layers.Layer):
    """DIN's local activation unit: one weight for each pair of candidate and event, and the weighted sum of events.

    `a_nt = MLP([q_n; k_t; q_n ⊙ k_t])`, `interest_n = Σ_t a_nt · v_t`.

    The paper's fourth input, `q − k`, adds nothing to what a linear layer can say of q and k, so it is left away. How the
    first layer avoids the concatenation: `PairDense`.

    Where the activation is the sigmoid, it is taken as `σ(z) = ½ + ½·y` with `y = tanh(½·z)`, which takes half as long. No
    layer computes σ itself, since the halves go into the small kernels: for a layer `z = Wᵀx + b` over pairs,
    `y = tanh((½·W)ᵀx + ½·b)`; for one over the σ of the layer before, whose y is known, `Wᵀσ + b = (½·W)ᵀy + (b + ½·ΣW)`, ΣW
    the sum of the kernel over its inputs. So a hidden layer is `tanh((¼·W)ᵀy + ½·(b + ½·ΣW))`, and the logit
    `(½·w)ᵀy + b + ½·Σw`. `scale` and `shift` are these halves; for other activations they are 1 and 0.

    At inference, the many candidates of one request share its events, and the first layer is one product for all pairs, with
    its bias and activation (`PairDense.unlike`); pairs with an id in common, mostly few, are computed by themselves.

    Args:
        config: widths, normalisation.

    Example:
        >>> TargetAttention(TargetAttentionConfig())(candidates, behaviours)        # [R, N, D + C]

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 4.3.
    """

    # Measured; docs/results.md. Share of real places above which computing all of them is cheaper than gathering the real ones.
    DENSE_FROM = 0.75
    # Share of pairs with an id in common up to which those of one request are first taken as having none: these are made twice.
    ALIKE_UP_TO = 0.25
    # Of the events of one request, one after the other, so that a hidden layer of all pairs is more often found in the cache.
    PARTS = 4
    # Activations that TensorFlow takes in the operation of a product, where they follow it directly.
    WITH_PRODUCT = ("sigmoid", "tanh", "relu")

    def __init__(self, config: TargetAttentionConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.hidden = [PairDense(config.units[0])]
        self.hidden += [keras.layers.Dense(width) for width in config.units[1:]]
        self.by_tanh = config.activation == "sigmoid"
        self.activations = [activation("tanh" if self.by_tanh else config.activation) for _ in config.units]
        self.halves = (0.5, 0.5) if self.by_tanh else (1.0, 0.0)
        self.logit = keras.layers.Dense(1)
        self.weights_by = InParts(self._weights)

    def call(self, candidates: EmbeddedCandidates, behaviours: Behaviours, training: bool | None = None) -> tf.Tensor:
        """`[R, N, D + C]` the interest of each candidate; zero for an empty history."""
        return tf.matmul(self.weights_of(candidates, behaviours, training), behaviours.events)

    def weights_of(self, candidates: EmbeddedCandidates, behaviours: Behaviours, training: bool | None = None) -> tf.Tensor:
        """`[R, N, T]` the weight of each event for each candidate; zero on padding."""
        self._make(candidates, behaviours)
        # Dice needs the moments of the whole batch.
        in_parts = training and not any(isinstance(layer, Dice) for layer in self.activations)
        ways = [functools.partial(self.weights_by, candidates, behaviours, way=way, training=in_parts)
                for way in (RealPairs, EveryPair)]
        by_pairs = functools.partial(tf.cond, tf.reduce_mean(behaviours.mask) < self.DENSE_FROM, *ways)
        if training or candidates.mask.shape[0] not in (None, 1):
            return by_pairs()
        requests, count, length = tf.unstack(tf.concat([tf.shape(candidates.mask), tf.shape(behaviours.mask)[1:]], 0))
        # A kernel for each event is as large as the products of query and key of `units[0]` candidates; no part may be empty.
        one = (requests == 1) & (count >= self.config.units[0]) & (length >= self.PARTS)
        alike = tf.cond(one, lambda: self._alike(candidates, behaviours), lambda: tf.zeros([0, 2], tf.int64))
        few = tf.cast(tf.shape(alike)[0], tf.float32) <= self.ALIKE_UP_TO * tf.cast(count * length, tf.float32)
        return tf.cond(one & few, lambda: self._weights_of_one(candidates, behaviours, alike), by_pairs)

    def _make(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> None:
        """Makes all weights, which can't be made inside of a branch or a part."""
        self.hidden[0].make(EveryPair(candidates, behaviours, self.config.match).width())
        followers = zip(self.activations, [*self.hidden[1:], self.logit], self.config.units, strict=True)
        for layer, width in ((layer, width) for *layers, width in followers for layer in layers):
            if not layer.built:
                with tf.init_scope():
                    layer.build((None, width))
                layer.built = True

    def _alike(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> tf.Tensor:
        """`[P, 2]` places of candidate and event of the one request's pairs that have an id in common."""
        fields = zip(*(tf.unstack(both.ids[0], axis=-1) for both in (candidates, behaviours)), strict=True)
        same = [same_ids(tf.expand_dims(mine, 1), tf.expand_dims(past, 0)) for mine, past in fields]
        return tf.where(tf.add_n(same)) if same and self.config.match else tf.zeros([0, 2], tf.int64)

    def _weights(self, candidates: EmbeddedCandidates, behaviours: Behaviours, way: type[EveryPair]) -> tf.Tensor:
        pairs = way(candidates, behaviours, self.config.match)
        real = pairs.rows(pairs.mask)
        logits = self._logits(activate(self.activations[0], self.hidden[0](pairs, self.halves[0]), real), real)
        return self._normalised(pairs, pairs.laid_out(logits))

    def _weights_of_one(self, candidates: EmbeddedCandidates, behaviours: Behaviours, alike: tf.Tensor) -> tf.Tensor:
        """Of one request at inference: all pairs as if none had an id in common, then in their places those that do."""
        pairs = EveryPair(candidates, behaviours, self.config.match)
        sizes = [(tf.shape(pairs.events)[1] + part) // self.PARTS for part in range(self.PARTS)]
        logits = tf.concat([self._unlike(pairs, events) for events in tf.split(pairs.events[0], sizes, num=self.PARTS)], 1)
        among = self.hidden[0](SomePairs(candidates, behaviours, self.config.match, alike), self.halves[0])
        logits = tf.tensor_scatter_nd_update(logits, alike, self._logits(self.activations[0](among)))
        return self._normalised(pairs, tf.expand_dims(logits, 0))

    def _unlike(self, pairs: EveryPair, events: tf.Tensor) -> tf.Tensor:
        """`[N, T]` logits of one request's candidates and some events `[T, D + C]` as if none had an id in common."""
        layer = self.activations[0]
        if self.config.activation in self.WITH_PRODUCT:
            hidden = self.hidden[0].unlike(pairs, events, self.halves[0], layer)
        else:
            hidden = layer(self.hidden[0].unlike(pairs, events, self.halves[0], tf.identity))
        return tf.reshape(self._logits(hidden), [-1, tf.shape(events)[0]])

    def _logits(self, hidden: tf.Tensor, real: tf.Tensor | None = None) -> tf.Tensor:
        """`[P]` of the unit from its first hidden layer `[P, H]`."""
        scale, shift = self.halves
        for layer, activation_layer in zip(self.hidden[1:], self.activations[1:], strict=True):
            bias = scale * (layer.bias + shift * tf.reduce_sum(layer.kernel, 0))
            hidden = tf.nn.bias_add(tf.matmul(hidden, scale * scale * layer.kernel), bias)
            hidden = activate(activation_layer, hidden, real)
        rows = tf.squeeze(tf.matmul(hidden, scale * self.logit.kernel), 1)
        return rows + self.logit.bias + shift * tf.reduce_sum(self.logit.kernel)

    def _normalised(self, pairs: EveryPair, logits: tf.Tensor) -> tf.Tensor:
        if not self.config.softmax:
            return logits * pairs.mask
        return masked_softmax(logits / tf.sqrt(float(pairs.query.shape[-1])), pairs.mask)
