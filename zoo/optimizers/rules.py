"""The update rules: lazy Adam, Adagrad per value and per row, FTRL-Proximal, proximal sparse group lasso."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.keras import tf
from zoo.optimizers.row_sparse import RowSparseOptimizer


class LazyAdam(RowSparseOptimizer):
    """Adam whose moments decay only when a row is touched.

    `m ← β1·m + (1−β1)·g ; v ← β2·v + (1−β2)·g² ; w ← w − lr·√(1−β2ᵗ)/(1−β1ᵗ) · m/(√v + ε)`, t counts all steps.

    Args:
        learning_rate: step size.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: added to the root of the second moment.

    Source: Kingma and Ba, Adam, ICLR 2015; the lazy form is that of TensorFlow's contrib LazyAdamOptimizer.
    """

    slots = {"m": False, "v": False}

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 name: str | None = None, **kwargs: Any):
        super().__init__(learning_rate, name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def rule(self, gradient: tf.Tensor, value: tf.Tensor, state: Sequence[tf.Tensor],
             learning_rate: tf.Tensor) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        step = tf.cast(self.iterations + 1, value.dtype)
        rate = learning_rate * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        m = self.beta_1 * state[0] + (1 - self.beta_1) * gradient
        v = self.beta_2 * state[1] + (1 - self.beta_2) * tf.square(gradient)
        return value - rate * m / (tf.sqrt(v) + self.epsilon), (m, v)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class SparseAdagrad(RowSparseOptimizer):
    """Adagrad with one accumulator a value: `n ← n + g² ; w ← w − lr·g/(√n + ε)`.

    Args:
        learning_rate: step size; Adagrad wants a larger one than Adam.
        initial_accumulator_value: where n starts.
        epsilon: added to the root.

    Source: Duchi et al., Adaptive Subgradient Methods, JMLR 2011.
    """

    slots = {"accumulator": False}

    def __init__(self, learning_rate: Any = 0.05, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
                 name: str | None = None, **kwargs: Any):
        super().__init__(learning_rate, name, **kwargs)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def initial(self, slot: str) -> float:
        return self.initial_accumulator_value

    def rule(self, gradient: tf.Tensor, value: tf.Tensor, state: Sequence[tf.Tensor],
             learning_rate: tf.Tensor) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        accumulator = state[0] + self._square(gradient)
        return value - learning_rate * gradient / (tf.sqrt(accumulator) + self.epsilon), (accumulator,)

    def _square(self, gradient: tf.Tensor) -> tf.Tensor:
        return tf.square(gradient)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"initial_accumulator_value": self.initial_accumulator_value,
                                       "epsilon": self.epsilon}


class RowWiseAdagrad(SparseAdagrad):
    """Adagrad with one accumulator a row, fed by the mean of the row's squared gradient.

    The state of a table is 1/width of its size, so tables of hundreds of millions of rows stay affordable.

    Source: the row-wise Adagrad of large recommendation systems (DLRM, torchrec).
    """

    slots = {"accumulator": True}

    def _square(self, gradient: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.square(gradient), axis=list(range(1, len(gradient.shape))), keepdims=True)


class Ftrl(RowSparseOptimizer):
    """FTRL-Proximal per coordinate: weights of features without evidence are exactly 0.

    `σ = (√(n+g²) − √n)/α ; z ← z + g − σ·w ; n ← n + g²`, then
    `w = 0 if |z| ≤ λ1 else −(z − sign(z)·λ1) / ((β + √n)/α + λ2)`.

    Args:
        learning_rate: α.
        beta: β.
        l1: λ1; above 0 gives a sparse model.
        l2: λ2.

    Source: McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013, algorithm 1.
    """

    slots = {"z": False, "n": False}

    def __init__(self, learning_rate: Any = 0.05, beta: float = 1.0, l1: float = 0.0, l2: float = 0.0,
                 name: str | None = None, **kwargs: Any):
        super().__init__(learning_rate, name, **kwargs)
        self.beta, self.l1, self.l2 = beta, l1, l2

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Begins at the weights that are there: `z = −w·(β/α + λ2) − sign(w)·λ1`, of which the rule makes w again.

        With z = 0, the first step would forget the weights of a training that goes on from another one's.
        """
        built = getattr(self, "_built", False)
        super().build(var_list)
        if not built:
            for variable, z in zip(var_list, self._slots["z"], strict=True):
                z.assign(-variable * (self.beta / self.learning_rate + self.l2) - tf.sign(variable) * self.l1)

    def rule(self, gradient: tf.Tensor, value: tf.Tensor, state: Sequence[tf.Tensor],
             learning_rate: tf.Tensor) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        z, n = state
        grown = n + tf.square(gradient)
        z = z + gradient - (tf.sqrt(grown) - tf.sqrt(n)) / learning_rate * value
        shrunk = z - tf.clip_by_value(z, -self.l1, self.l1)
        return -shrunk / ((self.beta + tf.sqrt(grown)) / learning_rate + self.l2), (z, grown)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta": self.beta, "l1": self.l1, "l2": self.l2}


class ProximalAdagrad(SparseAdagrad):
    """Adagrad, then the exact proximal operator of the sparse group lasso `λ‖Θ‖_{2,1} + β‖Θ‖_1`, row by row.

    `a = soft(w − η·g, η·β)`, `w ← max(0, 1 − η·λ/‖a‖₂)·a`, η the row's own step: a row is a feature, and a feature
    without evidence becomes exactly 0 as a whole.

    Args:
        learning_rate: step size.
        l1: β, sparsity inside a row.
        l21: λ, sparsity of whole rows.

    Source: our reading of Gai et al. 2017 (LS-PLM) for mini-batches; the operator is Friedman et al., 2010.
    """

    slots = {"accumulator": True}

    def __init__(self, learning_rate: Any = 0.05, l1: float = 0.0, l21: float = 0.0, name: str | None = None,
                 **kwargs: Any):
        super().__init__(learning_rate, name=name, **kwargs)
        self.l1, self.l21 = l1, l21

    def rule(self, gradient: tf.Tensor, value: tf.Tensor, state: Sequence[tf.Tensor],
             learning_rate: tf.Tensor) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        inner = list(range(1, len(gradient.shape)))
        accumulator = state[0] + tf.reduce_mean(tf.square(gradient), inner, keepdims=True)
        rate = learning_rate / (tf.sqrt(accumulator) + self.epsilon)
        moved = value - rate * gradient
        soft = tf.sign(moved) * tf.maximum(tf.abs(moved) - rate * self.l1, 0.0)
        norm = tf.sqrt(tf.reduce_sum(tf.square(soft), inner, keepdims=True))
        return soft * tf.maximum(1.0 - tf.math.divide_no_nan(rate * self.l21, norm), 0.0), (accumulator,)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"l1": self.l1, "l21": self.l21}
