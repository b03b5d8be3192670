"""An optimizer as settings name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pydantic

from zoo.config import Config

if TYPE_CHECKING:
    from zoo.keras import keras


class OptimizerConfig(Config):
    """One optimizer.

    Args:
        name: `adam` and `sgd` for dense variables; `lazy_adam`, `adagrad`, `rowwise_adagrad`, `ftrl` and `proximal`
            touch only the rows of a table that stood in the batch.
        learning_rate: step size.
        l1: `ftrl` and `proximal`: strength of L1.
        l2: `ftrl`: strength of L2.
        l21: `proximal`: strength of L2,1, which drops whole rows.

    Example:
        >>> OptimizerConfig(name="lazy_adam", learning_rate=0.002).build()
    """

    name: Literal["adam", "sgd", "lazy_adam", "adagrad", "rowwise_adagrad", "ftrl", "proximal"]
    learning_rate: float = pydantic.Field(gt=0)
    l1: float = pydantic.Field(default=0.0, ge=0)
    l2: float = pydantic.Field(default=0.0, ge=0)
    l21: float = pydantic.Field(default=0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> OptimizerConfig:
        takes = {"ftrl": {"l1", "l2"}, "proximal": {"l1", "l21"}}.get(self.name, set())
        for name in ("l1", "l2", "l21"):
            if getattr(self, name) and name not in takes:
                raise ValueError(f"the optimizer {self.name} has no {name}")
        return self

    def build(self) -> keras.optimizers.Optimizer:
        """The optimizer that these settings name."""
        from zoo.keras import keras
        from zoo.optimizers.rules import Ftrl, LazyAdam, ProximalAdagrad, RowWiseAdagrad, SparseAdagrad

        rate = self.learning_rate
        if self.name == "ftrl":
            return Ftrl(rate, l1=self.l1, l2=self.l2)
        if self.name == "proximal":
            return ProximalAdagrad(rate, l1=self.l1, l21=self.l21)
        return {
            "adam": lambda: keras.optimizers.Adam(rate, jit_compile=False),
            "sgd": lambda: keras.optimizers.SGD(rate, jit_compile=False),
            "lazy_adam": lambda: LazyAdam(rate),
            "adagrad": lambda: SparseAdagrad(rate),
            "rowwise_adagrad": lambda: RowWiseAdagrad(rate),
        }[self.name]()
