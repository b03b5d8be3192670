"""How boosted trees learn outcomes that come late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Gradients and second derivatives of rows `[n]` at their logits `[n]`, as LightGBM asks for them.
Objective = Callable[[np.ndarray, Any], tuple[np.ndarray, np.ndarray]]


def late_objective(seen: np.ndarray, weight: np.ndarray, outstanding: np.ndarray) -> tuple[float, Objective]:
    """`zoo.losses.late_cross_entropy` for LightGBM, and the logit that trees begin with.

    With `p = σ(z)` the gradient by z is `p - 1` where the outcome was seen, and `F·p·(1-p) / (1 - p·F)` where it was not. The
    second derivative may be negative; its place takes its expectation, Fisher's information `F·p·(1-p)² / (1 - p·F)`. Where F
    is 1, both are those of the cross entropy.

    Args:
        seen: `[n]` 1 where the outcome was seen.
        weight: `[n]`.
        outstanding: `[n]` `log(1-F)`.
    """
    come = -np.expm1(outstanding)
    # Were p the same everywhere, and small, so many of those that had time to come would be there.
    share = np.clip((weight * seen).sum() / max((weight * come).sum(), 1e-9), 1e-4, 0.9)

    def derivatives(logits: np.ndarray, _: Any) -> tuple[np.ndarray, np.ndarray]:
        p = 1 / (1 + np.exp(-logits))
        unseen = come * p * (1 - p) / np.maximum(1 - p * come, 1e-9)
        return weight * np.where(seen > 0, p - 1, unseen), weight * np.maximum(unseen * (1 - p), 1e-9)

    return float(np.log(share) - np.log1p(-share)), derivatives
