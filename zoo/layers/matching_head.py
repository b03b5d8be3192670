"""How a request's vector and an item's become a logit: by their product, or by a small network that is split between them."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.keras import keras, tf


class DotHead(keras.layers.Layer):
    """`z_n = s·⟨u, v_n⟩ + wᵀc_n + b`; s and b are learned from 1 and 0, and w from 0.

    Args:
        cosine: of u and v of length 1, with s from 5: cosines alone reach no further than 1 and −1.

    Example:
        >>> head = DotHead()
        >>> head(head.of_request(user), head.of_items(items), crosses)      # [R, D], [R, N, D], [R, N, C] -> [R, N]
    """

    def __init__(self, cosine: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.cosine = cosine
        self.scale = self.add_weight("scale", (), initializer=keras.initializers.Constant(5.0 if cosine else 1.0))
        self.bias = self.add_weight("bias", (), initializer="zeros")
        self.crosses = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")

    def of_request(self, user: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the head needs of the request."""
        return {"vector": self._vector(user)}

    def of_items(self, items: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the head needs of the items, ahead of time."""
        return {"vector": self._vector(items)}

    def call(self, request: dict[str, tf.Tensor], items: dict[str, tf.Tensor], crosses: tf.Tensor | None) -> tf.Tensor:
        logits = self.scale * tf.einsum("rd,rnd->rn", request["vector"], items["vector"]) + self.bias
        return logits if crosses is None else logits + tf.squeeze(self.crosses(crosses), -1)

    def _vector(self, values: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(values, -1) if self.cosine else values


class MLPHead(keras.layers.Layer):
    """`z_n = ⟨u, v_n⟩ + MLP([u; v_n; u ⊙ v_n; |u − v_n|; c_n])`, the network beginning at 0.

    A network needs much data to imitate a product, so it starts as one. Its first layer is split: `W_u·u + b` is computed for
    a request, and `W_v·v + W_p·(u ⊙ v) = (W_v + W_p·diag(u))·v` is one matrix product a request, so that `W_v·v` costs a
    candidate nothing, and is not stored either: to fetch H numbers takes as long as D·H products. What is left for a candidate
    is 2·D·H products and the narrow layers above.

    Args:
        units: widths of the hidden layers.

    Example:
        >>> head = MLPHead((64, 32))
        >>> head(head.of_request(user), head.of_items(items), crosses)      # [R, D], [R, N, D], [R, N, C] -> [R, N]
    """

    def __init__(self, units: Sequence[int] = (64, 32), **kwargs):
        super().__init__(**kwargs)
        self.of_user = keras.layers.Dense(units[0])
        self.of_item, self.of_product, self.of_distance, self.of_crosses = (
            keras.layers.Dense(units[0], use_bias=False) for _ in range(4))
        self.above = [keras.layers.Dense(width, activation="relu") for width in units[1:]]
        self.logit = keras.layers.Dense(1, kernel_initializer="zeros")

    def of_request(self, user: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the head needs of the request."""
        return {"vector": user, "hidden": self.of_user(user)}

    def of_items(self, items: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the head needs of the items, ahead of time."""
        return {"vector": items}

    def call(self, request: dict[str, tf.Tensor], items: dict[str, tf.Tensor], crosses: tf.Tensor | None) -> tf.Tensor:
        user, item = request["vector"], items["vector"]
        self._make(item.shape[-1])
        hidden = tf.matmul(item, self.of_item.kernel + tf.expand_dims(user, 2) * self.of_product.kernel)
        hidden += tf.expand_dims(request["hidden"], 1)
        hidden += self.of_distance(tf.abs(tf.expand_dims(user, 1) - item))
        if crosses is not None:
            hidden += self.of_crosses(crosses)
        # All candidates in the rows of one matrix: product, bias and ReLU are then one operation.
        rows = tf.reshape(tf.nn.relu(hidden), [-1, hidden.shape[-1]])
        for layer in [*self.above, self.logit]:
            rows = layer(rows)
        return tf.einsum("rd,rnd->rn", user, item) + tf.reshape(rows, tf.shape(item)[:2])

    def _make(self, width: int) -> None:
        """Makes the kernels that are used without their layers' calls."""
        for layer in (self.of_item, self.of_product):
            if not layer.built:
                with tf.init_scope():
                    layer.build((None, width))
                layer.built = True
